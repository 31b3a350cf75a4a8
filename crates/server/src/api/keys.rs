//! API keys of an organization: list, create, revoke. A key's secret is in the answer that creates it and nowhere else.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use indelible_control::{Key, KeySeed, Kind, NewKey, Permission, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::organizations::refused;
use super::{Answer, JsonAnswer};
use crate::app::Shared;
use crate::audit::Act;
use crate::problem::{Code, Problem};
use crate::request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    kind: String,
    /// Reach every organization; only for kind `ad`.
    #[serde(default)]
    all: bool,
    #[serde(default)]
    label: String,
    catalog: Option<String>,
    producer: Option<String>,
    expires_at: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::KeyAdmin)?;
    let keys: Vec<Value> = app.control.list_keys(Some(&access.org.id)).iter().map(shown).collect();
    Ok(Json(json!({ "items": keys })))
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::KeyAdmin)?;
    let new: New = request::json(&headers, body).await?;
    let kind = Kind::from_word(&new.kind).ok_or_else(|| {
        Problem::new(Code::RequestMalformed, format!("kind {:?} must be in, rd or ad", new.kind))
    })?;
    if new.all && *access.principal.scope() != Scope::All {
        let detail = "a key for every organization can be made only with such a key";
        return Err(Problem::new(Code::PermissionMissing, detail));
    }
    let scope = if new.all { Scope::All } else { Scope::One(access.org.id.clone()) };
    let expires_at_ms = new.expires_at.as_deref().map(expiry).transpose()?;
    let wanted =
        NewKey { kind, scope, catalog: new.catalog, producer: new.producer, label: new.label, expires_at_ms };
    let seed = KeySeed::new(crate::random()?);
    let (worker, now_ms) = (app.clone(), app.now_ms());
    let (key, token) =
        crate::blocking(move || worker.control.create_key(&wanted, &seed, now_ms).map_err(refused)).await?;
    let act = Act::new("KEY.CREATE").by(&access.principal).target("api-key", &key.id);
    app.record_and_wait(access.log, act).await?;
    let mut answer = shown(&key);
    answer["token"] = json!(token);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub(crate) async fn revoke(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::KeyAdmin)?;
    let reachable = app.control.list_keys(Some(&access.org.id)).into_iter().find(|key| key.id == id);
    let wide = |key: &Key| key.scope == Scope::All && *access.principal.scope() != Scope::All;
    if reachable.is_none_or(|key| wide(&key)) {
        return Err(Problem::new(Code::NotFound, format!("there is no key {id:?} in this organization")));
    }
    let (worker, now_ms, key_id) = (app.clone(), app.now_ms(), id.clone());
    let changed =
        crate::blocking(move || worker.control.revoke_key(&key_id, now_ms).map_err(refused)).await?;
    app.record_and_wait(access.log, Act::new("KEY.REVOKE").by(&access.principal).target("api-key", &id))
        .await?;
    Ok(Json(shown(&changed.after)))
}

fn expiry(text: &str) -> Result<i64, Problem> {
    let time = indelible_formats::rfc3339::parse(text).filter(|time| time.offset_minutes.is_some());
    time.map(|time| time.unix_nanos() / 1_000_000).ok_or_else(|| {
        let detail =
            format!("expires_at {text:?} must be a time with its offset, such as 2027-01-31T00:00:00Z");
        Problem::new(Code::TimeWithoutZone, detail)
    })
}

fn shown(key: &Key) -> Value {
    let time = |ms: i64| crate::time_text(ms.saturating_mul(1_000_000));
    json!({
        "id": key.id,
        "kind": key.kind.word(),
        "organization": match &key.scope { Scope::All => "all".to_owned(), Scope::One(org) => org.to_string() },
        "catalog": key.catalog,
        "producer": key.producer,
        "label": key.label,
        "created_at": time(key.created_at_ms),
        "expires_at": key.expires_at_ms.map(time),
        "revoked_at": key.revoked_at_ms.map(time),
        "last_used_at": key.last_used_ms.map(time),
    })
}
