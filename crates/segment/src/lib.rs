//! The sealed form of events: bytes of a segment file, made and read without touching a file.
//!
//! A segment holds rows of one log, or of several small logs one after the other. Bodies are taken apart into columns and
//! put together again bit for bit; a dictionary, a context or a word stands once for all the rows that have it. Decoding
//! never panics and never takes more memory than the named limits allow. Start at [`write`], then [`read`];
//! `docs/internals/format-store.md` has the byte tables.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod block;
mod bytes;
mod cells;
mod collect;
mod column;
mod contexts;
mod dictionary;
pub mod error;
pub mod id;
mod interner;
mod ints;
mod layout;
pub mod open;
mod plan;
pub mod postings;
mod rans;
pub mod read;
pub mod row;
mod schema;
mod shape;
mod stream;
pub mod survey;
mod template;
mod tokens;
mod verify;
mod words;
pub mod write;
