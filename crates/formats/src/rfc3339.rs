//! Times as RFC 3339 with nine digits of a second, both ways. Knows no zones, only offsets.

use indelible_event::Time;
use std::fmt::Write as _;

const DAY: i64 = 86_400;

/// Appends `2026-11-21T23:22:07.100000000Z`, or with the offset that was sent; an offset that was not said is
/// written `Z`. Years beyond four digits get a sign, as ISO 8601 extends them.
pub fn write(out: &mut String, time: Time) {
    let offset = time.offset_minutes.unwrap_or(0);
    let local = time.seconds.saturating_add(i64::from(offset) * 60);
    let second = local.rem_euclid(DAY);
    write_date(out, local.div_euclid(DAY));
    for (mark, value, width) in [
        ('T', second / 3600, 2),
        (':', second / 60 % 60, 2),
        (':', second % 60, 2),
        ('.', i64::from(time.nanos), 9),
    ] {
        out.push(mark);
        push_digits(out, value.unsigned_abs(), width);
    }
    if offset == 0 {
        out.push('Z');
    } else {
        let minutes = u64::from(offset.unsigned_abs());
        out.push(if offset < 0 { '-' } else { '+' });
        push_digits(out, minutes / 60, 2);
        out.push(':');
        push_digits(out, minutes % 60, 2);
    }
}

/// Appends a number with leading zeros; formatting machinery would cost more than all the rest of a receipt.
fn push_digits(out: &mut String, value: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u64.pow(place) % 10;
        out.push(char::from(b'0' + digit as u8));
    }
}

/// [`write`] to a text of its own.
pub fn text(time: Time) -> String {
    let mut out = String::with_capacity(35);
    write(&mut out, time);
    out
}

/// Appends `2026-11-21 23:22:07`, the UTC time to the second, as reports print it.
pub fn write_utc_seconds(out: &mut String, time: Time) {
    let second = time.seconds.rem_euclid(DAY);
    write_date(out, time.seconds.div_euclid(DAY));
    push(write!(out, " {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60));
}

/// Reads RFC 3339: date, `T`, `t` or blank, time with up to nine digits of a second, and `Z` or an offset.
///
/// A leap second (`:60`) is read as the second after it. `None` when the text is anything else.
pub fn parse(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let mark = |at: usize, allowed: &[u8]| bytes.get(at).filter(|byte| allowed.contains(byte)).map(|_| ());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    for (at, allowed) in [(4, b"-".as_slice()), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")] {
        mark(at, allowed)?;
    }
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if day == 0 || civil_from_days(days) != (year, month, day) {
        return None;
    }
    let (nanos, zone) = fraction(text.get(19..)?)?;
    let offset = offset(zone)?;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - i64::from(offset) * 60;
    Some(Time { seconds, nanos, offset_minutes: Some(offset) })
}

/// Nanoseconds of `.5Z`, and what follows the digits.
fn fraction(rest: &str) -> Option<(u32, &str)> {
    let Some(digits) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 || count > 9 {
        return None;
    }
    let value: u32 = digits.get(..count)?.parse().ok()?;
    Some((value * 10u32.pow(9 - count as u32), digits.get(count..)?))
}

fn offset(zone: &str) -> Option<i16> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let bytes = zone.as_bytes();
    let sign = match bytes.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let shaped = bytes.len() == 6
        && bytes.get(3) == Some(&b':')
        && bytes.iter().enumerate().all(|(at, byte)| at == 0 || at == 3 || byte.is_ascii_digit());
    let (hours, minutes): (i16, i16) = (zone.get(1..3)?.parse().ok()?, zone.get(4..6)?.parse().ok()?);
    (shaped && hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn write_date(out: &mut String, days: i64) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9999).contains(&year) {
        push_digits(out, year.unsigned_abs(), 4);
        for part in [month, day] {
            out.push('-');
            push_digits(out, part.unsigned_abs(), 2);
        }
    } else {
        push(write!(out, "{year:+05}-{month:02}-{day:02}"));
    }
}

fn push(written: std::fmt::Result) {
    written.expect("writing to a String cannot fail");
}

/// Year, month and day of days since 1970 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (written, seconds, nanos, offset) in [
            ("1970-01-01T00:00:00.000000000Z", 0, 0, 0),
            ("2026-11-21T23:22:07.100000000Z", 1_795_303_327, 100_000_000, 0),
            ("2024-02-29T12:00:00.000000001+05:30", 1_709_188_200, 1, 330),
            ("1969-12-31T23:59:59.999999999-01:00", 3599, 999_999_999, -60),
        ] {
            let time = Time { seconds, nanos, offset_minutes: Some(offset) };
            assert_eq!(text(time), written);
            assert_eq!(parse(written), Some(time), "{written}");
        }
        assert_eq!(parse("2026-11-21 23:22:07Z").map(text).unwrap(), "2026-11-21T23:22:07.000000000Z");
        assert_eq!(text(Time { seconds: i64::MIN, nanos: 0, offset_minutes: None }).get(..1), Some("-"));
        let mut out = String::new();
        write_utc_seconds(&mut out, Time { seconds: 1_795_303_327, nanos: 5, offset_minutes: Some(60) });
        assert_eq!(out, "2026-11-21 23:22:07");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "2026-11-21",
            "2026-11-21T23:22:07",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T23:22:07.Z",
            "2026-11-21T23:22:07.1234567890Z",
            "2026-11-21T23:22:07+5:30",
            "2026-11-21T23:22:07+19:00",
            "2026-11-21T23:22:07Zx",
            "+026-11-21T23:22:07Z",
            "2026-11-2éT23:22:07Z",
            "2026-00-10T00:00:00Z",
            "2026-01-00T00:00:00Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
