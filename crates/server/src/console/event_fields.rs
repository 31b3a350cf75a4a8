//! The fields of one event, grouped by what they are about, with links for what can be searched.

use indelible_catalog::event_type::EventType;
use indelible_console::event::{Change, Fact, Group};
use indelible_console::frame::Link;
use indelible_console::text::Text;
use indelible_event::{Event, Field, Leaf, Map, Value};
use indelible_query::{EventQuery, FieldRef, Instant, Test};

use super::rows::{Painter, actor, first_target, occurred};
use super::search::Search;
use super::timeline::Joined;

/// Groups in their order; a field belongs to the first that its path begins with.
const GROUPS: [(&str, &[&str]); 8] = [
    (
        "What",
        &[
            "catalog",
            "code",
            "type_from",
            "group",
            "entity",
            "action",
            "situation",
            "severity",
            "categories",
            "routing",
            "retention",
            "message",
        ],
    ),
    ("Result", &["outcome", "grade", "decision", "result_code", "reason"]),
    ("Who", &["actor", "on_behalf_of", "others"]),
    ("On what", &["targets", "subjects"]),
    ("From where", &["origin"]),
    ("When and in which session", &["occurred_at", "ended_at", "observed_at", "session", "account"]),
    ("Why and by which right", &["purpose", "authz"]),
    ("Together with", &["trace", "relates"]),
];
/// Shown in places of their own.
const ELSEWHERE: [Field; 4] = [Field::Changes, Field::Raw, Field::Flags, Field::Extra];
/// Longest text of a value; the JSON has all of it.
const MAX_TEXT: usize = 4_096;

fn belongs(path: &str, prefixes: &[&str]) -> bool {
    let head = path.split('.').next().unwrap_or(path);
    prefixes.contains(&path) || prefixes.contains(&head)
}

/// The groups of an event that have something in them.
pub(crate) fn groups(event: &Event, painter: &Painter) -> Vec<Group> {
    let of = event_type(event, painter);
    // That a code matched its type is the rule; the page says so only when it did not.
    let usual = |field: Field| field == Field::TypeFrom && event.text(field) == Some("type");
    let shown =
        |field: Field| !ELSEWHERE.contains(&field) && !usual(field) && !field.path().starts_with("producer");
    let mut groups: Vec<Group> = GROUPS
        .iter()
        .map(|(title, prefixes)| {
            let fields = event.fields().filter(|(field, _)| shown(*field) && belongs(field.path(), prefixes));
            let facts = fields.flat_map(|(field, value)| facts(field, value, painter));
            Group { title: (*title).to_owned(), facts: facts.collect(), ..Group::default() }
        })
        .collect();
    if let (Some(first), Some((catalog, of))) = (groups.first_mut(), of.as_ref()) {
        first.text.clone_from(&of.text);
        let href = code_href(&painter.search.org, catalog, &of.code);
        first.link = Some(Link::new("in the catalog", href));
    }
    let params = parameters(event, of.as_ref().map(|(_, of)| of), painter);
    groups.insert(2, Group { title: "Parameters".to_owned(), facts: params, ..Group::default() });
    let extra = event.get(Field::Extra).map(|extra| flat("", extra, painter)).unwrap_or_default();
    groups.push(Group { title: "Beyond the catalog".to_owned(), facts: extra, ..Group::default() });
    groups.retain(|group| !group.facts.is_empty());
    groups
}

fn event_type(event: &Event, painter: &Painter) -> Option<(String, EventType)> {
    let catalog = painter.catalogs.get(event.text(Field::Catalog)?)?;
    let of = catalog.type_by_code(event.text(Field::Code)?)?;
    Some((catalog.id.clone(), of.clone()))
}

/// The page of an event type.
pub(crate) fn code_href(org: &str, catalog: &str, code: &str) -> String {
    let part =
        |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    format!("/catalogs/{}/{}?o={}", part(catalog), part(code), part(org))
}

fn facts(field: Field, value: &Value, painter: &Painter) -> Vec<Fact> {
    let path = field.path();
    let name = path.split_once('.').map_or(path, |(_, name)| name).replace('_', " ");
    let fact = |text: &str, value| Fact {
        name: name.clone(),
        hint: field.def().doc.to_owned(),
        value,
        text: clipped(text),
        ..Fact::default()
    };
    match value {
        Value::List(items) => items
            .iter()
            .flat_map(|item| match item {
                Value::Map(map) => vec![member(field, &name, map, painter)],
                item => {
                    let text = text(item, painter);
                    vec![fact(&text, painter.value(path, &text))]
                }
            })
            .collect(),
        Value::Map(map) => map
            .iter()
            .map(|(member, value)| {
                let text = text(value, painter);
                let found = painter.value(&format!("{path}.{member}"), &text);
                Fact { name: format!("{name} {}", member.replace('_', " ")), ..fact(&text, found) }
            })
            .collect(),
        Value::Time(_) => vec![fact(&text(value, painter), None)],
        value => {
            let text = text(value, painter);
            let found = painter.value(path, &text).filter(|_| field != Field::Message);
            vec![fact(&text, found)]
        }
    }
}

/// Something with members, such as a target: by its name, the other members behind it.
fn member(field: Field, name: &str, map: &Map, painter: &Painter) -> Fact {
    let singular = name.strip_suffix('s').unwrap_or(name);
    let said = |member: &str| map.get(member).map(|value| text(value, painter));
    let main = ["name", "id"].into_iter().find_map(|member| Some((member, said(member)?)));
    let (taken, shown) = main.unwrap_or(("", String::new()));
    let rest = map.iter().filter(|(member, _)| *member != taken);
    let rest: Vec<String> = rest
        .map(|(member, value)| format!("{} {}", member.replace('_', " "), text(value, painter)))
        .collect();
    let query = match field {
        Field::Targets => "target",
        Field::Subjects => "subject",
        Field::Others => "other",
        Field::OnBehalfOf => "behalf",
        Field::Relates => "related",
        _ => "",
    };
    Fact {
        name: singular.to_owned(),
        hint: field.def().doc.to_owned(),
        value: painter.value(query, &shown).filter(|_| !shown.is_empty()),
        text: clipped(&shown),
        more: clipped(&rest.join(", ")),
        mono: false,
    }
}

fn parameters(event: &Event, of: Option<&EventType>, painter: &Painter) -> Vec<Fact> {
    let fact = |param: &indelible_event::Param| {
        let def = of.and_then(|of| of.params.iter().find(|def| def.name == param.name));
        let text = text(&param.value, painter);
        let single = !matches!(param.value, Value::List(_) | Value::Map(_) | Value::Bytes(_));
        Fact {
            name: param.name.clone(),
            hint: def.and_then(|def| def.text.clone()).unwrap_or_default(),
            value: painter.value(&format!("param.{}", param.name), &text).filter(|_| single),
            text: clipped(&text),
            more: def.and_then(|def| def.text.clone()).unwrap_or_default(),
            mono: false,
        }
    };
    event.params().iter().map(fact).collect()
}

/// Free data, a line for each scalar, by its path.
fn flat(path: &str, value: &Value, painter: &Painter) -> Vec<Fact> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Map(map) => map.iter().flat_map(|(name, value)| flat(&below(name), value, painter)).collect(),
        Value::List(items) => {
            let each = items.iter().enumerate();
            each.flat_map(|(at, value)| flat(&below(&at.to_string()), value, painter)).collect()
        }
        value => {
            vec![Fact { name: path.to_owned(), text: clipped(&text(value, painter)), ..Fact::default() }]
        }
    }
}

/// A value in words.
fn text(value: &Value, painter: &Painter) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(text) | Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Time(time) => painter.zone.second(Instant::from(*time)),
        Value::List(items) => items.iter().map(|item| text(item, painter)).collect::<Vec<_>>().join(", "),
        Value::Map(map) => {
            let pairs = map.iter().map(|(name, value)| format!("{name}: {}", text(value, painter)));
            pairs.collect::<Vec<_>>().join(", ")
        }
    }
}

fn clipped(text: &str) -> String {
    match text.get(..text.floor_char_boundary(MAX_TEXT)) {
        Some(begin) if begin.len() < text.len() => format!("{begin}…"),
        _ => text.to_owned(),
    }
}

/// What changed, before and after.
pub(crate) fn changes(event: &Event) -> Vec<Change> {
    let plain = Painter::plain();
    let changes = event.get(Field::Changes).and_then(Value::as_list).unwrap_or_default();
    let change = |change: &Value| {
        let map = change.as_map()?;
        let said = |member: &str| match map.get(member) {
            None | Some(Value::Null) => None,
            Some(value) => Some(clipped(&text(value, &plain))),
        };
        Some(Change { path: said("path").unwrap_or_default(), old: said("old"), new: said("new") })
    };
    changes.iter().filter_map(change).collect()
}

/// The form in which it was received and the form's name.
pub(crate) fn raw(event: &Event) -> (Option<String>, String) {
    let raw = event.get(Field::Raw).and_then(Value::as_map);
    let said = |member: &str| raw.and_then(|raw| raw.get(member)).and_then(Value::as_text).map(str::to_owned);
    (said("body"), said("format").unwrap_or_default())
}

/// Searches for what belongs together with an event.
pub(crate) fn related(event: &Event, leaf: &Leaf, painter: &Painter, t: &Text) -> Vec<Link> {
    let mut links = Vec::new();
    let asked = |search: &Search, pairs: &[(&str, &str)]| {
        let query = pairs.iter().try_fold(EventQuery::default(), |query, (name, value)| {
            let field = FieldRef::named(name)?;
            let test = Test::literal(&field, value)?;
            Some(query.include(&field, &test))
        });
        query.map(|query| search.with(&query).href())
    };
    let everything = painter.search.between("", "");
    let hour = window(event, leaf, painter);
    let mut add = |label: String, href: Option<String>| links.extend(href.map(|href| Link::new(label, href)));
    for (by, title) in [
        ("session", "Timeline of this session"),
        ("request", "Timeline of this request"),
        ("actor", "Timeline of this actor"),
        ("target", "Timeline of this target"),
    ] {
        add(title.to_owned(), Joined::of(&painter.search.org, by, event).map(|joined| joined.href()));
    }
    for (name, field, title) in [
        ("session", Field::SessionId, "Same session"),
        ("request", Field::RequestId, "Same request"),
        ("trace", Field::TraceId, "Same trace"),
        ("batch", Field::Batch, "Same batch"),
    ] {
        let id = event.text(field).filter(|id| !id.is_empty());
        add(title.to_owned(), id.and_then(|id| asked(&everything, &[(name, id)])));
    }
    if let Some(who) = actor(event) {
        add(format!("{} {who}, {}", t.by, t.half_an_hour), asked(&hour, &[("actor", who)]));
        add(format!("{} {who}", t.everything_by), asked(&everything, &[("actor", who)]));
    }
    if let Some(target) = first_target(event).0 {
        add(format!("{} {target}", t.everything_on), asked(&everything, &[("target", &target)]));
    }
    if let Some((name, from)) = super::rows::origin(event) {
        add(format!("{} {from}", t.everything_from), asked(&everything, &[(name, from)]));
    }
    if let (Some(catalog), Some(code)) = (event.text(Field::Catalog), event.text(Field::Code)) {
        for (label, code) in twins(catalog, code, painter, t) {
            let who = event.text(Field::ActorId).filter(|id| !id.is_empty());
            let mut pairs = vec![("catalog", catalog), ("code", code.as_str())];
            pairs.extend(who.map(|id| ("actor.id", id)));
            add(format!("{label} ({code}), {}", t.of_same_actor), asked(&everything, &pairs));
        }
        add(
            "Every event of this type".to_owned(),
            asked(&everything, &[("catalog", catalog), ("code", code)]),
        );
    }
    let id = leaf.id.to_string();
    let looks = [("catalog", "indelible"), ("code", "EVENT.READ"), ("target", id.as_str())];
    add("Who looked at it".to_owned(), asked(&everything, &looks));
    links
}

/// The types that say the same with the other outcome.
fn twins(catalog: &str, code: &str, painter: &Painter, t: &Text) -> Vec<(&'static str, String)> {
    let Some(catalog) = painter.catalogs.get(catalog) else { return Vec::new() };
    let base = catalog.type_by_code(code).and_then(|of| of.base_code.clone());
    let failures = catalog.types().iter().filter(|of| of.base_code.as_deref() == Some(code));
    let failures = failures.map(|of| (t.same_failed, of.code.clone()));
    base.into_iter().map(|code| (t.same_succeeded, code)).chain(failures).collect()
}

/// Half an hour before and after.
fn window(event: &Event, leaf: &Leaf, painter: &Painter) -> Search {
    const HALF: i128 = 1_800 * 1_000_000_000;
    let at = occurred(event, leaf);
    let (since, until) = painter.zone.window(Instant(at.0 - HALF), Instant(at.0 + HALF));
    painter.search.between(since, until)
}

/// Where an event stands in the log and who sent it.
pub(crate) fn record(event: &Event, leaf: &Leaf, index: u64, painter: &Painter) -> Vec<Fact> {
    let fact = |name: &str, text: String| Fact { name: name.to_owned(), text, ..Fact::default() };
    let mono = |name: &str, text: String| Fact { mono: true, ..fact(name, text) };
    let mut facts = vec![
        mono("Index", index.to_string()),
        mono("Id", leaf.id.to_string()),
        fact("Received", painter.zone.second(Instant(i128::from(leaf.received_ns)))),
    ];
    for field in [
        Field::ProducerName,
        Field::ProducerInstance,
        Field::ProducerVersion,
        Field::ProducerSeq,
        Field::SourceId,
        Field::State,
    ] {
        let Some(value) = event.get(field) else { continue };
        let text = text(value, painter);
        let name = field.path().replace(['.', '_'], " ");
        facts.push(Fact { value: painter.value(field.path(), &text), ..mono(&name, text) });
    }
    facts
}
