//! `indelible stats`: what a log holds, at a glance.

use serde_json::{Map, Value, json};

use super::histogram::draw_bars;
use super::top::lines;
use crate::Context;
use crate::asked::Asked;
use crate::draw::{self, thousands};
use crate::exit::Outcome;
use crate::output::{Format, cell, print, say};
use crate::time::query_clock;

/// What is counted, and what it is called.
const SECTIONS: [(&str, &str); 6] = [
    ("catalog", "Catalogs"),
    ("outcome", "Outcomes"),
    ("crude", "Create, read, update, delete, execute"),
    ("code", "Event types"),
    ("actor", "Actors"),
    ("origin.ip", "Addresses"),
];
/// Bars of the histogram: what fits a screen beside the rest.
const BARS: usize = 24;
const COLUMNS: [&str; 3] = ["field", "value", "count"];

/// What a log holds, at a glance
///
/// How many events, from when to when, and the most frequent catalogs, outcomes, kinds of act, event types, actors and addresses.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible stats\n  indelible stats 'catalog:netop' --since -30d\n  indelible stats --output json | jq '.facets.actor.distinct'\n  indelible stats --data ./indelible-data"
)]
pub(crate) struct Args {
    /// How many values of each
    #[arg(long, short = 'n', value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    limit: u64,
    #[command(flatten)]
    asked: Asked,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let (source, query) = self.asked.open(context)?;
        let fields = SECTIONS.map(|(field, _)| field).join(",");
        let facets = query.clone().with("fields", Some(fields)).with("top", Some(self.limit));
        let facets = source.get("facets", &facets)?;
        let events = facets.get("events").and_then(Value::as_u64).unwrap_or(0);
        // Both answers are about the same events.
        let bars = query.with("bars", Some(BARS)).with("at", facets.get("log_size"));
        let bars = source.get("histogram", &bars)?;
        match context.output.format() {
            Format::Table => self.draw(context, &facets, &bars)?,
            Format::Json | Format::Ndjson => context.output.document(&document(&facets, &bars))?,
            Format::Csv | Format::Tsv | Format::Markdown => context.output.rows(&COLUMNS, &rows(&facets))?,
        }
        self.asked.end(events)
    }

    fn draw(&self, context: &Context, facets: &Value, bars: &Value) -> Outcome {
        let events = facets.get("events").and_then(Value::as_u64).unwrap_or(0);
        print(&format!("{} events", thousands(events)))?;
        if events == 0 {
            print("\n")?;
            return Ok(());
        }
        print(&format!(", {} to {}\n", cell(facets, "first"), cell(facets, "last")))?;
        let zone = query_clock(self.asked.window.zone.as_deref())?.zone;
        draw::heading(&format!("When, in bars of {}", cell(bars, "width")))?;
        draw_bars(context.output, bars, &zone)?;
        for (facet, (_, title)) in items(facets).iter().zip(SECTIONS) {
            let values = facet.get("values").and_then(Value::as_array).cloned().unwrap_or_default();
            let distinct = facet.get("distinct").and_then(Value::as_u64).unwrap_or(0);
            let more = distinct.saturating_sub(values.len() as u64);
            if distinct > 0 {
                let more =
                    if more > 0 { format!(" ({} in all)", thousands(distinct)) } else { String::new() };
                draw::heading(&format!("{title}{more}"))?;
                draw::bars(&lines(context.output, &values))?;
            }
        }
        say(&format!("log size {}", cell(facets, "log_size")));
        Ok(())
    }
}

fn items(facets: &Value) -> &[Value] {
    facets.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Everything in one document, facets by their field.
fn document(facets: &Value, bars: &Value) -> Value {
    let by_field: Map<String, Value> =
        items(facets).iter().map(|facet| (cell(facet, "field"), facet.clone())).collect();
    json!({
        "events": facets["events"], "first": facets["first"], "last": facets["last"], "log_size": facets["log_size"],
        "query": facets["query"], "facets": by_field, "width": bars["width"], "bars": bars["bars"],
    })
}

fn rows(facets: &Value) -> Vec<Value> {
    let of = |facet: &Value| {
        let field = cell(facet, "field");
        let values = facet.get("values").and_then(Value::as_array).cloned().unwrap_or_default();
        values
            .into_iter()
            .map(move |value| json!({ "field": field, "value": value["value"], "count": value["count"] }))
    };
    items(facets).iter().flat_map(of).collect()
}
