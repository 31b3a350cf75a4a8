//! The JSON of an event, as the API returns it or as somebody would send it, back to an event.
//!
//! Lenient: what is no field (`index`, `receipt`, members of later versions) is passed over, for this only reads what
//! was checked before or is only shown. What is sent to a server is checked by the server.

use indelible_event::{Class, Event, Field, Kind, Map, Param, Value};
use indelible_formats::rfc3339;

/// Reads an event from its JSON object.
pub(crate) fn event_of_json(json: &Map) -> Event {
    let mut event = Event::new();
    for field in Field::ALL {
        if let Some(value) = at_path(json, field.path()).and_then(|value| typed(*field, value)) {
            event.set(*field, value);
        }
    }
    if let Some(Value::Map(params)) = json.get("params") {
        for (name, value) in params.iter() {
            event.set_param(Param { name: name.to_owned(), class: Class::Separate, value: value.clone() });
        }
    }
    event
}

fn at_path<'a>(json: &'a Map, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((parent, name)) => json.get(parent)?.as_map()?.get(name),
        None => json.get(path),
    }
}

fn typed(field: Field, value: &Value) -> Option<Value> {
    match (field.def().kind, value) {
        (_, Value::Text(text)) if text.is_empty() => None,
        (Kind::Time, Value::Text(text)) => rfc3339::parse(text).map(Value::Time),
        (Kind::Sequence | Kind::Int(..), Value::Text(text)) => text.parse().ok().map(Value::Int),
        // An object under the name of a field that holds a single value is the group of its parts.
        (_, Value::Null) | (Kind::Text(_) | Kind::Word(_), Value::Map(_)) => None,
        (_, value) => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_formats::{json_out, parse_json};

    #[test]
    fn what_was_written_reads_back() {
        let text = r#"{"catalog":"netop","code":"USER.LOGIN","occurred_at":"2026-11-21T14:03:22.500000000+01:00","outcome":"success","actor":{"id":"1017","name":"ann","roles":["a"]},"targets":[{"id":"h1"}],"data":{"Environment":"eu"},"producer":{"seq":"7"},"params":{"guest.nrc_id":42}}"#;
        let Value::Map(map) = parse_json(text.as_bytes()).unwrap() else { panic!("an object") };
        let mut out = String::new();
        json_out::event(&mut out, &event_of_json(&map));
        let order = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(order(&out), order(text));
    }
}
