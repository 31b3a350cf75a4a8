//! API keys of an organization: list, create, revoke. A key's secret is in the answer that creates it and nowhere else.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use indelible_control::{
    Binding, Key, KeySeed, Kind, NewKey, Permission, Scope, allowed_everywhere, allowed_in,
};
use indelible_store::log_no::LogNo;
use serde::Deserialize;
use serde_json::{Value, json};

use super::organizations::refused;
use super::{Answer, JsonAnswer};
use crate::access::{Access, not_granted};
use crate::app::{App, Shared};
use crate::audit::Act;
use crate::http::Caller;
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
    certificate: Option<NewBinding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBinding {
    /// `sha256:` of a public key, or `name:`.
    holder: String,
    /// The certificate is enough.
    #[serde(default)]
    alone: bool,
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::KeyRead)?;
    let keys: Vec<Value> = app.control.list_keys(Some(&access.org.id)).iter().map(shown).collect();
    Ok(Json(json!({ "items": keys })))
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::KeyAdmin)?;
    let new: New = request::json(&headers, body).await?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == new.kind).ok_or_else(|| {
        Problem::new(Code::RequestMalformed, format!("kind {:?} must be in, rd or ad", new.kind))
    })?;
    let certificate = new.certificate.map(|wanted| binding(&app, &wanted)).transpose()?;
    let wanted = NewKey {
        certificate,
        scope: if new.all { Scope::All } else { Scope::One(access.org.id.clone()) },
        catalog: new.catalog,
        producer: new.producer,
        label: new.label,
        expires_at_ms: new.expires_at.as_deref().map(expiry).transpose()?,
        ..NewKey::new(kind, Scope::All)
    };
    let (key, token) = make(&app, (&access, &caller), wanted).await?;
    let mut answer = shown(&key);
    answer["token"] = json!(token);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Refused where it could never be shown: the key would be of no use.
fn binding(app: &App, wanted: &NewBinding) -> Result<Binding, Problem> {
    if app.config.text("tls.client_ca").is_none() {
        let detail = "this server asks its clients for no certificate: set tls.client_ca first";
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    Ok(Binding { holder: wanted.holder.parse().map_err(refused)?, alone: wanted.alone })
}

/// Creates a key, if whoever asks may give away as much as it can do.
pub(crate) async fn make(
    app: &Shared,
    (access, caller): (&Access, &Caller),
    wanted: NewKey,
) -> Result<(Key, String), Problem> {
    let needed = needed_for(wanted.kind);
    if !allowed_in(&access.principal, needed, &wanted.scope) {
        if wanted.scope == Scope::All {
            let detail =
                "a key for every organization can be made only by whoever reaches every organization";
            return Err(Problem::new(Code::PermissionMissing, detail));
        }
        return Err(not_granted(needed));
    }
    let seed = KeySeed::new(crate::random()?);
    let (worker, now_ms) = (app.clone(), app.now_ms());
    let (key, token) =
        crate::blocking(move || worker.control.create_key(&wanted, &seed, now_ms).map_err(refused)).await?;
    let log = log_of(app, access, &key);
    let mut act = Act::new("KEY.CREATE").by(&access.principal).from(caller).target("api-key", &key.id);
    for (path, value) in described(&key) {
        act = act.change(path, String::new(), value);
    }
    app.record_and_wait(log, act).await?;
    Ok((key, token))
}

/// What the event of a key's creation says about it.
fn described(key: &Key) -> Vec<(&'static str, String)> {
    let scope = match &key.scope {
        Scope::All => "all".to_owned(),
        Scope::One(org) => org.to_string(),
    };
    let expiry = key.expires_at_ms.map(|at| crate::time_text(at.saturating_mul(1_000_000)));
    let said = [
        ("kind", Some(key.kind.word().to_owned())),
        ("organization", Some(scope)),
        ("catalog", key.catalog.clone()),
        ("label", Some(key.label.clone()).filter(|label| !label.is_empty())),
        ("expires_at", expiry),
        ("certificate", key.certificate.as_ref().map(Binding::to_string)),
    ];
    said.into_iter().filter_map(|(path, value)| Some((path, value?))).collect()
}

/// A key for every organization concerns the node; any other its organization.
fn log_of(app: &Shared, access: &Access, key: &Key) -> LogNo {
    if key.scope == Scope::All { app.system_log() } else { access.log }
}

/// Keys that administer are made and revoked by owners.
pub(crate) fn needed_for(kind: Kind) -> Permission {
    if kind == Kind::Admin { Permission::OwnerAdmin } else { Permission::KeyAdmin }
}

pub(crate) async fn revoke(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::KeyAdmin)?;
    Ok(Json(shown(&revoke_for(&app, (&access, &caller), &id).await?)))
}

/// Revokes a key of an organization, if whoever asks could have made it.
pub(crate) async fn revoke_for(
    app: &Shared,
    (access, caller): (&Access, &Caller),
    id: &str,
) -> Result<Key, Problem> {
    let reachable = app.control.list_keys(Some(&access.org.id)).into_iter().find(|key| key.id == id);
    let wide =
        |key: &Key| key.scope == Scope::All && !allowed_everywhere(&access.principal, Permission::KeyAdmin);
    let Some(key) = reachable.filter(|key| !wide(key)) else {
        return Err(Problem::new(Code::NotFound, format!("there is no key {id:?} in this organization")));
    };
    let needed = needed_for(key.kind);
    if !allowed_in(&access.principal, needed, &key.scope) {
        return Err(not_granted(needed));
    }
    let (worker, now_ms, key_id) = (app.clone(), app.now_ms(), id.to_owned());
    let changed =
        crate::blocking(move || worker.control.revoke_key(&key_id, now_ms).map_err(refused)).await?;
    let act = Act::new("KEY.REVOKE").by(&access.principal).from(caller).target("api-key", id);
    app.record_and_wait(log_of(app, access, &key), act).await?;
    Ok(changed.after)
}

pub(crate) fn expiry(text: &str) -> Result<i64, Problem> {
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
        "certificate": key.certificate.as_ref().map(|binding| json!({ "holder": binding.holder.to_string(), "alone": binding.alone })),
        "label": key.label,
        "created_at": time(key.created_at_ms),
        "expires_at": key.expires_at_ms.map(time),
        "revoked_at": key.revoked_at_ms.map(time),
        "last_used_at": key.last_used_ms.map(time),
    })
}
