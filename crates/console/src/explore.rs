//! The page that finds events: query, bars over time, values to narrow by, rows.

use askama::Template;

use crate::bundle::BundleForm;
use crate::chart::Chart;
use crate::frame::{Frame, Link};
use crate::row::{Row, Value};

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "explore.html")]
pub struct Explore {
    /// Around it.
    pub frame: Frame,
    /// The organization.
    pub org: String,
    /// Zone of the times in the table, with its offset if it has one only.
    pub zone: String,
    /// Where the form leads.
    pub action: String,
    /// Where completions of the query come from.
    pub suggest: String,
    /// What is asked.
    pub form: Form,
    /// Windows of time with one click.
    pub presets: Vec<Link>,
    /// The same query for events as they come.
    pub live: String,
    /// Searches that are kept,
    pub views: Vec<Link>,
    /// the page about them, which a new one is sent to,
    pub views_href: String,
    /// and what this one would be.
    pub kept: String,
    /// Goes with every form.
    pub csrf: String,
    /// The query's conditions; each leads to the query without it.
    pub chips: Vec<Link>,
    /// What is wrong with the query.
    pub trouble: Option<Trouble>,
    /// What was found.
    pub found: Option<Found>,
}

/// What is asked, as it was written.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The query.
    pub q: String,
    /// From when.
    pub since: String,
    /// Until when.
    pub until: String,
    /// What the form keeps without showing it: name and value.
    pub hidden: Vec<(String, String)>,
}

/// What is wrong with a request and what would be right.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// In a sentence.
    pub said: String,
    /// Code of the problem, whose page says more; may be empty.
    pub code: String,
    /// The query before the place,
    pub before: String,
    /// at it,
    pub marked: String,
    /// and after it.
    pub after: String,
    /// Queries that would be right.
    pub suggestions: Vec<Link>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Matches in all.
    pub count: u64,
    /// How many of them failed.
    pub failures: u64,
    /// Events of the log that were looked at.
    pub log_size: u64,
    /// First and last time, in words.
    pub window: String,
    /// Over time.
    pub chart: Chart,
    /// By value.
    pub facets: Vec<Facet>,
    /// The page of events,
    pub rows: Vec<Row>,
    /// or the same in chosen columns.
    pub grid: Option<Grid>,
    /// What there is to choose of columns.
    pub columns: ColumnChoice,
    /// A larger stretch of time around this one.
    pub zoom_out: Option<String>,
    /// The page before.
    pub newer: Option<String>,
    /// The page after.
    pub older: Option<String>,
    /// Rows a page.
    pub sizes: Vec<Link>,
    /// Everything as a file.
    pub csv: String,
    /// The same as an evidence bundle.
    pub bundle: BundleForm,
    /// The same search elsewhere.
    pub copies: Vec<Copy>,
    /// Why nothing was found, if so.
    pub nothing: String,
    /// Searches that find more.
    pub wider: Vec<Link>,
    /// Where the search ended before everything was seen.
    pub stopped: Option<String>,
}

/// Events in chosen columns.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// Titles.
    pub columns: Vec<String>,
    /// Rows that belong together; one without a title when nothing is grouped.
    pub groups: Vec<GridGroup>,
}

/// Rows that belong together.
#[derive(Clone, Debug, Default)]
pub struct GridGroup {
    /// What they share, and where there is more of it.
    pub title: Option<Link>,
    /// Their cells.
    pub rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Its text, as a file has it.
    pub text: String,
    /// The text as something that can be clicked.
    pub value: Option<Value>,
    /// The page of the event, from the cell that leads there.
    pub href: Option<String>,
    /// It is a letter of CRUDE.
    pub crude: String,
    /// It is an outcome.
    pub outcome: String,
}

/// What there is to choose of columns.
#[derive(Clone, Debug, Default)]
pub struct ColumnChoice {
    /// Reports with columns of their own.
    pub layouts: Vec<Link>,
    /// What rows are grouped by.
    pub groups: Vec<Link>,
    /// Each column, shown or not; a click changes that.
    pub toggles: Vec<Link>,
    /// What the form for a further column keeps.
    pub hidden: Vec<(String, String)>,
}

/// A search in another form.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    /// Which form.
    pub label: String,
    /// What to copy.
    pub text: String,
}

/// Values of one field.
#[derive(Clone, Debug, Default)]
pub struct Facet {
    /// What the field is called.
    pub title: String,
    /// Shown unfolded.
    pub open: bool,
    /// The most frequent.
    pub values: Vec<FacetValue>,
    /// How many values there are.
    pub distinct: u64,
    /// Events with other values.
    pub other: u64,
    /// Events without one.
    pub missing: u64,
    /// The query for those.
    pub none: String,
}

/// One value.
#[derive(Clone, Debug, Default)]
pub struct FacetValue {
    /// As it is shown.
    pub label: String,
    /// In full.
    pub title: String,
    /// Events that have it.
    pub count: u64,
    /// Of the most frequent one, in per cent.
    pub percent: u64,
    /// The query demands it.
    pub on: bool,
    /// The query with it, or without it if it is demanded.
    pub href: String,
    /// The query that leaves it out.
    pub exclude: String,
}
