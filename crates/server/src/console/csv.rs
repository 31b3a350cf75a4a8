//! Everything that a search matches, as CSV: the rows of Explore, all pages of them.
//!
//! A file that ends early is a failed download, never a short file: the answer is sent in chunks, and when something goes
//! wrong the connection is cut before the last one.

use std::fmt::Write;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use indelible_console::row::Row;
use indelible_control::Permission;
use indelible_event::{Event, Field, Leaf};
use indelible_query::MAX_GET_BYTES;
use indelible_search::{Budget, Log, Scope};

use super::columns::Columns;
use super::rows::{Painter, actor, first_target, origin};
use super::search::Search;
use super::visit::Call;
use crate::api::Answer;
use crate::api::search::{self, Ready};
use crate::app::Shared;
use crate::audit::Act;
use crate::event_json;
use crate::problem::Problem;
use crate::query;

/// Longest time of a file; exports of years take minutes.
const FILE_TIME: Duration = Duration::from_hours(1);
/// Bytes that are collected before they are sent.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait for a slow reader.
const CHUNKS: usize = 4;
const COLUMNS: &str = "time,crude,event,catalog,code,actor,actor_id,target,targets,outcome,result_code,origin,session,index,id\r\n";

type Chunks = tokio::sync::mpsc::Sender<Result<String, std::io::Error>>;

pub(crate) async fn csv(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    let search = Search::read(access.org.id.as_str(), &call.uri)?;
    let zone = call.zone();
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let asked = search.asked(zone.name());
    let ready = search::understand(&*call.app, (&scope, &access.limits), &asked, MAX_GET_BYTES)?;
    let query = query::read(&*call.app, &search.q, asked.tz.as_deref())?.parsed().clone();
    let columns = Columns::of(&search)?;
    let painter = Painter { catalogs: call.app.catalogs(), zone, search, query };
    let (send, receive) = tokio::sync::mpsc::channel(CHUNKS);
    let act = Act::new("EVENT.SEARCH").by(&access.principal).from(&call.caller);
    let act = act.param("query", search::recorded_text(&ready.text, ready.window).as_str());
    let (app, log, runtime) = (Shared::clone(&call.app), access.log, tokio::runtime::Handle::current());
    tokio::task::spawn_blocking(move || {
        let rows = match write(&app, (&painter, columns.as_ref()), &ready, &send) {
            Ok(rows) => rows,
            Err(problem) => {
                // The receiver is gone when the client is.
                drop(send.blocking_send(Err(std::io::Error::other(problem.detail))));
                0
            }
        };
        let _inside = runtime.enter();
        app.record(log, act.param("rows", i64::try_from(rows).unwrap_or(i64::MAX)));
    });
    let body = futures_util::stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|chunk| (chunk, receive))
    });
    let name = format!("attachment; filename=\"{}-events.csv\"", access.org.id);
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, &name)];
    Ok((kind, Body::from_stream(body)).into_response())
}

/// Writes every match; how many there were.
fn write(
    app: &Shared,
    (painter, columns): (&Painter, Option<&Columns>),
    ready: &Ready,
    send: &Chunks,
) -> Result<u64, Problem> {
    let elapsed = search::since_now(&**app);
    let cancelled = AtomicBool::new(false);
    let budget = Budget::new(&elapsed, FILE_TIME, u64::MAX, &cancelled);
    let log = Log { records: &app.store, scope: &ready.scope };
    let request = ready.request();
    let matches = app.searcher.matches(log, &request, &budget).map_err(search::search_problem)?;
    let head = columns
        .map_or_else(|| COLUMNS.to_owned(), |columns| joined(columns.titles.iter().map(String::as_str)));
    let (mut chunk, mut rows) = (head, 0_u64);
    for hit in matches {
        let hit = hit.map_err(search::search_problem)?;
        let (event, _) =
            event_json::read(&hit.leaf, &hit.stored).map_err(|error| Problem::internal(&error))?;
        match columns {
            Some(columns) => {
                let cells = columns.cells(painter, &ready.scope, (&hit, &event));
                chunk.push_str(&joined(cells.iter().map(|cell| cell.text.as_str())));
            }
            None => {
                line(&mut chunk, &painter.row(hit.index, &hit.leaf, &event), (hit.index, &hit.leaf, &event));
            }
        }
        rows += 1;
        if chunk.len() >= CHUNK_BYTES && send.blocking_send(Ok(std::mem::take(&mut chunk))).is_err() {
            return Ok(rows);
        }
    }
    // The receiver is gone when the client is.
    drop(send.blocking_send(Ok(chunk)));
    Ok(rows)
}

fn line(out: &mut String, row: &Row, (index, leaf, event): (u64, &Leaf, &Event)) {
    let text = |field: Field| event.text(field).unwrap_or_default();
    let (target, targets) = first_target(event);
    let (index, id, targets) = (index.to_string(), leaf.id.to_string(), targets.to_string());
    let cells = [
        row.at.iso.as_str(),
        &row.crude,
        &row.title,
        &row.catalog,
        &row.code,
        actor(event).unwrap_or_default(),
        text(Field::ActorId),
        target.as_deref().unwrap_or_default(),
        &targets,
        &row.outcome,
        text(Field::ResultCode),
        origin(event).map_or("", |(_, origin)| origin),
        text(Field::SessionId),
        &index,
        &id,
    ];
    out.push_str(&joined(cells.into_iter()));
}

/// One line.
fn joined<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let mut out = String::new();
    for (at, text) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        cell(&mut out, text);
    }
    out.push_str("\r\n");
    out
}

/// A cell of RFC 4180. A spreadsheet would run what begins like a formula; an apostrophe before it makes it text.
fn cell(out: &mut String, text: &str) {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    let plain = guard.is_empty() && !text.contains(['"', ',', '\r', '\n']);
    let written =
        if plain { out.write_str(text) } else { write!(out, "\"{guard}{}\"", text.replace('"', "\"\"")) };
    written.expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let shown = |text: &str| {
            let mut out = String::new();
            cell(&mut out, text);
            out
        };
        assert_eq!(shown("plain text"), "plain text");
        assert_eq!(shown("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(shown("=cmd|'/c calc'!A1"), "\"'=cmd|'/c calc'!A1\"");
        for begin in ["+1", "-1", "@x", "\tx", "\rx"] {
            assert!(shown(begin).starts_with("\"'"), "{begin:?}");
        }
    }
}
