//! What tests share: a server of the built binary on a folder of its own, and a client that knows nothing but HTTP.
//!
//! Only tests use this crate; it panics where a test must fail.
#![allow(clippy::missing_panics_doc, reason = "a panic here is a failed test")]
#![allow(clippy::disallowed_methods, reason = "a test damages files and waits for other processes")]

pub mod examples;
pub mod folder;
pub mod proof;
pub mod senders;
mod server;
pub mod whole_log;

pub use server::{Answer, Server, Setup};
