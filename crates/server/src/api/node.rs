//! What concerns the node: version, limits, the OpenAPI file, pages of problem codes.

use axum::Json;
use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::Answer;
use crate::limits::LIMITS;
use crate::problem::{self, Code, Problem};

pub(crate) async fn version() -> Json<Value> {
    let version = env!("CARGO_PKG_VERSION");
    Json(json!({ "name": "indelible", "version": version, "api": "v1", "features": crate::FEATURES }))
}

pub(crate) async fn limits() -> Json<Value> {
    let items: Vec<Value> = LIMITS
        .iter()
        .map(|limit| json!({ "name": limit.name, "value": limit.value, "unit": limit.unit, "reason": limit.reason }))
        .collect();
    Json(json!({ "items": items }))
}

pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::document().to_string())
}

pub(crate) async fn error_page(Path(code): Path<String>) -> Answer {
    let page = problem::page(&code)
        .ok_or_else(|| Problem::new(Code::NotFound, format!("there is no code or finding {code:?}")))?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], page).into_response())
}
