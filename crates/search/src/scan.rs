//! Reads the records that a query may match, and nothing that the zones rule out.

use std::cmp::Reverse;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indelible_event::Leaf;
use indelible_query::{Compiled, EventView, Instant};
use indelible_store::part;

use crate::budget::Budget;
use crate::engine::Question;
use crate::error::SearchError;
use crate::hit::{Hit, Log};
use crate::order::{Rank, Start};
use crate::ranked::Way;
use crate::records::Record;
use crate::sealed::Walk;
use crate::top::Top;
use crate::zones::{BLOCK, Learner, Zone, Zones};

/// Blocks that are read in one go at first; doubled each time, so that a search that finds little soon reads in long
/// stretches, and one that finds its page at once reads little beyond it.
const FIRST_GROUP: u64 = 1;
/// Most blocks in one go: what is read in vain at most, and how long the order of reading ignores the zones.
const MAX_GROUP: u64 = 64;
/// Blocks in one go from which several threads share them.
const SHARED_GROUP: u64 = 8;

/// Everything that a scan needs to know.
#[derive(Clone)]
pub(crate) struct Scan<'a> {
    pub(crate) log: Log<'a>,
    pub(crate) zones: &'a Zones,
    /// Sealed parts of the log, and the query as it is asked of them.
    pub(crate) sealed: Arc<Sealed<'a>>,
    pub(crate) query: &'a Compiled,
    /// First and last time of the act, both within.
    pub(crate) window: (Option<Instant>, Option<Instant>),
    /// Indexes to look at.
    pub(crate) range: (u64, u64),
    pub(crate) budget: &'a Budget<'a>,
    pub(crate) threads: usize,
}

/// The best hits in an order by time.
pub(crate) struct Best {
    /// Best first.
    pub(crate) hits: Vec<(Rank, Hit)>,
    /// Whether there are others after them.
    pub(crate) more: bool,
    /// Set when the budget ended.
    pub(crate) stopped: Option<Stopped>,
}

/// Where an unfinished scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Hits above this time are final.
    At(i128),
    /// In orders by index: this was the last that was looked at, received at this time.
    AtIndex(Rank, Instant),
    /// No hit is final, but a further try begins with what this one learned.
    Learning,
}

/// The sealed parts of a log, and the query as it is asked of them.
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    pub(crate) parts: Vec<part::Part>,
    pub(crate) question: Question<'a>,
}

struct Step {
    block: u64,
    /// The best rank's time that the block can hold.
    best: i128,
    known: bool,
}

struct Part {
    top: Top,
    learned: Vec<(u64, Zone)>,
    /// Whether the range was read to its end, or as far as it can matter.
    whole: bool,
}

impl Scan<'_> {
    fn range(&self) -> Range<u64> {
        self.range.0..self.range.1
    }

    /// Notes down which events of the range are left out because their files are damaged.
    pub(crate) fn say_what_is_left_out(&self) {
        for part in &self.sealed.parts {
            for out in self.sealed.question.engine.left_out.of(part) {
                if out.first < self.range.1 && out.last >= self.range.0 {
                    self.budget.lacks(out);
                }
            }
        }
    }

    /// Index of the first event from `from` on that cannot be read; an error when that is `from` itself.
    pub(crate) fn readable_to(&self, from: u64) -> Result<u64, SearchError> {
        let parts = self.sealed.parts.iter().filter(|part| part.range().end > from);
        let out = parts.flat_map(|part| self.sealed.question.engine.left_out.of(part));
        let first = out.filter(|out| out.last >= from).min_by_key(|out| out.first);
        match first {
            None => Ok(u64::MAX),
            Some(out) if out.first > from => Ok(out.first),
            Some(out) => Err(SearchError::Lost(Box::new(out))),
        }
    }

    pub(crate) fn in_window(&self, time: Instant) -> bool {
        self.window.0.is_none_or(|first| time >= first) && self.window.1.is_none_or(|last| time <= last)
    }

    fn may_hold(&self, zone: Option<Zone>) -> bool {
        zone.is_none_or(|zone| {
            self.window.0.is_none_or(|first| zone.last >= first)
                && self.window.1.is_none_or(|last| zone.first <= last)
        })
    }

    fn block_range(&self, first: u64, last: u64) -> Range<u64> {
        (first * BLOCK).max(self.range.0)..((last + 1) * BLOCK).min(self.range.1)
    }

    /// Ranges of events that may match, ascending; neighbours are one range.
    pub(crate) fn ranges(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (block, zone) in self.zones.blocks(self.log.scope.log, &self.range()) {
            let range = self.block_range(block, block);
            match ranges.last_mut() {
                _ if !self.may_hold(zone) => {}
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        ranges
    }

    /// Visits records in the order of the index, each with whether it is a hit; false when the budget ended first.
    pub(crate) fn by_index(
        &self,
        ascending: bool,
        f: &mut dyn FnMut(&Record<'_>, &Leaf, bool) -> ControlFlow<()>,
    ) -> Result<bool, SearchError> {
        let mut ranges = self.ranges();
        if !ascending {
            ranges.reverse();
        }
        for range in ranges {
            let mut learner = Learner::default();
            let mut flow = ControlFlow::Continue(());
            self.read(range, !ascending, &mut |record, leaf, view| {
                let time = view.occurred();
                learner.see(record.index, time);
                let hit = self.in_window(time) && self.query.matches(view);
                flow = f(record, leaf, hit);
                flow
            })?;
            self.zones.learn(self.log.scope.log, learner.finish());
            if flow.is_break() {
                return Ok(true);
            }
            if self.budget.has_ended() {
                return if self.budget.is_cancelled() { Err(SearchError::Cancelled) } else { Ok(false) };
            }
        }
        Ok(true)
    }

    /// Number of hits, and whether that is all of them.
    pub(crate) fn count(&self) -> Result<(u64, bool), SearchError> {
        let (decided, rest) = self.walk().count_by_dictionaries(self.range(), self.window)?;
        let events: u64 = rest.iter().map(|range| range.end - range.start).sum();
        let share = events.div_ceil(self.threads as u64).max(SHARED_GROUP * BLOCK).next_multiple_of(BLOCK);
        let mut shares: Vec<Scan<'_>> = Vec::new();
        for range in rest {
            let mut start = range.start;
            while start < range.end {
                let end = (start - start % BLOCK).saturating_add(share).min(range.end);
                shares.push(Scan { range: (start, end), ..self.clone() });
                start = end;
            }
        }
        let next = AtomicUsize::new(0);
        let work = || {
            let (mut sum, mut whole) = (0, true);
            while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (count, all) = share.count_alone()?;
                (sum, whole) = (sum + count, whole && all);
            }
            Ok((sum, whole))
        };
        let helpers = self.threads.min(shares.len()).saturating_sub(1);
        let counted: Vec<Result<(u64, bool), SearchError>> = std::thread::scope(|threads| {
            let workers: Vec<_> = (0..helpers).map(|_| threads.spawn(work)).collect();
            let own = work();
            let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
            let joined = joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(own).chain(joined).collect()
        });
        counted
            .into_iter()
            .try_fold((decided, true), |(sum, all), part| part.map(|(n, whole)| (sum + n, all && whole)))
    }

    pub(crate) fn walk(&self) -> Walk<'_> {
        let Sealed { parts, question } = &*self.sealed;
        Walk { log: self.log, parts, question, budget: self.budget }
    }

    fn count_alone(&self) -> Result<(u64, bool), SearchError> {
        if !self.sealed.parts.is_empty() {
            let counted = self.walk().count(self.range(), self.window, &mut |record| {
                let leaf = self.log.scope.read(&record)?;
                let view = self.log.scope.view(&record, &leaf);
                Ok(self.in_window(view.occurred()) && self.query.matches(&view))
            })?;
            if self.budget.is_cancelled() && counted.is_none() {
                return Err(SearchError::Cancelled);
            }
            return Ok(counted.map_or((0, false), |count| (count, true)));
        }
        let mut value = 0;
        let exact = self.by_index(true, &mut |_, _, hit| {
            value += u64::from(hit);
            ControlFlow::Continue(())
        })?;
        Ok((value, exact))
    }

    /// The first `limit` hits in an order by time that come after `from`.
    pub(crate) fn by_time(
        &self,
        ascending: bool,
        from: Option<Start>,
        limit: usize,
    ) -> Result<Best, SearchError> {
        let scan = from.map_or_else(|| self.clone(), |from| self.after(from, ascending));
        scan.best(Way { ascending, from }, limit)
    }

    /// The same scan without the times before a start, so that blocks that were passed are not read again.
    fn after(&self, from: Start, ascending: bool) -> Self {
        let time = from.place.time;
        let (first, last) = self.window;
        let window = if ascending {
            (first.max(Some(time)), last)
        } else {
            (first, Some(last.map_or(time, |last| last.min(time))))
        };
        Self { window, ..self.clone() }
    }

    fn best(&self, way: Way, limit: usize) -> Result<Best, SearchError> {
        let Way { ascending, from } = way;
        let steps = self.steps(ascending)?;
        let mut top = Top::new(limit.saturating_add(1));
        let (mut at, mut size, mut learned) = (0, FIRST_GROUP, false);
        while let Some(step) = steps.get(at) {
            if top.worst().is_some_and(|worst| step.best < worst.time) {
                break;
            }
            let (group, next) = group(&steps, at, size);
            let part = self.read_group(group, way, &top)?;
            learned |= self.zones.learn(self.log.scope.log, part.learned);
            top.merge(part.top);
            if self.budget.is_cancelled() {
                return Err(SearchError::Cancelled);
            }
            if !part.whole {
                // Better than the place that the scan began at there can be nothing.
                let best =
                    from.map_or(step.best, |from| step.best.min(Rank::new(from.place, ascending).time));
                let advanced =
                    from.map_or(best < i128::MAX, |from| best < Rank::new(from.place, ascending).time);
                return self.stop((top, ascending), limit, best, (advanced, learned));
            }
            (at, size) = (next, (size * 2).min(MAX_GROUP));
        }
        let (taken, more) = top.finish(limit);
        let (hits, cut) = self.read_taken(taken, ascending)?;
        Ok(Best { hits, more: more || cut, stopped: None })
    }

    /// Keeps of an unfinished scan what no unread block, of which the best can hold `best`, can change.
    fn stop(
        &self,
        (mut top, ascending): (Top, bool),
        limit: usize,
        best: i128,
        (advanced, learned): (bool, bool),
    ) -> Result<Best, SearchError> {
        top.raise_floor(Some(Rank { time: best, index: u64::MAX }));
        let full = top.len() > limit;
        let (hits, cut) = self.read_taken(top.finish(limit).0, ascending)?;
        let stopped = match (advanced || !hits.is_empty(), learned) {
            _ if full || cut => None,
            (true, _) => Some(Stopped::At(best)),
            (false, true) => Some(Stopped::Learning),
            (false, false) => return Err(SearchError::BudgetExceeded),
        };
        Ok(Best { hits, more: true, stopped })
    }

    /// Blocks to read, the one that can hold the best hit first; unknown blocks can hold anything.
    fn steps(&self, ascending: bool) -> Result<Vec<Step>, SearchError> {
        let stretches = self.walk().stretches(self.range())?;
        let can_match = |block: u64| {
            let at = stretches.partition_point(|stretch| stretch.end <= block * BLOCK);
            stretches.get(at).is_some_and(|stretch| stretch.start < (block + 1) * BLOCK)
        };
        let blocks = self.zones.blocks(self.log.scope.log, &self.range());
        let mut steps: Vec<Step> = blocks
            .into_iter()
            .filter(|(block, zone)| self.may_hold(*zone) && can_match(*block))
            .map(|(block, zone)| {
                let best =
                    zone.map(|zone| if ascending { zone.first.0.saturating_neg() } else { zone.last.0 });
                Step { block, best: best.unwrap_or(i128::MAX), known: zone.is_some() }
            })
            .collect();
        if !ascending {
            steps.reverse();
        }
        // Stable: neighbours in the log stay neighbours.
        steps.sort_by_key(|step| Reverse(step.best));
        Ok(steps)
    }

    fn read_group(&self, group: Range<u64>, way: Way, top: &Top) -> Result<Part, SearchError> {
        let blocks = group.end - group.start;
        let threads = self.threads as u64;
        if blocks < SHARED_GROUP || threads < 2 {
            return self.read_part(self.block_range(group.start, group.end - 1), way, top.part());
        }
        let share = blocks.div_ceil(threads);
        let parts: Vec<Result<Part, SearchError>> = std::thread::scope(|threads| {
            let starts = (group.start..group.end).step_by(usize::try_from(share).unwrap_or(usize::MAX));
            let workers: Vec<_> = starts
                .map(|first| {
                    let range = self.block_range(first, (first + share).min(group.end) - 1);
                    let part = top.part();
                    threads.spawn(move || self.read_part(range, way, part))
                })
                .collect();
            let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let mut whole = Part { top: top.part(), learned: Vec::new(), whole: true };
        for part in parts {
            let part = part?;
            whole.top.merge(part.top);
            whole.learned.extend(part.learned);
            whole.whole &= part.whole;
        }
        Ok(whole)
    }

    fn read_part(&self, range: Range<u64>, way: Way, mut top: Top) -> Result<Part, SearchError> {
        let mut learner = Learner::default();
        let walk = self.walk();
        let mut pieces = walk.pieces(range);
        if !way.ascending {
            pieces.reverse();
        }
        for (range, part) in pieces {
            if let Some(part) = part {
                self.rank_part(part, &range, way, (&mut top, &mut learner))?;
                continue;
            }
            self.read(range, !way.ascending, &mut |record, leaf, view| {
                let time = view.occurred();
                learner.see(record.index, time);
                let rank = way.rank(record.index, time);
                let wanted = self.in_window(time) && way.admits(rank);
                if wanted && top.takes(rank) && self.query.matches(view) {
                    top.push(rank, Some(Hit::new(record, *leaf)));
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(Part { top, learned: learner.finish(), whole: !self.budget.has_ended() })
    }

    /// Reads a range until `f` breaks or the budget ends.
    fn read(
        &self,
        range: Range<u64>,
        descending: bool,
        f: &mut dyn FnMut(&Record<'_>, &Leaf, &EventView<'_>) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        let mut damaged = None;
        self.walk().visit(range, descending, &mut |record| {
            if !self.budget.spend(record.stored.len()) {
                return ControlFlow::Break(());
            }
            match self.log.scope.read(&record) {
                Ok(leaf) => f(&record, &leaf, &self.log.scope.view(&record, &leaf)),
                Err(error) => {
                    damaged = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        damaged.map_or(Ok(()), Err)
    }
}

/// Blocks from `at` on that are neighbours in the log, at most `size` of them, and where the next group begins.
fn group(steps: &[Step], at: usize, size: u64) -> (Range<u64>, usize) {
    let Some(first) = steps.get(at) else { return (0..0, at) };
    let mut range = first.block..first.block + 1;
    let mut next = at + 1;
    while let Some(step) = steps.get(next).filter(|step| step.known == first.known) {
        if range.end - range.start >= size {
            break;
        }
        if step.block + 1 == range.start {
            range.start = step.block;
        } else if step.block == range.end {
            range.end += 1;
        } else {
            break;
        }
        next += 1;
    }
    (range, next)
}
