//! The members of forms, and what holds for each that changes something: it comes from a page of the same session.

use axum::body::Body;

use super::session::same;
use super::visit::Call;
use crate::problem::{Code, Problem};

/// Longest form: a key or a passphrase, and a path to go back to.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The members of a form that was sent.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) async fn read(body: Body) -> Result<Self, Problem> {
        let bytes = axum::body::to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| {
            Problem::new(Code::RequestMalformed, format!("a form has at most {MAX_FORM_BYTES} bytes"))
        })?;
        let pairs = form_urlencoded::parse(&bytes).map(|(name, value)| (name.into(), value.into()));
        Ok(Self(pairs.collect()))
    }

    /// A form of a page that somebody with a session sent.
    pub(crate) async fn checked(call: &Call, body: Body) -> Result<Self, Problem> {
        let form = Self::read(body).await?;
        form.check(&call.visitor()?.session.csrf)?;
        Ok(form)
    }

    /// Refuses a form of another session.
    pub(crate) fn check(&self, csrf: &str) -> Result<(), Problem> {
        if same(self.get("csrf"), csrf) {
            return Ok(());
        }
        let detail = "the form is of an earlier session; load the page again and repeat";
        Err(Problem::new(Code::PermissionMissing, detail))
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A member without white space around it, if anything is left.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }
}
