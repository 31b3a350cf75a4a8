//! Strict JSON (RFC 8259) to a value, with the place of the first fault.
//!
//! It must never repair: duplicate keys, NUL, lone surrogates, control characters and trailing bytes are refused.
//! Numbers never pass through a binary float.

use std::borrow::Cow;

use crate::Code;
use indelible_event::{MAX_DEPTH, Map, Value, decimal};

/// Why a text is not acceptable JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {offset}; {remedy}")]
pub struct JsonError {
    /// Byte offset of the fault.
    pub offset: usize,
    /// JSON pointer of the innermost value around it.
    pub pointer: String,
    /// Kind of error.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: &'static str,
}

/// Reads one JSON text that fills `bytes` but for white space around it.
///
/// Integers of 64 bits become [`Value::Int`]; other numbers [`Value::Decimal`] in plain digits, or
/// [`Value::Text`] as written when those would pass 64 bytes.
pub fn parse_json(bytes: &[u8]) -> Result<Value, JsonError> {
    let whole = || {
        let mut parser = Parser::new(utf8(bytes)?);
        let value = parser.value(MAX_DEPTH)?;
        parser.finish()?;
        Ok(value)
    };
    whole().map_err(Fault::into_error)
}

pub(crate) fn utf8(bytes: &[u8]) -> Parsed<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        Fault(Box::new(JsonError {
            offset: error.valid_up_to(),
            pointer: String::new(),
            code: Code::Malformed,
            message: "text is not UTF-8".to_owned(),
            remedy: "send UTF-8",
        }))
    })
}

/// Room for this many members is made at once; objects of events rarely have more.
const USUAL_MEMBERS: usize = 8;

/// A reader over one text.
#[derive(Debug)]
pub(crate) struct Parser<'a> {
    source: &'a str,
    at: usize,
}

pub(crate) type Parsed<T> = Result<T, Fault>;

/// An error inside the parser: boxed, so that the values it hands up through every level stay small.
#[derive(Debug)]
pub(crate) struct Fault(Box<JsonError>);

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { source: text, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is not white space, not taken.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Takes `wanted` if it comes next.
    pub(crate) fn accept(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    /// Takes `wanted` or says that it is missing.
    pub(crate) fn expect(&mut self, wanted: u8) -> Parsed<()> {
        if self.accept(wanted) { Ok(()) } else { Err(self.missing(&format!("\"{}\"", char::from(wanted)))) }
    }

    /// Nothing but white space may follow.
    pub(crate) fn finish(&mut self) -> Parsed<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.malformed("more follows the JSON value", "send one value per record")),
        }
    }

    /// The next value; `depth` is how many levels it may have.
    pub(crate) fn value(&mut self, depth: usize) -> Parsed<Value> {
        match self.peek() {
            Some(b'"') => self.text().map(|text| Value::Text(text.into_owned())),
            Some(b'{') => self.object(depth).map(Value::Map),
            Some(b'[') => self.list(depth).map(Value::List),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.missing("a value")),
        }
    }

    /// The next member's name and its colon.
    pub(crate) fn key(&mut self) -> Parsed<String> {
        self.name().map(Cow::into_owned)
    }

    /// The same without a copy where the text has no escapes.
    pub(crate) fn name(&mut self) -> Parsed<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return Err(self.missing("a name in quotes"));
        }
        let name = self.text()?;
        self.expect(b':')?;
        Ok(name)
    }

    fn object(&mut self, depth: usize) -> Parsed<Map> {
        let start = self.at;
        let depth = self.deeper(depth)?;
        let mut more = !self.accept(b'}');
        let mut pairs = Vec::with_capacity(if more { USUAL_MEMBERS } else { 0 });
        while more {
            let key = self.key()?;
            match self.value(depth) {
                Ok(value) => pairs.push((key, value)),
                Err(error) => return Err(error.inside(&key)),
            }
            more = self.another(b'}')?;
        }
        Map::from_pairs(pairs).map_err(|twice| self.duplicate(start, depth, &twice.0))
    }

    fn list(&mut self, depth: usize) -> Parsed<Vec<Value>> {
        let depth = self.deeper(depth)?;
        let mut list = Vec::new();
        let mut more = !self.accept(b']');
        while more {
            list.push(self.value(depth).map_err(|error| error.inside(&list.len().to_string()))?);
            more = self.another(b']')?;
        }
        Ok(list)
    }

    /// Takes a comma (true) or the closing bracket (false).
    pub(crate) fn another(&mut self, close: u8) -> Parsed<bool> {
        if self.accept(b',') {
            return Ok(true);
        }
        if self.accept(close) {
            return Ok(false);
        }
        Err(self.missing(&format!("\",\" or \"{}\"", char::from(close))))
    }

    fn deeper(&mut self, depth: usize) -> Parsed<usize> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.malformed("lists and objects are nested deeper than 16", "flatten the data"));
        };
        self.at += 1;
        Ok(depth)
    }

    /// The error for a key that `object` found twice: reads the object again for the second place.
    fn duplicate(&mut self, start: usize, depth: usize, twice: &str) -> Fault {
        self.at = start + 1;
        let mut seen = false;
        loop {
            self.peek();
            let offset = self.at;
            let found = match self.key() {
                Ok(key) => key == twice,
                Err(error) => return error,
            };
            if found && seen {
                self.at = offset;
                let mut error =
                    self.malformed("the same name appears twice in an object", "send each name once");
                error.0.code = Code::DuplicateKey;
                return error.inside(twice);
            }
            seen |= found;
            if let Err(error) = self.value(depth).and_then(|_| self.another(b'}')) {
                return error;
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Parsed<Value> {
        if self.source.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.missing("a value"))
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let whole = self.digits();
        if whole == 0 || (whole > 1 && self.source.as_bytes().get(self.at - whole) == Some(&b'0')) {
            self.at = start;
            return Err(self.malformed("number is not as JSON writes it", "no leading zeros, no bare sign"));
        }
        let mut plain = true;
        if self.byte() == Some(b'.') {
            plain = false;
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            plain = false;
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.some_digits()?;
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        if plain && let Ok(number) = text.parse() {
            return Ok(Value::Int(number));
        }
        Ok(match decimal(text) {
            Some(digits) => digits.parse().map_or(Value::Decimal(digits), Value::Int),
            None => Value::Text(text.to_owned()),
        })
    }

    fn digits(&mut self) -> usize {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    fn some_digits(&mut self) -> Parsed<()> {
        if self.digits() == 0 { Err(self.missing("a digit")) } else { Ok(()) }
    }

    /// A string whose opening quote comes next.
    pub(crate) fn text(&mut self) -> Parsed<Cow<'a, str>> {
        self.at += 1;
        let plain = self.plain()?;
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut out = plain.to_owned();
        while self.byte() == Some(b'\\') {
            out.push(self.escape()?);
            out.push_str(self.plain()?);
        }
        self.at += 1;
        Ok(Cow::Owned(out))
    }

    /// The part of a string up to the next quote or backslash.
    fn plain(&mut self) -> Parsed<&'a str> {
        let start = self.at;
        self.at += plain_length(self.source.as_bytes().get(start..).unwrap_or_default());
        match self.byte() {
            Some(b'"' | b'\\') => Ok(self.source.get(start..self.at).unwrap_or_default()),
            Some(_) => Err(self.malformed("a control character stands in a text", "write it as an escape")),
            None => Err(self.malformed("a text has no closing quote", "check that the record is whole")),
        }
    }

    /// An escape whose backslash comes next.
    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        self.at += 2;
        let escape = self.source.as_bytes().get(start + 1).copied();
        let found = match escape {
            Some(plain @ (b'"' | b'\\' | b'/')) => Some(char::from(plain)),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(b'u') => self.unicode(),
            _ => None,
        };
        let problem = match found {
            Some('\0') => "a text holds NUL",
            Some(char) => return Ok(char),
            None => "an escape is not one that JSON knows",
        };
        self.at = start;
        Err(self.malformed(problem, "send text that is valid Unicode without NUL"))
    }

    /// The character of `\uXXXX`, or of a surrogate pair of them; the first `\u` is taken.
    fn unicode(&mut self) -> Option<char> {
        let unit = self.hex()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        let next = self.source.get(self.at..)?.starts_with("\\u");
        if !next {
            return None;
        }
        self.at += 2;
        let low = self.hex().filter(|low| (0xdc00..0xe000).contains(low))?;
        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.source.get(self.at..self.at + 4)?;
        // from_str_radix would take a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn byte(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    #[cold]
    fn missing(&mut self, what: &str) -> Fault {
        match self.peek() {
            Some(_) => self.malformed(&format!("{what} is expected here"), "send valid JSON"),
            None => {
                self.malformed(&format!("the text ends where {what} is expected"), "check that it is whole")
            }
        }
    }

    #[cold]
    pub(crate) fn malformed(&self, message: &str, remedy: &'static str) -> Fault {
        Fault(Box::new(JsonError {
            offset: self.at,
            pointer: String::new(),
            code: Code::Malformed,
            message: message.to_owned(),
            remedy,
        }))
    }
}

/// Bytes before the first quote, backslash or control character; eight at a time, as most texts have none for long.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let whole = words.iter().take_while(|word| !has_special(u64::from_le_bytes(**word))).count() * 8;
    let rest = bytes.get(whole..).unwrap_or_default();
    whole + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len())
}

/// Whether one of eight bytes is special: `(x - n) & !x & 0x80` is set in a byte only if it, or one below it, is less than n.
fn has_special(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) != 0
}

impl Fault {
    /// The error itself.
    pub(crate) fn into_error(self) -> JsonError {
        *self.0
    }

    /// The same error seen from one level further out (RFC 6901).
    fn inside(mut self, step: &str) -> Self {
        let step = step.replace('~', "~0").replace('/', "~1");
        self.0.pointer.insert_str(0, &format!("/{step}"));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String, Code) {
        let error = parse_json(text.as_bytes()).unwrap_err();
        (error.offset, error.pointer, error.code)
    }

    #[test]
    fn numbers_never_lose_a_digit() {
        let number = |text: &str| parse_json(text.as_bytes()).unwrap();
        assert_eq!(number("9223372036854775807"), Value::Int(i64::MAX));
        assert_eq!(number("-9223372036854775808"), Value::Int(i64::MIN));
        assert_eq!(number("18446744073709551615"), Value::Decimal("18446744073709551615".into()));
        assert_eq!(number("0.10"), Value::Decimal("0.1".into()));
        assert_eq!(number("1e3"), Value::Int(1000));
        assert_eq!(number("2.50E-3"), Value::Decimal("0.0025".into()));
        assert_eq!(number("1e999"), Value::Text("1e999".into()));
        assert_eq!(number("-0"), Value::Int(0));
    }

    #[test]
    fn faults_are_named_with_place_and_pointer() {
        assert_eq!(fault(r#"{"a":[1,{"b/c":tru}]}"#), (15, "/a/1/b~1c".into(), Code::Malformed));
        assert_eq!(fault(r#"{"a":1,"b":2,"a":3}"#), (13, "/a".into(), Code::DuplicateKey));
        assert_eq!(fault(r#"[{"x":{"k":1, "k":1}}]"#), (14, "/0/x/k".into(), Code::DuplicateKey));
        assert_eq!(fault(r#"{"a":"\u0000"}"#), (6, "/a".into(), Code::Malformed));
        assert_eq!(fault(r#"{"a":"\ud800x"}"#), (6, "/a".into(), Code::Malformed));
        assert_eq!(fault("{\"a\":\"x\ny\"}"), (7, "/a".into(), Code::Malformed));
        assert_eq!(fault(r#"{"a":1"#), (6, String::new(), Code::Malformed));
        assert_eq!(fault("1 2"), (2, String::new(), Code::Malformed));
        assert_eq!(fault("01"), (0, String::new(), Code::Malformed));
        assert_eq!(fault(""), (0, String::new(), Code::Malformed));
        assert_eq!(parse_json(b"\"\xff\"").unwrap_err().offset, 1);
    }

    #[test]
    fn depth_is_bounded() {
        let nest = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(parse_json(nest(MAX_DEPTH).as_bytes()).unwrap().depth(), MAX_DEPTH);
        assert_eq!(fault(&nest(MAX_DEPTH + 1)).0, MAX_DEPTH);
        assert_eq!(fault(&"[".repeat(100_000)).0, MAX_DEPTH);
    }

    #[test]
    fn escapes_are_resolved() {
        let text = parse_json(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é""#.as_bytes()).unwrap();
        assert_eq!(text, Value::Text("\"\\/\u{8}\u{c}\n\r\té😀 é".into()));
    }
}
