//! Real files of other programs through `indelible import`: exact counts, and a second run that adds nothing.

use std::collections::BTreeMap;

use indelible_testkit::whole_log::export;
use indelible_testkit::{Server, Setup};
use serde_json::Value;

fn start() -> Server {
    Setup::new(env!("CARGO_BIN_EXE_indelible")).start()
}

/// Imports a file of `tests/data`; gives the exit code and the counts.
fn import(server: &Server, name: &str, more: &[&str]) -> (i32, Value) {
    let file = format!("{}/../../tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let arguments: Vec<&str> =
        ["--json", "import"].iter().chain(more).copied().chain([file.as_str()]).collect();
    let output = server.tool(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counts = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code().unwrap_or(-1), counts)
}

/// read, stored, duplicate, quarantined, skipped, refused.
fn sums(counts: &Value) -> [u64; 6] {
    ["read", "stored", "duplicate", "quarantined", "skipped", "refused"]
        .map(|name| counts[name].as_u64().unwrap())
}

fn by(events: &[Value], field: &str) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for event in events {
        *out.entry(event[field].as_str().unwrap_or("-").to_owned()).or_default() += 1;
    }
    out
}

fn pairs(list: &[(&str, usize)]) -> BTreeMap<String, usize> {
    list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// A second run finds everything there, whatever became of it at the first.
fn again_adds_nothing(server: &Server, name: &str, more: &[&str], first: [u64; 6]) {
    let size = || export(server, "default", "-catalog:indelible", "index").len();
    let before = size();
    let (_, counts) = import(server, name, more);
    let [read, stored, there, quarantined, skipped, refused] = first;
    assert_eq!(sums(&counts), [read, 0, stored + there + quarantined, 0, skipped, refused], "{counts}");
    assert_eq!(size(), before, "the log did not grow");
}

#[test]
fn cloudtrail_records_give_the_documented_figures() {
    let server = start();
    let more = ["--format", "cloudtrail"];
    let (code, counts) = import(&server, "cloudtrail-invictus.ndjson", &more);
    assert_eq!(code, 0, "{counts}");
    assert_eq!(sums(&counts), [2_900, 2_900, 0, 0, 0, 0], "{counts}");
    let events = export(&server, "default", "catalog:cloudtrail", "index");
    assert_eq!(events.len(), 2_900);
    assert_eq!(by(&events, "code").len(), 262);
    assert_eq!(by(&events, "crude"), pairs(&[("R", 2_038), ("E", 343), ("D", 203), ("U", 187), ("C", 129)]));
    assert_eq!(by(&events, "outcome"), pairs(&[("success", 2_600), ("failure", 300)]));
    assert_eq!(by(&events, "decision").get("denied"), Some(&60));
    assert!(events.iter().all(|event| event["flags"].as_array().unwrap().contains(&"imported".into())));
    again_adds_nothing(&server, "cloudtrail-invictus.ndjson", &more, sums(&counts));
}

#[test]
fn openkat_lines_give_the_documented_findings() {
    let server = start();
    let more = ["--format", "openkat", "--zone", "UTC"];
    let (_, counts) = import(&server, "openkat-run.jsonl", &more);
    let [read, stored, _, quarantined, skipped, refused] = sums(&counts);
    assert_eq!((read, stored + quarantined, skipped, refused), (32, 18, 14, 0), "{counts}");
    let events = export(&server, "default", "catalog:openkat", "index");
    assert_eq!(events.len(), 18);
    let coded: Vec<Value> = events.iter().filter(|event| event["code"].is_string()).cloned().collect();
    assert_eq!((coded.len(), by(&coded, "code").len()), (9, 8));
    let rows = |flag: &str, among: &[Value]| -> Vec<u64> {
        let has = |event: &&Value| event["flags"].as_array().unwrap().iter().any(|known| known == flag);
        among.iter().filter(has).map(|event| event["imported"]["row"].as_u64().unwrap()).collect()
    };
    assert_eq!(rows("wrong_entity", &coded), [11, 16, 31]);
    assert_eq!(rows("code_number", &coded), [13, 23]);
    assert_eq!(rows("actor_missing", &coded), [11, 16]);
    assert_eq!(rows("origin_missing", &coded), [11, 16]);
    assert_eq!(rows("secret_suspected", &events), [6, 10, 11, 15, 16, 30, 31]);
    assert_eq!(rows("field_misspelt", &events), [29]);
    assert_eq!(rows("repr_value", &events), [26]);
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("ixrh4mjnav2l25xasapzccs2yzljl47i"), "the session key is nowhere");
    again_adds_nothing(&server, "openkat-run.jsonl", &more, sums(&counts));
}

#[test]
fn records_of_three_more_products_find_their_catalogs() {
    let server = start();
    // Read, stored, duplicate, quarantined, skipped, refused, and taken by no rule: the files hold records of other
    // products too, records without a time, and different records under one id.
    for (name, expected, no_match) in [
        ("github-panther.ndjson", [125, 66, 2, 52, 0, 5], 16),
        ("okta-panther.ndjson", [143, 24, 12, 54, 0, 53], 46),
        ("k8s-panther.ndjson", [270, 8, 14, 238, 0, 10], 80),
    ] {
        let (_, counts) = import(&server, name, &["--format", "match", "--allow-refused"]);
        assert_eq!(sums(&counts), expected, "{name}: {counts}");
        assert_eq!(expected[1..].iter().sum::<u64>(), expected[0], "nothing vanishes");
        assert_eq!(counts["findings"]["no_match"]["count"], no_match, "{name}: {counts}");
        let conflicts = counts["refusals"]["event_id_conflict"]["count"].as_u64();
        assert_eq!(conflicts, Some(expected[5]), "{name}: {counts}");
        again_adds_nothing(&server, name, &["--format", "match", "--allow-refused"], sums(&counts));
    }
}
