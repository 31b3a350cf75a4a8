//! What all threads of a store share. Each field names its writer; locks are held for moments, never over a sync.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use indelible_durable::disk::Disk;

use crate::append::Appended;
use crate::backlog::Backlog;
use crate::compact::Compaction;
use crate::error::{AppendError, StoreError};
use crate::flat::FlatFiles;
use crate::leaves::TileCache;
use crate::log::Log;
use crate::log_no::LogNo;
use crate::options::Options;
use crate::producers::Producers;
use crate::publish::Inbox;
use crate::queue::{Queue, Work};
use crate::sealed::KeyFilter;
use crate::secrets::Secrets;
use crate::subjects::Subjects;
use crate::wal::file::Spares;

/// Told after a commit or a publication: each log that grew, with its new size.
pub type SizeHook = Box<dyn Fn(&[(LogNo, u64)]) + Send + Sync>;

/// The store's shared state.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) node: [u8; 16],
    /// Logs by number. Grows under the creation lock in `Store::create_log`.
    pub(crate) logs: RwLock<Vec<Arc<Log>>>,
    pub(crate) flat: FlatFiles,
    /// Leaves that were put together lately.
    pub(crate) tiles: TileCache,
    pub(crate) secrets: Secrets,
    pub(crate) subjects: Subjects,
    pub(crate) producers: Producers,
    pub(crate) queue: Queue,
    pub(crate) inbox: Inbox,
    pub(crate) backlog: Backlog,
    pub(crate) compaction: Compaction,
    pub(crate) filter: KeyFilter,
    pub(crate) spares: Arc<Spares>,
    /// Held by the sealer and the merging thread while they change which files hold the sealed events, and by a backup
    /// while it takes hold of them. The one lock that is held over syncs; nothing that answers a request takes it.
    pub(crate) in_place: Mutex<()>,
    /// Set once when the disk failed; nothing is stored afterwards.
    failed: AtomicBool,
    /// Set by the commit thread while the clock is ahead of the time that passed: by how many seconds.
    pub(crate) clock_ahead_s: AtomicU64,
    /// Set by `Store::confirm_clock`.
    pub(crate) clock_confirmed: AtomicBool,
    pub(crate) on_commit: RwLock<Vec<SizeHook>>,
    pub(crate) on_publish: RwLock<Vec<SizeHook>>,
    published: Mutex<()>,
    published_changed: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The parts that are opened one by one before the store exists.
pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) dir: PathBuf,
    pub(crate) node: [u8; 16],
    pub(crate) logs: Vec<Arc<Log>>,
    pub(crate) flat: FlatFiles,
    pub(crate) secrets: Secrets,
    pub(crate) subjects: Subjects,
    pub(crate) producers: Producers,
    pub(crate) backlog: Backlog,
    pub(crate) filter: KeyFilter,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            disk: Arc::clone(&parts.options.disk),
            queue: Queue::new(parts.options.queue_bytes),
            options: parts.options,
            dir: parts.dir,
            node: parts.node,
            logs: RwLock::new(parts.logs),
            flat: parts.flat,
            tiles: TileCache::default(),
            secrets: parts.secrets,
            subjects: parts.subjects,
            producers: parts.producers,
            inbox: Inbox::default(),
            backlog: parts.backlog,
            compaction: Compaction::default(),
            filter: parts.filter,
            spares: Arc::default(),
            in_place: Mutex::default(),
            failed: AtomicBool::new(false),
            clock_ahead_s: AtomicU64::new(0),
            clock_confirmed: AtomicBool::new(false),
            on_commit: RwLock::default(),
            on_publish: RwLock::default(),
            published: Mutex::default(),
            published_changed: Condvar::new(),
        }
    }

    /// A log by its number.
    pub(crate) fn log(&self, log: LogNo) -> Result<Arc<Log>, StoreError> {
        let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
        logs.get(log.0 as usize).cloned().ok_or(StoreError::UnknownLog(log))
    }

    /// All logs by number.
    pub(crate) fn all_logs(&self) -> Vec<Arc<Log>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the files of sealed events as they are until the guard is dropped.
    pub(crate) fn keep_in_place(&self) -> MutexGuard<'_, ()> {
        self.in_place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wall time, never before 1970.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.options.clock.now_ns()).unwrap_or(0)
    }

    /// Whether the disk has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// The disk failed: nothing more is stored, everybody waiting learns that the outcome is unknown, the process ends.
    pub(crate) fn fail(&self, what: &str, error: &std::io::Error) {
        self.fail_answering(Vec::new(), what, error);
    }

    /// [`Shared::fail`], with requests that are no longer in the queue.
    pub(crate) fn fail_answering(&self, answers: Vec<Answer>, what: &str, error: &std::io::Error) {
        let first = !self.failed.swap(true, Ordering::AcqRel);
        for answer in answers {
            answer.send(Err(AppendError::OutcomeUnknown));
        }
        if !first {
            return;
        }
        for work in self.queue.abandon() {
            refuse(work, &AppendError::OutcomeUnknown);
        }
        self.spares.stop();
        self.inbox.stop();
        self.backlog.stop();
        self.compaction.close();
        self.notify_published();
        (self.options.on_fatal)(&format!(
            "cannot {what}: {error}; the disk's state is unknown, the process ends and recovers at its next start"
        ));
    }

    /// Wakes everybody who waits for a head.
    pub(crate) fn notify_published(&self) {
        drop(self.published.lock().unwrap_or_else(PoisonError::into_inner));
        self.published_changed.notify_all();
    }

    /// Waits until `done` says so, the store failed, or the time is over; `done` decides.
    pub(crate) fn wait_published(&self, timeout: Duration, done: impl Fn() -> bool) -> bool {
        let guard = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |(): &mut ()| !done() && !self.has_failed();
        let waited = self.published_changed.wait_timeout_while(guard, timeout, waiting);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        done()
    }
}

/// Tells whoever waits for a piece of work that it was not done.
pub(crate) fn refuse(work: Work, error: &AppendError) {
    match work {
        Work::Append { reply, .. } => reply(Err(error.clone())),
        Work::Control(_, reply) => reply(Err(error.clone())),
        Work::Query(_) => {}
    }
}

/// Calls every hook.
pub(crate) fn call(hooks: &RwLock<Vec<SizeHook>>, sizes: &[(LogNo, u64)]) {
    for hook in hooks.read().unwrap_or_else(PoisonError::into_inner).iter() {
        hook(sizes);
    }
}

/// An answer that waits for the block to be durable.
pub(crate) enum Answer {
    Append(crate::append::Reply, Vec<Appended>),
    Control(Box<dyn FnOnce(Result<(), AppendError>) + Send>),
}

impl Answer {
    pub(crate) fn send(self, outcome: Result<(), AppendError>) {
        match self {
            Self::Append(reply, appended) => reply(outcome.map(|()| appended)),
            Self::Control(reply) => reply(outcome),
        }
    }
}
