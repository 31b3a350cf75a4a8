//! Catalogs: the list, one catalog with its types, one type.

use askama::Template;

use crate::chart::Chart;
use crate::frame::{Frame, Link};

/// The list.
#[derive(Clone, Debug, Template)]
#[template(path = "catalogs.html")]
pub struct Catalogs {
    /// Around it.
    pub frame: Frame,
    /// Types of all of them.
    pub types: u64,
    /// The catalogs.
    pub catalogs: Vec<Summary>,
    /// Faults of those that were refused.
    pub problems: Vec<String>,
}

/// A catalog in a line.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Its page.
    pub href: String,
    /// Its name.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: String,
    /// How many types it has,
    pub types: usize,
    /// entities,
    pub entities: usize,
    /// and groups.
    pub groups: usize,
    /// The catalog it extends, or nothing.
    pub extends: String,
    /// Findings of the lint.
    pub findings: usize,
    /// Beginning of its hash.
    pub hash: String,
}

/// One catalog.
#[derive(Clone, Debug, Template)]
#[template(path = "catalog.html")]
pub struct CatalogPage {
    /// Around it.
    pub frame: Frame,
    /// The organization that searches lead to.
    pub org: String,
    /// The list of catalogs.
    pub up: String,
    /// Where the filter leads.
    pub action: String,
    /// Which it is.
    pub summary: Summary,
    /// What types must hold to be shown.
    pub filter: String,
    /// Letters of CRUDE to filter by.
    pub letters: Vec<Link>,
    /// How many types are shown.
    pub shown: usize,
    /// The types by group or entity.
    pub sections: Vec<Section>,
    /// What the lint found.
    pub findings: Vec<Finding>,
    /// What an organization's log holds of it, for those who may search.
    pub seen: Option<Seen>,
}

/// What a log holds of a catalog.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Types that the catalog declares.
    pub types: u64,
    /// Codes that the log holds.
    pub codes: u64,
    /// Types that never came.
    pub never: Vec<Link>,
    /// Codes that came and are no type.
    pub undeclared: Vec<SeenCode>,
    /// Newest events that were looked at for drift,
    pub sampled: u64,
    /// and where they are not as the catalog says.
    pub drift: Vec<Finding>,
}

/// A code in a log.
#[derive(Clone, Debug, Default)]
pub struct SeenCode {
    /// The code.
    pub code: String,
    /// How often it came.
    pub count: u64,
    /// Its events.
    pub href: String,
}

/// Types that belong together.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// What they have in common.
    pub title: String,
    /// The same in a sentence.
    pub text: String,
    /// The types.
    pub types: Vec<TypeRow>,
}

/// A type in a line.
#[derive(Clone, Debug, Default)]
pub struct TypeRow {
    /// Its page.
    pub href: String,
    /// Its code.
    pub code: String,
    /// Letter of CRUDE, or nothing.
    pub crude: String,
    /// Its title.
    pub title: String,
    /// Its entity.
    pub entity: String,
    /// Its action.
    pub action: String,
    /// Its outcome, if it has only one.
    pub outcome: String,
    /// The search for its events, for those who may.
    pub search: Option<String>,
}

/// A finding of the lint.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// `error`, `warning` or `note`.
    pub level: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub subject: String,
    /// In a sentence.
    pub message: String,
}

/// One type.
#[derive(Clone, Debug, Template)]
#[template(path = "code.html")]
pub struct CodePage {
    /// Around it.
    pub frame: Frame,
    /// The organization that is searched.
    pub org: String,
    /// The list of catalogs.
    pub up: String,
    /// Its catalog.
    pub catalog: String,
    /// The catalog's page.
    pub catalog_href: String,
    /// Its code.
    pub code: String,
    /// Its title.
    pub title: String,
    /// Letter of CRUDE, or nothing.
    pub crude: String,
    /// What it means.
    pub text: String,
    /// Remarks of its source.
    pub notes: Vec<String>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Situations and result codes.
    pub tables: Vec<Table>,
    /// An event of the type, as JSON.
    pub example: String,
    /// Everything else the catalog says: name and text.
    pub facts: Vec<(String, String)>,
    /// Types that say the same with the other outcome.
    pub twins: Vec<Link>,
    /// The search for its events, for those who may.
    pub search: Option<String>,
    /// Its events of the last days, for those who may.
    pub chart: Option<Chart>,
    /// How many these are.
    pub count: u64,
    /// What the lint found.
    pub findings: Vec<Finding>,
}

/// A parameter.
#[derive(Clone, Debug, Default)]
pub struct Param {
    /// Scope and name.
    pub name: String,
    /// What values it takes.
    pub kind: String,
    /// How it is kept.
    pub class: String,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub text: String,
}

/// Names with their meanings.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What they are.
    pub title: String,
    /// Name and meaning.
    pub rows: Vec<(String, String)>,
}
