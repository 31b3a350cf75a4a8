//! Events: segments and WAL read whole, every body recomputed, every leaf compared with the leaf file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indelible_event::{EventId, LEAF_BYTES, Leaf, StoredBody, SubjectKey};
use indelible_segment::read::BlockEntry;
use indelible_segment::row::Row;
use indelible_tlog::tree::{HASH_LEN, leaf_hash};

use super::{Check, Finding, RESTORE};
use crate::compact::journal::Journal;
use crate::error::StoreError;
use crate::flat::{ENTRY, Flat};
use crate::log_no::LogNo;
use crate::sealed::Segment;
use crate::wal::block::{HEADER, PAGE};
use crate::wal::file::WalFile;
use crate::wal::record::{Record, records};
use crate::wal::scan::{ScanFrom, scan};

/// Events a thread checks before it says how far it is.
const STEP: u64 = 8192;

/// The segments that belong to the snapshot.
pub(super) fn open_segments(check: &Check<'_>) -> Vec<Arc<Segment>> {
    let paths = crate::recover::segment_paths(check.disk, check.dir).unwrap_or_else(|error| {
        check.findings.refusal(check.dir, error);
        Vec::new()
    });
    let merge = Journal::read(check.disk, check.dir).unwrap_or_else(|error| {
        check.findings.refusal(check.dir, error);
        None
    });
    // The next start removes them.
    let shadowed = merge.map(|merge| merge.shadowed(check.dir, &paths)).unwrap_or_default();
    let mut segments = Vec::new();
    for path in paths.into_iter().filter(|path| !shadowed.contains(path)) {
        match Segment::open(check.disk, path.clone()) {
            Ok(segment) if segment.index.node != check.node => {
                check.findings.at(&path, 8, "the segment belongs to another node", RESTORE);
            }
            Ok(segment) if segment.index.wal_blocks.1 <= check.snapshot.block => {
                segments.push(Arc::new(segment));
            }
            // Made but not in use yet; the next start makes it again.
            Ok(_) => {}
            Err(error) => damaged(check, &path, None, &error),
        }
    }
    segments
}

fn damaged(check: &Check<'_>, path: &std::path::Path, log: Option<(String, u64)>, error: &StoreError) {
    let (offset, what) = match error {
        StoreError::Corrupt { offset, what, .. } => (*offset, what.clone()),
        other => (0, other.to_string()),
    };
    let (log, index) = log.unzip();
    check.findings.add(Finding {
        file: path.to_path_buf(),
        offset,
        log,
        index,
        what,
        remedy: RESTORE.to_owned(),
    });
}

/// Segments cover every log from its first event to the snapshot, each event once.
pub(super) fn coverage(check: &Check<'_>, sealed: &crate::snapshot::State, segments: &[Arc<Segment>]) {
    let mut ranges: BTreeMap<LogNo, Vec<(u64, u64, PathBuf)>> = BTreeMap::new();
    for segment in segments {
        for entry in segment.index.logs() {
            let range = (entry.first, entry.count, segment.path.clone());
            ranges.entry(LogNo(entry.log)).or_default().push(range);
        }
    }
    for (no, log) in &sealed.logs {
        let mut of_log = ranges.remove(no).unwrap_or_default();
        of_log.sort();
        let mut next = 0;
        let folder = check.dir.join("segments").join(no.to_string());
        let end = (log.size, 0, folder);
        for (first, count, file) in of_log.iter().chain([&end]) {
            if *first != next {
                let what = format!(
                    "events {} to {} are in no segment, or in two",
                    next.min(*first),
                    next.max(*first)
                );
                let (log, index) = (Some(log.origin.clone()), Some(next.min(*first)));
                let remedy = RESTORE.to_owned();
                check.findings.add(Finding { file: file.clone(), offset: 0, log, index, what, remedy });
            }
            next = first + count;
        }
    }
    for (no, left) in ranges {
        for (_, _, file) in left {
            check.findings.at(
                &file,
                0,
                format!("it holds events of log {no}, which does not exist"),
                RESTORE,
            );
        }
    }
}

/// Recomputes all segments, several at a time.
pub(super) fn segments(check: &Check<'_>, segments: &[Arc<Segment>]) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..check.options.threads.max(1) {
            scope.spawn(|| {
                while let Some(segment) = segments.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check_segment(check, segment);
                }
            });
        }
    });
}

fn check_segment(check: &Check<'_>, segment: &Segment) {
    let read = |at: u64, buf: &mut [u8]| segment.file.read_exact_at(buf, at);
    if let Err(error) = segment.index.verify(&read) {
        damaged(check, &segment.path, None, &crate::sealed::damage(&segment.path)(error));
    }
    for log in segment.index.logs() {
        for entry in segment.index.blocks(log.log) {
            if let Err(error) = check_block(check, segment, LogNo(log.log), entry) {
                let origin = check.origin(LogNo(log.log)).unwrap_or_default();
                let file = match &error {
                    StoreError::Corrupt { file, .. } => file.clone(),
                    _ => segment.path.clone(),
                };
                damaged(check, &file, Some((origin, entry.first)), &error);
            }
        }
    }
}

fn check_block(
    check: &Check<'_>,
    segment: &Segment,
    log: LogNo,
    entry: &BlockEntry,
) -> Result<(), StoreError> {
    let block = segment.block(log, entry.first)?;
    let flats = Flats::read(check, log, entry.first, u64::from(entry.rows))?;
    for (index, row) in block.rows() {
        let body = body_hash(check, row.id, row.stored);
        let leaf = body.as_ref().map(|body| leaf_of(&row, *body));
        let outcome = leaf.map_err(Clone::clone).and_then(|leaf| flats.compare(index, &leaf));
        if let Err(problem) = outcome {
            problem.report(check, log, index, (&segment.path, entry.offset));
        }
    }
    check.progress(u64::from(entry.rows));
    Ok(())
}

fn leaf_of(row: &Row<'_>, body: [u8; 32]) -> [u8; LEAF_BYTES] {
    Leaf {
        flags: row.flags,
        type_tag: row.type_tag,
        received_ns: row.received_ns,
        id: EventId(row.id),
        producer: row.producer,
        sequence: row.sequence,
        body,
    }
    .encode()
}

/// Why an event does not hold, and where the fault lies.
#[derive(Debug, Clone)]
enum Problem {
    /// The stored event itself.
    Stored(String),
    /// The leaf file at the event's entry.
    Leaf,
    /// The level file at the event's hash.
    Level,
}

impl Problem {
    fn report(&self, check: &Check<'_>, log: LogNo, index: u64, stored: (&std::path::Path, u64)) {
        let (file, offset, what) = match self {
            Self::Stored(what) => (stored.0.to_path_buf(), stored.1, what.clone()),
            Self::Leaf => {
                let what = format!(
                    "leaf {index} is not the one that the stored event gives (in {})",
                    stored.0.display()
                );
                (check.flat.path(log, Flat::Leaves), index * ENTRY as u64, what)
            }
            Self::Level => {
                let what = format!("hash {index} is not the hash of its leaf");
                (check.flat.path(log, Flat::Level(0)), index * HASH_LEN as u64, what)
            }
        };
        let remedy = RESTORE.to_owned();
        check.findings.add(Finding {
            file,
            offset,
            log: check.origin(log),
            index: Some(index),
            what,
            remedy,
        });
    }
}

/// Recomputes the body hash from a stored body.
fn body_hash(check: &Check<'_>, id: [u8; 16], stored: &[u8]) -> Result<[u8; 32], Problem> {
    let body = StoredBody::decode(stored)
        .map_err(|error| Problem::Stored(format!("the event does not decode: {error}")))?;
    let key = |id: &[u8; 16]| check.subjects.get(id).map(|key| SubjectKey::new(*id, key));
    body.body_hash(EventId(id), &key)
        .map_err(|_| Problem::Stored("the key of a person in the event is missing".to_owned()))
}

/// A stretch of leaf file and level 0.
struct Flats {
    first: u64,
    leaves: Vec<u8>,
    hashes: Vec<u8>,
}

impl Flats {
    fn read(check: &Check<'_>, log: LogNo, first: u64, count: u64) -> Result<Self, StoreError> {
        let size = |record: usize| vec![0; usize::try_from(count).unwrap_or(0) * record];
        let mut flats = Self { first, leaves: size(ENTRY), hashes: size(HASH_LEN) };
        let short =
            |flat| StoreError::corrupt(check.flat.path(log, flat), 0, "the file is too short or unreadable");
        let read = |flat, record: usize, buf: &mut [u8]| {
            check.flat.read(log, flat, first * record as u64, buf).map_err(|_| short(flat))
        };
        read(Flat::Leaves, ENTRY, &mut flats.leaves)?;
        read(Flat::Level(0), HASH_LEN, &mut flats.hashes)?;
        Ok(flats)
    }

    fn compare(&self, index: u64, leaf: &[u8; LEAF_BYTES]) -> Result<(), Problem> {
        let at = usize::try_from(index - self.first).unwrap_or(usize::MAX);
        let entry = self
            .leaves
            .get(at.saturating_mul(ENTRY)..)
            .and_then(|rest| rest.get(..ENTRY))
            .unwrap_or_default();
        let length = (LEAF_BYTES as u16).to_be_bytes();
        if entry.split_first_chunk::<2>() != Some((&length, leaf.as_slice())) {
            return Err(Problem::Leaf);
        }
        let hash = self.hashes.get(at.saturating_mul(HASH_LEN)..).and_then(|rest| rest.get(..HASH_LEN));
        if hash != Some(leaf_hash(leaf).as_bytes().as_slice()) {
            return Err(Problem::Level);
        }
        Ok(())
    }
}

/// An event in the WAL that no segment holds.
pub(super) struct WalEvent {
    log: LogNo,
    index: u64,
    file: Arc<WalFile>,
    offset: u64,
    leaf: [u8; LEAF_BYTES],
    body: Result<[u8; 32], Problem>,
}

/// Reads the WAL, checks its chain, and moves the state on to its end. Bodies are recomputed on the way.
pub(super) fn wal(check: &mut Check<'_>) -> Vec<WalEvent> {
    let dir = check.dir.join("wal");
    // Beside a running store, a last block that is being written looks torn and counts for nothing.
    let seen = if check.live { 0 } else { check.heads.block() };
    let from = ScanFrom { node: check.node, known: (check.snapshot.block, check.snapshot.block_hash), seen };
    let sealed = check.snapshot.block;
    let mut state = check.snapshot.clone();
    let mut events = Vec::new();
    let outcome = scan(check.disk, &dir, &from, |block| {
        if block.header.seq <= sealed {
            return Ok(());
        }
        let mut assignments = Vec::new();
        for record in records(block.body) {
            let bad = |at: usize, what: &str| {
                crate::error::OpenError::corrupt(&block.file.path, block.offset + (HEADER + at) as u64, what)
            };
            let (at, record) = record.map_err(|at| bad(at, "a record is malformed"))?;
            state.apply(&record, &mut assignments).map_err(|what| bad(at, what))?;
            if let Record::Event(event) = record {
                let covered = check.heads.newest.get(&event.log).is_some_and(|head| event.index < head.size);
                if check.live && !covered {
                    continue;
                }
                let id = Leaf::decode(event.leaf).map(|leaf| leaf.id.0).unwrap_or_default();
                events.push(WalEvent {
                    log: event.log,
                    index: event.index,
                    file: Arc::clone(block.file),
                    offset: block.offset + (HEADER + at) as u64,
                    leaf: *event.leaf,
                    body: body_hash(check, id, event.stored),
                });
            }
        }
        state.block = block.header.seq;
        Ok(())
    });
    match outcome {
        Ok(end) if !check.live => tails(check, &end.files, end.at),
        Ok(_) => {}
        Err(error) => check.findings.refusal(check.dir, error),
    }
    check.snapshot = state;
    events
}

/// Behind the last block of a file there are zeros.
fn tails(check: &Check<'_>, files: &[Arc<WalFile>], end: u64) {
    for (number, file) in files.iter().enumerate() {
        let len = file.file.len().unwrap_or(0);
        // Only the last file's end is known here; in the others the blocks end where the zeros begin.
        let from = if number + 1 == files.len() { end } else { last_page(file, len) };
        let mut page = vec![0; PAGE];
        for at in (from..len).step_by(PAGE) {
            if file.file.read_exact_at(&mut page, at).is_err() || page.iter().any(|byte| *byte != 0) {
                let what = "bytes behind the last block: a torn block that nobody was told of, or damage";
                check.findings.at(&file.path, at, what, "start the store once: it decides and says so");
                break;
            }
        }
    }
}

/// Where the last block of a complete file ends, by walking its headers.
fn last_page(file: &WalFile, len: u64) -> u64 {
    let mut at = PAGE as u64;
    let mut head = [0; HEADER];
    while at < len && file.file.read_exact_at(&mut head, at).is_ok() {
        match crate::wal::block::BlockHeader::decode(&head) {
            Some(header) => at += header.disk_len() as u64,
            None => break,
        }
    }
    at
}

/// Compares the WAL's events with leaf file and level 0, as far as a head covers them.
pub(super) fn wal_bodies(check: &Check<'_>, events: &[WalEvent]) {
    for (number, event) in (1u64..).zip(events) {
        let leaf = Leaf::decode(&event.leaf).ok();
        let body = event.body.as_ref().map_err(Clone::clone);
        let recomputed = body.map(|body| leaf.is_some_and(|leaf| leaf.body == *body));
        let covered = check.heads.newest.get(&event.log).is_some_and(|head| event.index < head.size);
        let outcome = match recomputed {
            Err(problem) => Err(problem),
            Ok(false) => Err(Problem::Stored("the body does not give the leaf".to_owned())),
            Ok(true) if covered => Flats::read(check, event.log, event.index, 1)
                .map_err(|_| Problem::Leaf)
                .and_then(|flats| flats.compare(event.index, &event.leaf)),
            Ok(true) => Ok(()),
        };
        if let Err(problem) = outcome {
            problem.report(check, event.log, event.index, (&event.file.path, event.offset));
        }
        if number.is_multiple_of(STEP) {
            check.progress(STEP);
        }
    }
    check.progress(events.len() as u64 % STEP);
}
