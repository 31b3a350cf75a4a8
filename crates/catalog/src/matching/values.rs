//! Values of match rules: read in the raw event, changed step by step.

use super::{Made, Run};
use crate::convert::{TimeFault, is_address, read_time};
use crate::finding::{Finding, FindingId, Level};
use crate::path::{RawPath, is_absent};
use crate::rule::{Expr, Origin, ReadAs, TextPart, Zone};
use indelible_event::{Map, Value};

impl<'a> Run<'a> {
    fn read(&self, path: &RawPath) -> Option<&Value> {
        path.get(if path.is_envelope() { self.envelope.values } else { &self.raw })
    }

    pub(super) fn make(&mut self, expr: &'a Expr, origin: &'a Origin, keeps_empty: bool) -> Option<Made<'a>> {
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
                        "the time names no zone and the source declares none; set the source's zone"
                            .clone_into(&mut finding.hint);
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
                    list.extend(items.iter().filter_map(Value::as_text).map(str::to_owned));
                }
                _ => {}
            }
        }
        list
    }

    pub(super) fn compare_same(&mut self, expr: &'a Expr, made: &Made<'a>) {
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
}
