//! Routes: what is sent on, to where, and in what form; and the deliveries that wait for a person.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use indelible_connect::destination::{Route as Settings, To};
use indelible_control::{Connector, ConnectorRole, Parked, Permission};
use serde::Deserialize;
use serde_json::{Value, json};

use super::connectors::{Change, check_version, joined, tagged};
use super::log::log_problem;
use super::{Answer, JsonAnswer};
use crate::access::Access;
use crate::app::{Shared, size};
use crate::audit::Act;
use crate::connectors::outgoing::Leaving;
use crate::connectors::{self, By, routes};
use crate::endpoints::{DELIVERIES, NEW_ROUTE};
use crate::http::Caller;
use crate::problem::{Code, Problem};
use crate::request::{self, Params};

const ROLE: ConnectorRole = ConnectorRole::Route;

/// Where a route begins again.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct From {
    index: Option<u64>,
    received: Option<String>,
}

/// What is tried.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Trial {
    index: Option<u64>,
    send: bool,
}

/// What is to become of a parked delivery.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
struct Step {
    r#do: Doing,
}

/// What can be done about a parked delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Doing {
    /// Deliver it now.
    Retry,
    /// Give it up.
    Drop,
}

/// A route as it is shown: settings without secrets, and how it is doing.
pub(crate) async fn shown(app: &Shared, route: &Connector) -> Value {
    let to = serde_json::from_value::<Settings>(route.settings.clone()).ok().and_then(|settings| settings.to);
    let about = json!({
        "name": route.name, "kind": to.as_ref().map(To::kind), "place": to.as_ref().map(To::place),
        "settings": connectors::shown(&route.settings), "version": route.version,
        "changed_at": crate::time_text(route.changed_at_ms.saturating_mul(1_000_000)),
    });
    joined(about, app.routes.state(app, route).await)
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let mut items = Vec::new();
    for route in app.control.connectors(ROLE, Some(&access.org.id)) {
        items.push(shown(&app, &route).await);
    }
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let route = connectors::found(&app, &access, ROLE, &name)?;
    Ok(tagged(&route, shown(&app, &route).await))
}

pub(crate) async fn write(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let access = app.access(&headers, &org, Permission::OrgAdmin)?;
    let params = Params::read(request.uri(), NEW_ROUTE)?;
    let sent: Value = request::json(&headers, request.into_body()).await?;
    let seen = app.control.connector(ROLE, &access.org.id, &name);
    if let Some(seen) = &seen {
        check_version(&headers, seen)?;
    }
    let mut sent = connectors::with_secrets(sent, seen.as_ref())?;
    let mut settings = routes::check(&app, &sent)?;
    let to =
        settings.to.as_mut().ok_or_else(|| Problem::new(Code::Internal, "a checked route goes nowhere"))?;
    if to.is_internal() {
        connectors::needs_node_admin(&access)?;
    }
    let made = to.complete(crate::random()?);
    if made.is_some() {
        sent["to"] = serde_json::to_value(&*to).map_err(|error| Problem::internal(&error))?;
    }
    let paused = seen.as_ref().is_some_and(|seen| seen.paused);
    let by = (&access, &caller);
    let start = if seen.is_none() { Some(start(&app, &access, &params)?) } else { None };
    let kept = connectors::keep(&app, by, (ROLE, &name), seen.as_ref(), (paused, sent)).await?;
    if let Some(start) = start {
        // If we die before this, the route begins at the log's beginning: rather too much than too little.
        stand(&app, &access, &name, start).await?;
    }
    app.routes.apply(&app, &kept).await;
    let status = if seen.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let mut shown = shown(&app, &kept).await;
    if let Some(secret) = made {
        shown["made_secret"] = secret.into();
    }
    Ok((status, tagged(&kept, shown)).into_response())
}

/// Where a new route begins: with what comes from now on, unless it says otherwise.
fn start(app: &Shared, access: &Access, params: &Params) -> Result<u64, Problem> {
    let end = size(&app.store, access.log);
    match params.text("from") {
        None | Some("end") => Ok(end),
        Some(index) => within(index.parse().ok(), end),
    }
}

fn within(index: Option<u64>, end: u64) -> Result<u64, Problem> {
    index.filter(|index| *index <= end).ok_or_else(|| {
        Problem::new(Code::RequestMalformed, format!("from must be end or an index of at most {end}"))
    })
}

async fn stand(app: &Shared, access: &Access, name: &str, index: u64) -> Result<(), Problem> {
    let (worker, log, cursor) = (Shared::clone(app), access.log, routes::cursor(name));
    crate::blocking(move || worker.store.set_cursor(log, &cursor, index).map_err(log_problem)).await
}

pub(crate) async fn change(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::OrgAdmin)?;
    let seen = connectors::found(&app, &access, ROLE, &name)?;
    check_version(&headers, &seen)?;
    let Change { paused } = request::json(&headers, body).await?;
    let change = (paused, seen.settings.clone());
    let kept = connectors::keep(&app, (&access, &caller), (ROLE, &name), Some(&seen), change).await?;
    app.routes.apply(&app, &kept).await;
    Ok(tagged(&kept, shown(&app, &kept).await))
}

pub(crate) async fn delete(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::OrgAdmin)?;
    let seen = connectors::found(&app, &access, ROLE, &name)?;
    check_version(&headers, &seen)?;
    let parked = parked(&app, &seen)?;
    if !parked.is_empty() {
        let detail = format!("{} deliveries are parked; retry or drop them first", parked.len());
        return Err(Problem::new(Code::InProgress, detail));
    }
    let gone = shown(&app, &seen).await;
    connectors::forget(&app, (&access, &caller), &seen).await?;
    app.routes.stop(&seen).await;
    Ok(Json(gone))
}

/// Sends again from a position or a time on.
pub(crate) async fn replay(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::OrgAdmin)?;
    let route = connectors::found(&app, &access, ROLE, &name)?;
    let from: From = request::json(&headers, body).await?;
    let end = size(&app.store, access.log);
    let index = match (from.index, from.received) {
        (Some(index), None) => within(Some(index), end)?,
        (None, Some(time)) => {
            routes::position_at(&app, access.log, (access.org.id.to_string(), time)).await?
        }
        _ => return Err(Problem::new(Code::RequestMalformed, "say index or received, a time")),
    };
    app.routes.stop(&route).await;
    let before = routes::position(&app, access.log, &name);
    let stood = stand(&app, &access, &name, index).await;
    let count = i64::try_from(before.saturating_sub(index)).unwrap_or(i64::MAX);
    let act = Act::new("DELIVERY.REPLAY").by(&access.principal).from(&caller).target("route", &name);
    let act = act.param("destination", name.as_str()).param("count", count).change(
        "position",
        before.to_string(),
        index.to_string(),
    );
    let recorded = match stood {
        Ok(()) => app.record_and_wait(access.log, act).await,
        Err(problem) => Err(problem),
    };
    app.routes.apply(&app, &route).await;
    recorded?;
    Ok(Json(shown(&app, &route).await))
}

/// Shows what would leave of one event, and delivers it if asked to.
pub(crate) async fn test(
    State(app): State<Shared>,
    Path((org, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::OrgAdmin)?;
    let route = connectors::found(&app, &access, ROLE, &name)?;
    let trial: Trial = request::json(&headers, body).await?;
    let Leaving { message, sent, pseudonyms, withheld } = routes::dry_run(&app, &route, trial.index).await?;
    let mut shown = json!({
        "index": message.index, "id": message.id, "routing_key": message.routing_key,
        "content_type": message.content_type, "body": String::from_utf8_lossy(&message.body),
        "fields": { "sent": sent, "pseudonyms": pseudonyms, "withheld": withheld },
    });
    if trial.send {
        let result = routes::deliver(&app, &route, message).await;
        shown["delivered"] = result.is_ok().into();
        if let Err(problem) = result {
            shown["fault"] = problem.detail.into();
        }
    }
    Ok(Json(shown))
}

fn parked(app: &Shared, route: &Connector) -> Result<Vec<Parked>, Problem> {
    app.control.parked(&route.organization, &route.name).map_err(|error| Problem::internal(&error))
}

pub(crate) async fn deliveries(
    State(app): State<Shared>,
    Path(org): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let params = Params::read(&uri, DELIVERIES)?;
    let only = params.text("route");
    let mut items = Vec::new();
    for route in app.control.connectors(ROLE, Some(&access.org.id)) {
        if only.is_none_or(|only| only == route.name) {
            items.extend(parked(&app, &route)?.iter().map(|one| waiting(&route.name, one)));
        }
    }
    Ok(Json(json!({ "items": items })))
}

fn waiting(route: &str, parked: &Parked) -> Value {
    json!({
        "route": route, "index": parked.index, "event": parked.event, "reason": parked.reason,
        "attempts": parked.attempts, "parked_at": crate::time_text(parked.at_ms.saturating_mul(1_000_000)),
    })
}

pub(crate) async fn step(
    State(app): State<Shared>,
    Path((org, name, index)): Path<(String, String, u64)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::OrgAdmin)?;
    let route = connectors::found(&app, &access, ROLE, &name)?;
    let Step { r#do: doing } = request::json(&headers, body).await?;
    let done = settle(&app, (&access, &caller), &route, (index, doing)).await?;
    Ok(Json(done))
}

/// Retries a parked delivery, or drops it; either is recorded.
pub(crate) async fn settle(
    app: &Shared,
    (access, caller): By<'_>,
    route: &Connector,
    (index, doing): (u64, Doing),
) -> Result<Value, Problem> {
    let missing = || {
        let name = &route.name;
        Problem::new(Code::NotFound, format!("route {name:?} has no parked delivery of the event at {index}"))
    };
    let parked = parked(app, route)?.into_iter().find(|one| one.index == index).ok_or_else(missing)?;
    if doing == Doing::Retry {
        let leaving = routes::dry_run(app, route, Some(index)).await?;
        routes::deliver(app, route, leaving.message).await?;
    }
    let (worker, organization, name) = (Shared::clone(app), route.organization.clone(), route.name.clone());
    let gone = crate::blocking(move || {
        worker.control.unpark(&organization, &name, index).map_err(|error| Problem::internal(&error))
    })
    .await?;
    if !gone {
        return Err(missing());
    }
    let code = if doing == Doing::Retry { "DELIVERY.REPLAY" } else { "DELIVERY.DROP" };
    let act = Act::new(code)
        .by(&access.principal)
        .from(caller)
        .target("event", &parked.event)
        .param("destination", route.name.as_str())
        .param("count", 1)
        .saying(&parked.reason);
    app.record_and_wait(access.log, act).await?;
    Ok(waiting(&route.name, &parked))
}
