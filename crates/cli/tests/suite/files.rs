//! Real files, read as events without a server, with the figures that are known of them.

use std::collections::BTreeMap;

use crate::binary::{check, file, run, run_with};

const CLOUDTRAIL: &str = "tests/data/cloudtrail-invictus.ndjson";

#[test]
fn cloudtrail_has_its_known_figures() {
    let ran = run(&["view", CLOUDTRAIL, "--output", "csv", "--columns", "crude,outcome,code"]).exits(0);
    let ran = ran.says("2900 events shown, 0 records skipped by rule, 0 taken by no rule, 0 not readable");
    let mut letters: BTreeMap<&str, usize> = BTreeMap::new();
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = 0;
    for line in ran.out.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        *letters.entry(cells[0]).or_default() += 1;
        failures += usize::from(cells[1] == "failure");
        *codes.entry(cells[2]).or_default() += 1;
    }
    assert_eq!(letters, BTreeMap::from([("C", 129), ("D", 203), ("E", 343), ("R", 2038), ("U", 187)]));
    assert_eq!((codes.len(), failures), (262, 300));
}

#[test]
fn a_query_selects_events_of_a_file() {
    let ran = run(&["view", CLOUDTRAIL, "-q", "crude:D outcome:failure", "--output", "ndjson"]).exits(0);
    assert!(!ran.rows().is_empty());
    assert!(ran.rows().iter().all(|row| row["crude"] == "D" && row["outcome"] == "failure"));
    run(&["view", CLOUDTRAIL, "-q", "crude:D crude:C", "--exit-status"]).exits(4);
    run(&["view", CLOUDTRAIL, "-q", "acter:x"]).exits(2).says("did you mean: actor:x");
}

#[test]
fn every_sample_file_is_read() {
    for (path, arguments) in [
        ("tests/data/openkat-samples.jsonl", vec!["--zone", "UTC"]),
        ("tests/data/openkat-run.jsonl", vec!["--zone", "UTC"]),
        ("tests/data/github-panther.ndjson", vec!["--format", "match"]),
        ("tests/data/okta-panther.ndjson", vec!["--format", "match"]),
        ("tests/data/k8s-panther.ndjson", vec!["--format", "match"]),
    ] {
        let mut all = vec!["view", path, "--output", "ndjson"];
        all.extend(arguments);
        let ran = run(&all).exits(0);
        assert!(!ran.rows().is_empty(), "{path}");
        assert!(ran.err.contains("0 not readable"), "{path}: {}", ran.err);
    }
}

#[test]
fn an_import_is_tried_without_a_server() {
    check(
        "import-dry-run",
        &["import", "--dry-run", "--format", "openkat", "--zone", "UTC", "tests/data/openkat-samples.jsonl"],
    );
    let ran = run(&["import", "--dry-run", "--json", "--format", "cloudtrail", CLOUDTRAIL]).exits(0);
    let counts = ran.json();
    assert_eq!(
        (counts["read"].as_u64(), counts["stored"].as_u64(), counts["refused"].as_u64()),
        (Some(2900), Some(2900), Some(0))
    );
    assert_eq!(counts["findings"]["secret_suspected"]["count"], 36);
}

#[test]
fn compressed_files_and_standard_input_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let line = "{\"catalog\":\"openkat\",\"code\":\"091111\",\"occurred_at\":\"2026-11-21T23:18:00Z\",\"actor\":{\"id\":\"1\"}}\n";
    let piped = run_with(&["view", "--format", "native", "--output", "ndjson", "-"], &[], line).exits(0);
    assert_eq!(piped.rows()[0]["code"], "091111");
    let path = folder.path().join("a.jsonl.zst");
    std::fs::File::create(&path)
        .and_then(|file| zstd::stream::copy_encode(line.as_bytes(), file, 1))
        .unwrap();
    assert_eq!(run(&["view", path.to_str().unwrap(), "--output", "ndjson"]).exits(0).rows(), piped.rows());
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "bad.jsonl", "{\"a\":1}\n{\"b\":\n");
    run(&["view", "--format", "match", &path]).exits(1).says("row 2, byte");
    let ran = run(&["import", "--dry-run", "--format", "match", &path])
        .exits(1)
        .says("refused request_malformed 1 (rows 2)");
    ran.says("1 of 2 records were refused");
    run(&["import", "--dry-run", "--format", "match", "--allow-refused", &path]).exits(0);
    run(&["view", "no-such-file"]).exits(2).says("cannot read no-such-file");
    run(&["view", &file(folder.path(), "x.txt", "hello\n")]).exits(2).says("say --format");
}

#[test]
fn cells_that_spreadsheets_would_run_are_guarded() {
    let line = "{\"catalog\":\"openkat\",\"code\":\"091111\",\"occurred_at\":\"2026-11-21T23:18:00Z\",\"message\":\"=1+1\",\"actor\":{\"id\":\"1\"}}\n";
    let ran =
        run_with(&["view", "--format", "native", "--output", "csv", "--columns", "message", "-"], &[], line)
            .exits(0);
    assert_eq!(ran.out, "message\r\n'=1+1\r\n");
}
