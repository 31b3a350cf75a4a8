//! The sample events as stored bodies, made without a server. Each measurement uses a part of it.
#![allow(dead_code, reason = "each measurement uses a part")]

use std::collections::HashMap;

use indelible_bench::catalogs;
use indelible_bench::event::{Generator, Questions, Recipe};
use indelible_catalog::resolve::SentHints;
use indelible_catalog::{Loaded, Source, load};
use indelible_event::{Class, Event, EventId, Field, Map, Param, SubjectKey, Value, seal, sha256, type_tag};
use indelible_formats::rfc3339;
use indelible_segment::id::IdCipher;
use serde_json::Value as Json;

/// Events that arrive together.
const BATCH: u64 = 1000;
/// The seed of the only run.
pub(crate) const SEED: [u8; 32] = [7; 32];

/// An event as a segment takes it in.
pub(crate) struct Stored {
    pub(crate) received_ns: u64,
    pub(crate) id: EventId,
    pub(crate) type_tag: u32,
    pub(crate) body: Vec<u8>,
}

fn sources() -> Vec<Source> {
    let file = |folder: &str, name: &str, text: String| Source { name: format!("{folder}/{name}"), text };
    let files = |catalog: catalogs::Catalog| {
        [file(&catalog.id, "catalog.toml", catalog.catalog), file(&catalog.id, "types.toml", catalog.types)]
    };
    catalogs::all().into_iter().flat_map(files).collect()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn event(json: &Json) -> Event {
    let mut event = Event::new();
    event.set(Field::Code, text(&json["code"]));
    event.set(Field::Outcome, text(&json["outcome"]));
    event.set(Field::Account, text(&json["account"]));
    event.set(Field::ActorId, text(&json["actor"]["id"]));
    event.set(Field::OriginAddress, text(&json["origin"]["address"]));
    event.set(Field::OccurredAt, rfc3339::parse(text(&json["occurred_at"])).unwrap());
    event.set(Field::SessionId, text(&json["session"]["id"]));
    event.set(Field::Message, text(&json["message"]));
    event.set(Field::ProducerName, "bench");
    let target = Map::from_pairs(vec![("id".to_owned(), text(&json["targets"][0]["id"]).into())]).unwrap();
    event.set(Field::Targets, Value::List(vec![Value::Map(target)]));
    for (name, value) in json["params"].as_object().unwrap() {
        event.set_param(Param { name: name.clone(), class: Class::Separate, value: text(value).into() });
    }
    event
}

/// Makes the sample events as the server would store them.
pub(crate) struct Maker {
    generator: Generator,
    loaded: Loaded,
    ids: IdCipher,
    keys: HashMap<String, SubjectKey>,
    made: u64,
    received_ns: u64,
}

impl Maker {
    pub(crate) fn new(events: u64, ids: IdCipher) -> Self {
        Self {
            generator: Generator::new(Recipe::standard(events)),
            loaded: load(&sources()),
            ids,
            keys: HashMap::new(),
            made: 0,
            received_ns: 1_790_000_000_000_000_000,
        }
    }

    /// The next event, decoded and checked by its catalog.
    pub(crate) fn event(&mut self) -> Option<Event> {
        let mut line = String::new();
        if !self.generator.next_into(&mut line) {
            return None;
        }
        let json: Json = serde_json::from_str(&line).unwrap();
        let mut event = event(&json);
        let catalog =
            self.loaded.catalogs.iter().find(|catalog| catalog.id == text(&json["catalog"])).unwrap();
        let findings = catalog.resolve(&mut event, &SentHints::default());
        assert!(findings.is_empty(), "{findings:?}");
        Some(event)
    }

    /// What the generator's expected counts are about.
    pub(crate) fn questions(&self) -> Questions {
        self.generator.questions()
    }

    pub(crate) fn next(&mut self) -> Option<Stored> {
        let event = self.event()?;
        if self.made.is_multiple_of(BATCH) {
            self.received_ns += 4_000_000 + self.made % 7919;
        }
        let id = EventId::from_parts(self.received_ns / 1_000_000, self.ids.seal(1, self.made));
        self.made += 1;
        let salt = salt(&id);
        let sealed = seal(&event, id, &salt, |person| self.key(person));
        let tag = type_tag(event.text(Field::Catalog).unwrap(), event.text(Field::Code).unwrap());
        Some(Stored { received_ns: self.received_ns, id, type_tag: tag, body: sealed.unwrap().stored })
    }

    /// The key of a person.
    pub(crate) fn key(&mut self, person: &str) -> SubjectKey {
        let make = || {
            let hash = sha256(person.as_bytes());
            SubjectKey::new(hash[..16].try_into().unwrap(), &hash)
        };
        self.keys.entry(person.to_owned()).or_insert_with(make).clone()
    }
}

/// As segments make it: the first 16 bytes of HMAC-SHA-256(seed, id).
fn salt(id: &EventId) -> [u8; 16] {
    indelible_event::MacKey::new(&SEED).mac(&id.0)[..16].try_into().unwrap()
}
