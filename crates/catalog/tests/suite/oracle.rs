//! The three catalogs against tables parsed from their source documents: every code, text and figure.

use crate::fixtures::{builtins, json};
use indelible_catalog::catalog::Catalog;
use indelible_catalog::lint::count;
use indelible_event::{Map, Value};
use std::collections::BTreeMap;

fn oracle(name: &str) -> Map {
    let text = match name {
        "openkat" => include_str!("fixtures/openkat.json"),
        "netop" => include_str!("fixtures/netop.json"),
        _ => include_str!("fixtures/sanernow.json"),
    };
    let Value::Map(map) = json(text) else { panic!("{name} is no object") };
    map
}

fn rows(map: &Map, key: &str) -> Vec<Map> {
    let list = map.get(key).and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(Value::as_map).cloned().collect()
}

fn text<'m>(map: &'m Map, key: &str) -> &'m str {
    map.get(key).and_then(Value::as_text).unwrap_or("")
}

fn line(map: &Map) -> Option<u32> {
    map.get("line").and_then(Value::as_int).and_then(|line| u32::try_from(line).ok())
}

fn texts(map: &Map, key: &str) -> Vec<String> {
    let list = map.get(key).and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

fn check_counts(catalog: &Catalog, expected: &[(&str, i64)]) {
    for (name, number) in expected {
        assert_eq!(count(catalog, name), Some(*number), "{} {name}", catalog.id);
    }
}

#[test]
fn openkat_says_what_its_document_says() {
    let registry = builtins();
    let catalog = registry.get("openkat").unwrap();
    let oracle = oracle("openkat");
    let source = catalog.source.as_ref().unwrap();
    assert_eq!(source.sha256, text(&oracle, "sha256"));
    let events = rows(&oracle, "events");
    assert_eq!(events.len(), catalog.types().len());
    for (event, of) in events.iter().zip(catalog.types()) {
        assert_eq!(of.code, text(event, "code"));
        assert_eq!(of.entity, text(event, "model"), "{}", of.code);
        assert_eq!(of.key.as_deref(), Some(text(event, "routing_key")), "{}", of.code);
        assert_eq!(of.text, text(event, "description"), "{}", of.code);
        assert_eq!(
            of.crude.map(indelible_catalog::word::Crude::as_str),
            Some(text(event, "crude")),
            "{}",
            of.code
        );
        assert_eq!(of.line, line(event), "{}", of.code);
    }
    let ranges: Vec<_> = catalog.ranges().iter().filter(|range| range.set == "verbatim").collect();
    for (row, range) in rows(&oracle, "ranges").iter().zip(&ranges) {
        assert_eq!(range.text.as_deref(), Some(text(row, "raw")));
        assert_eq!((range.key.as_str(), range.line), (text(row, "routing_key"), line(row)));
        let patterns: Vec<_> = range.patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect();
        assert_eq!(patterns, texts(row, "patterns"));
    }
    let expected = [
        ("codes", 59),
        ("entities", 21),
        ("keys", 17),
        ("ranges", 17),
        ("patterns", 24),
        ("leading_zeros", 7),
    ];
    check_counts(catalog, &expected);
    let mut letters: BTreeMap<&str, usize> = BTreeMap::new();
    for of in catalog.types() {
        *letters.entry(of.crude.unwrap().as_str()).or_default() += 1;
    }
    assert_eq!(letters, BTreeMap::from([("C", 17), ("U", 21), ("D", 15), ("E", 6)]));
}

#[test]
fn sanernow_says_what_its_document_says() {
    let registry = builtins();
    let catalog = registry.get("sanernow").unwrap();
    let oracle = oracle("sanernow");
    assert_eq!(catalog.source.as_ref().unwrap().sha256, text(&oracle, "sha256"));
    let is_group = |row: &Map| row.get("is_category") == Some(&Value::Bool(true));
    let (tools, events): (Vec<_>, Vec<_>) = rows(&oracle, "events").into_iter().partition(is_group);
    assert_eq!((tools.len(), events.len()), (16, 283));
    for (tool, group) in tools.iter().zip(catalog.groups()) {
        assert_eq!(group.code.as_deref(), Some(text(tool, "code")));
        assert_eq!((group.title.as_str(), group.text.as_str()), (text(tool, "tool"), text(tool, "event")));
        assert_eq!(group.line, line(tool));
    }
    for (event, of) in events.iter().zip(catalog.types()) {
        assert_eq!((of.code.as_str(), of.text.as_str()), (text(event, "code"), text(event, "event")));
        assert_eq!(of.line, line(event), "{}", of.code);
        let failure = event.get("failure") == Some(&Value::Bool(true));
        assert_eq!(
            of.outcome.map(indelible_catalog::word::Outcome::as_str) == Some("failure"),
            failure,
            "{}",
            of.code
        );
        let group = catalog.groups().iter().find(|group| Some(&group.id) == of.group.as_ref()).unwrap();
        assert_eq!(group.title, text(event, "tool"), "{}", of.code);
    }
    check_counts(
        catalog,
        &[("codes", 299), ("groups", 16), ("types", 283), ("failures", 73), ("with_base", 72)],
    );
}

#[test]
fn netop_says_what_its_document_says() {
    let registry = builtins();
    let catalog = registry.get("netop").unwrap();
    let oracle = oracle("netop");
    assert_eq!(catalog.source.as_ref().unwrap().sha256, text(&oracle, "sha256"));
    let events = rows(&oracle, "events");
    assert_eq!(events.len(), catalog.types().len());
    for event in &events {
        let code = format!("{}.{}", text(event, "entity"), text(event, "action"));
        let of = catalog.type_by_code(&code).unwrap_or_else(|| panic!("{code} is missing"));
        assert_eq!(of.text, text(event, "description"), "{code}");
        assert_eq!(of.group.as_deref(), Some(text(event, "source").to_lowercase().as_str()), "{code}");
        let situations: Vec<_> = of.situations.iter().map(|situation| situation.text.clone()).collect();
        assert_eq!(situations, texts(event, "situations"), "{code}");
        assert_eq!(of.notes, texts(event, "notes"), "{code}");
        assert_eq!(of.params.len(), rows(event, "parameters").len(), "{code}");
        assert_eq!(of.results.len(), rows(event, "result_codes").len(), "{code}");
        for row in rows(event, "parameters") {
            let name = match text(&row, "of") {
                "" | "event" => text(&row, "name").to_lowercase(),
                scope => format!("{}.{}", scope.to_lowercase(), text(&row, "name").to_lowercase()),
            };
            let def = of.params.iter().find(|param| param.name == name);
            let def = def.unwrap_or_else(|| panic!("{code} has no parameter {name}: {row:?}"));
            assert_eq!(def.text.as_deref().unwrap_or(""), text(&row, "description"), "{code} {name}");
        }
    }
    let expected = [
        ("codes", 110),
        ("entities", 13),
        ("events_with_params", 14),
        ("param_slots", 61),
        ("params", 26),
        ("situations", 8),
        ("results", 3),
        ("notes", 2),
        ("references", 3),
        ("pairs", 10),
    ];
    check_counts(catalog, &expected);
    let groups = |id: &str| catalog.types().iter().filter(|of| of.group.as_deref() == Some(id)).count();
    assert_eq!((groups("portal"), groups("host")), (67, 43));
}

#[test]
fn corrected_ranges_hold_every_code_once() {
    use indelible_catalog::pattern::{Pattern, union_count};
    let registry = builtins();
    let catalog = registry.get("openkat").unwrap();
    let ranges: Vec<_> = catalog.ranges().iter().filter(|range| range.set == "corrected").collect();
    let patterns: Vec<&Pattern> = ranges.iter().flat_map(|range| &range.patterns).collect();
    assert_eq!((ranges.len(), patterns.len()), (17, 25));
    let mut counted = 0;
    for number in 0..1_000_000 {
        let code = format!("{number:06}");
        let fits = patterns.iter().filter(|pattern| pattern.matches(&code)).count();
        assert!(fits <= 1, "{code}");
        counted += fits as u128;
    }
    assert_eq!((counted, union_count(patterns.iter().copied())), (509, 509));
    for of in catalog.types() {
        let own: Vec<_> =
            ranges.iter().filter(|range| range.patterns.iter().any(|p| p.matches(&of.code))).collect();
        assert_eq!(own.len(), 1, "{}", of.code);
        assert_eq!(Some(&own[0].key), of.key.as_ref(), "{}", of.code);
    }
}

#[test]
fn verbatim_overlaps_are_exact_over_every_code() {
    let registry = builtins();
    let catalog = registry.get("openkat").unwrap();
    let patterns: Vec<_> = catalog
        .ranges()
        .iter()
        .filter(|range| range.set == "verbatim")
        .flat_map(|range| &range.patterns)
        .collect();
    let mut found = Vec::new();
    for (at, left) in patterns.iter().enumerate() {
        for right in &patterns[at + 1..] {
            let shared = left.overlap(right);
            if shared > 0 {
                found.push((left.as_str(), right.as_str(), shared));
            }
        }
    }
    assert_eq!(found, [("90030*", "90030*", 10)]);
    let both = (0..1_000_000).map(|n| format!("{n:06}"));
    let both = both.filter(|code| patterns.iter().filter(|pattern| pattern.matches(code)).count() > 1);
    assert_eq!(both.count(), 10);
}
