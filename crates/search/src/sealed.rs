//! Walks a range of a log: sealed parts by columns, so that only rows that may match are put together; what is not sealed yet
//! record by record.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use indelible_event::{EventId, LEAF_BYTES, Leaf};
use indelible_query::Instant;
use indelible_segment::error::SegmentError;
use indelible_segment::open::OpenBlock;
use indelible_segment::read::BlockEntry;
use indelible_segment::row::Row;
use indelible_store::part::Part;

use crate::bits::Mask;
use crate::budget::Budget;
use crate::damage::Met;
use crate::engine::{Found, Question, occurred};
use crate::error::SearchError;
use crate::filter::Filter;
use crate::hit::Log;
use crate::records::{NO_BODY, Record, read_error};
use crate::zones::Zone;

/// One of so many rows wanted is many.
const MANY: usize = 4;

/// A log, its sealed parts, and what is asked of it.
pub(crate) struct Walk<'a> {
    pub(crate) log: Log<'a>,
    pub(crate) parts: &'a [Part],
    pub(crate) question: &'a Question<'a>,
    pub(crate) budget: &'a Budget<'a>,
}

/// Receives records.
pub(crate) type Each<'e> = &'e mut dyn FnMut(Record<'_>) -> ControlFlow<()>;

/// Whether a record that may match does.
pub(crate) type Check<'c> = &'c mut dyn FnMut(Record<'_>) -> Result<bool, SearchError>;

/// A piece of a range: within a sealed part, or not.
pub(crate) type Piece<'a> = (Range<u64>, Option<&'a Part>);

impl Walk<'_> {
    /// Calls `f` with every record of the range that may match, until it breaks or the budget ends.
    pub(crate) fn visit(&self, range: Range<u64>, descending: bool, f: Each<'_>) -> Result<(), SearchError> {
        let mut pieces = self.pieces(range);
        if descending {
            pieces.reverse();
        }
        let mut flow = ControlFlow::Continue(());
        for (range, part) in pieces {
            match part {
                Some(part) => flow = self.visit_part(part, range, descending, f)?,
                None => self.log.records.visit(self.log.scope.log, range, descending, &mut |record| {
                    flow = f(record);
                    flow
                })?,
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn pieces(&self, range: Range<u64>) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut next = range.start;
        for part in self.parts {
            let own = part.range();
            let (start, end) = (own.start.max(next), own.end.min(range.end));
            if start < end {
                if next < start {
                    pieces.push((next..start, None));
                }
                if self.is_readable(part) {
                    pieces.push((start..end, Some(part)));
                }
                next = end;
            }
        }
        if next < range.end {
            pieces.push((next..range.end, None));
        }
        pieces
    }

    /// Whether anything of a part can be read.
    fn is_readable(&self, part: &Part) -> bool {
        let left_out = &self.question.engine.left_out;
        if part.broken().is_some() || left_out.is_empty() {
            return part.broken().is_none();
        }
        let range = part.range();
        !left_out.of(part).iter().any(|out| out.first <= range.start && out.last + 1 >= range.end)
    }

    /// The stretches of a range that can hold matches, ascending, as far as the filters of sealed parts tell.
    pub(crate) fn stretches(&self, range: Range<u64>) -> Result<Vec<Range<u64>>, SearchError> {
        let mut found = Vec::new();
        for (range, part) in self.pieces(range) {
            let Some(part) = part else {
                found.push(range);
                continue;
            };
            let opened = self.filter(part)?;
            let may = |entry: &&BlockEntry| opened.whole || opened.filter.may_match(part.block_number(entry));
            let blocks = self.overlapping(part, &range).filter(may);
            found.extend(blocks.map(|entry| entry.first..entry.first + u64::from(entry.rows)));
        }
        Ok(found)
    }

    fn visit_part(
        &self,
        part: &Part,
        range: Range<u64>,
        descending: bool,
        f: Each<'_>,
    ) -> Result<ControlFlow<()>, SearchError> {
        let opened = self.filter(part)?;
        let mut blocks: Vec<&BlockEntry> = self.overlapping(part, &range).collect();
        if descending {
            blocks.reverse();
        }
        for entry in blocks {
            let Some((block, found)) = self.candidates(part, &opened, entry, &range)? else {
                if self.budget.has_ended() {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            };
            let mut rows: Vec<usize> = found.may.rows().collect();
            if descending {
                rows.reverse();
            }
            let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
            let damage = |error| self.damage(part, entry, error);
            // Where many rows are wanted, making all of them at once is cheaper.
            let many = rows.len() * MANY >= entry.rows as usize;
            let all = if many { Some(block.all(&part.index(), &read).map_err(damage)?) } else { None };
            for row in rows {
                let index = entry.first + row as u64;
                let one = match &all {
                    Some(_) => None,
                    None => Some(block.row(&part.index(), index, &read).map_err(damage)?),
                };
                let event = all.as_ref().or(one.as_ref()).and_then(|events| events.get(index));
                let Some(row) = event else { continue };
                let flow = f(Record { index, leaf: &leaf(&row), stored: row.stored });
                if flow.is_break() {
                    return Ok(flow);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The number of matches in the range of those whose time is in the window; `None` when the budget ended. `check` says
    /// whether a record that may match does.
    pub(crate) fn count(
        &self,
        range: Range<u64>,
        window: (Option<Instant>, Option<Instant>),
        check: Check<'_>,
    ) -> Result<Option<u64>, SearchError> {
        let mut count = 0;
        for (range, part) in self.pieces(range) {
            count += match part {
                Some(part) => self.count_part(part, &range, window, check)?,
                None => self.count_records(range, check)?,
            };
            if self.budget.has_ended() {
                return Ok(None);
            }
        }
        Ok(Some(count))
    }

    /// What dictionaries alone can count of a range, and the ranges that are left.
    pub(crate) fn count_by_dictionaries(
        &self,
        range: Range<u64>,
        window: (Option<Instant>, Option<Instant>),
    ) -> Result<(u64, Vec<Range<u64>>), SearchError> {
        let (mut count, mut rest) = (0, Vec::new());
        for (range, part) in self.pieces(range) {
            let counted = match part {
                Some(part) => self.count_from_dictionaries(part, &self.filter(part)?, &range, window),
                None => None,
            };
            match counted {
                Some(rows) => count += rows,
                None => rest.push(range),
            }
        }
        Ok((count, rest))
    }

    /// Counts what is not sealed, record by record.
    fn count_records(&self, range: Range<u64>, check: Check<'_>) -> Result<u64, SearchError> {
        let mut count = 0;
        let mut failed = Ok(());
        self.log.records.visit(self.log.scope.log, range, false, &mut |record| {
            if !self.budget.spend(record.stored.len()) {
                return ControlFlow::Break(());
            }
            let hit = check(record);
            count += u64::from(*hit.as_ref().unwrap_or(&false));
            failed = hit.map(|_| ());
            if failed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        failed.map(|()| count)
    }

    fn count_part(
        &self,
        part: &Part,
        range: &Range<u64>,
        window: (Option<Instant>, Option<Instant>),
        check: Check<'_>,
    ) -> Result<u64, SearchError> {
        let opened = self.filter(part)?;
        let mut count = 0;
        for entry in self.overlapping(part, range) {
            let place = within(entry, window);
            if place == Some(false) {
                continue;
            }
            let Some((block, found)) = self.candidates(part, &opened, entry, range)? else {
                if self.budget.has_ended() {
                    break;
                }
                continue;
            };
            let mut sure = found.sure;
            if place.is_none() {
                let times =
                    occurred(part, &block, found.sure).map_err(|error| self.damage(part, entry, error))?;
                sure = Mask::of(entry.rows as usize, |row| {
                    sure.contains(row) && times.get(row).is_some_and(|time| is_within(*time, window))
                });
            }
            count += sure.count();
            self.each_doubtful((part, &block), found, &mut |_, record| {
                count += u64::from(check(record)?);
                Ok(())
            })?;
        }
        Ok(count)
    }

    /// Calls `f` with every row of a block of which only the event itself can tell whether it matches.
    pub(crate) fn each_doubtful(
        &self,
        (part, block): (&Part, &OpenBlock),
        found: Found,
        f: &mut dyn FnMut(usize, Record<'_>) -> Result<(), SearchError>,
    ) -> Result<(), SearchError> {
        let doubtful = found.may.without(found.sure);
        let entry = block.entry();
        let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
        for row in doubtful.rows() {
            let index = entry.first + row as u64;
            let event =
                block.row(&part.index(), index, &read).map_err(|error| self.damage(part, entry, error))?;
            if let Some(found) = event.get(index)
                && self.budget.spend(found.stored.len())
            {
                f(row, Record { index, leaf: &leaf(&found), stored: found.stored })?;
            }
        }
        Ok(())
    }

    /// Calls `f` with the sealed record at an index.
    pub(crate) fn row(&self, index: u64, f: &mut dyn FnMut(Record<'_>)) -> Result<(), SearchError> {
        for (range, part) in self.pieces(index..index + 1) {
            let Some(part) = part else { continue };
            for entry in self.overlapping(part, &range) {
                let damage = |error| self.damage(part, entry, error);
                let block = self.question.open(part, entry).map_err(damage)?;
                let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
                let rows = block.row(&part.index(), index, &read).map_err(damage)?;
                if let Some(row) = rows.get(index) {
                    f(Record { index, leaf: &leaf(&row), stored: row.stored });
                }
            }
        }
        Ok(())
    }

    /// The count when contexts or event types alone decide and everything is asked for.
    fn count_from_dictionaries(
        &self,
        part: &Part,
        opened: &Opened,
        range: &Range<u64>,
        window: (Option<Instant>, Option<Instant>),
    ) -> Option<u64> {
        let all_within = || part.blocks().iter().all(|entry| within(entry, window) == Some(true));
        if opened.whole || *range != part.range() || !all_within() {
            return None;
        }
        let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
        let (index, log) = (part.index(), part.log().0);
        let entry = index.logs().iter().find(|entry| entry.log == log)?;
        let own = entry.first_block..entry.first_block + entry.blocks;
        if let Some(contexts) = opened.filter.only_contexts() {
            let counts = self.question.engine.counts(part, &|| index.context_counts(&read));
            let counts = counts.ok()?;
            let rows = contexts.numbers().filter_map(|context| counts.get(context as usize));
            let ours = rows.filter(|count| own.contains(&count.blocks.0));
            return Some(ours.map(|count| u64::from(count.rows)).sum());
        }
        if let Some(types) = opened.filter.only_types() {
            let counts = self.question.engine.type_counts(part, &|| index.type_counts(&read));
            let counts = counts.ok()?;
            let blocks = counts.iter().skip(own.start as usize).take(own.len());
            let known = blocks.flatten().filter(|(event_type, _)| types.contains(*event_type));
            return Some(known.map(|(_, count)| u64::from(*count)).sum());
        }
        match *opened.filter {
            Filter::Always => Some(range.end - range.start),
            Filter::Never => Some(0),
            _ => None,
        }
    }

    /// An open block and its rows of the range that may match; `None` when there are none, or the budget ended.
    pub(crate) fn candidates(
        &self,
        part: &Part,
        opened: &Opened,
        entry: &BlockEntry,
        range: &Range<u64>,
    ) -> Result<Option<(Arc<OpenBlock>, Found)>, SearchError> {
        let number = part.block_number(entry);
        if !opened.whole && !opened.filter.may_match(number) {
            return Ok(None);
        }
        if !self.budget.goes_on() {
            return Ok(None);
        }
        let damage = |error| self.damage(part, entry, error);
        let block = self.question.open(part, entry).map_err(damage)?;
        let mut found = self.question.find(part, &opened.filter, (number, &block)).map_err(damage)?;
        if range.start > entry.first || range.end < entry.first + u64::from(entry.rows) {
            let inside = Mask::of(entry.rows as usize, |row| range.contains(&(entry.first + row as u64)));
            found.sure = found.sure.and(inside);
            found.may = found.may.and(inside);
        }
        Ok((!found.may.is_empty()).then_some((block, found)))
    }

    pub(crate) fn filter(&self, part: &Part) -> Result<Opened, SearchError> {
        let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
        let whole = part.index().has_whole_bodies(&read).map_err(|error| self.part_damage(part, error))?;
        // What narrows a search down can be done without: then every event is looked at.
        let filter = self.question.filter(part).or_else(|error| match error {
            SegmentError::Damaged { .. } => Ok(Arc::new(Filter::unknown())),
            other => Err(self.part_damage(part, other)),
        })?;
        Ok(Opened { filter, whole })
    }

    /// The blocks of a part that hold events of a range and can be read.
    pub(crate) fn overlapping<'p>(
        &self,
        part: &'p Part,
        range: &Range<u64>,
    ) -> impl Iterator<Item = &'p BlockEntry> + use<'p> {
        let blocks = part.blocks();
        let start = blocks.partition_point(|entry| entry.first + u64::from(entry.rows) <= range.start);
        let end = range.end;
        let left_out = &self.question.engine.left_out;
        let left_out = if left_out.is_empty() { Vec::new() } else { left_out.of(part) };
        let readable = move |entry: &&BlockEntry| {
            !left_out.iter().any(|out| (out.first..=out.last).contains(&entry.first))
        };
        let found = blocks.get(start..).unwrap_or_default().iter();
        found.take_while(move |entry| entry.first < end).filter(readable)
    }

    /// A block cannot be read.
    pub(crate) fn damage(&self, part: &Part, entry: &BlockEntry, error: SegmentError) -> SearchError {
        self.met(part, Some(entry), error)
    }

    /// What all blocks of a part need cannot be read.
    pub(crate) fn part_damage(&self, part: &Part, error: SegmentError) -> SearchError {
        self.met(part, None, error)
    }

    fn met(&self, part: &Part, entry: Option<&BlockEntry>, error: SegmentError) -> SearchError {
        match error {
            SegmentError::Damaged { .. } | SegmentError::Unreadable { .. } => {
                SearchError::Unreadable(Box::new(Met::new(part, entry, error)))
            }
            other => read_error(self.log.scope.log, part.damage(other)),
        }
    }
}

/// A leaf as far as it does not take the body to be hashed.
fn leaf(row: &Row<'_>) -> [u8; LEAF_BYTES] {
    let leaf = Leaf {
        flags: row.flags,
        type_tag: row.type_tag,
        received_ns: row.received_ns,
        id: EventId(row.id),
        producer: row.producer,
        sequence: row.sequence,
        body: NO_BODY,
    };
    leaf.encode()
}

pub(crate) struct Opened {
    pub(crate) filter: Arc<Filter>,
    /// Whether bodies are kept whole that no filter knows.
    pub(crate) whole: bool,
}

/// Whether all times of a block are in a window, or none; `None` when only some may be.
pub(crate) fn within(entry: &BlockEntry, window: (Option<Instant>, Option<Instant>)) -> Option<bool> {
    match (window, zone(entry)) {
        ((None, None), _) => Some(true),
        (_, None) => None,
        (_, Some(zone)) if is_within(zone.first, window) && is_within(zone.last, window) => Some(true),
        ((first, last), Some(zone)) => {
            let outside =
                first.is_some_and(|first| zone.last < first) || last.is_some_and(|last| zone.first > last);
            outside.then_some(false)
        }
    }
}

fn is_within(time: Instant, (first, last): (Option<Instant>, Option<Instant>)) -> bool {
    first.is_none_or(|first| time >= first) && last.is_none_or(|last| time <= last)
}

/// First and last time of the acts in a block, when it knows them.
pub(crate) fn zone(entry: &BlockEntry) -> Option<Zone> {
    let (first, last) = entry.occurred;
    // The ends of the range stand for times beyond it, too.
    let known = first > i64::MIN && first <= last && last < i64::MAX;
    known.then(|| Zone { first: Instant(first.into()), last: Instant(last.into()) })
}
