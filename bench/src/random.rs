//! Draws: a splitmix64 generator, Zipf's law, and made-up words. The order of draws is part of the data's definition.

/// A splitmix64 generator: fast, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator for a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95) ^ 0x5_DEEC_E66D)
    }

    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next_bits()) * u128::from(limit)) >> 64) as u64
    }

    /// A number in 0 (inclusive) to 1 (exclusive).
    pub fn fraction(&mut self) -> f64 {
        (self.next_bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The finishing step of splitmix64, also used as a hash.
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Ranks drawn by Zipf's law: few are frequent, many are rare.
#[derive(Debug, Clone)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Ranks 0 to `count` - 1, falling with `exponent`.
    pub fn new(count: usize, exponent: f64) -> Self {
        let mut sums = Vec::with_capacity(count);
        let mut sum = 0.0;
        for rank in 0..count {
            sum += 1.0 / ((rank + 1) as f64).powf(exponent);
            sums.push(sum);
        }
        for value in &mut sums {
            *value /= sum;
        }
        Self(sums)
    }

    /// Draws a rank.
    pub fn pick(&self, random: &mut Random) -> usize {
        let drawn = random.fraction();
        self.0.partition_point(|sum| *sum < drawn).min(self.0.len() - 1)
    }
}

const SYLLABLES: [&str; 32] = [
    "ba", "cor", "den", "fi", "gal", "hem", "in", "jo", "ka", "lor", "men", "nu", "ol", "per", "qua", "ri",
    "sta", "tem", "ul", "va", "wen", "xi", "ya", "zo", "tra", "pli", "con", "dis", "pre", "sub", "mon",
    "ter",
];

/// The made-up word of a number: two to four syllables.
pub fn word(number: u64) -> String {
    let mut bits = mix(number + 77);
    let count = 2 + (bits % 3) as usize;
    bits >>= 4;
    let mut word = String::new();
    for _ in 0..count {
        word.push_str(SYLLABLES[(bits & 31) as usize]);
        bits >>= 5;
    }
    word
}
