//! The records inside a block (`docs/internals/format-store.md`, "Records").

use indelible_event::LEAF_BYTES;

use crate::bytes::{Take, put_text};
use crate::log_no::LogNo;

const EVENT: u8 = 1;
const LOG_CREATED: u8 = 2;
const CURSOR: u8 = 3;
const KEY_CHANGED: u8 = 4;
const SUBJECT: u8 = 5;
const PRODUCER: u8 = 6;

/// Bytes of an event record before its stored body: length, kind, log, index, leaf, two digests.
pub(crate) const EVENT_HEAD: usize = 4 + 1 + 4 + 8 + LEAF_BYTES + 16 + 16;

/// An event with its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventRecord<'a> {
    pub(crate) log: LogNo,
    pub(crate) index: u64,
    pub(crate) leaf: &'a [u8; LEAF_BYTES],
    /// Digest of the idempotency key; zeros when there is none.
    pub(crate) key: [u8; 16],
    /// Digest of what was sent.
    pub(crate) content: [u8; 16],
    pub(crate) stored: &'a [u8],
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    Event(EventRecord<'a>),
    /// A log was created.
    LogCreated {
        log: LogNo,
        origin: &'a str,
        name: &'a str,
        vkey: &'a str,
    },
    /// A named reader moved.
    Cursor {
        log: LogNo,
        name: &'a str,
        index: u64,
    },
    /// The signing keys of a log changed: all vkeys that sign from now on, separated by newlines.
    KeyChanged {
        log: LogNo,
        vkeys: &'a str,
    },
    /// A key of the pool belongs to a data subject from now on.
    Subject {
        log: LogNo,
        subject: [u8; 16],
        pool: u32,
    },
    /// A producer got its number.
    Producer {
        log: LogNo,
        number: u64,
        name: &'a str,
        instance: &'a str,
    },
}

impl<'a> Record<'a> {
    /// Appends the record: u32 length of the rest ‖ u8 kind ‖ u32 log ‖ fields.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        match *self {
            Self::Event(event) => {
                start(out, EVENT, event.log);
                out.extend_from_slice(&event.index.to_be_bytes());
                out.extend_from_slice(event.leaf);
                out.extend_from_slice(&event.key);
                out.extend_from_slice(&event.content);
                out.extend_from_slice(event.stored);
            }
            Self::LogCreated { log, origin, name, vkey } => {
                start(out, LOG_CREATED, log);
                put_text(out, origin);
                put_text(out, name);
                put_text(out, vkey);
            }
            Self::Cursor { log, name, index } => {
                start(out, CURSOR, log);
                put_text(out, name);
                out.extend_from_slice(&index.to_be_bytes());
            }
            Self::KeyChanged { log, vkeys } => {
                start(out, KEY_CHANGED, log);
                put_text(out, vkeys);
            }
            Self::Subject { log, subject, pool } => {
                start(out, SUBJECT, log);
                out.extend_from_slice(&subject);
                out.extend_from_slice(&pool.to_be_bytes());
            }
            Self::Producer { log, number, name, instance } => {
                start(out, PRODUCER, log);
                out.extend_from_slice(&number.to_be_bytes());
                put_text(out, name);
                put_text(out, instance);
            }
        }
        let len = (out.len() - at - 4) as u32;
        if let Some(place) = out.get_mut(at..at + 4) {
            place.copy_from_slice(&len.to_be_bytes());
        }
    }

    /// Takes one record from the front; `None` when it is not whole or of a kind this version does not know.
    pub(crate) fn take(bytes: &mut Take<'a>) -> Option<Self> {
        let len = bytes.u32()? as usize;
        let mut rest = Take(bytes.bytes(len)?);
        let kind = rest.u8()?;
        let log = LogNo(rest.u32()?);
        let record = match kind {
            EVENT => {
                let index = rest.u64()?;
                let (leaf, tail) = rest.0.split_first_chunk::<LEAF_BYTES>()?;
                rest.0 = tail;
                let (key, content) = (rest.array()?, rest.array()?);
                let stored = std::mem::take(&mut rest.0);
                Self::Event(EventRecord { log, index, leaf, key, content, stored })
            }
            LOG_CREATED => {
                Self::LogCreated { log, origin: rest.text()?, name: rest.text()?, vkey: rest.text()? }
            }
            CURSOR => Self::Cursor { log, name: rest.text()?, index: rest.u64()? },
            KEY_CHANGED => Self::KeyChanged { log, vkeys: rest.text()? },
            SUBJECT => Self::Subject { log, subject: rest.array()?, pool: rest.u32()? },
            PRODUCER => {
                Self::Producer { log, number: rest.u64()?, name: rest.text()?, instance: rest.text()? }
            }
            _ => return None,
        };
        rest.is_empty().then_some(record)
    }
}

fn start(out: &mut Vec<u8>, kind: u8, log: LogNo) {
    out.push(kind);
    out.extend_from_slice(&log.0.to_be_bytes());
}

/// The records of a block's body, each with its offset in the body; ends with `Err(offset)` at bytes that are none.
pub(crate) fn records(body: &[u8]) -> impl Iterator<Item = Result<(usize, Record<'_>), usize>> {
    let mut rest = Take(body);
    let mut failed = false;
    std::iter::from_fn(move || {
        if rest.is_empty() || failed {
            return None;
        }
        let at = body.len() - rest.0.len();
        let record = Record::take(&mut rest);
        failed = record.is_none();
        Some(record.map(|record| (at, record)).ok_or(at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_and_a_cut_record_does_not() {
        let leaf = [9; LEAF_BYTES];
        let all = [
            Record::Event(EventRecord {
                log: LogNo(1),
                index: 2,
                leaf: &leaf,
                key: [3; 16],
                content: [4; 16],
                stored: b"stored",
            }),
            Record::LogCreated { log: LogNo(1), origin: "o", name: "n", vkey: "v" },
            Record::Cursor { log: LogNo(1), name: "c", index: 7 },
            Record::KeyChanged { log: LogNo(1), vkeys: "a\nb" },
            Record::Subject { log: LogNo(1), subject: [5; 16], pool: 6 },
            Record::Producer { log: LogNo(1), number: 8, name: "p", instance: "" },
        ];
        let mut bytes = Vec::new();
        for record in &all {
            record.encode(&mut bytes);
        }
        let read: Vec<_> = records(&bytes).map(|record| record.unwrap().1).collect();
        assert_eq!(read, all);
        for cut in 1..bytes.len() {
            assert!(records(&bytes[..cut]).count() <= all.len());
        }
        let short = &bytes[..bytes.len() - 1];
        assert!(records(short).last().unwrap().is_err());
    }
}
