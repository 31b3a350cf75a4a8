//! `types.toml`: groups, entities, parameters, types and families, and how a type's silence is filled from its base.

use super::Folder;
use super::identity::read_requires;
use crate::catalog::{Identity, MAX_CODE_BYTES, Parts};
use crate::event_type::{
    Entity, EventType, Family, Group, Pair, ParamClass, ParamDef, ParamType, Place, ResultMeaning, Situation,
    Variant,
};
use crate::glob::Glob;
use crate::path::RawTest;
use crate::pattern::Pattern;
use crate::problem::Problem;
use crate::read::{Node, Table};
use crate::routing::{Route, TypeParts};
use crate::word::{Crude, Empty, Outcome, OutcomeBy, Required, Retention, Session, Severity, Unavailable};
use indelible_event::{MAX_PARAM_NAME_BYTES, Person};
use std::collections::HashMap;

/// A type as its file says it; `None` where it is silent.
#[derive(Debug, Clone, Default)]
pub(super) struct DraftType {
    pub(super) code: String,
    pub(super) remove: bool,
    place: Place,
    base_code: Option<String>,
    entity: Option<String>,
    action: Option<String>,
    group: Option<String>,
    crude: Option<Crude>,
    outcome: Option<Outcome>,
    key: Option<String>,
    categories: Option<Vec<String>>,
    severity: Option<Severity>,
    retention: Option<Retention>,
    on_unavailable: Option<Unavailable>,
    session: Option<Session>,
    requires: Option<Vec<Required>>,
    title: Option<String>,
    text: Option<String>,
    line: Option<u32>,
    params: Option<Vec<ParamUse>>,
    situations: Option<Vec<Situation>>,
    results: Option<Vec<ResultMeaning>>,
    notes: Option<Vec<String>>,
    pair: Option<Pair>,
    references: Option<Vec<String>>,
    means: Option<String>,
    variants: Option<Vec<Variant>>,
    irregular: Option<bool>,
    reachable: Option<bool>,
}

/// A parameter as a type names it.
#[derive(Debug, Clone)]
struct ParamUse {
    name: String,
    kind: Option<ParamType>,
    class: Option<ParamClass>,
    empty: Option<Empty>,
    required: Option<bool>,
    text: Option<String>,
}

/// A family as its file says it.
#[derive(Debug, Clone)]
pub(super) struct FamilyDraft {
    code: Vec<Glob>,
    entity: Vec<Glob>,
    action: Vec<Glob>,
    common: DraftType,
}

impl DraftType {
    /// The same, silent places filled from the type of the same code in the base catalog.
    pub(super) fn over(self, base: &Self) -> Self {
        let base = base.clone();
        Self {
            code: self.code,
            remove: false,
            place: self.place,
            base_code: self.base_code.or(base.base_code),
            entity: self.entity.or(base.entity),
            action: self.action.or(base.action),
            group: self.group.or(base.group),
            crude: self.crude.or(base.crude),
            outcome: self.outcome.or(base.outcome),
            key: self.key.or(base.key),
            categories: self.categories.or(base.categories),
            severity: self.severity.or(base.severity),
            retention: self.retention.or(base.retention),
            on_unavailable: self.on_unavailable.or(base.on_unavailable),
            session: self.session.or(base.session),
            requires: self.requires.or(base.requires),
            title: self.title.or(base.title),
            text: self.text.or(base.text),
            line: self.line.or(base.line),
            params: self.params.or(base.params),
            situations: self.situations.or(base.situations),
            results: self.results.or(base.results),
            notes: self.notes.or(base.notes),
            pair: self.pair.or(base.pair),
            references: self.references.or(base.references),
            means: self.means.or(base.means),
            variants: self.variants.or(base.variants),
            irregular: self.irregular.or(base.irregular),
            reachable: self.reachable.or(base.reachable),
        }
    }

    /// What a failure takes over from the type whose failure it is.
    fn inherit(&mut self, base: &Self) {
        fn fill<T: Clone>(own: &mut Option<T>, base: Option<&T>) {
            if own.is_none() {
                *own = base.cloned();
            }
        }
        fill(&mut self.group, base.group.as_ref());
        fill(&mut self.entity, base.entity.as_ref());
        fill(&mut self.action, base.action.as_ref());
        fill(&mut self.crude, base.crude.as_ref());
        fill(&mut self.key, base.key.as_ref());
        fill(&mut self.categories, base.categories.as_ref());
        fill(&mut self.retention, base.retention.as_ref());
        fill(&mut self.requires, base.requires.as_ref());
        fill(&mut self.session, base.session.as_ref());
        fill(&mut self.on_unavailable, base.on_unavailable.as_ref());
        fill(&mut self.params, base.params.as_ref());
    }
}

pub(super) fn read(root: Table<'_>, folder: &mut Folder) {
    for table in root.tables("group") {
        folder.parts.groups.push(read_group(table));
    }
    for table in root.tables("entity") {
        folder.parts.entities.push(read_entity(table));
    }
    for table in root.tables("param") {
        let param = read_param(table);
        folder.parts.params.push(declared(&param, None));
    }
    for table in root.tables("type") {
        folder.drafts.push(read_type(table));
    }
    for table in root.tables("family") {
        folder.families.push(read_family(table));
    }
    root.finish();
}

fn place(table: &Table<'_>) -> Place {
    Place { file: table.doc().file().to_owned(), line: table.line() }
}

fn read_group(table: Table<'_>) -> Group {
    let codes = table.get("codes").and_then(|node| read_pattern(&node));
    let id = table.need_text("id");
    let text = table.text("text").unwrap_or_default();
    let group = Group {
        title: table.text("title").unwrap_or_else(|| id.clone()),
        id,
        code: table.text("code"),
        text,
        line: table.line_number("line"),
        codes,
        place: place(&table),
    };
    table.finish();
    group
}

pub(super) fn read_pattern(node: &Node<'_>) -> Option<Pattern> {
    match Pattern::parse(&node.text()?) {
        Ok(pattern) => Some(pattern),
        Err(message) => {
            node.fault(message, "correct the pattern");
            None
        }
    }
}

fn read_entity(table: Table<'_>) -> Entity {
    let entity = Entity {
        id: table.need_text("id"),
        kind: table.text("kind"),
        title: table.text("title"),
        text: table.text("text"),
        line: table.line_number("line"),
        place: place(&table),
    };
    table.finish();
    entity
}

fn read_param(table: Table<'_>) -> ParamUse {
    let values = table.texts("values");
    let kind = table.get("type").and_then(|node| read_param_type(&node, values.as_deref()));
    let param = ParamUse {
        name: table.need_text("name"),
        kind,
        class: table.get("class").and_then(|node| read_class(&node)),
        empty: table.get("empty").and_then(|node| node.word(Empty::parse, Empty::WORDS)),
        required: table.boolean("required"),
        text: table.text("text"),
    };
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if !param.name.split('.').all(part) || param.name.len() > MAX_PARAM_NAME_BYTES {
        table.fault(
            format!("\"{}\" cannot be a parameter's name", param.name),
            format!("use a-z, 0-9 and _, dots between the parts, at most {MAX_PARAM_NAME_BYTES} bytes"),
        );
    }
    table.finish();
    param
}

const PARAM_TYPES: &[&str] = &[
    "text",
    "int",
    "decimal",
    "bool",
    "time",
    "duration",
    "address",
    "mac",
    "uuid",
    "email",
    "url",
    "json",
    "one_of",
    "list(text)",
];

fn read_param_type(node: &Node<'_>, values: Option<&[String]>) -> Option<ParamType> {
    let text = node.text()?;
    let kind = param_type(&text, values);
    if kind.is_none() {
        node.fault(
            format!("\"{text}\" is not a type of parameters"),
            format!("allowed: {}", PARAM_TYPES.join(", ")),
        );
    }
    kind
}

fn param_type(text: &str, values: Option<&[String]>) -> Option<ParamType> {
    if let Some(inner) = text.strip_prefix("list(").and_then(|rest| rest.strip_suffix(')')) {
        return param_type(inner, values).map(|kind| ParamType::List(Box::new(kind)));
    }
    if let Some(inner) = text.strip_prefix("one_of(").and_then(|rest| rest.strip_suffix(')')) {
        return Some(ParamType::OneOf(inner.split(['|', ',']).map(|word| word.trim().to_owned()).collect()));
    }
    Some(match text {
        "text" => ParamType::Text,
        "int" => ParamType::Int,
        "decimal" => ParamType::Decimal,
        "bool" => ParamType::Bool,
        "time" => ParamType::Time,
        "duration" => ParamType::Duration,
        "address" => ParamType::Address,
        "mac" => ParamType::Mac,
        "uuid" => ParamType::Uuid,
        "email" => ParamType::Email,
        "url" => ParamType::Url,
        "json" => ParamType::Json,
        "one_of" => ParamType::OneOf(values?.to_vec()),
        _ => return None,
    })
}

fn read_class(node: &Node<'_>) -> Option<ParamClass> {
    let text = node.text()?;
    let class = match text.as_str() {
        "public" => ParamClass::Public,
        "separate" => ParamClass::Separate,
        "personal(actor)" => ParamClass::Personal(Person::Actor),
        "personal(target)" => ParamClass::Personal(Person::Target),
        "personal(subject)" => ParamClass::Personal(Person::Subject),
        "secret" => ParamClass::Secret,
        "secret(fingerprint)" => ParamClass::SecretFingerprint,
        _ => {
            node.fault(
                format!("\"{text}\" is not a privacy class"),
                "allowed: public, separate, personal(actor), personal(target), personal(subject), secret, secret(fingerprint)",
            );
            return None;
        }
    };
    Some(class)
}

/// A parameter in force: what a type says of it, else what the catalog says.
fn declared(param: &ParamUse, shared: Option<&ParamDef>) -> ParamDef {
    ParamDef {
        name: param.name.clone(),
        kind: param
            .kind
            .clone()
            .or_else(|| shared.map(|known| known.kind.clone()))
            .unwrap_or(ParamType::Text),
        class: param.class.or_else(|| shared.and_then(|known| known.class)),
        empty: param.empty.or_else(|| shared.and_then(|known| known.empty)),
        required: param.required.or_else(|| shared.map(|known| known.required)).unwrap_or(false),
        text: param.text.clone().or_else(|| shared.and_then(|known| known.text.clone())),
    }
}

fn read_type(table: Table<'_>) -> DraftType {
    let mut draft = read_common(&table);
    draft.base_code = table.text("base_code");
    draft.entity = table.text("entity");
    draft.action = table.text("action");
    draft.code = match (table.text("code"), &draft.entity, &draft.action) {
        (Some(code), ..) => code,
        (None, Some(entity), Some(action)) => format!("{entity}.{action}"),
        _ => {
            table.fault("the type has no code", "add code = \"…\", or entity and action");
            String::new()
        }
    };
    if draft.code.len() > MAX_CODE_BYTES {
        table.fault(
            format!("the code has {} bytes", draft.code.len()),
            format!("use at most {MAX_CODE_BYTES}"),
        );
    }
    draft.remove = table.boolean("remove").unwrap_or(false);
    draft.means = table.text("means");
    draft.variants = table.get("variant").map(|node| node.items().iter().filter_map(read_variant).collect());
    draft.irregular = table.boolean("irregular");
    draft.reachable = table.boolean("reachable");
    draft.pair = table.table("pair").map(read_pair);
    table.finish();
    draft
}

/// The keys that types and families share.
fn read_common(table: &Table<'_>) -> DraftType {
    DraftType {
        place: place(table),
        group: table.text("group"),
        crude: table.get("crude").and_then(|node| node.word(Crude::parse, Crude::WORDS)),
        outcome: table.get("outcome").and_then(|node| node.word(Outcome::parse, Outcome::WORDS)),
        key: table.text("key"),
        categories: table.texts("categories"),
        severity: table.get("severity").and_then(|node| node.word(Severity::parse, Severity::WORDS)),
        retention: table.get("retention").and_then(|node| node.word(Retention::parse, Retention::WORDS)),
        on_unavailable: table
            .get("on_unavailable")
            .and_then(|node| node.word(Unavailable::parse, Unavailable::WORDS)),
        session: table.get("session").and_then(|node| node.word(Session::parse, Session::WORDS)),
        requires: table.get("requires").map(|node| read_requires(&node)),
        title: table.text("title"),
        text: table.text("text"),
        line: table.line_number("line"),
        params: table.get("params").map(|node| node.items().iter().filter_map(read_param_use).collect()),
        situations: table
            .get("situations")
            .map(|node| node.items().iter().filter_map(Node::table).map(read_situation).collect()),
        results: table
            .table("results")
            .map(|table| table.entries().into_iter().filter_map(read_result).collect()),
        notes: table.texts("notes"),
        references: table.texts("references"),
        ..DraftType::default()
    }
}

fn read_param_use(node: &Node<'_>) -> Option<ParamUse> {
    if node.is_text() {
        return Some(ParamUse {
            name: node.text()?,
            kind: None,
            class: None,
            empty: None,
            required: None,
            text: None,
        });
    }
    node.table().map(read_param)
}

fn read_situation(table: Table<'_>) -> Situation {
    let situation = Situation { id: table.need_text("id"), text: table.need_text("text") };
    table.finish();
    situation
}

fn read_result((code, node): (String, Node<'_>)) -> Option<ResultMeaning> {
    if node.is_text() {
        let outcome = node.word(Outcome::parse, Outcome::WORDS)?;
        return Some(ResultMeaning { code, outcome, text: String::new() });
    }
    let items = node.items();
    let [outcome, text] = items.as_slice() else {
        node.fault("is not an outcome and a text", "write [\"failure\", \"password wrong\"]");
        return None;
    };
    Some(ResultMeaning { code, outcome: outcome.word(Outcome::parse, Outcome::WORDS)?, text: text.text()? })
}

fn read_variant(node: &Node<'_>) -> Option<Variant> {
    let table = node.table()?;
    let when = table.get("when").map(|node| read_tests(&node)).unwrap_or_default();
    let variant = Variant {
        when,
        means: table.need_text("means"),
        entity: table.text("entity"),
        outcome: table.get("outcome").and_then(|node| node.word(Outcome::parse, Outcome::WORDS)),
    };
    table.finish();
    Some(variant)
}

/// A list of tests, faults reported.
pub(super) fn read_tests(node: &Node<'_>) -> Vec<RawTest> {
    let items = if node.is_text() { vec![node.clone()] } else { node.items() };
    let test = |item: &Node<'_>| match RawTest::parse(&item.text()?) {
        Ok(test) => Some(test),
        Err(message) => {
            item.fault(message, "correct the test");
            None
        }
    };
    items.iter().filter_map(test).collect()
}

fn read_pair(table: Table<'_>) -> Pair {
    let pair = Pair { stop: table.need_text("stop"), by: table.texts("by").unwrap_or_default() };
    table.finish();
    pair
}

fn read_family(table: Table<'_>) -> FamilyDraft {
    let globs = |key| table.texts(key).unwrap_or_default().into_iter().map(Glob::new).collect();
    let (code, entity, action): (Vec<_>, Vec<_>, Vec<_>) = (globs("code"), globs("entity"), globs("action"));
    let common = read_common(&table);
    if code.is_empty() && entity.is_empty() && action.is_empty() {
        table.fault("the family takes every code", "add code, entity or action");
    }
    table.finish();
    FamilyDraft { code, entity, action, common }
}

/// Types with every silence filled.
pub(super) fn resolve(
    drafts: &[DraftType],
    identity: &Identity,
    parts: &Parts,
) -> Result<Vec<EventType>, Vec<Problem>> {
    let by_code: HashMap<&str, &DraftType> =
        drafts.iter().rev().map(|draft| (draft.code.as_str(), draft)).collect();
    let mut problems = Vec::new();
    let mut types = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let mut full = draft.clone();
        inherit_all(&mut full, &by_code);
        let missing = [
            ("entity", full.entity.is_none()),
            ("action", full.action.is_none()),
            ("title", full.title.is_none()),
        ];
        for (field, _) in missing.iter().filter(|(_, missing)| *missing) {
            problems.push(Problem {
                file: full.place.file.clone(),
                line: full.place.line,
                field: format!("type {}.{field}", full.code),
                message: format!("the type has no {field}"),
                remedy: format!("add {field} = \"…\""),
            });
        }
        types.push(event_type(full, identity, parts));
    }
    if problems.is_empty() { Ok(types) } else { Err(problems) }
}

/// Longest chain of bases.
const MAX_BASES: usize = 4;

fn inherit_all(draft: &mut DraftType, by_code: &HashMap<&str, &DraftType>) {
    let mut next = draft.base_code.clone();
    for _ in 0..MAX_BASES {
        let Some(base) = next.as_deref().and_then(|code| by_code.get(code)) else { return };
        draft.inherit(base);
        next.clone_from(&base.base_code);
    }
}

/// Fills what types take over from their base, before an overlay may remove the base.
pub(super) fn settle_bases(drafts: &mut [DraftType]) {
    let copy = drafts.to_vec();
    let by_code: HashMap<&str, &DraftType> =
        copy.iter().rev().map(|draft| (draft.code.as_str(), draft)).collect();
    for draft in drafts {
        inherit_all(draft, &by_code);
    }
}

pub(super) fn resolve_families(drafts: &[FamilyDraft], identity: &Identity, parts: &Parts) -> Vec<Family> {
    let family = |draft: &FamilyDraft| Family {
        code: draft.code.clone(),
        entity: draft.entity.clone(),
        action: draft.action.clone(),
        common: event_type(draft.common.clone(), identity, parts),
    };
    drafts.iter().map(family).collect()
}

fn event_type(draft: DraftType, identity: &Identity, parts: &Parts) -> EventType {
    let shared = |name: &str| parts.params.iter().find(|known| known.name == name);
    let params = draft.params.iter().flatten().map(|param| declared(param, shared(&param.name))).collect();
    let defaults = &identity.defaults;
    let mut built = EventType {
        code: draft.code,
        entity: draft.entity.unwrap_or_default(),
        action: draft.action.unwrap_or_default(),
        group: draft.group,
        crude: draft.crude,
        outcome: draft.outcome,
        key: draft.key,
        categories: draft.categories.unwrap_or_default(),
        severity: draft.severity.unwrap_or(defaults.severity),
        retention: draft.retention.unwrap_or(defaults.retention),
        on_unavailable: draft.on_unavailable.unwrap_or(defaults.on_unavailable),
        session: draft.session.unwrap_or(defaults.session),
        requires: draft.requires.unwrap_or_else(|| defaults.requires.clone()),
        title: draft.title.unwrap_or_default(),
        text: draft.text.unwrap_or_default(),
        line: draft.line,
        params,
        situations: draft.situations.unwrap_or_default(),
        results: draft.results.unwrap_or_default(),
        notes: draft.notes.unwrap_or_default(),
        pair: draft.pair,
        references: draft.references.unwrap_or_default(),
        base_code: draft.base_code,
        means: draft.means,
        variants: draft.variants.unwrap_or_default(),
        irregular: draft.irregular.unwrap_or(false),
        reachable: draft.reachable.unwrap_or(true),
        place: draft.place,
        route: Route::default(),
        param_order: Vec::new(),
    };
    built.param_order = (0..built.params.len()).collect();
    built.param_order.sort_by_key(|at| built.params.get(*at).map(|param| param.name.clone()));
    // Under "fixed" a type without an outcome has the outcome "unknown", fixed.
    if identity.outcome.by == OutcomeBy::Fixed && built.outcome.is_none() && built.results.is_empty() {
        built.outcome = Some(Outcome::Unknown);
    }
    built.route = route(&built, identity);
    built
}

fn route(of: &EventType, identity: &Identity) -> Route {
    identity.template.route(&TypeParts {
        app: &identity.app,
        key: of.key.as_deref(),
        catalog: &identity.id,
        group: of.group.as_deref().unwrap_or(""),
        entity: &of.entity,
        action: &of.action,
        code: &of.code,
        crude: of.crude,
        outcome: of.outcome,
    })
}
