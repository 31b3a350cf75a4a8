//! Why a raw event became what it became: the rule, where every field came from, what was noticed.

use crate::finding::Finding;
use crate::flatten::flatten;
use crate::matching::Matched;
use crate::policy::{Policy, Verdict, verdict};
use indelible_event::{Field, Who};
use std::fmt;

/// One field of the result and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedField {
    /// Path in our event.
    pub path: String,
    /// Its text.
    pub value: String,
    /// JSON pointer in the raw event, `catalog`, `rule` or `as sent`.
    pub from: String,
}

/// What became of one raw event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// An event.
    Event {
        /// Catalog and rule.
        rule: String,
        /// Fields in the order of the table.
        fields: Vec<ExplainedField>,
        /// What was noticed.
        findings: Vec<Finding>,
        /// What the catalog alone would do with it.
        verdict: Verdict,
    },
    /// Skipped by this rule.
    Skip {
        /// Catalog and rule.
        rule: String,
    },
    /// No rule takes it.
    NoMatch {
        /// Catalogs that were tried.
        tried: Vec<String>,
    },
}

/// Explains one match.
pub fn explain(matched: &Matched) -> Explanation {
    match matched {
        Matched::Skip { catalog, rule } => Explanation::Skip { rule: format!("{catalog}/{rule}") },
        Matched::NoMatch { tried, .. } => Explanation::NoMatch { tried: tried.clone() },
        Matched::Event(event) => {
            let policy: &Policy = &event.catalog.policy;
            let fields = flatten(&event.event).into_iter().map(|(path, value)| {
                let from = origin(&path, &event.used);
                ExplainedField { path, value, from }
            });
            Explanation::Event {
                rule: format!("{}/{}", event.catalog.id, event.rule),
                fields: fields.collect(),
                verdict: verdict(&event.findings, &[policy]),
                findings: event.findings.clone(),
            }
        }
    }
}

fn origin(path: &str, used: &[(String, String)]) -> String {
    let canonical = |name: &str| match name {
        "occurred" => "occurred_at".to_owned(),
        "ended" => "ended_at".to_owned(),
        "observed" => "observed_at".to_owned(),
        other => other.replacen("extra.", "data.", 1),
    };
    let covers =
        |name: &str| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with(['[', '.']));
    if let Some((_, raw)) = used.iter().find(|(name, _)| covers(&canonical(name))) {
        return raw.clone();
    }
    if path.starts_with("data.") || path.starts_with("params.") {
        return "as sent".to_owned();
    }
    match Field::by_path(path.split('[').next().unwrap_or(path)) {
        Some(field)
            if field.def().who == Who::Catalog
                || matches!(field, Field::Catalog | Field::Outcome | Field::Relates) =>
        {
            "catalog".to_owned()
        }
        _ => "rule".to_owned(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip { rule } => writeln!(f, "skipped by {rule}"),
            Self::NoMatch { tried } => writeln!(f, "no rule takes it; tried {}", tried.join(", ")),
            Self::Event { rule, fields, findings, verdict } => {
                writeln!(f, "rule {rule}")?;
                let width = fields.iter().map(|field| field.path.len()).max().unwrap_or(0);
                for field in fields {
                    writeln!(f, "  {:width$}  {}  <- {}", field.path, field.value, field.from)?;
                }
                for finding in findings {
                    writeln!(f, "  ! {} {} {}", finding.id.as_str(), finding.pointer, finding.hint)?;
                }
                writeln!(f, "  => {}", format!("{verdict:?}").to_lowercase())
            }
        }
    }
}
