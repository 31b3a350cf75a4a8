//! The best rows of sealed parts in an order by time: columns say which rows match and when their acts happened, and only what
//! columns cannot decide is put together to be asked. What is taken is read once it is known to be among the best.

use std::cmp::Reverse;
use std::ops::Range;

use indelible_query::Instant;
use indelible_segment::open::OpenBlock;
use indelible_segment::read::BlockEntry;
use indelible_store::part::Part;

use crate::bits::Mask;
use crate::engine::{Found, occurred};
use crate::error::SearchError;
use crate::hit::Hit;
use crate::order::{Place, Rank, Start};
use crate::scan::Scan;
use crate::sealed::{within, zone};
use crate::top::{MAX_PAGE_BYTES, Top};
use crate::zones::Learner;

/// A direction, and where in it to begin.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) ascending: bool,
    pub(crate) from: Option<Start>,
}

impl Way {
    pub(crate) fn rank(self, index: u64, time: Instant) -> Rank {
        Rank::new(Place { time, index }, self.ascending)
    }

    pub(crate) fn admits(self, rank: Rank) -> bool {
        self.from.is_none_or(|from| from.admits(rank, self.ascending))
    }

    /// The time, as ranks have it, of the best that a block can hold.
    fn best(self, entry: &BlockEntry) -> i128 {
        zone(entry).map_or(i128::MAX, |zone| {
            if self.ascending { zone.first.0.saturating_neg() } else { zone.last.0 }
        })
    }
}

impl Scan<'_> {
    /// Takes the best hits of a range of a sealed part, as far as the budget goes.
    pub(crate) fn rank_part(
        &self,
        part: &Part,
        range: &Range<u64>,
        way: Way,
        (top, learner): (&mut Top, &mut Learner),
    ) -> Result<(), SearchError> {
        let walk = self.walk();
        let opened = walk.filter(part)?;
        let mut blocks: Vec<&BlockEntry> = walk.overlapping(part, range).collect();
        if !way.ascending {
            blocks.reverse();
        }
        for entry in blocks {
            let too_late = top.worst().is_some_and(|worst| way.best(entry) < worst.time);
            if too_late || within(entry, self.window) == Some(false) {
                continue;
            }
            match walk.candidates(part, &opened, entry, range)? {
                Some((block, found)) => self.rank_block((part, &block), found, way, (top, learner))?,
                None if self.budget.has_ended() => break,
                None => {}
            }
        }
        Ok(())
    }

    fn rank_block(
        &self,
        (part, block): (&Part, &OpenBlock),
        found: Found,
        way: Way,
        (top, learner): (&mut Top, &mut Learner),
    ) -> Result<(), SearchError> {
        let entry = block.entry();
        let times =
            occurred(part, block, found.may).map_err(|error| self.walk().damage(part, entry, error))?;
        let mut doubtful = Vec::new();
        for (row, &time) in times.iter().enumerate().filter(|(row, _)| found.may.contains(*row)) {
            let index = entry.first + row as u64;
            // When it happened says only the event itself, if its body is kept whole.
            let known = block.event_type(row).is_some();
            if known {
                learner.see(index, time);
            }
            let rank = way.rank(index, time);
            if !known {
                doubtful.push((Rank { time: i128::MAX, ..rank }, row));
            } else if self.in_window(time) && way.admits(rank) && top.takes(rank) {
                if found.sure.contains(row) {
                    top.push(rank, None);
                } else {
                    doubtful.push((rank, row));
                }
            }
        }
        doubtful.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        for (rank, row) in doubtful {
            if !top.takes(rank) || self.budget.has_ended() {
                break;
            }
            self.ask_row((part, block), row, way, top)?;
        }
        Ok(())
    }

    /// Takes a row of which only the event itself can tell whether it matches.
    fn ask_row(
        &self,
        at: (&Part, &OpenBlock),
        row: usize,
        way: Way,
        top: &mut Top,
    ) -> Result<(), SearchError> {
        let one = Found { sure: Mask::NONE, may: Mask::of(row + 1, |other| other == row) };
        self.walk().each_doubtful(at, one, &mut |_, record| {
            let leaf = self.log.scope.read(&record)?;
            let view = self.log.scope.view(&record, &leaf);
            let time = view.occurred();
            let rank = way.rank(record.index, time);
            if self.in_window(time) && way.admits(rank) && top.takes(rank) && self.query.matches(&view) {
                top.push(rank, Some(Hit::new(&record, leaf)));
            }
            Ok(())
        })
    }

    /// Reads the hits that were taken by their place alone, best first, until a page is full of bytes; then the others are let
    /// go, and true is said.
    pub(crate) fn read_taken(
        &self,
        taken: Vec<(Rank, Option<Hit>)>,
        ascending: bool,
    ) -> Result<(Vec<(Rank, Hit)>, bool), SearchError> {
        let (mut hits, mut bytes) = (Vec::with_capacity(taken.len()), 0);
        for (rank, hit) in taken {
            let hit = match hit {
                Some(hit) => hit,
                None => self.read_hit(rank.place(ascending).index)?,
            };
            bytes += hit.stored.len();
            if bytes > MAX_PAGE_BYTES && !hits.is_empty() {
                return Ok((hits, true));
            }
            hits.push((rank, hit));
        }
        Ok((hits, false))
    }

    fn read_hit(&self, index: u64) -> Result<Hit, SearchError> {
        let mut found = None;
        self.walk().row(index, &mut |record| {
            self.budget.spend(record.stored.len());
            found = Some(self.log.scope.read(&record).map(|leaf| Hit::new(&record, leaf)));
        })?;
        let what = "it was there a moment ago".to_owned();
        found.unwrap_or(Err(SearchError::Damaged { log: self.log.scope.log, index, what }))
    }
}
