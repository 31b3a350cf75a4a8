//! What a page of results is made of: rows, and numbers about everything that matches, as of the same size of the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indelible_event::Field;
use indelible_query::{EventQuery, FieldRef, Instant, MAX_GET_BYTES, MAX_POST_BYTES};
use indelible_search::{Count, Hit, Page, Scope, Window};
use serde_json::Value;

use super::search::Search;
use super::visit::Call;
use crate::access::Access;
use crate::api::numbers::{self, ReadWork};
use crate::api::search::{self, Cancel, Ready};
use crate::app::{App, Shared};
use crate::audit::Act;
use crate::endpoints::{FACETS, GROUPS, HISTOGRAM};
use crate::event_json;
use crate::numbers_json;
use crate::problem::Problem;
use crate::query;
use crate::request::Params;

/// Most bars: what a line of a screen has room for.
const BARS: &str = "120";

/// As many events as are read while a page is waited for.
const FEW_EVENTS: u64 = 20_000;

/// Actors whose names are looked for, the most active first.
const MAX_NAMES: &str = "100";

/// Actors' identifiers and the names that people know them by.
pub(super) type Names = HashMap<String, String>;

/// What was found.
pub(super) struct Looked {
    pub(super) page: Page,
    pub(super) count: Option<Count>,
    /// The events that could not be read.
    pub(super) lacking: Option<Value>,
    /// Numbers as the API answers them; nothing where none were asked for.
    pub(super) facets: Value,
    pub(super) bars: Value,
    pub(super) failed: Value,
    pub(super) names: Names,
}

/// What is counted beside the rows.
pub(super) struct Beside {
    /// Fields that are counted by columns, comma-separated.
    pub(super) fields: String,
    /// Fields for which events have to be read, if there are few; may be empty.
    pub(super) read: String,
    pub(super) top: usize,
    /// Width of the bars; empty: as fits.
    pub(super) width: &'static str,
}

/// Asks for rows and numbers, and records that somebody did.
pub(super) async fn look(
    call: &Call,
    access: &Access,
    search: &Search,
    beside: Option<Beside>,
) -> Result<(Looked, Ready), Problem> {
    let app = &call.app;
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let mut asked = search.asked(call.zone().name());
    asked.count = Some("exact".to_owned());
    let first_page = asked.cursor.is_none();
    let ready = search::understand(&**app, (&scope, &access.limits), &asked, MAX_GET_BYTES)?;
    let recorded = search::recorded_text(&ready.text, ready.window);
    let _permit = search::permit(app).await?;
    let started = app.clock.boot_ns();
    let (worker, cancelled) = (Shared::clone(app), Cancel::default());
    let (flag, only) = (Arc::clone(&cancelled.0), access.limits.clone());
    let zone = asked.tz.clone().unwrap_or_default();
    let (looked, ready) = crate::blocking(move || {
        let work = Work { app: &worker, ready: &ready, zone: &zone, limits: &only, cancelled: &flag };
        let looked = work.run(beside.as_ref())?;
        Ok((looked, ready))
    })
    .await?;
    app.metrics.search_seconds.observe_ns(app.clock.boot_ns() - started);
    let key = access.principal.id();
    if first_page && app.recent_searches.is_new(key, access.log, &asked.as_said(), app.clock.now_ns()) {
        let act = Act::new("EVENT.SEARCH").by(&access.principal).from(&call.caller);
        let rows = i64::try_from(looked.page.items.len()).unwrap_or(i64::MAX);
        app.record(access.log, act.param("query", recorded.as_str()).param("rows", rows));
    }
    Ok((looked, ready))
}

/// The newest events by arrival, and records that somebody looked.
pub(super) async fn newest(call: &Call, access: &Access, search: &Search) -> Result<Page, Problem> {
    let app = &call.app;
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let asked = search::Asked { sort: Some("-index".to_owned()), ..search.asked(call.zone().name()) };
    let ready = search::understand(&**app, (&scope, &access.limits), &asked, MAX_GET_BYTES)?;
    let recorded = search::recorded_text(&ready.text, ready.window);
    let _permit = search::permit(app).await?;
    let (worker, cancelled) = (Shared::clone(app), Cancel::default());
    let flag = Arc::clone(&cancelled.0);
    let looked = crate::blocking(move || ready.look(&*worker, &flag)).await?;
    let key = access.principal.id();
    if app.recent_searches.is_new(key, access.log, &asked.as_said(), app.clock.now_ns()) {
        let act = Act::new("EVENT.SEARCH").by(&access.principal).from(&call.caller);
        let rows = i64::try_from(looked.page.items.len()).unwrap_or(i64::MAX);
        app.record(access.log, act.param("query", recorded.as_str()).param("rows", rows));
    }
    Ok(looked.page)
}

/// The ends of a window as a search takes them; empty where it is open.
pub(super) fn ends(window: Window) -> (String, String) {
    let since = window.since.map(numbers_json::time_text).unwrap_or_default();
    let until = window.until.map(|end| numbers_json::time_text(Instant(end.0 - 1))).unwrap_or_default();
    (since, until)
}

/// One look, on a thread of its own.
struct Work<'a> {
    app: &'a App,
    ready: &'a Ready,
    zone: &'a str,
    /// What may be read at most.
    limits: &'a EventQuery,
    cancelled: &'a AtomicBool,
}

impl Work<'_> {
    fn run(&self, beside: Option<&Beside>) -> Result<Looked, Problem> {
        let search::Looked { page, count, lacking } = self.ready.look(self.app, self.cancelled)?;
        let (mut facets, mut bars, mut failed) = (Value::Null, Value::Null, Value::Null);
        let mut names = names_of(&page.items);
        if let Some(beside) = beside {
            let (text, at, top) = (&self.ready.text, page.log_size, beside.top.to_string());
            let more = [("fields", beside.fields.as_str()), ("top", &top), ("alternatives", "true")];
            facets = self.counted((text, at), &more, FACETS, numbers::facets_work)?;
            if count.is_some_and(|count| count.value <= FEW_EVENTS) && !beside.read.is_empty() {
                let more = [("fields", beside.read.as_str()), ("top", &top), ("alternatives", "true")];
                let mut read = self.counted((text, at), &more, FACETS, numbers::facets_work)?;
                if let (Some(all), Some(read)) =
                    (facets["items"].as_array_mut(), read["items"].as_array_mut())
                {
                    all.append(read);
                }
            }
            let narrow = if beside.width.is_empty() { BARS } else { "" };
            let width = [("bars", narrow), ("width", beside.width)];
            bars = self.counted((text, at), &width, HISTOGRAM, numbers::histogram_work)?;
            let width = [("width", bars["width"].as_str().unwrap_or_default())];
            let failures = if text.is_empty() {
                "outcome:failure".to_owned()
            } else {
                format!("({text}) outcome:failure")
            };
            failed = self.counted((&failures, at), &width, HISTOGRAM, numbers::histogram_work)?;
            self.name_actors(at, &facets, &mut names)?;
        }
        Ok(Looked { page, count, lacking, facets, bars, failed, names })
    }

    /// Numbers about a query within the same window.
    fn counted(
        &self,
        (text, at): (&str, u64),
        more: &[(&str, &str)],
        known: &[crate::endpoints::Parameter],
        read: ReadWork,
    ) -> Result<Value, Problem> {
        let (since, until) = ends(self.ready.window);
        let at = at.to_string();
        let common = [("q", text), ("tz", self.zone), ("at", &at), ("since", &since), ("until", &until)];
        let pairs = common.iter().chain(more).filter(|(_, value)| !value.is_empty());
        let pairs: Vec<(String, String)> =
            pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let params = Params::of_pairs(&pairs, known)?;
        let within = (&self.ready.scope, self.limits);
        let numbers = numbers::Ready::read(self.app, within, &params, (MAX_POST_BYTES, read))?;
        numbers.answer(self.app, self.cancelled).map(|(members, _)| Value::Object(members))
    }

    /// Adds the names of counted actors that no row has. As for their counts, it does not matter which actors the query
    /// demands.
    fn name_actors(&self, at: u64, facets: &Value, names: &mut Names) -> Result<(), Problem> {
        let items = facets["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let actors = items.iter().filter(|item| item["field"] == "actor");
        let mut ids =
            actors.flat_map(|item| item["values"].as_array().map(Vec::as_slice).unwrap_or_default());
        let missing = |value: &Value| value["value"].as_str().is_some_and(|id| !names.contains_key(id));
        let (Some(field), true) = (FieldRef::named("actor"), ids.any(missing)) else { return Ok(()) };
        let query = query::read_at(self.app, &self.ready.text, None, (MAX_POST_BYTES, None))?;
        let wider = query.without_field(&field).map_or_else(|| self.ready.text.clone(), |query| query.text());
        let by = [("by", "actor.id,actor.name"), ("limit", MAX_NAMES)];
        let groups = self.counted((&wider, at), &by, GROUPS, numbers::groups_work)?;
        for group in groups["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
            if let (Some(id), Some(name)) = (group["values"][0].as_str(), group["values"][1].as_str()) {
                names.entry(id.to_owned()).or_insert_with(|| name.to_owned());
            }
        }
        Ok(())
    }
}

/// The names of the actors of events.
fn names_of(hits: &[Hit]) -> Names {
    let named = hits.iter().filter_map(|hit| {
        let (event, _) = event_json::read(&hit.leaf, &hit.stored).ok()?;
        let fields = [Field::ActorName, Field::ActorEmail];
        let name = fields.into_iter().find_map(|field| event.text(field).filter(|text| !text.is_empty()))?;
        Some((event.text(Field::ActorId)?.to_owned(), name.to_owned()))
    });
    named.collect()
}
