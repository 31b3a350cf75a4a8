//! `indelible declare-rollback`: the only way past a refusal to start after data was lost. The log goes on under a new
//! name, and its first event says what was lost.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;

use crate::Context;
use crate::exit::{Failure, Outcome};
use crate::output::say;

/// The word that a person types.
const WORD: &str = "rollback";

/// Declare that data was lost, and go on under a new log name
///
/// For a data folder that is older than its own signed heads or than the anchor beside it, when nothing newer can be
/// restored. The old name is never used again; the first event of the new log states what the old one had signed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible declare-rollback --data ./indelible-data\n  indelible declare-rollback --data /var/lib/indelible --yes"
)]
pub(crate) struct Args {
    /// Data folder of the stopped server
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Args {
    pub(crate) fn run(self, _context: &Context) -> Outcome {
        if !self.yes {
            confirm(&format!(
                "{}: events that were acknowledged may be gone for good, and the log gets a new name.\nType {WORD:?} to go on:",
                self.data.display()
            ))?;
        }
        Err(Failure::failed("pending"))
    }
}

fn confirm(question: &str) -> Outcome {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is there to ask; say --yes"));
    }
    say(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == WORD { Ok(()) } else { Err(Failure::failed("nothing was done")) }
}
