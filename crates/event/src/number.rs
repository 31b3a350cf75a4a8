//! Numbers that are not 64-bit integers, as decimal text with one spelling per value.

/// Longest decimal in bytes; what is longer is kept as text.
pub(crate) const MAX_DECIMAL_BYTES: usize = 64;

/// Whether `text` is the one spelling of a decimal: `-?(0|[1-9]\d*)(\.\d*[1-9])?`, no `-0`, at most 64 bytes,
/// and not an integer that fits `i64` (those have their own tag).
pub(crate) fn is_decimal(text: &str) -> bool {
    if text.len() > MAX_DECIMAL_BYTES || text == "-0" {
        return false;
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let whole_ok = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    match fraction {
        Some(fraction) => whole_ok && digits(fraction) && !fraction.ends_with('0'),
        None => whole_ok && text.parse::<i64>().is_err(),
    }
}

/// The one decimal spelling of a JSON number such as `1.50`, `1e3` or `-0.0`; `None` when it is not a number or
/// does not fit 64 bytes. An integer within `i64` comes back as its plain digits.
pub fn decimal(text: &str) -> Option<String> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let plain = place_point(digits.trim_end_matches('0'), point)?;
    let out = if negative && plain != "0" { format!("-{plain}") } else { plain };
    (out.len() <= MAX_DECIMAL_BYTES).then_some(out)
}

/// `digits` without trailing zeros and where the point stands among them.
fn place_point(digits: &str, point: i64) -> Option<String> {
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let significant = digits.get(leading..)?;
    let point = point - i64::try_from(leading).ok()?;
    let length = i64::try_from(significant.len()).ok()?;
    let limit = i64::try_from(MAX_DECIMAL_BYTES).ok()?;
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    if !(-limit..=limit).contains(&point) {
        return None;
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    Some(if point <= 0 {
        format!("0.{}{significant}", zeros(-point))
    } else if point >= length {
        format!("{significant}{}", zeros(point - length))
    } else {
        let (whole, fraction) = significant.split_at(usize::try_from(point).ok()?);
        format!("{whole}.{fraction}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_spelling() {
        for (input, expected) in [
            ("1.50", Some("1.5")),
            ("1e3", Some("1000")),
            ("-0.0", Some("0")),
            ("-0", Some("0")),
            ("0.00100", Some("0.001")),
            ("12.5e-3", Some("0.0125")),
            ("1.5E+2", Some("150")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("100", Some("100")),
            ("1e80", None),
            ("1e999999999", None),
            ("abc", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(decimal(input).as_deref(), expected, "{input}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for good in ["1.5", "-0.5", "0.001", "18446744073709551615", "-9223372036854775809"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["1.50", "01.5", "-0", "1", "-7", "1.", ".5", "1e3", "+1.5", "", "-", "--1.5", "1.5.1"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }
}
