//! Drafts a catalog from sample events: the codes and fields that are there. What an act does to its object is left for a person to say.

use crate::convert::{is_address, read_time};
use crate::load::Source;
use indelible_event::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Most codes drafted; a product with more needs families.
const MAX_DRAFT_TYPES: usize = 500;
/// Share of lines, in percent, that must have a field for it to be the code or the time.
const MIN_SHARE: usize = 50;
/// Keys that mostly hold an event's code, best first.
const CODE_NAMES: &[&str] = &[
    "event_code",
    "eventcode",
    "event_id",
    "eventid",
    "eventname",
    "event_name",
    "eventtype",
    "event_type",
    "job code",
    "action",
    "operation",
    "verb",
    "event",
    "type",
    "code",
];
const TIME_NAMES: &[&str] = &[
    "timestamp",
    "@timestamp",
    "time",
    "eventtime",
    "event_time",
    "published",
    "created_at",
    "createdat",
    "date",
    "datetime",
    "ts",
];
const ACTOR_NAMES: &[&str] = &[
    "user_id",
    "userid",
    "actor",
    "actor_id",
    "user",
    "username",
    "user_name",
    "principal",
    "subject",
    "login",
    "email",
];
const ACCOUNT_NAMES: &[&str] = &[
    "organization",
    "organization_code",
    "org",
    "org_id",
    "account",
    "account_id",
    "tenant",
    "tenant_id",
    "workspace",
];
const MESSAGE_NAMES: &[&str] = &["message", "msg", "description", "displaymessage", "text", "event"];
const REQUEST_NAMES: &[&str] = &["request_id", "requestid", "trace_id", "correlation_id"];
const ID_NAMES: &[&str] = &["uuid", "event_uuid", "_document_id", "eventid", "event_id", "id"];

/// A folder of files for a new catalog.
pub fn draft(id: &str, title: &str, samples: &[Value]) -> Vec<Source> {
    let fields = Fields::of(samples);
    let source = |name: &str, text: String| Source { name: format!("{id}/{name}"), text };
    vec![
        source("catalog.toml", catalog_text(id, title)),
        source("types.toml", types_text(&fields, samples)),
        source("match.toml", match_text(id, &fields)),
    ]
}

struct Fields<'a> {
    samples: &'a [Value],
    /// Path, how many lines have it, and one of its values.
    seen: BTreeMap<String, (usize, &'a Value)>,
}

impl<'a> Fields<'a> {
    fn of(samples: &'a [Value]) -> Self {
        let mut fields = Self { samples, seen: BTreeMap::new() };
        for map in samples.iter().filter_map(Value::as_map) {
            fields.add("", map, 0);
        }
        fields
    }

    fn add(&mut self, prefix: &str, map: &'a Map, depth: usize) {
        for (key, value) in map.iter() {
            let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            let name = if plain { key.to_owned() } else { format!("\"{key}\"") };
            let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match value {
                Value::Map(inner) if depth < 2 => self.add(&path, inner, depth + 1),
                Value::Text(_) | Value::Int(_) | Value::Decimal(_) | Value::Bool(_) => {
                    self.seen.entry(path).or_insert((0, value)).0 += 1;
                }
                _ => {}
            }
        }
    }

    /// The best path for a role: by the list of names, present often enough, passing a test of its value.
    fn find(&self, names: &[&str], fits: impl Fn(&Value) -> bool) -> Option<String> {
        self.find_path(names, fits, |_| true)
    }

    fn find_path(
        &self,
        names: &[&str],
        fits: impl Fn(&Value) -> bool,
        also: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let enough = |count: usize| count * 100 >= self.samples.len() * MIN_SHARE;
        let last =
            |path: &str| path.rsplit('.').next().unwrap_or(path).trim_matches('"').to_ascii_lowercase();
        names.iter().find_map(|name| {
            let candidates = self.seen.iter().filter(|(path, (count, value))| {
                last(path) == *name && enough(*count) && fits(value) && also(path)
            });
            candidates.min_by_key(|(path, _)| path.matches('.').count()).map(|(path, _)| path.clone())
        })
    }

    fn code(&self) -> Option<String> {
        // An "id" of which most lines have their own names the event, not its kind.
        let is_kind = |path: &str| {
            !path.to_ascii_lowercase().ends_with("id")
                || codes_at(path, self.samples).len() * 2 <= self.samples.len()
        };
        self.find_path(CODE_NAMES, |value| matches!(value, Value::Text(_) | Value::Int(_)), is_kind)
    }

    fn time(&self) -> Option<String> {
        self.find(TIME_NAMES, |value| read_time(value, &[], None).is_ok())
    }

    fn address(&self) -> Option<String> {
        let fits = |(_, (_, value)): &(&String, &(usize, &Value))| value.as_text().is_some_and(is_address);
        self.seen.iter().filter(fits).max_by_key(|(_, (count, _))| *count).map(|(path, _)| path.clone())
    }
}

fn catalog_text(id: &str, title: &str) -> String {
    format!(
        "catalog  = {{ id = {id:?}, version = \"0.1.0\", title = {title:?} }}\n\
         code     = {{ form = \"text\" }}\n\
         outcome  = {{ by = \"said\" }}\n\
         defaults = {{ severity = \"info\", retention = \"standard\", on_unavailable = \"spool\", session = \"optional\", requires = [\"actor\"] }}\n"
    )
}

fn types_text(fields: &Fields<'_>, samples: &[Value]) -> String {
    const HEAD: &str = "# Every type needs a crude letter: C create, R read, U update, D delete, E execute.\n# Nothing guesses it; add it and run lint.\ntype = [\n";
    let codes = fields.code().map(|path| codes_at(&path, samples)).unwrap_or_default();
    let lines: String = codes.iter().take(MAX_DRAFT_TYPES).map(|code| type_line(code)).collect();
    format!("{HEAD}{lines}]\n")
}

fn type_line(code: &str) -> String {
    let (entity, action) = code.rsplit_once(['.', ':', '/']).unwrap_or(("event", code));
    let (code, title) = (quoted(code), quoted(&title_of(code)));
    format!(
        "  {{ code = {code}, entity = {}, action = {}, title = {title}, text = \"\" }},\n",
        quoted(entity),
        quoted(action)
    )
}

fn codes_at(path: &str, samples: &[Value]) -> BTreeSet<String> {
    let Ok(path) = crate::path::RawPath::parse(path) else { return BTreeSet::new() };
    let text = |value: &Value| crate::place::to_text(value.clone()).ok();
    let codes = samples.iter().filter_map(|sample| path.get(sample).and_then(text));
    codes.filter(|code| (1..=crate::catalog::MAX_CODE_BYTES).contains(&code.len())).collect()
}

fn title_of(code: &str) -> String {
    let words: String = code.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = words.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    first.chars().chain(chars).take(crate::catalog::MAX_TITLE_CHARS).collect()
}

/// A basic TOML string.
fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fn match_text(id: &str, fields: &Fields<'_>) -> String {
    let code = fields.code();
    let time = fields.time();
    let whens: Vec<String> =
        [&code, &time].into_iter().flatten().map(|path| quoted(&format!("{path} is present"))).collect();
    let any = |_: &Value| true;
    let copies = [
        (code, "code"),
        (fields.find(ACTOR_NAMES, any), "actor.id"),
        (fields.find(ACCOUNT_NAMES, any), "account"),
        (
            fields.find(MESSAGE_NAMES, |value| value.as_text().is_some_and(|text| text.contains(' '))),
            "message",
        ),
        (fields.find(REQUEST_NAMES, any), "trace.request_id"),
        (fields.find(ID_NAMES, |value| value.as_text().is_some_and(|text| text.len() >= 16)), "source_id"),
    ];
    let copies: Vec<String> = copies
        .into_iter()
        .filter_map(|(path, target)| Some(quoted(&format!("{} -> {target}", path?))))
        .collect();
    let mut parts = vec![format!(
        "[[match]]\nid   = {}\nwhen = [{}]\ncopy = [{}]\n",
        quoted(id),
        whens.join(", "),
        copies.join(", ")
    )];
    if let Some(path) = time {
        parts.push(format!(
            "set.occurred_at = {{ path = {}, as = \"time\", zone = \"@source.zone\" }}\n",
            quoted(&path)
        ));
    }
    if let Some(path) = fields.address() {
        parts.push(format!(
            "set.\"origin.address\" = {{ path = {}, as = \"address\", else_to = \"origin.host\" }}\n",
            quoted(&path)
        ));
    }
    parts.concat()
}
