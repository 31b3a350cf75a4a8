//! The sample catalogs load, and the sample events are valid: a measurement with findings would measure another path.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use indelible_bench::catalogs;
use indelible_bench::event::{Generator, Recipe, codes};
use indelible_catalog::catalog::Catalog;
use indelible_catalog::resolve::SentHints;
use indelible_catalog::{Source, load};
use indelible_event::{Class, Event, Field, Map, Param, Time, Value};
use serde_json::Value as Json;

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
    event.set(
        Field::OccurredAt,
        Value::Time(Time { seconds: 1_780_272_000, nanos: 0, offset_minutes: Some(0) }),
    );
    event.set(Field::SessionId, text(&json["session"]["id"]));
    let target = Map::from_pairs(vec![("id".to_owned(), text(&json["targets"][0]["id"]).into())]).unwrap();
    event.set(Field::Targets, Value::List(vec![Value::Map(target)]));
    for (name, value) in json["params"].as_object().unwrap() {
        event.set_param(Param { name: name.clone(), class: Class::Separate, value: text(value).into() });
    }
    event
}

#[test]
fn every_sample_event_is_valid() {
    let loaded = load(&sources());
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let types: usize = loaded.catalogs.iter().map(|catalog| catalog.types().len()).sum();
    assert_eq!(types, codes().len());
    let by_id = |id: &str| -> &Catalog { loaded.catalogs.iter().find(|catalog| catalog.id == id).unwrap() };

    let mut generator = Generator::new(Recipe::standard(5_000));
    let mut line = String::new();
    while generator.next_into(&mut line) {
        let json: Json = serde_json::from_str(&line).unwrap();
        let mut event = event(&json);
        let findings = by_id(text(&json["catalog"])).resolve(&mut event, &SentHints::default());
        assert!(findings.is_empty(), "{line}: {findings:?}");
        assert!(event.text(Field::Crude).is_some() && event.text(Field::Outcome) == json["outcome"].as_str());
        line.clear();
    }
}
