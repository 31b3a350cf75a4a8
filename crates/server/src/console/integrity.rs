//! Integrity: what is signed, who sends, and which numbers are missing.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use indelible_console::integrity::{Checked, Checkpoint, Integrity, Producer};
use indelible_control::Permission;
use indelible_query::{EventQuery, FieldRef, Instant};
use indelible_store::producers::ProducerInfo;

use super::bundle;
use super::form::Form;
use super::page;
use super::rows::is;
use super::search::Search;
use super::times::Zone;
use super::visit::{Call, Section};
use crate::api::Answer;
use crate::api::log::log_problem;
use crate::app::{Shared, head, size};
use crate::problem::Problem;
use crate::verifying::{self, Verified};

/// Checkpoints that are named; the log's notes have them all.
const CHECKPOINTS: usize = 20;
/// Faults that are named.
const FAULTS: usize = 10;
/// Producers that are named.
const PRODUCERS: usize = 200;
/// Gaps of a producer that are named.
const GAPS: usize = 5;

pub(crate) async fn integrity(call: Call, Path(org): Path<String>) -> Answer {
    let access = call.access(&org, Permission::LogRead)?;
    let (app, log, zone) = (&call.app, access.log, call.zone());
    let org = access.org.id.as_str();
    let worker = Shared::clone(app);
    let (notes, producers, keys) = crate::blocking(move || {
        let store = &worker.store;
        let notes = store.checkpoints(log).map_err(log_problem)?;
        let producers = store.producers(log).map_err(log_problem)?;
        Ok((notes, producers, store.keys(log).map_err(log_problem)?))
    })
    .await?;
    let (size, head) = (size(&app.store, log), head(&app.store, log));
    let signed = |nanos: u64| zone.second(Instant(i128::from(nanos)));
    let key = keys.iter().find(|key| key.state.word() == "active").map(|key| key.vkey.as_str());
    let url = app.public_url();
    let behind = size.saturating_sub(head.as_ref().map_or(0, |head| head.size));
    let mut facts = Vec::new();
    if let Some(head) = &head {
        facts.push(("Signed".to_owned(), signed(head.time_ns)));
        facts.push(("Root".to_owned(), head.root.to_string()));
    }
    facts.push(("Tiles".to_owned(), format!("{url}/log/{org}")));
    let checkpoints = notes.iter().rev().take(CHECKPOINTS).filter_map(|noted| {
        let mut lines = noted.note.lines().skip(1);
        let size = lines.next()?.parse().ok()?;
        Some(Checkpoint { signed: signed(noted.time_ns), size, root: lines.next()?.to_owned() })
    });
    let gaps = producers.iter().map(|producer| producer.gaps.len()).sum();
    page(&Integrity {
        frame: call.frame("Integrity", Section::Integrity, &access.org),
        org: org.to_owned(),
        zone: zone.name().to_owned(),
        origin: access.org.origin.clone(),
        size,
        behind,
        facts,
        keys: keys.iter().map(|key| (key.state.word().to_owned(), key.vkey.clone())).collect(),
        note: head.map(|head| head.note.to_string()),
        verify_url: format!("indelible verify --url {url} --org {org} --vkey '{}'", key.unwrap_or("KEY")),
        verify_data: format!("indelible verify --data {}", data_folder(&call)),
        checked: app.verifying.last().map(|last| checked(&last, org, &zone)),
        bundle: bundle::of_window(org, zone.name()),
        checkpoints: checkpoints.collect(),
        producers: shown(producers, org, &zone)?,
        gaps,
    })
}

/// Recomputes what is stored, records that, and leads back to the page.
pub(crate) async fn verify(call: Call, Path(org): Path<String>, body: Body) -> Answer {
    let access = call.access(&org, Permission::LogRead)?;
    Form::checked(&call, body).await?;
    verifying::verify(&call.app, &access, &call.caller).await?;
    Ok(Redirect::to(&format!("/o/{}/integrity", access.org.id)).into_response())
}

/// What verifying came to for one organization: its own log, and what belongs to none.
fn checked(last: &Verified, org: &str, zone: &Zone) -> Checked {
    let mut faults = last.faults_of(org);
    let more = faults.len().saturating_sub(FAULTS);
    faults.truncate(FAULTS);
    Checked {
        at: zone.second(Instant(i128::from(last.at_ns))),
        events: last.events,
        checkpoints: last.checkpoints,
        faults,
        more,
    }
}

fn data_folder(call: &Call) -> String {
    call.app.config.path("node.data").map_or_else(|| "DIR".to_owned(), |path| path.display().to_string())
}

/// Those with gaps first, then who was seen last.
fn shown(mut producers: Vec<ProducerInfo>, org: &str, zone: &Zone) -> Result<Vec<Producer>, Problem> {
    producers.sort_by_key(|producer| {
        (producer.gaps.is_empty(), std::cmp::Reverse(producer.last_seen_ns), producer.number)
    });
    let field = |name: &str| {
        let missing =
            || Problem::new(crate::problem::Code::Internal, "the table of query fields has no producer");
        FieldRef::named(name).ok_or_else(missing)
    };
    let (name, instance) = (field("producer")?, field("producer.instance")?);
    let row = |producer: &ProducerInfo| {
        let query = EventQuery::default().include(&name, &is(&producer.name));
        let query = query.include(&instance, &is(&producer.instance));
        Producer {
            href: Search::of(org).with(&query).href(),
            name: producer.name.clone(),
            instance: producer.instance.clone(),
            events: producer.events,
            highest: if producer.highest == 0 {
                "not numbered".to_owned()
            } else {
                producer.highest.to_string()
            },
            seen: zone.second(Instant(i128::from(producer.last_seen_ns))),
            gaps: missing(&producer.gaps),
        }
    };
    Ok(producers.iter().take(PRODUCERS).map(row).collect())
}

fn missing(gaps: &[(u64, u64)]) -> String {
    let stretch = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    let named: Vec<String> = gaps.iter().take(GAPS).map(stretch).collect();
    match gaps.len().saturating_sub(GAPS) {
        0 => named.join(", "),
        more => format!("{} and {more} more stretches", named.join(", ")),
    }
}
