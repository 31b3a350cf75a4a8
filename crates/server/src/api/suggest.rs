//! Completion of queries: names of fields, then what catalogs know, then values of the newest events, with counts.
//!
//! An offer is a help for writing, never an answer: it looks at the newest events only, within a moment, and does without
//! them when that is not enough. Values of events are shown to whoever may search, and that is recorded once for a field.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri};
use indelible_catalog::catalog::{Catalog, Registry};
use indelible_control::Permission;
use indelible_query::{Completion, FieldRef, Instant, MAX_GET_BYTES, Part, fields, spelled};
use indelible_search::{Budget, FacetsAsked, Log, Order, Request, Scope, Window};
use serde_json::{Value, json};

use super::JsonAnswer;
use super::numbers::number;
use super::search::{permit, since_now};
use crate::access::Access;
use crate::app::{App, Shared, size};
use crate::audit::Act;
use crate::endpoints::SUGGEST;
use crate::http::Caller;
use crate::limits::{MAX_FACET_VALUES, MAX_OFFERS, OFFER_EVENTS};
use crate::problem::Problem;
use crate::query::{self, Query};
use crate::request::Params;

/// Offers unless another number is asked for: a list that needs no scrolling.
const DEFAULT_OFFERS: usize = 20;
/// Longest look at events: a person who writes does not wait longer.
const LOOK: Duration = Duration::from_millis(250);
/// Most bytes of events that one look reads.
const LOOK_BYTES: u64 = 64 << 20;
/// Characters from which words of event types' titles are looked for.
const MIN_TITLE_CHARS: usize = 2;

/// Something that may be written.
struct Offer {
    text: String,
    kind: &'static str,
    about: Option<String>,
    count: Option<u64>,
}

pub(crate) async fn suggest(
    State(app): State<Shared>,
    Path(org): Path<String>,
    uri: Uri,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::EventsRead)?;
    offers(&app, &access, &caller, &uri).await
}

/// The same for somebody who may read, from the address of a request.
pub(crate) async fn offers(app: &Shared, access: &Access, caller: &Caller, uri: &Uri) -> JsonAnswer {
    let params = Params::read(uri, SUGGEST)?;
    let text = params.text("q").unwrap_or_default();
    let position = params.parsed("position", "a byte of the text")?.unwrap_or(text.len());
    let limit = number(&params, ("limit", DEFAULT_OFFERS, MAX_OFFERS))?;
    let catalogs = visible(app, access);
    let Some(place) = Completion::at(text, position) else {
        return Ok(Json(
            json!({ "offset": position.min(text.len()), "length": 0, "items": [], "counted": 0 }),
        ));
    };
    let (mut offers, counted) = match &place.part {
        Part::Name(prefix) => (names(prefix, &catalogs), 0),
        Part::Value(field, prefix) => {
            let narrowed = narrowing(app, access, &place.rest, params.text("tz"));
            let looked = look(app, access, (field, prefix), narrowed).await?;
            record(app, access, caller, field);
            (values((field, prefix), &catalogs, &looked.0), looked.1)
        }
    };
    offers.truncate(limit);
    let items: Vec<Value> = offers.into_iter().map(Offer::json).collect();
    let (offset, length) = (place.range.start, place.range.len());
    Ok(Json(json!({ "offset": offset, "length": length, "items": items, "counted": counted })))
}

/// The catalogs that the caller may see values of.
fn visible(app: &App, access: &Access) -> Registry {
    let all = app.catalogs();
    match access.principal.catalog() {
        Some(only) => all.select([only]),
        None => Registry::clone(&all),
    }
}

fn names(prefix: &str, catalogs: &Registry) -> Vec<Offer> {
    let prefix = prefix.to_lowercase();
    let begins = |name: &str| name.to_lowercase().starts_with(&prefix);
    let field =
        |text: String, about: &str| Offer { text, kind: "field", about: Some(about.to_owned()), count: None };
    let mut offers: Vec<Offer> = fields()
        .iter()
        .filter(|known| begins(known.name) || known.aliases.iter().any(|alias| begins(alias)))
        .map(|known| field(format!("{}{}", known.name, if known.is_open() { "." } else { ":" }), known.doc))
        .collect();
    // The name as it is written comes before names that only have such an alias.
    offers.sort_by_key(|offer| !begins(&offer.text));
    let mut params: Vec<(String, &str)> = catalogs
        .iter()
        .flat_map(|catalog| catalog.params())
        .map(|param| (format!("param.{}", param.name), param.text.as_deref().unwrap_or_default()))
        .filter(|(name, _)| begins(name) || (!prefix.is_empty() && begins(&name["param.".len()..])))
        .collect();
    params.sort();
    params.dedup_by(|a, b| a.0 == b.0);
    offers.extend(params.into_iter().map(|(name, about)| field(format!("{name}:"), about)));
    if prefix.chars().count() >= MIN_TITLE_CHARS {
        let held = |text: &str| text.to_lowercase().contains(&prefix);
        let code = FieldRef::named("code").expect("the table of query fields has it");
        let types = catalogs.iter().flat_map(|catalog| catalog.types());
        offers.extend(types.filter(|of| held(&of.code) || held(&of.title)).map(|of| Offer {
            text: format!("code:{}", spelled(&code, &of.code)),
            kind: "catalog",
            about: Some(of.title.clone()),
            count: None,
        }));
    }
    offers
}

/// The rest of the query, if it is one; what is not finished narrows nothing.
fn narrowing(app: &App, access: &Access, rest: &str, zone: Option<&str>) -> Option<Query> {
    let read = |text| query::read_at(app, text, zone, (MAX_GET_BYTES, None));
    let query = read(rest).or_else(|_| read("")).ok()?;
    let first = size(&app.store, access.log).saturating_sub(OFFER_EVENTS);
    Some(query.within(&access.limits).starting_at_index(first))
}

/// Values of the newest events with their counts, and how many events were counted.
async fn look(
    app: &Shared,
    access: &Access,
    (field, prefix): (&FieldRef, &str),
    query: Option<Query>,
) -> Result<(Vec<(String, u64)>, u64), Problem> {
    let Some(query) = query else { return Ok((Vec::new(), 0)) };
    let _permit = permit(app).await?;
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
    let asked = FacetsAsked { fields: vec![field.clone()], top: MAX_FACET_VALUES, prefix };
    let worker = Shared::clone(app);
    let found = crate::blocking(move || Ok(count(&worker, &scope, query, &asked))).await?;
    Ok(found.unwrap_or_default())
}

fn count(app: &App, scope: &Scope, query: Query, asked: &FacetsAsked) -> Option<(Vec<(String, u64)>, u64)> {
    let elapsed = since_now(app);
    let never = AtomicBool::new(false);
    let budget = Budget::new(&elapsed, LOOK, LOOK_BYTES, &never);
    let now = Instant::from(query.clock().now);
    let compiled = query.compile();
    let (window, order) = (Window::default(), Order::IndexAscending);
    let request = Request { query: &compiled, window, order, at: None, now };
    let log = Log { records: &app.store, scope };
    let facets = app.searcher.facets(log, &request, asked, &budget).ok()?;
    let values = facets.fields.into_iter().next()?.values;
    Some((values, facets.extent.events))
}

fn record(app: &Shared, access: &Access, caller: &Caller, field: &FieldRef) {
    let (key, query) = (access.principal.id(), format!("{field}:*"));
    if app.recent_searches.is_new(key, access.log, &format!("suggest {query}"), app.clock.now_ns()) {
        let act = Act::new("EVENT.SEARCH").by(&access.principal);
        let act = act.from(caller).param("query", query.as_str());
        app.record(access.log, act.param("rows", 0));
    }
}

/// Words of the field, values of the catalogs, then values of events.
fn values((field, prefix): (&FieldRef, &str), catalogs: &Registry, looked: &[(String, u64)]) -> Vec<Offer> {
    let prefix = prefix.to_lowercase();
    let mut counts: HashMap<&str, u64> =
        looked.iter().map(|(value, count)| (value.as_str(), *count)).collect();
    let mut offers = Vec::new();
    let words = field.def.kind.words().iter().map(|word| ((*word).to_owned(), None, "word"));
    let known = catalogs.iter().flat_map(|catalog| of_catalog(field, catalog));
    let mut known: Vec<(String, Option<String>)> = known.collect();
    known.sort();
    known.dedup_by(|a, b| a.0 == b.0);
    let known = known.into_iter().map(|(value, about)| (value, about, "catalog"));
    for (value, about, kind) in words.chain(known) {
        let word_begins =
            |about: &str| about.to_lowercase().split_whitespace().any(|word| word.starts_with(&prefix));
        let in_title = || about.as_deref().is_some_and(word_begins);
        if value.to_lowercase().starts_with(&prefix) || (!prefix.is_empty() && in_title()) {
            let count = counts.remove(value.as_str());
            offers.push(Offer { text: spelled(field, &value), kind, about, count });
        }
    }
    let rest = looked.iter().filter(|(value, _)| counts.contains_key(value.as_str()));
    offers.extend(rest.map(|(value, count)| Offer {
        text: spelled(field, value),
        kind: "value",
        about: None,
        count: Some(*count),
    }));
    offers
}

/// What a catalog says that a field may hold, each with what it means.
fn of_catalog(field: &FieldRef, catalog: &Catalog) -> Vec<(String, Option<String>)> {
    let types = catalog.types().iter();
    match field.def.name {
        "catalog" => vec![(catalog.id.clone(), Some(catalog.title.clone()))],
        "code" => types.map(|of| (of.code.clone(), Some(of.title.clone()))).collect(),
        "action" => types.map(|of| (of.action.clone(), None)).collect(),
        "category" => types.flat_map(|of| of.categories.iter().map(|name| (name.clone(), None))).collect(),
        "entity" => catalog.entities().iter().map(|of| (of.id.clone(), of.title.clone())).collect(),
        "group" => catalog.groups().iter().map(|of| (of.id.clone(), Some(of.title.clone()))).collect(),
        _ => Vec::new(),
    }
}

impl Offer {
    fn json(self) -> Value {
        let mut shown = json!({ "text": self.text, "kind": self.kind });
        if let Some(about) = self.about.filter(|about| !about.is_empty()) {
            shown["about"] = json!(about);
        }
        if let Some(count) = self.count {
            shown["count"] = json!(count);
        }
        shown
    }
}
