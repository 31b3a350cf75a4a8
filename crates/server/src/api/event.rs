//! One event: by id, by position, and its proof.

use std::time::Duration;

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible_control::Permission;
use indelible_event::{EXTRA_MAGIC, EventId, Leaf, StoredBody};
use indelible_store::error::StoreError;
use indelible_store::log_no::LogNo;
use indelible_store::read::Record;
use indelible_tlog::proof_file::ProofFile;
use serde_json::json;

use super::Answer;
use super::log::log_problem;
use crate::access::Access;
use crate::app::{App, Shared, head};
use crate::audit::Act;
use crate::endpoints::{PROOF, Parameter};
use crate::event_json::{self, Shown};
use crate::http::Caller;
use crate::limits::MAX_WAIT_SECONDS;
use crate::problem::{Code, Problem};
use crate::request::Params;

const BY_ID: &[Parameter] = &[
    Parameter { name: "source_id", kind: "string", doc: "" },
    Parameter { name: "include", kind: "string", doc: "" },
];

pub(crate) async fn by_id(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    uri: Uri,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsRead)?;
    let params = Params::read(&uri, BY_ID)?;
    let index = find(&app, &access, &id, params.text("source_id")).await?;
    let raw = super::search::includes_raw(params.text("include"))?;
    show(&app, &access, index, &caller, raw).await
}

pub(crate) async fn by_index(
    State(app): State<Shared>,
    Path((org, index)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsRead)?;
    let index: u64 = index
        .parse()
        .map_err(|_| Problem::new(Code::NotFound, format!("{index:?} is not a position in a log")))?;
    show(&app, &access, index, &caller, false).await
}

async fn show(app: &Shared, access: &Access, index: u64, caller: &Caller, raw: bool) -> Answer {
    let record = record(app, access, index).await?;
    let leaf = Leaf::decode(&record.leaf).map_err(|error| Problem::internal(&error))?;
    let (event, erased) =
        event_json::read(&leaf, &record.stored).map_err(|error| Problem::internal(&error))?;
    let mut out = String::with_capacity(1024);
    let organization = access.org.id.as_str();
    let shown = Shown { organization, index, leaf: &record.leaf, event: &event, erased: &erased, raw };
    event_json::write(&mut out, &app.catalogs(), &shown);
    let act = Act::new("EVENT.READ").by(&access.principal).from(caller);
    app.record(access.log, act.target("event", &leaf.id.to_string()));
    Ok(([(header::CONTENT_TYPE, "application/json")], out).into_response())
}

fn no_event() -> Problem {
    Problem::new(Code::NotFound, "the log has no such event")
}

/// An event that whoever asks may read. One beyond their limits is answered like one that does not exist.
pub(crate) async fn record(app: &Shared, access: &Access, index: u64) -> Result<Record, Problem> {
    let (worker, log) = (Shared::clone(app), access.log);
    let record = crate::blocking(move || worker.store.read(log, index).map_err(log_problem)).await;
    match record {
        Ok(Some(record)) if access.reaches(app, &record)? => Ok(record),
        // Whoever is limited learns nothing about positions, not even which of them cannot be read.
        _ if access.is_limited() => Err(no_event()),
        Ok(_) => Err(Problem::new(Code::NotFound, format!("the log has no event at index {index}"))),
        Err(problem) => Err(problem),
    }
}

/// The position of an event by its id, or by the sender's own.
pub(crate) async fn find(
    app: &Shared,
    access: &Access,
    id: &str,
    source_id: Option<&str>,
) -> Result<u64, Problem> {
    let (worker, log, scope) = (Shared::clone(app), access.log, access.org.id.to_string());
    let found = if let Some(source_id) = source_id {
        let source_id = source_id.to_owned();
        crate::blocking(move || super::search::find_source_id(&worker, &scope, log, &source_id)).await?
    } else {
        let id: EventId =
            id.parse().map_err(|error| Problem::new(Code::NotFound, format!("{id:?} is {error}")))?;
        crate::blocking(move || super::search::find_id(&worker, &scope, log, id)).await?
    };
    found.ok_or_else(no_event)
}

pub(crate) async fn proof(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    uri: Uri,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsRead)?;
    let params = Params::read(&uri, PROOF)?;
    let wait: u64 = params.parsed("wait", "seconds")?.unwrap_or(2);
    let index = match id.parse::<u64>() {
        Ok(index) => index,
        Err(_) => find(&app, &access, &id, None).await?,
    };
    // Whether there is such an event comes before whether it is signed.
    record(&app, &access, index).await?;
    let wait = Duration::from_secs(wait.min(MAX_WAIT_SECONDS));
    let covered = || head(&app.store, access.log).is_some_and(|head| head.size > index);
    if !app.wait_for(&app.heads, wait, covered).await {
        let detail = format!("no checkpoint covers index {index} yet; ask again, or with wait=");
        return Err(Problem::new(Code::NotFound, detail).retry_after(1));
    }
    let disclose = params.text("disclose").unwrap_or("all").to_owned();
    let (worker, log) = (Shared::clone(&app), access.log);
    let made = crate::blocking(move || make_proof(&worker, log, index, &disclose)).await?;
    let act = Act::new("EVENT.READ").by(&access.principal).from(&caller);
    app.record(access.log, act.target("event", &made.id));
    let json = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("json"));
    if json {
        let body = json!({
            "index": made.file.index,
            "leaf": STANDARD.encode(made.leaf),
            "hashes": made.file.path.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "extra": STANDARD.encode(made.file.extra.as_deref().unwrap_or_default()),
            "checkpoint": made.note,
        });
        return Ok(axum::Json(body).into_response());
    }
    let kind = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{index}.tlog-proof\"")),
    ];
    Ok((kind, made.file.to_string()).into_response())
}

/// A proof and what it is about.
pub(crate) struct Made {
    pub(crate) file: ProofFile,
    pub(crate) leaf: [u8; indelible_event::LEAF_BYTES],
    pub(crate) disclosure: Vec<u8>,
    pub(crate) note: String,
    pub(crate) id: String,
}

/// The proof of an event, with the values of the items that `disclose` names.
pub(crate) fn make_proof(app: &App, log: LogNo, index: u64, disclose: &str) -> Result<Made, Problem> {
    let head =
        head(&app.store, log).ok_or_else(|| Problem::new(Code::NotFound, "the log has no checkpoint yet"))?;
    let record = app.store.read(log, index).map_err(log_problem)?;
    let record = record.ok_or_else(|| Problem::new(Code::NotFound, format!("no event at index {index}")))?;
    let leaf = Leaf::decode(&record.leaf).map_err(|error| Problem::internal(&error))?;
    let body = StoredBody::decode(&record.stored).map_err(|error| Problem::internal(&error))?;
    let picked: Vec<&str> = disclose.split(',').collect();
    let pick = |path: &str| match disclose {
        "all" => true,
        "none" => false,
        _ => picked.contains(&path),
    };
    let keys = |id: &[u8; 16]| app.store.subject_key(id);
    let disclosure = body
        .disclosure(leaf.id, &keys, pick)
        .map_err(|_| Problem::new(Code::Internal, "the key of a person in the event is missing; run fsck"))?;
    let path = app.store.inclusion(log, index, head.size).map_err(|error: StoreError| log_problem(error))?;
    let extra = [EXTRA_MAGIC.as_slice(), &record.leaf, &disclosure].concat();
    let note =
        indelible_tlog::note::Note::parse(head.note.as_bytes()).map_err(|error| Problem::internal(&error))?;
    let file = ProofFile { extra: Some(extra), index, path, note };
    Ok(Made { file, leaf: record.leaf, disclosure, note: head.note.to_string(), id: leaf.id.to_string() })
}
