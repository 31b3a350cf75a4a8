//! Producers: how far their numbers have come, and which are missing.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use indelible_control::Permission;
use indelible_store::producers::ProducerInfo;
use serde_json::{Value, json};

use super::JsonAnswer;
use super::log::log_problem;
use crate::app::Shared;
use crate::endpoints::Parameter;
use crate::problem::{Code, Problem};
use crate::request::Params;

/// Most gaps named for one producer; the count says how many there are.
const MAX_GAPS: usize = 100;
const INSTANCE: &[Parameter] = &[Parameter { name: "instance", kind: "string", doc: "" }];

pub(crate) async fn list(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let producers = app.store.producers(access.log).map_err(log_problem)?;
    let items: Vec<Value> = producers.iter().map(shown).collect();
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::IngestWrite)?;
    let params = Params::read(&uri, INSTANCE)?;
    let wanted = |info: &&ProducerInfo| {
        info.name == name && params.text("instance").is_none_or(|instance| info.instance == instance)
    };
    let producers = app.store.producers(access.log).map_err(log_problem)?;
    let items: Vec<Value> = producers.iter().filter(wanted).map(shown).collect();
    if items.is_empty() {
        return Err(Problem::new(Code::NotFound, format!("no event of a producer {name:?} is in this log")));
    }
    Ok(Json(json!({ "items": items })))
}

fn shown(info: &ProducerInfo) -> Value {
    let gaps: Vec<Value> = info
        .gaps
        .iter()
        .take(MAX_GAPS)
        .map(|(first, last)| json!({ "first": first, "last": last }))
        .collect();
    json!({
        "name": info.name,
        "instance": info.instance,
        "number": format!("{:016x}", info.number),
        "events": info.events,
        "contiguous": info.contiguous.to_string(),
        "highest": info.highest.to_string(),
        "gap_count": info.gaps.len(),
        "gaps": gaps,
        "last_seen": crate::time_text(i64::try_from(info.last_seen_ns).unwrap_or(i64::MAX)),
    })
}
