//! The OpenAPI 3.1 description, made from the table of endpoints, the table of fields and the table of codes.

use indelible_event::{Field, Kind, Member, MemberKind, Who};
use serde_json::{Map, Value, json};

use crate::endpoints::{ENDPOINTS, Endpoint, Need};
use crate::problem::Code;

mod shapes;

use shapes::SHAPES;

/// The whole document.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Indelible",
            "version": "v1",
            "summary": "Audit events: send, search, follow, prove.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "paths": paths(),
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "bearerFormat": "idl_<kind>_<id>_<secret><crc>" } },
            "schemas": schemas(),
        },
    })
}

fn paths() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in ENDPOINTS {
        let path = endpoint.path.replace("{*path}", "{path}");
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[endpoint.method] = operation(endpoint);
    }
    Value::Object(paths)
}

fn operation(endpoint: &Endpoint) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let name = name.trim_start_matches('*');
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = endpoint.query.iter().map(|parameter| {
        json!({ "name": parameter.name, "in": "query", "description": parameter.doc, "schema": { "type": parameter.kind } })
    });
    let mut responses = Map::new();
    for (status, schema) in endpoint.answers {
        responses.insert(status.to_string(), json!({ "description": schema, "content": content(schema) }));
    }
    let problem = json!({
        "description": "Refused; the code says why.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    responses.insert("default".to_owned(), problem);
    let mut operation = json!({
        "summary": endpoint.summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": responses,
    });
    match endpoint.need {
        Need::Nothing | Need::Session => operation["security"] = json!([]),
        Need::Permission(permission) => operation["x-permission"] = json!(permission.name()),
        Need::OrPublic(permission) => {
            operation["x-permission"] = json!(permission.name());
            operation["security"] = json!([{ "key": [] }, {}]);
        }
    }
    if let Some(request) = endpoint.request {
        operation["requestBody"] = json!({ "required": true, "content": request_content(request) });
    }
    operation
}

fn content(schema: &str) -> Value {
    let kind = match schema {
        "Text" | "Page" | "Proof" => "text/plain",
        "Bytes" => "application/octet-stream",
        "Bundle" => "application/zip",
        _ => "application/json",
    };
    json!({ kind: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn request_content(schema: &str) -> Value {
    let reference = json!({ "$ref": format!("#/components/schemas/{schema}") });
    if schema != "EventIn" {
        return json!({ "application/json": { "schema": reference } });
    }
    let batch = json!({ "type": "object", "required": ["events"], "properties": { "events": { "type": "array", "items": reference } } });
    json!({
        "application/json": { "schema": { "oneOf": [reference, batch] } },
        "application/x-ndjson": { "schema": { "type": "string", "description": "One event a line." } },
    })
}

fn schemas() -> Value {
    let mut schemas = Map::new();
    schemas.insert("EventIn".to_owned(), event(|who| who == Who::Producer, json!({}), &["catalog"]));
    let log = json!({
        "id": { "type": "string", "format": "uuid" },
        "organization": { "type": "string" },
        "index": { "type": "integer" },
        "received_at": { "type": "string", "format": "date-time" },
        "title": { "type": "string", "description": "The type's title in its catalog." },
        "sentence": { "type": "string", "description": "Who did what to what." },
        "erased": { "type": "array", "items": { "type": "string" } },
        "leaf": { "type": "string", "contentEncoding": "base64" },
    });
    schemas
        .insert("EventOut".to_owned(), event(|_| true, log, &["id", "organization", "index", "received_at"]));
    for (name, schema) in fixed() {
        schemas.insert(name.to_owned(), schema);
    }
    Value::Object(schemas)
}

/// The schema of an event with the fields that `shown` picks, nested by their paths.
fn event(shown: impl Fn(Who) -> bool, extra: Value, required: &[&str]) -> Value {
    let mut properties = match extra {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let compared = [Field::Entity, Field::Action, Field::Crude];
    for field in Field::ALL.iter().filter(|field| shown(field.def().who) || compared.contains(field)) {
        let def = field.def();
        let mut schema = kind(def.kind);
        schema["description"] = json!(def.doc);
        match def.path.split_once('.') {
            Some((group, name)) => {
                let group = properties.entry(group).or_insert_with(
                    || json!({ "type": "object", "additionalProperties": false, "properties": {} }),
                );
                group["properties"][name] = schema;
            }
            None => {
                properties.insert(def.path.to_owned(), schema);
            }
        }
    }
    let params =
        json!({ "type": "object", "description": "Parameters that the catalog declares, by scope.name." });
    properties.insert("params".to_owned(), params);
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Text(max) => json!({ "type": "string", "maxLength": max }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Int(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Sequence => json!({ "type": ["integer", "string"], "minimum": 1 }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Texts(items, max) => {
            json!({ "type": "array", "maxItems": items, "items": { "type": "string", "maxLength": max } })
        }
        Kind::Records(items, members) => {
            json!({ "type": "array", "maxItems": items, "items": record(members) })
        }
        Kind::Record(members) => record(members),
        Kind::Free => json!({ "type": "object" }),
    }
}

fn record(members: &[Member]) -> Value {
    let properties: Map<String, Value> = members
        .iter()
        .map(|member| {
            let schema = match member.kind {
                MemberKind::Text(max) => json!({ "type": "string", "maxLength": max }),
                MemberKind::Any(_) => json!({}),
                MemberKind::Texts(items, max) => {
                    json!({ "type": "array", "maxItems": items, "items": { "type": "string", "maxLength": max } })
                }
                MemberKind::Bool => json!({ "type": "boolean" }),
            };
            (member.name.to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn object(properties: &[(&str, &str)]) -> Value {
    let properties: Map<String, Value> = properties
        .iter()
        .map(|(name, kind)| {
            let schema = match kind.strip_prefix('#') {
                Some(list) if list.starts_with('*') => {
                    json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{}", list.trim_start_matches('*')) } })
                }
                Some(reference) => json!({ "$ref": format!("#/components/schemas/{reference}") }),
                None => json!({ "type": kind }),
            };
            ((*name).to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "properties": properties })
}

/// Schemas that follow from no table of the service.
fn fixed() -> impl Iterator<Item = (&'static str, Value)> {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let mut problem = object(&[
        ("type", "string"),
        ("status", "integer"),
        ("title", "string"),
        ("detail", "string"),
        ("errors", "array"),
    ]);
    problem["properties"]["code"] = json!({ "type": "string", "enum": codes });
    let bare = [
        ("Problem", problem),
        ("OpenApi", json!({ "type": "object" })),
        ("Text", json!({ "type": "string" })),
        ("Page", json!({ "type": "string" })),
        ("Proof", json!({ "type": "string" })),
        ("Bundle", json!({ "type": "string", "contentEncoding": "binary" })),
        ("Bytes", json!({ "type": "string", "contentEncoding": "binary" })),
    ];
    SHAPES.iter().map(|(name, members)| (*name, object(members))).chain(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_has_its_schema() {
        let document = document();
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(document["components"]["schemas"].get(&name).is_some(), "{name}");
        }
    }
}
