//! Sets of small numbers: rows of a block, contexts and blocks of a segment.

/// Rows of a block, a bit each.
const WORDS: usize = 16;

/// A set of rows of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mask([u64; WORDS]);

impl Mask {
    pub(crate) const NONE: Self = Self([0; WORDS]);

    /// The first `rows` rows.
    pub(crate) fn first(rows: usize) -> Self {
        let mut mask = Self::NONE;
        for (at, word) in mask.0.iter_mut().enumerate() {
            let left = rows.saturating_sub(at * 64).min(64) as u32;
            *word = u64::MAX.checked_shr(64 - left).unwrap_or(0);
        }
        mask
    }

    /// The rows of a block of which `f` is true.
    pub(crate) fn of(rows: usize, mut f: impl FnMut(usize) -> bool) -> Self {
        let mut mask = Self::NONE;
        (0..rows).filter(|&row| f(row)).for_each(|row| mask.insert(row));
        mask
    }

    pub(crate) fn insert(&mut self, row: usize) {
        if let Some(word) = self.0.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    /// Adds a row that is a hit.
    pub(crate) fn set(&mut self, row: usize, is_hit: bool) {
        if is_hit {
            self.insert(row);
        }
    }

    pub(crate) fn contains(&self, row: usize) -> bool {
        self.0.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(crate) fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    /// The rows, ascending.
    pub(crate) fn rows(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..WORDS * 64).filter(move |&row| self.contains(row))
    }

    fn zip(mut self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a = f(*a, b));
        self
    }
}

/// A set of numbers below a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn none(bound: usize) -> Self {
        Self(vec![0; bound.div_ceil(64)])
    }

    pub(crate) fn insert(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Adds a number that is a hit.
    pub(crate) fn set(&mut self, number: u32, is_hit: bool) {
        if is_hit {
            self.insert(number);
        }
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The numbers, ascending.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        let words = (0u32..).zip(&self.0).filter(|(_, word)| **word != 0);
        words.flat_map(|(at, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        })
    }

    /// Memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_hold_the_rows_they_are_given() {
        for rows in [0, 1, 63, 64, 65, 1000, 1024] {
            let all = Mask::first(rows);
            assert_eq!(all.count(), rows as u64);
            assert_eq!(all, Mask::of(rows, |_| true));
            let odd = Mask::of(rows, |row| row % 2 == 1);
            assert_eq!(
                odd.rows().collect::<Vec<_>>(),
                (0..rows).filter(|row| row % 2 == 1).collect::<Vec<_>>()
            );
            assert_eq!(odd.or(all.without(odd)), all);
            assert!(odd.and(all.without(odd)).is_empty());
        }
        let mut bits = Bits::none(200);
        for number in [0, 64, 199, 70] {
            bits.insert(number);
        }
        assert_eq!(bits.numbers().collect::<Vec<_>>(), [0, 64, 70, 199]);
    }
}
