//! Real lines against catalogs: one by one, and as a whole.

use std::path::PathBuf;

use indelible_catalog::catalog::Registry;
use indelible_catalog::drift;
use indelible_catalog::explain::{Explanation, explain};
use indelible_event::Field;
use indelible_formats::Format;
use serde_json::{Value, json};

use crate::Context;
use crate::catalogs::{CatalogsArg, named};
use crate::command::view::finding_json;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::read_whole;
use crate::local::{self, FormatArg, Reader};
use crate::output::{Format as Form, Notes, Pages, print, say};

/// Rows named in a table for one difference.
const SHOWN_ROWS: usize = 5;

/// Explain lines: rule, where each field came from, findings
///
/// Nothing is stored and no server is needed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog explain --format openkat openkat.jsonl\n  indelible catalog explain --catalogs ./my-catalogs --format match doors.ndjson --row 4\n  tail -1 app.log | indelible catalog explain --format match -"
)]
pub(super) struct Explain {
    /// Files; .gz and .zst are decompressed; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    /// Catalog that reads the lines [default: the format's]
    #[arg(long, value_name = "ID")]
    catalog: Option<String>,
    /// Only this row
    #[arg(long, value_name = "N")]
    row: Option<u64>,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

/// Compare a stream of real events with a catalog
///
/// Codes that are declared and never seen, seen and not declared (with the nearest declared ones), wrong objects, types
/// that do not fit, missing actors, addresses and accounts, and values that look secret.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog drift --format openkat openkat.jsonl\n  indelible catalog drift --catalog openkat-emitted --format openkat --check ci-run.jsonl\n\nExit codes: 0; with --check 6 when events and catalog differ."
)]
pub(super) struct Drift {
    /// Files; .gz and .zst are decompressed; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    /// Catalog to compare with [default: the format's, else that of the first event]
    #[arg(long, value_name = "ID")]
    catalog: Option<String>,
    /// Exit with 6 when events and catalog differ
    #[arg(long)]
    check: bool,
    /// Leave out what is declared and was not seen
    #[arg(long)]
    seen_only: bool,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

impl Explain {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        if let Some(id) = &self.catalog {
            named(&registry, id)?;
        }
        let mut pages = Pages::new(context.output, &["row", "rule", "verdict", "findings"]);
        let people = context.output.format() == Form::Table;
        let mut unreadable = 0;
        for path in &self.files {
            let bytes = read_whole(path)?;
            let mut reader = Reader::new(&registry, self.format.of(path, &bytes)?, &self.format);
            reader.pinned.clone_from(&self.catalog);
            for raw in reader.format.decode(&bytes) {
                let (row, explained) = match raw {
                    Ok(raw) => (raw.row, Ok(explain(&reader.matched(&raw)))),
                    Err(error) => (error.row, Err(error)),
                };
                if self.row.is_some_and(|only| only != row) {
                    continue;
                }
                match explained {
                    Ok(explanation) if people => {
                        print(&context.output.lines(&format!("row {row}: {explanation}")))?;
                    }
                    Ok(explanation) => pages.write(&[explanation_json(row, &explanation)])?,
                    Err(error) => {
                        unreadable += 1;
                        say(&error.to_string());
                    }
                }
            }
        }
        if !people {
            pages.finish()?;
        }
        if unreadable > 0 {
            return Err(Failure::failed(format!(
                "{unreadable} records could not be read; the places are above"
            )));
        }
        Ok(())
    }
}

fn explanation_json(row: u64, explanation: &Explanation) -> Value {
    match explanation {
        Explanation::Skip { rule } => json!({ "row": row, "rule": rule, "verdict": "skip" }),
        Explanation::NoMatch { tried } => {
            json!({ "row": row, "rule": null, "verdict": "no_match", "tried": tried })
        }
        Explanation::Event { rule, fields, findings, verdict } => {
            let fields: Vec<Value> = fields
                .iter()
                .map(|field| json!({ "path": field.path, "value": field.value, "from": field.from }))
                .collect();
            let findings: Vec<Value> = findings.iter().map(finding_json).collect();
            let verdict = format!("{verdict:?}").to_lowercase();
            json!({ "row": row, "rule": rule, "verdict": verdict, "fields": fields, "findings": findings })
        }
    }
}

impl Drift {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        let mut inputs = Vec::new();
        for path in &self.files {
            let bytes = read_whole(path)?;
            let format = self.format.of(path, &bytes)?;
            inputs.push((format, bytes));
        }
        let id = self.catalog_id(&registry, &inputs)?;
        let catalog = named(&registry, &id)?;
        let others = registry.iter().filter(|other| other.id != id).map(AsRef::as_ref);
        let mut drift = drift::Drift::new(&catalog, others);
        let mut unreadable = 0_u64;
        let mut notes = Notes::default();
        for (format, bytes) in &inputs {
            let mut reader = Reader::new(&registry, *format, &self.format);
            reader.pinned = Some(id.clone());
            for (row, outcome) in reader.read(bytes) {
                match outcome {
                    Ok(local::Outcome::Event { event, .. })
                        if event.text(Field::Catalog).is_some_and(|of| of != id) => {}
                    Ok(local::Outcome::Event { event, findings, .. }) => drift.event(row, &event, &findings),
                    Ok(local::Outcome::Skipped(_)) => drift.skip(),
                    Ok(local::Outcome::NoMatch(_)) => drift.no_match(),
                    Err(error) => {
                        unreadable += 1;
                        notes.say(&error.to_string());
                    }
                }
            }
        }
        notes.finish();
        self.tell(context, &id, &drift.finish(), unreadable)
    }

    fn tell(&self, context: &Context, id: &str, report: &drift::DriftReport, unreadable: u64) -> Outcome {
        let findings = report.findings.iter().filter(|finding| !self.seen_only || finding.id != "never_seen");
        let rows: Vec<Value> = findings
            .map(|finding| {
                let first: Vec<String> = finding.rows.iter().take(SHOWN_ROWS).map(u64::to_string).collect();
                json!({
                    "finding": finding.id, "subject": finding.subject, "count": finding.count, "rows": finding.rows,
                    "first_rows": first.join(" "), "suggest": finding.suggest.join(" "), "message": finding.message,
                })
            })
            .collect();
        context.output.rows(&["finding", "subject", "count", "first_rows", "suggest", "message"], &rows)?;
        let lines = &report.lines;
        say(&format!(
            "{id}: {} read, {} with a code, {} without, {} skipped by rule, {} taken by no rule, {unreadable} not readable; {} codes seen, {} declared",
            lines.read,
            lines.coded,
            lines.without_code,
            lines.skipped,
            lines.unmatched,
            report.codes_seen,
            report.codes_declared
        ));
        if self.check && (report.has_drift() || unreadable > 0) {
            return Err(Failure::new(
                Exit::Drift,
                "drift",
                format!("the events and the catalog {id} differ"),
            ));
        }
        Ok(())
    }

    fn catalog_id(&self, registry: &Registry, inputs: &[(Format, Vec<u8>)]) -> Result<String, Failure> {
        let said = self
            .catalog
            .clone()
            .or_else(|| inputs.iter().find_map(|(format, _)| format.catalog().map(str::to_owned)));
        let seen = || {
            inputs.iter().find_map(|(format, bytes)| {
                let reader = Reader::new(registry, *format, &self.format);
                first_catalog(&reader, bytes)
            })
        };
        said.or_else(seen).ok_or_else(|| Failure::usage("no line is taken by a catalog; say --catalog ID"))
    }
}

/// The catalog of the first event of an input.
fn first_catalog(reader: &Reader<'_>, bytes: &[u8]) -> Option<String> {
    reader.read(bytes).find_map(|(_, outcome)| match outcome {
        Ok(local::Outcome::Event { event, .. }) => event.text(Field::Catalog).map(str::to_owned),
        _ => None,
    })
}
