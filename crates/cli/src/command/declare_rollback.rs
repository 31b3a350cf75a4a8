//! `indelible declare-rollback`: the only way past a refusal to start after data was lost. What was signed before stays
//! true; the logs concerned are frozen and their organizations go on under new names.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;
use indelible_store::rollback::{Frozen, declare};
use serde_json::{Value, json};

use super::serve::{NodeArgs, anchor_dir};
use crate::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::say;
use crate::time;

/// The word that a person types.
const WORD: &str = "rollback";
const COLUMNS: [&str; 5] = ["log", "events_left", "signed", "root", "declared_at"];

/// Declare that data was lost, and go on under new log names
///
/// For a data folder that is older than its own signed heads or than the anchor beside it, when nothing newer can be
/// restored. The logs concerned are frozen: read, never signed or appended to again. Nothing is deleted.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible declare-rollback --data ./indelible-data\n  indelible declare-rollback --data /var/lib/indelible --config /etc/indelible.toml --yes"
)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let settings = self.node.load()?;
        let dir = settings.path("node.data").unwrap_or_else(|| PathBuf::from("./indelible-data"));
        if !self.yes {
            confirm(&dir)?;
        }
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let now_ns = u64::try_from(time::now_ns()).unwrap_or(0);
        let frozen = declare(&disk, &dir, anchor_dir(&settings).as_deref(), now_ns);
        let frozen = frozen.map_err(|error| Failure::new(Exit::Failed, error.code(), error.to_string()))?;
        let rows: Vec<Value> = frozen.iter().map(row).collect();
        context.output.rows(&COLUMNS, &rows)?;
        if rows.is_empty() {
            say("nothing is missing that was signed: no log was frozen");
        } else {
            say(
                "start the server again: these organizations go on in new logs, whose names and keys are new",
            );
            say("keep the old names, keys and last checkpoints: they are the evidence of what was lost");
        }
        Ok(())
    }
}

fn row(frozen: &Frozen) -> Value {
    json!({
        "log": frozen.origin,
        "events_left": frozen.size,
        "signed": frozen.head_size,
        "root": frozen.head_root.to_string(),
        "declared_at": time::text(i64::try_from(frozen.declared_ns).unwrap_or(i64::MAX)),
    })
}

fn confirm(dir: &Path) -> Outcome {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is there to ask; say --yes"));
    }
    let dir = dir.display();
    say(&format!("{dir}: events that were acknowledged may be gone for good, and their logs get new names"));
    say(&format!("type {WORD:?} to go on:"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == WORD { Ok(()) } else { Err(Failure::failed("nothing was done")) }
}
