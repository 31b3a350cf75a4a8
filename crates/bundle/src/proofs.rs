//! `proofs.bin`: for each event its leaf and its disclosure, then the hashes that lead from all the leaves to one root.
//!
//! Layout, integers big-endian: `ixb1` ‖ u64 size of the tree ‖ u32 count ‖ (u64 index ‖ leaf\[80\] ‖ u32 len ‖ disclosure)\* ‖
//! u32 count ‖ hash\[32\]\*. Indexes ascend; the hashes are those of [`indelible_tlog::batch`].

use indelible_event::LEAF_BYTES;
use indelible_tlog::tree::{HASH_LEN, Hash};

use crate::error::BundleError;

const MAGIC: &[u8; 4] = b"ixb1";

/// What proves one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven<'a> {
    /// Its position in the log.
    pub index: u64,
    /// Its leaf.
    pub leaf: &'a [u8; LEAF_BYTES],
    /// Its items, opened or as commitments.
    pub disclosure: &'a [u8],
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proofs<'a> {
    /// Leaves in the tree.
    pub size: u64,
    /// The events, their indexes ascending.
    pub events: Vec<Proven<'a>>,
    /// The hashes beside their ways to the root.
    pub hashes: Vec<Hash>,
}

/// Begins the part; the number of events must be known.
pub fn write_head(out: &mut Vec<u8>, size: u64, events: u32) {
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&events.to_be_bytes());
}

/// Appends one event's leaf and disclosure, which has less than 4 GiB as an event has less.
pub fn push_proof(out: &mut Vec<u8>, proven: &Proven<'_>) {
    out.extend_from_slice(&proven.index.to_be_bytes());
    out.extend_from_slice(proven.leaf);
    out.extend_from_slice(&(proven.disclosure.len() as u32).to_be_bytes());
    out.extend_from_slice(proven.disclosure);
}

/// Ends the part.
pub fn write_hashes(out: &mut Vec<u8>, hashes: &[Hash]) {
    out.extend_from_slice(&(hashes.len() as u32).to_be_bytes());
    for hash in hashes {
        out.extend_from_slice(hash.as_bytes());
    }
}

impl<'a> Proofs<'a> {
    /// Reads the part; nothing is verified.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BundleError> {
        let mut rest = bytes;
        if take::<4>(&mut rest)? != MAGIC {
            return Err(malformed("it does not begin with ixb1"));
        }
        let size = u64::from_be_bytes(*take(&mut rest)?);
        let count = u32::from_be_bytes(*take(&mut rest)?);
        let mut events = Vec::new();
        for _ in 0..count {
            let index = u64::from_be_bytes(*take(&mut rest)?);
            let leaf = take::<LEAF_BYTES>(&mut rest)?;
            let length = u32::from_be_bytes(*take(&mut rest)?) as usize;
            let (disclosure, after) = rest.split_at_checked(length).ok_or_else(cut)?;
            rest = after;
            events.push(Proven { index, leaf, disclosure });
        }
        let count = u32::from_be_bytes(*take(&mut rest)?) as usize;
        if count.checked_mul(HASH_LEN) != Some(rest.len()) {
            return Err(malformed("it does not end with as many hashes as it says"));
        }
        let hashes = rest.as_chunks::<HASH_LEN>().0.iter().map(|hash| Hash::from_slice(hash));
        let hashes = hashes.collect::<Result<_, _>>().map_err(|error| malformed(&error.to_string()))?;
        Ok(Self { size, events, hashes })
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], BundleError> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or_else(cut)?;
    *rest = after;
    Ok(taken)
}

fn cut() -> BundleError {
    malformed("it is cut off")
}

fn malformed(why: &str) -> BundleError {
    BundleError::Malformed { part: crate::PROOFS, why: why.to_owned() }
}
