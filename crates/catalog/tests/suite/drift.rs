//! Drift of the real lines of OpenKAT against its documented catalog, and of made-up ones against what the program emits.

use crate::fixtures::{builtins, json, match_line};
use indelible_catalog::catalog::{Catalog, Registry};
use indelible_catalog::drift::{Drift, DriftReport, Lines};
use indelible_catalog::matching::Matched;

const LINES: &str = include_str!("../../../../tests/data/openkat-run.jsonl");

fn drift(registry: &Registry, catalog: &Catalog, lines: &str) -> DriftReport {
    let others = registry.iter().map(AsRef::as_ref);
    let mut drift = Drift::new(catalog, others);
    for (index, line) in lines.lines().enumerate() {
        match match_line(registry, &json(line), &catalog.id) {
            Matched::Event(event) => drift.event(index as u64 + 1, &event.event, &event.findings),
            Matched::Skip { .. } => drift.skip(),
            Matched::NoMatch { .. } => drift.no_match(),
        }
    }
    drift.finish()
}

#[test]
fn the_real_lines_give_the_known_figures() {
    let registry = builtins();
    let report = drift(&registry, registry.get("openkat").unwrap(), LINES);
    assert_eq!(report.lines, Lines { read: 32, skipped: 14, unmatched: 0, without_code: 9, coded: 9 });
    assert_eq!((report.codes_seen, report.codes_declared, report.of("never_seen").len()), (8, 59, 51));
    let expected: &[(&str, u64, &[u64])] = &[
        ("wrong_entity", 3, &[11, 16, 31]),
        ("code_number", 2, &[13, 23]),
        ("actor_missing", 2, &[11, 16]),
        ("origin_missing", 2, &[11, 16]),
        ("organization_missing", 8, &[3, 8, 11, 16, 23, 26, 29, 31]),
        ("secret_suspected", 7, &[6, 10, 11, 15, 16, 30, 31]),
        ("field_misspelt", 1, &[29]),
        ("repr_value", 1, &[26]),
        ("text_missing", 1, &[23]),
    ];
    for (id, count, rows) in expected {
        let found = report.of(id);
        assert_eq!(found.len(), 1, "{id}");
        assert_eq!((found[0].count, found[0].rows.as_slice()), (*count, *rows), "{id}");
    }
    assert_eq!(report.of("time_without_zone")[0].count, 18);
    assert!(
        report.of("code_unknown").is_empty()
            && report.of("act_twice").is_empty()
            && report.of("type_mismatch").is_empty()
    );
    assert!(report.has_drift());
}

fn line(code: &str, request: &str, object: &str) -> String {
    format!(
        r#"{{"event_code": "{code}", "event": "x y", "object_type": "Schedule", "object": "{object}", "user_id": 1, "ip": "127.0.0.1", "request_id": "{request}", "organization_code": "aa", "level": "info", "timestamp": "2026-11-21T23:22:08.071660"}}"#
    )
}

#[test]
fn a_code_with_a_zero_too_many_is_unknown_and_suggested() {
    let registry = builtins();
    let lines = line("0800083", "r1", "s");
    let report = drift(&registry, registry.get("openkat").unwrap(), &lines);
    let unknown = report.of("code_unknown");
    assert_eq!(unknown.len(), 1);
    assert_eq!((unknown[0].subject.as_str(), unknown[0].suggest[0].as_str()), ("0800083", "800083"));
}

#[test]
fn one_act_under_two_codes_is_noticed() {
    let registry = builtins();
    let emitted = registry.get("openkat-emitted").unwrap();
    let twice = |first: &str, second: &str, requests: [&str; 2]| {
        let lines = [line(first, requests[0], "o"), line(second, requests[1], "o")].join("\n");
        drift(&registry, emitted, &lines).of("act_twice").len()
    };
    assert_eq!(twice("910000", "910000", ["r", "r"]), 1);
    assert_eq!(twice("900309", "900313", ["r", "r"]), 1);
    assert_eq!(twice("0800083", "800083", ["r", "r"]), 1);
    assert_eq!(twice("0800083", "800083", ["r", "s"]), 0);
    assert_eq!(twice("800081", "800083", ["r", "r"]), 0);
}
