//! From a request's bytes to events in the log: decode, read, judge, seal, append, answer.
//!
//! Nothing vanishes here: every record of a request ends as stored, duplicate, quarantined, skipped by a rule, or
//! rejected with the place, the rule and the remedy. The work up to the append runs on a thread of its own for
//! large requests, so that a batch never holds up the others' answers.

pub(crate) mod answer;
pub(crate) mod gaps;
pub(crate) mod judge;
pub(crate) mod native;
pub(crate) mod policy;
pub(crate) mod prepare;
pub(crate) mod refusals;

use std::sync::Arc;

use bytes::Bytes;
use indelible_event::{Event, EventId, Flag};
use indelible_formats::Format;
use indelible_store::append::{Append, Appended};
use indelible_store::error::AppendError;
use indelible_store::log_no::LogNo;
use serde_json::json;
use tokio::sync::oneshot;

use crate::access::Access;
use crate::app::{App, Shared, head};
use crate::limits::MAX_BATCH_EVENTS;
use crate::problem::{Code, Problem};
use answer::{Answer, Fate, Outcome};
use prepare::{Prepared, Ready};

/// Requests up to this size are read where they arrived; moving them to another thread would cost more.
const INLINE_BYTES: usize = 16 * 1024;

/// How a request's records are to be understood.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) access: Access,
    pub(crate) format: Format,
    /// Zone of times that carry none.
    pub(crate) zone: Option<String>,
    /// strptime format of times.
    pub(crate) time_format: Option<String>,
    /// Producer of records that name none.
    pub(crate) producer: Option<String>,
    pub(crate) instance: Option<String>,
    /// Number of the first row in its file: the request is part of an import.
    pub(crate) first_row: Option<u64>,
    /// Rows of this request that stood in the file before, with how often.
    pub(crate) repeats: Vec<(u64, u64)>,
    /// Sent with the request; names events that have no name of their own.
    pub(crate) idempotency_key: Option<String>,
    pub(crate) atomic: bool,
    /// The quarantined event that this request's event stands for.
    pub(crate) releases: Option<EventId>,
    /// The sender reads our answer; a file or a syslog sender does not.
    pub(crate) heard: bool,
}

/// Takes a request's events.
pub(crate) async fn take(app: &Shared, source: Source, body: Bytes) -> Result<Answer, Problem> {
    let started = app.clock.boot_ns();
    let source = Arc::new(source);
    let prepared = if body.len() <= INLINE_BYTES {
        prepare::all(app, &source, &body)?
    } else {
        let (app, source) = (Shared::clone(app), Arc::clone(&source));
        crate::blocking(move || prepare::all(&app, &source, &body)).await?
    };
    counted(app, &source, prepared, started).await
}

/// Takes records that came one by one, each a body of its own.
pub(crate) async fn take_each(
    app: &Shared,
    source: &Arc<Source>,
    records: Vec<Vec<u8>>,
) -> Result<Answer, Problem> {
    let started = app.clock.boot_ns();
    let (worker, same) = (Shared::clone(app), Arc::clone(source));
    let prepared = crate::blocking(move || prepare::each(&worker, &same, &records)).await?;
    counted(app, source, prepared, started).await
}

async fn counted(
    app: &Shared,
    source: &Source,
    prepared: Vec<Prepared>,
    started: i64,
) -> Result<Answer, Problem> {
    let answer = commit(app, source, prepared).await?;
    app.metrics.intake_seconds.observe_ns(app.clock.boot_ns() - started);
    let counts = answer.counts();
    let results = [
        ("stored", counts.stored),
        ("duplicate", counts.duplicate),
        ("quarantined", counts.quarantined),
        ("rejected", counts.rejected),
        ("skipped", counts.skipped),
    ];
    for (result, count) in results {
        app.metrics.events.add(result, count);
    }
    Ok(answer)
}

/// Appends what is ready and joins the outcomes with what was refused before.
async fn commit(app: &Shared, source: &Source, prepared: Vec<Prepared>) -> Result<Answer, Problem> {
    let refused =
        prepared.iter().any(|one| matches!(one, Prepared::Done(Outcome { fate: Fate::Rejected(_), .. })));
    let mut appends = Vec::with_capacity(prepared.len());
    let mut kept = Vec::with_capacity(prepared.len());
    for one in prepared {
        kept.push(match one {
            Prepared::Ready(ready) => {
                let Ready { append, flags, findings, quarantine, named_by_request } = *ready;
                appends.push(append);
                Err((flags, findings, quarantine, named_by_request))
            }
            Prepared::Done(outcome) => Ok(outcome),
        });
    }
    let appended = if appends.is_empty() {
        Vec::new()
    } else if source.atomic && refused {
        vec![Appended::NotStored; appends.len()]
    } else {
        append(app, appends, source.atomic).await.map_err(unavailable)?
    };
    let mut appended = appended.into_iter();
    let outcomes = kept.into_iter().map(|one| match one {
        Ok(outcome) => outcome,
        Err((flags, findings, quarantine, named_by_request)) => {
            let appended = appended.next().expect("the store answers every append");
            let fate = match fate(appended, quarantine) {
                Fate::Rejected(problem) if named_by_request && problem.code == Code::EventIdConflict => {
                    Fate::Rejected(key_reused())
                }
                fate => fate,
            };
            Outcome { fate, flags, findings }
        }
    });
    let outcomes: Vec<Outcome> = outcomes.collect();
    note_refusals(app, source, &outcomes);
    let head = head(&app.store, source.access.log);
    Ok(Answer {
        organization: source.access.org.id.to_string(),
        outcomes,
        checkpoint: head.map(|head| (head.size, head.note.to_string())),
        checkpoint_within_ms: u64::try_from(app.config.duration("checkpoint.interval").as_millis())
            .unwrap_or(1_000),
    })
}

fn fate(appended: Appended, quarantine: Option<Vec<serde_json::Value>>) -> Fate {
    let conflict = |code, detail: String| Fate::Rejected(Problem::new(code, detail));
    match (appended, quarantine) {
        (Appended::Stored(place), Some(errors)) => Fate::Quarantined(place, errors),
        (Appended::Stored(place), None) => Fate::Stored(place),
        (Appended::Duplicate(place), _) => Fate::Duplicate(place),
        (Appended::KeyConflict { index }, _) => conflict(
            Code::EventIdConflict,
            format!("the same source_id was used for the event at index {index}, with other content"),
        ),
        (Appended::SequenceConflict { sequence, index }, _) => conflict(
            Code::SequenceConflict,
            format!(
                "the producer's number {sequence} was used for the event at index {index}, with other content; a copied program needs an instance of its own"
            ),
        ),
        (Appended::TooManyGaps { missing }, _) => conflict(
            Code::SequenceConflict,
            format!(
                "too many of the producer's numbers are missing, the first is {missing}; send those first"
            ),
        ),
        (Appended::NotStored, _) => conflict(
            Code::EventInvalid,
            "another event of the request was refused and the request asked for all or none".to_owned(),
        ),
    }
}

fn key_reused() -> Problem {
    let detail = "the Idempotency-Key was sent before with other content; a new request needs a new key";
    Problem::new(Code::IdempotencyKeyReused, detail)
}

/// Appends and waits for the commit.
pub(crate) async fn append(
    app: &App,
    appends: Vec<Append>,
    atomic: bool,
) -> Result<Vec<Appended>, AppendError> {
    let (told, answer) = oneshot::channel();
    // A receiver that went away is a client that went away: its events stay stored.
    app.store.append(appends, atomic, Box::new(move |result| drop(told.send(result))));
    answer.await.unwrap_or(Err(AppendError::Closing))
}

/// Why nothing of a request was stored, as a problem.
pub(crate) fn unavailable(error: AppendError) -> Problem {
    let seconds = |ms: u64| u32::try_from(ms.div_ceil(1_000)).unwrap_or(60).max(1);
    let code = match &error {
        AppendError::Overloaded { retry_after_ms } => {
            return Problem::new(Code::Overloaded, error.to_string()).retry_after(seconds(*retry_after_ms));
        }
        AppendError::DiskFull { retry_after_ms } => {
            return Problem::new(Code::LogUnavailable, error.to_string())
                .retry_after(seconds(*retry_after_ms));
        }
        AppendError::TooLarge { .. } => Code::BatchTooLarge,
        AppendError::UnknownLog(_) => Code::Internal,
        AppendError::Frozen(_)
        | AppendError::Unreadable { .. }
        | AppendError::ClockJump { .. }
        | AppendError::Closing
        | AppendError::OutcomeUnknown => Code::LogUnavailable,
    };
    let problem = Problem::new(code, error.to_string());
    if code == Code::LogUnavailable { problem.retry_after(5) } else { problem }
}

/// Sums what was not stored, for the record of refusals.
fn note_refusals(app: &App, source: &Source, outcomes: &[Outcome]) {
    let now = app.clock.now_ns();
    let producer = source.producer_name();
    for (at, outcome) in outcomes.iter().enumerate() {
        let number = source.first_row.map(|first| first + at as u64);
        let (kind, reason) = match &outcome.fate {
            Fate::Rejected(problem) => (refusals::Kind::Reject, problem.code.name()),
            Fate::Skipped(rule) => (refusals::Kind::Skip, rule.as_str()),
            Fate::Stored(_) | Fate::Duplicate(_) | Fate::Quarantined(..) => continue,
        };
        app.refusals.add((source.access.log, kind, producer.clone()), reason, number, now);
    }
}

impl Source {
    /// The producer of events that name none: said with the request, else bound to the key, else the key itself.
    pub(crate) fn producer_name(&self) -> String {
        let principal = &self.access.principal;
        let said = self.producer.as_deref().or(principal.producer());
        said.map_or_else(|| format!("key-{}", principal.id()), str::to_owned)
    }

    /// Whether the records are history from a file, not witnessed when they happened.
    pub(crate) fn is_import(&self) -> bool {
        self.first_row.is_some()
    }

    /// Refuses more records than a request may hold.
    pub(crate) fn too_many() -> Problem {
        let detail = format!("the request holds more than {MAX_BATCH_EVENTS} events; send smaller batches");
        Problem::new(Code::BatchTooLarge, detail)
    }
}

/// Where an own event goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) log: LogNo,
}

/// Records an own event and waits until it is durable.
pub(crate) async fn record_own(app: &App, origin: Origin, mut event: Event) -> Result<u64, Problem> {
    let catalogs = app.catalogs();
    let catalog = catalogs.get("indelible").ok_or_else(|| {
        Problem::new(Code::Internal, "the built-in catalog indelible is not loaded; no act can be recorded")
    })?;
    let findings = catalog.resolve(&mut event, &indelible_catalog::resolve::SentHints::default());
    for finding in &findings {
        event.flag(finding.id.as_str());
    }
    let own = app.own_producer(origin.log)?;
    let number = own.next();
    let sealed = prepare::seal(app, origin.log, &event)?;
    let append = Append {
        flags: Flag::Own as u8,
        producer: Some(Arc::clone(&own.producer)),
        sequence: number,
        ..sealed
    };
    match append_one(app, append).await {
        Ok(Appended::Stored(place)) => Ok(place.index),
        Ok(other) => {
            own.give_back(number);
            Err(Problem::new(
                Code::Internal,
                format!("an own event was answered with {}", json!(format!("{other:?}"))),
            ))
        }
        Err(error) => {
            own.give_back(number);
            Err(unavailable(error))
        }
    }
}

async fn append_one(app: &App, one: Append) -> Result<Appended, AppendError> {
    append(app, vec![one], true).await?.into_iter().next().ok_or(AppendError::Closing)
}
