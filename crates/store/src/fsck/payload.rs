//! Events: segments and WAL read whole, every body and every leaf recomputed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use indelible_event::{EventId, LEAF_BYTES, Leaf, StoredBody, SubjectKey};
use indelible_segment::read::BlockEntry;

use super::span::Span;
use super::{Check, Finding, RESTORE};
use crate::compact::journal::Journal;
use crate::error::StoreError;
use crate::leaves::leaf_of;
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
        let mut spans = Spans::new(check, LogNo(log.log));
        for entry in segment.index.blocks(log.log) {
            if let Err(error) = check_block(check, segment, &mut spans, entry) {
                let origin = check.origin(LogNo(log.log)).unwrap_or_default();
                damaged(check, &segment.path, Some((origin, entry.first)), &error);
            }
        }
        spans.finish();
    }
}

fn check_block(
    check: &Check<'_>,
    segment: &Segment,
    spans: &mut Spans<'_>,
    entry: &BlockEntry,
) -> Result<(), StoreError> {
    let log = spans.log;
    let block = segment.block(log, entry.first)?;
    for (index, row) in block.rows() {
        let given = body_hash(check, row.id, row.stored);
        let kept = segment.index.kept_body(log.0, index);
        let problem = match &given {
            Err(problem) => Some(problem.clone()),
            Ok(given) if kept.is_some_and(|kept| kept != *given) => Some(Problem::odd()),
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            problem.report(check, log, index, (&segment.path, entry.offset));
        }
        if let Some(body) = kept.or(given.ok()) {
            spans.push(index, &leaf_of(&row, body));
        }
    }
    check.progress(u64::from(entry.rows));
    Ok(())
}

/// Collects leaves of one log in their order.
struct Spans<'a> {
    check: &'a Check<'a>,
    log: LogNo,
    wanted: BTreeSet<u64>,
    done: Vec<Span>,
    open: Option<Span>,
}

impl<'a> Spans<'a> {
    fn new(check: &'a Check<'a>, log: LogNo) -> Self {
        let wanted = check.wanted.get(&log).cloned().unwrap_or_default();
        Self { check, log, wanted, done: Vec::new(), open: None }
    }

    fn push(&mut self, index: u64, leaf: &[u8; LEAF_BYTES]) {
        if self.open.as_ref().is_some_and(|open| open.next() != index) {
            self.done.extend(self.open.take());
        }
        self.open.get_or_insert_with(|| Span::new(index)).push(leaf, &self.wanted);
    }

    fn finish(mut self) {
        self.done.extend(self.open.take());
        let mut all = self.check.spans.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(self.log).or_default().extend(self.done);
    }
}

/// Why an event does not hold.
#[derive(Debug, Clone)]
struct Problem(String);

impl Problem {
    fn odd() -> Self {
        Self("the body does not give the leaf".to_owned())
    }

    fn report(&self, check: &Check<'_>, log: LogNo, index: u64, (file, offset): (&std::path::Path, u64)) {
        check.findings.add(Finding {
            file: file.to_path_buf(),
            offset,
            log: check.origin(log),
            index: Some(index),
            what: self.0.clone(),
            remedy: RESTORE.to_owned(),
        });
    }
}

/// Recomputes the body hash from a stored body.
fn body_hash(check: &Check<'_>, id: [u8; 16], stored: &[u8]) -> Result<[u8; 32], Problem> {
    let body =
        StoredBody::decode(stored).map_err(|error| Problem(format!("the event does not decode: {error}")))?;
    let key = |id: &[u8; 16]| check.subjects.get(id).map(|key| SubjectKey::new(*id, key));
    body.body_hash(EventId(id), &key)
        .map_err(|_| Problem("the key of a person in the event is missing".to_owned()))
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

/// Compares the WAL's leaves with their bodies and collects them.
pub(super) fn wal_bodies(check: &Check<'_>, events: &[WalEvent]) {
    let mut by_log: BTreeMap<LogNo, Spans<'_>> = BTreeMap::new();
    for (number, event) in (1u64..).zip(events) {
        let stated = Leaf::decode(&event.leaf).ok().map(|leaf| leaf.body);
        let problem = match &event.body {
            Err(problem) => Some(problem.clone()),
            Ok(body) if stated != Some(*body) => Some(Problem::odd()),
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            problem.report(check, event.log, event.index, (&event.file.path, event.offset));
        }
        let spans = by_log.entry(event.log).or_insert_with(|| Spans::new(check, event.log));
        spans.push(event.index, &event.leaf);
        if number.is_multiple_of(STEP) {
            check.progress(STEP);
        }
    }
    by_log.into_values().for_each(Spans::finish);
    check.progress(events.len() as u64 % STEP);
}
