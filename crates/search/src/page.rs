//! From hits to a page: what is shown and where the neighbours begin.

use std::ops::ControlFlow;

use indelible_query::Instant;

use crate::error::SearchError;
use crate::hit::Hit;
use crate::order::{Order, Place, Rank, Start};
use crate::scan::{Best, Scan, Stopped};
use crate::top::MAX_PAGE_BYTES;

/// How a page was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pager {
    pub(crate) order: Order,
    /// Whether it was read towards the beginning.
    pub(crate) backward: bool,
    /// Where it began; `None` is the beginning of everything.
    pub(crate) start: Option<Start>,
}

/// A page before its cursors are sealed.
#[derive(Debug)]
pub(crate) struct Turned {
    pub(crate) items: Vec<Hit>,
    pub(crate) next: Option<Start>,
    pub(crate) prev: Option<Start>,
    pub(crate) complete: bool,
    pub(crate) stopped_at: Option<Instant>,
}

impl Pager {
    /// Whether the scan itself goes up.
    pub(crate) fn is_scan_ascending(&self) -> bool {
        self.order.is_ascending() != self.backward
    }

    /// Reads at most `limit` hits.
    pub(crate) fn read(&self, scan: &Scan<'_>, limit: usize) -> Result<Best, SearchError> {
        if self.order.is_by_time() {
            scan.by_time(self.is_scan_ascending(), self.start, limit)
        } else {
            first_by_index(scan, self.is_scan_ascending(), self.start, limit)
        }
    }

    pub(crate) fn turn(&self, best: Best) -> Turned {
        let place = |rank: Rank| rank.place(self.is_scan_ascending());
        let after = |rank| Start { place: place(rank), inclusive: false };
        let (first, last) = (best.hits.first().map(|hit| hit.0), best.hits.last().map(|hit| hit.0));
        let onward = self.onward(&best, last.map(after));
        // The way back from where this page began.
        let back = match (first, self.start) {
            (_, None) => None,
            (Some(first), _) => Some(after(first)),
            (None, Some(start)) => Some(Start { inclusive: !start.inclusive, ..start }),
        };
        let stopped_at = match best.stopped {
            Some(Stopped::At(time)) => Some(place(Rank { time, index: 0 }).time),
            Some(Stopped::AtIndex(_, time)) => Some(time),
            Some(Stopped::Learning) | None => None,
        };
        let complete = best.stopped.is_none();
        let mut items: Vec<Hit> = best.hits.into_iter().map(|(_, hit)| hit).collect();
        let (next, prev) = if self.backward {
            items.reverse();
            (back, onward)
        } else {
            (onward, back)
        };
        Turned { items, next, prev, complete, stopped_at }
    }

    /// Where the scan goes on after this page.
    fn onward(&self, best: &Best, after_last: Option<Start>) -> Option<Start> {
        let from = |rank: Rank, inclusive| Start { place: rank.place(self.is_scan_ascending()), inclusive };
        let beginning = from(Rank { time: i128::MAX, index: u64::MAX }, true);
        match best.stopped {
            Some(Stopped::At(time)) => Some(from(Rank { time, index: u64::MAX }, true)),
            Some(Stopped::AtIndex(rank, _)) => Some(from(rank, false)),
            Some(Stopped::Learning) => Some(self.start.unwrap_or(beginning)),
            None if best.more => after_last,
            // What will be recorded later comes after the last in ascending orders.
            None if self.order.is_ascending() && !self.backward => {
                Some(after_last.or(self.start).unwrap_or(beginning))
            }
            None => None,
        }
    }
}

/// The first `limit` hits in the order of the index that come after `start`.
fn first_by_index(
    scan: &Scan<'_>,
    ascending: bool,
    start: Option<Start>,
    limit: usize,
) -> Result<Best, SearchError> {
    let scan = start.map_or_else(|| scan.clone(), |start| begin_at(scan.clone(), ascending, start));
    let mut best = Best { hits: Vec::new(), more: false, stopped: None };
    let (mut bytes, mut seen) = (0, None);
    let whole = scan.by_index(ascending, &mut |record, leaf, hit| {
        let rank = Rank::new(Place { time: Instant(0), index: record.index }, ascending);
        if hit {
            bytes += record.stored.len();
            best.more = best.hits.len() >= limit || (bytes > MAX_PAGE_BYTES && !best.hits.is_empty());
            if best.more {
                return ControlFlow::Break(());
            }
            best.hits.push((rank, Hit::new(record, *leaf)));
        }
        seen = Some((rank, Instant(i128::from(leaf.received_ns))));
        ControlFlow::Continue(())
    })?;
    if !whole {
        let (rank, received) = seen.ok_or(SearchError::BudgetExceeded)?;
        best.stopped = Some(Stopped::AtIndex(rank, received));
    }
    Ok(best)
}

fn begin_at(mut scan: Scan<'_>, ascending: bool, start: Start) -> Scan<'_> {
    let Start { place, inclusive } = start;
    if ascending {
        scan.range.0 = scan.range.0.max(place.index.saturating_add(u64::from(!inclusive)));
    } else {
        scan.range.1 = scan.range.1.min(place.index.saturating_add(u64::from(inclusive)));
    }
    scan.range.1 = scan.range.1.max(scan.range.0);
    scan
}
