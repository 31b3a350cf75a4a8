//! Streams of whole numbers: a coded symbol for the size of each, and the bits below it as they are.
//!
//! Numbers below 16 are symbols of their own. A larger one gives its highest bit and the two bits after it as the symbol;
//! the others follow the symbols, lowest bit first. How many numbers a chunk holds is known to whoever reads it.

use crate::bytes::Take;
use crate::rans::Model;

/// Numbers below this are symbols.
const SMALL: u64 = 16;
/// Highest bit of the first number that is not small.
const FIRST_BIT: u32 = 4;

/// Numbers of a stream, by chunk.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ints {
    pub(crate) values: Vec<u64>,
    ends: Vec<usize>,
}

impl Ints {
    pub(crate) fn push(&mut self, value: u64) {
        self.values.push(value);
    }

    /// Adds a number of either sign.
    pub(crate) fn push_signed(&mut self, value: i64) {
        self.values.push(zigzag(value));
    }

    /// Ends the chunk.
    pub(crate) fn end_chunk(&mut self) {
        self.ends.push(self.values.len());
    }

    /// The numbers of each chunk.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u64]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.values.get(start..end).unwrap_or_default())
    }

    /// The model, and every chunk coded with it.
    pub(crate) fn encode(&self) -> (Model, Vec<Vec<u8>>) {
        let mut counts = [0; 256];
        for &value in &self.values {
            let (symbol, ..) = split(value);
            if let Some(count) = counts.get_mut(usize::from(symbol)) {
                *count += 1;
            }
        }
        let model = Model::of(&counts);
        let chunks = self.chunks().map(|values| encode(&model, values)).collect();
        (model, chunks)
    }
}

fn encode(model: &Model, values: &[u64]) -> Vec<u8> {
    let mut symbols = Vec::with_capacity(values.len());
    let mut bits = BitWriter::default();
    for &value in values {
        let (symbol, width, rest) = split(value);
        symbols.push(symbol);
        bits.push(rest, width);
    }
    let mut out = Vec::with_capacity(values.len() + bits.out.len());
    model.write(&symbols, &mut out);
    out.extend_from_slice(&bits.finish());
    out
}

/// Reads a chunk of `count` numbers that takes all of `bytes`.
pub(crate) fn decode(model: &Model, bytes: &[u8], count: usize) -> Option<Vec<u64>> {
    let mut take = Take(bytes);
    let mut symbols = Vec::new();
    model.read(&mut take, count, &mut symbols)?;
    let mut bits = BitReader { rest: take.0, held: 0, width: 0 };
    let mut values = Vec::with_capacity(count);
    for symbol in symbols {
        let symbol = u64::from(symbol);
        values.push(if symbol < SMALL {
            symbol
        } else {
            let (size, top) = ((symbol - SMALL) / 4, (symbol - SMALL) % 4);
            let width = size as u32 + FIRST_BIT - 2;
            (4 | top) << width | bits.take(width)?
        });
    }
    bits.is_done().then_some(values)
}

/// Small numbers of either sign become small ones without.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Symbol, and how many bits follow, and those.
fn split(value: u64) -> (u8, u32, u64) {
    if value < SMALL {
        return (value as u8, 0, 0);
    }
    let highest = value.ilog2();
    let width = highest - 2;
    let symbol = SMALL + u64::from(highest - FIRST_BIT) * 4 + (value >> width & 3);
    (symbol as u8, width, value & ((1 << width) - 1))
}

#[derive(Default)]
struct BitWriter {
    out: Vec<u8>,
    held: u128,
    width: u32,
}

impl BitWriter {
    fn push(&mut self, bits: u64, width: u32) {
        self.held |= u128::from(bits) << self.width;
        self.width += width;
        if self.width >= 64 {
            self.out.extend_from_slice(&(self.held as u64).to_le_bytes());
            self.held >>= 64;
            self.width -= 64;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let bytes = self.width.div_ceil(8) as usize;
        self.out.extend(self.held.to_le_bytes().into_iter().take(bytes));
        self.out
    }
}

struct BitReader<'a> {
    rest: &'a [u8],
    held: u128,
    width: u32,
}

impl BitReader<'_> {
    fn take(&mut self, width: u32) -> Option<u64> {
        if self.width < width {
            self.fill();
            if self.width < width {
                return None;
            }
        }
        let bits = self.held as u64 & ((1u64 << width) - 1);
        self.held >>= width;
        self.width -= width;
        Some(bits)
    }

    fn fill(&mut self) {
        if let Some((word, rest)) = self.rest.split_first_chunk::<8>() {
            self.held |= u128::from(u64::from_le_bytes(*word)) << self.width;
            (self.rest, self.width) = (rest, self.width + 64);
        } else {
            for &byte in self.rest {
                self.held |= u128::from(byte) << self.width;
                self.width += 8;
            }
            self.rest = &[];
        }
    }

    /// Nothing is left but the zeros that fill the last byte.
    fn is_done(&self) -> bool {
        self.rest.is_empty() && self.width < 8 && self.held == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_read_back(values in proptest::collection::vec(prop_oneof![0u64..40, 0u64..5000, any::<u64>()], 0..300), cut in 0usize..300) {
            let mut ints = Ints::default();
            for (at, &value) in values.iter().enumerate() {
                if at == cut {
                    ints.end_chunk();
                }
                ints.push(value);
            }
            ints.end_chunk();
            let (model, chunks) = ints.encode();
            let mut back = Vec::new();
            for (chunk, values) in chunks.iter().zip(ints.chunks()) {
                back.extend(decode(&model, chunk, values.len()).unwrap());
            }
            prop_assert_eq!(back, values);
        }

        #[test]
        fn signs_read_back(value: i64) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn small_and_large_meet_without_a_gap() {
        for value in
            (0..100_000).chain((0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit])).chain([u64::MAX])
        {
            let mut ints = Ints::default();
            ints.push(value);
            ints.end_chunk();
            let (model, chunks) = ints.encode();
            assert_eq!(decode(&model, &chunks[0], 1), Some(vec![value]));
        }
    }
}
