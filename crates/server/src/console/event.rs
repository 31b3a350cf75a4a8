//! One event: its fields in the catalog's words, what belongs together with it, and the proof that it is in the log.

use std::time::Duration;

use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible_console::event::{EventPage, Proof};
use indelible_control::Permission;
use indelible_event::{Event, Field, Leaf};
use indelible_query::{EventQuery, Instant};
use indelible_store::log_no::LogNo;

use super::rows::Painter;
use super::search::Search;
use super::visit::{Call, Section};
use super::{beside, bundle, event_fields, page};
use crate::access::Access;
use crate::api::event::{Made, find, make_proof, record};
use crate::api::{Answer, log};
use crate::app::{App, Shared, head};
use crate::audit::Act;
use crate::event_json::{self, Shown};
use crate::problem::{Code, Problem};

/// Longest wait for a checkpoint that covers a new event: one is made every half second.
const PROOF_WAIT: Duration = Duration::from_millis(700);

pub(crate) async fn event(call: Call, Path((org, id)): Path<(String, String)>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    let index = position(&call, &access, &id).await?;
    let stored = record(&call.app, &access, index).await?;
    let leaf = Leaf::decode(&stored.leaf).map_err(|error| Problem::internal(&error))?;
    let (event, erased) =
        event_json::read(&leaf, &stored.stored).map_err(|error| Problem::internal(&error))?;
    let act = Act::new("EVENT.READ").by(&access.principal).from(&call.caller);
    call.app.record(access.log, act.target("event", &leaf.id.to_string()));
    let painter = Painter {
        catalogs: call.app.catalogs(),
        zone: call.zone(),
        search: Search::of(access.org.id.as_str()),
        query: EventQuery::default(),
    };
    let organization = access.org.id.as_str();
    let shown = Shown { organization, index, leaf: &stored.leaf, event: &event, erased: &erased, raw: false };
    let proof = proof_of(&call, &access, index, &painter).await?;
    let asked = beside::Asked::read(&call.uri)?;
    let around = beside::around(&call, &access, &asked, (index, &leaf, &event), &painter).await?;
    let (readers, readers_href) = beside::readers(&call, &access, &leaf, &painter).await?;
    let sentence = event_json::sentence(&painter.catalogs, &event);
    let at = painter.stamp(&event, &leaf);
    let text = |field: Field| event.text(field).unwrap_or_default().to_owned();
    let (raw, raw_format) = event_fields::raw(&event);
    page(&EventPage {
        frame: call.frame(&sentence, Section::Explore, &access.org),
        zone: painter.zone.name().to_owned(),
        explore: near(&painter, &event, &leaf).href(),
        at,
        crude: text(Field::Crude),
        outcome: text(Field::Outcome),
        flags: event.flags().map(str::to_owned).collect(),
        index,
        changes: event_fields::changes(&event),
        groups: event_fields::groups(&event, &painter),
        around,
        around_choices: asked.choices(&event, &painter.href(index)),
        readers,
        readers_href,
        json: pretty(&painter, &shown),
        raw,
        raw_format,
        proof,
        bundle: bundle::form(&painter.search.with_text(format!("index:{index}")), painter.zone.name()),
        related: event_fields::related(&event, &leaf, &painter, call.text()),
        record: event_fields::record(&event, &leaf, index, &painter),
        sentence,
    })
}

/// The position that an address names: a number, or an event's id.
async fn position(call: &Call, access: &Access, id: &str) -> Result<u64, Problem> {
    match id.parse::<u64>() {
        Ok(index) => Ok(index),
        Err(_) => find(&call.app, access, id, None).await,
    }
}

/// Everything within a quarter of an hour.
fn near(painter: &Painter, event: &Event, leaf: &Leaf) -> Search {
    const QUARTER: i128 = 900 * 1_000_000_000;
    let at = super::rows::occurred(event, leaf);
    let (since, until) = painter.zone.window(Instant(at.0 - QUARTER), Instant(at.0 + QUARTER));
    painter.search.between(since, until)
}

fn pretty(painter: &Painter, shown: &Shown<'_>) -> String {
    let mut out = String::with_capacity(1024);
    event_json::write(&mut out, &painter.catalogs, shown);
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(&out);
    parsed.ok().and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or(out)
}

async fn proof_of(
    call: &Call,
    access: &Access,
    index: u64,
    painter: &Painter,
) -> Result<Option<Proof>, Problem> {
    if !is_covered(&call.app, access.log, index).await {
        return Ok(None);
    }
    let made = made(&call.app, access.log, index).await?;
    let signed = head(&call.app.store, access.log).map(|head| i128::from(head.time_ns));
    let keys = call.app.store.keys(access.log).map_err(log::log_problem)?;
    let key = keys.iter().find(|key| key.state.word() == "active").map(|key| key.vkey.clone());
    Ok(Some(shown(
        &made,
        index,
        (&access.org.id.to_string(), key.unwrap_or_default()),
        |zone| signed.map_or_else(String::new, |at| zone.zone.second(Instant(at))),
        painter,
    )))
}

async fn is_covered(app: &App, log: LogNo, index: u64) -> bool {
    let covered = || head(&app.store, log).is_some_and(|head| head.size > index);
    app.wait_for(&app.heads, PROOF_WAIT, covered).await
}

async fn made(app: &Shared, log: LogNo, index: u64) -> Result<Made, Problem> {
    let worker = Shared::clone(app);
    crate::blocking(move || make_proof(&worker, log, index, "all")).await
}

fn shown(
    made: &Made,
    index: u64,
    (org, key): (&str, String),
    signed: impl FnOnce(&Painter) -> String,
    painter: &Painter,
) -> Proof {
    let mut lines = made.note.lines();
    let origin = lines.next().unwrap_or_default().to_owned();
    let size = lines.next().and_then(|size| size.parse().ok()).unwrap_or(0);
    let root = lines.next().unwrap_or_default().to_owned();
    let path: Vec<String> = made.file.path.iter().map(ToString::to_string).collect();
    Proof {
        origin,
        leaf_hash: indelible_tlog::tree::leaf_hash(&made.leaf).to_string(),
        leaf: STANDARD.encode(made.leaf),
        items: STANDARD.encode(&made.disclosure),
        size,
        signed: signed(painter),
        root,
        path_line: path.join(" "),
        path,
        note: made.note.clone(),
        command: format!("indelible verify {index}.tlog-proof --vkey '{key}'"),
        key,
        href: format!("/o/{org}/e/{index}/proof"),
    }
}

pub(crate) async fn proof(call: Call, Path((org, id)): Path<(String, String)>) -> Answer {
    let access = call.access(&org, Permission::EventsRead)?;
    let index = position(&call, &access, &id).await?;
    // Whether there is such an event comes before whether it is signed.
    record(&call.app, &access, index).await?;
    if !is_covered(&call.app, access.log, index).await {
        let detail = format!("no checkpoint covers index {index} yet; ask again in a second");
        return Err(Problem::new(Code::NotFound, detail).retry_after(1));
    }
    let made = made(&call.app, access.log, index).await?;
    let act = Act::new("EVENT.READ").by(&access.principal).from(&call.caller);
    call.app.record(access.log, act.target("event", &made.id));
    let kind = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{index}.tlog-proof\"")),
    ];
    Ok((kind, made.file.to_string()).into_response())
}
