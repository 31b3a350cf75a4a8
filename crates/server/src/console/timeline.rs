//! Timeline: what happened in one session or request, by one actor, or on one target, in the order of the time it says.
//!
//! A value joins only within its organization, and a session's or request's only within its catalog, as two systems may
//! give the same number. A blank value joins nothing.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::Path;
use indelible_catalog::word::Session;
use indelible_console::frame::Link;
use indelible_console::row::{Row, Value};
use indelible_console::text::Text;
use indelible_console::timeline::{Fact, Story, Timeline};
use indelible_control::Permission;
use indelible_event::{Event, Field};
use indelible_query::{EventQuery, FieldRef, Instant, MAX_GET_BYTES, Node, Test};
use indelible_search::{Budget, Hit, Log, Scope};

use super::bundle;
use super::facets;
use super::look::{Beside, Looked, look};
use super::page;
use super::rows::{Painter, actor, is, occurred, origin};
use super::search::Search;
use super::spans::lanes;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::Answer;
use crate::api::search::{self, Cancel, PAGE_BYTES, PAGE_TIME};
use crate::app::Shared;
use crate::endpoints::Parameter;
use crate::event_json;
use crate::problem::{Code, Problem};
use crate::request::Params;

/// Most events that are drawn and listed; a session with more is shown by its bars.
const MAX_EVENTS: usize = 5_000;
/// Most events without a session that are shown beside.
const MAX_NEARBY: usize = 50;
/// Most things that those are looked for on.
const MAX_THINGS: usize = 20;
/// Most actors and addresses that the head names.
const MAX_NAMED: usize = 5;
/// What joins events: the parameter's word and the query's field, which is the same.
const KINDS: [&str; 4] = ["session", "request", "actor", "target"];
/// Actors that are not one and the same from one time to the next.
const NOBODY: [&str; 3] = ["anonymous", "SYSTEM", "system"];

const KNOWN: &[Parameter] = &[
    Parameter { name: "by", kind: "string", doc: "" },
    Parameter { name: "value", kind: "string", doc: "" },
    Parameter { name: "catalog", kind: "string", doc: "" },
    Parameter { name: "since", kind: "string", doc: "" },
    Parameter { name: "until", kind: "string", doc: "" },
    Parameter { name: "tz", kind: "string", doc: "" },
];

/// What a timeline is of; its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) org: String,
    /// One of [`KINDS`].
    pub(crate) by: String,
    pub(crate) value: String,
    /// The catalog that the value is of; empty: any.
    pub(crate) catalog: String,
    /// Empty: from the beginning.
    pub(crate) since: String,
    /// Empty: until now.
    pub(crate) until: String,
}

/// An event with its place.
pub(super) struct Placed {
    pub(super) hit: Hit,
    pub(super) event: Event,
    pub(super) at: Instant,
}

impl Joined {
    fn read(org: &str, call: &Call) -> Result<Self, Problem> {
        let params = Params::read(&call.uri, KNOWN)?;
        let text = |name: &str| params.text(name).unwrap_or_default().trim().to_owned();
        let by = Some(text("by")).filter(|by| !by.is_empty()).unwrap_or_else(|| "session".to_owned());
        if !KINDS.contains(&by.as_str()) {
            let detail = format!("by={by:?} must be session, request, actor or target");
            return Err(Problem::new(Code::RequestMalformed, detail));
        }
        let (value, catalog) = (text("value"), text("catalog"));
        Ok(Self { org: org.to_owned(), by, value, catalog, since: text("since"), until: text("until") })
    }

    /// The timeline that an event belongs to by a kind of value; none where it has none that joins.
    pub(crate) fn of(org: &str, by: &str, event: &Event) -> Option<Self> {
        let text = |field: Field| event.text(field).unwrap_or_default().to_owned();
        let (value, catalog) = match by {
            "session" => (text(Field::SessionId), text(Field::Catalog)),
            "request" => (text(Field::RequestId), text(Field::Catalog)),
            "actor" => (text(Field::ActorId), String::new()),
            _ => (super::rows::target_id(event).unwrap_or_default(), String::new()),
        };
        let nobody = by == "actor" && NOBODY.contains(&value.as_str());
        let joined = Self { org: org.to_owned(), by: by.to_owned(), value, catalog, ..Self::default() };
        (!joined.value.trim().is_empty() && !nobody).then_some(joined)
    }

    /// Its page.
    pub(crate) fn href(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let pairs = [
            ("by", &self.by),
            ("value", &self.value),
            ("catalog", &self.catalog),
            ("since", &self.since),
            ("until", &self.until),
        ];
        form.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        format!("/o/{}/timeline?{}", self.org, form.finish())
    }

    fn between(&self, since: impl Into<String>, until: impl Into<String>) -> Self {
        Self { since: since.into(), until: until.into(), ..self.clone() }
    }

    fn query(&self) -> EventQuery {
        let and = |query: EventQuery, name: &str, value: &str| {
            let field = FieldRef::named(name).filter(|_| !value.is_empty());
            field.map_or(query.clone(), |field| query.include(&field, &is(value)))
        };
        and(and(EventQuery::default(), &self.by, &self.value), "catalog", &self.catalog)
    }

    fn search(&self) -> Search {
        Search::of(&self.org).with(&self.query()).between(self.since.as_str(), self.until.as_str())
    }
}

pub(crate) async fn timeline(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    let joined = Joined::read(access.org.id.as_str(), &call)?;
    let t = call.text();
    let title = [t.timeline, &joined.value].join(" ").trim().to_owned();
    let names = [t.session, t.request, t.actor, t.target];
    let kinds = KINDS.iter().zip(names).map(|(by, name)| Link::new(name, *by).chosen(*by == joined.by));
    let narrowed = !(joined.since.is_empty() && joined.until.is_empty());
    let story = if joined.value.is_empty() { None } else { Some(story(&call, &access, &joined).await?) };
    page(&Timeline {
        frame: call.frame(&title, Section::Explore, &access.org),
        zone: call.zone().name().to_owned(),
        action: format!("/o/{}/timeline", joined.org),
        kinds: kinds.collect(),
        explore: joined.search().href(),
        whole: narrowed.then(|| joined.between("", "").href()),
        value: joined.value,
        catalog: joined.catalog,
        story,
    })
}

async fn story(call: &Call, access: &Access, joined: &Joined) -> Result<Story, Problem> {
    let search = joined.search();
    let beside = Beside { fields: "outcome".to_owned(), read: String::new(), top: 1, width: "" };
    let one = Search { limit: Some(1), ..search.clone() };
    let (looked, _) = look(call, access, &one, Some(beside)).await?;
    let events = events(call, access, &search, ("occurred_at", MAX_EVENTS)).await?;
    let bundle = bundle::form(&search, call.zone().name());
    let painter = Painter { catalogs: call.app.catalogs(), zone: call.zone(), search, query: joined.query() };
    let mut rows: Vec<Row> = events
        .iter()
        .map(|placed| Row {
            timeline: None,
            ..painter.row(placed.hit.index, &placed.hit.leaf, &placed.event)
        })
        .collect();
    let t = call.text();
    let mut remarks = out_of_order(&events, &mut rows, t);
    remarks.extend(missing(call, access, &events, &mut rows).await?);
    let (nearby, nearby_href) = match joined.by.as_str() {
        "session" => nearby(call, access, (joined, &events), &painter).await?,
        _ => (Vec::new(), String::new()),
    };
    let drawn = lanes(&events, &painter, t);
    let count = looked.count.map_or(0, |count| count.value);
    Ok(Story {
        bundle,
        facts: facts(&events, &painter, (t, drawn.open)),
        count,
        failures: looked.failed["events"].as_u64().unwrap_or(0),
        shown: rows.len() as u64,
        chart: (count > rows.len() as u64).then(|| chart(&looked, &painter, joined)),
        lanes: drawn.lanes,
        rows,
        nearby,
        nearby_href,
        remarks,
    })
}

fn chart(looked: &Looked, painter: &Painter, joined: &Joined) -> indelible_console::chart::Chart {
    let href = |since: String, until: String| joined.between(since, until).href();
    facets::chart(&looked.bars, &looked.failed, &painter.zone, &href)
}

/// The first events of a search in an order; that somebody looks at them is recorded by whoever asks.
pub(super) async fn events(
    call: &Call,
    access: &Access,
    search: &Search,
    (sort, most): (&str, usize),
) -> Result<Vec<Placed>, Problem> {
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let asked = search::Asked { sort: Some(sort.to_owned()), ..search.asked(call.zone().name()) };
    let within = (&scope, &access.limits);
    let ready = search::understand(&*call.app, within, &asked, MAX_GET_BYTES)?;
    let _permit = search::permit(&call.app).await?;
    let (app, cancelled) = (Shared::clone(&call.app), Cancel::default());
    let flag = Arc::clone(&cancelled.0);
    crate::blocking(move || {
        let elapsed = search::since_now(&*app);
        let budget = Budget::new(&elapsed, PAGE_TIME, PAGE_BYTES, &flag);
        let log = Log { records: &app.store, scope: &ready.scope };
        let request = ready.request();
        let matches = app.searcher.matches(log, &request, &budget).map_err(search::search_problem)?;
        let placed = |hit: Result<Hit, indelible_search::SearchError>| {
            let hit = hit.map_err(search::search_problem)?;
            let (event, _) =
                event_json::read(&hit.leaf, &hit.stored).map_err(|error| Problem::internal(&error))?;
            Ok(Placed { at: occurred(&event, &hit.leaf), event, hit })
        };
        matches.take(most).map(placed).collect()
    })
    .await
}

/// Marks rows that came into the log after one that says it happened later.
fn out_of_order(events: &[Placed], rows: &mut [Row], t: &Text) -> Vec<String> {
    let (mut lowest, mut late) = (u64::MAX, 0_u64);
    for (placed, row) in events.iter().zip(rows).rev() {
        if placed.hit.index > lowest {
            row.flags.push(t.out_of_order.to_owned());
            late += 1;
        }
        lowest = lowest.min(placed.hit.index);
    }
    if late == 0 { Vec::new() } else { vec![format!("{late} {}", t.out_of_order_text)] }
}

/// Marks rows before which numbers of their producer never came.
async fn missing(
    call: &Call,
    access: &Access,
    events: &[Placed],
    rows: &mut [Row],
) -> Result<Option<String>, Problem> {
    let (app, log) = (Shared::clone(&call.app), access.log);
    let producers =
        crate::blocking(move || app.store.producers(log).map_err(crate::api::log::log_problem)).await?;
    let gaps: HashMap<(&str, &str), &[(u64, u64)]> = producers
        .iter()
        .filter(|producer| !producer.gaps.is_empty())
        .map(|of| ((of.name.as_str(), of.instance.as_str()), of.gaps.as_slice()))
        .collect();
    let t = call.text();
    let (mut last, mut lost): (HashMap<(&str, &str), u64>, u64) = (HashMap::new(), 0);
    for (placed, row) in events.iter().zip(rows) {
        let text = |field: Field| placed.event.text(field).unwrap_or_default();
        let producer = (text(Field::ProducerName), text(Field::ProducerInstance));
        let number = placed.hit.leaf.sequence;
        let before = last.insert(producer, number).unwrap_or(number);
        let between = gaps.get(&producer).copied().unwrap_or_default().iter();
        let between = between.filter(|(first, end)| before < *first && *end < number);
        let missing: u64 = between.map(|(first, end)| end - first + 1).sum();
        if missing > 0 {
            row.flags.push(format!("{missing} {}", t.missing_before));
            lost += missing;
        }
    }
    Ok((lost > 0).then(|| format!("{lost} {}", t.missing_text)))
}

/// Events of types that never carry a session, on the same things within the session's time.
async fn nearby(
    call: &Call,
    access: &Access,
    (joined, events): (&Joined, &[Placed]),
    painter: &Painter,
) -> Result<(Vec<Row>, String), Problem> {
    let nothing = || Ok((Vec::new(), String::new()));
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return nothing() };
    let Some(id) = first.event.text(Field::Catalog) else { return nothing() };
    let Some(catalog) = painter.catalogs.get(id) else { return nothing() };
    let never = catalog.types().iter().filter(|of| of.session == Session::Never && !of.categories.is_empty());
    let in_session = never.filter(|of| of.categories.iter().any(|category| category == "session"));
    let mut things: Vec<String> = events.iter().filter_map(|of| super::rows::target_id(&of.event)).collect();
    things.sort();
    things.dedup();
    things.truncate(MAX_THINGS);
    let named = ["catalog", "code", "target", "session"].map(FieldRef::named);
    let [Some(of), Some(code), Some(target), Some(session)] = named else { return nothing() };
    let query = in_session.fold(EventQuery::default(), |query, of| query.include(&code, &is(&of.code)));
    if query.root.is_none() || things.is_empty() {
        return nothing();
    }
    let query = things.iter().fold(query.include(&of, &is(id)), |query, id| query.include(&target, &is(id)));
    let without =
        Node::not(Node::Field(indelible_query::FieldTerm { field: session, tests: vec![Test::Present] }));
    let query = query.and(EventQuery::new(without));
    let (since, until) = painter.zone.window(first.at, Instant(last.at.0 + 1_000_000_000));
    let search = Search::of(&joined.org).with(&query).between(since, until);
    let found = self::events(call, access, &search, ("occurred_at", MAX_NEARBY)).await?;
    let rows = found.iter().map(|placed| painter.row(placed.hit.index, &placed.hit.leaf, &placed.event));
    Ok((rows.collect(), search.href()))
}

/// Who, where from, and from when to when.
fn facts(events: &[Placed], painter: &Painter, (t, open): (&'static Text, bool)) -> Vec<Fact> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Vec::new() };
    let mut who: Vec<Value> = Vec::new();
    let mut from: Vec<Value> = Vec::new();
    for placed in events {
        let acted = actor(&placed.event).and_then(|who| painter.value("actor", who));
        let began = origin(&placed.event).and_then(|(name, text)| painter.value(name, text));
        for (found, named) in [(acted, &mut who), (began, &mut from)] {
            if let Some(value) = found.filter(|value| named.len() < MAX_NAMED && !named.contains(value)) {
                named.push(value);
            }
        }
    }
    let text = |name, text| Fact { name, text, values: Vec::new() };
    let seconds = i64::try_from((last.at.0 - first.at.0) / 1_000_000_000).unwrap_or(i64::MAX);
    let end = painter.zone.second(last.at);
    let facts = [
        Fact { name: t.who, values: who, text: String::new() },
        Fact { name: t.where_from, values: from, text: String::new() },
        text(t.first_event, painter.zone.second(first.at)),
        text(t.last_event, if open { format!("{end}, {}", t.no_end_seen) } else { end }),
        text(t.duration, super::times::lasting(seconds)),
    ];
    facts.into_iter().filter(|fact| !fact.values.is_empty() || !fact.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_nobody_join_nothing() {
        let mut event = Event::new();
        event.set(Field::Catalog, "netop");
        event.set(Field::SessionId, " ");
        event.set(Field::ActorId, "SYSTEM");
        for by in KINDS {
            assert_eq!(Joined::of("acme", by, &event), None, "{by}");
        }
        event.set(Field::SessionId, "7 & 8");
        let joined = Joined::of("acme", "session", &event).unwrap();
        assert_eq!(joined.href(), "/o/acme/timeline?by=session&value=7+%26+8&catalog=netop");
        assert_eq!(joined.query().to_string(), "session:\"7 & 8\" catalog:netop");
    }
}
