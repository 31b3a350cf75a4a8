//! Trees and signatures: the levels above the leaves, every signed note, and the producers' numbers, log by log.

use std::collections::BTreeMap;

use indelible_event::{LEAF_BYTES, Leaf};
use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::tree::{HASH_LEN, Hash, LEVELS, Stack};

use super::{Check, Finding, LogVerdict, RESTORE};
use crate::flat::{ENTRY, Flat};
use crate::head_page::HeadPage;
use crate::log_no::LogNo;
use crate::producers::ProducerInfo;
use crate::publish::read_notes;
use crate::snapshot::LogState;
use crate::window::Window;

/// Leaves read at once.
const PIECE: u64 = 4096;

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
    windows: BTreeMap<u64, Window>,
    intact: bool,
}

impl<'a> Walk<'a> {
    fn new(check: &'a Check<'a>, no: LogNo, log: &'a LogState) -> Self {
        Self { check, no, log, wanted: BTreeMap::new(), windows: BTreeMap::new(), intact: true }
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
        let beyond = if self.check.live { 0 } else { self.log.size.min(self.flat_size()) };
        let size = head.map_or(0, |head| head.size).max(beyond);
        let found = self.levels(size.min(self.log.size));
        for head in &heads {
            if self.wanted.get(&head.size).copied().flatten() != Some(head.root) {
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
            if *size <= found && self.wanted.get(size).copied().flatten() != Some(*root) {
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

    fn flat_size(&self) -> u64 {
        self.check.flat.len(self.no, Flat::Leaves).unwrap_or(0) / ENTRY as u64
    }

    /// Reads and verifies the notes; gives how many, and what they sign.
    fn notes(&mut self, signed: &mut Vec<(Flat, u64, u64, Hash)>) -> u64 {
        let path = self.check.flat.path(self.no, Flat::Notes);
        let len = self.check.flat.len(self.no, Flat::Notes).unwrap_or(0);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        if len > 0 && self.check.flat.read(self.no, Flat::Notes, 0, &mut bytes).is_err() {
            self.find(path.clone(), 0, None, "the notes cannot be read".to_owned());
        }
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

    /// Builds the tree from level 0, which has been compared with the leaves, compares every level above with it, and
    /// collects the wanted roots. Gives how many leaves were there.
    fn levels(&mut self, size: u64) -> u64 {
        let mut stack = Stack::new();
        let mut levels: Vec<Vec<u8>> = vec![Vec::new(); usize::from(LEVELS)];
        let mut written = [0u64; LEVELS as usize];
        self.want(&stack);
        while stack.size() < size {
            let count = (size - stack.size()).min(PIECE);
            let mut bytes = vec![0; usize::try_from(count).unwrap_or(0) * ENTRY];
            if self.check.flat.read(self.no, Flat::Leaves, stack.size() * ENTRY as u64, &mut bytes).is_err() {
                let path = self.check.flat.path(self.no, Flat::Leaves);
                let have = self.flat_size();
                self.find(
                    path,
                    have * ENTRY as u64,
                    Some(have),
                    format!("the leaf file ends before leaf {size}"),
                );
                break;
            }
            let mut hashes = vec![0; usize::try_from(count).unwrap_or(0) * HASH_LEN];
            let at = stack.size() * HASH_LEN as u64;
            if self.check.flat.read(self.no, Flat::Level(0), at, &mut hashes).is_err() {
                let path = self.check.flat.path(self.no, Flat::Level(0));
                self.find(path, at, None, "level file 0 is too short".to_owned());
                break;
            }
            let (hashes, _) = hashes.as_chunks::<HASH_LEN>();
            for (entry, hash) in bytes.chunks(ENTRY).zip(hashes) {
                let leaf = entry.last_chunk::<LEAF_BYTES>().expect("entries end with a leaf");
                self.number(leaf);
                append(&mut stack, Hash::new(*hash), &mut levels);
                self.want(&stack);
            }
            for ((level, hashes), at) in (0u8..).zip(&mut levels).zip(&mut written) {
                self.compare(level, *at, hashes);
                *at += hashes.len() as u64;
                hashes.clear();
            }
        }
        stack.size()
    }

    fn want(&mut self, stack: &Stack) {
        if let Some(root) = self.wanted.get_mut(&stack.size()) {
            *root = Some(stack.root());
        }
    }

    fn compare(&mut self, level: u8, at: u64, hashes: &[u8]) {
        let mut found = vec![0; hashes.len()];
        let path = self.check.flat.path(self.no, Flat::Level(level));
        if !hashes.is_empty() && self.check.flat.read(self.no, Flat::Level(level), at, &mut found).is_err() {
            return self.find(path, at, None, format!("level file {level} is too short"));
        }
        let wrong =
            hashes.chunks(HASH_LEN).zip(found.chunks(HASH_LEN)).position(|(ours, theirs)| ours != theirs);
        if let Some(wrong) = wrong {
            let offset = at + (wrong * HASH_LEN) as u64;
            let number = offset / HASH_LEN as u64;
            let what = format!("hash {number} of level {level} is not what the level below gives");
            self.find(path, offset, None, what);
        }
    }

    fn number(&mut self, leaf: &[u8; LEAF_BYTES]) {
        if let Ok(leaf) = Leaf::decode(leaf)
            && leaf.sequence > 0
        {
            self.windows.entry(leaf.producer).or_default().insert(leaf.sequence);
        }
    }

    /// The numbers in the leaves are those that the state knows, unless events beyond the tree are still to come.
    fn producers(&mut self) {
        if self.check.live || self.flat_size() < self.log.size {
            return;
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
            let found = self.windows.get(&number).cloned().unwrap_or_default();
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

/// Adds a leaf's hash; completed hashes go to their level's list. Level 0 has been compared with the leaves before.
fn append(stack: &mut Stack, leaf: Hash, levels: &mut [Vec<u8>]) {
    stack.append(leaf, |level, hash| {
        if level == 0 {
            return;
        }
        if let Some(level) = levels.get_mut(usize::from(level)) {
            level.extend_from_slice(hash.as_bytes());
        }
    });
}
