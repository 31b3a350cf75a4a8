//! Leaves and their hashes. Nobody keeps them: fresh ones stand in the WAL, those of sealed events follow from the stored body.
//!
//! What is given here is what was hashed into the tree: sealing lets the WAL go only after the segment gave every leaf back.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use indelible_event::{EventId, LEAF_BYTES, Leaf, StoredBody, SubjectKey};
use indelible_segment::row::Row;
use indelible_tlog::proof::LevelReader;
use indelible_tlog::tree::{Hash, leaf_hash};

use crate::error::StoreError;
use crate::flat::FlatFiles;
use crate::log::{Log, Run};
use crate::log_no::LogNo;
use crate::read::read_run;
use crate::sealed::{Sealed, Segment};
use crate::shared::Shared;
use crate::subjects::Subjects;

/// Leaves of a tile.
pub(crate) const TILE: u64 = 256;
/// Memory for tiles that were put together: six hundred of them, whose first request costs a millisecond each.
const CACHE_BYTES: usize = 16 * 1024 * 1024;
/// What a tile takes in memory.
const TILE_BYTES: usize = TILE as usize * (LEAF_BYTES + 32);
/// Keys of people kept while many events are hashed: 10 MB.
const MAX_KEYS: usize = 64 * 1024;

/// An encoded leaf.
pub(crate) type LeafBytes = [u8; LEAF_BYTES];

/// Computes body hashes one after the other and remembers the keys of people.
pub(crate) struct Bodies<'a> {
    subjects: &'a Subjects,
    known: RefCell<HashMap<[u8; 16], Option<SubjectKey>>>,
}

impl<'a> Bodies<'a> {
    pub(crate) fn new(subjects: &'a Subjects) -> Self {
        Self { subjects, known: RefCell::default() }
    }

    /// The body hash of a stored body; `Err` says why there is none.
    pub(crate) fn hash(&self, id: [u8; 16], stored: &[u8]) -> Result<[u8; 32], String> {
        let body =
            StoredBody::decode(stored).map_err(|error| format!("the event does not decode: {error}"))?;
        let key = |id: &[u8; 16]| {
            let mut known = self.known.borrow_mut();
            if known.len() >= MAX_KEYS {
                known.clear();
            }
            known.entry(*id).or_insert_with(|| self.subjects.by_id(id)).clone()
        };
        body.body_hash(EventId(id), &key)
            .map_err(|_| "the key of a person in the event is missing".to_owned())
    }

    /// The leaf of a row of a segment.
    pub(crate) fn leaf(
        &self,
        segment: &Segment,
        (log, index): (LogNo, u64),
        row: &Row<'_>,
    ) -> Result<LeafBytes, StoreError> {
        let body = match segment.index.kept_body(log.0, index) {
            Some(body) => body,
            None => self.hash(row.id, row.stored).map_err(|why| {
                StoreError::corrupt(&segment.path, 0, format!("event {index} of log {log}: {why}"))
            })?,
        };
        Ok(leaf_of(row, body))
    }
}

/// The leaf of a row with its body hash.
pub(crate) fn leaf_of(row: &Row<'_>, body: [u8; 32]) -> LeafBytes {
    let leaf = Leaf {
        flags: row.flags,
        type_tag: row.type_tag,
        received_ns: row.received_ns,
        id: EventId(row.id),
        producer: row.producer,
        sequence: row.sequence,
        body,
    };
    leaf.encode()
}

/// Where the events of one log are.
pub(crate) struct Places<'a> {
    pub(crate) log: LogNo,
    pub(crate) subjects: &'a Subjects,
    /// The run that holds an event, if it is in the WAL.
    pub(crate) run: &'a dyn Fn(u64) -> Option<Run>,
    /// The segment that holds an event.
    pub(crate) sealed: &'a dyn Fn(u64) -> Option<Sealed>,
}

impl Places<'_> {
    /// Leaves of neighbouring events.
    pub(crate) fn leaves(&self, range: Range<u64>) -> Result<Vec<LeafBytes>, StoreError> {
        let bodies = Bodies::new(self.subjects);
        let mut leaves = Vec::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
        let mut at = range.start;
        while at < range.end {
            // A run may be sealed and dropped between the two looks; then the second finds it.
            if let Some(run) = (self.run)(at) {
                let records = read_run(self.log, &run)?.into_iter().map(|full| full.record);
                leaves.extend(
                    records
                        .filter(|record| range.contains(&record.index) && record.index >= at)
                        .map(|r| r.leaf),
                );
                at = run.first + run.count;
                continue;
            }
            let out_of_range =
                || StoreError::OutOfRange { what: "index", value: at, log: self.log, size: at };
            let sealed = (self.sealed)(at).ok_or_else(out_of_range)?;
            let block = sealed.segment.some(self.log, at, &(at..range.end))?;
            if block.is_empty() {
                return Err(out_of_range());
            }
            for (index, row) in block.rows() {
                leaves.push(bodies.leaf(&sealed.segment, (self.log, index), &row)?);
            }
            at = block.first + block.len() as u64;
        }
        Ok(leaves)
    }
}

/// Leaves of a tile, from its first on, and their hashes.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tile {
    pub(crate) leaves: Vec<LeafBytes>,
    pub(crate) hashes: Vec<Hash>,
}

/// Tiles that were put together lately.
#[derive(Debug, Default)]
pub(crate) struct TileCache {
    state: Mutex<CacheState>,
}

#[derive(Debug, Default)]
struct CacheState {
    tiles: HashMap<(LogNo, u64), Arc<Tile>>,
    order: VecDeque<(LogNo, u64)>,
}

impl TileCache {
    fn get(&self, key: (LogNo, u64)) -> Option<Arc<Tile>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tiles.get(&key).cloned()
    }

    fn put(&self, key: (LogNo, u64), tile: &Arc<Tile>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.tiles.insert(key, Arc::clone(tile)).is_none() {
            state.order.push_back(key);
        }
        while state.order.len() > CACHE_BYTES / TILE_BYTES {
            if let Some(oldest) = state.order.pop_front() {
                state.tiles.remove(&oldest);
            }
        }
    }
}

/// The first `count` leaves of a tile, at least; they must be committed.
pub(crate) fn tile(shared: &Shared, log: &Log, number: u64, count: u64) -> Result<Arc<Tile>, StoreError> {
    let key = (log.no, number);
    let known = shared.tiles.get(key);
    if let Some(known) = known.as_ref().filter(|known| known.leaves.len() as u64 >= count) {
        return Ok(Arc::clone(known));
    }
    let mut tile = known.map(|known| (*known).clone()).unwrap_or_default();
    let places = Places {
        log: log.no,
        subjects: &shared.subjects,
        run: &|index| log.run(index),
        sealed: &|index| log.sealed(index),
    };
    let first = number * TILE;
    let end = (first + TILE).min(log.committed()).max(first + count);
    let more = places.leaves(first + tile.leaves.len() as u64..end)?;
    tile.hashes.extend(more.iter().map(|leaf| leaf_hash(leaf)));
    tile.leaves.extend(more);
    let tile = Arc::new(tile);
    shared.tiles.put(key, &tile);
    Ok(tile)
}

/// One leaf.
pub(crate) fn leaf(shared: &Shared, log: &Log, index: u64) -> Result<LeafBytes, StoreError> {
    let tile = tile(shared, log, index / TILE, index % TILE + 1)?;
    let leaf = tile.leaves.get((index % TILE) as usize);
    leaf.copied().ok_or(StoreError::OutOfRange { what: "index", value: index, log: log.no, size: index })
}

/// Level hashes of one log, for proofs. It does not know what is published; the caller checks sizes.
pub(crate) struct Levels<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) log: &'a Log,
}

impl LevelReader for Levels<'_> {
    type Error = StoreError;

    fn read(&self, level: u8, first: u64, out: &mut [Hash]) -> Result<(), StoreError> {
        if level > 0 {
            return self.shared.flat.hashes(self.log.no, level, first, out);
        }
        let mut at = first;
        let mut rest = out;
        while !rest.is_empty() {
            let from = at % TILE;
            let count = (TILE - from).min(rest.len() as u64);
            let tile = tile(self.shared, self.log, at / TILE, from + count)?;
            let (now, later) = rest.split_at_mut(count as usize);
            let hashes = tile.hashes.iter().skip(from as usize);
            now.iter_mut().zip(hashes).for_each(|(slot, hash)| *slot = *hash);
            (at, rest) = (at + count, later);
        }
        Ok(())
    }
}

/// The same before there are threads: for sizes that segments cover.
pub(crate) struct SealedLevels<'a> {
    pub(crate) flat: &'a FlatFiles,
    pub(crate) places: Places<'a>,
}

impl LevelReader for SealedLevels<'_> {
    type Error = StoreError;

    fn read(&self, level: u8, first: u64, out: &mut [Hash]) -> Result<(), StoreError> {
        if level > 0 {
            return self.flat.hashes(self.places.log, level, first, out);
        }
        let leaves = self.places.leaves(first..first + out.len() as u64)?;
        out.iter_mut().zip(leaves).for_each(|(slot, leaf)| *slot = leaf_hash(&leaf));
        Ok(())
    }
}
