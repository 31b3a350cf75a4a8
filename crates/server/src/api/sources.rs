//! Sources: what takes events in by itself. Their addresses are the node's, so that only its administrators change them.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use indelible_connect::source::From;
use indelible_control::{Connector, ConnectorRole, Permission};
use serde::Deserialize;
use serde_json::{Value, json};

use super::connectors::{Change, check_version, joined, tagged};
use super::{Answer, JsonAnswer};
use crate::app::Shared;
use crate::connectors::{self, sources};
use crate::http::Caller;
use crate::problem::Problem;
use crate::request;

const ROLE: ConnectorRole = ConnectorRole::Source;

/// A record to be tried.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    record: String,
}

/// A source as it is shown: settings without secrets, and how it is doing.
pub(crate) async fn shown(app: &Shared, source: &Connector) -> Value {
    let from = sources::check(&source.settings).ok().and_then(|settings| settings.from);
    let about = json!({
        "name": source.name, "kind": from.as_ref().map(From::kind),
        "place": from.as_ref().map(From::place),
        "settings": connectors::shown(&source.settings), "version": source.version,
        "changed_at": crate::time_text(source.changed_at_ms.saturating_mul(1_000_000)),
    });
    joined(about, app.sources.state(source).await)
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let mut items = Vec::new();
    for source in app.control.connectors(ROLE, Some(&access.org.id)) {
        items.push(shown(&app, &source).await);
    }
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let source = connectors::found(&app, &access, ROLE, &name)?;
    Ok(tagged(&source, shown(&app, &source).await))
}

pub(crate) async fn write(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::NodeAdmin)?;
    let sent: Value = request::json(&headers, body).await?;
    let seen = app.control.connector(ROLE, &access.org.id, &name);
    if let Some(seen) = &seen {
        check_version(&headers, seen)?;
    }
    let settings = connectors::with_secrets(sent, seen.as_ref())?;
    sources::check(&settings)?;
    let paused = seen.as_ref().is_some_and(|seen| seen.paused);
    let by = (&access, &caller);
    let kept = connectors::keep(&app, by, (ROLE, &name), seen.as_ref(), (paused, settings)).await?;
    app.sources.apply(&app, &kept).await;
    let status = if seen.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, tagged(&kept, shown(&app, &kept).await)).into_response())
}

pub(crate) async fn change(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::NodeAdmin)?;
    let seen = connectors::found(&app, &access, ROLE, &name)?;
    check_version(&headers, &seen)?;
    let Change { paused } = request::json(&headers, body).await?;
    let change = (paused, seen.settings.clone());
    let kept = connectors::keep(&app, (&access, &caller), (ROLE, &name), Some(&seen), change).await?;
    app.sources.apply(&app, &kept).await;
    Ok(tagged(&kept, shown(&app, &kept).await))
}

pub(crate) async fn delete(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::NodeAdmin)?;
    let seen = connectors::found(&app, &access, ROLE, &name)?;
    check_version(&headers, &seen)?;
    let gone = shown(&app, &seen).await;
    connectors::forget(&app, (&access, &caller), &seen).await?;
    app.sources.stop(&seen).await;
    Ok(Json(gone))
}

/// Says what would become of a record, and stores nothing.
pub(crate) async fn test(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::NodeAdmin)?;
    let source = connectors::found(&app, &access, ROLE, &name)?;
    let Trial { record } = request::json(&headers, body).await?;
    let worker = Shared::clone(&app);
    let tried: Result<Value, Problem> =
        crate::blocking(move || sources::trial(&worker, &source, record.into_bytes())).await;
    tried.map(Json)
}
