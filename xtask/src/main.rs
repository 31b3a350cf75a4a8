//! Chores of the project, run as `cargo xtask <chore>`: testing, generating pages, measuring, checking the house rules.
//!
//! A chore never needs more than this repository, cargo and what `cargo xtask install` puts in. Start reading at
//! `test.rs`, which is what continuous integration runs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore speaks to the person who runs it")]

mod bench;
mod command;
mod fuzz;
mod generated;
mod install;
mod suite;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <chore>

  test [--long]     everything that must hold before a change is merged, in order, with a summary
  tidy              house rules: dependencies between crates, sizes, forbidden words, links, error pages
  gen [--check]     write generated pages again, or only say which are stale
  bench <ingest | search | own-search | mixed | real>
                    measure on this machine and append the figures to bench/RESULTS.md
  fuzz [SECONDS [TARGET]]
                    feed every reader of foreign bytes with broken input, 60 s each unless told otherwise
  walk              do what docs/guide/five-minutes.md describes and write its table again, with the release build if there is one
  install           put in the tools that tests need
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one chore; `false` means it found something wrong, an error that it could not be run.
fn run(arguments: &[String]) -> Result<bool> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => Ok(test::run(false)),
        ["test", "--long"] => Ok(test::run(true)),
        ["tidy"] => tidy::report(),
        ["gen"] => generated::write().map(|()| true),
        ["gen", "--check"] => generated::check(),
        ["bench", name] => bench::run(name).map(|()| true),
        ["fuzz", rest @ ..] if rest.len() <= 2 => {
            fuzz::fuzz(rest.first().copied(), rest.get(1).copied()).map(|()| true)
        }
        ["walk"] => test::walk().map(|()| true),
        ["install"] => install::run().map(|()| true),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(true)
        }
        _ => bail!("no such chore: {}\n\n{USAGE}", words.join(" ")),
    }
}
