//! Values and events to JSON text.
//!
//! Times are RFC 3339 with nine digits; an integer beyond 2^53 is a text, since most readers would round it;
//! bytes are base64. Field paths become objects: `actor.id` is `{"actor":{"id":…}}`.

use crate::rfc3339;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible_event::{Event, Field, Map, Value};
use std::fmt::Write as _;

/// Integers up to this size survive a binary float (IEEE 754 double, 53 bits).
const EXACT: i64 = 1 << 53;

/// Appends a value.
pub fn value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) if (-EXACT..=EXACT).contains(number) => {
            write!(out, "{number}").expect("writing to a String cannot fail");
        }
        Value::Int(number) => string(out, &number.to_string()),
        // A decimal without a point is an integer beyond 64 bits.
        Value::Decimal(digits) if digits.contains('.') => out.push_str(digits),
        Value::Decimal(text) | Value::Text(text) => string(out, text),
        Value::Bytes(bytes) => string(out, &STANDARD.encode(bytes)),
        Value::Time(time) => {
            out.push('"');
            rfc3339::write(out, *time);
            out.push('"');
        }
        Value::List(list) => self::list(out, list),
        Value::Map(map) => self::map(out, map),
    }
}

fn list(out: &mut String, list: &[Value]) {
    out.push('[');
    for (at, item) in list.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        value(out, item);
    }
    out.push(']');
}

fn map(out: &mut String, map: &Map) {
    out.push('{');
    for (at, (key, member)) in map.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        string(out, key);
        out.push(':');
        value(out, member);
    }
    out.push('}');
}

/// Appends a text in quotes. Control characters, and the two line separators that JavaScript trips over, are escaped.
pub fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(may_need_escape) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        chars.next().into_iter().for_each(|char| escaped(out, char));
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// 0xe2 begins the two line separators, among other characters.
fn may_need_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f | 0xe2)
}

fn escaped(out: &mut String, char: char) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..='\x1f' | '\x7f' | '\u{2028}' | '\u{2029}' => {
            write!(out, "\\u{:04x}", u32::from(char)).expect("writing to a String cannot fail");
        }
        plain => out.push(plain),
    }
}

/// Appends an event as one object: fields in the order of the table, nested by path, then `params` by name.
///
/// Identifier, receipt and times of the log are no fields; [`event_members`] leaves room for them.
pub fn event(out: &mut String, event: &Event) {
    out.push('{');
    event_members(out, event);
    out.push('}');
}

/// Appends an event's members without the braces around them.
pub fn event_members(out: &mut String, event: &Event) {
    let mut open: Option<&str> = None;
    let mut first = true;
    for (field, member) in event.fields() {
        let (parent, name) = match field.path().split_once('.') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, field.path()),
        };
        if open.is_some() && open != parent {
            out.push('}');
        }
        if !first {
            out.push(',');
        }
        if let Some(parent) = parent.filter(|_| open != parent) {
            string(out, parent);
            out.push_str(":{");
        }
        open = parent;
        first = false;
        string(out, name);
        out.push(':');
        field_value(out, field, member);
    }
    if open.is_some() {
        out.push('}');
    }
    params(out, event, first);
}

/// A sequence number is always a text, so that its type does not depend on its size.
fn field_value(out: &mut String, field: Field, member: &Value) {
    match member {
        Value::Int(number) if field == Field::ProducerSeq => string(out, &number.to_string()),
        _ => value(out, member),
    }
}

fn params(out: &mut String, event: &Event, first: bool) {
    if event.params().is_empty() {
        return;
    }
    out.push_str(if first { "\"params\":{" } else { ",\"params\":{" });
    for (at, param) in event.params().iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        string(out, &param.name);
        out.push(':');
        value(out, &param.value);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_event::{Class, Param, Time};
    use std::collections::BTreeSet;

    fn json(value: &Value) -> String {
        let mut out = String::new();
        super::value(&mut out, value);
        out
    }

    #[test]
    fn numbers_that_readers_would_round_are_texts() {
        assert_eq!(json(&Value::Int(1 << 53)), "9007199254740992");
        assert_eq!(json(&Value::Int((1 << 53) + 1)), "\"9007199254740993\"");
        assert_eq!(json(&Value::Int(i64::MIN)), "\"-9223372036854775808\"");
        assert_eq!(json(&Value::Decimal("18446744073709551615".into())), "\"18446744073709551615\"");
        assert_eq!(json(&Value::Decimal("0.25".into())), "0.25");
        assert_eq!(json(&Value::Bytes(vec![0, 255])), "\"AP8=\"");
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(json(&"a\"\\\n\u{1}\u{2028}é€".into()), "\"a\\\"\\\\\\n\\u0001\\u2028é€\"");
    }

    #[test]
    fn fields_nest_by_path() {
        let mut event = Event::new();
        event.set(Field::Code, "091111");
        event.set(Field::OccurredAt, Time { seconds: 0, nanos: 1, offset_minutes: Some(60) });
        event.set(Field::ActorId, "7");
        event.set(Field::ActorName, "Jo");
        event.set(Field::OriginAddress, "::1");
        event.set(Field::ProducerSeq, Value::Int(5));
        let mut out = String::new();
        super::event(&mut out, &event);
        assert_eq!(
            out,
            r#"{"code":"091111","occurred_at":"1970-01-01T01:00:00.000000001+01:00","actor":{"id":"7","name":"Jo"},"origin":{"address":"::1"},"producer":{"seq":"5"}}"#
        );
        event.set_param(Param { name: "host.nrc_id".into(), class: Class::Plain, value: Value::Int(1) });
        let mut out = String::new();
        super::event(&mut out, &event);
        assert!(out.ends_with(r#","params":{"host.nrc_id":1}}"#), "{out}");
        let mut only = Event::new();
        only.set_param(Param { name: "a".into(), class: Class::Plain, value: Value::Null });
        let mut out = String::new();
        super::event(&mut out, &only);
        assert_eq!(out, r#"{"params":{"a":null}}"#);
    }

    #[test]
    fn paths_of_one_object_stand_together_in_the_table() {
        let mut closed = BTreeSet::new();
        let mut last = "";
        for field in Field::ALL {
            let parent = field.path().split_once('.').map_or("", |(parent, _)| parent);
            if parent != last {
                assert!(closed.insert(last) || last.is_empty(), "{last} is split");
                last = parent;
            }
        }
    }
}
