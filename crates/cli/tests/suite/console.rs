//! The console from outside: who gets in, what each page carries, that text of events stays text, and that it shows what
//! the API answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::service::{EVENTS, ask, get, key, login, search_in, start, text, wait_for, with};
use indelible_control::Kind;
use indelible_server::endpoints::Need;
use indelible_server::pages::{PAGES as PAGES_OF_SERVER, Page};
use indelible_testkit::{Answer, Server};
use serde_json::{Value, json};

/// Pages of an organization, with something that exists in each place.
const PAGES: &[&str] = &[
    "/o/default",
    "/o/default/explore",
    "/o/default/explore?q=actor:user-1&since=&limit=25",
    "/o/default/explore.csv?q=&since=",
    "/o/default/explore?q=&since=&layout=netop",
    "/o/default/explore?q=&since=&cols=time,actor,param.x&group=actor",
    "/o/default/explore.csv?q=&since=&layout=sanernow",
    "/o/default/timeline?by=actor&value=user-1",
    "/o/default/live?q=",
    "/o/default/views",
    "/o/default/suggest?q=act",
    "/o/default/e/0",
    "/o/default/integrity",
    "/o/default/connections",
];
/// Pages that are the same for every organization.
const SHARED: &[&str] =
    &["/catalogs", "/catalogs/openkat", "/catalogs/openkat/091111", "/catalogs/netop?q=login&crude=E"];
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A browser that keeps one cookie.
struct Browser<'s> {
    server: &'s Server,
    cookie: String,
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server) -> Self {
        Self { server, cookie: String::new() }
    }

    /// One that has logged in.
    #[track_caller]
    fn with_key(server: &'s Server, token: &str) -> Self {
        let mut browser = Self::new(server);
        let answer = browser.enter(token);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/o/default/explore?q=x")));
        browser
    }

    fn get(&self, path: &str) -> Answer {
        self.server.bare("GET", path, &[("cookie", &self.cookie)], &[]).unwrap()
    }

    #[track_caller]
    fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    fn post(&self, path: &str, site: &str, form: &[(&str, &str)]) -> Answer {
        let body = form.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        let body = body.collect::<Vec<_>>().join("&");
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", site),
        ];
        self.server.bare("POST", path, &headers, body.as_bytes()).unwrap()
    }

    fn enter(&mut self, token: &str) -> Answer {
        let answer =
            self.post("/login", "same-origin", &[("key", token), ("back", "/o/default/explore?q=x")]);
        if let Some(cookie) = answer.header("set-cookie") {
            cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        answer
    }

    /// The token that forms carry.
    fn csrf(&self) -> String {
        let page = self.page("/o/default/integrity");
        let after = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    }
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

fn reader(server: &Server) -> (String, String) {
    key(server, "default", &json!({ "kind": "rd", "label": "auditor" }))
}

#[test]
fn pages_need_a_session_of_the_organization() {
    let server = start();
    server.post("/api/v1/orgs", &json!({ "id": "acme" })).expect(201);
    server.send(&login(1)).expect(201);
    let nobody = Browser::new(&server);
    let own = Browser::with_key(&server, &reader(&server).0);
    let foreign = Browser::with_key(&server, &key(&server, "acme", &json!({ "kind": "rd" })).0);
    for path in PAGES.iter().chain(SHARED) {
        let refused = nobody.get(path);
        let location = refused.header("location").unwrap_or_default().to_owned();
        assert_eq!((refused.status, location.starts_with("/login?back=%2F")), (303, true), "{path}");
        assert_eq!(own.get(path).status, 200, "{path}");
    }
    for path in PAGES {
        let hidden = foreign.get(path);
        assert_eq!(hidden.status, 404, "{path}");
        assert!(!hidden.text().contains("192.0.2.7"), "{path}");
        assert_eq!(foreign.get(&path.replace("default", "nowhere")).status, 404, "{path}");
    }
    for path in SHARED {
        assert_eq!(foreign.get(path).status, 200, "{path}");
        assert!(!foreign.page(path).contains("/o/default"), "{path}");
    }
    assert_eq!(foreign.get("/catalogs?o=default").status, 404);
    assert_eq!(foreign.get("/").header("location"), Some("/o/acme"));
    // What is sent, and what keys that read may not see, is in the matrix of the server's own tests.
    let read = |page: &&Page| match page.need {
        Need::Permission(needed) => page.method == "get" && needed.kinds().contains(&Kind::Read),
        Need::Nothing | Need::Session | Need::OrPublic(_) => false,
    };
    for page in PAGES_OF_SERVER.iter().filter(read) {
        let path = [("{org}", "default"), ("{id}", "0"), ("{catalog}", "openkat"), ("{code}", "091111")]
            .iter()
            .fold(page.path.replace("{*rest}", "x/y"), |path, (name, value)| path.replace(name, value));
        assert_eq!(nobody.get(&path).status, 303, "{page:?}");
        if page.path.ends_with("/live/events") {
            // It has no end for those who may have it.
            assert_eq!(foreign.get(&path).status, 404, "{page:?}");
            continue;
        }
        let expected = if page.path.ends_with("{*rest}") { 404 } else { 200 };
        assert_eq!(own.get(&path).status, expected, "{page:?}");
        let expected = if page.path.contains("{org}") { 404 } else { 200 };
        assert_eq!(foreign.get(&path).status, expected, "{page:?}");
    }
    // One does not get in by the other's door.
    let cookie = [("cookie", own.cookie.as_str())];
    assert_eq!(server.bare("GET", EVENTS, &cookie, &[]).unwrap().status, 401);
    let bearer = format!("Bearer {}", server.token);
    let page = server.bare("GET", "/o/default", &[("authorization", &bearer)], &[]).unwrap();
    assert_eq!(page.status, 303);
}

#[test]
fn every_page_is_under_the_strictest_policy() {
    let server = start();
    server.send(&login(1)).expect(201);
    let browser = Browser::with_key(&server, &reader(&server).0);
    let more = ["/login", "/o/default/nothing", "/o/default/explore?q=actro:x", "/o/nowhere", "/catalogs/x"];
    for path in PAGES.iter().chain(SHARED).chain(&more) {
        let answer = browser.get(path);
        let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("content-security-policy"), POLICY, "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
        check_markup(path, &answer.text());
    }
    let assets = browser.page("/o/default");
    let mut found = 0;
    for path in assets.split('"').filter(|text| text.starts_with("/assets/")) {
        let asset = server.bare("GET", path, &[("accept-encoding", "gzip")], &[]).unwrap();
        assert_eq!((asset.status, asset.header("content-encoding")), (200, Some("gzip")), "{path}");
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
        found += 1;
    }
    assert_eq!(found, 3, "home has a style, a script and a picture");
    assert_eq!(server.bare("GET", "/assets/0000000000000000/console.css", &[], &[]).unwrap().status, 404);
}

/// Nothing inline that the policy would refuse.
#[track_caller]
fn check_markup(path: &str, page: &str) {
    for tag in page.split('<').skip(1).filter_map(|tag| tag.split('>').next()) {
        let markup: String = tag.split('"').step_by(2).collect();
        assert!(!tag.starts_with("script") || tag.contains("src=\"/assets/"), "{path}: <{tag}>");
        assert!(!tag.starts_with("style"), "{path}: <{tag}>");
        assert!(!markup.contains(" style") && !markup.contains(" on"), "{path}: <{tag}>");
    }
    assert!(!page.contains("href=\"javascript:"), "{path}");
}

#[test]
fn text_of_events_stays_text() {
    let server = start();
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'; DROP TABLE events; --",
        "{{ 7 * 7 }} {% include x %}",
        "javascript:alert(1)",
        "a\u{202e}b\u{200b}c",
        "=cmd|'/c calc'!A1",
        "x OR y) -actor:* \"",
    ];
    for (at, text) in hostile.iter().enumerate() {
        let event = json!({
            "actor": { "id": text, "name": text, "kind": "user" },
            "targets": [{ "id": format!("t{at}"), "kind": text, "name": text }],
            "changes": [{ "path": text, "old": text, "new": text }],
            "reason": text, "message": text, "data": { "free": text },
        });
        server.send(&with(login(at), &event)).expect(201);
    }
    let browser = Browser::with_key(&server, &reader(&server).0);
    let page = browser.page("/o/default/explore?q=catalog:openkat&since=");
    check_markup("explore", &page);
    assert!(page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("<img") && !page.contains("href=\"javascript:"));
    for (at, text) in hostile.iter().enumerate() {
        let index = search_in(&server, "default", &format!("target:t{at}"))[0]["index"].clone();
        check_markup(text, &browser.page(&format!("/o/default/e/{index}")));
        // What a click on it asks for is just that event.
        let include = page.split("href=\"").filter_map(|rest| rest.split('"').next());
        let include: Vec<String> = include
            .map(|href| href.replace("&#38;", "&").replace("&amp;", "&"))
            .filter(|href| href.contains("q=catalog%3Aopenkat+actor%3A") && !href.contains("cursor"))
            .collect();
        assert!(include.len() >= hostile.len(), "{include:?}");
    }
    let file = browser.page("/o/default/explore.csv?q=catalog:openkat&since=");
    assert_eq!(file.lines().count(), 1 + hostile.len(), "{file}");
    assert!(file.contains("\"'=cmd|'/c calc'!A1\""), "{file}");
    assert!(!file.contains(",=cmd"), "{file}");
}

#[test]
fn a_session_is_the_key_and_ends_with_it() {
    let server = start();
    let (token, id) = reader(&server);
    let mut browser = Browser::new(&server);
    let answer = browser.enter(&token);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure") && !cookie.contains(&token), "{cookie}");
    assert_eq!(browser.get("/login").header("location"), Some("/"));
    let first = browser.cookie.clone();
    browser.enter(&token);
    assert_ne!(first, browser.cookie, "each log-in makes a token of its own");

    let entered = wait_for("log-ins on record", || {
        let found = search_in(&server, "default", &format!("code:SESSION.LOGIN actor.id:{id}"));
        (found.len() == 2).then_some(found)
    });
    assert_eq!(entered[0]["outcome"], "success");
    assert_eq!(entered[0]["actor"]["name"], "auditor");
    assert_eq!(entered[0].get("flags"), None, "our own events fit their types: {}", entered[0]);
    let session = text(&entered[1]["session"]["id"]).to_owned();
    browser.page("/o/default/explore?q=actor:nobody");
    let searched = wait_for("the search on record", || {
        search_in(&server, "default", &format!("code:EVENT.SEARCH session:{session}")).pop()
    });
    assert!(text(&searched["params"]["query"]).starts_with("actor:nobody since:"), "{searched}");

    let csrf = browser.csrf();
    assert_eq!(browser.post("/ui/logout", "same-origin", &[("csrf", "guessed")]).status, 403);
    assert_eq!(browser.post("/ui/logout", "cross-site", &[("csrf", &csrf)]).status, 403);
    assert_eq!(browser.get("/o/default").status, 200);
    let old = browser.cookie.clone();
    let out = browser.post("/ui/logout", "same-origin", &[("csrf", &csrf)]);
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
    browser.cookie = old;
    assert_eq!(browser.get("/o/default").status, 303);

    browser.enter(&token);
    assert_eq!(browser.get("/o/default").status, 200);
    server.request("DELETE", &format!("/api/v1/orgs/default/keys/{id}"), &[], &[]).expect(200);
    assert_eq!(browser.get("/o/default").status, 303);
}

#[test]
fn wrong_keys_are_told_recorded_and_slowed_down() {
    let server = start();
    let mut browser = Browser::new(&server);
    let sender = key(&server, "default", &json!({ "kind": "in" })).0;
    let refused = browser.enter(&sender);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("may not read events"), "{}", refused.text());
    for _ in 0..4 {
        let refused = browser.enter("idl_rd_0000000000_wrong");
        assert_eq!((refused.status, refused.header("set-cookie")), (403, None));
    }
    assert_eq!(browser.enter(&reader(&server).0).status, 429, "the sixth try within a minute");
    assert_eq!(browser.enter("idl_rd_0000000000_wrong").status, 429, "told, and not recorded once more");
    let count = |org: &str| search_in(&server, org, "code:SESSION.LOGIN outcome:failure").len();
    wait_for("tries on record", || ((count("system"), count("default")) == (5, 1)).then_some(()));
    // A form of another site is refused before anything is looked at.
    assert_eq!(browser.post("/login", "cross-site", &[("key", &server.token)]).status, 403);
    assert_eq!(server.bare("POST", "/login", &[], b"key=x").unwrap().status, 403);
}

#[test]
fn explore_shows_what_the_api_answers() {
    let server = start();
    for user in 0..30 {
        let outcome = if user % 3 == 0 { json!({ "code": "094444" }) } else { json!({}) };
        server.send(&with(login(user % 5), &outcome)).expect(201);
    }
    let (token, _) = reader(&server);
    let browser = Browser::with_key(&server, &token);
    for query in [
        "catalog:openkat",
        "catalog:openkat outcome:failure",
        "actor:user-1",
        "-actor:user-1 catalog:openkat",
    ] {
        let path = format!("{EVENTS}?q={}&since=-1d&limit=1000", encoded(query));
        let answered = get(&server, &token, &path).expect(200);
        let expected: Vec<u64> = answered["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["index"].as_u64().unwrap())
            .collect();
        let mut shown = Vec::new();
        let mut path = format!("/o/default/explore?q={}&since=-1d&limit=25", encoded(query));
        loop {
            let page = browser.page(&path);
            shown.extend(indexes(&page));
            let older = page.split("rel=\"next\" href=\"").nth(1).map(|rest| rest.split('"').next().unwrap());
            let Some(older) = older else { break };
            path = older.replace("&#38;", "&").replace("&amp;", "&");
        }
        assert_eq!(shown, expected, "{query}");
        let file = browser.page(&format!("/o/default/explore.csv?q={}&since=-1d", encoded(query)));
        assert_eq!(file.lines().count(), 1 + expected.len(), "{query}");
    }
    let wrong = browser.get("/o/default/explore?q=actro:bob");
    assert_eq!(wrong.status, 400);
    let said = wrong.text();
    assert!(said.contains("<mark>actro") && said.contains("actor%3Abob"), "{said}");
    let nothing = browser.page("/o/default/explore?q=actor:nobody+code:091111");
    assert!(nothing.contains("Nothing matches") && nothing.contains("without actor:nobody"), "{nothing}");
}

/// Positions of the events of a page's table.
fn indexes(page: &str) -> Vec<u64> {
    let cells = page.split("<td class=\"time\"><a href=\"/o/default/e/").skip(1);
    cells.map(|cell| cell.split('"').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn sources_and_routes_are_shown_and_rest_when_told() {
    let server = start();
    let path = server.setup().dir().join("out.ndjson").display().to_string();
    let put = |path: &str, body: Value| ask(&server, &server.token, ("PUT", path), &body).expect(201);
    put(
        "/api/v1/orgs/default/sources/kat",
        json!({ "from": { "syslog": { "listen": "127.0.0.1:0" } }, "format": "openkat" }),
    );
    put(
        "/api/v1/orgs/default/routes/copy",
        json!({ "to": { "file": { "path": path } }, "filter": "code:091111 \"<b>\"" }),
    );
    let browser = Browser::with_key(&server, &server.token);
    let page = browser.page("/o/default/connections");
    for part in ["syslog tcp 127.0.0.1:0", "listening", "&#60;b&#62;", "running", "withhold", &path] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let csrf = browser.csrf();
    for (role, name, state) in [("source", "kat", "sources/kat"), ("route", "copy", "routes/copy")] {
        let form = [("csrf", csrf.as_str()), ("role", role), ("do", "pause")];
        let answer = browser.post(&format!("/o/default/connections/{name}"), "same-origin", &form);
        assert_eq!(answer.status, 303, "{}", answer.text());
        let shown = server.get(&format!("/api/v1/orgs/default/{state}")).expect(200);
        assert_eq!(shown["state"], "paused");
    }
    let page = browser.page("/o/default/connections");
    assert!(page.contains("Resume source kat") && page.contains("Resume route copy"), "{page}");
    let reading = Browser::with_key(&server, &reader(&server).0);
    assert!(!reading.page("/o/default/connections").contains("Resume"), "who only reads has no buttons");
}

#[test]
fn an_event_is_shown_with_a_proof_that_holds() {
    let server = start();
    let event = json!({ "changes": [{ "path": "role", "old": "reader", "new": "owner" }] });
    let sent = server.send(&with(login(1), &event)).expect(201);
    let (id, index) = (text(&sent["receipt"]["id"]), &sent["receipt"]["index"]);
    assert_eq!(get(&server, &server.token, &format!("{EVENTS}/{id}/proof?wait=30")).status, 200);
    let browser = Browser::with_key(&server, &reader(&server).0);
    let page = browser.page(&format!("/o/default/e/{id}"));
    for expected in ["reader", "owner", "in the log", "proof-check", "User logged in"] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    let file = browser.get(&format!("/o/default/e/{index}/proof"));
    assert_eq!(file.status, 200);
    let path = server.setup().dir().join("event.tlog-proof");
    std::fs::File::create(&path).unwrap().write_all(&file.body).unwrap();
    let vkey = text(&server.get("/api/v1/orgs/default/log").expect(200)["keys"][0]["vkey"]).to_owned();
    let verified = server.tool(&["verify", path.to_str().unwrap(), "--vkey", &vkey]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    // A key of one catalog does not see the others' events.
    let limited = key(&server, "default", &json!({ "kind": "rd", "catalog": "netop" })).0;
    let limited = Browser::with_key(&server, &limited);
    for path in [format!("/o/default/e/{index}"), format!("/o/default/e/{index}/proof")] {
        assert_eq!(limited.get(&path).status, 404, "{path}");
    }
    assert!(indexes(&limited.page("/o/default/explore?q=&since=")).is_empty());
    assert_eq!(ask(&server, "", ("GET", "/o/default/e/0"), &Value::Null).status, 303);
}

/// A demonstration, ended when dropped.
struct Demo {
    child: Child,
    said: Vec<String>,
}

impl Demo {
    fn start(home: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_indelible"))
            .args(["demo", "--events", "33000", "--listen", "127.0.0.1:0"])
            .env("HOME", home)
            .env("TMPDIR", home)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut demo = Self { child, said: Vec::new() };
        let heard = BufReader::new(demo.child.stderr.take().unwrap());
        for line in heard.lines().map_while(Result::ok) {
            demo.said.push(line);
            if demo.said.last().unwrap() == "ready" {
                return demo;
            }
        }
        panic!("the demonstration did not start: {:#?}", demo.said);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The story of the support session in the terminal: the same four bars as on the page.
fn drawn(said: &[String]) {
    let exports = said.iter().find_map(|line| line.trim().strip_prefix("export ")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        command.args(arguments).envs(exports.split(' ').filter_map(|pair| pair.split_once('=')));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let story = ["timeline", "session", "nrc-5e1f", "--catalog", "netop"];
    let text = run(&[&story[..], &["--output", "table"]].concat());
    assert_eq!(text.matches('├').count(), 4, "{text}");
    assert!(text.contains("Remote session started, ") && text.contains("ws-radiology-07"), "{text}");
    let lines = run(&[&story[..], &["--output", "ndjson"]].concat());
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(
        rows.iter().filter(|row| row["ends_at"].is_string() && row["open"] == false).count(),
        4,
        "{lines}"
    );
}

/// One byte is changed and found, with the event, the file and the place; turned back, everything holds.
fn tampered(home: &Path, integrity: &str) {
    assert!(integrity.contains("Verify now"), "{integrity}");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        let output = command.args(arguments).env("HOME", home).env("TMPDIR", home).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let folder = std::fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    let data = folder.map(|folder| folder.join("data")).find(|data| data.exists()).unwrap();
    let verify = ["verify", "--data", data.to_str().unwrap()];
    assert_eq!(run(&verify).0, 0);
    let (code, said) = run(&["demo", "tamper"]);
    assert!(code == 0 && said.contains("indelible verify --data"), "{said}");
    let (code, said) = run(&verify);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("at byte") && said.contains("event "), "{said}");
    assert_eq!(run(&["demo", "tamper"]).0, 1, "once is enough");
    assert_eq!(run(&["demo", "tamper", "--undo"]).0, 0);
    assert_eq!(run(&verify).0, 0);
}

#[test]
fn a_demonstration_keeps_what_its_tour_promises() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(home.path());
    let links: Vec<&str> = demo.said.iter().flat_map(|line| line.split_whitespace()).collect();
    let links: Vec<&str> = links.into_iter().filter(|word| word.starts_with("http://")).collect();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let page = |url: &str, host: Option<&str>| {
        let mut request = agent.get(url);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let mut answer = request.call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    assert_eq!(links.len(), 7, "{links:?}");
    assert_eq!(page(links[0], None).0, 303);
    for link in &links[1..] {
        let (status, html) = page(link, None);
        assert_eq!(status, 200, "{link}");
        assert!(html.contains("<td class=\"time\">") || html.contains("1204–1207"), "{link}: {html}");
        let flagged = html.contains("chip warning") && !link.ends_with("integrity");
        assert!(!flagged, "its events are as their catalogs want them: {link}");
        assert_eq!(page(link, Some("evil.example")).0, 404, "a name that was made to point here");
    }
    let (_, found) = page(links[1], None);
    assert!(found.contains("Multi-factor authentication disabled") && found.contains("40 failed"), "{found}");
    drawn(&demo.said);
    tampered(home.path(), &page(&format!("{}o/noordwal/integrity", links[0]), None).1);
    // Nothing is left of it.
    let asked = Command::new("kill").args(["-TERM", &demo.child.id().to_string()]).status().unwrap();
    assert!(asked.success() && demo.child.wait().unwrap().success());
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
