//! Reads TOML with the place of every value, so that each fault names file, line and field. A key that nobody asked for is a fault.
//! Collects faults instead of stopping at the first; never guesses a value.

use crate::problem::Problem;
use crate::suggest::nearest_word;

use std::cell::RefCell;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file being read.
#[derive(Debug)]
pub(crate) struct Doc<'a> {
    file: &'a str,
    line_starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Doc<'a> {
    pub(crate) fn new(file: &'a str, text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file, line_starts: std::iter::once(0).chain(starts).collect(), problems: RefCell::default() }
    }

    /// Line of a byte offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.line_starts.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }

    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    pub(crate) fn report(&self, offset: usize, field: &str, message: String, remedy: String) {
        let problem = Problem {
            file: self.file.to_owned(),
            line: self.line(offset),
            field: field.to_owned(),
            message,
            remedy,
        };
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// One value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    doc: &'a Doc<'a>,
    path: String,
    span: Range<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Node<'a> {
    pub(crate) fn fault(&self, message: impl Into<String>, remedy: impl Into<String>) {
        self.doc.report(self.span.start, &self.path, message.into(), remedy.into());
    }

    pub(crate) fn value(&self) -> &'a DeValue<'a> {
        self.value
    }

    fn wrong_kind<T>(&self, wanted: &str) -> Option<T> {
        self.fault(format!("is {}, not {wanted}", self.value.type_str()), format!("write {wanted}"));
        None
    }

    pub(crate) fn text(&self) -> Option<String> {
        match self.value.as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong_kind("a string"),
        }
    }

    pub(crate) fn int(&self) -> Option<i64> {
        let int = self.value.as_integer().and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        int.or_else(|| self.wrong_kind("an integer"))
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.wrong_kind("true or false"))
    }

    pub(crate) fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub(crate) fn items(&self) -> Vec<Node<'a>> {
        let Some(array) = self.value.as_array() else {
            return self.wrong_kind("a list").unwrap_or_default();
        };
        let node = |(index, item): (usize, &'a Spanned<DeValue<'a>>)| Node {
            doc: self.doc,
            path: format!("{}[{index}]", self.path),
            span: item.span(),
            value: item.get_ref(),
        };
        array.iter().enumerate().map(node).collect()
    }

    /// The texts of a list, or the one text.
    pub(crate) fn texts(&self) -> Vec<String> {
        if self.is_text() {
            return self.text().into_iter().collect();
        }
        self.items().iter().filter_map(Node::text).collect()
    }

    pub(crate) fn table(&self) -> Option<Table<'a>> {
        match self.value.as_table() {
            Some(table) => Some(Table {
                doc: self.doc,
                path: self.path.clone(),
                span: self.span.clone(),
                inner: table,
                known: RefCell::default(),
            }),
            None => self.wrong_kind("a table"),
        }
    }

    /// The value of a word from a closed list.
    pub(crate) fn word<T>(&self, parse: fn(&str) -> Option<T>, words: &[&str]) -> Option<T> {
        let text = self.text()?;
        let value = parse(&text);
        if value.is_none() {
            let near =
                nearest_word(&text, words).map_or(String::new(), |near| format!("did you mean \"{near}\"? "));
            self.fault(
                format!("\"{text}\" is not one of the words allowed here"),
                format!("{near}allowed: {}", words.join(", ")),
            );
        }
        value
    }
}

/// A table whose keys are asked for one by one.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    doc: &'a Doc<'a>,
    path: String,
    span: Range<usize>,
    inner: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(crate) fn root(doc: &'a Doc<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            doc,
            path: String::new(),
            span: table.span(),
            inner: table.get_ref(),
            known: RefCell::default(),
        }
    }

    pub(crate) fn doc(&self) -> &'a Doc<'a> {
        self.doc
    }

    pub(crate) fn line(&self) -> u32 {
        self.doc.line(self.span.start)
    }

    pub(crate) fn fault(&self, message: impl Into<String>, remedy: impl Into<String>) {
        self.doc.report(self.span.start, &self.path, message.into(), remedy.into());
    }

    fn child_path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Keys and values in the order of the file.
    pub(crate) fn entries(&self) -> Vec<(String, Node<'a>)> {
        let mut entries: Vec<_> = self.inner.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let node = |(key, value): (&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            let name = key.get_ref().to_string();
            let path = self.child_path(&name);
            (name, Node { doc: self.doc, path, span: key.span(), value: value.get_ref() })
        };
        entries.into_iter().map(node).collect()
    }

    pub(crate) fn get(&self, key: &'static str) -> Option<Node<'a>> {
        self.known.borrow_mut().push(key);
        let (found, value) = self.inner.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Node { doc: self.doc, path: self.child_path(key), span: found.span(), value: value.get_ref() })
    }

    pub(crate) fn need(&self, key: &'static str) -> Option<Node<'a>> {
        let node = self.get(key);
        if node.is_none() {
            self.fault(format!("\"{key}\" is missing"), format!("add {key} = …"));
        }
        node
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.get(key).and_then(|node| node.text())
    }

    pub(crate) fn need_text(&self, key: &'static str) -> String {
        self.need(key).and_then(|node| node.text()).unwrap_or_default()
    }

    pub(crate) fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        self.get(key).map(|node| node.texts())
    }

    pub(crate) fn line_number(&self, key: &'static str) -> Option<u32> {
        self.get(key).and_then(|node| node.int()).and_then(|line| u32::try_from(line).ok())
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        self.get(key).and_then(|node| node.boolean())
    }

    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        self.get(key).and_then(|node| node.table())
    }

    pub(crate) fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let items = self.get(key).map(|node| node.items()).unwrap_or_default();
        items.iter().filter_map(Node::table).collect()
    }

    /// Reports every key that was never asked for, with the nearest known one.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        for (key, node) in self.entries() {
            if known.iter().any(|name| *name == key) {
                continue;
            }
            let remedy = match nearest_word(&key, &known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("remove it; known keys: {}", known.join(", ")),
            };
            node.fault(format!("unknown key \"{key}\""), remedy);
        }
    }
}

/// Parses one file; syntax errors become problems.
pub(crate) fn parse<'a>(doc: &Doc<'a>, text: &'a str) -> Option<Spanned<DeTable<'a>>> {
    match DeTable::parse(text) {
        Ok(table) => Some(table),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            doc.report(
                offset,
                "",
                format!("not valid TOML: {}", error.message()),
                "correct the syntax at this line".to_owned(),
            );
            None
        }
    }
}
