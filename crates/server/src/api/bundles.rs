//! Evidence bundles: what a search finds with its proofs, as one zip file. Making one is recorded before it is handed out.

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use indelible_control::Permission;

use super::Answer;
use crate::app::Shared;
use crate::bundles;
use crate::http::Caller;
use crate::request;

pub(crate) async fn create(
    State(app): State<Shared>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let wanted: bundles::Wanted = request::json(&headers, body).await?;
    Ok(file(bundles::make(&app, &access, &caller, wanted).await?))
}

/// A bundle as a download.
pub(crate) fn file((name, bytes): (String, Vec<u8>)) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (kind, bytes).into_response()
}
