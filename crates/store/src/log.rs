//! One log as all threads see it: how far it is committed and published, and where its events are.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use indelible_tlog::tree::Hash;

use crate::log_no::LogNo;
use crate::rollback::Frozen;
use crate::sealed::Sealed;
use crate::signing::LogKeys;
use crate::wal::file::WalFile;

/// A published, signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The log.
    pub log: LogNo,
    /// Number of events it covers.
    pub size: u64,
    /// Root over their leaves.
    pub root: Hash,
    /// The signed checkpoint, as it is served.
    pub note: Arc<str>,
    /// When it was signed; nanoseconds since 1970.
    pub time_ns: u64,
    /// Last block of the write-ahead log that it covers.
    pub block: u64,
    pub(crate) generation: u64,
}

/// Neighbouring records of one log in the WAL, read in one piece.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) file: Arc<WalFile>,
    /// Position in the file of the first record.
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

/// Longest run: what reading one event may cost.
pub(crate) const MAX_RUN: u32 = 64 * 1024;

/// One log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) no: LogNo,
    pub(crate) origin: String,
    pub(crate) name: String,
    pub(crate) keys: Mutex<LogKeys>,
    /// Set when a rollback was declared: read only, never signed again.
    pub(crate) frozen: Option<Frozen>,
    /// Events that are durable. Written by the commit thread.
    committed: AtomicU64,
    /// Newest published head. Written by the publisher.
    head: RwLock<Arc<Head>>,
    /// Where events are that no segment holds yet. The commit thread adds at the back, the sealer removes in front.
    live: RwLock<VecDeque<Run>>,
    /// Segments, in the order of their indexes. Written by the sealer.
    sealed: RwLock<Vec<Sealed>>,
}

impl Log {
    pub(crate) fn new(
        no: LogNo,
        origin: String,
        name: String,
        keys: LogKeys,
        frozen: Option<Frozen>,
    ) -> Self {
        let head = Head {
            log: no,
            size: 0,
            root: Hash::EMPTY_ROOT,
            note: Arc::from(""),
            time_ns: 0,
            block: 0,
            generation: 0,
        };
        Self {
            no,
            origin,
            name,
            keys: Mutex::new(keys),
            frozen,
            committed: AtomicU64::new(0),
            head: RwLock::new(Arc::new(head)),
            live: RwLock::default(),
            sealed: RwLock::default(),
        }
    }

    /// Durable events.
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// The newest published head.
    pub(crate) fn head(&self) -> Arc<Head> {
        Arc::clone(&self.head.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_head(&self, head: Head) {
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(head);
    }

    /// Makes new runs readable, then the size that includes them.
    pub(crate) fn commit(&self, runs: impl IntoIterator<Item = Run>, size: u64) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        live.extend(runs);
        self.committed.store(size, Ordering::Release);
    }

    /// The run that holds an event, if it is in the WAL.
    pub(crate) fn run(&self, index: u64) -> Option<Run> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let at = live.partition_point(|run| run.first <= index).checked_sub(1)?;
        live.get(at).filter(|run| index < run.first + run.count).cloned()
    }

    /// The segment that holds an event.
    pub(crate) fn sealed(&self, index: u64) -> Option<Sealed> {
        let sealed = self.sealed.read().unwrap_or_else(PoisonError::into_inner);
        let at = sealed.partition_point(|segment| segment.first <= index).checked_sub(1)?;
        sealed.get(at).filter(|segment| index < segment.first + segment.count).cloned()
    }

    /// All segments, oldest first.
    pub(crate) fn segments(&self) -> Vec<Sealed> {
        self.sealed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Events that are in segments.
    pub(crate) fn sealed_size(&self) -> u64 {
        let sealed = self.sealed.read().unwrap_or_else(PoisonError::into_inner);
        sealed.last().map_or(0, |segment| segment.first + segment.count)
    }

    /// Adds a segment. Readers find its events there as soon as their runs are gone.
    pub(crate) fn add_sealed(&self, segment: Sealed) {
        self.sealed.write().unwrap_or_else(PoisonError::into_inner).push(segment);
    }

    /// Puts new segments in the place of old ones, which are named by their numbers, in one step.
    pub(crate) fn replace_sealed(&self, old: &HashSet<u64>, new: Vec<Sealed>) {
        let mut sealed = self.sealed.write().unwrap_or_else(PoisonError::into_inner);
        sealed.retain(|sealed| !old.contains(&sealed.segment.number));
        sealed.extend(new);
        sealed.sort_by_key(|sealed| sealed.first);
    }

    /// Forgets runs whose events are all in segments.
    pub(crate) fn drop_runs(&self) {
        let size = self.sealed_size();
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        while live.front().is_some_and(|run| run.first + run.count <= size) {
            live.pop_front();
        }
        if live.capacity() > 4 * live.len().max(64) {
            live.shrink_to_fit();
        }
    }
}
