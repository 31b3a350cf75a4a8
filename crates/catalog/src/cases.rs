//! Runs the cases that a catalog's author wrote: raw line in, expected event out.

use crate::catalog::{Catalog, Registry};
use crate::event_type::{Case, Expected, Place};
use crate::finding::FindingId;
use crate::flatten::flatten;
use crate::matching::{Envelope, Matched, MatchedEvent, match_raw};
use crate::resolve::Fingerprint;
use indelible_event::{Map, Value};
use std::collections::BTreeSet;

/// Zone of a case's source that names none.
const DEFAULT_ZONE: &str = "UTC";

/// How raw lines are read; the decoders live elsewhere.
#[derive(Clone, Copy)]
pub struct Decoders<'a> {
    /// The first raw event of a text in a format, or why there is none.
    pub decode: &'a dyn Fn(&str, &str) -> Result<Value, String>,
    /// JSON inside a text.
    pub parse_json: &'a dyn Fn(&str) -> Option<Value>,
    /// Fingerprint of a secret.
    pub fingerprint: Fingerprint<'a>,
}

impl std::fmt::Debug for Decoders<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoders").finish_non_exhaustive()
    }
}

/// What one case came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// Name of the case.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What differs, a sentence each; empty: it passed.
    pub differences: Vec<String>,
}

/// Runs every case of a catalog.
pub fn run_cases(registry: &Registry, catalog: &Catalog, decoders: &Decoders<'_>) -> Vec<CaseResult> {
    let run = |case: &Case| CaseResult {
        name: case.name.clone(),
        place: case.place.clone(),
        differences: run_case(registry, catalog, case, decoders),
    };
    catalog.cases().iter().map(run).collect()
}

fn run_case(registry: &Registry, catalog: &Catalog, case: &Case, decoders: &Decoders<'_>) -> Vec<String> {
    let raw = match (decoders.decode)(&case.format, &case.line) {
        Ok(raw) => raw,
        Err(message) => return vec![format!("the line cannot be decoded: {message}")],
    };
    let values = envelope_values(case);
    let envelope = Envelope {
        format: Some(&case.format),
        organization: "test",
        values: &values,
        fingerprint: decoders.fingerprint,
        parse_json: decoders.parse_json,
    };
    let pinned = case.catalog.as_deref().unwrap_or(&catalog.id);
    match (match_raw(registry, &raw, &envelope, Some(pinned)), &case.expect) {
        (Matched::Event(event), Expected::Event(fields)) => compare(case, &event, fields),
        (Matched::Skip { rule, .. }, Expected::Skip(expected)) if rule == *expected => Vec::new(),
        (Matched::NoMatch { .. }, Expected::NoMatch) => Vec::new(),
        (Matched::Event(event), _) => vec![format!("became an event by rule {}", event.rule)],
        (Matched::Skip { rule, .. }, _) => vec![format!("was skipped by rule {rule}")],
        (Matched::NoMatch { tried, .. }, _) => vec![format!("no rule takes it; tried {}", tried.join(", "))],
    }
}

fn envelope_values(case: &Case) -> Value {
    let mut source = Map::new();
    source.insert("zone".to_owned(), Value::from(DEFAULT_ZONE));
    for (name, value) in &case.source {
        source.insert(name.clone(), Value::from(value.as_str()));
    }
    let mut values = Map::new();
    values.insert("source".to_owned(), Value::Map(source));
    values.insert("row".to_owned(), Value::Int(1));
    Value::Map(values)
}

fn compare(case: &Case, matched: &MatchedEvent, fields: &[(String, String)]) -> Vec<String> {
    let lines = flatten(&matched.event);
    let mut differences = Vec::new();
    for (path, expected) in fields {
        let path = path.strip_prefix("extra.").map_or_else(|| path.clone(), |rest| format!("data.{rest}"));
        match lines.iter().find(|(known, _)| *known == path) {
            Some((_, found)) if found == expected => {}
            Some((_, found)) => differences.push(format!("{path} is \"{found}\", expected \"{expected}\"")),
            None => differences.push(format!("{path} is absent, expected \"{expected}\"")),
        }
    }
    for secret in &case.absent {
        differences.extend(
            lines
                .iter()
                .filter(|(_, text)| text.contains(secret))
                .map(|(path, _)| format!("{path} still holds a text that must be gone")),
        );
    }
    if let Some(expected) = &case.findings {
        let found: BTreeSet<FindingId> = matched.findings.iter().map(|finding| finding.id).collect();
        let expected: BTreeSet<FindingId> = expected.iter().copied().collect();
        differences
            .extend(expected.difference(&found).map(|id| format!("finding {} is missing", id.as_str())));
        differences.extend(
            found.difference(&expected).map(|id| format!("finding {} was not expected", id.as_str())),
        );
    }
    if let Err(error) = matched.event.check() {
        differences.push(format!("the event is not valid: {error}"));
    }
    differences
}
