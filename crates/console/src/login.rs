//! The page where a key is exchanged for a session.

use askama::Template;

use crate::frame::Frame;

/// The log-in form.
#[derive(Clone, Debug, Template)]
#[template(path = "login.html")]
pub struct Login {
    /// Around it.
    pub frame: Frame,
    /// Where to go afterwards.
    pub back: String,
    /// Why the last try failed.
    pub trouble: Option<String>,
}
