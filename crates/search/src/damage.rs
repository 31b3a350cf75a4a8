//! Events that cannot be read because their file is damaged. A search goes on without them and says so.
//!
//! What turns out to be damaged is left out from then on: the search that met it begins again, so that no half of a block is
//! in its answer, and later ones do not try. It is forgotten with the process; a repaired file is read again.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use indelible_segment::error::SegmentError;
use indelible_segment::read::BlockEntry;
use indelible_store::log_no::LogNo;
use indelible_store::part::Part;

/// Damaged blocks of a segment after which it is left out as a whole: what all blocks need is damaged.
const MAX_BLOCKS: usize = 8;

/// Events that an answer may lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// Their log.
    pub log: LogNo,
    /// Index of the first.
    pub first: u64,
    /// Index of the last.
    pub last: u64,
    /// The damaged file.
    pub file: PathBuf,
    /// What is wrong with it, and where.
    pub what: String,
}

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { log, first, last, file, what } = self;
        write!(f, "events {first} to {last} of log {log} cannot be read: {what} ({})", file.display())
    }
}

/// Damage that a search met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Number of the segment, and all its events of the log.
    part: (u64, Range<u64>),
    /// What cannot be read.
    pub(crate) events: Incomplete,
}

impl Met {
    /// Damage of one block, or of a whole part.
    pub(crate) fn new(part: &Part, block: Option<&BlockEntry>, error: SegmentError) -> Self {
        let range = part.range();
        let (first, end) = block
            .map_or((range.start, range.end), |block| (block.first, block.first + u64::from(block.rows)));
        let (log, file, what) = (part.log(), part.path().to_path_buf(), error.to_string());
        let events = Incomplete { log, first, last: end.saturating_sub(1), file, what };
        Self { part: (part.number(), range), events }
    }
}

/// What is left out, by segment.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Mutex<HashMap<(u64, LogNo), BTreeMap<u64, Incomplete>>>);

impl LeftOut {
    /// Leaves it out from now on; false when it was left out already.
    pub(crate) fn add(&self, met: &Met) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_part = all.entry((met.part.0, met.events.log)).or_default();
        if of_part.values().any(|known| known.first <= met.events.first && met.events.last <= known.last) {
            return false;
        }
        if of_part.len() < MAX_BLOCKS {
            of_part.insert(met.events.first, met.events.clone());
        } else {
            let (first, last) = (met.part.1.start, met.part.1.end.saturating_sub(1));
            *of_part = BTreeMap::from([(first, Incomplete { first, last, ..met.events.clone() })]);
        }
        true
    }

    /// What is left out of a part.
    pub(crate) fn of(&self, part: &Part) -> Vec<Incomplete> {
        let range = part.range();
        if let Some(what) = part.broken() {
            let (log, file, what) = (part.log(), part.path().to_path_buf(), what.to_owned());
            let last = range.end.saturating_sub(1);
            return vec![Incomplete { log, first: range.start, last, file, what }];
        }
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(part.number(), part.log()))
            .map(|of_part| of_part.values().cloned().collect())
            .unwrap_or_default()
    }

    /// Whether anything is left out of any part.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
