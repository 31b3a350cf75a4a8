//! Every endpoint and page, as every kind of key and every role, in the own organization and in another: each answer is
//! what the reviewed table says. The table stands in `access.txt`; an endpoint without a row fails, and so does a row
//! without an endpoint.

use std::collections::BTreeMap;

use indelible_server::endpoints::ENDPOINTS;
use indelible_server::pages::PAGES;
use serde_json::{Value, json};

use crate::node::{Browser, Node, text};

const TABLE: &str = include_str!("access.txt");
const HOLDERS: [&str; 10] =
    ["vw", "in", "rd", "ad", "owner", "administrator", "auditor", "analyst", "source", "viewer"];
/// What a viewer token of these tests sees: events of nobody.
const FILTER: &str = "actor.id:nobody";

/// Endpoint or page to what each holder may.
fn table() -> BTreeMap<String, [String; 10]> {
    let mut lines = TABLE.lines();
    let head = lines.next().unwrap();
    assert_eq!(head.split('|').map(str::trim).skip(1).collect::<Vec<_>>(), HOLDERS);
    let row = |line: &str| {
        let mut parts = line.split('|').map(|part| part.trim().to_owned());
        let endpoint = parts.next().unwrap();
        (endpoint, parts.collect::<Vec<_>>().try_into().unwrap())
    };
    lines.map(row).collect()
}

/// What is asked for by a name that nothing has.
const NAMED: [&str; 6] = ["/keys/", "/views/", "/sources/", "/routes/", "/deliveries/", "/connections/"];

/// Who asks: a holder, and where its rights are: `default`, `acme` or `all`.
struct Who<'n> {
    name: String,
    holder: usize,
    reach: &'static str,
    key: String,
    browser: Option<Browser<'n>>,
}

fn callers(node: &Node) -> Vec<Who<'_>> {
    let mut callers = Vec::new();
    for (holder, name) in HOLDERS.into_iter().enumerate() {
        for reach in ["default", "acme", "all"] {
            let is_key = holder < 4;
            if is_key && reach == "all" && name != "ad" {
                continue;
            }
            let (key, browser) = if is_key {
                let org = if reach == "all" { "default" } else { reach };
                let (resource, body) = match name {
                    "vw" => ("viewer-tokens", json!({ "filter": FILTER })),
                    _ => ("keys", json!({ "kind": name, "all": reach == "all" })),
                };
                let made = node.admin("POST", &format!("/api/v1/orgs/{org}/{resource}"), &body, 201);
                (text(&made["token"]), None)
            } else {
                let (_, mut browser) = node.person(&format!("{name} of {reach}"), name, reach);
                (browser.own_key(), Some(browser))
            };
            callers.push(Who { name: format!("{name} of {reach}"), holder, reach, key, browser });
        }
    }
    callers
}

/// What the table says for a caller who asks about an organization.
fn expected(cell: &str, path: &str, who: &Who<'_>, org: &str) -> &'static str {
    let in_reach = who.reach == "all" || who.reach == org;
    let of_org = path.contains("{org}") || path.starts_with("/api/v1/people/{id}");
    let may = match cell {
        // The one event there is concerns somebody else.
        "part" if in_reach && is_one_event(path) => return "hidden",
        "yes" | "own" | "part" => !of_org || in_reach,
        "all" => who.reach == "all",
        _ => false,
    };
    let known = !path.contains("{org}") || in_reach;
    match (may, known) {
        (true, _) => "allowed",
        // Whoever may see people in one organization sees none of another.
        (false, true) if cell != "yes" => "forbidden",
        (false, _) => "hidden",
    }
}

fn is_one_event(path: &str) -> bool {
    ["/events/{id}", "/log/{index}", "/e/{id}"].iter().any(|part| path.contains(part))
}

fn class(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (401, _) => "unknown",
        (403, "permission_missing") => "forbidden",
        (404, "not_found") => "hidden",
        // Let in, and told that the build does not have it.
        (501, _) => "allowed",
        (500.., _) => "broken",
        _ => "allowed",
    }
}

/// Something of each organization that exists.
struct There {
    event: BTreeMap<&'static str, String>,
    person: BTreeMap<&'static str, String>,
}

fn filled(path: &str, org: &'static str, there: &There) -> String {
    let (event, person) = (&there.event[org], &there.person[org]);
    let id = match path {
        _ if path.contains("/people/") => person,
        _ if NAMED.iter().any(|named| path.contains(named)) => "0000000000",
        _ => event,
    };
    path.replace("{org}", org)
        .replace("{id}", id)
        .replace("{index}", "0")
        .replace("{name}", "probe")
        .replace("{catalog}", "openkat")
        .replace("{code}", if path.starts_with("/docs") { "not_found" } else { "091111" })
        .replace("{*path}", "0/000.p/1")
        .replace("{*rest}", "x/y")
}

fn furnish(node: &Node) -> There {
    node.admin("POST", "/api/v1/orgs", &json!({ "id": "acme" }), 201);
    let (mut event, mut person) = (BTreeMap::new(), BTreeMap::new());
    for org in ["default", "acme"] {
        let sent = json!({
            "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z",
            "actor": { "id": format!("secret-of-{org}"), "kind": "user" }, "producer": { "name": "probe" },
        });
        let stored = node.admin("POST", &format!("/api/v1/orgs/{org}/events"), &sent, 201);
        let id = text(&stored["receipt"]["id"]);
        let proof = format!("/api/v1/orgs/{org}/events/{id}/proof?wait=30");
        assert_eq!(node.api(&node.token, "GET", &proof, &Value::Null).status, 200);
        let cursor = format!("/api/v1/orgs/{org}/cursors/probe");
        let bearer = format!("Bearer {}", node.token);
        let headers = [
            ("if-none-match", "*"),
            ("content-type", "application/json"),
            ("authorization", bearer.as_str()),
        ];
        assert_eq!(node.ask("PUT", &cursor, &headers, "{\"index\":0}").status, 200);
        event.insert(org, id);
        person.insert(org, node.add(&format!("target of {org}"), "analyst", org).0);
    }
    There { event, person }
}

#[test]
fn every_answer_is_what_the_table_says() {
    let (node, table) = (Node::start(), table());
    let there = furnish(&node);
    let mut callers = callers(&node);
    let mut asked = 0;
    let mut seen = Vec::new();
    for endpoint in ENDPOINTS {
        let (method, name) =
            (endpoint.method.to_uppercase(), format!("{} {}", endpoint.method.to_uppercase(), endpoint.path));
        let row = table.get(&name).unwrap_or_else(|| panic!("{name} has no row"));
        for who in &callers {
            for org in ["default", "acme"] {
                let target = filled(endpoint.path, org, &there);
                let has_body = ["POST", "PUT", "PATCH"].contains(&method.as_str());
                let body = if has_body { json!({}) } else { Value::Null };
                let answer = node.api(&who.key, &method, &target, &body);
                let expected = expected(&row[who.holder], endpoint.path, who, org);
                let mut got = class(answer.status, &answer.code());
                if target.contains("0000000000") && expected == "allowed" && got == "hidden" {
                    got = "allowed";
                }
                assert_eq!(got, expected, "{method} {target} as {}: {}", who.name, answer.body);
                leaks_nothing(who, org, &answer.body, &target);
                asked += 1;
            }
        }
        seen.push(name);
    }
    for page in PAGES {
        let name = format!("{} {}", page.method.to_uppercase(), page.path);
        let row = table.get(&name).unwrap_or_else(|| panic!("{name} has no row"));
        // Coming and going has tests of its own.
        let enters = ["/login", "/setup", "/invitation", "/ui/logout", "/login/code"].contains(&page.path);
        for who in callers.iter_mut().filter(|who| who.browser.is_some()) {
            if enters || page.path.starts_with("/assets") || page.path == "/" {
                break;
            }
            for org in ["default", "acme"] {
                let target = filled(page.path, org, &there);
                let expected = expected(&row[who.holder], page.path, who, org);
                // A stream to whoever may see it does not end.
                if page.path.ends_with("/live/events") && expected == "allowed" {
                    continue;
                }
                let browser = who.browser.as_mut().unwrap();
                let answer =
                    if page.method == "get" { browser.get(&target) } else { browser.form(&target, &[]) };
                let mut got = class(answer.status, &answer.code());
                let nothing_there = page.path.ends_with("{*rest}") || target.contains("0000000000");
                if nothing_there && expected == "allowed" && got == "hidden" {
                    got = "allowed";
                }
                assert_eq!(
                    got, expected,
                    "{name} {target} as {}: {} {}",
                    who.name, answer.status, answer.body
                );
                leaks_nothing(who, org, &answer.body, &target);
                asked += 1;
            }
        }
        seen.push(name);
    }
    seen.sort();
    assert_eq!(table.keys().cloned().collect::<Vec<_>>(), seen, "rows and endpoints are the same");
    println!("{asked} requests");
    assert!(asked > 2_000);
}

/// Nothing of an organization is in an answer to somebody who does not reach it.
#[track_caller]
fn leaks_nothing(who: &Who<'_>, _org: &str, body: &str, target: &str) {
    for other in ["default", "acme"] {
        let sees_a_part = ["vw", "viewer"].contains(&HOLDERS[who.holder]);
        if sees_a_part || (who.reach != "all" && who.reach != other) {
            for secret in
                [format!("secret-of-{other}"), format!("target of {other}"), format!("target.of.{other}")]
            {
                assert!(!body.contains(&secret), "{target} shows {secret} to {}: {body}", who.name);
            }
        }
    }
}

#[test]
fn nobody_gives_more_than_they_have() {
    let node = Node::start();
    node.admin("POST", "/api/v1/orgs", &json!({ "id": "acme" }), 201);
    let (owner, mut of_owner) = node.person("olga", "owner", "default");
    let (everywhere, _) = node.person("every", "analyst", "all");
    let (both, _) = node.person("both", "analyst", "default");
    let give = |role: &str, org: &str| json!({ "give": [{ "role": role, "organization": org }] });
    node.admin("PATCH", &format!("/api/v1/people/{both}"), &give("owner", "acme"), 200);
    let (admin, mut of_admin) = node.person("adam", "administrator", "default");
    let key = of_admin.own_key();
    let asks = |key: &str, method: &str, path: &str, body: &Value| node.api(key, method, path, body).status;
    let people = "/api/v1/people";
    let new = |role: &str, org: &str| json!({ "name": "New", "email": "new@example.org", "roles": [{ "role": role, "organization": org }] });
    for (role, org) in [("owner", "default"), ("analyst", "all"), ("analyst", "acme"), ("owner", "all")] {
        assert_eq!(asks(&key, "POST", people, &new(role, org)), 403, "{role} of {org}");
        let own = format!("{people}/{admin}");
        assert_eq!(asks(&key, "PATCH", &own, &give(role, org)), 403, "{role} of {org} for themselves");
    }
    assert_eq!(
        asks(&key, "POST", people, &json!({ "name": "N", "email": "n@example.org", "roles": [] })),
        400
    );
    for target in [&owner, &everywhere, &both] {
        let path = format!("{people}/{target}");
        assert_eq!(
            asks(&key, "DELETE", &path, &Value::Null),
            403,
            "{target} has what an administrator here has not"
        );
        assert_eq!(asks(&key, "POST", &format!("{path}/invitation"), &Value::Null), 403);
        assert_eq!(asks(&key, "PATCH", &path, &json!({ "state": "disabled" })), 403);
    }
    let withdraw = json!({ "withdraw": [{ "role": "analyst", "organization": "default" }] });
    assert_eq!(asks(&key, "PATCH", &format!("{people}/{both}"), &withdraw), 200, "what is given here");
    let keys = "/api/v1/orgs/default/keys";
    for body in
        [json!({ "kind": "ad" }), json!({ "kind": "ad", "all": true }), json!({ "kind": "in", "all": true })]
    {
        assert_eq!(asks(&key, "POST", keys, &body), 403, "{body}");
    }
    assert_eq!(asks(&key, "POST", keys, &json!({ "kind": "me" })), 400);
    assert_eq!(asks(&key, "POST", keys, &json!({ "kind": "in" })), 201);
    let admin_key = node.admin("POST", keys, &json!({ "kind": "ad" }), 201);
    let path = format!("{keys}/{}", text(&admin_key["id"]));
    assert_eq!(asks(&key, "DELETE", &path, &Value::Null), 403, "a key that can do more");
    let owners = of_owner.own_key();
    assert_eq!(asks(&owners, "DELETE", &path, &Value::Null), 200);
    assert_eq!(asks(&owners, "POST", keys, &json!({ "kind": "ad" })), 201);
    assert_eq!(asks(&owners, "POST", people, &new("owner", "default")), 201);
    assert_eq!(asks(&owners, "POST", people, &new("owner", "all")), 403);
    assert_eq!(asks(&owners, "POST", "/api/v1/orgs", &json!({ "id": "more" })), 403, "of one organization");
}
