//! Writes the published vectors of the event format to standard output:
//! `cargo run -p indelible-event --example write-vectors > tests/vectors/event.json`.
#![allow(clippy::unwrap_used, reason = "a case that does not build is a mistake in this program")]

#[path = "../tests/vector_cases/mod.rs"]
mod vector_cases;

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(vector_cases::text().as_bytes())
}
