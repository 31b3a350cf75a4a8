//! The published vectors: what this crate writes is what `tests/vectors/event.json` holds, and what the file holds reads
//! back. `tests/vectors/confirm.py` checks the same file without this crate.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod vector_cases;

use indelible_event::{Class, EventId, Field, Kind, Leaf, StoredBody, Value, read_event};
use serde_json::Value as Json;
use vector_cases::{find_key, text};

const FILE: &str = include_str!("../../../tests/vectors/event.json");
const PAGE: &str = include_str!("../../../docs/internals/format.md");

fn unhex(text: &Json) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn list<'a>(of: &'a Json, name: &str) -> &'a [Json] {
    of[name].as_array().unwrap()
}

fn file() -> Json {
    serde_json::from_str(FILE).unwrap()
}

#[test]
fn the_file_is_what_the_cases_give() {
    let same = FILE == text();
    assert!(same, "stale: cargo run -p indelible-event --example write-vectors > tests/vectors/event.json");
}

#[test]
fn values_read_back_and_refused_bytes_stay_refused() {
    let file = file();
    for value in list(&file, "values") {
        let bytes = unhex(&value["bytes"]);
        let mut again = Vec::new();
        Value::decode(&bytes).unwrap().encode(&mut again);
        assert_eq!(again, bytes, "{}", value["name"]);
    }
    for refused in list(&file, "refused") {
        assert!(Value::decode(&unhex(&refused["bytes"])).is_err(), "{}", refused["why"]);
    }
    for refused in list(&file, "refused_bodies") {
        assert!(StoredBody::decode(&unhex(&refused["bytes"])).is_err(), "{}", refused["why"]);
    }
}

#[test]
fn every_form_of_an_event_gives_the_leaf_in_the_log() {
    let file = file();
    for event in list(&file, "events") {
        let id = EventId(unhex(&event["id"]).try_into().unwrap());
        let leaf = Leaf::decode(&unhex(&event["leaf"]["bytes"])).unwrap();
        let forms = list(event, "later").iter().chain([event]);
        for stored in forms.map(|form| unhex(&form["stored"])) {
            let body = StoredBody::decode(&stored).unwrap();
            assert_eq!(body.body_hash(id, &find_key), Ok(leaf.body), "{}", event["name"]);
        }
        for disclosure in list(event, "disclosures") {
            let extra = unhex(&disclosure["extra"]);
            let (head, rest) = extra.split_at(84);
            assert_eq!(head, [b"ixd1".as_slice(), &leaf.encode()].concat());
            let body = StoredBody::decode_disclosure(rest).unwrap();
            assert_eq!(body.body_hash(id, &|_| None), Ok(leaf.body), "{}", event["name"]);
            let shown = body.items.iter().filter(|item| item.state.value().is_some()).map(|item| item.path);
            assert!(shown.eq(list(disclosure, "paths").iter().map(|path| path.as_str().unwrap())));
        }
    }
}

#[test]
fn an_erased_value_is_absent_and_the_rest_stays() {
    let file = file();
    let event =
        list(&file, "events").iter().find(|event| event["name"].as_str().unwrap().contains("actor")).unwrap();
    let stored = unhex(&list(event, "later")[0]["stored"]);
    let left = read_event(&StoredBody::decode(&stored).unwrap()).unwrap();
    assert_eq!(left.text(Field::Code), Some("USER.LOGIN"));
    assert_eq!(left.text(Field::Message), Some("Ann logged in"));
    assert_eq!(left.text(Field::ActorId), None);
    let gone = ["2001:db8::7", "ann@example.org", "10.0.0.2"];
    assert!(gone.iter().all(|text| !stored.windows(text.len()).any(|window| window == text.as_bytes())));
}

/// The table "Items" of the format document lists every field that is not plain, with its class.
#[test]
fn the_format_document_lists_every_item_of_its_own() {
    let together =
        Field::ALL.iter().filter(|f| f.def().class == Class::Plain && **f != Field::ProducerSeq).count();
    let counts = format!("{together} of the {}", Field::ALL.len());
    assert!(PAGE.contains(&counts), "the document should say {counts}");
    for def in Field::ALL.iter().map(|field| field.def()) {
        let class = match def.class {
            Class::Plain => continue,
            Class::Separate => "separate",
            Class::Personal(_) => "personal",
            Class::Secret => "secret",
        };
        let many = matches!(def.kind, Kind::Records(..)) && def.path == "subjects";
        let path = if many { "subjects.N" } else { def.path };
        let row = PAGE.lines().find(|line| line.starts_with("| ") && line.contains(&format!("`{path}`")));
        assert!(row.is_some_and(|row| row.contains(class)), "{path} is not listed as {class}");
    }
}
