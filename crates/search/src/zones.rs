//! The earliest and latest time of each block of a log, remembered from earlier scans so that later ones can skip.
//!
//! Derived and in memory only: it starts empty, any scan fills it, and nothing is wrong when it is lost. The past of a log
//! does not change, so an entry stays true; what an erasure takes away can only make a block's interval too wide.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use indelible_query::Instant;

use indelible_store::log_no::LogNo;

/// Events per block: what a page has to read at least, and 40 bytes of memory per so many events.
pub(crate) const BLOCK: u64 = 1024;

/// First and last time of the acts in one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

impl Zone {
    fn of(time: Instant) -> Self {
        Self { first: time, last: time }
    }

    fn widen(&mut self, time: Instant) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// Zones of the blocks of one log, by block number; `None` is not known.
type LogZones = Vec<Option<Zone>>;

/// The zones of all logs.
#[derive(Debug, Default)]
pub(crate) struct Zones(RwLock<HashMap<LogNo, Arc<RwLock<LogZones>>>>);

impl Zones {
    fn of(&self, log: LogNo) -> Arc<RwLock<LogZones>> {
        if let Some(zones) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&log) {
            return Arc::clone(zones);
        }
        Arc::clone(self.0.write().unwrap_or_else(PoisonError::into_inner).entry(log).or_default())
    }

    /// Blocks of a range of events, with what is known of them.
    pub(crate) fn blocks(&self, log: LogNo, range: &Range<u64>) -> Vec<(u64, Option<Zone>)> {
        if range.is_empty() {
            return Vec::new();
        }
        let zones = self.of(log);
        let zones = zones.read().unwrap_or_else(PoisonError::into_inner);
        let known = |block: u64| usize::try_from(block).ok().and_then(|at| zones.get(at).copied().flatten());
        (range.start / BLOCK..range.end.div_ceil(BLOCK)).map(|block| (block, known(block))).collect()
    }

    /// Remembers what a scan found; true when something was new.
    pub(crate) fn learn(&self, log: LogNo, learned: Vec<(u64, Zone)>) -> bool {
        if learned.is_empty() {
            return false;
        }
        let zones = self.of(log);
        let mut zones = zones.write().unwrap_or_else(PoisonError::into_inner);
        for (block, zone) in learned {
            let Ok(at) = usize::try_from(block) else { continue };
            if zones.len() <= at {
                zones.resize(at + 1, None);
            }
            if let Some(entry) = zones.get_mut(at) {
                *entry = Some(zone);
            }
        }
        true
    }
}

/// Collects zones while records of a range pass by in either order.
#[derive(Debug, Default)]
pub(crate) struct Learner {
    done: Vec<(u64, Zone)>,
    current: Option<(u64, Zone, u64)>,
}

impl Learner {
    /// Takes note of one record.
    pub(crate) fn see(&mut self, index: u64, time: Instant) {
        let block = index / BLOCK;
        let (zone, count) = match &mut self.current {
            Some((current, zone, count)) if *current == block => {
                zone.widen(time);
                *count += 1;
                (*zone, *count)
            }
            _ => {
                self.current = Some((block, Zone::of(time), 1));
                (Zone::of(time), 1)
            }
        };
        // Only a block that passed by whole is known.
        if count == BLOCK {
            self.done.push((block, zone));
        }
    }

    pub(crate) fn finish(self) -> Vec<(u64, Zone)> {
        self.done
    }
}
