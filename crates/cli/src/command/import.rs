//! `indelible import`: files of other programs, through the API.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use indelible_catalog::policy::Verdict;
use indelible_formats::Format;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Context;
use crate::catalogs::CatalogsArg;
use crate::client::{Client, Query, Request};
use crate::exit::{Exit, Failure, Outcome};
use crate::import::batch::{Batch, Batches};
use crate::import::records::Records;
use crate::import::resume::Resume;
use crate::import::tally::Tally;
use crate::input::{cannot, decompressed, is_standard, open, read_whole};
use crate::local::{self, FormatArg, Reader};
use crate::output::{Format as Form, say};

/// Import files of other programs
///
/// Sends every record through the same intake as everything else. Running an import again is harmless: rows that are
/// in the log already are answered as duplicates. Imported events are marked as not witnessed when they happened.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible import --format openkat --zone UTC openkat.jsonl\n  indelible import --format cloudtrail --org audit trail.ndjson.gz\n  zcat report.csv.gz | indelible import --format sanernow --zone Europe/Amsterdam -\n  indelible import --format match --dry-run doors.ndjson\n\nExit codes: 0 everything was taken, 1 records were refused, 75 the server went away (run it again)."
)]
pub(crate) struct Args {
    /// Files; .gz and .zst are decompressed; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    /// Show what would become of the records; send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    catalogs: CatalogsArg,
    /// Keep a small state file beside each file, and pass over what an earlier run has sent
    #[arg(long)]
    resume: bool,
    /// Exit with 0 although records were refused
    #[arg(long)]
    allow_refused: bool,
    /// Name of the producer that the events are recorded under
    #[arg(long, value_name = "NAME", default_value = "import")]
    producer: String,
}

/// One file on its way.
struct Run<'a> {
    args: &'a Args,
    client: &'a Client,
    path: &'a Path,
    format: Format,
    sha256: String,
    resume: Option<Resume>,
    bar: ProgressBar,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut tally = Tally::default();
        let result = if self.dry_run { self.explain(&mut tally) } else { self.send(context, &mut tally) };
        if tally.read > 0 || result.is_ok() {
            if matches!(context.asked, Some(Form::Json | Form::Ndjson)) {
                context.output.document(&tally.json())?;
            } else {
                say(&tally.table());
            }
        }
        result?;
        if tally.refused > 0 && !self.allow_refused {
            let message =
                format!("{} of {} records were refused; the reasons are above", tally.refused, tally.read);
            return Err(Failure::new(Exit::Failed, "records_refused", message));
        }
        Ok(())
    }

    fn send(&self, context: &Context, tally: &mut Tally) -> Outcome {
        let client = Client::new(&context.target)?;
        for path in &self.files {
            let mut file = open(path)?;
            let (sha256, format) = self.first_look(path, &mut file)?;
            let resume = (self.resume && !is_standard(path)).then(|| {
                let identity = json!({ "sha256": sha256, "format": format.name(), "server": client.base(), "org": client.org() });
                Resume::new(path, identity)
            });
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            let bar = bar(length);
            let run = Run { args: self, client: &client, path, format, sha256, resume, bar };
            let result = run.send(&file, tally);
            run.bar.finish_and_clear();
            result?;
        }
        Ok(())
    }

    /// Reads the file once: its digest names the import, its beginning may show its form.
    fn first_look(&self, path: &Path, file: &mut File) -> Result<(String, Format), Failure> {
        let look = |file: &mut File| -> io::Result<(String, Vec<u8>)> {
            let mut hash = Sha256::new();
            let mut buffer = vec![0; 1 << 16];
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                hash.update(buffer.get(..read).unwrap_or_default());
            }
            file.rewind()?;
            let mut head = Vec::new();
            decompressed(path, &*file)?.take(1 << 16).read_to_end(&mut head)?;
            file.rewind()?;
            let hex = hash.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            Ok((hex, head))
        };
        let (sha256, head) = look(file).map_err(|error| cannot(path, &error))?;
        Ok((sha256, self.format.of(path, &head)?))
    }

    /// What would become of the records, by the catalogs alone.
    fn explain(&self, tally: &mut Tally) -> Outcome {
        let registry = self.catalogs.registry()?;
        for path in &self.files {
            let bytes = read_whole(path)?;
            let format = self.format.of(path, &bytes)?;
            let reader = Reader::new(&registry, format, &self.format);
            for (row, outcome) in reader.read(&bytes) {
                note(tally, row, outcome);
            }
        }
        say("nothing was sent: this is what the catalogs say; an organization's policies may be stricter");
        Ok(())
    }
}

fn note(tally: &mut Tally, row: u64, outcome: Result<local::Outcome, indelible_formats::DecodeError>) {
    match outcome {
        Ok(local::Outcome::Event { findings, verdict, .. }) => {
            tally.read += 1;
            match verdict {
                Verdict::Accept | Verdict::Flag => tally.stored += 1,
                Verdict::Quarantine => tally.quarantined += 1,
                Verdict::Reject => tally.refused += 1,
                Verdict::Skip => tally.skipped += 1,
            }
            tally.flagged += u64::from(!findings.is_empty());
            tally.findings(row, &findings);
        }
        Ok(local::Outcome::Skipped(rule)) => tally.skip(row, &rule),
        Ok(local::Outcome::NoMatch(findings)) => {
            tally.read += 1;
            tally.quarantined += 1;
            tally.flagged += 1;
            tally.findings(row, &findings);
        }
        Err(error) => tally.refuse(row, error.code.as_str(), &error.to_string()),
    }
}

impl Run<'_> {
    fn send(&self, file: &File, tally: &mut Tally) -> Outcome {
        let unreadable = |error: io::Error| cannot(self.path, &error);
        let reader = decompressed(self.path, self.bar.wrap_read(file)).map_err(unreadable)?;
        let mut batches = Batches::new(Records::new(reader, self.format).map_err(unreadable)?);
        let done = self.resume.as_ref().map_or(0, Resume::row);
        if done > 0 {
            say(&format!(
                "{}: rows up to {done} were sent by an earlier run and are passed over",
                self.path.display()
            ));
        }
        let mut acknowledged = done;
        while let Some(batch) = batches.next().map_err(unreadable)? {
            let last = batch
                .rows
                .iter()
                .chain(batch.unreadable.iter().map(|(row, _)| row))
                .max()
                .copied()
                .unwrap_or(0);
            if last <= done {
                continue;
            }
            self.batch(&batch, tally).map_err(|failure| self.stopped(&failure, acknowledged))?;
            acknowledged = last;
            if let Some(resume) = &self.resume {
                resume.note(last)?;
            }
            self.bar.set_message(tally.line());
        }
        if batches.forgot() {
            say(&format!(
                "{}: too many different rows to tell all equal ones apart; equal rows far apart were taken for one",
                self.path.display()
            ));
        }
        if let Some(resume) = &self.resume {
            resume.done()?;
        }
        Ok(())
    }

    fn batch(&self, batch: &Batch, tally: &mut Tally) -> Outcome {
        for (row, why) in &batch.unreadable {
            tally.refuse(*row, "request_malformed", why);
        }
        if batch.rows.is_empty() {
            return Ok(());
        }
        let repeats: Vec<String> =
            batch.repeats.iter().map(|(row, times)| format!("{row}:{times}")).collect();
        let said = &self.args.format;
        let query = Query::default()
            .with("format", Some(self.format.name()))
            .with("first_row", Some(batch.first_row))
            .with("repeats", Some(repeats.join(",")).filter(|text| !text.is_empty()))
            .with("producer", Some(&self.args.producer))
            .with("instance", Some(&self.sha256))
            .with("zone", said.zone.as_deref())
            .with("time_format", said.time_format.as_deref());
        let path = self.client.org_query("events", &query);
        let kind = if self.format.needed_columns().is_empty() { "application/x-ndjson" } else { "text/csv" };
        let headers = [("content-type", kind)];
        let request = Request { method: "POST", path: &path, headers: &headers, body: Some(&batch.body) };
        let answer = self.client.send_patiently(&request, &mut |seconds| {
            self.bar.set_message(format!("the server is busy, waiting {seconds} s"));
        })?;
        let body: Value = match answer.status {
            422 => serde_json::from_slice(&answer.body).unwrap_or_default(),
            _ => answer.json()?,
        };
        let Some(results) = body.get("results").and_then(Value::as_array) else {
            return Err(crate::client::problem(answer.status, &body));
        };
        if results.len() != batch.rows.len() {
            let message = format!(
                "rows {} to {}: {} records were sent, {} were answered",
                batch.first_row,
                batch.rows.last().copied().unwrap_or(0),
                batch.rows.len(),
                results.len()
            );
            return Err(Failure::failed(message));
        }
        batch.rows.iter().zip(results).for_each(|(row, result)| tally.result(*row, result));
        Ok(())
    }

    /// A failure midway, with where things stand.
    fn stopped(&self, failure: &Failure, acknowledged: u64) -> Failure {
        let next = match (&self.resume, failure.exit) {
            (_, exit) if exit != Exit::Temporary => "",
            (Some(_), _) => "; run the same command to go on from there",
            (None, _) => {
                "; run the same command again, rows that are in the log are known again (--resume passes over them faster)"
            }
        };
        let message =
            format!("{}: stopped behind row {acknowledged}{next}\n{}", self.path.display(), failure.message);
        Failure::new(failure.exit, &failure.code, message)
    }
}

fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{percent:>3}% {bytes}/{total_bytes} {eta} {msg}");
    let bar = ProgressBar::new(length);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
