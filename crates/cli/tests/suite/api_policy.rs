//! What becomes of events with findings: masked secrets, quarantine, policies of organizations, limits of keys.

use std::path::{Path, PathBuf};

use crate::service::{
    EVENTS, ask, finding, get, key, login, refused, search, start, text, texts, time, wait_for, with,
};
use indelible_testkit::Server;
use serde_json::{Value, json};

const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
const GITHUB: &str = "ghp_0aBcDeFgHiJkLmNoPqRsTuVwXyZ012345678";
const AWS: &str = "AKIAIOSFODNN7EXAMPLE";
const PASSWORD: &str = "correct-horse-battery-42";
/// A value that nobody hides, to know that the search through the files would find one.
const VISIBLE: &str = "plainly-visible-marker";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn secrets_never_reach_the_disk() {
    let server = start();
    let event = with(
        login(1),
        &json!({
            "message": format!("{VISIBLE}: token {GITHUB} was used by {AWS}"),
            "params": { "password": PASSWORD },
            "data": { "login": { "jwt": JWT, "note": format!("the word was {PASSWORD}") } },
            "changes": [{ "path": "api_key", "old": "k3y-0123456789abcdef", "new": "k3y-fedcba9876543210" }],
            "reason": format!("Authorization: Bearer {JWT}"),
        }),
    );
    let answer = server.send(&event).expect(201);
    assert!(texts(&answer["flags"]).contains(&"secret_suspected"), "{answer}");
    let shown = server.get(&format!("{EVENTS}/{}", text(&answer["receipt"]["id"]))).expect(200);
    assert!(texts(&shown["flags"]).contains(&"secret_suspected"));
    assert_eq!(shown["data"]["password"], "[removed]");
    assert_eq!(search(&server, "flag:secret_suspected").len(), 1);

    let line = json!({
        "event_code": "091111", "event": format!("A user logged in. {VISIBLE}"), "level": "info",
        "timestamp": "2026-11-21T23:22:06", "user_id": 1, "ip": "192.0.2.1", "username": "u",
        "credentials": { "username": "u", "password": "openkat-clear-password" }, "token": GITHUB,
    });
    let foreign = server.post(&format!("{EVENTS}?format=openkat&zone=UTC"), &line).expect(200);
    assert_eq!(foreign["results"][0]["status"], "stored", "{foreign}");
    assert!(texts(&foreign["results"][0]["flags"]).contains(&"secret_suspected"), "{foreign}");

    // Refused and malformed events do not leave it anywhere either, nor do answers repeat it.
    let refused = server.send(&with(login(1), &json!({ "passwort": PASSWORD })));
    assert!(!refused.text().contains(PASSWORD));
    let data = server.data();
    let said = server.said().join("\n");
    let _folder = server.stop();
    let mut visible = 0;
    let secrets = [
        JWT,
        GITHUB,
        AWS,
        PASSWORD,
        "k3y-0123456789abcdef",
        "k3y-fedcba9876543210",
        "openkat-clear-password",
    ];
    for file in files(&data) {
        let bytes = std::fs::read(&file).unwrap();
        visible += usize::from(holds(&bytes, VISIBLE));
        for secret in secrets {
            assert!(!holds(&bytes, secret), "{} holds {secret}", file.display());
        }
    }
    assert!(visible > 0, "stored texts can be found in the files");
    for secret in secrets {
        assert!(!said.contains(secret), "the program's own log holds {secret}");
    }
}

fn policy(server: &Server, catalog: &str, finding: &str, action: &str) -> indelible_testkit::Answer {
    ask(
        server,
        &server.token,
        ("PATCH", "/api/v1/orgs/default"),
        &json!({ "policy": { catalog: { finding: action } } }),
    )
}

#[test]
fn unknown_codes_follow_the_policy_of_the_organization() {
    let server = start();
    let unknown = |user| with(login(user), &json!({ "code": "091112" }));
    let first = server.send(&unknown(1)).expect(201);
    assert_eq!(first["status"], "quarantined");
    assert_eq!(first["problem"]["code"], "event_invalid");
    assert_eq!(finding(&first)["code"], "code_unknown");
    assert_eq!(finding(&first)["level"], "quarantine");
    assert_eq!(finding(&first)["catalog_version"], "1.0.0");
    assert_eq!(search(&server, "").len(), 0, "out of normal views");
    assert_eq!(search(&server, "actor:user-1").len(), 0);
    let feed = server.get("/api/v1/orgs/default/feed?q=catalog:openkat").expect(200);
    assert_eq!(feed["items"], json!([]));
    for query in ["flag:code_unknown", "flag:quarantined", "state:quarantined"] {
        assert_eq!(search(&server, query).len(), 1, "{query}");
    }
    assert_eq!(
        server.get(&format!("{EVENTS}/{}", text(&first["receipt"]["id"]))).expect(200)["state"],
        "quarantined"
    );

    let changed = policy(&server, "openkat", "code_unknown", "reject").expect(200);
    assert_eq!(changed["policy"], json!({ "openkat": { "code_unknown": "reject" } }));
    let problem = refused(&server.send(&unknown(2)), 422, "code_unknown");
    assert_eq!(problem["detail"], "code \"091112\" is not in openkat 1.0.0");
    assert_eq!(finding(&problem)["policy"], "organization default: code_unknown = reject");
    assert_eq!(finding(&problem)["suggest"], json!(["091111"]));
    assert_eq!(finding(&problem)["pointer"], "/code");

    let milder = refused(&policy(&server, "openkat", "code_unknown", "flag"), 400, "request_malformed");
    assert!(text(&milder["detail"]).contains("may only be stricter"), "no setting without effect: {milder}");
    policy(&server, "openkat", "late", "quarantine").expect(200);
    let late = server.send(&with(login(3), &json!({ "occurred_at": time(-2 * 86_400) }))).expect(201);
    assert_eq!((&late["status"], &finding(&late)["code"]), (&json!("quarantined"), &json!("late")));

    policy(&server, "openkat", "secret_suspected", "reject").expect(200);
    let secret = refused(
        &server.send(&with(login(4), &json!({ "message": format!("is {JWT}") }))),
        422,
        "secret_suspected",
    );
    assert_eq!(finding(&secret)["pointer"], "/message");

    refused(&policy(&server, "openkta", "code_unknown", "flag"), 422, "catalog_unknown");
    let typo = refused(&policy(&server, "openkat", "code_unknow", "flag"), 400, "request_malformed");
    assert!(text(&typo["detail"]).contains("did you mean code_unknown?"), "{typo}");
    refused(&policy(&server, "openkat", "code_unknown", "drop"), 400, "request_malformed");
    refused(&policy(&server, "openkat", "sequence_conflict", "flag"), 400, "request_malformed");
    let misspelt = json!({ "polcy": {} });
    refused(
        &ask(&server, &server.token, ("PATCH", "/api/v1/orgs/default"), &misspelt),
        400,
        "member_unknown",
    );
}

#[test]
fn a_change_of_an_organization_is_whole_or_nothing() {
    let server = start();
    let patch = |change: Value| ask(&server, &server.token, ("PATCH", "/api/v1/orgs/default"), &change);
    refused(&patch(json!({ "public": true, "catalogs": ["netop", "nepto"] })), 422, "catalog_unknown");
    let unchanged = server.get("/api/v1/orgs/default").expect(200);
    assert_eq!((&unchanged["public"], &unchanged["catalogs"]), (&json!(false), &json!("all")));
    refused(&patch(json!({ "catalogs": "none" })), 400, "request_malformed");

    assert_eq!(patch(json!({ "catalogs": ["netop"] })).expect(200)["catalogs"], json!(["netop"]));
    let closed = refused(&server.send(&login(1)), 422, "catalog_unknown");
    assert_eq!(finding(&closed)["pointer"], "/catalog");
    assert_eq!(patch(json!({ "catalogs": "all" })).expect(200)["catalogs"], "all");
    assert_eq!(server.send(&login(1)).status, 201);
    let changes: Vec<Value> = wait_for("changes to be on record", || {
        let found = search(&server, "catalog:indelible code:CONFIG.UPDATE");
        (found.len() == 2).then_some(found)
    });
    assert_eq!(
        changes[0]["changes"],
        json!([{ "path": "catalogs", "old": "\"all\"", "new": "[\"netop\"]" }])
    );
}

#[test]
fn the_own_catalog_is_closed_to_the_outside() {
    let server = start();
    let forged = json!({
        "catalog": "indelible", "code": "SYSTEM.STOP", "occurred_at": time(0), "actor": { "id": "indelible", "kind": "system" },
    });
    refused(&server.send(&forged), 403, "permission_missing");
    let batch = server.send(&json!({ "events": [login(1), forged] })).expect(200);
    assert_eq!(batch["results"][1]["problem"]["code"], "permission_missing");
    for format in ["match", "openkat", "cloudtrail"] {
        let answer = server.post(&format!("{EVENTS}?format={format}"), &forged).json();
        assert_ne!(answer["results"][0]["status"], "stored", "{answer}");
    }
    let own_name = with(login(1), &json!({ "producer": { "name": "indelible" } }));
    let own_name = server.send(&own_name);
    assert!(own_name.status == 201 || own_name.status >= 400);
    assert_eq!(search(&server, "code:SYSTEM.STOP").len(), 0);
}

#[test]
fn a_key_does_what_it_is_for_and_no_more() {
    let server = start();
    server.post("/api/v1/orgs", &json!({ "id": "acme", "title": "Acme" })).expect(201);
    let (writer, _) = key(&server, "default", &json!({ "kind": "in", "producer": "probe-7" }));
    let (reader, _) = key(&server, "default", &json!({ "kind": "rd" }));
    let (foreign, _) = key(&server, "acme", &json!({ "kind": "ad" }));

    let sent = ask(&server, &writer, ("POST", EVENTS), &login(1)).expect(201);
    let path = format!("{EVENTS}/{}", text(&sent["receipt"]["id"]));
    assert_eq!(get(&server, &reader, &path).expect(200)["producer"]["name"], "probe-7");
    for reading in
        [EVENTS, &path, "/api/v1/orgs/default/feed", "/api/v1/orgs/default/log/0", &format!("{path}/proof")]
    {
        let problem = refused(&get(&server, &writer, reading), 403, "permission_missing");
        assert!(text(&problem["detail"]).contains("events.read"), "{problem}");
        refused(&get(&server, &foreign, reading), 404, "not_found");
    }
    refused(&ask(&server, &reader, ("POST", EVENTS), &login(1)), 403, "permission_missing");
    refused(&ask(&server, &foreign, ("POST", EVENTS), &login(1)), 404, "not_found");
    let nowhere = refused(&get(&server, &foreign, "/api/v1/orgs/nowhere/events"), 404, "not_found");
    let elsewhere = refused(&get(&server, &foreign, EVENTS), 404, "not_found");
    let masked = |problem: &Value, name: &str| text(&problem["detail"]).replace(name, "X");
    assert_eq!(masked(&nowhere, "nowhere"), masked(&elsewhere, "default"), "the two cannot be told apart");
    assert_eq!(get(&server, &reader, "/api/v1/orgs/self/events").status, 200);
    let visible = get(&server, &reader, "/api/v1/orgs").expect(200);
    assert_eq!(visible["items"].as_array().unwrap().len(), 1);
    refused(
        &ask(&server, &foreign, ("POST", "/api/v1/orgs"), &json!({ "id": "more" })),
        403,
        "permission_missing",
    );
    refused(
        &ask(&server, &foreign, ("POST", "/api/v1/orgs/acme/keys"), &json!({ "kind": "ad", "all": true })),
        403,
        "permission_missing",
    );
    refused(&server.post("/api/v1/orgs/default/keys", &json!({ "kind": "rw" })), 400, "request_malformed");
    refused(
        &server.post("/api/v1/orgs/default/keys", &json!({ "kind": "in", "all": true })),
        400,
        "request_malformed",
    );
    refused(
        &server.post("/api/v1/orgs/default/keys", &json!({ "kind": "in", "expires_at": "2030-01-01" })),
        400,
        "time_without_zone",
    );
}

#[test]
fn a_key_of_one_catalog_writes_and_reads_only_that() {
    let server = start();
    let (writer, _) = key(&server, "default", &json!({ "kind": "in", "catalog": "openkat" }));
    let (reader, _) = key(&server, "default", &json!({ "kind": "rd", "catalog": "netop" }));
    let mut unnamed = login(1);
    unnamed.as_object_mut().unwrap().remove("catalog");
    let taken = ask(&server, &writer, ("POST", EVENTS), &unnamed).expect(201);
    let kat = text(&taken["receipt"]["id"]).to_owned();
    let netop =
        json!({ "catalog": "netop", "code": "USER.LOGIN", "occurred_at": time(0), "actor": { "id": "n" } });
    refused(&ask(&server, &writer, ("POST", EVENTS), &netop), 422, "catalog_unknown");
    let other = server.send(&netop).expect(201)["receipt"]["index"].clone();

    let seen = |path: &str| get(&server, &reader, path).expect(200)["items"].as_array().unwrap().clone();
    for path in [
        EVENTS.to_owned(),
        format!("{EVENTS}?q=catalog:openkat+OR+catalog:netop"),
        format!("{EVENTS}?q=-code:x"),
        "/api/v1/orgs/default/feed".to_owned(),
        "/api/v1/orgs/default/feed?q=-code:x".to_owned(),
    ] {
        let items = seen(&path);
        assert!(items.iter().all(|item| item["catalog"] == "netop") && items.len() == 1, "{path}: {items:?}");
    }
    assert!(seen(&format!("{EVENTS}?q=catalog:openkat")).is_empty());
    assert!(seen(&format!("{EVENTS}?q=id:{kat}")).is_empty());
    let long = ask(&server, &reader, ("POST", &format!("{EVENTS}/search")), &json!({ "q": "actor:user-1" }))
        .expect(200);
    assert_eq!(long["items"], json!([]));
    for path in [
        format!("{EVENTS}/{kat}"),
        format!("{EVENTS}/{kat}/proof?wait=30"),
        "/api/v1/orgs/default/log/0".to_owned(),
    ] {
        refused(&get(&server, &reader, &path), 404, "not_found");
    }
    let at = format!("/api/v1/orgs/default/log/{other}");
    assert_eq!(get(&server, &reader, &at).expect(200)["catalog"], "netop");
}

#[test]
fn keys_that_are_over_open_nothing() {
    let server = start();
    let (token, id) = key(&server, "default", &json!({ "kind": "ad", "label": "for a day" }));
    assert_eq!(get(&server, &token, EVENTS).status, 200);
    let path = format!("/api/v1/orgs/default/keys/{id}");
    let revoked = ask(&server, &server.token, ("DELETE", &path), &Value::Null).expect(200);
    assert!(revoked["revoked_at"].is_string());
    let gone = get(&server, &token, EVENTS);
    refused(&gone, 401, "credential_invalid");
    assert_eq!(gone.header("www-authenticate"), Some("Bearer"));
    refused(&ask(&server, &token, ("POST", EVENTS), &login(1)), 401, "credential_invalid");

    let (short, _) = key(&server, "default", &json!({ "kind": "rd", "expires_at": time(2) }));
    let over = wait_for("a key to expire", || {
        Some(get(&server, &short, EVENTS)).filter(|answer| answer.status != 200)
    });
    refused(&over, 401, "credential_invalid");
    let past = server.post("/api/v1/orgs/default/keys", &json!({ "kind": "rd", "expires_at": time(-10) }));
    refused(&past, 400, "request_malformed");

    refused(&get(&server, "", EVENTS), 401, "credential_missing");
    let mut forged = server.token.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'a' { 'b' } else { 'a' });
    for token in [forged.as_str(), "x", "idl_ad_x_y", &server.token.replace("idl_ad", "idl_rd")] {
        refused(&get(&server, token, EVENTS), 401, "credential_invalid");
    }
    let basic = server.bare("GET", EVENTS, &[("authorization", "Basic eDp5")], &[]).unwrap();
    refused(&basic, 401, "credential_invalid");
    refused(
        &ask(&server, &server.token, ("DELETE", "/api/v1/orgs/default/keys/nosuchkey0"), &Value::Null),
        404,
        "not_found",
    );
    let listed = server.get("/api/v1/orgs/default/keys").text();
    let secret = token.rsplit('_').next().unwrap();
    assert!(listed.contains(&id) && !listed.contains(secret) && !listed.contains("token"), "{listed}");
}

/// Releases a quarantined event, as it stands when `corrected` is null.
fn release(server: &Server, id: &str, corrected: &Value) -> indelible_testkit::Answer {
    ask(server, &server.token, ("POST", &format!("{EVENTS}/{id}/release")), corrected)
}

#[test]
fn a_quarantined_event_is_released_corrected_once() {
    let server = start();
    let sent = server.send(&with(login(7), &json!({ "code": "091112", "message": "as sent" }))).expect(201);
    let id = text(&sent["receipt"]["id"]).to_owned();

    let problem = refused(&release(&server, &id, &Value::Null), 422, "code_unknown");
    assert_eq!(finding(&problem)["value"], "091112", "what still does not fit goes on waiting");
    let wrong = with(login(7), &json!({ "code": "091119" }));
    refused(&release(&server, &id, &wrong), 422, "code_unknown");
    assert_eq!(search(&server, "state:quarantined").len(), 1);

    let corrected = with(login(7), &json!({ "message": "corrected" }));
    let released = release(&server, &id, &corrected).expect(201);
    assert_eq!(released["status"], "stored");
    let again = release(&server, &id, &corrected).expect(200);
    assert_eq!(again["receipt"]["index"], released["receipt"]["index"], "a second release adds nothing");
    let found = search(&server, "actor:user-7");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["message"], "corrected");
    assert_eq!(found[0]["relates"], json!([{ "id": id, "kind": "releases" }]));
    assert_eq!(search(&server, "state:quarantined")[0]["message"], "as sent", "the log keeps what came in");

    let act = search(&server, "catalog:indelible code:EVENT.RELEASE");
    let targets: Vec<&Value> = act[0]["targets"].as_array().unwrap().iter().map(|t| &t["id"]).collect();
    assert_eq!((act.len(), targets), (1, vec![&json!(id), &released["receipt"]["id"]]));

    refused(&release(&server, text(&released["receipt"]["id"]), &Value::Null), 409, "not_quarantined");
    refused(&release(&server, "019e2a5b-9c3b-7b1c-a7f2-9f0f5f3a1f00", &Value::Null), 404, "not_found");
    let (writer, _) = key(&server, "default", &json!({ "kind": "in" }));
    let path = format!("{EVENTS}/{id}/release");
    refused(&ask(&server, &writer, ("POST", &path), &corrected), 403, "permission_missing");
}

const DOOR: &str = r#"
catalog = { id = "door", version = "1.0.0", title = "Doors" }
code = { form = "pair" }
outcome = { by = "said" }
defaults = { severity = "info", retention = "standard", on_unavailable = "spool", session = "optional" }
"#;
const CLOSE: &str =
    r#"{ entity = "DOOR", action = "CLOSE", crude = "E", outcome = "success", title = "Door closed" }"#;
const OPEN: &str = r#"{ entity = "DOOR", action = "OPEN", crude = "E", outcome = "success", title = "Door opened", params = ["badge"] }"#;

#[test]
fn an_event_is_released_as_it_stands_once_its_code_is_declared() {
    let setup = crate::service::setup();
    let folder = setup.dir().join("catalogs/door");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| crate::service::write(&folder.join(name), text);
    write("catalog.toml", DOOR);
    write("types.toml", &format!("type = [{CLOSE}]"));
    let catalogs = setup.dir().join("catalogs").display().to_string();
    let server = setup.argument("--catalogs").argument(catalogs).start();
    let event = json!({
        "catalog": "door", "code": "DOOR.OPEN", "occurred_at": time(0), "actor": { "id": "user-9" },
        "params": { "badge": "b-17" }, "data": { "note": "kept" },
    });
    let sent = server.send(&event).expect(201);
    assert_eq!(sent["status"], "quarantined", "{sent}");
    let id = text(&sent["receipt"]["id"]).to_owned();

    let setup = server.stop();
    write(
        "types.toml",
        &format!("param = [{{ name = \"badge\", class = \"public\" }}]\ntype = [{CLOSE}, {OPEN}]"),
    );
    let server = setup.start();
    let tool = server.tool(&["--json", "release", &id]).output().unwrap();
    assert!(tool.status.success(), "{}", String::from_utf8_lossy(&tool.stderr));
    let found = search(&server, "code:DOOR.OPEN");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["params"], json!({ "badge": "b-17" }));
    assert_eq!(found[0]["data"], json!({ "note": "kept" }));
    assert_eq!(found[0]["type_from"], "type");
}
