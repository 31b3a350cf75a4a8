//! Times as people say them: RFC 3339 prefixes, `@unix`, `now today yesterday monday…sunday`, `-3h`. A time names an
//! interval; what it means depends on a clock and a zone that the caller passes in.

use std::fmt;

use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, Zoned};

const NANOS: i128 = 1_000_000_000;
/// Digits of a count such as `-90s`: enough for a century of seconds, few enough not to overflow a calendar.
const MAX_COUNT_DIGITS: usize = 10;
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, without the limits of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i128);

impl Instant {
    /// From seconds and nanoseconds since 1970.
    pub fn new(seconds: i64, nanos: u32) -> Self {
        Self(i128::from(seconds) * NANOS + i128::from(nanos))
    }

    /// The instant `nanos` later.
    pub(crate) fn plus(self, nanos: i128) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl From<Timestamp> for Instant {
    fn from(time: Timestamp) -> Self {
        Self(time.as_nanosecond())
    }
}

impl From<indelible_event::Time> for Instant {
    fn from(time: indelible_event::Time) -> Self {
        Self::new(time.seconds, time.nanos)
    }
}

/// From `start` up to, and not with, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// First instant within.
    pub start: Instant,
    /// First instant after.
    pub end: Instant,
}

/// What relative times are relative to.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The present.
    pub now: Timestamp,
    /// The zone of days and of times without an offset.
    pub zone: TimeZone,
}

/// A unit of `-3h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`, a day of the calendar
    Day,
    /// `w`
    Week,
    /// `mo`
    Month,
    /// `y`
    Year,
}

const UNITS: [(&str, Unit); 7] = [
    ("s", Unit::Second),
    ("m", Unit::Minute),
    ("h", Unit::Hour),
    ("d", Unit::Day),
    ("w", Unit::Week),
    ("mo", Unit::Month),
    ("y", Unit::Year),
];

/// How much of a date and time was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `2026`
    Year,
    /// `2026-11`
    Month,
    /// `2026-W47`
    Week,
    /// `2026-11-21`
    Day,
    /// `2026-11-21T14`
    Hour,
    /// `2026-11-21T14:03`
    Minute,
    /// `2026-11-21T14:03:22`
    Second,
    /// `2026-11-21T14:03:22.5`: the number of fraction digits, 1 to 9
    Fraction(u8),
}

/// A prefix of an RFC 3339 time: its first instant, how much was written, and the offset if one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    start: DateTime,
    precision: Precision,
    offset_minutes: Option<i16>,
}

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeExpr {
    /// `now`
    Now,
    /// `today`
    Today,
    /// `yesterday`
    Yesterday,
    /// `friday`: the latest day of that name, today included
    Weekday(Weekday),
    /// `-3h`
    Ago {
        /// How many.
        count: u32,
        /// Of what.
        unit: Unit,
    },
    /// `@1700000000.25`: nanoseconds since 1970 and the fraction digits written
    Unix {
        /// The first instant named.
        start: Instant,
        /// 0 to 9.
        digits: u8,
    },
    /// `2026-11-21T14:03Z`
    Stamp(Stamp),
}

impl TimeExpr {
    /// Reads a time; `None` when it is none. Whether it can be placed on a calendar is for [`Self::interval`].
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.to_ascii_lowercase();
        match word.as_str() {
            "now" => return Some(Self::Now),
            "today" => return Some(Self::Today),
            "yesterday" => return Some(Self::Yesterday),
            _ => {}
        }
        if let Some((_, day)) = WEEKDAYS.iter().find(|(name, _)| *name == word) {
            return Some(Self::Weekday(*day));
        }
        if let Some(ago) = word.strip_prefix('-') {
            return parse_ago(ago);
        }
        if let Some(unix) = word.strip_prefix('@') {
            return parse_unix(unix);
        }
        parse_stamp(&word).map(Self::Stamp)
    }

    /// The time that names exactly this instant, to the nanosecond.
    pub fn at(instant: Instant) -> Self {
        Self::spelled(instant, Precision::Fraction(9))
    }

    /// The shortest time that starts at this instant.
    pub fn starting_at(instant: Instant) -> Self {
        let whole = instant.0.rem_euclid(NANOS) == 0;
        Self::spelled(instant, if whole { Precision::Second } else { Precision::Fraction(9) })
    }

    fn spelled(instant: Instant, precision: Precision) -> Self {
        let Ok(time) = Timestamp::from_nanosecond(instant.0) else {
            return Self::Unix { start: instant, digits: 9 };
        };
        let start = Offset::UTC.to_datetime(time);
        if !(0..=9999).contains(&start.year()) {
            return Self::Unix { start: instant, digits: 9 };
        }
        Self::Stamp(Stamp { start, precision, offset_minutes: Some(0) })
    }

    /// Whether it means the same at every time and in every zone.
    pub fn is_absolute(&self) -> bool {
        match self {
            Self::Unix { .. } => true,
            Self::Stamp(stamp) => stamp.offset_minutes.is_some(),
            _ => false,
        }
    }

    /// Whether it names one instant relative to now, which no event happens to hit.
    pub fn is_instant(&self) -> bool {
        matches!(self, Self::Now | Self::Ago { .. })
    }

    /// The instants it names; `None` beyond the calendar (years -9999 to 9999).
    pub fn interval(&self, clock: &Clock) -> Option<Interval> {
        let now = clock.now.to_zoned(clock.zone.clone());
        match *self {
            Self::Now => Some(point(&now)),
            Self::Today => day(now.date(), &clock.zone),
            Self::Yesterday => day(now.date().yesterday().ok()?, &clock.zone),
            Self::Weekday(weekday) => {
                let back = weekday.until(now.weekday());
                day(now.date().checked_sub(Span::new().days(back)).ok()?, &clock.zone)
            }
            Self::Ago { count, unit } => Some(point(&now.checked_sub(span(count, unit)?).ok()?)),
            Self::Unix { start, digits } => Some(Interval { start, end: start.plus(fraction_width(digits)) }),
            Self::Stamp(stamp) => stamp.interval(&clock.zone),
        }
    }
}

impl Stamp {
    fn interval(&self, zone: &TimeZone) -> Option<Interval> {
        let zone = match self.offset_minutes {
            Some(minutes) => TimeZone::fixed(Offset::from_seconds(i32::from(minutes) * 60).ok()?),
            None => zone.clone(),
        };
        let start = Instant::from(self.start.to_zoned(zone.clone()).ok()?.timestamp());
        let step = match self.precision {
            Precision::Year => Span::new().years(1),
            Precision::Month => Span::new().months(1),
            Precision::Week => Span::new().weeks(1),
            Precision::Day => Span::new().days(1),
            Precision::Hour => Span::new().hours(1),
            Precision::Minute => return Some(Interval { start, end: start.plus(60 * NANOS) }),
            Precision::Second => return Some(Interval { start, end: start.plus(NANOS) }),
            Precision::Fraction(digits) => {
                return Some(Interval { start, end: start.plus(fraction_width(digits)) });
            }
        };
        let end = self.start.checked_add(step).ok()?.to_zoned(zone).ok()?.timestamp();
        // The hour that a change to summer time skips is empty, and ends where it starts.
        Some(Interval { start, end: Instant::from(end).max(start) })
    }
}

fn fraction_width(digits: u8) -> i128 {
    NANOS / 10_i128.pow(u32::from(digits.min(9)))
}

fn point(at: &Zoned) -> Interval {
    let start = Instant::from(at.timestamp());
    Interval { start, end: start.plus(1) }
}

fn day(date: Date, zone: &TimeZone) -> Option<Interval> {
    let start = date.to_zoned(zone.clone()).ok()?.timestamp();
    let end = date.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
    Some(Interval { start: start.into(), end: end.into() })
}

fn span(count: u32, unit: Unit) -> Option<Span> {
    let (span, count) = (Span::new(), i64::from(count));
    match unit {
        Unit::Second => span.try_seconds(count),
        Unit::Minute => span.try_minutes(count),
        Unit::Hour => span.try_hours(count),
        Unit::Day => span.try_days(count),
        Unit::Week => span.try_weeks(count),
        Unit::Month => span.try_months(count),
        Unit::Year => span.try_years(count),
    }
    .ok()
}

fn parse_ago(text: &str) -> Option<TimeExpr> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits)?;
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    (count.len() <= MAX_COUNT_DIGITS).then_some(())?;
    Some(TimeExpr::Ago { count: count.parse().ok()?, unit: *unit })
}

fn parse_unix(text: &str) -> Option<TimeExpr> {
    let (seconds, fraction) = text.split_once('.').map_or((text, None), |(s, f)| (s, Some(f)));
    let unsigned = seconds.strip_prefix('-').unwrap_or(seconds);
    if !crate::number::is_digits(unsigned) {
        return None;
    }
    let (nanos, digits) = fraction.map_or(Some((0, 0)), parse_fraction)?;
    let seconds: i64 = seconds.parse().ok()?;
    // `@-0.5` has lost its sign; half a second before 1970 is written `@-1.5`, as in seconds and nanoseconds.
    Some(TimeExpr::Unix { start: Instant::new(seconds, nanos), digits })
}

/// Nanoseconds and number of digits.
fn parse_fraction(text: &str) -> Option<(u32, u8)> {
    let digits = u8::try_from(text.len()).ok().filter(|n| (1..=9).contains(n))?;
    let value: u32 = crate::number::is_digits(text).then(|| text.parse().ok())??;
    Some((value * 10_u32.pow(u32::from(9 - digits)), digits))
}

fn parse_stamp(text: &str) -> Option<Stamp> {
    let (date, time) = text.split_once('t').map_or((text, None), |(date, time)| (date, Some(time)));
    let (start, precision) = parse_date(date)?;
    let Some(time) = time else {
        return Some(Stamp {
            start: start.to_datetime(jiff::civil::Time::midnight()),
            precision,
            offset_minutes: None,
        });
    };
    if precision != Precision::Day {
        return None;
    }
    let (time, offset_minutes) = split_offset(time)?;
    let (time, precision) = parse_time_of_day(time)?;
    Some(Stamp { start: start.to_datetime(time), precision, offset_minutes })
}

fn parse_date(text: &str) -> Option<(Date, Precision)> {
    let mut parts = text.split('-');
    let year: i16 = number(parts.next()?, 4)?;
    let Some(second) = parts.next() else {
        return Some((Date::new(year, 1, 1).ok()?, Precision::Year));
    };
    if let Some(week) = second.strip_prefix('w') {
        let week: i8 = number(week, 2)?;
        let monday = ISOWeekDate::new(year, week, Weekday::Monday).ok()?.date();
        return parts.next().is_none().then_some((monday, Precision::Week));
    }
    let month: i8 = number(second, 2)?;
    let Some(day) = parts.next() else {
        return Some((Date::new(year, month, 1).ok()?, Precision::Month));
    };
    let date = Date::new(year, month, number(day, 2)?).ok()?;
    parts.next().is_none().then_some((date, Precision::Day))
}

fn split_offset(text: &str) -> Option<(&str, Option<i16>)> {
    if let Some(time) = text.strip_suffix('z') {
        return Some((time, Some(0)));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, None)) };
    let (time, offset) = text.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let (hours, minutes): (i16, i16) = (number(hours, 2)?, number(minutes, 2)?);
    (hours <= 18 && minutes < 60).then_some((time, Some(sign * (hours * 60 + minutes))))
}

fn parse_time_of_day(text: &str) -> Option<(jiff::civil::Time, Precision)> {
    let (text, fraction) = text.split_once('.').map_or((text, None), |(t, f)| (t, Some(f)));
    let mut parts = text.split(':');
    let hour: i8 = number(parts.next()?, 2)?;
    let minute = parts.next().map(|part| number::<i8>(part, 2));
    let second = parts.next().map(|part| number::<i8>(part, 2));
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let (nanos, digits) = fraction.map_or(Some((0, 0)), parse_fraction)?;
    let precision = match (minute, second, digits) {
        (None, ..) => Precision::Hour,
        (_, None, _) => Precision::Minute,
        (_, _, 0) => Precision::Second,
        _ => Precision::Fraction(digits),
    };
    let nanos = i32::try_from(nanos).ok()?;
    let time = jiff::civil::Time::new(hour, minute.unwrap_or(Some(0))?, second.unwrap_or(Some(0))?, nanos);
    Some((time.ok()?, precision))
}

/// A number of exactly `digits` digits.
fn number<T: std::str::FromStr>(text: &str, digits: usize) -> Option<T> {
    (text.len() == digits && crate::number::is_digits(text)).then(|| text.parse().ok())?
}

impl fmt::Display for TimeExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Today => f.write_str("today"),
            Self::Yesterday => f.write_str("yesterday"),
            Self::Weekday(day) => {
                let name =
                    WEEKDAYS.iter().find(|(_, weekday)| weekday == day).map_or("monday", |(name, _)| name);
                f.write_str(name)
            }
            Self::Ago { count, unit } => {
                let name = UNITS.iter().find(|(_, known)| known == unit).map_or("s", |(name, _)| name);
                write!(f, "-{count}{name}")
            }
            Self::Unix { start, digits } => {
                write!(f, "@{}", start.0.div_euclid(NANOS))?;
                write_fraction(f, start.0.rem_euclid(NANOS), *digits)
            }
            Self::Stamp(stamp) => stamp.fmt(f),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.start.date(), self.start.time());
        match self.precision {
            Precision::Year => return write!(f, "{:04}", date.year()),
            Precision::Month => return write!(f, "{:04}-{:02}", date.year(), date.month()),
            Precision::Week => {
                let week = date.iso_week_date();
                return write!(f, "{:04}-W{:02}", week.year(), week.week());
            }
            _ => write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())?,
        }
        match self.precision {
            Precision::Hour => write!(f, "T{:02}", time.hour())?,
            Precision::Minute => write!(f, "T{:02}:{:02}", time.hour(), time.minute())?,
            Precision::Second | Precision::Fraction(_) => {
                write!(f, "T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
            }
            _ => return Ok(()),
        }
        if let Precision::Fraction(digits) = self.precision {
            write_fraction(f, i128::from(time.subsec_nanosecond()), digits)?;
        }
        match self.offset_minutes {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
        }
    }
}

fn write_fraction(f: &mut fmt::Formatter<'_>, nanos: i128, digits: u8) -> fmt::Result {
    if digits == 0 {
        return Ok(());
    }
    write!(f, ".{:0width$}", nanos / fraction_width(digits), width = usize::from(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock {
            now: "2026-11-22T01:30:00Z".parse().unwrap(),
            zone: TimeZone::get("Europe/Amsterdam").unwrap(),
        }
    }

    #[test]
    fn a_time_names_its_whole_interval() {
        for (text, start, end) in [
            ("2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"),
            ("2026-11", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z"),
            ("2026-W47", "2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z"),
            ("2026-11-21", "2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z"),
            ("2026-11-21T14", "2026-11-21T13:00:00Z", "2026-11-21T14:00:00Z"),
            ("2026-11-21T14:03Z", "2026-11-21T14:03:00Z", "2026-11-21T14:04:00Z"),
            ("2026-11-21t14:03:22+01:00", "2026-11-21T13:03:22Z", "2026-11-21T13:03:23Z"),
            ("2026-11-21T14:03:22.50-05:30", "2026-11-21T19:33:22.5Z", "2026-11-21T19:33:22.51Z"),
            ("today", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"),
            ("Yesterday", "2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z"),
            ("sunday", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"),
            ("monday", "2026-11-15T23:00:00Z", "2026-11-16T23:00:00Z"),
            ("saturday", "2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z"),
            ("now", "2026-11-22T01:30:00Z", "2026-11-22T01:30:00.000000001Z"),
            ("-3h", "2026-11-21T22:30:00Z", "2026-11-21T22:30:00.000000001Z"),
            ("-1mo", "2026-10-22T00:30:00Z", "2026-10-22T00:30:00.000000001Z"),
            ("@0", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"),
            ("@1.5", "1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01.6Z"),
            // 25 hours, 23 hours, the hour that comes twice and the one that is skipped.
            ("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("2026-10-25T02", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
            ("2026-03-29T02", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
        ] {
            let interval = TimeExpr::parse(text).unwrap().interval(&clock()).unwrap();
            let at = |text: &str| Instant::from(text.parse::<Timestamp>().unwrap());
            assert_eq!((interval.start, interval.end), (at(start), at(end)), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_written_again() {
        for text in [
            "2026",
            "0001-01",
            "2026-W01",
            "2020-W53",
            "2026-11-21",
            "2026-11-21T14",
            "2026-11-21T14:03Z",
            "@-5",
            "@7.000000001",
            "2026-11-21T14:03:22.000+01:00",
            "2026-11-21T14:03:22-05:30",
            "-90s",
            "-1y",
            "now",
            "friday",
        ] {
            assert_eq!(TimeExpr::parse(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "20",
            "2026-13",
            "2026-11-31",
            "2026-W54",
            "2026-11-21T",
            "2026-11-21T24",
            "2026-11-21T14:60",
            "2026-11T14",
            "2026-11-21T14:03:22.",
            "2026-11-21T14:03:22.1234567890",
            "2026-11-21T14:03+1",
            "-h",
            "-3",
            "-3x",
            "3h",
            "@",
            "@x",
            "-99999999999s",
            "tomorrow",
            "2026-11-21Z",
            "2026-11-21T14.5",
            "+026",
        ] {
            assert_eq!(TimeExpr::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_instant_comes_back_exactly() {
        for nanos in [
            0,
            1,
            -1,
            NANOS,
            1_700_000_000 * NANOS + 5,
            i128::from(i64::MAX) * NANOS,
            -99_999_999_999 * NANOS,
        ] {
            let text = TimeExpr::at(Instant(nanos)).to_string();
            let again = TimeExpr::parse(&text).unwrap();
            assert_eq!(again.interval(&clock()).unwrap().start, Instant(nanos), "{text}");
            assert!(again.is_absolute());
        }
    }
}
