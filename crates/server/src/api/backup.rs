//! A backup of the whole node, sent to whoever may do everything on it.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use indelible_control::Permission;

use super::Answer;
use crate::app::Shared;
use crate::backup;
use crate::http::Caller;

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let principal = app.node_access(&headers, Permission::NodeAdmin)?;
    backup::download(&app, &principal, &caller).await
}
