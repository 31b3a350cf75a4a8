//! Replaying the WAL behind a snapshot: state, trees, level files, recent keys, and where live events are.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use hashbrown::HashMap;
use indelible_durable::disk::Disk;
use indelible_event::Leaf;
use indelible_tlog::tree::{HASH_LEN, Hash, LEVELS, Stack};

use crate::backlog::BlockRef;
use crate::commit::runs;
use crate::core_state::{Core, KeyUse, content_print, key_print};
use crate::error::OpenError;
use crate::flat::{Flat, FlatFiles, FlatGain};
use crate::heads::Heads;
use crate::log::Run;
use crate::log_no::LogNo;
use crate::options::Options;
use crate::snapshot::State;
use crate::subjects::Subjects;
use crate::wal::block::{BlockHash, HEADER};
use crate::wal::record::{EventRecord, Record, records};
use crate::wal::scan::ScannedBlock;

/// Leaves collected per log during replay before they are written.
const WRITE_AT: usize = 256 * 1024;

/// What replaying gives.
pub(crate) struct Replayed {
    pub(crate) state: State,
    pub(crate) core: Core,
    pub(crate) runs: HashMap<LogNo, Vec<Run>>,
    pub(crate) backlog: Vec<BlockRef>,
    /// Roots at the sizes of the newest heads.
    pub(crate) roots: HashMap<LogNo, Hash>,
    pub(crate) anchored_hash: Option<BlockHash>,
}

pub(crate) struct Replay<'a> {
    pub(crate) state: State,
    pub(crate) core: Core,
    flat: &'a FlatFiles,
    heads: &'a Heads,
    subjects: &'a Subjects,
    anchor_block: Option<u64>,
    sealed_block: u64,
    gains: BTreeMap<LogNo, FlatGain>,
    pub(crate) runs: HashMap<LogNo, Vec<Run>>,
    pub(crate) backlog: Vec<BlockRef>,
    pub(crate) roots: HashMap<LogNo, Hash>,
    pub(crate) anchored_hash: Option<BlockHash>,
    options: &'a Options,
}

impl<'a> Replay<'a> {
    /// Begins at a snapshot. `heads` are those that the replay must meet, `anchor_block` the block whose hash is wanted.
    pub(crate) fn new(
        flat: &'a FlatFiles,
        heads: &'a Heads,
        snapshot: &State,
        (subjects, anchor_block): (&'a Subjects, Option<u64>),
        options: &'a Options,
    ) -> Self {
        let mut replay = Self {
            core: Core::from_state(snapshot, options.keys_in_memory),
            state: snapshot.clone(),
            flat,
            heads,
            subjects,
            anchor_block,
            sealed_block: snapshot.block,
            gains: BTreeMap::new(),
            runs: HashMap::new(),
            backlog: Vec::new(),
            roots: HashMap::new(),
            anchored_hash: None,
            options,
        };
        for (no, log) in &snapshot.logs {
            replay.note_root(*no, &log.stack);
        }
        replay
    }

    fn note_root(&mut self, no: LogNo, stack: &Stack) {
        if self.heads.newest.get(&no).is_some_and(|head| head.size == stack.size()) {
            self.roots.insert(no, stack.root());
        }
    }

    /// Applies one block.
    pub(crate) fn block(&mut self, block: &ScannedBlock<'_>) -> Result<(), OpenError> {
        if self.anchor_block == Some(block.header.seq) {
            self.anchored_hash = Some(block.hash);
        }
        if block.header.seq <= self.sealed_block {
            return Ok(());
        }
        let mut events = Vec::new();
        let mut count = 0u32;
        let mut assignments = Vec::new();
        for record in records(block.body) {
            count += 1;
            let damaged = |at: usize, what: &str| {
                OpenError::corrupt(&block.file.path, block.offset + (HEADER + at) as u64, what)
            };
            let (at, record) = record.map_err(|at| damaged(at, "a record is malformed"))?;
            self.state.apply(&record, &mut assignments).map_err(|what| damaged(at, what))?;
            match record {
                Record::Event(event) => {
                    events.push((event.log, event.index, at as u32));
                    self.event(&event)?;
                }
                Record::LogCreated { log, .. } => self.note_root(log, &Stack::new()),
                _ => {}
            }
        }
        if count != block.header.records {
            return Err(OpenError::corrupt(
                &block.file.path,
                block.offset,
                "a block has another number of records",
            ));
        }
        for (_, digest, pool) in assignments {
            self.subjects.restore(digest, pool);
        }
        let found = events.len() as u64;
        let end = block.body.len() as u32;
        for (log, run) in runs(block.file, block.offset + HEADER as u64, events.into_iter(), end, block.body)
        {
            self.runs.entry(log).or_default().push(run);
        }
        (self.state.block, self.state.block_hash) = (block.header.seq, block.hash);
        self.state.time_ns = block.header.time_ns;
        self.backlog.push(BlockRef {
            file: Arc::clone(block.file),
            offset: block.offset,
            disk_len: block.header.disk_len() as u64,
            seq: block.header.seq,
            hash: block.hash,
            time_ns: block.header.time_ns,
            events: found,
            committed_boot_ns: self.options.clock.boot_ns(),
        });
        Ok(())
    }

    fn event(&mut self, event: &EventRecord<'_>) -> Result<(), OpenError> {
        let content = content_print(&event.content);
        if event.key != [0; 16] {
            let used = KeyUse { log: event.log, index: event.index, content };
            self.core.keys.insert(key_print(event.log, &event.key), used);
        }
        let leaf = Leaf::decode(event.leaf).ok().filter(|leaf| leaf.sequence > 0);
        if let Some(leaf) = leaf {
            let tip = self.core.producers.entry((event.log, leaf.producer)).or_default();
            tip.place(leaf.sequence, event.index, 0);
        }
        let gain = self.gains.entry(event.log).or_default();
        let Some(log) = self.state.logs.get_mut(&event.log) else { return Ok(()) };
        gain.append(&mut log.stack, event.leaf);
        if gain.len() >= WRITE_AT {
            write_gain(&*self.options.disk, self.flat, event.log, gain, log.stack.size())?;
        }
        if self.heads.newest.get(&event.log).is_some_and(|head| head.size == log.stack.size()) {
            self.roots.insert(event.log, log.stack.root());
        }
        Ok(())
    }

    /// Writes the rest of the level files, cut to their exact length.
    pub(crate) fn finish(&mut self) -> Result<(), OpenError> {
        for (no, gain) in &mut self.gains {
            let Some(log) = self.state.logs.get(no) else { continue };
            write_gain(&*self.options.disk, self.flat, *no, gain, log.stack.size())?;
            let path = self.flat.log_dir(*no);
            cut(self.flat, *no, log.stack.size()).map_err(OpenError::io("cut level files in", path))?;
        }
        Ok(())
    }

    /// What came of it.
    pub(crate) fn into_replayed(self) -> Replayed {
        let mut core = self.core;
        let recent = std::mem::take(&mut core.producers);
        let fresh = Core::from_state(&self.state, 0);
        (core.logs, core.producers, core.cursors) = (fresh.logs, fresh.producers, fresh.cursors);
        for (key, tip) in &mut core.producers {
            if let Some(recent) = recent.get(key) {
                tip.take_places(recent);
            }
        }
        Replayed {
            state: self.state,
            core,
            runs: self.runs,
            backlog: self.backlog,
            roots: self.roots,
            anchored_hash: self.anchored_hash,
        }
    }
}

fn write_gain(
    disk: &dyn Disk,
    flat: &FlatFiles,
    no: LogNo,
    gain: &mut FlatGain,
    size: u64,
) -> Result<(), OpenError> {
    let folder = flat.log_dir(no);
    disk.make_dir(&folder).map_err(OpenError::io("create", &folder))?;
    gain.write(flat, no, size).map_err(OpenError::io("write level files in", &folder))
}

fn cut(flat: &FlatFiles, no: LogNo, size: u64) -> io::Result<()> {
    for level in 1..LEVELS {
        let hashes = size.checked_shr(u32::from(level) * 8).unwrap_or(0);
        flat.cut(no, Flat::Level(level), hashes * HASH_LEN as u64)?;
    }
    Ok(())
}
