//! The matches of sealed parts row by row, from columns as far as they decide, with the times of the acts; and those of a
//! range that is not sealed, event by event.

use std::ops::{ControlFlow, Range};

use indelible_query::{EventView, Instant};
use indelible_segment::open::OpenBlock;
use indelible_store::part::Part;

use crate::bits::Mask;
use crate::engine::occurred;
use crate::error::SearchError;
use crate::scan::Scan;
use crate::sealed::{Opened, Walk, within};

/// Receives a match: its block with the rows that columns decided, its row, and the event where columns did not decide.
pub(crate) type EachMatch<'f> = &'f mut dyn FnMut((&OpenBlock, Mask), usize, Option<&EventView<'_>>);

pub(crate) fn each_match(
    scan: &Scan<'_>,
    part: &Part,
    opened: &Opened,
    range: &Range<u64>,
    f: EachMatch<'_>,
) -> Result<(), SearchError> {
    let walk = scan.walk();
    for entry in walk.overlapping(part, range) {
        let place = within(entry, scan.window);
        if place == Some(false) {
            continue;
        }
        let Some((block, found)) = walk.candidates(part, opened, entry, range)? else { continue };
        let sure = in_window(scan, &walk, (part, &block), found.sure, place)?;
        sure.rows().for_each(|row| f((&block, sure), row, None));
        walk.each_doubtful((part, &block), found, &mut |row, record| {
            let leaf = scan.log.scope.read(&record)?;
            let view = scan.log.scope.view(&record, &leaf);
            if scan.in_window(view.occurred()) && scan.query.matches(&view) {
                f((&block, sure), row, Some(&view));
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn in_window(
    scan: &Scan<'_>,
    walk: &Walk<'_>,
    (part, block): (&Part, &OpenBlock),
    sure: Mask,
    place: Option<bool>,
) -> Result<Mask, SearchError> {
    if place.is_some() {
        return Ok(sure);
    }
    let times = occurred(part, block, sure).map_err(|error| walk.damage(part, block.entry(), error))?;
    Ok(Mask::of(times.len(), |row| {
        sure.contains(row) && times.get(row).is_some_and(|time| scan.in_window(*time))
    }))
}

/// Receives a match: its block, its row, the event where columns did not decide, and when it happened.
pub(crate) type EachTime<'f> = &'f mut dyn FnMut(&OpenBlock, usize, Option<&EventView<'_>>, Instant);

/// The same with times.
pub(crate) fn each_time(
    scan: &Scan<'_>,
    part: &Part,
    opened: &Opened,
    range: &Range<u64>,
    f: EachTime<'_>,
) -> Result<(), SearchError> {
    // Those of the block at hand, by its first index.
    let mut times: Option<(u64, Vec<Instant>)> = None;
    let mut failed = None;
    each_match(scan, part, opened, range, &mut |(block, sure), row, view| {
        if let Some(view) = view {
            f(block, row, Some(view), view.occurred());
            return;
        }
        let first = block.entry().first;
        if times.as_ref().is_none_or(|(of, _)| *of != first) {
            match occurred(part, block, sure) {
                Ok(found) => times = Some((first, found)),
                Err(error) => failed = failed.take().or(Some((*block.entry(), error))),
            }
        }
        if let Some(time) = times.as_ref().and_then(|(_, times)| times.get(row)) {
            f(block, row, None, *time);
        }
    })?;
    failed.map_or(Ok(()), |(entry, error)| Err(scan.walk().damage(part, &entry, error)))
}

impl Scan<'_> {
    /// Calls `f` with the time and the event of each match of a range that is not sealed.
    pub(crate) fn matching(
        &self,
        range: Range<u64>,
        f: &mut dyn FnMut(Instant, &EventView<'_>),
    ) -> Result<(), SearchError> {
        let mut failed = None;
        self.log.records.visit(self.log.scope.log, range, false, &mut |record| {
            if !self.budget.spend(record.stored.len()) {
                return ControlFlow::Break(());
            }
            match self.log.scope.read(&record) {
                Ok(leaf) => {
                    let view = self.log.scope.view(&record, &leaf);
                    let time = view.occurred();
                    if self.in_window(time) && self.query.matches(&view) {
                        f(time, &view);
                    }
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}
