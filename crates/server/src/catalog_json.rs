//! JSON of catalogs and event types, for the API and the command line.

use indelible_catalog::catalog::Catalog;
use indelible_catalog::event_type::{EventType, ParamClass, ParamDef, ParamType};
use indelible_catalog::pattern::Pattern;
use indelible_catalog::word::{Crude, Outcome};
use indelible_event::Person;
use serde_json::{Map, Value, json};

/// A catalog in a few members.
pub fn summary(catalog: &Catalog) -> Value {
    let hash = catalog.hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    json!({
        "id": catalog.id,
        "version": catalog.version_text,
        "title": catalog.title,
        "types": catalog.types().len(),
        "families": catalog.families().len(),
        "groups": catalog.groups().len(),
        "entities": catalog.entities().len(),
        "rules": catalog.rules().len(),
        "extends": catalog.extends.as_ref().map(|(id, major)| format!("{id}@{major}")),
        "source": catalog.source.as_ref().map(|source| json!({ "file": source.file, "sha256": source.sha256 })),
        "added": catalog.added,
        "sha256": hash,
    })
}

/// A catalog with its groups, entities and types.
pub fn whole(catalog: &Catalog) -> Value {
    let mut out = summary(catalog);
    let groups = catalog
        .groups()
        .iter()
        .map(|group| json!({ "id": group.id, "code": group.code, "title": group.title, "text": group.text }));
    out["group"] = groups.collect();
    let entities = catalog.entities().iter().map(
        |entity| json!({ "id": entity.id, "kind": entity.kind, "title": entity.title, "text": entity.text }),
    );
    out["entity"] = entities.collect();
    let ranges = catalog.ranges().iter().map(|range| {
        let patterns: Vec<&str> = range.patterns.iter().map(Pattern::as_str).collect();
        json!({ "set": range.set, "key": range.key, "text": range.text, "patterns": patterns })
    });
    out["range"] = ranges.collect();
    out["type"] = catalog.types().iter().map(|of| event_type(catalog, of)).collect();
    out
}

/// An event type with everything its catalog says of it; what it does not say is left out.
pub fn event_type(catalog: &Catalog, of: &EventType) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        let empty = match &value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => false,
        };
        if !empty {
            out.insert(name.to_owned(), value);
        }
    };
    put("catalog", json!(catalog.id));
    put("code", json!(of.code));
    put("title", json!(of.title));
    put("text", json!(of.text));
    put("group", json!(of.group));
    put("entity", json!(of.entity));
    put("action", json!(of.action));
    put("crude", json!(of.crude.map(Crude::as_str)));
    put("outcome", json!(of.outcome.map(Outcome::as_str)));
    put("key", json!(of.key));
    put("severity", json!(of.severity.as_str()));
    put("retention", json!(of.retention.as_str()));
    put("session", json!(of.session.as_str()));
    put("on_unavailable", json!(of.on_unavailable.as_str()));
    put("categories", json!(of.categories));
    put("base_code", json!(of.base_code));
    put("means", json!(of.means));
    put("params", of.params.iter().map(param).collect());
    put("situations", of.situations.iter().map(|s| json!({ "id": s.id, "text": s.text })).collect());
    let results =
        of.results.iter().map(|r| json!({ "code": r.code, "outcome": r.outcome.as_str(), "text": r.text }));
    put("results", results.collect());
    put("notes", json!(of.notes));
    put("references", json!(of.references));
    put("pair", of.pair.as_ref().map_or(Value::Null, |pair| json!({ "stop": pair.stop, "by": pair.by })));
    put("line", json!(of.line));
    Value::Object(out)
}

fn param(param: &ParamDef) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), json!(param.name));
    out.insert("scope".into(), json!(param.scope()));
    out.insert("type".into(), json!(type_name(&param.kind)));
    out.insert("class".into(), json!(class_name(param.class())));
    out.insert("required".into(), json!(param.required));
    if let Some(empty) = param.empty {
        out.insert("empty".into(), json!(empty.as_str()));
    }
    if let Some(text) = &param.text {
        out.insert("text".into(), json!(text));
    }
    Value::Object(out)
}

fn type_name(kind: &ParamType) -> String {
    let word = match kind {
        ParamType::Text => "text",
        ParamType::Int => "int",
        ParamType::Decimal => "decimal",
        ParamType::Bool => "bool",
        ParamType::Time => "time",
        ParamType::Duration => "duration",
        ParamType::Address => "address",
        ParamType::Mac => "mac",
        ParamType::Uuid => "uuid",
        ParamType::Email => "email",
        ParamType::Url => "url",
        ParamType::Json => "json",
        ParamType::List(inner) => return format!("list({})", type_name(inner)),
        ParamType::OneOf(words) => return format!("one_of({})", words.join(", ")),
    };
    word.to_owned()
}

fn class_name(class: ParamClass) -> &'static str {
    match class {
        ParamClass::Public => "public",
        ParamClass::Separate => "separate",
        ParamClass::Personal(Person::Actor) => "personal(actor)",
        ParamClass::Personal(Person::Target) => "personal(target)",
        ParamClass::Personal(Person::Subject) => "personal(subject)",
        ParamClass::Secret => "secret",
        ParamClass::SecretFingerprint => "secret(fingerprint)",
    }
}
