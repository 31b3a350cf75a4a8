//! Search over HTTP: pages that together are the whole, frozen views, streams that say when they are whole, and
//! queries that are either valid or answered with the place of the mistake.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::service::{EVENTS, finding, login, refused, text, time, with};
use indelible_testkit::{Server, examples};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Events of every type of the three products, five to each time.
fn filled(count: usize) -> Server {
    let server = crate::service::start();
    let catalogs = ["openkat", "netop", "sanernow"].map(examples::catalog);
    let types: Vec<_> =
        catalogs.iter().flat_map(|catalog| catalog.types().iter().map(move |of| (catalog, of))).collect();
    let mut events = Vec::with_capacity(count);
    for (n, (catalog, of)) in (0_u32..).zip(types.iter().cycle().take(count)) {
        let seconds = -i64::from(n * 7919 % 400);
        events
            .push(with(examples::event(catalog, of, n), &json!({ "occurred_at": time_of_second(seconds) })));
    }
    for batch in events.chunks(1_000) {
        assert_eq!(server.send(&json!({ "events": batch })).expect(200)["counts"]["stored"], batch.len());
    }
    server
}

/// A whole second, so that many events share one.
fn time_of_second(from_now: i64) -> String {
    format!("{}.000000000Z", time(from_now).split('.').next().unwrap())
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        let separator = if text.is_empty() { '?' } else { '&' };
        write!(text, "{separator}{name}=").unwrap();
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => text.push(char::from(byte)),
                _ => write!(text, "%{byte:02X}").unwrap(),
            }
        }
    }
    text
}

fn page(server: &Server, parameters: &[(&str, &str)]) -> Value {
    server.get(&format!("{EVENTS}{}", encoded(parameters))).expect(200)
}

fn indexes(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["index"].as_u64().unwrap()).collect()
}

/// Every page from the first on; the last page's cursor back comes along.
fn forward(server: &Server, parameters: &[(&str, &str)]) -> (Vec<u64>, Vec<Vec<u64>>, Option<String>) {
    let (mut all, mut pages, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
    let limit: usize = parameters.iter().find(|(name, _)| *name == "limit").unwrap().1.parse().unwrap();
    loop {
        let mut asked = parameters.to_vec();
        if let Some(cursor) = &cursor {
            asked.push(("cursor", cursor));
        }
        let page = page(server, &asked);
        let full = indexes(&page).len() == limit;
        all.extend(indexes(&page));
        pages.push(indexes(&page));
        // In ascending order there is always a next page: what will be recorded.
        match page["next_cursor"].as_str() {
            Some(next) if full => cursor = Some(next.to_owned()),
            _ => return (all, pages, page["prev_cursor"].as_str().map(str::to_owned)),
        }
    }
}

#[test]
fn pages_forward_and_back_are_the_whole() {
    let server = filled(2_000);
    for sort in ["-occurred_at", "occurred_at", "-index", "index"] {
        let asked = [("q", "-catalog:indelible"), ("sort", sort), ("limit", "137"), ("at", "2000")];
        let (all, pages, back) = forward(&server, &asked);
        assert_eq!(all.len(), 2_000, "{sort}");
        let mut distinct = all.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 2_000, "{sort}: nothing twice, nothing lost");

        let whole: Vec<Value> = (0..2)
            .flat_map(|n| {
                let cursor = (n == 1).then(|| {
                    page(
                        &server,
                        &[("q", "-catalog:indelible"), ("sort", sort), ("limit", "1000"), ("at", "2000")],
                    )["next_cursor"]
                        .clone()
                });
                let mut asked =
                    vec![("q", "-catalog:indelible"), ("sort", sort), ("limit", "1000"), ("at", "2000")];
                if let Some(cursor) = &cursor {
                    asked.push(("cursor", text(cursor)));
                }
                page(&server, &asked)["items"].as_array().unwrap().clone()
            })
            .collect();
        assert_eq!(
            whole.iter().map(|item| item["index"].as_u64().unwrap()).collect::<Vec<_>>(),
            all,
            "{sort}"
        );
        let key = |item: &Value| (text(&item["occurred_at"]).to_owned(), item["index"].as_u64().unwrap());
        let mut ordered: Vec<_> = whole.iter().map(key).collect();
        match sort {
            "-occurred_at" => ordered.sort_by(|a, b| b.cmp(a)),
            "occurred_at" => ordered.sort(),
            "-index" => ordered.sort_by_key(|(_, index)| std::cmp::Reverse(*index)),
            _ => ordered.sort_by_key(|(_, index)| *index),
        }
        assert_eq!(
            ordered.into_iter().map(|(_, index)| index).collect::<Vec<_>>(),
            all,
            "{sort}: equal times by index"
        );

        let (mut back, mut at) = (back, pages.len() - 1);
        while let Some(cursor) = back {
            at -= 1;
            let mut asked = asked.to_vec();
            asked.push(("cursor", &cursor));
            let page = page(&server, &asked);
            assert_eq!(indexes(&page), pages[at], "{sort}: page {at} again");
            back = page["prev_cursor"].as_str().map(str::to_owned);
        }
        assert_eq!(at, 0, "{sort}");
    }
}

#[test]
fn frozen_views_and_cursors() {
    let server = filled(300);
    let asked = [("q", "-catalog:indelible"), ("limit", "50"), ("at", "200")];
    let before = page(&server, &asked);
    assert!(indexes(&before).iter().all(|index| *index < 200));
    let late = with(login(1), &json!({ "occurred_at": time(-60) }));
    let index = server.send(&late).expect(201)["receipt"]["index"].as_u64().unwrap();
    assert_eq!(page(&server, &asked)["items"], before["items"], "a late arrival changes nothing before it");
    let beyond = server.get(&format!("{EVENTS}?at=1000000"));
    refused(&beyond, 400, "request_malformed");

    let cursor = text(&before["next_cursor"]).to_owned();
    let with_cursor = |org: &str, more: &[(&str, &str)]| {
        let asked: Vec<_> = more.iter().copied().chain([("cursor", cursor.as_str())]).collect();
        server.get(&format!("/api/v1/orgs/{org}/events{}", encoded(&asked)))
    };
    assert_eq!(with_cursor("default", &asked).status, 200);
    refused(
        &with_cursor("default", &[("q", "catalog:netop"), ("limit", "50"), ("at", "200")]),
        400,
        "cursor_mismatch",
    );
    refused(
        &with_cursor("default", &[("q", "-catalog:indelible"), ("at", "200"), ("sort", "index")]),
        400,
        "cursor_mismatch",
    );
    refused(&with_cursor("default", &[("q", "-catalog:indelible"), ("at", "199")]), 400, "cursor_mismatch");
    refused(
        &with_cursor("default", &[("q", "-catalog:indelible"), ("at", "200"), ("since", "-1h")]),
        400,
        "cursor_mismatch",
    );
    refused(&with_cursor("system", &asked), 400, "cursor_mismatch");
    for cursor in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        refused(&server.get(&format!("{EVENTS}?cursor={cursor}")), 400, "cursor_invalid");
    }
    assert_eq!(page(&server, &[("min_index", &index.to_string())])["complete"], true);
    let behind = server.get(&format!("{EVENTS}?min_index=900000"));
    refused(&behind, 503, "index_behind");
    assert!(behind.header("retry-after").is_some());
}

#[test]
fn counts_fields_links_and_windows() {
    let server = filled(452);
    let counted = page(&server, &[("q", "catalog:netop"), ("count", "exact"), ("limit", "10")]);
    assert_eq!(counted["count"], json!({ "value": 110, "relation": "eq" }));
    assert_eq!(page(&server, &[("q", "catalog:netop")]).get("count"), None);
    refused(&server.get(&format!("{EVENTS}?count=all")), 400, "request_malformed");

    let few =
        page(&server, &[("q", "catalog:openkat"), ("fields", "code,actor.id, targets"), ("limit", "1")]);
    let item = few["items"][0].as_object().unwrap();
    let members: BTreeSet<&str> = item.keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["actor", "code", "targets"]));
    assert_eq!(item["actor"].as_object().unwrap().len(), 1);

    let first = server.get(&format!("{EVENTS}?q=catalog%3Anetop&limit=50"));
    let link = |answer: &indelible_testkit::Answer, relation: &str| {
        let links = answer.header("link").unwrap().split(", ");
        let found = links.filter(|link| link.ends_with(&format!("; rel=\"{relation}\""))).collect::<Vec<_>>();
        found.first().map(|link| link[1..link.find('>').unwrap()].to_owned())
    };
    assert!(
        link(&first, "self").is_some() && link(&first, "first").is_some() && link(&first, "prev").is_none()
    );
    let second = server.get(&link(&first, "next").unwrap());
    let third = server.get(&link(&second, "next").unwrap());
    assert_eq!(indexes(&third.json()).len(), 10);
    assert_eq!(link(&third, "next"), None);
    assert_eq!(indexes(&server.get(&link(&second, "prev").unwrap()).json()), indexes(&first.json()));

    let count = |parameters: &[(&str, &str)]| {
        let asked: Vec<_> = parameters.iter().copied().chain([("count", "exact"), ("limit", "1")]).collect();
        page(&server, &asked)["count"]["value"].as_u64().unwrap()
    };
    let all = [("q", "-catalog:indelible")];
    assert_eq!(count(&all), 452);
    assert_eq!(count(&[all[0], ("since", "-1h")]), 452);
    assert_eq!(count(&[all[0], ("until", "-1h")]), 0);
    let split = time_of_second(-200);
    let just_before = split.replace(".000000000Z", "Z");
    let since = count(&[all[0], ("since", &just_before)]);
    let until = count(&[all[0], ("until", &just_before)]);
    let at = count(&[("q", &format!("-catalog:indelible occurred:{just_before}"))]);
    assert_eq!(since + until, 452 + at, "both ends belong to the window");
    let answer = page(&server, &[all[0], ("since", "2026-11-22"), ("tz", "Europe/Amsterdam")]);
    assert_eq!(answer["query"]["since"], "2026-11-21T23:00:00.000000000Z");
    refused(&server.get(&format!("{EVENTS}?since=tomorrowish")), 400, "request_malformed");
    refused(&server.get(&format!("{EVENTS}?tz=Mars/Phobos")), 400, "request_malformed");
    refused(&server.get(&format!("{EVENTS}?sort=code")), 400, "request_malformed");
    for limit in ["0", "1001", "x"] {
        refused(&server.get(&format!("{EVENTS}?limit={limit}")), 400, "request_malformed");
    }
    let typo = refused(&server.get(&format!("{EVENTS}?lmit=5")), 400, "member_unknown");
    assert!(text(&typo["detail"]).contains("did you mean limit?"));
}

#[test]
fn a_stream_says_when_it_is_whole() {
    let server = filled(1_500);
    let accept = [("accept", "application/x-ndjson")];
    let answer = server.request("GET", &format!("{EVENTS}?q=-catalog:indelible&sort=index"), &accept, &[]);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let body = answer.text();
    let (rows, end) = body.trim_end().rsplit_once('\n').unwrap();
    let rows = format!("{rows}\n");
    let end: Value = serde_json::from_str(end).unwrap();
    let hash = Sha256::digest(rows.as_bytes());
    let hash = hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(end["end"]["rows"], 1_500);
    assert_eq!(end["end"]["sha256"], hash);
    assert_eq!(end["end"]["complete"], true);
    let found: Vec<u64> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap()["index"].as_u64().unwrap())
        .collect();
    assert_eq!(found, (0..1_500).collect::<Vec<_>>());
    let long = json!({ "q": "catalog:netop", "fields": "code" }).to_string();
    let json = [("accept", "application/x-ndjson"), ("content-type", "application/json")];
    let answer = server.request("POST", &format!("{EVENTS}/search"), &json, long.as_bytes());
    assert!(answer.text().lines().count() > 110);
    let nothing = server.request("GET", &format!("{EVENTS}?q=code:none"), &accept, &[]).text();
    let nothing: Value = serde_json::from_str(&nothing).unwrap();
    assert_eq!(nothing["end"]["rows"], 0);
}

#[test]
fn the_language_over_http() {
    let server = filled(904);
    let count = |query: &str| {
        page(&server, &[("q", query), ("count", "exact"), ("limit", "1")])["count"]["value"].as_u64().unwrap()
    };
    assert_eq!(count("catalog:netop"), 220);
    assert_eq!(count("catalog:netop,openkat"), 338);
    assert_eq!(count("catalog:netop OR catalog:openkat"), 338);
    assert_eq!(count("(catalog:netop OR catalog:openkat) -catalog:netop"), 118);
    assert_eq!(count("catalog:openkat NOT code:091111"), 116);
    assert_eq!(count("code:0*"), 14, "seven codes with a leading zero, twice");
    assert_eq!(count("catalog:openkat code:900300..900399"), count("catalog:openkat code:9003*"));
    assert_eq!(count("catalog:openkat crude:D"), 30);
    assert_eq!(count("catalog:netop ip:192.0.2.0/24"), 220);
    assert_eq!(count("catalog:netop -ip:192.0.2.0/25") + count("catalog:netop ip:192.0.2.0/25"), 220);
    assert_eq!(count("actor:user-3"), 1);
    assert_eq!(count("actor:USER3@example.org"), 1, "values do not depend on case");
    assert_eq!(count("entity:device action:gateway_login"), 2);
    assert_eq!(count("catalog:netop session:*") + count("catalog:netop -session:*"), 220);
    assert_eq!(count("catalog:netop -session:*"), 4, "two types never have a session");
    assert!(count("catalog:netop param.guest.nrc_id:*") > 0);
    assert_eq!(count("outcome:failure catalog:sanernow"), 146);
    assert!(count("\"API key\"") >= 2);
    assert!(count("catalog:openkat logged in") >= 2);
    assert_eq!(count("catalog:openkat tool:user-management"), 0);
    assert!(count("tool:user-management") > 0);
    assert_eq!(count("index:0..9"), 10);
    assert_eq!(count("occurred:-1d..now catalog:netop"), 220);
}

#[test]
fn what_is_typed_is_valid_or_explained() {
    let server = filled(10);
    for (query, code, offset) in [
        ("actr:x", "field_unknown", 0),
        ("catalog:netop \"abc", "quote_open", 14),
        ("occurred:foo", "time_unknown", 9),
        ("(a OR b", "paren_open", 0),
    ] {
        let problem =
            refused(&server.get(&format!("{EVENTS}{}", encoded(&[("q", query)]))), 400, "query_invalid");
        let finding = finding(&problem);
        assert_eq!(
            (text(&finding["code"]), finding["offset"].as_u64()),
            (code, Some(offset)),
            "{query}: {problem}"
        );
        assert!(finding["length"].is_u64());
        let suggestions = finding["suggestions"].as_array().unwrap();
        assert!(!suggestions.is_empty(), "{query}: {problem}");
        let parse = format!("/api/v1/orgs/default/query/parse{}", encoded(&[("q", query)]));
        refused(&server.get(&parse), 400, "query_invalid");
    }
    let long = "x".repeat(9_000);
    refused(&server.get(&format!("{EVENTS}?q={long}")), 400, "query_invalid");
    let posted = server.post(&format!("{EVENTS}/search"), &json!({ "q": long }));
    assert_eq!(posted.expect(200)["items"], json!([]), "longer queries go into the body");
    let unknown =
        refused(&server.post(&format!("{EVENTS}/search"), &json!({ "query": "x" })), 400, "member_unknown");
    assert!(text(&unknown["detail"]).contains("query"), "{unknown}");

    let parse = |query: &str| {
        server
            .get(&format!(
                "/api/v1/orgs/default/query/parse{}",
                encoded(&[("q", query), ("tz", "Europe/Amsterdam")])
            ))
            .expect(200)
    };
    let parsed = parse("catalog:netop  AND (action:LOGIN)  -result:0 occurred:2026-11-22 \"password reset\"");
    assert_eq!(parsed["text"], "catalog:netop action:LOGIN -result:0 occurred:2026-11-22 \"password reset\"");
    assert!(text(&parsed["absolute"]).contains("2026-11-21T23:00:00"), "{parsed}");
    assert_eq!(parsed["tree"]["and"].as_array().unwrap().len(), 5);
    let again = parse(text(&parsed["text"]));
    assert_eq!(again["text"], parsed["text"], "canonical text is a fixpoint");
    let expanded = parse("gateway");
    assert!(!expanded["codes"].as_array().unwrap().is_empty(), "{expanded}");
}
