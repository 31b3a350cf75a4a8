//! What one search may cost: time, bytes read, and somebody who still waits for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::damage::Incomplete;

/// Records between two looks at the clock: about as many as are read in the time the look is allowed to be late.
const RECORDS_PER_LOOK: u64 = 256;

/// Stretches of damaged events that an answer names.
const MAX_INCOMPLETE: usize = 100;

/// The limits of one search, shared by its threads.
pub struct Budget<'a> {
    /// Time since the search began.
    elapsed: &'a (dyn Fn() -> Duration + Sync),
    time: Duration,
    bytes: u64,
    cancelled: &'a AtomicBool,
    read_bytes: AtomicU64,
    read_records: AtomicU64,
    ended: AtomicBool,
    incomplete: Mutex<Vec<Incomplete>>,
}

impl std::fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").field("time", &self.time).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<'a> Budget<'a> {
    /// At most `time` by the given clock and `bytes` of stored bodies, and only until `cancelled` is set.
    pub fn new(
        elapsed: &'a (dyn Fn() -> Duration + Sync),
        time: Duration,
        bytes: u64,
        cancelled: &'a AtomicBool,
    ) -> Self {
        let (read_bytes, read_records) = (AtomicU64::new(0), AtomicU64::new(0));
        let (ended, incomplete) = (AtomicBool::new(false), Mutex::default());
        Self { elapsed, time, bytes, cancelled, read_bytes, read_records, ended, incomplete }
    }

    /// Events that what was searched under this budget may lack, because their files are damaged.
    pub fn incomplete(&self) -> Vec<Incomplete> {
        self.incomplete.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes events down that are left out.
    pub(crate) fn lacks(&self, events: Incomplete) {
        let mut all = self.incomplete.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_INCOMPLETE && !all.contains(&events) {
            all.push(events);
        }
    }

    /// Records read so far.
    pub fn records(&self) -> u64 {
        self.read_records.load(Ordering::Relaxed)
    }

    /// Bytes of stored bodies read so far.
    pub fn bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Time and bytes of stored bodies that are allowed.
    pub fn limits(&self) -> (Duration, u64) {
        (self.time, self.bytes)
    }

    /// Counts one record; false when the search has to end.
    pub(crate) fn spend(&self, bytes: usize) -> bool {
        let read = self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let records = self.read_records.fetch_add(1, Ordering::Relaxed);
        let look = records % RECORDS_PER_LOOK == RECORDS_PER_LOOK - 1;
        if read >= self.bytes || (look && (self.is_cancelled() || (self.elapsed)() >= self.time)) {
            self.ended.store(true, Ordering::Relaxed);
        }
        !self.has_ended()
    }

    /// Looks at the clock and at who waits, between two blocks; false when the search has to end.
    pub(crate) fn goes_on(&self) -> bool {
        if self.is_cancelled() || (self.elapsed)() >= self.time {
            self.ended.store(true, Ordering::Relaxed);
        }
        !self.has_ended()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
