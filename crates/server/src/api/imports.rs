//! The beginning and the end of an import, as events: which file, and what became of its rows.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use indelible_control::Permission;
use serde::Deserialize;
use serde_json::json;

use super::JsonAnswer;
use crate::app::Shared;
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};
use crate::request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// `start` or `finish`.
    #[serde(rename = "step")]
    phase: String,
    importer: String,
    file_sha256: String,
    #[serde(default)]
    counts: Option<Counts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    read: u32,
    committed: u32,
    already_there: u32,
    skipped: u32,
    quarantined: u32,
    refused: u32,
}

pub(crate) async fn step(
    State(app): State<Shared>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::IngestWrite)?;
    let Step { phase, importer, file_sha256, counts } = request::json(&headers, body).await?;
    let hash = file_sha256.len() == 64 && file_sha256.bytes().all(|b| b.is_ascii_hexdigit());
    if !hash || importer.parse::<indelible_formats::Format>().is_err() {
        let detail = "importer must be a format and file_sha256 64 hexadecimal digits";
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    let code = match (phase.as_str(), &counts) {
        ("start", None) => "IMPORT.START",
        ("finish", Some(_)) => "IMPORT.FINISH",
        _ => {
            let detail = "step must be start without counts, or finish with counts";
            return Err(Problem::new(Code::RequestMalformed, detail));
        }
    };
    let mut act = Act::new(code)
        .by(&access.principal)
        .from(&caller)
        .param("importer", importer.as_str())
        .param("file_sha256", file_sha256.as_str());
    if let Some(counts) = counts {
        let Counts { read, committed, already_there, skipped, quarantined, refused } = counts;
        for (name, count) in [
            ("read", read),
            ("committed", committed),
            ("already_there", already_there),
            ("skipped", skipped),
            ("quarantined", quarantined),
            ("refused", refused),
        ] {
            act = act.param(name, i64::from(count));
        }
    }
    app.record_and_wait(access.log, act).await?;
    Ok(Json(json!({ "recorded": code })))
}
