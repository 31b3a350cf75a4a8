//! JSON records one per line, as a JSON list, or in a list under a wrapper's name (CloudTrail's `{"Records":[…]}`).
//!
//! After a faulty line the next line is read; a faulty list ends there, since nothing tells where its next
//! element begins.

use std::ops::Range;

use crate::json::{Parsed, Parser, utf8};
use crate::lines::bom;
use crate::{Code, DecodeError, JsonError, Lines, MAX_RECORD_BYTES, Raw, parse_json};
use indelible_event::MAX_DEPTH;

/// Iterates the records of an input.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    shape: Shape<'a>,
}

#[derive(Debug)]
enum Shape<'a> {
    Lines(Lines<'a>),
    List { parser: Parser<'a>, row: u64, around: Around },
    Failed(Option<DecodeError>),
}

/// Whether a wrapper may have other members than its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// They are read over.
    Anything,
    /// They are refused, so that a misspelt one cannot pass.
    Nothing,
}

/// What encloses the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Around {
    /// An object with one list, and others' members beside it or not.
    Wrapper(Beside),
    /// Brackets.
    Brackets,
    /// Nothing: values follow one another.
    Nothing,
}

impl<'a> Records<'a> {
    /// Records of `bytes`. With `wrapper`, an object that has a list under that name stands for the list's elements.
    pub fn new(bytes: &'a [u8], wrapper: Option<(&str, Beside)>) -> Self {
        let start = bom(bytes);
        let rest = bytes.get(start..).unwrap_or_default().trim_ascii_start();
        let shape = match rest.first() {
            Some(b'[') => Self::list(bytes, None),
            Some(b'{') => match wrapper.filter(|(name, _)| opens_with(rest, name)) {
                Some((_, beside)) => Self::list(bytes, Some(beside)),
                None if spread(rest) => Self::list(bytes, None),
                None => Shape::Lines(Lines::new(bytes)),
            },
            _ => Shape::Lines(Lines::new(bytes)),
        };
        Self { bytes, shape }
    }

    /// The lines that are left, if each is one record.
    pub(crate) fn lines(&self) -> Option<Lines<'a>> {
        match &self.shape {
            Shape::Lines(lines) => Some(lines.clone()),
            Shape::List { .. } | Shape::Failed(_) => None,
        }
    }

    /// A parser that stands before the first element.
    fn list(bytes: &'a [u8], wrapper: Option<Beside>) -> Shape<'a> {
        let start = bom(bytes);
        let text = match utf8(bytes.get(start..).unwrap_or_default()) {
            Ok(text) => text,
            Err(error) => return Shape::Failed(Some(locate(error.into_error(), 1, start))),
        };
        let mut parser = Parser::new(text);
        let around = match wrapper {
            Some(beside) => enter(&mut parser).map(|()| Around::Wrapper(beside)),
            None if parser.accept(b'[') => Ok(Around::Brackets),
            None => Ok(Around::Nothing),
        };
        match around {
            Ok(around) => Shape::List { parser, row: 0, around },
            Err(error) => Shape::Failed(Some(locate(error.into_error(), 1, start))),
        }
    }
}

/// The record that fills one line of an input: where the line stands there, and its number.
pub fn json_line(input: &[u8], row: u64, range: Range<usize>) -> Result<Raw, DecodeError> {
    if range.len() > MAX_RECORD_BYTES {
        return Err(too_large(row, range.start, range.len()));
    }
    let line = input.get(range.clone()).unwrap_or_default();
    let value = parse_json(line).map_err(|error| locate(error, row, range.start))?;
    Ok(Raw { row, bytes: range, value })
}

/// Whether the object's first member has this name and is a list: what log files do, and cheap to see.
fn opens_with(rest: &[u8], name: &str) -> bool {
    let mut parts = rest.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    for part in ["\"", name, "\""] {
        parts = parts.and_then(|rest| rest.strip_prefix(part.as_bytes()));
    }
    let colon = parts.map(<[u8]>::trim_ascii_start).and_then(|rest| rest.strip_prefix(b":"));
    colon.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"["))
}

/// Whether one object is spread over several lines, as pretty printers do.
fn spread(rest: &[u8]) -> bool {
    let first = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.len() < rest.len() && first.trim_ascii() == b"{"
}

/// Takes what `opens_with` has seen.
fn enter(parser: &mut Parser<'_>) -> Parsed<()> {
    parser.expect(b'{')?;
    parser.key()?;
    parser.expect(b'[')
}

pub(crate) fn locate(error: JsonError, row: u64, base: usize) -> DecodeError {
    DecodeError {
        row,
        offset: base + error.offset,
        pointer: error.pointer,
        code: error.code,
        message: error.message,
        remedy: error.remedy,
    }
}

/// The error for a record larger than an event may be.
pub(crate) fn too_large(row: u64, offset: usize, length: usize) -> DecodeError {
    DecodeError {
        row,
        offset,
        pointer: String::new(),
        code: Code::TooLarge,
        message: format!("the record has {length} bytes, at most {MAX_RECORD_BYTES} are taken"),
        remedy: "send what belongs to one act as one record, and attachments elsewhere",
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Raw, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.shape {
            Shape::Lines(lines) => {
                let (row, range) = lines.next()?;
                Some(json_line(self.bytes, row, range))
            }
            Shape::List { .. } => {
                let next = self.element();
                if matches!(
                    next,
                    None | Some(Err(DecodeError { code: Code::Malformed | Code::DuplicateKey, .. }))
                ) {
                    self.shape = Shape::Failed(None);
                }
                next
            }
            Shape::Failed(error) => error.take().map(Err),
        }
    }
}

impl Records<'_> {
    fn element(&mut self) -> Option<Result<Raw, DecodeError>> {
        let base = bom(self.bytes);
        let Shape::List { parser, row, around } = &mut self.shape else { return None };
        let more = match (*around, *row) {
            (Around::Nothing, _) => Ok(parser.peek().is_some()),
            (_, 0) => Ok(!parser.accept(b']')),
            _ => parser.another(b']'),
        };
        match more.and_then(|more| if more { Ok(true) } else { close(parser, *around).map(|()| false) }) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(locate(error.into_error(), *row, base))),
        }
        *row += 1;
        parser.peek();
        let start = base + parser.at();
        let value = match parser.value(MAX_DEPTH) {
            Ok(value) => value,
            Err(error) => return Some(Err(locate(error.into_error(), *row, base))),
        };
        let range = start..base + parser.at();
        if range.len() > MAX_RECORD_BYTES {
            return Some(Err(too_large(*row, range.start, range.len())));
        }
        Some(Ok(Raw { row: *row, bytes: range, value }))
    }
}

/// Reads what follows a list: the wrapper's other members, then nothing.
fn close(parser: &mut Parser<'_>, around: Around) -> Parsed<()> {
    if let Around::Wrapper(beside) = around {
        while parser.another(b'}')? {
            if beside == Beside::Nothing {
                return Err(parser.malformed("more stands beside the list of events", "send the list alone"));
            }
            parser.key()?;
            parser.value(MAX_DEPTH)?;
        }
    }
    parser.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, wrapper: Option<(&str, Beside)>) -> Vec<String> {
        Records::new(text.as_bytes(), wrapper)
            .map(|raw| match raw {
                Ok(raw) => format!("{} {}", raw.row, &text[raw.bytes]),
                Err(error) => {
                    format!("{} {} @{}{}", error.row, error.code.as_str(), error.offset, error.pointer)
                }
            })
            .collect()
    }

    #[test]
    fn lines_go_on_after_a_fault() {
        assert_eq!(
            rows("{\"a\":1}\n\n{\"a\":}\r\n{\"b\":2}\r\n", None),
            ["1 {\"a\":1}", "3 request_malformed @14/a", "4 {\"b\":2}"]
        );
    }

    #[test]
    fn wrappers_lists_and_pretty_printing_are_seen_through() {
        let records = Some(("Records", Beside::Anything));
        assert_eq!(
            rows(r#"{"Records": [{"a":1} , {"a":2}], "x": 0}"#, records),
            ["1 {\"a\":1}", "2 {\"a\":2}"]
        );
        assert_eq!(rows(r#"{"Records":[]}"#, records), Vec::<String>::new());
        let alone = Some(("Records", Beside::Nothing));
        assert_eq!(rows(r#"{"Records":[1] }"#, alone), ["1 1"]);
        assert_eq!(rows(r#"{"Records":[1],"x":0}"#, alone), ["1 1", "1 request_malformed @15"]);
        assert_eq!(rows(r#"{"Records":[{"a":1}]} x"#, records).last().unwrap(), "1 request_malformed @22");
        assert_eq!(rows(r#"{"Records":[{"a":1},{]}"#, records).last().unwrap(), "2 request_malformed @21");
        assert_eq!(rows(r#"{"Records":[{"a":1}]}"#, None), [r#"1 {"Records":[{"a":1}]}"#]);
        assert_eq!(rows("[1,\n2]", None), ["1 1", "2 2"]);
        assert_eq!(rows("{\n \"a\": 1\n}\n{\n}", None), ["1 {\n \"a\": 1\n}", "2 {\n}"]);
    }

    #[test]
    fn an_oversized_record_is_refused_alone() {
        let big = format!("\"{}\"\n1\n", "x".repeat(MAX_RECORD_BYTES));
        assert_eq!(rows(&big, None), ["1 event_too_large @0", "2 1"]);
        let big = format!("[\"{}\",1]", "x".repeat(MAX_RECORD_BYTES));
        assert_eq!(rows(&big, None), ["1 event_too_large @1", "2 1"]);
    }
}
