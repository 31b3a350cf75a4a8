//! Parameters of an event against the type's declarations: type, privacy class, required, empty, undeclared.
//! A value that does not fit is kept as sent; one that is secret is not kept at all.

use crate::convert::{is_address, iso_time};
use crate::event_type::{EventType, ParamClass, ParamDef, ParamType};
use crate::finding::{Finding, FindingId};
use crate::resolve::{SentHints, add_extra};
use crate::secrets::{Mask, REMOVED, fingerprint_text, is_masked};
use crate::word::Empty;
use indelible_event::{Class, Event, Value};

/// Longest name of a parameter echoed in a hint.
const MAX_HINT_NAME: usize = 64;

pub(crate) fn resolve_params(
    event: &mut Event,
    of: &EventType,
    sent: &SentHints<'_>,
    findings: &mut Vec<Finding>,
) {
    let mut undeclared = Vec::new();
    let mut masks = Vec::new();
    let mut defs = of.params_by_name().peekable();
    for (name, class, value) in event.params_mut() {
        // Both are in the order of their names.
        while defs.next_if(|def| def.name.as_str() < name).is_some() {}
        let Some(def) = defs.next_if(|def| def.name == name) else {
            undeclared.push(name.to_owned());
            continue;
        };
        *class = def.class().stored();
        if *class == Class::Secret {
            *class = Class::Plain;
            masks.extend(take_secret(name, def.class(), value, sent));
            continue;
        }
        check_value(def, value, findings);
    }
    for name in undeclared {
        let hint = format!("{} is not declared for {}; it is kept in data", short(&name), of.code);
        findings.push(Finding::new(FindingId::ParamUndeclared, format!("/params/{name}"), hint));
        move_to_extra(event, &name);
    }
    for mask in masks {
        findings.extend(crate::secrets::findings(std::slice::from_ref(&mask)));
        mask.apply_to_event(event);
    }
    for def in of.params.iter().filter(|def| def.required) {
        if event.param(&def.name).is_none_or(|param| param.value == Value::Null) {
            let hint = format!("{} must be there", def.name);
            findings.push(Finding::new(FindingId::ParamMissing, format!("/params/{}", def.name), hint));
        }
    }
}

/// Moves every parameter into the map of everything else: without a type nothing is declared.
pub(crate) fn undeclared_to_extra(event: &mut Event) {
    let names: Vec<String> = event.params().iter().map(|param| param.name.clone()).collect();
    for name in names {
        move_to_extra(event, &name);
    }
}

fn move_to_extra(event: &mut Event, name: &str) {
    if let Some(param) = event.remove_param(name) {
        add_extra(event, param.name, param.value);
    }
}

fn short(name: &str) -> &str {
    let end = (0..=MAX_HINT_NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    name.get(..end).unwrap_or("")
}

/// Replaces a secret; gives back what must be removed elsewhere too.
fn take_secret(name: &str, class: ParamClass, value: &mut Value, sent: &SentHints<'_>) -> Option<Mask> {
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Null => return None,
        _ => String::new(),
    };
    let replacement = match (class, sent.fingerprint) {
        (ParamClass::SecretFingerprint, Some(fingerprint)) => fingerprint_text(fingerprint(text.as_bytes())),
        _ => REMOVED.to_owned(),
    };
    let known = is_masked(&text) && matches!(value, Value::Text(_));
    *value = Value::Text(replacement.clone());
    (!known).then(|| Mask::new(format!("/params/{name}"), text, replacement))
}

fn check_value(def: &ParamDef, value: &mut Value, findings: &mut Vec<Finding>) {
    let pointer = || format!("/params/{}", def.name);
    if matches!(value, Value::Null) {
        return;
    }
    if matches!(value, Value::Text(text) if text.is_empty()) {
        if def.empty == Some(Empty::Never) {
            findings.push(Finding::new(
                FindingId::ParamMissing,
                pointer(),
                format!("{} is never empty", def.name),
            ));
        }
        return;
    }
    if def.empty == Some(Empty::Always) {
        findings.push(Finding::new(FindingId::NotEmpty, pointer(), format!("{} is always empty", def.name)));
    }
    if !coerce(&def.kind, value) {
        let hint = format!("{} must be {}, not {}", def.name, kind_words(&def.kind), value.kind_name());
        findings.push(Finding::new(FindingId::TypeMismatch, pointer(), hint));
    }
}

fn kind_words(kind: &ParamType) -> String {
    match kind {
        ParamType::Text => "text".to_owned(),
        ParamType::Int => "an integer".to_owned(),
        ParamType::Decimal => "a number".to_owned(),
        ParamType::Bool => "true or false".to_owned(),
        ParamType::Time => "a time with a zone".to_owned(),
        ParamType::Duration => "a duration".to_owned(),
        ParamType::Address => "a network address".to_owned(),
        ParamType::Mac => "a hardware address".to_owned(),
        ParamType::Uuid => "a UUID".to_owned(),
        ParamType::Email => "an e-mail address".to_owned(),
        ParamType::Url => "a URL".to_owned(),
        ParamType::Json => "any value".to_owned(),
        ParamType::List(inner) => format!("a list, each {}", kind_words(inner)),
        ParamType::OneOf(words) => format!("one of {}", words.join(", ")),
    }
}

/// Whether a value is of a type; decimal text of a number becomes the number, because JSON cannot carry every number.
fn coerce(kind: &ParamType, value: &mut Value) -> bool {
    match kind {
        ParamType::Json => true,
        ParamType::Int => coerce_int(value),
        ParamType::Decimal => coerce_decimal(value),
        ParamType::Bool => matches!(value, Value::Bool(_)),
        ParamType::List(inner) => match value {
            Value::List(items) => items.iter_mut().all(|item| coerce(inner, item)),
            _ => false,
        },
        ParamType::Time => match value {
            Value::Time(_) => true,
            Value::Text(text) => iso_time(text, None).is_some_and(|read| read.zoned),
            _ => false,
        },
        ParamType::Duration => matches!(value, Value::Int(_)) || value.as_text().is_some_and(is_duration),
        _ => value.as_text().is_some_and(|text| text_fits(kind, text)),
    }
}

fn coerce_int(value: &mut Value) -> bool {
    let Value::Text(text) = value else { return matches!(value, Value::Int(_)) };
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == *text => {
            *value = Value::Int(number);
            true
        }
        _ => false,
    }
}

fn coerce_decimal(value: &mut Value) -> bool {
    let Value::Text(text) = value else { return matches!(value, Value::Int(_) | Value::Decimal(_)) };
    match indelible_event::decimal(text) {
        Some(plain) => {
            *value = plain.parse().map_or(Value::Decimal(plain), Value::Int);
            true
        }
        None => false,
    }
}

fn text_fits(kind: &ParamType, text: &str) -> bool {
    match kind {
        ParamType::Text => true,
        ParamType::Address => is_address(text),
        ParamType::Mac => is_mac(text),
        ParamType::Uuid => is_uuid(text),
        ParamType::Email => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@')),
        ParamType::Url => text.split_once("://").is_some_and(|(scheme, rest)| {
            !scheme.is_empty()
                && !rest.is_empty()
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
        }),
        ParamType::OneOf(words) => words.iter().any(|word| word == text),
        _ => false,
    }
}

fn is_mac(text: &str) -> bool {
    let hex = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split([':', '-']).count() == 6 && text.split([':', '-']).all(hex)
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut parts = text.split('-');
    let all = lengths.iter().all(|length| {
        parts
            .next()
            .is_some_and(|part| part.len() == *length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    all && parts.next().is_none()
}

/// An ISO 8601 duration: `PT1H30M`, `P1D`.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    let fits = |c: char| c.is_ascii_digit() || "YMWDTHS.".contains(c);
    rest.len() >= 2 && rest.chars().all(fits) && rest.ends_with(|c: char| "YMWDHS".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_their_type_or_not() {
        let list = || ParamType::List(Box::new(ParamType::Int));
        let cases = [
            (ParamType::Int, Value::from("42"), true),
            (ParamType::Int, Value::from("042"), false),
            (ParamType::Int, Value::from("9223372036854775808"), false),
            (ParamType::Decimal, Value::from("1.50"), true),
            (ParamType::Decimal, Value::from("x"), false),
            (ParamType::Bool, Value::from("true"), false),
            (ParamType::Time, Value::from("2026-11-21T10:00:00Z"), true),
            (ParamType::Time, Value::from("2026-11-21T10:00:00"), false),
            (ParamType::Duration, Value::from("PT1H"), true),
            (ParamType::Duration, Value::from("1 hour"), false),
            (ParamType::Address, Value::from("::1"), true),
            (ParamType::Address, Value::from("AWS Internal"), false),
            (ParamType::Mac, Value::from("00:1a:2B:3c:4d:5e"), true),
            (ParamType::Mac, Value::from("00:1a"), false),
            (ParamType::Uuid, Value::from("c5aed6e7-edb8-431a-bc45-5c910c65f5b7"), true),
            (ParamType::Uuid, Value::from("c5aed6e7"), false),
            (ParamType::Email, Value::from("a@b.nl"), true),
            (ParamType::Email, Value::from("a@"), false),
            (ParamType::Url, Value::from("https://x"), true),
            (ParamType::Url, Value::from("x"), false),
            (ParamType::OneOf(vec!["a".into()]), Value::from("a"), true),
            (ParamType::OneOf(vec!["a".into()]), Value::from("b"), false),
            (list(), Value::List(vec![Value::Int(1), Value::from("2")]), true),
            (list(), Value::List(vec![Value::from("x")]), false),
            (ParamType::Text, Value::Int(1), false),
            (ParamType::Json, Value::Null, true),
        ];
        for (kind, mut value, expected) in cases {
            assert_eq!(coerce(&kind, &mut value), expected, "{kind:?} {value:?}");
        }
    }
}
