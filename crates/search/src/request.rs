//! What is asked of a search.

use indelible_query::{Clock, Compiled, Instant, TimeExpr};

use crate::cursor::first_bytes;
use crate::order::Order;

/// When the acts happened: from `since`, up to and without `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// First instant within.
    pub since: Option<Instant>,
    /// First instant after.
    pub until: Option<Instant>,
}

impl Window {
    /// The window between two times as people say them: from the start of the one to the end of the other. `None` when
    /// one of them is beyond the calendar.
    pub fn between(since: Option<&TimeExpr>, until: Option<&TimeExpr>, clock: &Clock) -> Option<Self> {
        let interval = |time: Option<&TimeExpr>| match time {
            Some(time) => time.interval(clock).map(Some),
            None => Some(None),
        };
        let (since, until) = (interval(since)?, interval(until)?);
        Some(Self { since: since.map(|interval| interval.start), until: until.map(|interval| interval.end) })
    }
}

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The query; conditions that come from the caller's rights are part of it.
    pub query: &'a Compiled,
    /// When the acts happened.
    pub window: Window,
    /// In which order.
    pub order: Order,
    /// Only the first so many events of the log.
    pub at: Option<u64>,
    /// The present that the query was compiled with; kept in cursors, so that later pages mean the same.
    pub now: Instant,
}

impl Request<'_> {
    /// Tells apart searches that must not share cursors.
    pub(crate) fn hash(&self) -> [u8; 16] {
        let number = |number: Option<i128>| number.map_or(String::new(), |number| number.to_string());
        let since = number(self.window.since.map(|time| time.0));
        let until = number(self.window.until.map(|time| time.0));
        let at = number(self.at.map(i128::from));
        let parts = ["search", self.query.text(), &since, &until, self.order.as_str(), &at];
        first_bytes(&parts.map(str::as_bytes))
    }
}
