//! Places: where a match rule reads in a raw event, what it tests there, and where it writes in ours.
//! Names from outside never become places of an event; only these, written in a catalog, do.

use indelible_event::{Field, Kind, Value};
use regex::Regex;
use std::fmt;

/// Longest regular expression in bytes; they run in linear time, but compile in the time of their size.
pub const MAX_REGEX_BYTES: usize = 512;
/// Largest compiled regular expression in bytes: `\w{500}` is short as text.
const MAX_REGEX_COMPILED: usize = 256 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A path in a raw event, `a.b[0]."x-y"`, or in its envelope, `@source.zone`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPath {
    text: String,
    envelope: bool,
    steps: Vec<Step>,
}

impl fmt::Display for RawPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl RawPath {
    /// Reads a path.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, rest) = Self::parse_front(text.trim())?;
        if rest.is_empty() { Ok(path) } else { Err(format!("\"{rest}\" after the path has no meaning")) }
    }

    /// Reads a path at the front of a text; gives back what follows it.
    fn parse_front(text: &str) -> Result<(Self, &str), String> {
        let envelope = text.starts_with('@');
        let mut rest = text.strip_prefix('@').unwrap_or(text);
        let mut steps = Vec::new();
        loop {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (key, tail) = quoted.split_once('"').ok_or("a quoted part has no end")?;
                steps.push(Step::Key(key.to_owned()));
                rest = tail;
            } else {
                let end =
                    rest.find(|c: char| c.is_whitespace() || ".[\"=~".contains(c)).unwrap_or(rest.len());
                let (key, tail) = rest.split_at(end);
                if key.is_empty() {
                    return Err("a part of the path is empty".to_owned());
                }
                steps.push(Step::Key(key.to_owned()));
                rest = tail;
            }
            while let Some(tail) = rest.strip_prefix('[') {
                let (number, tail) = tail.split_once(']').ok_or("[ without ]")?;
                steps.push(Step::Index(number.parse().map_err(|_| format!("[{number}] needs a number"))?));
                rest = tail;
            }
            match rest.strip_prefix('.') {
                Some(tail) => rest = tail,
                None => break,
            }
        }
        let used = text.get(..text.len() - rest.len()).unwrap_or(text).to_owned();
        Ok((Self { text: used, envelope, steps }, rest))
    }

    /// Whether it reads the envelope.
    pub(crate) fn is_envelope(&self) -> bool {
        self.envelope
    }

    /// The value at this place; null counts as a value.
    pub fn get<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(root, |value, step| match (step, value) {
            (Step::Key(key), Value::Map(map)) => map.get(key),
            (Step::Index(index), Value::List(list)) => list.get(*index),
            _ => None,
        })
    }

    /// The same, to change it.
    pub(crate) fn get_mut<'v>(&self, root: &'v mut Value) -> Option<&'v mut Value> {
        self.steps.iter().try_fold(root, |value, step| match (step, value) {
            (Step::Key(key), Value::Map(map)) => map.get_mut(key),
            (Step::Index(index), Value::List(list)) => list.get_mut(*index),
            _ => None,
        })
    }

    /// Takes the value out of a map; inside a list it is left null, so that its neighbours keep their places. Maps and
    /// lists that become empty go too.
    pub(crate) fn take(&self, root: &mut Value) -> Option<Value> {
        take_steps(&self.steps, root)
    }

    /// JSON pointer of the place.
    pub fn pointer(&self) -> String {
        self.steps.iter().fold(String::new(), |mut pointer, step| {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
            pointer
        })
    }
}

fn take_steps(steps: &[Step], value: &mut Value) -> Option<Value> {
    let (step, rest) = steps.split_first()?;
    match (step, value) {
        (Step::Key(key), Value::Map(map)) if rest.is_empty() => map.remove(key),
        (Step::Key(key), Value::Map(map)) => {
            let inner = map.get_mut(key)?;
            let taken = take_steps(rest, inner)?;
            let hollow = match inner {
                Value::Map(map) => map.is_empty(),
                Value::List(list) => list.iter().all(|item| *item == Value::Null),
                _ => false,
            };
            if hollow {
                map.remove(key);
            }
            Some(taken)
        }
        (Step::Index(index), Value::List(list)) => {
            let inner = list.get_mut(*index)?;
            if rest.is_empty() {
                return Some(std::mem::replace(inner, Value::Null));
            }
            let taken = take_steps(rest, inner)?;
            if matches!(inner, Value::Map(map) if map.is_empty()) {
                *inner = Value::Null;
            }
            Some(taken)
        }
        _ => None,
    }
}

/// Null and empty text count as absent.
pub(crate) fn is_absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Text(text)) => text.is_empty(),
        Some(_) => false,
    }
}

#[derive(Debug, Clone)]
enum Condition {
    Present,
    Absent,
    Text,
    Number,
    Bool,
    List,
    Object,
    In(Vec<Value>),
    Matches(Regex),
}

/// A test on a raw event: `PATH is present`, `PATH = "x"`, `PATH in ["x", "y"]`, `PATH ~ "regex"`.
#[derive(Debug, Clone)]
pub struct RawTest {
    text: String,
    path: RawPath,
    condition: Condition,
}

impl RawTest {
    /// Reads a test.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, rest) = RawPath::parse_front(text.trim())?;
        let rest = rest.trim_start();
        let condition = if let Some(word) = rest.strip_prefix("is ") {
            kind_condition(word.trim())?
        } else if let Some(literal) = rest.strip_prefix('=') {
            Condition::In(vec![literal_value(literal)?])
        } else if let Some(list) = rest.strip_prefix("in ") {
            Condition::In(literal_list(list)?)
        } else if let Some(pattern) = rest.strip_prefix('~') {
            let Value::Text(pattern) = literal_value(pattern)? else {
                return Err("~ needs a regular expression in quotes".to_owned());
            };
            Condition::Matches(parse_regex(&pattern)?)
        } else {
            return Err("a test is: PATH is present|absent|text|number|bool|list|object, PATH = \"x\", PATH in [\"x\"], PATH ~ \"regex\"".into());
        };
        Ok(Self { text: text.to_owned(), path, condition })
    }

    /// The test as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, raw: &Value, envelope: &Value) -> bool {
        let value = self.path.get(if self.path.envelope { envelope } else { raw });
        match &self.condition {
            Condition::Present => !is_absent(value),
            Condition::Absent => is_absent(value),
            Condition::Text => matches!(value, Some(Value::Text(_))),
            Condition::Number => matches!(value, Some(Value::Int(_) | Value::Decimal(_))),
            Condition::Bool => matches!(value, Some(Value::Bool(_))),
            Condition::List => matches!(value, Some(Value::List(_))),
            Condition::Object => matches!(value, Some(Value::Map(_))),
            Condition::In(values) => value.is_some_and(|value| values.contains(value)),
            Condition::Matches(regex) => {
                value.and_then(Value::as_text).is_some_and(|text| regex.is_match(text))
            }
        }
    }
}

/// Compiles a regular expression within the limits.
pub(crate) fn parse_regex(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_REGEX_BYTES {
        return Err(format!(
            "the regular expression has {} bytes, at most {MAX_REGEX_BYTES} are allowed",
            pattern.len()
        ));
    }
    regex::RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_COMPILED)
        .build()
        .map_err(|error| format!("the regular expression is not valid: {error}"))
}

fn kind_condition(word: &str) -> Result<Condition, String> {
    Ok(match word {
        "present" => Condition::Present,
        "absent" => Condition::Absent,
        "text" => Condition::Text,
        "number" => Condition::Number,
        "bool" => Condition::Bool,
        "list" => Condition::List,
        "object" => Condition::Object,
        _ => {
            return Err(format!(
                "\"is {word}\" has no meaning; allowed: present, absent, text, number, bool, list, object"
            ));
        }
    })
}

/// A value of TOML's own spelling: text, integer, true or false.
fn literal_value(text: &str) -> Result<Value, String> {
    let parsed = toml::de::DeValue::parse(text.trim())
        .map_err(|_| format!("{} is not a value; put texts in quotes", text.trim()))?;
    simple_value(parsed.get_ref())
        .ok_or_else(|| "only text, integer, true and false can be compared".to_owned())
}

fn literal_list(text: &str) -> Result<Vec<Value>, String> {
    let parsed =
        toml::de::DeValue::parse(text.trim()).map_err(|_| "in needs a list: [\"x\", \"y\"]".to_owned())?;
    let items = parsed.get_ref().as_array().ok_or("in needs a list: [\"x\", \"y\"]")?;
    items
        .iter()
        .map(|item| {
            simple_value(item.get_ref())
                .ok_or_else(|| "only text, integer, true and false can be compared".to_owned())
        })
        .collect()
}

fn simple_value(value: &toml::de::DeValue<'_>) -> Option<Value> {
    use toml::de::DeValue;
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Int),
        _ => None,
    }
}

/// A place in our event that a rule may write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A field.
    Field(Field),
    /// One text of a list field.
    Item(Field, usize),
    /// One member of one record of a list field.
    Member(Field, usize, &'static str),
    /// One member of a record field.
    RecordMember(Field, &'static str),
    /// One parameter.
    Param(String),
    /// Parameters by the keys of a map.
    Params,
    /// A name in the map of everything else.
    Extra(String),
    /// The routing key as sent: compared, never stored.
    Key,
}

impl Target {
    /// Reads a target such as `actor.id`, `targets[0].name`, `actor.roles[0]`, `params.host.name`, `extra.level`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = match text {
            "occurred" => "occurred_at",
            "ended" => "ended_at",
            "observed" => "observed_at",
            "extra" => "data",
            other => other,
        };
        if let Some(field) = Field::by_path(text) {
            return Ok(Self::Field(field));
        }
        match text {
            "params" => return Ok(Self::Params),
            "key" => return Ok(Self::Key),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("params.") {
            return Ok(Self::Param(name.to_owned()));
        }
        if let Some(name) = text.strip_prefix("extra.").or_else(|| text.strip_prefix("data.")) {
            return Ok(Self::Extra(name.to_owned()));
        }
        Self::parse_inner(text).ok_or_else(|| {
            let known: Vec<_> = Field::ALL.iter().map(|field| field.path()).collect();
            let near = crate::suggest::nearest_word(text, &known)
                .map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
            format!("\"{text}\" is no place in an event{near}")
        })
    }

    fn parse_inner(text: &str) -> Option<Self> {
        if let Some((list, rest)) = text.split_once('[') {
            let field = Field::by_path(list)?;
            let (index, rest) = rest.split_once(']')?;
            let index: usize = index.parse().ok()?;
            return match (field.def().kind, rest.strip_prefix('.')) {
                (Kind::Texts(limit, _), None) if rest.is_empty() && index < limit => {
                    Some(Self::Item(field, index))
                }
                (Kind::Records(limit, members), Some(name)) if index < limit => members
                    .iter()
                    .find(|member| member.name == name)
                    .map(|member| Self::Member(field, index, member.name)),
                _ => None,
            };
        }
        let (record, name) = text.split_once('.')?;
        let field = Field::by_path(record)?;
        let Kind::Record(members) = field.def().kind else { return None };
        members.iter().find(|member| member.name == name).map(|member| Self::RecordMember(field, member.name))
    }

    /// The field it lies in, if it lies in one.
    pub(crate) fn field(&self) -> Option<Field> {
        match self {
            Self::Field(field)
            | Self::Item(field, _)
            | Self::Member(field, ..)
            | Self::RecordMember(field, _) => Some(*field),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::json;

    #[test]
    fn paths_reach_and_take() {
        let mut raw = json(r#"{"a":{"b":[{"x-y":"v"}],"c":1}}"#);
        let path = RawPath::parse("a.b[0].\"x-y\"").unwrap();
        assert_eq!(path.get(&raw), Some(&Value::from("v")));
        assert_eq!(path.pointer(), "/a/b/0/x-y");
        assert_eq!(path.take(&mut raw), Some(Value::from("v")));
        assert_eq!(raw, json(r#"{"a":{"c":1}}"#));
        for wrong in ["", "a..b", "a[", "a[x]", "\"a"] {
            assert!(RawPath::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tests_hold_or_do_not() {
        let raw = json(r#"{"event":"request_started","n":3,"list":[],"none":null,"empty":"","ok":true}"#);
        let none = json("{}");
        let cases = [
            (r#"event in ["request_started", "request_finished"]"#, true),
            (r#"event = "request_started""#, true),
            (r#"event = "x""#, false),
            (r#"event ~ "^request_""#, true),
            ("n is number", true),
            ("n = 3", true),
            ("ok = true", true),
            ("list is list", true),
            ("none is absent", true),
            ("empty is present", false),
            ("empty is text", true),
            ("missing is absent", true),
            ("event is object", false),
        ];
        for (text, expected) in cases {
            assert_eq!(RawTest::parse(text).unwrap().holds(&raw, &none), expected, "{text}");
        }
        for wrong in ["event", "event is purple", "event = x", "event ~ \"(\"", "event in \"x\""] {
            assert!(RawTest::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn targets_are_known_places_only() {
        assert_eq!(Target::parse("occurred"), Ok(Target::Field(Field::OccurredAt)));
        assert_eq!(Target::parse("targets[0].name"), Ok(Target::Member(Field::Targets, 0, "name")));
        assert_eq!(Target::parse("actor.roles[0]"), Ok(Target::Item(Field::ActorRoles, 0)));
        assert_eq!(Target::parse("purpose.code"), Ok(Target::RecordMember(Field::Purpose, "code")));
        assert_eq!(Target::parse("params.host.name"), Ok(Target::Param("host.name".into())));
        assert!(Target::parse("actor.nmae").unwrap_err().contains("actor.name"));
        assert!(Target::parse("targets[64].name").is_err());
        assert!(Target::parse("targets[0].colour").is_err());
    }
}
