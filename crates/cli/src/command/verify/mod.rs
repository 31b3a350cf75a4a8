//! `indelible verify`: recomputes what a log claims, from stored events, over HTTP, or from one proof.
//!
//! Three verdicts, because they are three questions: integrity (is what is there what was recorded), completeness (did
//! every producer's numbers arrive), freshness (is this the newest state). Only the first one can fail the run: holes
//! and age are told. Nothing is ever repaired here.

mod data;
mod proof;
mod url;
pub(super) mod vkeys;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Context;
use crate::exit::{Exit, Failure, Outcome};

/// Verify a log, the proof of an event, or an evidence bundle
///
/// Recomputes everything from the events up and compares with what was signed. Exit 3 when something does not hold,
/// with the first place where it does not.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible verify --data ./indelible-data\n  indelible verify --url http://127.0.0.1:7513 --org default --vkey \"$(cat default.vkey)\"\n  indelible verify event.tlog-proof --vkey-file default.vkey\n\nExit codes: 0 everything holds, 3 something does not: evidence of tampering or damage."
)]
pub(crate) struct Args {
    /// Proofs of events, or evidence bundles
    #[arg(value_name = "FILE", required_unless_present_any = ["data", "url"], conflicts_with_all = ["data", "url"])]
    proofs: Vec<PathBuf>,
    /// Data folder of a server that is stopped, or a copy
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    data: Option<PathBuf>,
    /// Running server: checkpoint, tiles and leaves are read over HTTP
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    url: Option<String>,
    #[command(flatten)]
    keys: vkeys::KeyArgs,
}

/// What a verification came to.
#[derive(Debug, Default)]
struct Verdicts {
    /// What does not hold, the first fault first; empty: integrity holds.
    faults: Vec<Fault>,
    /// What was checked, for people.
    integrity: String,
    completeness: String,
    freshness: String,
    /// More for programs.
    more: Value,
}

/// One thing that does not hold, and where.
#[derive(Debug, Default)]
struct Fault {
    /// File, tile or index.
    place: String,
    what: String,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        if let Some(dir) = &self.data {
            return data::verify(dir)?.tell(context);
        }
        if let Some(url) = &self.url {
            return url::verify(&self, url, context)?.tell(context);
        }
        let mut failed = 0;
        for path in &self.proofs {
            failed += usize::from(!holds(&self, path, context)?);
        }
        if failed > 0 {
            let message = format!("{failed} of {} files do not hold", self.proofs.len());
            return Err(Failure::new(Exit::Tampered, "not_verified", message));
        }
        Ok(())
    }
}

/// Checks a file that was handed over: a bundle, or else a proof.
fn holds(args: &Args, path: &Path, context: &Context) -> Result<bool, Failure> {
    if !super::bundle::is_bundle(path) {
        return proof::verify(args, path, context);
    }
    match super::bundle::verify(path, &args.keys, context) {
        Err(failure) if failure.exit == Exit::Tampered => {
            crate::output::say(&failure.message);
            Ok(false)
        }
        checked => checked.map(|()| true),
    }
}

impl Verdicts {
    fn fault(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.faults.push(Fault { place: place.into(), what: what.into() });
    }

    fn tell(self, context: &Context) -> Outcome {
        let holds = self.faults.is_empty();
        let integrity = if holds {
            format!("holds: {}", self.integrity)
        } else {
            let first = self.faults.first().map(|fault| format!("{}: {}", fault.place, fault.what));
            format!("FAILED: {} ({} faults)", first.unwrap_or_default(), self.faults.len())
        };
        let faults: Vec<Value> =
            self.faults.iter().map(|fault| json!({ "place": fault.place, "what": fault.what })).collect();
        let mut document = json!({
            "verified": holds,
            "integrity": integrity,
            "completeness": said(&self.completeness),
            "freshness": said(&self.freshness),
        });
        if !holds {
            document["faults"] = Value::Array(faults);
        }
        if !self.more.is_null() {
            document["details"] = self.more;
        }
        context.output.document(&document)?;
        if holds {
            return Ok(());
        }
        let first =
            self.faults.first().map(|fault| format!("{}: {}", fault.place, fault.what)).unwrap_or_default();
        Err(Failure::new(Exit::Tampered, "not_verified", format!("the log does not hold: {first}")))
    }
}

/// A verdict, or that there is none because the first fault ended the run.
fn said(verdict: &str) -> &str {
    if verdict.is_empty() { "not looked at" } else { verdict }
}
