//! The page that a claim link or an invitation opens: somebody sets their passphrase.

use askama::Template;

use crate::frame::Frame;

/// The form behind a link.
#[derive(Clone, Debug, Template)]
#[template(path = "setup.html")]
pub struct Setup {
    /// Around it.
    pub frame: Frame,
    /// Where the form goes.
    pub action: String,
    /// Whether name and address are asked for: for a claim, not for an invitation.
    pub claims: bool,
    /// What is to be done, in a sentence.
    pub why: String,
    /// The token, if it was typed before.
    pub token: String,
    /// The name that was typed.
    pub name: String,
    /// The address that was typed.
    pub email: String,
    /// Shortest passphrase that is taken.
    pub min_length: usize,
    /// Why the last try failed.
    pub trouble: Option<String>,
}
