//! The entries of a catalog: types, families, parameters, groups, entities, ranges. Plain data, read by [`crate::load`]; nothing here looks at an event.

use crate::finding::FindingId;
use crate::glob::Glob;
use crate::path::RawTest;
use crate::pattern::Pattern;
use crate::routing::Route;
use crate::word::{Crude, Empty, Outcome, Required, Retention, Session, Severity, Unavailable};
use indelible_event::{Class, Person};

/// Types of parameter values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamType {
    /// Any text.
    Text,
    /// A 64-bit integer, or its decimal text.
    Int,
    /// A number, or its decimal text.
    Decimal,
    /// True or false.
    Bool,
    /// A time with a zone.
    Time,
    /// A whole number of seconds, or an ISO 8601 duration.
    Duration,
    /// An IPv4 or IPv6 address.
    Address,
    /// A hardware address of six bytes.
    Mac,
    /// A UUID.
    Uuid,
    /// Something with one `@` in the middle.
    Email,
    /// Something with a scheme.
    Url,
    /// Any value.
    Json,
    /// A list of values of one type.
    List(Box<ParamType>),
    /// One of the declared words.
    OneOf(Vec<String>),
}

/// Privacy class of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamClass {
    /// Shared item of plain values.
    Public,
    /// An item of its own.
    Separate,
    /// Removed with the person it is about.
    Personal(Person),
    /// Never stored.
    Secret,
    /// Never stored; a fingerprint of 16 hex digits is.
    SecretFingerprint,
}

impl ParamClass {
    /// The class that the record's items know.
    pub fn stored(self) -> Class {
        match self {
            Self::Public => Class::Plain,
            Self::Separate => Class::Separate,
            Self::Personal(person) => Class::Personal(person),
            Self::Secret | Self::SecretFingerprint => Class::Secret,
        }
    }
}

/// A parameter as a type declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamDef {
    /// `scope.name`, or `name` in the scope of the event.
    pub name: String,
    /// Type of its value.
    pub kind: ParamType,
    /// Privacy class; `None` when the catalog does not say (treated as separate).
    pub class: Option<ParamClass>,
    /// Whether it may be empty; `None` when the catalog does not say.
    pub empty: Option<Empty>,
    /// Whether it must be there.
    pub required: bool,
    /// The source's description, verbatim.
    pub text: Option<String>,
}

impl ParamDef {
    /// Scope, `event` when the name has none.
    pub fn scope(&self) -> &str {
        self.name.rsplit_once('.').map_or("event", |(scope, _)| scope)
    }

    /// Name without its scope.
    pub fn bare_name(&self) -> &str {
        self.name.rsplit_once('.').map_or(self.name.as_str(), |(_, name)| name)
    }

    /// The class in force.
    pub fn class(&self) -> ParamClass {
        self.class.unwrap_or(ParamClass::Separate)
    }
}

/// One of several occasions on which a type is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// Name inside the type.
    pub id: String,
    /// The source's words, verbatim.
    pub text: String,
}

/// What one result code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultMeaning {
    /// The code, or a span of numbers: `0`, `1..`, `1..5`.
    pub code: String,
    /// What it says of the outcome.
    pub outcome: Outcome,
    /// The source's words, verbatim; empty when it has none.
    pub text: String,
}

impl ResultMeaning {
    /// Whether a result code is meant.
    pub fn covers(&self, code: &str) -> bool {
        let Some((first, last)) = self.code.split_once("..") else {
            return self.code == code || self.code == "*";
        };
        let number = |text: &str| text.parse::<i64>().ok();
        let Some(value) = number(code) else { return false };
        number(first).is_none_or(|first| first <= value) && number(last).is_none_or(|last| value <= last)
    }
}

/// The event that ends what this one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Code of the ending type.
    pub stop: String,
    /// Fields by which the two are joined; empty: `session.id`.
    pub by: Vec<String>,
}

/// One meaning of a code under a condition on the raw event.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Tests that must all hold.
    pub when: Vec<RawTest>,
    /// The documented code that is meant.
    pub means: String,
    /// The entity that is meant, if it differs.
    pub entity: Option<String>,
    /// The outcome that is meant, if it differs.
    pub outcome: Option<Outcome>,
}

/// One kind of event.
#[derive(Debug, Clone)]
pub struct EventType {
    /// Unique in its catalog.
    pub code: String,
    /// What is acted upon.
    pub entity: String,
    /// What is done.
    pub action: String,
    /// Division of the catalog.
    pub group: Option<String>,
    /// What the act does to its object.
    pub crude: Option<Crude>,
    /// Fixed outcome, if the type has one.
    pub outcome: Option<Outcome>,
    /// The source's routing key.
    pub key: Option<String>,
    /// Category words.
    pub categories: Vec<String>,
    /// Severity in force.
    pub severity: Severity,
    /// Retention class in force.
    pub retention: Retention,
    /// Fail mode in force.
    pub on_unavailable: Unavailable,
    /// Session rule in force.
    pub session: Session,
    /// Parts an event must have.
    pub requires: Vec<Required>,
    /// Our title: sentence case, past tense.
    pub title: String,
    /// The source's words, verbatim.
    pub text: String,
    /// Line of the source document.
    pub line: Option<u32>,
    /// Declared parameters.
    pub params: Vec<ParamDef>,
    /// Occasions.
    pub situations: Vec<Situation>,
    /// Its own result codes.
    pub results: Vec<ResultMeaning>,
    /// Remarks of the source, verbatim.
    pub notes: Vec<String>,
    /// What ends it.
    pub pair: Option<Pair>,
    /// References that the source lost.
    pub references: Vec<String>,
    /// The success type whose failure this is.
    pub base_code: Option<String>,
    /// The documented code that is meant.
    pub means: Option<String>,
    /// Meanings under conditions.
    pub variants: Vec<Variant>,
    /// Its code breaks the catalog's code form, and that is known.
    pub irregular: bool,
    /// False when no program can send it.
    pub reachable: bool,
    /// File and line in the catalog's folder.
    pub place: Place,
    pub(crate) route: Route,
    /// Places of the parameters, in the order of their names.
    pub(crate) param_order: Vec<usize>,
}

impl EventType {
    /// The parameters in the order of their names, as events have them.
    pub(crate) fn params_by_name(&self) -> impl Iterator<Item = &ParamDef> {
        self.param_order.iter().filter_map(|at| self.params.get(*at))
    }
}

/// Where an entry stands in the catalog's files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// File name.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// One entry for many codes.
#[derive(Debug, Clone)]
pub struct Family {
    /// Codes meant; empty: any.
    pub code: Vec<Glob>,
    /// Entities meant; empty: any.
    pub entity: Vec<Glob>,
    /// Actions meant; empty: any.
    pub action: Vec<Glob>,
    /// What its types have in common; code, entity and action come from the event.
    pub common: EventType,
}

/// A division of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name in events.
    pub id: String,
    /// Code of its row in the source, if it has one.
    pub code: Option<String>,
    /// Heading.
    pub title: String,
    /// Text of its row, verbatim.
    pub text: String,
    /// Line of the source.
    pub line: Option<u32>,
    /// First and last code, `1000..1999`.
    pub codes: Option<Pattern>,
    /// Where it stands.
    pub place: Place,
}

/// What acts are done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Name in events.
    pub id: String,
    /// What kind of thing it is.
    pub kind: Option<String>,
    /// Our title.
    pub title: Option<String>,
    /// The source's words.
    pub text: Option<String>,
    /// Line of the source.
    pub line: Option<u32>,
    /// Where it stands.
    pub place: Place,
}

/// Codes promised to one routing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRange {
    /// `verbatim` or `corrected`.
    pub set: String,
    /// Routing key.
    pub key: String,
    /// Line of the source.
    pub line: Option<u32>,
    /// The source's words after the key, verbatim.
    pub text: Option<String>,
    /// Patterns.
    pub patterns: Vec<Pattern>,
    /// Whether the source's line has a colon after the key.
    pub colon: bool,
    /// Patterns that have no code on purpose.
    pub reserved: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// Hints for other formats, for some types.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// Codes meant, globs allowed.
    pub types: Vec<Glob>,
    /// Format name to its settings.
    pub formats: Vec<(String, indelible_event::Value)>,
}

/// A lint finding that is known and accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFinding {
    /// Name of the finding.
    pub id: String,
    /// How many times it is found.
    pub count: usize,
    /// Subjects, when they matter.
    pub codes: Option<Vec<String>>,
    /// Why it is accepted.
    pub reason: String,
    /// Where it stands.
    pub place: Place,
}

/// One raw line and what it must become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Name.
    pub name: String,
    /// Format of the line.
    pub format: String,
    /// The raw line.
    pub line: String,
    /// What must come out.
    pub expect: Expected,
    /// Catalog that the source is pinned to; `None`: the case's own.
    pub catalog: Option<String>,
    /// Settings of the source.
    pub source: Vec<(String, String)>,
    /// Texts that must stand nowhere in the event.
    pub absent: Vec<String>,
    /// Findings that must be made, sorted; `None`: not checked.
    pub findings: Option<Vec<FindingId>>,
    /// Where it stands.
    pub place: Place,
}

/// What a case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// An event with these fields, as path and text.
    Event(Vec<(String, String)>),
    /// The line is skipped by this rule.
    Skip(String),
    /// No rule takes the line.
    NoMatch,
}
