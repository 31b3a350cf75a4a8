//! Views that are kept: who may change which, and what is recorded of it. The API and the console ask the same functions.
//!
//! A view of one's own needs no more than the right to read events; one for everybody is a setting of the organization.

use std::sync::Arc;

use indelible_control::{Error, NewView, Permission, Shows, View, allowed};

use crate::access::{Access, not_granted};
use crate::app::Shared;
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};

/// A view that the caller has.
pub(crate) fn found(app: &Shared, access: &Access, id: &str) -> Result<Arc<View>, Problem> {
    let view = app.control.view(&access.org.id, id).filter(|view| view.is_for(access.principal.id()));
    view.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no view {id:?} that you have")))
}

/// Whether the caller may change a view, or make one for everybody.
pub(crate) fn may_change(access: &Access, owner: &str, team: bool) -> bool {
    let administers = || allowed(&access.principal, Permission::OrgAdmin, Some(&access.org.id)).is_ok();
    if team { administers() } else { owner == access.principal.id() }
}

fn check(access: &Access, owner: &str, team: bool) -> Result<(), Problem> {
    if may_change(access, owner, team) { Ok(()) } else { Err(not_granted(Permission::OrgAdmin)) }
}

/// Keeps a view of the caller's.
pub(crate) async fn create(
    app: &Shared,
    access: &Access,
    caller: &Caller,
    new: NewView,
) -> Result<View, Problem> {
    let owner = access.principal.id().to_owned();
    check(access, &owner, new.team)?;
    let (worker, organization, random) = (Shared::clone(app), access.org.id.clone(), crate::random::<8>()?);
    let made = move || {
        let now_ms = worker.now_ms();
        worker.control.create_view((&organization, &owner), new, random, now_ms).map_err(refused)
    };
    let view = crate::blocking(made).await?;
    let act = Act::new("CONFIG.CREATE").by(&access.principal).from(caller).target("view", &view.id);
    app.record_and_wait(access.log, differences(act, None, Some(&view))).await?;
    Ok(view)
}

/// Replaces a view that the caller may change.
pub(crate) async fn update(
    app: &Shared,
    (access, caller): (&Access, &Caller),
    seen: Arc<View>,
    new: NewView,
) -> Result<View, Problem> {
    check(access, &seen.owner, seen.team)?;
    check(access, &seen.owner, new.team)?;
    let worker = Shared::clone(app);
    let changed = crate::blocking(move || {
        let now_ms = worker.now_ms();
        worker.control.update_view(&seen, new, now_ms).map_err(refused)
    })
    .await?;
    let act = Act::new("CONFIG.UPDATE").by(&access.principal).from(caller).target("view", &changed.after.id);
    app.record_and_wait(access.log, differences(act, Some(&changed.before), Some(&changed.after))).await?;
    Ok(changed.after)
}

/// Forgets a view that the caller may change.
pub(crate) async fn delete(
    app: &Shared,
    (access, caller): (&Access, &Caller),
    seen: Arc<View>,
) -> Result<(), Problem> {
    check(access, &seen.owner, seen.team)?;
    let (worker, gone) = (Shared::clone(app), Arc::clone(&seen));
    crate::blocking(move || worker.control.delete_view(&gone).map_err(refused)).await?;
    let act = Act::new("CONFIG.DELETE").by(&access.principal).from(caller).target("view", &seen.id);
    app.record_and_wait(access.log, differences(act, Some(&seen), None)).await
}

fn refused(error: Error) -> Problem {
    let code = match &error {
        Error::Invalid { .. } | Error::Limit { .. } => Code::RequestMalformed,
        Error::Missing { .. } => Code::NotFound,
        Error::Stale { .. } => Code::VersionConflict,
        _ => return Problem::internal(&error),
    };
    Problem::new(code, error.to_string())
}

/// What a view says of itself, by name.
fn said(view: &View) -> [(&'static str, String); 10] {
    let Shows { q, since, until, tz, cols, layout, group, limit } = &view.shows;
    [
        ("name", view.name.clone()),
        ("team", view.team.to_string()),
        ("q", q.clone()),
        ("since", since.clone()),
        ("until", until.clone()),
        ("tz", tz.clone()),
        ("cols", cols.clone()),
        ("layout", layout.clone()),
        ("group", group.clone().unwrap_or_default()),
        ("limit", limit.map(|limit| limit.to_string()).unwrap_or_default()),
    ]
}

/// What differs between a view before and after, as changes of an act.
fn differences(act: Act, before: Option<&View>, after: Option<&View>) -> Act {
    let (old, new) = (before.map(said), after.map(said));
    let names = old.iter().chain(&new).next().map(|said| said.each_ref().map(|(name, _)| *name));
    let text = |said: &Option<[(&str, String); 10]>, at: usize| {
        said.as_ref().and_then(|said| said.get(at)).map(|(_, text)| text.clone()).unwrap_or_default()
    };
    names.into_iter().flatten().enumerate().fold(act, |act, (at, name)| {
        let (old, new) = (text(&old, at), text(&new, at));
        if old == new { act } else { act.change(name, old, new) }
    })
}
