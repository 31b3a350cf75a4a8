//! People of an organization: who has a role in it, and what may be done about them.

use axum::extract::{Path, Request};
use indelible_console::notice::Notice;
use indelible_console::people::{GrantRow, One, People, RoleChoice, Row};
use indelible_control::{Grant, NewPerson, Permission, Person, Role, Scope, allowed, allowed_everywhere};

use super::form::Form;
use super::me::at;
use super::page;
use super::search::Search;
use super::times::Zone;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::Answer;
use crate::api::people::grant;
use crate::people::{self, Doer, Invitation, Wanted, may_give, may_rule};
use crate::problem::{Code, Problem};

pub(crate) async fn list(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::PersonRead)?;
    let zone = call.zone();
    let shown = people::visible(&call.app, &access.principal);
    let shown = shown.iter().filter(|person| is_of(person, &access));
    page(&People {
        frame: call.frame("People", Section::People, &access.org),
        csrf: call.visitor()?.session.csrf.clone(),
        notice: call.notice(),
        org: access.org.id.to_string(),
        people: shown.map(|person| row(person, &access, &zone)).collect(),
        zone: zone.name().to_owned(),
        roles: choices(&access, true),
        may_all: allowed_everywhere(&access.principal, Permission::PersonAdmin),
        table: choices(&access, false),
    })
}

/// Whether a person has a role here or everywhere.
fn is_of(person: &Person, access: &Access) -> bool {
    person.grants.iter().any(|grant| match &grant.scope {
        Scope::All => true,
        Scope::One(id) => *id == access.org.id,
    })
}

fn row(person: &Person, access: &Access, zone: &Zone) -> Row {
    let here = |grant: &&Grant| match &grant.scope {
        Scope::All => true,
        Scope::One(id) => *id == access.org.id,
    };
    Row {
        href: format!("/o/{}/people/{}", access.org.id, person.id),
        name: person.name.clone(),
        email: person.email.clone(),
        state: person.state.word().to_owned(),
        roles: person.grants.iter().filter(here).map(Grant::to_string).collect(),
        has_totp: person.has_totp,
        last: person.last_login_ms.map_or_else(|| "never".to_owned(), |ms| at(zone, ms)),
    }
}

/// Roles with what they are for: all, or those that the visitor may give here.
fn choices(access: &Access, only_given: bool) -> Vec<RoleChoice> {
    let given = |role: &Role| {
        let grant = Grant { role: *role, scope: Scope::One(access.org.id.clone()) };
        !only_given || may_give(&access.principal, &grant).is_ok()
    };
    let choice = |role: Role| RoleChoice { word: role.word().to_owned(), purpose: role.purpose().to_owned() };
    Role::ALL.into_iter().filter(given).map(choice).collect()
}

pub(crate) async fn one(call: Call, Path((org, id)): Path<(String, String)>) -> Answer {
    let access = call.access(&org, Permission::PersonRead)?;
    let zone = call.zone();
    let person = found(&call, &access, &id)?;
    let grants = person.grants.iter().map(|grant| GrantRow {
        role: grant.role.word().to_owned(),
        organization: match &grant.scope {
            Scope::All => "all".to_owned(),
            Scope::One(id) => id.to_string(),
        },
        may_withdraw: may_give(&access.principal, grant).is_ok(),
    });
    let administers = allowed(&access.principal, Permission::PersonAdmin, Some(&access.org.id)).is_ok();
    let text = format!("actor.id:{id}");
    page(&One {
        frame: call.frame(&person.name, Section::People, &access.org),
        csrf: call.visitor()?.session.csrf.clone(),
        notice: call.notice(),
        org: access.org.id.to_string(),
        zone: zone.name().to_owned(),
        person: row(&person, &access, &zone),
        created: at(&zone, person.created_at_ms),
        invited: person.invited_until_ms.map_or_else(String::new, |ms| at(&zone, ms)),
        grants: grants.collect(),
        roles: choices(&access, true),
        may_all: allowed_everywhere(&access.principal, Permission::PersonAdmin),
        may_rule: administers && may_rule(&call.app, &access.principal, &id).is_ok(),
        events: Search::of(access.org.id.as_str()).with_text(&text).href(),
        id,
    })
}

/// A person with a role here, as the visitor may see them.
fn found(call: &Call, access: &Access, id: &str) -> Result<Person, Problem> {
    let person = people::find(&call.app, &access.principal, id)?;
    let missing = || Problem::new(Code::NotFound, format!("there is no person {id:?} in this organization"));
    Some(person).filter(|person| is_of(person, access)).ok_or_else(missing)
}

pub(crate) async fn invite(call: Call, Path(org): Path<String>, request: Request) -> Answer {
    let access = call.access(&org, Permission::PersonAdmin)?;
    let form = Form::checked(&call, request.into_body()).await?;
    let doer = Doer { principal: &access.principal, caller: &call.caller };
    let here = access.org.id.as_str();
    let done = async {
        let grants = vec![grant(form.get("role"), form.said("organization").unwrap_or(here))?];
        let (name, email) = (form.get("name").trim().to_owned(), form.get("email").trim().to_owned());
        let (person, invitation) = people::create(&call.app, doer, NewPerson { name, email, grants }).await?;
        Ok(link(&person.name, invitation))
    };
    call.lead_with(&format!("/o/{here}/people"), done.await)
}

fn link(name: &str, invitation: Invitation) -> Notice {
    let text = format!("{name} is invited. Pass this link on; it is shown this once.");
    Notice::good(text).with_secret("Link", invitation.url)
}

pub(crate) async fn change(call: Call, Path((org, id)): Path<(String, String)>, request: Request) -> Answer {
    let access = call.access(&org, Permission::PersonAdmin)?;
    let form = Form::checked(&call, request.into_body()).await?;
    let person = found(&call, &access, &id)?;
    let doer = Doer { principal: &access.principal, caller: &call.caller };
    let done = async {
        let mut wanted = Wanted::default();
        let what = form.get("do");
        match what {
            "give" => wanted.give.push(grant(form.get("role"), form.get("organization"))?),
            "withdraw" => wanted.withdraw.push(grant(form.get("role"), form.get("organization"))?),
            "disable" => wanted.disabled = Some(true),
            "enable" => wanted.disabled = Some(false),
            "invite" => {
                return Ok(link(&person.name, people::invite(&call.app, doer, &id).await?));
            }
            _ => return Err(Problem::new(Code::RequestMalformed, "the form says nothing to do")),
        }
        people::change(&call.app, doer, (&id, wanted)).await?;
        Ok(Notice::good(match what {
            "give" => "The role is given.",
            "withdraw" => "The role is withdrawn.",
            "disable" => "The person is disabled and logged out.",
            _ => "The person is enabled.",
        }))
    };
    let done = done.await;
    let still_here = found(&call, &access, &id).is_ok();
    let people = format!("/o/{}/people", access.org.id);
    call.lead_with(&if still_here { format!("{people}/{id}") } else { people }, done)
}
