//! Whose log is searched, and an event that was found in it.

use indelible_event::{DecodeError, Event, EventId, Leaf, StoredBody, read_event};
use indelible_query::{EventView, Position};

use crate::error::SearchError;
use crate::records::{NO_BODY, Record, Records};
use indelible_store::log_no::LogNo;

/// The one organization whose log may be read, decided by the caller's rights. Every read takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The organization's name.
    pub organization: String,
    /// Its log.
    pub log: LogNo,
}

impl Scope {
    pub(crate) fn read(&self, record: &Record<'_>) -> Result<Leaf, SearchError> {
        Leaf::decode(record.leaf).map_err(|error| self.damaged(record.index, &error))
    }

    pub(crate) fn view<'a>(&'a self, record: &Record<'a>, leaf: &Leaf) -> EventView<'a> {
        EventView::stored(Position::of_leaf(&self.organization, record.index, leaf), record.stored)
    }

    pub(crate) fn damaged(&self, index: u64, error: &DecodeError) -> SearchError {
        SearchError::Damaged { log: self.log, index, what: error.to_string() }
    }
}

/// One organization's log, as its reader may see it.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    /// Who keeps it.
    pub records: &'a dyn Records,
    /// Whose it is.
    pub scope: &'a Scope,
}

impl std::fmt::Debug for Log<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("scope", self.scope).finish_non_exhaustive()
    }
}

impl Log<'_> {
    /// Number of committed events.
    pub(crate) fn size(&self) -> Result<u64, SearchError> {
        self.records.size(self.scope.log)
    }
}

/// A stored event that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its position in the log.
    pub index: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// Its stored body.
    pub stored: Vec<u8>,
}

impl Hit {
    pub(crate) fn new(record: &Record<'_>, leaf: Leaf) -> Self {
        Self { index: record.index, leaf, stored: record.stored.to_vec() }
    }

    /// Computes the body hash, if nobody did.
    pub(crate) fn complete(&mut self, log: Log<'_>) -> Result<(), SearchError> {
        if self.leaf.body == NO_BODY {
            let event = (self.leaf.id, self.stored.as_slice());
            self.leaf.body = log.records.body_hash(log.scope.log, self.index, event)?;
        }
        Ok(())
    }

    /// Its id.
    pub fn id(&self) -> EventId {
        self.leaf.id
    }

    /// The event as it was recorded, without what has been erased since.
    pub fn event(&self) -> Result<Event, DecodeError> {
        read_event(&StoredBody::decode(&self.stored)?)
    }

    /// The event as a query sees it.
    pub fn view<'a>(&'a self, scope: &'a Scope) -> EventView<'a> {
        EventView::stored(Position::of_leaf(&scope.organization, self.index, &self.leaf), &self.stored)
    }
}
