//! What was refused or skipped, summed per organization and producer, so that even refusals are on record:
//! once a minute each sum becomes one event INTAKE.REJECT or INTAKE.SKIP.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indelible_event::{Time, Value};
use indelible_store::log_no::LogNo;

use crate::app::Shared;
use crate::audit::Act;

/// Most sums kept between two minutes; what comes beyond goes to one sum without a producer's name.
const MAX_SUMS: usize = 1_000;

/// What was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Refused, the sender was told.
    Reject,
    /// Left out by a rule.
    Skip,
}

#[derive(Debug, Default)]
struct Sum {
    count: u64,
    reasons: BTreeMap<String, u64>,
    /// Lowest and highest row or sequence number among them.
    numbers: Option<(u64, u64)>,
    first_ns: i64,
    last_ns: i64,
}

/// Which sum something belongs to.
pub(crate) type Key = (LogNo, Kind, String);

/// The sums of this minute.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<Key, Sum>>);

impl Refusals {
    /// Adds one; `number` is the producer's sequence number, if it numbers.
    pub(crate) fn add(&self, key: Key, reason: &str, number: Option<u64>, now_ns: i64) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = sums.len() >= MAX_SUMS && !sums.contains_key(&key);
        let sum = sums.entry(if full { (key.0, key.1, String::new()) } else { key }).or_default();
        if sum.count == 0 {
            sum.first_ns = now_ns;
        }
        sum.count += 1;
        sum.last_ns = now_ns;
        *sum.reasons.entry(reason.to_owned()).or_default() += 1;
        if let Some(number) = number {
            let (first, last) = sum.numbers.unwrap_or((number, number));
            sum.numbers = Some((first.min(number), last.max(number)));
        }
    }
}

/// Records the sums so far, and waits until they are durable.
pub(crate) async fn flush(app: &Shared) {
    let sums = std::mem::take(&mut *app.refusals.0.lock().unwrap_or_else(PoisonError::into_inner));
    for ((log, kind, producer), sum) in sums {
        let code = match kind {
            Kind::Reject => "INTAKE.REJECT",
            Kind::Skip => "INTAKE.SKIP",
        };
        let mut reasons: Vec<(&String, &u64)> = sum.reasons.iter().collect();
        // The most frequent first; the map gives equal ones by name.
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons = reasons.into_iter().map(|(reason, count)| format!("{reason} {count}"));
        let (name, reasons) = match kind {
            Kind::Reject => ("findings", Value::List(reasons.map(Value::Text).collect())),
            Kind::Skip => ("rule", Value::Text(reasons.collect::<Vec<_>>().join(", "))),
        };
        let mut act = Act::new(code)
            .target("producer", &producer)
            .param("producer", producer.as_str())
            .param("count", i64::try_from(sum.count).unwrap_or(i64::MAX))
            .param(name, reasons)
            .param("first_at", Time::from_unix_nanos(sum.first_ns))
            .param("last_at", Time::from_unix_nanos(sum.last_ns));
        if let Some((first, last)) = sum.numbers {
            for (name, number) in [("first_seq", first), ("last_seq", last)] {
                act = act.param(name, i64::try_from(number).unwrap_or(i64::MAX));
            }
        }
        if let Err(problem) = app.record_and_wait(log, act).await {
            tracing::error!(problem = %problem.detail, "a sum of refusals was not recorded");
        }
    }
}
