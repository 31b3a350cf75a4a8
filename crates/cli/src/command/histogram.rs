//! `indelible histogram`: when events happened, drawn as bars.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::Context;
use crate::asked::Asked;
use crate::draw::{self, Line, thousands};
use crate::exit::Outcome;
use crate::output::{Format, Output, cell, say};
use crate::time::query_clock;

/// When events happened
///
/// Bars follow the calendar of the zone: weeks start on Monday, days may have 23 or 25 hours. Without --by the width is the
/// narrowest that fits the screen.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible histogram 'code:091111' --since -30d --by day\n  indelible histogram 'catalog:netop' --by week --stack outcome -Z Europe/Amsterdam\n  indelible histogram --by 15m --since today --output csv\n  indelible histogram --data ./indelible-data --by month"
)]
pub(crate) struct Args {
    /// Width of a bar: second, minute, hour, day, week, month, quarter, year, or such as 15m, 6h, 3mo
    #[arg(long, value_name = "WIDTH")]
    by: Option<String>,
    /// Divide bars by a field, such as outcome
    #[arg(long, value_name = "FIELD")]
    stack: Option<String>,
    /// Most bars
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    bars: Option<u64>,
    #[command(flatten)]
    asked: Asked,
}

/// Parts of a bar that are told apart on a screen.
const PARTS: usize = 4;

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let (source, query) = self.asked.open(context)?;
        let zone = query_clock(self.asked.window.zone.as_deref())?.zone;
        let query = query
            .with("width", self.by.as_deref())
            .with("bars", self.bars)
            .with("stack", self.stack.as_deref())
            .with("top", self.stack.is_some().then_some(PARTS));
        let found = source.get("histogram", &query)?;
        let bars = found.get("bars").and_then(Value::as_array).cloned().unwrap_or_default();
        if context.output.format() == Format::Table {
            draw_bars(context.output, &found, &zone)?;
        } else {
            let stack = found.get("stack").and_then(Value::as_array).cloned().unwrap_or_default();
            let columns = columns(&stack, self.stack.is_some());
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            context.output.rows(&columns, &bars)?;
        }
        let events = found.get("events").and_then(Value::as_u64).unwrap_or(0);
        say(&format!("{} events, {} bars of {}", thousands(events), bars.len(), cell(&found, "width")));
        self.asked.end(events)
    }
}

/// Draws the bars of a histogram, with a legend if they are divided.
pub(crate) fn draw_bars(output: Output, found: &Value, zone: &TimeZone) -> Outcome {
    let width = cell(found, "width");
    let stack: Vec<String> = found["stack"].as_array().into_iter().flatten().map(text).collect();
    let bars = found["bars"].as_array().map(Vec::as_slice).unwrap_or_default();
    let number = |bar: &Value, path: &str| bar.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let mut lines = Vec::with_capacity(bars.len());
    for bar in bars {
        let mut parts: Vec<u64> =
            stack.iter().map(|name| bar["parts"].get(name).and_then(Value::as_u64).unwrap_or(0)).collect();
        if !stack.is_empty() {
            parts.extend([number(bar, "/other"), number(bar, "/missing")]);
        }
        let label = label(&cell(bar, "start"), &width, zone);
        lines.push(Line { label, count: number(bar, "/count"), parts });
    }
    if !stack.is_empty() {
        let names = stack.iter().map(|name| output.shown(name));
        draw::legend(&names.chain(["other".into(), "none".into()]).collect::<Vec<_>>())?;
    }
    Ok(draw::bars(&lines)?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The beginning of a bar as a person reads it, as exact as the width is.
fn label(start: &str, width: &str, zone: &TimeZone) -> String {
    let Ok(time) = start.parse::<Timestamp>() else { return start.to_owned() };
    let time = time.to_zoned(zone.clone());
    let unit = width.trim_start_matches(|c: char| c.is_ascii_digit());
    let form = match unit {
        "s" => "%Y-%m-%d %H:%M:%S %:z",
        "m" | "h" => "%Y-%m-%d %H:%M %:z",
        "w" => "%G-W%V",
        "mo" => "%Y-%m",
        "y" => "%Y",
        _ => "%Y-%m-%d",
    };
    time.strftime(form).to_string()
}

fn columns(stack: &[Value], stacked: bool) -> Vec<String> {
    let mut columns: Vec<String> = ["start", "end", "count"].map(str::to_owned).to_vec();
    columns.extend(stack.iter().map(|name| format!("parts.{}", text(name))));
    if stacked {
        columns.extend(["other".to_owned(), "missing".to_owned()]);
    }
    columns
}
