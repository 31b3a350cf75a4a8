//! Events as they come: the newest when the page was made, and a place into which the page's script puts what follows.

use askama::Template;

use crate::explore::Trouble;
use crate::frame::Frame;
use crate::row::Row;

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "live.html")]
pub struct Live {
    /// Around it.
    pub frame: Frame,
    /// Zone of the times.
    pub zone: String,
    /// Where the form leads.
    pub action: String,
    /// Where completions of the query come from.
    pub suggest: String,
    /// The query.
    pub q: String,
    /// The same query in the search page, which is where it stops.
    pub explore: String,
    /// Where the stream comes from.
    pub stream: String,
    /// A search for everything since the page was made.
    pub since: String,
    /// What is wrong with the query.
    pub trouble: Option<Trouble>,
    /// The newest events, by arrival.
    pub rows: Vec<Row>,
}
