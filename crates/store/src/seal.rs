//! The sealer thread: moves events from the WAL into segments, then lets the WAL go.
//!
//! The order is the safety: segment written, synced, read back and compared with the WAL's own bytes, named; heads and
//! level files durable; snapshot named; only then are WAL files removed. Dying anywhere in between leaves the WAL, and
//! the next start seals again.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indelible_durable::disk::Disk;
use indelible_durable::replace;

use crate::backlog::BlockRef;
use crate::error::{StoreError, is_full};
use crate::log_no::LogNo;
use crate::new_segment::{NewSegment, RecordAt, Round, Written};
use crate::sealed::Sealed;
use crate::shared::Shared;
use crate::snapshot::{self, State};
use crate::subjects::SubjectFile;
use crate::wal::block::{BlockHeader, HEADER};
use crate::wal::file::WalFile;
use crate::wal::record::{Record, records};

/// Snapshots kept: the newest, and the one before, for whoever must find out what happened.
const KEEP_SNAPSHOTS: usize = 2;

/// The sealer thread. It owns the state as of the last sealed block.
#[derive(Debug)]
pub(crate) struct Sealer {
    shared: Arc<Shared>,
    state: State,
    subject_file: SubjectFile,
    /// Files that may still hold unsealed blocks, oldest first.
    files: VecDeque<Arc<WalFile>>,
    buffer: Vec<u8>,
}

impl Sealer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        state: State,
        subject_file: SubjectFile,
        files: impl IntoIterator<Item = Arc<WalFile>>,
    ) -> Self {
        Self { shared, state, subject_file, files: files.into_iter().collect(), buffer: Vec::new() }
    }

    /// Works until it is closed, stopped, or the disk fails.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        while let Some(blocks) = shared.backlog.next(|| shared.options.clock.boot_ns()) {
            let started = shared.options.clock.boot_ns();
            match self.seal(&blocks) {
                Ok(true) => {
                    let took = shared.options.clock.boot_ns() - started;
                    shared.backlog.done(&blocks, Duration::from_nanos(u64::try_from(took).unwrap_or(0)));
                    shared.compaction.wake();
                }
                Ok(false) => return,
                Err(StoreError::Io { source, .. }) if is_full(&source) => {
                    tracing::warn!("sealing waits for space on the disk: {source}");
                    if !shared.backlog.pause() {
                        return;
                    }
                }
                Err(StoreError::Io { what, path, source }) => {
                    return shared.fail(&format!("{what} {}", path.display()), &source);
                }
                Err(error) => return shared.fail("seal events", &io::Error::other(error.to_string())),
            }
        }
    }

    /// One seal. False when the store stops in the middle; everything can be done again.
    fn seal(&mut self, blocks: &[BlockRef]) -> Result<bool, StoreError> {
        let Some(last) = blocks.last() else { return Ok(true) };
        let mut next = self.state.clone();
        let round = self.gather(blocks, &mut next)?;
        let written = self.write_segments(blocks, &round)?;
        // Dying here: segments without a snapshot; the next start removes them and seals again.
        if !self.shared.inbox.wait_published(last.seq) {
            return Ok(false);
        }
        let shared = Arc::clone(&self.shared);
        let in_place = shared.keep_in_place();
        let dir = self.shared.flat.dir().to_path_buf();
        self.shared.flat.sync().map_err(StoreError::io("sync", dir))?;
        let path = self.shared.dir.join("keys/subjects");
        self.subject_file
            .append(self.state.subjects, &round.subjects)
            .map_err(StoreError::io("write", path))?;
        next.subjects += round.subjects.len() as u64;
        (next.block, next.block_hash, next.time_ns) = (last.seq, last.hash, last.time_ns);
        self.take_trees(&mut next, &written)?;
        self.write_snapshot(&next)?;
        // Dying here: payload twice; the snapshot says which part of the WAL is over.
        self.state = next;
        self.switch_readers(written)?;
        self.release(last.seq, blocks)?;
        drop(in_place);
        Ok(true)
    }

    /// Reads every block once: finds the records of each log and moves the state on.
    fn gather(&mut self, blocks: &[BlockRef], state: &mut State) -> Result<Round, StoreError> {
        let mut round = Round::default();
        for (number, block) in blocks.iter().enumerate() {
            let path = &block.file.path;
            self.buffer.resize(usize::try_from(block.disk_len).unwrap_or(0), 0);
            block
                .file
                .file
                .read_exact_at(&mut self.buffer, block.offset)
                .map_err(StoreError::io("read", path))?;
            let damaged = |at: usize, what: &str| StoreError::corrupt(path, block.offset + at as u64, what);
            let header = BlockHeader::decode(&self.buffer).filter(|header| header.seq == block.seq);
            let header =
                header.ok_or_else(|| damaged(0, "a block of the WAL changed after it was written"))?;
            let body = self.buffer.get(HEADER..HEADER + header.body_len as usize).unwrap_or_default();
            if crc32c::crc32c(body) != header.body_crc {
                return Err(damaged(HEADER, "a block of the WAL changed after it was written"));
            }
            for record in records(body) {
                let (at, record) = record.map_err(|at| damaged(HEADER + at, "a record is malformed"))?;
                state.apply(&record, &mut round.subjects).map_err(|what| damaged(HEADER + at, what))?;
                if let Record::Event(event) = record {
                    let len = (crate::wal::record::EVENT_HEAD + event.stored.len()) as u32;
                    let place = RecordAt { block: number, offset: (HEADER + at) as u32, len };
                    round.events.entry(event.log).or_default().push(place);
                }
            }
        }
        self.buffer = Vec::new();
        Ok(round)
    }

    fn write_segments(&self, blocks: &[BlockRef], round: &Round) -> Result<Vec<Written>, StoreError> {
        let (first, last) = (blocks.first().map_or(0, |b| b.seq), blocks.last().map_or(0, |b| b.seq));
        let mut segments = Vec::new();
        let mut small = Vec::new();
        for (log, places) in &round.events {
            if (places.len() as u64) < self.shared.options.own_segment_events {
                small.push(*log);
                continue;
            }
            let from = self.first_index(*log);
            let dir = self.shared.dir.join("segments").join(log.to_string());
            let disk = &*self.shared.disk;
            let made = disk.make_dir(&dir).and_then(|()| replace::sync_parent(disk, &dir));
            made.map_err(StoreError::io("create", &dir))?;
            let name = format!("{from:016x}-{:016x}.0.seg", from + places.len() as u64 - 1);
            segments.push(self.write_segment(&dir.join(name), (blocks, round), &[*log])?);
        }
        if !small.is_empty() {
            let path = self.shared.dir.join("spill").join(format!("{first:016x}-{last:016x}.0.seg"));
            segments.push(self.write_segment(&path, (blocks, round), &small)?);
        }
        Ok(segments)
    }

    fn write_segment(
        &self,
        path: &Path,
        (blocks, round): (&[BlockRef], &Round),
        logs: &[LogNo],
    ) -> Result<Written, StoreError> {
        NewSegment { shared: &self.shared, state: &self.state, blocks, round, logs, path }.write()
    }

    /// Index of a log's first event in this seal.
    fn first_index(&self, log: LogNo) -> u64 {
        self.state.logs.get(&log).map_or(0, |log| log.size)
    }

    fn write_snapshot(&self, state: &State) -> Result<(), StoreError> {
        let dir = self.shared.dir.join("state");
        let path = dir.join(snapshot::file_name(state.block));
        replace::write_file(&*self.shared.disk, &path, &state.encode())
            .map_err(StoreError::io("write", &path))
    }

    /// Takes over the trees that the segments give, once the level files are seen to hold the same hashes: from here on
    /// nothing else holds the leaves.
    fn take_trees(&self, next: &mut State, written: &[Written]) -> Result<(), StoreError> {
        for (no, stack, gain) in written.iter().flat_map(|written| &written.trees) {
            gain.is_in(&self.shared.flat, *no, stack.size())?;
            if let Some(log) = next.logs.get_mut(no) {
                log.stack = stack.clone();
            }
        }
        match next.logs.iter().find(|(_, log)| log.stack.size() != log.size) {
            None => Ok(()),
            Some((no, log)) => {
                let why =
                    format!("segments give {} events of log {no}, the WAL {}", log.stack.size(), log.size);
                Err(StoreError::Refused { what: "a seal", why })
            }
        }
    }

    fn switch_readers(&self, written: Vec<Written>) -> Result<(), StoreError> {
        for Written { segment, .. } in written {
            self.shared.filter.add(&segment);
            for entry in segment.index.logs() {
                let log = self.shared.log(LogNo(entry.log))?;
                log.add_sealed(Sealed {
                    first: entry.first,
                    count: entry.count,
                    segment: Arc::clone(&segment),
                });
                log.drop_runs();
            }
        }
        Ok(())
    }

    /// Removes WAL files whose blocks are all sealed, and snapshots that are no longer needed.
    fn release(&mut self, sealed: u64, blocks: &[BlockRef]) -> Result<(), StoreError> {
        for block in blocks {
            if self.files.back().is_none_or(|last| last.first_seq < block.file.first_seq) {
                self.files.push_back(Arc::clone(&block.file));
            }
        }
        let disk = &*self.shared.disk;
        let dir = self.shared.dir.join("wal");
        let mut removed = false;
        // The last file is the one being written, or will be: a later file shows that it is complete.
        while let (Some(oldest), Some(next)) = (self.files.front(), self.files.get(1)) {
            if next.first_seq > sealed + 1 {
                break;
            }
            disk.unlink(&oldest.path).map_err(StoreError::io("remove", &oldest.path))?;
            self.files.pop_front();
            removed = true;
        }
        if removed {
            disk.sync_dir(&dir).map_err(StoreError::io("sync", &dir))?;
        }
        remove_old_snapshots(disk, &self.shared.dir.join("state"))
    }
}

fn remove_old_snapshots(disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
    let names = disk.list(dir).map_err(StoreError::io("list", dir))?;
    let mut blocks: Vec<u64> =
        names.iter().filter_map(|entry| snapshot::parse_file_name(&entry.name)).collect();
    blocks.sort_unstable();
    for block in blocks.iter().rev().skip(KEEP_SNAPSHOTS) {
        let path = dir.join(snapshot::file_name(*block));
        replace::remove_file(disk, &path).map_err(StoreError::io("remove", &path))?;
    }
    Ok(())
}
