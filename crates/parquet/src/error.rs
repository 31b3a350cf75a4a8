//! Why no file was written.

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// An event lacks what every event of a log has, or has it in another form.
    #[error("row {row}: {column} is {found}, not {expected}; is it an event as the API returns it?")]
    Unexpected {
        /// Row, from 1.
        row: u64,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A time that 64 bits of nanoseconds do not hold.
    #[error(
        "row {row}: {column} lies beyond the years 1677 to 2262, which is all that Parquet's nanoseconds hold; leave the event out or export NDJSON"
    )]
    TimeBeyond {
        /// Row, from 1.
        row: u64,
        /// The column.
        column: String,
    },
    /// The file could not be written.
    #[error("cannot write the Parquet file")]
    Write(#[source] parquet::errors::ParquetError),
}

impl From<parquet::errors::ParquetError> for ParquetError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Write(error)
    }
}
