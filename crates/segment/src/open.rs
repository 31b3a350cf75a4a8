//! One block, read once: its rows one by one and its columns one by one, each decoded when it is asked for.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::block::{ColumnCells, Fixed, Parts, RowData, context_chunk};
use crate::contexts::Contexts;
use crate::error::SegmentError;
use crate::layout::BlockEntry;
use crate::read::{Index, ReadAt};
use crate::row::{Block, Meta};
use crate::survey::encode;

/// An open block. It may be kept as long as its segment.
#[derive(Debug)]
pub struct OpenBlock {
    entry: BlockEntry,
    data: RowData,
    columns: Vec<OnceLock<Box<ColumnCells>>>,
    /// What only whole rows need.
    whole: OnceLock<Whole>,
}

#[derive(Debug)]
struct Whole {
    contexts: Vec<(u32, Arc<Contexts>)>,
    fixed: Fixed,
}

impl OpenBlock {
    pub(crate) fn new(index: &Index, entry: &BlockEntry, read: ReadAt<'_>) -> Result<Self, SegmentError> {
        let data = index.rows_of(entry, read)?;
        let columns = index.tables(read)?.schema.row_columns.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { entry: *entry, data, columns, whole: OnceLock::new() })
    }

    /// Its entry.
    pub fn entry(&self) -> &BlockEntry {
        &self.entry
    }

    /// Bytes of memory that it takes, roughly, when everything is decoded.
    pub fn weight(&self) -> usize {
        self.entry.len as usize * 8 + self.entry.rows as usize * 128
    }

    /// Number of the event type of a row; `None` when the row's body is kept whole and says nothing by columns.
    pub fn event_type(&self, row: usize) -> Option<u32> {
        self.data.kinds.get(row).filter(|kind| kind.shape > 0).map(|kind| kind.event_type)
    }

    /// Number of the context of a row.
    pub fn context(&self, row: usize) -> Option<u32> {
        self.data.contexts.get(row).copied()
    }

    /// Time of receipt of a row, ns since 1970.
    pub fn received_ns(&self, row: usize) -> Option<u64> {
        self.data.received.get(row).copied()
    }

    /// The row at an index of the log; its key is always absent here. The body goes to `body`.
    pub fn row(&self, index: &Index, at: u64, read: ReadAt<'_>) -> Result<Block, SegmentError> {
        let from = at.checked_sub(self.entry.first).and_then(|row| usize::try_from(row).ok());
        let from = from.filter(|row| *row < self.entry.rows as usize).ok_or_else(|| self.damaged())?;
        self.rows(index, from..from + 1, read)
    }

    /// Those rows whose index is wanted.
    pub fn some(&self, index: &Index, wanted: &Range<u64>, read: ReadAt<'_>) -> Result<Block, SegmentError> {
        let row = |at: u64| (at.saturating_sub(self.entry.first)).min(self.entry.rows.into()) as usize;
        self.rows(index, row(wanted.start)..row(wanted.end), read)
    }

    /// All rows.
    pub fn all(&self, index: &Index, read: ReadAt<'_>) -> Result<Block, SegmentError> {
        self.rows(index, 0..self.entry.rows as usize, read)
    }

    fn rows(&self, index: &Index, range: Range<usize>, read: ReadAt<'_>) -> Result<Block, SegmentError> {
        let schema = &index.tables(read)?.schema;
        let whole = self.whole(index, read)?;
        for row in range.clone() {
            for column in self.data.columns_of(schema, row) {
                self.cells(index, column, read)?;
            }
        }
        let parts = Parts { schema, cells: &self.columns, contexts: &whole.contexts, fixed: &whole.fixed };
        let (mut rows, mut bodies) = (Vec::with_capacity(range.len()), Vec::with_capacity(range.len() * 512));
        let first = self.entry.first + range.start as u64;
        for row in range {
            let meta: Option<Meta> = self.data.build(row, &parts, |run| index.salts(run), &mut bodies);
            rows.push(meta.ok_or_else(|| self.damaged())?);
        }
        Ok(Block { first, rows, bodies })
    }

    fn whole(&self, index: &Index, read: ReadAt<'_>) -> Result<&Whole, SegmentError> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let contexts = index.contexts_for(&self.data.contexts, read)?;
        let schema = &index.tables(read)?.schema;
        let fixed = self.data.fixed(schema, &contexts, &index.ids).ok_or_else(|| self.damaged())?;
        Ok(self.whole.get_or_init(|| Whole { contexts, fixed }))
    }

    /// A column; `None` when no row has cells in it.
    fn cells(
        &self,
        index: &Index,
        column: u32,
        read: ReadAt<'_>,
    ) -> Result<Option<&ColumnCells>, SegmentError> {
        if !self.data.has(column) {
            return Ok(None);
        }
        let place = self.columns.get(column as usize).ok_or_else(|| self.damaged())?;
        if let Some(cells) = place.get() {
            return Ok(Some(cells));
        }
        let schema = &index.tables(read)?.schema;
        let def = schema.row_columns.get(column as usize).ok_or_else(|| self.damaged())?;
        Index::dictionary(def, read)?;
        let cells = self.data.cells(schema, column).ok_or_else(|| self.damaged())?;
        Ok(Some(place.get_or_init(|| Box::new(cells))))
    }

    /// The entries of a column of rows that has a dictionary of whole values: calls `f` with each row and its entry.
    pub fn entries(
        &self,
        index: &Index,
        column: u32,
        read: ReadAt<'_>,
        f: &mut dyn FnMut(usize, u32),
    ) -> Result<(), SegmentError> {
        let Some(cells) = self.cells(index, column, read)? else { return Ok(()) };
        let entries = cells.cells.entries().ok_or_else(|| self.damaged())?;
        for (row, range) in cells.starts.windows(2).enumerate() {
            let &[start, end] = range else { continue };
            for &entry in entries.get(start as usize..end as usize).unwrap_or_default() {
                f(row, entry);
            }
        }
        Ok(())
    }

    /// The values of a column of rows: calls `f` with each of these rows and a value of it, canonically encoded.
    pub fn values(
        &self,
        index: &Index,
        column: u32,
        (rows, read): (&mut dyn FnMut(usize) -> bool, ReadAt<'_>),
        f: &mut dyn FnMut(usize, &[u8]),
    ) -> Result<(), SegmentError> {
        let Some(cells) = self.cells(index, column, read)? else { return Ok(()) };
        let kind = cells.cells.kind();
        let contexts = if cells.cells.has_references() {
            index.contexts_for(&self.data.contexts, read)?
        } else {
            Vec::new()
        };
        let (mut bytes, mut encoded) = (Vec::new(), Vec::new());
        for (row, range) in cells.starts.windows(2).enumerate() {
            let &[start, end] = range else { continue };
            if start == end || !rows(row) {
                continue;
            }
            let context = self.data.contexts.get(row).copied().unwrap_or(0);
            let references = |which: usize| context_chunk(&contexts, context)?.reference(context, which);
            for cell in start..end {
                bytes.clear();
                cells.cells.write(cell as usize, &references, &mut bytes).ok_or_else(|| self.damaged())?;
                encode(kind, &bytes, &mut encoded);
                f(row, &encoded);
            }
        }
        Ok(())
    }

    fn damaged(&self) -> SegmentError {
        SegmentError::damaged(self.entry.offset, "a block's columns are malformed")
    }
}
