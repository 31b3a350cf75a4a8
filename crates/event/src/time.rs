//! A point in time as it was said: instant and the offset it was written with.

use std::cmp::Ordering;

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z, with the offset that was sent.
///
/// Two times order by instant; the offset is kept as evidence and takes part in equality only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// Seconds since 1970 in UTC; negative before.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanos: u32,
    /// Offset from UTC in minutes as sent; `None` when it was not said.
    pub offset_minutes: Option<i16>,
}

impl Time {
    /// The stored form of an offset that was not said.
    pub(crate) const OFFSET_UNKNOWN: i16 = 0x7fff;
    /// Offsets beyond 18 hours exist nowhere.
    pub(crate) const MAX_OFFSET_MINUTES: i16 = 18 * 60;
    const NANOS: i64 = 1_000_000_000;

    /// A UTC time from nanoseconds since 1970.
    pub fn from_unix_nanos(nanos: i64) -> Self {
        Self {
            seconds: nanos.div_euclid(Self::NANOS),
            nanos: nanos.rem_euclid(Self::NANOS) as u32,
            offset_minutes: Some(0),
        }
    }

    /// Nanoseconds since 1970, held at the ends of what fits (the years 1677 and 2262).
    pub fn unix_nanos(self) -> i64 {
        self.seconds.saturating_mul(Self::NANOS).saturating_add(i64::from(self.nanos))
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos, self.offset_minutes).cmp(&(
            other.seconds,
            other.nanos,
            other.offset_minutes,
        ))
    }
}
