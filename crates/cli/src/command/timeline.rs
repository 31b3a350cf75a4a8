//! `indelible timeline`: what belongs together in the order in which it happened, drawn in the terminal. The same events and
//! the same bars as on the console's page.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};

use indelible_catalog::spans::{Span, first_target_member, spans};
use indelible_event::{Event, Field, Value as EventValue};
use indelible_formats::parse_json;
use indelible_query::{EventQuery, FieldRef, Scalar, Test};
use serde_json::{Value, json};

use super::search::Window;
use crate::Context;
use crate::client::Query;
use crate::draw::{self, Stretch};
use crate::event_of_json::event_of_json;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Format, say};
use crate::source::{DataArg, Source};
use crate::time;

/// Most events that are drawn: as many as on the page.
const MAX_EVENTS: usize = 5_000;
/// Columns of the table below the picture.
const COLUMNS: [&str; 6] = ["occurred_at", "title", "actor.name", "targets[0].name", "outcome", "index"];

/// What happened in a session or request, by an actor, or on a target
///
/// What a catalog says begins and ends is drawn as a bar, everything else as a moment, in a lane for each kind of thing. At
/// most 5,000 events; more need a shorter stretch of time.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible timeline session nrc-5e1f\n  indelible timeline actor u-115 --since -14d --until -12d\n  indelible timeline request 7f3a --catalog openkat --json"
)]
pub(crate) struct Args {
    /// What joins the events
    #[arg(value_enum, value_name = "KIND")]
    by: By,
    /// The value that they share
    value: String,
    /// Catalog that the value is of: two systems may use the same number
    #[arg(long, value_name = "CATALOG")]
    catalog: Option<String>,
    #[command(flatten)]
    window: Window,
    #[command(flatten)]
    data: DataArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// A session of a person or of remote control
    Session,
    /// A request
    Request,
    /// Somebody who acts
    Actor,
    /// Something that is acted on
    Target,
}

/// An event with what is shown of it.
struct Shown {
    json: Value,
    event: Event,
    /// Nanoseconds since 1970.
    at: i128,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let registry = self.data.catalogs()?;
        let source = Source::open(context, &self.data)?;
        let query = self
            .window
            .add_to(Query::default().with("q", Some(self.query()?)))
            .with("sort", Some("occurred_at"));
        let shown = read(BufReader::new(source.stream(&query)?))?;
        if shown.is_empty() {
            let what = format!("nothing has this {}; --since is open unless you say it", self.word());
            return Err(Failure::new(Exit::Nothing, "nothing_found", what));
        }
        let spans = spans(shown.iter().map(|one| &one.event), &registry);
        if context.output.format() != Format::Table {
            let rows: Vec<Value> =
                shown.iter().enumerate().map(|(at, one)| row(&shown, at, one, &spans)).collect();
            context.output.rows(&["occurred_at", "title", "ends_at", "open", "index"], &rows)?;
            return Ok(());
        }
        draw(context, &shown, &spans)?;
        let rows: Vec<Value> = shown.iter().map(|one| one.json.clone()).collect();
        context.output.rows(&COLUMNS, &rows)?;
        say(&format!("{} events", shown.len()));
        Ok(())
    }

    fn word(&self) -> &'static str {
        match self.by {
            By::Session => "session",
            By::Request => "request",
            By::Actor => "actor",
            By::Target => "target",
        }
    }

    /// The query for all of it, as text.
    fn query(&self) -> Result<String, Failure> {
        let mut query = EventQuery::default();
        for (name, value) in [(self.word(), Some(&self.value)), ("catalog", self.catalog.as_ref())] {
            let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
                if name == "catalog" {
                    continue;
                }
                return Err(Failure::usage("a blank joins nothing; say the value that events share"));
            };
            let field = FieldRef::named(name).ok_or_else(|| Failure::failed("the query lacks a field"))?;
            query = query.include(&field, &Test::Is(Scalar::Text(value.clone())));
        }
        Ok(query.to_string())
    }
}

/// The events of a stream; an error when there are more than are drawn, or when it is not whole.
fn read(lines: impl BufRead) -> Result<Vec<Shown>, Failure> {
    let mut shown = Vec::new();
    for line in lines.lines() {
        let line = line?;
        let json: Value = serde_json::from_str(&line).map_err(|error| Failure::failed(error.to_string()))?;
        if let Some(problem) = json.get("problem") {
            let status = problem["status"].as_u64().and_then(|status| u16::try_from(status).ok());
            return Err(crate::client::problem(status.unwrap_or(500), problem));
        }
        if let Some(end) = json.get("end") {
            crate::source::tell_lacking(end);
            return Ok(shown);
        }
        if shown.len() == MAX_EVENTS {
            let why = format!("more than {MAX_EVENTS} events; say a shorter time with --since and --until");
            return Err(Failure::usage(why));
        }
        let parsed = parse_json(line.as_bytes()).map_err(|error| Failure::failed(error.to_string()))?;
        let map = parsed.as_map().ok_or_else(|| Failure::failed("a line of the answer is no event"))?;
        let event = event_of_json(map);
        let at = match event.get(Field::OccurredAt) {
            Some(EventValue::Time(time)) => i128::from(time.unix_nanos()),
            _ => 0,
        };
        shown.push(Shown { json, event, at });
    }
    Err(Failure::failed("the answer broke off; run it again"))
}

/// An event with its end, if it begins something.
fn row(all: &[Shown], at: usize, one: &Shown, spans: &HashMap<usize, Span>) -> Value {
    let mut row = one.json.clone();
    match spans.get(&at) {
        Some(Span::Begins(end)) => {
            let end = end.and_then(|end| all.get(end));
            row["ends_at"] = end.map_or(Value::Null, |end| end.json["occurred_at"].clone());
            row["open"] = json!(end.is_none());
        }
        Some(Span::Ends) => row["ends"] = json!(true),
        None => {}
    }
    row
}

/// Draws lanes by entity: bars first, then moments.
fn draw(context: &Context, shown: &[Shown], spans: &HashMap<usize, Span>) -> Outcome {
    let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return Ok(()) };
    let length = (last.at - first.at).max(1);
    let place = |at: i128| u32::try_from((at - first.at) * i128::from(draw::WHOLE) / length).unwrap_or(0);
    let mut lanes: Vec<(String, Vec<Stretch>, Vec<u32>)> = Vec::new();
    for (at, one) in shown.iter().enumerate() {
        let span = spans.get(&at);
        if span == Some(&Span::Ends) {
            continue;
        }
        let entity = one.event.text(Field::Entity).filter(|entity| !entity.is_empty()).unwrap_or("·");
        let lane = lanes.iter().position(|(name, ..)| name == entity).unwrap_or_else(|| {
            lanes.push((entity.to_owned(), Vec::new(), Vec::new()));
            lanes.len() - 1
        });
        let Some((_, bars, moments)) = lanes.get_mut(lane) else { continue };
        let Some(Span::Begins(end)) = span else {
            moments.push(place(one.at));
            continue;
        };
        let end = end.and_then(|end| shown.get(end));
        let lasted = end.map_or_else(
            || "no end seen".to_owned(),
            |end| time::span(i64::try_from(end.at - one.at).unwrap_or(i64::MAX)),
        );
        let name = context.output.shown(one.json["title"].as_str().unwrap_or_default());
        bars.push(Stretch {
            from: place(one.at),
            to: end.map_or(draw::WHOLE, |end| place(end.at)),
            open: end.is_none(),
            label: format!("{name}, {lasted}"),
        });
    }
    let who =
        shown.iter().find_map(|one| one.event.text(Field::ActorName).or(one.event.text(Field::ActorId)));
    let on = shown.iter().find_map(|one| first_target_member(&one.event, "name"));
    let named = [who.map(str::to_owned), on].into_iter().flatten().map(|text| context.output.shown(&text));
    let lasted = time::span(i64::try_from(last.at - first.at).unwrap_or(i64::MAX));
    let [begin, end] = [first, last].map(|one| one.json["occurred_at"].as_str().unwrap_or_default());
    draw::heading(&format!("{} · {begin} to {end} · {lasted}", named.collect::<Vec<_>>().join(" · ")))?;
    for (entity, bars, moments) in &lanes {
        draw::lane(&context.output.shown(entity), bars, moments)?;
    }
    Ok(())
}
