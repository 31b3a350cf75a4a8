//! The handlers, one file for each resource. A handler gets its access first, then does one thing.

pub(crate) mod backup;
pub(crate) mod bundles;
pub(crate) mod catalogs;
mod connectors;
pub(crate) mod cursors;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod imports;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod log_keys;
pub(crate) mod node;
pub(crate) mod numbers;
pub(crate) mod organizations;
pub(crate) mod people;
pub(crate) mod producers;
pub(crate) mod query;
pub(crate) mod release;
pub(crate) mod routes;
pub(crate) mod search;
pub(crate) mod sources;
pub(crate) mod sql;
pub(crate) mod suggest;
pub(crate) mod viewers;
pub(crate) mod views;

pub(crate) use organizations::refused;
pub(crate) use search::Recent;

use axum::Json;
use axum::response::Response;

use crate::problem::Problem;

/// What handlers return.
pub(crate) type Answer = Result<Response, Problem>;
/// What handlers return that always answer JSON with status 200.
pub(crate) type JsonAnswer = Result<Json<serde_json::Value>, Problem>;
