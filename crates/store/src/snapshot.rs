//! The state after a block, by which the WAL before it may go (`docs/internals/format-store.md`, "Snapshot").
//!
//! A snapshot holds nothing that cannot be recomputed from segments, level files and older WAL; it spares that work.

use std::collections::BTreeMap;

use indelible_event::Leaf;
use indelible_tlog::tree::Stack;

use crate::bytes::{Take, put_text};
use crate::log_no::LogNo;
use crate::subjects::Assignment;
use crate::wal::block::BlockHash;
use crate::wal::record::{EventRecord, Record};
use crate::window::{Seen, Window};

const MAGIC: &[u8; 4] = b"EVS\0";
const FORMAT: u16 = 1;

/// A log as of a block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LogState {
    pub(crate) origin: String,
    pub(crate) name: String,
    /// All vkeys that sign, newest first.
    pub(crate) vkeys: String,
    pub(crate) last_received_ns: u64,
    pub(crate) size: u64,
    /// The tree at that size; only filled when a snapshot is read or written.
    pub(crate) stack: Stack,
}

/// A producer as of a block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ProducerState {
    pub(crate) name: String,
    pub(crate) instance: String,
    pub(crate) window: Window,
    pub(crate) last_seen_ns: u64,
    pub(crate) events: u64,
}

/// Everything that replaying the WAL from its beginning would give.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Last block applied; 0 before the first, which is block 1.
    pub(crate) block: u64,
    pub(crate) block_hash: BlockHash,
    pub(crate) time_ns: u64,
    pub(crate) logs: BTreeMap<LogNo, LogState>,
    pub(crate) producers: BTreeMap<(LogNo, u64), ProducerState>,
    pub(crate) cursors: BTreeMap<(LogNo, String), u64>,
    /// Entries of the subject file that are part of this state.
    pub(crate) subjects: u64,
}

impl State {
    /// Applies one record; says what contradicts the state before it. Assignments of subjects are collected.
    pub(crate) fn apply(
        &mut self,
        record: &Record<'_>,
        subjects: &mut Vec<Assignment>,
    ) -> Result<(), &'static str> {
        match *record {
            Record::Event(event) => return self.apply_event(&event),
            Record::LogCreated { log, origin, name, vkey } => {
                if log.0 as usize != self.logs.len() {
                    return Err("a log is created out of order");
                }
                let (origin, name, vkeys) = (origin.to_owned(), name.to_owned(), vkey.to_owned());
                self.logs.insert(log, LogState { origin, name, vkeys, ..LogState::default() });
            }
            Record::Cursor { log, name, index } => {
                self.cursors.insert((log, name.to_owned()), index);
            }
            Record::KeyChanged { log, vkeys } => {
                vkeys.clone_into(&mut self.logs.get_mut(&log).ok_or("a key of an unknown log")?.vkeys);
            }
            Record::Subject { log, subject, pool } => subjects.push((log, subject, pool)),
            Record::Producer { log, number, name, instance } => {
                let producer = self.producers.entry((log, number)).or_default();
                name.clone_into(&mut producer.name);
                instance.clone_into(&mut producer.instance);
            }
        }
        Ok(())
    }

    fn apply_event(&mut self, event: &EventRecord<'_>) -> Result<(), &'static str> {
        let log = self.logs.get_mut(&event.log).ok_or("an event of an unknown log")?;
        if event.index != log.size {
            return Err("the indexes of a log are not contiguous");
        }
        let leaf = Leaf::decode(event.leaf).map_err(|_| "a leaf is malformed")?;
        if leaf.received_ns < log.last_received_ns {
            return Err("a received time is lower than the one before it");
        }
        log.size += 1;
        log.last_received_ns = leaf.received_ns;
        if leaf.producer != 0 {
            let producer = self
                .producers
                .get_mut(&(event.log, leaf.producer))
                .ok_or("an event of an unknown producer")?;
            producer.events += 1;
            producer.last_seen_ns = leaf.received_ns;
            if leaf.sequence > 0 && producer.window.insert(leaf.sequence) != Seen::New {
                return Err("a producer's number is there twice");
            }
        }
        Ok(())
    }

    /// The whole file, checksum last.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.block.to_be_bytes());
        out.extend_from_slice(&self.block_hash);
        out.extend_from_slice(&self.time_ns.to_be_bytes());
        out.extend_from_slice(&self.subjects.to_be_bytes());
        put_count(&mut out, self.logs.len());
        for (log, state) in &self.logs {
            out.extend_from_slice(&log.0.to_be_bytes());
            put_text(&mut out, &state.origin);
            put_text(&mut out, &state.name);
            put_text(&mut out, &state.vkeys);
            out.extend_from_slice(&state.last_received_ns.to_be_bytes());
            let stack = state.stack.encode();
            put_count(&mut out, stack.len());
            out.extend_from_slice(&stack);
        }
        put_count(&mut out, self.producers.len());
        for ((log, number), state) in &self.producers {
            out.extend_from_slice(&log.0.to_be_bytes());
            out.extend_from_slice(&number.to_be_bytes());
            put_text(&mut out, &state.name);
            put_text(&mut out, &state.instance);
            out.extend_from_slice(&state.last_seen_ns.to_be_bytes());
            out.extend_from_slice(&state.events.to_be_bytes());
            state.window.encode(&mut out);
        }
        put_count(&mut out, self.cursors.len());
        for ((log, name), index) in &self.cursors {
            out.extend_from_slice(&log.0.to_be_bytes());
            put_text(&mut out, name);
            out.extend_from_slice(&index.to_be_bytes());
        }
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        out
    }

    /// Reads what [`State::encode`] wrote; `None` for anything else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (checked, crc) = bytes.split_last_chunk::<4>()?;
        let mut take = Take(checked);
        let known = take.array::<4>()? == *MAGIC && take.u16()? == FORMAT && take.u16()? == 0;
        if !known || crc32c::crc32c(checked) != u32::from_be_bytes(*crc) {
            return None;
        }
        let mut state = Self {
            block: take.u64()?,
            block_hash: take.array()?,
            time_ns: take.u64()?,
            subjects: take.u64()?,
            ..Self::default()
        };
        for _ in 0..take.u32()? {
            let (log, entry) = decode_log(&mut take)?;
            state.logs.insert(log, entry);
        }
        for _ in 0..take.u32()? {
            let key = (LogNo(take.u32()?), take.u64()?);
            let producer = ProducerState {
                name: take.text()?.to_owned(),
                instance: take.text()?.to_owned(),
                last_seen_ns: take.u64()?,
                events: take.u64()?,
                window: Window::decode(&mut take)?,
            };
            state.producers.insert(key, producer);
        }
        for _ in 0..take.u32()? {
            let key = (LogNo(take.u32()?), take.text()?.to_owned());
            state.cursors.insert(key, take.u64()?);
        }
        take.is_empty().then_some(state)
    }
}

fn decode_log(take: &mut Take<'_>) -> Option<(LogNo, LogState)> {
    let log = LogNo(take.u32()?);
    let (origin, name, vkeys) = (take.text()?, take.text()?, take.text()?);
    let last_received_ns = take.u64()?;
    let len = take.u32()?;
    let stack = Stack::decode(take.bytes(len as usize)?).ok()?;
    let (origin, name, vkeys) = (origin.to_owned(), name.to_owned(), vkeys.to_owned());
    Some((log, LogState { origin, name, vkeys, last_received_ns, size: stack.size(), stack }))
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
}

/// Name of the snapshot after a block.
pub(crate) fn file_name(block: u64) -> String {
    format!("{block:016x}.snap")
}

/// The block a file name stands for.
pub(crate) fn parse_file_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".snap")?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_refuses_every_flipped_bit() {
        let mut state = State { block: 7, block_hash: [1; 16], time_ns: 9, subjects: 3, ..State::default() };
        state.logs.insert(LogNo(0), LogState { origin: "o".into(), ..LogState::default() });
        let mut producer = ProducerState { name: "p".into(), events: 2, ..ProducerState::default() };
        producer.window.insert(1);
        producer.window.insert(5);
        state.producers.insert((LogNo(0), 77), producer);
        state.cursors.insert((LogNo(0), "c".into()), 4);
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes).unwrap(), state);
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(State::decode(&bad), None, "bit {bit}");
        }
    }
}
