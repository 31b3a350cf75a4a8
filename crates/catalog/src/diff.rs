//! What changed between two versions of a catalog, and whether the version number admits it.

use crate::catalog::{Catalog, Version};
use crate::event_type::{EventType, ParamClass, ParamDef};
use crate::word::{Crude, Outcome, words};

words! {
    /// Size of a change: what it does to those who rely on the catalog.
    Step { None = "none", Patch = "patch", Minor = "minor", Major = "major" }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How much it matters.
    pub step: Step,
    /// Code of the type, or the part of the catalog.
    pub subject: String,
    /// What changed.
    pub what: String,
}

/// Every change between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Version before.
    pub from: Version,
    /// Version after.
    pub to: Version,
    /// The least step that the changes need.
    pub needed: Step,
    /// The step between the two version numbers.
    pub made: Step,
    /// Changes, the largest first.
    pub changes: Vec<Change>,
}

/// Why a new version of a catalog is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The version number promises less change than there is.
    #[error("catalog {id} goes from {from} to {to}, a {} step, but its changes need a {} step; use version {least} or above", made.as_str(), needed.as_str())]
    StepTooSmall {
        /// Catalog.
        id: String,
        /// Version before.
        from: Version,
        /// Version after.
        to: Version,
        /// Step made.
        made: Step,
        /// Step needed.
        needed: Step,
        /// Least version that admits the changes.
        least: Version,
    },
    /// The version number goes back.
    #[error("catalog {id} goes back from {from} to {to}; versions only rise")]
    Backwards {
        /// Catalog.
        id: String,
        /// Version before.
        from: Version,
        /// Version after.
        to: Version,
    },
}

/// Compares two versions of a catalog.
pub fn diff(old: &Catalog, new: &Catalog) -> Diff {
    let mut changes = Vec::new();
    for of in old.types() {
        match new.type_by_code(&of.code) {
            None => push(&mut changes, Step::Major, &of.code, "type removed".to_owned()),
            Some(now) => compare_types(of, now, &mut changes),
        }
    }
    for of in new.types().iter().filter(|of| old.type_by_code(&of.code).is_none()) {
        push(&mut changes, Step::Minor, &of.code, format!("type added: {}", of.title));
    }
    compare_catalogs(old, new, &mut changes);
    if changes.is_empty() && old.hash != new.hash {
        push(&mut changes, Step::Patch, "catalog", "wording or layout of the files".to_owned());
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.step));
    let needed = changes.first().map_or(Step::None, |change| change.step);
    Diff { from: old.version, to: new.version, needed, made: step_between(old.version, new.version), changes }
}

/// The same, refused when the version number makes a smaller step than the changes need.
///
/// # Errors
/// [`CatalogError`] with the least version that would do.
pub fn checked_diff(old: &Catalog, new: &Catalog) -> Result<Diff, CatalogError> {
    let diff = diff(old, new);
    let (id, from, to) = (new.id.clone(), old.version, new.version);
    if to < from {
        return Err(CatalogError::Backwards { id, from, to });
    }
    if diff.made < diff.needed {
        return Err(CatalogError::StepTooSmall {
            id,
            from,
            to,
            made: diff.made,
            needed: diff.needed,
            least: raised(from, diff.needed),
        });
    }
    Ok(diff)
}

fn raised(from: Version, step: Step) -> Version {
    match step {
        Step::None => from,
        Step::Patch => Version { patch: from.patch + 1, ..from },
        Step::Minor => Version { minor: from.minor + 1, patch: 0, ..from },
        Step::Major => Version { major: from.major + 1, minor: 0, patch: 0 },
    }
}

fn step_between(from: Version, to: Version) -> Step {
    if from.major != to.major {
        Step::Major
    } else if from.minor != to.minor {
        Step::Minor
    } else if from.patch != to.patch {
        Step::Patch
    } else {
        Step::None
    }
}

fn push(changes: &mut Vec<Change>, step: Step, subject: &str, what: String) {
    changes.push(Change { step, subject: subject.to_owned(), what });
}

fn compare_types(old: &EventType, new: &EventType, changes: &mut Vec<Change>) {
    let word = |text: Option<&str>| text.unwrap_or("none").to_owned();
    let pairs = [
        (Step::Major, "crude", word(old.crude.map(Crude::as_str)), word(new.crude.map(Crude::as_str))),
        (
            Step::Major,
            "outcome",
            word(old.outcome.map(Outcome::as_str)),
            word(new.outcome.map(Outcome::as_str)),
        ),
        (Step::Major, "results", format!("{:?}", results(old)), format!("{:?}", results(new))),
        (Step::Major, "entity", old.entity.clone(), new.entity.clone()),
        (Step::Major, "action", old.action.clone(), new.action.clone()),
        (Step::Minor, "group", word(old.group.as_deref()), word(new.group.as_deref())),
        (Step::Minor, "key", word(old.key.as_deref()), word(new.key.as_deref())),
        (Step::Minor, "severity", old.severity.as_str().to_owned(), new.severity.as_str().to_owned()),
        (Step::Minor, "retention", old.retention.as_str().to_owned(), new.retention.as_str().to_owned()),
        (Step::Minor, "session", old.session.as_str().to_owned(), new.session.as_str().to_owned()),
        (
            Step::Minor,
            "on_unavailable",
            old.on_unavailable.as_str().to_owned(),
            new.on_unavailable.as_str().to_owned(),
        ),
        (Step::Minor, "requires", format!("{:?}", old.requires), format!("{:?}", new.requires)),
        (Step::Minor, "categories", old.categories.join(", "), new.categories.join(", ")),
        (Step::Minor, "means", word(old.means.as_deref()), word(new.means.as_deref())),
        (Step::Patch, "title", old.title.clone(), new.title.clone()),
        (Step::Patch, "text", old.text.clone(), new.text.clone()),
    ];
    for (step, name, before, after) in pairs {
        if before != after {
            push(changes, step, &new.code, format!("{name}: {before} -> {after}"));
        }
    }
    compare_params(old, new, changes);
}

fn results(of: &EventType) -> Vec<(&str, &str)> {
    of.results.iter().map(|result| (result.code.as_str(), result.outcome.as_str())).collect()
}

fn compare_params(old: &EventType, new: &EventType, changes: &mut Vec<Change>) {
    for param in &old.params {
        let Some(now) = new.params.iter().find(|now| now.name == param.name) else {
            push(changes, Step::Major, &new.code, format!("parameter {} removed", param.name));
            continue;
        };
        if let Some((step, what)) = param_change(param, now) {
            push(changes, step, &new.code, format!("parameter {}: {what}", param.name));
        }
    }
    for param in new.params.iter().filter(|param| !old.params.iter().any(|known| known.name == param.name)) {
        let step = if param.required { Step::Major } else { Step::Minor };
        push(changes, step, &new.code, format!("parameter {} added", param.name));
    }
}

fn param_change(old: &ParamDef, new: &ParamDef) -> Option<(Step, &'static str)> {
    if old.kind != new.kind {
        Some((Step::Major, "type changed"))
    } else if strictness(new.class()) > strictness(old.class()) {
        Some((Step::Major, "privacy class is stricter"))
    } else if !old.required && new.required {
        Some((Step::Major, "is required now"))
    } else if old.class() != new.class() || old.required != new.required || old.empty != new.empty {
        Some((Step::Minor, "class, required or empty changed"))
    } else if old.text != new.text {
        Some((Step::Patch, "text changed"))
    } else {
        None
    }
}

fn strictness(class: ParamClass) -> u8 {
    match class {
        ParamClass::Public => 0,
        ParamClass::Separate => 1,
        ParamClass::Personal(_) => 2,
        ParamClass::SecretFingerprint => 3,
        ParamClass::Secret => 4,
    }
}

fn compare_catalogs(old: &Catalog, new: &Catalog, changes: &mut Vec<Change>) {
    if old.id != new.id {
        push(changes, Step::Major, "catalog", format!("id: {} -> {}", old.id, new.id));
    }
    if old.outcome != new.outcome {
        push(changes, Step::Major, "outcome", "how outcomes are found changed".to_owned());
    }
    if old.code != new.code {
        push(changes, Step::Major, "code", "the form of codes changed".to_owned());
    }
    if old.policy != new.policy {
        push(changes, Step::Minor, "policy", "what is done about findings changed".to_owned());
    }
    if old.template_text != new.template_text || old.app != new.app {
        push(changes, Step::Minor, "routing", format!("{} -> {}", old.template_text, new.template_text));
    }
    let families = |catalog: &Catalog| {
        format!(
            "{:?}",
            catalog
                .families()
                .iter()
                .map(|f| (&f.code, &f.entity, &f.action, f.common.crude, f.common.outcome))
                .collect::<Vec<_>>()
        )
    };
    if families(old) != families(new) {
        push(changes, Step::Major, "family", "families changed".to_owned());
    }
    let rules = |catalog: &Catalog| format!("{:?}", catalog.rules());
    if rules(old) != rules(new) {
        push(changes, Step::Minor, "match", "match rules changed".to_owned());
    }
}
