//! `indelible top`: the most frequent values of a field.

use serde_json::{Value, json};

use crate::Context;
use crate::asked::Asked;
use crate::draw::{self, Line, thousands};
use crate::exit::Outcome;
use crate::output::{Format, Output, cell, say};

const COLUMNS: [&str; 3] = ["value", "count", "share"];

/// The most frequent values of a field
///
/// Counts every event that matches, exactly; an event with several values counts for each. `indelible query fields` lists the
/// names of fields.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible top actor 'outcome:failure' --since -7d\n  indelible top code -n 20\n  indelible top origin.ip 'catalog:openkat code:091111' --output csv\n  indelible top actor --data ./indelible-data"
)]
pub(crate) struct Args {
    /// Field of queries, such as actor, code, origin.ip, param.host.name
    field: String,
    /// How many values
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100))]
    limit: u64,
    #[command(flatten)]
    asked: Asked,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let (source, query) = self.asked.open(context)?;
        let query = query.with("fields", Some(&self.field)).with("top", Some(self.limit));
        let found = source.get("facets", &query)?;
        let facet = found.pointer("/items/0").cloned().unwrap_or_default();
        let events = found.get("events").and_then(Value::as_u64).unwrap_or(0);
        let values = facet.get("values").and_then(Value::as_array).cloned().unwrap_or_default();
        if context.output.format() == Format::Table {
            draw::bars(&lines(context.output, &values))?;
        } else {
            let rows: Vec<Value> = values.iter().map(|value| row(value, events)).collect();
            context.output.rows(&COLUMNS, &rows)?;
        }
        say(&format!("{} events; {}", thousands(events), rest(&facet)));
        self.asked.end(events)
    }
}

/// What a facet says besides the values that are shown.
pub(crate) fn rest(facet: &Value) -> String {
    let number = |name: &str| facet.get(name).and_then(Value::as_u64).unwrap_or(0);
    format!(
        "{} different values, {} events with others, {} without {}",
        thousands(number("distinct")),
        thousands(number("other")),
        thousands(number("missing")),
        cell(facet, "field"),
    )
}

/// Values of a facet as lines to draw.
pub(crate) fn lines(output: Output, values: &[Value]) -> Vec<Line> {
    let line = |item: &Value| Line {
        label: output.shown(&cell(item, "value")),
        count: count(item),
        parts: Vec::new(),
    };
    values.iter().map(line).collect()
}

fn count(item: &Value) -> u64 {
    item.get("count").and_then(Value::as_u64).unwrap_or(0)
}

/// The share is of the events that match, in per cent.
fn row(item: &Value, events: u64) -> Value {
    let hundredths = count(item) * 10_000 / events.max(1);
    let share = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    json!({ "value": item["value"], "count": item["count"], "share": share })
}
