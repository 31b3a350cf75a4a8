//! Trees and signatures: the levels above the leaves, every signed note, and the producers' numbers, log by log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::tree::{HASH_LEN, Hash, LEVELS, Stack};

use super::span::{Leaves, peaks};
use super::{Check, Finding, LogVerdict, RESTORE};
use crate::flat::Flat;
use crate::head_page::HeadPage;
use crate::leaves::TILE;
use crate::log_no::LogNo;
use crate::producers::ProducerInfo;
use crate::publish::read_notes;
use crate::snapshot::LogState;
use crate::window::Window;

/// Sizes of every log that a head or a note signs, whether validly or not.
pub(super) fn signed_sizes(check: &Check<'_>) -> BTreeMap<LogNo, BTreeSet<u64>> {
    let mut sizes: BTreeMap<LogNo, BTreeSet<u64>> = BTreeMap::new();
    for head in check.heads.newest.values().chain(&check.heads.older) {
        sizes.entry(head.log).or_default().insert(head.size);
    }
    for no in check.snapshot.logs.keys() {
        let bytes = note_bytes(check, *no).unwrap_or_default();
        let of_log = sizes.entry(*no).or_default();
        // The second line of a checkpoint.
        of_log.extend(
            read_notes(&bytes).0.iter().filter_map(|(_, _, note)| note.lines().nth(1)?.parse::<u64>().ok()),
        );
    }
    sizes
}

/// The notes file, as far as it can be read.
fn note_bytes(check: &Check<'_>, no: LogNo) -> Option<Vec<u8>> {
    let len = check.flat.len(no, Flat::Notes).unwrap_or(0);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    if len > 0 {
        check.flat.read(no, Flat::Notes, 0, &mut bytes).ok()?;
    }
    Some(bytes)
}

/// A verdict for every log.
pub(super) fn logs(check: &Check<'_>) -> Vec<LogVerdict> {
    check.snapshot.logs.iter().map(|(no, log)| Walk::new(check, *no, log).run()).collect()
}

struct Walk<'a> {
    check: &'a Check<'a>,
    no: LogNo,
    log: &'a LogState,
    /// Root by size, for the sizes that somebody signed.
    wanted: BTreeMap<u64, Option<Hash>>,
    leaves: Leaves,
    intact: bool,
}

impl<'a> Walk<'a> {
    fn new(check: &'a Check<'a>, no: LogNo, log: &'a LogState) -> Self {
        let spans = check.spans.lock().unwrap_or_else(PoisonError::into_inner).remove(&no);
        let signed = check.wanted.get(&no).cloned().unwrap_or_default();
        let leaves = Leaves::join(spans.unwrap_or_default(), &signed);
        Self { check, no, log, wanted: BTreeMap::new(), leaves, intact: true }
    }

    fn run(mut self) -> LogVerdict {
        let head = self.check.heads.newest.get(&self.no);
        let no = self.no;
        let older = self.check.heads.older.iter().filter(|head| head.log == no);
        let heads: Vec<&HeadPage> = head.into_iter().chain(older).collect();
        let mut signed: Vec<(Flat, u64, u64, Hash)> = Vec::new();
        let notes = self.notes(&mut signed);
        let sizes = signed.iter().map(|(_, _, size, _)| *size).chain(heads.iter().map(|head| head.size));
        self.wanted = sizes.map(|size| (size, None)).collect();
        let head_size = head.map_or(0, |head| head.size);
        let size = if self.check.live { head_size } else { self.log.size.max(head_size) };
        let found = self.levels(size.min(self.log.size), head_size);
        for head in &heads {
            // What cannot be computed because events are damaged has been found with them.
            let root = self.wanted.get(&head.size).copied().flatten();
            if root.map_or(head.size > found, |root| root != head.root) {
                let what =
                    format!("the signed head of size {} has another root than the events give", head.size);
                let file = crate::heads::FILES
                    .get(crate::head_page::slot(head.generation))
                    .copied()
                    .unwrap_or_default();
                let offset = u64::from(self.no.0) * crate::head_page::PAGE as u64;
                self.find(self.check.dir.join(file), offset, None, what);
            }
        }
        for (flat, offset, size, root) in &signed {
            let computed = self.wanted.get(size).copied().flatten();
            if *size <= found && computed.is_some_and(|computed| computed != *root) {
                let what = format!("the checkpoint of size {size} has another root than the events give");
                self.find(self.check.flat.path(self.no, *flat), *offset, None, what);
            }
        }
        self.producers();
        LogVerdict {
            no: self.no,
            origin: self.log.origin.clone(),
            name: self.log.name.clone(),
            events: self.log.size,
            head_size: head.map_or(0, |head| head.size),
            root: head.and_then(|head| self.wanted.get(&head.size).copied().flatten()),
            head_time_ns: head.map_or(0, |head| head.time_ns),
            checkpoints: notes + heads.len() as u64,
            producers: self.infos(),
            intact: self.intact,
        }
    }

    fn find(&mut self, file: std::path::PathBuf, offset: u64, index: Option<u64>, what: String) {
        self.intact = false;
        let (log, remedy) = (Some(self.log.origin.clone()), RESTORE.to_owned());
        self.check.findings.add(Finding { file, offset, log, index, what, remedy });
    }

    /// Reads and verifies the notes; gives how many, and what they sign.
    fn notes(&mut self, signed: &mut Vec<(Flat, u64, u64, Hash)>) -> u64 {
        let path = self.check.flat.path(self.no, Flat::Notes);
        let len = self.check.flat.len(self.no, Flat::Notes).unwrap_or(0);
        let bytes = note_bytes(self.check, self.no);
        if bytes.is_none() {
            self.find(path.clone(), 0, None, "the notes cannot be read".to_owned());
        }
        let bytes = bytes.unwrap_or_default();
        let (notes, end) = read_notes(&bytes);
        if end < len && !self.check.live {
            self.find(path.clone(), end, None, "a note does not check".to_owned());
        }
        // Every start and every first publication writes one.
        if notes.is_empty() && !self.check.live && self.check.heads.newest.contains_key(&self.no) {
            self.find(path.clone(), 0, None, "the checkpoints of the past are gone".to_owned());
        }
        let keys =
            self.check.keys.get(&self.no).map(crate::signing::LogKeys::verifiers_ever).unwrap_or_default();
        for (offset, _, note) in &notes {
            match SignedCheckpoint::open(note.as_bytes(), &keys) {
                Ok(opened) if opened.checkpoint.origin() == self.log.origin => {
                    signed.push((Flat::Notes, *offset, opened.checkpoint.size(), opened.checkpoint.root()));
                }
                Ok(_) => self.find(path.clone(), *offset, None, "a note belongs to another log".to_owned()),
                Err(error) => self.find(path.clone(), *offset, None, format!("a note is not valid: {error}")),
            }
        }
        notes.len() as u64
    }

    /// Builds the tree from the leaves, compares every level with it, and collects the wanted roots. Where leaves could not be
    /// recomputed, what level 1 says of them stands in for them. Gives the size up to which the tree is known.
    fn levels(&mut self, size: u64, head_size: u64) -> u64 {
        let stored = self.stored(1, size / TILE);
        let mut upper = Stack::new();
        let mut levels: Vec<Vec<u8>> = vec![Vec::new(); usize::from(LEVELS)];
        self.want(&upper, 0);
        for number in 0..size / TILE {
            let stored = usize::try_from(number).ok().and_then(|at| stored.get(at)).copied();
            let Some(root) = self.leaves.tiles.get(&number).copied().or(stored) else {
                return number * TILE;
            };
            upper.append(root, |above, hash| {
                if let Some(level) = levels.get_mut(usize::from(above) + 1) {
                    level.extend_from_slice(hash.as_bytes());
                }
            });
            self.want(&upper, number + 1);
        }
        for (level, hashes) in (1u8..).zip(levels.iter().skip(1)) {
            let needed = head_size.checked_shr(u32::from(level) * 8).unwrap_or(0);
            self.compare(level, hashes, needed);
        }
        if self.leaves.whole_to >= size { size } else { size / TILE * TILE }
    }

    /// Hashes in a level file, at most so many.
    fn stored(&self, level: u8, count: u64) -> Vec<Hash> {
        let len = self.check.flat.len(self.no, Flat::Level(level)).unwrap_or(0) / HASH_LEN as u64;
        let mut hashes = vec![Hash::default(); usize::try_from(len.min(count)).unwrap_or(0)];
        if !hashes.is_empty() && self.check.flat.hashes(self.no, level, 0, &mut hashes).is_err() {
            return Vec::new();
        }
        hashes
    }

    /// Collects the wanted roots of sizes from `number` tiles up to the next.
    fn want(&mut self, upper: &Stack, number: u64) {
        let sizes = number * TILE..(number + 1) * TILE;
        for (size, root) in self.wanted.range_mut(sizes) {
            let within = match size % TILE {
                0 => Some(&[][..]),
                _ => self.leaves.peaks.get(size).map(Vec::as_slice),
            };
            let hashes = within.map(|within| [peaks(upper).as_slice(), within].concat());
            *root = hashes.and_then(|hashes| Stack::from_parts(*size, hashes).ok()).map(|stack| stack.root());
        }
    }

    /// Compares a level file with what was computed; it must reach as far as heads do.
    fn compare(&mut self, level: u8, hashes: &[u8], needed: u64) {
        let count = hashes.len() / HASH_LEN;
        let found = self.stored(level, count as u64);
        let path = self.check.flat.path(self.no, Flat::Level(level));
        let (computed, _) = hashes.as_chunks::<HASH_LEN>();
        let wrong = computed.iter().zip(&found).position(|(ours, theirs)| ours != theirs.as_bytes());
        if let Some(wrong) = wrong {
            let (offset, number) = ((wrong * HASH_LEN) as u64, wrong as u64);
            let (what, index) = if level == 1 {
                let (first, last) = (number * TILE, number * TILE + TILE - 1);
                (format!("hash {number} of level 1 is not what events {first} to {last} give"), Some(first))
            } else {
                (format!("hash {number} of level {level} is not what the level below gives"), None)
            };
            self.find(path, offset, index, what);
        } else if (found.len() as u64) < needed.min(count as u64) {
            let offset = (found.len() * HASH_LEN) as u64;
            self.find(path, offset, None, format!("level file {level} is too short"));
        }
    }

    /// The numbers in the leaves are those that the state knows, unless events beyond the tree are still to come.
    fn producers(&mut self) {
        if self.check.live || self.leaves.whole_to < self.log.size {
            return;
        }
        let mut windows: BTreeMap<u64, Window> = BTreeMap::new();
        for (producer, first, last) in std::mem::take(&mut self.leaves.numbers) {
            let window = windows.entry(producer).or_default();
            (first..=last).for_each(|number| {
                window.insert(number);
            });
        }
        let of_log = |(no, _): &&(LogNo, u64)| *no == self.no;
        let known: Vec<(u64, Window)> = self
            .check
            .snapshot
            .producers
            .iter()
            .filter(|(key, _)| of_log(key))
            .map(|((_, number), state)| (*number, state.window.clone()))
            .collect();
        for (number, window) in known {
            let found = windows.get(&number).cloned().unwrap_or_default();
            if found != window {
                let path = self.check.dir.join("state");
                let what = format!("the numbers of producer {number} differ between snapshot and leaves");
                self.find(path, 0, None, what);
            }
        }
    }

    fn infos(&self) -> Vec<ProducerInfo> {
        let of_log = self.check.snapshot.producers.iter().filter(|((no, _), _)| *no == self.no);
        let info = |((_, number), state): (&(LogNo, u64), &crate::snapshot::ProducerState)| ProducerInfo {
            number: *number,
            name: state.name.clone(),
            instance: state.instance.clone(),
            events: state.events,
            contiguous: state.window.contiguous(),
            highest: state.window.highest(),
            gaps: state.window.gaps(),
            last_seen_ns: state.last_seen_ns,
        };
        of_log.map(info).collect()
    }
}
