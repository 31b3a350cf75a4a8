//! Facets, histograms, groups and completion: over HTTP, as commands, and offline, each against counting what a search
//! lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::service::{
    EVENTS, ask, get, key, login, refused, search_in, setup, text, texts, time, wait_for, with,
};
use indelible_testkit::{Server, examples};
use serde_json::{Value, json};

const ORG: &str = "/api/v1/orgs/default";
/// The events that were sent, without those that the service records about itself.
const SENT: &str = "-catalog:indelible";

/// The same for a command line, where a dash begins an option.
const SENT_HERE: &str = "NOT catalog:indelible";

/// Events of every type of three products, over ten days, with a few users and sessions.
fn filled() -> Server {
    let server = setup().start();
    let catalogs = ["openkat", "netop", "sanernow"].map(examples::catalog);
    let types: Vec<_> =
        catalogs.iter().flat_map(|catalog| catalog.types().iter().map(move |of| (catalog, of))).collect();
    let mut events = Vec::new();
    for (n, (catalog, of)) in (0_u32..).zip(types.iter().cycle().take(1_200)) {
        let seconds = -i64::from(n * 7919 % 864_000);
        let user = format!("user-{}", (n * 31) % 17);
        let more = json!({ "occurred_at": time(seconds), "actor": { "id": user, "kind": "user" } });
        events.push(with(examples::event(catalog, of, n), &more));
    }
    for batch in events.chunks(600) {
        assert_eq!(server.send(&json!({ "events": batch })).expect(200)["counts"]["stored"], batch.len());
    }
    server
}

/// Everything that a query selects, by streaming it.
fn listed(server: &Server, query: &str) -> Vec<Value> {
    let body = json!({ "q": query }).to_string();
    let headers = [("accept", "application/x-ndjson"), ("content-type", "application/json")];
    let answer = server.request("POST", &format!("{EVENTS}/search"), &headers, body.as_bytes());
    let rows = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    assert_eq!(rows.last().unwrap()["end"]["complete"], true);
    rows[..rows.len() - 1].to_vec()
}

/// The value of a query field in the JSON of an event.
fn value(event: &Value, field: &str) -> Option<String> {
    let path = match field {
        "actor" => "/actor/id".to_owned(),
        "session" => "/session/id".to_owned(),
        "request" => "/trace/request_id".to_owned(),
        name => format!("/{}", name.replace('.', "/")),
    };
    event.pointer(&path).and_then(Value::as_str).map(str::to_owned)
}

/// Values by count, most first, ties by value; and how many have none.
fn counted(events: &[Value], field: &str) -> (Vec<(String, u64)>, u64) {
    let (mut counts, mut missing) = (BTreeMap::new(), 0);
    for event in events {
        match value(event, field) {
            Some(value) => *counts.entry(value).or_insert(0_u64) += 1,
            None => missing += 1,
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    (counts, missing)
}

/// `value` and `count` of a list of objects.
fn pairs(list: &Value) -> Vec<(String, u64)> {
    let pair = |item: &Value| (text(&item["value"]).to_owned(), item["count"].as_u64().unwrap());
    list.as_array().unwrap().iter().map(pair).collect()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

/// GET of a resource of the first organization.
#[track_caller]
fn numbers(server: &Server, resource: &str, parameters: &[(&str, &str)]) -> Value {
    let query: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    server.get(&format!("{ORG}/{resource}?{}", query.join("&"))).expect(200)
}

#[test]
fn facets_count_what_a_search_lists() {
    let server = filled();
    let fields = ["catalog", "outcome", "crude", "code", "actor", "session", "entity"];
    for query in [
        SENT,
        "catalog:netop outcome:success",
        "(actor:user-3 OR crude:D) -catalog:indelible",
        "login -catalog:indelible",
        "code:none",
    ] {
        let all = listed(&server, query);
        let at = numbers(&server, "facets", &[("q", query), ("fields", &fields.join(",")), ("top", "7")]);
        assert_eq!(at["events"], all.len(), "{query}");
        for (item, field) in at["items"].as_array().unwrap().iter().zip(fields) {
            let (expected, missing) = counted(&all, field);
            assert_eq!(item["field"], field);
            assert_eq!(pairs(&item["values"]), expected[..expected.len().min(7)], "{query}: {field}");
            let other: u64 = expected.iter().skip(7).map(|(_, count)| count).sum();
            assert_eq!(
                (&item["distinct"], &item["other"], &item["missing"]),
                (&json!(expected.len()), &json!(other), &json!(missing)),
                "{query}: {field}"
            );
        }
        let times: BTreeSet<&str> = all.iter().map(|event| text(&event["occurred_at"])).collect();
        assert_eq!(at["first"].as_str(), times.first().copied(), "{query}");
        assert_eq!(at["last"].as_str(), times.last().copied(), "{query}");
    }
    // What is demanded of a field stays out of its own counts, when asked for.
    let query = format!("{SENT} catalog:netop outcome:failure");
    let open = numbers(
        &server,
        "facets",
        &[("q", &query), ("fields", "catalog,outcome,code"), ("alternatives", "true"), ("top", "100")],
    );
    for (at, rest) in [(0, "outcome:failure"), (1, "catalog:netop"), (2, "catalog:netop outcome:failure")] {
        let field = text(&open["items"][at]["field"]).to_owned();
        // The condition on the catalog is two: leaving out one by name takes both.
        let rest = if field == "catalog" { rest.to_owned() } else { format!("{SENT} {rest}") };
        assert_eq!(
            pairs(&open["items"][at]["values"])
                .into_iter()
                .filter(|(value, _)| value != "indelible")
                .collect::<Vec<_>>(),
            counted(&listed(&server, &format!("{rest} {SENT}")), &field).0,
            "{field}"
        );
    }
    // The long form is the same, with lists as lists.
    let long = server
        .post(&format!("{ORG}/facets"), &json!({ "q": SENT, "fields": ["crude", "code"], "top": 3 }))
        .expect(200);
    assert_eq!(
        long["items"],
        numbers(&server, "facets", &[("q", SENT), ("fields", "crude,code"), ("top", "3")])["items"]
    );
}

#[test]
fn bars_follow_the_calendar_of_the_zone() {
    let server = filled();
    let all = listed(&server, SENT);
    let zone = jiff_zone("Europe/Amsterdam");
    for (width, digits) in [("day", "day"), ("1h", "hour"), ("month", "month")] {
        let found = numbers(
            &server,
            "histogram",
            &[("q", SENT), ("width", width), ("tz", "Europe/Amsterdam"), ("stack", "outcome")],
        );
        let mut expected: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for event in &all {
            let start = zone.start(text(&event["occurred_at"]), digits);
            let outcome = value(event, "outcome").unwrap_or_default();
            *expected.entry(start).or_default().entry(outcome).or_default() += 1;
        }
        let bars = found["bars"].as_array().unwrap();
        for pair in bars.windows(2) {
            assert_eq!(pair[0]["end"], pair[1]["start"], "{width}");
        }
        let filled: Vec<&Value> = bars.iter().filter(|bar| bar["count"] != 0).collect();
        assert_eq!(filled.len(), expected.len(), "{width}");
        for bar in filled {
            let parts = &expected[text(&bar["start"])];
            assert_eq!(bar["count"], parts.values().sum::<u64>(), "{width}: {bar}");
            for (outcome, count) in parts {
                assert_eq!(
                    if outcome.is_empty() { &bar["missing"] } else { &bar["parts"][outcome] },
                    count,
                    "{bar}"
                );
            }
        }
        assert_eq!(found["events"], all.len());
    }
    let chosen = numbers(&server, "histogram", &[("q", SENT), ("bars", "24")]);
    assert_eq!(
        chosen["width"],
        "12h",
        "ten days and a bit in at most 24 bars: {}",
        chosen["bars"].as_array().unwrap().len()
    );
    let window = numbers(
        &server,
        "histogram",
        &[
            ("q", "code:none"),
            ("since", "2026-10-25"),
            ("until", "2026-10-25"),
            ("tz", "Europe/Amsterdam"),
            ("width", "1h"),
        ],
    );
    assert_eq!(window["bars"].as_array().unwrap().len(), 25, "that day has an hour more");
}

/// Starts of hours, days and months on a zone's calendar.
struct Zone(jiff::tz::TimeZone);

fn jiff_zone(name: &str) -> Zone {
    Zone(jiff::tz::TimeZone::get(name).unwrap())
}

impl Zone {
    fn start(&self, time: &str, of: &str) -> String {
        let zoned = time.parse::<jiff::Timestamp>().unwrap().to_zoned(self.0.clone());
        let start = match of {
            "hour" => zoned
                .round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc))
                .unwrap(),
            "day" => zoned.start_of_day().unwrap(),
            _ => zoned.first_of_month().unwrap().start_of_day().unwrap(),
        };
        let text = start.timestamp().to_string();
        format!("{}.000000000Z", text.trim_end_matches('Z'))
    }
}

#[test]
fn groups_hold_their_first_and_last_act_and_their_actors() {
    let server = filled();
    let all = listed(&server, SENT);
    for (by, sort) in [("session", "-count"), ("actor,outcome", "-last"), ("code,actor", "first")] {
        let fields: Vec<&str> = by.split(',').collect();
        let found = numbers(&server, "groups", &[("q", SENT), ("by", by), ("sort", sort), ("limit", "25")]);
        let mut expected: BTreeMap<Vec<String>, (u64, BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        let mut missing = 0;
        for event in &all {
            let Some(key) = fields.iter().map(|field| value(event, field)).collect::<Option<Vec<_>>>() else {
                missing += 1;
                continue;
            };
            let group = expected.entry(key).or_default();
            group.0 += 1;
            group.1.insert(text(&event["occurred_at"]).to_owned());
            group.2.extend(value(event, "actor"));
        }
        assert_eq!((&found["total"], &found["missing"]), (&json!(expected.len()), &json!(missing)), "{by}");
        assert_eq!(found["items"].as_array().unwrap().len(), expected.len().min(25));
        let mut order = Vec::new();
        for item in found["items"].as_array().unwrap() {
            let key: Vec<String> = texts(&item["values"]).into_iter().map(str::to_owned).collect();
            let (count, times, actors) = &expected[&key];
            assert_eq!(
                (&item["count"], text(&item["first"]), text(&item["last"]), &item["actors"]),
                (
                    &json!(count),
                    times.first().unwrap().as_str(),
                    times.last().unwrap().as_str(),
                    &json!(actors.len())
                )
            );
            order.push(match sort {
                "-count" => (std::cmp::Reverse(count.to_string()), String::new()),
                "-last" => (std::cmp::Reverse(text(&item["last"]).to_owned()), String::new()),
                _ => (std::cmp::Reverse(String::new()), text(&item["first"]).to_owned()),
            });
        }
        if sort != "-count" {
            assert!(order.is_sorted(), "{sort}");
        }
        let counts: Vec<u64> =
            found["items"].as_array().unwrap().iter().map(|i| i["count"].as_u64().unwrap()).collect();
        assert!(sort != "-count" || counts.is_sorted_by(|a, b| a >= b));
    }
}

#[test]
fn completion_offers_fields_then_catalogs_then_values() {
    let server = filled();
    let offers = |query: &str| numbers(&server, "suggest", &[("q", query), ("limit", "50")]);
    let of = |found: &Value, kind: &str| -> Vec<String> {
        let items = found["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind);
        items.map(|item| text(&item["text"]).to_owned()).collect()
    };
    let names = offers("catalog:netop act");
    assert_eq!(of(&names, "field")[..3], ["action:", "actor:", "actor.id:"]);
    assert_eq!((&names["offset"], &names["length"]), (&json!(14), &json!(3)));
    assert!(of(&offers("param.guest"), "field").contains(&"param.guest.nrc_id:".to_owned()));
    assert!(
        of(&offers("gateway"), "catalog").contains(&"code:GATEWAY.LOGIN".to_owned())
            || !of(&offers("gateway"), "catalog").is_empty()
    );
    assert_eq!(of(&offers("catalog:NET"), "catalog"), ["netop"]);
    assert_eq!(of(&offers("-outcome:f"), "word"), ["failure"]);
    let values = offers("actor:user-1");
    let expected = counted(&listed(&server, &format!("{SENT} actor:user-1*")), "actor").0;
    assert_eq!(
        of(&values, "value").into_iter().collect::<BTreeSet<_>>(),
        expected.iter().map(|v| v.0.clone()).collect()
    );
    let narrowed = offers("catalog:openkat actor:user-1");
    for item in narrowed["items"].as_array().unwrap() {
        let query = format!("catalog:openkat actor:{}", text(&item["text"]));
        assert_eq!(item["count"], listed(&server, &query).len(), "{query}");
    }
    let codes = offers("catalog:openkat code:09");
    let counted_codes: Vec<&Value> =
        codes["items"].as_array().unwrap().iter().filter(|item| item["count"].is_u64()).collect();
    assert!(
        !counted_codes.is_empty() && counted_codes.iter().all(|item| item["about"].is_string()),
        "{codes}"
    );
    assert_eq!(offers("acter:x")["items"], json!([]));
    assert_eq!(offers("(catalog:netop OR ")["items"][0]["kind"], "field");
    // A store without a single event is helped by its catalogs.
    server.post("/api/v1/orgs", &json!({ "id": "acme" })).expect(201);
    let empty = server.get("/api/v1/orgs/acme/suggest?q=code%3A0911").expect(200);
    assert!(empty["items"].as_array().unwrap().iter().any(|item| item["text"] == "091111"), "{empty}");
}

#[test]
fn what_cannot_be_counted_is_refused_with_the_reason() {
    let server = setup().start();
    server.send(&login(1)).expect(201);
    for (path, says) in [
        ("facets", "say fields"),
        ("facets?fields=acter", "did you mean actor?"),
        ("facets?fields=since", "no field to count by"),
        ("facets?fields=actor&top=101", "must be 1 to 100"),
        ("facets?fields=actor&top=0", "must be 1 to 100"),
        ("histogram?width=7m", "must be auto"),
        ("histogram?bars=1001", "must be 1 to 1000"),
        ("histogram?since=2020&width=hour", "the 1000 that a histogram may have"),
        ("groups", "say by"),
        ("groups?by=actor,code,crude", "at most 2"),
        ("groups?by=actor&sort=code", "must be -count"),
        ("suggest?limit=51", "must be 1 to 50"),
        ("facets?fields=actor&at=99", "cannot be read as of 99"),
    ] {
        let problem = refused(&server.get(&format!("{ORG}/{path}")), 400, "request_malformed");
        assert!(text(&problem["detail"]).contains(says), "{path}: {problem}");
    }
    refused(&server.get(&format!("{ORG}/facets?fields=actor&q=actr%3Ax")), 400, "query_invalid");
    refused(&server.get(&format!("{ORG}/facets?feilds=actor")), 400, "member_unknown");
    refused(&server.post(&format!("{ORG}/histogram"), &json!({ "widht": "day" })), 400, "member_unknown");
    refused(&server.post(&format!("{ORG}/groups"), &json!({ "by": { "a": 1 } })), 400, "request_malformed");
}

#[test]
fn a_key_counts_only_what_it_may_read() {
    let server = filled();
    server.post("/api/v1/orgs", &json!({ "id": "acme" })).expect(201);
    let (narrow, _) = key(&server, "default", &json!({ "kind": "rd", "catalog": "netop" }));
    let seen = get(&server, &narrow, &format!("{ORG}/facets?fields=catalog")).expect(200);
    assert_eq!(
        texts(&json!(pairs(&seen["items"][0]["values"]).iter().map(|v| v.0.clone()).collect::<Vec<_>>())),
        ["netop"]
    );
    let offered = get(&server, &narrow, &format!("{ORG}/suggest?q=catalog%3A")).expect(200);
    assert_eq!(offered["items"].as_array().unwrap().len(), 1, "{offered}");
    let grouped = get(&server, &narrow, &format!("{ORG}/groups?by=catalog")).expect(200);
    assert_eq!(grouped["total"], 1);
    let open =
        get(&server, &narrow, &format!("{ORG}/facets?fields=catalog&q=catalog%3Anetop&alternatives=true"))
            .expect(200);
    assert_eq!(
        open["items"][0]["distinct"], 1,
        "leaving the query's own condition out leaves the key's: {open}"
    );
    let theirs = server.get("/api/v1/orgs/acme/facets?fields=actor&q=-catalog%3Aindelible").expect(200);
    assert_eq!((&theirs["events"], &theirs["items"][0]["values"]), (&json!(0), &json!([])));
}

#[test]
fn numbers_of_one_query_leave_one_event() {
    let server = setup().start();
    server.send(&login(1)).expect(201);
    let (reader, key_id) = key(&server, "default", &json!({ "kind": "rd" }));
    let searches = |count: usize| {
        wait_for(&format!("{count} searches on record"), || {
            let query = format!("catalog:indelible code:EVENT.SEARCH actor.id:{key_id}");
            let found = search_in(&server, "default", &query);
            assert!(found.len() <= count, "{found:#?}");
            (found.len() == count).then_some(found)
        })
    };
    let read = |path: &str| assert_eq!(get(&server, &reader, &format!("{ORG}/{path}")).status, 200, "{path}");
    read("events?q=actor:user-1&since=-1d");
    searches(1);
    read("facets?q=actor:user-1&since=-1d&fields=code");
    read("histogram?q=actor:user-1&since=-1d");
    read("groups?q=actor:user-1&since=-1d&by=session");
    read("groups?q=actor:user-2&by=session");
    let found = searches(2);
    assert_eq!(found[1]["params"]["query"], "actor:user-2");
    assert_eq!(found[1].get("flags"), None, "{}", found[1]);
    read("events?q=actor:user-2");
    read("suggest?q=actor%3Aus");
    read("suggest?q=actor%3Auser");
    assert_eq!(searches(3)[2]["params"]["query"], "actor:*");
    // What is refused reads nothing, and does not stand for what is read afterwards.
    let refused =
        get(&server, &reader, &format!("{ORG}/histogram?q=actor:user-3&since=2020&until=2021&width=hour"));
    assert_eq!(refused.status, 400);
    read("events?q=actor:user-3&since=2020&until=2021");
    searches(4);
    let sender = key(&server, "default", &json!({ "kind": "in" })).0;
    assert_eq!(
        ask(&server, &sender, ("GET", &format!("{ORG}/facets?fields=actor")), &Value::Null).status,
        403
    );
}

/// What a command says on standard output, as a client of a server.
#[track_caller]
fn says(server: &Server, arguments: &[&str]) -> String {
    let ran = server.tool(arguments).output().unwrap();
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn commands_show_the_numbers_of_the_api() {
    let server = filled();
    let actors = counted(&listed(&server, SENT), "actor").0;
    let top = rows(&says(&server, &["top", "actor", SENT_HERE, "-n", "5", "--output", "ndjson"]));
    let shown: Vec<_> =
        top.iter().map(|row| (text(&row["value"]).to_owned(), row["count"].as_u64().unwrap())).collect();
    assert_eq!(shown, actors[..5]);
    let share = |count: u64| format!("{}.{:02}", count * 10_000 / 1_200 / 100, count * 10_000 / 1_200 % 100);
    assert_eq!(top[0]["share"], share(actors[0].1));
    let csv = says(&server, &["top", "outcome", SENT_HERE, "-o", "csv"]);
    assert!(csv.starts_with("value,count,share\r\n"), "{csv}");

    let bars = rows(&says(
        &server,
        &["histogram", SENT_HERE, "--by", "day", "--stack", "outcome", "-Z", "Europe/Amsterdam"],
    ));
    let asked =
        [("q", SENT), ("width", "day"), ("stack", "outcome"), ("top", "4"), ("tz", "Europe/Amsterdam")];
    assert_eq!(json!(bars), numbers(&server, "histogram", &asked)["bars"]);
    let csv = says(&server, &["histogram", SENT_HERE, "--by", "day", "--stack", "outcome", "-o", "csv"]);
    assert!(csv.starts_with("start,end,count,parts."), "{csv}");
    assert!(csv.lines().next().unwrap().ends_with(",other,missing"), "{csv}");

    let stats: Value = serde_json::from_str(&says(&server, &["stats", SENT_HERE, "--json"])).unwrap();
    assert_eq!((&stats["events"], &stats["facets"]["actor"]["distinct"]), (&json!(1_200), &json!(17)));
    let counts: u64 =
        stats["bars"].as_array().unwrap().iter().map(|bar| bar["count"].as_u64().unwrap()).sum();
    assert_eq!(counts, 1_200);
    let markdown = says(&server, &["stats", SENT_HERE, "-o", "markdown"]);
    assert!(markdown.starts_with("| field | value | count |\n|---|---|---|\n| catalog | "), "{markdown}");

    let ended = server.tool(&["top", "actor", "code:none", "--exit-status"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(4));
    let wrong = server.tool(&["top", "acter"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean actor?"));
}

#[test]
fn numbers_are_drawn_within_the_width_and_without_colour_in_a_pipe() {
    let server = filled();
    for arguments in [
        vec!["top", "actor", SENT_HERE, "-o", "table"],
        vec!["histogram", SENT_HERE, "--by", "day", "-o", "table"],
        vec!["histogram", SENT_HERE, "--by", "day", "--stack", "outcome", "-o", "table"],
        vec!["stats", SENT_HERE, "-o", "table"],
    ] {
        let ran = server.tool(&arguments).env("COLUMNS", "72").output().unwrap();
        let drawn = String::from_utf8(ran.stdout).unwrap();
        assert!(!drawn.contains('\u{1b}'), "{drawn}");
        assert!(drawn.contains('█'), "{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() <= 72 || !line.contains('█')), "{drawn}");
        let coloured = server.tool(&arguments).env("CLICOLOR_FORCE", "1").output().unwrap();
        assert!(String::from_utf8(coloured.stdout).unwrap().contains("\u{1b}["), "{arguments:?}");
    }
    let day = &says(&server, &["histogram", SENT_HERE, "--by", "day", "-o", "table"])[..10];
    assert!(day.parse::<jiff::civil::Date>().is_ok(), "{day}");
}

/// Every file of a folder with its bytes and the time it was changed.
fn state(dir: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>, std::time::SystemTime)> {
    let read = |path: std::path::PathBuf| {
        let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
        (path.clone(), std::fs::read(&path).unwrap(), changed)
    };
    indelible_testkit::folder::files(dir).into_iter().map(read).collect()
}

/// The log grows by the record of what was asked; everything else is the same.
fn without_size(text: &str) -> String {
    let size = |part: &str| part.trim_start().starts_with("\"log_size\"");
    let lines =
        text.lines().map(|line| line.split_inclusive(',').filter(|part| !size(part)).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_stopped_store_answers_as_its_server_did() {
    let server = filled();
    let actor = "actor:user-3 -catalog:indelible";
    let commands: [&[&str]; 7] = [
        &["top", "actor", SENT_HERE, "-n", "20"],
        &["histogram", SENT_HERE, "--by", "day", "--stack", "outcome"],
        &["stats", SENT_HERE, "--json"],
        &["search", actor, "--output", "ndjson"],
        &["search", "logged in -catalog:indelible", "--count", "--json"],
        &["export", actor],
        &["export", SENT_HERE, "--format", "csv", "--sort=-index"],
    ];
    let online: Vec<String> = commands.iter().map(|arguments| says(&server, arguments)).collect();
    let data = server.data();
    let data = data.to_str().unwrap();
    let held = server.tool(&["top", "actor", "--data", data]).output().unwrap();
    assert_eq!(held.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&held.stderr).contains("in use by another process"),
        "the server holds it"
    );

    // Killed, so that there is something to recover, which must stay in memory.
    let stopped = server.kill();
    let before = state(&stopped.data());
    for (arguments, expected) in commands.iter().zip(&online) {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--data", data]).collect();
        let ran = stopped.tool(&arguments).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        let found = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(without_size(&found), without_size(expected), "{arguments:?}");
    }
    let counted =
        stopped.tool(&["search", "--count", "--at", "1000", "-o", "table", "--data", data]).output().unwrap();
    assert_eq!(String::from_utf8(counted.stdout).unwrap(), "1000\n");
    assert!(before == state(&stopped.data()), "reading changed the folder");

    let unknown = stopped.tool(&["top", "actor", "--data", data, "--org", "acme"]).output().unwrap();
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no log of the organization \"acme\""));
    let wrong = stopped.tool(&["export", "acter:x", "--data", data]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
    let nowhere = stopped.tool(&["search", "--data", "/nonexistent"]).output().unwrap();
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("/nonexistent"));
    // And the server goes on.
    let again = stopped.start();
    assert_eq!(says(&again, &["top", "actor", SENT_HERE, "-n", "20"]), online[0]);
}

#[test]
fn an_export_is_viewed_with_the_queries_of_its_log() {
    let server = filled();
    let file = server.setup().dir().join("export.ndjson");
    let file = file.to_str().unwrap();
    says(&server, &["export", SENT_HERE, "--out", file]);
    let day = &time(-3 * 86_400)[..10];
    for query in
        ["actor:user-3", "index:100..199", "org:default crude:D", "org:acme", "received:-1h..", "logged in"]
    {
        for window in [vec![], vec!["--since", day, "--until", day]] {
            let viewed = [vec!["view", file, "--count", "-q", query], window.clone()].concat();
            let asked = format!("{query} {SENT}");
            let searched = [vec!["search", &asked, "--count", "-o", "table"], window].concat();
            assert_eq!(says(&server, &viewed), says(&server, &searched), "{viewed:?}");
        }
    }
    let id = text(&listed(&server, "index:77")[0]["id"]).to_owned();
    let one = rows(&says(&server, &["view", file, "-q", &format!("id:{id}"), "-o", "ndjson"]));
    assert_eq!(one.len(), 1);
    assert_eq!(rows(&says(&server, &["view", file, "-n", "3", "-o", "ndjson"])).len(), 3);
    assert_eq!(server.tool(&["view", file, "--since", "soon"]).output().unwrap().status.code(), Some(2));
}
