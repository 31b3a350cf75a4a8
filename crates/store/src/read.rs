//! Reading events: from the WAL while they are fresh, from segments once they are sealed. Never waits for a commit.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use indelible_event::LEAF_BYTES;

use crate::bytes::Take;
use crate::error::StoreError;
use crate::log::{Log, Run};
use crate::log_no::LogNo;
use crate::shared::Shared;
use crate::wal::record::{EventRecord, Record as WalRecord};

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
    let mut bytes = Vec::new();
    read_bytes(run, &mut bytes)?;
    let full = |event: &EventRecord<'_>| {
        let record = Record { index: event.index, leaf: *event.leaf, stored: event.stored.to_vec() };
        FullRecord { record, content: crate::core_state::content_print(&event.content) }
    };
    Ok(events_of(log, run, &bytes)?.iter().map(full).collect())
}

/// The bytes of one run, in place of what was in the buffer.
fn read_bytes(run: &Run, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
    bytes.resize(run.len as usize, 0);
    run.file.file.read_exact_at(bytes, run.offset).map_err(StoreError::io("read", &run.file.path))
}

/// The events in the bytes of a run.
fn events_of<'a>(log: LogNo, run: &Run, bytes: &'a [u8]) -> Result<Vec<EventRecord<'a>>, StoreError> {
    let mut take = Take(bytes);
    let mut events = Vec::with_capacity(usize::try_from(run.count).unwrap_or(0));
    for index in run.first..run.first + run.count {
        let at = run.offset + (bytes.len() - take.0.len()) as u64;
        match WalRecord::take(&mut take) {
            Some(WalRecord::Event(event)) if event.log == log && event.index == index => events.push(event),
            _ => {
                let what = "a record in the WAL changed after it was written";
                return Err(StoreError::corrupt(run.file.path.clone(), at, what));
            }
        }
    }
    Ok(events)
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

/// Receives an event: its index, its leaf, its stored body.
pub type Visit<'f> = &'f mut dyn FnMut(u64, &[u8; LEAF_BYTES], &[u8]) -> ControlFlow<()>;

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

    /// Calls `f` with index, leaf and stored body of each event that is left, until it breaks. What is still in the WAL is
    /// lent from the buffer that it was read into.
    pub fn visit(mut self, f: Visit<'_>) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        loop {
            for full in self.piece.by_ref() {
                let Record { index, leaf, stored } = &full.record;
                if f(*index, leaf, stored).is_break() {
                    return Ok(());
                }
            }
            while let Some(run) = self.next_index().and_then(|at| self.log.run(at)) {
                if self.visit_run(&run, &mut bytes, f)?.is_break() {
                    return Ok(());
                }
            }
            match self.fetch() {
                Some(piece) => self.piece = piece?.into_iter(),
                None => return Ok(()),
            }
        }
    }

    fn visit_run(
        &mut self,
        run: &Run,
        bytes: &mut Vec<u8>,
        f: Visit<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        read_bytes(run, bytes)?;
        let mut events = events_of(self.log.no, run, bytes)?;
        events.retain(|event| self.rest.contains(&event.index));
        if self.descending {
            events.reverse();
            self.rest.end = run.first.max(self.rest.start);
        } else {
            self.rest.start = (run.first + run.count).min(self.rest.end);
        }
        Ok(events.iter().try_for_each(|event| f(event.index, event.leaf, event.stored)))
    }

    /// The event that comes next.
    fn next_index(&self) -> Option<u64> {
        let at = if self.descending { self.rest.end.checked_sub(1)? } else { self.rest.start };
        (!self.rest.is_empty()).then_some(at)
    }

    fn fetch(&mut self) -> Option<Result<Vec<FullRecord>, StoreError>> {
        let at = self.next_index()?;
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
