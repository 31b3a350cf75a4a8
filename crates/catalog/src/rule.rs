//! Match rules as data: which raw events a rule takes, and where each value of ours comes from. [`crate::matching`] runs them.

use crate::finding::FindingId;
use crate::glob::Glob;
use crate::path::{RawPath, RawTest, Target};
use indelible_event::Value;
use regex::Regex;

/// Most rules of one catalog.
pub const MAX_RULES: usize = 64;
/// Most settings of one rule.
pub const MAX_SETTINGS: usize = 128;
/// Most rows of all value maps of one catalog.
pub const MAX_MAP_ROWS: usize = 4096;

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Name, unique in its catalog.
    pub id: String,
    /// The one format it is for; `None`: any.
    pub format: Option<String>,
    /// Tests that must all hold.
    pub when: Vec<RawTest>,
    /// The raw events it takes are no audit events.
    pub skip: bool,
    /// Places whose values are removed.
    pub secret: Vec<RawPath>,
    /// Places whose values are replaced by a fingerprint, under conditions.
    pub fingerprint: Vec<Fingerprint>,
    /// Names and paths that only look secret.
    pub harmless: Vec<String>,
    /// What goes where, in order.
    pub settings: Vec<Setting>,
}

/// A place whose value is replaced by a fingerprint.
#[derive(Debug, Clone)]
pub struct Fingerprint {
    /// The place.
    pub path: RawPath,
    /// Tests that must all hold.
    pub when: Vec<RawTest>,
}

/// One place of ours and its value.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where it goes.
    pub target: Target,
    /// The target as written.
    pub name: String,
    /// Where it comes from.
    pub value: Expr,
}

/// Where a value comes from and what is done to it.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Where it comes from.
    pub origin: Origin,
    /// What is done to it.
    pub steps: Steps,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A place in the raw event or envelope.
    Path(RawPath),
    /// The first that is not absent.
    First(Vec<Expr>),
    /// A fixed value.
    Const(Value),
    /// A text with places in it; absent if one of them is.
    Text(Vec<TextPart>),
    /// One record, or text, for each item of a list.
    Each(RawPath, Vec<(&'static str, Expr)>),
}

/// A part of a composed text.
#[derive(Debug, Clone)]
pub enum TextPart {
    /// Bytes as they stand.
    Literal(String),
    /// The text of a place.
    Path(RawPath),
}

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAs {
    /// As text.
    Text,
    /// As an integer.
    Int,
    /// As true or false.
    Bool,
    /// As a time.
    Time,
    /// As a network address.
    Address,
    /// As JSON text.
    Json,
}

/// What is done to a value, in the order of the fields.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    /// Keeps the named group.
    pub regex: Option<Regex>,
    /// Drops this at the front.
    pub strip_prefix: Option<String>,
    /// Drops this at the end.
    pub strip_suffix: Option<String>,
    /// Lower case.
    pub lower: bool,
    /// Splits into a list.
    pub split: Option<String>,
    /// Replaces by the row whose key fits; longest key first; none: absent.
    pub map: Option<Vec<(Glob, String)>>,
    /// Type.
    pub read_as: Option<ReadAs>,
    /// Formats of times, or places in the envelope that hold some; empty: the usual ones.
    pub formats: Vec<String>,
    /// Zone of times that name none.
    pub zone: Option<Zone>,
    /// Another place that must say the same.
    pub same_as: Option<Box<Expr>>,
    /// Replaces any value.
    pub present: Option<Value>,
    /// Stands in for none.
    pub absent: Option<Value>,
    /// Where a value goes that is not of its type.
    pub else_to: Option<(Target, String)>,
    /// Finding made when this value is used.
    pub finding: Option<FindingId>,
}

/// Where the zone of a time comes from.
#[derive(Debug, Clone)]
pub enum Zone {
    /// A name or offset.
    Named(String),
    /// A place in the envelope.
    Path(RawPath),
}

impl Expr {
    /// Whether the raw value survives in what is stored. `map`, `present` and constants lose it.
    pub(crate) fn keeps_value(&self) -> bool {
        self.steps.map.is_none() && self.steps.present.is_none() && self.steps.regex.is_none()
    }
}
