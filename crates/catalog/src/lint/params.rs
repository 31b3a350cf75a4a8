//! Checks of parameters.

use super::{LintFinding, LintId};
use crate::catalog::Catalog;
use crate::event_type::{EventType, ParamDef, ParamType};
use crate::word::Empty;
use std::collections::BTreeSet;

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    for of in catalog.types() {
        for param in &of.params {
            let subject = || format!("{} {}", of.code, param.name);
            if param.text.is_none() && catalog.source.is_some() {
                findings.push(slot(
                    LintId::ParamNoText,
                    of,
                    subject(),
                    "the source does not describe the parameter",
                ));
            }
            if param.empty == Some(Empty::Always) {
                findings.push(slot(
                    LintId::ParamAlwaysEmpty,
                    of,
                    subject(),
                    "the source says that it is always empty",
                ));
            }
            if param.class.is_none() && is_about_people(&param.kind) {
                findings.push(slot(
                    LintId::ClassMissing,
                    of,
                    subject(),
                    "it can name a person; say its privacy class",
                ));
            }
        }
    }
    names(catalog, findings);
}

fn slot(id: LintId, of: &EventType, subject: String, message: &str) -> LintFinding {
    LintFinding { subject, ..LintFinding::of_type(id, of, message) }
}

fn is_about_people(kind: &ParamType) -> bool {
    match kind {
        ParamType::Address | ParamType::Mac | ParamType::Email => true,
        ParamType::List(inner) => is_about_people(inner),
        _ => false,
    }
}

fn names(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let slots: Vec<(&EventType, &ParamDef)> =
        catalog.types().iter().flat_map(|of| of.params.iter().map(move |param| (of, param))).collect();
    let bare: BTreeSet<&str> = slots.iter().map(|(_, param)| param.bare_name()).collect();
    for name in bare {
        let own: Vec<_> = slots.iter().filter(|(_, param)| param.bare_name() == name).collect();
        let Some((first, _)) = own.first() else { continue };
        let scopes: BTreeSet<&str> = own.iter().map(|(_, param)| param.scope()).collect();
        if scopes.len() > 1 {
            let scopes: Vec<_> = scopes.into_iter().collect();
            findings.push(slot(
                LintId::ParamManyScopes,
                first,
                name.to_owned(),
                &format!("it stands in the scopes {}", scopes.join(", ")),
            ));
        }
        let texts: BTreeSet<(&str, &str)> =
            own.iter().filter_map(|(_, param)| Some((param.name.as_str(), param.text.as_deref()?))).collect();
        let full: BTreeSet<&str> = texts.iter().map(|(name, _)| *name).collect();
        if texts.len() > full.len() {
            findings.push(slot(
                LintId::ParamTextVaries,
                first,
                name.to_owned(),
                &format!("it is described in {} ways", texts.len()),
            ));
        }
    }
}
