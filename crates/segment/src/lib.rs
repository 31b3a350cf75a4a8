//! The sealed form of events: bytes of a segment file, made and read without touching a file.
//!
//! A segment holds rows of one log, or of several small logs one after the other, in compressed blocks with an index,
//! a filter of idempotency keys and the stretches of producers' numbers. Decoding never panics and never takes more
//! memory than the named limits allow. Start at [`write`], then [`read`]; `docs/internals/format-store.md` has the
//! byte tables.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod block;
mod bytes;
pub mod error;
pub mod id;
mod layout;
pub mod read;
pub mod row;
pub mod write;
