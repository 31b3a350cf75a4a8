//! Live: the feed of a log with the session of a visitor, joined into few messages, for the page that shows it.
//!
//! A message is a JSON object whose texts the page's script puts in as text. Nothing is left out: what a browser does not
//! draw it counts. The stream keeps no session alive, and ends when its session or its right does.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use indelible_console::live::Live;
use indelible_console::row::{Row, Value};
use indelible_control::Permission;
use indelible_query::EventQuery;
use indelible_search::Scope;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::explore::trouble;
use super::look::newest;
use super::page;
use super::rows::Painter;
use super::search::Search;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::Answer;
use crate::api::feed::{self, Reader, Rows, Write};
use crate::app::{Shared, size};
use crate::audit::Act;
use crate::endpoints::Parameter;
use crate::problem::{Code, Problem};
use crate::query;
use crate::request::Params;

/// Events of one message: what a browser draws within a frame or two.
const MESSAGE_EVENTS: usize = 500;
/// Shortest time between messages: nobody reads faster.
const PAUSE_NS: i64 = 100_000_000;
/// How often a silent stream says that it lives, and looks whether its session still does.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Rows that the page begins with.
const ROWS: usize = 50;

const KNOWN: &[Parameter] = &[
    Parameter { name: "q", kind: "string", doc: "" },
    Parameter { name: "tz", kind: "string", doc: "" },
    Parameter { name: "from", kind: "integer", doc: "" },
];

/// The page for a search, whose window does not matter: what comes, comes now.
pub(crate) fn href(search: &Search) -> String {
    address(search, "live", None)
}

fn address(search: &Search, path: &str, from: Option<u64>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("q", &search.q);
    let from = from.map(|from| from.to_string());
    for (name, value) in [("tz", &search.tz), ("from", &from)] {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    format!("/o/{}/{path}?{}", search.org, form.finish())
}

/// What is asked, and the index from which.
fn asked(call: &Call, access: &Access) -> Result<(Search, Option<u64>), Problem> {
    let params = Params::read(&call.uri, KNOWN)?;
    let text = |name: &str| params.text(name).unwrap_or_default().trim().to_owned();
    let tz = Some(text("tz")).filter(|zone| !zone.is_empty());
    let search = Search { q: text("q"), tz, ..Search::of(access.org.id.as_str()) };
    Ok((search, params.parsed("from", "an index")?))
}

pub(crate) async fn live(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    let (search, _) = asked(&call, &access)?;
    let from = size(&call.app.store, access.log);
    let zone = call.zone();
    let t = call.text();
    let mut shown = Live {
        frame: call.frame(&[t.live, &search.q].join(" "), Section::Explore, &access.org),
        zone: zone.name().to_owned(),
        action: format!("/o/{}/live", search.org),
        suggest: format!("/o/{}/suggest", search.org),
        explore: search.between("-1h", "").href(),
        stream: address(&search, "live/events", Some(from)),
        since: search.clone().href(),
        trouble: None,
        rows: Vec::new(),
        q: search.q.clone(),
    };
    let query = match query::read(&*call.app, &search.q, Some(zone.name())) {
        Ok(query) => query.parsed().clone(),
        Err(problem) => {
            shown.trouble = Some(trouble(&problem, &search));
            let mut response = page(&shown)?;
            *response.status_mut() =
                StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            return Ok(response);
        }
    };
    let later = query::read(&*call.app, &format!("index:>={from}"), None)?.parsed().clone();
    shown.since = search.with(&query.clone().and(later)).href();
    let found =
        newest(&call, &access, &Search { limit: Some(ROWS), at: Some(from), ..search.clone() }).await?;
    let painter = Painter { catalogs: call.app.catalogs(), zone, search, query };
    let rows = found.items.iter().map(|hit| painter.stored(hit.index, &hit.leaf, &hit.stored));
    shown.rows = rows.collect::<Result<_, _>>()?;
    page(&shown)
}

/// A stream that goes on until its session or the server ends.
struct Tail {
    reader: Reader,
    access: Access,
    headers: HeaderMap,
    /// When the last message went out; nanoseconds since the machine started.
    sent_ns: i64,
    /// Its place among all streams, held as long as it lasts.
    _place: OwnedSemaphorePermit,
}

pub(crate) async fn events(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    let (search, from) = asked(&call, &access)?;
    let query = query::read(&*call.app, &search.q, Some(call.zone().name()))?;
    let query = query.within(&access.limits);
    let from = match (feed::after_last(&call.headers)?, from) {
        (Some(next), _) | (None, Some(next)) => next,
        (None, None) => size(&call.app.store, access.log),
    };
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let place = feed::place(&call.app)?;
    let act = Act::new("EVENT.FOLLOW").by(&access.principal).from(&call.caller);
    call.app.record(access.log, act.param("query", query.absolute_text()));
    let painter =
        Painter { catalogs: call.app.catalogs(), zone: call.zone(), search, query: EventQuery::default() };
    let write: Write = Box::new(move |_, _, hit| {
        let row = painter.stored(hit.index, &hit.leaf, &hit.stored)?;
        Ok(object(hit.index, &row))
    });
    let (app, limit) = (Shared::clone(&call.app), MESSAGE_EVENTS);
    let reader = Reader { app, scope, query: query.compile(), from, limit, write };
    let headers = call.headers.clone();
    let tail = Tail { reader, access, headers, sent_ns: 0, _place: place };
    let body = futures_util::stream::unfold(Some(tail), |tail| async move {
        let (message, tail) = next(tail?).await;
        Some((Ok::<_, std::io::Error>(message), tail))
    });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response())
}

/// The next message, and the stream unless it ends with it.
async fn next(mut tail: Tail) -> (String, Option<Tail>) {
    let app = Shared::clone(&tail.reader.app);
    let early = (tail.sent_ns + PAUSE_NS).saturating_sub(app.clock.boot_ns());
    if let Ok(early) = u64::try_from(early) {
        tokio::time::sleep(Duration::from_nanos(early.min(PAUSE_NS.unsigned_abs()))).await;
    }
    let stopping = *app.stopping.borrow();
    if stopping {
        return ("retry: 1000\n\n".to_owned(), None);
    }
    if let Err(problem) = still(&tail) {
        return (format!("event: ended\ndata: {}\n\n", json!({ "why": problem.detail })), None);
    }
    match feed::wait_for_rows(tail.reader, KEEP_ALIVE).await {
        Ok((rows, reader)) => {
            tail = Tail { reader, sent_ns: app.clock.boot_ns(), ..tail };
            (message(&rows), Some(tail))
        }
        Err(problem) => (format!("event: ended\ndata: {}\n\n", json!({ "why": problem.detail })), None),
    }
}

/// Whether the session is open, and its subject may still read here.
fn still(tail: &Tail) -> Result<(), Problem> {
    let app = &tail.reader.app;
    let visitor = app.silent_visitor(&tail.headers)?;
    let access = app.access_of(visitor.principal, tail.access.org.id.as_str(), Permission::EventsRead)?;
    let same = access.limits == tail.access.limits;
    let changed = || Problem::new(Code::PermissionMissing, "what you may read has changed");
    if same { Ok(()) } else { Err(changed()) }
}

/// Its id is the last index that was looked at, so that a broken stream goes on behind it.
fn message(rows: &Rows) -> String {
    let id = rows.next.checked_sub(1).map(|last| format!("id: {last}\n")).unwrap_or_default();
    if rows.items.is_empty() {
        return format!("{id}: here\n\n");
    }
    let items: Vec<&str> = rows.items.iter().map(|(_, row)| row.as_str()).collect();
    let (next, high) = (rows.next, rows.high_water);
    format!("{id}data: {{\"rows\":[{}],\"next\":{next},\"high\":{high}}}\n\n", items.join(","))
}

fn object(index: u64, row: &Row) -> String {
    let text = |value: &Option<Value>| value.as_ref().map(|value| value.text.clone()).unwrap_or_default();
    json!({
        "index": index, "href": row.href, "iso": row.at.iso, "shown": row.at.shown, "fraction": row.at.fraction,
        "crude": row.crude, "title": row.title, "code": format!("{} {}", row.catalog, row.code), "flags": row.flags,
        "actor": text(&row.actor), "target": text(&row.target), "outcome": row.outcome, "from": text(&row.origin),
    })
    .to_string()
}
