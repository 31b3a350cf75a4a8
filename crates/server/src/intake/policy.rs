//! What organizations want done with findings, in the form that judging needs.

use std::collections::HashMap;
use std::sync::Arc;

use indelible_catalog::catalog::Catalog;
use indelible_catalog::finding::{FindingId, Level};
use indelible_catalog::policy::Policy;
use indelible_control::{Organization, PolicyAction};

/// Policies by organization and catalog, translated once.
#[derive(Debug, Default)]
pub(crate) struct Policies(HashMap<String, HashMap<String, Arc<Policy>>>);

impl Policies {
    pub(crate) fn get(&self, org: &Organization, catalog: &str) -> Option<Arc<Policy>> {
        self.0.get(org.id.as_str())?.get(catalog).cloned()
    }

    pub(crate) fn load(&mut self, org: &Organization, catalog: &str) -> Arc<Policy> {
        let mut policy = Policy::new();
        for (finding, action) in org.policy.get(catalog).into_iter().flatten() {
            if let Some(id) = FindingId::parse(finding)
                && let Err(why) = policy.set(id, level(*action))
            {
                // Checked when it was set; a finding that lost a level in a newer version keeps its default.
                tracing::warn!(organization = %org.id, finding, why, "a policy entry is not in force");
            }
        }
        let policy = Arc::new(policy);
        let of_org = self.0.entry(org.id.to_string()).or_default();
        // Catalogs are few; a made-up name in an event must not grow this.
        if of_org.len() < 64 {
            of_org.insert(catalog.to_owned(), Arc::clone(&policy));
        }
        policy
    }
}

/// Whether an organization may choose an action for a finding; the error says what it may choose. A milder one than the
/// catalog's would have no effect, and must not look as if it had.
pub(crate) fn check(catalog: &Catalog, finding: &str, action: PolicyAction) -> Result<(), String> {
    let id = FindingId::parse(finding).ok_or_else(|| {
        let nearest = crate::config::nearest(finding, FindingId::WORDS.iter().copied());
        format!("there is no finding {finding:?}; did you mean {nearest}?")
    })?;
    let of_catalog = catalog.policy.get(id).unwrap_or_else(|| id.default_level());
    if level(action) < of_catalog {
        let (catalog, word) = (&catalog.id, of_catalog.as_str());
        return Err(format!(
            "catalog {catalog} says {finding} = {word}; an organization may only be stricter"
        ));
    }
    Policy::new().set(id, level(action))
}

fn level(action: PolicyAction) -> Level {
    match action {
        PolicyAction::Accept => Level::Accept,
        PolicyAction::Flag => Level::Flag,
        PolicyAction::Quarantine => Level::Quarantine,
        PolicyAction::Reject => Level::Reject,
    }
}
