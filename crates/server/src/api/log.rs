//! The verifiable log: what it is, consistency proofs, and the C2SP endpoints that foreign verifiers read.
//!
//! Nothing beyond the newest published checkpoint is ever served, and reading here is not an event.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use indelible_control::{Organization, Permission};
use indelible_store::error::StoreError;
use indelible_store::log_no::LogNo;
use indelible_tlog::tile::Tile;
use serde_json::{Value, json};

use super::{Answer, JsonAnswer};
use crate::access::no_organization;
use crate::app::{App, Shared, head, size};
use crate::endpoints::CONSISTENCY;
use crate::problem::{Code, Problem};
use crate::request::Params;

pub(crate) async fn about(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::LogRead)?;
    Ok(Json(shown(&app, &access.org, access.log)))
}

pub(crate) fn shown(app: &App, org: &Organization, log: LogNo) -> Value {
    let keys = app.store.keys(log).unwrap_or_default();
    let keys = keys.iter().map(|key| {
        let since = i64::try_from(key.since_ns).unwrap_or(i64::MAX);
        json!({ "vkey": key.vkey, "state": key.state.word(), "since": crate::time_text(since) })
    });
    json!({
        "organization": org.id.as_str(),
        "origin": org.origin,
        "keys": keys.collect::<Vec<_>>(),
        "size": size(&app.store, log),
        "checkpoint": head(&app.store, log).map(|head| json!({
            "size": head.size,
            "root": head.root.to_string(),
            "time": crate::time_text(i64::try_from(head.time_ns).unwrap_or(i64::MAX)),
            "note": head.note.to_string(),
        })),
        "tiles": format!("{}/log/{}", app.public_url(), org.id),
    })
}

pub(crate) async fn consistency(
    State(app): State<Shared>,
    Path(org): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::LogRead)?;
    let params = Params::read(&uri, CONSISTENCY)?;
    let newest = head(&app.store, access.log).map_or(0, |head| head.size);
    let from: u64 = params
        .parsed("from", "a size")?
        .ok_or_else(|| Problem::new(Code::RequestMalformed, "say from=, the smaller size"))?;
    let to: u64 = params.parsed("to", "a size")?.unwrap_or(newest);
    if from == 0 || from > to || to > newest {
        let detail = format!("sizes must be 1 <= from <= to <= {newest}, the newest checkpoint's size");
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    let (worker, log) = (app.clone(), access.log);
    let hashes =
        crate::blocking(move || worker.store.consistency(log, from, to).map_err(log_problem)).await?;
    let hashes: Vec<String> = hashes.iter().map(ToString::to_string).collect();
    Ok(Json(json!({ "from": from, "to": to, "hashes": hashes })))
}

/// The log of an organization whose C2SP endpoints the caller may read.
fn readable(app: &App, headers: &HeaderMap, name: &str) -> Result<LogNo, Problem> {
    if let Some(org) = app.control.org(name).filter(|org| org.public) {
        return app.log_of(&org).ok_or_else(|| no_organization(name));
    }
    app.access(headers, name, Permission::LogRead).map(|access| access.log)
}

pub(crate) async fn checkpoint(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let log = readable(&app, &headers, &org)?;
    let head = head(&app.store, log).ok_or_else(|| {
        Problem::new(Code::NotFound, "the log has no checkpoint yet; it gets one with its first event")
    })?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "max-age=1")];
    Ok((kind, head.note.to_string()).into_response())
}

pub(crate) async fn tile(
    State(app): State<Shared>,
    Path((org, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let log = readable(&app, &headers, &org)?;
    let tile: Tile = format!("tile/{path}")
        .parse()
        .map_err(|error: indelible_tlog::error::Error| Problem::new(Code::NotFound, error.to_string()))?;
    let worker = app.clone();
    let bytes = crate::blocking(move || worker.store.tile(log, &tile).map_err(log_problem)).await?;
    Ok(octets(bytes))
}

fn octets(bytes: Vec<u8>) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (kind, bytes).into_response()
}

/// A failure of the store while reading a log.
pub(crate) fn log_problem(error: StoreError) -> Problem {
    match &error {
        StoreError::OutOfRange { .. } | StoreError::UnknownLog(_) => {
            Problem::new(Code::NotFound, error.to_string())
        }
        StoreError::Log(inner) => Problem::new(Code::NotFound, inner.to_string()),
        StoreError::Refused { .. } => Problem::new(Code::RequestMalformed, error.to_string()),
        _ => Problem::internal(&error),
    }
}
