//! What the system records about its own use: every read, every change, every refusal, its starts and stops.

use crate::service::{EVENTS, ask, get, key, login, refused, search_in, start, text, wait_for, with};
use indelible_testkit::Server;
use serde_json::{Value, json};

/// Own events of a code, once there are so many.
#[track_caller]
fn own(server: &Server, org: &str, code: &str, count: usize) -> Vec<Value> {
    wait_for(&format!("{count} events {code} in {org}"), || {
        let found = search_in(server, org, &format!("catalog:indelible code:{code}"));
        assert!(found.len() <= count, "{code}: {found:#?}");
        (found.len() == count).then_some(found)
    })
}

fn check_search(event: &Value, key_id: &str) {
    assert_eq!(event["actor"]["id"], key_id);
    assert_eq!(event["actor"]["name"], "auditor");
    assert_eq!(event["origin"]["address"], "127.0.0.1");
    assert_eq!(event["trace"]["request_id"], "req-77");
    assert!(text(&event["params"]["query"]).starts_with("actor:user-1 since:20"), "{event}");
    assert_eq!(
        event["params"]["rows"].as_i64().or(event["params"]["rows"].as_str().and_then(|n| n.parse().ok())),
        Some(1),
        "{event}"
    );
    assert_eq!(event.get("flags"), None, "our own events fit their types: {event}");
}

#[test]
fn reading_is_on_record() {
    let server = start();
    let id = text(&server.send(&login(1)).expect(201)["receipt"]["id"]).to_owned();
    let (reader, key_id) = key(&server, "default", &json!({ "kind": "rd", "label": "auditor" }));
    let by_reader = |code: &str, count: usize| {
        wait_for(&format!("{count} {code}"), || {
            let query = format!("catalog:indelible code:{code} actor.id:{key_id}");
            let found = search_in(&server, "default", &query);
            assert!(found.len() <= count, "{code}: {found:#?}");
            (found.len() == count).then_some(found)
        })
    };
    let read = |path: &str, headers: &[(&str, &str)]| {
        let token = format!("Bearer {reader}");
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", token.as_str())]).collect();
        server.bare("GET", path, &headers, &[]).unwrap()
    };
    let answer = read(&format!("{EVENTS}?q=actor:user-1&since=-1d"), &[("request-id", "req-77")]);
    assert_eq!((answer.status, answer.header("request-id")), (200, Some("req-77")));
    let searches = by_reader("EVENT.SEARCH", 1);
    check_search(&searches[0], &key_id);

    // The same again within minutes adds nothing, another window does; each stream does.
    read(&format!("{EVENTS}?q=actor:user-1&since=-2d"), &[]);
    read(&format!("{EVENTS}?q=actor:user-1"), &[]);
    read(&format!("{EVENTS}?q=actor:user-1&limit=7"), &[]);
    by_reader("EVENT.SEARCH", 3);
    read(&format!("{EVENTS}?q=actor:user-1"), &[("accept", "application/x-ndjson")]);
    by_reader("EVENT.SEARCH", 4);
    let long = ask(&server, &reader, ("POST", &format!("{EVENTS}/search")), &json!({ "q": "code:x" }));
    assert_eq!(long.status, 200);
    by_reader("EVENT.SEARCH", 5);

    assert_eq!(read(&format!("{EVENTS}/{id}"), &[]).status, 200);
    let reads = by_reader("EVENT.READ", 1);
    assert_eq!(reads[0]["targets"][0]["id"], id.as_str());
    read("/api/v1/orgs/default/log/0", &[]);
    by_reader("EVENT.READ", 2);
    // A proof discloses the event.
    assert_eq!(read(&format!("{EVENTS}/{id}/proof?wait=30"), &[]).status, 200);
    by_reader("EVENT.READ", 3);

    // Wherever the feed is entered.
    assert_eq!(read("/api/v1/orgs/default/feed?from=1&q=code:x", &[]).status, 200);
    let follows = by_reader("EVENT.FOLLOW", 1);
    assert_eq!(follows[0]["params"]["query"], "code:x");
    read("/api/v1/orgs/default/feed?from=0", &[]);
    by_reader("EVENT.FOLLOW", 2);

    // What is refused reads nothing; what is public knowledge is not recorded.
    let before = server.get("/api/v1/orgs/default").expect(200)["size"].clone();
    for path in [
        "/log/default/checkpoint",
        "/api/v1/orgs/default/log",
        "/api/v1/catalogs",
        "/api/v1/orgs/default/producers",
    ] {
        assert_eq!(read(path, &[]).status, 200, "{path}");
    }
    refused(&read(&format!("{EVENTS}?q=actr:x"), &[]), 400, "query_invalid");
    refused(&read(&format!("{EVENTS}/01a20139-5e96-7ef6-9b47-3cc68e68054e"), &[]), 404, "not_found");
    assert_eq!(server.get("/api/v1/orgs/default").expect(200)["size"], before);
}

#[test]
fn changes_are_on_record_with_before_and_after() {
    let server = start();
    server.post("/api/v1/orgs", &json!({ "id": "acme" })).expect(201);
    let created = own(&server, "system", "ORGANIZATION.CREATE", 1);
    assert_eq!(created[0]["targets"][0]["id"], "acme");
    let founder = own(&server, "system", "KEY.CREATE", 1);
    let administrator = text(&created[0]["actor"]["id"]).to_owned();
    assert_eq!(founder[0]["targets"][0]["id"], administrator.as_str(), "the first key is on record too");

    let (token, id) = key(&server, "acme", &json!({ "kind": "ad" }));
    let made = own(&server, "acme", "KEY.CREATE", 1);
    assert_eq!((&made[0]["targets"][0]["id"], &made[0]["actor"]["id"]), (&json!(id), &json!(administrator)));
    let change = json!({ "public": true, "policy": { "netop": { "late": "quarantine" } } });
    ask(&server, &token, ("PATCH", "/api/v1/orgs/acme"), &change).expect(200);
    let changed = own(&server, "acme", "CONFIG.UPDATE", 1);
    assert_eq!(changed[0]["actor"]["id"], id.as_str());
    assert_eq!(
        changed[0]["changes"],
        json!([
            { "path": "public", "old": "false", "new": "true" },
            { "path": "policy", "old": "{}", "new": "{\"netop\":{\"late\":\"quarantine\"}}" },
        ])
    );
    ask(&server, &server.token, ("DELETE", &format!("/api/v1/orgs/acme/keys/{id}")), &Value::Null)
        .expect(200);
    let revoked = own(&server, "acme", "KEY.REVOKE", 1);
    assert_eq!(revoked[0]["targets"][0]["id"], id.as_str());
    server.post("/api/v1/orgs/acme/log-keys", &json!({ "step": "announce" })).expect(200);
    own(&server, "acme", "LOG_KEY.ANNOUNCE", 1);
    server.post("/api/v1/orgs/acme/log-keys", &json!({ "step": "retire" })).expect(200);
    own(&server, "acme", "LOG_KEY.RETIRE", 1);

    for org in ["system", "acme", "default"] {
        for event in search_in(&server, org, "catalog:indelible") {
            assert_eq!(event.get("flags"), None, "our own events fit their types: {event}");
            assert_eq!(event["type_from"], "type", "{event}");
            assert_eq!(event["outcome"], "success", "{event}");
        }
    }
    // Our own numbers have no holes either.
    let producers = server.get("/api/v1/orgs/acme/producers").expect(200);
    for producer in producers["items"].as_array().unwrap() {
        assert_eq!(producer["gap_count"], 0, "{producer}");
    }
}

#[test]
fn refusals_starts_and_stops_are_on_record() {
    let server = start();
    let (sender, key_id) = key(&server, "default", &json!({ "kind": "in", "producer": "probe" }));
    for _ in 0..3 {
        assert_eq!(
            ask(&server, &sender, ("POST", EVENTS), &with(login(1), &json!({ "severity": "low" }))).status,
            400
        );
    }
    assert_eq!(
        ask(&server, &sender, ("POST", EVENTS), &with(login(1), &json!({ "catalog": "none" }))).status,
        422
    );
    let skipped = r#"{"event":"request_started","level":"info","timestamp":"2026-11-21T23:22:06"}"#;
    let path = format!("{EVENTS}?format=openkat&zone=UTC");
    let skipped = server.request("POST", &path, &[("content-type", "application/json")], skipped.as_bytes());
    assert_eq!(skipped.expect(200)["counts"]["skipped"], 1);
    assert_eq!(get(&server, &sender, EVENTS).status, 403);

    let server = server.stop().start();
    let rejected = own(&server, "default", "INTAKE.REJECT", 1);
    assert_eq!(rejected[0]["params"]["producer"], "probe");
    assert_eq!(rejected[0]["params"]["findings"], json!(["member_unknown 3", "catalog_unknown 1"]));
    assert!(rejected[0]["params"]["count"] == 4 || rejected[0]["params"]["count"] == "4", "{}", rejected[0]);
    let skips = own(&server, "default", "INTAKE.SKIP", 1);
    assert_eq!(skips[0]["params"]["rule"], "openkat/openkat-request 1");
    assert_ne!(skips[0]["params"]["producer"], json!(key_id));
    own(&server, "system", "SYSTEM.START", 2);
    let stops = own(&server, "system", "SYSTEM.STOP", 1);
    assert_eq!(stops[0]["actor"], json!({ "id": "indelible", "kind": "system" }));
    let runs: Vec<Value> = own(&server, "system", "SYSTEM.START", 2)
        .iter()
        .map(|start| start["producer"]["instance"].clone())
        .collect();
    assert_ne!(runs[0], runs[1], "each run numbers for itself");
    for event in search_in(&server, "default", "catalog:indelible") {
        assert_eq!(event.get("flags"), None, "our own events fit their types: {event}");
    }
    assert_eq!(server.get("/api/v1/orgs/default/events?q=catalog:indelible").status, 200);
}
