//! Views: the searches that a visitor keeps, and those that everybody in the organization has.

use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Redirect};
use indelible_console::frame::Link;
use indelible_console::views::{ViewRow, Views};
use indelible_control::{NewView, Permission, Shows, View};
use indelible_query::Instant;

use super::columns::LAYOUTS;
use super::form::Form;
use super::page;
use super::search::Search;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::Answer;
use crate::problem::{Code, Problem};
use crate::views;

/// Views that the search page names.
const IN_MENU: usize = 12;

pub(crate) async fn list(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsSurvey)?;
    let visitor = access.principal.id();
    let zone = call.zone();
    let row = |view: &std::sync::Arc<View>| ViewRow {
        id: view.id.clone(),
        name: view.name.clone(),
        team: view.team,
        own: view.owner == visitor,
        may_change: views::may_change(&access, &view.owner, view.team),
        query: view.shows.q.clone(),
        window: [view.shows.since.as_str(), view.shows.until.as_str()].join(" … "),
        changed: zone.second(Instant(i128::from(view.changed_at_ms) * 1_000_000)),
        version: view.version,
        href: search(&access, view).href(),
    };
    let reports = LAYOUTS.iter().map(|layout| {
        let of = Search { layout: layout.id.to_owned(), ..Search::of(access.org.id.as_str()) };
        Link::new(layout.title, of.with_text(format!("catalog:{}", layout.id)).between("-30d", "").href())
    });
    page(&Views {
        frame: call.frame(call.text().views, Section::Explore, &access.org),
        action: format!("/o/{}/views", access.org.id),
        csrf: call.visitor()?.session.csrf.clone(),
        zone: zone.name().to_owned(),
        views: call.app.control.views(&access.org.id, visitor).iter().map(row).collect(),
        reports: reports.collect(),
    })
}

/// The search that a view stands for.
fn search(access: &Access, view: &View) -> Search {
    let shows = view.shows.clone();
    Search {
        org: access.org.id.to_string(),
        q: shows.q,
        since: shows.since,
        until: shows.until,
        tz: Some(shows.tz).filter(|zone| !zone.is_empty()),
        limit: shows.limit.and_then(|limit| usize::try_from(limit).ok()),
        at: None,
        cursor: None,
        cols: shows.cols,
        layout: shows.layout,
        group: shows.group,
    }
}

/// What a search page shows, to be kept.
fn shown(search: &Search) -> Shows {
    Shows {
        q: search.q.clone(),
        since: search.since.clone(),
        until: search.until.clone(),
        tz: search.tz.clone().unwrap_or_default(),
        cols: search.cols.clone(),
        layout: search.layout.clone(),
        group: search.group.clone(),
        limit: search.limit.and_then(|limit| u32::try_from(limit).ok()),
    }
}

/// The views that a visitor has, as links for the search page.
pub(super) fn links(call: &Call, access: &Access) -> Vec<Link> {
    // What others look for is not for whoever sees a part.
    if !call.visitor().is_ok_and(|visitor| visitor.may(Permission::EventsSurvey, &access.org)) {
        return Vec::new();
    }
    let views = call.app.control.views(&access.org.id, access.principal.id());
    views.iter().take(IN_MENU).map(|view| Link::new(view.name.clone(), search(access, view).href())).collect()
}

pub(crate) async fn create(call: Call, Path(org): Path<String>, request: Request) -> Answer {
    let access = call.access(&org, Permission::ViewWrite)?;
    let form = Form::checked(&call, request.into_body()).await?;
    // The form carries the address of the page that it stood on.
    let said = form
        .get("search")
        .parse()
        .map_err(|_| Problem::new(Code::RequestMalformed, "the form does not say what the view shows"))?;
    let search = Search::read(access.org.id.as_str(), &said)?;
    let new =
        NewView { name: form.get("name").to_owned(), team: form.get("team") == "on", shows: shown(&search) };
    views::create(&call.app, &access, &call.caller, new).await?;
    Ok(Redirect::to(&format!("/o/{}/views", access.org.id)).into_response())
}

pub(crate) async fn change(call: Call, Path((org, id)): Path<(String, String)>, request: Request) -> Answer {
    let access = call.access(&org, Permission::ViewWrite)?;
    let form = Form::checked(&call, request.into_body()).await?;
    let seen = views::found(&call.app, &access, &id)?;
    if form.get("version") != seen.version.to_string() {
        let detail = "the view changed since the page was loaded; load it again and repeat";
        return Err(Problem::new(Code::VersionConflict, detail));
    }
    if form.get("do") == "delete" {
        views::delete(&call.app, (&access, &call.caller), seen).await?;
    } else {
        let (name, team) = (form.get("name").to_owned(), form.get("team") == "on");
        let new = NewView { name, team, shows: seen.shows.clone() };
        views::update(&call.app, (&access, &call.caller), seen, new).await?;
    }
    Ok(Redirect::to(&format!("/o/{}/views", access.org.id)).into_response())
}
