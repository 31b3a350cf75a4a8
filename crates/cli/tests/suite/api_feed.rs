//! The feed: the log's order by page, by waiting and as a stream, and named positions in it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::service::{ask, login, refused, start, text, wait_for, with};
use indelible_testkit::Server;
use serde_json::{Value, json};

const FEED: &str = "/api/v1/orgs/default/feed";

fn fill(server: &Server, count: usize) {
    let events: Vec<Value> = (0..count).map(login).collect();
    assert_eq!(server.send(&json!({ "events": events })).expect(200)["counts"]["stored"], count);
}

fn indexes(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["index"].as_u64().unwrap()).collect()
}

#[test]
fn pages_follow_the_log_and_its_past_stays() {
    let server = start();
    fill(&server, 250);
    let (mut at, mut all) = (0, Vec::new());
    loop {
        let answer = server.get(&format!("{FEED}?from={at}&limit=60&q=catalog:openkat"));
        let page = answer.expect(200);
        all.extend(indexes(&page));
        let next = page["next"].as_u64().unwrap();
        assert!(
            answer.header("link").unwrap().contains(&format!("from={next}>; rel=\"next\"")),
            "{:?}",
            answer.header("link")
        );
        assert!(next <= page["high_water"].as_u64().unwrap());
        if next == at {
            break;
        }
        at = next;
    }
    assert_eq!(all, (0..250).collect::<Vec<_>>());
    let before = server.get(&format!("{FEED}?from=0&limit=100")).expect(200)["items"].clone();
    fill(&server, 5);
    assert_eq!(server.get(&format!("{FEED}?from=0&limit=100")).expect(200)["items"], before);

    // What does not match is passed over, and is not looked at again.
    let none = server.get(&format!("{FEED}?from=0&q=actor:nobody")).expect(200);
    assert_eq!(none["items"], json!([]));
    assert_eq!(none["next"], none["high_water"]);
    assert!(none["next"].as_u64().unwrap() >= 255);
    let few = server.get(&format!("{FEED}?from=0&q=actor.id:user-3,user-200&limit=1")).expect(200);
    assert_eq!((indexes(&few), few["next"].as_u64()), (vec![3], Some(4)));
    let end = server.get(&format!("{FEED}?from=end&q=catalog:openkat")).expect(200);
    assert_eq!(end["items"], json!([]));

    for bad in ["from=x", "from=-1", "limit=0", "limit=10001", "wait=x"] {
        refused(&server.get(&format!("{FEED}?{bad}")), 400, "request_malformed");
    }
    refused(&server.get(&format!("{FEED}?q=actr:x")), 400, "query_invalid");
    refused(&server.get(&format!("{FEED}?form=1")), 400, "member_unknown");
}

#[test]
fn a_waiting_reader_wakes_up() {
    let server = start();
    fill(&server, 3);
    let path = format!("{FEED}?from=3&wait=60&q=actor.id:user-99");
    let (answered, page) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| server.get(&path).expect(200));
        // Not for it; it waits on.
        assert_eq!(server.send(&login(5)).status, 201);
        let index = server.send(&login(99)).expect(201)["receipt"]["index"].as_u64().unwrap();
        (index, reader.join().unwrap())
    });
    assert_eq!(indexes(&page), [answered]);
    assert_eq!(page["items"][0]["actor"]["id"], "user-99");
    let empty = server.get(&format!("{FEED}?from=end&wait=1&q=actor.id:nobody")).expect(200);
    assert_eq!(empty["items"], json!([]), "the wait ends without a row");
}

/// Opens a stream and gives its lines.
fn stream(server: &Server, parameters: &str, last: Option<u64>) -> impl Iterator<Item = String> + use<> {
    let host = server.url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    let last = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
    let request = format!(
        "GET {FEED}?{parameters} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n{last}\r\n",
        server.token
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(socket).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("HTTP/1.1 200 OK"));
    let kind =
        lines.by_ref().take_while(|line| !line.is_empty()).find(|line| line.starts_with("content-type"));
    assert_eq!(kind.as_deref(), Some("content-type: text/event-stream"));
    lines
}

/// The next messages of a stream: the index of each and its event.
fn messages(lines: &mut impl Iterator<Item = String>, count: usize) -> Vec<(u64, Value)> {
    let mut found = Vec::new();
    let mut id = None;
    while found.len() < count {
        let line = lines.next().unwrap();
        if let Some(index) = line.strip_prefix("id: ") {
            id = index.parse::<u64>().ok();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            found.push((id.take().unwrap(), serde_json::from_str(data).unwrap()));
        }
    }
    found
}

#[test]
fn a_stream_is_resumed_without_gap_or_repeat() {
    let server = start();
    fill(&server, 20);
    let mut lines = stream(&server, "from=0&q=catalog:openkat", None);
    let first = messages(&mut lines, 20);
    assert_eq!(first.iter().map(|(index, _)| *index).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    assert!(first.iter().all(|(index, event)| event["index"] == *index));
    let index = server.send(&login(77)).expect(201)["receipt"]["index"].as_u64().unwrap();
    let live = messages(&mut lines, 1);
    assert_eq!((live[0].0, &live[0].1["actor"]["id"]), (index, &json!("user-77")));
    drop(lines);
    fill(&server, 3);
    let mut again = stream(&server, "from=0&q=catalog:openkat", Some(live[0].0));
    let rest = messages(&mut again, 3);
    assert!(rest[0].0 > index);
    assert_eq!(
        rest.iter().map(|(_, event)| text(&event["actor"]["id"])).collect::<Vec<_>>(),
        ["user-0", "user-1", "user-2"]
    );
    let wrong = server.request("GET", FEED, &[("last-event-id", "x")], &[]);
    refused(&wrong, 400, "request_malformed");
    // A stream does not hold up the end; it is told when to come back.
    let stopped = std::thread::spawn(move || server.stop());
    assert!(again.any(|line| line.starts_with("retry:")));
    stopped.join().unwrap();
}

#[test]
fn named_positions_move_only_with_their_version() {
    let server = start();
    fill(&server, 30);
    let path = "/api/v1/orgs/default/cursors/export-1";
    let put = |headers: &[(&str, &str)], index: u64| {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        server.request("PUT", path, &headers, json!({ "index": index }).to_string().as_bytes())
    };
    refused(&server.get(path), 404, "not_found");
    refused(&put(&[("if-match", "\"0\"")], 5), 412, "version_conflict");
    let made = put(&[("if-none-match", "*")], 10);
    assert_eq!(made.expect(200)["index"], 10);
    assert_eq!(made.header("etag"), Some("\"10\""));
    refused(&put(&[("if-none-match", "*")], 11), 412, "version_conflict");
    refused(&put(&[], 11), 428, "precondition_required");
    refused(&put(&[("if-match", "\"9\"")], 11), 412, "version_conflict");
    let moved = put(&[("if-match", "\"10\"")], 20);
    assert_eq!((moved.status, moved.header("etag")), (200, Some("\"20\"")));
    refused(&put(&[("if-match", "\"20\"")], 1_000_000), 400, "request_malformed");
    let read = server.get(path);
    assert_eq!((read.expect(200)["index"].as_u64(), read.header("etag")), (Some(20), Some("\"20\"")));
    let page = server.get(&format!("{FEED}?cursor=export-1&q=catalog:openkat&limit=4")).expect(200);
    assert_eq!(indexes(&page), [20, 21, 22, 23]);
    refused(
        &ask(&server, &server.token, ("PUT", "/api/v1/orgs/default/cursors/a%20b"), &json!({ "index": 0 })),
        400,
        "request_malformed",
    );
    let typo = server.request(
        "PUT",
        path,
        &[("if-match", "\"20\""), ("content-type", "application/json")],
        br#"{"indx":1}"#,
    );
    refused(&typo, 400, "member_unknown");

    let server = server.stop().start();
    let kept = server.get("/api/v1/orgs/default/cursors").expect(200);
    assert_eq!((&kept["items"][0]["name"], &kept["items"][0]["index"]), (&json!("export-1"), &json!(20)));
    assert!(kept["items"][0]["lag"].as_u64().unwrap() >= 10);
    let other = server.get("/api/v1/orgs/system/cursors").expect(200);
    assert_eq!(other["items"], json!([]), "positions belong to one log");
    wait_for("the feed to pass everything", || {
        let page = server.get(&format!("{FEED}?from=end")).expect(200);
        (page["next"] == page["high_water"]).then_some(())
    });
    assert_eq!(server.send(&with(login(1), &json!({}))).status, 201);
}
