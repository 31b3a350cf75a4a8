//! Credentials in events: found by the name of their key or by their shape, and removed wherever they stand.
//! A value that was removed is never in a finding, a message or a debug print.

use crate::finding::{Finding, FindingId};
use indelible_event::{Event, Field, Value};
use regex::Regex;
use std::fmt;
use std::sync::LazyLock;

/// What stands where a secret stood.
pub const REMOVED: &str = "[removed]";
/// Shortest value that is also removed where it stands inside other texts: shorter ones are found by accident.
const MIN_SPREAD_BYTES: usize = 6;
/// Shortest text that can hold a credential's shape.
const MIN_SHAPE_BYTES: usize = 16;

/// Names of keys whose text is a credential, without case, `_`, `-` and blanks.
const SECRET_NAMES: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secretkey",
    "clientsecret",
    "token",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "sessiontoken",
    "authtoken",
    "apitoken",
    "bearertoken",
    "apikey",
    "apisecret",
    "authorization",
    "proxyauthorization",
    "cookie",
    "setcookie",
    "privatekey",
    "secretaccesskey",
    "sessionkey",
    "encryptionkey",
    "otp",
    "totpsecret",
    "pincode",
];
/// Ends of such names: `masterUserPassword`, `db_password`.
const SECRET_ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "secretkey",
    "privatekey",
    "apikey",
    "accesstoken",
    "refreshtoken",
    "sessiontoken",
    "authtoken",
    "clientsecret",
    "secretaccesskey",
];
/// Names whose text is an identifier, whatever it looks like.
const HARMLESS_NAMES: &[&str] = &["accesskeyid"];

/// Shapes that are credentials wherever they stand.
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = [
        r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{36,}",
        r"\bgithub_pat_[A-Za-z0-9_]{22,}",
        r"\bglpat-[A-Za-z0-9_-]{20,}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"\bsk_live_[A-Za-z0-9]{16,}",
        r"\bAIza[A-Za-z0-9_-]{35}",
        r"(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z))",
        r"\b[Bb]earer [A-Za-z0-9._~+/=-]{20,}",
    ];
    Regex::new(&shapes.join("|")).expect("the shapes are fixed and tested")
});

/// Bytes of which every shape has one near its beginning, and that are rare in other texts.
#[expect(clippy::indexing_slicing, reason = "evaluated when the program is built: it cannot panic later")]
const ANCHORS: [bool; 256] = {
    let mut anchors = [false; 256];
    let bytes = *b"JA_-Bb";
    let mut at = 0;
    while at < bytes.len() {
        anchors[bytes[at] as usize] = true;
        at += 1;
    }
    anchors
};

/// Whether a text may hold a shape. Almost none does, and asking so costs a small part of the regular expression.
fn may_hold_shape(text: &[u8]) -> bool {
    let is_anchor = |byte: &u8| ANCHORS.get(usize::from(*byte)).copied().unwrap_or(true);
    let mut from = 0;
    while let Some(next) = text.get(from..).and_then(|rest| rest.iter().position(is_anchor)) {
        let at = from + next;
        if text.split_at_checked(at).is_some_and(|(before, rest)| is_beginning(before, rest)) {
            return true;
        }
        from = at + 1;
    }
    false
}

/// Whether a shape may begin around an anchor, the first byte of `rest`.
fn is_beginning(before: &[u8], rest: &[u8]) -> bool {
    match rest.first() {
        Some(b'J') => before.ends_with(b"ey"),
        Some(b'A') => [b"AKIA", b"ASIA", b"AIza"].iter().any(|shape| rest.starts_with(*shape)),
        Some(b'_') => {
            let user = before.last_chunk::<3>().is_some_and(|part| part.starts_with(b"gh"));
            user || (before.ends_with(b"github") && rest.starts_with(b"_pat_"))
                || (before.ends_with(b"sk") && rest.starts_with(b"_live_"))
        }
        Some(b'-') => {
            before.ends_with(b"glpat")
                || before.last_chunk::<4>().is_some_and(|part| part.starts_with(b"xox"))
                || rest.starts_with(b"-----BEGIN")
        }
        Some(b'B' | b'b') => rest.get(1..).is_some_and(|rest| rest.starts_with(b"earer ")),
        _ => false,
    }
}

/// A value to be replaced wherever it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    /// Pointer to where it was found.
    pub pointer: String,
    /// Finding worth telling; false when the rule expected it to be there already masked.
    secret: String,
    /// What stands in its place.
    replacement: String,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({}, {} bytes)", self.pointer, self.secret.len())
    }
}

impl Mask {
    pub(crate) fn new(pointer: String, secret: String, replacement: String) -> Self {
        Self { pointer, secret, replacement }
    }

    /// A text without the secret; `None` when the text does not hold it.
    pub fn apply(&self, text: &str) -> Option<String> {
        if text == self.secret {
            return Some(self.replacement.clone());
        }
        let spread = self.secret.len() >= MIN_SPREAD_BYTES && text.contains(&self.secret);
        spread.then(|| text.replace(&self.secret, &self.replacement))
    }

    /// Removes the secret from every text inside a value, and from keys never: names come from programs.
    pub(crate) fn apply_to(&self, value: &mut Value) {
        for_each_text(value, &mut |text| {
            if let Some(masked) = self.apply(text) {
                *text = masked;
            }
        });
    }

    /// The same for a whole event.
    pub fn apply_to_event(&self, event: &mut Event) {
        for (field, value) in event.fields_mut() {
            if !is_fixed(field) {
                self.apply_to(value);
            }
        }
        for (_, _, value) in event.params_mut() {
            self.apply_to(value);
        }
    }
}

/// Fields whose words come from closed lists or the catalog: nothing of the sender's is in them.
fn is_fixed(field: Field) -> bool {
    matches!(
        field,
        Field::Catalog
            | Field::CatalogVersion
            | Field::Code
            | Field::TypeFrom
            | Field::Group
            | Field::Entity
            | Field::Action
            | Field::Crude
            | Field::Routing
            | Field::Severity
            | Field::Retention
            | Field::Categories
            | Field::OccurredAt
            | Field::EndedAt
            | Field::ObservedAt
            | Field::Outcome
            | Field::Flags
            | Field::State
    )
}

fn for_each_text(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Text(text) => change(text),
        Value::List(items) => items.iter_mut().for_each(|item| for_each_text(item, change)),
        Value::Map(map) => map.iter_mut().for_each(|(_, item)| for_each_text(item, change)),
        _ => {}
    }
}

/// Whether a text is a credential that was already taken out.
pub(crate) fn is_masked(text: &str) -> bool {
    let stars = text.bytes().all(|byte| {
        matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-') || byte == 0xe2 || byte == 0x80 || byte == 0xa2
    });
    stars || text == REMOVED || NO_SECRETS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Texts under a secret's name that are none: what other programs put in its place, and answers to a question about it.
const NO_SECRETS: &[&str] = &[
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "REDACTED",
    "[REDACTED]",
    "<redacted>",
    "[FILTERED]",
    "none",
    "null",
    "true",
    "false",
    "yes",
    "no",
    "required",
    "optional",
];

/// Names and paths that a catalog says only look secret.
#[derive(Debug, Clone, Copy, Default)]
pub struct Harmless<'a> {
    /// From the catalog and from the rule.
    pub names: [&'a [String]; 2],
}

impl Harmless<'_> {
    fn covers(&self, pointer: &str, key: &str) -> bool {
        let names = self.names.iter().flat_map(|names| names.iter());
        let same = |name: &String| {
            name == key
                || (name.contains('.')
                    && pointer.get(1..).is_some_and(|path| path.replace('/', ".") == *name))
        };
        HARMLESS_NAMES.contains(&normal(key).as_str()) || { names }.any(same)
    }
}

fn normal(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_secret_name(key: &str) -> bool {
    if !has_hint(key.as_bytes()) {
        return false;
    }
    let name = normal(key);
    SECRET_NAMES.contains(&name.as_str()) || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether a key holds a part of a secret's name. Almost none does, and the question is asked of every key of every event.
fn has_hint(key: &[u8]) -> bool {
    let starts = |rest: &[u8], hint: &str| {
        rest.get(..hint.len()).is_some_and(|part| part.eq_ignore_ascii_case(hint.as_bytes()))
    };
    let at = |(index, byte): (usize, &u8)| {
        let rest = key.get(index..).unwrap_or(&[]);
        match byte.to_ascii_lowercase() {
            b'p' => starts(rest, "pass") || starts(rest, "pwd") || starts(rest, "pin"),
            b's' => starts(rest, "secret"),
            b't' => starts(rest, "token"),
            b'k' => starts(rest, "key"),
            b'a' => starts(rest, "authoriz"),
            b'c' => starts(rest, "cookie"),
            b'o' => starts(rest, "otp"),
            _ => false,
        }
    };
    key.iter().enumerate().any(at)
}

/// Finds credentials by key and shape in a raw value; nothing is changed.
pub(crate) fn find(value: &Value, harmless: Harmless<'_>) -> Vec<Mask> {
    let mut search = Search { harmless, head: "", place: Vec::new(), found: Vec::new() };
    search.walk(value, "");
    search.found
}

/// A step on the way to a value; made into a pointer only when something is found there.
#[derive(Clone, Copy)]
enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

struct Search<'v> {
    harmless: Harmless<'v>,
    /// Dotted path that the places below start with; empty in a raw event.
    head: &'v str,
    place: Vec<Step<'v>>,
    found: Vec<Mask>,
}

impl<'v> Search<'v> {
    fn walk(&mut self, value: &'v Value, key: &'v str) {
        match value {
            Value::Text(text) => self.text(text, key),
            Value::Map(map) => {
                // A change names what changed beside its values.
                let changed =
                    map.get("path").and_then(Value::as_text).and_then(|path| path.rsplit(['.', '/']).next());
                for (name, item) in map.iter() {
                    self.place.push(Step::Key(name));
                    self.walk(item, changed.filter(|_| matches!(name, "old" | "new")).unwrap_or(name));
                    self.place.pop();
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.place.push(Step::Index(index));
                    self.walk(item, key);
                    self.place.pop();
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, key: &str) {
        let named = !key.is_empty() && is_secret_name(key) && !is_masked(text);
        let shaped =
            text.len() >= MIN_SHAPE_BYTES && may_hold_shape(text.as_bytes()) && SHAPES.is_match(text);
        if !named && !shaped {
            return;
        }
        let pointer = self.pointer();
        if self.harmless.covers(&pointer, key) {
            return;
        }
        if named {
            self.found.push(Mask::new(pointer, text.to_owned(), REMOVED.to_owned()));
            return;
        }
        for hit in SHAPES.find_iter(text) {
            self.found.push(Mask::new(pointer.clone(), hit.as_str().to_owned(), REMOVED.to_owned()));
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for part in self.head.split('.').filter(|part| !part.is_empty()) {
            pointer.push('/');
            pointer.push_str(part);
        }
        for step in &self.place {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer.push_str(key),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}

/// One finding per place.
pub(crate) fn findings(masks: &[Mask]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for mask in masks {
        if !findings.iter().any(|known| known.pointer == mask.pointer) {
            let hint = "a credential stood here and was removed; stop sending it";
            findings.push(Finding::new(FindingId::SecretSuspected, mask.pointer.clone(), hint));
        }
    }
    findings
}

/// Finds and removes credentials in an event of our own form. The masks say what else (a raw body) must lose them.
pub fn scan_event(event: &mut Event, harmless: Harmless<'_>) -> (Vec<Finding>, Vec<Mask>) {
    let mut search = Search { harmless, head: "", place: Vec::new(), found: Vec::new() };
    for (field, value) in event.fields() {
        if !is_fixed(field) {
            search.head = field.path();
            search.walk(value, "");
        }
    }
    for param in event.params() {
        search.head = "params";
        search.place.push(Step::Key(&param.name));
        search.walk(&param.value, param.name.rsplit('.').next().unwrap_or(""));
        search.place.pop();
    }
    let masks = search.found;
    for mask in &masks {
        mask.apply_to_event(event);
    }
    (findings(&masks), masks)
}

/// The text that stands for a secret whose recurrence matters: 16 hex digits.
pub(crate) fn fingerprint_text(digest: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::json;

    fn pointers(text: &str) -> Vec<String> {
        find(&json(text), Harmless::default()).into_iter().map(|mask| mask.pointer).collect()
    }

    #[test]
    fn names_and_shapes_are_found() {
        let cases = [
            (r#"{"password":"hunter2"}"#, true),
            (r#"{"a":{"masterUserPassword":"hunter2"}}"#, true),
            (r#"{"Authorization":"Basic abc"}"#, true),
            (r#"{"api-key":"1"}"#, true),
            (r#"{"password":"********************"}"#, false),
            (r#"{"password":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#, false),
            (r#"{"password":""}"#, false),
            (r#"{"Password":"Required"}"#, false),
            (r#"{"X-Api-Key":"abc"}"#, true),
            (r#"{"password":null}"#, false),
            (r#"{"nextToken":"AAEAASOszR5OBQ4RDciQegOa"}"#, false),
            (r#"{"clientToken":"C265B64D-B8B2-4C8F-912B"}"#, false),
            (r#"{"secretId":"arn:aws:secretsmanager"}"#, false),
            (r#"{"accessKeyId":"AKIAIOSFODNN7EXAMPLE"}"#, false),
            (r#"{"text":"key AKIAIOSFODNN7EXAMPLE leaked"}"#, true),
            (r#"{"t":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}"#, true),
            (r#"{"t":["ghp_0123456789abcdef0123456789abcdef0123"]}"#, true),
            (r#"{"t":"-----BEGIN RSA PRIVATE KEY-----\nMII"}"#, true),
            (r#"{"t":"-----BEGIN CERTIFICATE-----\nMII"}"#, false),
            (r#"{"t":"Bearer 0123456789abcdefghij"}"#, true),
            (r#"{"t":"see -bearer 0123456789abcdefghij"}"#, true),
            (r#"{"t":"a_b AIza0123456789abcdefghijklmnopqrstuvwxy"}"#, true),
            (r#"{"t":"github_pat_0123456789abcdefghijkl"}"#, true),
            (r#"{"t":"glpat-0123456789abcdefghij"}"#, true),
            (r#"{"t":"--xoxb-0123456789"}"#, true),
            (r#"{"t":"x sk_live_0123456789abcdef"}"#, true),
            (r#"{"t":"task_live disk_live_on A-B_C"}"#, false),
            (r#"{"t":"the bearer of this letter"}"#, false),
        ];
        for (text, expected) in cases {
            assert_eq!(!pointers(text).is_empty(), expected, "{text}");
        }
    }

    #[test]
    fn the_values_of_a_changed_secret_are_found() {
        let found = pointers(
            r#"{"changes":[{"path":"user.api_key","old":"k3y-1","new":"k3y-2"},{"path":"name","old":"a","new":"b"}]}"#,
        );
        assert_eq!(found, ["/changes/0/new", "/changes/0/old"]);
    }

    #[test]
    fn a_secret_goes_wherever_it_stands() {
        let mut value = json(r#"{"password":"hunter2","message":"log in with hunter2 failed","n":1}"#);
        for mask in find(&value.clone(), Harmless::default()) {
            mask.apply_to(&mut value);
        }
        assert_eq!(value, json(r#"{"password":"[removed]","message":"log in with [removed] failed","n":1}"#));
    }

    #[test]
    fn catalogs_can_call_a_name_harmless() {
        let names = ["password".to_owned(), "a.token".to_owned()];
        let harmless = Harmless { names: [&names, &[]] };
        assert!(find(&json(r#"{"password":"hunter2"}"#), harmless).is_empty());
        assert!(find(&json(r#"{"a":{"token":"t"}}"#), harmless).is_empty());
        assert_eq!(find(&json(r#"{"b":{"token":"t"}}"#), harmless).len(), 1);
    }

    #[test]
    fn debug_hides_the_value() {
        let mask = Mask::new("/a".into(), "hunter2".into(), REMOVED.into());
        assert!(!format!("{mask:?}").contains("hunter2"));
    }
}
