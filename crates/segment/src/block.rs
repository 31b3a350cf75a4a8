//! The inside of a block, before compression: columns of small numbers, then the bodies.
//!
//! u32 rows ‖ flags ‖ type tags ‖ received times ‖ ids ‖ producers ‖ sequences ‖ content digests ‖ body forms ‖ body
//! lengths ‖ bodies. What the node made itself (ids, salts) is kept as the numbers it was made from.

use std::collections::HashMap;

use indelible_event::EventId;

use crate::bytes::{Take, put_signed, put_varint};
use crate::id::IdCipher;
use crate::layout::{MAX_ROWS, SaltMaker};
use crate::row::{Meta, Row};

/// An id kept as it is.
const ID_LITERAL: u8 = 0;
/// An id kept as time, run and counter.
const ID_MADE: u8 = 1;
/// A body kept as it is.
const BODY_LITERAL: u8 = 0;
/// A body without its version and salt, which follow from run and id.
const BODY_SALTED: u8 = 1;
/// Version byte of a stored body that may be kept without it.
const BODY_VERSION: u8 = 1;
/// Version and salt.
const BODY_HEAD: usize = 17;
const NS_PER_MS: u64 = 1_000_000;

/// Collects the columns of one block.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    rows: u32,
    flags: Vec<u8>,
    type_tags: Vec<u8>,
    received: Vec<u8>,
    ids: Vec<u8>,
    producers: Vec<u8>,
    sequences: Vec<u8>,
    contents: Vec<u8>,
    forms: Vec<u8>,
    lengths: Vec<u8>,
    bodies: Vec<u8>,
    last_received: u64,
    last_id: (u32, u64),
    dictionary: Vec<u64>,
    numbers: HashMap<u64, (u64, u64)>,
}

impl Columns {
    pub(crate) fn rows(&self) -> usize {
        self.rows as usize
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bodies.len()
    }

    /// Adds a row. `salts` gives the salts of a run, if its seed is known.
    pub(crate) fn push<'s>(
        &mut self,
        row: &Row<'_>,
        ids: &IdCipher,
        salts: impl FnOnce(u32) -> Option<&'s SaltMaker>,
    ) {
        self.rows += 1;
        self.flags.push(row.flags);
        self.type_tags.extend_from_slice(&row.type_tag.to_be_bytes());
        put_varint(&mut self.received, row.received_ns.wrapping_sub(self.last_received));
        self.last_received = row.received_ns;
        let made = made_id(row.id, ids);
        if let Some((run, counter)) = made {
            self.ids.push(ID_MADE);
            let ms = EventId(row.id).unix_ms().cast_signed();
            put_signed(&mut self.ids, ms - (row.received_ns / NS_PER_MS).cast_signed());
            put_signed(&mut self.ids, i64::from(run) - i64::from(self.last_id.0));
            put_signed(&mut self.ids, counter.wrapping_sub(self.last_id.1 + 1).cast_signed());
            self.last_id = (run, counter);
        } else {
            self.ids.push(ID_LITERAL);
            self.ids.extend_from_slice(&row.id);
        }
        let next = self.dictionary.len() as u64;
        let (number, expected) = self.numbers.entry(row.producer).or_insert_with(|| {
            self.dictionary.push(row.producer);
            (next, 0)
        });
        put_varint(&mut self.producers, *number);
        put_signed(&mut self.sequences, row.sequence.wrapping_sub(*expected).cast_signed());
        *expected = if row.sequence == 0 { 0 } else { row.sequence.wrapping_add(1) };
        match row.content {
            Some(content) => {
                self.contents.push(1);
                self.contents.extend_from_slice(&content.to_be_bytes());
            }
            None => self.contents.push(0),
        }
        let salt = made.and_then(|(run, _)| salts(run)).map(|maker| maker.salt(&row.id));
        self.push_body(row.stored, salt);
    }

    fn push_body(&mut self, stored: &[u8], salt: Option<[u8; 16]>) {
        let kept = match (stored.split_first_chunk::<BODY_HEAD>(), salt) {
            (Some(([BODY_VERSION, stored_salt @ ..], rest)), Some(salt)) if *stored_salt == salt => {
                self.forms.push(BODY_SALTED);
                rest
            }
            _ => {
                self.forms.push(BODY_LITERAL);
                stored
            }
        };
        put_varint(&mut self.lengths, kept.len() as u64);
        self.bodies.extend_from_slice(kept);
    }

    /// The block's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bodies.len() + 64 * self.rows());
        out.extend_from_slice(&self.rows.to_be_bytes());
        out.extend_from_slice(&self.flags);
        out.extend_from_slice(&self.type_tags);
        out.extend_from_slice(&self.received);
        out.extend_from_slice(&self.ids);
        put_varint(&mut out, self.dictionary.len() as u64);
        self.dictionary.iter().for_each(|producer| out.extend_from_slice(&producer.to_be_bytes()));
        for column in
            [&self.producers, &self.sequences, &self.contents, &self.forms, &self.lengths, &self.bodies]
        {
            out.extend_from_slice(column);
        }
        out
    }
}

/// Run and counter of an id in the shape of ours; a permutation gives every such id back exactly.
fn made_id(id: [u8; 16], ids: &IdCipher) -> Option<(u32, u64)> {
    let bits = u128::from_be_bytes(id);
    let shaped = (bits >> 76) & 0xf == 0x7 && (bits >> 62) & 0b11 == 0b10;
    let (run, counter) = ids.open_id(EventId(id));
    // Ids from elsewhere open to noise; the bound keeps their numbers from being stored as if they were small.
    (shaped && counter < 1 << 44).then_some((run, counter))
}

/// Rows and bodies behind a block's bytes; `None` when they are not what [`Columns::encode`] writes.
pub(crate) fn decode<'s>(
    raw: &[u8],
    ids: &IdCipher,
    salts: impl Fn(u32) -> Option<&'s SaltMaker>,
) -> Option<(Vec<Meta>, Vec<u8>)> {
    let mut take = Take(raw);
    let count = take.u32()? as usize;
    if count > MAX_ROWS {
        return None;
    }
    let flags = take.bytes(count)?;
    let (type_tags, _) = take.bytes(count * 4)?.as_chunks::<4>();
    let received = received_times(&mut take, count)?;
    let made = read_ids(&mut take, ids, &received)?;
    let (producers, sequences) = producers_and_sequences(&mut take, count)?;
    let contents = (0..count).map(|_| content(&mut take)).collect::<Option<Vec<_>>>()?;
    let forms = take.bytes(count)?;
    let lengths = (0..count).map(|_| take.varint()).collect::<Option<Vec<_>>>()?;
    let mut bodies = Vec::with_capacity(take.0.len() + BODY_HEAD * count);
    let mut rows = Vec::with_capacity(count);
    let columns =
        flags.iter().zip(type_tags).zip(received).zip(made).zip(producers).zip(sequences).zip(contents);
    for ((columns, form), length) in columns.zip(forms).zip(lengths) {
        let ((((((flags, type_tag), received_ns), (id, run)), producer), sequence), content) = columns;
        let start = bodies.len();
        if *form == BODY_SALTED {
            bodies.push(BODY_VERSION);
            bodies.extend_from_slice(&salts(run?)?.salt(&id));
        } else if *form != BODY_LITERAL {
            return None;
        }
        bodies.extend_from_slice(take.bytes(usize::try_from(length).ok()?)?);
        let type_tag = u32::from_be_bytes(*type_tag);
        let body = start..bodies.len();
        rows.push(Meta { flags: *flags, type_tag, received_ns, id, producer, sequence, content, body });
    }
    take.is_empty().then_some((rows, bodies))
}

fn received_times(take: &mut Take<'_>, count: usize) -> Option<Vec<u64>> {
    let mut last = 0u64;
    let mut next = || {
        last = last.wrapping_add(take.varint()?);
        Some(last)
    };
    (0..count).map(|_| next()).collect()
}

type MadeId = ([u8; 16], Option<u32>);

fn read_ids(take: &mut Take<'_>, ids: &IdCipher, received: &[u64]) -> Option<Vec<MadeId>> {
    let mut last = (0u32, 0u64);
    let next = |received_ns: &u64| match take.u8()? {
        ID_LITERAL => Some((take.array()?, None)),
        ID_MADE => {
            let ms = (received_ns / NS_PER_MS).cast_signed().checked_add(take.signed()?)?;
            let run = u32::try_from(i64::from(last.0).checked_add(take.signed()?)?).ok()?;
            let counter = last.1.wrapping_add(1).wrapping_add(take.signed()?.cast_unsigned());
            last = (run, counter);
            Some((EventId::from_parts(ms.cast_unsigned(), ids.seal(run, counter)).0, Some(run)))
        }
        _ => None,
    };
    received.iter().map(next).collect()
}

fn producers_and_sequences(take: &mut Take<'_>, count: usize) -> Option<(Vec<u64>, Vec<u64>)> {
    let size = usize::try_from(take.varint()?).ok().filter(|size| *size <= count)?;
    let dictionary = (0..size).map(|_| take.u64()).collect::<Option<Vec<_>>>()?;
    let numbers = (0..count).map(|_| take.varint()).collect::<Option<Vec<_>>>()?;
    let mut expected = vec![0u64; size];
    let mut producers = Vec::with_capacity(count);
    let mut sequences = Vec::with_capacity(count);
    for number in numbers {
        let number = usize::try_from(number).ok()?;
        let next = expected.get_mut(number)?;
        let sequence = next.wrapping_add(take.signed()?.cast_unsigned());
        *next = if sequence == 0 { 0 } else { sequence.wrapping_add(1) };
        producers.push(*dictionary.get(number)?);
        sequences.push(sequence);
    }
    Some((producers, sequences))
}

/// The outer `None` is an end too early, the inner one an absent digest.
#[expect(clippy::option_option, reason = "absent and cut off are different things here")]
fn content(take: &mut Take<'_>) -> Option<Option<u64>> {
    match take.u8()? {
        0 => Some(None),
        1 => Some(Some(take.u64()?)),
        _ => None,
    }
}
