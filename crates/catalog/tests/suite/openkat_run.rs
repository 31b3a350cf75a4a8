//! Real lines of the program that `openkat` describes, and what is noticed about them.

use crate::fixtures::{builtins, json, match_line};
use indelible_catalog::finding::FindingId;
use indelible_catalog::matching::{Matched, MatchedEvent};
use indelible_event::Field;

const LINES: &str = include_str!("../../../../tests/data/openkat-run.jsonl");

fn run() -> Vec<(usize, Option<MatchedEvent>)> {
    let registry = builtins();
    let line = |(index, line): (usize, &str)| match match_line(&registry, &json(line), "openkat") {
        Matched::Event(event) => (index + 1, Some(*event)),
        Matched::Skip { .. } => (index + 1, None),
        Matched::NoMatch { .. } => panic!("no rule takes line {}", index + 1),
    };
    LINES.lines().enumerate().map(line).collect()
}

fn lines_with(events: &[(usize, Option<MatchedEvent>)], id: FindingId, coded_only: bool) -> Vec<usize> {
    let has = |event: &MatchedEvent| {
        event.findings.iter().any(|finding| finding.id == id)
            && (!coded_only || event.event.get(Field::Code).is_some())
    };
    events.iter().filter(|(_, event)| event.as_ref().is_some_and(has)).map(|(line, _)| *line).collect()
}

#[test]
fn lines_are_skipped_coded_or_without_code() {
    let events = run();
    let skipped = events.iter().filter(|(_, event)| event.is_none()).count();
    let coded = events.iter().filter_map(|(_, event)| event.as_ref()?.event.text(Field::Code)).count();
    assert_eq!((events.len(), skipped, coded, events.len() - skipped - coded), (32, 14, 9, 9));
}

#[test]
fn every_known_defect_is_noticed_on_its_line() {
    let events = run();
    let expected: &[(FindingId, bool, &[usize])] = &[
        (FindingId::WrongEntity, true, &[11, 16, 31]),
        (FindingId::CodeNumber, true, &[13, 23]),
        (FindingId::ActorMissing, true, &[11, 16]),
        (FindingId::OriginMissing, true, &[11, 16]),
        (FindingId::OrganizationMissing, true, &[3, 8, 11, 16, 23, 26, 29, 31]),
        (FindingId::SecretSuspected, false, &[6, 10, 11, 15, 16, 30, 31]),
        (FindingId::FieldMisspelt, false, &[29]),
        (FindingId::ReprValue, false, &[26]),
        (FindingId::TextMissing, false, &[23]),
        (FindingId::CodeUnknown, false, &[]),
    ];
    for (id, coded_only, lines) in expected {
        assert_eq!(lines_with(&events, *id, *coded_only), *lines, "{}", id.as_str());
    }
    assert_eq!(lines_with(&events, FindingId::TimeWithoutZone, false).len(), 18);
}

#[test]
fn the_session_key_is_nowhere() {
    for (line, event) in run() {
        let text = event.map(|event| format!("{:?} {:?}", event.event, event.findings)).unwrap_or_default();
        assert!(!text.contains("ixrh4mjnav2l25xasapzccs2yzljl47i"), "line {line}: {text}");
    }
}

#[test]
fn every_event_is_valid() {
    for (line, event) in run() {
        if let Some(event) = event {
            assert_eq!(event.event.check(), Ok(()), "line {line}");
        }
    }
}
