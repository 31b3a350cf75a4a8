//! The merging thread: makes few large segments of many small ones, so that a search opens few files.
//!
//! Nothing waits for it and it waits for everything: it stands back while a seal is due, while the disk is nearly full, and
//! gives up at once when the store closes. The order is its safety: new segments written under temporary names, synced, read
//! back and compared with their sources; then one small file that says what replaces what, which is the decision; names;
//! readers; and only then are the old files removed. A source that cannot be read is left as it is.
//!
//! `plan` chooses, `merge` writes and compares, `journal` is the decision.

pub(crate) mod journal;
mod merge;
mod plan;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::StoreError;
use crate::log_no::LogNo;
use crate::sealed::{Sealed, Segment};
use crate::shared::Shared;
use crate::snapshot;
use journal::Journal;
use merge::Unmerged;
use plan::{Eligible, Limits, Plan, Size};

/// How long merging waits before it looks again at a full disk: it is in no hurry.
const FULL_RETRY: Duration = Duration::from_secs(10);
/// Space that merging leaves free beside its new files, in WAL files: commits and seals come first.
const SPARE_FILES: u64 = 3;
/// Small segments from which merging no longer stands back: searches open each of them.
const STAND_BACK_SEGMENTS: u64 = 64;

/// What became of segments since the store was opened, and what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Merging {
    /// Segment files in use.
    pub segments: u64,
    /// Those of them that are small enough to be merged.
    pub small: u64,
    /// Bytes in them all.
    pub bytes: u64,
    /// Merges done.
    pub merges: u64,
    /// Segments that they replaced.
    pub replaced: u64,
    /// Events that they wrote again.
    pub events: u64,
    /// Segments of the merge at hand; 0 when there is none.
    pub at_hand: u64,
    /// Whether merging waits for space on the disk.
    pub waits_for_space: bool,
    /// Segments that could not be read or merged and are left as they are.
    pub left_alone: u64,
}

/// Wakes and stops the merging thread, and knows how far it is.
#[derive(Debug, Default)]
pub(crate) struct Compaction {
    state: Mutex<State>,
    changed: Condvar,
    closing: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Times that somebody asked for a look.
    asked: u64,
    /// Of them, those before segments were counted: every seal asks once.
    counted: u64,
    /// Looks that found nothing to do, by the number of what was asked then.
    settled: u64,
    stopped: bool,
    merging: Merging,
}

impl Compaction {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread look at the segments.
    pub(crate) fn wake(&self) {
        self.lock().asked += 1;
        self.changed.notify_all();
    }

    /// Ends the thread where it is; everything can be done again.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Waits until nothing is left to merge; false when the store closes, or the disk is full.
    pub(crate) fn settle(&self) -> bool {
        let mut state = self.lock();
        state.asked += 1;
        let asked = state.asked;
        self.changed.notify_all();
        while state.settled < asked && !state.stopped && !state.merging.waits_for_space {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.settled >= asked
    }

    pub(crate) fn merging(&self) -> Merging {
        self.lock().merging
    }

    /// Whether a merge may go on; stands back while a seal is due, unless there are so many segments that searches suffer.
    pub(crate) fn goes_on(&self, shared: &Shared) -> bool {
        let ends = || self.closing.load(Ordering::Acquire) || shared.has_failed();
        shared.backlog.wait_while_due(&|| ends() || self.is_urgent());
        !ends()
    }

    fn is_urgent(&self) -> bool {
        let state = self.lock();
        state.merging.small + (state.asked - state.counted) > STAND_BACK_SEGMENTS
    }

    fn update(&self, change: impl FnOnce(&mut Merging)) {
        change(&mut self.lock().merging);
        self.changed.notify_all();
    }

    /// Waits until somebody asks; false when the store closes.
    fn wait(&self, seen: u64) -> bool {
        let mut state = self.lock();
        state.settled = state.settled.max(seen);
        self.changed.notify_all();
        while state.asked <= seen && !self.closing.load(Ordering::Acquire) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !self.closing.load(Ordering::Acquire)
    }

    /// Waits for space, or until somebody asks; false when the store closes.
    fn wait_for_space(&self, seen: u64) -> bool {
        let mut state = self.lock();
        state.merging.waits_for_space = true;
        self.changed.notify_all();
        let waiting = |state: &mut State| state.asked <= seen && !self.closing.load(Ordering::Acquire);
        let waited = self.changed.wait_timeout_while(state, FULL_RETRY, waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.merging.waits_for_space = false;
        !self.closing.load(Ordering::Acquire)
    }
}

/// The merging thread.
#[derive(Debug)]
pub(crate) struct Compactor {
    shared: Arc<Shared>,
    /// Numbers of segments that could not be merged.
    bad: HashSet<u64>,
}

impl Compactor {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, bad: HashSet::new() }
    }

    /// Works until it is closed, or the disk fails.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while self.round(&shared) {}
        let mut state = shared.compaction.lock();
        state.stopped = true;
        drop(state);
        shared.compaction.changed.notify_all();
    }

    /// One merge, or a wait for something to merge; false at the end.
    fn round(&mut self, shared: &Arc<Shared>) -> bool {
        let control = &shared.compaction;
        if !control.goes_on(shared) {
            return false;
        }
        let seen = control.lock().asked;
        let plan = match self.next() {
            Ok(Some(plan)) => plan,
            Ok(None) => return control.wait(seen),
            Err(error) => return fail(shared, error),
        };
        let bytes = plan.sources.iter().map(|source| source.index.covered).sum::<u64>();
        let spare = SPARE_FILES * shared.options.wal_file_bytes;
        let merged = match shared.disk.free_bytes(&shared.dir) {
            Ok(free) if free < bytes.saturating_add(spare) => {
                Err(Unmerged::Full(StoreError::io("merge segments in", &shared.dir)(
                    io::ErrorKind::StorageFull.into(),
                )))
            }
            _ => self.merge(&plan),
        };
        control.update(|merging| merging.at_hand = 0);
        match merged {
            Ok(()) => true,
            Err(Unmerged::Closing) => false,
            Err(Unmerged::Failed(error)) => fail(shared, error),
            Err(Unmerged::Full(error)) => {
                tracing::warn!("merging segments waits for space on the disk: {error}");
                self.discard(&plan).is_ok() && control.wait_for_space(seen)
            }
            Err(Unmerged::Unreadable(error)) => {
                tracing::error!("{error}; the segments are not merged");
                self.bad.extend(plan.sources.iter().map(|source| source.number));
                let left = self.bad.len() as u64;
                control.update(|merging| merging.left_alone = left);
                match self.discard(&plan) {
                    Ok(()) => true,
                    Err(error) => fail(shared, error),
                }
            }
        }
    }

    fn next(&self) -> Result<Option<Plan>, StoreError> {
        let shared = &self.shared;
        let logs = shared.all_logs();
        self.count(&logs);
        let eligible = Eligible { last_block: self.last_block()?, bad: &self.bad };
        let own_events = shared.options.own_segment_events;
        Ok(plan::next(&shared.dir, &logs, (&self.limits(), own_events), &eligible))
    }

    fn limits(&self) -> Limits {
        let options = &self.shared.options;
        Limits { files: options.merge_files, events: options.merge_events, bytes: options.merge_bytes }
    }

    fn count(&self, logs: &[Arc<crate::log::Log>]) {
        let mut seen = HashSet::new();
        let limits = self.limits();
        let (mut segments, mut small, mut bytes) = (0, 0, 0);
        for sealed in logs.iter().flat_map(|log| log.segments()) {
            if seen.insert(sealed.segment.number) {
                segments += 1;
                small += u64::from(limits.are_above(&Size::of(&sealed.segment)));
                bytes += sealed.segment.index.covered;
            }
        }
        let mut state = self.shared.compaction.lock();
        state.counted = state.asked;
        (state.merging.segments, state.merging.small, state.merging.bytes) = (segments, small, bytes);
    }

    /// The block of the oldest snapshot that is kept. Should a later one be damaged, opening goes back to it and makes
    /// segments of later blocks again; what it knows must not be in one file with them.
    fn last_block(&self) -> Result<u64, StoreError> {
        let dir = self.shared.dir.join("state");
        let names = self.shared.disk.list(&dir).map_err(StoreError::io("list", &dir))?;
        let blocks = names.iter().filter_map(|entry| snapshot::parse_file_name(&entry.name));
        Ok(blocks.min().unwrap_or(0))
    }

    fn merge(&self, plan: &Plan) -> Result<(), Unmerged> {
        let shared = &self.shared;
        shared.compaction.update(|merging| merging.at_hand = plan.sources.len() as u64);
        let outputs = merge::write(shared, plan)?;
        let relative = |path: &PathBuf| path.strip_prefix(&shared.dir).unwrap_or(path).to_path_buf();
        let journal = Journal {
            sources: plan.sources.iter().map(|source| relative(&source.path)).collect(),
            outputs: plan.outputs.iter().map(|output| relative(&output.path)).collect(),
        };
        let (disk, dir) = (&*shared.disk, shared.dir.as_path());
        let io = |what| StoreError::io(what, dir);
        journal::sync_folders(disk, dir, &journal.outputs).map_err(io("sync folders in"))?;
        let in_place = shared.keep_in_place();
        // Dying here: temporary files, which the next start removes.
        journal.write(disk, dir).map_err(io("write a merge in"))?;
        // Dying from here on: the next start does what follows.
        journal.name_outputs(disk, dir).map_err(io("name segments in"))?;
        self.switch_readers(plan, &outputs);
        journal.remove_sources(disk, dir).map_err(io("remove segments in"))?;
        drop(in_place);
        shared.compaction.update(|merging| {
            merging.merges += 1;
            merging.replaced += plan.sources.len() as u64;
            let stretches = plan.outputs.iter().flat_map(|output| &output.stretches);
            merging.events += stretches.map(|stretch| stretch.count).sum::<u64>();
        });
        Ok(())
    }

    /// Whoever reads already goes on with the old files, which are open.
    fn switch_readers(&self, plan: &Plan, outputs: &[Arc<Segment>]) {
        let old: HashSet<u64> = plan.sources.iter().map(|source| source.number).collect();
        self.shared.filter.replace(&old, outputs);
        let mut by_log: std::collections::BTreeMap<LogNo, Vec<Sealed>> = std::collections::BTreeMap::new();
        for segment in outputs {
            for entry in segment.index.logs() {
                let sealed = Sealed { first: entry.first, count: entry.count, segment: Arc::clone(segment) };
                by_log.entry(LogNo(entry.log)).or_default().push(sealed);
            }
        }
        for (no, new) in by_log {
            if let Ok(log) = self.shared.log(no) {
                log.replace_sealed(&old, new);
            }
        }
    }

    /// Removes what an unfinished merge wrote.
    fn discard(&self, plan: &Plan) -> Result<(), StoreError> {
        let disk = &*self.shared.disk;
        for output in &plan.outputs {
            let temporary = indelible_durable::replace::temporary(&output.path);
            let removed = match indelible_durable::disk::exists(disk, &temporary) {
                Ok(true) => indelible_durable::replace::remove_file(disk, &temporary),
                other => other.map(drop),
            };
            removed.map_err(StoreError::io("remove", &temporary))?;
        }
        Ok(())
    }
}

/// The disk failed: everything stops.
fn fail(shared: &Shared, error: StoreError) -> bool {
    match error {
        StoreError::Io { what, path, source } => shared.fail(&format!("{what} {}", path.display()), &source),
        other => shared.fail("merge segments", &io::Error::other(other.to_string())),
    }
    false
}
