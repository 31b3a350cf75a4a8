//! The rows of a block: what stands beside the columns, and putting rows together again.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use indelible_event::EventId;

use crate::bytes::Take;
use crate::cells::Cells;
use crate::collect::{BODY_VERSION, NS_PER_MS};
use crate::contexts::Contexts;
use crate::id::IdCipher;
use crate::ints::unzigzag;
use crate::layout::{BlockEntry, MAX_RAW, MAX_ROWS, SaltMaker};
use crate::row::Meta;
use crate::schema::{CONTENT, CONTEXT_CHUNK, Kind, MADE_ID, SALTED, Schema, Table};

/// The streams of a block's rows that questions ask first; the others and the columns are decoded from `bytes` when they are
/// asked for.
#[derive(Debug)]
pub(crate) struct RowData {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) contexts: Vec<u32>,
    pub(crate) received: Vec<u64>,
    /// By column, whether any row has cells in it: of thousands of columns a block has some dozens.
    present: Vec<bool>,
    bytes: Vec<u8>,
    chunks: Vec<Range<usize>>,
}

/// What only whole rows need beside their columns.
#[derive(Debug)]
pub(crate) struct Fixed {
    ids: Vec<([u8; 16], Option<u32>)>,
    contents: Vec<Option<u64>>,
    /// Salts that are spelled out.
    salts: Vec<[u8; 16]>,
    literal: Vec<u8>,
    places: Vec<RowPlace>,
}

/// Event type and context of a cell.
type Owner = (u32, u32);

/// Chunks of contexts by number.
pub(crate) type ContextChunks<'a> = &'a [(u32, Arc<Contexts>)];

impl RowData {
    pub(crate) fn decode(
        schema: &Schema,
        entry: &BlockEntry,
        bytes: Vec<u8>,
        chunks: Vec<Range<usize>>,
    ) -> Option<Self> {
        let rows = entry.rows as usize;
        if rows > MAX_ROWS {
            return None;
        }
        let chunk = |at: usize| bytes.get(chunks.get(at)?.clone());
        let ints = |at: usize, count: usize| schema.row_codings.get(at)?.ints(chunk(at)?, count);
        let kind = |&number: &u64| schema.kinds.get(usize::try_from(number).ok()?).copied();
        let kinds = ints(0, rows)?.iter().map(kind).collect::<Option<Vec<_>>>()?;
        let contexts = number_contexts(&ints(1, rows)?, entry.first_context, schema.contexts)?;
        let mut last = 0u64;
        let mut add = |&step: &u64| {
            last = last.wrapping_add(step);
            last
        };
        let received: Vec<u64> = ints(2, rows)?.iter().map(&mut add).collect();
        Some(Self { present: present(schema, &kinds)?, contexts, kinds, received, bytes, chunks })
    }

    /// What only whole rows need: ids, salts, literals, and what follows from the rows before.
    pub(crate) fn fixed(
        &self,
        schema: &Schema,
        contexts: ContextChunks<'_>,
        ids: &IdCipher,
    ) -> Option<Fixed> {
        let chunk = |at: usize| self.bytes.get(self.chunks.get(at)?.clone());
        let ints = |at: usize, count: usize| schema.row_codings.get(at)?.ints(chunk(at)?, count);
        let octets = |at: usize| schema.row_codings.get(at)?.octets(chunk(at)?);
        let rows = self.kinds.len();
        let made = self.kinds.iter().filter(|kind| kind.bits & MADE_ID != 0).count();
        let numbers = (ints(3, made)?, ints(4, made)?, ints(5, made)?);
        let literal_bodies = self.kinds.iter().filter(|kind| kind.shape == 0).count();
        let literal = octets(9)?;
        let places =
            self.row_places(contexts, (&ints(6, rows)?, &ints(7, literal_bodies)?), literal.len())?;
        let (own_ids, contents, salts) = (Vec::with_capacity(rows), Vec::with_capacity(rows), Vec::new());
        let mut fixed = Fixed { ids: own_ids, contents, salts, literal, places };
        self.read_fixed(&octets(8)?, numbers, ids, &mut fixed)?;
        Some(fixed)
    }

    fn read_fixed(
        &self,
        bytes: &[u8],
        (ms, runs, counters): (Vec<u64>, Vec<u64>, Vec<u64>),
        ids: &IdCipher,
        fixed: &mut Fixed,
    ) -> Option<()> {
        let mut take = Take(bytes);
        let mut numbers = ms.into_iter().zip(runs).zip(counters);
        let mut last = (0u32, 0u64);
        for (kind, received) in self.kinds.iter().zip(&self.received) {
            fixed.ids.push(if kind.bits & MADE_ID == 0 {
                (take.array()?, None)
            } else {
                let ((ms, run), counter) = numbers.next()?;
                let ms = (received / NS_PER_MS).cast_signed().checked_add(unzigzag(ms))?;
                let run = u32::try_from(i64::from(last.0).checked_add(unzigzag(run))?).ok()?;
                let counter = last.1.wrapping_add(1).wrapping_add(unzigzag(counter).cast_unsigned());
                last = (run, counter);
                (EventId::from_parts(ms.cast_unsigned(), ids.seal(run, counter)).0, Some(run))
            });
            fixed.contents.push(if kind.bits & CONTENT == 0 { None } else { Some(take.u64()?) });
            if kind.bits & SALTED == 0 && kind.shape > 0 {
                fixed.salts.push(take.array()?);
            }
        }
        take.is_empty().then_some(())
    }

    /// Per column the cells' owners, event type and context, and the first cell of each row.
    fn owners(&self, schema: &Schema, column: u32) -> Option<(Vec<Owner>, Vec<u32>)> {
        let (mut owners, mut starts) = (Vec::new(), Vec::with_capacity(self.kinds.len() + 1));
        for (kind, &context) in self.kinds.iter().zip(&self.contexts) {
            starts.push(owners.len() as u32);
            let Some(shape) = kind.shape.checked_sub(1) else { continue };
            let own = *schema.shapes.get(shape as usize)?.cells.get(column as usize)?;
            owners.extend(std::iter::repeat_n((kind.event_type, context), own as usize));
        }
        starts.push(owners.len() as u32);
        Some((owners, starts))
    }

    /// Whether any row has cells in a column.
    pub(crate) fn has(&self, column: u32) -> bool {
        self.present.get(column as usize).is_some_and(|has| *has)
    }

    /// The columns of a row's cells.
    pub(crate) fn columns_of<'s>(
        &self,
        schema: &'s Schema,
        row: usize,
    ) -> impl Iterator<Item = u32> + use<'s> {
        let shape = self.kinds.get(row).and_then(|kind| kind.shape.checked_sub(1));
        let slots =
            shape.and_then(|shape| schema.shapes.get(shape as usize)).map_or(&[][..], |shape| &shape.slots);
        slots.iter().filter(|(table, ..)| *table == Table::Rows).map(|(_, column, _)| *column)
    }

    /// Decodes one column.
    pub(crate) fn cells(&self, schema: &Schema, number: u32) -> Option<ColumnCells> {
        let column = schema.row_columns.get(number as usize)?;
        let (owners, starts) = self.owners(schema, number)?;
        let chunk = |at: usize| self.bytes.get(self.chunks.get(at)?.clone());
        let streams = (column.first_stream..column.first_stream + column.codings.len()).map(chunk);
        let streams = streams.collect::<Option<Vec<_>>>()?;
        let cells = Cells::decode(column, column.loaded.get()?, &streams, &owners, true)?;
        Some(ColumnCells { cells, starts })
    }

    /// What each row needs that follows from the rows before it.
    fn row_places(
        &self,
        contexts: ContextChunks<'_>,
        (sequences, lengths): (&[u64], &[u64]),
        literals: usize,
    ) -> Option<Vec<RowPlace>> {
        let (mut salt, mut literal) = (0u32, 0u64);
        let mut lengths = lengths.iter();
        let mut expected: hashbrown::HashMap<u64, u64> = hashbrown::HashMap::new();
        let mut places = Vec::with_capacity(self.kinds.len());
        for (at, kind) in self.kinds.iter().enumerate() {
            let context = *self.contexts.get(at)?;
            let producer = context_chunk(contexts, context)?.producer(context)?;
            let expected = expected.entry(producer).or_insert(0);
            let sequence = expected.wrapping_add(unzigzag(*sequences.get(at)?).cast_unsigned());
            *expected = if sequence == 0 { 0 } else { sequence.wrapping_add(1) };
            let start = literal;
            if kind.shape == 0 {
                literal = literal.checked_add(*lengths.next()?)?;
            }
            let whole = usize::try_from(start).ok()?..usize::try_from(literal).ok()?;
            places.push(RowPlace { producer, sequence, salt, whole });
            salt += u32::from(kind.bits & SALTED == 0 && kind.shape > 0);
        }
        (literal == literals as u64).then_some(places)
    }

    /// Appends a row's body and gives what stands beside it.
    pub(crate) fn build<'s>(
        &self,
        at: usize,
        parts: &Parts<'_>,
        salts: impl Fn(u32) -> Option<&'s SaltMaker>,
        bodies: &mut Vec<u8>,
    ) -> Option<Meta> {
        let (kind, fixed) = (*self.kinds.get(at)?, parts.fixed);
        let place = fixed.places.get(at)?;
        let start = bodies.len();
        let (id, run) = *fixed.ids.get(at)?;
        if kind.bits & SALTED != 0 {
            bodies.push(BODY_VERSION);
            bodies.extend_from_slice(&salts(run?)?.salt(&id));
        } else if kind.shape > 0 {
            bodies.push(BODY_VERSION);
            bodies.extend_from_slice(fixed.salts.get(place.salt as usize)?);
        }
        if kind.shape == 0 {
            bodies.extend_from_slice(fixed.literal.get(place.whole.clone())?);
        } else {
            self.build_body(at, kind, parts, bodies)?;
        }
        // A damaged dictionary could make bodies of any size.
        if bodies.len() > 2 * MAX_RAW {
            return None;
        }
        Some(Meta {
            flags: kind.flags,
            type_tag: kind.type_tag,
            received_ns: *self.received.get(at)?,
            id,
            producer: place.producer,
            sequence: place.sequence,
            content: *fixed.contents.get(at)?,
            body: start..bodies.len(),
        })
    }

    fn build_body(&self, row: usize, kind: Kind, parts: &Parts<'_>, out: &mut Vec<u8>) -> Option<()> {
        let context = *self.contexts.get(row)?;
        let contexts = context_chunk(parts.contexts, context)?;
        let shape = parts.schema.shapes.get(kind.shape.checked_sub(1)? as usize)?;
        let event_type = parts.schema.types.get(kind.event_type as usize)?;
        let (mut slots, mut typed, mut nth) = (shape.slots.iter(), event_type.iter(), 0usize);
        shape.template.build(out, |_, out| {
            let &(table, column, nth_of_column) = slots.next()?;
            match table {
                Table::Types => out.extend_from_slice(&typed.next()?.1),
                Table::Contexts => {
                    out.extend_from_slice(contexts.value(context, nth)?);
                    nth += 1;
                }
                Table::Rows => {
                    let cells = parts.cells.get(column as usize)?.get()?;
                    let cell = *cells.starts.get(row)? as usize + nth_of_column as usize;
                    let references = |which: usize| contexts.reference(context, which);
                    cells.cells.write(cell, &references, out)?;
                }
            }
            Some(())
        })
    }
}

/// A column's cells, and the first cell of each row.
#[derive(Debug)]
pub(crate) struct ColumnCells {
    pub(crate) cells: Cells,
    pub(crate) starts: Vec<u32>,
}

/// What a row needs that follows from the rows before it.
#[derive(Debug, Clone)]
struct RowPlace {
    producer: u64,
    sequence: u64,
    /// Number of its salt among those that are spelled out.
    salt: u32,
    /// Its body among those that are kept whole.
    whole: Range<usize>,
}

/// Everything that rows are put together from, beside their own streams.
pub(crate) struct Parts<'a> {
    pub(crate) schema: &'a Schema,
    /// By column; those of the rows at hand are decoded.
    pub(crate) cells: &'a [OnceLock<Box<ColumnCells>>],
    pub(crate) contexts: ContextChunks<'a>,
    pub(crate) fixed: &'a Fixed,
}

/// The chunk that holds a context.
pub(crate) fn context_chunk(chunks: ContextChunks<'_>, context: u32) -> Option<&Contexts> {
    let at = chunks.binary_search_by_key(&(context / CONTEXT_CHUNK as u32), |(number, _)| *number).ok()?;
    chunks.get(at).map(|(_, contexts)| &**contexts)
}

/// By column, whether rows of these kinds have cells in it; `None` for a shape that the schema does not know.
fn present(schema: &Schema, kinds: &[Kind]) -> Option<Vec<bool>> {
    let mut shapes: Vec<u32> = kinds.iter().filter_map(|kind| kind.shape.checked_sub(1)).collect();
    shapes.sort_unstable();
    shapes.dedup();
    let mut present = vec![false; schema.row_columns.len()];
    for shape in shapes {
        for &(table, column, _) in &schema.shapes.get(shape as usize)?.slots {
            if table == Table::Rows {
                *present.get_mut(column as usize)? = true;
            }
        }
    }
    Some(present)
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
