//! Codes in a program's source text against the catalog: codes the catalog lacks, and codes that no file mentions.

use crate::catalog::Catalog;
use crate::word::CodeKind;
use std::collections::{BTreeMap, BTreeSet};

/// Adds up the codes that files of a source tree mention. Only codes of digits can be told from other text.
#[derive(Debug)]
pub struct SourceScan<'c> {
    catalog: &'c Catalog,
    seen: BTreeSet<String>,
    unknown: BTreeMap<String, (String, u32)>,
}

/// What the files say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SourceUse {
    /// Codes that the catalog lacks, with file and line of their first mention.
    pub unknown: Vec<(String, String, u32)>,
    /// Codes of the catalog that no file mentions.
    pub unmentioned: Vec<String>,
}

/// A line that mentions this is about an event code; other numbers of the same width are not looked at.
const MARKS: &[&str] = &["event_code", "eventCode", "EVENT_CODE", "code"];

impl<'c> SourceScan<'c> {
    /// A scan for one catalog.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, seen: BTreeSet::new(), unknown: BTreeMap::new() }
    }

    /// Reads one file.
    pub fn read(&mut self, name: &str, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let marked = MARKS.iter().any(|mark| line.contains(mark));
            for word in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.') {
                if self.catalog.type_by_code(word).is_some() {
                    self.seen.insert(word.to_owned());
                } else if marked && self.looks_like_code(word) {
                    let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
                    self.unknown.entry(word.to_owned()).or_insert((name.to_owned(), line));
                }
            }
        }
    }

    /// Digits as many as codes have, or one more: a mistyped code is looked for too.
    fn looks_like_code(&self, word: &str) -> bool {
        let (least, most) = self.catalog.code.width;
        self.catalog.code.kind == CodeKind::Digits
            && (least..=most + 1).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The result.
    pub fn finish(self) -> SourceUse {
        let unmentioned = self
            .catalog
            .types()
            .iter()
            .map(|of| &of.code)
            .filter(|code| !self.seen.contains(*code))
            .cloned()
            .collect();
        let unknown = self.unknown.into_iter().map(|(code, (file, line))| (code, file, line)).collect();
        SourceUse { unknown, unmentioned }
    }
}
