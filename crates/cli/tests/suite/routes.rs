//! Routes: what leaves and what stays, order and repeats over a crash, a receiver that fails and refuses, what waits for a
//! person, and who may send where.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indelible_testkit::Server;
use serde_json::{Value, json};

use crate::connect::{Rsyslog, certificates, python, route, route_until, tool};
use crate::service::{EVENTS, ask, key, login, refused, search_in, start, text, texts, wait_for, with};

/// Sends events of numbered users.
fn send(server: &Server, users: std::ops::Range<usize>) {
    let events: Vec<Value> =
        users.map(|user| with(login(user), &json!({ "message": format!("user-{user} came") }))).collect();
    let answer = server.post(EVENTS, &json!({ "events": events })).expect(200);
    assert_eq!(answer["counts"]["rejected"], 0, "{answer}");
}

/// Lines of a file as JSON; a last one without its end is left out.
fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn personal_fields_stay_unless_they_are_told_to_leave() {
    let server = start();
    let path = server.setup().dir().join("out.ndjson");
    let place = format!("path={}", path.display());
    let add = |extra: &[&str]| {
        let mut arguments = vec!["route", "add", "copy", "--to", "file", "--from", "0", "--set", &place];
        arguments.extend(extra);
        tool(&server, &arguments)
    };
    add(&[]);
    send(&server, 7..8);
    let first = wait_for("the event", || lines(&path).first().cloned());
    assert_eq!((&first["code"], &first["account"]), (&json!("091111"), &json!("acme")));
    let shown = first.to_string();
    assert!(!shown.contains("user-7") && !shown.contains("192.0.2.7"), "{shown}");
    let tried = tool(&server, &["route", "test", "copy"]);
    let withheld = texts(&tried["fields"]["withheld"]);
    assert_eq!(withheld, ["message", "actor.id", "origin.address"], "{tried}");
    assert_eq!(tried["routing_key"], "default.openkat.login_event");
    assert_eq!(serde_json::from_str::<Value>(text(&tried["body"])).unwrap(), first);

    add(&["--personal", "pseudonym", "--send", "origin", "--withhold", "account"]);
    send(&server, 7..9);
    let three = wait_for("three events", || Some(lines(&path)).filter(|lines| lines.len() == 3));
    let name = |at: usize| text(&three[at]["actor"]["id"]).to_owned();
    assert!(name(1).starts_with("pn-") && name(1) != name(2), "{three:?}");
    assert_eq!((&three[1]["origin"]["address"], &three[1]["account"]), (&json!("192.0.2.7"), &Value::Null));

    add(&["--personal", "send", "--encoding", "cef"]);
    send(&server, 9..10);
    let text = wait_for("a line of CEF", || {
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines().find(|line| line.starts_with("CEF:0|Indelible|openkat|")).map(str::to_owned)
    });
    assert!(text.contains("suid=user-9") && text.contains("cat=default.openkat.login_event"), "{text}");
    assert_eq!(lines(&path).len(), 3);
    let again = tool(&server, &["route", "replay", "copy", "--index", "0"]);
    assert_eq!(again["name"], "copy");
    wait_for("all of them again", || {
        let text = std::fs::read_to_string(&path).unwrap();
        (text.lines().filter(|line| line.starts_with("CEF:")).count() >= 5).then_some(())
    });
}

#[test]
fn a_crash_loses_nothing_and_keeps_the_order() {
    const USERS: usize = 20_000;
    let mut server = start();
    let path = server.setup().dir().join("out.ndjson");
    let place = format!("path={}", path.display());
    tool(
        &server,
        &["route", "add", "copy", "--to", "file", "--personal", "send", "--batch", "50", "--set", &place],
    );
    for part in 0..4 {
        send(&server, part * USERS / 4..(part + 1) * USERS / 4);
        let some = (part * USERS / 4 + 1_000).min(USERS);
        wait_for("some to be delivered", || (lines(&path).len() >= some).then_some(()));
        server = server.kill().start();
    }
    let all = wait_for("all to be delivered", || {
        let lines = lines(&path);
        let last = lines.last()?;
        (last["actor"]["id"] == format!("user-{}", USERS - 1)).then_some(lines)
    });
    let mut ids: BTreeMap<u64, &str> = BTreeMap::new();
    let (mut expected, mut repeats) = (0, 0);
    for line in &all {
        let (index, id) = (line["index"].as_u64().unwrap(), text(&line["id"]));
        if let Some(before) = ids.insert(index, id) {
            assert_eq!(before, id, "a repeat carries the same id");
            repeats += 1;
        } else {
            assert_eq!(line["actor"]["id"], format!("user-{expected}"), "first seen in order");
            expected += 1;
        }
    }
    println!("{expected} delivered, {repeats} repeats over four crashes");
    assert_eq!(expected, USERS);
    assert!(repeats <= 4 * 50, "only what was not yet noted comes again");
}

/// A receiver of webhooks: fails some, refuses those of one user while told to.
struct Receiver {
    url: String,
    taken: Arc<Mutex<Vec<(Value, String)>>>,
    refuses: Arc<Mutex<Option<String>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (taken, asked) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicUsize>::default());
        let refuses = Arc::new(Mutex::new(Some("user-13".to_owned())));
        let state = (Arc::clone(&taken), asked, Arc::clone(&refuses));
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (taken, asked, refuses) = (state.0.clone(), state.1.clone(), state.2.clone());
                std::thread::spawn(move || while answer(&stream, &taken, &asked, &refuses).is_some() {});
            }
        });
        Self { url, taken, refuses }
    }

    fn users(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let body = |body: &String| serde_json::from_str::<Value>(body).unwrap();
        taken.iter().map(|(_, text)| body(text)["actor"]["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// Answers one request: three of ten with 503, those of the refused user with 422.
fn answer(
    stream: &TcpStream,
    taken: &Mutex<Vec<(Value, String)>>,
    asked: &AtomicUsize,
    refuses: &Mutex<Option<String>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut headers = json!({});
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 0 && line != "\r\n" {
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            headers[name.to_ascii_lowercase()] = value.into();
        }
        line.clear();
    }
    let mut body = vec![0; headers["content-length"].as_str()?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let refused = refuses.lock().unwrap().as_ref().is_some_and(|user| body.contains(&format!("\"{user}\"")));
    let status = match asked.fetch_add(1, Ordering::Relaxed) % 10 {
        1 | 4 | 8 => "503 Service Unavailable",
        _ if refused => "422 Unprocessable Content",
        _ => {
            taken.lock().unwrap().push((headers, body));
            "204 No Content"
        }
    };
    let mut writer = stream;
    writer.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()
}

#[test]
fn a_webhook_that_fails_and_refuses_gets_the_rest_in_order() {
    let server = start();
    let receiver = Receiver::start();
    let url = format!("url={}", receiver.url);
    let made = tool(
        &server,
        &[
            "route",
            "add",
            "hook",
            "--filter",
            "code:091111",
            "--to",
            "webhook",
            "--personal",
            "send",
            "--set",
            &url,
            "--set",
            "allow_internal=true",
        ],
    );
    let secret = text(&made["made_secret"]).to_owned();
    let kept = route(&server, "hook");
    assert_eq!(
        (&kept["settings"]["to"]["webhook"]["secret"], &kept["made_secret"]),
        (&json!("(hidden)"), &Value::Null)
    );
    send(&server, 0..30);
    let expected: Vec<String> =
        (0..30).filter(|user| *user != 13).map(|user| format!("user-{user}")).collect();
    wait_for("the others to be delivered", || {
        std::thread::park_timeout(Duration::from_millis(50));
        (receiver.users() == expected).then_some(())
    });
    let state = route_until(&server, "hook", "one to be parked", |route| route["parked"] == 1);
    assert_eq!((&state["state"], &state["fault"]), (&json!("running"), &Value::Null), "{state}");

    let waiting = tool(&server, &["delivery", "list"]);
    let waiting = waiting.as_array().map_or_else(|| waiting.clone(), |rows| rows[0].clone());
    assert!(text(&waiting["reason"]).contains("422"), "{waiting}");
    let index = waiting["index"].to_string();
    let failed = server.tool(&["delivery", "retry", "hook", &index]).output().unwrap();
    assert!(!failed.status.success(), "it is still refused");
    *receiver.refuses.lock().unwrap() = None;
    wait_for("the retry to be delivered", || {
        server.tool(&["delivery", "retry", "hook", &index]).output().unwrap().status.success().then_some(())
    });
    assert_eq!(receiver.users().last().unwrap(), "user-13");
    assert_eq!(route(&server, "hook")["parked"], 0);

    *receiver.refuses.lock().unwrap() = Some("user-31".to_owned());
    send(&server, 31..32);
    let state = route_until(&server, "hook", "another to be parked", |route| route["parked"] == 1);
    assert_eq!(state["lag"].as_u64().map(|lag| lag < 50), Some(true));
    let waiting = server.get("/api/v1/orgs/default/deliveries?route=hook").expect(200)["items"][0].clone();
    refused(
        &server.request("DELETE", "/api/v1/orgs/default/routes/hook", &[("if-match", "\"1\"")], &[]),
        409,
        "in_progress",
    );
    tool(&server, &["delivery", "drop", "hook", &waiting["index"].to_string()]);
    let told = search_in(&server, "default", "catalog:indelible entity:DELIVERY");
    let codes: Vec<&str> = told.iter().map(|event| text(&event["code"])).collect();
    assert_eq!(codes, ["DELIVERY.PARK", "DELIVERY.REPLAY", "DELIVERY.PARK", "DELIVERY.DROP"]);
    assert_eq!(told[3]["targets"][0]["id"], waiting["event"]);
    tool(&server, &["route", "remove", "hook"]);

    let (headers, body) = receiver.taken.lock().unwrap().last().cloned().unwrap();
    let file = server.setup().dir().join("request.json");
    std::fs::write(&file, json!({ "headers": headers, "body": body }).to_string()).unwrap();
    assert_eq!(python("webhook.py", &[&secret, file.to_str().unwrap()]).trim(), "verified");
    assert_eq!(headers["webhook-id"], serde_json::from_str::<Value>(&body).unwrap()["id"]);
}

#[test]
fn one_dead_destination_costs_the_others_nothing() {
    let server = start();
    let path = server.setup().dir().join("out.ndjson");
    let place = format!("path={}", path.display());
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for at in 0..10 {
        let (name, address) = (format!("dead-{at}"), format!("address={dead}"));
        tool(
            &server,
            &["route", "add", &name, "--to", "amqp", "--set", &address, "--set", "allow_internal=true"],
        );
    }
    tool(&server, &["route", "add", "copy", "--to", "file", "--set", &place]);
    send(&server, 0..1_000);
    wait_for("the living one", || (lines(&path).len() == 1_000).then_some(()));
    let waiting = route_until(&server, "dead-0", "a fault to be shown", |route| route["state"] == "waiting");
    assert!(text(&waiting["fault"]).contains(&dead.to_string()), "{waiting}");
    assert!(waiting["lag"].as_u64().unwrap() >= 1_000, "{waiting}");
}

#[test]
fn only_administrators_of_the_node_reach_inside() {
    let server = start();
    let (administrator, _) = key(&server, "default", &json!({ "kind": "ad" }));
    let (reader, _) = key(&server, "default", &json!({ "kind": "rd" }));
    let put = |token: &str, name: &str, to: Value| {
        let path = format!("/api/v1/orgs/default/routes/{name}");
        ask(&server, token, ("PUT", &path), &json!({ "to": to }))
    };
    let outside = json!({ "webhook": { "url": "https://192.0.2.1/hook" } });
    refused(&put(&reader, "a", outside.clone()), 403, "permission_missing");
    put(&administrator, "a", outside).expect(201);
    for inside in [
        json!({ "file": { "path": "/x" } }),
        json!({ "webhook": { "url": "http://127.0.0.1/", "allow_internal": true } }),
        json!({ "amqp": { "address": "127.0.0.1:5672", "allow_internal": true } }),
    ] {
        refused(&put(&administrator, "b", inside), 403, "permission_missing");
    }
    // Without leave the address itself is refused, whatever its name.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
    put(&administrator, "c", json!({ "webhook": { "url": url } })).expect(201);
    send(&server, 0..1);
    let state = route_until(&server, "c", "the address to be refused", |route| route["state"] == "waiting");
    assert!(text(&state["fault"]).contains("internal address"), "{state}");
    for (settings, says) in [
        (json!({}), "say where to"),
        (json!({ "to": { "kafka": {} } }), "kafka"),
        (json!({ "to": { "file": { "path": "x" } } }), "absolute"),
        (json!({ "to": { "file": { "path": "/x" } }, "filter": "colour:red" }), "colour"),
        (json!({ "to": { "file": { "path": "/x" } }, "routing_key": "{colour}" }), "colour"),
    ] {
        let answer = ask(&server, &server.token, ("PUT", "/api/v1/orgs/default/routes/d"), &settings);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(says), "{}", answer.text());
    }
}

#[test]
fn rsyslog_receives_over_tls_and_plain() {
    const USERS: usize = 10_000;
    let server = start();
    let dir = server.setup().dir();
    let [cert, key, ca] = certificates(dir);
    let port = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (name, transport) in [("plain", "tcp"), ("secure", "tls")] {
        let (port, work) = (port(), dir.join(name));
        std::fs::create_dir(&work).unwrap();
        let out = work.join("out");
        let driver = if transport == "tls" {
            r#"StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon""#
        } else {
            ""
        };
        let configuration = format!(
            r#"global(workDirectory="{}" DefaultNetstreamDriverCAFile="{ca}" DefaultNetstreamDriverCertFile="{cert}"
  DefaultNetstreamDriverKeyFile="{key}" maxMessageSize="64k")
module(load="imtcp" {driver})
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="line" type="string" string="%app-name% %structured-data% %msg%\n")
action(type="omfile" file="{}" template="line")
"#,
            work.display(),
            out.display()
        );
        let _rsyslog = Rsyslog::start(&work, &configuration);
        let place = format!("address=127.0.0.1:{port}");
        let (transport, ca) = (format!("transport={transport}"), format!("ca_file={ca}"));
        let settings = [place.as_str(), &transport, &ca, "allow_internal=true"];
        let mut arguments = vec!["route", "add", name, "--to", "syslog", "--personal", "send"];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        tool(&server, &arguments);
        for part in 0..4 {
            send(&server, part * USERS / 4..(part + 1) * USERS / 4);
        }
        let lines = wait_for("all to be received", || {
            std::thread::park_timeout(Duration::from_millis(100));
            let text = std::fs::read_to_string(&out).unwrap_or_default();
            (text.lines().count() == USERS && text.ends_with('\n')).then_some(text)
        });
        for (at, line) in lines.lines().enumerate() {
            let (head, body) = line.split_once("] ").unwrap();
            let event: Value = serde_json::from_str(body.trim_start()).unwrap();
            assert_eq!(event["actor"]["id"], format!("user-{at}"), "in the order of the log");
            assert!(
                head.contains(text(&event["id"])) && head.starts_with("indelible [indelible@32473"),
                "{head}"
            );
        }
        tool(&server, &["route", "pause", name]);
    }
}
