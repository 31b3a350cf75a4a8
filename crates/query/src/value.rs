//! Turns the text after a field's colon into a test, and says what is wrong with it.

use std::cmp::Ordering;

use crate::ast::{FieldRef, Scalar, Test};
use crate::diagnostic::{Code, Diagnostic, Suggestion, nearest};
use crate::fields::ValueKind;
use crate::number::{Number, is_digits};
use crate::pattern::Pattern;
use crate::print::fits;
use crate::quoting::{is_plain, quoted};
use crate::scan::{LITERALLY, Piece, Scan, suggest};
use crate::time::{Clock, TimeExpr};

const TIME_WORDS: [&str; 10] = [
    "now",
    "today",
    "yesterday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// An operator before a value.
#[derive(Clone, Copy, PartialEq)]
enum Compare {
    Above,
    From,
    Below,
    To,
}

/// Reads one value of a field.
pub(crate) fn read_value(scan: &mut Scan<'_>, field: &FieldRef, clock: &Clock) -> Result<Test, Diagnostic> {
    let start = scan.at;
    let compare = [(">=", Compare::From), ("<=", Compare::To), (">", Compare::Above), ("<", Compare::Below)]
        .into_iter()
        .find_map(|(token, compare)| scan.eat(token).then_some(compare));
    let first = scan.piece()?;
    let range = scan.eat("..");
    let second = if range { Some(scan.piece()?) } else { None };
    let reader = Reader { field, clock, start };
    reader.check_end(scan)?;
    let whole = Piece { text: scan.between(start, scan.at).to_owned(), quoted: false, start, end: scan.at };
    let test = match (compare, second) {
        (_, None) if first.is_absent() => Err(reader.missing(&whole)),
        (None, None) => reader.single(&first),
        (None, Some(second)) => reader.range(&whole, &first, &second),
        (Some(_), Some(_)) => Err(reader.malformed(&whole)),
        (Some(compare), None) => reader.compare(&whole, compare, &first),
    }?;
    reader.check_operator(&whole, &test)?;
    Ok(test)
}

struct Reader<'a> {
    field: &'a FieldRef,
    clock: &'a Clock,
    start: usize,
}

impl Reader<'_> {
    fn kind(&self) -> ValueKind {
        self.field.def.kind
    }

    /// What may always stand instead of a wrong value.
    fn instead(&self, text: &str) -> Vec<Suggestion> {
        match self.kind() {
            ValueKind::Bound => vec![suggest("did you mean", "today")],
            ValueKind::Time => vec![suggest("did you mean", "today"), suggest("any value", "*")],
            _ => vec![suggest(LITERALLY, quoted(text)), suggest("any value", "*")],
        }
    }

    fn check_end(&self, scan: &Scan<'_>) -> Result<(), Diagnostic> {
        let (code, message) = match scan.peek() {
            _ if scan.at_end_of_value() => return Ok(()),
            Some(b'"') => {
                (Code::QuoteMisplaced, "a quotation mark inside a value; the whole value belongs in quotes")
            }
            Some(b'(') => (
                Code::ParenMisplaced,
                "a value cannot hold parentheses; write a list with commas, or quote it",
            ),
            _ if scan.rest().starts_with("..") => {
                (Code::RangeMalformed, "a range has two ends, with .. between them")
            }
            _ => (Code::QuoteMisplaced, "text right after a closing quotation mark"),
        };
        let mut end = Scan { at: self.start, ..*scan }.term_end().max(scan.at);
        let rest = scan.between(self.start, scan.text.len());
        if let Some(close) = rest.find(')').filter(|_| rest.starts_with('(')) {
            end = self.start + close + 1;
        }
        let text = scan.between(self.start, end).to_owned();
        let mut suggestions = self.instead(&text);
        let list: Vec<String> = text
            .trim_start_matches('(')
            .trim_end_matches(')')
            .split_whitespace()
            .filter(|word| *word != "OR")
            .map(
                |word| if is_plain(word) && fits(self.kind(), word) { word.to_owned() } else { quoted(word) },
            )
            .collect();
        if text.starts_with('(')
            && !list.is_empty()
            && !matches!(self.kind(), ValueKind::Time | ValueKind::Bound)
        {
            suggestions.insert(0, suggest("any of these", list.join(",")));
        }
        let whole = Piece { text, quoted: false, start: self.start, end };
        Err(whole.wrong(code, message, suggestions))
    }

    fn missing(&self, whole: &Piece) -> Diagnostic {
        let fill = if self.kind() == ValueKind::Bound { "today" } else { "*" };
        let message = format!("{} has no value", self.field);
        whole.wrong(Code::ValueMissing, message, vec![suggest("any value", fill)])
    }

    fn malformed(&self, whole: &Piece) -> Diagnostic {
        let message = "a range has one or two ends, with .. between them, and no comparison";
        whole.wrong(Code::RangeMalformed, message, self.instead(&whole.text))
    }

    fn single(&self, piece: &Piece) -> Result<Test, Diagnostic> {
        if !piece.quoted && piece.text.chars().all(|c| c == '*') {
            return Ok(Test::Present);
        }
        if piece.quoted || !piece.text.contains(['*', '?']) {
            let scalar = self.scalar(piece)?;
            let relative = matches!(&scalar, Scalar::Time(time) if time.is_instant());
            if relative && self.kind() == ValueKind::Time {
                let since = suggest("since then", format!("{}..", piece.text));
                let message = format!("{} is one instant; a range has two dots", piece.text);
                return Err(piece.wrong(Code::TimeNeedsRange, message, vec![since]));
            }
            return Ok(Test::Is(scalar));
        }
        let unreadable = || {
            piece.wrong(
                Code::RegexReserved,
                "regular expressions are not available",
                self.instead(&piece.text),
            )
        };
        Pattern::new(&piece.text).map(Test::Like).ok_or_else(unreadable)
    }

    fn range(&self, whole: &Piece, first: &Piece, second: &Piece) -> Result<Test, Diagnostic> {
        if second.text.contains("..") && !second.quoted || first.is_absent() && second.is_absent() {
            return Err(self.malformed(whole));
        }
        if second.is_absent() {
            return Ok(Test::From(self.bound(first)?));
        }
        if first.is_absent() {
            return Ok(Test::To(self.bound(second)?));
        }
        let (from, to) = (self.bound(first)?, self.bound(second)?);
        if self.is_reversed(&from, &to) {
            let text = |piece: &Piece| if piece.quoted { quoted(&piece.text) } else { piece.text.clone() };
            let swapped = format!("{}..{}", text(second), text(first));
            let message = format!("{} comes after {}", text(first), text(second));
            return Err(whole.wrong(
                Code::RangeReversed,
                message,
                vec![suggest("the other way round", swapped)],
            ));
        }
        Ok(Test::Between(from, to))
    }

    fn compare(&self, whole: &Piece, compare: Compare, piece: &Piece) -> Result<Test, Diagnostic> {
        if !piece.quoted && piece.text.starts_with(['<', '>', '=']) {
            return Err(whole.wrong(
                Code::RangeMalformed,
                "known are >, >=, < and <=",
                self.instead(&whole.text),
            ));
        }
        let scalar = self.bound(piece)?;
        Ok(match compare {
            Compare::Above => Test::Above(scalar),
            Compare::From => Test::From(scalar),
            Compare::Below => Test::Below(scalar),
            Compare::To => Test::To(scalar),
        })
    }

    /// One end of a range or comparison.
    fn bound(&self, piece: &Piece) -> Result<Scalar, Diagnostic> {
        if !piece.quoted && piece.text.contains(['*', '?']) && self.kind().is_ordered() {
            let message = "a range or comparison takes no wildcard";
            let suggestions =
                if self.kind() == ValueKind::Time { "today".to_owned() } else { quoted(&piece.text) };
            return Err(piece.wrong(Code::PatternNotHere, message, vec![suggest(LITERALLY, suggestions)]));
        }
        if self.kind().is_ordered() {
            return self.scalar(piece);
        }
        // The operator will be refused as a whole; the value's own faults do not matter.
        Ok(Scalar::Text(piece.text.clone()))
    }

    fn scalar(&self, piece: &Piece) -> Result<Scalar, Diagnostic> {
        if matches!(self.kind(), ValueKind::Time | ValueKind::Bound) {
            return self.time(piece).map(Scalar::Time);
        }
        let text = piece.text.as_str();
        if !piece.quoted && text.len() > 1 && text.starts_with('/') && text.ends_with('/') {
            let message = "regular expressions are not available";
            return Err(piece.wrong(Code::RegexReserved, message, self.instead(text)));
        }
        if piece.quoted || fits(self.kind(), text) {
            return Ok(Scalar::Text(text.to_owned()));
        }
        let name = self.field.def.name;
        Err(match self.kind() {
            ValueKind::Integer => {
                piece.wrong(Code::ValueNotNumber, format!("{name} is a whole number"), self.instead(text))
            }
            ValueKind::Address => {
                let message =
                    format!("{name} is an IP address, a network such as 10.0.0.0/8, or quoted text");
                piece.wrong(Code::ValueNotAddress, message, self.instead(text))
            }
            kind => {
                let near = nearest(text, kind.words().iter().copied());
                let words = if near.is_empty() { kind.words().to_vec() } else { near };
                let mut suggestions: Vec<_> =
                    words.iter().map(|word| suggest("did you mean", *word)).collect();
                suggestions.push(suggest(LITERALLY, quoted(text)));
                let message = format!("{name} is one of {}", kind.words().join(", "));
                piece.wrong(Code::ValueUnknown, message, suggestions)
            }
        })
    }

    fn time(&self, piece: &Piece) -> Result<TimeExpr, Diagnostic> {
        let parsed = TimeExpr::parse(&piece.text);
        if let Some(time) = parsed.filter(|time| time.interval(self.clock).is_some()) {
            return Ok(time);
        }
        let near = nearest(&piece.text, TIME_WORDS.into_iter());
        let mut suggestions: Vec<_> = near.into_iter().map(|word| suggest("did you mean", word)).collect();
        suggestions.push(suggest("did you mean", "today"));
        let message = if parsed.is_some() {
            "the time lies beyond the calendar"
        } else {
            "times are written 2026-11-21, 2026-11-21T14:03:22Z, 2026-W47, @1700000000, today, friday or -3h"
        };
        Err(piece.wrong(Code::TimeUnknown, message, suggestions))
    }

    fn is_reversed(&self, from: &Scalar, to: &Scalar) -> bool {
        match (from, to) {
            (Scalar::Time(from), Scalar::Time(to)) => {
                let start = |time: &TimeExpr| time.interval(self.clock).map(|interval| interval.start);
                start(from) > start(to)
            }
            (Scalar::Text(from), Scalar::Text(to)) => self.text_order(from, to) == Some(Ordering::Greater),
            _ => false,
        }
    }

    fn text_order(&self, from: &str, to: &str) -> Option<Ordering> {
        match self.kind() {
            ValueKind::Level(words) => {
                let level = |text: &str| words.iter().position(|word| word.eq_ignore_ascii_case(text));
                Some(level(from)?.cmp(&level(to)?))
            }
            ValueKind::Code => {
                (is_digits(from) && is_digits(to)).then(|| (from.len(), from).cmp(&(to.len(), to)))
            }
            _ => Some(Number::parse(from)?.cmp(&Number::parse(to)?)),
        }
    }

    /// Refuses an operator that has no meaning on the field.
    fn check_operator(&self, whole: &Piece, test: &Test) -> Result<(), Diagnostic> {
        let kind = self.kind();
        let (allowed, operator) = match test {
            Test::Is(_) => (true, ""),
            Test::Present => (kind != ValueKind::Bound, "*"),
            Test::Like(_) => (kind.takes_patterns(), "wildcards"),
            _ => (kind.is_ordered(), "ranges and comparisons"),
        };
        if allowed {
            return Ok(());
        }
        let message = format!("{} takes no {operator}", self.field);
        let mut suggestions = self.instead(&whole.text);
        if kind == ValueKind::Bound {
            let times = whole.text.split("..").map(|text| text.trim_start_matches(['<', '>', '=']));
            let known = times
                .filter(|text| TimeExpr::parse(text).is_some_and(|time| time.interval(self.clock).is_some()));
            suggestions.splice(0..0, known.map(|time| suggest("did you mean", time)));
        }
        Err(whole.wrong(Code::OperatorNotForField, message, suggestions))
    }
}
