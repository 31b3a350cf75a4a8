//! A log in memory with the layout of the flat files, and the recursive definitions of RFC 6962 to
//! compare it with.

use std::cell::RefCell;
use std::collections::HashMap;

use indelible_tlog::error::Error;
use indelible_tlog::proof::LevelReader;
use indelible_tlog::tile::{Kind, count};
use indelible_tlog::tree::{Hash, LEVELS, Stack, leaf_hash, node_hash};

/// Leaf `i` of the published fixed points: the 8 bytes of `i`.
pub(crate) fn counting_leaf(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

/// Level files and roots of a growing log.
#[derive(Default)]
pub(crate) struct FlatLog {
    pub(crate) levels: [Vec<Hash>; LEVELS as usize],
    pub(crate) stack: Stack,
    /// Root of every size from 0.
    pub(crate) roots: Vec<Hash>,
}

impl FlatLog {
    pub(crate) fn of(leaves: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut log = Self { roots: vec![Hash::EMPTY_ROOT], ..Self::default() };
        for leaf in leaves {
            log.stack.append(leaf_hash(leaf.as_ref()), |level, hash| log.levels[level as usize].push(hash));
            log.roots.push(log.stack.root());
        }
        log
    }

    pub(crate) fn counting(size: u64) -> Self {
        Self::of((0..size).map(counting_leaf))
    }

    /// Reads as if the log had been published at `size`.
    pub(crate) fn at(&self, size: u64) -> Published<'_> {
        Published { log: self, size }
    }
}

/// Refuses every hash that a log of this size has not published, and runs that leave a tile.
pub(crate) struct Published<'a> {
    log: &'a FlatLog,
    size: u64,
}

impl LevelReader for Published<'_> {
    type Error = Error;

    fn read(&self, level: u8, first: u64, out: &mut [Hash]) -> Result<(), Error> {
        let end = first + out.len() as u64;
        assert!(end <= count(Kind::Level(level), self.size), "level {level} hash {end} is not published");
        assert_eq!(first / 256, (end - 1) / 256, "a run lies in one tile");
        out.copy_from_slice(&self.log.levels[level as usize][first as usize..end as usize]);
        Ok(())
    }
}

/// MTH, PATH and PROOF as RFC 6962 writes them, with a memory for subtrees.
pub(crate) struct Recursion {
    leaves: Vec<Hash>,
    known: RefCell<HashMap<(usize, usize), Hash>>,
}

impl Recursion {
    pub(crate) fn of(leaves: Vec<Hash>) -> Self {
        Self { leaves, known: RefCell::default() }
    }

    pub(crate) fn root(&self, start: usize, end: usize) -> Hash {
        match end - start {
            0 => return Hash::EMPTY_ROOT,
            1 => return self.leaves[start],
            _ => {}
        }
        if let Some(known) = self.known.borrow().get(&(start, end)) {
            return *known;
        }
        let middle = start + split(end - start);
        let hash = node_hash(&self.root(start, middle), &self.root(middle, end));
        self.known.borrow_mut().insert((start, end), hash);
        hash
    }

    pub(crate) fn path(&self, m: usize, start: usize, end: usize) -> Vec<Hash> {
        if end - start == 1 {
            return Vec::new();
        }
        let k = split(end - start);
        let (mut path, beside) = if m < k {
            (self.path(m, start, start + k), self.root(start + k, end))
        } else {
            (self.path(m - k, start + k, end), self.root(start, start + k))
        };
        path.push(beside);
        path
    }

    pub(crate) fn proof(&self, m: usize, start: usize, end: usize, whole: bool) -> Vec<Hash> {
        if m == end - start {
            return if whole { Vec::new() } else { vec![self.root(start, end)] };
        }
        let k = split(end - start);
        let (mut proof, beside) = if m <= k {
            (self.proof(m, start, start + k, whole), self.root(start + k, end))
        } else {
            (self.proof(m - k, start + k, end, false), self.root(start, start + k))
        };
        proof.push(beside);
        proof
    }
}

fn split(count: usize) -> usize {
    let mut k = 1;
    while k * 2 < count {
        k *= 2;
    }
    k
}
