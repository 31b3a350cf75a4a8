//! Syslog messages: RFC 5424, and what RFC 3164 describes, with the freedom that its senders take.
//!
//! A message is taken apart, never refused: what cannot be told apart is part of the message's text, as RFC 3164 section
//! 4.3.3 asks of relays. What the text means is for the formats of its payload.

use indelible_event::{Map, Value};

use crate::parse_json;

/// A message taken apart. Parts that are absent or `-` are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syslog<'a> {
    /// Facility times eight plus severity.
    pub priority: Option<u8>,
    /// Time as written; RFC 3164 has neither year nor zone.
    pub timestamp: Option<&'a str>,
    /// Machine that sent it.
    pub host: Option<&'a str>,
    /// Program that sent it.
    pub app: Option<&'a str>,
    /// Process of the program.
    pub process: Option<&'a str>,
    /// Kind of message (RFC 5424).
    pub message_id: Option<&'a str>,
    /// Structured data as written (RFC 5424).
    pub structured: Option<&'a str>,
    /// The rest, without a byte order mark and without line ends.
    pub message: &'a [u8],
}

/// Names of months in RFC 3164.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Highest priority: facility 23, severity 7.
const MAX_PRIORITY: u8 = 191;
/// Longest tag of RFC 3164 that is taken as one: the RFC says 32, programs write paths.
const MAX_TAG: usize = 128;

impl<'a> Syslog<'a> {
    /// Takes a message apart.
    pub fn read(bytes: &'a [u8]) -> Self {
        let bytes = bytes.trim_ascii_end();
        let Some((priority, rest)) = priority(bytes) else {
            return Self { message: bytes, ..Self::default() };
        };
        let of = Self { priority: Some(priority), ..Self::default() };
        match rest.strip_prefix(b"1 ").and_then(|rest| Self::rfc5424(of, rest)) {
            Some(read) => read,
            None => Self::rfc3164(of, rest),
        }
    }

    fn rfc5424(of: Self, rest: &'a [u8]) -> Option<Self> {
        let (timestamp, rest) = word(rest)?;
        let (host, rest) = word(rest)?;
        let (app, rest) = word(rest)?;
        let (process, rest) = word(rest)?;
        let (message_id, rest) = word(rest)?;
        let (structured, message) = structured(rest)?;
        let some = |text: &'a str| Some(text).filter(|text| *text != "-");
        let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
        Some(Self {
            timestamp: some(timestamp),
            host: some(host),
            app: some(app),
            process: some(process),
            message_id: some(message_id),
            structured: some(structured),
            message,
            ..of
        })
    }

    fn rfc3164(of: Self, rest: &'a [u8]) -> Self {
        let Some((timestamp, after)) = timestamp3164(rest) else { return Self { message: rest, ..of } };
        let of = Self { timestamp: Some(timestamp), ..of };
        // A host is a word that is no tag; a local sender leaves it out.
        let (host, after) = match word(after) {
            Some((host, more)) if !host.ends_with(':') && !host.contains('[') => (Some(host), more),
            _ => (None, after),
        };
        match tag(after) {
            Some((app, process, message)) => Self { host, app: Some(app), process, message, ..of },
            None => Self { host, message: after, ..of },
        }
    }

    /// The message as a record for match rules: its parts under the names of this structure's members; a message that is
    /// JSON stands under `json` as well.
    pub fn value(&self) -> Value {
        let mut map = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(name.to_owned(), value);
            }
        };
        let text = |text: Option<&str>| text.map(Value::from);
        put("facility", self.priority.map(|priority| Value::Int(i64::from(priority / 8))));
        put("severity", self.priority.map(|priority| Value::Int(i64::from(priority % 8))));
        put("timestamp", text(self.timestamp));
        put("host", text(self.host));
        put("app", text(self.app));
        put("process", text(self.process));
        put("message_id", text(self.message_id));
        put("structured", text(self.structured));
        let json = self.message.first().filter(|byte| **byte == b'{');
        put("json", json.and_then(|_| parse_json(self.message).ok()));
        // NUL has no place in an event's text; everything else that is no UTF-8 shows as U+FFFD.
        put("message", Some(Value::Text(String::from_utf8_lossy(self.message).replace('\0', "\u{fffd}"))));
        Value::Map(map)
    }
}

fn priority(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let digits =
        rest.get(..end).filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
    let priority: u8 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((priority, rest.get(end + 1..)?)).filter(|_| priority <= MAX_PRIORITY)
}

/// A word of visible ASCII characters, and what follows the space after it.
fn word(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let word = bytes.get(..end).filter(|word| !word.is_empty() && word.iter().all(u8::is_ascii_graphic))?;
    Some((std::str::from_utf8(word).ok()?, bytes.get(end + 1..).unwrap_or_default()))
}

/// Structured data and what follows it; a `]` within a value is escaped or quoted.
fn structured(bytes: &[u8]) -> Option<(&str, &[u8])> {
    if !bytes.starts_with(b"[") {
        return word(bytes).filter(|(word, _)| *word == "-");
    }
    let (mut quoted, mut escaped, mut open) = (false, false, false);
    let mut end = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if open => quoted = !quoted,
            _ if quoted => {}
            b'[' if !open => open = true,
            b']' if open => open = false,
            b' ' if !open => break,
            _ if !open => return None,
            _ => {}
        }
        end = at + 1;
    }
    let text = bytes.get(..end).filter(|_| !open)?;
    Some((std::str::from_utf8(text).ok()?, bytes.get(end + 1..).unwrap_or_default()))
}

/// `Mmm dd hh:mm:ss`, or the RFC 3339 time that newer senders write in its place.
fn timestamp3164(bytes: &[u8]) -> Option<(&str, &[u8])> {
    if let Some(text) = bytes.get(..15).and_then(|text| std::str::from_utf8(text).ok()) {
        let shape = text.bytes().enumerate().skip(3).all(|(at, byte)| match at {
            3 | 6 => byte == b' ',
            4 => byte == b' ' || byte.is_ascii_digit(),
            9 | 12 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
        if shape && text.get(..3).is_some_and(|month| MONTHS.contains(&month)) {
            let rest = bytes.get(15..)?;
            return Some((text, rest.strip_prefix(b" ").unwrap_or(rest)));
        }
    }
    let (text, rest) = word(bytes)?;
    crate::rfc3339::parse(text).map(|_| (text, rest))
}

/// `tag:` or `tag[process]:`, and the message.
fn tag(bytes: &[u8]) -> Option<(&str, Option<&str>, &[u8])> {
    let end = bytes.iter().take(MAX_TAG).position(|byte| matches!(byte, b':' | b'[' | b' '))?;
    let app = std::str::from_utf8(bytes.get(..end)?).ok().filter(|app| !app.is_empty())?;
    let rest = bytes.get(end..)?;
    let (process, rest) = match rest.strip_prefix(b"[") {
        Some(inside) => {
            let close = inside.iter().take(MAX_TAG).position(|byte| *byte == b']')?;
            (Some(std::str::from_utf8(inside.get(..close)?).ok()?), inside.get(close + 1..)?)
        }
        None => (None, rest),
    };
    let message = rest.strip_prefix(b":")?;
    Some((app, process, message.strip_prefix(b" ").unwrap_or(message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let read = Syslog::read(text.as_bytes());
        let priority = read.priority.map_or_else(|| "-".to_owned(), |priority| priority.to_string());
        let parts = [read.timestamp, read.host, read.app, read.process, read.message_id, read.structured];
        let parts = parts.map(|part| part.unwrap_or("-").to_owned());
        format!("{priority}|{}|{}", parts.join("|"), String::from_utf8_lossy(read.message))
    }

    #[test]
    fn rfc5424_is_taken_apart() {
        for (text, expected) in [
            (
                "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed",
                "34|2003-10-11T22:14:15.003Z|mymachine.example.com|su|-|ID47|-|'su root' failed",
            ),
            (
                r#"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - [a@1 x="]\"\\ "][b@2] a [b]"#,
                r#"165|2003-08-24T05:14:15.000003-07:00|192.0.2.1|myproc|8710|-|[a@1 x="]\"\\ "][b@2]|a [b]"#,
            ),
            ("<0>1 - - - - - -", "0|-|-|-|-|-|-|"),
            ("<14>1 - - - - - - {\"a\":1}\n", "14|-|-|-|-|-|-|{\"a\":1}"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn rfc3164_and_its_dialects_are_taken_apart() {
        for (text, expected) in [
            (
                "<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed",
                "34|Oct 11 22:14:15|mymachine|su|12|-|-|'su root' failed",
            ),
            ("<13>Oct  1 22:14:15 app: x", "13|Oct  1 22:14:15|-|app|-|-|-|x"),
            ("<13>2026-11-22T10:00:00Z host app: x", "13|2026-11-22T10:00:00Z|host|app|-|-|-|x"),
            ("<13>Use the BFG!", "13|-|-|-|-|-|-|Use the BFG!"),
            ("<999>x", "-|-|-|-|-|-|-|<999>x"),
            ("{\"a\":1}", "-|-|-|-|-|-|-|{\"a\":1}"),
            ("", "-|-|-|-|-|-|-|"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_message_is_a_record_for_match_rules() {
        let value = Syslog::read(b"<38>Oct 11 22:14:15 h sshd[7]: {\"user\":\"jo\"}").value();
        let map = value.as_map().unwrap();
        assert_eq!((map.get("facility"), map.get("severity")), (Some(&Value::Int(4)), Some(&Value::Int(6))));
        assert_eq!(map.get("app"), Some(&"sshd".into()));
        assert_eq!(map.get("json").unwrap().as_map().unwrap().get("user"), Some(&"jo".into()));
    }
}
