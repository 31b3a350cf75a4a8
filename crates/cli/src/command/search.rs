//! `indelible search`: events of a log, by when they happened.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::Context;
use crate::client::Query;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Format, Pages, cell, say};
use crate::source::{DataArg, Source};

/// Columns of the table unless others are asked for.
pub(crate) const COLUMNS: [&str; 7] =
    ["occurred_at", "catalog", "code", "outcome", "actor", "target", "sentence"];
/// Rows of a page; the server's largest.
const PAGE: usize = 1_000;
/// Rows shown on a terminal unless a number or all are asked for: a person reads no more at once.
const TERMINAL_ROWS: usize = 1_000;

/// Search events
///
/// Newest first, by when they happened. Without a limit everything that matches is printed; on a terminal the first
/// thousand. The query language is the same everywhere: `indelible query fields` lists its names.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible search 'catalog:openkat crude:D' --since yesterday\n  indelible search 'actor:ann outcome:failure since:-7d' --columns occurred_at,code,origin.address\n  indelible search 'code:091111' --count\n  indelible search 'state:quarantined' --all --json | jq '.[].flags'\n  indelible search --data ./indelible-data 'actor:ann'"
)]
pub(crate) struct Args {
    /// Query; everything without one
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    #[command(flatten)]
    window: Window,
    /// Order
    #[arg(long, value_enum, default_value_t = Sort::Newest, value_name = "ORDER")]
    sort: Sort,
    /// End after so many events
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Everything that matches, on a terminal too
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Only how many match
    #[arg(long)]
    count: bool,
    /// Answer from the first so many events of the log: the same rows next year
    #[arg(long, value_name = "SIZE")]
    at: Option<u64>,
    /// Columns of table, CSV, TSV and Markdown, such as actor.id,targets[0].name
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Exit with 4 when nothing matches
    #[arg(long)]
    exit_status: bool,
    #[command(flatten)]
    data: DataArg,
}

/// The part of time that is asked about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Window {
    /// Earliest time of the act: a time, or words such as -3h, yesterday, friday
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Latest time of the act, inclusive
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// Zone of days and of times without an offset [default: UTC]
    #[arg(long, short = 'Z', value_name = "ZONE")]
    pub(crate) zone: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// By time of the act, newest first
    #[value(name = "-occurred_at", alias = "newest")]
    Newest,
    /// By time of the act, oldest first
    #[value(name = "occurred_at", alias = "oldest")]
    Oldest,
    /// By place in the log, last first
    #[value(name = "-index")]
    Last,
    /// By place in the log, first first
    #[value(name = "index")]
    First,
}

impl Sort {
    fn word(self) -> &'static str {
        match self {
            Self::Newest => "-occurred_at",
            Self::Oldest => "occurred_at",
            Self::Last => "-index",
            Self::First => "index",
        }
    }
}

impl Window {
    /// The query string's part about time.
    pub(crate) fn add_to(&self, query: Query) -> Query {
        query
            .with("since", self.since.as_deref())
            .with("until", self.until.as_deref())
            .with("tz", self.zone.as_deref())
    }
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let source = Source::open(context, &self.data)?;
        let found = if self.count { self.count(&source, context)? } else { self.list(&source, context)? };
        if found == 0 && self.exit_status {
            return Err(Failure::new(Exit::Nothing, "nothing_found", "nothing matches"));
        }
        Ok(())
    }

    fn query(&self, limit: usize, cursor: Option<&str>) -> Query {
        self.window
            .add_to(Query::default().with("q", Some(&self.query)))
            .with("sort", Some(self.sort.word()))
            .with("limit", Some(limit))
            .with("at", self.at)
            .with("cursor", cursor)
    }

    fn count(&self, source: &Source, context: &Context) -> Result<u64, Failure> {
        let query = self.query(1, None).with("count", Some("exact"));
        let page = source.get("events", &query)?;
        let value = page.pointer("/count/value").and_then(Value::as_u64);
        let value = value.ok_or_else(|| Failure::failed("the server's answer holds no count"))?;
        if matches!(context.output.format(), Format::Json | Format::Ndjson) {
            context
                .output
                .document(&json!({ "count": value, "query": page["query"], "log_size": page["log_size"] }))?;
        } else {
            crate::output::print(&format!("{value}\n"))?;
        }
        Ok(value)
    }

    fn list(&self, source: &Source, context: &Context) -> Result<u64, Failure> {
        let output = context.output;
        let own: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let columns: &[&str] = if own.is_empty() { &COLUMNS } else { &own };
        let people = output.is_terminal() && output.format() == Format::Table && !self.all;
        let wanted = self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let most = wanted.unwrap_or(if people { TERMINAL_ROWS } else { usize::MAX });
        let mut pages = Pages::new(output, columns);
        let (mut found, mut cursor): (usize, Option<String>) = (0, None);
        loop {
            let query = self.query(PAGE.min(most - found), cursor.as_deref());
            let page = source.get("events", &query)?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            found += items.len();
            pages.write(&shown(output.format(), columns, items))?;
            cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            let over = cursor.is_none() || (items.is_empty() && !ran_out(&page));
            if over || found >= most {
                pages.finish()?;
                tell(found, &page, !over && wanted.is_none());
                return Ok(found as u64);
            }
        }
    }
}

/// Whether a page ended because time or data ran out: its cursor goes on. A page that lacks what is damaged does not.
fn ran_out(page: &Value) -> bool {
    let complete = page.get("complete").and_then(Value::as_bool).unwrap_or(true);
    !complete && (page.get("incomplete").is_none() || page.get("stopped_at").is_some())
}

/// Events as rows of a form: whole in JSON, else their columns as text.
pub(crate) fn shown(format: Format, columns: &[&str], events: &[Value]) -> Vec<Value> {
    if matches!(format, Format::Json | Format::Ndjson) {
        return events.to_vec();
    }
    let row = |event: &Value| {
        let cells = columns.iter().map(|name| ((*name).to_owned(), Value::String(event_cell(event, name))));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    events.iter().map(row).collect()
}

/// One column of an event: a path, or `actor` and `target`, which show what tells most.
pub(crate) fn event_cell(event: &Value, column: &str) -> String {
    let first = |paths: &[&str]| {
        paths.iter().map(|path| cell(event, path)).find(|text| !text.is_empty()).unwrap_or_default()
    };
    match column {
        "actor" => first(&["actor.name", "actor.id", "actor.email", "actor.kind"]),
        "target" => first(&["targets[0].name", "targets[0].id", "targets[0].kind"]),
        path => cell(event, path),
    }
}

fn tell(found: usize, page: &Value, more: bool) {
    let window = match (cell(page, "query.since"), cell(page, "query.until")) {
        (since, until) if since.is_empty() && until.is_empty() => "all times".to_owned(),
        (since, until) => format!("{since} to {until}"),
    };
    let more = if more { "; more match, --all prints them" } else { "" };
    say(&format!("{found} events, {window}, log size {}{more}", cell(page, "log_size")));
}
