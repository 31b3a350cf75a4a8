//! Views of an organization: searches under a name, one's own and everybody's. Changing one needs its current version.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use indelible_control::{NewView, Permission, Shows, View};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, JsonAnswer};
use crate::app::Shared;
use crate::http::Caller;
use crate::problem::{Code, Problem};
use crate::{request, views};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    #[serde(default)]
    team: bool,
    #[serde(default)]
    shows: Shows,
}

impl From<New> for NewView {
    fn from(new: New) -> Self {
        Self { name: new.name, team: new.team, shows: new.shows }
    }
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let views = app.control.views(&access.org.id, access.principal.id());
    Ok(Json(json!({ "items": views.iter().map(|view| shown(view)).collect::<Vec<_>>() })))
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::ViewWrite)?;
    let new: New = request::json(&headers, body).await?;
    let view = views::create(&app, &access, &caller, new.into()).await?;
    Ok(tagged(&view, (StatusCode::CREATED, Json(shown(&view))).into_response()))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let view = views::found(&app, &access, &id)?;
    Ok(tagged(&view, Json(shown(&view)).into_response()))
}

pub(crate) async fn update(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::ViewWrite)?;
    let seen = views::found(&app, &access, &id)?;
    check_version(&headers, &seen)?;
    let new: New = request::json(&headers, body).await?;
    let view = views::update(&app, (&access, &caller), seen, new.into()).await?;
    Ok(tagged(&view, Json(shown(&view)).into_response()))
}

pub(crate) async fn delete(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let access = app.access(&headers, &org, Permission::ViewWrite)?;
    let seen = views::found(&app, &access, &id)?;
    check_version(&headers, &seen)?;
    let gone = shown(&seen);
    views::delete(&app, (&access, &caller), seen).await?;
    Ok(Json(gone).into_response())
}

fn check_version(headers: &HeaderMap, view: &View) -> Result<(), Problem> {
    let said = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    match said.map(|tag| tag.trim_matches('"')) {
        None => Err(Problem::new(Code::PreconditionRequired, "send the view's ETag in If-Match")),
        Some(tag) if tag == view.version.to_string() => Ok(()),
        Some(_) => {
            Err(Problem::new(Code::VersionConflict, "the view changed since it was read; read it again"))
        }
    }
}

fn shown(view: &View) -> Value {
    json!({
        "id": view.id, "name": view.name, "team": view.team, "owner": view.owner, "shows": view.shows,
        "version": view.version, "changed_at": crate::time_text(view.changed_at_ms.saturating_mul(1_000_000)),
    })
}

fn tagged(view: &View, mut response: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", view.version)) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
