//! What the tests of the running service share: requests with any key, events that make no finding, waiting for a
//! condition.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use indelible_event::Time;
use indelible_formats::rfc3339;
use indelible_testkit::{Answer, Server, Setup, examples};
use serde_json::{Value, json};

/// Longest wait for something that must happen; a loaded machine needs some of it.
const PATIENCE_SECONDS: i64 = 60;
/// Where events of the first organization go.
pub(crate) const EVENTS: &str = "/api/v1/orgs/default/events";

/// How the built binary is started.
pub(crate) fn setup() -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_indelible"))
}

/// A fresh server.
pub(crate) fn start() -> Server {
    setup().start()
}

/// The time so many seconds from now.
pub(crate) fn time(from_now: i64) -> String {
    let now = examples::now();
    rfc3339::text(Time { seconds: now.seconds + from_now, ..now })
}

/// An event that makes no finding, of a user of that number.
pub(crate) fn login(user: usize) -> Value {
    json!({
        "catalog": "openkat", "code": "091111", "occurred_at": time(0), "account": "acme",
        "actor": { "id": format!("user-{user}"), "kind": "user" }, "origin": { "address": "192.0.2.7" },
    })
}

/// An event with further members.
pub(crate) fn with(mut event: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// A request with this key, or with none if it is empty.
pub(crate) fn ask(server: &Server, token: &str, request: (&str, &str), body: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("content-type", "application/json")];
    if !token.is_empty() {
        headers.push(("authorization", &authorization));
    }
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    server.bare(request.0, request.1, &headers, &bytes).unwrap()
}

/// GET with this key.
pub(crate) fn get(server: &Server, token: &str, path: &str) -> Answer {
    ask(server, token, ("GET", path), &Value::Null)
}

/// A new key of an organization.
pub(crate) fn key(server: &Server, org: &str, wanted: &Value) -> (String, String) {
    let made = server.post(&format!("/api/v1/orgs/{org}/keys"), wanted).expect(201);
    (made["token"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
}

/// Demands a refusal with this status and code; gives the problem.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    let problem = answer.expect(status);
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["type"], format!("/docs/errors/{code}"), "{problem}");
    problem
}

/// The first finding of a refusal, or of a result that holds one.
pub(crate) fn finding(problem: &Value) -> &Value {
    problem.get("problem").unwrap_or(problem).pointer("/errors/0").unwrap_or(&Value::Null)
}

/// One page of a search in the first organization.
#[track_caller]
pub(crate) fn search(server: &Server, query: &str) -> Vec<Value> {
    search_in(server, "default", query)
}

/// One page of a search.
#[track_caller]
pub(crate) fn search_in(server: &Server, org: &str, query: &str) -> Vec<Value> {
    let asked = json!({ "q": query, "limit": 1000, "sort": "index" });
    let found = server.post(&format!("/api/v1/orgs/{org}/events/search"), &asked).expect(200);
    assert_eq!(found["complete"], true, "{query}");
    found["items"].as_array().unwrap().clone()
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = examples::now().seconds + PATIENCE_SECONDS;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(examples::now().seconds < until, "waited {PATIENCE_SECONDS} s for {what}");
        std::thread::yield_now();
    }
}

/// Status line, headers and body of a plain GET.
pub(crate) fn fetch(url: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: {host}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A sample of the repository's `tests/data`.
pub(crate) fn sample(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join("tests/data").join(name)).unwrap()
}

/// Writes a file of a test's own folder.
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// The text of a JSON value.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

/// The texts of a list.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
