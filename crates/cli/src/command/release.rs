//! `indelible release`: commit what a quarantined event should have said.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Context;
use crate::client::{Client, Request, segment};
use crate::exit::{Failure, Outcome};
use crate::input;

const COLUMNS: [&str; 5] = ["status", "receipt.index", "receipt.id", "receipt.received_at", "flags"];

/// Release a quarantined event
///
/// Judges it again, as it stands (after its code was added to the catalog, say) or as corrected in a file, and commits
/// the result as a new event that relates to the quarantined one. What still does not fit is refused with the reasons,
/// and goes on waiting. The quarantined event stays in the log as it is.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible search state:quarantined\n  indelible release 0197a0b2-6c1e-7000-8000-3f0c2a9d1e55\n  indelible release 0197a0b2-6c1e-7000-8000-3f0c2a9d1e55 --with corrected.json"
)]
pub(crate) struct Args {
    /// Id of the quarantined event
    #[arg(value_name = "ID")]
    event: String,
    /// The corrected event as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let corrected = self.with.as_deref().map(read).transpose()?.unwrap_or_default();
        let path = client.org_path(&format!("events/{}/release", segment(&self.event)));
        let headers = [("content-type", "application/json")];
        let request = Request { method: "POST", path: &path, headers: &headers, body: Some(&corrected) };
        let result: Value = client.send(&request)?.json()?;
        context.output.rows(&COLUMNS, std::slice::from_ref(&result))?;
        Ok(())
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = input::read_whole(file)?;
    if bytes.trim_ascii().is_empty() {
        return Err(Failure::usage(format!(
            "{} is empty; leave --with out to judge the event as it stands",
            file.display()
        )));
    }
    Ok(bytes)
}
