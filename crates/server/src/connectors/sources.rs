//! Sources at work: listeners whose records go the way of every event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use indelible_connect::source::{Intake, Running, Source as Settings, Taken, Tally};
use indelible_control::{Connector, ConnectorRole, Principal};
use indelible_event::{StoredBody, Time, read_event};
use indelible_formats::syslog::Syslog;
use indelible_formats::{Format, json_out};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::read;
use crate::access::Access;
use crate::app::Shared;
use crate::audit::Act;
use crate::intake::answer::Fate;
use crate::intake::prepare::{self, Prepared};
use crate::intake::{self, Source};
use crate::problem::{Code, Problem};

/// Wait before records are offered again when the log does not say how long.
const AGAIN: Duration = Duration::from_secs(1);
/// How often silence is looked for, and a source that could not start is started again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks between two tries to start a source.
const LOOKS_A_TRY: u32 = 15;

/// The sources that are at work, by organization and name.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    slots: Mutex<HashMap<(String, String), Slot>>,
    /// Held over a whole change, so that two of them do not want the same address. Never while others only look.
    changing: Mutex<()>,
}

#[derive(Debug)]
struct Slot {
    running: Result<Running, String>,
    quiet_after: Duration,
    started_ns: i64,
    /// Its silence has been told.
    quiet: bool,
}

/// Settings that were read and found sound, and what they ask for.
pub(crate) fn check(settings: &Value) -> Result<Settings, Problem> {
    let settings: Settings = read(ConnectorRole::Source, settings)?;
    let refuse = |why: String| Problem::new(Code::RequestMalformed, why);
    settings.check().map_err(refuse)?;
    if !settings.zone.is_empty() {
        crate::api::events::check_zone(&settings.zone)?;
    }
    Ok(settings)
}

/// How records of a source are understood.
fn source_of(app: &Shared, connector: &Connector, settings: &Settings) -> Result<Source, Problem> {
    let some = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    let gone = || Problem::new(Code::NotFound, "the organization of the source is gone");
    let org = app.control.org(connector.organization.as_str()).ok_or_else(gone)?;
    let log = app.log_of(&org).ok_or_else(gone)?;
    let principal = Principal::source(&org.id, &connector.name, some(&settings.catalog).as_deref());
    let format: Format =
        settings.format.parse().map_err(|error| Problem::new(Code::RequestMalformed, format!("{error}")))?;
    Ok(Source {
        access: Access { limits: crate::query::of_catalog(principal.catalog()), principal, org, log },
        format,
        zone: some(&settings.zone),
        time_format: None,
        producer: None,
        instance: None,
        first_row: None,
        repeats: Vec::new(),
        idempotency_key: None,
        atomic: false,
        releases: None,
        heard: false,
    })
}

/// The way into one organization's log.
struct Way {
    app: Shared,
    source: Arc<Source>,
}

#[async_trait]
impl Intake for Way {
    async fn take(&self, records: &[Vec<u8>]) -> Result<Taken, Duration> {
        let answer = match intake::take_each(&self.app, &self.source, records.to_vec()).await {
            Ok(answer) => answer,
            Err(problem) => {
                let name = self.source.access.principal.name();
                tracing::warn!(source = name, problem = %problem.detail, "records wait to be stored");
                return Err(problem.retry_after_s.map_or(AGAIN, |s| Duration::from_secs(s.into())));
            }
        };
        let counts = answer.counts();
        let refused = answer.outcomes.iter().filter_map(|outcome| match &outcome.fate {
            Fate::Rejected(problem) => Some(reason(problem)),
            _ => None,
        });
        Ok(Taken {
            stored: counts.stored,
            duplicate: counts.duplicate,
            quarantined: counts.quarantined,
            skipped: counts.skipped,
            refused: refused.collect(),
        })
    }

    fn now_ns(&self) -> i64 {
        self.app.clock.now_ns()
    }
}

/// What would become of a record of a source, event by event.
pub(crate) fn trial(app: &Shared, connector: &Connector, record: Vec<u8>) -> Result<Value, Problem> {
    let settings = check(&connector.settings)?;
    let source = source_of(app, connector, &settings)?;
    let record = match source.format {
        Format::Syslog => record,
        _ => Syslog::read(&record).message.to_vec(),
    };
    let results = prepare::each(app, &source, &[record])?.into_iter().map(|prepared| match prepared {
        Prepared::Ready(ready) => {
            let event = StoredBody::decode(&ready.append.stored).and_then(|body| read_event(&body));
            let mut text = String::new();
            if let Ok(event) = &event {
                json_out::event(&mut text, event);
            }
            json!({
                "status": if ready.quarantine.is_some() { "quarantined" } else { "stored" },
                "event": serde_json::from_str::<Value>(&text).unwrap_or_default(),
                "findings": ready.quarantine.unwrap_or(ready.findings),
            })
        }
        Prepared::Done(outcome) => match outcome.fate {
            Fate::Skipped(rule) => json!({ "status": "skipped", "rule": rule }),
            Fate::Rejected(problem) => json!({
                "status": "rejected", "reason": reason(&problem), "detail": problem.detail,
                "findings": problem.errors,
            }),
            Fate::Stored(_) | Fate::Duplicate(_) | Fate::Quarantined(..) => json!({ "status": "stored" }),
        },
    });
    Ok(json!({ "results": results.collect::<Vec<_>>() }))
}

/// The finding that a record was refused for.
fn reason(problem: &Problem) -> String {
    let finding = problem.errors.first().and_then(|error| error.get("code")).and_then(Value::as_str);
    finding.unwrap_or(problem.code.name()).to_owned()
}

impl Sources {
    /// Puts a source as it is configured now in place of what is at work under its name.
    pub(crate) async fn apply(&self, app: &Shared, connector: &Connector) {
        let _change = self.changing.lock().await;
        self.end(connector).await;
        if connector.paused {
            return;
        }
        let slot = start(app, connector).await;
        if let Err(why) = &slot.running {
            tracing::error!(source = connector.name, why, "a source does not listen");
        }
        self.slots.lock().await.insert(key_of(connector), slot);
    }

    /// Stops what is at work under a source's name, if anything is.
    pub(crate) async fn stop(&self, connector: &Connector) {
        let _change = self.changing.lock().await;
        self.end(connector).await;
    }

    async fn end(&self, connector: &Connector) {
        let slot = self.slots.lock().await.remove(&key_of(connector));
        if let Some(Slot { running: Ok(running), .. }) = slot {
            running.stop().await;
        }
    }

    /// Stops all, so that everything received is durable.
    pub(crate) async fn stop_all(&self) {
        let slots: Vec<Slot> = self.slots.lock().await.drain().map(|(_, slot)| slot).collect();
        for running in slots.into_iter().filter_map(|slot| slot.running.ok()) {
            running.stop().await;
        }
    }

    /// How a source is doing, for people and programs.
    pub(crate) async fn state(&self, connector: &Connector) -> Value {
        let slots = self.slots.lock().await;
        match slots.get(&key_of(connector)) {
            _ if connector.paused => json!({ "state": "paused" }),
            None => json!({ "state": "stopped" }),
            Some(Slot { running: Err(why), .. }) => json!({ "state": "failed", "fault": why }),
            Some(slot @ Slot { running: Ok(running), .. }) => {
                let tally = running.tally();
                json!({
                    "state": if slot.quiet { "quiet" } else { "listening" },
                    "address": running.address().to_string(),
                    "last_seen": tally.seen_ns.map(crate::time_text),
                    "counts": counts(&tally),
                })
            }
        }
    }

    /// Tells of sources that have gone quiet, once for each silence.
    async fn look(&self, app: &Shared) {
        let now = app.clock.now_ns();
        let mut told = Vec::new();
        for ((organization, name), slot) in self.slots.lock().await.iter_mut() {
            let Ok(running) = &slot.running else { continue };
            let last = running.tally().seen_ns;
            let silent = now.saturating_sub(last.unwrap_or(slot.started_ns).max(slot.started_ns));
            let silent = Duration::from_nanos(u64::try_from(silent).unwrap_or(0));
            let quiet = !slot.quiet_after.is_zero() && silent > slot.quiet_after;
            if quiet && !slot.quiet {
                told.push((organization.clone(), name.clone(), last));
            }
            slot.quiet = quiet;
        }
        for (organization, name, last) in told {
            let org = app.control.org(&organization);
            let Some(log) = org.and_then(|org| app.log_of(&org)) else { continue };
            let mut act = Act::new("INTAKE.SILENT").target("source", &name).param("producer", name.as_str());
            if let Some(last) = last {
                act = act.param("last_at", Time::from_unix_nanos(last));
            }
            app.record(log, act);
        }
    }

    /// Tries again to start what could not be started.
    async fn retry(&self, app: &Shared) {
        let failed: Vec<(String, String)> = {
            let slots = self.slots.lock().await;
            slots.iter().filter(|(_, slot)| slot.running.is_err()).map(|(key, _)| key.clone()).collect()
        };
        for connector in app.control.connectors(ConnectorRole::Source, None) {
            if failed.contains(&key_of(&connector)) {
                self.apply(app, &connector).await;
            }
        }
    }
}

fn counts(tally: &Tally) -> Value {
    json!({
        "received": tally.received, "stored": tally.stored, "duplicate": tally.duplicate,
        "quarantined": tally.quarantined, "skipped": tally.skipped, "refused": tally.refused,
        "connections": tally.connections, "waiting": tally.waiting,
    })
}

fn key_of(connector: &Connector) -> (String, String) {
    (connector.organization.to_string(), connector.name.clone())
}

async fn start(app: &Shared, connector: &Connector) -> Slot {
    let started_ns = app.clock.now_ns();
    let settings = match check(&connector.settings) {
        Ok(settings) => settings,
        Err(problem) => {
            let running = Err(problem.detail);
            return Slot { running, quiet_after: Duration::ZERO, started_ns, quiet: false };
        }
    };
    let running = match (source_of(app, connector, &settings), settings.check()) {
        (Ok(source), Ok(from)) => {
            let whole = source.format == Format::Syslog;
            let way = Way { app: Shared::clone(app), source: Arc::new(source) };
            from.start(whole, Arc::new(way)).await
        }
        (Err(problem), _) => Err(problem.detail),
        (_, Err(why)) => Err(why),
    };
    Slot { running, quiet_after: Duration::from_secs(settings.quiet_after_s), started_ns, quiet: false }
}

/// Starts all sources, then looks after them until the service stops.
pub(crate) async fn run(app: Shared) {
    for connector in app.control.connectors(ConnectorRole::Source, None) {
        app.sources.apply(&app, &connector).await;
    }
    let mut stopping = app.stopping.subscribe();
    for look in 1_u32.. {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopping.wait_for(|stop| *stop) => break,
        }
        app.sources.look(&app).await;
        if look % LOOKS_A_TRY == 0 {
            app.sources.retry(&app).await;
        }
    }
    app.sources.stop_all().await;
}
