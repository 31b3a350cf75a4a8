//! Patterns of digit codes as exact sets: one set of digits per position. Overlap and size are computed, never sampled.
//! Patterns serve lint and suggestions; they never make an event acceptable.

/// Widest pattern: a code has at most 64 bytes.
const MAX_WIDTH: usize = 64;
/// All ten digits.
const ANY: u16 = 0x3ff;
/// The digits 1 to 9.
const NOT_ZERO: u16 = 0x3fe;

/// The codes of one digit per position: bit `d` of a position is set when digit `d` may stand there.
pub type Cube = Vec<u16>;

/// One pattern of a range: `9001**`, `900307..900309`, `09{d4}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    cubes: Vec<Cube>,
}

impl Pattern {
    /// Reads a pattern. `*` and `X` stand for one digit, `{dN}` for one digit 1-9 repeated N times, `a..b` for a range.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let cubes = match text.split_once("..") {
            Some((first, last)) => span_cubes(first, last)?,
            None => template_cubes(text)?,
        };
        if cubes.first().is_none_or(|cube| cube.is_empty() || cube.len() > MAX_WIDTH) {
            return Err(format!("a pattern has 1 to {MAX_WIDTH} positions"));
        }
        Ok(Self { text: text.to_owned(), cubes })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Digits of the codes it describes.
    pub fn width(&self) -> usize {
        self.cubes.first().map_or(0, Vec::len)
    }

    /// Whether a code fits.
    pub fn matches(&self, code: &str) -> bool {
        self.cubes.iter().any(|cube| cube_matches(cube, code))
    }

    /// How many codes fit.
    pub fn count(&self) -> u128 {
        self.cubes.iter().map(cube_count).sum()
    }

    /// How many codes fit both patterns.
    pub fn overlap(&self, other: &Self) -> u128 {
        let pairs = self.cubes.iter().flat_map(|left| other.cubes.iter().map(move |right| (left, right)));
        pairs.filter_map(|(left, right)| intersect(left, right)).map(|cube| cube_count(&cube)).sum()
    }
}

/// How many distinct codes fit at least one of the patterns; exact, by inclusion and exclusion over disjoint parts.
pub fn union_count<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> u128 {
    let mut parts: Vec<Cube> = Vec::new();
    for cube in patterns.into_iter().flat_map(|pattern| &pattern.cubes) {
        let mut rest = vec![cube.clone()];
        for part in &parts {
            rest = rest.iter().flat_map(|piece| subtract(piece, part)).collect();
        }
        parts.extend(rest);
    }
    parts.iter().map(cube_count).sum()
}

fn cube_matches(cube: &Cube, code: &str) -> bool {
    let fits = |(set, byte): (&u16, u8)| byte.is_ascii_digit() && set & (1 << (byte - b'0')) != 0;
    cube.len() == code.len() && cube.iter().zip(code.bytes()).all(fits)
}

fn cube_count(cube: &Cube) -> u128 {
    cube.iter().map(|set| u128::from(set.count_ones())).fold(1, u128::saturating_mul)
}

fn intersect(left: &Cube, right: &Cube) -> Option<Cube> {
    let cube: Cube = left.iter().zip(right).map(|(l, r)| l & r).collect();
    (left.len() == right.len() && cube.iter().all(|set| *set != 0)).then_some(cube)
}

/// The codes of `whole` outside `part`, as disjoint cubes.
fn subtract(whole: &Cube, part: &Cube) -> Vec<Cube> {
    if intersect(whole, part).is_none() {
        return vec![whole.clone()];
    }
    let mut pieces = Vec::new();
    let mut inside = whole.clone();
    for (position, (mine, theirs)) in whole.iter().zip(part).enumerate() {
        let outside = mine & !theirs;
        let mut piece = inside.clone();
        if let (Some(slot), Some(kept)) = (piece.get_mut(position), inside.get_mut(position)) {
            *slot = outside;
            *kept = mine & theirs;
        }
        if outside != 0 {
            pieces.push(piece);
        }
    }
    pieces
}

fn template_cubes(text: &str) -> Result<Vec<Cube>, String> {
    let mut cubes = vec![Cube::new()];
    let mut rest = text;
    while let Some(symbol) = rest.chars().next() {
        if let Some((repeat, tail)) = rest.strip_prefix("{d").and_then(|tail| tail.split_once('}')) {
            let times: usize = repeat.parse().map_err(|_| format!("\"{{d{repeat}}}\" needs a number"))?;
            if times == 0 || times > MAX_WIDTH {
                return Err(format!("\"{{d{repeat}}}\" repeats 1 to {MAX_WIDTH} times"));
            }
            cubes = repeated(&cubes, times);
            rest = tail;
            continue;
        }
        let set = match symbol {
            '*' | 'X' => ANY,
            '0'..='9' => 1 << symbol.to_digit(10).unwrap_or(0),
            _ => {
                return Err(format!(
                    "\"{symbol}\" has no meaning in a pattern; use digits, *, X, {{dN}} or a..b"
                ));
            }
        };
        for cube in &mut cubes {
            cube.push(set);
        }
        rest = rest.get(symbol.len_utf8()..).unwrap_or("");
    }
    Ok(cubes)
}

/// Each cube continued by every digit 1-9, the same one `times` times.
fn repeated(cubes: &[Cube], times: usize) -> Vec<Cube> {
    let digits = (0..10).map(|digit| 1_u16 << digit).filter(|set| set & NOT_ZERO != 0);
    let continued = |set: u16| {
        cubes.iter().map(move |cube| cube.iter().copied().chain(std::iter::repeat_n(set, times)).collect())
    };
    digits.flat_map(continued).collect()
}

/// `first..last` split into cubes that share a prefix: at most 18 per digit.
fn span_cubes(first: &str, last: &str) -> Result<Vec<Cube>, String> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
    if !digits(first) || !digits(last) || first.len() != last.len() || first > last || first.len() > 18 {
        return Err("a..b needs two codes of the same width, the smaller first".to_owned());
    }
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    let (mut at, end) = (number(first)?, number(last)?);
    let width = first.len();
    let mut cubes = Vec::new();
    while at <= end {
        let mut size: u64 = 1;
        let mut free = 0;
        while at % (size * 10) == 0 && at + size * 10 - 1 <= end && free < width {
            size *= 10;
            free += 1;
        }
        let text = format!("{at:0width$}");
        let fixed = text.bytes().take(width - free).map(|byte| 1_u16 << (byte - b'0'));
        cubes.push(fixed.chain(std::iter::repeat_n(ANY, free)).collect());
        at += size;
    }
    Ok(cubes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDTH: usize = 4;

    fn every_code() -> impl Iterator<Item = String> {
        (0..10_u32.pow(WIDTH as u32)).map(|number| format!("{number:0WIDTH$}"))
    }

    fn pattern_text() -> impl Strategy<Value = String> {
        let template =
            proptest::collection::vec(prop_oneof![Just("*"), Just("0"), Just("3"), Just("9")], WIDTH)
                .prop_map(|v| v.concat());
        let span =
            (0_u32..10_000, 0_u32..10_000).prop_map(|(a, b)| format!("{:04}..{:04}", a.min(b), a.max(b)));
        let repeat = (0_u32..100).prop_map(|n| format!("{n:02}{{d2}}"));
        prop_oneof![template, span, repeat]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn counts_are_exact(left in pattern_text(), right in pattern_text()) {
            let (left, right) = (Pattern::parse(&left).unwrap(), Pattern::parse(&right).unwrap());
            let (mut own, mut both, mut any) = (0, 0, 0);
            for code in every_code() {
                let (l, r) = (left.matches(&code), right.matches(&code));
                own += u128::from(l);
                both += u128::from(l && r);
                any += u128::from(l || r);
            }
            prop_assert_eq!(left.count(), own);
            prop_assert_eq!(left.overlap(&right), both);
            prop_assert_eq!(union_count([&left, &right]), any);
        }
    }

    #[test]
    fn the_words_of_a_pattern_have_one_meaning() {
        assert_eq!(Pattern::parse("09{d4}").unwrap().count(), 9);
        assert_eq!(Pattern::parse("09XXXXX").unwrap().width(), 7);
        assert!(Pattern::parse("900a").is_err());
        assert!(Pattern::parse("9..10").is_err());
        assert!(Pattern::parse("").is_err());
    }
}
