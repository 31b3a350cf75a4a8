//! Every endpoint with every kind of key, from the server's own description: who may, who may not, who may not even
//! know. And every problem's page.

use crate::service::{ask, get, key, login, start, text};
use indelible_testkit::Server;
use serde_json::{Value, json};

/// Kinds of keys that have a permission, as the table of permissions says.
fn kinds(permission: &str) -> &'static [&'static str] {
    match permission {
        "ingest.write" => &["in", "ad"],
        "catalog.read" => &["in", "rd", "ad"],
        "events.read" => &["vw", "rd", "ad"],
        "events.survey" | "viewer.issue" | "log.read" | "org.read" | "cursor.write" | "view.write" => {
            &["rd", "ad"]
        }
        "events.release" | "org.admin" | "key.read" | "key.admin" | "person.read" | "person.admin"
        | "node.admin" => &["ad"],
        other => panic!("a new permission: {other}"),
    }
}

/// A path of the description with something that exists in each place.
fn filled(path: &str, event: &str) -> String {
    path.replace("{org}", "default")
        .replace("{id}", event)
        .replace("{index}", "0")
        .replace("{name}", "probe")
        .replace("{catalog}", "openkat")
        .replace("{code}", if path.starts_with("/docs") { "not_found" } else { "091111" })
        .replace("{path}", "0/000.p/1")
}

/// What a caller of this kind is answered with: allowed, forbidden or hidden.
fn expected(path: &str, operation: &Value, kind: &str, foreign: bool) -> &'static str {
    let Some(permission) = operation["x-permission"].as_str() else { return "allowed" };
    if kind.is_empty() {
        return "unknown";
    }
    let in_organization = path.contains("{org}");
    if foreign && in_organization {
        return "hidden";
    }
    // What concerns the node needs a key of every organization; lists show what the key may see.
    let of_any_scope = ["catalog.read", "person.read", "person.admin"].contains(&permission);
    let node_wide =
        permission == "node.admin" || (!in_organization && !of_any_scope && path != "/api/v1/orgs");
    let granted = kinds(permission).contains(&kind) && !node_wide;
    // Nobody is there to be seen.
    if granted && path.starts_with("/api/v1/people/") {
        return "hidden";
    }
    if granted { "allowed" } else { "forbidden" }
}

fn class(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (401, "credential_missing") => "unknown",
        (403, "permission_missing") => "forbidden",
        (404, "not_found") => "hidden",
        // Let in, and told that the build does not have it.
        (501, "not_supported") => "allowed",
        (500.., _) => "broken",
        _ => "allowed",
    }
}

fn operations(server: &Server) -> Vec<(String, String, Value)> {
    let document = get(server, "", "/api/v1/openapi.json").expect(200);
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    assert!(found.len() > 30);
    found
}

#[test]
fn every_endpoint_with_every_kind_of_key() {
    let server = start();
    server.post("/api/v1/orgs", &json!({ "id": "acme" })).expect(201);
    let stored =
        server.send(&crate::service::with(login(1), &json!({ "producer": { "name": "probe" } }))).expect(201);
    let event = text(&stored["receipt"]["id"]).to_owned();
    assert_eq!(server.get(&format!("/api/v1/orgs/default/events/{event}/proof?wait=30")).status, 200);
    let made = server.request(
        "PUT",
        "/api/v1/orgs/default/cursors/probe",
        &[("if-none-match", "*"), ("content-type", "application/json")],
        b"{\"index\":0}",
    );
    assert_eq!(made.status, 200);
    let view = json!({ "name": "everybody's", "team": true });
    let view = server.post("/api/v1/orgs/default/views", &view).expect(201);
    let view = format!("/views/{}", text(&view["id"]));
    let file = server.setup().dir().join("out").display().to_string();
    for (kind, settings) in [
        ("sources", json!({ "from": { "syslog": { "listen": "127.0.0.1:0" } } })),
        ("routes", json!({ "to": { "file": { "path": file } } })),
    ] {
        let path = format!("/api/v1/orgs/default/{kind}/{event}");
        ask(&server, &server.token, ("PUT", &path), &settings).expect(201);
    }
    let of = |org: &str, kind: &str| key(&server, org, &json!({ "kind": kind })).0;
    let callers = [
        ("no key", String::new(), "", false),
        ("in", of("default", "in"), "in", false),
        ("rd", of("default", "rd"), "rd", false),
        ("ad", of("default", "ad"), "ad", false),
        ("in of another organization", of("acme", "in"), "in", true),
        ("rd of another organization", of("acme", "rd"), "rd", true),
        ("ad of another organization", of("acme", "ad"), "ad", true),
    ];
    for (method, path, operation) in operations(&server) {
        for (name, token, kind, foreign) in &callers {
            // An empty object is refused by whoever takes a body, after the caller was let in.
            let body =
                if ["POST", "PUT", "PATCH"].contains(&method.as_str()) { json!({}) } else { Value::Null };
            let deleting = method == "DELETE";
            let target = if deleting { filled(&path, "0000000000") } else { filled(&path, &event) };
            let target = target.replace(&format!("/views/{event}"), &view);
            let answer = ask(&server, token, (&method, &target), &body);
            let code = serde_json::from_slice::<Value>(&answer.body)
                .ok()
                .and_then(|body| Some(body["code"].as_str()?.to_owned()));
            let mut got = class(answer.status, code.as_deref().unwrap_or(""));
            let expected = expected(&path, &operation, kind, *foreign);
            if deleting && expected == "allowed" && answer.status == 404 {
                got = "allowed";
            }
            assert_eq!(got, expected, "{method} {target} with {name}: {}", answer.text());
            if answer.status >= 400 {
                assert_eq!(
                    answer.header("content-type"),
                    Some("application/problem+json"),
                    "{method} {target}"
                );
            }
            assert!(answer.header("request-id").is_some());
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            // A person's id is repeated to whoever asks for it.
            if expected == "hidden" && !path.starts_with("/api/v1/people/") {
                assert!(!answer.text().contains(&event), "{method} {target} with {name}");
            }
        }
    }
}

#[test]
fn methods_pages_and_what_does_not_exist() {
    let server = start();
    for (method, path, _) in operations(&server) {
        let target = filled(&path, "01a20139-5e96-7ef6-9b47-3cc68e68054e");
        let options = ask(&server, "", ("OPTIONS", &target), &Value::Null);
        assert_eq!(options.status, 204, "{target}");
        assert!(
            options.header("allow").unwrap().contains(&method),
            "{target}: {:?}",
            options.header("allow")
        );
        crate::service::refused(
            &ask(&server, &server.token, ("TRACE", &target), &Value::Null),
            405,
            "method_not_allowed",
        );
        if method == "GET" && !path.ends_with("/feed") {
            let (head, body) =
                (ask(&server, &server.token, ("HEAD", &target), &Value::Null), server.get(&target));
            assert_eq!((head.status, head.body.len()), (body.status, 0), "{target}");
        }
    }
    crate::service::refused(&server.get("/api/v1/nothing"), 404, "not_found");
    crate::service::refused(&server.get("/nothing"), 404, "not_found");
    let document = get(&server, "", "/api/v1/openapi.json").expect(200);
    let text = document.to_string();
    let codes = document.pointer("/components/schemas/Problem/properties/code/enum").unwrap_or(&Value::Null);
    let mut names: Vec<String> = crate::service::texts(codes).into_iter().map(str::to_owned).collect();
    assert!(names.len() > 20, "the description lists the codes: {codes}");
    names.extend(
        ["code_unknown", "param_undeclared", "time_without_zone", "secret_suspected"].map(str::to_owned),
    );
    for name in names {
        let page = get(&server, "", &format!("/docs/errors/{name}"));
        assert_eq!(page.status, 200, "{name}");
        assert!(page.text().starts_with(&format!("# {name}\n")), "{name}");
        assert!(page.header("content-type").unwrap().starts_with("text/markdown"));
    }
    assert!(text.len() > 10_000);
    crate::service::refused(&get(&server, "", "/docs/errors/no_such_code"), 404, "not_found");
    crate::service::refused(&get(&server, "", "/docs/errors/..%2f..%2fCargo"), 404, "not_found");
}
