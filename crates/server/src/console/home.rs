//! Home: what happened lately in one organization, what failed, and how its log stands.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use indelible_console::explore::Facet;
use indelible_console::home::{Card, Home, Tile};
use indelible_console::words::grouped;
use indelible_control::Permission;
use indelible_query::EventQuery;

use super::facets;
use super::look::{Beside, look};
use super::page;
use super::rows::Painter;
use super::search::Search;
use super::times::ago;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::Answer;
use crate::app::{head, size};
use crate::problem::{Code, Problem};
use crate::query;

/// What the page looks back on.
const SINCE: &str = "-90d";
/// Failures that are named.
const FAILURES: usize = 8;
/// Values of each list.
const VALUES: usize = 8;

pub(crate) async fn first(call: Call) -> Answer {
    let orgs = call.visitor()?.organizations(&call.app);
    let detail = "this key may not read the events of any organization";
    let tour = call.app.tour.get().and_then(|stops| stops.first());
    let begins = tour.and_then(|stop| orgs.iter().find(|org| org.id.as_str() == stop.org));
    let org =
        begins.or_else(|| orgs.iter().find(|org| org.id.as_str() != indelible_control::SYSTEM_ORGANIZATION));
    if orgs.is_empty() && call.visitor()?.principal.person().is_some() {
        return Ok(Redirect::to("/me").into_response());
    }
    let org = org.or(orgs.first()).ok_or_else(|| Problem::new(Code::PermissionMissing, detail))?;
    // Home tells of the whole log; who sees a part of it begins with that part.
    let all = call.visitor()?.may(Permission::EventsSurvey, org);
    let page = if all { "" } else { "/explore" };
    Ok(Redirect::to(&format!("/o/{}{page}", org.id)).into_response())
}

pub(crate) async fn nothing(call: Call, Path((org, rest)): Path<(String, String)>) -> Answer {
    call.access(&org, Permission::EventsRead)?;
    Err(Problem::new(Code::NotFound, format!("there is no page {rest:?}")))
}

pub(crate) async fn home(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsSurvey)?;
    let org = access.org.id.as_str();
    let whole = Search { limit: Some(1), ..Search::of(org).between(SINCE, "") };
    let fields = "catalog,actor,code,origin.ip".to_owned();
    let beside = Beside { fields, read: String::new(), top: VALUES, width: "day" };
    let (looked, _) = look(&call, &access, &whole, Some(beside)).await?;
    let failing = Search { limit: Some(FAILURES), ..whole.with_text("outcome:failure") };
    let (failed, _) = look(&call, &access, &failing, None).await?;
    let linked = Search { limit: None, ..whole };
    let failures_href = Search { limit: None, ..failing }.href();
    let painter = Painter {
        catalogs: call.app.catalogs(),
        zone: call.zone(),
        search: linked,
        query: EventQuery::default(),
    };
    let rows = failed.page.items.iter().map(|hit| painter.stored(hit.index, &hit.leaf, &hit.stored));
    let counted = (looked.count.map_or(0, |count| count.value), failed.count.map_or(0, |count| count.value));
    page(&Home {
        frame: call.frame(org, Section::Home, &access.org),
        org: org.to_owned(),
        title: access.org.title.clone(),
        zone: painter.zone.name().to_owned(),
        tour: tour(&call, org),
        tiles: tiles(&call, &access, counted).await?,
        chart: facets::chart(&looked.bars, &looked.failed, &painter.zone, &|since, until| {
            painter.search.between(since, until).href()
        }),
        failures: rows.collect::<Result<_, _>>()?,
        failures_href,
        facets: titled(facets::facets(
            &looked.facets,
            (&painter.catalogs, &looked.names),
            (&painter.search, &painter.query),
        )),
    })
}

/// Lists with names that say what they are the most of.
fn titled(mut facets: Vec<Facet>) -> Vec<Facet> {
    for facet in &mut facets {
        facet.title = match facet.title.as_str() {
            "Actor" => "Most active".to_owned(),
            "Event type" => "Most frequent".to_owned(),
            "Address" => "Addresses".to_owned(),
            "Catalog" => "Catalogs".to_owned(),
            title => title.to_owned(),
        };
    }
    facets
}

async fn tiles(call: &Call, access: &Access, (events, failures): (u64, u64)) -> Result<Vec<Tile>, Problem> {
    let (app, org) = (&call.app, access.org.id.as_str());
    let integrity = format!("/o/{org}/integrity");
    let whole = Search::of(org).between(SINCE, "");
    let head = head(&app.store, access.log);
    let signed = head.as_ref().map_or(0, |head| head.size);
    let age = head.map(|head| app.clock.now_ns() - i64::try_from(head.time_ns).unwrap_or(i64::MAX));
    let producers = app.store.producers(access.log).map_err(crate::api::log::log_problem)?;
    let gaps: usize = producers.iter().map(|producer| producer.gaps.len()).sum();
    let quarantined = quarantined(call, access).await?;
    let tile = |value: String, label: &str, href: String, bad: bool| Tile {
        value,
        label: label.to_owned(),
        href,
        bad,
    };
    Ok(vec![
        tile(grouped(events), "events in 90 days", whole.href(), false),
        tile(grouped(failures), "of them failed", whole.with_text("outcome:failure").href(), false),
        tile(
            grouped(quarantined),
            "quarantined",
            Search::of(org).with_text("state:quarantined").href(),
            quarantined > 0,
        ),
        tile(grouped(gaps as u64), "gaps in producers' numbers", integrity.clone(), gaps > 0),
        tile(grouped(size(&app.store, access.log)), "events in the log", integrity.clone(), false),
        tile(
            age.map_or_else(|| "none".to_owned(), ago),
            &format!("since the checkpoint over {}", grouped(signed)),
            integrity,
            false,
        ),
    ])
}

async fn quarantined(call: &Call, access: &Access) -> Result<u64, Problem> {
    let app = std::sync::Arc::clone(&call.app);
    let scope = indelible_search::Scope { organization: access.org.id.to_string(), log: access.log };
    let only = access.limits.clone();
    crate::blocking(move || {
        let query = query::read(&*app, "state:quarantined", None)?.within(&only);
        let now = indelible_query::Instant::from(query.clock().now);
        let compiled = query.compile();
        let request = indelible_search::Request {
            query: &compiled,
            window: indelible_search::Window::default(),
            order: indelible_search::Order::IndexAscending,
            at: None,
            now,
        };
        let elapsed = crate::api::search::since_now(&*app);
        let cancelled = std::sync::atomic::AtomicBool::new(false);
        let (time, bytes) = (crate::api::search::PAGE_TIME, crate::api::search::PAGE_BYTES);
        let budget = indelible_search::Budget::new(&elapsed, time, bytes, &cancelled);
        let log = indelible_search::Log { records: &app.store, scope: &scope };
        let count = app.searcher.count(log, &request, &budget).map_err(crate::api::search::search_problem)?;
        Ok(count.value)
    })
    .await
}

/// Where to begin in a demonstration.
fn tour(call: &Call, org: &str) -> Vec<Card> {
    let cards = call.app.tour.get().map(Vec::as_slice).unwrap_or_default();
    let here = cards.iter().filter(|card| card.org == org);
    here.map(|card| Card {
        title: card.title.clone(),
        text: card.text.clone(),
        href: format!("/o/{}/{}", card.org, card.path),
    })
    .collect()
}
