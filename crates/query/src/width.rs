//! Widths of the bars of a histogram, from a second to a year, and where bars begin and end on a zone's calendar.
//!
//! Bars of one width follow each other without gap or overlap. Weeks start on Monday; a day may have 23 or 25 hours.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use crate::time::{Instant, Interval, Unit};

const NANOS: i128 = 1_000_000_000;
const HOUR: i128 = 3600 * NANOS;
/// Bars that may lie between the one that local time suggests and the right one: clocks are set by less than two days.
const MAX_STEPS: usize = 8;

/// A width: so many of a unit, such that a whole number of them makes up the next larger unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    count: i16,
    unit: Unit,
}

/// Words for widths, as people say them.
const WORDS: [(&str, Width); 8] = [
    ("second", Width { count: 1, unit: Unit::Second }),
    ("minute", Width { count: 1, unit: Unit::Minute }),
    ("hour", Width { count: 1, unit: Unit::Hour }),
    ("day", Width { count: 1, unit: Unit::Day }),
    ("week", Width { count: 1, unit: Unit::Week }),
    ("month", Width { count: 1, unit: Unit::Month }),
    ("quarter", Width { count: 3, unit: Unit::Month }),
    ("year", Width { count: 1, unit: Unit::Year }),
];

impl Width {
    /// Widths to choose from, ascending; a bar of one lies whole within a bar of each that follows.
    pub const LADDER: [Self; 19] = [
        Self { count: 1, unit: Unit::Second },
        Self { count: 5, unit: Unit::Second },
        Self { count: 15, unit: Unit::Second },
        Self { count: 30, unit: Unit::Second },
        Self { count: 1, unit: Unit::Minute },
        Self { count: 5, unit: Unit::Minute },
        Self { count: 15, unit: Unit::Minute },
        Self { count: 30, unit: Unit::Minute },
        Self { count: 1, unit: Unit::Hour },
        Self { count: 3, unit: Unit::Hour },
        Self { count: 6, unit: Unit::Hour },
        Self { count: 12, unit: Unit::Hour },
        Self { count: 1, unit: Unit::Day },
        Self { count: 1, unit: Unit::Month },
        Self { count: 3, unit: Unit::Month },
        Self { count: 6, unit: Unit::Month },
        Self { count: 1, unit: Unit::Year },
        Self { count: 10, unit: Unit::Year },
        Self { count: 100, unit: Unit::Year },
    ];

    /// Reads `15m`, `1d`, `day`; units as in relative times: `s m h d w mo y`. `None` when no whole number of it makes up
    /// the next larger unit.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.to_ascii_lowercase();
        if let Some((_, width)) = WORDS.iter().find(|(name, _)| *name == word) {
            return Some(*width);
        }
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = word.split_at_checked(digits)?;
        let count: i16 = if count.is_empty() { 1 } else { count.parse().ok()? };
        let (unit, whole) = match unit {
            "s" => (Unit::Second, 60),
            "m" => (Unit::Minute, 60),
            "h" => (Unit::Hour, 24),
            "d" => (Unit::Day, 1),
            "w" => (Unit::Week, 1),
            "mo" => (Unit::Month, 12),
            "y" => (Unit::Year, 100),
            _ => return None,
        };
        (count > 0 && whole % count == 0).then_some(Self { count, unit })
    }

    /// The bar that an instant lies in. Beyond the calendar (years -9999 to 9999) everything is one bar at either end.
    pub fn around(self, at: Instant, zone: &TimeZone) -> Interval {
        let Ok(time) = Timestamp::from_nanosecond(at.0) else { return beyond(at) };
        let found = match self.unit {
            Unit::Second => Some(self.by_clock(NANOS, time, zone)),
            Unit::Minute => Some(self.by_clock(60 * NANOS, time, zone)),
            Unit::Hour if self.count == 1 => Some(self.by_clock(HOUR, time, zone)),
            _ => self.by_calendar(time, zone),
        };
        found.unwrap_or_else(|| beyond(at))
    }

    /// Bars of at most an hour count real time, from the local hour on; where clocks are set within one, it is cut.
    fn by_clock(self, unit: i128, time: Timestamp, zone: &TimeZone) -> Interval {
        let (at, offset) = (time.as_nanosecond(), zone.to_offset(time));
        let width = unit * i128::from(self.count);
        let into = (at + i128::from(offset.seconds()) * NANOS).rem_euclid(width);
        let (mut start, mut end) = (at - into, at - into + width);
        let next = zone.following(time).next().map(|change| change.timestamp());
        if let Some(next) = next.filter(|next| next.as_nanosecond() < end && zone.to_offset(*next) != offset)
        {
            end = next.as_nanosecond();
        }
        let last = time.checked_add(1.nanosecond()).ok().and_then(|after| zone.preceding(after).next());
        if let Some(last) = last.map(|change| change.timestamp()).filter(|last| last.as_nanosecond() > start)
        {
            let before = last.checked_sub(1.nanosecond()).map(|before| zone.to_offset(before));
            if before.is_ok_and(|before| before != offset) {
                start = last.as_nanosecond();
            }
        }
        Interval { start: Instant(start), end: Instant(end) }
    }

    /// Longer bars begin where the calendar says, at the first instant with that local time or a later one.
    fn by_calendar(self, time: Timestamp, zone: &TimeZone) -> Option<Interval> {
        let mut first = self.floor(zone.to_datetime(time))?;
        for _ in 0..MAX_STEPS {
            let next = first.checked_add(self.span()).ok()?;
            let (start, end) = (instant(first, zone)?, instant(next, zone)?);
            if start > time {
                first = self.floor(first.checked_sub(1.nanosecond()).ok()?)?;
            } else if end <= time {
                first = next;
            } else {
                return Some(Interval { start: start.into(), end: end.into() });
            }
        }
        None
    }

    fn floor(self, local: DateTime) -> Option<DateTime> {
        let (date, count) = (local.date(), self.count);
        let down = |value: i16, count: i16| value - value.rem_euclid(count);
        let day = match self.unit {
            Unit::Week => {
                let back = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(back.days()).ok()?
            }
            Unit::Month => {
                let month = down(i16::from(date.month()) - 1, count) + 1;
                Date::new(date.year(), i8::try_from(month).ok()?, 1).ok()?
            }
            Unit::Year => Date::new(down(date.year(), count), 1, 1).ok()?,
            Unit::Day | Unit::Hour | Unit::Minute | Unit::Second => date,
        };
        let hour = if self.unit == Unit::Hour { down(i16::from(local.hour()), count) } else { 0 };
        Some(day.to_datetime(Time::new(i8::try_from(hour).ok()?, 0, 0, 0).ok()?))
    }

    fn span(self) -> Span {
        let count = i64::from(self.count);
        match self.unit {
            Unit::Second => count.seconds(),
            Unit::Minute => count.minutes(),
            Unit::Hour => count.hours(),
            Unit::Day => count.days(),
            Unit::Week => count.weeks(),
            Unit::Month => count.months(),
            Unit::Year => count.years(),
        }
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
            Unit::Month => "mo",
            Unit::Year => "y",
        };
        write!(f, "{}{unit}", self.count)
    }
}

fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

fn beyond(at: Instant) -> Interval {
    let (first, last) = (Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
    if at.0 < 0 {
        Interval { start: Instant(i128::MIN), end: Instant(first.max(at.0.saturating_add(1))) }
    } else {
        Interval { start: Instant(last.min(at.0)), end: Instant(i128::MAX) }
    }
}
