//! The searches that are kept: one's own, and everybody's.

use askama::Template;

use crate::frame::{Frame, Link};

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "views.html")]
pub struct Views {
    /// Around it.
    pub frame: Frame,
    /// Where forms go; a view's own below it.
    pub action: String,
    /// Goes with every form.
    pub csrf: String,
    /// Zone of the times.
    pub zone: String,
    /// The views.
    pub views: Vec<ViewRow>,
    /// Reports that are built in.
    pub reports: Vec<Link>,
}

/// One view.
#[derive(Clone, Debug, Default)]
pub struct ViewRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Everybody has it.
    pub team: bool,
    /// The visitor made it.
    pub own: bool,
    /// The visitor may change it.
    pub may_change: bool,
    /// Its query.
    pub query: String,
    /// Its window.
    pub window: String,
    /// When it was changed.
    pub changed: String,
    /// The version that is shown.
    pub version: u64,
    /// What it shows.
    pub href: String,
}
