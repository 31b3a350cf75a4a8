//! Texts and numbers of other people's events read as times and addresses. Exact: a value that could mean two things is not read.

use indelible_event::{Time, Value};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Why a time could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeFault {
    /// No form fits.
    Unreadable,
    /// Two forms fit and differ.
    Ambiguous,
}

/// A time, and whether it named its zone itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadTime {
    pub(crate) time: Time,
    pub(crate) zoned: bool,
}

/// Most digits of a Unix time in seconds: enough for the year 5138, fewer than milliseconds have today.
const MAX_SECOND_DIGITS: usize = 11;

/// Reads a time in one of the formats; without formats: RFC 3339, ISO 8601 with a blank, Unix seconds (10 digits) or milliseconds (13).
/// `zone` is used for times that name none; without it they are read as UTC and `zoned` is false either way.
pub(crate) fn read_time(
    value: &Value,
    formats: &[String],
    zone: Option<&str>,
) -> Result<ReadTime, TimeFault> {
    let owned;
    let text = match value {
        Value::Time(time) => return Ok(ReadTime { time: *time, zoned: true }),
        Value::Text(text) => text.trim(),
        Value::Int(number) => {
            owned = number.to_string();
            &owned
        }
        Value::Decimal(text) => text.as_str(),
        _ => return Err(TimeFault::Unreadable),
    };
    if formats.is_empty() {
        return default_time(text, zone).ok_or(TimeFault::Unreadable);
    }
    let mut readings = formats.iter().filter_map(|format| one_format(text, format, zone));
    let first = readings.next().ok_or(TimeFault::Unreadable)?;
    if readings.all(|other| other.time == first.time) { Ok(first) } else { Err(TimeFault::Ambiguous) }
}

fn default_time(text: &str, zone: Option<&str>) -> Option<ReadTime> {
    match text.len() {
        10 if all_digits(text) => unix(text, 1),
        13 if all_digits(text) => unix(text, 1000),
        _ => iso_time(text, zone),
    }
}

fn one_format(text: &str, format: &str, zone: Option<&str>) -> Option<ReadTime> {
    match format {
        "unix" => unix(text, 1),
        "unix_ms" if all_digits(text) && text.len() > MAX_SECOND_DIGITS => unix(text, 1000),
        "unix_ms" => None,
        "rfc3339" | "iso" => iso_time(text, zone),
        _ => strptime(text, format, zone),
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn unix(text: &str, per_second: i64) -> Option<ReadTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let fits = all_digits(digits) && (per_second != 1 || digits.len() <= MAX_SECOND_DIGITS);
    let number: i64 = fits.then(|| whole.parse().ok()).flatten()?;
    let nanos = if fraction.is_empty() { 0 } else { fraction_nanos(fraction)? };
    if nanos != 0 && (per_second != 1 || number < 0) {
        return None;
    }
    let rest = number.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let nanos = nanos + u32::try_from(rest).ok()?;
    Some(ReadTime {
        time: Time { seconds: number.div_euclid(per_second), nanos, offset_minutes: Some(0) },
        zoned: true,
    })
}

fn fraction_nanos(digits: &str) -> Option<u32> {
    if !all_digits(digits) || digits.len() > 9 {
        return None;
    }
    let scale = 10_u32.pow(u32::try_from(9 - digits.len()).ok()?);
    digits.parse::<u32>().ok().map(|number| number * scale)
}

/// `2026-11-21T23:22:06.070360+01:00`, the T may be a blank, fraction and zone may be missing.
pub(crate) fn iso_time(text: &str, zone: Option<&str>) -> Option<ReadTime> {
    let number = |from: usize, to: usize| {
        text.get(from..to).filter(|part| all_digits(part)).and_then(|part| part.parse::<i64>().ok())
    };
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let marks = byte(4)? == b'-' && byte(7)? == b'-' && byte(13)? == b':' && byte(16)? == b':';
    if !marks || !matches!(byte(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        nanos = fraction_nanos(fraction.get(..end)?)?;
        rest = fraction.get(end..)?;
    }
    let small = |number: i64| i8::try_from(number).ok();
    let civil = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        // A leap second has no place in Unix time; it is read as the second before.
        small(if second == 60 { 59 } else { second })?,
        i32::try_from(nanos).ok()?,
    )
    .ok()?;
    match rest.trim_start() {
        "" => in_zone(civil, zone),
        offset => at_offset(civil, offset_minutes(offset)?, true),
    }
}

/// Minutes of `Z`, `+02:00`, `+0200`, `+02` or `UTC`.
fn offset_minutes(text: &str) -> Option<i16> {
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "0"),
        4 => digits.split_at(2),
        5 => digits.split_once(':')?,
        _ => return None,
    };
    if !all_digits(hours) || !all_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i16, i16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn at_offset(civil: DateTime, minutes: i16, zoned: bool) -> Option<ReadTime> {
    let local = TimeZone::UTC.to_timestamp(civil).ok()?;
    let time = Time {
        seconds: local.as_second() - i64::from(minutes) * 60,
        nanos: u32::try_from(local.subsec_nanosecond()).ok()?,
        offset_minutes: zoned.then_some(minutes),
    };
    Some(ReadTime { time, zoned })
}

/// A time that names no zone, in the zone of its source. The offset stays unsaid, as it was.
fn in_zone(civil: DateTime, zone: Option<&str>) -> Option<ReadTime> {
    let zone = zone.unwrap_or("UTC");
    if let Some(minutes) = offset_minutes(zone) {
        return at_offset(civil, minutes, false);
    }
    let zone = TimeZone::get(zone).ok()?;
    // In the hour that a change of the clocks repeats, the earlier reading stands; in the missing hour, the later.
    let stamp = zone.to_ambiguous_timestamp(civil).compatible().ok()?;
    let nanos = u32::try_from(stamp.subsec_nanosecond()).ok()?;
    Some(ReadTime { time: Time { seconds: stamp.as_second(), nanos, offset_minutes: None }, zoned: false })
}

fn strptime(text: &str, format: &str, zone: Option<&str>) -> Option<ReadTime> {
    let broken = jiff::fmt::strtime::parse(format, text).ok()?;
    let civil = broken.to_datetime().ok()?;
    if let Some(offset) = broken.offset() {
        return at_offset(civil, i16::try_from(offset.seconds() / 60).ok()?, true);
    }
    match broken.iana_time_zone() {
        Some(name) => in_zone(civil, Some(name)).map(|read| ReadTime { zoned: true, ..read }),
        None => in_zone(civil, zone),
    }
}

/// Whether a zone can be used: an IANA name or an offset.
pub fn is_zone(zone: &str) -> bool {
    offset_minutes(zone).is_some() || TimeZone::get(zone).is_ok()
}

/// Whether a text is a network address.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: Option<&str>) -> Option<(i64, u32, Option<i16>, bool)> {
        let read = read_time(&Value::from(text), &[], zone).ok()?;
        Some((read.time.seconds, read.time.nanos, read.time.offset_minutes, read.zoned))
    }

    #[test]
    fn the_usual_forms_are_read() {
        assert_eq!(read("2023-07-10T11:42:36Z", None), Some((1_688_989_356, 0, Some(0), true)));
        assert_eq!(
            read("2023-07-10T13:42:36.5+02:00", None),
            Some((1_688_989_356, 500_000_000, Some(120), true))
        );
        assert_eq!(read("2023-07-10 11:42:36", Some("UTC")), Some((1_688_989_356, 0, None, false)));
        assert_eq!(
            read("2023-07-10T13:42:36", Some("Europe/Amsterdam")),
            Some((1_688_989_356, 0, None, false))
        );
        assert_eq!(read("2023-07-10T13:42:36", Some("+02:00")), Some((1_688_989_356, 0, None, false)));
        assert_eq!(read("1688989356", None), Some((1_688_989_356, 0, Some(0), true)));
        assert_eq!(read("1688989356123", None), Some((1_688_989_356, 123_000_000, Some(0), true)));
        for wrong in [
            "",
            "yesterday",
            "2023-13-10T11:42:36Z",
            "2023-07-10",
            "10/07/2023 11:42",
            "2023-07-10T11:42:36X",
            "16889893561",
        ] {
            assert_eq!(read(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_that_reads_two_ways_is_refused() {
        let formats = ["%d/%m/%Y %H:%M:%S %z".to_owned(), "%m/%d/%Y %H:%M:%S %z".to_owned()];
        let read = |text: &str| read_time(&Value::from(text), &formats, None);
        assert_eq!(read("03/04/2026 10:00:00 +0000").unwrap_err(), TimeFault::Ambiguous);
        assert_eq!(read("23/04/2026 10:00:00 +0000").unwrap().time.seconds, 1_776_938_400);
        assert_eq!(read("nothing").unwrap_err(), TimeFault::Unreadable);
    }
}
