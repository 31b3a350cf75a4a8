//! Checks that look at words. They ask; only a person decides what a text means.

use super::{LintFinding, LintId};
use crate::catalog::Catalog;
use crate::event_type::EventType;
use crate::suggest::distance;
use crate::word::{Crude, Outcome};
use std::collections::BTreeMap;

/// Longest text, in words, whose verb says what the whole event does.
const MAX_PLAIN_WORDS: usize = 8;
/// Shortest word whose misspelling can be told from another word.
const MIN_SPELLING_BYTES: usize = 8;

/// Verbs and the letter they suggest.
const VERBS: &[(&str, Crude)] = &[
    ("created", Crude::Create),
    ("deleted", Crude::Delete),
    ("downloaded", Crude::Read),
    ("viewed", Crude::Read),
    ("exported", Crude::Read),
    ("searched", Crude::Read),
    ("edited", Crude::Update),
    ("updated", Crude::Update),
    ("changed", Crude::Update),
];

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    duplicates(catalog, findings);
    crude(catalog, findings);
    failures(catalog, findings);
    spelling(catalog, findings);
}

fn duplicates(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let mut texts: Vec<(&str, Vec<&EventType>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for of in catalog.types().iter().filter(|of| !of.text.is_empty()) {
        let at = *places.entry(&of.text).or_insert_with(|| {
            texts.push((&of.text, Vec::new()));
            texts.len() - 1
        });
        if let Some((_, list)) = texts.get_mut(at) {
            list.push(of);
        }
    }
    for (text, list) in texts.into_iter().filter(|(_, list)| list.len() > 1) {
        let Some(first) = list.first() else { continue };
        let codes: Vec<_> = list.iter().map(|of| of.code.as_str()).collect();
        let finding = LintFinding::of_type(
            LintId::TextDuplicate,
            first,
            format!("{} types say \"{text}\"", list.len()),
        );
        findings.push(LintFinding { subject: codes.join(" = "), ..finding });
    }
}

fn crude(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let types = catalog.types();
    let reads = types.iter().any(|of| of.crude == Some(Crude::Read))
        || catalog.families().iter().any(|family| family.common.crude == Some(Crude::Read));
    if let Some(first) = types.first().filter(|_| !reads) {
        findings.push(LintFinding::new(
            LintId::CrudeNoRead,
            catalog.id.clone(),
            "no type is R: reading is not audited at all",
            &first.place,
        ));
    }
    for of in types {
        let words: Vec<&str> =
            of.text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        if words.len() > MAX_PLAIN_WORDS {
            continue;
        }
        let verb =
            words.iter().find_map(|word| VERBS.iter().find(|(verb, _)| word.eq_ignore_ascii_case(verb)));
        if let (Some((verb, letter)), Some(crude)) = (verb, of.crude)
            && *letter != crude
        {
            let message = format!(
                "\"{verb}\" reads like {}, the catalog says {}; is that meant?",
                letter.as_str(),
                crude.as_str()
            );
            findings.push(LintFinding::of_type(LintId::CrudeWord, of, message));
        }
    }
}

fn failures(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let fails = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word.to_ascii_lowercase().as_str(), "fail" | "failed" | "fails" | "failure"))
    };
    for of in catalog.types() {
        let says = fails(&of.text) || fails(&of.action);
        if says && of.outcome != Some(Outcome::Failure) && of.results.is_empty() {
            findings.push(LintFinding::of_type(
                LintId::FailureWord,
                of,
                "the text says that it failed, the outcome does not",
            ));
        }
    }
}

fn spelling(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let mut words: BTreeMap<String, (usize, &EventType)> = BTreeMap::new();
    for of in catalog.types() {
        for word in
            of.text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() >= MIN_SPELLING_BYTES)
        {
            words.entry(word.to_lowercase()).or_insert((0, of)).0 += 1;
        }
    }
    let list: Vec<(&String, &(usize, &EventType))> = words.iter().collect();
    for (at, (left, left_use)) in list.iter().enumerate() {
        for (right, right_use) in list.iter().skip(at + 1) {
            if !is_misspelling(left, right) {
                continue;
            }
            let used = if left_use.0 <= right_use.0 { left_use } else { right_use };
            let finding = LintFinding::of_type(
                LintId::SpellingNear,
                used.1,
                format!("one of \"{left}\" and \"{right}\" may be misspelt"),
            );
            findings.push(LintFinding { subject: format!("{left}~{right}"), ..finding });
        }
    }
}

/// One letter apart inside the word: endings are grammar, not mistakes.
fn is_misspelling(left: &str, right: &str) -> bool {
    const STEM: usize = 3;
    let stem = |word: &str| word.chars().take(STEM).collect::<String>();
    let end = |word: &str| word.chars().rev().take(STEM).collect::<String>();
    left.len().abs_diff(right.len()) <= 1
        && stem(left) == stem(right)
        && end(left) == end(right)
        && distance(left, right) == 1
}
