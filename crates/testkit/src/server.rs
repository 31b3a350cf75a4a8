//! A running server of the built binary, on free ports and in a folder of its own; killed when dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    binary: PathBuf,
    dir: Arc<TempDir>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    token: Option<String>,
}

/// A server and how to reach it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    again: Setup,
    reader: Option<JoinHandle<()>>,
    said: Arc<Mutex<Vec<String>>>,
    agent: ureq::Agent,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The same of the admin listener.
    pub admin: String,
    /// The administrator's key of the first start.
    pub token: String,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Setup {
    /// A server of this binary in a fresh folder.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        Self { binary: binary.into(), dir, arguments: Vec::new(), environment: Vec::new(), token: None }
    }

    /// The folder that holds data, anchor and whatever the test puts there.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// One more argument of `serve`.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// One more variable of its environment.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The command, not started: `serve` on free ports.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("serve")
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
            .arg(self.dir.path().join("data"))
            .args(&self.arguments)
            .env("XDG_STATE_HOME", self.dir.path().join("state"))
            .env("HOME", self.dir.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// The same, started on a folder that has this administrator's key already.
    pub fn start_with(mut self, token: &str) -> Server {
        self.token = Some(token.to_owned());
        self.start()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The binary with these arguments, in the environment that the server has.
    pub fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env("XDG_STATE_HOME", self.dir.path().join("state"))
            .env("XDG_CONFIG_HOME", self.dir.path().join("config"))
            .env("HOME", self.dir.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts it although it has to refuse; gives its exit code and what it said.
    pub fn refused(&self) -> (i32, String) {
        let mut child = self.command().spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut said = String::new();
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            said.push_str(&line);
            said.push('\n');
            if line == "ready" {
                // Both fail only when the process is gone already.
                let (_killed, _reaped) = (child.kill(), child.wait());
                panic!("it started, and should have refused: {said}");
            }
        }
        let status = child.wait().expect("the process ends");
        (status.code().unwrap_or(-1), said)
    }

    /// Starts it and waits until it says where it listens.
    pub fn start(self) -> Server {
        let mut child = self.command().spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("standard error is piped");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, heard) = (Arc::clone(&said), std::sync::mpsc::channel());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // The receiver goes away once the server is up.
                drop(heard.0.send(line.clone()));
                lines.lock().expect("no panic while held").push(line);
            }
        });
        let (mut url, mut admin, mut token) = (None, None, self.token.clone());
        while let Ok(line) = heard.1.recv() {
            if let Some(rest) = line.trim().strip_prefix("API ") {
                url = rest.trim().strip_suffix("/api/v1").map(str::to_owned);
            }
            if let Some(rest) = line.trim().strip_prefix("health ") {
                admin = rest.trim().split("/healthz").next().map(str::to_owned);
            }
            if let Some(rest) = line.trim().strip_prefix("export INDELIBLE_TOKEN=") {
                token = Some(rest.to_owned());
            }
            if url.is_some() && admin.is_some() && (token.is_some() || line.starts_with("ready")) {
                break;
            }
        }
        let started = url.zip(admin).zip(token);
        let Some(((url, admin), token)) = started else {
            let status = child.wait();
            panic!("the server did not start ({status:?}): {:#?}", said.lock().expect("no panic while held"));
        };
        // As many as any test has senders: they keep their connections.
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(64)
            .max_idle_connections_per_host(64)
            .build();
        let again = Setup { token: Some(token.clone()), ..self };
        Server { child, again, reader: Some(reader), said, agent: config.into(), url, admin, token }
    }
}

impl Server {
    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.again.dir.path().join("data")
    }

    /// How it was started.
    pub fn setup(&self) -> &Setup {
        &self.again
    }

    /// The binary with these arguments, as a client of this server.
    pub fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = self.again.tool(arguments);
        command.env("INDELIBLE_SERVER", &self.url).env("INDELIBLE_TOKEN", &self.token);
        command
    }

    /// Everything it said on standard error so far.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().expect("no panic while held").clone()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A request with the administrator's key.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let token = format!("Bearer {}", self.token);
        let all: Vec<(&str, &str)> =
            headers.iter().copied().chain([("authorization", token.as_str())]).collect();
        self.bare(method, path, &all, body).expect("the server answers")
    }

    /// A request with these headers and no others; an error when there was no answer.
    pub fn bare(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_vec()).expect("a well-formed request");
        let mut answer = self.agent.run(request)?;
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()));
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec()?;
        Ok(Answer { status, headers, body })
    }

    /// GET with the administrator's key.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], &[])
    }

    /// POST of JSON with the administrator's key.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Sends events to the organization `default`.
    pub fn send(&self, body: &Value) -> Answer {
        self.post("/api/v1/orgs/default/events", body)
    }

    /// Ends it at once, as a power cut would, and returns how to start it again on the same folder.
    pub fn kill(mut self) -> Setup {
        self.end();
        self.again.clone()
    }

    /// Ends it in order and returns how to start it again on the same folder.
    pub fn stop(mut self) -> Setup {
        let pid = i32::try_from(self.child.id()).expect("process ids are positive");
        let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().expect("kill runs");
        assert!(sent.success(), "the signal was delivered");
        let status = self.child.wait().expect("the server ends");
        assert!(status.success(), "the server ended with {status}: {:#?}", self.said());
        self.again.clone()
    }

    fn end(&mut self) {
        // Both fail only when the process is gone already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _read = reader.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; fails the test unless the status is this one.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }
}
