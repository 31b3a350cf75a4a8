//! Search by event time: pages with sealed cursors, counts, and streams of everything that matches.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use indelible_control::Permission;
use indelible_event::EventId;
use indelible_query::{Clock, Compiled, EventQuery, Instant, MAX_GET_BYTES, MAX_POST_BYTES, TimeExpr};
use indelible_search::{Budget, Count, Incomplete, Log, Order, Page, Request, Scope, SearchError, Window};
use indelible_store::log_no::LogNo;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Answer;
use crate::access::Access;
use crate::app::{App, Shared, size};
use crate::audit::Act;
use crate::endpoints::SEARCH;
use crate::event_json::{self, Shown};
use crate::http::Caller;
use crate::limits::{MAX_PAGE, SEARCH_QUEUE_MS};
use crate::problem::{Code, Problem};
use crate::query::{self, Query};
use crate::reads::Reads;
use crate::request::{self, Params};

/// Longest time of one page, and what it may read: a scan of this much takes about that long.
pub(crate) const PAGE_TIME: Duration = Duration::from_secs(10);
pub(crate) const PAGE_BYTES: u64 = 16 << 30;
/// Longest time of a stream; exports of years take minutes.
const STREAM_TIME: Duration = Duration::from_hours(1);
/// Longest wait for `min_index`.
const BEHIND_WAIT: Duration = Duration::from_secs(5);
/// A repeated search within this time is not recorded again.
const REPEAT_NS: i64 = 300 * 1_000_000_000;
/// Most recent searches remembered for that.
const MAX_REMEMBERED: usize = 10_000;
/// Bytes of a stream that are collected before they are sent.
const CHUNK_BYTES: usize = 64 * 1024;

/// What is asked; the members of the query string and of the body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    pub(crate) q: String,
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) tz: Option<String>,
    pub(crate) sort: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
    pub(crate) at: Option<u64>,
    pub(crate) min_index: Option<u64>,
    pub(crate) count: Option<String>,
    pub(crate) fields: Option<String>,
    pub(crate) include: Option<String>,
}

/// A search that has been understood.
pub(crate) struct Ready {
    pub(crate) scope: Scope,
    query: Compiled,
    /// The canonical text, times absolute.
    pub(crate) text: String,
    pub(crate) window: Window,
    order: Order,
    at: Option<u64>,
    now: Instant,
    cursor: Option<indelible_search::Cursor>,
    limit: usize,
    count: bool,
    fields: Vec<String>,
    raw: bool,
}

/// Searches that were recorded lately, so that a repeated one is not recorded again.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<(String, LogNo, String), i64>>);

impl Recent {
    /// Whether this is the first such search for a while.
    pub(crate) fn is_new(&self, key: &str, log: LogNo, text: &str, now_ns: i64) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MAX_REMEMBERED {
            recent.retain(|_, last| now_ns - *last < REPEAT_NS);
        }
        let last = recent.insert((key.to_owned(), log, text.to_owned()), now_ns);
        last.is_none_or(|last| now_ns - last >= REPEAT_NS)
    }
}

pub(crate) async fn search(
    State(app): State<Shared>,
    Path(org): Path<String>,
    uri: Uri,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsRead)?;
    let params = Params::read(&uri, SEARCH)?;
    answer(&app, access, Asked::read(&params)?, (&caller, &headers, MAX_GET_BYTES, Some(&uri))).await
}

pub(crate) async fn search_long(
    State(app): State<Shared>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsRead)?;
    let asked: Asked = request::json(&headers, body).await?;
    answer(&app, access, asked, (&caller, &headers, MAX_POST_BYTES, None)).await
}

async fn answer(
    app: &Shared,
    access: Access,
    asked: Asked,
    (caller, headers, max_bytes, uri): (&Caller, &HeaderMap, usize, Option<&Uri>),
) -> Answer {
    let first_page = asked.cursor.is_none();
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let ready = understand(&**app, (&scope, &access.limits), &asked, max_bytes)?;
    wait_index(app, access.log, asked.min_index).await?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let act = Act::new("EVENT.SEARCH").by(&access.principal).from(caller);
    let recorded = recorded_text(&ready.text, ready.window);
    let act = act.param("query", recorded.as_str());
    if accept.contains("application/x-ndjson") {
        return Ok(stream(app, access.log, ready, act));
    }
    let _permit = permit(app).await?;
    let started = app.clock.boot_ns();
    let worker = Shared::clone(app);
    let cancelled = Cancel::default();
    let flag = Arc::clone(&cancelled.0);
    let found = crate::blocking(move || page(&*worker, &ready, &flag)).await?;
    app.metrics.search_seconds.observe_ns(app.clock.boot_ns() - started);
    // What was refused was not read, and the next try is the first.
    let remembered = first_page
        && app.recent_searches.is_new(
            access.principal.id(),
            access.log,
            &asked.as_said(),
            app.clock.now_ns(),
        );
    if remembered {
        app.record(access.log, act.param("rows", i64::try_from(found.rows).unwrap_or(i64::MAX)));
    }
    Ok(with_links(found, uri))
}

/// Waits until an index is in the log.
pub(super) async fn wait_index(app: &Shared, log: LogNo, index: Option<u64>) -> Result<(), Problem> {
    let Some(index) = index else { return Ok(()) };
    let reached = || size(&app.store, log) > index;
    if app.wait_for(&app.commits, BEHIND_WAIT, reached).await {
        return Ok(());
    }
    let detail = format!("index {index} is not in the log yet");
    Err(Problem::new(Code::IndexBehind, detail).retry_after(1))
}

/// A place among the searches that run at once.
pub(crate) async fn permit(app: &Shared) -> Result<tokio::sync::SemaphorePermit<'_>, Problem> {
    let permit = tokio::time::timeout(Duration::from_millis(SEARCH_QUEUE_MS), app.searches.acquire()).await;
    permit.ok().and_then(Result::ok).ok_or_else(|| {
        let detail = "too many searches run at once; try again in a moment";
        Problem::new(Code::RateLimited, detail).retry_after(1)
    })
}

/// One page of a search within a scope, within limits, as its JSON.
pub(crate) fn found(
    on: &dyn Reads,
    within: (&Scope, &EventQuery),
    asked: &Asked,
    (max_bytes, cancelled): (usize, &AtomicBool),
) -> Result<Value, Problem> {
    let ready = understand(on, within, asked, max_bytes)?;
    let found = page(on, &ready, cancelled)?;
    serde_json::from_str(&found.json).map_err(|error| Problem::internal(&error))
}

/// Everything that a search matches, as the lines of a stream.
pub(crate) fn all(
    on: &dyn Reads,
    within: (&Scope, &EventQuery),
    asked: &Asked,
    write: &mut dyn FnMut(String) -> bool,
) -> Result<(), Problem> {
    let ready = understand(on, within, asked, MAX_POST_BYTES)?;
    run_stream(on, &ready, write).map(|_| ())
}

pub(crate) fn understand(
    on: &dyn Reads,
    (scope, limits): (&Scope, &EventQuery),
    asked: &Asked,
    max_bytes: usize,
) -> Result<Ready, Problem> {
    let refuse = |what: String| Problem::new(Code::RequestMalformed, what);
    let cursor = match asked.cursor.as_deref() {
        None => None,
        Some(text) => Some(on.searcher().open_cursor(scope, text).map_err(search_problem)?),
    };
    // Relative times mean on every page what they meant on the first.
    let now = cursor.as_ref().map(indelible_search::Cursor::now);
    let query = query::read_at(on, &asked.q, asked.tz.as_deref(), (max_bytes, now))?.within(limits);
    let window = window((asked.since.as_deref(), asked.until.as_deref()), query.clock())?;
    let sort = asked.sort.as_deref().unwrap_or("-occurred_at");
    let order = Order::by_name(sort)
        .ok_or_else(|| refuse(format!("sort={sort:?} must be -occurred_at, occurred_at, -index or index")))?;
    let limit = asked.limit.unwrap_or(100);
    if limit == 0 || limit > MAX_PAGE {
        return Err(refuse(format!("limit={limit} must be 1 to {MAX_PAGE}; larger results come as NDJSON")));
    }
    let count = match asked.count.as_deref() {
        None | Some("none") => false,
        Some("exact") => true,
        Some(other) => return Err(refuse(format!("count={other:?} must be none or exact"))),
    };
    let fields = asked.fields.as_deref().unwrap_or_default().split(',').map(str::trim);
    Ok(Ready {
        scope: scope.clone(),
        text: query.absolute_text(),
        now: Instant::from(query.clock().now),
        query: query.compile(),
        window,
        order,
        at: asked.at,
        cursor,
        limit,
        count,
        fields: fields.filter(|field| !field.is_empty()).map(str::to_owned).collect(),
        raw: includes_raw(asked.include.as_deref())?,
    })
}

/// Whether `include` asks for the form that events were received in; the only thing it knows.
pub(crate) fn includes_raw(include: Option<&str>) -> Result<bool, Problem> {
    match include {
        None | Some("") => Ok(false),
        Some("raw") => Ok(true),
        Some(other) => Err(Problem::new(Code::RequestMalformed, format!("include={other:?} must be raw"))),
    }
}

/// The window between two times as they were written.
pub(super) fn window((since, until): (Option<&str>, Option<&str>), clock: &Clock) -> Result<Window, Problem> {
    let time = |name: &str, text: Option<&str>| {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        TimeExpr::parse(text).map(Some).ok_or_else(|| {
            let detail =
                format!("{name}={text:?} is not a time: say -3h, yesterday, 2026-11-21 or 2026-11-21T14:03");
            Problem::new(Code::RequestMalformed, detail)
        })
    };
    let (since, until) = (time("since", since)?, time("until", until)?);
    Window::between(since.as_ref(), until.as_ref(), clock)
        .ok_or_else(|| Problem::new(Code::RequestMalformed, "since or until lies beyond the calendar"))
}

/// Set when whoever asked goes away.
#[derive(Debug, Default)]
pub(crate) struct Cancel(pub(crate) Arc<AtomicBool>);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Found {
    json: String,
    rows: usize,
    next: Option<String>,
    prev: Option<String>,
}

impl Asked {
    /// Reads what is asked from the parameters of a request.
    pub(crate) fn read(params: &Params) -> Result<Self, Problem> {
        let text = |name: &str| params.text(name).map(str::to_owned);
        Ok(Self {
            q: text("q").unwrap_or_default(),
            since: text("since"),
            until: text("until"),
            tz: text("tz"),
            sort: text("sort"),
            limit: params.parsed("limit", "a number of rows")?,
            cursor: text("cursor"),
            at: params.parsed("at", "a log size")?,
            min_index: params.parsed("min_index", "an index")?,
            count: text("count"),
            fields: text("fields"),
            include: text("include"),
        })
    }

    pub(crate) fn as_said(&self) -> String {
        let parts = [Some(self.q.as_str()), self.since.as_deref(), self.until.as_deref(), self.tz.as_deref()];
        as_said(parts)
    }
}

/// What tells repeated searches from new ones: query, window and zone as they were written, so that `-1h` is the same a
/// minute later.
pub(super) fn as_said(parts: [Option<&str>; 4]) -> String {
    parts.map(Option::unwrap_or_default).join("\n")
}

/// A query as it is recorded: with its window, in the language of queries.
pub(crate) fn recorded_text(text: &str, window: Window) -> String {
    let ends = [("since", window.since), ("until", window.until)];
    let ends = ends.into_iter().filter_map(|(name, end)| {
        let nanos = i64::try_from(end?.0).ok()?;
        Some(format!("{name}:{}", crate::time_text(nanos)))
    });
    let text = Some(text.to_owned()).filter(|text| !text.is_empty());
    text.into_iter().chain(ends).collect::<Vec<_>>().join(" ")
}

impl Ready {
    /// The time that relative times are counted from.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request { query: &self.query, window: self.window, order: self.order, at: self.at, now: self.now }
    }

    /// The page of hits.
    pub(crate) fn look(&self, on: &dyn Reads, cancelled: &AtomicBool) -> Result<Looked, Problem> {
        let elapsed = since_now(on);
        let budget = Budget::new(&elapsed, PAGE_TIME, PAGE_BYTES, cancelled);
        let log = Log { records: on.store(), scope: &self.scope };
        let position = (self.cursor.as_ref(), self.limit);
        let page = on.searcher().page(log, &self.request(), position, &budget).map_err(search_problem)?;
        let count = self.count.then(|| on.searcher().count(log, &self.request(), &budget));
        let count = count.transpose().map_err(search_problem)?;
        Ok(Looked { page, count, lacking: lacking(&budget) })
    }
}

/// What one look at a log found.
pub(crate) struct Looked {
    pub(crate) page: Page,
    /// How many match in all, if that was asked for.
    pub(crate) count: Option<Count>,
    /// The events that could not be read.
    pub(crate) lacking: Option<Value>,
}

fn page(on: &dyn Reads, ready: &Ready, cancelled: &AtomicBool) -> Result<Found, Problem> {
    let Looked { page, count, lacking } = ready.look(on, cancelled)?;
    let mut json = String::with_capacity(1024 * page.items.len() + 256);
    json.push_str("{\"items\":[");
    for (at, hit) in page.items.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        write_hit(&mut json, on, ready, hit)?;
    }
    json.push_str("],");
    let count = count
        .map(|count| json!({ "value": count.value, "relation": if count.exact { "eq" } else { "gte" } }));
    let mut rest = page_members(ready, &page, count);
    if let Some(lacking) = lacking {
        rest["complete"] = json!(false);
        rest["incomplete"] = lacking;
    }
    json.push_str(rest.to_string().trim_start_matches('{'));
    Ok(Found { json, rows: page.items.len(), next: page.next_cursor, prev: page.prev_cursor })
}

/// The events that an answer lacks because their files are damaged; nothing when there are none.
pub(crate) fn lacking(budget: &Budget<'_>) -> Option<Value> {
    lacking_of(&budget.incomplete())
}

/// The same of events that are known.
pub(crate) fn lacking_of(events: &[Incomplete]) -> Option<Value> {
    let one = |events: &Incomplete| {
        // The data folder's own place is nobody's business.
        let within =
            |part: &std::path::Component<'_>| part.as_os_str() != "segments" && part.as_os_str() != "spill";
        let file: PathBuf = events.file.components().skip_while(within).collect();
        json!({
            "log": events.log.0, "first": events.first, "last": events.last,
            "file": file.display().to_string(), "what": events.what,
            "todo": "run indelible verify --data, and restore the file from a backup",
        })
    };
    (!events.is_empty()).then(|| events.iter().map(one).collect())
}

fn page_members(ready: &Ready, page: &Page, count: Option<Value>) -> Value {
    let time = |instant: Instant| i64::try_from(instant.0).map(crate::time_text).unwrap_or_default();
    let mut members = json!({
        "next_cursor": page.next_cursor,
        "prev_cursor": page.prev_cursor,
        "query": { "text": ready.text, "since": ready.window.since.map(time), "until": ready.window.until.map(time) },
        "log_size": page.log_size,
        "complete": page.complete,
    });
    if let Some(stopped) = page.stopped_at {
        members["stopped_at"] = json!(time(stopped));
    }
    if let Some(count) = count {
        members["count"] = count;
    }
    members
}

fn write_hit(
    out: &mut String,
    on: &dyn Reads,
    ready: &Ready,
    hit: &indelible_search::Hit,
) -> Result<(), Problem> {
    let start = out.len();
    write_event(out, on, (&ready.scope.organization, ready.raw), hit)?;
    if !ready.fields.is_empty() {
        let whole: Value = serde_json::from_str(&out[start..]).map_err(|error| Problem::internal(&error))?;
        out.truncate(start);
        out.push_str(&picked(&whole, &ready.fields).to_string());
    }
    Ok(())
}

/// Appends the JSON of one event that was found.
pub(crate) fn write_event(
    out: &mut String,
    on: &dyn Reads,
    (organization, raw): (&str, bool),
    hit: &indelible_search::Hit,
) -> Result<(), Problem> {
    let (event, erased) =
        event_json::read(&hit.leaf, &hit.stored).map_err(|error| Problem::internal(&error))?;
    let leaf = hit.leaf.encode();
    let shown = Shown { organization, index: hit.index, leaf: &leaf, event: &event, erased: &erased, raw };
    event_json::write(out, &on.catalogs(), &shown);
    Ok(())
}

/// The members at these paths, at the same places.
fn picked(whole: &Value, fields: &[String]) -> Value {
    let mut out = json!({});
    for field in fields {
        let parts: Vec<&str> = field.split('.').collect();
        let found = parts.iter().try_fold(whole, |value, part| value.get(part));
        if let (Some(found), Some((last, path))) = (found, parts.split_last()) {
            let place = path.iter().fold(&mut out, |place, part| {
                if !place[*part].is_object() {
                    place[*part] = json!({});
                }
                &mut place[*part]
            });
            place[*last] = found.clone();
        }
    }
    out
}

fn with_links(found: Found, uri: Option<&Uri>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/json")], found.json).into_response();
    let Some(uri) = uri else { return response };
    let query = uri.query().unwrap_or_default();
    let others: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "cursor")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let link = |relation: &str, cursor: Option<&str>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&others);
        if let Some(cursor) = cursor {
            query.append_pair("cursor", cursor);
        }
        format!("<{}?{}>; rel=\"{relation}\"", uri.path(), query.finish())
    };
    let mut links = vec![format!("<{uri}>; rel=\"self\""), link("first", None)];
    links.extend(found.next.as_deref().map(|cursor| link("next", Some(cursor))));
    links.extend(found.prev.as_deref().map(|cursor| link("prev", Some(cursor))));
    if let Ok(value) = HeaderValue::from_str(&links.join(", ")) {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

/// Everything that matches as NDJSON; the last line says how much it was, and a stream without it is not whole.
fn stream(app: &Shared, log: LogNo, ready: Ready, act: Act) -> Response {
    let (send, receive) = tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(4);
    let worker = Shared::clone(app);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        // The receiver is gone when the client is.
        let mut write = |chunk: String| send.blocking_send(Ok(chunk)).is_ok();
        let rows = match run_stream(&*worker, &ready, &mut write) {
            Ok(rows) => rows,
            Err(problem) => {
                let line = format!("{}\n", json!({ "problem": problem.members() }));
                write(line);
                0
            }
        };
        let act = act.param("rows", i64::try_from(rows).unwrap_or(i64::MAX));
        let _inside = runtime.enter();
        worker.record(log, act);
    });
    let body = futures_util::stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|chunk| (chunk, receive))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response()
}

/// The time since now, by the clock that limits are measured by.
pub(crate) fn since_now(on: &dyn Reads) -> impl Fn() -> Duration + Sync + '_ {
    let started = on.clock().boot_ns();
    move || Duration::from_nanos(u64::try_from(on.clock().boot_ns() - started).unwrap_or(0))
}

/// Writes chunks of lines until `write` refuses one; how many rows there were.
fn run_stream(on: &dyn Reads, ready: &Ready, write: &mut dyn FnMut(String) -> bool) -> Result<u64, Problem> {
    let elapsed = since_now(on);
    let cancelled = AtomicBool::new(false);
    let budget = Budget::new(&elapsed, STREAM_TIME, u64::MAX, &cancelled);
    let log = Log { records: on.store(), scope: &ready.scope };
    let request = ready.request();
    let matches = on.searcher().matches(log, &request, &budget).map_err(search_problem)?;
    let log_size = matches.log_size();
    let (mut chunk, mut rows, mut hash) = (String::with_capacity(2 * CHUNK_BYTES), 0_u64, Sha256::new());
    for hit in matches {
        write_hit(&mut chunk, on, ready, &hit.map_err(search_problem)?)?;
        chunk.push('\n');
        rows += 1;
        if chunk.len() >= CHUNK_BYTES {
            hash.update(&chunk);
            if !write(std::mem::take(&mut chunk)) {
                return Ok(rows);
            }
        }
    }
    hash.update(&chunk);
    let sha256 = hash.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let lacking = lacking(&budget);
    let complete = lacking.is_none();
    let mut end =
        json!({ "end": { "rows": rows, "sha256": sha256, "complete": complete, "log_size": log_size } });
    if let Some(lacking) = lacking {
        end["end"]["incomplete"] = lacking;
    }
    chunk += &end.to_string();
    chunk.push('\n');
    write(chunk);
    Ok(rows)
}

/// The position of an event by its id.
pub(super) fn find_id(app: &App, org: &str, log: LogNo, id: EventId) -> Result<Option<u64>, Problem> {
    let scope = Scope { organization: org.to_owned(), log };
    let found =
        indelible_search::find(Log { records: &app.store, scope: &scope }, id).map_err(search_problem)?;
    Ok(found.map(|hit| hit.index))
}

/// The position of the newest event that its sender named so.
pub(super) fn find_source_id(app: &App, org: &str, log: LogNo, name: &str) -> Result<Option<u64>, Problem> {
    let query = Query::equal(app, "source_id", name)?;
    let scope = Scope { organization: org.to_owned(), log };
    let ready = Ready {
        scope,
        text: String::new(),
        now: Instant::from(query.clock().now),
        query: query.compile(),
        window: Window::default(),
        order: Order::IndexDescending,
        at: None,
        cursor: None,
        limit: 1,
        count: false,
        fields: Vec::new(),
        raw: false,
    };
    let started = app.clock.boot_ns();
    let elapsed = || Duration::from_nanos(u64::try_from(app.clock.boot_ns() - started).unwrap_or(0));
    let cancelled = AtomicBool::new(false);
    let budget = Budget::new(&elapsed, PAGE_TIME, PAGE_BYTES, &cancelled);
    let log = Log { records: &app.store, scope: &ready.scope };
    let page = app.searcher.page(log, &ready.request(), (None, 1), &budget).map_err(search_problem)?;
    Ok(page.items.first().map(|hit| hit.index))
}

/// A failure of a search as a problem.
pub(crate) fn search_problem(error: SearchError) -> Problem {
    let code = match &error {
        SearchError::CursorInvalid => Code::CursorInvalid,
        SearchError::CursorMismatch => Code::CursorMismatch,
        SearchError::AtBeyondLog { .. } | SearchError::TooManyBars { .. } => Code::RequestMalformed,
        SearchError::BudgetExceeded | SearchError::Unfinished { .. } | SearchError::TooManyValues { .. } => {
            Code::BudgetExceeded
        }
        SearchError::Cancelled => Code::Overloaded,
        SearchError::Unreadable(_) | SearchError::Lost(_) => Code::Internal,
        SearchError::Damaged { .. } | SearchError::Read { .. } => return Problem::internal(&error),
    };
    Problem::new(code, error.to_string())
}
