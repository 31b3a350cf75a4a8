//! API keys of an organization.

use std::sync::Arc;

use askama::Template;

use crate::frame::Frame;
use crate::notice::Notice;

/// The list, and the form for another.
#[derive(Clone, Debug, Template)]
#[template(path = "keys.html")]
pub struct Keys {
    /// Around it.
    pub frame: Frame,
    /// Goes with every form.
    pub csrf: String,
    /// What the last form left to say.
    pub notice: Option<Arc<Notice>>,
    /// The organization.
    pub org: String,
    /// Zone that times are shown in.
    pub zone: String,
    /// Keys that can be used.
    pub live: Vec<Row>,
    /// Keys that cannot be used any more.
    pub gone: Vec<Row>,
    /// Kinds that the visitor may create, with what each is for; empty for those who may not.
    pub kinds: Vec<(String, String)>,
    /// Catalogs that a key may be limited to.
    pub catalogs: Vec<String>,
}

/// A key.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// What it is for.
    pub label: String,
    /// Organization, or `all`.
    pub reach: String,
    /// The only catalog, if limited.
    pub catalog: String,
    /// When it was made.
    pub created: String,
    /// When it was last used since the server started, if it was.
    pub used: String,
    /// When it ends or has ended, if it does.
    pub ends: String,
    /// What was done with it.
    pub events: String,
    /// Whether the visitor may revoke it.
    pub may_revoke: bool,
}
