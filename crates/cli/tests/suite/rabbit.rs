//! From OpenKAT's lines over syslog to a real RabbitMQ and a consumer in Python that reads the MinVWS payload; the broker is
//! killed and started again under load.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::connect::{openkat_file, openkat_line, openkat_source, python, received, route_until, run, tool};
use crate::service::{start, text, wait_for};

/// Lines that are sent, and how many of them have a routing key that a queue is bound to: two of five are log-ins, one is a
/// change of an account.
const LINES: usize = 10_000;

/// A broker with a folder and ports of its own; killed when dropped.
struct Rabbit {
    dir: PathBuf,
    /// Of AMQP, the distribution of Erlang and its port mapper.
    ports: [u16; 3],
    child: Option<Child>,
}

impl Rabbit {
    fn start(dir: &Path) -> Self {
        let dir = dir.join("rabbit");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("plugins"), "[].").unwrap();
        let port = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut rabbit = Self { dir, ports: [port(), port(), port()], child: None };
        rabbit.again();
        rabbit
    }

    fn again(&mut self) {
        let [amqp, erlang, mapper] = self.ports;
        let said = self.dir.join("said");
        let child = Command::new("/usr/lib/rabbitmq/bin/rabbitmq-server")
            .env("HOME", &self.dir)
            .env("RABBITMQ_NODENAME", format!("test{amqp}@localhost"))
            .env("RABBITMQ_MNESIA_BASE", self.dir.join("data"))
            .env("RABBITMQ_LOG_BASE", self.dir.join("log"))
            .env("RABBITMQ_CONFIG_FILE", self.dir.join("none"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.dir.join("plugins"))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", amqp.to_string())
            .env("RABBITMQ_DIST_PORT", erlang.to_string())
            .env("ERL_EPMD_PORT", mapper.to_string())
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&said).unwrap())
            .stderr(Stdio::null())
            // The script starts the broker as its child: both end together.
            .process_group(0)
            .spawn();
        self.child = Some(child.expect("rabbitmq-server is installed"));
        wait_for("the broker to start", || {
            std::thread::park_timeout(std::time::Duration::from_millis(200));
            std::fs::read_to_string(&said).unwrap_or_default().contains("completed with").then_some(())
        });
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            run("kill", &["-KILL", "--", &format!("-{}", child.id())]);
            child.wait().unwrap();
        }
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.kill();
        // The port mapper goes on by itself; it may never have started.
        let _ended = Command::new("epmd").args(["-port", &self.ports[2].to_string(), "-kill"]).output();
    }
}

/// What a queue holds: the numbers of users in the order of first receipt, each with its message.
fn drained(port: &str, queue: &str, count: usize) -> (Vec<usize>, Vec<Value>, usize) {
    let said = python("amqp.py", &[port, "drain", queue, &count.to_string()]);
    let mut ids: BTreeMap<usize, String> = BTreeMap::new();
    let (mut order, mut firsts, mut repeats) = (Vec::new(), Vec::new(), 0);
    for line in said.lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let user = text(&message["payload"]["user"]["user_id"]).parse().unwrap();
        if let Some(before) = ids.insert(user, text(&message["id"]).to_owned()) {
            assert_eq!(before, text(&message["id"]), "a repeat carries the same id");
            repeats += 1;
        } else {
            order.push(user);
            firsts.push(message);
        }
    }
    (order, firsts, repeats)
}

/// The payload says code, CRUDE letter and result as the catalog has them.
#[track_caller]
fn check(message: &Value) {
    let payload = &message["payload"];
    let (code, result) = (text(&payload["event_code"]), payload["result"].as_i64());
    let (crude, fine) = match code {
        "091111" => ("E", Some(1)),
        "094444" => ("E", Some(0)),
        _ => ("U", Some(1)),
    };
    assert_eq!((text(&payload["action_code"]), result), (crude, fine), "{payload}");
    assert_eq!((&payload["routing_key"], message["mode"].as_i64()), (&message["routing_key"], Some(2)));
}

#[test]
fn openkat_to_rabbitmq_with_the_broker_killed_under_load() {
    let server = start();
    let dir = server.setup().dir();
    let mut rabbit = Rabbit::start(dir);
    let port = rabbit.ports[0].to_string();
    let bindings = ["logins=*.openkat.login_event", "accounts=*.*.account_change"];
    python("amqp.py", &[&port, "declare", "audit", bindings[0], bindings[1]]);
    let (host, syslog) = openkat_source(&server, "kat", &["transport=tcp"]);
    let address = format!("address=127.0.0.1:{port}");
    tool(
        &server,
        &[
            "route",
            "add",
            "rabbit",
            "--filter",
            "catalog:openkat",
            "--encoding",
            "minvws",
            "--personal",
            "send",
            "--to",
            "amqp",
            "--set",
            &address,
            "--set",
            "password=guest",
            "--set",
            "allow_internal=true",
        ],
    );
    let file = dir.join("lines");
    openkat_file(&file, 0..LINES);
    let mut logger = Command::new("logger")
        .args(["--tcp", "--octet-count", "-n", &host, "-P", &syslog, "-S", "8192", "-f"])
        .arg(&file)
        .spawn()
        .unwrap();
    let started = Instant::now();
    for some in [1_000, 4_000] {
        route_until(&server, "rabbit", "some to be delivered", |route| {
            route["delivered"].as_u64() >= Some(some)
        });
        rabbit.kill();
        rabbit.again();
    }
    assert!(logger.wait().unwrap().success());
    assert_eq!(received(&server, "kat", LINES as u64)["stored"], LINES);
    let done = route_until(&server, "rabbit", "all to be delivered", |route| {
        route["delivered"].as_u64() >= Some(LINES as u64) && route["state"] == "running"
    });
    println!("{} confirmed in {:.1?}, with two crashes of the broker", done["delivered"], started.elapsed());
    for (queue, codes, count) in
        [("logins", &["091111", "094444"][..], LINES * 2 / 5), ("accounts", &["900101"][..], LINES / 5)]
    {
        let (users, messages, repeats) = drained(&port, queue, count);
        let is_of = |number: &usize| codes.contains(&text(&openkat_line(*number)["event_code"]));
        let expected: Vec<usize> = (0..LINES).filter(is_of).collect();
        println!("{queue}: {} different, {repeats} repeats", users.len());
        assert_eq!(users, expected, "exactly the right events, in their order");
        for message in &messages {
            check(message);
        }
    }
}
