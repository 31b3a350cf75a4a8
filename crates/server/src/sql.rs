//! Statements of the API: run within limits, answered as JSON or as lines, and recorded like searches.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use indelible_query::EventQuery;
use indelible_search::{Log, Scope};
use indelible_sql::{Answer, Cell, Column, Engine, Limits, Rows, SqlError};
use indelible_store::log_no::LogNo;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::Access;
use crate::api::search::lacking_of;
use crate::api::sql::Asked;
use crate::app::Shared;
use crate::audit::Act;
use crate::http::Caller;
use crate::limits::{
    MAX_SQL_BYTES, MAX_SQL_MEMORY, MAX_SQL_PAGE, MAX_SQL_ROWS, MAX_SQL_SECONDS, MAX_STATEMENTS,
    SEARCH_QUEUE_MS,
};
use crate::problem::{Code, Problem};
use crate::query;
use crate::reads::Reads;

/// Rows of an answer in one piece unless another number is asked for.
const DEFAULT_ROWS: usize = 1_000;
/// Bytes of values in an answer in one piece; larger ones come as lines.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Integers up to this size survive a binary float (IEEE 754 double, 53 bits); larger ones are texts.
const EXACT: i128 = 1 << 53;

/// What runs statements, and how many at once.
#[derive(Debug)]
pub(crate) struct Statements {
    engine: Engine,
    permits: Arc<Semaphore>,
}

impl Statements {
    pub(crate) fn new() -> Result<Self, Problem> {
        let time = Duration::from_secs(MAX_SQL_SECONDS);
        let limits = Limits { time, memory: MAX_SQL_MEMORY, text: MAX_SQL_BYTES };
        let engine = Engine::new(limits).map_err(|error| Problem::internal(&error))?;
        Ok(Self { engine, permits: Arc::new(Semaphore::new(MAX_STATEMENTS)) })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let wait = Duration::from_millis(SEARCH_QUEUE_MS);
        let permit = tokio::time::timeout(wait, Arc::clone(&self.permits).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or_else(|| {
            let detail = format!("{MAX_STATEMENTS} statements run already; try again in a moment");
            Problem::new(Code::RateLimited, detail).retry_after(1)
        })
    }
}

/// Runs a statement for somebody who may read the organization's events.
pub(crate) async fn answer(
    app: &Shared,
    access: Access,
    asked: Asked,
    (caller, headers): (&Caller, &HeaderMap),
) -> Result<Response, Problem> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let lines = accept.contains("application/x-ndjson");
    let (most, default) = if lines { (MAX_SQL_ROWS, MAX_SQL_ROWS) } else { (MAX_SQL_PAGE, DEFAULT_ROWS) };
    let more = if lines { "" } else { "; more come as NDJSON" };
    let rows = wanted(asked.limit, (most, default), more)?;
    let act = Act::new("EVENT.SEARCH").by(&access.principal).from(caller);
    let act = act.param("query", asked.sql.as_str());
    let permit = app.sql.permit().await?;
    let started = app.clock.boot_ns();
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let reads: Arc<dyn Reads> = Shared::clone(app);
    let statement = statement(&reads, (scope, &access.limits), (&asked.sql, rows))?;
    let answer = app.sql.engine.run(statement).await.map_err(problem)?;
    if lines {
        let lines = Lines { answer, rows: 0, state: State::Columns };
        return Ok(stream(Stream::new(app, access.log, lines, (act, permit))));
    }
    let found = page(answer).await?;
    app.metrics.search_seconds.observe_ns(app.clock.boot_ns() - started);
    let key = access.principal.id();
    if app.recent_searches.is_new(key, access.log, &format!("sql {}", asked.sql), app.clock.now_ns()) {
        app.record(access.log, act.param("rows", i64::try_from(found.1).unwrap_or(i64::MAX)));
    }
    Ok(Json(found.0).into_response())
}

/// Runs a statement over a log that is looked at, and writes the lines of the answer until `write` returns false.
pub(crate) fn offline(
    on: Arc<dyn Reads>,
    scope: Scope,
    (sql, limit): (&str, Option<usize>),
    write: &mut dyn FnMut(String) -> bool,
) -> Result<(), Problem> {
    let rows = wanted(limit, (MAX_SQL_ROWS, MAX_SQL_ROWS), "")?;
    let statements = Statements::new()?;
    let statement = statement(&on, (scope, &EventQuery::default()), (sql, rows))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| Problem::internal(&error))?.block_on(async {
        let answer = statements.engine.run(statement).await.map_err(problem)?;
        let mut lines = Lines { answer, rows: 0, state: State::Columns };
        while let Some(line) = lines.next().await {
            if !write(line) {
                break;
            }
        }
        Ok(())
    })
}

fn wanted(limit: Option<usize>, (most, default): (usize, usize), more: &str) -> Result<usize, Problem> {
    let rows = limit.unwrap_or(default);
    if (1..=most).contains(&rows) {
        return Ok(rows);
    }
    Err(Problem::new(Code::RequestMalformed, format!("limit={rows} must be 1 to {most}{more}")))
}

fn statement(
    on: &Arc<dyn Reads>,
    (scope, limits): (Scope, &EventQuery),
    (sql, rows): (&str, usize),
) -> Result<indelible_sql::Asked, Problem> {
    let (reader, timer) = (Arc::clone(on), Arc::clone(on));
    let started = on.clock().boot_ns();
    Ok(indelible_sql::Asked {
        sql: sql.to_owned(),
        rows,
        log: Arc::new(move |read| {
            read(reader.searcher(), Log { records: reader.store(), scope: &scope });
        }),
        scope: limits.clone(),
        clock: query::clock(&**on, None, None)?,
        elapsed: Arc::new(move || {
            Duration::from_nanos(u64::try_from(timer.clock().boot_ns() - started).unwrap_or(0))
        }),
    })
}

/// The whole answer, and how many rows it has.
async fn page(mut answer: Answer) -> Result<(Value, usize), Problem> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let width = answer.columns().len();
    while let Some(some) = answer.next().await.map_err(problem)? {
        for row in 0..some.len() {
            rows.push(row_of(&some, (row, width), &mut bytes));
        }
        if bytes > MAX_ANSWER_BYTES {
            let detail = format!(
                "the answer is larger than {} MiB; select fewer columns or rows, or ask for NDJSON",
                MAX_ANSWER_BYTES >> 20
            );
            return Err(Problem::new(Code::BudgetExceeded, detail));
        }
    }
    let found = rows.len();
    let columns = columns_of(answer.columns());
    let mut whole = json!({ "columns": columns, "rows": rows, "complete": answer.is_complete() });
    if let Some(lacking) = lacking_of(answer.lacking()) {
        whole["incomplete"] = lacking;
    }
    Ok((whole, found))
}

fn columns_of(columns: &[Column]) -> Value {
    columns.iter().map(|column| json!({ "name": column.name, "type": column.kind.as_str() })).collect()
}

fn row_of(rows: &Rows, (row, width): (usize, usize), bytes: &mut usize) -> Value {
    (0..width)
        .map(|column| {
            let cell = rows.cell(row, column);
            *bytes += match &cell {
                Cell::Text(text) => text.len(),
                _ => size_of::<i64>(),
            };
            value_of(cell)
        })
        .collect()
}

fn value_of(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) => json!(text),
        Cell::Integer(number) => match i64::try_from(number) {
            Ok(small) if (-EXACT..=EXACT).contains(&number) => json!(small),
            _ => json!(number.to_string()),
        },
        // JSON has no infinity and no "not a number".
        Cell::Number(number) if number.is_finite() => json!(number),
        Cell::Number(number) => json!(number.to_string()),
        Cell::Shown(text) => json!(text),
        Cell::Boolean(value) => json!(value),
        Cell::Time(nanos) => json!(crate::time_text(nanos)),
    }
}

/// An answer in lines: the columns, each row as a list, and at the end how many there were.
struct Lines {
    answer: Answer,
    rows: u64,
    state: State,
}

/// An answer that is streamed, and recorded when it ends.
struct Stream {
    app: Shared,
    log: LogNo,
    lines: Lines,
    /// What is recorded when it ends, however it ends.
    act: Option<Act>,
    /// Where it is recorded from: the end may come on any thread.
    runtime: tokio::runtime::Handle,
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Columns,
    Rows,
    Over,
}

impl Stream {
    fn new(app: &Shared, log: LogNo, lines: Lines, (act, permit): (Act, OwnedSemaphorePermit)) -> Self {
        let runtime = tokio::runtime::Handle::current();
        Self { app: Shared::clone(app), log, lines, act: Some(act), runtime, _permit: permit }
    }
}

impl Lines {
    /// The next lines; `None` after the last.
    async fn next(&mut self) -> Option<String> {
        if self.state == State::Columns {
            self.state = State::Rows;
            return Some(format!("{}\n", json!({ "columns": columns_of(self.answer.columns()) })));
        }
        if self.state == State::Over {
            return None;
        }
        let end = match self.answer.next().await {
            Ok(Some(rows)) => return Some(self.lines(&rows)),
            Ok(None) => {
                let mut end = json!({ "rows": self.rows, "complete": self.answer.is_complete() });
                if let Some(lacking) = lacking_of(self.answer.lacking()) {
                    end["incomplete"] = lacking;
                }
                json!({ "end": end })
            }
            Err(error) => json!({ "problem": problem(error).members() }),
        };
        self.state = State::Over;
        Some(format!("{end}\n"))
    }

    fn lines(&mut self, rows: &Rows) -> String {
        let width = self.answer.columns().len();
        self.rows += rows.len() as u64;
        let line = |row| row_of(rows, (row, width), &mut 0).to_string() + "\n";
        (0..rows.len()).map(line).collect()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(act) = self.act.take() {
            let _inside = self.runtime.enter();
            self.app.record(self.log, act.param("rows", i64::try_from(self.lines.rows).unwrap_or(i64::MAX)));
        }
    }
}

fn stream(stream: Stream) -> Response {
    let lines = futures_util::stream::unfold(stream, |mut stream| async move {
        stream.lines.next().await.map(|lines| (Ok::<_, std::io::Error>(lines), stream))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

/// A failure of a statement as a problem.
fn problem(error: SqlError) -> Problem {
    let code = match &error {
        SqlError::Invalid(_) => Code::SqlInvalid,
        SqlError::NotAllowed(_) => Code::SqlNotAllowed,
        SqlError::Time { .. } | SqlError::Memory { .. } | SqlError::Text { .. } => Code::BudgetExceeded,
        SqlError::Cancelled => Code::Overloaded,
        SqlError::Search(_) | SqlError::Internal(_) => return Problem::internal(&error),
    };
    Problem::new(code, error.to_string())
}
