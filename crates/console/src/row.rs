//! An event as a row of a table, and the values in it that can be clicked.

/// A value that narrows the query: taken in or left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// As it is shown.
    pub text: String,
    /// The query with it.
    pub include: String,
    /// The query without it.
    pub exclude: String,
}

/// A time in a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// For programs: RFC 3339.
    pub iso: String,
    /// Date and time to the second.
    pub shown: String,
    /// What comes after the second, and the offset where it differs from the zone's usual one.
    pub fraction: String,
}

/// One event.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Its page.
    pub href: String,
    /// When it happened.
    pub at: Stamp,
    /// Letter of CRUDE, or nothing.
    pub crude: String,
    /// What happened, in the catalog's words.
    pub title: String,
    /// Its catalog.
    pub catalog: String,
    /// Its code there.
    pub code: String,
    /// Findings worth seeing.
    pub flags: Vec<String>,
    /// Who acted.
    pub actor: Option<Value>,
    /// On what.
    pub target: Option<Value>,
    /// How many further targets there are.
    pub more_targets: usize,
    /// `success`, `failure`, `unknown` or nothing.
    pub outcome: String,
    /// Where from.
    pub origin: Option<Value>,
    /// What happened in the same session or request.
    pub timeline: Option<String>,
    /// It is the one that the page is about.
    pub here: bool,
}
