//! Bytes from elsewhere to raw events, and events to the bytes that others read.
//!
//! This crate is pure: no files, sockets, clock or randomness. A decoder splits its input and turns each part
//! into an [`indelible_event::Value`]; what the parts of that value mean is the catalogs' business, so no decoder
//! here knows a code, a field of an event, or a secret. Nothing is dropped or corrected silently: a part that
//! cannot be read is a [`DecodeError`] with its row, its byte offset and what to do.
//!
//! Start reading at [`Format`] and [`Decoder`]; the encoders are [`json_out`], [`csv_out`], [`layout`] and
//! [`outgoing`].
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

mod csv;
pub mod csv_out;
mod error;
mod format;
mod json;
pub mod json_out;
pub mod layout;
mod lines;
pub mod outgoing;
mod pull;
mod records;
pub mod rfc3339;
pub mod syslog;
pub mod syslog_frames;
mod syslog_line;

pub use csv::Rows;
pub use error::{Code, DecodeError};
pub use format::{Decoder, Format, Raw, UnknownFormat};
pub use json::{JsonError, parse_json};
pub use lines::Lines;
pub use pull::Pull;
pub use records::{Beside, Records, json_line};
pub use syslog_line::payload;

/// Largest single record in bytes: that of an event with its raw form, so a larger one could not be stored.
pub const MAX_RECORD_BYTES: usize = indelible_event::MAX_EVENT_BYTES;
/// Most columns of a CSV file: each becomes a field, a parameter or a name in `data`, and an event has few.
pub const MAX_COLUMNS: usize = 256;
