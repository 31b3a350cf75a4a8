//! People: list, add, read, change, invite, disable. What proves who somebody is never leaves the server.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use indelible_control::{Grant, NewPerson, Permission, Person, Role, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, JsonAnswer};
use crate::app::Shared;
use crate::http::Caller;
use crate::people::{self, Doer, Invitation, Wanted};
use crate::problem::{Code, Problem};
use crate::request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    email: String,
    roles: Vec<RoleIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: Option<String>,
    #[serde(default)]
    give: Vec<RoleIn>,
    #[serde(default)]
    withdraw: Vec<RoleIn>,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleIn {
    role: String,
    /// A name, or the word `all`.
    organization: String,
}

pub(crate) async fn list(State(app): State<Shared>, headers: HeaderMap) -> JsonAnswer {
    let principal = app.node_access(&headers, Permission::PersonRead)?;
    let people: Vec<Value> = people::visible(&app, &principal).iter().map(shown).collect();
    Ok(Json(json!({ "items": people })))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let principal = app.node_access(&headers, Permission::PersonRead)?;
    Ok(Json(shown(&people::find(&app, &principal, &id)?)))
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let principal = app.node_access(&headers, Permission::PersonAdmin)?;
    let new: New = request::json(&headers, body).await?;
    let new = NewPerson { name: new.name, email: new.email, grants: grants(new.roles)? };
    let doer = Doer { principal: &principal, caller: &caller };
    let (person, invitation) = people::create(&app, doer, new).await?;
    let mut answer = shown(&person);
    answer["invitation"] = link(&invitation);
    let location = format!("/api/v1/people/{}", person.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

pub(crate) async fn change(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let principal = app.node_access(&headers, Permission::PersonAdmin)?;
    people::find(&app, &principal, &id)?;
    let change: Change = request::json(&headers, body).await?;
    let disabled = match change.state.as_deref() {
        None => None,
        Some("disabled") => Some(true),
        Some("active") => Some(false),
        Some(other) => {
            let detail = format!("state {other:?} must be active or disabled");
            return Err(Problem::new(Code::RequestMalformed, detail));
        }
    };
    let (give, withdraw) = (grants(change.give)?, grants(change.withdraw)?);
    let wanted = Wanted { name: change.name, give, withdraw, disabled };
    people::change(&app, Doer { principal: &principal, caller: &caller }, (&id, wanted)).await?;
    // As the caller may see it; a person whose last role here was withdrawn is out of sight.
    Ok(Json(
        people::find(&app, &principal, &id).map_or_else(|_| json!({ "id": id }), |person| shown(&person)),
    ))
}

pub(crate) async fn disable(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> JsonAnswer {
    let principal = app.node_access(&headers, Permission::PersonAdmin)?;
    people::find(&app, &principal, &id)?;
    let wanted = Wanted { disabled: Some(true), ..Wanted::default() };
    people::change(&app, Doer { principal: &principal, caller: &caller }, (&id, wanted)).await?;
    Ok(Json(shown(&people::find(&app, &principal, &id)?)))
}

pub(crate) async fn invite(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Answer {
    let principal = app.node_access(&headers, Permission::PersonAdmin)?;
    people::find(&app, &principal, &id)?;
    let invitation = people::invite(&app, Doer { principal: &principal, caller: &caller }, &id).await?;
    Ok((StatusCode::CREATED, Json(link(&invitation))).into_response())
}

/// Roles there are, with what each may do.
pub(crate) async fn roles() -> JsonAnswer {
    let role = |role: Role| {
        let granted = Permission::ALL.into_iter().filter(|permission| permission.roles().contains(&role));
        let permissions: Vec<_> = granted.map(Permission::name).collect();
        json!({ "role": role.word(), "purpose": role.purpose(), "permissions": permissions })
    };
    Ok(Json(json!({ "items": Role::ALL.map(role) })))
}

fn grants(said: Vec<RoleIn>) -> Result<Vec<Grant>, Problem> {
    said.into_iter().map(|one| grant(&one.role, &one.organization)).collect()
}

/// A role in an organization, or in `all`.
pub(crate) fn grant(role: &str, organization: &str) -> Result<Grant, Problem> {
    let known = Role::from_word(role).ok_or_else(|| {
        let words = Role::ALL.map(Role::word).join(", ");
        Problem::new(Code::RequestMalformed, format!("role {role:?} must be one of {words}"))
    })?;
    let scope = if organization == "all" {
        Scope::All
    } else {
        Scope::One(organization.parse().map_err(super::refused)?)
    };
    Ok(Grant { role: known, scope })
}

fn link(invitation: &Invitation) -> Value {
    json!({ "url": invitation.url, "until": time(invitation.until_ms) })
}

fn time(ms: i64) -> String {
    crate::time_text(ms.saturating_mul(1_000_000))
}

fn shown(person: &Person) -> Value {
    let role = |grant: &Grant| {
        let organization = match &grant.scope {
            Scope::All => "all".to_owned(),
            Scope::One(org) => org.to_string(),
        };
        json!({ "role": grant.role.word(), "organization": organization })
    };
    json!({
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "state": person.state.word(),
        "roles": person.grants.iter().map(role).collect::<Vec<_>>(),
        "totp": person.has_totp,
        "created_at": time(person.created_at_ms),
        "changed_at": time(person.changed_at_ms),
        "last_login_at": person.last_login_ms.map(time),
        "invited_until": person.invited_until_ms.map(time),
    })
}
