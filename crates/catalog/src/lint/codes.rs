//! Checks of codes, bases, groups, families, entities and pairs.

use super::{LintFinding, LintId};
use crate::catalog::{Catalog, MAX_TITLE_CHARS};
use crate::event_type::{EventType, Family};
use crate::glob::Glob;
use crate::word::{CodeKind, Crude, Outcome};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    types(catalog, findings);
    titles(catalog, findings);
    groups(catalog, findings);
    families(catalog, findings);
    bases(catalog, findings);
    order(catalog, findings);
    lifecycle(catalog, findings);
}

fn types(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let mut seen = BTreeSet::new();
    for of in catalog.types() {
        let pair = catalog.code.kind != CodeKind::Pair || of.code == format!("{}.{}", of.entity, of.action);
        if !catalog.code.fits(&of.code) || !pair {
            findings.push(LintFinding::of_type(
                LintId::CodeForm,
                of,
                "the code is not of the catalog's form; say irregular = true if it is so in the program",
            ));
        }
        if !seen.insert(of.code.as_str()) {
            findings.push(LintFinding::of_type(
                LintId::CodeDuplicate,
                of,
                "the code is used by an earlier type; the later one is never found",
            ));
        }
        if let Some(base) = of.base_code.as_ref().filter(|base| catalog.type_by_code(base).is_none()) {
            findings.push(LintFinding::of_type(
                LintId::BaseMissing,
                of,
                format!("its base {base} is no type of the catalog"),
            ));
        }
        let known =
            catalog.entities().is_empty() || catalog.entities().iter().any(|entity| entity.id == of.entity);
        if !known {
            findings.push(LintFinding::of_type(
                LintId::EntityUnknown,
                of,
                format!("{} is not in the list of entities", of.entity),
            ));
        }
        if of.crude.is_none() {
            findings.push(LintFinding::of_type(
                LintId::CrudeMissing,
                of,
                "say what it does: C, R, U, D or E",
            ));
        }
        if let Some(pair) = of.pair.as_ref().filter(|pair| catalog.type_by_code(&pair.stop).is_none()) {
            findings.push(LintFinding::of_type(
                LintId::PairOpen,
                of,
                format!("its end {} is no type of the catalog", pair.stop),
            ));
        }
        if !of.references.is_empty() {
            findings.push(LintFinding::of_type(
                LintId::ReferenceLost,
                of,
                format!("the source refers to {}", of.references.join(", ")),
            ));
        }
    }
}

fn titles(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let mut seen = BTreeSet::new();
    for of in catalog.types() {
        if of.title.chars().count() > MAX_TITLE_CHARS {
            findings.push(LintFinding::of_type(
                LintId::TitleForm,
                of,
                format!("the title is longer than {MAX_TITLE_CHARS} characters"),
            ));
        } else if !seen.insert((of.entity.as_str(), of.title.as_str())) {
            findings.push(LintFinding::of_type(
                LintId::TitleForm,
                of,
                "another type of the same entity has this title",
            ));
        }
    }
}

fn groups(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    for group in catalog.groups() {
        if !group.text.is_empty() && group.text != group.title {
            let message = format!("the heading says \"{}\", the row says \"{}\"", group.title, group.text);
            let finding = LintFinding::new(LintId::GroupTitle, group.id.clone(), message, &group.place);
            findings.push(LintFinding { source_line: group.line, ..finding });
        }
    }
    for of in catalog.types() {
        let Some(id) = &of.group else { continue };
        match catalog.groups().iter().find(|group| group.id == *id) {
            None if !catalog.groups().is_empty() => {
                findings.push(LintFinding::of_type(
                    LintId::GroupRange,
                    of,
                    format!("its group {id} is not in the list of groups"),
                ));
            }
            Some(group)
                if group.codes.as_ref().is_some_and(|codes| {
                    !codes.matches(&of.code) && !codes.matches(&widened(&of.code, codes.width()))
                }) =>
            {
                findings.push(LintFinding::of_type(
                    LintId::GroupRange,
                    of,
                    format!("the code lies outside {}", group.title),
                ));
            }
            _ => {}
        }
    }
}

fn widened(code: &str, width: usize) -> String {
    format!("{code:0>width$}")
}

fn families(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let list = catalog.families();
    for (at, family) in list.iter().enumerate() {
        if family.common.crude.is_none() {
            findings.push(LintFinding::new(
                LintId::CrudeMissing,
                label(family),
                "say what it does: C, R, U, D or E",
                &family.common.place,
            ));
        }
        for other in list.iter().skip(at + 1) {
            let ties = [
                tie(&family.code, &other.code),
                tie(&family.entity, &other.entity),
                tie(&family.action, &other.action),
            ];
            if ties.iter().all(|tie| *tie) {
                let message = format!("{} takes the same codes equally well", label(other));
                findings.push(LintFinding::new(
                    LintId::FamilyOverlap,
                    label(family),
                    message,
                    &family.common.place,
                ));
            }
        }
    }
}

fn label(family: &Family) -> String {
    let first = family.action.first().or(family.entity.first()).or(family.code.first());
    first.map_or(String::new(), |glob| glob.as_str().to_owned())
}

/// Whether two lists have patterns of the same literal prefix that can meet.
fn tie(left: &[Glob], right: &[Glob]) -> bool {
    if left.is_empty() && right.is_empty() {
        return true;
    }
    let meets =
        |l: &Glob, r: &Glob| l.literal_prefix() == r.literal_prefix() && l.is_literal() == r.is_literal();
    left.iter().any(|l| right.iter().any(|r| meets(l, r)))
}

fn bases(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    for pair in catalog.types().windows(2) {
        if let [first, second] = pair {
            before.insert(&second.code, &first.code);
        }
    }
    let failures = || catalog.types().iter().filter(|of| of.outcome == Some(Outcome::Failure));
    for of in failures().filter(|of| of.base_code.is_none()) {
        findings.push(LintFinding::of_type(
            LintId::FailureWithoutBase,
            of,
            "a failure whose success has no code, or is not named by base_code",
        ));
    }
    let with_base: Vec<(&EventType, &str)> =
        failures().filter_map(|of| Some((of, of.base_code.as_deref()?))).collect();
    let far = |(of, base): &&(&EventType, &str)| before.get(of.code.as_str()) != Some(base);
    let count = with_base.iter().filter(far).count();
    // Where most failures do not follow their base, following is no habit of the catalog.
    if catalog.code.kind != CodeKind::Digits || count * 2 > with_base.len() {
        return;
    }
    for (of, base) in with_base.iter().filter(far) {
        findings.push(LintFinding::of_type(
            LintId::BaseFar,
            of,
            format!("its base is {base}, not the code just before"),
        ));
    }
}

fn order(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    if catalog.code.kind != CodeKind::Digits {
        return;
    }
    let rank = |code: &str| (code.len(), code.to_owned());
    for pair in catalog.types().windows(2) {
        if let [first, second] = pair
            && rank(&second.code) < rank(&first.code)
            && !second.irregular
            && !first.irregular
        {
            let message = format!("it stands after {}", first.code);
            let finding = LintFinding::of_type(LintId::CodeOrder, second, message);
            findings.push(LintFinding { subject: format!("{}->{}", first.code, second.code), ..finding });
        }
    }
    gaps(catalog, findings);
}

/// Codes missing inside groups, and missing groups: only where groups have codes is numbering dense.
fn gaps(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    let group_codes: Vec<u64> =
        catalog.groups().iter().filter_map(|group| group.code.as_ref()?.parse().ok()).collect();
    let Some(step) = group_codes
        .windows(2)
        .filter_map(|pair| pair.get(1)?.checked_sub(*pair.first()?))
        .filter(|step| *step > 0)
        .min()
    else {
        return;
    };
    for (group, pair) in catalog.groups().iter().zip(group_codes.windows(2)) {
        if let [first, second] = pair
            && second.saturating_sub(*first) > step
        {
            for missing in (first + step..*second).step_by(usize::try_from(step).unwrap_or(1)) {
                findings.push(LintFinding::new(
                    LintId::CodeGap,
                    missing.to_string(),
                    "the numbering leaves this group out",
                    &group.place,
                ));
            }
        }
    }
    for (group, first) in catalog.groups().iter().zip(&group_codes) {
        let own = catalog
            .types()
            .iter()
            .filter(|of| of.group.as_ref() == Some(&group.id))
            .filter_map(|of| of.code.parse::<u64>().ok());
        let codes: BTreeSet<u64> = own.chain([*first]).collect();
        for pair in codes.iter().zip(codes.iter().skip(1)).filter(|(low, high)| **high - **low > 1) {
            let (low, high) = (pair.0 + 1, pair.1 - 1);
            let subject = if low == high { low.to_string() } else { format!("{low}-{high}") };
            findings.push(LintFinding::new(
                LintId::CodeGap,
                subject,
                format!("the numbering of {} leaves these out", group.title),
                &group.place,
            ));
        }
    }
}

/// Only where the source names the entities: what we named ourselves cannot be missing from it.
fn lifecycle(catalog: &Catalog, findings: &mut Vec<LintFinding>) {
    if catalog.source.is_none() || catalog.added.iter().any(|field| field == "entity") {
        return;
    }
    let mut letters: BTreeMap<&str, (BTreeSet<Crude>, &EventType)> = BTreeMap::new();
    for of in catalog.types() {
        let entry = letters.entry(of.entity.as_str()).or_insert_with(|| (BTreeSet::new(), of));
        entry.0.extend(of.crude);
    }
    for (entity, (letters, first)) in letters {
        let missing = match (letters.contains(&Crude::Create), letters.contains(&Crude::Delete)) {
            (true, false) => "created and never deleted",
            (false, true) => "deleted and never created",
            _ => continue,
        };
        findings.push(LintFinding::new(
            LintId::LifecycleOpen,
            entity,
            format!("as far as events tell it is {missing}"),
            &first.place,
        ));
    }
}
