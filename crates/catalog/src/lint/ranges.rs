//! Checks of code ranges: exact, over digit sets.

use super::{LintFinding, LintId};
use crate::catalog::Catalog;
use crate::event_type::{CodeRange, EventType};
use crate::pattern::Pattern;
use std::collections::BTreeSet;

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let sets: BTreeSet<&str> = catalog.ranges().iter().map(|range| range.set.as_str()).collect();
    for set in sets {
        let ranges: Vec<&CodeRange> = catalog.ranges().iter().filter(|range| range.set == set).collect();
        let before = findings.len();
        let check = Check { catalog, ranges: &ranges };
        check.codes(findings);
        check.overlaps(findings);
        check.keys(findings);
        check.patterns(findings);
        if set == "verbatim" {
            check.syntax(findings);
        } else {
            findings.iter_mut().skip(before).for_each(|finding| finding.subject.push_str(" (corrected)"));
        }
    }
    entities(catalog, findings);
}

struct Check<'a> {
    catalog: &'a Catalog,
    ranges: &'a [&'a CodeRange],
}

fn finding(id: LintId, subject: String, message: String, range: &CodeRange) -> LintFinding {
    LintFinding { source_line: range.line, ..LintFinding::new(id, subject, message, &range.place) }
}

impl Check<'_> {
    fn keyed(&self) -> impl Iterator<Item = (&EventType, &str)> {
        self.catalog.types().iter().filter(|of| !of.irregular).filter_map(|of| Some((of, of.key.as_deref()?)))
    }

    fn codes(&self, findings: &mut Vec<LintFinding>) {
        for (of, key) in self.keyed() {
            let fits: BTreeSet<&str> = self
                .ranges
                .iter()
                .filter(|range| range.patterns.iter().any(|p| p.matches(&of.code)))
                .map(|range| range.key.as_str())
                .collect();
            if fits.is_empty() {
                findings.push(LintFinding::of_type(
                    LintId::RangeNone,
                    of,
                    format!("no range holds it; its key is {key}"),
                ));
            } else if !fits.contains(key) {
                let others: Vec<_> = fits.into_iter().collect();
                findings.push(LintFinding::of_type(
                    LintId::RangeOtherKey,
                    of,
                    format!("its key is {key}, its ranges are of {}", others.join(", ")),
                ));
            }
        }
    }

    fn all_patterns(&self) -> Vec<(&CodeRange, &Pattern)> {
        self.ranges.iter().flat_map(|range| range.patterns.iter().map(|pattern| (*range, pattern))).collect()
    }

    fn overlaps(&self, findings: &mut Vec<LintFinding>) {
        let patterns = self.all_patterns();
        for (at, (range, pattern)) in patterns.iter().enumerate() {
            for (other_range, other) in patterns.iter().skip(at + 1) {
                let shared = pattern.overlap(other);
                if shared == 0 {
                    continue;
                }
                let used = self
                    .catalog
                    .types()
                    .iter()
                    .filter(|of| pattern.matches(&of.code) && other.matches(&of.code))
                    .count();
                let subject =
                    format!("{} {} / {} {}", range.key, pattern.as_str(), other_range.key, other.as_str());
                findings.push(finding(
                    LintId::RangeOverlap,
                    subject,
                    format!("{shared} possible codes are in both, {used} are in use"),
                    range,
                ));
            }
        }
    }

    fn keys(&self, findings: &mut Vec<LintFinding>) {
        let used: BTreeSet<&str> = self.keyed().map(|(_, key)| key).collect();
        let ranged: BTreeSet<&str> = self.ranges.iter().map(|range| range.key.as_str()).collect();
        let unknown: Vec<&str> = ranged.difference(&used).copied().collect();
        let bare: Vec<&str> = used.difference(&ranged).copied().collect();
        for range in self.ranges.iter().filter(|range| unknown.contains(&range.key.as_str())) {
            let near =
                nearest(&range.key, &bare).map_or(String::new(), |near| format!("; was {near} meant?"));
            findings.push(finding(
                LintId::RangeKeyUnknown,
                range.key.clone(),
                format!("no type has this key{near}"),
                range,
            ));
        }
        for key in &bare {
            let Some((first, _)) = self.keyed().find(|(_, known)| known == key) else { continue };
            let count = self.keyed().filter(|(_, known)| known == key).count();
            let near = nearest(key, &unknown).map_or(String::new(), |near| format!("; was {near} meant?"));
            findings.push(LintFinding::new(
                LintId::KeyWithoutRange,
                *key,
                format!("{count} codes have this key and no range has it{near}"),
                &first.place,
            ));
        }
    }

    fn patterns(&self, findings: &mut Vec<LintFinding>) {
        let (least, most) = self.catalog.code.width;
        for (range, pattern) in self.all_patterns() {
            let subject = format!("{} {}", range.key, pattern.as_str());
            if !(least..=most).contains(&pattern.width()) {
                let message =
                    format!("the pattern has {} digits, codes have {least} to {most}", pattern.width());
                findings.push(finding(LintId::RangeWidth, subject.clone(), message, range));
            }
            let own = self.keyed().any(|(of, key)| key == range.key && pattern.matches(&of.code));
            if !own && !range.reserved.iter().any(|reserved| reserved == pattern.as_str()) {
                let foreign = self.keyed().filter(|(of, _)| pattern.matches(&of.code)).count();
                let message = if foreign == 0 {
                    "no code fits it".to_owned()
                } else {
                    format!("only codes of other keys fit it: {foreign}")
                };
                findings.push(finding(LintId::RangeUnused, subject, message, range));
            }
        }
    }

    fn syntax(&self, findings: &mut Vec<LintFinding>) {
        for range in self.ranges {
            if !range.colon {
                findings.push(finding(
                    LintId::RangeSyntax,
                    range.key.clone(),
                    "the line has no colon after the key".to_owned(),
                    range,
                ));
            }
            let words = range
                .text
                .iter()
                .flat_map(|text| text.split_whitespace())
                .map(|word| word.trim_end_matches(','));
            let strange: Vec<&str> = words
                .filter(|word| {
                    !matches!(*word, "&" | "-") && !range.patterns.iter().any(|p| p.as_str() == *word)
                })
                .collect();
            let message = match strange.as_slice() {
                [] => continue,
                [word] => format!("\"{word}\" stands where & does on other lines"),
                _ => "prose follows the patterns".to_owned(),
            };
            findings.push(finding(LintId::RangeSyntax, range.key.clone(), message, range));
        }
    }
}

/// The name that begins most like this one.
fn nearest<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let shared = |other: &&&str| other.bytes().zip(name.bytes()).take_while(|(l, r)| l == r).count();
    names.iter().max_by_key(shared).filter(|other| shared(other) > 0).copied()
}

fn entities(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let mut entities: Vec<(&EventType, BTreeSet<&str>)> = Vec::new();
    for of in catalog.types() {
        let Some(key) = &of.key else { continue };
        match entities.iter_mut().find(|(first, _)| first.entity == of.entity) {
            Some((_, keys)) => {
                keys.insert(key);
            }
            None => entities.push((of, BTreeSet::from([key.as_str()]))),
        }
    }
    for (first, keys) in entities.into_iter().filter(|(_, keys)| keys.len() > 1) {
        let keys: Vec<_> = keys.into_iter().collect();
        findings.push(LintFinding::new(
            LintId::EntityManyKeys,
            first.entity.clone(),
            format!("its routing keys are {}", keys.join(", ")),
            &first.place,
        ));
    }
}
