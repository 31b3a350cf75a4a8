//! From findings to what is done with the event. The strictest finding wins; a policy further down the chain may only be stricter.

use crate::finding::{Finding, FindingId, Level};

/// Levels that one catalog, organization or source gives to findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    levels: Vec<(FindingId, Level)>,
}

impl Policy {
    /// A policy without an opinion.
    pub const fn new() -> Self {
        Self { levels: Vec::new() }
    }

    /// Sets the level of a finding.
    ///
    /// # Errors
    /// A sentence naming the levels that this finding may have.
    pub fn set(&mut self, id: FindingId, level: Level) -> Result<(), String> {
        if !id.allowed().contains(&level) {
            let allowed: Vec<_> = id.allowed().iter().map(|level| level.as_str()).collect();
            return Err(format!(
                "{} cannot be \"{}\"; allowed: {}",
                id.as_str(),
                level.as_str(),
                allowed.join(", ")
            ));
        }
        self.levels.retain(|(known, _)| *known != id);
        self.levels.push((id, level));
        Ok(())
    }

    /// Takes over every level that another policy sets.
    pub(crate) fn overlay(&mut self, other: &Self) {
        self.levels.retain(|(id, _)| other.get(*id).is_none());
        self.levels.extend(other.iter());
    }

    /// The level it gives to a finding.
    pub fn get(&self, id: FindingId) -> Option<Level> {
        self.levels.iter().find(|(known, _)| *known == id).map(|(_, level)| *level)
    }

    /// Every level it sets.
    pub fn iter(&self) -> impl Iterator<Item = (FindingId, Level)> + '_ {
        self.levels.iter().copied()
    }
}

/// What is done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Stored.
    Accept,
    /// Stored with flags.
    Flag,
    /// Stored apart.
    Quarantine,
    /// Not stored, the sender is told.
    Reject,
    /// Not stored, counted: no audit event.
    Skip,
}

/// The level in force for one finding under a chain of policies: the catalog's first (it may choose within what the finding
/// allows), then organization and source, which can only make it stricter.
pub fn level(finding: &Finding, chain: &[&Policy]) -> Level {
    let mut policies = chain.iter();
    // A finding raised above its default says that nothing weaker is possible.
    let forced = finding.level > finding.id.default_level();
    let own = policies.next().and_then(|policy| policy.get(finding.id));
    let start = if forced {
        own.map_or(finding.level, |level| level.max(finding.level))
    } else {
        own.unwrap_or(finding.level)
    };
    policies
        .filter_map(|policy| policy.get(finding.id))
        .filter(|level| *level != Level::Skip)
        .fold(start, stricter)
}

fn stricter(now: Level, next: Level) -> Level {
    if now == Level::Skip { now } else { now.max(next) }
}

/// What is done with an event that has these findings.
pub fn verdict(findings: &[Finding], chain: &[&Policy]) -> Verdict {
    let worst = findings.iter().map(|finding| level(finding, chain)).max();
    match worst.unwrap_or(Level::Accept) {
        Level::Accept => Verdict::Accept,
        Level::Flag => Verdict::Flag,
        Level::Quarantine => Verdict::Quarantine,
        Level::Reject => Verdict::Reject,
        Level::Skip => Verdict::Skip,
    }
}

/// The same for a source that cannot hear an answer (syslog, file, import): a reject becomes a quarantine.
pub fn verdict_unheard(findings: &[Finding], chain: &[&Policy]) -> Verdict {
    match verdict(findings, chain) {
        Verdict::Reject => Verdict::Quarantine,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(levels: &[(FindingId, Level)]) -> Policy {
        let mut policy = Policy::new();
        for (id, level) in levels {
            policy.set(*id, *level).unwrap();
        }
        policy
    }

    #[test]
    fn the_strictest_finding_wins() {
        let findings = [
            Finding::new(FindingId::CodeNumber, "/code", ""),
            Finding::new(FindingId::CodeUnknown, "/code", ""),
        ];
        assert_eq!(verdict(&findings, &[]), Verdict::Quarantine);
        assert_eq!(verdict(&findings[..1], &[]), Verdict::Flag);
        assert_eq!(verdict(&[], &[]), Verdict::Accept);
    }

    #[test]
    fn a_catalog_chooses_and_the_others_only_tighten() {
        let findings = [Finding::new(FindingId::CodeUnknown, "/code", "")];
        let flag = policy(&[(FindingId::CodeUnknown, Level::Flag)]);
        let reject = policy(&[(FindingId::CodeUnknown, Level::Reject)]);
        let none = Policy::new();
        assert_eq!(verdict(&findings, &[&flag]), Verdict::Flag);
        assert_eq!(verdict(&findings, &[&flag, &reject]), Verdict::Reject);
        assert_eq!(verdict(&findings, &[&reject, &flag]), Verdict::Reject);
        assert_eq!(verdict(&findings, &[&none, &flag]), Verdict::Quarantine);
    }

    #[test]
    fn skip_is_for_missing_codes_only() {
        assert!(Policy::new().set(FindingId::CodeUnknown, Level::Skip).is_err());
        let skip = policy(&[(FindingId::CodeMissing, Level::Skip)]);
        assert_eq!(verdict(&[Finding::new(FindingId::CodeMissing, "", "")], &[&skip]), Verdict::Skip);
    }

    #[test]
    fn a_finding_raised_above_its_default_stays_there() {
        let mut finding = Finding::new(FindingId::TimeWithoutZone, "/time", "");
        finding.level = Level::Reject;
        let flag = policy(&[(FindingId::TimeWithoutZone, Level::Flag)]);
        assert_eq!(verdict(&[finding.clone()], &[&flag]), Verdict::Reject);
        assert_eq!(verdict_unheard(&[finding], &[&flag]), Verdict::Quarantine);
    }
}
