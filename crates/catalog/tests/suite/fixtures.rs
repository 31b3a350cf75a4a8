//! Helpers of this crate's integration tests.

use indelible_catalog::catalog::Registry;
use indelible_catalog::matching::{Envelope, Matched, match_raw};
use indelible_catalog::{builtin, load};
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
        serde_json::Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| (key.clone(), convert(value))).collect();
            Value::Map(Map::from_pairs(pairs).unwrap())
        }
    }
}

/// The built-in catalogs; every one must load.
pub(crate) fn builtins() -> Registry {
    let loaded = load(&builtin());
    let problems: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Registry::new(loaded.catalogs)
}

/// A stand-in for the keyed fingerprint: the test only needs it to depend on the bytes.
pub(crate) fn fingerprint(bytes: &[u8]) -> [u8; 8] {
    let sum = bytes.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    sum.to_be_bytes()
}

/// Matches one raw event of a source in UTC, pinned to a catalog.
pub(crate) fn match_line(registry: &Registry, raw: &Value, catalog: &str) -> Matched {
    let values = json(r#"{"source":{"zone":"UTC"},"row":1}"#);
    let parse_json = |text: &str| serde_json::from_str(text).ok().map(|value| convert(&value));
    let envelope = Envelope {
        format: Some(catalog),
        organization: "test",
        values: &values,
        fingerprint: &fingerprint,
        parse_json: &parse_json,
    };
    match_raw(registry, raw, &envelope, Some(catalog))
}
