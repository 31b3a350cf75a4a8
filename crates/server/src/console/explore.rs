//! Explore: one query, shown as rows, counted by value and over time, and said in other forms.
//!
//! Everything is asked of the same functions as the API's answers come from, as of the same size of the log, so that the
//! numbers of a page belong together.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use indelible_console::explore::{Copy, Explore, Form, Found, Trouble};
use indelible_console::frame::Link;
use indelible_control::Permission;
use indelible_query::{EventQuery, Instant};
use serde_json::Value;

use super::bundle;
use super::columns::{self, Columns};
use super::facets::{self, BY_COLUMNS, FIELDS, VALUES};
use super::look::{Beside, Looked, ends, look};
use super::page;
use super::rows::Painter;
use super::search::{DEFAULT_ROWS, ROWS, Search};
use super::times::Zone;
use super::visit::{Call, Section};
use crate::access::Access;
use crate::api::Answer;
use crate::api::search::Ready;
use crate::app::App;
use crate::problem::{Code, Problem};
use crate::query;

/// Windows with one click: what to write, what it is called.
const PRESETS: [(&str, &str); 6] = [
    ("-1h", "1 h"),
    ("-24h", "24 h"),
    ("-7d", "7 days"),
    ("-30d", "30 days"),
    ("-90d", "90 days"),
    ("", "all"),
];

pub(crate) async fn explore(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    let search = Search::read(access.org.id.as_str(), &call.uri)?;
    let zone = call.zone();
    let mut shown = shell(&call, &access, &search, &zone);
    let parsed = query::read(&*call.app, &search.q, search.tz.as_deref().or(Some(zone.name())));
    let query = match parsed {
        Ok(query) => query.parsed().clone(),
        Err(problem) => return troubled(shown, &problem, &search),
    };
    shown.chips = chips(&query, &search);
    let columns = match Columns::of(&search) {
        Ok(columns) => columns,
        Err(problem) => return troubled(shown, &problem, &search),
    };
    let names = FIELDS.map(|(name, ..)| name);
    let (fields, read) = names.split_at(BY_COLUMNS);
    let (fields, read) = match columns::layout(&search) {
        Some(layout) => (layout.facets.0.to_owned(), layout.facets.1.to_owned()),
        None => (fields.join(","), read.join(",")),
    };
    let beside = Beside { fields, read, top: VALUES, width: "" };
    match look(&call, &access, &search, Some(beside)).await {
        Ok((looked, ready)) => {
            let painter = Painter { catalogs: call.app.catalogs(), zone, search, query };
            let mut found = found(&call.app, &painter, &looked, &ready)?;
            let hits = &looked.page.items;
            found.grid = columns.map(|columns| columns.grid(&painter, &ready.scope, hits)).transpose()?;
            found.zoom_out = zoom_out(&ready, &painter);
            shown.found = Some(found);
            page(&shown)
        }
        Err(problem) if problem.code.status() < 500 => troubled(shown, &problem, &search),
        Err(problem) => Err(problem),
    }
}

/// Completions of a query for the page that it is written on.
pub(crate) async fn suggest(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    Ok(crate::api::suggest::offers(&call.app, &access, &call.caller, &call.uri).await?.into_response())
}

/// The page before anything was searched.
fn shell(call: &Call, access: &Access, search: &Search, zone: &Zone) -> Explore {
    let title = if search.q.is_empty() { "Explore".to_owned() } else { search.q.clone() };
    let presets = PRESETS.iter().map(|(since, label)| {
        let on = search.since == *since && search.until.is_empty();
        Link::new(*label, search.between(*since, "").href()).chosen(on)
    });
    Explore {
        frame: call.frame(&title, Section::Explore, &access.org),
        org: search.org.clone(),
        zone: zone.name().to_owned(),
        action: format!("/o/{}/explore", search.org),
        suggest: format!("/o/{}/suggest", search.org),
        form: Form {
            q: search.q.clone(),
            since: search.since.clone(),
            until: search.until.clone(),
            hidden: search.hidden(),
        },
        presets: presets.collect(),
        live: super::live::href(search),
        views: super::views::links(call, access),
        views_href: format!("/o/{}/views", search.org),
        kept: Search { cursor: None, at: None, ..search.clone() }.href(),
        csrf: call.visitor().map(|visitor| visitor.session.csrf.clone()).unwrap_or_default(),
        chips: Vec::new(),
        trouble: None,
        found: None,
    }
}

/// Each condition of a query, with the query that lacks it.
fn chips(query: &EventQuery, search: &Search) -> Vec<Link> {
    let conditions = query.conjuncts();
    let without = |at: usize| {
        let rest = conditions.iter().enumerate().filter(|(other, _)| *other != at);
        EventQuery::from_conjuncts(rest.map(|(_, node)| node.clone()).collect())
    };
    let chip = |(at, node): (usize, &indelible_query::Node)| {
        Link::new(EventQuery::new(node.clone()).to_string(), search.with(&without(at)).href())
    };
    conditions.iter().enumerate().map(chip).collect()
}

fn found(app: &App, painter: &Painter, looked: &Looked, ready: &Ready) -> Result<Found, Problem> {
    let (search, query, page) = (&painter.search, &painter.query, &looked.page);
    let rows = page.items.iter().map(|hit| painter.stored(hit.index, &hit.leaf, &hit.stored));
    let turned = |cursor: &Option<String>| {
        cursor.clone().map(|cursor| Search { cursor: Some(cursor), ..search.clone() }.href())
    };
    let count = looked.count.map_or(0, |count| count.value);
    let nothing = match (query.root.is_none(), page.log_size) {
        (_, 0) => "The log has no events yet. Send one, or import a file.".to_owned(),
        (true, _) => "No event occurred in this time.".to_owned(),
        (false, _) => "No event in this time meets all conditions.".to_owned(),
    };
    let sizes = ROWS.map(|rows| {
        let sized = Search { limit: Some(rows), cursor: None, ..search.clone() };
        Link::new(rows.to_string(), sized.href()).chosen(search.limit.unwrap_or(DEFAULT_ROWS) == rows)
    });
    let stopped = page.stopped_at.map(|at| {
        format!("The search took too long and stopped at {}; go on with Older.", painter.zone.second(at))
    });
    Ok(Found {
        count,
        failures: looked.failed["events"].as_u64().unwrap_or(0),
        log_size: page.log_size,
        window: extent(&looked.bars, &painter.zone),
        chart: facets::chart(&looked.bars, &looked.failed, &painter.zone, &|since, until| {
            search.between(since, until).href()
        }),
        facets: facets::facets(&looked.facets, (&painter.catalogs, &looked.names), (search, query)),
        rows: rows.collect::<Result<_, _>>()?,
        grid: None,
        columns: columns::choice(search),
        zoom_out: None,
        newer: turned(&page.prev_cursor),
        older: turned(&page.next_cursor),
        sizes: sizes.into(),
        csv: search.csv(),
        bundle: bundle::form(search, painter.zone.name()),
        copies: copies(app, painter, ready, page.log_size),
        nothing,
        wider: if count == 0 { wider(query, search) } else { Vec::new() },
        stopped: stopped.or_else(|| looked.lacking.as_ref().map(lacking)),
    })
}

/// Twice the stretch of time around its middle; none of what begins with the log.
fn zoom_out(ready: &Ready, painter: &Painter) -> Option<String> {
    let (since, now) = (ready.window.since?, ready.now());
    let until = ready.window.until.unwrap_or(now);
    let half = (until.0 - since.0).max(1_000_000_000) / 2;
    let (start, end) = (Instant(since.0 - half), Instant(until.0 + half));
    let (from, to) = painter.zone.window(start, end);
    let to = if end.0 >= now.0 { String::new() } else { to };
    Some(painter.search.between(from, to).href())
}

/// What the page lacks, in words.
fn lacking(events: &Value) -> String {
    let one = |events: &Value| {
        let text = |name: &str| events[name].as_str().unwrap_or_default().to_owned();
        let (first, last) = (&events["first"], &events["last"]);
        format!("{first} to {last} of the log ({}: {})", text("file"), text("what"))
    };
    let all: Vec<String> = events.as_array().into_iter().flatten().map(one).collect();
    format!("Not all events could be read. Missing: {}. Run indelible verify --data.", all.join("; "))
}

/// First and last time of what was counted.
fn extent(answer: &Value, zone: &Zone) -> String {
    let time = |name: &str| Some(zone.second(facets::instant(answer[name].as_str()?)?));
    match (time("first"), time("last")) {
        (Some(first), Some(last)) if first == last => first,
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => String::new(),
    }
}

/// Searches that find more than one which found nothing.
fn wider(query: &EventQuery, search: &Search) -> Vec<Link> {
    let all_time = search.between("", "");
    let mut links = Vec::new();
    if !search.since.is_empty() || !search.until.is_empty() {
        links.push(Link::new("the last 90 days", search.between("-90d", "").href()));
        links.push(Link::new("all time", all_time.href()));
    }
    if query.conjuncts().len() > 1 {
        let without = chips(query, search).into_iter();
        links.extend(without.map(|chip| Link::new(format!("without {}", chip.label), chip.href)));
    } else if query.root.is_some() {
        links.push(Link::new("every event of this time", search.with_text("").href()));
    }
    links
}

/// The same search for others: the link and the commands find the same events next year.
fn copies(app: &App, painter: &Painter, ready: &Ready, log_size: u64) -> Vec<Copy> {
    let (since, until) = ends(ready.window);
    let fixed = Search {
        since: since.clone(),
        until: until.clone(),
        tz: Some(painter.zone.name().to_owned()),
        at: Some(log_size),
        cursor: None,
        ..painter.search.with_text(ready.text.clone())
    };
    let (url, org) = (app.public_url(), &painter.search.org);
    let times = [("since", &since), ("until", &until)].into_iter().filter(|(_, time)| !time.is_empty());
    let (mut flags, mut fields) = (String::new(), String::new());
    for (name, time) in times {
        flags.extend([" --", name, " ", time.as_str()]);
        fields.extend([" --data-urlencode ", name, "=", time.as_str()]);
    }
    let copy = |label: &str, text: String| Copy { label: label.to_owned(), text };
    vec![
        copy("Link, with times and log size fixed", format!("{url}{}", fixed.href())),
        copy("Query", painter.query.to_string()),
        copy("Command line", format!("indelible search {} --org {org}{flags}", quoted(&ready.text))),
        copy(
            "curl",
            format!(
                "curl -sG {url}/api/v1/orgs/{org}/events -H \"Authorization: Bearer $INDELIBLE_TOKEN\" --data-urlencode {}{fields}",
                quoted(&format!("q={}", ready.text))
            ),
        ),
    ]
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The page that says what is wrong, at its place, with what would be right.
fn troubled(mut shown: Explore, problem: &Problem, search: &Search) -> Answer {
    shown.trouble = Some(trouble(problem, search));
    let mut response = page(&shown)?;
    *response.status_mut() = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    Ok(response)
}

pub(super) fn trouble(problem: &Problem, search: &Search) -> Trouble {
    let code = problem.code.name().to_owned();
    let Some(error) = problem.errors.first().filter(|_| problem.code == Code::QueryInvalid) else {
        let again = Search { cursor: None, at: None, ..search.clone() };
        let suggestions = vec![Link::new("Start again from the first page", again.href())];
        let suggestions =
            if search.cursor.is_some() || search.at.is_some() { suggestions } else { Vec::new() };
        return Trouble { said: problem.detail.clone(), code, suggestions, ..Trouble::default() };
    };
    let number = |name: &str| error[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let offset = search.q.floor_char_boundary(number("offset").unwrap_or(0));
    let end = search.q.ceil_char_boundary(offset + number("length").unwrap_or(0));
    let part = |from: usize, to: usize| search.q.get(from..to).unwrap_or_default().to_owned();
    let (before, marked, after) = (part(0, offset), part(offset, end), part(end, search.q.len()));
    let suggestion = |suggestion: &Value| {
        let replacement = suggestion["replacement"].as_str()?;
        let label = format!("{}: {replacement}", suggestion["label"].as_str()?);
        Some(Link::new(label, search.with_text(format!("{before}{replacement}{after}")).href()))
    };
    let suggestions = error["suggestions"].as_array().map(Vec::as_slice).unwrap_or_default();
    Trouble {
        said: error["hint"].as_str().unwrap_or(&problem.detail).to_owned(),
        code,
        suggestions: suggestions.iter().filter_map(suggestion).collect(),
        marked: if marked.is_empty() && !search.q.is_empty() { "…".to_owned() } else { marked },
        before,
        after,
    }
}
