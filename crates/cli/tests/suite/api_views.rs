//! Views: one's own and everybody's, their versions, and what is recorded of them.

use crate::service::{ask, key, refused, search_in, start, text};
use indelible_testkit::{Answer, Server};
use serde_json::{Value, json};

const VIEWS: &str = "/api/v1/orgs/default/views";

fn names(server: &Server, token: &str) -> Vec<String> {
    let items = ask(server, token, ("GET", VIEWS), &Value::Null).expect(200);
    items["items"].as_array().unwrap().iter().map(|view| text(&view["name"]).to_owned()).collect()
}

fn with_version(
    server: &Server,
    token: &str,
    (method, path): (&str, &str),
    (tag, body): (&str, &Value),
) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("if-match", tag), ("content-type", "application/json")];
    server.bare(method, path, &headers, body.to_string().as_bytes()).unwrap()
}

#[test]
fn views_are_ones_own_or_everybodys_and_changes_are_events() {
    let server = start();
    let reader = || key(&server, "default", &json!({ "kind": "rd" })).0;
    let (ann, bob) = (reader(), reader());
    let shows = json!({ "q": "outcome:failure", "since": "-7d", "cols": "time,actor", "group": "actor" });
    let own = json!({ "name": "failures", "shows": shows });
    let made = ask(&server, &ann, ("POST", VIEWS), &own).expect(201);
    assert_eq!((&made["version"], &made["shows"]["cols"]), (&json!(1), &json!("time,actor")));
    let team = json!({ "name": "for all", "team": true, "shows": { "q": "crude:D" } });
    refused(&ask(&server, &ann, ("POST", VIEWS), &team), 403, "permission_missing");
    server.post(VIEWS, &team).expect(201);
    assert_eq!(names(&server, &ann), ["failures", "for all"]);
    assert_eq!(names(&server, &bob), ["for all"]);

    let path = format!("{VIEWS}/{}", text(&made["id"]));
    refused(&ask(&server, &bob, ("GET", &path), &Value::Null), 404, "not_found");
    let changed = json!({ "name": "all failures", "shows": { "q": "outcome:failure" } });
    refused(&ask(&server, &ann, ("PUT", &path), &changed), 428, "precondition_required");
    refused(&with_version(&server, &ann, ("PUT", &path), ("\"7\"", &changed)), 412, "version_conflict");
    refused(&with_version(&server, &bob, ("PUT", &path), ("\"1\"", &changed)), 404, "not_found");
    let after = with_version(&server, &ann, ("PUT", &path), ("\"1\"", &changed));
    assert_eq!((after.status, after.header("etag")), (200, Some("\"2\"")));
    let shared = json!({ "name": "all failures", "team": true });
    refused(&with_version(&server, &ann, ("PUT", &path), ("\"2\"", &shared)), 403, "permission_missing");
    refused(
        &with_version(&server, &ann, ("DELETE", &path), ("\"1\"", &Value::Null)),
        412,
        "version_conflict",
    );
    assert_eq!(with_version(&server, &ann, ("DELETE", &path), ("\"2\"", &Value::Null)).status, 200);
    refused(&ask(&server, &ann, ("GET", &path), &Value::Null), 404, "not_found");

    let nameless = json!({ "name": " " });
    refused(&ask(&server, &ann, ("POST", VIEWS), &nameless), 400, "request_malformed");
    let unknown = json!({ "name": "x", "shows": { "query": "y" } });
    assert_eq!(ask(&server, &ann, ("POST", VIEWS), &unknown).status, 400);

    let told = search_in(&server, "default", "catalog:indelible entity:CONFIG");
    let mut codes: Vec<&str> = told.iter().map(|event| text(&event["code"])).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["CONFIG.CREATE", "CONFIG.CREATE", "CONFIG.DELETE", "CONFIG.UPDATE"]);
    let update = told.iter().find(|event| event["code"] == "CONFIG.UPDATE").unwrap();
    let name = update["changes"].as_array().unwrap().iter().find(|change| change["path"] == "name").unwrap();
    assert_eq!((&name["old"], &name["new"]), (&json!("failures"), &json!("all failures")));
    assert_eq!(update["targets"][0]["kind"], "view");
}
