//! Every event type of the three products, from a generated event to a proof over its leaf; and events that are wrong
//! in one way, each answered with the place, the rule and the remedy.

use indelible_catalog::catalog::Catalog;
use indelible_catalog::event_type::{EventType, ParamType};
use indelible_catalog::word::{Crude, Empty};
use indelible_formats::json_out;
use indelible_testkit::{Server, Setup, examples, proof, whole_log};
use serde_json::{Value, json};

/// The catalogs and how many event types each has.
const CATALOGS: [(&str, usize); 3] = [("sanernow", 283), ("netop", 110), ("openkat", 59)];
/// Members of an event that a server fills in.
const FILLED_IN: [&str; 19] = [
    "id",
    "organization",
    "index",
    "received_at",
    "title",
    "sentence",
    "leaf",
    "catalog_version",
    "type_from",
    "group",
    "entity",
    "action",
    "crude",
    "outcome",
    "routing",
    "severity",
    "retention",
    "categories",
    "producer",
];

fn start() -> Server {
    Setup::new(env!("CARGO_BIN_EXE_indelible")).start()
}

/// Whether everything that was sent is there, unchanged.
fn holds(stored: &Value, sent: &Value, path: &str) {
    match sent {
        Value::Object(members) => {
            for (name, member) in members {
                holds(&stored[name], member, &format!("{path}/{name}"));
            }
        }
        _ => assert_eq!(stored, sent, "{path}"),
    }
}

fn check_stored(stored: &Value, sent: &Value, of: &EventType) {
    holds(stored, sent, &of.code);
    for name in stored.as_object().unwrap().keys() {
        assert!(sent.get(name).is_some() || FILLED_IN.contains(&name.as_str()), "{}: {name} is new", of.code);
    }
    assert_eq!(stored["title"], of.title.as_str());
    assert_eq!(stored["entity"], of.entity.as_str());
    assert_eq!(stored["action"], of.action.as_str());
    assert_eq!(stored["type_from"], "type");
    assert_eq!(stored["crude"].as_str(), of.crude.map(Crude::as_str), "{}", of.code);
    if let Some(outcome) = of.outcome {
        assert_eq!(stored["outcome"], outcome.as_str(), "{}", of.code);
    }
    assert!(stored["outcome"].is_string(), "{}", of.code);
    assert!(stored["routing"].is_string(), "{}", of.code);
}

fn search(server: &Server, query: &str) -> Vec<Value> {
    let found = server.post("/api/v1/orgs/default/events/search", &json!({ "q": query })).expect(200);
    assert_eq!(found["complete"], true, "{query}");
    found["items"].as_array().unwrap().clone()
}

/// Sends one event of every type; gives what was sent with the receipts.
fn send_all(server: &Server, catalog: &Catalog) -> Vec<(Value, Value)> {
    let sent: Vec<Value> =
        (1..).zip(catalog.types()).map(|(n, of)| examples::event(catalog, of, n)).collect();
    let answer = server.send(&json!({ "events": sent })).expect(200);
    assert_eq!(answer["counts"]["stored"], sent.len(), "{}", answer["counts"]);
    let results = answer["results"].as_array().unwrap();
    for (event, result) in sent.iter().zip(results) {
        assert_eq!(result["status"], "stored", "{event}: {result}");
        assert_eq!(result.get("flags"), None, "{event}: {result}");
    }
    sent.into_iter().zip(results.iter().map(|result| result["receipt"].clone())).collect()
}

fn check_proof(server: &Server, keys: &[indelible_tlog::vkey::VerifierKey], sent: &Value, receipt: &Value) {
    let id = receipt["id"].as_str().unwrap();
    let file = server.get(&format!("/api/v1/orgs/default/events/{id}/proof?wait=30"));
    assert_eq!(file.status, 200, "{}", file.text());
    let proven = proof::verify(&file.body, keys).unwrap_or_else(|why| panic!("{why}: {sent}"));
    assert_eq!(Some(proven.index), receipt["index"].as_u64());
    assert_eq!(proven.leaf.id.to_string(), id);
    assert_eq!(receipt["leaf_hash"], proven.leaf_hash.to_string());
    let mut text = String::new();
    json_out::event(&mut text, &proven.event);
    holds(&serde_json::from_str(&text).unwrap(), sent, "disclosed");
}

#[test]
fn every_type_is_stored_found_exported_and_proved() {
    let server = start();
    let mut all = 0;
    let keys = proof::vkeys(&server, "default");
    for (id, count) in CATALOGS {
        let catalog = examples::catalog(id);
        assert_eq!(catalog.types().len(), count, "types of {id}");
        let sent = send_all(&server, &catalog);
        let exported = whole_log::export(&server, "default", &format!("catalog:{id}"), "index");
        assert_eq!(exported.len(), count, "exported of {id}");
        for (((sent, receipt), exported), of) in sent.iter().zip(&exported).zip(catalog.types()) {
            assert_eq!(exported["id"], receipt["id"]);
            check_stored(exported, sent, of);
            let found = search(&server, &format!("catalog:{id} code:\"{}\"", of.code));
            assert_eq!(found.len(), 1, "{id} {}", of.code);
            assert_eq!(&found[0], exported, "search and export say the same");
            check_proof(&server, &keys, sent, receipt);
            all += 1;
        }
    }
    assert_eq!(all, 452);
    whole_log::WholeLog::read(&server, "default", 452);
}

/// Sends one event and gives the answer's status and JSON.
fn send_one(server: &Server, event: &Value) -> (u16, Value) {
    let answer = server.send(event);
    (answer.status, answer.json())
}

/// The finding in an answer, whether the event was stored, set apart or refused; it names place, rule and remedy.
fn finding<'a>(answer: &'a Value, code: &str) -> &'a Value {
    let lists = [&answer["errors"], &answer["problem"]["errors"], &answer["findings"]];
    let mut findings = lists.into_iter().filter_map(Value::as_array).flatten();
    let found = findings.find(|finding| finding["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code} in {answer}"));
    assert!(found["pointer"].is_string(), "{found}");
    assert!(found["hint"].as_str().is_some_and(|hint| hint.len() > 3), "{found}");
    found
}

/// Whether what became of an event is what its one finding says.
fn assert_as_said(answer: &Value, code: &str) {
    let expected = match finding(answer, code)["level"].as_str() {
        Some("flag") => "stored",
        Some("quarantine") => "quarantined",
        other => panic!("level {other:?} in {answer}"),
    };
    assert_eq!(answer["status"], expected, "{answer}");
}

/// A value that no parameter of this kind may have.
fn wrong(kind: &ParamType) -> Option<Value> {
    match kind {
        ParamType::Json => None,
        ParamType::Text => Some(json!(5)),
        _ => Some(json!(["not", "that"])),
    }
}

/// Every third type of a catalog, and every one with parameters.
fn sample(catalog: &Catalog) -> Vec<&EventType> {
    let types = catalog.types().iter().enumerate();
    types.filter(|(at, of)| at % 29 == 0 || !of.params.is_empty()).map(|(_, of)| of).collect()
}

fn for_each_type(mut check: impl FnMut(&Server, &EventType, Value)) {
    let server = start();
    for (id, _) in CATALOGS {
        let catalog = examples::catalog(id);
        for of in sample(&catalog) {
            let event = examples::event(&catalog, of, 7);
            check(&server, of, event);
        }
    }
}

#[test]
fn an_unknown_parameter_is_kept_as_data_and_told() {
    for_each_type(|server, of, mut event| {
        event["params"]["no_such_parameter"] = json!("x");
        let (status, answer) = send_one(server, &event);
        assert_eq!((status, &answer["status"]), (201, &json!("stored")), "{answer}");
        let told = finding(&answer, "param_undeclared");
        assert_eq!(told["pointer"], "/params/no_such_parameter");
        let stored =
            server.get(&format!("/api/v1/orgs/default/log/{}", answer["receipt"]["index"])).expect(200);
        assert_eq!(stored["data"]["no_such_parameter"], "x", "{}: {stored}", of.code);
        assert_eq!(stored["params"].get("no_such_parameter"), None);
        assert_eq!(stored["flags"], json!(["param_undeclared"]));
    });
}

#[test]
fn a_parameter_of_the_wrong_type_is_told() {
    let mut checked = 0;
    for_each_type(|server, of, event| {
        for def in &of.params {
            if def.empty == Some(Empty::Always) {
                continue;
            }
            let Some(value) = wrong(&def.kind) else { continue };
            let mut event = event.clone();
            event["params"][&def.name] = value.clone();
            let (status, answer) = send_one(server, &event);
            assert_eq!((status, &answer["status"]), (201, &json!("stored")), "{answer}");
            assert_eq!(finding(&answer, "type_mismatch")["pointer"], format!("/params/{}", def.name));
            checked += 1;
        }
    });
    assert!(checked > 20, "{checked} parameters were tried");
}

#[test]
fn what_is_required_and_missing_is_told() {
    let (mut params, mut actors) = (0, 0);
    for_each_type(|server, of, event| {
        for def in of.params.iter().filter(|def| def.required) {
            let mut event = event.clone();
            event["params"].as_object_mut().unwrap().remove(&def.name);
            let (status, answer) = send_one(server, &event);
            assert_eq!(status, 201, "{answer}");
            assert_eq!(finding(&answer, "param_missing")["pointer"], format!("/params/{}", def.name));
            params += 1;
        }
        let mut nobody = event.clone();
        nobody.as_object_mut().unwrap().remove("actor");
        let (_, answer) = send_one(server, &nobody);
        if of.requires.iter().any(|part| part.as_str() == "actor") {
            assert_eq!(finding(&answer, "actor_missing")["pointer"], "/actor");
            assert_as_said(&answer, "actor_missing");
            actors += 1;
        }
        let mut timeless = event;
        timeless.as_object_mut().unwrap().remove("occurred_at");
        let (_, answer) = send_one(server, &timeless);
        assert_eq!(finding(&answer, "time_missing")["pointer"], "/occurred_at");
        assert_as_said(&answer, "time_missing");
    });
    println!("{params} parameters, {actors} actors");
    assert!(actors > 0);
}

#[test]
fn a_wrong_catalog_code_or_entity_is_told() {
    for_each_type(|server, of, event| {
        let with = |name: &str, value: &str| {
            let mut event = event.clone();
            event[name] = json!(value);
            send_one(server, &event)
        };
        let (status, answer) = with("catalog", "sanerno");
        assert_eq!((status, &answer["code"]), (422, &json!("catalog_unknown")), "{answer}");
        let told = finding(&answer, "catalog_unknown");
        assert_eq!(told["pointer"], "/catalog");
        assert!(told["suggest"].as_array().unwrap().contains(&json!("sanernow")), "{told}");

        let (_, answer) = with("entity", "NO SUCH ENTITY");
        assert_eq!(answer["status"], "stored", "{answer}");
        assert_eq!(finding(&answer, "wrong_entity")["pointer"], "/entity", "{}", of.code);

        let (_, answer) = with("code", "0800083x");
        assert_eq!(answer["status"], "quarantined", "{answer}");
        assert_eq!(finding(&answer, "code_unknown")["pointer"], "/code");
    });
}

#[test]
fn what_is_over_a_limit_is_refused_and_told() {
    for_each_type(|server, _, event| {
        let with = |pointer: &str, value: Value| {
            let mut event = event.clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            event.pointer_mut(parent).unwrap()[name] = value;
            let (status, answer) = send_one(server, &event);
            assert_eq!((status, &answer["code"]), (422, &json!("event_invalid")), "{answer}");
            let told = finding(&answer, "field_invalid");
            assert_eq!(told["pointer"], pointer, "{told}");
        };
        with("/message", json!("m".repeat(8_193)));
        with("/actor/id", json!("a".repeat(257)));
        with("/account", json!("a".repeat(129)));
        with("/targets", json!(vec![json!({ "id": "t" }); 65]));
    });
    let server = start();
    let catalog = examples::catalog("openkat");
    let mut event = examples::event(&catalog, &catalog.types()[0], 1);
    event["data"] = json!({ "much": vec!["x".repeat(1_000); 300] });
    let (status, answer) = send_one(&server, &event);
    assert_eq!((status, &answer["code"]), (413, &json!("event_too_large")), "{answer}");
    assert!(answer["errors"][0]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{answer}");
}

#[test]
fn a_secret_is_told_and_never_stored() {
    const KEY: &str = "AKIAQQ3TCBD5RRZWXY7K";
    const PASSWORD: &str = "correct-horse-battery-9";
    let mut last = 0;
    for_each_type(|server, of, mut event| {
        event["message"] = json!(format!("used the key {KEY} to log in"));
        event["data"] = json!({ "password": PASSWORD });
        let (status, answer) = send_one(server, &event);
        assert_eq!((status, &answer["status"]), (201, &json!("stored")), "{answer}");
        finding(&answer, "secret_suspected");
        assert!(!answer.to_string().contains(KEY) && !answer.to_string().contains(PASSWORD));
        last = answer["receipt"]["index"].as_u64().unwrap();
        let stored = server.get(&format!("/api/v1/orgs/default/log/{last}")).expect(200);
        assert_eq!(stored["flags"], json!(["secret_suspected"]), "{}", of.code);
        let text = stored.to_string();
        assert!(!text.contains(KEY) && !text.contains(PASSWORD), "{text}");
        assert!(stored["message"].as_str().unwrap().starts_with("used the key "), "{stored}");
    });
    assert!(last > 20);
}
