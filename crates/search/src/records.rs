//! Where events come from: ranges of a log's records, visited in either direction.

use std::ops::{ControlFlow, Range};

use indelible_event::{EventId, Hash, LEAF_BYTES};
use indelible_store::error::StoreError;
use indelible_store::log_no::LogNo;
use indelible_store::part::Part;
use indelible_store::store::Store;

use crate::error::SearchError;

/// Stands for a body hash that was not computed; no hash is zero.
pub const NO_BODY: Hash = [0; 32];

/// One stored event, on loan.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its position in the log.
    pub index: u64,
    /// Its leaf. That of a sealed event has [`NO_BODY`] in the place of the body hash, which costs more than all else
    /// and matters only when the event is shown.
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

    /// The body hash of an event of such a part, from its id and its stored body.
    fn body_hash(&self, log: LogNo, index: u64, event: (EventId, &[u8])) -> Result<Hash, SearchError> {
        let _ = (log, index, event);
        Ok(NO_BODY)
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
        self.scan(log, range, descending)
            .and_then(|scan| scan.visit(&mut |index, leaf, stored| f(Record { index, leaf, stored })))
            .map_err(|source| read_error(log, source))
    }

    fn parts(&self, log: LogNo) -> Result<Vec<Part>, SearchError> {
        self.parts(log).map_err(|source| read_error(log, source))
    }

    fn body_hash(&self, log: LogNo, index: u64, (id, stored): (EventId, &[u8])) -> Result<Hash, SearchError> {
        self.body_hash(log, index, (id.0, stored)).map_err(|source| read_error(log, source))
    }
}

pub(crate) fn read_error(log: LogNo, source: StoreError) -> SearchError {
    SearchError::Read { log, source: Box::new(source) }
}
