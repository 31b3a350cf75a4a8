//! Events as Parquet, for programs that read columns: DuckDB, pyarrow, Spark, ClickHouse.
//!
//! Pure: writes to whatever it is given, holds one row group and no more. The columns follow from the table of fields; there
//! is no column for one producer's parameters, they are JSON in `params`. It never decides which events are written.
//!
//! Start reading at [`Writer`], then `columns` (what there is) and `cells` (what waits to be written).
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

mod cells;
mod columns;
mod error;
mod writer;

pub use columns::reference_page;
pub use error::ParquetError;
pub use writer::{MAX_GROUP_BYTES, MAX_GROUP_ROWS, Writer};
