//! People from outside, on a server in this process whose clocks the tests move: how they get in, what they may do, and
//! what is recorded of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claim;
mod console;
mod entry;
mod matrix;
mod node;
mod smuggle;
