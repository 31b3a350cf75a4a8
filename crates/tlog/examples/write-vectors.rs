//! Prints `tests/vectors/tlog.json`. Vectors may be added; a published one never changes.
#![allow(clippy::unwrap_used, reason = "shares its code with the tests")]

#[path = "../tests/suite/flat_log.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod flat_log;
#[path = "../tests/suite/vector_file.rs"]
mod vector_file;

#[expect(clippy::print_stdout, reason = "the output is what the program is for")]
fn main() -> serde_json::Result<()> {
    println!("{}", serde_json::to_string_pretty(&vector_file::vector_file())?);
    Ok(())
}
