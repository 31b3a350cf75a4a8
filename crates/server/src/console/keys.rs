//! API keys of an organization: who sends and reads by program, since when, and until when.

use axum::extract::{Path, Request};
use indelible_console::keys::{Keys, Row};
use indelible_console::notice::Notice;
use indelible_control::{Key, Kind, NewKey, Permission, Scope, allowed_in};

use super::form::Form;
use super::me::at;
use super::page;
use super::search::Search;
use super::times::Zone;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::Answer;
use crate::api::keys::{expiry, make, needed_for, revoke_for};
use crate::problem::{Code, Problem};

pub(crate) async fn list(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::KeyRead)?;
    let (zone, now_ms) = (call.zone(), call.app.now_ms());
    let keys = call.app.control.list_keys(Some(&access.org.id));
    let (live, gone): (Vec<Key>, Vec<Key>) = keys.into_iter().partition(|key| is_live(key, now_ms));
    let rows = |keys: Vec<Key>| keys.into_iter().rev().map(|key| row(key, &access, &zone)).collect();
    let catalogs = call.app.catalogs();
    let catalogs = catalogs.iter().filter(|catalog| access.org.catalogs.contains(&catalog.id));
    page(&Keys {
        frame: call.frame("Keys", Section::Keys, &access.org),
        csrf: call.visitor()?.session.csrf.clone(),
        notice: call.notice(),
        org: access.org.id.to_string(),
        zone: zone.name().to_owned(),
        live: rows(live),
        gone: rows(gone),
        kinds: kinds(&access),
        catalogs: catalogs.map(|catalog| catalog.id.clone()).collect(),
    })
}

fn is_live(key: &Key, now_ms: i64) -> bool {
    key.revoked_at_ms.is_none() && key.expires_at_ms.is_none_or(|until| until > now_ms)
}

fn row(key: Key, access: &Access, zone: &Zone) -> Row {
    let ended = key.revoked_at_ms.or(key.expires_at_ms);
    Row {
        kind: key.certificate.as_ref().map_or_else(
            || key.kind.word().to_owned(),
            |binding| format!("{}, with the certificate {binding}", key.kind.word()),
        ),
        reach: match &key.scope {
            Scope::All => "all".to_owned(),
            Scope::One(org) => org.to_string(),
        },
        catalog: key.catalog.unwrap_or_else(|| "any".to_owned()),
        created: at(zone, key.created_at_ms),
        used: key.last_used_ms.map_or_else(|| "not since the last start".to_owned(), |ms| at(zone, ms)),
        ends: ended.map_or_else(|| "never".to_owned(), |ms| at(zone, ms)),
        events: Search::of(access.org.id.as_str()).with_text(format!("actor.id:{}", key.id)).href(),
        may_revoke: allowed_in(&access.principal, needed_for(key.kind), &key.scope),
        label: key.label,
        id: key.id,
    }
}

/// Kinds that the visitor may create here.
fn kinds(access: &Access) -> Vec<(String, String)> {
    let scope = Scope::One(access.org.id.clone());
    let may = |kind: &Kind| allowed_in(&access.principal, needed_for(*kind), &scope);
    let purpose = |kind: Kind| match kind {
        Kind::Ingest => "sends events",
        Kind::Read => "reads events",
        Kind::Admin => "administers",
        Kind::Person => "acts as a person",
        Kind::Viewer => "reads a part, for some minutes",
    };
    let shown = |kind: Kind| (kind.word().to_owned(), purpose(kind).to_owned());
    Kind::ALL.into_iter().filter(may).map(shown).collect()
}

pub(crate) async fn create(call: Call, Path(org): Path<String>, request: Request) -> Answer {
    let access = call.access(&org, Permission::KeyAdmin)?;
    let form = Form::checked(&call, request.into_body()).await?;
    let done = async {
        let word = form.get("kind");
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| {
            Problem::new(Code::RequestMalformed, format!("kind {word:?} must be in, rd or ad"))
        })?;
        let expires_at_ms =
            form.said("expires").map(|day| expiry(&format!("{day}T00:00:00Z"))).transpose()?;
        let wanted = NewKey {
            label: form.get("label").trim().to_owned(),
            catalog: form.said("catalog").map(str::to_owned),
            expires_at_ms,
            ..NewKey::new(kind, Scope::One(access.org.id.clone()))
        };
        let (key, token) = make(&call.app, (&access, &call.caller), wanted).await?;
        Ok(shown_once(&key, token))
    };
    call.lead_with(&format!("/o/{}/keys", access.org.id), done.await)
}

fn shown_once(key: &Key, token: String) -> Notice {
    let text = format!("Key {} is made. It is shown this once.", key.id);
    Notice::good(text).with_secret("Key", token)
}

pub(crate) async fn change(call: Call, Path((org, id)): Path<(String, String)>, request: Request) -> Answer {
    let access = call.access(&org, Permission::KeyAdmin)?;
    let form = Form::checked(&call, request.into_body()).await?;
    let done = match form.get("do") {
        "revoke" => revoke_for(&call.app, (&access, &call.caller), &id)
            .await
            .map(|key| Notice::good(format!("Key {} is revoked.", key.id))),
        "rotate" => rotate(&call, &access, &id).await,
        _ => Err(Problem::new(Code::RequestMalformed, "the form says nothing to do")),
    };
    call.lead_with(&format!("/o/{}/keys", access.org.id), done)
}

/// Makes a successor with the same rights; the key itself goes on until it is revoked.
async fn rotate(call: &Call, access: &Access, id: &str) -> Result<Notice, Problem> {
    let keys = call.app.control.list_keys(Some(&access.org.id));
    let now_ms = call.app.now_ms();
    let old = keys.into_iter().find(|key| key.id == id && is_live(key, now_ms));
    let missing =
        || Problem::new(Code::NotFound, format!("there is no key {id:?} in use in this organization"));
    let old = old.ok_or_else(missing)?;
    let lasted = old.expires_at_ms.map(|until| until - old.created_at_ms);
    let wanted = NewKey {
        catalog: old.catalog,
        producer: old.producer,
        certificate: old.certificate,
        label: old.label,
        expires_at_ms: lasted.map(|ms| now_ms + ms),
        ..NewKey::new(old.kind, old.scope)
    };
    let (key, token) = make(&call.app, (access, &call.caller), wanted).await?;
    Ok(shown_once(&key, token))
}
