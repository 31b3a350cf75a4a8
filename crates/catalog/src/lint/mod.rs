//! What looks wrong in a catalog, or in the document it was written from. Lint may look at words and ask; it changes nothing.
//! Findings that a catalog's author knows stand in `expect.toml` with a reason; new and vanished ones fail the check.

mod codes;
mod expect;
mod params;
mod ranges;
mod source;
mod words;

pub use expect::{Report, count, report};
pub use source::{SourceScan, SourceUse};

use crate::catalog::Catalog;
use crate::event_type::{EventType, Place};
use crate::word::words;

words! {
    /// Name of a lint finding; stable.
    LintId {
        /// A code breaks the catalog's form.
        CodeForm = "code_form",
        /// Two types have one code.
        CodeDuplicate = "code_duplicate",
        /// A base code is no type.
        BaseMissing = "base_missing",
        /// An entity is not in the list of entities.
        EntityUnknown = "entity_unknown",
        /// Two families take the same codes equally well.
        FamilyOverlap = "family_overlap",
        /// A personal parameter has no privacy class.
        ClassMissing = "class_missing",
        /// A type has no CRUDE letter.
        CrudeMissing = "crude_missing",
        /// A code lies outside its group's codes.
        GroupRange = "group_range",
        /// A code fits no range at all.
        RangeNone = "range_none",
        /// A code fits only ranges of other keys.
        RangeOtherKey = "range_other_key",
        /// Two ranges share codes.
        RangeOverlap = "range_overlap",
        /// A range's key has no type.
        RangeKeyUnknown = "range_key_unknown",
        /// A key has types and no range.
        KeyWithoutRange = "key_without_range",
        /// A pattern is not as wide as codes are.
        RangeWidth = "range_width",
        /// A pattern has no code of its key.
        RangeUnused = "range_unused",
        /// The source's range line is not written like the others.
        RangeSyntax = "range_syntax",
        /// One entity has several routing keys.
        EntityManyKeys = "entity_many_keys",
        /// Several types have one text.
        TextDuplicate = "text_duplicate",
        /// Nothing in the catalog is a read.
        CrudeNoRead = "crude_no_read",
        /// The text's verb suggests another CRUDE letter.
        CrudeWord = "crude_word",
        /// The text says that it failed, the outcome does not.
        FailureWord = "failure_word",
        /// A failure has no base.
        FailureWithoutBase = "failure_without_base",
        /// A failure does not follow its base, as the others do.
        BaseFar = "base_far",
        /// A code is smaller than the one before.
        CodeOrder = "code_order",
        /// Codes are missing inside a group, or a group is.
        CodeGap = "code_gap",
        /// A group's title and text differ.
        GroupTitle = "group_title",
        /// Two words differ by one letter.
        SpellingNear = "spelling_near",
        /// A reference of the source was lost.
        ReferenceLost = "reference_lost",
        /// A parameter has no text.
        ParamNoText = "param_no_text",
        /// A parameter is always empty.
        ParamAlwaysEmpty = "param_always_empty",
        /// One name stands in several scopes.
        ParamManyScopes = "param_many_scopes",
        /// One parameter has several texts.
        ParamTextVaries = "param_text_varies",
        /// An entity is created and never deleted, or the other way round.
        LifecycleOpen = "lifecycle_open",
        /// The ending event of a pair is no type.
        PairOpen = "pair_open",
        /// A title is too long or not unique in its entity.
        TitleForm = "title_form",
    }
}

words! {
    /// How much a lint finding matters.
    LintLevel { Info = "info", Warning = "warning", Error = "error" }
}

impl LintId {
    /// Its level.
    pub fn level(self) -> LintLevel {
        match self {
            Self::CodeForm
            | Self::CodeDuplicate
            | Self::BaseMissing
            | Self::EntityUnknown
            | Self::FamilyOverlap
            | Self::ClassMissing
            | Self::CrudeMissing
            | Self::GroupRange => LintLevel::Error,
            Self::RangeNone
            | Self::RangeOtherKey
            | Self::RangeOverlap
            | Self::RangeKeyUnknown
            | Self::KeyWithoutRange
            | Self::RangeWidth
            | Self::CrudeNoRead
            | Self::FailureWord
            | Self::FailureWithoutBase
            | Self::ParamNoText
            | Self::PairOpen
            | Self::TitleForm => LintLevel::Warning,
            _ => LintLevel::Info,
        }
    }

    /// The finding that this one is a kind of, if there is one.
    pub fn kind_of(self) -> Option<&'static str> {
        matches!(self, Self::RangeNone | Self::RangeOtherKey).then_some("range_outside_own")
    }
}

/// One lint finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintFinding {
    /// Its name.
    pub id: LintId,
    /// What it is about: a code, key, entity, name.
    pub subject: String,
    /// One sentence.
    pub message: String,
    /// Where it stands in the catalog's files.
    pub place: Place,
    /// Line of the source document, if known.
    pub source_line: Option<u32>,
}

impl LintFinding {
    fn new(id: LintId, subject: impl Into<String>, message: impl Into<String>, place: &Place) -> Self {
        Self { id, subject: subject.into(), message: message.into(), place: place.clone(), source_line: None }
    }

    fn of_type(id: LintId, of: &EventType, message: impl Into<String>) -> Self {
        Self { source_line: of.line, ..Self::new(id, of.code.clone(), message, &of.place) }
    }
}

/// Every finding of a catalog, in the order of [`LintId`], then of the files.
pub fn lint(catalog: &Catalog) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    codes::check(catalog, &mut findings);
    ranges::check(catalog, &mut findings);
    words::check(catalog, &mut findings);
    params::check(catalog, &mut findings);
    findings.sort_by_key(|finding| finding.id);
    findings
}
