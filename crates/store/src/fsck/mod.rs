//! Checking a whole data folder, read-only: every body, leaf, hash, note, head, key and checksum against the others.
//!
//! It repairs nothing and takes no lock. Beside a running store it checks up to the heads it finds at its beginning.
//! Each finding names the file and the byte where it begins. Start at [`check`].

mod files;
mod payload;
mod span;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use indelible_durable::disk::Disk;
use indelible_tlog::tree::Hash;

use crate::error::OpenError;
use crate::flat::FlatFiles;
use crate::folder;
use crate::heads::Heads;
use crate::log_no::LogNo;
use crate::producers::ProducerInfo;
use crate::signing::LogKeys;
use crate::snapshot::State;

/// Findings kept; a folder with more is beyond telling them apart.
const MAX_FINDINGS: usize = 1_000;

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// Byte at which the damaged thing begins.
    pub offset: u64,
    /// Origin of the log, if it concerns one.
    pub log: Option<String>,
    /// Index of the event, if it concerns one.
    pub index: Option<u64>,
    /// What does not hold.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// What is known of one log after the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVerdict {
    /// Its number.
    pub no: LogNo,
    /// Its origin.
    pub origin: String,
    /// Id of the organization that owns it.
    pub name: String,
    /// Events found and recomputed.
    pub events: u64,
    /// Size in its newest signed head.
    pub head_size: u64,
    /// Root recomputed at that size; `None` when the log does not reach it.
    pub root: Option<Hash>,
    /// When the newest head was signed; nanoseconds since 1970.
    pub head_time_ns: u64,
    /// Signed checkpoints that were checked, the head included.
    pub checkpoints: u64,
    /// Its producers, with the gaps in their numbers.
    pub producers: Vec<ProducerInfo>,
    /// Whether nothing was found against it.
    pub intact: bool,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Everything that does not hold, in the order of files and offsets.
    pub findings: Vec<Finding>,
    /// Every log.
    pub logs: Vec<LogVerdict>,
    /// Events recomputed from their bodies up.
    pub events: u64,
    /// Whether a running process has the folder.
    pub live: bool,
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Events recomputed.
    pub done: u64,
    /// Events there are, as far as is known.
    pub total: u64,
}

/// How to check.
pub struct CheckOptions<'a> {
    /// Threads that recompute segments; at least one.
    pub threads: usize,
    /// Told now and then, from any thread.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl std::fmt::Debug for CheckOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckOptions").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// Findings as they come, from several threads.
#[derive(Debug, Default)]
struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    fn add(&self, finding: Finding) {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if all.len() < MAX_FINDINGS {
            all.push(finding);
        }
    }

    fn at(&self, file: &Path, offset: u64, what: impl Into<String>, remedy: &str) {
        let (file, what, remedy) = (file.to_path_buf(), what.into(), remedy.to_owned());
        self.add(Finding { file, offset, log: None, index: None, what, remedy });
    }

    /// Adds what opening would have refused with.
    fn refusal(&self, dir: &Path, error: OpenError) {
        let what = error.to_string();
        let (file, offset) = match error {
            OpenError::Corrupt { file, offset, .. } => (file, offset),
            OpenError::UnknownVersion { file, .. }
            | OpenError::ForeignNode { file, .. }
            | OpenError::WalHole { file, .. }
            | OpenError::WalEndsEarly { file, .. }
            | OpenError::KeyMissing { file, .. }
            | OpenError::KeyDiffers { file, .. } => (file, 0),
            OpenError::Io { path, .. } => (path, 0),
            OpenError::HeadsContradict { .. } => (dir.join("heads.a"), 0),
            _ => (dir.to_path_buf(), 0),
        };
        self.at(&file, offset, what, RESTORE);
    }
}

const RESTORE: &str =
    "restore the file from a backup; what is missing then shows against receipts and witnesses";

/// What all parts of a check share.
struct Check<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    node: [u8; 16],
    findings: Findings,
    heads: Heads,
    snapshot: State,
    flat: FlatFiles,
    keys: BTreeMap<LogNo, LogKeys>,
    subjects: hashbrown::HashMap<[u8; 16], [u8; 32]>,
    /// Sizes of each log that somebody signed.
    wanted: BTreeMap<LogNo, BTreeSet<u64>>,
    /// Leaves as they were recomputed.
    spans: Mutex<BTreeMap<LogNo, Vec<span::Span>>>,
    live: bool,
    done: AtomicU64,
    total: u64,
    options: &'a CheckOptions<'a>,
}

impl Check<'_> {
    fn progress(&self, events: u64) {
        let done = self.done.fetch_add(events, Ordering::Relaxed) + events;
        (self.options.progress)(Progress { done, total: self.total.max(done) });
    }

    fn origin(&self, log: LogNo) -> Option<String> {
        self.snapshot.logs.get(&log).map(|log| log.origin.clone())
    }
}

/// Tries to catch a running store between two seals.
const LIVE_TRIES: usize = 10;

/// Checks the folder. Damage becomes findings; an error means that there is no store to check.
pub fn check(disk: &Arc<dyn Disk>, dir: &Path, options: &CheckOptions<'_>) -> Result<Report, OpenError> {
    if !folder::check_version(&**disk, dir)? {
        return Err(OpenError::Missing { dir: dir.to_path_buf() });
    }
    let live = is_live(&**disk, dir);
    let mut tries = if live { LIVE_TRIES } else { 1 };
    loop {
        let mut check = begin(disk, dir, live, options)?;
        let before = crate::recover::segment_paths(&**disk, dir).ok();
        let segments = payload::open_segments(&check);
        files::heads_and_snapshots(&check);
        check.subjects = files::keys(&check);
        let sealed = check.snapshot.clone();
        let wal = payload::wal(&mut check);
        tries -= 1;
        // A running store that sealed or merged meanwhile has removed files under our eyes; what we hold belongs to no moment.
        let moved = crate::recover::read_snapshot(&**disk, dir).is_ok_and(|now| now.block != sealed.block)
            || crate::recover::segment_paths(&**disk, dir).ok() != before;
        if live && moved && tries > 0 {
            continue;
        }
        files::logs(&mut check);
        check.wanted = tree::signed_sizes(&check);
        payload::coverage(&check, &sealed, &segments);
        payload::segments(&check, &segments);
        payload::wal_bodies(&check, &wal);
        let logs = tree::logs(&check);
        let events = check.done.load(Ordering::Relaxed);
        return Ok(report(check, logs, events));
    }
}

/// Reads what everything else is compared with. Heads come first: whatever they cover was there before them.
fn begin<'a>(
    disk: &'a Arc<dyn Disk>,
    dir: &'a Path,
    live: bool,
    options: &'a CheckOptions<'a>,
) -> Result<Check<'a>, OpenError> {
    let node = folder::read_node(&**disk, dir)?;
    let findings = Findings::default();
    let heads = Heads::read(&**disk, dir, node).unwrap_or_else(|error| {
        findings.refusal(dir, error);
        Heads::default()
    });
    let is_frozen = |no: LogNo| {
        crate::rollback::read(&**disk, &dir.join("logs").join(no.to_string()))
            .is_ok_and(|mark| mark.is_some())
    };
    let heads = heads.without(is_frozen);
    let snapshot = crate::recover::read_snapshot(&**disk, dir).unwrap_or_else(|error| {
        findings.refusal(dir, error);
        State::default()
    });
    Ok(Check {
        disk: &**disk,
        dir,
        node,
        findings,
        total: heads.newest.values().map(|head| head.size).sum(),
        heads,
        snapshot,
        flat: FlatFiles::new(Arc::clone(disk), dir.join("logs")),
        keys: BTreeMap::new(),
        subjects: hashbrown::HashMap::new(),
        wanted: BTreeMap::new(),
        spans: Mutex::default(),
        live,
        done: AtomicU64::new(0),
        options,
    })
}

fn report(check: Check<'_>, mut logs: Vec<LogVerdict>, events: u64) -> Report {
    let mut findings = check.findings.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    findings.sort();
    findings.dedup();
    for log in &mut logs {
        log.intact &= !findings.iter().any(|finding| finding.log.as_ref() == Some(&log.origin));
    }
    Report { findings, logs, events, live: check.live }
}

/// Whether another process has the folder; the lock is given back at once.
fn is_live(disk: &dyn Disk, dir: &Path) -> bool {
    match disk.lock(&dir.join("LOCK")) {
        Ok(guard) => {
            drop(guard);
            false
        }
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}
