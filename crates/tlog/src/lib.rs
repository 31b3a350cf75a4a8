//! The mathematics and the text formats of a transparency log: RFC 6962 trees over SHA-256, tiles,
//! signed notes, checkpoints, cosignatures, proof files, policies and the witness protocol, as the
//! C2SP specifications define them.
//!
//! Everything here takes bytes and returns bytes. The crate never opens a file or a socket, never
//! asks for the time, never draws random numbers, and knows nothing of what a leaf contains. Input
//! from outside is parsed into types that cannot hold a wrong value, within named limits, and never
//! panics.
//!
//! Start with [`tree`] (hashes and appending), then [`proof`] (making and checking proofs) and
//! [`checkpoint`] (what a log signs).
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

pub mod batch;
pub mod checkpoint;
pub mod error;
pub mod note;
pub mod policy;
pub mod proof;
pub mod proof_file;
mod text;
pub mod tile;
pub mod tree;
pub mod vkey;
pub mod witness;
