//! A page that says one thing, such as that there is nothing at an address.

use askama::Template;

use crate::frame::{Frame, Link};

/// A message with what to do next.
#[derive(Clone, Debug, Template)]
#[template(path = "message.html")]
pub struct Message {
    /// Around it.
    pub frame: Frame,
    /// What happened, in a few words.
    pub heading: String,
    /// What happened, in a sentence.
    pub detail: String,
    /// Code of the problem; its page says more.
    pub code: Option<String>,
    /// The request, to be found in the server's log.
    pub request: String,
    /// What to do next.
    pub links: Vec<Link>,
}
