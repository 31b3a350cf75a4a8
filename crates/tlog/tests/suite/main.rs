//! Everything that `indelible-tlog` promises, tested from outside.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod batches;
mod flat_log;
mod merkle_vectors;
mod notes;
mod policies;
mod tiles;
mod trees;
mod vector_file;
mod vectors;
