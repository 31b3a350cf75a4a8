//! Which sequence numbers of one producer have arrived. Without end: nothing is forgotten, and gaps stay visible.

use std::collections::BTreeMap;

use crate::bytes::Take;

/// Most separate stretches above the first gap. A producer this far out of order is not numbering.
pub(crate) const MAX_STRETCHES: usize = 4096;

/// What became of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is new.
    New,
    /// It has been here before.
    Before,
    /// Too many gaps; it cannot be taken.
    TooManyGaps,
}

/// Numbers from 1 to `contiguous`, and stretches above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Window {
    contiguous: u64,
    /// First to last of each stretch, both included; they neither touch nor overlap.
    above: BTreeMap<u64, u64>,
}

impl Window {
    /// Highest number below which none is missing.
    pub(crate) fn contiguous(&self) -> u64 {
        self.contiguous
    }

    /// Highest number that has arrived.
    pub(crate) fn highest(&self) -> u64 {
        self.above.last_key_value().map_or(self.contiguous, |(_, last)| *last)
    }

    /// Missing stretches below the highest number, first to last.
    pub(crate) fn gaps(&self) -> Vec<(u64, u64)> {
        let mut from = self.contiguous;
        let mut gaps = Vec::new();
        for (first, last) in &self.above {
            gaps.push((from + 1, first - 1));
            from = *last;
        }
        gaps
    }

    /// What [`Window::insert`] would say.
    pub(crate) fn look(&self, seq: u64) -> Seen {
        if seq <= self.contiguous || self.stretch(seq).is_some_and(|(_, last)| last >= seq) {
            Seen::Before
        } else if self.above.len() >= MAX_STRETCHES && seq != self.contiguous + 1 {
            Seen::TooManyGaps
        } else {
            Seen::New
        }
    }

    /// Notes a number down.
    pub(crate) fn insert(&mut self, seq: u64) -> Seen {
        let seen = self.look(seq);
        if seen != Seen::New {
            return seen;
        }
        if seq == self.contiguous + 1 {
            self.contiguous = self.above_from(seq).unwrap_or(seq);
            return seen;
        }
        let joined_last = self.above_from(seq).unwrap_or(seq);
        match self.stretch(seq) {
            Some((first, last)) if last + 1 == seq => self.above.insert(first, joined_last),
            _ => self.above.insert(seq, joined_last),
        };
        seen
    }

    /// Takes the stretch that begins right above `seq`; nothing is above the largest number.
    fn above_from(&mut self, seq: u64) -> Option<u64> {
        self.above.remove(&seq.checked_add(1)?)
    }

    /// The stretch that begins at or below `seq`.
    fn stretch(&self, seq: u64) -> Option<(u64, u64)> {
        self.above.range(..=seq).next_back().map(|(first, last)| (*first, *last))
    }

    /// u64 contiguous ‖ u32 stretches ‖ (u64 first ‖ u64 last)*.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.contiguous.to_be_bytes());
        out.extend_from_slice(&(self.above.len() as u32).to_be_bytes());
        for (first, last) in &self.above {
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&last.to_be_bytes());
        }
    }

    pub(crate) fn decode(bytes: &mut Take<'_>) -> Option<Self> {
        let contiguous = bytes.u64()?;
        let count = bytes.u32()?;
        let mut above = BTreeMap::new();
        for _ in 0..count {
            above.insert(bytes.u64()?, bytes.u64()?);
        }
        Some(Self { contiguous, above })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(numbers in proptest::collection::vec(1u64..60, 0..80)) {
            let mut window = Window::default();
            let mut set = std::collections::BTreeSet::new();
            for seq in numbers {
                let expected = if set.insert(seq) { Seen::New } else { Seen::Before };
                prop_assert_eq!(window.insert(seq), expected);
                let contiguous = (1..100).take_while(|seq| set.contains(seq)).last().unwrap_or(0);
                prop_assert_eq!(window.contiguous(), contiguous);
                let missing: u64 = window.gaps().iter().map(|(first, last)| last - first + 1).sum();
                prop_assert_eq!(window.highest() - missing, set.len() as u64);
                let mut bytes = Vec::new();
                window.encode(&mut bytes);
                prop_assert_eq!(Window::decode(&mut Take(&bytes)).unwrap(), window.clone());
            }
        }
    }

    #[test]
    fn the_largest_number_is_a_number_like_others() {
        let mut window = Window::default();
        assert_eq!(window.insert(u64::MAX), Seen::New);
        assert_eq!(window.insert(u64::MAX), Seen::Before);
        assert_eq!(window.insert(u64::MAX - 1), Seen::New);
        assert_eq!((window.highest(), window.gaps()), (u64::MAX, vec![(1, u64::MAX - 2)]));
    }

    #[test]
    fn a_producer_that_leaps_is_refused_at_the_limit() {
        let mut window = Window::default();
        for number in 1..=MAX_STRETCHES as u64 {
            assert_eq!(window.insert(number * 2 + 1), Seen::New);
        }
        assert_eq!(window.insert(1_000_000), Seen::TooManyGaps);
        assert_eq!(window.insert(1), Seen::New);
        assert_eq!(window.insert(2), Seen::New);
    }
}
