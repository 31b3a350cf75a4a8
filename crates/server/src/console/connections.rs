//! Sources, routes and parked deliveries of an organization: how they are doing, pause and resume, retry and drop.

use axum::extract::{Path, Request};
use indelible_connect::destination::Route as RouteSettings;
use indelible_console::connections::{Connections, Parked, Route, Source};
use indelible_console::notice::Notice;
use indelible_control::{Connector, ConnectorRole, Permission, allowed};
use serde_json::Value;

use super::form::Form;
use super::me::at;
use super::page;
use super::search::Search;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::routes::Doing;
use crate::api::{Answer, routes, sources};
use crate::connectors;
use crate::problem::{Code, Problem};

pub(crate) async fn list(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsSurvey)?;
    let (app, zone) = (&call.app, call.zone());
    let mut rows = (Vec::new(), Vec::new(), Vec::new());
    for source in app.control.connectors(ConnectorRole::Source, Some(&access.org.id)) {
        rows.0.push(source_row(&access, &source, &sources::shown(app, &source).await));
    }
    for route in app.control.connectors(ConnectorRole::Route, Some(&access.org.id)) {
        rows.1.push(route_row(&route, &routes::shown(app, &route).await));
        let parked = app.control.parked(&route.organization, &route.name);
        for one in parked.map_err(|error| Problem::internal(&error))? {
            rows.2.push(Parked {
                route: route.name.clone(),
                index: one.index,
                reason: one.reason,
                attempts: one.attempts.into(),
                since: at(&zone, one.at_ms),
                href: format!("/o/{}/e/{}", access.org.id, one.event),
            });
        }
    }
    page(&Connections {
        frame: call.frame("Connections", Section::Connections, &access.org),
        csrf: call.visitor()?.session.csrf.clone(),
        notice: call.notice(),
        org: access.org.id.to_string(),
        zone: zone.name().to_owned(),
        sources: rows.0,
        routes: rows.1,
        parked: rows.2,
        may_sources: may_sources(&access),
        may_routes: allowed(&access.principal, Permission::OrgAdmin, Some(&access.org.id)).is_ok(),
    })
}

fn may_sources(access: &Access) -> bool {
    allowed(&access.principal, Permission::NodeAdmin, None).is_ok()
}

fn text(shown: &Value, name: &str) -> String {
    shown.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(shown: &Value, name: &str) -> u64 {
    shown.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn source_row(access: &Access, source: &Connector, shown: &Value) -> Source {
    let counts = shown.get("counts").cloned().unwrap_or_default();
    let refused = counts.get("refused").and_then(Value::as_object);
    let refused = refused.into_iter().flatten();
    Source {
        name: source.name.clone(),
        place: format!("{} {}", text(shown, "kind"), text(shown, "place")),
        format: source.settings.get("format").and_then(Value::as_str).unwrap_or("match").to_owned(),
        state: text(shown, "state"),
        fault: text(shown, "fault"),
        received: number(&counts, "received"),
        stored: number(&counts, "stored"),
        quarantined: number(&counts, "quarantined"),
        refused: refused.map(|(reason, count)| (reason.clone(), count.as_u64().unwrap_or(0))).collect(),
        seen: text(shown, "last_seen"),
        href: Search::of(access.org.id.as_str()).with_text(format!("producer:{}", source.name)).href(),
    }
}

fn route_row(route: &Connector, shown: &Value) -> Route {
    let settings: Option<RouteSettings> = serde_json::from_value(route.settings.clone()).ok();
    let settings = settings.unwrap_or_default();
    let word = |value: Result<Value, serde_json::Error>| match value {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    };
    let personal = word(serde_json::to_value(settings.personal));
    Route {
        name: route.name.clone(),
        place: format!("{} {}", text(shown, "kind"), text(shown, "place")),
        filter: if settings.filter.is_empty() { "everything".to_owned() } else { settings.filter },
        form: format!("{}, personal fields: {personal}", word(serde_json::to_value(settings.encoding))),
        state: text(shown, "state"),
        fault: text(shown, "fault"),
        lag: number(shown, "lag"),
        delivered: number(shown, "delivered"),
        last: text(shown, "last_delivered"),
        parked: number(shown, "parked"),
    }
}

pub(crate) async fn change(
    call: Call,
    Path((org, name)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let access = call.access(&org, Permission::OrgAdmin)?;
    let form = Form::checked(&call, request.into_body()).await?;
    let role = match form.get("role") {
        "source" => ConnectorRole::Source,
        _ => ConnectorRole::Route,
    };
    let connector = connectors::found(&call.app, &access, role, &name)?;
    let done = match form.get("do") {
        "pause" => rest(&call, &access, &connector, true).await,
        "resume" => rest(&call, &access, &connector, false).await,
        "retry" => settle(&call, &access, &connector, (form.get("index"), Doing::Retry)).await,
        "drop" => settle(&call, &access, &connector, (form.get("index"), Doing::Drop)).await,
        _ => Err(Problem::new(Code::RequestMalformed, "the form says nothing to do")),
    };
    call.lead_with(&format!("/o/{}/connections", access.org.id), done)
}

async fn rest(
    call: &Call,
    access: &Access,
    connector: &std::sync::Arc<Connector>,
    paused: bool,
) -> Result<Notice, Problem> {
    let role = connector.role;
    if role == ConnectorRole::Source {
        connectors::needs_node_admin(access)?;
    }
    let change = (paused, connector.settings.clone());
    let by = (access, &call.caller);
    let kept = connectors::keep(&call.app, by, (role, &connector.name), Some(connector), change).await?;
    match role {
        ConnectorRole::Source => call.app.sources.apply(&call.app, &kept).await,
        ConnectorRole::Route => call.app.routes.apply(&call.app, &kept).await,
    }
    let word = if paused { "paused" } else { "at work" };
    Ok(Notice::good(format!("The {} {} is {word}.", role.word(), kept.name)))
}

async fn settle(
    call: &Call,
    access: &Access,
    route: &Connector,
    (index, doing): (&str, Doing),
) -> Result<Notice, Problem> {
    let index = index.parse();
    let index = index.map_err(|_| Problem::new(Code::RequestMalformed, "the form names no event"))?;
    routes::settle(&call.app, (access, &call.caller), route, (index, doing)).await?;
    let word = if doing == Doing::Retry { "delivered" } else { "given up" };
    Ok(Notice::good(format!("The event at {index} is {word}.")))
}
