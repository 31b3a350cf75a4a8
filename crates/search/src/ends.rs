//! When the first and the last of the sealed matches happened, of each combination of values that is asked for.
//!
//! Blocks are read from both ends of time, and only as many as can still change an end.

use std::cmp::Reverse;
use std::ops::Range;

use hashbrown::HashMap;
use indelible_query::Instant;
use indelible_segment::read::BlockEntry;
use indelible_store::part::Part;

use crate::error::SearchError;
use crate::filter::Filter;
use crate::rows::each_time;
use crate::scan::Scan;
use crate::sealed::{Opened, within, zone};
use crate::tally::{Columns, Dimension, Key, NONE, key_of};

/// Combinations whose ends are looked for.
pub(crate) struct Sought<'a> {
    /// None of them stands for one combination that all matches have.
    pub(crate) dimensions: &'a [Dimension],
    /// Which place each combination has among the ends. Each must have a sealed match, or every block is read.
    pub(crate) places: &'a HashMap<Key, usize>,
}

/// First and last time.
pub(crate) type Ends = (Instant, Instant);

struct PartOpened<'p> {
    part: &'p Part,
    opened: Opened,
    columns: Vec<Columns>,
}

struct BlockAt {
    /// Among the parts.
    part: usize,
    range: Range<u64>,
    /// No match is outside.
    bounds: Ends,
    /// Every row matches, and the bounds are the times of some.
    exact: bool,
}

impl BlockAt {
    /// Whether neither this block nor one after it can move an end.
    fn settles(&self, ends: Ends, late: bool) -> bool {
        if late { ends.1 >= self.bounds.1 } else { ends.0 <= self.bounds.0 }
    }
}

impl Scan<'_> {
    /// Widens the ends, each of them from what is known already, by all sealed matches.
    pub(crate) fn widen_ends(&self, sought: &Sought<'_>, ends: &mut [Ends]) -> Result<(), SearchError> {
        let walk = self.walk();
        let (mut parts, mut blocks) = (Vec::new(), Vec::new());
        for (range, part) in walk.pieces(self.range.0..self.range.1) {
            let Some(part) = part else { continue };
            let opened = walk.filter(part)?;
            let columns = Columns::of(self.engine(), part, sought.dimensions);
            let columns = columns.map_err(|error| walk.part_damage(part, error))?;
            let found = walk
                .overlapping(part, &range)
                .filter_map(|entry| self.block_at((parts.len(), part), &opened, entry, &range));
            blocks.extend(found);
            parts.push(PartOpened { part, opened, columns });
        }
        let mut read = vec![false; blocks.len()];
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        for late in [false, true] {
            let bound = |at: &usize| blocks.get(*at).map(|block| block.bounds);
            if late {
                order.sort_by_key(|at| Reverse(bound(at).map(|bounds| bounds.1)));
            } else {
                order.sort_by_key(|at| bound(at).map(|bounds| bounds.0));
            }
            // Ends only move outwards and bounds only inwards: what is settled stays so.
            let mut settled = 0;
            for &at in &order {
                let (Some(block), Some(read)) = (blocks.get(at), read.get_mut(at)) else { continue };
                settled += ends.iter().skip(settled).take_while(|ends| block.settles(**ends, late)).count();
                if settled == ends.len() {
                    break;
                }
                if let Some(of) = parts.get(block.part)
                    && !std::mem::replace(read, true)
                {
                    self.widen_by(block, of, sought, ends)?;
                    self.unless_ended()?;
                }
            }
        }
        Ok(())
    }

    fn block_at(
        &self,
        (number, part): (usize, &Part),
        opened: &Opened,
        entry: &BlockEntry,
        range: &Range<u64>,
    ) -> Option<BlockAt> {
        let place = within(entry, self.window);
        let may = opened.whole || opened.filter.may_match(part.block_number(entry));
        if place == Some(false) || !may {
            return None;
        }
        let last = entry.first + u64::from(entry.rows);
        let zone = zone(entry);
        let whole = range.start <= entry.first && last <= range.end && place == Some(true);
        let exact = zone.is_some() && whole && !opened.whole && matches!(*opened.filter, Filter::Always);
        let bounds = zone.map_or((Instant(i128::MIN), Instant(i128::MAX)), |zone| (zone.first, zone.last));
        let range = entry.first.max(range.start)..last.min(range.end);
        Some(BlockAt { part: number, range, bounds, exact })
    }

    fn widen_by(
        &self,
        block: &BlockAt,
        of: &PartOpened<'_>,
        sought: &Sought<'_>,
        ends: &mut [Ends],
    ) -> Result<(), SearchError> {
        let mut widen = |place: usize, first: Instant, last: Instant| {
            if let Some(ends) = ends.get_mut(place) {
                *ends = (ends.0.min(first), ends.1.max(last));
            }
        };
        if sought.dimensions.is_empty() && block.exact {
            widen(0, block.bounds.0, block.bounds.1);
            return Ok(());
        }
        each_time(self, of.part, &of.opened, &block.range, &mut |open, row, view, time| {
            if sought.dimensions.is_empty() {
                return widen(0, time, time);
            }
            let key = match (open.event_type(row), view) {
                (Some(event_type), _) => {
                    Columns::key(&of.columns, open.context(row).unwrap_or(NONE), event_type)
                }
                (None, Some(view)) => key_of(self.engine(), sought.dimensions, view),
                (None, None) => return,
            };
            if let Some(place) = sought.places.get(&key) {
                widen(*place, time, time);
            }
        })
    }
}
