//! The present, and times between text and numbers.

use indelible_durable::clock::Clock;
use indelible_event::Time;
use indelible_formats::rfc3339;

use crate::exit::Failure;

/// Nanoseconds since 1970.
pub(crate) fn now_ns() -> i64 {
    Clock::system().now_ns()
}

/// The present as RFC 3339 text.
pub(crate) fn now_text() -> String {
    text(now_ns())
}

/// Nanoseconds since 1970 as RFC 3339 text.
pub(crate) fn text(nanos: i64) -> String {
    rfc3339::text(Time::from_unix_nanos(nanos))
}

/// What relative times of a query are relative to.
pub(crate) fn query_clock(zone: Option<&str>) -> Result<indelible_query::Clock, Failure> {
    let zone = match zone {
        None | Some("" | "UTC") => jiff::tz::TimeZone::UTC,
        Some(name) => jiff::tz::TimeZone::get(name).map_err(|_| {
            Failure::usage(format!("zone {name:?} is not an IANA zone such as Europe/Amsterdam"))
        })?,
    };
    let now = jiff::Timestamp::from_nanosecond(i128::from(now_ns()))
        .map_err(|error| Failure::failed(format!("the clock of this machine cannot be used: {error}")))?;
    Ok(indelible_query::Clock { now, zone })
}

/// A span as people say it: `350 ms`, `12 s`, `4 min`, `7 h`, `3 days`.
pub(crate) fn span(nanos: i64) -> String {
    let ms = nanos / 1_000_000;
    match ms {
        i64::MIN..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{} s", ms / 1_000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}
