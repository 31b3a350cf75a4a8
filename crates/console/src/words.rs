//! Words and numbers as people read them.

/// What a letter of CRUDE stands for.
pub fn crude(letter: &str) -> &'static str {
    match letter {
        "C" => "create",
        "R" => "read",
        "U" => "update",
        "D" => "delete",
        "E" => "execute",
        _ => "",
    }
}

/// A number with a thin space between groups of three digits.
pub fn grouped(number: impl std::borrow::Borrow<u64>) -> String {
    let digits = number.borrow().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A part of a whole in per cent, rounded down; something never becomes nothing.
pub fn percent(part: u64, whole: u64) -> u64 {
    let of = u128::from(part) * 100 / u128::from(whole.max(1));
    let of = u64::try_from(of).unwrap_or(100).min(100);
    if part > 0 { of.max(1) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown =
            [0, 7, 999, 1_000, 12_345, 1_234_567].map(|number| grouped(number).replace('\u{202f}', "_"));
        assert_eq!(shown, ["0", "7", "999", "1_000", "12_345", "1_234_567"]);
        assert_eq!([percent(0, 0), percent(1, 1_000_000), percent(1, 2), percent(9, 3)], [0, 1, 50, 100]);
    }
}
