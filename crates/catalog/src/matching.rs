//! Turns somebody else's event into one of ours by the rules of a catalog. Nothing is lost: what no rule used goes into the map of
//! everything else, under the sender's own names; only secrets are removed, and the event says so.

use crate::catalog::{Catalog, Registry};
use crate::convert::{TimeFault, is_address, read_time};
use crate::finding::{Finding, FindingId, Level};
use crate::path::{RawPath, Target, is_absent};
use crate::place::{Placed, place};
use crate::policy::{Verdict, verdict};
use crate::resolve::SentHints;
use crate::rule::{Expr, Origin, ReadAs, Rule, TextPart, Zone};
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
    pub fingerprint: &'a dyn Fn(&[u8]) -> [u8; 8],
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
        find_repr(&self.raw, &mut String::new(), &mut found);
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

    fn read(&self, path: &RawPath) -> Option<&Value> {
        path.get(if path.is_envelope() { self.envelope.values } else { &self.raw })
    }

    fn make(&mut self, expr: &'a Expr, origin: &'a Origin, keeps_empty: bool) -> Option<Made<'a>> {
        let made = self.originate(expr, origin, keeps_empty);
        let made = made.and_then(|made| self.transform(expr, made));
        let steps = &expr.steps;
        let constant = if made.is_some() { &steps.present } else { &steps.absent };
        match constant {
            Some(value) => Some(Made {
                value: value.clone(),
                from: made.and_then(|made| made.from),
                consumed: Vec::new(),
            }),
            None => made,
        }
    }

    fn originate(&mut self, expr: &'a Expr, origin: &'a Origin, keeps_empty: bool) -> Option<Made<'a>> {
        match origin {
            Origin::Path(path) => {
                let value = self.read(path)?;
                if is_absent(Some(value)) && !(keeps_empty && matches!(value, Value::Text(_))) {
                    return None;
                }
                let value = value.clone();
                let consumed =
                    if expr.keeps_value() && !path.is_envelope() { vec![path] } else { Vec::new() };
                Some(Made { value, from: Some(path), consumed })
            }
            Origin::First(items) => items.iter().find_map(|item| {
                let made = self.make(item, &item.origin, keeps_empty)?;
                if let Some(id) = item.steps.finding {
                    let pointer = made.from.map_or_else(String::new, RawPath::pointer);
                    self.findings.push(Finding::new(id, pointer, "noticed by the catalog's rule"));
                }
                Some(made)
            }),
            Origin::Const(value) => Some(Made { value: value.clone(), from: None, consumed: Vec::new() }),
            Origin::Text(parts) => self.compose(parts),
            Origin::Each(path, members) => self.each_record(path, members),
        }
    }

    fn compose(&self, parts: &'a [TextPart]) -> Option<Made<'a>> {
        let mut text = String::new();
        let mut from = None;
        for part in parts {
            match part {
                TextPart::Literal(literal) => text.push_str(literal),
                TextPart::Path(path) => {
                    let value = self.read(path).filter(|value| !is_absent(Some(value)))?;
                    text.push_str(&crate::place::to_text(value.clone()).ok()?);
                    from = from.or(Some(path));
                }
            }
        }
        Some(Made { value: Value::Text(text), from, consumed: Vec::new() })
    }

    fn each_record(&mut self, path: &'a RawPath, members: &'a [(&'static str, Expr)]) -> Option<Made<'a>> {
        let items = self.read(path)?.as_list()?.to_vec();
        if members.is_empty() {
            return Some(Made { value: Value::List(items), from: Some(path), consumed: vec![path] });
        }
        let mut records = Vec::new();
        for item in items {
            // Inside a list the item is the root that paths start from.
            let outer = std::mem::replace(&mut self.raw, item);
            let mut record = Map::new();
            for (name, expr) in members {
                let text = self
                    .make(expr, &expr.origin, false)
                    .and_then(|made| crate::place::to_text(made.value).ok());
                if let Some(text) = text {
                    record.insert((*name).to_owned(), Value::Text(text));
                }
            }
            self.raw = outer;
            if !record.is_empty() {
                records.push(Value::Map(record));
            }
        }
        (!records.is_empty()).then(|| Made {
            value: Value::List(records),
            from: Some(path),
            consumed: Vec::new(),
        })
    }

    fn transform(&mut self, expr: &'a Expr, mut made: Made<'a>) -> Option<Made<'a>> {
        let steps = &expr.steps;
        if let Some(regex) = &steps.regex {
            let text = crate::place::to_text(made.value).ok()?;
            let captures = regex.captures(&text)?;
            let named = regex.capture_names().flatten().find_map(|name| captures.name(name));
            made.value = Value::from(named.or_else(|| captures.get(0))?.as_str());
        }
        if let Value::Text(text) = &mut made.value {
            let mut kept = text.as_str();
            kept = steps.strip_prefix.as_deref().and_then(|prefix| kept.strip_prefix(prefix)).unwrap_or(kept);
            kept = steps.strip_suffix.as_deref().and_then(|suffix| kept.strip_suffix(suffix)).unwrap_or(kept);
            if kept.len() != text.len() {
                *text = kept.to_owned();
            }
            if steps.lower {
                *text = text.to_lowercase();
            }
        }
        if let (Some(separator), Value::Text(text)) = (&steps.split, &made.value) {
            let parts = text.split(separator.as_str()).map(str::trim).filter(|part| !part.is_empty());
            made.value = Value::List(parts.map(Value::from).collect());
        }
        if let Some(rows) = &steps.map {
            let text = crate::place::to_text(made.value).ok()?;
            let row = rows.iter().find(|(glob, _)| glob.matches(&text))?;
            made.value = Value::from(row.1.as_str());
        }
        match steps.read_as {
            None => Some(made),
            Some(kind) => self.read_as(expr, kind, made),
        }
    }

    fn read_as(&mut self, expr: &'a Expr, kind: ReadAs, made: Made<'a>) -> Option<Made<'a>> {
        let pointer = made.from.map_or_else(String::new, RawPath::pointer);
        let value = match kind {
            ReadAs::Time => self.read_time(expr, &made.value, &pointer),
            ReadAs::Text => crate::place::to_text(made.value.clone()).map(Value::Text).ok(),
            ReadAs::Int => crate::place::to_int(&made.value).map(Value::Int),
            ReadAs::Bool => crate::place::to_bool(&made.value).map(Value::Bool),
            ReadAs::Address => made.value.as_text().filter(|text| is_address(text)).map(Value::from),
            ReadAs::Json => match &made.value {
                Value::Text(text) => (self.envelope.parse_json)(text),
                other => Some(other.clone()),
            },
        };
        let Some(value) = value else {
            self.put_elsewhere(expr, kind, made, pointer);
            return None;
        };
        Some(Made { value, ..made })
    }

    /// A value that is not of its type goes to its second place, or stays where it is and is told.
    fn put_elsewhere(&mut self, expr: &'a Expr, kind: ReadAs, made: Made<'a>, pointer: String) {
        if let Some((target, name)) = &expr.steps.else_to {
            if self.place(target, made.value).is_ok() {
                self.consumed.extend(made.consumed);
                self.used.push((name.clone(), pointer));
            }
        } else if kind != ReadAs::Time {
            self.findings.push(Finding::new(
                FindingId::TypeMismatch,
                pointer,
                "the value is not of the type that the rule reads",
            ));
        }
    }

    fn read_time(&mut self, expr: &'a Expr, value: &Value, pointer: &str) -> Option<Value> {
        let source_zone =
            self.envelope.values.as_map().and_then(|map| map.get("source")).and_then(Value::as_map);
        let source_zone = source_zone.and_then(|source| source.get("zone")).and_then(Value::as_text);
        let zone = match &expr.steps.zone {
            Some(Zone::Named(name)) => Some(name.as_str()),
            Some(Zone::Path(path)) => path.get(self.envelope.values).and_then(Value::as_text),
            None => source_zone,
        };
        let formats = self.time_formats(&expr.steps.formats);
        match read_time(value, &formats, zone) {
            Ok(read) => {
                if !read.zoned && !matches!(expr.steps.zone, Some(Zone::Named(_))) {
                    let mut finding = Finding::new(
                        FindingId::TimeWithoutZone,
                        pointer,
                        "the time names no zone; the source's is used",
                    );
                    if zone.is_none() {
                        finding.level = Level::Reject;
                        finding.hint =
                            "the time names no zone and the source declares none; set the source's zone"
                                .to_owned();
                    }
                    self.findings.push(finding);
                }
                Some(Value::Time(read.time))
            }
            Err(fault) => {
                let hint = match fault {
                    TimeFault::Unreadable => "the time has none of the expected forms",
                    TimeFault::Ambiguous => "the time reads two ways; set one format for the source",
                };
                if expr.steps.else_to.is_none() {
                    self.findings.push(Finding::new(FindingId::TimeUnreadable, pointer, hint));
                }
                None
            }
        }
    }

    fn time_formats(&self, formats: &[String]) -> Vec<String> {
        let mut list = Vec::with_capacity(formats.len());
        for format in formats {
            let Some(path) = format.starts_with('@').then(|| RawPath::parse(format).ok()).flatten() else {
                list.push(format.clone());
                continue;
            };
            match path.get(self.envelope.values) {
                Some(Value::Text(text)) => list.push(text.clone()),
                Some(Value::List(items)) => {
                    list.extend(items.iter().filter_map(Value::as_text).map(str::to_owned))
                }
                _ => {}
            }
        }
        list
    }

    fn compare_same(&mut self, expr: &'a Expr, made: &Made<'a>) {
        let Some(other) = &expr.steps.same_as else { return };
        let Some(second) = self.make(other, &other.origin, false) else { return };
        let same = match (&made.value, &second.value) {
            (Value::Time(first), Value::Time(second)) => first.seconds == second.seconds,
            (first, second) => first == second,
        };
        if same {
            self.consumed.extend(second.consumed);
        } else {
            let pointer = second.from.map_or_else(String::new, RawPath::pointer);
            self.findings.push(Finding::new(
                FindingId::TimeDiffers,
                pointer,
                "two places of the event say different things",
            ));
        }
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
    let ours = |name: &str| format!("/{}", name.replace("[", "/").replace(']', "").replace('.', "/"));
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

/// `<SimpleLazyObject: …>`, `<User object at 0x…>`: how a program prints an object that it should have named.
fn is_repr(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return false };
    let name = inner.len()
        - inner.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.').len();
    let rest = inner.get(name..).unwrap_or("");
    name > 0 && (rest.starts_with(": ") || rest.starts_with(" object") || rest.starts_with(" at 0x"))
}

fn find_repr(value: &Value, pointer: &mut String, found: &mut Vec<String>) {
    let length = pointer.len();
    match value {
        Value::Text(text) if is_repr(text) => found.push(pointer.clone()),
        Value::Map(map) => {
            for (key, item) in map.iter() {
                pointer.push('/');
                pointer.push_str(key);
                find_repr(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                find_repr(item, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}
