//! `indelible view`: read a file as events, without a server.

use std::path::PathBuf;

use indelible_catalog::catalog::Registry;
use indelible_event::{Event, EventId, Field};
use indelible_formats::json_out;
use indelible_query::{Compiled, EventView, Position};
use indelible_server::event_json;
use serde_json::{Value, json};

use super::query::parse_locally;
use super::search::shown;
use crate::Context;
use crate::catalogs::CatalogsArg;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::read_whole;
use crate::local::{self, FormatArg, Reader};
use crate::output::{Notes, Pages, say};

const COLUMNS: [&str; 8] = ["row", "occurred_at", "catalog", "code", "outcome", "actor", "sentence", "flags"];
/// Rows written at once.
const PAGE: usize = 500;

/// Read files as events, without a server
///
/// Decodes, matches with the catalogs and shows what would be recorded, with findings. Nothing is stored.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible view openkat.jsonl\n  indelible view --format netop --zone UTC report.csv\n  indelible view trail.ndjson.gz --query 'crude:D outcome:failure' --output ndjson\n  indelible view --catalogs ./my-catalogs --format match doors.ndjson"
)]
pub(crate) struct Args {
    /// Files; .gz and .zst are decompressed; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatArg,
    #[command(flatten)]
    catalogs: CatalogsArg,
    /// Only events that match this query
    #[arg(long, short = 'q', value_name = "QUERY", default_value = "", hide_default_value = true)]
    query: String,
    /// Columns of table, CSV, TSV and Markdown
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Exit with 4 when nothing matches
    #[arg(long)]
    exit_status: bool,
}

#[derive(Default)]
struct Counts {
    shown: u64,
    skipped: u64,
    unmatched: u64,
    unreadable: u64,
    notes: Notes,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        let zone = self.format.zone.as_deref().filter(|zone| jiff::tz::TimeZone::get(zone).is_ok());
        let query = parse_locally(&self.query, &registry, zone)?;
        let compiled = Compiled::new(&query.parsed, &query.clock, &query.expansion(&registry));
        let own: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let columns: &[&str] = if own.is_empty() { &COLUMNS } else { &own };
        let mut pages = Pages::new(context.output, columns);
        let mut counts = Counts::default();
        for path in &self.files {
            let bytes = read_whole(path)?;
            let format = self.format.of(path, &bytes)?;
            let reader = Reader::new(&registry, format, &self.format);
            let mut page = Vec::new();
            for (row, outcome) in reader.read(&bytes) {
                page.extend(counts.add(&registry, &compiled, row, outcome));
                if page.len() >= PAGE {
                    pages.write(&shown(context.output.format(), columns, &page))?;
                    page.clear();
                }
            }
            pages.write(&shown(context.output.format(), columns, &page))?;
        }
        pages.finish()?;
        counts.notes.finish();
        say(&format!(
            "{} events shown, {} records skipped by rule, {} taken by no rule, {} not readable",
            counts.shown, counts.skipped, counts.unmatched, counts.unreadable
        ));
        if counts.unreadable > 0 {
            return Err(Failure::failed(format!(
                "{} records could not be read; the places are above",
                counts.unreadable
            )));
        }
        if counts.shown == 0 && self.exit_status {
            return Err(Failure::new(Exit::Nothing, "nothing_found", "nothing matches"));
        }
        Ok(())
    }
}

impl Counts {
    /// Counts a record; the row to show, if it is an event that the query wants.
    fn add(
        &mut self,
        registry: &Registry,
        query: &Compiled,
        row: u64,
        outcome: Result<local::Outcome, indelible_formats::DecodeError>,
    ) -> Option<Value> {
        match outcome {
            Ok(local::Outcome::Event { mut event, findings, verdict }) => {
                for finding in &findings {
                    event.flag(finding.id.as_str());
                }
                if verdict >= indelible_catalog::policy::Verdict::Quarantine {
                    event.set(Field::State, "quarantined");
                }
                let view = EventView::new(position(row), &event);
                if !query.matches(&view) {
                    return None;
                }
                self.shown += 1;
                let findings: Vec<Value> = findings.iter().map(finding_json).collect();
                Some(event_row(registry, row, &event, findings))
            }
            Ok(local::Outcome::Skipped(_)) => {
                self.skipped += 1;
                None
            }
            Ok(local::Outcome::NoMatch(findings)) => {
                self.unmatched += 1;
                let hints: Vec<&str> = findings.iter().map(|finding| finding.hint.as_str()).collect();
                self.notes.say(&format!("row {row}: {}", hints.join("; ")));
                None
            }
            Err(error) => {
                self.unreadable += 1;
                self.notes.say(&error.to_string());
                None
            }
        }
    }
}

fn position(row: u64) -> Position<'static> {
    Position {
        organization: "",
        index: row,
        received_ns: 0,
        id: EventId([0; 16]),
        sequence: 0,
        imported: false,
    }
}

/// An event of a file as JSON, with its row and findings.
pub(crate) fn event_row(registry: &Registry, row: u64, event: &Event, findings: Vec<Value>) -> Value {
    let mut text = String::new();
    json_out::event(&mut text, event);
    let mut json: Value = serde_json::from_str(&text).unwrap_or_default();
    json["row"] = json!(row);
    json["title"] = json!(event_json::title(registry, event));
    json["sentence"] = json!(event_json::sentence(registry, event));
    if !findings.is_empty() {
        json["findings"] = Value::Array(findings);
    }
    json
}

/// A finding as JSON.
pub(crate) fn finding_json(finding: &indelible_catalog::finding::Finding) -> Value {
    let mut json = json!({ "code": finding.id.as_str(), "pointer": finding.pointer, "hint": finding.hint });
    if let Some(value) = &finding.value {
        json["value"] = json!(value);
    }
    if !finding.suggest.is_empty() {
        json["suggest"] = json!(finding.suggest);
    }
    json
}
