//! Sealed parts of a log, for readers that work on columns instead of events.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use indelible_segment::error::SegmentError;
use indelible_segment::read::{BlockEntry, Index, LogEntry};

use crate::error::StoreError;
use crate::leaves::Bodies;
use crate::log_no::LogNo;
use crate::sealed::{Sealed, damage};
use crate::store::Store;

/// The events of one log in one segment. It stays readable while it is held, even when a newer file took its place.
#[derive(Debug, Clone)]
pub struct Part {
    log: LogNo,
    sealed: Sealed,
}

impl Part {
    /// Its log.
    pub fn log(&self) -> LogNo {
        self.log
    }

    /// Indexes of its events.
    pub fn range(&self) -> Range<u64> {
        self.sealed.first..self.sealed.first + self.sealed.count
    }

    /// A number that no other segment of this process has.
    pub fn number(&self) -> u64 {
        self.sealed.segment.number
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.sealed.segment.path
    }

    /// Why nothing of it can be read, if that is so. Then it has no blocks.
    pub fn broken(&self) -> Option<&str> {
        self.sealed.segment.broken.as_ref().map(|(_, what)| what.as_str())
    }

    /// What the segment says about itself, and what was read of it. To be let go soon: memory is for what all segments hold.
    pub fn index(&self) -> Arc<Index> {
        self.sealed.segment.reading()
    }

    /// Its blocks, oldest first.
    pub fn blocks(&self) -> &[BlockEntry] {
        self.sealed.segment.index.blocks(self.log.0)
    }

    /// The number of one of its blocks, counted over the segment.
    pub fn block_number(&self, entry: &BlockEntry) -> u32 {
        self.sealed.segment.index.number(entry)
    }

    /// The logs of the segment, ascending.
    pub fn logs(&self) -> &[LogEntry] {
        self.sealed.segment.index.logs()
    }

    /// Reads bytes of the segment's file, filling the buffer.
    pub fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<()> {
        self.sealed.segment.file.read_exact_at(buf, at)
    }

    /// A segment's error with its file.
    pub fn damage(&self, error: SegmentError) -> StoreError {
        damage(&self.sealed.segment.path)(error)
    }
}

impl Store {
    /// The sealed parts of a log, oldest first. What is committed after them is read with [`Store::scan`].
    pub fn parts(&self, log: LogNo) -> Result<Vec<Part>, StoreError> {
        let segments = self.shared().log(log)?.segments();
        Ok(segments.into_iter().map(|sealed| Part { log, sealed }).collect())
    }

    /// The body hash of a sealed event, from its id and its stored body.
    pub fn body_hash(
        &self,
        log: LogNo,
        index: u64,
        (id, stored): ([u8; 16], &[u8]),
    ) -> Result<[u8; 32], StoreError> {
        let shared = self.shared();
        let sealed = shared.log(log)?.sealed(index);
        if let Some(kept) = sealed.as_ref().and_then(|sealed| sealed.segment.index.kept_body(log.0, index)) {
            return Ok(kept);
        }
        Bodies::new(&shared.subjects).hash(id, stored).map_err(|why| {
            let path = sealed.map_or_else(|| shared.dir.clone(), |sealed| sealed.segment.path.clone());
            StoreError::corrupt(path, 0, format!("event {index} of log {log}: {why}"))
        })
    }
}

/// Numbers for segments of this process.
pub(crate) fn next_number() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
