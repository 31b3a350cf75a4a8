//! One proof for many leaves of a tree: every hash that two of their inclusion paths share stands in it once.
//!
//! The tree of `size` leaves is split as RFC 6962 splits it, from the root down and from left to right. A part without any of
//! the leaves gives its root to the proof, a part that is one of the leaves gives nothing, every other part is split again. Whoever knows
//! size and indexes meets the hashes in that order and needs no positions beside them.

use crate::error::Error;
use crate::proof::{LevelReader, check_size, range_hash, split};
use crate::tree::{Hash, node_hash};

/// The hashes that lead from the leaves with these indexes to the root of the tree of `size`.
///
/// # Errors
/// [`Error::OutOfRange`] unless the indexes ascend, there is one, and all are below `size`; whatever the reader returns.
pub fn prove<R: LevelReader>(indexes: &[u64], size: u64, levels: &R) -> Result<Vec<Hash>, R::Error> {
    check_size(size)?;
    check_indexes(indexes.iter().copied(), size)?;
    let mut beside = Vec::new();
    collect(0, size, indexes, &mut beside);
    beside.into_iter().map(|(start, end)| range_hash(start, end, levels)).collect()
}

/// Checks that these leaves (index and leaf hash) are in the tree with `size` leaves and this root.
///
/// # Errors
/// [`Error::OutOfRange`] unless the indexes ascend, there is one, and all are below `size`; [`Error::Proof`] when hashes and root
/// do not agree.
pub fn verify(leaves: &[(u64, Hash)], size: u64, hashes: &[Hash], root: Hash) -> Result<(), Error> {
    check_size(size)?;
    check_indexes(leaves.iter().map(|(index, _)| *index), size)?;
    let mut rest = hashes.iter();
    let found = fold(0, size, leaves, &mut rest).ok_or_else(|| failed("it has too few hashes"))?;
    if rest.next().is_some() {
        return Err(failed("it has too many hashes"));
    }
    if found != root {
        return Err(failed("it leads to another root"));
    }
    Ok(())
}

/// The parts without any of the leaves, from left to right.
fn collect(start: u64, end: u64, indexes: &[u64], beside: &mut Vec<(u64, u64)>) {
    if indexes.is_empty() {
        beside.push((start, end));
    } else if end - start > 1 {
        let middle = start + split(end - start);
        let (left, right) = indexes.split_at(indexes.partition_point(|index| *index < middle));
        collect(start, middle, left, beside);
        collect(middle, end, right, beside);
    }
}

fn fold<'h>(
    start: u64,
    end: u64,
    leaves: &[(u64, Hash)],
    hashes: &mut impl Iterator<Item = &'h Hash>,
) -> Option<Hash> {
    let Some((_, leaf)) = leaves.first() else { return hashes.next().copied() };
    if end - start == 1 {
        return Some(*leaf);
    }
    let middle = start + split(end - start);
    let (left, right) = leaves.split_at(leaves.partition_point(|(index, _)| *index < middle));
    let left = fold(start, middle, left, hashes)?;
    let right = fold(middle, end, right, hashes)?;
    Some(node_hash(&left, &right))
}

fn check_indexes(indexes: impl Iterator<Item = u64>, size: u64) -> Result<(), Error> {
    let mut before = None;
    for index in indexes {
        if index >= size {
            return Err(Error::range("leaf index", index, format!("the tree has {size} leaves")));
        }
        if before.is_some_and(|before| before >= index) {
            return Err(Error::range("leaf index", index, "indexes of a batch ascend, each once"));
        }
        before = Some(index);
    }
    before.map(|_| ()).ok_or_else(|| Error::range("number of leaves", 0, "a batch proves at least one"))
}

fn failed(why: &'static str) -> Error {
    Error::Proof { what: "batch proof", why }
}
