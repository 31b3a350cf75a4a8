//! The random-looking part of an event id, made from a counter so that a segment need not store it.
//!
//! An id has 48 bits of time and 74 others. Those 74 are a keyed permutation of (run, counter): unique, without visible
//! order, and reducible to two small numbers by whoever has the key. The key is no secret worth more than the ids.

use std::hash::Hasher as _;

use indelible_event::EventId;
use siphasher::sip::SipHasher13;

/// Bits of each half of the permuted number.
const HALF: u32 = 37;
const MASK: u64 = (1 << HALF) - 1;
/// Bits that count within a run: a million ids a second for 35 years.
const COUNTER_BITS: u32 = 50;
/// Most runs of a node, less one: the bits that are left.
pub const MAX_RUN: u32 = (1 << (2 * HALF - COUNTER_BITS)) - 1;
/// Four rounds of a good round function make a permutation that looks random even to whoever may ask for inverses.
const ROUNDS: u64 = 4;

/// A keyed permutation of 74-bit numbers (a Feistel network over SipHash).
#[derive(Debug, Clone, Copy)]
pub struct IdCipher {
    key: [u8; 16],
    keyed: SipHasher13,
}

impl IdCipher {
    /// The permutation under a key.
    pub fn new(key: [u8; 16]) -> Self {
        Self { key, keyed: SipHasher13::new_with_key(&key) }
    }

    /// The key; a segment carries it so that it can be read alone.
    pub fn key(&self) -> [u8; 16] {
        self.key
    }

    /// The 74 bits for a run (at most [`MAX_RUN`]) and a counter below 2^50.
    pub fn seal(&self, run: u32, counter: u64) -> u128 {
        let plain =
            (u128::from(run & MAX_RUN) << COUNTER_BITS) | u128::from(counter & ((1 << COUNTER_BITS) - 1));
        let (mut left, mut right) = ((plain >> HALF) as u64 & MASK, plain as u64 & MASK);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right));
        }
        (u128::from(left) << HALF) | u128::from(right)
    }

    /// Run and counter behind 74 bits; whether they were ever made is for the caller to judge.
    pub fn open(&self, sealed: u128) -> (u32, u64) {
        let (mut left, mut right) = ((sealed >> HALF) as u64 & MASK, sealed as u64 & MASK);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        let plain = (u128::from(left) << HALF) | u128::from(right);
        ((plain >> COUNTER_BITS) as u32, plain as u64 & ((1 << COUNTER_BITS) - 1))
    }

    /// Run and counter of an id.
    pub fn open_id(&self, id: EventId) -> (u32, u64) {
        let bits = u128::from_be_bytes(id.0);
        self.open((((bits >> 64) & 0xfff) << 62) | (bits & ((1 << 62) - 1)))
    }

    fn round(&self, round: u64, half: u64) -> u64 {
        let mut hasher = self.keyed;
        hasher.write_u64((round << HALF) | half);
        hasher.finish() & MASK
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_opens_to_what_it_was_made_of(key: [u8; 16], run in 0..=MAX_RUN, counter in 0u64..1 << 50, ms in 0u64..1 << 48) {
            let cipher = IdCipher::new(key);
            let id = EventId::from_parts(ms, cipher.seal(run, counter));
            prop_assert_eq!(cipher.open_id(id), (run, counter));
            prop_assert_eq!(id.unix_ms(), ms);
        }
    }

    #[test]
    fn neighbours_do_not_look_like_neighbours() {
        let cipher = IdCipher::new([1; 16]);
        let changed: u32 = (0..1000).map(|n| (cipher.seal(0, n) ^ cipher.seal(0, n + 1)).count_ones()).sum();
        assert!((32_000..42_000).contains(&changed), "{changed} of 74,000 bits");
    }
}
