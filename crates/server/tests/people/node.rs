//! A server in this process on free ports, its clocks, and browsers and programs that talk to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use indelible_durable::clock::Clock;
use indelible_server::Running;
use indelible_server::config::Config;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ureq::http::Request;

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// A passphrase of everybody who has one.
pub(crate) const PHRASE: &str = "seven quiet herons";

pub(crate) struct Node {
    runtime: Runtime,
    running: Option<Running>,
    moved: Arc<AtomicI64>,
    dir: Arc<TempDir>,
    agent: ureq::Agent,
    pub(crate) url: String,
    pub(crate) claim: Option<String>,
    /// The administrator's key of the first start.
    pub(crate) token: String,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The code of a problem, from JSON or from the page that says it.
    pub(crate) fn code(&self) -> String {
        let json: Option<Value> = serde_json::from_str(&self.body).ok();
        let of_page = || Some(self.body.split("/docs/errors/").nth(1)?.split('"').next()?.to_owned());
        json.and_then(|body| Some(body["code"].as_str()?.to_owned())).or_else(of_page).unwrap_or_default()
    }
}

impl Node {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        let mut node = Self {
            runtime,
            running: None,
            moved: Arc::default(),
            dir,
            agent: config.into(),
            url: String::new(),
            claim: None,
            token: String::new(),
        };
        node.run();
        node
    }

    fn run(&mut self) {
        let flags = [
            ("--data", "node.data", self.data().display().to_string()),
            ("--listen", "http.listen", "127.0.0.1:0".to_owned()),
            ("--admin-listen", "http.admin_listen", "127.0.0.1:0".to_owned()),
        ];
        let config = Config::load(None, std::iter::empty(), &flags).unwrap();
        let (wall, boot) = (Arc::clone(&self.moved), Arc::clone(&self.moved));
        let (system, also) = (Clock::system(), Clock::system());
        let clock = Clock::new(
            Arc::new(move || system.now_ns() + wall.load(Ordering::SeqCst)),
            Arc::new(move || also.boot_ns() + boot.load(Ordering::SeqCst)),
        );
        let anchor = Some(self.dir.path().join("anchor"));
        let running = self.runtime.block_on(indelible_server::start(config, clock, anchor)).unwrap();
        self.url = format!("http://{}", running.api);
        self.claim.clone_from(&running.claim_url);
        if let Some(founded) = &running.founded {
            self.token.clone_from(&founded.token);
        }
        self.running = Some(running);
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Stops it and starts it again on the same folder.
    pub(crate) fn restart(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
        self.run();
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, ns: i64) {
        self.moved.fetch_add(ns, Ordering::SeqCst);
    }

    pub(crate) fn now_ms(&self) -> i64 {
        Clock::system().now_ns() / 1_000_000 + self.moved.load(Ordering::SeqCst) / 1_000_000
    }

    /// The token of the claim link.
    #[track_caller]
    pub(crate) fn claim_token(&self) -> String {
        token_of(self.claim.as_ref().expect("a claim link is offered"))
    }

    /// A request with these headers and no others.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()));
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        Answer { status, headers, body: answer.body_mut().read_to_string().unwrap_or_default() }
    }

    /// A request of a program with a key.
    pub(crate) fn api(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", bearer.as_str()));
        }
        self.ask(method, path, &headers, &if body.is_null() { String::new() } else { body.to_string() })
    }

    /// The same with the first key, and a demanded status.
    #[track_caller]
    pub(crate) fn admin(&self, method: &str, path: &str, body: &Value, status: u16) -> Value {
        let answer = self.api(&self.token, method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        answer.json()
    }

    /// Adds a person; gives their id and the token of their invitation.
    #[track_caller]
    pub(crate) fn add(&self, name: &str, role: &str, organization: &str) -> (String, String) {
        let body = json!({
            "name": name,
            "email": format!("{}@example.org", name.replace(' ', ".")),
            "roles": [{ "role": role, "organization": organization }],
        });
        let made = self.admin("POST", "/api/v1/people", &body, 201);
        (text(&made["id"]), token_of(&text(&made["invitation"]["url"])))
    }

    /// A person who is in; gives their id and their browser.
    #[track_caller]
    pub(crate) fn person(&self, name: &str, role: &str, organization: &str) -> (String, Browser<'_>) {
        let (id, token) = self.add(name, role, organization);
        // So many from one address that the limit of tries would hold them up.
        self.pass(20 * SECOND);
        let mut browser = Browser::new(self);
        let form = [("token", token.as_str()), ("passphrase", PHRASE), ("again", PHRASE)];
        let answer = browser.send("/invitation", &form);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/me")), "{}", answer.body);
        (id, browser)
    }

    /// Events of a code in the catalog of our own, oldest first.
    #[track_caller]
    pub(crate) fn own_events(&self, org: &str, code: &str) -> Vec<Value> {
        let query = format!("catalog:indelible code:{code}");
        let body = json!({ "q": query, "since": "", "sort": "index", "limit": 1000 });
        let found = self.admin("POST", &format!("/api/v1/orgs/{org}/events/search"), &body, 200);
        found["items"].as_array().unwrap().clone()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// A browser that keeps its session's cookie.
#[derive(Clone)]
pub(crate) struct Browser<'n> {
    pub(crate) node: &'n Node,
    pub(crate) cookie: String,
}

impl<'n> Browser<'n> {
    pub(crate) fn new(node: &'n Node) -> Self {
        Self { node, cookie: String::new() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.node.ask("GET", path, &[("cookie", &self.cookie)], "")
    }

    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {} {}", answer.code(), answer.body);
        answer.body
    }

    /// Sends a form as a page of ours would, without a token against forgery.
    pub(crate) fn send(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        let answer = self.node.ask("POST", path, &headers, &body.collect::<Vec<_>>().join("&"));
        if let Some(cookie) = answer.header("set-cookie") {
            cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        answer
    }

    /// The same with the token of the session.
    pub(crate) fn form(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf();
        let all: Vec<(&str, &str)> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        self.send(path, &all)
    }

    /// The token that forms carry; every page of somebody with a session has it.
    #[track_caller]
    pub(crate) fn csrf(&self) -> String {
        let page = self.get("/catalogs").body;
        between(&page, "name=\"csrf\" value=\"", "\"")
            .unwrap_or_else(|| between(&self.page("/me"), "name=\"csrf\" value=\"", "\"").unwrap())
    }

    /// Logs in with a passphrase.
    pub(crate) fn enter(&mut self, email: &str, passphrase: &str) -> Answer {
        self.send("/login", &[("email", email), ("passphrase", passphrase), ("back", "/me")])
    }

    /// What the page says once.
    #[track_caller]
    pub(crate) fn shown_once(&self, path: &str) -> String {
        between(&self.page(path), "id=\"shown-once\" class=\"mono long\" value=\"", "\"").unwrap()
    }

    /// A key of the person's own.
    #[track_caller]
    pub(crate) fn own_key(&mut self) -> String {
        let answer = self.form("/me/keys", &[("label", "program"), ("days", "30")]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        self.shown_once("/me")
    }
}

pub(crate) fn between(text: &str, before: &str, after: &str) -> Option<String> {
    Some(text.split(before).nth(1)?.split(after).next()?.to_owned())
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"))
}

pub(crate) fn token_of(link: &str) -> String {
    link.split("#t=").nth(1).unwrap().to_owned()
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
