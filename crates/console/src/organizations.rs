//! All organizations of the node, for whoever may create one.

use std::sync::Arc;

use askama::Template;

use crate::frame::Frame;
use crate::notice::Notice;

/// The list, and the form for another.
#[derive(Clone, Debug, Template)]
#[template(path = "organizations.html")]
pub struct Organizations {
    /// Around it.
    pub frame: Frame,
    /// Goes with every form.
    pub csrf: String,
    /// What the last form left to say.
    pub notice: Option<Arc<Notice>>,
    /// Zone that times are shown in.
    pub zone: String,
    /// All of them.
    pub rows: Vec<Row>,
}

/// An organization.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Events in its log.
    pub size: u64,
    /// Whether its log is public.
    pub public: bool,
    /// Its catalogs, or `all`.
    pub catalogs: String,
    /// When it was created.
    pub created: String,
    /// The origin of its log.
    pub origin: String,
}
