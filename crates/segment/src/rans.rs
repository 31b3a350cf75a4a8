//! Entropy coding of bytes with one fixed model per stream and segment: range asymmetric numeral systems.
//!
//! A model says how often each of 256 symbols occurs, in parts of 4,096. Coding a symbol costs what its frequency is worth,
//! fractions of a bit included; a stream of one symbol costs nothing. Decoding never trusts the bytes: it ends with an error
//! instead of reading beyond them, and the last state must be the first state of the encoder.

use std::sync::OnceLock;

use crate::bytes::{Take, put_varint};

/// Frequencies are parts of this many.
const TOTAL: u32 = 1 << BITS;
const BITS: u32 = 12;
/// The state stays at or above this; below it 16 bits are read.
const LOW: u32 = 1 << 16;

/// How often each symbol of a stream occurs.
#[derive(Clone)]
pub(crate) struct Model {
    /// Frequency and start of each symbol up to the last that occurs.
    ranges: Vec<(u16, u16)>,
    /// By position: symbol, frequency less one, distance from the symbol's start. Made when the stream is first read: a
    /// segment has hundreds of streams, of which most questions read a few.
    table: OnceLock<Box<[u32; TOTAL as usize]>>,
    /// The symbol of a stream that knows only one.
    only: Option<u8>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("only", &self.only).finish_non_exhaustive()
    }
}

impl Model {
    /// A model of what was counted. Symbols that were not counted cannot be coded.
    pub(crate) fn of(counts: &[u64; 256]) -> Self {
        let total: u64 = counts.iter().sum::<u64>().max(1);
        let mut freqs: Vec<u32> = counts
            .iter()
            .map(|&count| if count == 0 { 0 } else { ((count * u64::from(TOTAL) / total) as u32).max(1) })
            .collect();
        if freqs.iter().all(|&freq| freq == 0) {
            freqs.splice(..1, [TOTAL]);
        }
        // What rounding left over or took too much goes to or comes from the most frequent.
        loop {
            let sum: u32 = freqs.iter().sum();
            let Some(most) = freqs.iter_mut().max().filter(|_| sum != TOTAL) else { break };
            let less = sum.saturating_sub(TOTAL).min(*most / 2);
            *most = *most + TOTAL.saturating_sub(sum) - less;
        }
        Self::build(&freqs)
    }

    fn build(freqs: &[u32]) -> Self {
        let mut ranges = Vec::with_capacity(256);
        let mut start = 0;
        for &freq in freqs {
            ranges.push((freq as u16, start as u16));
            start += freq;
        }
        ranges.truncate(freqs.iter().rposition(|&freq| freq > 0).map_or(0, |last| last + 1));
        ranges.shrink_to_fit();
        let only = freqs.iter().position(|&freq| freq == TOTAL).map(|at| at as u8);
        Self { ranges, table: OnceLock::new(), only }
    }

    /// Bytes of memory that it takes, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.ranges.len() * 4 + self.table.get().map_or(0, |table| size_of_val(&**table))
    }

    /// Appends: u8 symbols less one, then per symbol varints of its distance from the last one and of its frequency.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        if let Some(only) = self.only {
            out.extend_from_slice(&[0, only]);
            return;
        }
        let used: Vec<(usize, u16)> = self
            .ranges
            .iter()
            .enumerate()
            .filter(|(_, range)| range.0 > 0)
            .map(|(at, range)| (at, range.0))
            .collect();
        out.push((used.len() - 1) as u8);
        let mut next = 0;
        for (symbol, freq) in used {
            put_varint(out, (symbol - next) as u64);
            put_varint(out, u64::from(freq));
            next = symbol + 1;
        }
    }

    /// Reads what [`Model::encode`] wrote.
    pub(crate) fn decode(take: &mut Take<'_>) -> Option<Self> {
        let used = usize::from(take.u8()?) + 1;
        let mut freqs = vec![0; 256];
        if used == 1 {
            *freqs.get_mut(usize::from(take.u8()?))? = TOTAL;
            return Some(Self::build(&freqs));
        }
        let mut next = 0usize;
        for _ in 0..used {
            let symbol = next.checked_add(usize::try_from(take.varint()?).ok()?)?;
            let freq = u32::try_from(take.varint()?).ok().filter(|freq| (1..TOTAL).contains(freq))?;
            *freqs.get_mut(symbol)? = freq;
            next = symbol + 1;
        }
        (freqs.iter().sum::<u32>() == TOTAL).then(|| Self::build(&freqs))
    }

    /// Appends the symbols; every one of them was counted.
    pub(crate) fn write(&self, symbols: &[u8], out: &mut Vec<u8>) {
        if self.only.is_some() || symbols.is_empty() {
            return;
        }
        let mut words: Vec<u16> = Vec::with_capacity(symbols.len() / 2);
        let mut state = LOW;
        for &symbol in symbols.iter().rev() {
            let (freq, start) = self.ranges.get(usize::from(symbol)).copied().unwrap_or((1, 0));
            let freq = u32::from(freq).max(1);
            if u64::from(state) >= u64::from(freq) << (32 - BITS) {
                words.push(state as u16);
                state >>= 16;
            }
            state = ((state / freq) << BITS) + state % freq + u32::from(start);
        }
        out.extend_from_slice(&state.to_be_bytes());
        words.iter().rev().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
    }

    /// Reads `count` symbols; what follows them stays in `take`.
    pub(crate) fn read(&self, take: &mut Take<'_>, count: usize, out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        if let (Some(only), _) | (None, Some(only)) = (self.only, (count == 0).then_some(0)) {
            out.resize(count, only);
            return Some(());
        }
        let table = self.table.get_or_init(|| table(&self.ranges));
        let mut state = take.u32()?;
        out.reserve(count);
        for _ in 0..count {
            let entry = *table.get((state & (TOTAL - 1)) as usize)?;
            out.push(entry as u8);
            let (freq, bias) = ((entry >> 8 & 0xfff) + 1, entry >> 20);
            state = freq * (state >> BITS) + bias;
            if state < LOW {
                state = state << 16 | u32::from(take.u16()?);
            }
        }
        (state == LOW).then_some(())
    }
}

fn table(ranges: &[(u16, u16)]) -> Box<[u32; TOTAL as usize]> {
    let mut table = Box::new([0u32; TOTAL as usize]);
    let entries = ranges
        .iter()
        .map(|(freq, _)| u32::from(*freq))
        .zip(0u32..)
        .flat_map(|(freq, symbol)| (0..freq).map(move |bias| symbol | (freq - 1) << 8 | bias << 20));
    table.iter_mut().zip(entries).for_each(|(place, entry)| *place = entry);
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn model_of(symbols: &[u8]) -> Model {
        let mut counts = [0; 256];
        for &symbol in symbols {
            counts[usize::from(symbol)] += 1;
        }
        Model::of(&counts)
    }

    proptest! {
        #[test]
        fn symbols_read_back(symbols in proptest::collection::vec(prop_oneof![9 => Just(3u8), 3 => 0u8..20, 1 => any::<u8>()], 0..600)) {
            let model = model_of(&symbols);
            let (mut bytes, mut stored) = (Vec::new(), Vec::new());
            model.write(&symbols, &mut bytes);
            model.encode(&mut stored);
            bytes.extend_from_slice(b"rest");
            let model = Model::decode(&mut Take(&stored)).unwrap();
            let mut take = Take(&bytes);
            let mut back = Vec::new();
            prop_assert_eq!(model.read(&mut take, symbols.len(), &mut back), Some(()));
            prop_assert_eq!((&back, take.0), (&symbols, &b"rest"[..]));
        }

        #[test]
        fn noise_is_no_model_and_no_stream(noise in proptest::collection::vec(any::<u8>(), 0..60), count in 0usize..400) {
            let _ = Model::decode(&mut Take(&noise));
            let model = model_of(&[1, 2, 2, 3, 3, 3, 9]);
            let _ = model.read(&mut Take(&noise), count, &mut Vec::new());
        }
    }

    #[test]
    fn a_rare_symbol_costs_little_and_a_constant_nothing() {
        let symbols: Vec<u8> = (0..8192u32).map(|n| u8::from(n % 64 == 0)).collect();
        let mut bytes = Vec::new();
        model_of(&symbols).write(&symbols, &mut bytes);
        assert!(bytes.len() < 8192 / 8 / 6, "{} bytes", bytes.len());
        bytes.clear();
        model_of(&[7; 100]).write(&[7; 100], &mut bytes);
        assert!(bytes.is_empty());
    }
}
