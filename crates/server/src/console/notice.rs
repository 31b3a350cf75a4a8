//! What a page says once about the form before it: that it worked, what was wrong, or a secret that is shown this once.
//!
//! It waits in the memory of the session between the answer to the form, which leads elsewhere, and the next page. It is
//! never in an address, a cookie or a log.

use std::sync::Arc;

use axum::response::{IntoResponse, Redirect, Response};
use indelible_console::notice::Notice;

use super::visit::{Call, cookie};
use crate::api::Answer;
use crate::problem::{Code, Problem};

impl Call {
    /// What the last form left to say.
    pub(crate) fn notice(&self) -> Option<Arc<Notice>> {
        let token = cookie(&self.headers, self.app.session_cookie())?;
        self.app.sessions.take_notice(token)
    }

    /// Leads to a page, which says this.
    pub(crate) fn lead(&self, to: &str, notice: Notice) -> Response {
        if let Some(token) = cookie(&self.headers, self.app.session_cookie()) {
            self.app.sessions.leave_notice(token, notice);
        }
        Redirect::to(to).into_response()
    }

    /// Leads to a page that says what came of a form; what people can correct is said there too.
    pub(crate) fn lead_with(&self, to: &str, done: Result<Notice, Problem>) -> Answer {
        match done {
            Ok(notice) => Ok(self.lead(to, notice)),
            Err(problem)
                if matches!(
                    problem.code,
                    Code::RequestMalformed | Code::AlreadyExists | Code::RateLimited | Code::TimeWithoutZone
                ) =>
            {
                Ok(self.lead(to, Notice::bad(&problem.detail)))
            }
            Err(problem) => Err(problem),
        }
    }
}

/// A detail as a sentence.
pub(super) fn capital(detail: &str) -> String {
    Notice::bad(detail).text
}
