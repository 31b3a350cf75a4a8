//! What an event is: its fields, its canonical bytes, the commitments to them, and the leaf.
//!
//! This crate is pure: no files, sockets, clock or randomness; identifiers, salts and keys arrive as
//! arguments. It never knows how an event travels (JSON belongs to `server`, other people's formats to
//! `formats`) nor how it is kept (`store`). Hashed bytes are written by hand-made encoders here and nowhere
//! else; `docs/internals/format.md` is their description.
//!
//! Start reading at [`Field`] (the one table of fields), then [`Event`], then [`seal`] (event to bytes and
//! body hash) and [`Leaf`].
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

mod body;
mod bytes;
mod commitment;
mod event;
mod field;
mod id;
mod leaf;
mod map;
mod number;
mod sha;
mod time;
mod value;

pub use body::{ItemState, Keys, PLAIN_PATH, Sealed, StoredBody, StoredItem, SubjectKey, read_event, seal};
pub use bytes::DecodeError;
pub use commitment::{EventSalt, Hash, body_hash, commitment, salt};
pub use event::{Event, EventError, Param};
pub use field::{Class, Field, FieldDef, Kind, Member, MemberKind, Person, Who};
pub use id::{EventId, EventIdError};
pub use leaf::{Flag, LEAF_BYTES, Leaf, type_tag};
pub use map::{DuplicateKey, Map};
pub use number::decimal;
pub use sha::{MacKey, sha256};
pub use time::Time;
pub use value::{MAX_DEPTH, Value};

/// What the extra of our proof files begins with; then the leaf, then the disclosure.
pub const EXTRA_MAGIC: &[u8; 4] = b"ixd1";
/// Largest event in bytes of its stored body: many of them fit one commit, and a screen can show one.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;
/// Most items of one event; the body's count field could hold more, nobody needs more.
pub const MAX_ITEMS: usize = 512;
/// Most parameters of one event.
pub const MAX_PARAMS: usize = 256;
/// Longest name of a parameter, scope included, in bytes: leaves room for `params.` in a path of 255 bytes.
pub const MAX_PARAM_NAME_BYTES: usize = 128;
/// Largest value of one parameter, encoded, in bytes.
pub const MAX_PARAM_BYTES: usize = 32 * 1024;
/// Longest path of an item in bytes.
pub const MAX_PATH_BYTES: usize = 255;
