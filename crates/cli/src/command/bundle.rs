//! `indelible bundle`: evidence that can be handed over, and the check of evidence that was.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use indelible_bundle::{Fault, Manifested, Verdict, check};
use indelible_tlog::vkey::VerifierKey;
use serde_json::{Value, json};

use super::search::Window;
use super::verify::vkeys;
use crate::Context;
use crate::client::Query;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::say;
use crate::source::{DataArg, Source};

/// Largest file that is looked at: no bundle of ours comes near it.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Make or check an evidence bundle
///
/// A bundle is one zip file with events, their proofs against one signed checkpoint, the meaning of their codes, and a page
/// that checks all of it without the system it came from.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible bundle create 'session:nrc-5e1f' --since -90d --out evidence.zip\n  indelible bundle verify evidence.zip --vkey-file noordwal.vkey"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Create(CreateArgs),
    Verify(VerifyArgs),
}

/// Make a bundle of everything that a query finds
///
/// At most 10,000 events and 64 MiB; more is refused, never cut. A server records who made it, with the query; a folder
/// (`--data`) has nobody to record it, and the manifest says so.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible bundle create 'actor:u-115' --since -30d --purpose 'case 2026-114' --out case.zip\n  indelible bundle create 'catalog:netop' --data ./indelible-data --out netop.zip"
)]
struct CreateArgs {
    /// Query; everything without one
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    #[command(flatten)]
    window: Window,
    /// Answer from the first so many events of the log
    #[arg(long, value_name = "SIZE")]
    at: Option<u64>,
    /// What it is for; stands in the manifest
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// With the form in which foreign events were received
    #[arg(long)]
    raw: bool,
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "evidence.zip")]
    out: PathBuf,
    #[command(flatten)]
    data: DataArg,
}

/// Check a bundle, offline
///
/// Recomputes every event up to the signed checkpoint and compares what people read with what is proven. Exit 3 when
/// something does not hold, with the part, the event and what differs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible bundle verify evidence.zip --vkey-file noordwal.vkey\n  indelible bundle verify evidence.zip --json\n\nExit codes: 0 everything holds, 3 something does not: evidence of tampering or damage."
)]
struct VerifyArgs {
    /// The bundle
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    keys: vkeys::KeyArgs,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self.action {
            Action::Create(args) => args.run(context),
            Action::Verify(args) => verify(&args.file, &args.keys, context),
        }
    }
}

impl CreateArgs {
    fn run(self, context: &Context) -> Outcome {
        let source = Source::open(context, &self.data)?;
        let query = self
            .window
            .add_to(Query::default().with("q", Some(&self.query)))
            .with("at", self.at)
            .with("purpose", self.purpose.as_ref())
            .with("include", self.raw.then_some("raw"));
        let bytes = source.bundle(&query)?;
        let unwritten =
            |error: std::io::Error| Failure::usage(format!("cannot write {}: {error}", self.out.display()));
        File::create(&self.out).and_then(|mut file| file.write_all(&bytes)).map_err(unwritten)?;
        let verdict = check(&bytes, None).map_err(|error| Failure::failed(error.to_string()))?;
        let document = json!({
            "file": self.out.display().to_string(), "bytes": bytes.len(),
            "events": verdict.manifest["rows"], "log": verdict.manifest["log"],
            "recorded": verdict.manifest["recorded"],
        });
        context.output.document(&document)?;
        Ok(())
    }
}

/// Whether a file is one, by its beginning.
pub(super) fn is_bundle(path: &Path) -> bool {
    let mut begin = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *b"PK"
}

/// Checks a bundle and prints what it proves.
pub(super) fn verify(path: &Path, keys: &vkeys::KeyArgs, context: &Context) -> Outcome {
    let name = path.display().to_string();
    let bytes = read(path)?;
    let known = keys.said()?;
    let trusted: Option<&[VerifierKey]> = known.as_ref().map(|known| known.keys.as_slice());
    let verdict = match check(&bytes, trusted) {
        Ok(verdict) => verdict,
        Err(error) => {
            let message = format!("{name} does not hold: {error}");
            return Err(Failure::new(Exit::Tampered, "not_verified", message));
        }
    };
    context.output.document(&told(&verdict))?;
    if let Some(first) = verdict.faults.first() {
        for fault in &verdict.faults {
            say(&sentence(fault));
        }
        let message = format!("{name} does not hold: {}", sentence(first));
        return Err(Failure::new(Exit::Tampered, "not_verified", message));
    }
    say(&match &known {
        Some(known) => format!("{name}: holds; {}", known.sentence()),
        None => format!(
            "{name}: holds; with the key inside, which vouches for itself: compare it with the one that you got elsewhere and say --vkey"
        ),
    });
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = path.display();
    let unread = |error: std::io::Error| Failure::usage(format!("cannot read {name}: {error}"));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unread)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::usage(format!("{name} is larger than {MAX_FILE_BYTES} bytes; no bundle is")));
    }
    Ok(bytes)
}

fn told(verdict: &Verdict) -> Value {
    let faults = verdict.faults.iter().map(|fault| {
        json!({
            "part": fault.part,
            "index": fault.event.map(|(index, _)| index),
            "id": fault.event.and_then(|(_, id)| id).map(|id| id.to_string()),
            "what": fault.what,
        })
    });
    let manifest = &verdict.manifest;
    let recorded = match verdict.manifested {
        Manifested::Recorded(index) => json!(index),
        Manifested::Unrecorded => Value::Null,
    };
    json!({
        "verified": verdict.faults.is_empty(),
        "organization": manifest["organization"],
        "log": manifest["log"],
        "query": manifest["query"],
        "events": verdict.events,
        "made_at": manifest["made_at"],
        "made_by": manifest["made_by"],
        "purpose": manifest["purpose"],
        "left_out": manifest["left_out"],
        "recorded_as": recorded,
        "keys": verdict.keys,
        "faults": faults.collect::<Vec<_>>(),
    })
}

fn sentence(fault: &Fault) -> String {
    match fault.event {
        Some((index, Some(id))) => format!("{}: event {index} ({id}): {}", fault.part, fault.what),
        Some((index, None)) => format!("{}: event {index}: {}", fault.part, fault.what),
        None => format!("{}: {}", fault.part, fault.what),
    }
}
