//! 2,900 real CloudTrail records through a catalog that no line of this crate knows.

use crate::fixtures::{builtins, json, match_line};
use indelible_catalog::finding::FindingId;
use indelible_catalog::matching::{Matched, MatchedEvent};
use indelible_event::Field;
use std::collections::BTreeMap;

const LINES: &str = include_str!("../../../../tests/data/cloudtrail-invictus.ndjson");

fn counts(events: &[MatchedEvent], field: Field) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        let text = event.event.text(field).unwrap_or("-").to_owned();
        *counts.entry(text).or_default() += 1;
    }
    counts
}

fn pairs(list: &[(&str, usize)]) -> BTreeMap<String, usize> {
    list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn the_figures_are_exact() {
    let registry = builtins();
    let event = |line: &str| match match_line(&registry, &json(line), "cloudtrail") {
        Matched::Event(event) => *event,
        other => panic!("{line} became {other:?}"),
    };
    let events: Vec<_> = LINES.lines().map(event).collect();
    assert_eq!(events.len(), 2900);
    let codes = counts(&events, Field::Code);
    assert_eq!(codes.len(), 262);
    assert_eq!(codes.keys().map(String::len).max(), Some(49));
    assert_eq!(
        counts(&events, Field::Crude),
        pairs(&[("R", 2038), ("E", 343), ("D", 203), ("U", 187), ("C", 129)])
    );
    assert_eq!(counts(&events, Field::Outcome), pairs(&[("success", 2600), ("failure", 300)]));
    assert_eq!(counts(&events, Field::Decision).get("denied"), Some(&60));
    assert_eq!(counts(&events, Field::ActorKind), pairs(&[("user", 2748), ("role", 76), ("service", 76)]));
    let with = |field| events.iter().filter(|event| event.event.get(field).is_some()).count();
    assert_eq!((with(Field::OriginAddress), with(Field::OriginHost)), (2547, 353));
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in events.iter().flat_map(|event| &event.findings) {
        *found.entry(finding.id.as_str()).or_default() += 1;
    }
    assert_eq!(found.get(FindingId::SecretSuspected.as_str()), Some(&36), "{found:?}");
    for event in &events {
        assert_eq!(event.event.check(), Ok(()));
    }
    let strange = events
        .iter()
        .flat_map(|event| &event.findings)
        .find(|finding| finding.id != FindingId::SecretSuspected);
    assert_eq!(strange, None);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("secret_suspected", 36)]);
}
