//! Turns somebody else's event into one of ours by the rules of a catalog. Nothing is lost: what no rule used goes into the map of
//! everything else, under the sender's own names; only secrets are removed, and the event says so.

mod repr;
mod values;

use crate::catalog::{Catalog, Registry};
use crate::finding::{Finding, FindingId};
use crate::path::{RawPath, Target, is_absent};
use crate::place::{Placed, place};
use crate::policy::{Verdict, verdict};
use crate::resolve::{Fingerprint, SentHints};
use crate::rule::{Expr, Origin, Rule};
use crate::secrets::{self, Harmless, Mask, fingerprint_text, is_masked};
use indelible_event::{Event, Field, Map, Value};
use std::sync::Arc;

/// What is known of a raw event besides its body.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    /// Format that the sender or source named.
    pub format: Option<&'a str>,
    /// Organization that it belongs to.
    pub organization: &'a str,
    /// What rules read as `@source.*`, `@amqp.*`, `@syslog.*`, `@file.*`, `@row`; a map.
    pub values: &'a Value,
    /// Fingerprint of a secret under the organization's key.
    pub fingerprint: Fingerprint<'a>,
    /// Reads JSON inside a text; `None` when it is none.
    pub parse_json: &'a dyn Fn(&str) -> Option<Value>,
}

impl std::fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope")
            .field("format", &self.format)
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

/// What became of a raw event.
#[derive(Debug)]
pub enum Matched {
    /// An event.
    Event(Box<MatchedEvent>),
    /// No audit event, by this rule of this catalog.
    Skip {
        /// Catalog whose rule it is.
        catalog: String,
        /// Rule.
        rule: String,
    },
    /// No rule takes it.
    NoMatch {
        /// Catalogs whose rules were tried.
        tried: Vec<String>,
        /// `no_match`, or `catalog_unknown`.
        findings: Vec<Finding>,
    },
}

/// An event made from a raw one.
#[derive(Debug)]
pub struct MatchedEvent {
    /// The event, its type resolved.
    pub event: Event,
    /// Catalog whose rule was used.
    pub catalog: Arc<Catalog>,
    /// Rule that was used.
    pub rule: String,
    /// What was noticed.
    pub findings: Vec<Finding>,
    /// Our places and the JSON pointers of the raw places they were filled from.
    pub used: Vec<(String, String)>,
    /// What else must lose its secrets: the raw body, if it is kept.
    pub masks: Vec<Mask>,
    /// JSON pointers of everything that was removed or replaced.
    pub removed: Vec<String>,
}

/// Matches a raw event: the catalog that its source is pinned to, else the one it names, else every one in order.
pub fn match_raw(registry: &Registry, raw: &Value, envelope: &Envelope<'_>, pinned: Option<&str>) -> Matched {
    let named = raw.as_map().and_then(|map| map.get("catalog")).and_then(Value::as_text);
    let mut tried = Vec::new();
    let one = pinned
        .map(|id| (id, ""))
        .or_else(|| named.filter(|id| registry.get(id).is_some()).map(|id| (id, "/catalog")));
    if let Some((id, pointer)) = one
        && registry.get(id).is_none()
    {
        let finding = Finding::new(
            FindingId::CatalogUnknown,
            pointer,
            "the source is pinned to a catalog that is not enabled",
        )
        .with_value(id);
        return Matched::NoMatch { tried, findings: vec![finding.with_suggestions(registry.suggest(id))] };
    }
    for catalog in registry.iter().filter(|catalog| one.is_none_or(|(id, _)| catalog.id == id)) {
        if let Some(rule) = choose(catalog, raw, envelope) {
            return apply(registry, catalog, rule, raw, envelope);
        }
        tried.push(catalog.id.clone());
    }
    let mut finding =
        Finding::new(FindingId::NoMatch, "", format!("no rule takes it; tried {}", tried.join(", ")));
    if let Some(id) = named.filter(|_| one.is_none()) {
        finding = Finding::new(FindingId::CatalogUnknown, "/catalog", "no enabled catalog has this name")
            .with_value(id)
            .with_suggestions(registry.suggest(id));
    }
    Matched::NoMatch { tried, findings: vec![finding] }
}

/// The first rule of a catalog that takes a raw event.
pub fn choose<'c>(catalog: &'c Catalog, raw: &Value, envelope: &Envelope<'_>) -> Option<&'c Rule> {
    let takes = |rule: &&Rule| {
        rule.format.as_deref().is_none_or(|format| envelope.format == Some(format))
            && rule.when.iter().all(|test| test.holds(raw, envelope.values))
    };
    raw.as_map()?;
    catalog.rules().iter().find(takes)
}

fn apply(
    registry: &Registry,
    catalog: &Arc<Catalog>,
    rule: &Rule,
    raw: &Value,
    envelope: &Envelope<'_>,
) -> Matched {
    let skip = || Matched::Skip { catalog: catalog.id.clone(), rule: rule.id.clone() };
    if rule.skip {
        return skip();
    }
    let mut run = Run::new(catalog, rule, raw, envelope);
    run.remove_secrets();
    run.find_reprs();
    for setting in &rule.settings {
        run.set(&setting.target, &setting.name, &setting.value);
    }
    let others: Vec<&Catalog> = registry.iter().map(AsRef::as_ref).collect();
    let matched = run.finish(&others);
    if verdict(&matched.findings, &[&catalog.policy]) == Verdict::Skip {
        return skip();
    }
    Matched::Event(Box::new(matched))
}

/// A value with the raw places it came from.
struct Made<'a> {
    value: Value,
    from: Option<&'a RawPath>,
    consumed: Vec<&'a RawPath>,
}

struct Run<'a> {
    catalog: &'a Arc<Catalog>,
    rule: &'a Rule,
    envelope: &'a Envelope<'a>,
    original: &'a Value,
    raw: Value,
    event: Event,
    extra: Map,
    params: Option<Map>,
    key: Option<String>,
    code_was_number: bool,
    findings: Vec<Finding>,
    used: Vec<(String, String)>,
    consumed: Vec<&'a RawPath>,
    each: Vec<&'a Expr>,
    masks: Vec<Mask>,
    removed: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(catalog: &'a Arc<Catalog>, rule: &'a Rule, raw: &'a Value, envelope: &'a Envelope<'a>) -> Self {
        Self {
            catalog,
            rule,
            envelope,
            original: raw,
            raw: raw.clone(),
            event: Event::new(),
            extra: Map::new(),
            params: None,
            key: None,
            code_was_number: false,
            findings: Vec::new(),
            used: Vec::new(),
            consumed: Vec::new(),
            each: Vec::new(),
            masks: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn remove_secrets(&mut self) {
        for path in &self.rule.secret {
            match path.take(&mut self.raw) {
                Some(Value::Text(text)) if !text.is_empty() && !is_masked(&text) => {
                    self.masks.push(Mask::new(path.pointer(), text, secrets::REMOVED.to_owned()));
                }
                Some(Value::Text(_)) => self.removed.push(path.pointer()),
                Some(value) if !is_absent(Some(&value)) => {
                    self.masks.push(Mask::new(path.pointer(), String::new(), secrets::REMOVED.to_owned()));
                }
                _ => {}
            }
        }
        for rule in &self.rule.fingerprint {
            let holds = rule.when.iter().all(|test| test.holds(self.original, self.envelope.values));
            if let Some(Value::Text(text)) = rule.path.get(&self.raw)
                && holds
                && !text.is_empty()
            {
                let replacement = fingerprint_text((self.envelope.fingerprint)(text.as_bytes()));
                self.masks.push(Mask::new(rule.path.pointer(), text.clone(), replacement));
            }
        }
        self.apply_masks(0);
        let harmless = Harmless { names: [&self.catalog.harmless, &self.rule.harmless] };
        let known = self.masks.len();
        self.masks.extend(secrets::find(&self.raw, harmless));
        self.apply_masks(known);
        self.findings.extend(secrets::findings(&self.masks));
        self.removed.extend(self.masks.iter().map(|mask| mask.pointer.clone()));
        self.removed.dedup();
    }

    fn apply_masks(&mut self, from: usize) {
        for mask in self.masks.iter().skip(from) {
            mask.apply_to(&mut self.raw);
        }
    }

    fn find_reprs(&mut self) {
        let mut found = Vec::new();
        repr::find_repr(&self.raw, &mut String::new(), &mut found);
        let finding = |pointer| {
            Finding::new(
                FindingId::ReprValue,
                pointer,
                "this is the printed form of a program's object; send its id or name",
            )
        };
        self.findings.extend(found.into_iter().map(finding));
    }

    fn set(&mut self, target: &'a Target, name: &str, expr: &'a Expr) {
        let keeps_empty = matches!(target, Target::Param(_) | Target::Params | Target::Extra(_));
        let Some(made) = self.make(expr, &expr.origin, keeps_empty) else { return };
        self.compare_same(expr, &made);
        let from = made.from;
        if let Err(why) = self.place(target, made.value) {
            let pointer = from.map_or_else(String::new, RawPath::pointer);
            self.findings.push(Finding::new(
                FindingId::TypeMismatch,
                pointer,
                format!("does not fit {name}: {why}"),
            ));
            return;
        }
        self.consumed.extend(made.consumed);
        if let Some(path) = from.filter(|path| !path.is_envelope()) {
            self.used.push((name.to_owned(), path.pointer()));
        }
        if matches!(expr.origin, Origin::Each(..)) {
            self.each.push(expr);
        }
        if let Some(id) = expr.steps.finding {
            self.findings.push(Finding::new(
                id,
                from.map_or_else(String::new, RawPath::pointer),
                "noticed by the catalog's rule",
            ));
        }
    }

    fn place(&mut self, target: &Target, value: Value) -> Result<(), String> {
        match target {
            Target::Field(Field::Code) => self.place_code(value),
            Target::Extra(name) => {
                self.extra.insert(name.clone(), value);
                Ok(())
            }
            Target::Params => match value {
                Value::Map(map) => {
                    self.params = Some(map);
                    Ok(())
                }
                other => Err(format!("parameters are an object, not {}", other.kind_name())),
            },
            Target::Key => {
                self.key = value.as_text().map(str::to_owned);
                Ok(())
            }
            other => place(&mut self.event, other, value),
        }
    }

    fn place_code(&mut self, value: Value) -> Result<(), String> {
        let code = match value {
            Value::Int(number) => {
                self.code_was_number = true;
                self.catalog.code.number_code(number).unwrap_or_else(|| number.to_string())
            }
            other => crate::place::to_text(other)?,
        };
        let checked = Value::Text(code);
        Field::Code.def().check(&checked)?;
        self.event.set(Field::Code, checked);
        Ok(())
    }

    fn finish(mut self, others: &[&'a Catalog]) -> MatchedEvent {
        let of = self.catalog.type_of(&self.event);
        for path in std::mem::take(&mut self.consumed) {
            path.take(&mut self.raw);
        }
        for expr in std::mem::take(&mut self.each) {
            take_each(expr, &mut self.raw);
        }
        let declared = of.map_or(&[][..], |of| of.params.as_slice());
        let mut placed =
            Placed { event: &mut self.event, extra: &mut self.extra, findings: &mut self.findings };
        if let Some(map) = self.params.take() {
            placed.params(declared, map);
        }
        if let Value::Map(rest) = std::mem::replace(&mut self.raw, Value::Null) {
            placed.rest(declared, rest);
        }
        if !self.extra.is_empty() {
            self.event.set(Field::Extra, Value::Map(std::mem::take(&mut self.extra)));
        }
        let variants = of.map_or(&[][..], |of| of.variants.as_slice());
        let holds = |variant: &&crate::event_type::Variant| {
            variant.when.iter().all(|test| test.holds(self.original, self.envelope.values))
        };
        let hints = SentHints {
            organization: self.envelope.organization,
            code_was_number: self.code_was_number,
            key: self.key.as_deref(),
            fingerprint: Some(self.envelope.fingerprint),
            others,
            variant: variants.iter().find(holds),
        };
        let before = self.findings.len();
        self.catalog.resolve_into(&mut self.event, &hints, &mut self.findings);
        self.note_missing_text();
        for finding in self.findings.iter_mut().skip(before) {
            finding.pointer = raw_pointer(&self.used, std::mem::take(&mut finding.pointer));
        }
        MatchedEvent {
            event: self.event,
            catalog: self.catalog.clone(),
            rule: self.rule.id.clone(),
            findings: self.findings,
            used: self.used,
            masks: self.masks,
            removed: self.removed,
        }
    }

    fn note_missing_text(&mut self) {
        let can = self.rule.settings.iter().any(|setting| setting.target == Target::Field(Field::Message));
        if can && self.event.get(Field::Code).is_some() && self.event.get(Field::Message).is_none() {
            self.findings.push(Finding::new(FindingId::TextMissing, "", "the event has no text"));
        }
    }
}

/// Where in the raw event a place of ours came from.
fn raw_pointer(used: &[(String, String)], pointer: String) -> String {
    let ours = |name: &str| format!("/{}", name.replace('[', "/").replace(']', "").replace('.', "/"));
    match used.iter().find(|(name, _)| ours(name) == pointer) {
        Some((_, raw)) => raw.clone(),
        None => pointer,
    }
}

/// Takes what `each` used out of every item of its list.
fn take_each(expr: &Expr, raw: &mut Value) {
    let Origin::Each(path, members) = &expr.origin else { return };
    let Some(Value::List(items)) = path.get_mut(raw) else { return };
    for item in items.iter_mut() {
        for (_, member) in members {
            if let Origin::Path(inner) = &member.origin
                && member.keeps_value()
            {
                inner.take(item);
            }
        }
    }
    let hollow =
        items.iter().all(|item| matches!(item, Value::Map(map) if map.is_empty()) || *item == Value::Null);
    if hollow {
        path.take(raw);
    }
}
