//! Tests at this crate's boundary: files in, catalogs and events out. One binary, so that it is linked once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod builtin;
mod cases;
mod cloudtrail;
mod diff;
mod draft;
mod drift;
mod fixtures;
mod language;
mod load;
mod openkat_run;
mod oracle;
mod types;
