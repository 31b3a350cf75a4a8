//! The vectors' JSON: names, hexadecimal bytes, and values in a notation that keeps their kinds apart.

use indelible_event::{ItemState, Leaf, StoredBody, Value, type_tag};
use serde_json::{Value as Json, json};

use super::{Case, PEOPLE, find_key, salted};

/// What a reader of the file has to know.
const ABOUT: [&str; 8] = [
    "Vectors of the event format, version 1 (docs/internals/format.md). Written by crates/event/examples/write-vectors.rs, confirmed by tests/vectors/confirm.py, which shares no code with it.",
    "Bytes are hexadecimal. Integers that may pass 2^53 are decimal text.",
    "A value is one of: null, true, false, {\"int\":\"5\"}, {\"decimal\":\"1.5\"}, {\"text\":\"…\"}, {\"bytes\":\"0aff\"}, {\"time\":{\"seconds\":\"…\",\"nanos\":0,\"offset_minutes\":60 or null}}, {\"list\":[value…]}, {\"map\":[[key, value]…]}.",
    "values: the canonical encoding of each value. refused: bytes that no decoder of values may take. refused_bodies: the same for stored bodies.",
    "events: items as recorded, each with the key it is salted with (null: the event's salt), its salt and commitment; the stored body, the body hash, the leaf and the leaf hash.",
    "later: stored bodies of the same event after an erasure. Their body hash is the same.",
    "disclosures: which paths are shown, the disclosure, and the extra line of a proof file made from it. No key is needed to recompute the body hash from it.",
    "keys: the subject keys, by identifier. type_tags: first four bytes of the hash of catalog and code.",
];

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A value in the notation of the file.
pub(super) fn notation(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(number) => json!({"int": number.to_string()}),
        Value::Decimal(text) => json!({"decimal": text}),
        Value::Text(text) => json!({"text": text}),
        Value::Bytes(bytes) => json!({"bytes": hex(bytes)}),
        Value::Time(time) => json!({"time": {
            "seconds": time.seconds.to_string(),
            "nanos": time.nanos,
            "offset_minutes": time.offset_minutes,
        }}),
        Value::List(list) => json!({"list": list.iter().map(notation).collect::<Vec<_>>()}),
        Value::Map(map) => {
            json!({"map": map.iter().map(|(key, value)| json!([key, notation(value)])).collect::<Vec<_>>()})
        }
    }
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

type Refused = [Vec<(&'static str, Vec<u8>)>; 2];

pub(super) fn document(values: &[(&str, Value)], refused: &Refused, events: &[Case]) -> Json {
    let values = values
        .iter()
        .map(|(name, value)| json!({"name": name, "value": notation(value), "bytes": hex(&encoded(value))}));
    let [refused_values, refused_bodies] = refused
        .each_ref()
        .map(|list| list.iter().map(|(why, bytes)| json!({"why": why, "bytes": hex(bytes)})));
    let keys = PEOPLE
        .iter()
        .map(|person| json!({"subject": person.subject, "id": hex(&person.id()), "key": hex(&person.key())}));
    let tags = [("openkat", "010001"), ("netop", "USER.LOGIN"), ("indelible", "EVENT.SEARCH"), ("", ""), ("a", "bc"), ("ab", "c")]
        .map(|(catalog, code)| {
            json!({"catalog": catalog, "code": code, "tag": format!("{:08x}", type_tag(catalog, code))})
        });
    json!({
        "about": ABOUT,
        "values": values.collect::<Vec<_>>(),
        "refused": refused_values.collect::<Vec<_>>(),
        "refused_bodies": refused_bodies.collect::<Vec<_>>(),
        "type_tags": tags,
        "keys": keys.collect::<Vec<_>>(),
        "events": events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn event(case: &Case) -> Json {
    let body = StoredBody::decode(&case.stored).unwrap();
    let items = body.items.iter().map(|item| {
        let (salt, value) = salted(case.id, body.event_salt, item.path, item.state);
        let key = if let ItemState::Personal(key, _) = item.state { Some(hex(&key)) } else { None };
        json!({
            "path": item.path,
            "key": key,
            "value": notation(&Value::decode(value).unwrap()),
            "salt": hex(&salt),
            "commitment": hex(&indelible_event::commitment(&salt, item.path, value)),
        })
    });
    let later = case.later.iter().map(|(what, stored)| json!({"what": what, "stored": hex(stored)}));
    let disclosures = case.disclose.iter().map(|paths| {
        let bytes = body.disclosure(case.id, &find_key, |path| paths.contains(&path)).unwrap();
        let extra = [b"ixd1".as_slice(), &case.leaf.encode(), &bytes].concat();
        json!({"paths": paths, "disclosure": hex(&bytes), "extra": hex(&extra)})
    });
    json!({
        "name": case.name,
        "id": hex(&case.id.0),
        "event_salt": hex(&body.event_salt),
        "items": items.collect::<Vec<_>>(),
        "stored": hex(&case.stored),
        "body": hex(&case.leaf.body),
        "leaf": leaf(&case.leaf),
        "later": later.collect::<Vec<_>>(),
        "disclosures": disclosures.collect::<Vec<_>>(),
    })
}

fn leaf(leaf: &Leaf) -> Json {
    use sha2::{Digest, Sha256};
    let bytes = leaf.encode();
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(bytes);
    let hash: [u8; 32] = hash.finalize().into();
    json!({
        "flags": leaf.flags,
        "type_tag": format!("{:08x}", leaf.type_tag),
        "received_ns": leaf.received_ns.to_string(),
        "producer": leaf.producer.to_string(),
        "sequence": leaf.sequence.to_string(),
        "bytes": hex(&bytes),
        "hash": hex(&hash),
    })
}
