//! Starting, refusing to start, reloading, stopping: what an operator meets.

use std::process::Command;

use crate::service::{EVENTS, fetch, get, login, search, setup, start, text, wait_for, with, write};
use indelible_testkit::Server;
use serde_json::{Value, json};

/// A catalog of one's own.
const CATALOG: &str = r#"catalog = { id = "shop", version = "1.0.0", title = "Shop" }
code = { form = "pair" }
outcome = { by = "fixed" }
defaults = { severity = "info", retention = "standard" }
"#;
const TYPES: &str = r#"entity = [{ id = "ORDER", kind = "data" }]
type = [
  { entity = "ORDER", action = "PLACE", crude = "C", outcome = "success", title = "Order placed", text = "An order was placed." },
]
"#;

#[test]
fn a_restart_keeps_everything() {
    let server = start();
    let events: Vec<Value> =
        (0..50).map(|n| with(login(n), &json!({ "source_id": format!("s{n}") }))).collect();
    server.send(&json!({ "events": events })).expect(200);
    let before = search(&server, "catalog:openkat");
    let log = wait_for("a checkpoint of everything", || {
        let log = server.get("/api/v1/orgs/default/log").expect(200);
        (log["size"] == log["checkpoint"]["size"]).then_some(log)
    });
    let page = server.get(&format!("{EVENTS}?q=catalog:openkat&limit=20&at=50")).expect(200);
    let server = server.stop().start();
    assert_eq!(search(&server, "catalog:openkat"), before);
    let after = server.get("/api/v1/orgs/default/log").expect(200);
    assert_eq!((&after["origin"], &after["keys"]), (&log["origin"], &log["keys"]));
    let from = log["checkpoint"]["size"].as_u64().unwrap();
    let to = after["checkpoint"]["size"].as_u64().unwrap();
    let path = format!("/api/v1/orgs/default/consistency?from={from}&to={to}");
    assert_eq!(server.get(&path).status, 200);
    let next = format!("{EVENTS}?q=catalog:openkat&limit=20&at=50&cursor={}", text(&page["next_cursor"]));
    assert_eq!(
        server.get(&next).expect(200)["items"].as_array().unwrap().len(),
        20,
        "pages go on over a restart"
    );
    assert_eq!(server.send(&events[7]).expect(200)["status"], "duplicate", "names are remembered");
    let killed = server.kill().start();
    assert_eq!(search(&killed, "catalog:openkat"), before);
    let recovered = killed.get("/api/v1/orgs/system/events?q=code:SYSTEM.START&count=exact").expect(200);
    assert_eq!(recovered["count"]["value"], 3);
}

#[test]
fn a_folder_has_one_server() {
    let server = start();
    let (code, said) = server.setup().refused();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("another process"), "{said}");
    assert_eq!(server.send(&login(1)).status, 201, "the first one goes on");
}

#[test]
fn others_are_not_let_in_before_it_is_set_up() {
    let open = setup();
    let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
    let data = open.data();
    command.args(["serve", "--listen", "0.0.0.0:0", "--admin-listen", "127.0.0.1:0", "--data"]).arg(&data);
    command.env("XDG_STATE_HOME", open.dir().join("state")).env("HOME", open.dir());
    let refused = |command: &mut Command| {
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = refused(&mut command);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("this is the first start") && said.contains("loopback"), "{said}");
    assert!(!said.contains("idl_ad_"), "{said}");

    // A refused first start must not use up the key that is shown once.
    let server = open.clone().start();
    assert!(server.token.starts_with("idl_ad_"));
    assert_eq!(server.send(&login(1)).status, 201);
    server.stop();
    let (code, said) = refused(&mut command);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("http.behind_proxy = true"), "{said}");
}

#[test]
fn mistakes_in_settings_name_place_and_remedy() {
    let wrong = setup();
    let path = wrong.dir().join("node.toml");
    write(&path, "[http]\nlisen = \"127.0.0.1:1\"\n");
    let wrong = wrong.argument("--config").argument(path.to_str().unwrap());
    let (code, said) = wrong.refused();
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("node.toml:2: there is no setting http.lisen; did you mean http.listen?"),
        "{said}"
    );
    let (code, said) = setup().variable("INDELIBLE__INTAKE__LATE_AFTER", "soon").refused();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("INDELIBLE__INTAKE__LATE_AFTER") && said.contains("is not a duration"), "{said}");
    let (code, said) = setup().variable("INDELIBLE__NODE__MUST_EXIST", "true").refused();
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("must exist"), "{said}");
    let (code, said) = setup().argument("--catalogs").argument("/no/such/folder").refused();
    assert_ne!(code, 0);
    assert!(said.contains("/no/such/folder"), "{said}");
}

/// Checks one line of an exposition; gives the metric's name and value.
fn sample_of(line: &str) -> (String, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let name: String = series.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let labels = &series[name.len()..];
    if !labels.is_empty() {
        let inner = labels
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or_else(|| panic!("{line}"));
        for label in inner.split(',') {
            let (name, value) = label.split_once('=').unwrap();
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
            assert!(value.starts_with('"') && value.ends_with('"') && value.len() >= 2, "{line}");
        }
    }
    (name, value.parse().unwrap_or_else(|_| panic!("{line}")))
}

#[test]
fn health_readiness_and_metrics() {
    let server = start();
    server
        .send(&json!({ "events": [login(1), login(2), with(login(3), &json!({ "code": "091112" }))] }))
        .expect(200);
    assert_eq!(fetch(&format!("{}/healthz", server.admin)), (200, "ok\n".to_owned()));
    let (status, body) = fetch(&format!("{}/readyz?verbose", server.admin));
    assert_eq!(status, 200);
    assert!(body.starts_with("ready\nok   ") && !body.contains("FAIL"), "{body}");
    let (status, text) = fetch(&format!("{}/metrics", server.admin));
    assert_eq!(status, 200);
    let (mut typed, mut values) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(!typed.contains(&name.to_owned()), "{line} comes twice");
            typed.push(name.to_owned());
        } else if !line.starts_with("# HELP ") {
            let (name, value) = sample_of(line);
            let family =
                ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
            assert!(typed.iter().any(|known| known == family || *known == name), "{line} has no type");
            values.push((line.rsplit_once(' ').unwrap().0.to_owned(), value));
        }
    }
    let value = |series: &str| values.iter().find(|(name, _)| name == series).map(|(_, value)| *value);
    assert_eq!(value("indelible_events_total{result=\"stored\"}"), Some(2.0));
    assert_eq!(value("indelible_events_total{result=\"quarantined\"}"), Some(1.0));
    assert_eq!(value("indelible_log_size{organization=\"default\"}"), Some(3.0));
    assert_eq!(
        value("indelible_commit_seconds_count"),
        value("indelible_commit_seconds_bucket{le=\"+Inf\"}")
    );
    assert!(!text.contains("user-"), "labels never hold what events hold");
    assert_ne!(fetch(&format!("{}/metrics", server.url)).0, 200, "the API listener does not tell");
    assert_eq!(get(&server, "", "/api/v1/version").expect(200)["api"], "v1");
}

fn hang_up(server: &Server) {
    assert!(Command::new("kill").args(["-HUP", &server.pid().to_string()]).status().unwrap().success());
}

fn order() -> Value {
    let mut event = with(login(1), &json!({ "catalog": "shop", "entity": "ORDER", "action": "PLACE" }));
    event.as_object_mut().unwrap().remove("code");
    event
}

#[test]
fn catalogs_of_ones_own_are_reloaded_whole_or_not_at_all() {
    let wanted = setup();
    let folder = wanted.dir().join("catalogs");
    write(&folder.join("shop/catalog.toml"), CATALOG);
    write(&folder.join("shop/types.toml"), TYPES);
    let server = wanted.argument("--catalogs").argument(folder.to_str().unwrap()).start();
    assert_eq!(server.send(&order()).expect(201)["status"], "stored");
    let found = search(&server, "catalog:shop");
    assert_eq!((&found[0]["code"], &found[0]["title"]), (&json!("ORDER.PLACE"), &json!("Order placed")));

    let version = || server.get("/api/v1/catalogs/shop").expect(200)["version"].clone();
    write(&folder.join("shop/catalog.toml"), &CATALOG.replace("1.0.0", "1.1.0"));
    write(
        &folder.join("shop/types.toml"),
        &TYPES.replace("\n]\n", "\n  { entity = \"ORDER\", action = \"CANCEL\", crude = \"D\", outcome = \"success\", title = \"Order cancelled\" },\n]\n"),
    );
    hang_up(&server);
    wait_for("the new version", || (version() == "1.1.0").then_some(()));
    let activated = wait_for("its event", || {
        let found = crate::service::search_in(&server, "system", "code:CATALOG.ACTIVATE");
        found.into_iter().next()
    });
    assert_eq!(activated["targets"][0]["id"], "shop");
    assert_eq!(activated["params"]["catalog_version"], "1.1.0");
    assert_eq!(
        activated["params"]["catalog_sha256"],
        server.get("/api/v1/catalogs/shop").expect(200)["sha256"]
    );
    assert_eq!(
        crate::service::search_in(&server, "system", "code:CATALOG.ACTIVATE").len(),
        1,
        "the others did not change"
    );

    write(&folder.join("shop/types.toml"), "entity = [{ id = \"ORDER\", knd = \"data\" }]\n");
    hang_up(&server);
    let problems = wait_for("the refusal", || {
        let listed = server.get("/api/v1/catalogs").expect(200);
        listed["problems"].get(0).cloned()
    });
    assert!(text(&problems).contains("shop/types.toml:1") && text(&problems).contains("knd"), "{problems}");
    assert_eq!(version(), "1.1.0", "what was in force stays");
    assert_eq!(server.send(&order()).expect(201)["status"], "stored");

    // At a start there is nothing to stay with: the broken one is out, the others work.
    let server = server.stop().start();
    let said = wait_for("what it says", || {
        let said = server.said().join("\n");
        said.contains("ready").then_some(said)
    });
    assert!(said.contains("catalog refused:") && said.contains("shop/types.toml:1"), "{said}");
    assert_eq!(server.get("/api/v1/catalogs/shop").status, 404);
    assert!(text(&server.get("/api/v1/catalogs").expect(200)["problems"][0]).contains("shop/types.toml"));
    assert_eq!(server.send(&login(1)).expect(201)["status"], "stored");
    assert_eq!(search(&server, "catalog:shop").len(), 2, "what is stored stays readable");
}
