//! Helpers of this crate's unit tests.

use indelible_event::{Map, Value};

/// A value from JSON text.
pub(crate) fn json(text: &str) -> Value {
    convert(&serde_json::from_str(text).unwrap())
}

fn convert(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => number.as_i64().map_or_else(
            || Value::Decimal(indelible_event::decimal(&number.to_string()).unwrap()),
            Value::Int,
        ),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(convert).collect()),
        serde_json::Value::Object(map) => Value::Map(
            Map::from_pairs(map.iter().map(|(key, value)| (key.clone(), convert(value))).collect()).unwrap(),
        ),
    }
}
