//! What stands beside an event: its neighbours in the log or of the same actor, target or session, and who looked at it.

use axum::http::Uri;
use indelible_console::frame::Link;
use indelible_console::row::Row;
use indelible_event::{Event, Field, Leaf};
use indelible_query::{EventQuery, FieldRef, Instant};

use super::rows::{Painter, is, occurred, target_id};
use super::search::Search;
use super::timeline::events;
use super::visit::Call;
use crate::access::Access;
use crate::app::Shared;
use crate::endpoints::Parameter;
use crate::event_json;
use crate::problem::{Code, Problem};
use crate::request::Params;

/// What neighbours share with the event, and what that is called.
const SHARED: [(&str, &str); 4] =
    [("log", "in the log"), ("actor", "same actor"), ("target", "same target"), ("session", "same session")];
/// Neighbours on each side.
const NUMBERS: [u64; 3] = [3, 10, 25];
/// Readers that are named.
const READERS: usize = 10;

const KNOWN: &[Parameter] = &[
    Parameter { name: "around", kind: "string", doc: "" },
    Parameter { name: "n", kind: "integer", doc: "" },
    Parameter { name: "tz", kind: "string", doc: "" },
];

/// Which neighbours are asked for.
pub(super) struct Asked {
    around: String,
    number: u64,
}

impl Asked {
    pub(super) fn read(uri: &Uri) -> Result<Self, Problem> {
        let params = Params::read(uri, KNOWN)?;
        let around = params.text("around").filter(|around| !around.is_empty()).unwrap_or("log").to_owned();
        let [usual, ..] = NUMBERS;
        let number = params.parsed("n", "a number of neighbours")?.unwrap_or(usual);
        let known = SHARED.iter().any(|(name, _)| *name == around) && NUMBERS.contains(&number);
        let detail = "around must be log, actor, target or session, and n 3, 10 or 25";
        if known { Ok(Self { around, number }) } else { Err(Problem::new(Code::RequestMalformed, detail)) }
    }

    /// The other choices that an event has.
    pub(super) fn choices(&self, event: &Event, href: &str) -> Vec<Link> {
        let link = |around: &str, number: u64, label: String| {
            let on = self.around == around && self.number == number;
            Link::new(label, format!("{href}?around={around}&n={number}#around")).chosen(on)
        };
        let shared = SHARED.iter().filter(|(name, _)| shared(name, event).is_some() || *name == "log");
        let shared = shared.map(|(name, label)| {
            let on = self.around == *name;
            link(name, self.number, (*label).to_owned()).chosen(on)
        });
        let numbers = NUMBERS.iter().map(|number| link(&self.around, *number, format!("±{number}")));
        shared.chain(numbers).collect()
    }
}

/// The query's field and the event's value of what neighbours share.
fn shared(around: &str, event: &Event) -> Option<(&'static str, String)> {
    let text = |field: Field| event.text(field).filter(|text| !text.trim().is_empty()).map(str::to_owned);
    match around {
        "actor" => Some(("actor.id", text(Field::ActorId)?)),
        "target" => Some(("target", target_id(event)?)),
        "session" => Some(("session", text(Field::SessionId)?)),
        _ => None,
    }
}

/// The neighbours that the visitor may see, the event among them.
pub(super) async fn around(
    call: &Call,
    access: &Access,
    asked: &Asked,
    (index, leaf, event): (u64, &Leaf, &Event),
    painter: &Painter,
) -> Result<Vec<Row>, Problem> {
    let Some((name, value)) = shared(&asked.around, event) else {
        return in_log(&call.app, access, (index, asked.number), painter).await;
    };
    let Some(field) = FieldRef::named(name) else { return Ok(Vec::new()) };
    let search = painter.search.with(&EventQuery::default().include(&field, &is(&value)));
    let at = occurred(event, leaf);
    let number = usize::try_from(asked.number).unwrap_or(usize::MAX);
    let (since, until) = painter.zone.window(at, Instant(at.0 + 1_000_000_000));
    // A second holds more than its event: what lies on the wrong side of it is passed over.
    let most = number.saturating_mul(4);
    let before = events(call, access, &search.between("", until), ("-occurred_at", most)).await?;
    let after = events(call, access, &search.between(since, ""), ("occurred_at", most)).await?;
    let here = (at, index);
    let mut rows: Vec<Row> = Vec::new();
    let row =
        |placed: &super::timeline::Placed| painter.row(placed.hit.index, &placed.hit.leaf, &placed.event);
    rows.extend(before.iter().filter(|of| (of.at, of.hit.index) < here).take(number).map(row));
    rows.reverse();
    rows.push(Row { here: true, ..painter.row(index, leaf, event) });
    rows.extend(after.iter().filter(|of| (of.at, of.hit.index) > here).take(number).map(row));
    Ok(rows)
}

async fn in_log(
    app: &Shared,
    access: &Access,
    (index, number): (u64, u64),
    painter: &Painter,
) -> Result<Vec<Row>, Problem> {
    let (worker, of) = (Shared::clone(app), access.log);
    let records = crate::blocking(move || {
        let positions = index.saturating_sub(number)..=index.saturating_add(number);
        // Beyond the end there is nothing.
        let records = positions.filter_map(|at| Some((at, worker.store.read(of, at).ok()??)));
        Ok(records.collect::<Vec<_>>())
    });
    let mut rows = Vec::new();
    for (neighbour, record) in records.await? {
        let leaf = Leaf::decode(&record.leaf).map_err(|error| Problem::internal(&error))?;
        let (event, _) =
            event_json::read(&leaf, &record.stored).map_err(|error| Problem::internal(&error))?;
        if access.reaches(app, &record)? {
            rows.push(Row { here: neighbour == index, ..painter.row(neighbour, &leaf, &event) });
        }
    }
    Ok(rows)
}

/// Who opened an event, the newest first, and the search for all of them.
pub(super) async fn readers(
    call: &Call,
    access: &Access,
    leaf: &Leaf,
    painter: &Painter,
) -> Result<(Vec<Row>, String), Problem> {
    let pairs = [("catalog", "indelible".to_owned()), ("target", leaf.id.to_string())];
    let query = pairs.into_iter().fold(EventQuery::default(), |query, (name, value)| {
        FieldRef::named(name).map_or(query.clone(), |field| query.include(&field, &is(&value)))
    });
    let search: Search = painter.search.with(&query).between("", "");
    let found = events(call, access, &search, ("-index", READERS)).await?;
    let rows = found.iter().map(|of| painter.row(of.hit.index, &of.hit.leaf, &of.event));
    Ok((rows.collect(), search.href()))
}
