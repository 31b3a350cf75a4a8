//! What of a catalog an organization's log holds: types that never came, codes that no type has, and what drifts.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use indelible_catalog::catalog::Catalog;
use indelible_catalog::drift::Drift;
use indelible_console::catalogs::{Finding, Seen, SeenCode};
use indelible_console::frame::Link;
use indelible_control::Permission;
use indelible_query::{EventQuery, FieldRef, MAX_GET_BYTES};
use indelible_search::Scope;
use serde_json::Value;

use super::event_fields::code_href;
use super::rows::is;
use super::search::Search;
use super::timeline::events;
use super::visit::Call;
use crate::api::numbers::{self, ReadWork};
use crate::api::search::{self, Cancel};
use crate::app::Shared;
use crate::endpoints::GROUPS;
use crate::problem::Problem;
use crate::request::Params;

/// Most codes that are counted; a catalog with more is not judged.
const MAX_CODES: &str = "1000";
/// Newest events that are read for drift: a moment's work.
const SAMPLE: usize = 2_000;
/// What is said from counts of everything and not from the sample.
const COUNTED: [&str; 2] = ["never_seen", "unknown_code"];

/// Compares a catalog with what the log holds. Looking at a catalog is no search.
pub(super) async fn seen(call: &Call, org: &str, catalog: &Arc<Catalog>) -> Result<Seen, Problem> {
    let access = call.access(org, Permission::EventsRead)?;
    let counts = counts(call, org, &catalog.id).await?;
    let declared: HashSet<&str> = catalog.types().iter().map(|of| of.code.as_str()).collect();
    let never = catalog.types().iter().filter(|of| of.reachable && !counts.contains_key(&of.code));
    let never = never.map(|of| Link::new(of.code.clone(), code_href(org, &catalog.id, &of.code)));
    let undeclared = counts.iter().filter(|(code, _)| !declared.contains(code.as_str()));
    let undeclared = undeclared.map(|(code, count)| SeenCode {
        code: code.clone(),
        count: *count,
        href: of_catalog(org, &catalog.id, Some(code)).href(),
    });
    let sample = events(call, &access, &of_catalog(org, &catalog.id, None), ("-index", SAMPLE)).await?;
    let registry = call.app.catalogs();
    let (judged, sampled) = (Arc::clone(catalog), sample.len() as u64);
    let drift = crate::blocking(move || {
        let others = registry.iter().filter(|other| other.id != judged.id).map(AsRef::as_ref);
        let mut drift = Drift::new(&judged, others);
        for placed in &sample {
            drift.event(placed.hit.index, &placed.event, &[]);
        }
        Ok(drift.finish().findings)
    })
    .await?;
    let drift = drift.into_iter().filter(|finding| !COUNTED.contains(&finding.id)).map(|finding| Finding {
        level: "warning".to_owned(),
        name: finding.id.to_owned(),
        subject: finding.subject,
        message: finding.message,
    });
    Ok(Seen {
        types: declared.len() as u64,
        codes: counts.len() as u64,
        never: never.collect(),
        undeclared: undeclared.collect(),
        sampled,
        drift: drift.collect(),
    })
}

fn of_catalog(org: &str, catalog: &str, code: Option<&str>) -> Search {
    let pairs = [("catalog", Some(catalog)), ("code", code)];
    let query = pairs.into_iter().fold(EventQuery::default(), |query, (name, value)| {
        let field = FieldRef::named(name).zip(value);
        field.map_or(query.clone(), |(field, value)| query.include(&field, &is(value)))
    });
    Search::of(org).with(&query)
}

/// How often each code of a catalog stands in the log.
async fn counts(call: &Call, org: &str, catalog: &str) -> Result<BTreeMap<String, u64>, Problem> {
    let access = call.access(org, Permission::EventsRead)?;
    let _permit = search::permit(&call.app).await?;
    let (worker, cancelled) = (Shared::clone(&call.app), Cancel::default());
    let flag = Arc::clone(&cancelled.0);
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let only = access.limits.clone();
    let q = of_catalog(org, catalog, None).q;
    let answer = crate::blocking(move || {
        let pairs = [("q", q.as_str()), ("by", "code"), ("limit", MAX_CODES)];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let params = Params::of_pairs(&pairs, GROUPS)?;
        let work: ReadWork = numbers::groups_work;
        let ready = numbers::Ready::read(&*worker, (&scope, &only), &params, (MAX_GET_BYTES, work))?;
        ready.answer(&*worker, &flag).map(|(members, _)| Value::Object(members))
    })
    .await?;
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let count = |item: &Value| Some((item["values"][0].as_str()?.to_owned(), item["count"].as_u64()?));
    Ok(items.iter().filter_map(count).collect())
}
