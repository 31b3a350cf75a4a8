//! The catalog language: what a product's events are called and what they mean, as data.
//!
//! This crate is pure: files arrive as texts, events as values, fingerprints and decoders as closures. It never corrects what was
//! sent: codes, texts and values are kept, and what is thought of them stands beside them as findings. CRUDE, outcome, entity and
//! privacy class come from a catalog that a person wrote and are never guessed; only lint looks at words, and it only asks.
//!
//! Start reading at [`load()`] (files to catalogs), then [`catalog::Catalog`], then [`resolve`] (an event that names its type) and
//! [`matching`] (somebody else's event). `lint`, `drift`, `diff` and `explain` are for people.
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

mod builtin;
pub mod cases;
pub mod catalog;
mod convert;
pub mod diff;
pub mod draft;
pub mod drift;
pub mod event_type;
pub mod example;
pub mod explain;
pub mod finding;
pub mod flatten;
pub mod glob;
pub mod lint;
pub mod load;
pub mod matching;
mod params;
pub mod path;
pub mod pattern;
mod place;
pub mod policy;
pub mod problem;
mod read;
pub mod resolve;
pub mod routing;
pub mod rule;
pub mod secrets;
pub mod spans;
pub mod suggest;
#[cfg(test)]
mod testing;
pub mod word;

pub use builtin::builtin;
pub use convert::is_zone;
pub use load::{Loaded, Source, load};
