//! Writes a query in its one canonical text: parsing it gives the same tree, printing that the same text.

use std::fmt;

use crate::address::Network;
use crate::ast::{EventQuery, FieldRef, FieldTerm, Node, Scalar, Test, TextTerm};
use crate::fields::ValueKind;
use crate::number::Number;
use crate::quoting::{is_plain, is_plain_name, is_plain_word, write_quoted};

impl fmt::Display for EventQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if let Some(root) = &self.root {
            write_node(root, Place::Top, &mut out);
        }
        f.write_str(&out)
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&field_text(self))
    }
}

/// Where a node stands, which decides about its parentheses.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Top,
    InOr,
    InAnd,
    Negated,
}

fn write_node(node: &Node, place: Place, out: &mut String) {
    match node {
        Node::And(nodes) => {
            let bare = matches!(place, Place::Top | Place::InOr);
            write_list(nodes, (" ", Place::InAnd), bare, out);
        }
        Node::Or(nodes) => write_list(nodes, (" OR ", Place::InOr), place == Place::Top, out),
        Node::Not(inner) => {
            out.push('-');
            write_node(inner, Place::Negated, out);
        }
        Node::Field(term) => write_field(term, out),
        Node::Text(TextTerm::Words(text)) if is_plain_word(text) => out.push_str(text),
        Node::Text(TextTerm::Words(text)) => write_quoted(text, out),
        Node::Text(TextTerm::Like(pattern)) => out.push_str(pattern.as_str()),
    }
}

fn write_list(nodes: &[Node], (separator, place): (&str, Place), bare: bool, out: &mut String) {
    if !bare {
        out.push('(');
    }
    for (at, node) in nodes.iter().enumerate() {
        if at > 0 {
            out.push_str(separator);
        }
        write_node(node, place, out);
    }
    if !bare {
        out.push(')');
    }
}

fn write_field(term: &FieldTerm, out: &mut String) {
    out.push_str(&field_text(&term.field));
    for (at, test) in term.tests.iter().enumerate() {
        out.push(if at == 0 { ':' } else { ',' });
        write_test(term.field.def.kind, test, out);
    }
}

fn field_text(field: &FieldRef) -> String {
    let mut out = field.def.name.to_owned();
    for name in &field.sub {
        out.push('.');
        if is_plain_name(name) {
            out.push_str(name);
        } else {
            write_quoted(name, &mut out);
        }
    }
    out
}

fn write_test(kind: ValueKind, test: &Test, out: &mut String) {
    match test {
        Test::Present => out.push('*'),
        Test::Is(scalar) => write_scalar(kind, scalar, out),
        Test::Above(scalar) => {
            out.push('>');
            write_scalar(kind, scalar, out);
        }
        Test::Below(scalar) => {
            out.push('<');
            write_scalar(kind, scalar, out);
        }
        Test::From(scalar) => {
            write_scalar(kind, scalar, out);
            out.push_str("..");
        }
        Test::To(scalar) => {
            out.push_str("..");
            write_scalar(kind, scalar, out);
        }
        Test::Between(from, to) => {
            write_scalar(kind, from, out);
            out.push_str("..");
            write_scalar(kind, to, out);
        }
        Test::Like(pattern) => out.push_str(pattern.as_str()),
    }
}

fn write_scalar(kind: ValueKind, scalar: &Scalar, out: &mut String) {
    match scalar {
        Scalar::Time(time) => out.push_str(&time.to_string()),
        Scalar::Text(text) if is_plain(text) && fits(kind, text) => out.push_str(text),
        Scalar::Text(text) => write_quoted(text, out),
    }
}

/// Whether a value without quotes is one that the field can hold. What does not fit (an event may hold anything)
/// must be quoted, so that a slip of the hand is answered instead of finding nothing.
pub(crate) fn fits(kind: ValueKind, text: &str) -> bool {
    match kind {
        ValueKind::Word(words) | ValueKind::Level(words) => {
            words.iter().any(|word| word.eq_ignore_ascii_case(text))
        }
        ValueKind::Integer => Number::parse(text).is_some() && !text.contains('.'),
        ValueKind::Address => Network::parse(text).is_some(),
        _ => true,
    }
}
