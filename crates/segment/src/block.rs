//! The rows of a block: what stands beside the columns, and putting rows together again.

use std::ops::Range;
use std::sync::Arc;

use indelible_event::EventId;

use crate::bytes::Take;
use crate::cells::Cells;
use crate::collect::{BODY_VERSION, NS_PER_MS};
use crate::contexts::Contexts;
use crate::id::IdCipher;
use crate::ints::unzigzag;
use crate::layout::{BlockEntry, MAX_RAW, MAX_ROWS, SaltMaker};
use crate::row::{Block, Meta};
use crate::schema::{CONTENT, CONTEXT_CHUNK, Kind, MADE_ID, SALTED, Schema, Table};
use crate::shape::build;

/// The streams of a block's rows, decoded; columns are decoded from `bytes` when asked for.
#[derive(Debug)]
pub(crate) struct RowData {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) contexts: Vec<u32>,
    pub(crate) received: Vec<u64>,
    ids: Vec<([u8; 16], Option<u32>)>,
    sequences: Vec<u64>,
    contents: Vec<Option<u64>>,
    /// Salts that are spelled out.
    salts: Vec<[u8; 16]>,
    lengths: Vec<u64>,
    literal: Vec<u8>,
    bytes: Vec<u8>,
    chunks: Vec<Range<usize>>,
}

/// Chunks of contexts by number.
type ContextChunks<'a> = &'a [(u32, Arc<Contexts>)];

impl RowData {
    pub(crate) fn decode(
        schema: &Schema,
        entry: &BlockEntry,
        bytes: Vec<u8>,
        chunks: Vec<Range<usize>>,
        ids: &IdCipher,
    ) -> Option<Self> {
        let rows = entry.rows as usize;
        if rows > MAX_ROWS {
            return None;
        }
        let chunk = |at: usize| bytes.get(chunks.get(at)?.clone());
        let ints = |at: usize, count: usize| schema.row_codings.get(at)?.ints(chunk(at)?, count);
        let octets = |at: usize| schema.row_codings.get(at)?.octets(chunk(at)?);
        let kind = |&number: &u64| schema.kinds.get(usize::try_from(number).ok()?).copied();
        let kinds = ints(0, rows)?.iter().map(kind).collect::<Option<Vec<_>>>()?;
        let contexts = number_contexts(&ints(1, rows)?, entry.first_context, schema.contexts)?;
        let mut last = 0u64;
        let mut add = |&step: &u64| {
            last = last.wrapping_add(step);
            last
        };
        let received: Vec<u64> = ints(2, rows)?.iter().map(&mut add).collect();
        let made = kinds.iter().filter(|kind| kind.bits & MADE_ID != 0).count();
        let numbers = (ints(3, made)?, ints(4, made)?, ints(5, made)?);
        let literal_bodies = kinds.iter().filter(|kind| kind.shape == 0).count();
        let mut data = Self {
            contexts,
            ids: Vec::with_capacity(rows),
            sequences: ints(6, rows)?,
            contents: Vec::with_capacity(rows),
            salts: Vec::new(),
            lengths: ints(7, literal_bodies)?,
            literal: octets(9)?,
            kinds,
            received,
            bytes: Vec::new(),
            chunks: Vec::new(),
        };
        data.read_fixed(&octets(8)?, numbers, ids)?;
        (data.bytes, data.chunks) = (bytes, chunks);
        Some(data)
    }

    fn read_fixed(
        &mut self,
        fixed: &[u8],
        (ms, runs, counters): (Vec<u64>, Vec<u64>, Vec<u64>),
        ids: &IdCipher,
    ) -> Option<()> {
        let mut take = Take(fixed);
        let mut numbers = ms.into_iter().zip(runs).zip(counters);
        let mut last = (0u32, 0u64);
        for (kind, received) in self.kinds.iter().zip(&self.received) {
            self.ids.push(if kind.bits & MADE_ID == 0 {
                (take.array()?, None)
            } else {
                let ((ms, run), counter) = numbers.next()?;
                let ms = (received / NS_PER_MS).cast_signed().checked_add(unzigzag(ms))?;
                let run = u32::try_from(i64::from(last.0).checked_add(unzigzag(run))?).ok()?;
                let counter = last.1.wrapping_add(1).wrapping_add(unzigzag(counter).cast_unsigned());
                last = (run, counter);
                (EventId::from_parts(ms.cast_unsigned(), ids.seal(run, counter)).0, Some(run))
            });
            self.contents.push(if kind.bits & CONTENT == 0 { None } else { Some(take.u64()?) });
            if kind.bits & SALTED == 0 && kind.shape > 0 {
                self.salts.push(take.array()?);
            }
        }
        take.is_empty().then_some(())
    }

    /// Decodes every column.
    pub(crate) fn all_cells(&self, schema: &Schema) -> Option<Vec<Cells>> {
        let mut owners = vec![Vec::new(); schema.row_columns.len()];
        for (kind, &context) in self.kinds.iter().zip(&self.contexts) {
            let Some(shape) = kind.shape.checked_sub(1) else { continue };
            for &(table, column) in &schema.shapes.get(shape as usize)?.slots {
                if table == Table::Rows {
                    owners.get_mut(column as usize)?.push((kind.event_type, context));
                }
            }
        }
        let chunk = |at: usize| self.bytes.get(self.chunks.get(at)?.clone());
        let cells = |(column, owners): (&crate::schema::ColumnDef, &Vec<(u32, u32)>)| {
            let streams = (column.first_stream..column.first_stream + column.codings.len()).map(chunk);
            let streams = streams.collect::<Option<Vec<_>>>()?;
            Cells::decode(column, column.loaded.get()?, &streams, owners, true)
        };
        schema.row_columns.iter().zip(&owners).map(cells).collect()
    }

    /// Puts all rows together.
    pub(crate) fn build<'s>(
        &self,
        schema: &Schema,
        cells: &[Cells],
        contexts: ContextChunks<'_>,
        entry: &BlockEntry,
        salts: impl Fn(u32) -> Option<&'s SaltMaker>,
    ) -> Option<Block> {
        let mut builder = Builder { data: self, schema, cells, contexts, next: vec![0; cells.len()] };
        let (mut bodies, mut rows) = (Vec::new(), Vec::with_capacity(self.kinds.len()));
        let (mut spelled, mut lengths, mut literal) = (self.salts.iter(), self.lengths.iter(), self.literal.as_slice());
        let mut expected: hashbrown::HashMap<u64, u64> = hashbrown::HashMap::new();
        for (at, kind) in self.kinds.iter().enumerate() {
            let start = bodies.len();
            let (id, run) = *self.ids.get(at)?;
            if kind.bits & SALTED != 0 {
                bodies.push(BODY_VERSION);
                bodies.extend_from_slice(&salts(run?)?.salt(&id));
            } else if kind.shape > 0 {
                bodies.push(BODY_VERSION);
                bodies.extend_from_slice(spelled.next()?);
            }
            if kind.shape == 0 {
                let (body, rest) = literal.split_at_checked(usize::try_from(*lengths.next()?).ok()?)?;
                bodies.extend_from_slice(body);
                literal = rest;
            } else {
                builder.body(at, *kind, &mut bodies)?;
            }
            if bodies.len() > 2 * MAX_RAW {
                return None;
            }
            let producer = builder.contexts_of(at)?.producer(*self.contexts.get(at)?)?;
            let expected = expected.entry(producer).or_insert(0);
            let sequence = expected.wrapping_add(unzigzag(*self.sequences.get(at)?).cast_unsigned());
            *expected = if sequence == 0 { 0 } else { sequence.wrapping_add(1) };
            rows.push(Meta {
                flags: kind.flags,
                type_tag: kind.type_tag,
                received_ns: *self.received.get(at)?,
                id,
                producer,
                sequence,
                content: *self.contents.get(at)?,
                body: start..bodies.len(),
            });
        }
        literal.is_empty().then_some(Block { first: entry.first, rows, bodies })
    }
}

/// Numbers of contexts from how far back they are; 0 is the next new one.
fn number_contexts(codes: &[u64], first: u32, all: u32) -> Option<Vec<u32>> {
    let mut next = first;
    let number = |&code: &u64| {
        let code = u32::try_from(code).ok()?;
        if code == 0 {
            next = next.checked_add(1).filter(|next| *next <= all)?;
            return Some(next - 1);
        }
        next.checked_sub(code)
    };
    codes.iter().map(number).collect()
}

struct Builder<'a> {
    data: &'a RowData,
    schema: &'a Schema,
    cells: &'a [Cells],
    contexts: ContextChunks<'a>,
    /// The next cell of each column.
    next: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn contexts_of(&self, row: usize) -> Option<&'a Contexts> {
        let chunk = self.data.contexts.get(row)? / CONTEXT_CHUNK as u32;
        let at = self.contexts.binary_search_by_key(&chunk, |(number, _)| *number).ok()?;
        self.contexts.get(at).map(|(_, contexts)| &**contexts)
    }

    fn body(&mut self, row: usize, kind: Kind, out: &mut Vec<u8>) -> Option<()> {
        let contexts = self.contexts_of(row)?;
        let context = *self.data.contexts.get(row)?;
        let shape = self.schema.shapes.get(kind.shape.checked_sub(1)? as usize)?;
        let event_type = self.schema.types.get(kind.event_type as usize)?;
        let (mut slots, mut typed, mut nth) = (shape.slots.iter(), event_type.iter(), 0usize);
        build(&shape.steps, out, &mut |_, out| {
            let &(table, column) = slots.next()?;
            match table {
                Table::Types => out.extend_from_slice(&typed.next()?.1),
                Table::Contexts => {
                    out.extend_from_slice(contexts.value(context, nth)?);
                    nth += 1;
                }
                Table::Rows => {
                    let next = self.next.get_mut(column as usize)?;
                    let references =
                        |which: usize| contexts.reference(context, which).map(<[u8]>::to_vec);
                    self.cells.get(column as usize)?.write(*next, &references, out)?;
                    *next += 1;
                }
            }
            Some(())
        })
    }
}
