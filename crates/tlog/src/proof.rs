//! Inclusion and consistency proofs of RFC 6962: checking them, and making them from level files.
//!
//! Checking believes nothing but its arguments; root and size must come from a verified checkpoint,
//! because a proof says nothing about the size. Making reads complete subtrees only, in runs that
//! never leave one tile, so one read of a tile serves each run.

use crate::error::Error;
use crate::tree::{Hash, MAX_SIZE, Stack, fold_right, node_hash};

/// Most hashes in a proof: the height of a tree of [`MAX_SIZE`] leaves.
pub const MAX_PATH: usize = 63;

/// Where hashes of complete subtrees are read: level files, tiles over HTTP, a cache.
///
/// Closures `Fn(level, index) -> Result<Hash, E>` are readers too.
pub trait LevelReader {
    /// What a failed read returns; errors of this crate must convert into it.
    type Error: From<Error>;

    /// Fills `out` with hashes `first..first + out.len()` of level file `level`.
    ///
    /// A run has at most 128 hashes and never crosses a multiple of 256, so it lies in one tile.
    fn read(&self, level: u8, first: u64, out: &mut [Hash]) -> Result<(), Self::Error>;
}

impl<F, E> LevelReader for F
where
    F: Fn(u8, u64) -> Result<Hash, E>,
    E: From<Error>,
{
    type Error = E;

    fn read(&self, level: u8, first: u64, out: &mut [Hash]) -> Result<(), E> {
        out.iter_mut().zip(first..).try_for_each(|(slot, index)| self(level, index).map(|hash| *slot = hash))
    }
}

/// The hashes beside the way from leaf `index` to the root of the tree of `size`, lowest first.
///
/// # Errors
/// [`Error::OutOfRange`] unless `index < size` and `size` ≤ [`MAX_SIZE`]; whatever the reader returns.
pub fn inclusion<R: LevelReader>(index: u64, size: u64, levels: &R) -> Result<Vec<Hash>, R::Error> {
    check_size(size)?;
    if index >= size {
        return Err(Error::range("leaf index", index, format!("the tree has {size} leaves")).into());
    }
    let mut beside = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            beside.push((middle, end));
            end = middle;
        } else {
            beside.push((start, middle));
            start = middle;
        }
    }
    beside.into_iter().rev().map(|(start, end)| range_hash(start, end, levels)).collect()
}

/// The hashes that show the tree of `old` leaves to be a prefix of the tree of `new` leaves.
///
/// # Errors
/// [`Error::OutOfRange`] unless 0 < `old` ≤ `new` ≤ [`MAX_SIZE`]; whatever the reader returns.
pub fn consistency<R: LevelReader>(old: u64, new: u64, levels: &R) -> Result<Vec<Hash>, R::Error> {
    check_size(new)?;
    check_old(old, new)?;
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, new);
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            parts.push((middle, end));
            end = middle;
        } else {
            parts.push((start, middle));
            start = middle;
        }
    }
    if start > 0 {
        parts.push((start, end));
    }
    parts.into_iter().rev().map(|(start, end)| range_hash(start, end, levels)).collect()
}

/// Root of the first `size` leaves.
///
/// # Errors
/// [`Error::OutOfRange`] for a size above [`MAX_SIZE`]; whatever the reader returns.
pub fn root<R: LevelReader>(size: u64, levels: &R) -> Result<Hash, R::Error> {
    Ok(stack(size, levels)?.root())
}

/// The appendable state of the first `size` leaves.
///
/// # Errors
/// As for [`root`].
pub fn stack<R: LevelReader>(size: u64, levels: &R) -> Result<Stack, R::Error> {
    check_size(size)?;
    Ok(Stack::from_parts(size, complete_subtrees(0, size, levels)?)?)
}

/// Checks that `leaf` (a leaf hash) is number `index` of the tree with `size` leaves and this root.
///
/// # Errors
/// [`Error::OutOfRange`] unless `index < size`; [`Error::Proof`] when path and root do not agree.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> Result<(), Error> {
    if index >= size {
        return Err(Error::range("leaf index", index, format!("the tree has {size} leaves")));
    }
    let mut walk = Walk { node: index, last: size - 1 };
    let mut hash = leaf;
    for beside in path {
        hash = match walk.step() {
            Side::Left => node_hash(beside, &hash),
            Side::Right => node_hash(&hash, beside),
            Side::AtRoot => return Err(failed("inclusion proof", "it has too many hashes")),
        };
    }
    if walk.last != 0 {
        return Err(failed("inclusion proof", "it has too few hashes"));
    }
    if hash != root {
        return Err(failed("inclusion proof", "it leads to another root"));
    }
    Ok(())
}

/// Checks that the tree `old` = (size, root) is a prefix of the tree `new` = (size, root).
///
/// # Errors
/// [`Error::OutOfRange`] unless 0 < old size ≤ new size (a tree without leaves is a prefix of every
/// tree and cannot be proven to be one); [`Error::Proof`] when path and roots do not agree.
pub fn verify_consistency(old: (u64, Hash), new: (u64, Hash), path: &[Hash]) -> Result<(), Error> {
    check_old(old.0, new.0)?;
    if old.0 == new.0 {
        return match (path.is_empty(), old.1 == new.1) {
            (false, _) => Err(failed("consistency proof", "equal sizes need no hashes")),
            (_, false) => Err(failed("consistency proof", "equal sizes have different roots")),
            (true, true) => Ok(()),
        };
    }
    let (first, rest) =
        path.split_first().ok_or_else(|| failed("consistency proof", "it has too few hashes"))?;
    let (first, rest) = if old.0.is_power_of_two() { (&old.1, path) } else { (first, rest) };
    let shift = (old.0 - 1).trailing_ones();
    let mut walk = Walk { node: (old.0 - 1) >> shift, last: (new.0 - 1) >> shift };
    let (mut old_root, mut new_root) = (*first, *first);
    for hash in rest {
        match walk.step() {
            Side::Left => {
                old_root = node_hash(hash, &old_root);
                new_root = node_hash(hash, &new_root);
            }
            Side::Right => new_root = node_hash(&new_root, hash),
            Side::AtRoot => return Err(failed("consistency proof", "it has too many hashes")),
        }
    }
    if walk.last != 0 {
        return Err(failed("consistency proof", "it has too few hashes"));
    }
    if old_root != old.1 {
        return Err(failed("consistency proof", "it leads to another old root"));
    }
    if new_root != new.1 {
        return Err(failed("consistency proof", "it leads to another new root"));
    }
    Ok(())
}

/// Position on the way up: number of the node and of the last node in the same row.
struct Walk {
    node: u64,
    last: u64,
}

/// Where the next hash of a path stands relative to the node.
enum Side {
    Left,
    Right,
    AtRoot,
}

impl Walk {
    /// RFC 9162, 2.1.3.2 step 4 and 2.1.4.2 step 6: a node without right sibling rises until it is
    /// a right child itself.
    fn step(&mut self) -> Side {
        if self.last == 0 {
            return Side::AtRoot;
        }
        let left = self.node % 2 == 1 || self.node == self.last;
        if left && self.node.is_multiple_of(2) {
            let rows = self.node.trailing_zeros();
            self.node >>= rows;
            self.last >>= rows;
        }
        self.node >>= 1;
        self.last >>= 1;
        if left { Side::Left } else { Side::Right }
    }
}

/// Largest power of two below `count`, which is at least 2.
pub(crate) fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

pub(crate) fn check_size(size: u64) -> Result<(), Error> {
    if size > MAX_SIZE {
        return Err(Error::range("tree size", size, "sizes end at 2^63 - 1"));
    }
    Ok(())
}

fn check_old(old: u64, new: u64) -> Result<(), Error> {
    if old == 0 {
        return Err(Error::range("old tree size", old, "a tree without leaves has no consistency proof"));
    }
    if old > new {
        return Err(Error::range("old tree size", old, format!("the new tree has {new} leaves")));
    }
    Ok(())
}

/// Root of leaves `start..end`, where `start` is aligned as RFC 6962 splits trees.
pub(crate) fn range_hash<R: LevelReader>(start: u64, end: u64, levels: &R) -> Result<Hash, R::Error> {
    Ok(fold_right(&complete_subtrees(start, end, levels)?))
}

fn complete_subtrees<R: LevelReader>(start: u64, end: u64, levels: &R) -> Result<Vec<Hash>, R::Error> {
    let mut hashes = Vec::new();
    let mut at = start;
    while at < end {
        let height = (end - at).ilog2();
        hashes.push(subtree(at >> height, height, levels)?);
        at += 1 << height;
    }
    Ok(hashes)
}

/// Root of complete subtree number `index` of that height, from one run of the level below.
fn subtree<R: LevelReader>(index: u64, height: u32, levels: &R) -> Result<Hash, R::Error> {
    let (level, rows) = ((height / 8) as u8, height % 8);
    let mut row = vec![Hash::default(); 1 << rows];
    levels.read(level, index << rows, &mut row)?;
    for _ in 0..rows {
        row = row.as_chunks().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    Ok(row.first().copied().unwrap_or_default())
}

fn failed(what: &'static str, why: &'static str) -> Error {
    Error::Proof { what, why }
}
