//! Sending events: receipts, repeats, batches, encodings, limits, numbers, clocks; every refusal with its code, place
//! and remedy.

use std::io::Write;

use crate::service::{EVENTS, ask, finding, get, login, refused, search, start, text, texts, time, with};
use indelible_testkit::Server;
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");
const LINES: (&str, &str) = ("content-type", "application/x-ndjson");

fn send_bytes(server: &Server, headers: &[(&str, &str)], body: &[u8]) -> indelible_testkit::Answer {
    server.request("POST", EVENTS, headers, body)
}

fn log_size(server: &Server) -> u64 {
    server.get("/api/v1/orgs/default/log").expect(200)["size"].as_u64().unwrap()
}

#[test]
fn one_event_its_receipt_and_its_repeats() {
    let server = start();
    let event = with(login(1), &json!({ "source_id": "s-1" }));
    let first = server.send(&event);
    let stored = first.expect(201);
    let id = text(&stored["receipt"]["id"]);
    let path = format!("{EVENTS}/{id}");
    assert_eq!(stored["status"], "stored");
    assert_eq!(stored.get("flags"), None, "{stored}");
    assert_eq!(stored["receipt"]["log"], "default");
    assert_eq!(stored["receipt"]["index"], 0);
    assert_eq!(text(&stored["receipt"]["leaf_hash"]).len(), 44);
    assert_eq!(first.header("location"), Some(path.as_str()));
    assert_eq!(first.header("link"), Some(format!("<{path}/proof>; rel=\"proof\"").as_str()));
    assert!(stored["checkpoint"]["within_ms"].is_u64() || stored["checkpoint"]["size"] == 1, "{stored}");

    let shown = server.get(&path).expect(200);
    assert_eq!(shown["received_at"], stored["receipt"]["received_at"]);
    assert_eq!(shown["source_id"], "s-1");
    let proof = server.get(&format!("{path}/proof?wait=30"));
    assert_eq!((proof.status, proof.text().starts_with("c2sp.org/tlog-proof@v1\n")), (200, true));
    let by_source = server.get(&format!("{EVENTS}/by-source?source_id=s-1")).expect(200);
    assert_eq!(by_source["id"], id);

    // The order of members says nothing.
    let reversed: Vec<String> = event
        .as_object()
        .unwrap()
        .iter()
        .rev()
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    let again = send_bytes(&server, &[JSON], format!("{{{}}}", reversed.join(",")).as_bytes());
    let repeat = again.expect(200);
    assert_eq!(repeat["status"], "duplicate");
    assert_eq!(repeat["receipt"], stored["receipt"]);
    assert_eq!(again.header("location"), Some(path.as_str()));

    let other = server.send(&with(event.clone(), &json!({ "reason": "another" })));
    let problem = refused(&other, 409, "event_id_conflict");
    assert!(text(&problem["detail"]).contains("index 0"), "{problem}");
    // Names are unique for each producer only.
    let elsewhere = with(event, &json!({ "producer": { "name": "another" } }));
    assert_eq!(server.send(&elsewhere).expect(201)["status"], "stored");
}

#[test]
fn an_idempotency_key_names_events_that_have_no_name() {
    let server = start();
    let keyed = |key: &str, body: &Value| {
        send_bytes(&server, &[JSON, ("idempotency-key", key)], body.to_string().as_bytes())
    };
    let event = login(1);
    let first = keyed("k-1", &event).expect(201);
    let again = keyed("k-1", &event).expect(200);
    assert_eq!((&again["status"], &again["receipt"]), (&json!("duplicate"), &first["receipt"]));
    refused(&keyed("k-1", &login(2)), 422, "idempotency_key_reused");
    assert_eq!(keyed("k-2", &event).expect(201)["receipt"]["index"], 1);

    let batch = json!({ "events": [login(3), login(4)] });
    let stored = keyed("k-3", &batch).expect(200);
    let repeated = keyed("k-3", &batch).expect(200);
    assert_eq!(repeated["counts"]["duplicate"], 2);
    for at in 0..2 {
        assert_eq!(repeated["results"][at]["receipt"], stored["results"][at]["receipt"]);
    }
    refused(&keyed(&"x".repeat(129), &event), 400, "request_malformed");
    refused(&keyed("", &event), 400, "request_malformed");
}

#[test]
fn a_batch_answers_for_each_of_its_events() {
    let server = start();
    let lines = [
        login(1).to_string(),
        "{\"catalog\":\"openkat\",".to_owned(),
        with(login(2), &json!({ "acter": { "id": "x" } })).to_string(),
        with(login(3), &json!({ "code": "091112" })).to_string(),
        with(login(4), &json!({ "catalog": "openkta" })).to_string(),
        with(login(5), &json!({ "code": "0800083" })).to_string(),
        login(6).to_string(),
    ];
    let answer = send_bytes(&server, &[LINES], lines.join("\n").as_bytes()).expect(200);
    assert_eq!(
        answer["counts"],
        json!({ "stored": 2, "duplicate": 0, "quarantined": 2, "rejected": 3, "skipped": 0, "flagged": 2 })
    );
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<&str> = results.iter().map(|result| text(&result["status"])).collect();
    assert_eq!(
        statuses,
        ["stored", "rejected", "rejected", "quarantined", "rejected", "quarantined", "stored"]
    );
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result["index_in_request"], at);
        assert_eq!(result["status"] == "rejected", result.get("receipt").is_none(), "{result}");
    }
    assert_eq!(results[1]["problem"]["code"], "request_malformed");
    assert_eq!(results[2]["problem"]["code"], "member_unknown");
    assert_eq!(finding(&results[2])["pointer"], "/acter");
    assert!(text(&finding(&results[2])["hint"]).contains("did you mean actor"), "{}", results[2]);
    assert_eq!(finding(&results[3])["suggest"], json!(["091111"]));
    assert_eq!(results[4]["problem"]["code"], "catalog_unknown");
    assert_eq!(finding(&results[4])["suggest"][0], "openkat");
    assert_eq!(
        finding(&results[5])["suggest"],
        json!(["800083"]),
        "leading zeros are not trimmed, only suggested"
    );
    let indexes: Vec<u64> = results.iter().filter_map(|result| result["receipt"]["index"].as_u64()).collect();
    assert_eq!(indexes, [0, 1, 2, 3]);

    for body in [json!({ "events": [login(7), login(8)] }), json!([login(7), login(8)])] {
        assert_eq!(server.send(&body).expect(200)["counts"]["stored"], 2);
    }
    assert_eq!(server.send(&json!({ "events": [login(9)] })).expect(200)["results"][0]["status"], "stored");
    let none = server.send(&json!({ "events": [with(login(1), &json!({ "severity": "low" }))] }));
    assert_eq!(none.expect(422)["counts"]["rejected"], 1);
    let both = with(json!({ "events": [] }), &json!({ "more": 1 }));
    assert!(server.send(&both).status >= 400);
}

#[test]
fn atomic_is_all_or_nothing() {
    let server = start();
    let path = format!("{EVENTS}?atomic=true");
    let bad = with(login(2), &json!({ "severity": "low" }));
    let refused = server.post(&path, &json!({ "events": [login(1), bad, login(3)] })).expect(422);
    assert_eq!(refused["counts"]["rejected"], 3);
    assert_eq!(refused["results"][1]["problem"]["code"], "member_unknown");
    assert!(text(&refused["results"][0]["problem"]["detail"]).contains("all or none"), "{refused}");
    assert_eq!(search(&server, "catalog:openkat").len(), 0);

    let named = |user, name: &str| with(login(user), &json!({ "source_id": name }));
    assert_eq!(server.send(&named(1, "a")).status, 201);
    let conflict = server.post(&path, &json!({ "events": [login(5), named(9, "a")] })).expect(422);
    assert_eq!(conflict["results"][1]["problem"]["code"], "event_id_conflict");
    assert_eq!(search(&server, "actor:user-5").len(), 0, "the commit is one");

    let taken = server.post(&path, &json!({ "events": [login(6), login(7), login(8)] })).expect(200);
    let indexes: Vec<u64> = taken["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["receipt"]["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indexes, (indexes[0]..indexes[0] + 3).collect::<Vec<_>>());
    crate::service::refused(
        &server.post(&format!("{EVENTS}?atomic=maybe"), &login(1)),
        400,
        "request_malformed",
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn encodings_and_content_types() {
    let server = start();
    let body = format!("{}\n{}\n", login(1), login(2)).into_bytes();
    for (name, bytes) in [("gzip", gzip(&body)), ("zstd", zstd::encode_all(body.as_slice(), 3).unwrap())] {
        let answer = send_bytes(&server, &[LINES, ("content-encoding", name)], &bytes).expect(200);
        assert_eq!(answer["counts"]["stored"], 2, "{name}");
    }
    let spaces = vec![b' '; 9 << 20];
    for (name, bytes) in [("gzip", gzip(&spaces)), ("zstd", zstd::encode_all(spaces.as_slice(), 3).unwrap())]
    {
        let bomb = send_bytes(&server, &[LINES, ("content-encoding", name)], &bytes);
        assert!(text(&refused(&bomb, 413, "batch_too_large")["detail"]).contains("100 times"), "{name}");
    }
    refused(&send_bytes(&server, &[JSON, ("content-encoding", "br")], &body), 415, "encoding_unsupported");
    refused(&send_bytes(&server, &[JSON, ("content-encoding", "gzip")], &body), 400, "request_malformed");
    refused(&send_bytes(&server, &[("content-type", "text/html")], &body), 415, "encoding_unsupported");
    refused(&send_bytes(&server, &[("content-type", "text/csv")], &body), 415, "encoding_unsupported");
    let charset = ("content-type", "application/json; charset=utf-8");
    assert_eq!(send_bytes(&server, &[charset], login(1).to_string().as_bytes()).status, 201);

    refused(&send_bytes(&server, &[JSON], b""), 400, "request_malformed");
    refused(&send_bytes(&server, &[JSON], b" \n "), 400, "request_malformed");
    for (body, offset) in
        [(r#"{"catalog":"openkat",}"#, "21"), (r#"{"catalog" "openkat"}"#, "11"), ("{", "1")]
    {
        let problem = refused(&send_bytes(&server, &[JSON], body.as_bytes()), 400, "request_malformed");
        assert!(text(&problem["detail"]).contains(&format!("at byte {offset}")), "{body}: {problem}");
    }
    let twice =
        refused(&send_bytes(&server, &[JSON], br#"{"catalog":"a","catalog":"b"}"#), 400, "request_malformed");
    assert_eq!(finding(&twice)["code"], "duplicate_key");
    let number = send_bytes(&server, &[JSON], b"5").expect(422);
    assert_eq!(number["results"][0]["problem"]["code"], "request_malformed");
    let utf8 = send_bytes(&server, &[JSON], b"{\"catalog\":\"\xff\"}");
    refused(&utf8, 400, "request_malformed");
    let wrong = server.post(&format!("{EVENTS}?fromat=netop"), &login(1));
    assert!(text(&refused(&wrong, 400, "member_unknown")["detail"]).contains("did you mean format?"));
    refused(&server.post(&format!("{EVENTS}?format=xml"), &login(1)), 400, "request_malformed");
}

#[test]
fn limits_are_refused_and_never_cut() {
    let server = start();
    let small = login(1).to_string();
    let large = |bytes: usize| with(login(1), &json!({ "data": { "a": "x".repeat(bytes) } }));
    refused(&server.send(&large(257 * 1024)), 413, "event_too_large");
    assert_eq!(server.send(&large(200 * 1024)).status, 201);
    let batch = server.send(&json!({ "events": [large(300 * 1024), login(1)] })).expect(200);
    assert_eq!(batch["results"][0]["problem"]["code"], "event_too_large");
    assert_eq!(batch["results"][1]["status"], "stored");

    let lines = |count: usize| format!("{small}\n").repeat(count);
    refused(&send_bytes(&server, &[LINES], lines(10_001).as_bytes()), 413, "batch_too_large");
    let most = send_bytes(&server, &[LINES], lines(10_000).as_bytes()).expect(200);
    assert_eq!(most["counts"]["stored"], 10_000);
    let filler = " ".repeat((10 << 20) + 1);
    refused(&send_bytes(&server, &[LINES], filler.as_bytes()), 413, "batch_too_large");

    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
    let deep = server.send(&with(login(1), &json!({ "data": nested(40) })));
    assert!(deep.status == 400 || deep.status == 422, "{}", deep.text());
    assert_eq!(server.send(&with(login(1), &json!({ "data": nested(8) }))).status, 201);
    let many: Value =
        (0..257).map(|n| (format!("p{n}"), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    let params = refused(&server.send(&with(login(1), &json!({ "params": many }))), 422, "event_invalid");
    assert_eq!(finding(&params)["pointer"], "/params");
    for (members, pointer) in [
        (json!({ "source_id": "x".repeat(129) }), "/source_id"),
        (json!({ "account": "x".repeat(129) }), "/account"),
        (json!({ "reason": "x".repeat(1025) }), "/reason"),
        (json!({ "message": "x".repeat(8 * 1024 + 1) }), "/message"),
        (json!({ "targets": vec![json!({ "id": "t" }); 65] }), "/targets"),
        (json!({ "outcome": "ok" }), "/outcome"),
        (json!({ "code": 91111 }), "/code"),
        (json!({ "actor": { "id": "x".repeat(257) } }), "/actor/id"),
        (json!({ "actor": "me" }), "/actor"),
        (json!({ "origin": { "port": 70000 } }), "/origin/port"),
        (json!({ "params": [] }), "/params"),
    ] {
        let problem = refused(&server.send(&with(login(1), &members)), 422, "event_invalid");
        assert_eq!(finding(&problem)["pointer"], pointer, "{problem}");
        assert!(!text(&finding(&problem)["hint"]).is_empty(), "{problem}");
    }
    let nul =
        refused(&server.send(&with(login(1), &json!({ "message": "a\u{0}b" }))), 400, "request_malformed");
    assert_eq!(finding(&nul)["pointer"], "/message");
    for (members, pointer) in [
        (json!({ "id": "x" }), "/id"),
        (json!({ "index": 4 }), "/index"),
        (json!({ "severity": "low" }), "/severity"),
        (json!({ "timestamp": "2026-11-21T00:00:00Z" }), "/timestamp"),
        (json!({ "actor": { "idd": "x" } }), "/actor/idd"),
    ] {
        let problem = refused(&server.send(&with(login(1), &members)), 400, "member_unknown");
        assert_eq!(finding(&problem)["pointer"], pointer, "{problem}");
    }
    let limits = get(&server, "", "/api/v1/limits").expect(200);
    assert!(limits["items"].as_array().unwrap().iter().all(|limit| !text(&limit["reason"]).is_empty()));
}

#[test]
fn producers_number_their_events() {
    let server = start();
    let numbered = |user, seq: Value, instance: &str| {
        with(login(user), &json!({ "producer": { "name": "p1", "instance": instance, "seq": seq } }))
    };
    let one = numbered(1, json!(1), "a");
    for event in [&one, &numbered(2, json!("2"), "a"), &numbered(4, json!(4), "a")] {
        assert_eq!(server.send(event).status, 201);
    }
    let state = |instance: &str| {
        let path = format!("/api/v1/orgs/default/producers/p1?instance={instance}");
        server.get(&path).expect(200)["items"][0].clone()
    };
    let gap = state("a");
    assert_eq!((text(&gap["contiguous"]), text(&gap["highest"])), ("2", "4"));
    assert_eq!(gap["gaps"], json!([{ "first": 3, "last": 3 }]));
    assert_eq!(server.send(&numbered(3, json!(3), "a")).status, 201, "out of order is in order");
    let whole = state("a");
    assert_eq!(
        (text(&whole["contiguous"]), &whole["gap_count"], &whole["events"]),
        ("4", &json!(0), &json!(4))
    );

    let repeat = server.send(&one).expect(200);
    assert_eq!((&repeat["status"], &repeat["receipt"]["index"]), (&json!("duplicate"), &json!(0)));
    let conflict = refused(&server.send(&numbered(9, json!(1), "a")), 409, "sequence_conflict");
    assert!(text(&conflict["detail"]).contains("index 0"), "{conflict}");
    assert_eq!(server.send(&numbered(9, json!(1), "b")).status, 201, "another instance numbers from 1");
    for bad in [json!(0), json!(-1), json!("x"), json!(1.5), json!("18446744073709551616")] {
        let problem = refused(&server.send(&numbered(1, bad.clone(), "a")), 422, "event_invalid");
        assert_eq!(finding(&problem)["pointer"], "/producer/seq", "{bad}: {problem}");
    }
    let found = search(&server, "producer:p1 seq:3");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["producer"], json!({ "name": "p1", "instance": "a", "seq": "3" }));
    let largest = server.send(&numbered(1, json!("18446744073709551615"), "c"));
    assert_eq!(largest.status, 201, "{}", largest.text());
    assert_eq!(state("c")["highest"], "18446744073709551615");
    refused(&server.get("/api/v1/orgs/default/producers/p2"), 404, "not_found");
}

#[test]
fn times_and_clocks() {
    let server = start();
    let at = |occurred: &str| server.send(&with(login(1), &json!({ "occurred_at": occurred })));
    let zoneless = refused(&at("2026-11-21T14:03:22"), 400, "time_without_zone");
    assert_eq!(finding(&zoneless)["pointer"], "/occurred_at");
    for unreadable in ["yesterday", "1609502400", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z"] {
        let problem = refused(&at(unreadable), 422, "event_invalid");
        assert_eq!(finding(&problem)["code"], "time_unreadable", "{problem}");
    }
    let flags = |answer: Value| texts(&answer["flags"]).join(",");
    assert_eq!(flags(at(&time(-2 * 86_400)).expect(201)), "late");
    assert_eq!(flags(at(&time(3_600)).expect(201)), "clock_ahead");
    assert_eq!(flags(at(&time(-60)).expect(201)), "");
    assert_eq!(search(&server, "flag:late").len(), 1);
    assert_eq!(search(&server, "flag:clock_ahead").len(), 1);

    let mut untimed = login(2);
    untimed.as_object_mut().unwrap().remove("occurred_at");
    let answer = server.send(&untimed).expect(201);
    assert_eq!(
        (&answer["status"], &finding(&answer)["code"]),
        (&json!("quarantined"), &json!("time_missing"))
    );
    let nobody = json!({ "catalog": "netop", "code": "USER.LOGIN", "occurred_at": time(0) });
    let flagged = server.send(&nobody).expect(201);
    assert!(texts(&flagged["flags"]).contains(&"actor_missing"), "its catalog says flag: {flagged}");
    let nobody = json!({ "catalog": "cloudtrail", "entity": "ec2", "action": "StopInstances", "occurred_at": time(0) });
    let answer = server.send(&nobody).expect(201);
    assert_eq!(answer["status"], "quarantined");
    assert_eq!(finding(&answer)["code"], "actor_missing", "{answer}");

    let before = log_size(&server);
    let spelled = at("2026-11-21t14:03:22.5+01:00").expect(201);
    let id = text(&spelled["receipt"]["id"]);
    let shown = server.get(&format!("{EVENTS}/{id}")).expect(200);
    assert!(text(&shown["received_at"]).ends_with('Z') && text(&shown["received_at"]).len() == 30);
    assert!(text(&shown["occurred_at"]).starts_with("2026-11-21T1"), "{shown}");
    assert_eq!(text(&shown["occurred_at"]).split('.').nth(1).map(|rest| &rest[..9]), Some("500000000"));
    assert_eq!(search(&server, "occurred:2026-11-21T13:03:22").len(), 1, "times compare by instant");
    assert!(log_size(&server) > before);
    assert_eq!(ask(&server, &server.token, ("POST", EVENTS), &login(3)).status, 201);
}
