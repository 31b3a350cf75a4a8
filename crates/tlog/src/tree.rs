//! Hashes of an RFC 6962 tree, and the state that is enough to append to it.
//!
//! A tree of `n` leaves is held as one hash per set bit of `n`: the roots of its complete subtrees,
//! largest first. Everything else a log must remember goes out through `emit` while leaves are
//! appended: hash number `i` of level file `l` is the root of leaves `[i * 256^l, (i + 1) * 256^l)`.
//! This module must never hash anything but bytes it was given, and never a level file's ragged end.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::text::{base64_decode, base64_encode};

/// Largest size and, less one, largest index: verifiers in Go count in signed 64 bits.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// Number of level files: 256^8 exceeds [`MAX_SIZE`], so levels 0 to 7 hold every tree.
pub const LEVELS: u8 = 8;

/// Bytes of a hash.
pub const HASH_LEN: usize = 32;

/// A SHA-256 value. Text form: base64 with padding, 44 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct Hash([u8; HASH_LEN]);

impl Hash {
    /// Root of the tree without leaves: SHA-256 of nothing.
    pub const EMPTY_ROOT: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// Wraps 32 bytes.
    pub const fn new(bytes: [u8; HASH_LEN]) -> Self {
        Self(bytes)
    }

    /// Takes exactly 32 bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for any other length.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let exact = bytes.try_into().map_err(|_| {
            Error::malformed("hash", format!("expected {HASH_LEN} bytes, found {}", bytes.len()))
        })?;
        Ok(Self(exact))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_LEN] {
        &self.0
    }
}

impl From<[u8; HASH_LEN]> for Hash {
    fn from(bytes: [u8; HASH_LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64_encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_slice(&base64_decode("hash", text)?)
    }
}

/// SHA-256(0x00 ‖ leaf).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The appendable state of a tree: its size and the roots of its complete subtrees, largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    size: u64,
    hashes: Vec<Hash>,
}

impl Stack {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash and returns the leaf's index.
    ///
    /// `emit(level, hash)` is called once for level 0 and once more for each level whose next
    /// subtree this leaf completes; each hash belongs at the end of that level's file.
    pub fn append(&mut self, leaf: Hash, mut emit: impl FnMut(u8, Hash)) -> u64 {
        let index = self.size;
        let mut hash = leaf;
        emit(0, hash);
        for height in 1..=index.trailing_ones() {
            let left = self.hashes.pop().expect("one hash per set bit of the size");
            hash = node_hash(&left, &hash);
            if height % 8 == 0 {
                emit((height / 8) as u8, hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
        index
    }

    /// Root of the tree as it is now.
    pub fn root(&self) -> Hash {
        fold_right(&self.hashes)
    }

    /// Bytes for a snapshot: u64 size ‖ the hashes, largest subtree first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.hashes.len() * HASH_LEN);
        out.extend_from_slice(&self.size.to_be_bytes());
        self.hashes.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
        out
    }

    /// Reads what [`Stack::encode`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the length does not follow from the size.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (size, rest) = bytes
            .split_first_chunk()
            .ok_or_else(|| Error::malformed("tree snapshot", "it ends within the size"))?;
        let (hashes, odd) = rest.as_chunks();
        if !odd.is_empty() {
            return Err(Error::malformed("tree snapshot", "it ends within a hash"));
        }
        Self::from_parts(u64::from_be_bytes(*size), hashes.iter().copied().map(Hash).collect())
    }

    /// Puts a stack together from its size and the roots of its complete subtrees, largest first.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless there is one hash per set bit of the size;
    /// [`Error::OutOfRange`] for a size above [`MAX_SIZE`].
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, Error> {
        if size > MAX_SIZE {
            return Err(Error::range("tree size", size, "sizes end at 2^63 - 1"));
        }
        if hashes.len() != size.count_ones() as usize {
            let why = format!("size {size} needs {} hashes, found {}", size.count_ones(), hashes.len());
            return Err(Error::malformed("tree snapshot", why));
        }
        Ok(Self { size, hashes })
    }
}

/// Root over complete subtrees that lie side by side, largest first.
pub(crate) fn fold_right(hashes: &[Hash]) -> Hash {
    let folded = hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
    folded.unwrap_or(Hash::EMPTY_ROOT)
}
