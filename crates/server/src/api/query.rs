//! What a query text means.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use indelible_control::Permission;
use serde_json::json;

use super::JsonAnswer;
use crate::app::Shared;
use crate::endpoints::PARSE;
use crate::request::Params;

pub(crate) async fn parse(
    State(app): State<Shared>,
    Path(org): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> JsonAnswer {
    app.access(&headers, &org, Permission::EventsRead)?;
    let params = Params::read(&uri, PARSE)?;
    let query = crate::query::read(&*app, params.text("q").unwrap_or_default(), params.text("tz"))?;
    Ok(Json(json!({
        "text": query.text(),
        "absolute": query.absolute_text(),
        "tree": crate::query::tree(&query),
        "codes": query.expansion(),
    })))
}
