//! What somebody is about to write at a place in a query: a field's name or one of its values.
//!
//! Reads text that is not finished, so it takes nothing for wrong; what it finds is an offer and never a query. Which
//! values there are is for the caller to know.

use std::ops::Range;

use crate::ast::FieldRef;
use crate::fields::ValueKind;
use crate::print::fits;
use crate::quoting::{is_plain, quoted};

/// What is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A field's name, or a word of free text: what there is of it.
    Name(String),
    /// A value of this field: what there is of it, without quotes.
    Value(FieldRef, String),
}

/// A place in a query text that something can be put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is being written.
    pub part: Part,
    /// Bytes of the text that an offer replaces.
    pub range: Range<usize>,
    /// The text without the term that is being written: what narrows the offers. It may be no query.
    pub rest: String,
}

impl Completion {
    /// What is being written at a byte of a text; at its end when it is shorter. `None` behind a name that is no field.
    pub fn at(text: &str, at: usize) -> Option<Self> {
        let at = text.floor_char_boundary(at);
        let start = term_start(text.get(..at)?);
        let end = at + term_end(text.get(start..at)?, text.get(at..)?);
        let rest = format!("{} {}", text.get(..start)?.trim_end(), text.get(end..)?.trim_start());
        let rest = rest.trim().to_owned();
        let sign = text.get(start..at)?.bytes().take_while(|&byte| byte == b'-').count();
        let (start, written) = (start + sign, text.get(start + sign..at)?);
        let Some((name, values)) = split_field(written) else {
            return Some(Self { part: Part::Name(written.to_owned()), range: start..end, rest });
        };
        let field = FieldRef::named(name)?;
        let last = values.rfind(',').filter(|_| !values.starts_with('"')).map_or(0, |comma| comma + 1);
        let value = values.get(last..)?;
        let begin = at - value.len();
        let value = value.trim_matches('"').to_owned();
        Some(Self { part: Part::Value(field, value), range: begin..end, rest })
    }
}

/// A value as it is written behind a field's colon.
pub fn spelled(field: &FieldRef, value: &str) -> String {
    let kind = field.def.kind;
    let plain = matches!(kind, ValueKind::Time | ValueKind::Bound) || (is_plain(value) && fits(kind, value));
    if plain { value.to_owned() } else { quoted(value) }
}

/// Where the term begins that the text ends in.
fn term_start(text: &str) -> usize {
    let (mut start, mut in_quotes, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            _ if !in_quotes && (c.is_whitespace() || c == '(') => start = at + c.len_utf8(),
            _ => {}
        }
    }
    start
}

/// How far the term goes on behind the place; inside quotes up to the one that closes them.
fn term_end(before: &str, after: &str) -> usize {
    let mut in_quotes = before.matches('"').count() % 2 == 1;
    for (at, c) in after.char_indices() {
        match c {
            '"' => in_quotes = !in_quotes,
            _ if !in_quotes && (c.is_whitespace() || c == ')' || c == '(') => return at,
            _ => {}
        }
    }
    after.len()
}

/// A term's name and what stands behind the colon.
fn split_field(term: &str) -> Option<(&str, &str)> {
    let (name, values) = term.split_once(':')?;
    (!name.starts_with('"')).then_some((name, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: (&str, &str, &str)) {
        let at = text.find('|').unwrap();
        let found = Completion::at(&text.replace('|', ""), at).unwrap();
        let part = match &found.part {
            Part::Name(prefix) => format!("name {prefix}"),
            Part::Value(field, prefix) => format!("{field} {prefix}"),
        };
        let (range, whole) = (found.range.clone(), text.replace('|', ""));
        assert_eq!((part.as_str(), &whole[range], found.rest.as_str()), expected, "{text}");
    }

    #[test]
    fn the_term_at_the_place_is_found() {
        check("|", ("name ", "", ""));
        check("act|", ("name act", "act", ""));
        check("catalog:netop -act| crude:D", ("name act", "act", "catalog:netop crude:D"));
        check("catalog:net|", ("catalog net", "net", ""));
        check("catalog:netop,op| crude:D", ("catalog op", "op", "crude:D"));
        check("(code:1 OR tool:us|er) x", ("group us", "user", "(code:1 OR ) x"));
        check("actor:\"jane d|oe\" x", ("actor jane d", "\"jane doe\"", "x"));
        check("param.host.na|", ("name param.host.na", "param.host.na", ""));
        check("param.host.name:PC|", ("param.host.name PC", "PC", ""));
        assert_eq!(Completion::at("acter:x", 7), None);
        assert!(Completion::at("é\"", 99).is_some());
    }

    #[test]
    fn offers_are_written_as_the_parser_reads_them() {
        let field = |name: &str| FieldRef::named(name).unwrap();
        assert_eq!(spelled(&field("actor"), "ann"), "ann");
        assert_eq!(spelled(&field("actor"), "Ann Lee"), "\"Ann Lee\"");
        assert_eq!(spelled(&field("outcome"), "odd"), "\"odd\"");
    }
}
