//! What a segment says without its rows: columns, dictionaries, event types, contexts with their counts, and in which blocks
//! an entry occurs. Questions are answered from here as far as they can be.

use crate::bytes::Take;
use crate::column::{Mode, REFERENCE_FIELDS};
use crate::error::SegmentError;
use crate::layout::HISTOGRAM;
use crate::postings::{Occurs, find};
use crate::read::{Index, ReadAt};
use crate::schema::{CONTEXT_CHUNK, MAX_SCHEMA, Table};
use crate::shape::SlotKind;
use crate::stream::unpack_within;
use crate::tokens::kind;

/// Of what the values of a column are parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Of contexts.
    Contexts,
    /// Of rows.
    Rows,
}

/// A column as a question sees it.
#[derive(Debug, Clone, Copy)]
pub struct ColumnInfo<'a> {
    /// Of what its values are parts.
    pub owner: Owner,
    /// Its number among those.
    pub number: u32,
    /// Path of its values: fields and keys with dots between, `[]` for places in lists.
    pub path: &'a str,
    /// Whether its values are entries of a dictionary of whole values.
    pub has_entries: bool,
    /// Whether its values are text.
    pub is_text: bool,
    /// Whether its values are bytes, which no question that looks into everything looks at.
    pub is_bytes: bool,
}

/// Paths and texts of an event type.
pub type TypePairs = Vec<(String, Vec<u8>)>;

/// What a piece of a text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceText<'a> {
    /// A separator and a word.
    Word(&'a str),
    /// A separator and digits, or a mixture of digits and the letters a to f.
    Number,
    /// The text of the field with this path of the same event.
    Reference(&'static str),
    /// Any text.
    Opaque,
}

/// Count and places of one context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextCount {
    /// Rows that have it.
    pub rows: u32,
    /// First and last block that has it, counted over the segment.
    pub blocks: (u32, u32),
}

impl Index {
    /// All columns that hold values of events (key names and hashes are none).
    pub fn columns(&self, read: ReadAt<'_>) -> Result<Vec<ColumnInfo<'_>>, SegmentError> {
        let schema = &self.tables(read)?.schema;
        let mut infos = Vec::new();
        for (owner, columns) in
            [(Owner::Contexts, &schema.context_columns), (Owner::Rows, &schema.row_columns)]
        {
            for (number, column) in (0u32..).zip(columns) {
                if !matches!(column.kind, SlotKind::Key | SlotKind::Hash) {
                    infos.push(ColumnInfo {
                        owner,
                        number,
                        path: &column.path,
                        has_entries: column.mode == Mode::Dictionary,
                        is_text: column.kind == SlotKind::Text,
                        is_bytes: column.kind == SlotKind::Bytes,
                    });
                }
            }
        }
        Ok(infos)
    }

    /// Paths at which a body holds something that is in no column: null, an empty list or an empty map.
    pub fn odd_paths(&self, read: ReadAt<'_>) -> Result<impl Iterator<Item = &str>, SegmentError> {
        Ok(self.tables(read)?.schema.shapes.iter().flat_map(|shape| shape.odd.iter().map(String::as_str)))
    }

    /// Whether any body is kept whole, so that columns say nothing about it.
    pub fn has_whole_bodies(&self, read: ReadAt<'_>) -> Result<bool, SegmentError> {
        Ok(self.tables(read)?.schema.kinds.iter().any(|kind| kind.shape == 0))
    }

    /// The event types: pairs of path and text.
    pub fn event_types(&self, read: ReadAt<'_>) -> Result<&[TypePairs], SegmentError> {
        Ok(&self.tables(read)?.schema.types)
    }

    /// Calls `f` with every entry of a column that has a dictionary of whole values, canonically encoded.
    pub fn each_entry(
        &self,
        column: &ColumnInfo<'_>,
        read: ReadAt<'_>,
        f: &mut dyn FnMut(u32, &[u8]),
    ) -> Result<(), SegmentError> {
        let schema = &self.tables(read)?.schema;
        let columns = match column.owner {
            Owner::Contexts => &schema.context_columns,
            Owner::Rows => &schema.row_columns,
        };
        let Some(def) = columns.get(column.number as usize) else { return Ok(()) };
        let dictionary = Self::dictionary(def, read)?;
        let mut encoded = Vec::new();
        for entry in 0..dictionary.len() as u32 {
            encode(def.kind, dictionary.get(entry).unwrap_or_default(), &mut encoded);
            f(entry, &encoded);
        }
        Ok(())
    }

    /// Calls `f` with every piece of a column of rows that is cut into pieces.
    pub fn each_piece(
        &self,
        column: &ColumnInfo<'_>,
        read: ReadAt<'_>,
        f: &mut dyn FnMut(u32, PieceText<'_>),
    ) -> Result<(), SegmentError> {
        let schema = &self.tables(read)?.schema;
        let Some(def) = schema.row_columns.get(column.number as usize) else { return Ok(()) };
        let dictionary = Self::dictionary(def, read)?;
        for entry in 0..dictionary.len() as u32 {
            let Some((kind, parameter)) = dictionary.piece(entry) else { continue };
            let text = dictionary.get(entry).and_then(|text| std::str::from_utf8(text).ok());
            f(
                entry,
                match kind {
                    kind::WORD => text.map_or(PieceText::Opaque, PieceText::Word),
                    kind::NUMBER | kind::STEP | kind::HEX => PieceText::Number,
                    kind::REFERENCE => REFERENCE_FIELDS
                        .get(usize::from(parameter))
                        .map_or(PieceText::Opaque, |field| PieceText::Reference(field.path())),
                    _ => PieceText::Opaque,
                },
            );
        }
        Ok(())
    }

    /// Number of contexts.
    pub fn contexts(&self, read: ReadAt<'_>) -> Result<u32, SegmentError> {
        Ok(self.tables(read)?.schema.contexts)
    }

    /// Per block the event types of its rows, each with the number of rows. Bodies that are kept whole count as type 0.
    pub fn type_counts(&self, read: ReadAt<'_>) -> Result<Vec<Vec<(u32, u32)>>, SegmentError> {
        let (offset, packed) = self.section_bytes(HISTOGRAM, read)?;
        let damaged = || SegmentError::damaged(offset, "the counts of event types are malformed");
        let bytes = unpack_within(&packed, MAX_SCHEMA).ok_or_else(damaged)?;
        let mut take = Take(&bytes);
        let mut block = || {
            let count = usize::try_from(take.varint()?).ok().filter(|count| *count <= take.0.len())?;
            let mut last = 0u32;
            let mut next = || {
                last = last.checked_add(u32::try_from(take.varint()?).ok()?)?;
                Some((last, u32::try_from(take.varint()?).ok()?))
            };
            (0..count).map(|_| next()).collect::<Option<Vec<_>>>()
        };
        let blocks = self.logs().iter().map(|log| log.blocks as usize).sum::<usize>();
        (0..blocks).map(|_| block()).collect::<Option<Vec<_>>>().ok_or_else(damaged)
    }

    /// Where an entry, or a piece, of a column of rows occurs.
    pub fn occurs(&self, column: u32, entry: u32, read: ReadAt<'_>) -> Result<Occurs, SegmentError> {
        let schema = &self.tables(read)?.schema;
        let Some(def) = schema.row_columns.get(column as usize) else { return Ok(Occurs::Anywhere) };
        let damaged = || SegmentError::damaged(def.postings.offset, "postings are malformed");
        find(&Self::blob(def.postings, read)?, entry).ok_or_else(damaged)
    }

    /// Counts of all contexts, by number.
    pub fn context_counts(&self, read: ReadAt<'_>) -> Result<Vec<ContextCount>, SegmentError> {
        let schema = &self.tables(read)?.schema;
        let mut counts = Vec::with_capacity(schema.contexts as usize);
        let mut first_blocks = self.first_blocks();
        for chunk in 0..schema.context_offsets.len() as u32 {
            let (rows, spans) = self.context_streams(chunk, read)?;
            for (rows, span) in rows.into_iter().zip(spans) {
                let first = first_blocks(counts.len() as u32);
                let last = first.saturating_add(u32::try_from(span).unwrap_or(u32::MAX));
                counts.push(ContextCount {
                    rows: u32::try_from(rows).unwrap_or(u32::MAX),
                    blocks: (first, last),
                });
            }
        }
        Ok(counts)
    }

    /// Calls `f` with each context and its entry in a column of contexts that has a dictionary of whole values.
    pub fn context_entries(
        &self,
        column: u32,
        read: ReadAt<'_>,
        f: &mut dyn FnMut(u32, u32),
    ) -> Result<(), SegmentError> {
        for chunk in 0..self.tables(read)?.schema.context_offsets.len() as u32 {
            let (cells, owners) = self.context_cells(chunk, column, read)?;
            let entries =
                cells.entries().ok_or(SegmentError::damaged(0, "a column of contexts is malformed"))?;
            owners.iter().zip(entries).for_each(|(&(_, context), &entry)| f(context, entry));
        }
        Ok(())
    }

    /// Calls `f` with each context and its values in a column of contexts, canonically encoded.
    pub fn context_values(
        &self,
        column: u32,
        read: ReadAt<'_>,
        f: &mut dyn FnMut(u32, &[u8]),
    ) -> Result<(), SegmentError> {
        let (mut bytes, mut encoded) = (Vec::new(), Vec::new());
        for chunk in 0..self.tables(read)?.schema.context_offsets.len() as u32 {
            let (cells, owners) = self.context_cells(chunk, column, read)?;
            for (at, &(_, context)) in owners.iter().enumerate() {
                bytes.clear();
                let written = cells.write(at, &|_| None, &mut bytes);
                written.ok_or(SegmentError::damaged(0, "a column of contexts is malformed"))?;
                encode(cells.kind(), &bytes, &mut encoded);
                f(context, &encoded);
            }
        }
        Ok(())
    }

    /// First block of contexts that are asked for in ascending order.
    fn first_blocks(&self) -> impl FnMut(u32) -> u32 {
        let starts: Vec<u32> = self
            .logs()
            .iter()
            .flat_map(|log| self.blocks(log.log))
            .map(|block| block.first_context)
            .collect();
        let mut at = 0usize;
        move |context| {
            while starts.get(at + 1).is_some_and(|&next| next <= context) {
                at += 1;
            }
            at as u32
        }
    }
}

/// Whether the texts at a path are kept once for many rows: by event type or by context.
pub fn is_shared(path: &str) -> bool {
    Table::of(path, SlotKind::Text) != Table::Rows
}

/// The canonical encoding of a text.
pub fn encode_text(text: &[u8], out: &mut Vec<u8>) {
    encode(SlotKind::Text, text, out);
}

/// Contexts of one chunk at most.
pub(crate) fn chunk_len(all: u32, chunk: u32) -> u32 {
    all.saturating_sub(chunk * CONTEXT_CHUNK as u32).min(CONTEXT_CHUNK as u32)
}

/// The canonical encoding of a scalar from what a slot holds.
pub(crate) fn encode(kind: SlotKind, bytes: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let length = bytes.len() as u32;
    match kind {
        // A Boolean is its tag.
        SlotKind::Bool => {}
        SlotKind::Int => out.push(3),
        SlotKind::Decimal => {
            out.push(4);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        SlotKind::Text => {
            out.push(5);
            out.extend_from_slice(&length.to_be_bytes());
        }
        SlotKind::Time => out.push(7),
        SlotKind::Bytes | SlotKind::Key | SlotKind::Hash => {
            out.push(6);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}
