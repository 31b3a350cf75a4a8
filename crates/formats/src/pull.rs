//! JSON read piece by piece, for a caller that knows what it wants and keeps no tree of it.
//!
//! It never says what is wrong: `None` means that the text is not JSON there, or not what was asked for, and that
//! [`crate::parse_json`] must be asked about the whole text. It takes nothing that `parse_json` refuses, except names
//! that appear twice in an object the caller walks itself.

use std::borrow::Cow;

use indelible_event::{MAX_DEPTH, Value};

use crate::json::{Parser, utf8};

/// A place in a JSON text.
#[derive(Debug)]
pub struct Pull<'a> {
    parser: Parser<'a>,
    /// Levels that a value here may still have.
    depth: usize,
    /// No member of the innermost object was read yet.
    first: bool,
}

impl<'a> Pull<'a> {
    /// Before the first value of a text.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { parser: Parser::new(utf8(bytes).ok()?), depth: MAX_DEPTH, first: false })
    }

    /// Goes into the object that comes next; its members are to be read with [`Pull::name`].
    pub fn enter(&mut self) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        self.first = true;
        self.parser.accept(b'{').then_some(())
    }

    /// The name of the next member, whose value comes next; inside, `None` at the end of the object.
    pub fn name(&mut self) -> Option<Option<Cow<'a, str>>> {
        let more = if std::mem::take(&mut self.first) {
            !self.parser.accept(b'}')
        } else {
            self.parser.another(b'}').ok()?
        };
        if more {
            return self.parser.name().ok().map(Some);
        }
        self.depth += 1;
        Some(None)
    }

    /// Takes null, if it comes next.
    pub fn null(&mut self) -> bool {
        self.parser.peek() == Some(b'n') && self.parser.value(0).is_ok()
    }

    /// Whether a text comes next.
    pub fn at_text(&mut self) -> bool {
        self.parser.peek() == Some(b'"')
    }

    /// The text that comes next.
    pub fn text(&mut self) -> Option<Cow<'a, str>> {
        if self.at_text() { self.parser.text().ok() } else { None }
    }

    /// Whatever value comes next.
    pub fn value(&mut self) -> Option<Value> {
        self.parser.value(self.depth).ok()
    }

    /// Nothing but white space may follow.
    pub fn finish(mut self) -> Option<()> {
        self.parser.finish().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an object and the objects in it, their names joined with dots.
    fn read(json: &mut Pull<'_>, head: &str, out: &mut Vec<String>) -> Option<()> {
        json.enter()?;
        while let Some(name) = json.name()? {
            let path = format!("{head}{name}");
            if json.null() {
                out.push(format!("{path} null"));
            } else if json.at_text() {
                out.push(format!("{path} {}", json.text()?));
            } else if json.parser.peek() == Some(b'{') {
                read(json, &format!("{path}."), out)?;
            } else {
                out.push(format!("{path} {:?}", json.value()?));
            }
        }
        Some(())
    }

    fn lines(text: &str) -> Option<Vec<String>> {
        let mut out = Vec::new();
        let mut json = Pull::new(text.as_bytes())?;
        read(&mut json, "", &mut out)?;
        json.finish()?;
        Some(out)
    }

    #[test]
    fn members_come_in_their_order() {
        let found =
            lines(r#" {"a":{"b":"x\n","c":{}} , "d\u0065":[1,{"e":2}],"f":null,"g":{"h":7}} "#).unwrap();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        let [text, list, null, number] = found[..] else { panic!("{found:?}") };
        assert_eq!((text, null, number), ("a.b x\n", "f null", "g.h Int(7)"));
        assert!(list.starts_with("de List"), "{list}");
    }

    #[test]
    fn whatever_is_no_json_is_none() {
        for text in
            ["", "[]", "{", r#"{"a"}"#, r#"{"a":1,}"#, r#"{"a":1}x"#, r#"{"a":"\u0000"}"#, r#"{"a":tru}"#]
        {
            assert_eq!(lines(text), None, "{text}");
        }
        assert!(Pull::new(b"\xff").is_none());
        let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(lines(&deep(MAX_DEPTH)).is_some());
        assert!(lines(&deep(MAX_DEPTH + 1)).is_none());
    }
}
