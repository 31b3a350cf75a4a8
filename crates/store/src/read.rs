//! Reading events: from the WAL while they are fresh, from segments once they are sealed. Never waits for a commit.

use std::ops::Range;
use std::sync::Arc;

use indelible_event::LEAF_BYTES;

use crate::bytes::Take;
use crate::error::StoreError;
use crate::log::{Log, Run};
use crate::log_no::LogNo;
use crate::shared::Shared;
use crate::wal::record::Record as WalRecord;

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its index.
    pub index: u64,
    /// Its leaf.
    pub leaf: [u8; LEAF_BYTES],
    /// Its stored body.
    pub stored: Vec<u8>,
}

/// A record with what only the WAL and the segments keep.
#[derive(Debug, Clone)]
pub(crate) struct FullRecord {
    pub(crate) record: Record,
    /// First 64 bits of the content digest; 0 when a segment did not need it.
    pub(crate) content: u64,
}

/// The records of one run.
pub(crate) fn read_run(log: LogNo, run: &Run) -> Result<Vec<FullRecord>, StoreError> {
    let mut bytes = vec![0; run.len as usize];
    let path = || run.file.path.clone();
    run.file
        .file
        .read_exact_at(&mut bytes, run.offset)
        .map_err(|source| StoreError::io("read", path())(source))?;
    let mut take = Take(&bytes);
    let mut records = Vec::with_capacity(usize::try_from(run.count).unwrap_or(0));
    for index in run.first..run.first + run.count {
        let at = run.offset + (bytes.len() - take.0.len()) as u64;
        match WalRecord::take(&mut take) {
            Some(WalRecord::Event(event)) if event.log == log && event.index == index => {
                let record = Record { index, leaf: *event.leaf, stored: event.stored.to_vec() };
                let content = crate::core_state::content_print(&event.content);
                records.push(FullRecord { record, content });
            }
            _ => {
                return Err(StoreError::corrupt(
                    path(),
                    at,
                    "a record in the WAL changed after it was written",
                ));
            }
        }
    }
    Ok(records)
}

/// One piece of a log, read in one go: an event and its neighbours, of which those in `wanted` are sure to be there.
pub(crate) fn read_piece(
    shared: &Shared,
    log: &Log,
    index: u64,
    wanted: &Range<u64>,
) -> Result<Vec<FullRecord>, StoreError> {
    // A run may be sealed and dropped between the two looks; then the second finds it.
    if let Some(run) = log.run(index) {
        return read_run(log.no, &run);
    }
    match log.sealed(index) {
        Some(sealed) => sealed.read_block(shared, log, (index, wanted)),
        None => {
            Err(StoreError::OutOfRange { what: "index", value: index, log: log.no, size: log.committed() })
        }
    }
}

/// Events of a range, one piece after the other; an iterator over single events.
#[derive(Debug)]
pub struct Scan {
    shared: Arc<Shared>,
    log: Arc<Log>,
    rest: Range<u64>,
    descending: bool,
    piece: std::vec::IntoIter<FullRecord>,
}

impl Scan {
    pub(crate) fn new(shared: Arc<Shared>, log: Arc<Log>, range: Range<u64>, descending: bool) -> Self {
        let rest = range.start..range.end.min(log.committed());
        Self { shared, log, rest, descending, piece: Vec::new().into_iter() }
    }

    /// The next events that one read gives, in the scan's order; `None` at the end.
    pub fn next_piece(&mut self) -> Option<Result<Vec<Record>, StoreError>> {
        let rest: Vec<Record> = self.piece.by_ref().map(|full| full.record).collect();
        if !rest.is_empty() {
            return Some(Ok(rest));
        }
        let piece = self.fetch()?;
        Some(piece.map(|piece| piece.into_iter().map(|full| full.record).collect()))
    }

    fn fetch(&mut self) -> Option<Result<Vec<FullRecord>, StoreError>> {
        if self.rest.is_empty() {
            return None;
        }
        let at = if self.descending { self.rest.end - 1 } else { self.rest.start };
        let mut piece = match read_piece(&self.shared, &self.log, at, &self.rest) {
            Ok(piece) => piece,
            Err(error) => {
                self.rest = 0..0;
                return Some(Err(error));
            }
        };
        piece.retain(|full| self.rest.contains(&full.record.index));
        if self.descending {
            self.rest.end = piece.first().map_or(self.rest.start, |full| full.record.index);
            piece.reverse();
        } else {
            self.rest.start = piece.last().map_or(self.rest.end, |full| full.record.index + 1);
        }
        Some(Ok(piece))
    }
}

impl Iterator for Scan {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(full) = self.piece.next() {
                return Some(Ok(full.record));
            }
            match self.fetch()? {
                Ok(piece) => self.piece = piece.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
