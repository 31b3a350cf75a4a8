//! Sealed parts of a log, for readers that work on columns instead of events.

use std::io;
use std::ops::Range;

use indelible_event::LEAF_BYTES;
use indelible_segment::error::SegmentError;
use indelible_segment::read::{BlockEntry, Index};

use crate::error::StoreError;
use crate::flat::{ENTRY, Flat};
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

    /// What the segment says about itself.
    pub fn index(&self) -> &Index {
        &self.sealed.segment.index
    }

    /// Its blocks, oldest first.
    pub fn blocks(&self) -> &[BlockEntry] {
        self.index().blocks(self.log.0)
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

    /// Leaves of neighbouring sealed events.
    pub fn leaves(&self, log: LogNo, range: Range<u64>) -> Result<Vec<[u8; LEAF_BYTES]>, StoreError> {
        let count = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        let mut bytes = vec![0; count * ENTRY];
        self.shared().flat.read(log, Flat::Leaves, range.start * ENTRY as u64, &mut bytes)?;
        let (entries, _) = bytes.as_chunks::<ENTRY>();
        let leaf =
            |entry: &[u8; ENTRY]| *entry.last_chunk::<LEAF_BYTES>().expect("an entry ends with a leaf");
        Ok(entries.iter().map(leaf).collect())
    }
}

/// Numbers for segments of this process.
pub(crate) fn next_number() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
