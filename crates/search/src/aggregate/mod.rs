//! Numbers about what matches: counts by field, histograms, groups. Exact and whole, or refused with the limit that was met;
//! never a part.
//!
//! Sealed events are counted from columns where columns know what is asked for; else everything asks [`Searcher::visit`] once
//! and counts what passes by. Both select exactly what a search lists.
//! Start reading at `facets`, the simplest of the three.

mod distinct;
mod facets;
mod groups;
mod histogram;
mod shared;

pub use distinct::MAX_VALUE_BYTES;
pub use facets::{FacetCounts, Facets, FacetsAsked};
pub use groups::{Group, GroupOrder, Groups, GroupsAsked};
pub use histogram::{Bar, Histogram, HistogramAsked};

use std::ops::ControlFlow;

use hashbrown::HashMap;
use indelible_event::Leaf;
use indelible_query::{EventView, Instant};

use crate::budget::Budget;
use crate::ends::{Ends, Sought};
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::scan::Scan;
use crate::searcher::Searcher;
use crate::tally::{Counted, NO_TIME};

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

/// The request as of now: what is committed meanwhile comes later.
fn pinned<'a>(log: Log<'_>, request: &Request<'a>) -> Result<Request<'a>, SearchError> {
    let log_size = request.at.map_or_else(|| log.size(), Ok)?;
    Ok(Request { at: Some(log_size), ..*request })
}

impl Extent {
    /// Of everything that was counted by columns.
    fn of_counted<'c>(
        scan: &Scan<'_>,
        counted: impl Iterator<Item = &'c Counted>,
        log_size: u64,
    ) -> Result<Self, SearchError> {
        let (mut events, mut sealed, mut ends) = (0, 0, NO_TIME);
        for of in counted {
            (events, sealed) = (events + of.count, sealed + of.sealed);
            ends = (ends.0.min(of.ends.0), ends.1.max(of.ends.1));
        }
        let mut extent = Self { events, log_size, ..Self::default() };
        extent.widen(scan, ends, sealed > 0)?;
        Ok(extent)
    }

    /// Sets the ends, to those of the matches that are not sealed and of the sealed ones if there are any.
    fn widen(&mut self, scan: &Scan<'_>, live: Ends, sealed: bool) -> Result<(), SearchError> {
        let mut ends = [live];
        if sealed {
            scan.widen_ends(&Sought { dimensions: &[], places: &HashMap::new() }, &mut ends)?;
        }
        let [(first, last)] = ends;
        (self.first, self.last) = if first <= last { (Some(first), Some(last)) } else { (None, None) };
        Ok(())
    }

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
        let request = pinned(log, request)?;
        let mut extent = Extent { log_size: request.at.unwrap_or(0), ..Extent::default() };
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
