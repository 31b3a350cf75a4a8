//! The built-in catalogs hold exactly what their documents say, and the tools for catalogs say what is wrong.

use crate::binary::{check, file, root, run, run_with};
use serde_json::json;

fn counts(id: &str) -> serde_json::Value {
    run(&["catalog", "show", id, "--counts", "--json"]).exits(0).json()
}

fn assert_counts(id: &str, expected: &[(&str, i64)]) {
    let found = counts(id);
    for (name, count) in expected {
        let pointer = format!("/{name}");
        assert_eq!(
            found.pointer(&pointer).and_then(serde_json::Value::as_i64),
            Some(*count),
            "{id} {name}: {found}"
        );
    }
}

#[test]
fn sanernow_has_299_codes_in_16_tools() {
    let expected = [
        ("codes", 299),
        ("groups", 16),
        ("group_rows", 16),
        ("types", 283),
        ("failures", 73),
        ("with_base", 72),
    ];
    assert_counts("sanernow", &expected);
}

#[test]
fn netop_has_110_events() {
    let expected = [
        ("types", 110),
        ("entities", 13),
        ("param_slots", 61),
        ("events_with_params", 14),
        ("situations", 8),
        ("events_with_situations", 3),
        ("notes", 2),
        ("types_by_group/portal", 67),
        ("types_by_group/host", 43),
    ];
    assert_counts("netop", &expected);
}

#[test]
fn openkat_has_59_codes() {
    let expected = [
        ("codes", 59),
        ("entities", 21),
        ("keys", 17),
        ("ranges", 17),
        ("patterns", 24),
        ("leading_zeros", 7),
        ("crude/C", 17),
        ("crude/R", 0),
        ("crude/U", 21),
        ("crude/D", 15),
        ("crude/E", 6),
    ];
    assert_counts("openkat", &expected);
}

#[test]
fn every_builtin_catalog_passes_its_own_tests() {
    let ran = run(&["catalog", "test", "--output", "ndjson"]).exits(0);
    let rows = ran.rows();
    assert!(rows.len() > 20, "{}", rows.len());
    assert!(rows.iter().all(|row| row["result"] == "passed"));
    run(&["catalog", "lint"]).exits(0);
}

#[test]
fn lint_of_openkat_finds_what_its_document_gets_wrong() {
    let rows = run(&["catalog", "lint", "openkat", "--output", "ndjson"]).exits(0).rows();
    let count =
        |name: &str| rows.iter().filter(|row| row["finding"] == name || row["kind_of"] == name).count();
    assert_eq!((count("range_outside_own"), count("range_none"), count("range_overlap")), (8, 5, 1));
    assert!(count("key_without_range") > 0 && count("range_unused") > 0);
    assert!(rows.iter().all(|row| row["status"] == "expected"));

    let sarif = run(&["catalog", "lint", "openkat", "--sarif"]).exits(0).json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!((sarif["version"].as_str(), results.len()), (Some("2.1.0"), rows.len()));
    assert!(results.iter().all(|result| result["suppressions"][0]["justification"] != ""));
    let overlap = results.iter().find(|result| result["ruleId"] == "range_overlap").unwrap();
    assert_eq!(overlap["level"], "warning");
    let place = &overlap["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "openkat/ranges.toml");
    assert!(place["region"]["startLine"].as_u64().unwrap() > 0);
}

#[test]
fn a_type_is_shown_whole_and_a_wrong_code_gets_a_suggestion() {
    check("catalog-show-type", &["catalog", "show", "openkat", "091111", "--json"]);
    run(&["catalog", "show", "openkat", "0800083"]).exits(2).says("did you mean 800083?");
    run(&["catalog", "show", "openkta"]).exits(2).says("did you mean openkat");
    run(&["catalog", "show", "sanernow", "--output", "csv"])
        .exits(0)
        .says("299 codes in 16 groups: 16 group rows, 283 events");
}

#[test]
fn lines_are_explained_and_drift_is_told_by_its_exit_code() {
    check(
        "catalog-explain",
        &[
            "catalog",
            "explain",
            "--format",
            "openkat",
            "--zone",
            "UTC",
            "--row",
            "3",
            "--output",
            "table",
            "tests/data/openkat-run.jsonl",
        ],
    );
    let path = "tests/data/openkat-run.jsonl";
    let drift = run(&["catalog", "drift", "--format", "openkat", "--output", "ndjson", path]).exits(0);
    let drift = drift.says("openkat: 32 read, 9 with a code, 9 without, 14 skipped by rule");
    assert!(drift.rows().iter().any(|row| row["finding"] == "secret_suspected" && row["count"] == 7));
    run(&["catalog", "drift", "--format", "openkat", "--check", path]).exits(6);
}

#[test]
fn a_code_with_a_digit_too_many_drifts_with_a_suggestion() {
    let samples = std::fs::read_to_string(root().join("tests/data/openkat-samples.jsonl")).unwrap();
    let line = samples.lines().find(|line| line.contains("091111")).unwrap().replace("091111", "0800083");
    let ran = run_with(&["catalog", "drift", "--format", "openkat", "--output", "ndjson", "-"], &[], &line)
        .exits(0);
    let unknown = ran.rows().into_iter().find(|row| row["finding"] == "code_unknown").unwrap();
    assert_eq!(
        (unknown["subject"].as_str(), unknown["suggest"].as_str()),
        (Some("0800083"), Some("800083 openkat-emitted:0800083"))
    );
}

#[test]
fn a_draft_waits_for_what_only_a_person_knows() {
    let folder = tempfile::tempdir().unwrap();
    let lines = r#"{"when":"2026-11-21T08:01:12+01:00","event":"D100","door":"north-1","badge":"b-4471"}
{"when":"2026-11-21T08:02:12+01:00","event":"D200","door":"vault","badge":"b-1"}
"#;
    let path = file(folder.path(), "doors.ndjson", lines);
    let out = folder.path().join("doors");
    let out = out.to_str().unwrap();
    run(&["catalog", "new", "--from", &path, "--out", out]).exits(0).says("drafted from 2 records");
    run(&["catalog", "new", "--from", &path, "--out", out]).exits(1).says("cannot write");
    let rows = run(&["catalog", "lint", out, "--output", "ndjson"]).exits(1).rows();
    let open = rows.iter().filter(|row| row["finding"] == "crude_missing" && row["status"] == "new");
    assert_eq!(open.count(), 2, "{rows:?}");
}

#[test]
fn a_smaller_step_than_the_changes_need_is_refused() {
    run(&["catalog", "diff", "netop", "netop"]).exits(0).says("a none step");
    let rows = run(&["catalog", "diff", "openkat", "openkat-emitted", "--output", "ndjson"]);
    assert_eq!(rows.code, 1, "{}", rows.err);
    assert!(rows.rows().iter().any(|row| row["step"] == "major"));
}

#[test]
fn a_broken_catalog_is_refused_with_its_place_and_the_others_work() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    file(&broken, "catalog.toml", "catalog = { id = \"broken\", version = \"1\", title = \"x\" }\n");
    let catalogs = folder.path().to_str().unwrap();
    let ran = run(&["catalog", "list", "--catalogs", catalogs, "--output", "ndjson"])
        .exits(0)
        .says("catalog refused: broken/catalog.toml:1");
    assert!(ran.rows().iter().any(|row| row["id"] == json!("netop")));
    run(&["catalog", "lint", "--catalogs", catalogs]).exits(2);
}
