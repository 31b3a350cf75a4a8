//! Times as the pages show them: one form in every language, in a zone that is always named.

use indelible_console::row::Stamp;
use indelible_query::Instant;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

const NANOS: i128 = 1_000_000_000;

/// A zone with its name.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    name: String,
    zone: TimeZone,
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl Zone {
    /// The zone with an IANA name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name == "UTC" {
            return Some(Self::default());
        }
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte));
        let zone = plain.then(|| TimeZone::get(name).ok()).flatten()?;
        Some(Self { name: zone.iana_name().unwrap_or(name).to_owned(), zone })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn is_utc(&self) -> bool {
        self.name == "UTC"
    }

    fn zoned(&self, at: Instant) -> Zoned {
        let bounded = at.0.clamp(Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
        let timestamp = Timestamp::from_nanosecond(bounded).unwrap_or_default();
        timestamp.to_zoned(self.zone.clone())
    }

    /// Date and time to the second, then the milliseconds and, where it can differ, the offset.
    pub(crate) fn stamp(&self, at: Instant) -> Stamp {
        let zoned = self.zoned(at);
        let offset = if self.is_utc() { String::new() } else { zoned.strftime(" %:z").to_string() };
        Stamp {
            iso: zoned.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string(),
            shown: zoned.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            fraction: format!(".{:03}{offset}", zoned.millisecond()),
        }
    }

    /// Date and time to the second with the offset.
    pub(crate) fn second(&self, at: Instant) -> String {
        let stamp = self.zoned(at);
        let offset = if self.is_utc() { "Z".to_owned() } else { stamp.strftime(" %:z").to_string() };
        format!("{}{offset}", stamp.strftime("%Y-%m-%d %H:%M:%S"))
    }

    /// A bar's beginning in a few characters: the day, or the time of day when bars are shorter.
    pub(crate) fn short(&self, start: Instant, end: Instant) -> String {
        let (zoned, long) = (self.zoned(start), end.0 - start.0 >= 23 * 3600 * NANOS);
        let form = if long { "%Y-%m-%d" } else { "%m-%d %H:%M" };
        zoned.strftime(form).to_string()
    }

    /// A moment in a few characters, as exact as a line of this many nanoseconds needs.
    pub(crate) fn clock(&self, at: Instant, length: i128) -> String {
        let form = if length >= 48 * 3600 * NANOS {
            "%m-%d %H:%M"
        } else if length >= 10 * NANOS {
            "%H:%M:%S"
        } else {
            "%H:%M:%S%.3f"
        };
        self.zoned(at).strftime(form).to_string()
    }

    /// A stretch of time in the words of a search: whole days by their dates, everything else to the second.
    pub(crate) fn window(&self, start: Instant, end: Instant) -> (String, String) {
        let (first, after) = (self.zoned(start), self.zoned(end));
        let last = self.zoned(Instant(end.0 - 1));
        let midnight = |at: &Zoned| at.time() == jiff::civil::Time::midnight();
        if midnight(&first) && midnight(&after) {
            return (first.strftime("%Y-%m-%d").to_string(), last.strftime("%Y-%m-%d").to_string());
        }
        let form = "%Y-%m-%dT%H:%M:%S%:z";
        (first.strftime(form).to_string(), last.strftime(form).to_string())
    }
}

/// How long something took, in its two largest units.
pub(crate) fn lasting(seconds: i64) -> String {
    let parts = |large: i64, name: &str, small: i64, below: &str| match small {
        0 => format!("{large} {name}"),
        small => format!("{large} {name} {small} {below}"),
    };
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => parts(seconds / 60, "min", seconds % 60, "s"),
        seconds @ 3_600..86_400 => parts(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        seconds => parts(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// How long ago, in one unit.
pub(crate) fn ago(nanos: i64) -> String {
    let seconds = (nanos / 1_000_000_000).max(0);
    match seconds {
        0..=1 => "1 s".to_owned(),
        2..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::from(text.parse::<Timestamp>().unwrap())
    }

    #[test]
    fn offsets_tell_the_repeated_hour_apart() {
        let zone = Zone::named("Europe/Amsterdam").unwrap();
        let (first, second) = (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(zone.second(first), "2026-10-25 02:30:00 +02:00");
        assert_eq!(zone.second(second), "2026-10-25 02:30:00 +01:00");
        assert_eq!(zone.stamp(second).fraction, ".000 +01:00");
        let day = (at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z"));
        assert_eq!(zone.window(day.0, day.1), ("2026-10-25".into(), "2026-10-25".into()));
        let hour = zone.window(first, second);
        assert_eq!(hour, ("2026-10-25T02:30:00+02:00".into(), "2026-10-25T02:29:59+01:00".into()));
    }

    #[test]
    fn names_that_are_paths_are_no_zones() {
        for name in ["../../etc/passwd", "Nowhere/Land", "", "UTC\n"] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }
}
