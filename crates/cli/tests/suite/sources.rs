//! Sources: syslog from `logger` and rsyslog over UDP, TCP and TLS, what cannot be taken, silence, and what is recorded.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::io::Write;
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible_testkit::Server;
use serde_json::{Value, json};

use crate::connect::{
    Rsyslog, certificates, openkat_file, openkat_line, openkat_source, received, run, tool,
};
use crate::service::{ask, key, refused, search_in, start, text, wait_for};

/// Lines that each client sends.
const LINES: usize = 10_000;

/// Events of a source, in the order of the log.
fn events(server: &Server, source: &str) -> Vec<Value> {
    let path = format!("/api/v1/orgs/default/feed?q=producer%3A{source}&limit=10000");
    let mut items: Vec<Value> = Vec::new();
    let mut from = 0;
    loop {
        let page = server.get(&format!("{path}&from={from}")).expect(200);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        if page["next"] == page["high_water"] {
            return items;
        }
        from = page["next"].as_u64().unwrap();
    }
}

/// Every line is an event with what it said, in the order in which it was sent.
#[track_caller]
fn check(server: &Server, source: &str, in_order: bool) {
    let mut events = events(server, source);
    assert_eq!(events.len(), LINES, "stored = sent");
    let number = |event: &Value| text(&event["actor"]["id"]).parse::<usize>().unwrap();
    if !in_order {
        events.sort_by_key(number);
    }
    for (at, event) in events.iter().enumerate() {
        let line = openkat_line(at);
        assert_eq!((number(event), &event["code"]), (at, &line["event_code"]), "{event}");
        assert_eq!(event["trace"]["request_id"], line["request_id"]);
        assert_eq!(event["targets"][0]["name"], line["object"], "{event}");
        assert_eq!((&event["catalog"], &event["producer"]["name"]), (&json!("openkat"), &json!(source)));
    }
}

#[test]
fn logger_sends_over_tcp_and_udp() {
    let server = start();
    let file = server.setup().dir().join("lines");
    openkat_file(&file, 0..LINES);
    for (source, options) in
        [("tcp-lines", ["--tcp", "--rfc3164"]), ("tcp-counted", ["--octet-count", "--rfc5424=notq"])]
    {
        let (host, port) = openkat_source(&server, source, &["transport=tcp"]);
        let mut arguments =
            vec!["-n", &host, "-P", &port, "-S", "8192", "-t", "kat", "-f", file.to_str().unwrap()];
        arguments.extend(options);
        if source == "tcp-counted" {
            arguments.push("--tcp");
        }
        run("logger", &arguments);
        let counts = received(&server, source, LINES as u64);
        assert_eq!(counts["stored"], LINES, "{counts}");
        check(&server, source, true);
    }
    let (host, port) = openkat_source(&server, "udp", &["transport=udp"]);
    // Datagrams that the kernel has no room for are lost: not all at once.
    for part in 0..LINES / 100 {
        openkat_file(&file, part * 100..(part + 1) * 100);
        run("logger", &["-n", &host, "-P", &port, "-d", "-S", "8192", "-f", file.to_str().unwrap()]);
        wait_for("datagrams to be received", || {
            let shown = server.get("/api/v1/orgs/default/sources/udp").expect(200);
            (shown["counts"]["received"] == (part + 1) * 100).then_some(())
        });
    }
    assert_eq!(received(&server, "udp", LINES as u64)["stored"], LINES);
    check(&server, "udp", false);
}

#[test]
fn rsyslog_sends_over_tls() {
    let server = start();
    let dir = server.setup().dir();
    let [cert, key, ca] = certificates(dir);
    let (cert_file, key_file) = (format!("cert_file={cert}"), format!("key_file={key}"));
    let (_, port) = openkat_source(&server, "rsyslog", &["transport=tls", &cert_file, &key_file]);
    let lines = dir.join("lines");
    openkat_file(&lines, 0..LINES);
    let (work, lines) = (dir.display(), lines.display());
    let configuration = format!(
        r#"global(workDirectory="{work}" DefaultNetstreamDriverCAFile="{ca}" maxMessageSize="64k")
module(load="imfile")
input(type="imfile" File="{lines}" Tag="kat" ruleset="out")
ruleset(name="out") {{
  action(type="omfwd" Target="localhost" Port="{port}" Protocol="tcp" TCP_Framing="octet-counted"
    StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"
    Template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1")
}}
"#
    );
    let _rsyslog = Rsyslog::start(dir, &configuration);
    let counts = received(&server, "rsyslog", LINES as u64);
    assert_eq!((&counts["stored"], &counts["refused"]), (&json!(LINES), &json!({})));
    check(&server, "rsyslog", true);
}

#[test]
fn what_cannot_be_taken_is_counted_by_reason() {
    let server = start();
    let (host, port) = openkat_source(&server, "kat", &["transport=tcp", "max_message_bytes=2000"]);
    let send = |bytes: &[u8]| {
        TcpStream::connect(format!("{host}:{port}")).unwrap().write_all(bytes).unwrap();
    };
    let good = openkat_line(0).to_string();
    let large = "x".repeat(3_000);
    let unknown = json!({ "event_code": "123456", "timestamp": "2026-11-22T10:00:00", "user_id": 1 });
    send(
        format!("<13>no JSON at all\n<13>1 - - - - - - {{\"a\":\n{large}\n<13>{good}\n<13>{unknown}")
            .as_bytes(),
    );
    let counts = received(&server, "kat", 5);
    assert_eq!(counts["refused"], json!({ "request_malformed": 2, "event_too_large": 1 }));
    assert_eq!((&counts["stored"], &counts["quarantined"]), (&json!(1), &json!(1)));
    assert_eq!(events(&server, "kat").len(), 1, "quarantined events are kept apart");

    let arguments =
        ["source", "add", "vws", "--kind", "syslog", "--format", "minvws", "--set", "listen=127.0.0.1:0"];
    let made = tool(&server, &arguments);
    let payload = json!({
        "routing_key": "phpunit.user_login", "event_code": "091111", "action_code": "E", "timestamp": 1_609_502_400,
        "result": 1, "source": "phpunit", "user": { "user_id": "12345", "name": "John Doe", "roles": [] },
    });
    let line =
        format!("<134>Nov 22 10:00:00 app php[1]: AuditLog: {}\n", STANDARD.encode(payload.to_string()));
    let encrypted = format!("<134>Nov 22 10:00:00 app php[1]: AuditLog: {}\n", STANDARD.encode([1, 2, 3]));
    TcpStream::connect(text(&made["address"])).unwrap().write_all((line + &encrypted).as_bytes()).unwrap();
    let counts = received(&server, "vws", 2);
    assert_eq!((&counts["stored"], &counts["refused"]), (&json!(1), &json!({ "encrypted": 1 })));
    // The payload names its program.
    assert_eq!(events(&server, "phpunit")[0]["actor"]["id"], "12345");

    let tried = tool(&server, &["source", "test", "vws", line_of(&payload).as_str()]);
    assert_eq!((&tried["results"][0]["status"], events(&server, "phpunit").len()), (&json!("stored"), 1));
    let tried = tool(&server, &["source", "test", "vws", "nonsense"]);
    assert_eq!(tried["results"][0]["reason"], "request_malformed");
}

fn line_of(payload: &Value) -> String {
    format!("<134>1 - - php - - - AuditLog: {}", STANDARD.encode(payload.to_string()))
}

#[test]
fn sources_are_the_nodes_and_changes_are_events() {
    let server = start();
    openkat_source(&server, "kat", &[]);
    let path = "/api/v1/orgs/default/sources/kat";
    let (reader, _) = key(&server, "default", &json!({ "kind": "rd" }));
    let (administrator, _) = key(&server, "default", &json!({ "kind": "ad" }));
    assert_eq!(ask(&server, &reader, ("GET", path), &Value::Null).status, 200);
    for token in [&reader, &administrator] {
        refused(&ask(&server, token, ("PUT", path), &json!({})), 403, "permission_missing");
    }
    let wrong = json!({ "from": { "syslog": { "lisen": "127.0.0.1:0" } } });
    let json = ("content-type", "application/json");
    let answer = server.request("PUT", path, &[json, ("if-match", "\"1\"")], wrong.to_string().as_bytes());
    assert!(text(&refused(&answer, 400, "member_unknown")["detail"]).contains("lisen"));
    refused(
        &server.request("PUT", path, &[json], wrong.to_string().as_bytes()),
        428,
        "precondition_required",
    );

    assert_eq!(tool(&server, &["source", "pause", "kat"])["state"], "paused");
    let resumed = tool(&server, &["source", "resume", "kat"]);
    assert_eq!(resumed["state"], "listening");
    let taken = format!("listen={}", text(&resumed["address"]));
    let failed = tool(&server, &["source", "add", "second", "--kind", "syslog", "--set", &taken]);
    assert_eq!(failed["state"], "failed");
    assert!(text(&failed["fault"]).contains("cannot listen"), "{failed}");
    tool(&server, &["source", "remove", "second"]);

    let arguments =
        ["source", "add", "still", "--kind", "syslog", "--quiet-after", "1", "--set", "listen=127.0.0.1:0"];
    tool(&server, &arguments);
    wait_for("the source to go quiet", || {
        let state = server.get("/api/v1/orgs/default/sources/still").expect(200)["state"].clone();
        (state == "quiet").then_some(())
    });
    let silent = wait_for("its silence to be an event", || {
        search_in(&server, "default", "catalog:indelible code:INTAKE.SILENT").first().cloned()
    });
    assert_eq!(silent["params"]["producer"], "still");

    let told = search_in(&server, "default", "catalog:indelible entity:CONFIG");
    let of = |code: &str| told.iter().filter(|event| event["code"] == code).count();
    assert_eq!((of("CONFIG.CREATE"), of("CONFIG.UPDATE"), of("CONFIG.DELETE")), (3, 2, 1));
    let paused = told.iter().find(|event| event["code"] == "CONFIG.UPDATE").unwrap();
    assert_eq!(
        (&paused["changes"][0]["path"], &paused["targets"][0]["kind"]),
        (&json!("paused"), &json!("source"))
    );

    // After a crash they listen again by themselves.
    let server = server.kill().start();
    wait_for("the source to listen", || (server.get(path).expect(200)["state"] == "listening").then_some(()));
}
