//! The write-ahead log: blocks of records in files that are filled with zeros ahead of need.
//!
//! One block is one group commit. Start with [`block`] for the bytes, [`file`] for writing, [`scan`] for reading back
//! after a start. Nothing here decides what an event means or who is answered.

pub(crate) mod block;
pub(crate) mod file;
pub(crate) mod record;
pub(crate) mod scan;
