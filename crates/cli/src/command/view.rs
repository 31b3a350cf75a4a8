//! `indelible view`: read a file as events, without a server.

use std::path::PathBuf;

use indelible_catalog::catalog::Registry;
use indelible_event::{Event, EventId, Field};
use indelible_formats::json_out;
use indelible_query::{Clock, Compiled, EventView, Position, TimeExpr};
use indelible_search::Window;
use indelible_server::event_json;
use serde_json::{Value, json};

use super::query::parse_locally;
use super::search::shown;
use crate::Context;
use crate::catalogs::CatalogsArg;
use crate::exit::{Exit, Failure, Outcome};
use crate::input::read_whole;
use crate::local::{self, FormatArg, Place, Reader};
use crate::output::{Notes, Pages, print, say};

const COLUMNS: [&str; 8] = ["row", "occurred_at", "catalog", "code", "outcome", "actor", "sentence", "flags"];
/// Rows written at once.
const PAGE: usize = 500;

/// Read files as events, without a server
///
/// Decodes, matches with the catalogs and shows what would be recorded, with findings. Nothing is stored. Exports are shown as they
/// were recorded, with their places in the log.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible view openkat.jsonl\n  indelible view --format netop --zone UTC report.csv\n  indelible view trail.ndjson.gz --query 'crude:D outcome:failure' --output ndjson\n  indelible view --catalogs ./my-catalogs --format match doors.ndjson\n  indelible view export.ndjson -q 'actor:ann index:1000..' --since 2026-11 --count"
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
    /// Earliest time of the act: a time, or words such as -3h, yesterday, friday
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Latest time of the act, inclusive
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// End after so many events
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only how many match
    #[arg(long)]
    count: bool,
    /// Columns of table, CSV, TSV and Markdown
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Exit with 4 when nothing matches
    #[arg(long)]
    exit_status: bool,
}

/// What is to be shown.
struct Wanted {
    compiled: Compiled,
    window: Window,
}

impl Args {
    fn window(&self, clock: &Clock) -> Result<Window, Failure> {
        let time = |name: &str, text: Option<&str>| {
            let Some(text) = text else { return Ok(None) };
            let wrong = || {
                Failure::usage(format!("--{name} {text:?} is not a time: say -3h, yesterday or 2026-11-21"))
            };
            TimeExpr::parse(text).map(Some).ok_or_else(wrong)
        };
        let (since, until) = (time("since", self.since.as_deref())?, time("until", self.until.as_deref())?);
        Window::between(since.as_ref(), until.as_ref(), clock)
            .ok_or_else(|| Failure::usage("--since or --until lies beyond the calendar"))
    }
}

impl Wanted {
    fn takes(&self, view: &EventView<'_>) -> bool {
        let time = view.occurred();
        self.window.since.is_none_or(|since| time >= since)
            && self.window.until.is_none_or(|until| time < until)
            && self.compiled.matches(view)
    }
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
        let wanted = Wanted { compiled, window: self.window(&query.clock)? };
        let most = self.limit.unwrap_or(u64::MAX);
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
                if counts.shown >= most {
                    break;
                }
                let found = counts.add(&registry, &wanted, row, outcome);
                page.extend(found.filter(|_| !self.count));
                if page.len() >= PAGE {
                    pages.write(&shown(context.output.format(), columns, &page))?;
                    page.clear();
                }
            }
            if !self.count {
                pages.write(&shown(context.output.format(), columns, &page))?;
            }
        }
        if self.count {
            print(&format!("{}\n", counts.shown))?;
        } else {
            pages.finish()?;
        }
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
        wanted: &Wanted,
        row: u64,
        outcome: Result<local::Outcome, indelible_formats::DecodeError>,
    ) -> Option<Value> {
        match outcome {
            Ok(local::Outcome::Event { mut event, findings, verdict, place }) => {
                for finding in &findings {
                    event.flag(finding.id.as_str());
                }
                if verdict >= indelible_catalog::policy::Verdict::Quarantine {
                    event.set(Field::State, "quarantined");
                }
                let view = EventView::new(position(row, place.as_ref()), &event);
                if !wanted.takes(&view) {
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

/// Where the log has an event that was exported; others stand in their file.
fn position(row: u64, place: Option<&Place>) -> Position<'_> {
    Position {
        organization: place.map_or("", |place| &place.organization),
        index: place.map_or(row, |place| place.index),
        received_ns: place.map_or(0, |place| place.received_ns),
        id: place.map_or(EventId([0; 16]), |place| place.id),
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
