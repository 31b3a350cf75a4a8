//! Where events come from: ranges of a log's records, visited in either direction.

use std::ops::{ControlFlow, Range};

use indelible_event::LEAF_BYTES;
use indelible_store::error::StoreError;
use indelible_store::log_no::LogNo;
use indelible_store::part::Part;
use indelible_store::store::Store;

use crate::error::SearchError;

/// One stored event, on loan.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its position in the log.
    pub index: u64,
    /// Its leaf.
    pub leaf: &'a [u8; LEAF_BYTES],
    /// Its stored body.
    pub stored: &'a [u8],
}

/// Whoever keeps logs: the store, or in tests of orders and pages a list in memory.
pub trait Records: Sync {
    /// Number of committed events.
    fn size(&self, log: LogNo) -> Result<u64, SearchError>;

    /// Calls `f` with each record of the range, in ascending or descending order, until it breaks.
    fn visit(
        &self,
        log: LogNo,
        range: Range<u64>,
        descending: bool,
        f: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), SearchError>;

    /// The part of a log that answers by columns, if whoever keeps it can do that.
    fn parts(&self, log: LogNo) -> Result<Vec<Part>, SearchError> {
        let _ = log;
        Ok(Vec::new())
    }

    /// Leaves of neighbouring events of such a part.
    fn leaves(&self, log: LogNo, range: Range<u64>) -> Result<Vec<[u8; LEAF_BYTES]>, SearchError> {
        let _ = (log, range);
        Ok(Vec::new())
    }
}

impl Records for Store {
    fn size(&self, log: LogNo) -> Result<u64, SearchError> {
        self.size(log).map_err(|source| read_error(log, source))
    }

    fn visit(
        &self,
        log: LogNo,
        range: Range<u64>,
        descending: bool,
        f: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        let mut scan = self.scan(log, range, descending).map_err(|source| read_error(log, source))?;
        while let Some(piece) = scan.next_piece() {
            for record in piece.map_err(|source| read_error(log, source))? {
                let record = Record { index: record.index, leaf: &record.leaf, stored: &record.stored };
                if f(record).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn parts(&self, log: LogNo) -> Result<Vec<Part>, SearchError> {
        self.parts(log).map_err(|source| read_error(log, source))
    }

    fn leaves(&self, log: LogNo, range: Range<u64>) -> Result<Vec<[u8; LEAF_BYTES]>, SearchError> {
        self.leaves(log, range).map_err(|source| read_error(log, source))
    }
}

pub(crate) fn read_error(log: LogNo, source: StoreError) -> SearchError {
    SearchError::Read { log, source: Box::new(source) }
}
