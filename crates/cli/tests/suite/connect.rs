//! What tests of sources and routes share: lines as OpenKAT writes them, sources and routes by the command line, and
//! programs that nobody here wrote.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::path::Path;
use std::process::Command;

use indelible_testkit::Server;
use serde_json::{Value, json};

use crate::binary::root;
use crate::service::{text, time, wait_for};

/// Runs the tool and gives what it prints; fails the test when it fails.
#[track_caller]
pub(crate) fn tool(server: &Server, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let ran = server.tool(&arguments).output().unwrap();
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// Runs a program that has to succeed.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let ran =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// Runs a script in the environment of foreign receivers.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[&str]) -> String {
    run("bash", &[root().join("tests/connect/setup.sh").to_str().unwrap()]);
    let script = root().join("tests/connect").join(script);
    let all: Vec<&str> = [script.to_str().unwrap()].into_iter().chain(arguments.iter().copied()).collect();
    run(root().join("target/connect/bin/python").to_str().unwrap(), &all)
}

/// A line of OpenKAT's log, its user's number being its own. Log-ins (some failed), changes of accounts, and others.
pub(crate) fn openkat_line(number: usize) -> Value {
    let (code, event) = match number % 5 {
        0 => ("091111", "User logged in"),
        1 => ("094444", "User login failed"),
        2 => ("900101", "KATUser updated"),
        3 => ("900201", "Organization created"),
        _ => ("800021", "Enabling plugin"),
    };
    json!({
        "event_code": code, "event": event, "user_id": number, "ip": "192.0.2.7", "level": "info",
        "request_id": format!("request-{number}"), "timestamp": time(0).trim_end_matches('Z'),
        "object": format!("é{{}}\"{number}"),
    })
}

/// A file of such lines.
pub(crate) fn openkat_file(path: &Path, numbers: std::ops::Range<usize>) {
    let lines: Vec<String> = numbers.map(|number| openkat_line(number).to_string()).collect();
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

/// Adds a syslog source for OpenKAT's lines; gives where it listens.
pub(crate) fn openkat_source(server: &Server, name: &str, settings: &[&str]) -> (String, String) {
    let mut arguments =
        vec!["source", "add", name, "--kind", "syslog", "--format", "openkat", "--zone", "UTC"];
    arguments.extend(["--set", "listen=127.0.0.1:0"]);
    for setting in settings {
        arguments.extend(["--set", *setting]);
    }
    let made = tool(server, &arguments);
    assert_eq!(made["state"], "listening", "{made}");
    let (host, port) = text(&made["address"]).split_once(':').unwrap();
    (host.to_owned(), port.to_owned())
}

/// Waits until a source has received so many records and all of them have an end; gives its counts.
pub(crate) fn received(server: &Server, name: &str, count: u64) -> Value {
    wait_for("records to be received and stored", || {
        let counts =
            server.get(&format!("/api/v1/orgs/default/sources/{name}")).expect(200)["counts"].clone();
        let refused = counts["refused"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
        let ends = ["stored", "duplicate", "quarantined", "skipped"].map(|end| counts[end].as_u64().unwrap());
        let ended = ends.iter().sum::<u64>() + refused.sum::<u64>();
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        (counts["received"] == count && ended == count).then_some(counts)
    })
}

/// A route as it is now.
pub(crate) fn route(server: &Server, name: &str) -> Value {
    server.get(&format!("/api/v1/orgs/default/routes/{name}")).expect(200)
}

/// Waits until a route is so.
pub(crate) fn route_until(server: &Server, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        Some(route(server, name)).filter(&is)
    })
}

/// A certificate for localhost, its key, and the authority that signed it.
pub(crate) fn certificates(dir: &Path) -> [String; 3] {
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let script = r#"
        set -e
        cd "$1"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
            -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out leaf.csr
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >leaf.ext
        openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out cert.pem
    "#;
    run("bash", &["-c", script, "bash", dir.to_str().unwrap()]);
    [path("cert.pem"), path("key.pem"), path("ca.pem")]
}

/// rsyslog in the foreground; ended when dropped.
pub(crate) struct Rsyslog(std::process::Child);

impl Rsyslog {
    pub(crate) fn start(dir: &Path, configuration: &str) -> Self {
        let (file, pid) = (dir.join("rsyslog.conf"), dir.join("rsyslog.pid"));
        std::fs::write(&file, configuration).unwrap();
        let child = Command::new("rsyslogd").arg("-n").arg("-f").arg(&file).arg("-i").arg(&pid).spawn();
        Self(child.expect("rsyslog is installed"))
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let (_killed, _reaped) = (self.0.kill(), self.0.wait());
    }
}
