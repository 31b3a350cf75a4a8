//! Viewer tokens: whoever may read lends a part of it for some minutes, to be shown by a program of theirs.
//!
//! A token can do what its issuer can, less its filter; the issuer's own limits go into it.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use indelible_control::{Key, KeySeed, NewViewer, Permission, Viewing};
use serde::Deserialize;
use serde_json::json;

use super::Answer;
use super::organizations::refused;
use crate::access::Access;
use crate::app::Shared;
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};
use crate::{query, request};

/// Life of a token that says none: long enough for a page to load and be looked at.
const DEFAULT_S: i64 = 15 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    filter: String,
    #[serde(default)]
    frame_ancestors: Vec<String>,
    ttl_s: Option<i64>,
    #[serde(default)]
    label: String,
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::ViewerIssue)?;
    let new: New = request::json(&headers, body).await?;
    let (key, token) = make(&app, &access, new)?;
    let expires_at = crate::time_text(key.expires_at_ms.unwrap_or(0).saturating_mul(1_000_000));
    let filter = key.viewing.as_ref().map(|viewing| viewing.filter.clone()).unwrap_or_default();
    let origins = key.viewing.as_ref().map(|viewing| viewing.frame_ancestors.join(" ")).unwrap_or_default();
    let act = Act::new("KEY.CREATE").by(&access.principal).from(&caller).target("api-key", &key.id);
    let act = act
        .change("kind", String::new(), key.kind.word().to_owned())
        .change("filter", String::new(), filter)
        .change("expires_at", String::new(), expires_at.clone());
    let act = if origins.is_empty() { act } else { act.change("frame_ancestors", String::new(), origins) };
    app.record_and_wait(access.log, act).await?;
    // Behind `#`, which browsers send to nobody.
    let url = format!("{}/view/{}#t={token}", app.public_url(), key.id);
    let answer = json!({ "id": key.id, "token": token, "expires_at": expires_at, "url": url });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn make(app: &Shared, access: &Access, new: New) -> Result<(Key, String), Problem> {
    let filter = query::read(&**app, &new.filter, None)?;
    if !filter.parsed().text_terms().is_empty() {
        let detail =
            "a filter names fields, such as account:acme: free words also match titles of event types";
        return Err(Problem::new(Code::QueryInvalid, detail));
    }
    let wanted = NewViewer {
        organization: access.org.id.clone(),
        catalog: access.principal.catalog().map(str::to_owned),
        viewing: Viewing {
            filter: filter.text(),
            frame_ancestors: new.frame_ancestors,
            issuer: access.principal.id().to_owned(),
        },
        label: new.label,
        until_ms: app.now_ms().saturating_add(new.ttl_s.unwrap_or(DEFAULT_S).saturating_mul(1000)),
    };
    let seed = KeySeed::new(crate::random()?);
    app.control.create_viewer(wanted, &seed, app.now_ms()).map_err(refused)
}
