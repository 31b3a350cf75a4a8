//! Rotating the key that signs a log's checkpoints: announce the new one, later retire the old one.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use indelible_control::Permission;
use indelible_store::signing::KeyState;
use serde::Deserialize;

use super::JsonAnswer;
use super::log::{log_problem, shown};
use crate::access::Access;
use crate::app::Shared;
use crate::audit::Act;
use crate::problem::{Code, Problem};
use crate::request;

/// A checkpoint follows a commit within a second; this leaves room for a slow disk.
const COVERED_WITHIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    step: String,
}

pub(crate) async fn step(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::NodeAdmin)?;
    let Step { step } = request::json(&headers, body).await?;
    match step.as_str() {
        "announce" => announce(&app, &access).await?,
        "retire" => retire(&app, &access).await?,
        other => {
            let detail = format!("step {other:?} must be announce or retire");
            return Err(Problem::new(Code::RequestMalformed, detail));
        }
    }
    Ok(Json(shown(&app, &access.org, access.log)))
}

/// Makes a key, records it under a checkpoint of the old one, and only then lets it sign.
async fn announce(app: &Shared, access: &Access) -> Result<(), Problem> {
    let (worker, log) = (Shared::clone(app), access.log);
    let key = crate::blocking(move || worker.store.announce_key(log).map_err(log_problem)).await?;
    let act = Act::new("LOG_KEY.ANNOUNCE").by(&access.principal).target("log-key", &key.vkey);
    app.record_and_wait(log, act).await?;
    let worker = Shared::clone(app);
    crate::blocking(move || {
        let size = worker.store.size(log).map_err(log_problem)?;
        worker.store.wait_published(log, size, COVERED_WITHIN).map_err(log_problem)?;
        worker.store.activate_key(log).map_err(log_problem)
    })
    .await
}

/// Destroys the old key.
async fn retire(app: &Shared, access: &Access) -> Result<(), Problem> {
    let (worker, log) = (Shared::clone(app), access.log);
    let keys = app.store.keys(log).map_err(log_problem)?;
    let old = keys.into_iter().find(|key| key.state == KeyState::Retiring).map(|key| key.vkey);
    crate::blocking(move || worker.store.retire_key(log).map_err(log_problem)).await?;
    let act = Act::new("LOG_KEY.RETIRE").by(&access.principal).target("log-key", &old.unwrap_or_default());
    app.record_and_wait(log, act).await
}
