//! What a caller hands in to be stored, and what it is told.

use std::sync::Arc;

use indelible_event::{EventId, LEAF_BYTES};

use crate::error::AppendError;
use crate::log_no::LogNo;
use crate::producers::Producer;
use crate::subjects::Subject;

/// One event to store. Everything that costs time has been computed by the caller.
#[derive(Debug, Clone)]
pub struct Append {
    /// Where to.
    pub log: LogNo,
    /// Its id, from `Store::new_event_id`.
    pub id: EventId,
    /// Bits of `indelible_event::Flag`.
    pub flags: u8,
    /// `indelible_event::type_tag`, 0 when unmatched.
    pub type_tag: u32,
    /// Who sent it; `None` is producer number 0.
    pub producer: Option<Arc<Producer>>,
    /// The producer's number for it, from 1; 0 when it does not number.
    pub sequence: u64,
    /// Digest of an idempotency key, if it has one.
    pub key: Option<[u8; 16]>,
    /// Digest of what was sent; tells a repetition from another event under the same key.
    pub content: [u8; 16],
    /// Body hash.
    pub body: [u8; 32],
    /// Stored body.
    pub stored: Vec<u8>,
    /// Subjects whose keys were used.
    pub subjects: Vec<Arc<Subject>>,
}

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The event's index.
    pub index: u64,
    /// When it was received; nanoseconds since 1970.
    pub received_ns: u64,
    /// Its id.
    pub id: EventId,
    /// Its leaf.
    pub leaf: [u8; LEAF_BYTES],
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored here.
    Stored(Place),
    /// It had been stored before, here.
    Duplicate(Place),
    /// Its key belongs to another event.
    KeyConflict {
        /// Index of the other event.
        index: u64,
    },
    /// Its number belongs to another event.
    SequenceConflict {
        /// The number.
        sequence: u64,
        /// Index of the other event.
        index: u64,
    },
    /// Its producer has left too many gaps for another one to be kept.
    TooManyGaps {
        /// The lowest number that is missing.
        missing: u64,
    },
    /// Nothing is wrong with it, but another event of the same atomic request was refused.
    NotStored,
}

impl Appended {
    /// The place, if the event is stored now.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Stored(place) | Self::Duplicate(place) => Some(place),
            _ => None,
        }
    }
}

/// How the caller is told; called once, on the commit thread, and must not block.
pub type Reply = Box<dyn FnOnce(Result<Vec<Appended>, AppendError>) + Send>;
