//! Events in the formats of other programs, sent to the API: what becomes of each record, and that a second time adds
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::service::{EVENTS, refused, sample, search, start, text, texts};
use indelible_testkit::{Answer, Server};
use serde_json::{Value, json};

fn post(server: &Server, parameters: &str, content_type: &str, body: &str) -> Answer {
    let path = format!("{EVENTS}?{parameters}");
    server.request("POST", &path, &[("content-type", content_type)], body.as_bytes())
}

/// Lines (from 1) whose result has this flag.
fn lines_with(results: &[Value], flag: &str) -> Vec<usize> {
    let flagged = |(at, result): (usize, &Value)| texts(&result["flags"]).contains(&flag).then_some(at + 1);
    results.iter().enumerate().filter_map(flagged).collect()
}

/// Everything that a query finds.
fn stream(server: &Server, parameters: &str) -> Vec<Value> {
    let accept = [("accept", "application/x-ndjson")];
    let answer = server.request("GET", &format!("{EVENTS}?{parameters}"), &accept, &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut rows: Vec<Value> =
        answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = rows.pop().unwrap();
    assert_eq!(end["end"]["rows"], rows.len(), "{end}");
    rows
}

#[test]
fn lines_of_a_real_openkat_run() {
    let server = start();
    let run = sample("openkat-run.jsonl");
    let parameters = "format=openkat&zone=Europe%2FAmsterdam&instance=run-1&first_row=1";
    let answer = post(&server, parameters, "application/x-ndjson", &run).expect(200);
    let counts = &answer["counts"];
    let all = (&counts["stored"], &counts["skipped"], &counts["rejected"], &counts["quarantined"]);
    assert_eq!(all, (&json!(18), &json!(14), &json!(0), &json!(0)), "{counts}");
    let results = answer["results"].as_array().unwrap();
    let skipped: BTreeSet<&str> =
        results.iter().filter(|one| one["status"] == "skipped").map(|one| text(&one["rule"])).collect();
    assert_eq!(skipped, BTreeSet::from(["openkat/openkat-request"]));
    let stored: Vec<usize> = results
        .iter()
        .enumerate()
        .filter(|(_, one)| one["status"] == "stored")
        .map(|(at, _)| at + 1)
        .collect();
    for (flag, lines) in [
        ("wrong_entity", vec![11, 16, 31]),
        ("code_number", vec![13, 23]),
        ("secret_suspected", vec![6, 10, 11, 15, 16, 30, 31]),
        ("field_misspelt", vec![29]),
        ("repr_value", vec![26]),
        ("text_missing", vec![23]),
        ("time_without_zone", stored.clone()),
    ] {
        assert_eq!(lines_with(results, flag), lines, "{flag}");
    }
    let uncoded = lines_with(results, "code_missing");
    assert_eq!(uncoded.len(), 9);
    let coded = |flag: &str| -> Vec<usize> {
        lines_with(results, flag).into_iter().filter(|line| !uncoded.contains(line)).collect()
    };
    assert_eq!(coded("actor_missing"), [11, 16]);
    assert_eq!(coded("origin_missing"), [11, 16]);
    assert_eq!(coded("organization_missing").len(), 8);
    assert!(!coded("organization_missing").contains(&13));
    check_stored_run(&server);

    let again = post(&server, parameters, "application/x-ndjson", &run).expect(200);
    assert_eq!((&again["counts"]["stored"], &again["counts"]["duplicate"]), (&json!(0), &json!(18)));
    // The same rows in another file are the same events.
    let other = parameters.replace("run-1", "run-2").replace("first_row=1", "first_row=500");
    assert_eq!(post(&server, &other, "application/x-ndjson", &run).expect(200)["counts"]["duplicate"], 18);
    let zoneless =
        post(&server, "format=openkat", "application/x-ndjson", run.lines().nth(2).unwrap()).json();
    assert_eq!(zoneless["counts"]["stored"], 0, "{zoneless}");
    refused(
        &post(&server, "format=openkat&zone=Mars", "application/x-ndjson", &run),
        400,
        "request_malformed",
    );
}

fn check_stored_run(server: &Server) {
    let found = search(server, "catalog:openkat");
    assert_eq!(found.len(), 18);
    let codes: BTreeSet<&str> = found.iter().filter_map(|event| event["code"].as_str()).collect();
    assert_eq!(codes.len(), 8, "{codes:?}");
    assert!(codes.iter().all(|code| code.len() == 6), "leading zeros stay: {codes:?}");
    for event in &found {
        assert!(texts(&event["flags"]).contains(&"imported"), "{event}");
        assert_eq!(event.get("raw"), None, "the form as received is shown only when asked for");
    }
    let failed = search(server, "code:094444");
    assert_eq!(failed[0]["outcome"], "failure");
    assert_eq!(failed[0]["actor"]["name"], "superuser@openkat.nl");
    assert_eq!(failed[0]["occurred_at"], "2026-11-21T22:22:06.967546000Z");
    assert_eq!(failed[0]["imported"], json!({ "importer": "openkat", "file": "run-1", "row": 3 }));
}

#[test]
fn the_form_as_received_is_kept_without_its_secrets() {
    let server = start();
    let run = sample("openkat-run.jsonl");
    let line = run.lines().nth(5).unwrap();
    let secret: Value = serde_json::from_str(line).unwrap();
    let session = text(&secret["object"]);
    let answer = post(&server, "format=openkat&zone=UTC", "application/json", line).expect(200);
    let id = text(&answer["results"][0]["receipt"]["id"]).to_owned();
    let shown = server.get(&format!("{EVENTS}/{id}?include=raw"));
    assert!(!shown.text().contains(session), "{}", shown.text());
    let shown = shown.expect(200);
    assert_eq!(shown["raw"]["format"], "openkat");
    assert!(text(&shown["raw"]["body"]).contains("created"), "{shown}");
    assert_eq!(shown["raw"].get("sha256"), None, "a hash of bytes that hold a secret would help to guess it");

    let clean = run.lines().nth(2).unwrap();
    let answer = post(&server, "format=openkat&zone=UTC", "application/json", clean).expect(200);
    let id = text(&answer["results"][0]["receipt"]["id"]).to_owned();
    for path in [format!("{EVENTS}/{id}?include=raw"), format!("{EVENTS}?q=id:{id}&include=raw")] {
        let answer = server.get(&path).expect(200);
        let event = answer.pointer("/items/0").unwrap_or(&answer);
        assert_eq!(event["raw"]["format"], "openkat", "{path}: {event}");
    }
    assert_eq!(server.get(&format!("{EVENTS}?q=id:{id}")).expect(200)["items"][0].get("raw"), None);
    refused(&server.get(&format!("{EVENTS}?include=row")), 400, "request_malformed");
    refused(&server.get(&format!("{EVENTS}/{id}?include=row")), 400, "request_malformed");
}

#[test]
fn the_payload_of_the_rabbitmq_package() {
    let server = start();
    let answer =
        post(&server, "format=minvws&producer=phpunit", "application/json", &sample("minvws_rabbit.json"))
            .expect(200);
    assert_eq!(answer["counts"]["stored"], 1, "{answer}");
    let found = search(&server, "code:091111");
    let event = &found[0];
    assert_eq!((&event["outcome"], &event["crude"]), (&json!("success"), &json!("E")));
    assert_eq!(event["actor"]["id"], "12345");
    assert_eq!(event["actor"]["name"], "John Doe");
    assert_eq!(event["origin"]["address"], "123.123.123.123");
    assert_eq!(event["occurred_at"], "2021-01-01T12:00:00.000000000Z");
    assert_eq!(event["producer"]["name"], "phpunit");
    assert_eq!(
        event["data"]["object"]["foo"].as_str().or(event["data"]["foo"].as_str()),
        Some("bar"),
        "{event}"
    );
    let mut failed: Value = serde_json::from_str(&sample("minvws_rabbit.json")).unwrap();
    failed["result"] = json!(0);
    failed["failed_reason"] = json!("wrong password");
    post(&server, "format=minvws", "application/json", &failed.to_string()).expect(200);
    let found = search(&server, "outcome:failure");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["reason"], "wrong password");
}

#[test]
fn rows_of_a_netop_report() {
    let server = start();
    let header = sample("netop_log_report_header.csv");
    let rows = [
        "HOST,sess-1,u-1,Alice,acc-9,DEVICE,GATEWAY_LOGIN,d-1,Gateway,0,,1609502400,2021-01-01 12:00:00,prod",
        "HOST,sess-1,u-1,Alice,acc-9,DEVICE,GATEWAY_LOGIN,d-1,Gateway,1,,1609502401000,2021-01-01 12:00:01,prod",
        "portal,,SYSTEM,,acc-9,USER,UPDATE,u-2,Bob,0,,1609502402,2021-01-01 12:00:02,prod",
        "portal,,u-3,Carol,acc-9,USER,FLY,u-2,Bob,0,,1609502403,2021-01-01 12:00:03,prod",
    ];
    let csv = format!("{}\n{}\n", header.trim_end(), rows.join("\n"));
    let answer = post(&server, "format=netop&first_row=1&instance=report", "text/csv", &csv).expect(200);
    let statuses: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|one| text(&one["status"])).collect();
    assert_eq!(statuses, ["stored", "stored", "stored", "quarantined"], "{answer}");
    let found = search(&server, "catalog:netop");
    let of = |at: usize, pointer: &str| found[at].pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(of(0, "/code"), "DEVICE.GATEWAY_LOGIN");
    assert_eq!((of(0, "/outcome"), of(0, "/result_code")), (json!("success"), json!("0")));
    assert_eq!((of(1, "/outcome"), of(1, "/result_code")), (json!("failure"), json!("1")));
    assert_eq!((of(0, "/session/id"), of(0, "/session/kind")), (json!("sess-1"), json!("remote")));
    assert_eq!(found[2].get("session"), None, "an empty session is none");
    assert_eq!(of(2, "/actor/kind"), "system");
    assert_eq!(of(0, "/account"), "acc-9");
    assert_eq!((of(0, "/targets/0/id"), of(0, "/targets/0/name")), (json!("d-1"), json!("Gateway")));
    assert_eq!(of(1, "/occurred_at"), "2021-01-01T12:00:01.000000000Z", "thirteen digits are milliseconds");
    assert_eq!(
        post(&server, "format=netop&first_row=1&instance=report", "text/csv", &csv).expect(200)["counts"]["duplicate"],
        4
    );
    assert_eq!(search(&server, "flag:code_unknown").len(), 1);
}

#[test]
fn rows_of_a_sanernow_report() {
    let server = start();
    let header = sample("sanernow_columns.csv");
    let csv = format!(
        "\u{feff}{}\n1004,2026-11-21T10:00:00Z,Org,acc,alice,\"Added API key \"\"k\"\", by hand\"\n1005,2026-11-21T10:00:01Z,Org,acc,alice,Failed\n1000,2026-11-21T10:00:02Z,Org,acc,alice,Tool\n",
        header.trim_end()
    );
    let answer = post(&server, "format=sanernow", "text/csv", &csv).expect(200);
    assert_eq!(answer["counts"]["stored"], 3, "{answer}");
    let found = search(&server, "catalog:sanernow");
    let outcomes: Vec<&str> = found.iter().map(|event| text(&event["outcome"])).collect();
    assert_eq!(outcomes[..2], ["success", "failure"]);
    assert_eq!(found[0]["message"], "Added API key \"k\", by hand");
    assert_eq!(found[0]["account"], "acc");
    assert!(found[0]["actor"].to_string().contains("alice"));
    assert!(texts(&found[2]["flags"]).contains(&"group_code"), "{}", found[2]);
    assert_eq!(search(&server, "tool:user-management code:1004").len(), 1);
}

#[test]
fn cloudtrail_by_a_catalog_that_no_code_knows() {
    let server = start();
    let file = sample("cloudtrail-invictus.ndjson");
    let lines: Vec<&str> = file.lines().collect();
    let send = || -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (at, batch) in lines.chunks(1_000).enumerate() {
            let parameters = format!("format=cloudtrail&instance=invictus&first_row={}", at * 1_000 + 1);
            let answer = post(&server, &parameters, "application/x-ndjson", &batch.join("\n")).expect(200);
            for (name, count) in answer["counts"].as_object().unwrap() {
                *sums.entry(name.clone()).or_default() += count.as_u64().unwrap();
            }
        }
        sums
    };
    let first = send();
    assert_eq!(
        (first["stored"], first["duplicate"], first["quarantined"], first["rejected"]),
        (2_900, 0, 0, 0),
        "{first:?}"
    );

    let rows = stream(
        &server,
        "q=catalog:cloudtrail&fields=code,crude,outcome,decision,actor.kind,origin.address,origin.host,flags",
    );
    assert_eq!(rows.len(), 2_900);
    let tally = |pointer: &str| -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in &rows {
            *counts
                .entry(row.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned())
                .or_default() += 1;
        }
        counts
    };
    let codes = tally("/code");
    assert_eq!((codes.len(), codes.keys().map(String::len).max()), (262, Some(49)));
    let expected = |pairs: &[(&str, usize)]| -> BTreeMap<String, usize> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    assert_eq!(tally("/crude"), expected(&[("R", 2_038), ("E", 343), ("D", 203), ("U", 187), ("C", 129)]));
    assert_eq!(tally("/outcome"), expected(&[("success", 2_600), ("failure", 300)]));
    assert_eq!(tally("/decision"), expected(&[("", 2_840), ("denied", 60)]));
    assert_eq!(tally("/actor/kind"), expected(&[("user", 2_748), ("role", 76), ("service", 76)]));
    assert_eq!(tally("/origin/address")[""], 353);
    assert_eq!(tally("/origin/host")[""], 2_547);
    assert!(rows.iter().filter(|row| texts(&row["flags"]).contains(&"secret_suspected")).count() >= 36);
    assert!(
        !stream(&server, "q=catalog:cloudtrail&include=raw")
            .iter()
            .any(|row| { text(&row["raw"]["body"]).contains("IQoJb3JpZ2lu") }),
        "session tokens are nowhere"
    );

    for (query, count) in [("crude:D", 203), ("outcome:failure", 300), ("decision:denied", 60)] {
        let page = server.get(&format!("{EVENTS}?q={query}&count=exact&limit=1")).expect(200);
        assert_eq!(page["count"], json!({ "value": count, "relation": "eq" }), "{query}");
    }
    let second = send();
    assert_eq!((second["stored"], second["duplicate"]), (0, 2_900), "{second:?}");
    // Sent live, without a file around them, they are told apart by their own ids.
    let live = || {
        post(&server, "format=match&producer=trail", "application/x-ndjson", &lines[..50].join("\n"))
            .expect(200)
    };
    assert_eq!(live()["counts"]["stored"], 50);
    assert_eq!(live()["counts"]["duplicate"], 50);
}
