//! A line of `events.ndjson` against what its event is proven to be.

use std::collections::BTreeSet;

use indelible_event::{Field, Leaf, StoredBody, Time, Value as EventValue, read_event};
use indelible_formats::{json_out, rfc3339};
use serde_json::Value;

/// Members of a line that are the catalog's words, not the event's: the manifest vouches for them.
const WORDS: [&str; 2] = ["title", "sentence"];
/// What a line leaves out unless it was asked for: the form in which a foreign event was received.
const RAW: &str = "raw";

/// What of a line differs from the proof of its event: a member's name and what is wrong with it.
pub(crate) fn difference(
    line: &Value,
    (index, organization): (u64, &str),
    (leaf_bytes, leaf, body): (&[u8], &Leaf, &StoredBody<'_>),
) -> Option<String> {
    let Some(members) = line.as_object() else { return Some("the line is no object".to_owned()) };
    let mut proven = match shown(leaf, body) {
        Ok(Value::Object(proven)) => proven,
        Ok(_) => return Some("its values are no event".to_owned()),
        Err(why) => return Some(why),
    };
    proven.insert("id".to_owned(), leaf.id.to_string().into());
    proven.insert("organization".to_owned(), organization.into());
    proven.insert("index".to_owned(), index.into());
    let received = i64::try_from(leaf.received_ns).unwrap_or(i64::MAX);
    proven.insert("received_at".to_owned(), rfc3339::text(Time::from_unix_nanos(received)).into());
    proven.insert("leaf".to_owned(), base64(leaf_bytes).into());
    for (name, value) in members {
        if WORDS.contains(&name.as_str()) || name == "erased" {
            continue;
        }
        match proven.get(name) {
            None => return Some(format!("{name} is not in the proven event")),
            Some(other) if other != value => return Some(format!("{name} differs from the proven event")),
            Some(_) => {}
        }
    }
    if let Some(name) = proven.keys().find(|name| !members.contains_key(*name)) {
        return Some(format!("{name} is missing"));
    }
    erased(&line["erased"], body)
}

/// Whether what a line says to be erased is what the proof keeps back; the form as received may be kept back beside.
fn erased(said: &Value, body: &StoredBody<'_>) -> Option<String> {
    let said: BTreeSet<&str> = said.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let kept: BTreeSet<&str> = body.erased().filter(|path| *path != RAW || said.contains(RAW)).collect();
    (said != kept).then(|| "what it says to be erased differs from what the proof keeps back".to_owned())
}

/// The disclosed values as JSON.
fn shown(leaf: &Leaf, body: &StoredBody<'_>) -> Result<Value, String> {
    let mut event = read_event(body).map_err(|error| format!("its values cannot be read: {error}"))?;
    if leaf.sequence != 0 {
        let number = i64::try_from(leaf.sequence)
            .map_or_else(|_| EventValue::Decimal(leaf.sequence.to_string()), EventValue::Int);
        event.set(Field::ProducerSeq, number);
    }
    let mut text = String::new();
    json_out::event(&mut text, &event);
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
