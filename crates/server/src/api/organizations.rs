//! Organizations: list, create, read, change. Every change is an event with before and after.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use indelible_catalog::catalog::Catalog;
use indelible_control::{
    Catalogs, Changed, NewOrganization, Organization, OrganizationId, Permission, Policy, PolicyAction,
    Principal, allowed,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Answer, JsonAnswer};
use crate::app::{App, Shared, size};
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};
use crate::request;

/// An organization as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    public: bool,
    /// Ids, or the word `all`.
    catalogs: Option<Value>,
}

impl New {
    /// One with a title and nothing else said.
    pub(crate) fn titled(id: &str, title: &str) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), public: false, catalogs: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    public: Option<bool>,
    /// Ids, or the word `all`.
    catalogs: Option<Value>,
    /// Catalog to finding to action.
    policy: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

pub(crate) async fn list(State(app): State<Shared>, headers: HeaderMap) -> JsonAnswer {
    let principal = app.principal(&headers)?;
    let visible = |org: &Organization| allowed(&principal, Permission::OrgRead, Some(&org.id)).is_ok();
    let orgs: Vec<Value> =
        app.control.orgs().iter().filter(|org| visible(org)).map(|org| shown(&app, org)).collect();
    if orgs.is_empty() {
        return Err(Problem::new(Code::PermissionMissing, "this key may not read organizations"));
    }
    Ok(Json(json!({ "items": orgs })))
}

pub(crate) async fn read(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::OrgRead)?;
    Ok(Json(shown(&app, &access.org)))
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let principal = app.node_access(&headers, Permission::NodeAdmin)?;
    let new: New = request::json(&headers, body).await?;
    let org = make(&app, (&principal, &caller), new).await?;
    let location = format!("/api/v1/orgs/{}", org.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(shown(&app, &org))).into_response())
}

/// Creates an organization with its log.
pub(crate) async fn make(
    app: &Shared,
    (principal, caller): (&Principal, &Caller),
    new: New,
) -> Result<Organization, Problem> {
    let id: OrganizationId = new.id.parse().map_err(refused)?;
    let wanted = NewOrganization {
        id,
        title: new.title,
        log_host: app.log_host(),
        random: crate::random()?,
        public: new.public,
        catalogs: new.catalogs.map_or(Ok(Catalogs::All), |said| chosen(app, said))?,
        now_ms: app.now_ms(),
    };
    let worker = app.clone();
    let org = crate::blocking(move || {
        let org = worker.control.create_org(wanted).map_err(refused)?;
        worker.found_log(&org)?;
        Ok::<_, Problem>(org)
    })
    .await?;
    let act = Act::new("ORGANIZATION.CREATE").by(principal).from(caller);
    app.record_and_wait(app.system_log(), act.target("organization", org.id.as_str())).await?;
    Ok(org)
}

pub(crate) async fn change(
    State(app): State<Shared>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> JsonAnswer {
    let access = app.access(&headers, &org, Permission::OrgAdmin)?;
    let change: Change = request::json(&headers, body).await?;
    let (worker, id) = (app.clone(), access.org.id.clone());
    let changes = crate::blocking(move || apply(&worker, &id, change)).await?;
    let mut act =
        Act::new("CONFIG.UPDATE").by(&access.principal).target("organization", access.org.id.as_str());
    for (path, old, new) in changes {
        act = act.change(path, old, new);
    }
    app.record_and_wait(access.log, act).await?;
    let now = app.control.org(access.org.id.as_str()).unwrap_or(access.org);
    Ok(Json(shown(&app, &now)))
}

type Difference = (&'static str, String, String);

fn apply(app: &App, id: &OrganizationId, change: Change) -> Result<Vec<Difference>, Problem> {
    let mut differences = Vec::new();
    let mut note = |path, changed: &Changed<Organization>, text: fn(&Organization) -> String| {
        differences.push((path, text(&changed.before), text(&changed.after)));
    };
    // All of it is checked before any of it is done.
    let policies = change.policy.map(|policies| checked(app, policies)).transpose()?;
    let catalogs = change.catalogs.map(|said| chosen(app, said)).transpose()?;
    if let Some(public) = change.public {
        note("public", &app.control.set_org_public(id, public).map_err(refused)?, |org| {
            org.public.to_string()
        });
    }
    if let Some(catalogs) = catalogs {
        let changed = app.control.set_org_catalogs(id, catalogs).map_err(refused)?;
        note("catalogs", &changed, |org| catalogs_shown(&org.catalogs).to_string());
    }
    for (catalog, policy) in policies.into_iter().flatten() {
        let changed = app.control.set_org_policy(id, &catalog, policy).map_err(refused)?;
        note("policy", &changed, |org| policy_shown(org).to_string());
    }
    app.forget_policies();
    Ok(differences)
}

/// Reads a choice of catalogs; each must be loaded, since a typo would shut everything out.
fn chosen(app: &App, said: Value) -> Result<Catalogs, Problem> {
    if said == json!("all") {
        return Ok(Catalogs::All);
    }
    let ids: Vec<String> = serde_json::from_value(said).map_err(|_| {
        Problem::new(Code::RequestMalformed, "catalogs must be a list of catalog ids, or the word \"all\"")
    })?;
    ids.iter().try_for_each(|id| loaded(app, id).map(drop))?;
    Ok(Catalogs::Only(ids))
}

fn loaded(app: &App, catalog: &str) -> Result<Arc<Catalog>, Problem> {
    let unknown = || Problem::new(Code::CatalogUnknown, format!("catalog {catalog:?} is not loaded here"));
    app.catalogs().get(catalog).cloned().ok_or_else(unknown)
}

/// Reads policies and checks them against what each finding may have.
fn checked(
    app: &App,
    policies: BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Vec<(String, Policy)>, Problem> {
    let mut out = Vec::new();
    for (catalog, actions) in policies {
        let known = loaded(app, &catalog)?;
        let mut policy = Policy::new();
        for (finding, word) in actions {
            let action = PolicyAction::from_word(&word).ok_or_else(|| {
                let words: Vec<_> = PolicyAction::ALL.iter().map(|action| action.word()).collect();
                Problem::new(Code::RequestMalformed, format!("{word:?} must be one of {}", words.join(", ")))
            })?;
            crate::intake::policy::check(&known, &finding, action)
                .map_err(|why| Problem::new(Code::RequestMalformed, why))?;
            policy.insert(finding, action);
        }
        out.push((catalog, policy));
    }
    Ok(out)
}

/// A refusal by `control` as a problem.
pub(crate) fn refused(error: indelible_control::Error) -> Problem {
    use indelible_control::Error;
    let code = match &error {
        Error::Invalid { .. } | Error::Limit { .. } => Code::RequestMalformed,
        Error::Exists { .. } => Code::AlreadyExists,
        Error::Missing { .. } => Code::NotFound,
        _ => return Problem::internal(&error),
    };
    Problem::new(code, error.to_string())
}

fn catalogs_shown(catalogs: &Catalogs) -> Value {
    match catalogs {
        Catalogs::All => json!("all"),
        Catalogs::Only(ids) => json!(ids),
    }
}

fn policy_shown(org: &Organization) -> Value {
    let catalogs = org.policy.iter().map(|(catalog, policy)| {
        let actions: serde_json::Map<_, _> =
            policy.iter().map(|(finding, action)| (finding.clone(), json!(action.word()))).collect();
        (catalog.clone(), Value::Object(actions))
    });
    Value::Object(catalogs.collect())
}

fn shown(app: &App, org: &Organization) -> Value {
    json!({
        "id": org.id.as_str(),
        "title": org.title,
        "origin": org.origin,
        "created_at": crate::time_text(org.created_at_ms.saturating_mul(1_000_000)),
        "public": org.public,
        "catalogs": catalogs_shown(&org.catalogs),
        "policy": policy_shown(org),
        "size": app.log_of(org).map(|log| size(&app.store, log)),
    })
}
