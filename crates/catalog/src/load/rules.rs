//! `match.toml`: how raw events become events of this catalog.

use crate::catalog::Parts;
use crate::finding::FindingId;
use crate::glob::Glob;
use crate::load::types::read_tests;
use crate::path::{RawPath, Target, parse_regex};
use crate::read::{Node, Table};
use crate::rule::{Expr, Fingerprint, MAX_SETTINGS, Origin, ReadAs, Rule, Setting, Steps, TextPart, Zone};
use indelible_event::{Kind, Map, Value};
use toml::de::DeValue;

/// Deepest nesting of `first`: no reader follows more.
const MAX_FIRST_DEPTH: usize = 4;
const FORMATS: &[&str] =
    &["openkat", "minvws", "netop", "sanernow", "cloudtrail", "ndjson", "match", "native", "syslog"];

pub(super) fn read(root: Table<'_>, parts: &mut Parts) {
    for table in root.tables("match") {
        let rule = read_rule(table, &parts.rules);
        parts.rules.push(rule);
    }
    root.finish();
}

fn read_rule(table: Table<'_>, known: &[Rule]) -> Rule {
    let mut rule = Rule {
        id: table.need_text("id"),
        format: None,
        when: Vec::new(),
        skip: false,
        secret: Vec::new(),
        fingerprint: Vec::new(),
        harmless: Vec::new(),
        settings: Vec::new(),
    };
    if known.iter().any(|other| other.id == rule.id) {
        table.fault(format!("there are two rules \"{}\"", rule.id), "give each its own id");
    }
    if let Some(like) = table.get("like") {
        read_like(&like, known, &mut rule);
    }
    if let Some(format) =
        table.get("format").and_then(|node| node.word(|word| Some(word.to_owned()), FORMATS))
    {
        rule.format = Some(format);
    }
    if let Some(node) = table.get("when") {
        rule.when = read_tests(&node);
    }
    match table.text("result").as_deref() {
        None => {}
        Some("skip") => rule.skip = true,
        Some("event") => rule.skip = false,
        Some(other) => table
            .fault(format!("\"{other}\" is no result of a rule"), "write result = \"skip\", or leave it out"),
    }
    if let Some(node) = table.get("secret") {
        rule.secret.extend(node.items().iter().filter_map(read_path));
    }
    if let Some(node) = table.get("fingerprint") {
        rule.fingerprint.extend(node.items().iter().filter_map(read_fingerprint));
    }
    rule.harmless.extend(table.texts("harmless").unwrap_or_default());
    if let Some(node) = table.get("copy") {
        let copies: Vec<_> = node.items().iter().filter_map(read_copy).collect();
        for setting in copies {
            replace(&mut rule.settings, setting);
        }
    }
    if let Some(set) = table.table("set") {
        let settings: Vec<_> =
            set.entries().into_iter().filter_map(|(name, node)| read_setting(name, &node)).collect();
        for setting in settings {
            replace(&mut rule.settings, setting);
        }
    }
    if rule.settings.len() > MAX_SETTINGS {
        table.fault(
            format!("the rule has {} settings", rule.settings.len()),
            format!("at most {MAX_SETTINGS} are allowed"),
        );
    }
    table.finish();
    rule
}

/// A later setting of the same place replaces an earlier one.
fn replace(settings: &mut Vec<Setting>, setting: Setting) {
    settings.retain(|known| known.target != setting.target);
    settings.push(setting);
}

fn read_like(node: &Node<'_>, known: &[Rule], rule: &mut Rule) {
    let Some(name) = node.text() else { return };
    let Some(other) = known.iter().find(|other| other.id == name) else {
        node.fault(
            format!("there is no rule \"{name}\" above this one"),
            "move the rule it is like before it",
        );
        return;
    };
    let id = std::mem::take(&mut rule.id);
    *rule = Rule { id, ..other.clone() };
}

fn read_path(node: &Node<'_>) -> Option<RawPath> {
    parsed(node, RawPath::parse(&node.text()?))
}

fn parsed<T>(node: &Node<'_>, result: Result<T, String>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(message) => {
            node.fault(message, "correct it");
            None
        }
    }
}

fn read_fingerprint(node: &Node<'_>) -> Option<Fingerprint> {
    if node.is_text() {
        return Some(Fingerprint { path: read_path(node)?, when: Vec::new() });
    }
    let table = node.table()?;
    let path = table.need("path").and_then(|node| read_path(&node));
    let when = table.get("when").map(|node| read_tests(&node)).unwrap_or_default();
    table.finish();
    Some(Fingerprint { path: path?, when })
}

fn read_copy(node: &Node<'_>) -> Option<Setting> {
    let text = node.text()?;
    let Some((from, to)) = text.split_once("->") else {
        node.fault("has no \"->\"", "write \"place in the raw event -> place in ours\"");
        return None;
    };
    let path = parsed(node, RawPath::parse(from))?;
    let target = parsed(node, Target::parse(to.trim()))?;
    Some(Setting {
        target,
        name: to.trim().to_owned(),
        value: Expr { origin: Origin::Path(path), steps: Steps::default() },
    })
}

fn read_setting(name: String, node: &Node<'_>) -> Option<Setting> {
    let target = parsed(node, Target::parse(&name))?;
    let value = read_expr(node, Some(&target), 0)?;
    Some(Setting { target, name, value })
}

fn read_expr(node: &Node<'_>, target: Option<&Target>, depth: usize) -> Option<Expr> {
    if node.is_text() {
        return Some(Expr { origin: Origin::Path(read_path(node)?), steps: Steps::default() });
    }
    if depth > MAX_FIRST_DEPTH {
        node.fault("is nested too deep", format!("use at most {MAX_FIRST_DEPTH} levels"));
        return None;
    }
    let table = node.table()?;
    let origin = read_origin(&table, target, depth);
    let steps = read_steps(&table, depth);
    if origin.is_none() {
        table.fault("the value has no origin", "add one of path, first, const, text, each");
    }
    table.finish();
    Some(Expr { origin: origin?, steps })
}

fn read_origin(table: &Table<'_>, target: Option<&Target>, depth: usize) -> Option<Origin> {
    let path = table.get("path").and_then(|node| read_path(&node)).map(Origin::Path);
    let first = table.get("first").map(|node| {
        let items = node.items();
        Origin::First(items.iter().filter_map(|item| read_expr(item, target, depth + 1)).collect())
    });
    let constant = table.get("const").and_then(|node| toml_value(node.value())).map(Origin::Const);
    let text = table.get("text").and_then(|node| parsed(&node, text_parts(&node.text()?))).map(Origin::Text);
    let each = table.get("each").and_then(|node| read_path(&node));
    let set = table.get("set");
    let each = each.map(|path| Origin::Each(path, read_members(set.as_ref(), target, depth)));
    let origins: Vec<_> = [path, first, constant, text, each].into_iter().flatten().collect();
    if origins.len() > 1 {
        table.fault("the value has more than one origin", "keep one of path, first, const, text, each");
    }
    origins.into_iter().next()
}

fn read_members(set: Option<&Node<'_>>, target: Option<&Target>, depth: usize) -> Vec<(&'static str, Expr)> {
    let Some(node) = set else { return Vec::new() };
    let kind = target.and_then(Target::field).map(|field| field.def().kind);
    let Some(Kind::Records(_, members)) = kind else {
        node.fault("only lists of records have members", "leave set out");
        return Vec::new();
    };
    let entries = node.table().map(|table| table.entries()).unwrap_or_default();
    let member = |(name, node): (String, Node<'_>)| {
        if let Some(member) = members.iter().find(|member| member.name == name) {
            return Some((member.name, read_expr(&node, None, depth + 1)?));
        }
        let names: Vec<_> = members.iter().map(|member| member.name).collect();
        node.fault(format!("\"{name}\" is no member of it"), format!("members: {}", names.join(", ")));
        None
    };
    entries.into_iter().filter_map(member).collect()
}

fn text_parts(text: &str) -> Result<Vec<TextPart>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (path, tail) = after.split_once('}').ok_or("{ without }")?;
        parts.push(TextPart::Literal(before.to_owned()));
        parts.push(TextPart::Path(RawPath::parse(path)?));
        rest = tail;
    }
    parts.push(TextPart::Literal(rest.to_owned()));
    Ok(parts)
}

const READ_AS: &[&str] = &["text", "int", "bool", "time", "address", "json"];

fn read_as(word: &str) -> Option<ReadAs> {
    Some(match word {
        "text" => ReadAs::Text,
        "int" => ReadAs::Int,
        "bool" => ReadAs::Bool,
        "time" => ReadAs::Time,
        "address" => ReadAs::Address,
        "json" => ReadAs::Json,
        _ => return None,
    })
}

fn read_steps(table: &Table<'_>, depth: usize) -> Steps {
    let zone = table.get("zone").and_then(|node| {
        let text = node.text()?;
        if text.starts_with('@') {
            parsed(&node, RawPath::parse(&text)).map(Zone::Path)
        } else {
            Some(Zone::Named(text))
        }
    });
    let else_to = table.get("else_to").and_then(|node| {
        let text = node.text()?;
        parsed(&node, Target::parse(&text)).map(|target| (target, text))
    });
    Steps {
        regex: table.get("regex").and_then(|node| parsed(&node, parse_regex(&node.text()?))),
        strip_prefix: table.text("strip_prefix"),
        strip_suffix: table.text("strip_suffix"),
        lower: table.boolean("lower").unwrap_or(false),
        split: table.text("split"),
        map: table.table("map").map(|table| read_map(&table)),
        read_as: table.get("as").and_then(|node| node.word(read_as, READ_AS)),
        formats: table.texts("format").unwrap_or_default(),
        zone,
        same_as: table.get("same_as").and_then(|node| read_expr(&node, None, depth + 1)).map(Box::new),
        present: table.get("present").and_then(|node| toml_value(node.value())),
        absent: table.get("absent").and_then(|node| toml_value(node.value())),
        else_to,
        finding: table.get("finding").and_then(|node| node.word(FindingId::parse, FindingId::WORDS)),
    }
}

fn read_map(table: &Table<'_>) -> Vec<(Glob, String)> {
    let rows = table.entries().into_iter().filter_map(|(key, node)| Some((Glob::new(key), node.text()?)));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(glob, _)| std::cmp::Reverse(glob.as_str().len()));
    rows
}

/// Rows of the value maps of an expression.
pub(super) fn map_rows(expr: &Expr) -> usize {
    let own = expr.steps.map.as_ref().map_or(0, Vec::len);
    let inner = match &expr.origin {
        Origin::First(items) => items.iter().map(map_rows).sum(),
        Origin::Each(_, members) => members.iter().map(|(_, expr)| map_rows(expr)).sum(),
        _ => 0,
    };
    own + inner
}

/// A TOML value as one of ours; `None` for dates and fractions that have no exact form.
pub(super) fn toml_value(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Int(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(number) => Value::Decimal(indelible_event::decimal(number.as_str())?),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| toml_value(item.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), toml_value(value.get_ref())?)));
            Value::Map(Map::from_pairs(pairs.collect::<Option<_>>()?).ok()?)
        }
    })
}
