//! Writes events, row group by row group.

use std::io::Write;
use std::sync::Arc;

use indelible_event::Map;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use crate::cells::Cells;
use crate::columns::{COLUMNS, schema};
use crate::error::ParquetError;

/// Most rows of a row group: what a reader decodes at once, and what its statistics can skip.
pub const MAX_GROUP_ROWS: u64 = 64 * 1024;
/// Most bytes of values that wait for their row group, about; with their encoded form this bounds the memory.
pub const MAX_GROUP_BYTES: usize = 64 << 20;
/// Compression: a third smaller than the fastest, and still faster than events arrive.
const ZSTD_LEVEL: i32 = 3;

/// Writes one file.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    cells: Vec<Cells>,
    rows: u64,
    waiting_rows: u64,
    waiting_bytes: usize,
}

impl<W: Write + Send> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file. `notes` become its key-value metadata: what was asked, and of which log.
    pub fn new(out: W, notes: &[(&str, &str)]) -> Result<Self, ParquetError> {
        let notes =
            notes.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), Some((*value).to_owned())));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_created_by(concat!("indelible ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(notes.collect()))
            .build();
        let file = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
        let cells = COLUMNS.iter().map(Cells::new).collect();
        Ok(Self { file, cells, rows: 0, waiting_rows: 0, waiting_bytes: 0 })
    }

    /// Writes an event, as the API returns it.
    pub fn push(&mut self, event: &Map) -> Result<(), ParquetError> {
        self.rows += 1;
        for cells in &mut self.cells {
            self.waiting_bytes += cells.push(event, self.rows)?;
        }
        self.waiting_rows += 1;
        if self.waiting_rows >= MAX_GROUP_ROWS || self.waiting_bytes >= MAX_GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// Ends the file; without it there is none. Returns the number of events.
    pub fn finish(mut self) -> Result<u64, ParquetError> {
        self.write_group()?;
        self.file.finish()?;
        self.file.inner_mut().flush().map_err(|error| ParquetError::Write(error.into()))?;
        Ok(self.rows)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.waiting_rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        let mut cells = self.cells.iter_mut();
        while let Some(out) = group.next_column()? {
            if let Some(cells) = cells.next() {
                cells.write(out)?;
            }
        }
        group.close()?;
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        Ok(())
    }
}
