//! Findings about one event: what the clocks say, and what becomes of the event under the policies in force.

use indelible_catalog::catalog::Catalog;
use indelible_catalog::finding::{Finding, FindingId, Level};
use indelible_catalog::policy::{Policy, Verdict, level, verdict, verdict_unheard};
use indelible_event::{Event, Field};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::problem::{Code, Problem};

/// What an event's time is compared with, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) now: i64,
    ahead_after: i64,
    late_after: i64,
}

impl Clocks {
    pub(crate) fn now(app: &App) -> Self {
        let nanos = |key| i64::try_from(app.config.duration(key).as_nanos()).unwrap_or(i64::MAX);
        Self {
            now: app.clock.now_ns(),
            ahead_after: nanos("intake.ahead_after"),
            late_after: nanos("intake.late_after"),
        }
    }
}

/// Compares the event's time with ours.
pub(crate) fn clocks(event: &Event, imported: bool, clocks: &Clocks, findings: &mut Vec<Finding>) {
    let Some(occurred) = event.time(Field::OccurredAt) else { return };
    let age = clocks.now.saturating_sub(occurred.unix_nanos());
    if age < 0 && age.saturating_neg() > clocks.ahead_after {
        let hint = "the time is in the future; check the sender's clock";
        findings.push(Finding::new(FindingId::ClockAhead, "/occurred_at", hint));
    } else if !imported && age > clocks.late_after {
        findings.push(Finding::new(FindingId::Late, "/occurred_at", "received long after it occurred"));
    }
}

/// The policies that hold for an event.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    pub(crate) organization: &'a str,
    pub(crate) catalog: Option<&'a Catalog>,
    pub(crate) catalog_policy: &'a Policy,
    pub(crate) organization_policy: &'a Policy,
    /// The sender reads our answer; a file does not.
    pub(crate) heard: bool,
}

impl Chain<'_> {
    pub(crate) fn verdict(&self, findings: &[Finding]) -> Verdict {
        let chain = [self.catalog_policy, self.organization_policy];
        if self.heard { verdict(findings, &chain) } else { verdict_unheard(findings, &chain) }
    }

    /// Findings as the sender is told, the strictest first.
    pub(crate) fn errors(&self, findings: &[Finding]) -> Vec<Value> {
        let chain = [self.catalog_policy, self.organization_policy];
        let mut told: Vec<(Level, &Finding)> = findings.iter().map(|f| (level(f, &chain), f)).collect();
        told.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        told.into_iter().map(|(level, finding)| self.error(level, finding)).collect()
    }

    fn error(&self, level: Level, finding: &Finding) -> Value {
        let mut error = Map::new();
        error.insert("pointer".into(), json!(finding.pointer));
        error.insert("code".into(), json!(finding.id.as_str()));
        error.insert("level".into(), json!(level.as_str()));
        if let Some(value) = &finding.value {
            error.insert("value".into(), json!(value));
        }
        if let Some(catalog) = self.catalog {
            error.insert("catalog".into(), json!(catalog.id));
            error.insert("catalog_version".into(), json!(catalog.version_text));
        }
        if !finding.suggest.is_empty() {
            error.insert("suggest".into(), json!(finding.suggest));
        }
        if let Some(own) = self.organization_policy.get(finding.id) {
            let name = finding.id.as_str();
            error.insert(
                "policy".into(),
                json!(format!("organization {}: {name} = {}", self.organization, own.as_str())),
            );
        }
        error.insert("hint".into(), json!(finding.hint));
        Value::Object(error)
    }

    /// The refusal that the findings amount to.
    pub(crate) fn refusal(&self, findings: &[Finding]) -> Problem {
        let chain = [self.catalog_policy, self.organization_policy];
        let worst = findings.iter().max_by_key(|finding| level(finding, &chain));
        let code = worst.map_or(Code::EventInvalid, |finding| code_of(finding.id));
        let detail = worst.map_or_else(String::new, |finding| self.sentence(finding));
        Problem::new(code, detail).with_errors(self.errors(findings))
    }

    fn sentence(&self, finding: &Finding) -> String {
        let catalog = self.catalog.map(|catalog| format!("{} {}", catalog.id, catalog.version_text));
        match (finding.id, &finding.value, catalog) {
            (FindingId::CodeUnknown, Some(code), Some(catalog)) => {
                format!("code {code:?} is not in {catalog}")
            }
            _ => format!("{} {}: {}", finding.pointer, finding.id.as_str(), finding.hint)
                .trim_start()
                .to_owned(),
        }
    }
}

fn code_of(finding: FindingId) -> Code {
    match finding {
        FindingId::CodeUnknown => Code::CodeUnknown,
        FindingId::CatalogUnknown => Code::CatalogUnknown,
        FindingId::NoMatch => Code::NoMatch,
        FindingId::SecretSuspected => Code::SecretSuspected,
        _ => Code::EventInvalid,
    }
}
