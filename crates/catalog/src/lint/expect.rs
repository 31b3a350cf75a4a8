//! Lint findings and counts against what the catalog's author expects.

use super::{LintFinding, LintId, lint};
use crate::catalog::Catalog;
use crate::event_type::KnownFinding;
use crate::word::{Crude, Outcome};
use std::collections::BTreeSet;

/// Findings of a catalog, sorted by whether they were expected.
#[derive(Debug, Default)]
pub struct Report {
    /// Every finding, and the reason why it is accepted.
    pub findings: Vec<(LintFinding, Option<String>)>,
    /// Expected findings that are no longer made, or not as often: name, expected, found.
    pub vanished: Vec<(KnownFinding, usize)>,
    /// Counts that differ: name, expected, found.
    pub counts: Vec<(String, i64, i64)>,
}

impl Report {
    /// Whether everything is as expected.
    pub fn as_expected(&self) -> bool {
        self.new_findings().next().is_none() && self.vanished.is_empty() && self.counts.is_empty()
    }

    /// Findings without a reason.
    pub fn new_findings(&self) -> impl Iterator<Item = &LintFinding> {
        self.findings.iter().filter(|(_, reason)| reason.is_none()).map(|(finding, _)| finding)
    }
}

/// Lints a catalog and compares with its `expect.toml`.
pub fn report(catalog: &Catalog) -> Report {
    let found = lint(catalog);
    let mut report = Report::default();
    for known in &catalog.parts.known {
        let own: Vec<_> = found.iter().filter(|finding| covers(known, finding)).collect();
        let subjects: BTreeSet<&str> = own.iter().map(|finding| finding.subject.as_str()).collect();
        let missing = known
            .codes
            .as_ref()
            .is_some_and(|codes| codes.iter().any(|code| !subjects.contains(code.as_str())));
        if own.len() != known.count || missing {
            report.vanished.push((known.clone(), own.len()));
        }
    }
    for finding in found {
        let reason = catalog
            .parts
            .known
            .iter()
            .find(|known| covers(known, &finding))
            .map(|known| known.reason.clone());
        let reason = reason.or_else(|| declared_irregular(catalog, &finding));
        report.findings.push((finding, reason));
    }
    for (name, expected) in &catalog.parts.counts {
        let found = count(catalog, name).unwrap_or(0);
        if found != *expected {
            report.counts.push((name.clone(), *expected, found));
        }
    }
    for (letter, expected) in &catalog.parts.crude_counts {
        let own = catalog.types().iter().filter(|of| of.crude.map(Crude::as_str) == Some(letter));
        let found = i64::try_from(own.count()).unwrap_or(i64::MAX);
        if found != *expected {
            report.counts.push((format!("crude {letter}"), *expected, found));
        }
    }
    report
}

fn declared_irregular(catalog: &Catalog, finding: &LintFinding) -> Option<String> {
    let irregular = finding.id == LintId::CodeForm
        && catalog.type_by_code(&finding.subject).is_some_and(|of| of.irregular);
    irregular.then(|| "the type says irregular = true".to_owned())
}

fn covers(known: &KnownFinding, finding: &LintFinding) -> bool {
    let named = known.id == finding.id.as_str() || finding.id.kind_of() == Some(known.id.as_str());
    named && known.codes.as_ref().is_none_or(|codes| codes.contains(&finding.subject))
}

/// One of the numbers that `[counts]` may name.
pub fn count(catalog: &Catalog, name: &str) -> Option<i64> {
    let types = catalog.types();
    let slots = || types.iter().flat_map(|of| &of.params);
    let verbatim = catalog.ranges().iter().any(|range| range.set == "verbatim");
    let ranges = || catalog.ranges().iter().filter(move |range| !verbatim || range.set == "verbatim");
    let distinct = |names: &mut dyn Iterator<Item = &str>| names.collect::<BTreeSet<&str>>().len();
    let number = match name {
        "codes" => types.len() + catalog.groups().iter().filter(|group| group.code.is_some()).count(),
        "types" => types.len(),
        "groups" => catalog.groups().len(),
        "entities" => distinct(&mut types.iter().map(|of| of.entity.as_str())),
        "params" => distinct(&mut slots().map(|param| param.name.as_str())),
        "param_slots" => slots().count(),
        "events_with_params" => types.iter().filter(|of| !of.params.is_empty()).count(),
        "situations" => types.iter().map(|of| of.situations.len()).sum(),
        "results" => types.iter().map(|of| of.results.len()).sum(),
        "notes" => types.iter().map(|of| of.notes.len()).sum(),
        "references" => types.iter().filter(|of| !of.references.is_empty()).count(),
        "pairs" => types.iter().filter(|of| of.pair.is_some()).count(),
        "keys" => distinct(&mut types.iter().filter_map(|of| of.key.as_deref())),
        "ranges" => ranges().count(),
        "patterns" => ranges().map(|range| range.patterns.len()).sum(),
        "failures" => types.iter().filter(|of| of.outcome == Some(Outcome::Failure)).count(),
        "with_base" => {
            types.iter().filter(|of| of.outcome == Some(Outcome::Failure) && of.base_code.is_some()).count()
        }
        "leading_zeros" => types.iter().filter(|of| of.code.starts_with('0')).count(),
        "irregular" => types.iter().filter(|of| of.irregular).count(),
        "unreachable" => types.iter().filter(|of| !of.reachable).count(),
        "families" => catalog.families().len(),
        "rules" => catalog.rules().len(),
        "cases" => catalog.cases().len(),
        _ => return None,
    };
    i64::try_from(number).ok()
}
