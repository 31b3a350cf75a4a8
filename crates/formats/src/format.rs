//! The formats that input can have, and one decoder for all.
//!
//! A format only says how bytes become raw events; which catalogs read them is decided where the source is
//! configured, usually by pinning [`Format::catalog`].

use crate::records::{Beside, too_large};
use crate::syslog::Syslog;
use crate::{DecodeError, Lines, MAX_RECORD_BYTES, Records, Rows, payload};
use indelible_event::Value;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// One decoded record, not yet matched with a catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// Row from 1; see [`DecodeError::row`].
    pub row: u64,
    /// Where the record stands in the input.
    pub bytes: Range<usize>,
    /// What it says.
    pub value: Value,
}

/// How an input is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Our own event JSON: NDJSON, a list, or `{"events":[…]}`.
    Native,
    /// JSON lines of OpenKAT's log.
    OpenKat,
    /// Payloads of the MinVWS audit library: JSON as its broker carries it, or its syslog lines.
    MinVws,
    /// Netop's log report: CSV of 14 columns.
    Netop,
    /// SanerNow's event report: CSV of 6 columns.
    SanerNow,
    /// CloudTrail: `{"Records":[…]}` or NDJSON.
    CloudTrail,
    /// Any JSON records, told apart by the match rules of the organization's catalogs.
    Match,
    /// Syslog messages, one a line, told apart by the match rules.
    Syslog,
}

impl Format {
    /// Every format, in the order in which help texts list them.
    pub const ALL: [Self; 8] = [
        Self::Native,
        Self::OpenKat,
        Self::MinVws,
        Self::Netop,
        Self::SanerNow,
        Self::CloudTrail,
        Self::Match,
        Self::Syslog,
    ];

    /// The name used by `--format`, `?format=` and match rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::OpenKat => "openkat",
            Self::MinVws => "minvws",
            Self::Netop => "netop",
            Self::SanerNow => "sanernow",
            Self::CloudTrail => "cloudtrail",
            Self::Match => "match",
            Self::Syslog => "syslog",
        }
    }

    /// One sentence for help texts.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Native => "Events as this API returns them: one, NDJSON, a list or {\"events\":[…]}",
            Self::OpenKat => "OpenKAT's JSON log lines",
            Self::MinVws => {
                "Payloads of the MinVWS audit library, from RabbitMQ or syslog (\"AuditLog: \" and base64)"
            }
            Self::Netop => "Netop's log report, CSV with 14 columns",
            Self::SanerNow => "SanerNow's event report, CSV with 6 columns",
            Self::CloudTrail => "CloudTrail records, {\"Records\":[…]} or NDJSON",
            Self::Match => "Any JSON records; the catalogs' match rules decide what they are",
            Self::Syslog => "Syslog messages, one a line; the catalogs' match rules decide what they are",
        }
    }

    /// The catalog that reads this format unless the source names another.
    pub const fn catalog(self) -> Option<&'static str> {
        match self {
            Self::OpenKat | Self::MinVws => Some("openkat"),
            Self::Netop => Some("netop"),
            Self::SanerNow => Some("sanernow"),
            Self::CloudTrail => Some("cloudtrail"),
            Self::Native | Self::Match | Self::Syslog => None,
        }
    }

    /// The columns that a CSV must have; empty for other formats.
    pub const fn needed_columns(self) -> &'static [&'static str] {
        match self {
            Self::Netop => &["Source", "Entity Type", "Action", "Action timestamp"],
            Self::SanerNow => &["Job Code", "Date"],
            _ => &[],
        }
    }

    /// Decodes a whole input.
    pub fn decode(self, bytes: &[u8]) -> Decoder<'_> {
        Decoder(match self {
            Self::Native => Source::Records(Records::new(bytes, Some(("events", Beside::Nothing)))),
            Self::CloudTrail => Source::Records(Records::new(bytes, Some(("Records", Beside::Anything)))),
            Self::OpenKat | Self::Match => Source::Records(Records::new(bytes, None)),
            Self::MinVws if bytes.trim_ascii_start().starts_with(b"{") || bytes.starts_with(b"[") => {
                Source::Records(Records::new(bytes, None))
            }
            Self::MinVws => Source::Payloads(bytes, Lines::new(bytes)),
            Self::Syslog => Source::Messages(bytes, Lines::new(bytes)),
            Self::Netop | Self::SanerNow => Source::Rows(Rows::new(bytes, self.needed_columns())),
        })
    }
}

/// A name that is no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "format {0:?} is not known; use native, openkat, minvws, netop, sanernow, cloudtrail, match or syslog"
)]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let format = Self::ALL.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Iterates the records of an input, each decoded or refused.
#[derive(Debug)]
pub struct Decoder<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Records(Records<'a>),
    Payloads(&'a [u8], Lines<'a>),
    Messages(&'a [u8], Lines<'a>),
    Rows(Rows<'a>),
}

impl<'a> Decoder<'a> {
    /// The lines of an input in which each line is one JSON record, for a caller that reads them itself or with
    /// [`crate::json_line`].
    pub fn lines(&self) -> Option<Lines<'a>> {
        match &self.0 {
            Source::Records(records) => records.lines(),
            Source::Payloads(..) | Source::Messages(..) | Source::Rows(_) => None,
        }
    }
}

impl Iterator for Decoder<'_> {
    type Item = Result<Raw, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Records(records) => records.next(),
            Source::Rows(rows) => rows.next(),
            Source::Messages(bytes, lines) => {
                let (row, range) = lines.next()?;
                if range.len() > MAX_RECORD_BYTES {
                    return Some(Err(too_large(row, range.start, range.len())));
                }
                let value = Syslog::read(bytes.get(range.clone()).unwrap_or_default()).value();
                Some(Ok(Raw { row, bytes: range, value }))
            }
            Source::Payloads(bytes, lines) => {
                let (row, range) = lines.next()?;
                if range.len() > MAX_RECORD_BYTES * 2 {
                    return Some(Err(too_large(row, range.start, range.len())));
                }
                let line = bytes.get(range.clone()).unwrap_or_default();
                Some(payload(line, row, range.start).map(|value| Raw { row, bytes: range, value }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        let error = "xml".parse::<Format>().unwrap_err().to_string();
        for format in Format::ALL {
            assert!(error.contains(format.name()), "{error}");
        }
    }
}
