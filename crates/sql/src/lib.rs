//! SQL over the events of one organization: one statement that reads, answered as typed rows, within limits.
//!
//! The organization is never in the text: whoever calls hands over the log that may be read ([`EventLog`]), and there is
//! no other. Nothing here writes, opens a file or reaches the network, and no statement can make it.
//!
//! Start reading at [`Engine`], then `columns` (what the tables hold), `filter` (what of a statement becomes a query of the
//! search) and `scan` (how events become rows). What keeps a statement within bounds is `size` before it is planned, `longer`
//! and `watch` while it runs.
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

mod answer;
mod batch;
mod columns;
mod engine;
mod error;
mod filter;
mod longer;
mod member;
mod scan;
mod size;
mod statement;
mod table;
mod watch;

pub use answer::{Answer, Cell, Column, Kind, Rows};
pub use columns::reference_page;
pub use engine::{Asked, Engine, EventLog, Limits};
pub use error::SqlError;
