//! `indelible checkpoint`: what the log has signed.

use serde_json::{Value, json};

use crate::Context;
use crate::client::{Client, segment};
use crate::exit::Outcome;
use crate::output::{Format, print};

/// Print a log's newest checkpoint
///
/// A signed note: origin, size, root. Keep it outside: whoever shows a later one must prove that this one is its
/// beginning.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible checkpoint > checkpoint-$(date +%F).txt\n  indelible checkpoint --org acme --json"
)]
pub(crate) struct Args {}

impl Args {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let answer = client.get(&format!("/log/{}/checkpoint", segment(client.org())))?;
        let note = answer.text()?;
        if !matches!(context.asked, Some(Format::Json | Format::Ndjson)) {
            return Ok(print(note)?);
        }
        let mut lines = note.lines();
        let origin = lines.next().unwrap_or_default();
        let size: u64 = lines.next().and_then(|line| line.parse().ok()).unwrap_or(0);
        let root = lines.next().unwrap_or_default();
        let document: Value = json!({ "origin": origin, "size": size, "root": root, "note": note });
        Ok(context.output.document(&document)?)
    }
}
