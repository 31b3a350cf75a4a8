//! The page that others embed, for a viewer token. It is the same for everybody and holds no event; who may frame it is what
//! the token's maker said. Of a token that is not known it can be framed by nobody.

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use indelible_console::view::View;

use super::page;
use crate::api::Answer;
use crate::app::Shared;

/// Who may put a page into a frame; an extension of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Framed(pub(crate) HeaderValue);

pub(crate) async fn view(State(app): State<Shared>, Path(id): Path<String>) -> Answer {
    let viewing = app.control.viewer(&id, app.now_ms());
    let origins = viewing.map(|viewing| viewing.frame_ancestors.join(" "));
    let origins = origins.filter(|origins| !origins.is_empty());
    let mut response = page(&View { events: "/api/v1/orgs/self/events".to_owned() })?;
    if let Some(Ok(policy)) = origins.map(|origins| HeaderValue::from_str(&super::around::policy(&origins))) {
        response.extensions_mut().insert(Framed(policy));
    }
    Ok(response)
}
