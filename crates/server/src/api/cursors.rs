//! Named positions in the feed, kept in the log itself. Moving one needs its current version, so that two readers of
//! one name notice each other.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use indelible_control::Permission;
use serde::Deserialize;
use serde_json::{Value, json};

use super::log::log_problem;
use super::{Answer, JsonAnswer};
use crate::access::Access;
use crate::app::{App, Shared, size};
use crate::problem::{Code, Problem};
use crate::request;

/// Longest name of a cursor.
const MAX_NAME: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    index: u64,
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let size = size(&app.store, access.log);
    let cursors = app.store.cursors(access.log).map_err(log_problem)?;
    let items: Vec<Value> = cursors.iter().map(|(name, index)| shown(name, *index, size)).collect();
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let index = position(&app, &access, &name)?.ok_or_else(|| missing(&name))?;
    Ok(tagged(index, Json(shown(&name, index, size(&app.store, access.log))).into_response()))
}

pub(crate) async fn write(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::CursorWrite)?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if name.is_empty() || name.len() > MAX_NAME || !plain {
        let detail = format!("a cursor's name has 1 to {MAX_NAME} letters, digits, -, _ and dots");
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    let wanted: Position = request::json(&headers, body).await?;
    let size = size(&app.store, access.log);
    if wanted.index > size {
        let detail = format!("index {} lies beyond the end of the log, which is {size}", wanted.index);
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    // Two requests that hold the same version may pass this together; the later one wins, as with any position.
    check_version(&headers, position(&app, &access, &name)?)?;
    let (worker, log, key) = (Shared::clone(&app), access.log, name.clone());
    crate::blocking(move || worker.store.set_cursor(log, &key, wanted.index).map_err(log_problem)).await?;
    Ok(tagged(wanted.index, Json(shown(&name, wanted.index, size)).into_response()))
}

/// Where a cursor stands, if there is one of this name.
pub(super) fn position(app: &App, access: &Access, name: &str) -> Result<Option<u64>, Problem> {
    let cursors = app.store.cursors(access.log).map_err(log_problem)?;
    Ok(cursors.into_iter().find(|(known, _)| known == name).map(|(_, index)| index))
}

fn check_version(headers: &HeaderMap, current: Option<u64>) -> Result<(), Problem> {
    let said = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (current, said(header::IF_MATCH), said(header::IF_NONE_MATCH)) {
        (None, None, _) => Ok(()),
        (None, Some(_), _) => Err(stale("there is no cursor of this name; create it with If-None-Match: *")),
        (Some(_), _, Some("*")) => {
            Err(stale("there is a cursor of this name; read it and send its ETag in If-Match"))
        }
        (Some(index), Some(tag), _) if tag.trim_matches('"') == index.to_string() => Ok(()),
        (Some(_), Some(_), _) => Err(stale("the cursor moved since it was read; read it again")),
        (Some(_), None, _) => {
            let detail = "send the cursor's ETag in If-Match, so that two readers notice each other";
            Err(Problem::new(Code::PreconditionRequired, detail))
        }
    }
}

fn stale(detail: &str) -> Problem {
    Problem::new(Code::VersionConflict, detail)
}

fn missing(name: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no cursor {name:?}"))
}

fn shown(name: &str, index: u64, size: u64) -> Value {
    json!({ "name": name, "index": index, "lag": size.saturating_sub(index) })
}

fn tagged(index: u64, mut response: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{index}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
