//! What is done about people, for the API and the console alike: who may see whom, who may give what, and the events
//! that tell of it.
//!
//! Nobody gives away more than they have, and whoever could let themselves in as somebody (by inviting them anew) has to
//! be allowed to give all that this person has. Nothing here writes an e-mail: an invitation is a link that is shown once.

use std::sync::Arc;

use indelible_control::{
    Changed, Grant, NewPerson, Permission, Person, PersonChange, Principal, Role, Scope, allowed_everywhere,
    allowed_in,
};
use indelible_store::log_no::LogNo;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::access::not_granted;
use crate::api::refused;
use crate::app::{App, Shared};
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};

/// Passphrases looked at together: each takes 19 MiB and a core for tens of milliseconds.
pub(crate) const MAX_HASHING: usize = 2;
/// Longest wait for that.
const HASH_QUEUE: std::time::Duration = std::time::Duration::from_secs(10);

/// Who does something, from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doer<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) caller: &'a Caller,
}

/// A link that lets a person in once.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) url: String,
    pub(crate) until_ms: i64,
}

/// What is to become of a person.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) name: Option<String>,
    pub(crate) give: Vec<Grant>,
    pub(crate) withdraw: Vec<Grant>,
    pub(crate) disabled: Option<bool>,
}

/// People that a principal may see, with the roles that it may see.
pub(crate) fn visible(app: &App, principal: &Principal) -> Vec<Person> {
    app.control.people().into_iter().filter_map(|person| seen_by(principal, person)).collect()
}

/// One of them.
pub(crate) fn find(app: &App, principal: &Principal, id: &str) -> Result<Person, Problem> {
    let seen = app.control.person(id).and_then(|person| seen_by(principal, person));
    seen.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no person {id:?} that you may see")))
}

/// Roles elsewhere are nobody's business; roles for all concern every organization.
fn seen_by(principal: &Principal, mut person: Person) -> Option<Person> {
    if allowed_everywhere(principal, Permission::PersonRead) {
        return Some(person);
    }
    person.grants.retain(|grant| match &grant.scope {
        Scope::All => true,
        Scope::One(_) => allowed_in(principal, Permission::PersonRead, &grant.scope),
    });
    (!person.grants.is_empty()).then_some(person)
}

/// Whether a principal may give or withdraw a role.
pub(crate) fn may_give(principal: &Principal, grant: &Grant) -> Result<(), Problem> {
    let needed = if grant.role == Role::Owner { Permission::OwnerAdmin } else { Permission::PersonAdmin };
    if allowed_in(principal, needed, &grant.scope) { Ok(()) } else { Err(not_granted(needed)) }
}

/// Whether a principal may do to a person what concerns all that the person has.
pub(crate) fn may_rule(app: &App, principal: &Principal, id: &str) -> Result<(), Problem> {
    let person = app.control.person(id);
    let grants = person.map(|person| person.grants).unwrap_or_default();
    if grants.is_empty() && !allowed_everywhere(principal, Permission::PersonAdmin) {
        return Err(not_granted(Permission::PersonAdmin));
    }
    grants.iter().try_for_each(|grant| may_give(principal, grant))
}

/// Adds a person and makes their invitation.
pub(crate) async fn create(
    app: &Shared,
    doer: Doer<'_>,
    new: NewPerson,
) -> Result<(Person, Invitation), Problem> {
    if new.grants.is_empty() {
        let detail = "say at least one role, with the organization that it is in";
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    new.grants.iter().try_for_each(|grant| may_give(doer.principal, grant))?;
    let (worker, now_ms, id) = (Arc::clone(app), app.now_ms(), crate::random()?);
    let person =
        crate::blocking(move || worker.control.create_person(&new, id, now_ms).map_err(refused)).await?;
    let act = act_on("PERSON.CREATE", doer, &person)
        .change("name", String::new(), person.name.clone())
        .change("email", String::new(), person.email.clone());
    app.record_and_wait(log_of(app, &person), act).await?;
    record_grants(app, doer, &person, (&[], &person.grants)).await?;
    let invitation = invite(app, doer, &person.id).await?;
    Ok((person, invitation))
}

/// Changes a person.
pub(crate) async fn change(
    app: &Shared,
    doer: Doer<'_>,
    (id, wanted): (&str, Wanted),
) -> Result<Person, Problem> {
    let person = app.control.person(id);
    let person = person.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no person {id:?}")))?;
    wanted.give.iter().chain(&wanted.withdraw).try_for_each(|grant| may_give(doer.principal, grant))?;
    if wanted.disabled.is_some() || wanted.name.is_some() {
        may_rule(app, doer.principal, id)?;
    }
    let mut grants = person.grants.clone();
    grants.retain(|grant| !wanted.withdraw.contains(grant));
    grants.extend(wanted.give);
    let change = PersonChange { name: wanted.name, grants: Some(grants), disabled: wanted.disabled };
    let (worker, now_ms, target) = (Arc::clone(app), app.now_ms(), id.to_owned());
    let changed =
        crate::blocking(move || worker.control.change_person(&target, &change, now_ms).map_err(refused))
            .await?;
    if changed.before.grants != changed.after.grants || wanted.disabled == Some(true) {
        app.sessions.forget_person(id);
    }
    record_change(app, doer, &changed).await?;
    Ok(changed.after)
}

async fn record_change(app: &Shared, doer: Doer<'_>, changed: &Changed<Person>) -> Result<(), Problem> {
    let (before, after) = (&changed.before, &changed.after);
    record_grants(app, doer, after, (&before.grants, &after.grants)).await?;
    let state = (before.state != after.state).then(|| ("state", before.state.word(), after.state.word()));
    let name = (before.name != after.name).then_some(("name", before.name.as_str(), after.name.as_str()));
    let changes: Vec<_> = state.into_iter().chain(name).collect();
    if changes.is_empty() {
        return Ok(());
    }
    let gone = after.state == indelible_control::PersonState::Disabled && before.state != after.state;
    let act = act_on(if gone { "PERSON.DELETE" } else { "PERSON.UPDATE" }, doer, after);
    let act = changes
        .into_iter()
        .fold(act, |act, (path, old, new)| act.change(path, old.to_owned(), new.to_owned()));
    app.record_and_wait(log_of(app, before), act).await
}

/// An event for each role given or withdrawn, in the log of its organization.
async fn record_grants(
    app: &Shared,
    doer: Doer<'_>,
    person: &Person,
    (before, after): (&[Grant], &[Grant]),
) -> Result<(), Problem> {
    let all = |grants: &[Grant]| grants.iter().map(Grant::to_string).collect::<Vec<_>>().join(", ");
    let withdrawn = before.iter().filter(|grant| !after.contains(grant)).map(|grant| ("ROLE.REVOKE", grant));
    let given = after.iter().filter(|grant| !before.contains(grant)).map(|grant| ("ROLE.GRANT", grant));
    for (code, grant) in withdrawn.chain(given) {
        let act = act_on(code, doer, person).param("role", grant.role.word());
        let (log, act) = match &grant.scope {
            Scope::All => (app.system_log(), act),
            Scope::One(org) => {
                let log = app.control.org(org.as_str()).and_then(|org| app.log_of(&org));
                (log.unwrap_or_else(|| app.system_log()), act.target("organization", org.as_str()))
            }
        };
        app.record_and_wait(log, act.change("roles", all(before), all(after))).await?;
    }
    Ok(())
}

/// Makes an invitation; an earlier one is void.
pub(crate) async fn invite(app: &Shared, doer: Doer<'_>, id: &str) -> Result<Invitation, Problem> {
    may_rule(app, doer.principal, id)?;
    let token = crate::console::hex(&crate::random::<32>()?);
    let (worker, now_ms, digest, target) = (Arc::clone(app), app.now_ms(), digest(&token), id.to_owned());
    let changed =
        crate::blocking(move || worker.control.invite_person(&target, digest, now_ms).map_err(refused))
            .await?;
    let until_ms = changed.after.invited_until_ms.unwrap_or(now_ms);
    let until = crate::time_text(until_ms.saturating_mul(1_000_000));
    let act = act_on("PERSON.INVITE", doer, &changed.after).change("invited_until", String::new(), until);
    app.record_and_wait(log_of(app, &changed.after), act).await?;
    Ok(Invitation { url: format!("{}/invitation#t={token}", app.public_url()), until_ms })
}

/// What is kept of the token of a link.
pub(crate) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.trim()).into()
}

fn act_on(code: &'static str, doer: Doer<'_>, person: &Person) -> Act {
    Act::new(code).by(doer.principal).from(doer.caller).target("user", &person.id)
}

/// The log that a person's coming and going is recorded in: the one of their organization, if it is one.
pub(crate) fn log_of(app: &App, person: &Person) -> LogNo {
    let mut scopes = person.grants.iter().map(|grant| &grant.scope);
    let first = scopes.next();
    let same = first.filter(|first| scopes.all(|scope| scope == *first));
    let own = match same {
        Some(Scope::One(org)) => app.control.org(org.as_str()).and_then(|org| app.log_of(&org)),
        Some(Scope::All) | None => None,
    };
    own.unwrap_or_else(|| app.system_log())
}

/// Runs what looks at a passphrase: on a thread that may be held up, few at once.
pub(crate) async fn hashing<T: Send + 'static>(
    app: &Shared,
    work: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let busy = || {
        let detail = "too many people log in at this moment; try again in some seconds";
        Problem::new(Code::Overloaded, detail).retry_after(5)
    };
    let permit = tokio::time::timeout(HASH_QUEUE, app.hashing.acquire()).await.map_err(|_| busy())?;
    let _permit = permit.map_err(|_| busy())?;
    let worker = Arc::clone(app);
    crate::blocking(move || work(&worker)).await
}

/// As many as may look at a passphrase at once.
pub(crate) fn limit() -> Semaphore {
    Semaphore::new(MAX_HASHING)
}
