//! Numbers that producers left out: a hole that is still there a minute after it was first seen becomes an event
//! INTAKE.GAP. Requests may arrive out of order, so a younger hole says nothing.

use std::collections::{HashMap, HashSet};

use indelible_store::log_no::LogNo;

use crate::app::Shared;
use crate::audit::Act;

/// Most gaps that are followed; a node with more has a problem that the first ones tell of.
const MAX_FOLLOWED: usize = 10_000;

type Gap = (LogNo, u64, (u64, u64));

/// Gaps seen so far.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    seen: HashSet<Gap>,
    recorded: HashSet<Gap>,
}

impl Gaps {
    /// Records the gaps that were there the last time and still are.
    pub(crate) async fn record(&mut self, app: &Shared) {
        let mut names = HashMap::new();
        let mut now = HashSet::new();
        for org in app.control.orgs() {
            let Some(log) = app.log_of(&org) else { continue };
            for producer in app.store.producers(log).unwrap_or_default() {
                let gaps = producer.gaps.iter().map(|gap| (log, producer.number, *gap));
                now.extend(gaps.take(MAX_FOLLOWED.saturating_sub(now.len())));
                names.insert((log, producer.number), (producer.name, producer.instance));
            }
        }
        self.recorded.retain(|gap| now.contains(gap));
        for gap in now.iter().filter(|gap| self.seen.contains(*gap)) {
            if !self.recorded.insert(*gap) {
                continue;
            }
            let (log, number, (first, last)) = *gap;
            let Some((name, instance)) = names.get(&(log, number)) else { continue };
            let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let act = Act::new("INTAKE.GAP")
                .target("producer", name)
                .param("producer", name.as_str())
                .param("instance", instance.as_str())
                .param("count", signed(last - first + 1))
                .param("first_seq", signed(first))
                .param("last_seq", signed(last));
            if let Err(problem) = app.record_and_wait(log, act).await {
                tracing::error!(problem = %problem.detail, "a gap was not recorded");
            }
        }
        self.seen = now;
    }
}
