//! What belongs together in the order in which it happened: one session, request, actor or target.

use askama::Template;

use crate::bundle::BundleForm;
use crate::chart::Chart;
use crate::frame::{Frame, Link};
use crate::lanes::Lanes;
use crate::row::{Row, Value};

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "timeline.html")]
pub struct Timeline {
    /// Around it.
    pub frame: Frame,
    /// Zone of the times.
    pub zone: String,
    /// Where the form leads.
    pub action: String,
    /// What joins the events: the choices, the chosen one on; `label` is shown, `href` is the form's value.
    pub kinds: Vec<Link>,
    /// The value that joins them, as it was asked for.
    pub value: String,
    /// The catalog that the value is of; empty: of any.
    pub catalog: String,
    /// The same events in the search page.
    pub explore: String,
    /// The same events in a larger or the whole stretch of time.
    pub whole: Option<String>,
    /// What was found; nothing before something was asked.
    pub story: Option<Story>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Who, where from, from when to when.
    pub facts: Vec<Fact>,
    /// Asks for all of it as an evidence bundle.
    pub bundle: BundleForm,
    /// Events in all.
    pub count: u64,
    /// How many of them failed.
    pub failures: u64,
    /// Events drawn and listed: the first so many.
    pub shown: u64,
    /// Over time, when they are too many to draw each.
    pub chart: Option<Chart>,
    /// Drawn.
    pub lanes: Lanes,
    /// Listed.
    pub rows: Vec<Row>,
    /// Events nearby that do not say to which session they belong.
    pub nearby: Vec<Row>,
    /// Where they were looked for.
    pub nearby_href: String,
    /// What to know of the order and of what is missing.
    pub remarks: Vec<String>,
}

/// Something about all of the events.
#[derive(Clone, Debug, Default)]
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// Values that can be searched for.
    pub values: Vec<Value>,
    /// Or a text.
    pub text: String,
}
