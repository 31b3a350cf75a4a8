//! Ways around the table: forged forms, fixed sessions, cursors and ids of others, and organizations named twice.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::node::{Browser, MINUTE, Node, PHRASE, text};

#[test]
fn forms_of_others_do_nothing() {
    let node = Node::start();
    let (_, mut owner) = node.person("olga", "owner", "all");
    let (_, ann) = node.person("ann", "analyst", "default");
    let invite = [("name", "Eve"), ("email", "eve@example.org"), ("role", "owner")];
    let foreign = ann.csrf();
    for token in ["", "0", foreign.as_str()] {
        let form: Vec<(&str, &str)> = invite.iter().copied().chain([("csrf", token)]).collect();
        assert_eq!(owner.send("/o/default/people", &form).status, 403, "{token}");
    }
    let csrf = owner.csrf();
    let body = format!("csrf={csrf}&name=Eve&email=eve%40example.org&role=owner");
    let plain = ("content-type", "application/x-www-form-urlencoded");
    for origin in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "null")],
        vec![("origin", "https://evil.example")],
        vec![],
    ] {
        let headers: Vec<(&str, &str)> =
            origin.iter().copied().chain([("cookie", owner.cookie.as_str()), plain]).collect();
        assert_eq!(node.ask("POST", "/o/default/people", &headers, &body).status, 403, "{origin:?}");
    }
    assert!(!owner.page("/o/default/people").contains("eve@example.org"));
    assert_eq!(owner.form("/o/default/people", &invite).status, 303, "and with the right one");
    assert!(owner.page("/o/default/people").contains("eve@example.org"));
}

#[test]
fn a_session_that_was_known_before_is_worth_nothing() {
    let node = Node::start();
    let (_, browser) = node.person("ann", "analyst", "default");
    node.pass(MINUTE);
    // One that somebody else has chosen is not taken over.
    let chosen = format!("indelible_session={}", "a".repeat(64));
    let mut victim = Browser { cookie: chosen.clone(), ..browser.clone() };
    assert_eq!(victim.enter("ann@example.org", PHRASE).status, 303);
    assert_ne!(victim.cookie, chosen);
    let eve = Browser { cookie: chosen, ..browser.clone() };
    assert_eq!(eve.get("/me").status, 303);
    // One that was open in this browser ends when somebody logs in anew.
    let before = victim.cookie.clone();
    assert_eq!(victim.enter("ann@example.org", PHRASE).status, 303);
    assert_ne!(victim.cookie, before);
    assert_eq!(Browser { cookie: before, ..victim.clone() }.get("/me").status, 303);
    assert_eq!(victim.get("/me").status, 200);
}

#[test]
fn cursors_and_ids_are_of_their_organization() {
    let node = Node::start();
    node.admin("POST", "/api/v1/orgs", &json!({ "id": "acme" }), 201);
    for (org, count) in [("default", 3), ("acme", 3)] {
        for at in 0..count {
            let event = json!({
                "catalog": "openkat", "code": "091111", "occurred_at": format!("2026-11-21T23:18:0{at}Z"),
                "actor": { "id": format!("secret-of-{org}"), "kind": "user" },
            });
            node.admin("POST", &format!("/api/v1/orgs/{org}/events"), &event, 201);
        }
    }
    let (_, mut ann) = node.person("ann", "analyst", "default");
    let (_, mut both) = node.person("both", "analyst", "all");
    let (own, wide) = (ann.own_key(), both.own_key());
    let page = |key: &str, org: &str, cursor: &str| {
        let path = format!("/api/v1/orgs/{org}/events?q=&since=&limit=1{cursor}");
        node.api(key, "GET", &path, &Value::Null)
    };
    let next = text(&page(&wide, "acme", "").json()["next_cursor"]);
    let next = format!("&cursor={}", next.replace('+', "%2B").replace('=', "%3D").replace('/', "%2F"));
    assert_eq!(page(&wide, "acme", &next).status, 200);
    for key in [&own, &wide] {
        let answer = page(key, "default", &next);
        assert_eq!((answer.status, answer.code().as_str()), (400, "cursor_mismatch"), "{}", answer.body);
    }
    assert_eq!(page(&own, "acme", &next).status, 404);
    let there = text(&page(&wide, "acme", "").json()["items"][0]["id"]);
    for path in ["/api/v1/orgs/default/events/", "/o/default/e/"] {
        let answer = match path.strip_prefix("/api") {
            Some(_) => node.api(&own, "GET", &format!("{path}{there}"), &Value::Null),
            None => ann.get(&format!("{path}{there}")),
        };
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(!answer.body.contains("secret-of-acme"));
    }
}

/// Status and body of a request whose first line and headers are sent as they stand.
fn raw(node: &Node, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(node.url.trim_start_matches("http://")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), answer)
}

#[test]
fn an_organization_is_named_by_the_path_alone() {
    let node = Node::start();
    node.admin("POST", "/api/v1/orgs", &json!({ "id": "acme" }), 201);
    let event = json!({
        "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z",
        "actor": { "id": "secret-of-acme", "kind": "user" },
    });
    node.admin("POST", "/api/v1/orgs/acme/events", &event, 201);
    let (_, mut ann) = node.person("ann", "owner", "default");
    let key = ann.own_key();
    let foreign = node.admin("POST", "/api/v1/orgs/acme/keys", &json!({ "kind": "rd" }), 201);
    let host = node.url.trim_start_matches("http://").to_owned();
    let get = |path: &str, more: &str| {
        let line = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        raw(&node, &format!("{line}authorization: Bearer {key}\r\n{more}\r\n"))
    };
    let paths = [
        "/api/v1/orgs/acme/events?since=",
        "//api/v1/orgs/acme/events?since=",
        "/api/v1//orgs/acme/events?since=",
        "/api/v1/orgs//acme/events?since=",
        "/api/v1/orgs/default/../acme/events?since=",
        "/api/v1/orgs/default/%2e%2e/acme/events?since=",
        "/api/v1/orgs/default%2f..%2facme/events?since=",
        "/api/v1/orgs/default%00acme/events?since=",
        "/api/v1/orgs/%61cme/events?since=",
        "/api/v1/orgs/ACME/events?since=",
        "/api/v1/orgs/acme%20/events?since=",
        "/api/v1/orgs/all/events?since=",
        "/api/v1/orgs/default/events?since=&org=acme",
        "/api/v1/orgs/default/events?since=&q=org:acme",
        "/api/v1/orgs/default;acme/events?since=",
        "/log/acme/checkpoint",
        "/log/default/../acme/checkpoint",
    ];
    for path in paths {
        let (status, body) = get(path, "");
        assert!(!body.contains("secret-of-acme") && !body.contains("acme.invalid"), "{path}: {body}");
        assert!(status != 200 || path.contains("q=org"), "{path}: {status} {body}");
    }
    for header in [
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: acme",
        "x-forwarded-prefix: /api/v1/orgs/acme",
        "x-original-url: /api/v1/orgs/acme/events",
        "x-rewrite-url: /api/v1/orgs/acme/events",
        "x-organization: acme",
        "x-http-method-override: DELETE",
        "x-scope-orgid: acme",
    ] {
        let (status, body) =
            get("/api/v1/orgs/self/events?since=&q=-catalog:indelible", &format!("{header}\r\n"));
        assert_eq!(status, 200, "{header}: {body}");
        assert!(!body.contains("secret-of-acme"), "{header}");
    }
    // A second credential is no second chance: one decides, and it is the first.
    let second = format!("authorization: Bearer {}\r\n", text(&foreign["token"]));
    let (status, body) = get("/api/v1/orgs/acme/events?since=", &second);
    assert!(status != 200 && !body.contains("secret-of-acme"), "{status} {body}");
    let cookies = format!("cookie: {}\r\n", ann.cookie);
    let line = format!("GET /api/v1/orgs/default/events HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    assert_eq!(raw(&node, &format!("{line}{cookies}\r\n")).0, 401, "the API reads no cookie");
    for path in
        ["/o/acme", "//o/acme", "/o/%61cme", "/o/default/../acme", "/o/default%2f..%2facme", "/o/acme/people"]
    {
        let line = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        let (status, body) = raw(&node, &format!("{line}{cookies}x-forwarded-host: acme\r\n\r\n"));
        assert!(status == 404 && !body.contains("secret-of-acme"), "{path}: {status} {body}");
    }
}
