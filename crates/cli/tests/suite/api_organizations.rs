//! Organizations: a log of its own each, public or not, and the rotation of its signing key.

use crate::service::{ask, get, key, login, refused, start, text, wait_for};
use indelible_testkit::Server;
use indelible_tlog::note::Note;
use indelible_tlog::vkey::VerifierKey;
use serde_json::{Value, json};

fn about(server: &Server, org: &str) -> Value {
    server.get(&format!("/api/v1/orgs/{org}/log")).expect(200)
}

fn verifier(key: &Value) -> VerifierKey {
    text(&key["vkey"]).parse().unwrap()
}

fn signed_by(note: &str, key: &VerifierKey) -> bool {
    let note = Note::parse(note.as_bytes()).unwrap();
    note.verify(std::slice::from_ref(key)).is_ok_and(|signatures| !signatures.is_empty())
}

/// The newest checkpoint once it covers everything.
fn checkpoint(server: &Server, org: &str) -> String {
    wait_for("a checkpoint", || {
        let log = about(server, org);
        (log["size"] == log["checkpoint"]["size"]).then(|| text(&log["checkpoint"]["note"]).to_owned())
    })
}

#[test]
fn each_organization_has_a_log_of_its_own() {
    let server = start();
    let made = server.post("/api/v1/orgs", &json!({ "id": "acme", "title": "Acme B.V." }));
    assert_eq!(made.header("location"), Some("/api/v1/orgs/acme"));
    let made = made.expect(201);
    assert_eq!(
        (&made["title"], &made["public"], &made["catalogs"]),
        (&json!("Acme B.V."), &json!(false), &json!("all"))
    );
    let origins: Vec<Value> =
        ["default", "system", "acme"].map(|org| about(&server, org)["origin"].clone()).into();
    assert!(origins[0] != origins[2] && origins[1] != origins[2]);
    assert!(text(&origins[2]).contains(".invalid/log/"), "{origins:?}");

    let path = "/api/v1/orgs/acme/events";
    let first = server.post(path, &login(1)).expect(201);
    assert_eq!((&first["receipt"]["log"], &first["receipt"]["index"]), (&json!("acme"), &json!(0)));
    assert_eq!(server.send(&login(1)).expect(201)["receipt"]["index"], 0, "indexes count per log");
    let id = text(&first["receipt"]["id"]);
    refused(&server.get(&format!("/api/v1/orgs/default/events/{id}")), 404, "not_found");
    assert_eq!(server.get(&format!("{path}/{id}")).status, 200);
    assert!(text(&about(&server, "acme")["tiles"]).ends_with("/log/acme"));
    assert!(text(&about(&server, "acme")["tiles"]).starts_with(&server.url));

    refused(&server.post("/api/v1/orgs", &json!({ "id": "acme" })), 409, "already_exists");
    for bad in ["", "Acme", "a b", "../x", &"x".repeat(65), "all", "self"] {
        refused(&server.post("/api/v1/orgs", &json!({ "id": bad })), 400, "request_malformed");
    }
    refused(
        &server.post("/api/v1/orgs", &json!({ "id": "beta", "catalogs": ["nepto"] })),
        422,
        "catalog_unknown",
    );
    refused(&server.post("/api/v1/orgs", &json!({ "id": "beta", "titel": "x" })), 400, "member_unknown");
    refused(&server.get("/api/v1/orgs/beta"), 404, "not_found");
    let listed = server.get("/api/v1/orgs").expect(200);
    let names: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|org| text(&org["id"])).collect();
    assert_eq!(names, ["acme", "default", "system"]);
}

#[test]
fn a_public_log_needs_no_key() {
    let server = start();
    server.send(&login(1)).expect(201);
    checkpoint(&server, "default");
    let paths =
        ["/log/default/checkpoint", "/log/default/tile/0/000.p/1", "/log/default/tile/entries/000.p/1"];
    for path in paths {
        refused(&get(&server, "", path), 401, "credential_missing");
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    ask(&server, &server.token, ("PATCH", "/api/v1/orgs/default"), &json!({ "public": true })).expect(200);
    for path in paths {
        assert_eq!(get(&server, "", path).status, 200, "{path}");
    }
    let tile = get(&server, "", paths[1]);
    assert_eq!(tile.body.len(), 32);
    assert!(tile.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(get(&server, "", paths[2]).body.len(), 2 + 80, "an entry is its length and its leaf");
    refused(&get(&server, "", "/api/v1/orgs/default/log/0"), 401, "credential_missing");
    refused(&get(&server, "", "/log/system/checkpoint"), 401, "credential_missing");
    for missing in ["/log/default/tile/0/001", "/log/default/tile/9/x", "/log/default/tile/0/000.p/200"] {
        refused(&get(&server, "", missing), 404, "not_found");
    }
    let (writer, _) = key(&server, "default", &json!({ "kind": "in" }));
    refused(&get(&server, &writer, "/api/v1/orgs/default/log"), 403, "permission_missing");
    ask(&server, &server.token, ("PATCH", "/api/v1/orgs/default"), &json!({ "public": false })).expect(200);
    refused(&get(&server, "", paths[0]), 401, "credential_missing");
}

#[test]
fn the_signing_key_is_rotated_in_steps() {
    let server = start();
    server.send(&login(1)).expect(201);
    let step = |step: &str| server.post("/api/v1/orgs/default/log-keys", &json!({ "step": step }));
    let old = verifier(&about(&server, "default")["keys"][0]);
    assert!(signed_by(&checkpoint(&server, "default"), &old));
    assert!(step("retire").status >= 400, "there is nothing to retire yet");

    let announced = step("announce").expect(200);
    let keys = announced["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 2, "{announced}");
    let states: Vec<&str> = keys.iter().map(|key| text(&key["state"])).collect();
    let new =
        verifier(keys.iter().find(|key| key["state"] == "active").unwrap_or_else(|| panic!("{states:?}")));
    assert_ne!(new, old);
    server.send(&login(2)).expect(201);
    let both = wait_for("a checkpoint with both keys", || {
        Some(checkpoint(&server, "default")).filter(|note| signed_by(note, &new))
    });
    assert!(signed_by(&both, &old), "readers that know only the old key go on");

    let retired = step("retire").expect(200);
    let active: Vec<&Value> =
        retired["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "active").collect();
    assert_eq!(active.len(), 1);
    server.send(&login(3)).expect(201);
    let alone = wait_for("a checkpoint with the new key alone", || {
        Some(checkpoint(&server, "default")).filter(|note| !signed_by(note, &old))
    });
    assert!(signed_by(&alone, &new));
    refused(&step("rotate"), 400, "request_malformed");

    let server = server.stop().start();
    assert!(signed_by(&checkpoint(&server, "default"), &new), "also after a restart");
}
