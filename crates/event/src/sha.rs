//! SHA-256 and HMAC-SHA256 of messages that lie in one piece of memory.
//!
//! An event is many short messages. The streaming hashers of `sha2` and `hmac` copy a buffer and several states for
//! each of them, which costs more than the hashing; here only the block function of `sha2` is called. Never keeps a
//! message or a key, only the states that a key leads to.

use std::fmt;

use sha2::block_api::compress256;

use crate::Hash;

/// Bytes of one block of SHA-256.
const BLOCK: usize = 64;
/// What the last block needs behind the message: the mark and the length in bits.
const TRAILER: usize = 9;
/// The hash before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256 of a message.
pub fn sha256(message: &[u8]) -> Hash {
    finish(INITIAL, 0, message)
}

/// A key of HMAC-SHA256 (RFC 2104) with both of its states prepared, since one key serves many messages.
#[derive(Clone, Copy)]
pub struct MacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl MacKey {
    /// A key of any length.
    pub fn new(key: &[u8]) -> Self {
        let hashed;
        let key = if key.len() > BLOCK {
            hashed = sha256(key);
            &hashed
        } else {
            key
        };
        let state = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut state = INITIAL;
            compress256(&mut state, &[block]);
            state
        };
        Self { inner: state(0x36), outer: state(0x5c) }
    }

    /// The HMAC of a message.
    pub fn mac(&self, message: &[u8]) -> Hash {
        let inner = finish(self.inner, BLOCK, message);
        finish(self.outer, BLOCK, &inner)
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

/// The hash of `message` after `before` bytes in whole blocks that led to `state`.
fn finish(mut state: [u32; 8], before: usize, message: &[u8]) -> Hash {
    let (blocks, rest) = message.as_chunks::<BLOCK>();
    if !blocks.is_empty() {
        compress256(&mut state, blocks);
    }
    let bits = (before + message.len()) as u64 * 8;
    if rest.len() + TRAILER <= BLOCK {
        compress256(&mut state, &last_blocks::<1>(rest, bits));
    } else {
        compress256(&mut state, &last_blocks::<2>(rest, bits));
    }
    let mut hash = [0; 32];
    let (words, _) = hash.as_chunks_mut::<4>();
    words.iter_mut().zip(state).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    hash
}

/// The end of a message with its padding (FIPS 180-4, 5.1.1).
fn last_blocks<const N: usize>(rest: &[u8], bits: u64) -> [[u8; BLOCK]; N] {
    let mut blocks = [[0; BLOCK]; N];
    let flat = blocks.as_flattened_mut();
    if let Some((place, padding)) = flat.split_at_mut_checked(rest.len()) {
        place.copy_from_slice(rest);
        if let Some(mark) = padding.first_mut() {
            *mark = 0x80;
        }
        if let Some(length) = padding.last_chunk_mut::<8>() {
            *length = bits.to_be_bytes();
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};

    #[test]
    fn every_length_agrees_with_the_streaming_hashers() {
        let bytes: Vec<u8> = (0..300u16).map(|n| (n * 7) as u8).collect();
        for length in 0..bytes.len() {
            let message = &bytes[..length];
            assert_eq!(sha256(message), <Hash>::from(Sha256::digest(message)), "{length}");
            for key in [&bytes[..0], &bytes[..16], &bytes[..32], &bytes[..64], &bytes[..65], message] {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
                mac.update(message);
                assert_eq!(MacKey::new(key).mac(message), <Hash>::from(mac.finalize().into_bytes()));
            }
        }
    }
}
