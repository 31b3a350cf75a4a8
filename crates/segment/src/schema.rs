//! What the rows of a segment have in common: shapes, event types, kinds of rows, columns and how their streams are coded.

use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;

use crate::bytes::{Take, put_varint};
use crate::column::Mode;
use crate::dictionary::Dictionary;
use crate::shape::{SlotKind, walk};
use crate::stream::Coding;
use crate::template::Template;

/// Most shapes of a segment; bodies of further ones are kept whole.
pub(crate) const MAX_SHAPES: usize = 4096;
/// Most columns of a segment, for the same reason. Records of a cloud have thousands of different paths; a body that is kept
/// whole has to be read for every question.
pub(crate) const MAX_COLUMNS: usize = 8192;
/// Contexts of one chunk.
pub(crate) const CONTEXT_CHUNK: usize = 1024;
/// Most bytes of a schema.
pub(crate) const MAX_SCHEMA: usize = 64 * 1024 * 1024;
/// Streams of rows that are no columns: kinds, contexts, received, ids (3), sequences, lengths, fixed, literal.
pub(crate) const ROW_STREAMS: usize = 10;
/// Streams of contexts that are no columns: shapes, producers, rows, blocks after the first.
pub(crate) const CONTEXT_STREAMS: usize = 4;

/// The row's id is made of run and counter.
pub(crate) const MADE_ID: u8 = 1;
/// The body's salt follows from run and id.
pub(crate) const SALTED: u8 = 2;
/// The row has a content digest.
pub(crate) const CONTENT: u8 = 4;

/// Fields that are functions of the event type.
const TYPE_PATHS: [&str; 12] = [
    "catalog",
    "catalog_version",
    "code",
    "type_from",
    "group",
    "entity",
    "action",
    "crude",
    "routing",
    "severity",
    "retention",
    "categories[]",
];
/// What the paths of fields begin with that stay the same for many events of one session.
const CONTEXT_PATHS: [&str; 4] = ["session.", "actor.", "origin.", "producer."];

/// Where the values of a path are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    Types,
    Contexts,
    Rows,
}

impl Table {
    pub(crate) fn of(path: &str, kind: SlotKind) -> Self {
        if kind == SlotKind::Text && TYPE_PATHS.contains(&path) {
            Self::Types
        } else if path == "account" || CONTEXT_PATHS.iter().any(|start| path.starts_with(start)) {
            Self::Contexts
        } else {
            Self::Rows
        }
    }
}

/// What rows share beside their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    /// 0 for a body that is kept whole, else the shape's number plus 1.
    pub(crate) shape: u32,
    pub(crate) event_type: u32,
    pub(crate) flags: u8,
    pub(crate) type_tag: u32,
    pub(crate) bits: u8,
}

/// A shape, read.
#[derive(Debug)]
pub(crate) struct ShapeDef {
    pub(crate) steps: Vec<u8>,
    pub(crate) template: Template,
    /// Where the value of each slot is, the number of its column there, and how many slots before it have that column.
    pub(crate) slots: Vec<(Table, u32, u32)>,
    /// Cells of a row in each column of rows.
    pub(crate) cells: Vec<u32>,
    /// Paths of what fills no slot.
    pub(crate) odd: Vec<String>,
}

/// Bytes of the file that are read when they are needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) offset: u64,
    pub(crate) len: u32,
    pub(crate) crc: u32,
}

/// A column, read.
#[derive(Debug)]
pub(crate) struct ColumnDef {
    pub(crate) path: String,
    pub(crate) kind: SlotKind,
    pub(crate) mode: Mode,
    pub(crate) codings: Vec<Coding>,
    pub(crate) dictionary: Blob,
    pub(crate) postings: Blob,
    /// Its first stream among those of its table.
    pub(crate) first_stream: usize,
    pub(crate) loaded: OnceLock<Arc<Dictionary>>,
}

/// An event type: paths and values.
pub(crate) type EventType = Vec<(String, Vec<u8>)>;

/// Everything that rows share.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) shapes: Vec<ShapeDef>,
    pub(crate) context_shapes: Vec<Vec<u32>>,
    pub(crate) types: Vec<EventType>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) producers: Vec<u64>,
    pub(crate) row_codings: Vec<Coding>,
    pub(crate) context_codings: Vec<Coding>,
    pub(crate) row_columns: Vec<ColumnDef>,
    pub(crate) context_columns: Vec<ColumnDef>,
    pub(crate) contexts: u32,
    /// Where each chunk of contexts begins.
    pub(crate) context_offsets: Vec<u64>,
}

impl Schema {
    /// Bytes of memory that it takes with the dictionaries that were read, roughly.
    pub(crate) fn weight(&self) -> usize {
        let shape = |shape: &ShapeDef| shape.steps.len() * 4 + shape.slots.len() * 12 + shape.cells.len() * 4;
        let pair = |(path, value): &(String, Vec<u8>)| path.len() + value.len() + 2 * size_of::<String>();
        let columns = self.row_columns.iter().chain(&self.context_columns);
        let column = |column: &ColumnDef| {
            let read = column.loaded.get().map_or(0, |dictionary| dictionary.weight());
            size_of::<ColumnDef>() + column.path.len() + read
        };
        let tables = self.row_columns.iter().chain(&self.context_columns).flat_map(|column| &column.codings);
        let tables = tables.chain(&self.row_codings).chain(&self.context_codings).map(Coding::weight);
        self.shapes.iter().map(shape).sum::<usize>()
            + self.types.iter().flatten().map(pair).sum::<usize>()
            + columns.map(column).sum::<usize>()
            + tables.sum::<usize>()
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_count(take: &mut Take<'_>) -> Option<usize> {
    // Every counted thing has at least one byte.
    usize::try_from(take.varint()?).ok().filter(|count| *count <= take.0.len())
}

fn take_bytes(take: &mut Take<'_>) -> Option<Vec<u8>> {
    let length = take_count(take)?;
    take.bytes(length).map(<[u8]>::to_vec)
}

fn take_list<T>(take: &mut Take<'_>, mut entry: impl FnMut(&mut Take<'_>) -> Option<T>) -> Option<Vec<T>> {
    (0..take_count(take)?).map(|_| entry(take)).collect()
}

fn take_u64(take: &mut Take<'_>) -> Option<u64> {
    take.u64()
}

fn take_u32(take: &mut Take<'_>) -> Option<u32> {
    u32::try_from(take.varint()?).ok()
}

impl Schema {
    /// The bytes that [`Schema::decode`] reads: counted lists in the order of the fields.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.shapes.len() as u64);
        self.shapes.iter().for_each(|shape| put_bytes(&mut out, &shape.steps));
        put_varint(&mut out, self.context_shapes.len() as u64);
        for columns in &self.context_shapes {
            put_varint(&mut out, columns.len() as u64);
            for &column in columns {
                put_varint(&mut out, column.into());
            }
        }
        put_varint(&mut out, self.types.len() as u64);
        for event_type in &self.types {
            put_varint(&mut out, event_type.len() as u64);
            for (path, value) in event_type {
                put_bytes(&mut out, path.as_bytes());
                put_bytes(&mut out, value);
            }
        }
        put_varint(&mut out, self.kinds.len() as u64);
        for kind in &self.kinds {
            put_varint(&mut out, kind.shape.into());
            put_varint(&mut out, kind.event_type.into());
            out.extend_from_slice(&[kind.flags, kind.bits]);
            out.extend_from_slice(&kind.type_tag.to_be_bytes());
        }
        put_varint(&mut out, self.producers.len() as u64);
        self.producers.iter().for_each(|producer| out.extend_from_slice(&producer.to_be_bytes()));
        self.row_codings.iter().chain(&self.context_codings).for_each(|coding| coding.encode(&mut out));
        for columns in [&self.row_columns, &self.context_columns] {
            put_varint(&mut out, columns.len() as u64);
            for column in columns {
                column.encode(&mut out);
            }
        }
        put_varint(&mut out, self.contexts.into());
        put_varint(&mut out, self.context_offsets.len() as u64);
        self.context_offsets.iter().for_each(|offset| out.extend_from_slice(&offset.to_be_bytes()));
        out
    }

    /// Reads a schema; `None` when it is malformed.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let take = &mut take;
        let steps = take_list(take, take_bytes)?;
        let context_shapes = take_list(take, |take| take_list(take, take_u32))?;
        let text = |take: &mut Take<'_>| String::from_utf8(take_bytes(take)?).ok();
        let types = take_list(take, |take| take_list(take, |take| Some((text(take)?, take_bytes(take)?))))?;
        let kinds = take_list(take, |take| {
            let (shape, event_type) = (take_u32(take)?, take_u32(take)?);
            let (flags, bits) = (take.u8()?, take.u8()?);
            Some(Kind { shape, event_type, flags, type_tag: take.u32()?, bits })
        })?;
        let producers = take_list(take, take_u64)?;
        let row_codings = (0..ROW_STREAMS).map(|_| Coding::decode(take)).collect::<Option<_>>()?;
        let context_codings = (0..CONTEXT_STREAMS).map(|_| Coding::decode(take)).collect::<Option<_>>()?;
        let row_columns = take_columns(take, ROW_STREAMS)?;
        let context_columns = take_columns(take, CONTEXT_STREAMS)?;
        let contexts = take_u32(take)?;
        let context_offsets = take_list(take, take_u64)?;
        let mut schema = Self {
            shapes: Vec::new(),
            context_shapes,
            types,
            kinds,
            producers,
            row_codings,
            context_codings,
            row_columns,
            context_columns,
            contexts,
            context_offsets,
        };
        schema.shapes = schema.place(steps)?;
        (take.is_empty() && schema.is_consistent()).then_some(schema)
    }

    fn place(&self, shapes: Vec<Vec<u8>>) -> Option<Vec<ShapeDef>> {
        let mut numbers: HashMap<(Table, SlotKind, &str), u32> = HashMap::new();
        for (table, columns) in [(Table::Rows, &self.row_columns), (Table::Contexts, &self.context_columns)] {
            for (number, column) in (0u32..).zip(columns) {
                numbers.insert((table, column.kind, &column.path), number);
            }
        }
        let place = |(path, kind): (String, SlotKind)| match Table::of(&path, kind) {
            Table::Types => Some((Table::Types, 0, 0)),
            table => Some((table, *numbers.get(&(table, kind, path.as_str()))?, 0)),
        };
        let shape = |steps: Vec<u8>| {
            let (slots, odd) = walk(&steps)?;
            let mut slots = slots.into_iter().map(place).collect::<Option<Vec<_>>>()?;
            let mut cells = vec![0; self.row_columns.len()];
            for (_, column, nth) in slots.iter_mut().filter(|slot| slot.0 == Table::Rows) {
                let count = cells.get_mut(*column as usize)?;
                *nth = *count;
                *count += 1;
            }
            Some(ShapeDef { template: Template::of(&steps)?, steps, slots, cells, odd })
        };
        shapes.into_iter().map(shape).collect()
    }

    fn is_consistent(&self) -> bool {
        let columns = self.context_columns.len();
        let known = |&column: &u32| (column as usize) < columns;
        let kind = |kind: &Kind| {
            kind.shape == 0
                || ((kind.shape as usize) <= self.shapes.len()
                    && (kind.event_type as usize) < self.types.len())
        };
        self.context_shapes.iter().all(|shape| shape.iter().all(known))
            && self.kinds.iter().all(kind)
            && self.context_offsets.len() == (self.contexts as usize).div_ceil(CONTEXT_CHUNK)
    }

    /// Streams of the rows.
    pub(crate) fn row_streams(&self) -> usize {
        self.row_columns.last().map_or(ROW_STREAMS, ColumnDef::end_stream)
    }

    /// Streams of the contexts.
    pub(crate) fn context_streams(&self) -> usize {
        self.context_columns.last().map_or(CONTEXT_STREAMS, ColumnDef::end_stream)
    }
}

fn take_columns(take: &mut Take<'_>, mut first_stream: usize) -> Option<Vec<ColumnDef>> {
    take_list(take, |take| {
        let column = ColumnDef::decode(take, first_stream)?;
        first_stream = column.end_stream();
        Some(column)
    })
}

impl ColumnDef {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.path.as_bytes());
        out.extend_from_slice(&[self.kind as u8, self.mode as u8]);
        self.codings.iter().for_each(|coding| coding.encode(out));
        for blob in [self.dictionary, self.postings] {
            out.extend_from_slice(&blob.offset.to_be_bytes());
            out.extend_from_slice(&blob.len.to_be_bytes());
            out.extend_from_slice(&blob.crc.to_be_bytes());
        }
    }

    fn decode(take: &mut Take<'_>, first_stream: usize) -> Option<Self> {
        let path = String::from_utf8(take_bytes(take)?).ok()?;
        let (kind, mode) = (SlotKind::of(take.u8()?)?, Mode::of(take.u8()?)?);
        let codings = (0..mode.streams()).map(|_| Coding::decode(take)).collect::<Option<_>>()?;
        let mut blob = || Some(Blob { offset: take.u64()?, len: take.u32()?, crc: take.u32()? });
        let (dictionary, postings) = (blob()?, blob()?);
        Some(Self { path, kind, mode, codings, dictionary, postings, first_stream, loaded: OnceLock::new() })
    }

    fn end_stream(&self) -> usize {
        self.first_stream + self.codings.len()
    }
}
