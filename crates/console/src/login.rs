//! The pages where people and keys are exchanged for a session.

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
    /// The address that was typed.
    pub email: String,
    /// Whether the last try was with an API key.
    pub with_key: bool,
    /// Why the last try failed.
    pub trouble: Option<String>,
}

/// The second form, for people with an authenticator.
#[derive(Clone, Debug, Template)]
#[template(path = "login-code.html")]
pub struct Code {
    /// Around it.
    pub frame: Frame,
    /// Where to go afterwards.
    pub back: String,
    /// Goes with the form.
    pub csrf: String,
    /// Why the last try failed.
    pub trouble: Option<String>,
}
