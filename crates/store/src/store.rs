//! The handle that everybody else holds: create logs, append, read, prove.
//!
//! Cheap to clone; all methods may be called from any thread. Methods that write wait for the disk unless they take a
//! callback.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use indelible_durable::background;
use indelible_durable::disk::LockGuard;
use indelible_durable::replace;
use indelible_event::{EventId, LEAF_BYTES, SubjectKey};
use indelible_tlog::tile::{Kind, Tile, push_entry};
use indelible_tlog::tree::{HASH_LEN, Hash};

use crate::append::{Append, Appended, Reply};
use crate::backup;
use crate::commit::Committer;
use crate::compact::{Compactor, Merging};
use crate::error::{AppendError, OpenError, StoreError};
use crate::flat::Flat;
use crate::leaves::{self, Levels};
use crate::log::{Head, Log};
use crate::log_no::LogNo;
use crate::options::Options;
use crate::producers::{Producer, ProducerInfo};
use crate::publish::{Publisher, read_notes};
use crate::queue::{Control, Work};
use crate::read::{Record, Scan, read_piece};
use crate::recover::{self, Recovery};
use crate::rollback::Frozen;
use crate::seal::Sealer;
use crate::shared::{Shared, SizeHook};
use crate::signing::{KeyInfo, LogKeys};
use crate::subjects::Subject;

/// Longest name of a cursor, in bytes.
const MAX_CURSOR: usize = 255;

/// What a log is created from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSpec {
    /// Name of the log and of its key: a URL prefix without scheme. Fixed for ever, public, says nothing about anybody.
    pub origin: String,
    /// Id of the organization that owns it.
    pub name: String,
}

/// A log as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Its number.
    pub no: LogNo,
    /// Its origin.
    pub origin: String,
    /// Id of the organization that owns it.
    pub name: String,
    /// Public form of its active key.
    pub vkey: String,
    /// Committed events.
    pub size: u64,
    /// Set when a rollback was declared: the log is only read, its organization needs a new one.
    pub frozen: Option<Frozen>,
}

/// A checkpoint out of the notes file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedCheckpoint {
    /// When it was signed; nanoseconds since 1970.
    pub time_ns: u64,
    /// The signed note.
    pub note: String,
}

/// How much waits, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Bytes of requests that wait for their commit.
    pub queued_bytes: usize,
    /// Requests that wait for their commit.
    pub queued_requests: usize,
    /// Events that are in no segment yet.
    pub unsealed_events: u64,
    /// Bytes of write-ahead log they take.
    pub unsealed_bytes: u64,
}

/// An open store.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
    creating: Mutex<()>,
    lock: Mutex<Option<Box<dyn LockGuard>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Store {
    /// Opens a folder, recovering what a crash left, or founds a new store in an empty one.
    ///
    /// # Errors
    /// Everything but [`OpenError::Io`] is a refusal that names what contradicts what.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), OpenError> {
        let opened = recover::open(dir, options)?;
        let shared = opened.shared;
        let mut publisher = Publisher::new(Arc::clone(&shared), opened.publish);
        publisher.publish_first().map_err(OpenError::io("publish heads in", dir))?;
        shared.subjects.refill()?;
        let committer =
            Committer::new(Arc::clone(&shared), opened.core, opened.wal, opened.next_seq, opened.last_hash);
        let sealer = Sealer::new(Arc::clone(&shared), opened.sealer_state, opened.subject_file, opened.files);
        let compactor = Compactor::new(Arc::clone(&shared));
        let spares = Arc::clone(&shared);
        let threads = vec![
            ("store-commit", start("store-commit", move || committer.run())?),
            ("store-publish", start("store-publish", move || publisher.run())?),
            ("store-seal", start("store-seal", move || sealer.run())?),
            ("store-merge", start("store-merge", move || in_background(|| compactor.run()))?),
            ("store-spare", start("store-spare", move || make_spares(&spares))?),
        ];
        let inner = Inner {
            shared,
            threads: Mutex::new(threads),
            creating: Mutex::default(),
            lock: Mutex::new(Some(opened.lock)),
        };
        Ok((Self { inner: Arc::new(inner) }, opened.recovery))
    }

    /// Creates a log: its key, its folder, and its record, all durable when this returns.
    pub fn create_log(&self, spec: &LogSpec) -> Result<LogNo, StoreError> {
        let shared = &self.inner.shared;
        let creating = self.inner.creating.lock().unwrap_or_else(PoisonError::into_inner);
        let logs = shared.all_logs();
        if logs.iter().any(|log| log.origin == spec.origin) {
            let why = format!("{} exists already", spec.origin);
            return Err(StoreError::Refused { what: "a new log", why });
        }
        let no = LogNo(u32::try_from(logs.len()).unwrap_or(u32::MAX));
        let now = shared.now_ns();
        // Dying before the record is durable leaves key and folder of a log that does not exist; the next creation
        // takes the same number and writes them anew.
        let path = crate::signing::path(&shared.dir.join("keys"), no);
        let keys = LogKeys::create(&*shared.disk, path, &spec.origin, now)?;
        let folder = shared.flat.log_dir(no);
        shared.disk.make_dir(&folder).map_err(StoreError::io("create", &folder))?;
        let meta = folder.join("meta");
        let text = crate::meta::text(&spec.origin, &keys.vkeys(), now);
        replace::write_file(&*shared.disk, &meta, text.as_bytes()).map_err(StoreError::io("write", &meta))?;
        replace::sync_parent(&*shared.disk, &folder).map_err(StoreError::io("sync", &folder))?;
        let log = Arc::new(Log::new(no, spec.origin.clone(), spec.name.clone(), keys, None));
        // Listed before its record is durable: the commit thread looks logs up by number.
        shared.logs.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&log));
        if let Err(error) = self.control(Control::LogCreated(Arc::clone(&log))) {
            shared.logs.write().unwrap_or_else(PoisonError::into_inner).pop();
            return Err(error);
        }
        drop(creating);
        shared.inbox.push_log(Arc::clone(&log));
        let published = || log.head().generation > 0;
        shared.wait_published(Duration::from_secs(10), published);
        Ok(no)
    }

    /// All logs by number.
    pub fn logs(&self) -> Vec<LogInfo> {
        self.inner.shared.all_logs().iter().map(|log| info(log)).collect()
    }

    /// One log.
    pub fn log(&self, log: LogNo) -> Result<LogInfo, StoreError> {
        Ok(info(&*self.inner.shared.log(log)?))
    }

    /// This node's id.
    pub fn node_id(&self) -> [u8; 16] {
        self.inner.shared.node
    }

    /// A new event id: unique on this node, in the shape of a UUIDv7.
    pub fn new_event_id(&self) -> EventId {
        let shared = &self.inner.shared;
        shared.secrets.new_event_id(shared.now_ns() / 1_000_000)
    }

    /// The salt for an event's own items. Only for ids of this run.
    pub fn event_salt(&self, id: EventId) -> [u8; 16] {
        self.inner.shared.secrets.event_salt(id)
    }

    /// The key of a data subject, made at first sight. Pass it along in [`Append::subjects`].
    pub fn subject(&self, log: LogNo, subject: &str) -> Result<Arc<Subject>, StoreError> {
        self.inner.shared.subjects.get(log, subject)
    }

    /// The subject key with this id, for proofs; `None` when it was destroyed.
    pub fn subject_key(&self, id: &[u8; 16]) -> Option<SubjectKey> {
        self.inner.shared.subjects.by_id(id)
    }

    /// A producer by name and instance, numbered at first sight. Pass it along in [`Append::producer`].
    pub fn producer(&self, log: LogNo, name: &str, instance: &str) -> Result<Arc<Producer>, StoreError> {
        self.inner.shared.producers.get(log, name, instance)
    }

    /// Keyed digest over the parts in their order, for idempotency keys and contents.
    pub fn digest(&self, parts: &[&[u8]]) -> [u8; 16] {
        self.inner.shared.secrets.digest.digest(parts)
    }

    /// Stores events: all in one block, or none. `reply` is called once, on the commit thread, after they are durable;
    /// it must not block. An atomic request stores nothing if any event is refused.
    pub fn append(&self, appends: Vec<Append>, atomic: bool, reply: Reply) {
        let pushed = self.inner.shared.queue.push(Work::Append { appends, atomic, reply });
        if let Err((work, error)) = pushed {
            let error = if self.inner.shared.has_failed() { AppendError::OutcomeUnknown } else { error };
            crate::shared::refuse(work, &error);
        }
    }

    /// [`Store::append`], waiting for the answer.
    pub fn append_wait(&self, appends: Vec<Append>, atomic: bool) -> Result<Vec<Appended>, AppendError> {
        let (send, receive) = mpsc::sync_channel(1);
        self.append(appends, atomic, Box::new(move |outcome| drop(send.send(outcome))));
        receive.recv().unwrap_or(Err(AppendError::OutcomeUnknown))
    }

    /// The newest published head.
    pub fn head(&self, log: LogNo) -> Result<Arc<Head>, StoreError> {
        Ok(self.inner.shared.log(log)?.head())
    }

    /// Committed events.
    pub fn size(&self, log: LogNo) -> Result<u64, StoreError> {
        Ok(self.inner.shared.log(log)?.committed())
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// Publishes now what is committed, and waits until a head covers `size` events.
    pub fn wait_published(&self, log: LogNo, size: u64, timeout: Duration) -> Result<Arc<Head>, StoreError> {
        let of = self.inner.shared.log(log)?;
        if of.head().size < size {
            self.inner.shared.inbox.hurry();
            self.inner.shared.wait_published(timeout, || of.head().size >= size);
        }
        Ok(of.head())
    }

    /// Calls `hook` after every commit, on the commit thread; it must not block.
    pub fn on_commit(&self, hook: SizeHook) {
        self.inner.shared.on_commit.write().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// Calls `hook` after every publication, on the publisher thread; it must not block.
    pub fn on_publish(&self, hook: SizeHook) {
        self.inner.shared.on_publish.write().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// One committed event; `None` beyond the end.
    pub fn read(&self, log: LogNo, index: u64) -> Result<Option<Record>, StoreError> {
        let shared = &self.inner.shared;
        let of = shared.log(log)?;
        if index >= of.committed() {
            return Ok(None);
        }
        let piece = read_piece(shared, &of, index, &(index..index + 1))?;
        Ok(piece.into_iter().map(|full| full.record).find(|record| record.index == index))
    }

    /// Committed events of a range, ascending or descending, read piece by piece as the iterator moves.
    pub fn scan(&self, log: LogNo, range: Range<u64>, descending: bool) -> Result<Scan, StoreError> {
        let shared = &self.inner.shared;
        Ok(Scan::new(Arc::clone(shared), shared.log(log)?, range, descending))
    }

    /// A tile or bundle as it is served: never beyond the published head.
    pub fn tile(&self, log: LogNo, tile: &Tile) -> Result<Vec<u8>, StoreError> {
        let shared = &self.inner.shared;
        let size = shared.log(log)?.head().size;
        tile.check_served(size, 0)?;
        let Kind::Level(level @ 1..) = tile.kind() else { return self.leaf_tile(log, tile) };
        let range = tile.byte_range(LEAF_BYTES);
        let mut bytes = vec![0; usize::from(tile.width()) * HASH_LEN];
        shared.flat.read(log, Flat::Level(level), range.start, &mut bytes)?;
        Ok(bytes)
    }

    /// Leaves or their hashes.
    fn leaf_tile(&self, log: LogNo, tile: &Tile) -> Result<Vec<u8>, StoreError> {
        let shared = &self.inner.shared;
        let width = usize::from(tile.width());
        let found = leaves::tile(shared, &*shared.log(log)?, tile.number(), width as u64)?;
        let mut bytes = Vec::with_capacity(width * (2 + LEAF_BYTES));
        if tile.kind() == Kind::Entries {
            for leaf in found.leaves.iter().take(width) {
                push_entry(&mut bytes, leaf)?;
            }
        } else {
            found.hashes.iter().take(width).for_each(|hash| bytes.extend_from_slice(hash.as_bytes()));
        }
        Ok(bytes)
    }

    /// A leaf below the published head.
    pub fn leaf(&self, log: LogNo, index: u64) -> Result<[u8; LEAF_BYTES], StoreError> {
        let shared = &self.inner.shared;
        let size = shared.log(log)?.head().size;
        if index >= size {
            return Err(StoreError::OutOfRange { what: "index", value: index, log, size });
        }
        leaves::leaf(shared, &*shared.log(log)?, index)
    }

    /// Inclusion path of a leaf in the tree of `size`, which must not be beyond the published head.
    pub fn inclusion(&self, log: LogNo, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        self.check_size(log, size)?;
        indelible_tlog::proof::inclusion(index, size, &self.levels(&*self.inner.shared.log(log)?))
    }

    /// One proof for many leaves, their indexes ascending, in the tree of `size`, which must not be beyond the published
    /// head.
    pub fn inclusion_of_many(&self, log: LogNo, indexes: &[u64], size: u64) -> Result<Vec<Hash>, StoreError> {
        self.check_size(log, size)?;
        indelible_tlog::batch::prove(indexes, size, &self.levels(&*self.inner.shared.log(log)?))
    }

    /// Consistency path between two sizes, neither beyond the published head.
    pub fn consistency(&self, log: LogNo, old: u64, new: u64) -> Result<Vec<Hash>, StoreError> {
        self.check_size(log, new)?;
        indelible_tlog::proof::consistency(old, new, &self.levels(&*self.inner.shared.log(log)?))
    }

    /// Root of the tree at a size that is not beyond the published head.
    pub fn root(&self, log: LogNo, size: u64) -> Result<Hash, StoreError> {
        self.check_size(log, size)?;
        indelible_tlog::proof::root(size, &self.levels(&*self.inner.shared.log(log)?))
    }

    /// What is known of a log's producers: numbers, gaps, last event.
    pub fn producers(&self, log: LogNo) -> Result<Vec<ProducerInfo>, StoreError> {
        self.query(move |core| core.producer_infos(log))
    }

    /// Checkpoints of the past, oldest first. The newest is in [`Store::head`].
    pub fn checkpoints(&self, log: LogNo) -> Result<Vec<NotedCheckpoint>, StoreError> {
        let shared = &self.inner.shared;
        shared.log(log)?;
        let path = shared.flat.path(log, Flat::Notes);
        let len = shared.flat.len(log, Flat::Notes).map_err(StoreError::io("read", &path))?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        if !bytes.is_empty() {
            shared.flat.read(log, Flat::Notes, 0, &mut bytes)?;
        }
        let (notes, _) = read_notes(&bytes);
        Ok(notes.into_iter().map(|(_, time_ns, note)| NotedCheckpoint { time_ns, note }).collect())
    }

    /// Where a named reader of a log stands: the next index it wants; 0 for a new one.
    pub fn cursor(&self, log: LogNo, name: &str) -> Result<u64, StoreError> {
        let key = (log, name.to_owned());
        self.query(move |core| core.cursors.get(&key).copied().unwrap_or(0))
    }

    /// Named readers of a log and where they stand, by name.
    pub fn cursors(&self, log: LogNo) -> Result<Vec<(String, u64)>, StoreError> {
        let mut cursors: Vec<(String, u64)> = self.query(move |core| {
            let of_log = core.cursors.iter().filter(|((owner, _), _)| *owner == log);
            of_log.map(|((_, name), index)| (name.clone(), *index)).collect()
        })?;
        cursors.sort();
        Ok(cursors)
    }

    /// Moves a named reader; durable when this returns. Never ahead of the committed size.
    pub fn set_cursor(&self, log: LogNo, name: &str, index: u64) -> Result<(), StoreError> {
        let size = self.size(log)?;
        if index > size {
            return Err(StoreError::OutOfRange { what: "cursor", value: index, log, size });
        }
        if name.is_empty() || name.len() > MAX_CURSOR {
            let why = format!("it is not empty and has at most {MAX_CURSOR} bytes");
            return Err(StoreError::Refused { what: "the name of a cursor", why });
        }
        self.control(Control::Cursor { log, name: name.to_owned(), index })
    }

    /// The signing keys of a log, newest first.
    pub fn keys(&self, log: LogNo) -> Result<Vec<KeyInfo>, StoreError> {
        let of = self.inner.shared.log(log)?;
        let keys = of.keys.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.infos())
    }

    /// Step 1 of changing a log's key: makes the next one. The caller logs its vkey as an event and waits for a head.
    pub fn announce_key(&self, log: LogNo) -> Result<KeyInfo, StoreError> {
        let shared = &self.inner.shared;
        let of = shared.log(log)?;
        let mut keys = of.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.announce(&*shared.disk, shared.now_ns())?;
        Ok(keys.infos().remove(0))
    }

    /// Step 2: the announced key signs, the old one signs along.
    pub fn activate_key(&self, log: LogNo) -> Result<(), StoreError> {
        self.change_keys(log, |keys, shared| keys.activate(&*shared.disk, shared.now_ns()))
    }

    /// Step 3: the old key is destroyed.
    pub fn retire_key(&self, log: LogNo) -> Result<(), StoreError> {
        self.change_keys(log, |keys, shared| keys.retire(&*shared.disk, shared.now_ns()))
    }

    /// Believes the clock after it jumped ahead.
    pub fn confirm_clock(&self) {
        self.inner.shared.clock_confirmed.store(true, Ordering::Release);
    }

    /// Seconds by which the clock is ahead of the time that passed; 0 unless nothing is stored because of it.
    pub fn clock_ahead_s(&self) -> u64 {
        self.inner.shared.clock_ahead_s.load(Ordering::Acquire)
    }

    /// How much waits.
    pub fn depth(&self) -> Depth {
        let (queued_bytes, queued_requests) = self.inner.shared.queue.depth();
        let (unsealed_events, unsealed_bytes) = self.inner.shared.backlog.depth();
        Depth { queued_bytes, queued_requests, unsealed_events, unsealed_bytes }
    }

    /// Whether the disk failed; the process should end.
    pub fn has_failed(&self) -> bool {
        self.inner.shared.has_failed()
    }

    /// Seals everything committed so far and waits for it.
    pub fn seal_now(&self) -> bool {
        let shared = &self.inner.shared;
        shared.inbox.hurry();
        let (send, receive) = mpsc::sync_channel(1);
        let query = Box::new(move |_: &crate::core_state::Core| send.send(()).unwrap_or_default());
        if shared.queue.push(Work::Query(query)).is_err() || receive.recv().is_err() {
            return false;
        }
        let Some(last) = shared.backlog.last_block() else { return true };
        shared.backlog.seal_now(last);
        shared.backlog.wait_sealed(last)
    }

    /// How merging of segments goes.
    pub fn merging(&self) -> Merging {
        self.inner.shared.compaction.merging()
    }

    /// Merges now what can be merged and waits for it; false when the store closes or the disk is full.
    pub fn merge_now(&self) -> bool {
        self.inner.shared.compaction.settle()
    }

    /// Takes hold of everything stored, as of one moment, in a new folder on the same file system. See [`backup::stage`].
    pub fn stage_backup(&self, to: &Path) -> Result<(), StoreError> {
        backup::stage(&self.inner.shared, to)
    }

    /// Stores what waits, publishes, and ends all threads. Later appends are refused. Also done by the last drop.
    pub fn shutdown(&self) {
        self.inner.shutdown();
    }

    fn levels<'a>(&'a self, log: &'a Log) -> Levels<'a> {
        Levels { shared: &self.inner.shared, log }
    }

    fn check_size(&self, log: LogNo, size: u64) -> Result<(), StoreError> {
        let published = self.inner.shared.log(log)?.head().size;
        if size > published {
            return Err(StoreError::OutOfRange { what: "tree size", value: size, log, size: published });
        }
        Ok(())
    }

    fn control(&self, control: Control) -> Result<(), StoreError> {
        let (send, receive) = mpsc::sync_channel(1);
        let work = Work::Control(control, Box::new(move |outcome| drop(send.send(outcome))));
        self.inner.shared.queue.push(work).map_err(|(_, error)| error)?;
        receive.recv().unwrap_or(Err(AppendError::OutcomeUnknown)).map_err(StoreError::from)
    }

    fn query<T: Send + 'static>(
        &self,
        look: impl FnOnce(&crate::core_state::Core) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (send, receive) = mpsc::sync_channel(1);
        let query = Work::Query(Box::new(move |core| drop(send.send(look(core)))));
        self.inner.shared.queue.push(query).map_err(|(_, error)| error)?;
        receive.recv().map_err(|_| StoreError::Append(AppendError::Closing))
    }

    fn change_keys(
        &self,
        log: LogNo,
        change: impl FnOnce(&mut LogKeys, &Shared) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let shared = &self.inner.shared;
        let of = shared.log(log)?;
        let vkeys = {
            let mut keys = of.keys.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut keys, shared)?;
            keys.vkeys()
        };
        // Dying here: the key file knows the new key, the WAL does not; at the next start either may sign.
        self.control(Control::KeyChanged { log, vkeys })?;
        shared.inbox.push_log(of);
        Ok(())
    }
}

impl Inner {
    fn shutdown(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        let shared = &self.shared;
        shared.queue.close();
        // The commit thread first: the others must see its last blocks.
        for (name, thread) in threads {
            match name {
                "store-publish" => shared.inbox.close(),
                "store-seal" => shared.backlog.close(),
                "store-merge" => shared.compaction.close(),
                "store-spare" => shared.spares.stop(),
                _ => {}
            }
            if thread.join().is_err() {
                tracing::error!("thread {name} panicked");
            }
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn info(log: &Log) -> LogInfo {
    let keys = log.keys.lock().unwrap_or_else(PoisonError::into_inner);
    let vkey = keys.vkeys().lines().next().unwrap_or_default().to_owned();
    LogInfo {
        no: log.no,
        origin: log.origin.clone(),
        name: log.name.clone(),
        vkey,
        size: log.committed(),
        frozen: log.frozen.clone(),
    }
}

fn start(name: &'static str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(OpenError::io("start thread", name))
}

fn in_background(run: impl FnOnce()) {
    if let Err(error) = background::yield_to_others() {
        tracing::warn!("merging runs at normal priority: {error}");
    }
    run();
}

fn make_spares(shared: &Shared) {
    let dir = shared.dir.join("wal");
    if let Err(error) = shared.spares.run(&*shared.disk, &dir, shared.options.wal_file_bytes) {
        shared.fail("make a WAL file", &error);
    }
}
