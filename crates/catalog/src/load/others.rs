//! The files beside the types: ranges, hints for other formats, translations, expected counts and findings, cases.

use super::rules::toml_value;
use super::types::read_pattern;
use crate::catalog::{Language, Parts};
use crate::event_type::{Case, CodeRange, Expected, Hint, KnownFinding, Place};
use crate::finding::FindingId;
use crate::glob::Glob;
use crate::read::{Node, Table};
use crate::word::Crude;

const RANGE_SETS: &[&str] = &["verbatim", "corrected"];
const HINT_FORMATS: &[&str] = &["ocsf", "ecs", "fhir", "dicom", "cef", "otel"];

fn place(table: &Table<'_>) -> Place {
    Place { file: table.doc().file().to_owned(), line: table.line() }
}

pub(super) fn ranges(root: Table<'_>, parts: &mut Parts) {
    for table in root.tables("range") {
        let patterns = table.need("patterns").map(|node| node.items()).unwrap_or_default();
        let known_set = |word: &str| RANGE_SETS.contains(&word).then(|| word.to_owned());
        let range = CodeRange {
            set: table.need("set").and_then(|node| node.word(known_set, RANGE_SETS)).unwrap_or_default(),
            key: table.need_text("key"),
            line: table.line_number("line"),
            text: table.text("text"),
            patterns: patterns.iter().filter_map(read_pattern).collect(),
            colon: table.boolean("colon").unwrap_or(true),
            reserved: table.texts("reserved").unwrap_or_default(),
            place: place(&table),
        };
        table.finish();
        parts.ranges.push(range);
    }
    root.finish();
}

pub(super) fn hints(root: Table<'_>, parts: &mut Parts) {
    for table in root.tables("map") {
        let types = table.need("types").map(|node| node.texts()).unwrap_or_default();
        let formats = HINT_FORMATS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), toml_value(table.get(name)?.value())?)));
        let hint = Hint { types: types.into_iter().map(Glob::new).collect(), formats: formats.collect() };
        table.finish();
        parts.hints.push(hint);
    }
    root.finish();
}

pub(super) fn language(root: Table<'_>, tag: &str, parts: &mut Parts) {
    let texts = |table: Option<Table<'_>>| -> Vec<(String, String)> {
        let entries = table.map(|table| table.entries()).unwrap_or_default();
        entries.into_iter().filter_map(|(code, node)| Some((code, node.text()?))).collect()
    };
    let language = Language {
        tag: tag.to_owned(),
        titles: texts(root.table("title")),
        messages: texts(root.table("message")),
    };
    root.finish();
    parts.languages.push(language);
}

/// Things that `[counts]` may count.
pub(crate) const COUNTS: &[&str] = &[
    "codes",
    "types",
    "groups",
    "entities",
    "params",
    "param_slots",
    "situations",
    "results",
    "notes",
    "keys",
    "ranges",
    "patterns",
    "failures",
    "with_base",
    "families",
    "rules",
    "references",
    "pairs",
    "events_with_params",
    "leading_zeros",
    "irregular",
    "unreachable",
    "cases",
];

pub(super) fn expect(root: Table<'_>, parts: &mut Parts) {
    for (name, node) in root.table("counts").map(|table| table.entries()).unwrap_or_default() {
        if name == "crude" {
            read_crude_counts(&node, parts);
        } else if COUNTS.contains(&name.as_str()) {
            parts.counts.extend(node.int().map(|count| (name, count)));
        } else {
            node.fault(
                format!("\"{name}\" is nothing that is counted"),
                format!("known: {}, crude", COUNTS.join(", ")),
            );
        }
    }
    for table in root.tables("finding") {
        let count =
            table.need("count").and_then(|node| node.int()).and_then(|count| usize::try_from(count).ok());
        let known = KnownFinding {
            id: table.need_text("id"),
            count: count.unwrap_or(0),
            codes: table.texts("codes"),
            reason: table.need_text("reason"),
            place: place(&table),
        };
        table.finish();
        parts.known.push(known);
    }
    root.finish();
}

fn read_crude_counts(node: &Node<'_>, parts: &mut Parts) {
    for (letter, node) in node.table().map(|table| table.entries()).unwrap_or_default() {
        if Crude::parse(&letter).is_some() {
            parts.crude_counts.extend(node.int().map(|count| (letter, count)));
        } else {
            node.fault(format!("\"{letter}\" is none of C, R, U, D, E"), "use these letters");
        }
    }
}

pub(super) fn cases(root: Table<'_>, parts: &mut Parts) {
    for table in root.tables("case") {
        if let Some(case) = read_case(table) {
            parts.cases.push(case);
        }
    }
    root.finish();
}

fn read_case(table: Table<'_>) -> Option<Case> {
    let name = table.need_text("name");
    let format = table.need_text("format");
    let line = table.need_text("line");
    let place = place(&table);
    let catalog = table.text("catalog");
    let source = table.table("source").map(|table| table.entries()).unwrap_or_default();
    let source = source.into_iter().filter_map(|(name, node)| Some((name, case_text(&node)?))).collect();
    let absent = table.texts("absent").unwrap_or_default();
    let mut findings = None;
    let expected = table.table("expect").map(|table| {
        let skip = table.text("skip");
        let no_match = table.boolean("no_match").unwrap_or(false);
        findings = table.get("findings").map(|node| node.items().iter().filter_map(read_finding).collect());
        let reserved = ["skip", "no_match", "findings"];
        let fields = table.entries().into_iter().filter(|(name, _)| !reserved.contains(&name.as_str()));
        let fields = fields.filter_map(|(name, node)| Some((name, case_text(&node)?))).collect();
        match (skip, no_match) {
            (Some(rule), _) => Expected::Skip(rule),
            (None, true) => Expected::NoMatch,
            (None, false) => Expected::Event(fields),
        }
    });
    if expected.is_none() {
        table.fault("the case expects nothing", "add [case.expect]");
    }
    table.finish();
    if let Some(list) = &mut findings {
        let list: &mut Vec<FindingId> = list;
        list.sort_unstable();
    }
    Some(Case { name, format, line, expect: expected?, catalog, source, absent, findings, place })
}

fn read_finding(node: &Node<'_>) -> Option<FindingId> {
    node.word(FindingId::parse, FindingId::WORDS)
}

fn case_text(node: &Node<'_>) -> Option<String> {
    use toml::de::DeValue;
    match node.value() {
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => node.text(),
    }
}
