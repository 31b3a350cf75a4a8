//! The grammar: text to tree. Every mistake is answered with its place and something valid to write instead; an
//! unknown field is never silently text.

use crate::address::Network;
use crate::ast::{EventQuery, FieldRef, FieldTerm, Node, TextTerm};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::fields::{ValueKind, field, fields};
use crate::pattern::Pattern;
use crate::quoting::{KEYWORDS, is_invisible, quoted};
use crate::scan::{LEAVE_OUT, LITERALLY, SEARCH_TEXT, Scan, hidden_message, is_space, suggest};
use crate::time::Clock;
use crate::value::read_value;

/// Longest query in a URL, in bytes: servers and proxies commonly refuse request lines beyond this.
pub const MAX_GET_BYTES: usize = 8 * 1024;
/// Longest query in a request's body, in bytes: room for a list of all codes of a catalog.
pub const MAX_POST_BYTES: usize = 64 * 1024;
/// Most words and values of one query: each costs time on every event.
pub const MAX_TERMS: usize = 256;
/// Deepest nesting of parentheses and negations: a person cannot follow more, and the stack is finite.
pub const MAX_DEPTH: usize = 32;
/// Shortest literal part of free text that begins with `*`: shorter ones match nearly everything, slowly.
pub const MIN_INFIX_CHARS: usize = 3;
/// Most mistakes answered at once.
const MAX_DIAGNOSTICS: usize = 16;

/// What reading a query depends on.
#[derive(Clone, Debug)]
pub struct Context {
    /// The present and the zone, to refuse times that do not exist.
    pub clock: Clock,
    /// Longest text in bytes: [`MAX_GET_BYTES`] or [`MAX_POST_BYTES`].
    pub max_bytes: usize,
    /// Names of parameters that catalogs declare, `scope.name`, for suggestions.
    pub parameters: Vec<String>,
}

impl Context {
    /// A context for queries in a request's body, without known parameters.
    pub fn new(clock: Clock) -> Self {
        Self { clock, max_bytes: MAX_POST_BYTES, parameters: Vec::new() }
    }
}

/// Reads a query.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text; never empty.
pub fn parse(text: &str, context: &Context) -> Result<EventQuery, Vec<Diagnostic>> {
    if text.len() > context.max_bytes {
        let message = format!("the query has {} bytes, at most {} are read", text.len(), context.max_bytes);
        let (offset, len) = (0, text.len());
        return Err(vec![Diagnostic {
            offset,
            len,
            code: Code::QueryTooLong,
            message,
            suggestions: Vec::new(),
        }]);
    }
    let mut parser =
        Parser { scan: Scan::new(text), context, terms: 0, stopped: false, diagnostics: Vec::new() };
    let mut nodes = Vec::new();
    loop {
        nodes.extend(parser.or(0));
        let at = parser.scan.at;
        if parser.stopped || !parser.scan.eat(")") {
            break;
        }
        parser.wrong((at, at + 1), Code::ParenUnexpected, "no parenthesis is open here", &[(LEAVE_OUT, "")]);
    }
    if parser.diagnostics.is_empty() {
        return Ok(EventQuery::from_conjuncts(nodes));
    }
    parser.diagnostics.sort_by_key(|diagnostic| diagnostic.offset);
    parser.diagnostics.truncate(MAX_DIAGNOSTICS);
    Err(parser.diagnostics)
}

struct Parser<'a> {
    scan: Scan<'a>,
    context: &'a Context,
    terms: usize,
    /// Set when the rest of the text has no meaning any more.
    stopped: bool,
    diagnostics: Vec<Diagnostic>,
}

impl Parser<'_> {
    fn wrong(
        &mut self,
        place: (usize, usize),
        code: Code,
        message: impl Into<String>,
        instead: &[(&str, &str)],
    ) {
        let suggestions = instead.iter().map(|(label, text)| suggest(label, *text)).collect();
        let (offset, len) = (place.0, place.1 - place.0);
        self.diagnostics.push(Diagnostic { offset, len, code, message: message.into(), suggestions });
    }

    /// Ends the reading.
    fn stop(&mut self) {
        self.stopped = true;
        self.scan.at = self.scan.text.len();
    }

    /// The keyword here, if one stands alone.
    fn keyword(&self) -> Option<&'static str> {
        let run = self.scan.rest().get(..self.scan.run(b"()")).unwrap_or("");
        KEYWORDS.into_iter().find(|keyword| *keyword == run)
    }

    fn or(&mut self, depth: usize) -> Option<Node> {
        let mut nodes = Vec::new();
        let mut dangling: Option<usize> = None;
        loop {
            let mistakes = self.diagnostics.len();
            let node = self.and(depth);
            let found = node.is_some() || self.diagnostics.len() > mistakes;
            nodes.extend(node);
            let at = self.scan.at;
            let more = !self.stopped && self.keyword() == Some("OR");
            if !found && (more || dangling.is_some()) {
                let at = if more { at } else { dangling.unwrap_or(at) };
                self.dangling(at, "OR");
            }
            if !more {
                break;
            }
            self.scan.at += "OR".len();
            dangling = Some(at);
        }
        (!nodes.is_empty()).then(|| Node::or(nodes))
    }

    fn dangling(&mut self, at: usize, keyword: &str) {
        let message = format!("{keyword} needs something to work on");
        let text = quoted(keyword);
        self.wrong(
            (at, at + keyword.len()),
            Code::OperandMissing,
            message,
            &[(LEAVE_OUT, ""), (SEARCH_TEXT, &text)],
        );
    }

    fn and(&mut self, depth: usize) -> Option<Node> {
        let mut nodes = Vec::new();
        // Whether something stands before, and where an AND waits for what follows.
        let (mut any, mut dangling) = (false, None);
        loop {
            self.scan.skip_space();
            let at = self.scan.at;
            if self.stopped || matches!(self.scan.peek(), None | Some(b')')) || self.keyword() == Some("OR") {
                break;
            }
            if self.keyword() == Some("AND") {
                self.scan.at += "AND".len();
                if !any || dangling.is_some() {
                    self.dangling(at, "AND");
                } else {
                    dangling = Some(at);
                }
                continue;
            }
            nodes.extend(self.unary(depth));
            (any, dangling) = (true, None);
        }
        if let Some(at) = dangling {
            self.dangling(at, "AND");
        }
        (!nodes.is_empty()).then(|| Node::and(nodes))
    }

    fn unary(&mut self, depth: usize) -> Option<Node> {
        let at = self.scan.at;
        if depth > MAX_DEPTH {
            let message = format!("at most {MAX_DEPTH} parentheses and negations may be nested");
            self.wrong((at, self.scan.text.len()), Code::QueryTooDeep, message, &[]);
            self.stop();
            return None;
        }
        let sign = if self.keyword() == Some("NOT") { "NOT" } else { "-" };
        if self.scan.eat(sign) {
            let spaced = self.scan.peek().is_some_and(is_space);
            self.scan.skip_space();
            let alone = matches!(self.scan.peek(), None | Some(b')'))
                || matches!(self.keyword(), Some("AND" | "OR"))
                || spaced && sign == "-";
            if alone {
                self.dangling(at, sign);
                return None;
            }
            return self.unary(depth + 1).map(Node::not);
        }
        match self.scan.peek() {
            Some(b'(') => self.group(depth),
            Some(b'"') => self.phrase(),
            _ => self.word(),
        }
    }

    fn group(&mut self, depth: usize) -> Option<Node> {
        let start = self.scan.at;
        let mistakes = self.diagnostics.len();
        self.scan.at += 1;
        let inner = self.or(depth + 1);
        if self.stopped {
            return None;
        }
        if !self.scan.eat(")") {
            let end = self.scan.text.len();
            let closed = format!("{})", self.scan.between(start, end));
            self.wrong(
                (start, end),
                Code::ParenOpen,
                "the parenthesis is not closed",
                &[("close it", &closed)],
            );
            self.stop();
            return None;
        }
        if inner.is_none() && self.diagnostics.len() == mistakes {
            let place = (start, self.scan.at);
            self.wrong(place, Code::GroupEmpty, "the parentheses hold nothing", &[(LEAVE_OUT, "")]);
        }
        inner
    }

    /// Counts a word or value; false when there are too many.
    fn count(&mut self, at: usize) -> bool {
        self.terms += 1;
        if self.terms == MAX_TERMS + 1 {
            let message = format!("at most {MAX_TERMS} words and values are read");
            self.wrong((at, self.scan.text.len()), Code::TermsTooMany, message, &[]);
            self.stop();
        }
        self.terms <= MAX_TERMS
    }

    fn phrase(&mut self) -> Option<Node> {
        let start = self.scan.at;
        let text = match self.scan.quoted() {
            Ok(text) => text,
            Err(diagnostic) => {
                let unclosed = diagnostic.code == Code::QuoteOpen;
                self.diagnostics.push(diagnostic);
                self.scan.at = Scan { at: start, ..self.scan }.term_end();
                if unclosed {
                    self.stop();
                }
                return None;
            }
        };
        if !self.scan.peek().is_none_or(|b| is_space(b) || b == b')') {
            let end = self.scan.term_end();
            let spaced = format!(
                "{} {}",
                self.scan.between(start, self.scan.at),
                self.scan.between(self.scan.at, end)
            );
            let literal = quoted(self.scan.between(start, end));
            let message = "text right after a closing quotation mark";
            let instead = [("put a space between", spaced.as_str()), (SEARCH_TEXT, literal.as_str())];
            self.wrong((start, end), Code::QuoteMisplaced, message, &instead);
            self.scan.at = end;
            return None;
        }
        if text.is_empty() {
            let place = (start, self.scan.at);
            self.wrong(place, Code::TextEmpty, "the quotes hold nothing to search for", &[(LEAVE_OUT, "")]);
            return None;
        }
        self.count(start).then_some(Node::Text(TextTerm::Words(text)))
    }

    fn word(&mut self) -> Option<Node> {
        let start = self.scan.at;
        if let Some(names) = self.field_names() {
            return self.field_term(start, &names);
        }
        self.scan.at = start;
        let end = self.scan.term_end().max(start + self.scan.run(b")"));
        let word = self.scan.between(start, end);
        self.scan.at = end;
        if let Some((code, message)) = word_mistake(word) {
            self.wrong((start, end), code, message, &[(SEARCH_TEXT, &quoted(word))]);
            return None;
        }
        if !word.contains(['*', '?']) {
            return self.count(start).then(|| Node::Text(TextTerm::Words(word.to_owned())));
        }
        let Some(pattern) = Pattern::new(word).filter(is_long_enough) else {
            let message = format!(
                "free text with wildcards needs a letter or digit, and {MIN_INFIX_CHARS} after a leading wildcard"
            );
            let instead = if word.contains(|c| c != '*' && c != '?') {
                vec![(LITERALLY, quoted(word))]
            } else {
                vec![(LEAVE_OUT, String::new()), (LITERALLY, quoted(word))]
            };
            let instead: Vec<_> = instead.iter().map(|(label, text)| (*label, text.as_str())).collect();
            self.wrong((start, end), Code::PatternTooShort, message, &instead);
            return None;
        };
        self.count(start).then_some(Node::Text(TextTerm::Like(pattern)))
    }

    /// Reads `name.name."name":`; `None`, at any place, when that is not what stands here.
    fn field_names(&mut self) -> Option<Vec<(String, bool)>> {
        let mut names = vec![(self.scan.name()?.to_owned(), false)];
        while self.scan.eat(".") {
            match self.scan.peek() {
                Some(b'"') => names.push((self.scan.quoted().ok()?, true)),
                Some(b':') => names.push((String::new(), false)),
                _ => names.push((self.scan.name()?.to_owned(), false)),
            }
        }
        self.scan.eat(":").then_some(names)
    }

    fn field_term(&mut self, start: usize, names: &[(String, bool)]) -> Option<Node> {
        let after_colon = self.scan.at;
        let end = self.scan.term_end();
        let Some(field) = resolve(names) else {
            self.unknown_field(start, after_colon, end);
            self.scan.at = end;
            return None;
        };
        let mut tests = Vec::new();
        loop {
            let at = self.scan.at;
            if let Err(diagnostic) = self.field_value(start, &field, &mut tests) {
                let place = diagnostic.offset + diagnostic.len;
                self.diagnostics.push(diagnostic);
                self.scan.at = Scan { at, ..self.scan }.term_end().max(self.scan.at).max(place);
                return None;
            }
            if self.stopped || !self.scan.eat(",") {
                break;
            }
            if field.def.kind == ValueKind::Bound {
                let message = format!("{} takes one time", field.def.name);
                let one = self.scan.between(start, self.scan.at - 1);
                self.wrong((start, end), Code::OperatorNotForField, message, &[("the first", one)]);
                self.scan.at = end;
                return None;
            }
        }
        (!self.stopped).then_some(Node::Field(FieldTerm { field, tests }))
    }

    fn field_value(
        &mut self,
        start: usize,
        field: &FieldRef,
        tests: &mut Vec<crate::ast::Test>,
    ) -> Result<(), Diagnostic> {
        let at = self.scan.at;
        if self.scan.at_end_of_value() {
            return Err(self.missing_value(start, field));
        }
        if self.count(at) {
            tests.push(read_value(&mut self.scan, field, &self.context.clock)?);
        }
        Ok(())
    }

    fn missing_value(&mut self, start: usize, field: &FieldRef) -> Diagnostic {
        let at = self.scan.at;
        let mut next = self.scan;
        next.skip_space();
        let run = next.rest().get(..next.run(b",)(\"")).unwrap_or("");
        let fill = if field.def.kind == ValueKind::Bound { "today" } else { "*" };
        let before = self.scan.between(start, at);
        let mut suggestions = vec![suggest("any value", format!("{before}{fill}"))];
        let (mut end, follows) = (at, next.at > at && !run.is_empty() && !run.contains(':'));
        if follows && !KEYWORDS.contains(&run) {
            end = next.at + run.len();
            let with = |joint: &str| format!("{before}{joint}{run}");
            suggestions =
                vec![suggest("without the space", with("")), suggest("any value", with(&format!("{fill} ")))];
        }
        // A comma right after the colon would be read as the end of another missing value.
        if self.scan.peek() == Some(b',') {
            self.scan.at += 1;
            suggestions = vec![suggest("any value", format!("{before}{fill},"))];
            end = at + 1;
        }
        let message = format!("{field} has no value");
        Diagnostic { offset: start, len: end - start, code: Code::ValueMissing, message, suggestions }
    }

    fn unknown_field(&mut self, start: usize, after_colon: usize, end: usize) {
        let name = self.scan.between(start, after_colon - 1);
        let value = self.scan.between(after_colon, end);
        let whole = self.scan.between(start, end);
        let text = quoted(whole);
        if name.contains("..") || name.ends_with('.') {
            let message = "a name is missing after the dot";
            self.wrong((start, end), Code::FieldIncomplete, message, &[(SEARCH_TEXT, &text)]);
            return;
        }
        let mut replacements: Vec<String> = Vec::new();
        if Network::parse(whole).is_some() {
            replacements.push(format!("ip:{whole}"));
        }
        let last = |parameter: &str| parameter.rsplit('.').next() == Some(name);
        let known = self.context.parameters.iter().filter(|p| *p == name || last(p)).take(3);
        replacements.extend(known.map(|parameter| format!("param.{parameter}:{value}")));
        let names = fields()
            .iter()
            .flat_map(|field| std::iter::once(field.name).chain(field.aliases.iter().copied()));
        replacements.extend(nearest(name, names).into_iter().map(|near| format!("{near}:{value}")));
        let mut instead: Vec<(&str, &str)> =
            replacements.iter().map(|text| ("did you mean", text.as_str())).collect();
        instead.push((SEARCH_TEXT, &text));
        self.wrong((start, end), Code::FieldUnknown, format!("there is no field {name}"), &instead);
    }
}

fn is_long_enough(pattern: &Pattern) -> bool {
    let least = if pattern.as_str().starts_with(['*', '?']) { MIN_INFIX_CHARS } else { 1 };
    pattern.as_str().chars().any(char::is_alphanumeric) && pattern.literal_chars() >= least
}

fn word_mistake(word: &str) -> Option<(Code, String)> {
    let mistake = |code, message: &str| Some((code, message.to_owned()));
    if let Some(hidden) = word.chars().find(|&c| is_invisible(c)) {
        return Some((Code::CharacterInvisible, hidden_message(hidden)));
    }
    if word.contains('"') {
        return mistake(Code::QuoteMisplaced, "a quotation mark inside a word; quote the whole");
    }
    if word.contains('(') {
        return mistake(
            Code::ParenMisplaced,
            "a parenthesis inside a word; quote the whole, or put a space before it",
        );
    }
    if word.contains(':') {
        return mistake(
            Code::FieldUnknown,
            "what stands before the colon is no field; quote the whole to search for it",
        );
    }
    if word.len() > 1 && word.starts_with('/') && word.ends_with('/') {
        return mistake(Code::RegexReserved, "regular expressions are not available");
    }
    // Such a pattern has more than one meaning.
    if word.contains(['*', '?']) && (word.contains([',', '<', '>']) || word.contains("..")) {
        return mistake(Code::PatternNotHere, "free text with wildcards holds no comma, comparison or range");
    }
    None
}

/// The field of these names; the second member says whether a name stood in quotes.
fn resolve(names: &[(String, bool)]) -> Option<FieldRef> {
    if names.iter().any(|(name, quoted)| name.is_empty() && !quoted) {
        return None;
    }
    let (first, rest) = names.split_first()?;
    if let Some(def) = field(&first.0).filter(|def| def.is_open()) {
        return Some(FieldRef { def, sub: rest.iter().map(|(name, _)| name.clone()).collect() });
    }
    if names.iter().any(|(_, quoted)| *quoted) {
        return None;
    }
    let joined: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    Some(FieldRef { def: field(&joined.join("."))?, sub: Vec::new() })
}
