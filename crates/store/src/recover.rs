//! Opening a store: everything is read, checked against everything else, and brought to one state, or refused.
//!
//! Nothing is cut, guessed or founded anew over existing data. The steps follow `docs/internals/format-store.md`,
//! "Recovery"; after them the normal threads take over.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use indelible_durable::disk::{Disk, exists};
use indelible_tlog::checkpoint::SignedCheckpoint;

use crate::anchor::{self, Anchor, AnchorWriter};
use crate::backlog::Backlog;
use crate::compact::journal::Journal;
use crate::core_state::Core;
use crate::error::{OpenError, StoreError};
use crate::flat::{Flat, FlatFiles};
use crate::folder;
use crate::head_page::HeadPage;
use crate::heads::Heads;
use crate::leaves::{Places, SealedLevels};
use crate::log::Log;
use crate::log_no::LogNo;
use crate::options::Options;
use crate::producers::Producers;
use crate::publish::{PublishFrom, open_slots, read_notes};
use crate::replay::{Replay, Replayed};
use crate::rollback::Frozen;
use crate::sealed::{KeyFilter, Sealed, Segment};
use crate::secrets::Secrets;
use crate::shared::{Parts, Shared};
use crate::signing::{self, LogKeys};
use crate::snapshot::{self, State};
use crate::subjects::{SubjectFile, Subjects};
use crate::wal::block::BlockHash;
use crate::wal::file::{WalFile, WalWriter, rewrite};
use crate::wal::scan::{ScanFrom, WalEnd, scan};

/// How far the clock may stand behind the newest head: drift between two servers of a rack, not a lost battery.
const MAX_CLOCK_BEHIND_NS: i64 = 5 * 60 * 1_000_000_000;
/// A snapshot of a hundred thousand logs and a million producers stays below this.
const MAX_SNAPSHOT: u64 = 1024 * 1024 * 1024;

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// The store was founded just now.
    pub new: bool,
    /// Blocks read back from the write-ahead log.
    pub blocks: u64,
    /// Events in them.
    pub events: u64,
    /// The last block was torn and dropped; nobody had been told of it.
    pub torn: bool,
    /// Whether an anchor outside the folder confirmed that the folder is not an older copy.
    pub anchored: bool,
    /// Segments that were written but not yet used; they are made again.
    pub segments_removed: u64,
}

/// Everything the threads of an open store begin with.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) shared: Arc<Shared>,
    pub(crate) lock: Box<dyn indelible_durable::disk::LockGuard>,
    pub(crate) core: Core,
    pub(crate) wal: WalWriter,
    pub(crate) next_seq: u64,
    pub(crate) last_hash: BlockHash,
    pub(crate) publish: PublishFrom,
    pub(crate) sealer_state: State,
    pub(crate) subject_file: SubjectFile,
    pub(crate) files: Vec<Arc<WalFile>>,
    pub(crate) recovery: Recovery,
}

/// What the folder holds beside the WAL.
struct Found {
    folder: folder::Folder,
    heads: Heads,
    /// Marks and last heads of logs that lost events.
    frozen: BTreeMap<LogNo, Frozen>,
    lost: BTreeMap<LogNo, HeadPage>,
    anchor: Option<Anchor>,
    anchor_path: Option<PathBuf>,
    snapshot: State,
    secrets: Secrets,
    subjects: Subjects,
    subject_file: SubjectFile,
    flat: FlatFiles,
    sealed: Vec<Arc<Segment>>,
    /// Segments of blocks behind the snapshot.
    unused: Vec<PathBuf>,
}

/// Opens the folder and recovers.
pub(crate) fn open(dir: &Path, options: Options) -> Result<Opened, OpenError> {
    let found = find(dir, &options)?;
    let (replayed, end) = replay(dir, &options, &found)?;
    assemble(dir, options, found, replayed, end)
}

fn find(dir: &Path, options: &Options) -> Result<Found, OpenError> {
    let disk = &options.disk;
    let folder = folder::open(disk, dir, options.must_exist, options.wal_file_bytes)?;
    let heads = Heads::read(&**disk, dir, folder.node)?;
    check_clock(options, &heads)?;
    let frozen = read_frozen(&**disk, dir, &heads)?;
    let is_frozen = |no: LogNo| frozen.contains_key(&no);
    let lost =
        heads.newest.iter().filter(|(no, _)| is_frozen(**no)).map(|(no, head)| (*no, head.clone())).collect();
    let heads = heads.without(is_frozen);
    let anchor_path = options.anchor_dir.as_ref().map(|anchors| anchor::path(anchors, &folder.node));
    let anchor = read_anchor(&**disk, anchor_path.as_deref())?;
    let snapshot = read_snapshot(&**disk, dir)?;
    let keys_dir = dir.join("keys");
    let now_ns = u64::try_from(options.clock.now_ns()).unwrap_or(0);
    let secrets = Secrets::open(&**disk, &keys_dir, now_ns)?;
    let subjects = Subjects::open(&**disk, &keys_dir, secrets.subject.clone())?;
    let subject_file = SubjectFile::open(&**disk, &keys_dir)?;
    for (_, digest, pool) in subject_file.read(&**disk, snapshot.subjects)? {
        subjects.restore(digest, pool);
    }
    let flat = FlatFiles::new(Arc::clone(disk), dir.join("logs"));
    if let Some(merge) = Journal::read(&**disk, dir)? {
        merge.finish(&**disk, dir)?;
    }
    let (sealed, unused) = read_segments(&**disk, dir, &snapshot)?;
    Ok(Found {
        folder,
        heads,
        frozen,
        lost,
        anchor,
        anchor_path,
        snapshot,
        secrets,
        subjects,
        subject_file,
        flat,
        sealed,
        unused,
    })
}

fn replay(dir: &Path, options: &Options, found: &Found) -> Result<(Replayed, WalEnd), OpenError> {
    let disk = &*options.disk;
    let anchor_block = found.anchor.as_ref().map(|anchor| anchor.block);
    let from = ScanFrom {
        node: found.folder.node,
        known: (found.snapshot.block, found.snapshot.block_hash),
        seen: found.heads.block().max(anchor_block.unwrap_or(0)),
    };
    let wanted = (&found.subjects, anchor_block);
    let mut replay = Replay::new(&found.flat, &found.heads, &found.snapshot, wanted, options);
    let end = scan(disk, &dir.join("wal"), &from, |block| replay.block(block))?;
    replay.finish()?;
    let mut replayed = replay.into_replayed();
    check_heads(found, &replayed)?;
    let anchor = found.anchor_path.as_deref().zip(found.anchor.as_ref());
    check_ends(dir, &end, &found.heads, &replayed, anchor)?;
    // Everything is there without them: only now may they go.
    for path in &found.unused {
        indelible_durable::replace::remove_file(disk, path).map_err(OpenError::io("remove", path))?;
    }
    let end = settle(disk, dir, end, options.wal_file_bytes, &found.flat)?;
    for run in replayed.runs.values_mut().flatten() {
        end.refresh(&mut run.file);
    }
    for block in &mut replayed.backlog {
        end.refresh(&mut block.file);
    }
    Ok((replayed, end))
}

fn assemble(
    dir: &Path,
    options: Options,
    found: Found,
    replayed: Replayed,
    end: WalEnd,
) -> Result<Opened, OpenError> {
    let (mut core, mut state) = (replayed.core, replayed.state);
    let logs = open_logs(&*options.disk, dir, &state, &found.heads, (replayed.runs, found.frozen))?;
    for (no, head) in found.lost {
        core.logs.entry(no).or_default().frozen = true;
        // What was signed before the loss stays what is shown.
        if let Some(log) = logs.iter().find(|log| log.no == no) {
            log.set_head(head.into_head());
        }
    }
    let filter = attach_segments(&logs, &state, &found.snapshot, found.sealed)?;
    let producers = Producers::default();
    for ((log, number), producer) in &state.producers {
        producers.restore(*log, *number, &producer.name, &producer.instance);
    }
    let recovery = Recovery {
        new: found.folder.new,
        blocks: replayed.backlog.len() as u64,
        events: replayed.backlog.iter().map(|block| block.events).sum(),
        torn: end.torn,
        anchored: found.anchor.is_some(),
        segments_removed: found.unused.len() as u64,
    };
    let shared = Arc::new(Shared::new(Parts {
        backlog: Backlog::new(&options, found.snapshot.block, replayed.backlog),
        dir: dir.to_path_buf(),
        node: found.folder.node,
        logs: logs.clone(),
        flat: found.flat,
        secrets: found.secrets,
        subjects: found.subjects,
        producers,
        filter,
        options,
    }));
    let publish = publish_from(&shared, &logs, &mut state, &found.heads, (&end, found.anchor_path))?;
    let wal = wal_writer(&shared, &end)?;
    Ok(Opened {
        shared,
        lock: found.folder.lock,
        core,
        wal,
        next_seq: end.next_seq,
        last_hash: end.last_hash,
        publish,
        sealer_state: found.snapshot,
        subject_file: found.subject_file,
        files: end.files,
        recovery,
    })
}

/// The marks of logs that lost events.
fn read_frozen(disk: &dyn Disk, dir: &Path, heads: &Heads) -> Result<BTreeMap<LogNo, Frozen>, OpenError> {
    let mut frozen = BTreeMap::new();
    for no in heads.newest.keys() {
        if let Some(mark) = crate::rollback::read(disk, &dir.join("logs").join(no.to_string()))? {
            frozen.insert(*no, mark);
        }
    }
    Ok(frozen)
}

fn check_clock(options: &Options, heads: &Heads) -> Result<(), OpenError> {
    let newest = i64::try_from(heads.time_ns()).unwrap_or(i64::MAX);
    let behind = newest.saturating_sub(options.clock.now_ns());
    if behind > MAX_CLOCK_BEHIND_NS {
        return Err(OpenError::ClockBehind { behind_s: behind / 1_000_000_000 });
    }
    Ok(())
}

fn read_anchor(disk: &dyn Disk, path: Option<&Path>) -> Result<Option<Anchor>, OpenError> {
    let Some(path) = path else { return Ok(None) };
    anchor::read(disk, path).map_err(OpenError::io("read", path))
}

/// The newest valid snapshot, or the state before the first block.
pub(crate) fn read_snapshot(disk: &dyn Disk, dir: &Path) -> Result<State, OpenError> {
    let dir = dir.join("state");
    let names = disk.list(&dir).map_err(OpenError::io("list", &dir))?;
    let mut blocks: Vec<u64> =
        names.iter().filter_map(|entry| snapshot::parse_file_name(&entry.name)).collect();
    blocks.sort_unstable();
    for block in blocks.into_iter().rev() {
        let path = dir.join(snapshot::file_name(block));
        let bytes = indelible_durable::disk::read_file(disk, &path, MAX_SNAPSHOT)
            .map_err(OpenError::io("read", &path))?;
        if let Some(state) = State::decode(&bytes).filter(|state| state.block == block) {
            return Ok(state);
        }
        // The WAL behind an older snapshot may still be there; if not, the scan finds the hole.
        tracing::warn!("{} does not check, looking for an older snapshot", path.display());
    }
    Ok(State::default())
}

/// Segments that belong to the snapshot, and the paths of later ones, which were never used.
fn read_segments(
    disk: &dyn Disk,
    dir: &Path,
    snapshot: &State,
) -> Result<(Vec<Arc<Segment>>, Vec<PathBuf>), OpenError> {
    let (mut segments, mut unused) = (Vec::new(), Vec::new());
    for path in segment_paths(disk, dir)? {
        let segment = Segment::open_tolerant(disk, path.clone())?;
        if is_later(&segment, snapshot) {
            unused.push(path);
        } else {
            segments.push(Arc::new(segment));
        }
    }
    Ok((segments, unused))
}

/// Whether a segment holds events of blocks behind the snapshot. Of a damaged one its name tells.
fn is_later(segment: &Segment, snapshot: &State) -> bool {
    if segment.broken.is_none() {
        return segment.index.wal_blocks.1 > snapshot.block;
    }
    let last = segment.named_range().map_or(0, |(_, last)| last);
    if segment.is_spill() {
        return last > snapshot.block;
    }
    let log = segment.own_log().and_then(|log| snapshot.logs.get(&log));
    log.is_none_or(|log| last >= log.size)
}

/// Paths of all segment files.
pub(crate) fn segment_paths(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let mut folders = vec![dir.join("spill")];
    let own = dir.join("segments");
    for entry in disk.list(&own).map_err(OpenError::io("list", &own))? {
        folders.push(own.join(entry.name));
    }
    let mut paths = Vec::new();
    for folder in folders {
        let entries = disk.list(&folder).map_err(OpenError::io("list", &folder))?;
        let named = entries
            .into_iter()
            .filter(|entry| Path::new(&entry.name).extension().is_some_and(|kind| kind == "seg"));
        paths.extend(named.map(|entry| folder.join(entry.name)));
    }
    Ok(paths)
}

/// Every log reaches its own signed head, with the root it signed.
fn check_heads(found: &Found, replayed: &Replayed) -> Result<(), OpenError> {
    for (no, head) in &found.heads.newest {
        let origin = || note_origin(&head.note);
        let Some(log) = replayed.state.logs.get(no) else {
            return Err(OpenError::BehindHead { origin: origin(), size: 0, head_size: head.size });
        };
        if log.size < head.size {
            let origin = log.origin.clone();
            return Err(OpenError::BehindHead { origin, size: log.size, head_size: head.size });
        }
        let root = match replayed.roots.get(no) {
            Some(root) => *root,
            None => root_of_sealed(found, *no, head.size)?,
        };
        if root != head.root {
            return Err(OpenError::RootMismatch { origin: log.origin.clone(), size: head.size });
        }
    }
    Ok(())
}

/// The root at a size before the snapshot's: everything it covers is in segments.
fn root_of_sealed(found: &Found, no: LogNo, size: u64) -> Result<indelible_tlog::tree::Hash, OpenError> {
    let sealed = |index: u64| {
        found.sealed.iter().find_map(|segment| {
            let entry = segment.index.logs().iter().find(|entry| entry.log == no.0)?;
            let holds = index.checked_sub(entry.first).is_some_and(|at| at < entry.count);
            holds.then(|| Sealed { first: entry.first, count: entry.count, segment: Arc::clone(segment) })
        })
    };
    let places = Places { log: no, subjects: &found.subjects, run: &|_| None, sealed: &sealed };
    Ok(indelible_tlog::proof::root(size, &SealedLevels { flat: &found.flat, places })?)
}

fn note_origin(note: &str) -> String {
    note.lines().next().unwrap_or_default().to_owned()
}

/// The WAL reaches everything that was made from it, inside the folder and outside.
fn check_ends(
    dir: &Path,
    end: &WalEnd,
    heads: &Heads,
    replayed: &Replayed,
    anchor: Option<(&Path, &Anchor)>,
) -> Result<(), OpenError> {
    let last = end.next_seq - 1;
    if let Some((path, anchor)) = anchor {
        let known = match anchor.block {
            0 => Some([0; 16]),
            block if block == replayed.state.block => Some(replayed.state.block_hash),
            _ => replayed.anchored_hash,
        };
        let diverged = known.is_some_and(|hash| hash != anchor.hash);
        if last < anchor.block || diverged {
            let (anchor_path, needed) = (path.to_path_buf(), anchor.block);
            let diverged = last >= anchor.block;
            return Err(OpenError::OlderCopy { anchor: anchor_path, found: last, needed, diverged });
        }
    }
    if heads.block() > last {
        return Err(OpenError::WalEndsEarly { file: dir.join("heads.a"), end: last, needed: heads.block() });
    }
    Ok(())
}

/// Reads keys, checks heads' signatures, and puts the logs' shared halves together.
fn open_logs(
    disk: &dyn Disk,
    dir: &Path,
    state: &State,
    heads: &Heads,
    (mut runs, mut frozen): (HashMap<LogNo, Vec<crate::log::Run>>, BTreeMap<LogNo, Frozen>),
) -> Result<Vec<Arc<Log>>, OpenError> {
    let mut logs = Vec::with_capacity(state.logs.len());
    for (no, log) in &state.logs {
        let path = signing::path(&dir.join("keys"), *no);
        let keys = LogKeys::read(disk, path.clone(), &log.origin)?;
        // The file is changed before the WAL says so, so it may know more keys, never fewer.
        let mine = keys.infos();
        let known = |vkey: &str| mine.iter().any(|info| info.vkey == vkey);
        if !log.vkeys.lines().any(known) {
            return Err(OpenError::KeyDiffers { origin: log.origin.clone(), file: path });
        }
        if let Some(head) = heads.newest.get(no)
            && let Err(error) = SignedCheckpoint::open(head.note.as_bytes(), &keys.verifiers())
        {
            tracing::warn!("head of log {}: {error}", log.origin);
            return Err(OpenError::KeyDiffers { origin: log.origin.clone(), file: path });
        }
        let shared = Log::new(*no, log.origin.clone(), log.name.clone(), keys, frozen.remove(no));
        shared.commit(runs.remove(no).unwrap_or_default(), log.size);
        logs.push(Arc::new(shared));
    }
    Ok(logs)
}

/// Gives each log its segments; together they must cover it up to the snapshot without a gap. Where damaged ones are missing,
/// they are put in: whoever reads these events is told, and all others are found.
fn attach_segments(
    logs: &[Arc<Log>],
    state: &State,
    snapshot: &State,
    segments: Vec<Arc<Segment>>,
) -> Result<KeyFilter, OpenError> {
    let filter = KeyFilter::default();
    let mut by_log: BTreeMap<LogNo, Vec<Sealed>> = BTreeMap::new();
    let (broken, segments): (Vec<_>, Vec<_>) =
        segments.into_iter().partition(|segment| segment.broken.is_some());
    for segment in segments {
        for entry in segment.index.logs() {
            let sealed = Sealed { first: entry.first, count: entry.count, segment: Arc::clone(&segment) };
            by_log.entry(LogNo(entry.log)).or_default().push(sealed);
        }
        filter.add(&segment);
    }
    for log in logs {
        let mut sealed = by_log.remove(&log.no).unwrap_or_default();
        sealed.sort_by_key(|sealed| sealed.first);
        let size = snapshot.logs.get(&log.no).map_or(0, |log| log.size);
        let mut next = 0;
        for piece in sealed {
            fill_gap(log, &broken, next..piece.first).ok_or_else(|| gap(state, log.no, next, piece.first))?;
            next = piece.first + piece.count;
            log.add_sealed(piece);
        }
        fill_gap(log, &broken, next..size).ok_or_else(|| gap(state, log.no, next, size))?;
    }
    for segment in broken {
        let (offset, what) = segment.broken.clone().unwrap_or_default();
        tracing::error!("{}", StoreError::corrupt(&segment.path, offset, what));
    }
    Ok(filter)
}

/// Puts damaged segments in the place of missing events; `None` when they do not explain what is missing. Of several shared
/// ones any may be the one.
fn fill_gap(log: &Log, broken: &[Arc<Segment>], missing: Range<u64>) -> Option<()> {
    if missing.start > missing.end {
        return None;
    }
    let of_log = broken.iter().filter(|segment| !segment.is_spill() && segment.own_log() == Some(log.no));
    let own: Vec<_> = of_log.filter_map(|segment| Some((segment.named_range()?, segment))).collect();
    let shared = broken.iter().find(|segment| segment.is_spill());
    let mut at = missing.start;
    while at < missing.end {
        let holding = own.iter().find(|((first, last), _)| (*first..=*last).contains(&at));
        let (end, segment) = if let Some(((_, last), segment)) = holding {
            (last.saturating_add(1).min(missing.end), *segment)
        } else {
            let next = own.iter().map(|((first, _), _)| *first).filter(|first| *first > at).min();
            (next.unwrap_or(missing.end).min(missing.end), shared?)
        };
        log.add_sealed(Sealed { first: at, count: end - at, segment: Arc::clone(segment) });
        at = end;
    }
    Some(())
}

fn gap(state: &State, no: LogNo, first: u64, end: u64) -> OpenError {
    let origin = state.logs.get(&no).map_or_else(String::new, |log| log.origin.clone());
    OpenError::Coverage { origin, first: first.min(end), last: first.max(end).saturating_sub(1) }
}

/// Makes what was read trustworthy: the last WAL file and the replayed level files are written again and synced.
fn settle(
    disk: &dyn Disk,
    dir: &Path,
    mut end: WalEnd,
    bytes: u64,
    flat: &FlatFiles,
) -> Result<WalEnd, OpenError> {
    let io = OpenError::io("rewrite the end of the WAL in", dir);
    let done = (|| {
        if let Some(last) = end.files.last().cloned() {
            let len = last.file.len()?.max(bytes);
            let file = Arc::new(rewrite(disk, &last, end.at, len)?);
            end.files.pop();
            end.files.push(file);
        }
        flat.sync()?;
        folder::remove_temporary(disk, dir)
    })();
    done.map_err(io)?;
    Ok(end)
}

impl WalEnd {
    /// Points at the rewritten file what pointed at the file before.
    fn refresh(&self, file: &mut Arc<WalFile>) {
        if let Some(last) = self.files.last()
            && last.first_seq == file.first_seq
        {
            *file = Arc::clone(last);
        }
    }
}

fn publish_from(
    shared: &Arc<Shared>,
    logs: &[Arc<Log>],
    state: &mut State,
    heads: &Heads,
    (end, anchor_path): (&WalEnd, Option<PathBuf>),
) -> Result<PublishFrom, OpenError> {
    let mut growing = Vec::with_capacity(logs.len());
    for log in logs.iter().filter(|log| log.frozen.is_none()) {
        let stack = state.logs.get_mut(&log.no).map(|log| std::mem::take(&mut log.stack)).unwrap_or_default();
        let generation = heads.newest.get(&log.no).map_or(0, |head| head.generation);
        let notes_at = notes_end(&shared.flat, log.no)?;
        growing.push((Arc::clone(log), stack, generation, notes_at));
    }
    let slots =
        open_slots(&*shared.disk, &shared.dir).map_err(OpenError::io("open heads in", &shared.dir))?;
    let anchor = match anchor_path {
        Some(path) => Some(open_anchor(&*shared.disk, &path).map_err(OpenError::io("open", &path))?),
        None => None,
    };
    Ok(PublishFrom { logs: growing, slots, anchor, block: end.next_seq - 1, hash: end.last_hash })
}

fn open_anchor(disk: &dyn Disk, path: &Path) -> io::Result<AnchorWriter> {
    if let Some(parent) = path.parent()
        && !exists(disk, parent)?
    {
        disk.make_dir(parent)?;
    }
    AnchorWriter::open(disk, path)
}

/// Where the valid notes of a log end; what a crash left behind them is overwritten.
fn notes_end(flat: &FlatFiles, no: LogNo) -> Result<u64, StoreError> {
    let path = flat.path(no, Flat::Notes);
    let len = flat.len(no, Flat::Notes).map_err(StoreError::io("read", &path))?;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    if !bytes.is_empty() {
        flat.read(no, Flat::Notes, 0, &mut bytes)?;
    }
    let (_, end) = read_notes(&bytes);
    flat.cut(no, Flat::Notes, end).map_err(StoreError::io("cut", &path))?;
    Ok(end)
}

fn wal_writer(shared: &Arc<Shared>, end: &WalEnd) -> Result<WalWriter, OpenError> {
    let dir = shared.dir.join("wal");
    let Some(current) = end.files.last() else {
        return Err(OpenError::corrupt(dir, 0, "the WAL has no file"));
    };
    Ok(WalWriter {
        current: Arc::clone(current),
        at: end.at,
        file_bytes: shared.options.wal_file_bytes,
        node: shared.node,
        disk: Arc::clone(&shared.disk),
        dir,
    })
}
