//! An event as lines of path and text, for people and for comparing. Never used for what is stored or hashed.

use indelible_event::{Event, Time, Value};

/// Every value of an event: `actor.id`, `targets[0].name`, `params.host.name`, `data.level`, in the order of the fields.
pub fn flatten(event: &Event) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (field, value) in event.fields() {
        walk(field.path(), value, &mut lines);
    }
    for param in event.params() {
        walk(&format!("params.{}", param.name), &param.value, &mut lines);
    }
    lines
}

fn walk(path: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&format!("{path}[{index}]"), item, lines);
            }
        }
        Value::Map(map) => {
            for (key, item) in map.iter() {
                walk(&format!("{path}.{key}"), item, lines);
            }
        }
        scalar => lines.push((path.to_owned(), scalar_text(scalar))),
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Time(time) => time_text(*time),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Null | Value::List(_) | Value::Map(_) => "null".to_owned(),
    }
}

/// RFC 3339 with nine digits, in the offset as sent; `Z` when none was.
pub(crate) fn time_text(time: Time) -> String {
    let minutes = time.offset_minutes.unwrap_or(0);
    let local = time.seconds.saturating_add(i64::from(minutes) * 60);
    let Ok(stamp) = jiff::Timestamp::from_second(local) else {
        return format!("{}.{:09}", time.seconds, time.nanos);
    };
    let civil = jiff::tz::TimeZone::UTC.to_datetime(stamp);
    let offset = match minutes {
        0 => "Z".to_owned(),
        minutes => format!(
            "{}{:02}:{:02}",
            if minutes < 0 { '-' } else { '+' },
            minutes.abs() / 60,
            minutes.abs() % 60
        ),
    };
    format!("{}.{:09}{offset}", civil.strftime("%Y-%m-%dT%H:%M:%S"), time.nanos)
}
