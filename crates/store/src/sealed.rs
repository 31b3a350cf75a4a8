//! Segment files as the store reads them, and finding an idempotency key or a producer's number among them.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use indelible_durable::disk::{Disk, FileRef};
use indelible_segment::error::SegmentError;
use indelible_segment::read::{BlockEntry, Index, Keys, NumberEntry};
use indelible_segment::row::Block;

use crate::core_state::KeyUse;
use crate::error::StoreError;
use crate::leaves::Bodies;
use crate::loaded::Loaded;
use crate::log::Log;
use crate::log_no::LogNo;
use crate::read::{FullRecord, Record};
use crate::shared::Shared;

/// One segment file. Readers keep it open while they need it, even after its name is gone.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) file: FileRef,
    pub(crate) index: Index,
    loaded: Loaded,
    /// No other segment of this process has it.
    pub(crate) number: u64,
    /// Where and why its index cannot be read. Then it holds nothing, and only its name tells what it should hold.
    pub(crate) broken: Option<(u64, String)>,
}

impl Segment {
    /// Opens a file and reads its index.
    pub(crate) fn open(disk: &dyn Disk, path: PathBuf) -> Result<Self, StoreError> {
        let file = disk.open_read(&path).map_err(StoreError::io("open", &path))?;
        Self::from_file(file, path)
    }

    /// Reads the index of an open file.
    pub(crate) fn from_file(file: FileRef, path: PathBuf) -> Result<Self, StoreError> {
        let len = file.len().map_err(StoreError::io("read", &path))?;
        let index = Index::read(len, &|at, buf| file.read_exact_at(buf, at)).map_err(damage(&path))?;
        Ok(Self {
            path,
            file,
            index,
            loaded: Loaded::default(),
            number: crate::part::next_number(),
            broken: None,
        })
    }

    /// Opens a file; one that is damaged takes its place in the log all the same, and whoever reads its events is told.
    pub(crate) fn open_tolerant(disk: &dyn Disk, path: PathBuf) -> Result<Self, StoreError> {
        let file = disk.open_read(&path).map_err(StoreError::io("open", &path))?;
        match Self::from_file(Arc::clone(&file), path.clone()) {
            Err(StoreError::Corrupt { offset, what, .. }) => {
                let index = Index::unreadable(file.len().map_err(StoreError::io("read", &path))?);
                let number = crate::part::next_number();
                let loaded = Loaded::default();
                Ok(Self { path, file, index, loaded, number, broken: Some((offset, what)) })
            }
            other => other,
        }
    }

    /// First and last number in its name: indexes of a log's own segment, blocks of a shared one.
    pub(crate) fn named_range(&self) -> Option<(u64, u64)> {
        let stem = self.path.file_stem().and_then(|stem| stem.to_str())?;
        let (range, _) = stem.rsplit_once('.')?;
        let (first, last) = range.split_once('-')?;
        Some((u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(last, 16).ok()?))
    }

    /// The log whose own segment it is, by its folder.
    pub(crate) fn own_log(&self) -> Option<LogNo> {
        let folder = self.path.parent().and_then(Path::file_name)?.to_str()?;
        u32::from_str_radix(folder, 16).ok().map(LogNo)
    }

    /// Whether logs share it.
    pub(crate) fn is_spill(&self) -> bool {
        self.path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "spill")
    }

    /// How often its events were merged, by its name.
    pub(crate) fn generation(&self) -> u32 {
        let stem = self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        stem.rsplit_once('.').and_then(|(_, generation)| generation.parse().ok()).unwrap_or(0)
    }

    /// Its index with what was read beside it. Held only as long as it is needed.
    pub(crate) fn reading(&self) -> Arc<Index> {
        self.loaded.of(&self.index)
    }

    /// The decoded block that holds an event.
    pub(crate) fn block(&self, log: LogNo, index: u64) -> Result<Block, StoreError> {
        let entry = self.entry(log, index)?;
        self.reading().decode(entry, &|at, buf| self.file.read_exact_at(buf, at)).map_err(damage(&self.path))
    }

    /// Those rows of the block that holds an event that are wanted.
    pub(crate) fn some(&self, log: LogNo, index: u64, wanted: &Range<u64>) -> Result<Block, StoreError> {
        let entry = self.entry(log, index)?;
        let read = |at: u64, buf: &mut [u8]| self.file.read_exact_at(buf, at);
        let index = self.reading();
        let block = index.open(entry, &read).and_then(|open| open.some(&index, wanted, &read));
        block.map_err(damage(&self.path))
    }

    fn entry(&self, log: LogNo, index: u64) -> Result<&BlockEntry, StoreError> {
        if let Some((offset, what)) = &self.broken {
            return Err(StoreError::corrupt(&self.path, *offset, what.as_str()));
        }
        self.index.block(log.0, index).ok_or_else(|| {
            let what = format!("event {index} of log {log} should be in this segment");
            StoreError::corrupt(&self.path, 0, what)
        })
    }

    /// Its idempotency keys.
    pub(crate) fn keys(&self) -> Result<Keys, StoreError> {
        self.index.keys(&|at, buf| self.file.read_exact_at(buf, at)).map_err(damage(&self.path))
    }

    fn numbers(&self) -> Result<Vec<NumberEntry>, StoreError> {
        self.index.numbers(&|at, buf| self.file.read_exact_at(buf, at)).map_err(damage(&self.path))
    }
}

/// A segment's error with its file.
pub(crate) fn damage(path: &Path) -> impl FnOnce(SegmentError) -> StoreError {
    move |error| match error {
        SegmentError::Damaged { offset, what } => StoreError::corrupt(path, offset, what),
        SegmentError::Unreadable { why, .. } => StoreError::io("read", path)(io::Error::other(why)),
        other => StoreError::corrupt(path, 0, other.to_string()),
    }
}

/// The events of one log in one segment.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) segment: Arc<Segment>,
}

impl Sealed {
    /// The events beside `index` in its block that are wanted, with their leaves.
    pub(crate) fn read_block(
        &self,
        shared: &Shared,
        log: &Log,
        (index, wanted): (u64, &Range<u64>),
    ) -> Result<Vec<FullRecord>, StoreError> {
        let block = self.segment.some(log.no, index, wanted)?;
        let bodies = Bodies::new(&shared.subjects);
        let mut records = Vec::with_capacity(block.len());
        for (index, row) in block.rows() {
            let leaf = bodies.leaf(&self.segment, (log.no, index), &row)?;
            let record = Record { index, leaf, stored: row.stored.to_vec() };
            records.push(FullRecord { record, content: row.content.unwrap_or(0) });
        }
        Ok(records)
    }
}

/// Where a producer's number went, among the segments of a log.
pub(crate) fn find_number(
    shared: &Shared,
    log: LogNo,
    producer: u64,
    sequence: u64,
) -> Result<u64, StoreError> {
    for sealed in shared.log(log)?.segments().iter().rev() {
        let numbers = shared.filter.numbers(&sealed.segment)?;
        let at = numbers
            .partition_point(|entry| (entry.log, entry.producer, entry.first) <= (log.0, producer, sequence));
        let found = at.checked_sub(1).and_then(|at| numbers.get(at)).filter(|entry| {
            entry.log == log.0
                && entry.producer == producer
                && sequence - entry.first < u64::from(entry.count)
        });
        if let Some(entry) = found {
            return Ok(entry.index + (sequence - entry.first));
        }
    }
    let why =
        format!("number {sequence} is known to be stored, and no segment of log {log} has it; run fsck");
    Err(StoreError::Refused { what: "a producer's number", why })
}

/// Bits of one column: thirteen per key of a full one.
const COLUMN_BITS: u64 = 1 << 21;
/// Keys after which a new column begins.
const COLUMN_KEYS: usize = 160_000;
/// Bits set per key.
const PROBES: u64 = 5;
/// Columns that share one table, one bit of each word.
const COLUMNS: usize = 64;
/// Decoded key and number lists kept: a repeated import walks through segments in order.
const RECENT: usize = 4;

/// Which segments may hold an idempotency key.
///
/// A bloom filter per 160,000 keys, 64 of them side by side in one table of words, so that one probe asks all. Segments
/// found at start are added when the first key is asked for.
#[derive(Debug, Default)]
pub(crate) struct KeyFilter {
    state: RwLock<FilterState>,
    pending: Mutex<Vec<Arc<Segment>>>,
    /// Held while pending segments are added, and while segments are replaced.
    adding: Mutex<()>,
    recent_keys: Mutex<VecDeque<(PathBuf, Arc<Keys>)>>,
    recent_numbers: Mutex<VecDeque<(PathBuf, Arc<Vec<NumberEntry>>)>>,
}

#[derive(Debug, Default)]
struct FilterState {
    tables: Vec<Vec<u64>>,
    columns: Vec<Column>,
}

#[derive(Debug, Default)]
struct Column {
    keys: usize,
    segments: Vec<Arc<Segment>>,
}

impl KeyFilter {
    /// Adds a segment, later: when a key is asked for.
    pub(crate) fn add(&self, segment: &Arc<Segment>) {
        if segment.index.has_keys() {
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(segment));
        }
    }

    /// The event under a key, among all sealed ones.
    pub(crate) fn find(&self, log: LogNo, print: u64) -> Result<Option<KeyUse>, StoreError> {
        self.catch_up()?;
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        for (number, table) in state.tables.iter().enumerate() {
            let mut candidates =
                probes(print).fold(u64::MAX, |bits, at| bits & table.get(at).copied().unwrap_or(0));
            while candidates != 0 {
                let column = number * COLUMNS + candidates.trailing_zeros() as usize;
                candidates &= candidates - 1;
                let segments = state.columns.get(column).map_or(&[][..], |column| &column.segments);
                let mut found = segments.iter().map(|segment| self.find_in(segment, log, print));
                if let Some(found) = found.find_map(Result::transpose) {
                    return found.map(Some);
                }
            }
        }
        Ok(None)
    }

    fn find_in(&self, segment: &Arc<Segment>, log: LogNo, print: u64) -> Result<Option<KeyUse>, StoreError> {
        let keys = recent(&self.recent_keys, segment, Segment::keys)?;
        for row in keys.rows(print) {
            let Some((of, index)) = segment.index.row(row).filter(|(of, _)| *of == log.0) else { continue };
            let block = segment.block(LogNo(of), index)?;
            let content = block.get(index).and_then(|row| row.content).unwrap_or(0);
            return Ok(Some(KeyUse { log, index, content }));
        }
        Ok(None)
    }

    fn numbers(&self, segment: &Arc<Segment>) -> Result<Arc<Vec<NumberEntry>>, StoreError> {
        recent(&self.recent_numbers, segment, Segment::numbers)
    }

    /// Puts merged segments in the place of their sources. Together they have the same keys, so the bits stay right.
    pub(crate) fn replace(&self, old: &HashSet<u64>, new: &[Arc<Segment>]) {
        let adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let replace = |segments: &mut Vec<Arc<Segment>>| {
            let before = segments.len();
            segments.retain(|segment| !old.contains(&segment.number));
            if segments.len() < before {
                segments.extend(new.iter().filter(|segment| segment.index.has_keys()).cloned());
            }
        };
        replace(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.columns.iter_mut().for_each(|column| replace(&mut column.segments));
        drop((state, adding));
    }

    /// Reads the keys of segments that were added since the last look.
    fn catch_up(&self) -> Result<(), StoreError> {
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        for (done, segment) in pending.iter().enumerate() {
            match segment.keys() {
                Ok(keys) => {
                    let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
                    state.insert(segment, &keys);
                }
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(
                        "{error}; repetitions of its events are not recognised and are stored again"
                    );
                }
                Err(error) => {
                    let rest = pending.iter().skip(done).cloned();
                    self.pending.lock().unwrap_or_else(PoisonError::into_inner).extend(rest);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl FilterState {
    fn insert(&mut self, segment: &Arc<Segment>, keys: &Keys) {
        let count = keys.entries().len();
        if self.columns.last().is_none_or(|last| last.keys > 0 && last.keys + count > COLUMN_KEYS) {
            self.columns.push(Column::default());
        }
        let column = self.columns.len() - 1;
        if let Some(last) = self.columns.last_mut() {
            last.keys += count;
            last.segments.push(Arc::clone(segment));
        }
        while self.tables.len() <= column / COLUMNS {
            self.tables.push(vec![0; COLUMN_BITS as usize]);
        }
        let Some(table) = self.tables.get_mut(column / COLUMNS) else { return };
        for (key, _) in keys.entries() {
            for at in probes(*key) {
                if let Some(word) = table.get_mut(at) {
                    *word |= 1 << (column % COLUMNS);
                }
            }
        }
    }
}

/// Positions of a key's bits; the key is a keyed digest, so its halves serve as two hashes.
fn probes(print: u64) -> impl Iterator<Item = usize> {
    let step = (print >> 32) | 1;
    (0..PROBES).map(move |probe| (print.wrapping_add(probe.wrapping_mul(step)) % COLUMN_BITS) as usize)
}

/// A decoded list from the few most recently used ones.
fn recent<T>(
    cache: &Mutex<VecDeque<(PathBuf, Arc<T>)>>,
    segment: &Segment,
    load: impl FnOnce(&Segment) -> Result<T, StoreError>,
) -> Result<Arc<T>, StoreError> {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = cache.iter().find(|(path, _)| *path == segment.path) {
        return Ok(Arc::clone(found));
    }
    let loaded = Arc::new(load(segment)?);
    if cache.len() >= RECENT {
        cache.pop_front();
    }
    cache.push_back((segment.path.clone(), Arc::clone(&loaded)));
    Ok(loaded)
}
