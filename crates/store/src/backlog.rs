//! Blocks of the WAL that wait to be sealed: when a seal is due, and how commits are held up while sealing is behind.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::wal::block::BlockHash;
use crate::wal::file::WalFile;

/// How long the sealer waits before it tries again on a full disk.
const FULL_RETRY: Duration = Duration::from_millis(250);
/// How often work that stands back for a seal looks whether it is to end.
const STAND_BACK: Duration = Duration::from_millis(100);
/// Longest time that a commit is held up while sealing is behind but there is room.
const MAX_PAUSE: Duration = Duration::from_millis(250);
/// Seals that may become one when sealing is behind: fewer and larger segments then, in memory that is still bounded.
const JOINED_SEALS: u64 = 8;

/// A durable block that is not sealed yet.
#[derive(Debug, Clone)]
pub(crate) struct BlockRef {
    pub(crate) file: Arc<WalFile>,
    pub(crate) offset: u64,
    pub(crate) disk_len: u64,
    pub(crate) seq: u64,
    pub(crate) hash: BlockHash,
    pub(crate) time_ns: u64,
    pub(crate) events: u64,
    pub(crate) committed_boot_ns: i64,
}

/// Blocks that wait to be sealed.
#[derive(Debug)]
pub(crate) struct Backlog {
    state: Mutex<BacklogState>,
    changed: Condvar,
    seal_events: u64,
    seal_bytes: u64,
    seal_after: Duration,
    quiet: (u64, Duration),
    pending: u64,
}

#[derive(Debug, Default)]
struct BacklogState {
    blocks: VecDeque<BlockRef>,
    events: u64,
    bytes: u64,
    sealed: u64,
    /// How long an event took in the last seal, ns.
    event_ns: u64,
    /// Up to this block everything is sealed without waiting for more.
    now: u64,
    /// The sealer waits for space; holding up commits would not help it.
    full: bool,
    closing: bool,
    stopped: bool,
}

impl Backlog {
    pub(crate) fn new(options: &crate::options::Options, sealed: u64, blocks: Vec<BlockRef>) -> Self {
        let events = blocks.iter().map(|block| block.events).sum();
        let bytes = blocks.iter().map(|block| block.disk_len).sum();
        let state = BacklogState { blocks: blocks.into(), events, bytes, sealed, ..BacklogState::default() };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            seal_events: options.seal_events,
            seal_bytes: options.seal_bytes,
            seal_after: options.seal_after,
            quiet: (options.quiet_events, options.seal_quiet),
            pending: options.seal_pending,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BacklogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, block: BlockRef) {
        let mut state = self.lock();
        let before = state.events;
        state.events += block.events;
        state.bytes += block.disk_len;
        state.blocks.push_back(block);
        let enough = (before..state.events).contains(&self.quiet.0.saturating_sub(1));
        let due = state.events >= self.seal_events
            || state.bytes >= self.seal_bytes
            || state.blocks.len() == 1
            || enough;
        drop(state);
        if due {
            self.changed.notify_all();
        }
    }

    /// Waits while too many events are unsealed: the WAL must not grow without end. Before it comes to that, commits are
    /// slowed down to the speed of sealing little by little, so that none waits for a whole seal.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.lock();
        let most = self.pending + 1;
        while (state.events > most * self.seal_events || state.bytes > most * self.seal_bytes)
            && !state.stopped
            && !state.full
        {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let pause = self.pause_of(&state);
        if !pause.is_zero() {
            drop(self.changed.wait_timeout(state, pause));
        }
    }

    /// What the last block cost to seal, in proportion to how much of the last seal's worth of room is taken.
    fn pause_of(&self, state: &BacklogState) -> Duration {
        let taken = |waiting: u64, one: u64| waiting.saturating_sub(self.pending * one) * 1000 / one.max(1);
        let thousandths =
            taken(state.events, self.seal_events).max(taken(state.bytes, self.seal_bytes)).min(1000);
        let last = state.blocks.back().map_or(0, |block| block.events);
        if state.full || state.stopped {
            return Duration::ZERO;
        }
        Duration::from_nanos(state.event_ns.saturating_mul(last) / 1000 * thousandths).min(MAX_PAUSE)
    }

    /// Waits while a seal is due, or until `ends`: whatever can wait stands back for it.
    pub(crate) fn wait_while_due(&self, ends: &dyn Fn() -> bool) {
        let mut state = self.lock();
        while (state.events >= self.seal_events || state.bytes >= self.seal_bytes)
            && !state.stopped
            && !state.full
            && !state.closing
            && !ends()
        {
            let waited = self.changed.wait_timeout(state, STAND_BACK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Last block whose events are all in segments.
    pub(crate) fn sealed_block(&self) -> u64 {
        self.lock().sealed
    }

    /// Last block that waits.
    pub(crate) fn last_block(&self) -> Option<u64> {
        self.lock().blocks.back().map(|block| block.seq)
    }

    /// Unsealed events and bytes of WAL.
    pub(crate) fn depth(&self) -> (u64, u64) {
        let state = self.lock();
        (state.events, state.bytes)
    }

    /// Seals everything up to a block, now; what comes later waits as ever.
    pub(crate) fn seal_now(&self, last: u64) {
        self.lock().now = last;
        self.changed.notify_all();
    }

    /// Waits until a block is sealed; false when the store stops first.
    pub(crate) fn wait_sealed(&self, block: u64) -> bool {
        let mut state = self.lock();
        while state.sealed < block && !state.stopped && !state.closing {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.sealed >= block
    }

    /// Ends the sealer after the seal it is at.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// Ends the sealer at once.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits until a seal is due and gives its blocks, which stay in the backlog until [`Backlog::done`].
    pub(crate) fn next(&self, boot_ns: impl Fn() -> i64) -> Option<Vec<BlockRef>> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.closing {
                return None;
            }
            let left = self.time_left(&state, boot_ns());
            let due = state.events >= self.seal_events
                || state.bytes >= self.seal_bytes
                || state.blocks.front().is_some_and(|oldest| oldest.seq <= state.now)
                || left.is_some_and(|left| left.is_zero());
            if due {
                return Some(self.prefix(&state));
            }
            state = match left {
                Some(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// How long until what waits is sealed if nothing else comes; `None` when nothing waits.
    fn time_left(&self, state: &BacklogState, boot_ns: i64) -> Option<Duration> {
        let (oldest, newest) = (state.blocks.front()?, state.blocks.back()?);
        let left = self.seal_after.saturating_sub(age(oldest, boot_ns));
        let (events, quiet) = self.quiet;
        let pause = quiet.saturating_sub(age(newest, boot_ns));
        Some(if state.events >= events { left.min(pause) } else { left })
    }

    /// The oldest blocks, as many as one seal takes.
    fn prefix(&self, state: &BacklogState) -> Vec<BlockRef> {
        let (mut events, mut bytes) = (0, 0);
        let whole = |block: &&BlockRef| {
            let more = events < JOINED_SEALS * self.seal_events && bytes < self.seal_bytes;
            events += block.events;
            bytes += block.disk_len;
            more
        };
        state.blocks.iter().take_while(whole).cloned().collect()
    }

    pub(crate) fn done(&self, blocks: &[BlockRef], took: Duration) {
        let events: u64 = blocks.iter().map(|block| block.events).sum();
        let mut state = self.lock();
        state.event_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / events.max(1);
        for block in blocks {
            state.blocks.pop_front();
            state.events -= block.events;
            state.bytes -= block.disk_len;
            state.sealed = block.seq;
        }
        state.full = false;
        drop(state);
        self.changed.notify_all();
    }

    /// Waits before another try on a full disk; false when the store stops.
    pub(crate) fn pause(&self) -> bool {
        let mut state = self.lock();
        state.full = true;
        self.changed.notify_all();
        let waited =
            self.changed.wait_timeout_while(state, FULL_RETRY, |state| !state.stopped && !state.closing);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        !state.stopped && !state.closing
    }
}

fn age(block: &BlockRef, boot_ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(boot_ns - block.committed_boot_ns).unwrap_or(0))
}
