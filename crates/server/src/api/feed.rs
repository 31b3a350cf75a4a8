//! Events in the order of the log, whose past never changes: by page, by long poll, or as server-sent events.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use indelible_control::Permission;
use indelible_query::Compiled;
use indelible_search::{Budget, FeedPage, Hit, Log, Scope};
use tokio::sync::OwnedSemaphorePermit;

use super::Answer;
use super::search::{search_problem, write_event};
use crate::access::Access;
use crate::app::{App, Shared, size};
use crate::audit::Act;
use crate::endpoints::FEED;
use crate::http::Caller;
use crate::limits::{MAX_FEED_PAGE, MAX_WAIT_SECONDS};
use crate::problem::{Code, Problem};
use crate::query;
use crate::request::Params;

/// Rows of one message of a stream.
const STREAM_PAGE: usize = 500;
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest time of one page, and what it may read.
const PAGE_TIME: Duration = Duration::from_secs(5);
const PAGE_BYTES: u64 = 4 << 30;

/// How an event is written.
pub(crate) type Write = Box<dyn Fn(&App, &Scope, &Hit) -> Result<String, Problem> + Send>;

/// A feed that has been understood.
pub(crate) struct Reader {
    pub(crate) app: Shared,
    pub(crate) scope: Scope,
    pub(crate) query: Compiled,
    /// Where it goes on.
    pub(crate) from: u64,
    /// Most rows of a page.
    pub(crate) limit: usize,
    pub(crate) write: Write,
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path(org): Path<String>,
    uri: Uri,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsRead)?;
    let params = Params::read(&uri, FEED)?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let streams = accept.contains("text/event-stream");
    let text = params.text("q").unwrap_or_default();
    let query = query::read(&*app, text, None)?.within(&access.limits);
    let asked = query.absolute_text();
    let query = query.compile();
    let from = start(&app, &access, &params, &headers)?;
    let limit = params.parsed("limit", "a number of rows")?.unwrap_or(1_000);
    if limit == 0 || limit > MAX_FEED_PAGE {
        let detail = format!("limit={limit} must be 1 to {MAX_FEED_PAGE}");
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    let wait: u64 = params.parsed("wait", "seconds")?.unwrap_or(0);
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let write: Write = Box::new(|app, scope, hit| {
        let mut row = String::with_capacity(1024);
        write_event(&mut row, app, (&scope.organization, false), hit)?;
        Ok(row)
    });
    let reader = Reader { app: Shared::clone(&app), scope, query, from, limit, write };
    // Wherever it begins: a reader that never asks for the first page reads all the same.
    let key = access.principal.id();
    if streams || app.recent_searches.is_new(key, access.log, &format!("feed {asked}"), app.clock.now_ns()) {
        let act = Act::new("EVENT.FOLLOW").by(&access.principal).from(&caller);
        app.record(access.log, act.param("query", asked));
    }
    if streams {
        return stream(reader);
    }
    let (page, _) = wait_for_rows(reader, Duration::from_secs(wait.min(MAX_WAIT_SECONDS))).await?;
    Ok(linked(&page, &uri))
}

/// Where to begin: a named cursor, what a broken stream had last, an index, or the end.
fn start(app: &App, access: &Access, params: &Params, headers: &HeaderMap) -> Result<u64, Problem> {
    let refuse = |what: String| Problem::new(Code::RequestMalformed, what);
    if let Some(next) = after_last(headers)? {
        return Ok(next);
    }
    if let Some(name) = params.text("cursor") {
        return Ok(super::cursors::position(app, access, name)?.unwrap_or(0));
    }
    match params.text("from") {
        None => Ok(0),
        Some("end") => Ok(size(&app.store, access.log)),
        Some(index) => index.parse().map_err(|_| refuse(format!("from={index:?} must be an index or end"))),
    }
}

/// Where a broken stream goes on, if one does.
pub(crate) fn after_last(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(last) = headers.get("last-event-id").and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let last: u64 =
        last.parse().map_err(|_| Problem::new(Code::RequestMalformed, "Last-Event-ID is not an index"))?;
    Ok(Some(last.saturating_add(1)))
}

/// A place among the streams that are open at once.
pub(crate) fn place(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::new(Code::RateLimited, "too many streams are open; close one or poll").retry_after(5)
    })
}

/// A page of JSON objects and where it ends.
pub(crate) struct Rows {
    pub(crate) items: Vec<(u64, String)>,
    pub(crate) next: u64,
    pub(crate) high_water: u64,
}

impl Reader {
    fn page(&self) -> Result<Rows, Problem> {
        let clock = &self.app.clock;
        let started = clock.boot_ns();
        let elapsed = || Duration::from_nanos(u64::try_from(clock.boot_ns() - started).unwrap_or(0));
        let cancelled = AtomicBool::new(false);
        let budget = Budget::new(&elapsed, PAGE_TIME, PAGE_BYTES, &cancelled);
        let log = Log { records: &self.app.store, scope: &self.scope };
        let page = self.app.searcher.feed(log, &self.query, (self.from, self.limit), &budget);
        let FeedPage { items, next, high_water } = page.map_err(search_problem)?;
        let rows = items.iter().map(|hit| Ok((hit.index, (self.write)(&self.app, &self.scope, hit)?)));
        Ok(Rows { items: rows.collect::<Result<_, Problem>>()?, next, high_water })
    }
}

/// Pages on until there is a row or the time is over; gives the reader back, moved on.
pub(crate) async fn wait_for_rows(mut reader: Reader, wait: Duration) -> Result<(Rows, Reader), Problem> {
    let started = reader.app.clock.boot_ns();
    loop {
        let (page, mut same) = crate::blocking(move || reader.page().map(|page| (page, reader))).await?;
        same.from = page.next;
        let spent = Duration::from_nanos(u64::try_from(same.app.clock.boot_ns() - started).unwrap_or(0));
        if !page.items.is_empty() || spent >= wait {
            return Ok((page, same));
        }
        let app = Shared::clone(&same.app);
        let (log, from) = (same.scope.log, same.from);
        let more =
            app.wait_for(&app.commits, wait.saturating_sub(spent), || size(&app.store, log) > from).await;
        if !more {
            return Ok((page, same));
        }
        reader = same;
    }
}

fn linked(page: &Rows, uri: &Uri) -> Response {
    let items: Vec<&str> = page.items.iter().map(|(_, row)| row.as_str()).collect();
    let body = format!(
        "{{\"items\":[{}],\"next\":{},\"high_water\":{}}}",
        items.join(","),
        page.next,
        page.high_water
    );
    let mut query = form_urlencoded::Serializer::new(String::new());
    let others = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    query.extend_pairs(others.filter(|(name, _)| name != "from" && name != "cursor"));
    query.append_pair("from", &page.next.to_string());
    let links = format!("<{uri}>; rel=\"self\", <{}?{}>; rel=\"next\"", uri.path(), query.finish());
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    if let Ok(value) = HeaderValue::from_str(&links) {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

/// Server-sent events: the id of each is its index, so that a client goes on where it was.
fn stream(mut reader: Reader) -> Answer {
    reader.limit = reader.limit.min(STREAM_PAGE);
    let permit = place(&reader.app)?;
    let state: Option<(Reader, OwnedSemaphorePermit)> = Some((reader, permit));
    let body = futures_util::stream::unfold(state, |state| async move {
        let (reader, permit) = state?;
        let stopping = *reader.app.stopping.borrow();
        if stopping {
            return Some((Ok::<_, std::io::Error>("retry: 1000\n\n".to_owned()), None));
        }
        match wait_for_rows(reader, KEEP_ALIVE).await {
            Ok((page, reader)) if page.items.is_empty() => {
                Some((Ok(": here\n\n".to_owned()), Some((reader, permit))))
            }
            Ok((page, reader)) => {
                let text = page.items.iter().fold(String::new(), |text, (index, row)| {
                    text + &format!("id: {index}\ndata: {row}\n\n")
                });
                Some((Ok(text), Some((reader, permit))))
            }
            Err(problem) => {
                let members = serde_json::Value::Object(problem.members());
                Some((Ok(format!("event: problem\ndata: {members}\n\n")), None))
            }
        }
    });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response())
}
