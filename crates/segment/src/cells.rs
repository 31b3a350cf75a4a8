//! The cells of one column in one chunk, decoded; and the value of a cell.

use std::sync::Arc;

use crate::column::{Mode, RECENT, add_up, join_time};
use crate::dictionary::Dictionary;
use crate::ints::unzigzag;
use crate::layout::MAX_RAW;
use crate::schema::ColumnDef;
use crate::shape::{SlotKind, bool_tag};
use crate::tokens::kind;
use crate::words::UUID_TEXT;

/// To what the cells of a column belong: per cell the event type and the context.
pub(crate) type Owners<'a> = &'a [(u32, u32)];

/// Gives the texts of fields that a value may refer to.
pub(crate) type References<'r> = &'r dyn Fn(usize) -> Option<&'r [u8]>;

/// Decoded cells.
#[derive(Debug)]
pub(crate) struct Cells {
    kind: SlotKind,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Numbers(Vec<u64>),
    Times(Vec<u64>, Vec<u64>),
    Entries(Arc<Dictionary>, Vec<u32>),
    Texts(Arc<Dictionary>, Texts),
}

/// Pieces of texts, and where those of each cell begin.
#[derive(Debug, Default)]
struct Texts {
    places: Vec<Place>,
    pieces: Vec<u32>,
    numbers: Vec<u64>,
    fixed: Vec<u8>,
    literal: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    pieces: (u32, u32),
    number: u32,
    fixed: u32,
    literal: u32,
}

impl Cells {
    /// Decodes the chunks of a column's streams into as many cells as there are owners.
    pub(crate) fn decode(
        column: &ColumnDef,
        dictionary: &Arc<Dictionary>,
        chunks: &[&[u8]],
        owners: Owners<'_>,
        repeats: bool,
    ) -> Option<Self> {
        let ints = |at: usize, count: usize| column.codings.get(at)?.ints(chunks.get(at)?, count);
        let values = match column.mode {
            Mode::Ints => Values::Numbers(ints(0, owners.len())?),
            Mode::Times => {
                let (forms, mut ticks) = (ints(0, owners.len())?, ints(1, owners.len())?);
                add_up(&forms, &mut ticks);
                Values::Times(forms, ticks)
            }
            Mode::Dictionary => {
                let codes = ints(0, owners.len())?;
                let entries = if repeats { repeated(&codes, owners)? } else { narrow(&codes)? };
                let known = entries.iter().all(|&entry| (entry as usize) < dictionary.len());
                known.then(|| Values::Entries(Arc::clone(dictionary), entries))?
            }
            Mode::Tokens => {
                let codes = ints(0, owners.len())?;
                let rest: u64 = codes.iter().filter(|&&code| code > 0).map(|code| (code - 1) / 2).sum();
                let written = ints(1, usize::try_from(rest).ok().filter(|count| *count <= MAX_RAW)?)?;
                let mut texts = Texts::default();
                let repeats = texts.place(dictionary, &codes, &written, owners)?;
                let numbers = texts.pieces.iter().filter(|&&piece| has_number(dictionary, piece)).count();
                texts.numbers = ints(2, numbers)?;
                texts.fixed = column.codings.get(3)?.octets(chunks.get(3)?)?;
                texts.literal = column.codings.get(4)?.octets(chunks.get(4)?)?;
                texts.locate(dictionary, &codes)?;
                texts.fill(&repeats)?;
                Values::Texts(Arc::clone(dictionary), texts)
            }
        };
        Some(Self { kind: column.kind, values })
    }

    /// What kind of values they are.
    pub(crate) fn kind(&self) -> SlotKind {
        self.kind
    }

    /// Entries of a dictionary of whole values.
    pub(crate) fn entries(&self) -> Option<&[u32]> {
        if let Values::Entries(_, entries) = &self.values { Some(entries) } else { None }
    }

    /// Whether a value may hold the text of a field of the context.
    pub(crate) fn has_references(&self) -> bool {
        matches!(&self.values, Values::Texts(dictionary, _) if dictionary.has_references())
    }

    /// Appends the bytes that a cell holds, without tag and length. `references` are the texts of the row's context.
    pub(crate) fn write(&self, at: usize, references: References<'_>, out: &mut Vec<u8>) -> Option<()> {
        match &self.values {
            Values::Numbers(numbers) => {
                let number = *numbers.get(at)?;
                match self.kind {
                    SlotKind::Bool if number < 2 => out.push(bool_tag(number == 1)),
                    SlotKind::Int => out.extend_from_slice(&unzigzag(number).to_be_bytes()),
                    _ => return None,
                }
            }
            Values::Times(forms, ticks) => {
                join_time(*forms.get(at)?, ticks.get(at)?.cast_signed())?.write(out);
            }
            Values::Entries(dictionary, entries) => out.extend_from_slice(dictionary.get(*entries.get(at)?)?),
            Values::Texts(dictionary, texts) => texts.write(dictionary, at, references, out)?,
        }
        Some(())
    }
}

fn narrow(codes: &[u64]) -> Option<Vec<u32>> {
    codes.iter().map(|&code| u32::try_from(code).ok()).collect()
}

/// Entries of codes of which 0 repeats the last value of the context.
fn repeated(codes: &[u64], owners: Owners<'_>) -> Option<Vec<u32>> {
    let mut recent = [(0u32, None::<u32>); RECENT];
    let mut entries = Vec::with_capacity(codes.len());
    for (&code, &(_, context)) in codes.iter().zip(owners) {
        let last = recent.get_mut(context as usize % RECENT)?;
        let entry = match u32::try_from(code).ok()? {
            0 => last.1.filter(|_| last.0 == context)?,
            code => code - 1,
        };
        *last = (context, Some(entry));
        entries.push(entry);
    }
    Some(entries)
}

fn has_number(dictionary: &Dictionary, piece: u32) -> bool {
    matches!(dictionary.piece(piece), Some((kind::NUMBER | kind::STEP | kind::LITERAL, _)))
}

impl Texts {
    /// Lays out the pieces of every cell, prefixes included, and gives the cells that repeat another with that one.
    fn place(
        &mut self,
        dictionary: &Dictionary,
        codes: &[u64],
        mut written: &[u64],
        owners: Owners<'_>,
    ) -> Option<Vec<(u32, u32)>> {
        let mut recent = [(0u32, None::<u32>); RECENT];
        let mut repeats = Vec::new();
        self.places.reserve(codes.len());
        self.pieces.reserve(written.len() * 2);
        for (at, (&code, &(event_type, context))) in (0u32..).zip(codes.iter().zip(owners)) {
            let last = recent.get_mut(context as usize % RECENT)?;
            let Some(code) = code.checked_sub(1) else {
                let from = last.1.filter(|_| last.0 == context)?;
                repeats.push((at, from));
                self.places.push(Place::default());
                continue;
            };
            let start = self.pieces.len() as u32;
            if code % 2 == 0 {
                self.pieces.extend_from_slice(dictionary.prefix(event_type));
            }
            let (own, rest) = written.split_at_checked(usize::try_from(code / 2).ok()?)?;
            written = rest;
            for &piece in own {
                let piece = u32::try_from(piece).ok().filter(|piece| (*piece as usize) < dictionary.len())?;
                self.pieces.push(piece);
            }
            // Prefixes are not in the stream; without a bound a small chunk could ask for much memory.
            if self.pieces.len() > MAX_RAW {
                return None;
            }
            self.places.push(Place { pieces: (start, self.pieces.len() as u32), ..Place::default() });
            *last = (context, Some(at));
        }
        written.is_empty().then_some(repeats)
    }

    /// Finds where each cell's numbers, identifiers and literals begin, and adds up steps.
    fn locate(&mut self, dictionary: &Dictionary, codes: &[u64]) -> Option<()> {
        let mut next = Place::default();
        let mut last: hashbrown::HashMap<u32, u64> = hashbrown::HashMap::new();
        for (place, &code) in self.places.iter_mut().zip(codes) {
            if code == 0 {
                continue;
            }
            *place = Place { pieces: place.pieces, ..next };
            for &piece in self.pieces.get(place.pieces.0 as usize..place.pieces.1 as usize)? {
                let (kind, parameter) = dictionary.piece(piece)?;
                match kind {
                    kind::NUMBER => next.number += 1,
                    kind::STEP => {
                        let number = self.numbers.get_mut(next.number as usize)?;
                        let last = last.entry(piece).or_insert(0);
                        *last = last.wrapping_add(unzigzag(*number).cast_unsigned());
                        *number = *last;
                        next.number += 1;
                    }
                    kind::LITERAL => {
                        next.literal = next
                            .literal
                            .checked_add(u32::try_from(*self.numbers.get(next.number as usize)?).ok()?)?;
                        next.number += 1;
                    }
                    kind::HEX => next.fixed += u32::from(parameter / 2),
                    kind::UUID => next.fixed += UUID_BYTES,
                    kind::RAW => next.fixed += u32::from(parameter),
                    _ => {}
                }
            }
        }
        (next.literal as usize == self.literal.len() && next.fixed as usize == self.fixed.len()).then_some(())
    }

    /// A repeated value stands where it stood first.
    fn fill(&mut self, repeats: &[(u32, u32)]) -> Option<()> {
        for &(at, from) in repeats {
            *self.places.get_mut(at as usize)? = *self.places.get(from as usize)?;
        }
        Some(())
    }

    fn write(
        &self,
        dictionary: &Dictionary,
        at: usize,
        references: References<'_>,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let mut place = *self.places.get(at)?;
        for &piece in self.pieces.get(place.pieces.0 as usize..place.pieces.1 as usize)? {
            let (kind, parameter) = dictionary.piece(piece)?;
            out.extend_from_slice(dictionary.get(piece)?);
            match kind {
                kind::NUMBER | kind::STEP => {
                    put_digits(*self.numbers.get(place.number as usize)?, parameter, out);
                    place.number += 1;
                }
                kind::LITERAL => {
                    let length = *self.numbers.get(place.number as usize)? as u32;
                    place.number += 1;
                    let end = place.literal.checked_add(length)?;
                    out.extend_from_slice(self.literal.get(place.literal as usize..end as usize)?);
                    place.literal = end;
                }
                kind::HEX | kind::UUID | kind::RAW => {
                    let length = match kind {
                        kind::HEX => u32::from(parameter / 2),
                        kind::UUID => UUID_BYTES,
                        _ => parameter.into(),
                    };
                    let bytes = self.fixed.get(place.fixed as usize..(place.fixed + length) as usize)?;
                    place.fixed += length;
                    match kind {
                        kind::HEX => put_hex(bytes, out),
                        kind::UUID => put_uuid(bytes, out),
                        _ => out.extend_from_slice(bytes),
                    }
                }
                kind::REFERENCE => out.extend_from_slice(references(parameter.into())?),
                _ => {}
            }
        }
        Some(())
    }
}

/// Bytes of a UUID.
const UUID_BYTES: u32 = 16;

fn put_digits(number: u64, width: u8, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let shown = used.max(usize::from(width)).min(digits.len());
    out.extend_from_slice(digits.get(digits.len() - shown..).unwrap_or_default());
}

fn put_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            out.push(DIGITS.get(usize::from(half)).copied().unwrap_or(b'0'));
        }
    }
}

fn put_uuid(bytes: &[u8], out: &mut Vec<u8>) {
    let mut text = Vec::with_capacity(UUID_TEXT);
    put_hex(bytes, &mut text);
    for (at, digit) in text.into_iter().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(digit);
    }
}
