//! Collects the rows of a segment into tables: event types, contexts, kinds of rows, and one column per path.
//!
//! The first body of each shape is put together again before any of that shape counts as taken apart; one that does not come
//! out as it was, or that would pass a limit, is kept whole.

use hashbrown::HashMap;
use indelible_event::EventId;

use crate::column::{Column, Mark, NONE, REFERENCES, split_time};
use crate::id::IdCipher;
use crate::interner::Interner;
use crate::ints::Ints;
use crate::layout::SaltMaker;
use crate::row::Row;
use crate::schema::{CONTENT, CONTEXT_CHUNK, Kind, MADE_ID, MAX_COLUMNS, MAX_SHAPES, SALTED, Table};
use crate::shape::{BODY_HEAD, Slot, SlotKind, parse, slots_of};
use crate::stream::Octets;
use crate::template::Template;

/// Version byte of a stored body that may be taken apart.
pub(crate) const BODY_VERSION: u8 = 1;
pub(crate) const NS_PER_MS: u64 = 1_000_000;

/// A shape with the places of its slots.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) steps: Vec<u8>,
    slots: Vec<(Table, u32)>,
    /// Number of the list of its columns of contexts.
    context_list: u32,
    occurred: Option<usize>,
}

/// One distinct tuple of session, actor, origin and producer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) shape: u32,
    pub(crate) producer: u32,
    pub(crate) rows: u32,
    pub(crate) first_block: u32,
    pub(crate) last_block: u32,
}

/// Streams of the rows that are no columns.
#[derive(Debug, Default)]
pub(crate) struct RowStreams {
    pub(crate) kinds: Ints,
    pub(crate) contexts: Ints,
    pub(crate) received: Ints,
    pub(crate) id_ms: Ints,
    pub(crate) id_runs: Ints,
    pub(crate) id_counters: Ints,
    pub(crate) sequences: Ints,
    pub(crate) lengths: Ints,
    pub(crate) fixed: Octets,
    pub(crate) literal: Octets,
}

/// What the rows of one block say together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone {
    pub(crate) received: (u64, u64),
    pub(crate) occurred: (i64, i64),
    pub(crate) first_context: u32,
    pub(crate) rows: u32,
    pub(crate) bytes: usize,
}

/// Everything collected.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    /// No body is taken apart.
    pub(crate) whole: bool,
    pub(crate) interner: Interner,
    pub(crate) shapes: Vec<Shape>,
    shape_numbers: HashMap<Vec<u8>, u32>,
    pub(crate) context_shapes: Vec<Vec<u32>>,
    context_shape_numbers: HashMap<Vec<u32>, u32>,
    /// Tuples of (path, value), both interned.
    pub(crate) types: Vec<Vec<u32>>,
    type_numbers: HashMap<Vec<u8>, u32>,
    pub(crate) kinds: Vec<Kind>,
    kind_numbers: HashMap<Kind, u32>,
    pub(crate) producers: Vec<u64>,
    producer_numbers: HashMap<u64, (u32, u64, u32)>,
    pub(crate) contexts: Vec<Context>,
    context_numbers: HashMap<Vec<u8>, u32>,
    pub(crate) references: Vec<[u32; REFERENCES]>,
    pub(crate) row_columns: Vec<Column>,
    pub(crate) context_columns: Vec<Column>,
    column_numbers: HashMap<(Table, SlotKind, String), u32>,
    pub(crate) rows: RowStreams,
    pub(crate) row: u32,
    pub(crate) block: u32,
    /// Rows of the block by event type.
    pub(crate) histogram: HashMap<u32, u32>,
    pub(crate) zone: Option<Zone>,
    last_received: u64,
    last_id: (u32, u64),
    context_chunks: usize,
    scratch: Scratch,
}

/// Memory that rows share.
#[derive(Debug, Default)]
struct Scratch {
    shape: Vec<u8>,
    tuple: Vec<u8>,
}

impl Collector {
    /// Begins another log: contexts are never shared between logs.
    pub(crate) fn begin_log(&mut self) {
        self.context_numbers.clear();
    }

    /// Adds a row. `salts` gives the salts of a run, if its seed is known.
    pub(crate) fn push<'s>(
        &mut self,
        row: &Row<'_>,
        ids: &IdCipher,
        salts: impl FnOnce(u32) -> Option<&'s SaltMaker>,
    ) {
        let made = made_id(row.id, ids);
        let salt = made.and_then(|(run, _)| salts(run)).map(|maker| maker.salt(&row.id));
        let (version, items) = row.stored.split_at_checked(BODY_HEAD).unwrap_or((&[], row.stored));
        let salted = salt.is_some_and(|salt| {
            version.split_first().is_some_and(|(version, stored)| *version == BODY_VERSION && *stored == salt)
        });
        let mut slots = Vec::with_capacity(32);
        let apart = version.first() == Some(&BODY_VERSION) && !self.whole;
        let shape = if apart { self.shape_of(items, &mut slots) } else { None };
        let zone = self.zone.get_or_insert(Zone {
            received: (u64::MAX, 0),
            occurred: (i64::MAX, i64::MIN),
            first_context: self.contexts.len() as u32,
            rows: 0,
            bytes: 0,
        });
        zone.rows += 1;
        zone.bytes += row.stored.len();
        zone.received = (zone.received.0.min(row.received_ns), zone.received.1.max(row.received_ns));
        let event_type = shape.map_or(0, |shape| self.type_of(shape, &slots));
        let bits = [(made.is_some(), MADE_ID), (salted, SALTED), (row.content.is_some(), CONTENT)];
        let bits = bits.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
        let kind = Kind {
            shape: shape.map_or(0, |shape| shape as u32 + 1),
            event_type,
            flags: row.flags,
            type_tag: row.type_tag,
            bits,
        };
        let context = self.context_of(shape, row.producer, &slots);
        self.put_row(row, kind, context, made);
        self.put_body(row, (shape, salted), (event_type, context), &slots);
        self.row += 1;
    }

    /// Ends the block; false when it has no rows.
    pub(crate) fn end_block(&mut self) -> Option<Zone> {
        let zone = self.zone.take()?;
        let rows = &mut self.rows;
        for ints in [
            &mut rows.kinds,
            &mut rows.contexts,
            &mut rows.received,
            &mut rows.id_ms,
            &mut rows.id_runs,
            &mut rows.id_counters,
            &mut rows.sequences,
            &mut rows.lengths,
        ] {
            ints.end_chunk();
        }
        rows.fixed.end_chunk();
        rows.literal.end_chunk();
        self.row_columns.iter_mut().for_each(Column::end_chunk);
        (self.last_received, self.last_id) = (0, (0, 0));
        self.block += 1;
        Some(zone)
    }

    /// Ends the last chunk of contexts.
    pub(crate) fn finish(&mut self) {
        if !self.contexts.len().is_multiple_of(CONTEXT_CHUNK) {
            self.end_context_chunk();
        }
    }

    fn end_context_chunk(&mut self) {
        self.context_columns.iter_mut().for_each(Column::end_chunk);
        self.context_chunks += 1;
    }

    /// The number of the shape of a body; its values go to `slots`. `None` when the body is to be kept whole.
    fn shape_of<'a>(&mut self, items: &'a [u8], slots: &mut Vec<Slot<'a>>) -> Option<usize> {
        parse(items, &mut self.scratch.shape, slots)?;
        let known = self.shape_numbers.get(self.scratch.shape.as_slice()).copied();
        let fits = slots.iter().all(|slot| !matches!(slot, Slot::Time(time) if split_time(*time).is_none()));
        match known {
            _ if !fits => None,
            Some(number) => Some(number as usize),
            None => {
                // Taking apart keeps every byte or a length that follows; the first body of each shape shows it.
                let (mut rebuilt, mut left) = (Vec::with_capacity(items.len()), slots.iter());
                Template::of(&self.scratch.shape)?.build(&mut rebuilt, |_, out| {
                    left.next()?.write(out);
                    Some(())
                })?;
                if rebuilt == items { self.add_shape() } else { None }
            }
        }
    }

    fn add_shape(&mut self) -> Option<usize> {
        let paths = slots_of(&self.scratch.shape)?;
        if self.shapes.len() >= MAX_SHAPES {
            return None;
        }
        let occurred = paths.iter().position(|(path, kind)| path == "occurred_at" && *kind == SlotKind::Time);
        let mut slots = Vec::with_capacity(paths.len());
        let mut context_columns = Vec::new();
        for (path, kind) in paths {
            let table = Table::of(&path, kind);
            let number = if table == Table::Types {
                self.interner.number(path.as_bytes())
            } else {
                self.column(table, kind, path)?
            };
            if table == Table::Contexts {
                context_columns.push(number);
            }
            slots.push((table, number));
        }
        let context_shape = self.context_shape(context_columns);
        let number = self.shapes.len();
        let steps = self.scratch.shape.clone();
        self.shape_numbers.insert(steps.clone(), number as u32);
        self.shapes.push(Shape { steps, slots, context_list: context_shape, occurred });
        Some(number)
    }

    fn context_shape(&mut self, columns: Vec<u32>) -> u32 {
        // Number 0 is the context of bodies that are kept whole.
        if self.context_shapes.is_empty() {
            self.context_shapes.push(Vec::new());
            self.context_shape_numbers.insert(Vec::new(), 0);
        }
        let next = self.context_shapes.len() as u32;
        *self.context_shape_numbers.entry(columns).or_insert_with_key(|columns| {
            self.context_shapes.push(columns.clone());
            next
        })
    }

    fn column(&mut self, table: Table, kind: SlotKind, path: String) -> Option<u32> {
        let key = (table, kind, path);
        if let Some(number) = self.column_numbers.get(&key) {
            return Some(*number);
        }
        if self.column_numbers.len() >= MAX_COLUMNS {
            return None;
        }
        let (columns, chunks) = match table {
            Table::Contexts => (&mut self.context_columns, self.context_chunks),
            _ => (&mut self.row_columns, self.block as usize),
        };
        let number = columns.len() as u32;
        columns.push(Column::new(key.2.clone(), kind, chunks, table == Table::Rows));
        self.column_numbers.insert(key, number);
        Some(number)
    }

    fn type_of(&mut self, shape: usize, slots: &[Slot<'_>]) -> u32 {
        let Some(shape) = self.shapes.get(shape) else { return 0 };
        let typed = || {
            let places = shape.slots.iter().zip(slots);
            places.filter_map(|((table, path), slot)| match (table, slot) {
                (Table::Types, Slot::Bytes(_, bytes)) => Some((*path, *bytes)),
                _ => None,
            })
        };
        let tuple = &mut self.scratch.tuple;
        tuple.clear();
        for (path, bytes) in typed() {
            tuple.extend_from_slice(&path.to_be_bytes());
            tuple.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            tuple.extend_from_slice(bytes);
        }
        if let Some(number) = self.type_numbers.get(tuple.as_slice()) {
            return *number;
        }
        let number = self.types.len() as u32;
        self.types.push(typed().flat_map(|(path, bytes)| [path, self.interner.number(bytes)]).collect());
        self.type_numbers.insert(tuple.clone(), number);
        number
    }

    /// The number of the row's context; a new one is put into its table.
    fn context_of(&mut self, shape: Option<usize>, producer: u64, slots: &[Slot<'_>]) -> u32 {
        if self.context_shapes.is_empty() {
            self.context_shape(Vec::new());
        }
        let next = self.producers.len() as u32;
        let (producer, ..) = *self.producer_numbers.entry(producer).or_insert_with(|| {
            self.producers.push(producer);
            (next, 0, u32::MAX)
        });
        let shape = shape.and_then(|shape| self.shapes.get(shape));
        let context_shape = shape.map_or(0, |shape| shape.context_list);
        let places = shape.map_or(&[][..], |shape| shape.slots.as_slice());
        let own = places.iter().zip(slots).filter(|((table, _), _)| *table == Table::Contexts);
        let tuple = &mut self.scratch.tuple;
        tuple.clear();
        tuple.extend_from_slice(&context_shape.to_be_bytes());
        tuple.extend_from_slice(&producer.to_be_bytes());
        for (_, slot) in own.clone() {
            let start = tuple.len();
            tuple.extend_from_slice(&[0; 4]);
            slot.write(tuple);
            let length = (tuple.len() - start) as u32;
            if let Some(place) = tuple.get_mut(start..start + 4) {
                place.copy_from_slice(&length.to_be_bytes());
            }
        }
        if let Some(number) = self.context_numbers.get(tuple.as_slice()) {
            return *number;
        }
        let cells: Vec<(u32, Slot<'_>)> = own.map(|((_, column), slot)| (*column, *slot)).collect();
        self.context_numbers.insert(tuple.clone(), self.contexts.len() as u32);
        self.add_context(context_shape, producer, &cells)
    }

    fn add_context(&mut self, shape: u32, producer: u32, cells: &[(u32, Slot<'_>)]) -> u32 {
        let number = self.contexts.len() as u32;
        let mut references = [NONE; REFERENCES];
        let mark = Mark { kind: 0, context: number, row: number };
        for (column, slot) in cells {
            let Some(column) = self.context_columns.get_mut(*column as usize) else { continue };
            let interned = column.push(*slot, &mut self.interner, mark);
            if let (Some(which), Some(interned)) = (column.reference, interned)
                && let Some(place) = references.get_mut(which)
            {
                *place = interned;
            }
        }
        self.references.push(references);
        let block = self.block;
        self.contexts.push(Context { shape, producer, rows: 0, first_block: block, last_block: block });
        if self.contexts.len().is_multiple_of(CONTEXT_CHUNK) {
            self.end_context_chunk();
        }
        number
    }

    fn put_row(&mut self, row: &Row<'_>, kind: Kind, context: u32, made: Option<(u32, u64)>) {
        let next = self.kinds.len() as u32;
        let number = *self.kind_numbers.entry(kind).or_insert_with(|| {
            self.kinds.push(kind);
            next
        });
        *self.histogram.entry(kind.event_type).or_insert(0) += 1;
        let block = self.block;
        let rows = &mut self.rows;
        rows.kinds.push(number.into());
        let newest = self.contexts.len() as u32 - 1;
        if let Some(known) = self.contexts.get_mut(context as usize) {
            known.last_block = block;
            // 0 is the next new context, 1 the newest, and so on back.
            rows.contexts.push(if known.rows == 0 { 0 } else { u64::from(newest - context) + 1 });
            known.rows += 1;
        }
        rows.received.push(row.received_ns.wrapping_sub(self.last_received));
        self.last_received = row.received_ns;
        if let Some((run, counter)) = made {
            let ms = EventId(row.id).unix_ms().cast_signed();
            rows.id_ms.push_signed(ms - (row.received_ns / NS_PER_MS).cast_signed());
            rows.id_runs.push_signed(i64::from(run) - i64::from(self.last_id.0));
            rows.id_counters.push_signed(counter.wrapping_sub(self.last_id.1 + 1).cast_signed());
            self.last_id = (run, counter);
        } else {
            rows.fixed.bytes.extend_from_slice(&row.id);
        }
        if let Some(content) = row.content {
            rows.fixed.bytes.extend_from_slice(&content.to_be_bytes());
        }
        if let Some((_, expected, seen)) = self.producer_numbers.get_mut(&row.producer) {
            if *seen != block {
                (*expected, *seen) = (0, block);
            }
            rows.sequences.push_signed(row.sequence.wrapping_sub(*expected).cast_signed());
            *expected = if row.sequence == 0 { 0 } else { row.sequence.wrapping_add(1) };
        }
    }

    fn put_body(
        &mut self,
        row: &Row<'_>,
        (shape, salted): (Option<usize>, bool),
        (event_type, context): (u32, u32),
        slots: &[Slot<'_>],
    ) {
        let zone_time = |zone: &mut Zone, low: i64, high: i64| {
            zone.occurred = (zone.occurred.0.min(low), zone.occurred.1.max(high));
        };
        let Some(shape) = shape.and_then(|shape| self.shapes.get(shape)) else {
            let kept = if salted { row.stored.get(BODY_HEAD..).unwrap_or_default() } else { row.stored };
            self.rows.lengths.push(kept.len() as u64);
            self.rows.literal.bytes.extend_from_slice(kept);
            if let Some(zone) = &mut self.zone {
                zone_time(zone, i64::MIN, i64::MAX);
            }
            return;
        };
        if !salted {
            self.rows.fixed.bytes.extend_from_slice(row.stored.get(1..BODY_HEAD).unwrap_or_default());
        }
        let occurred = match shape.occurred.and_then(|at| slots.get(at)) {
            Some(Slot::Time(time)) => {
                let time =
                    indelible_event::Time { seconds: time.seconds, nanos: time.nanos, offset_minutes: None };
                time.unix_nanos()
            }
            _ => i64::try_from(row.received_ns).unwrap_or(i64::MAX),
        };
        if let Some(zone) = &mut self.zone {
            zone_time(zone, occurred, occurred);
        }
        let mark = Mark { kind: event_type, context, row: self.row };
        for ((table, number), slot) in shape.slots.iter().zip(slots) {
            if *table != Table::Rows {
                continue;
            }
            let Some(column) = self.row_columns.get_mut(*number as usize) else { continue };
            column.push(*slot, &mut self.interner, mark);
        }
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
