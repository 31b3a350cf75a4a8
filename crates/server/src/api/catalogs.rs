//! Catalogs as the server has them loaded.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use indelible_control::Permission;
use serde_json::{Value, json};

use super::JsonAnswer;
use crate::app::Shared;
use crate::problem::{Code, Problem};

pub(crate) async fn list(State(app): State<Shared>, headers: HeaderMap) -> JsonAnswer {
    app.node_access(&headers, Permission::CatalogRead)?;
    let registry = app.catalogs();
    let items: Vec<Value> = registry.iter().map(|catalog| crate::catalog_json::summary(catalog)).collect();
    Ok(Json(json!({ "items": items, "problems": app.catalog_problems() })))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path(catalog): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    app.node_access(&headers, Permission::CatalogRead)?;
    let registry = app.catalogs();
    let found = registry.get(&catalog).ok_or_else(|| unknown(&catalog, &registry.suggest(&catalog)))?;
    Ok(Json(crate::catalog_json::whole(found)))
}

pub(crate) async fn event_type(
    State(app): State<Shared>,
    Path((catalog, code)): Path<(String, String)>,
    headers: HeaderMap,
) -> JsonAnswer {
    app.node_access(&headers, Permission::CatalogRead)?;
    let registry = app.catalogs();
    let found = registry.get(&catalog).ok_or_else(|| unknown(&catalog, &registry.suggest(&catalog)))?;
    let of = found.type_by_code(&code).ok_or_else(|| {
        let near = indelible_catalog::suggest::nearest_codes(found, &code, None, &[]);
        let near =
            if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
        Problem::new(Code::NotFound, format!("catalog {catalog} has no type with the code {code:?}{near}"))
    })?;
    Ok(Json(crate::catalog_json::event_type(found, of)))
}

fn unknown(catalog: &str, near: &[String]) -> Problem {
    let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
    Problem::new(Code::NotFound, format!("there is no catalog {catalog:?} here{near}"))
}
