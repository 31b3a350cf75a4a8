//! Numbers about what matches: counts by field, histograms, groups. Exact and whole, or refused with the limit that was met;
//! never a part.
//!
//! Everything here asks [`Searcher::visit`] once and counts what passes by, so that it selects exactly what a search lists.
//! Start reading at `facets`, the simplest of the three.

mod distinct;
mod facets;
mod groups;
mod histogram;

pub use distinct::MAX_VALUE_BYTES;
pub use facets::{FacetCounts, Facets, FacetsAsked};
pub use groups::{Group, GroupOrder, Groups, GroupsAsked};
pub use histogram::{Bar, Histogram, HistogramAsked};

use std::ops::ControlFlow;

use indelible_event::Leaf;
use indelible_query::{EventView, Instant};

use crate::budget::Budget;
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::searcher::Searcher;

/// First and last time of the acts that were counted, and how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Matching events.
    pub events: u64,
    /// Time of the first act; `None` when nothing matches.
    pub first: Option<Instant>,
    /// Time of the last act.
    pub last: Option<Instant>,
    /// Events of the log that were searched.
    pub log_size: u64,
}

impl Extent {
    fn see(&mut self, time: Instant) {
        self.events += 1;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(time));
    }
}

impl Searcher {
    /// Calls `f` with every match, all of them or an error; the extent counts what `f` saw.
    fn count_all(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        budget: &Budget<'_>,
        f: &mut dyn FnMut(&EventView<'_>, &Leaf) -> Result<(), SearchError>,
    ) -> Result<Extent, SearchError> {
        let log_size = request.at.map_or_else(|| log.size(), Ok)?;
        // What is committed meanwhile comes later.
        let request = Request { at: Some(log_size), ..*request };
        let mut extent = Extent { log_size, ..Extent::default() };
        let mut outcome = Ok(());
        let whole = self.visit(log, &request, budget, &mut |view, leaf| {
            extent.see(view.occurred());
            outcome = f(view, leaf);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome?;
        if whole { Ok(extent) } else { Err(SearchError::unfinished(budget)) }
    }
}
