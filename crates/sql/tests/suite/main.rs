//! Statements over a log in memory, against what the same events say when they are looked at one by one.
//!
//! One test program, because each further one would link the engine anew.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod conditions;
mod limits;
mod log;
mod page;
mod plans;
mod results;
mod stores;
