//! Histograms: matches by when they happened, in bars of the calendar, each divided by the values of a field.
//!
//! The bars run without a hole from where the window begins, else the first act, to where it ends, else the last.

use std::collections::{BTreeMap, HashMap};

use indelible_query::{FieldRef, Instant, Interval, Width};

use super::distinct::{Distinct, Memory};
use super::facets::most_frequent;
use super::{Extent, pinned};
use crate::budget::Budget;
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::searcher::Searcher;
use crate::tally::NO_TIME;
use crate::times::times_of_part;

/// What one part of a bar takes.
const PART_BYTES: usize = 48;

/// What a histogram should be like.
#[derive(Clone, Debug)]
pub struct HistogramAsked {
    /// Width of the bars; `None` takes the narrowest that makes no more than `bars`.
    pub width: Option<Width>,
    /// Most bars, empty ones included.
    pub bars: usize,
    /// On whose calendar.
    pub zone: jiff::tz::TimeZone,
    /// Divide bars by this field,
    pub stack: Option<FieldRef>,
    /// naming so many of its values.
    pub top: usize,
}

/// A histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// What was counted.
    pub extent: Extent,
    /// Width of the bars.
    pub width: Width,
    /// Values that bars are divided by, most frequent first.
    pub stack: Vec<String>,
    /// The bars in the order of time.
    pub bars: Vec<Bar>,
}

/// Events of a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which.
    pub interval: Interval,
    /// Its events.
    pub count: u64,
    /// Events of each value that the histogram names, in that order.
    pub parts: Vec<u64>,
    /// Events of other values; one with several counts for each.
    pub other: u64,
    /// Events without a value.
    pub missing: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    end: Option<Instant>,
    count: u64,
    parts: HashMap<u32, u64>,
    missing: u64,
}

struct Buckets<'a> {
    asked: &'a HistogramAsked,
    width: Width,
    by_start: BTreeMap<Instant, Bucket>,
    stack: Option<Distinct>,
    memory: Memory,
    ordinal: u64,
    numbers: Vec<u32>,
}

impl Searcher {
    /// Counts matches by when they happened.
    pub fn histogram(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        asked: &HistogramAsked,
        budget: &Budget<'_>,
    ) -> Result<Histogram, SearchError> {
        self.without_damage(|| self.histogram_once(log, request, asked, budget))
    }

    fn histogram_once(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        asked: &HistogramAsked,
        budget: &Budget<'_>,
    ) -> Result<Histogram, SearchError> {
        let mut buckets = Buckets {
            asked,
            width: asked.width.unwrap_or(Width::LADDER[0]),
            by_start: BTreeMap::new(),
            stack: asked.stack.as_ref().map(Distinct::new),
            memory: Memory::default(),
            ordinal: 0,
            numbers: Vec::new(),
        };
        let request = pinned(log, request)?;
        let span = span(&request);
        if asked.stack.is_none()
            && let Some(extent) = self.bars_of_columns((log, &request), &mut buckets, span, budget)?
        {
            return buckets.finish(extent, span);
        }
        let extent = self.count_all(log, &request, budget, &mut |view, _| {
            buckets.ordinal += 1;
            if let Some(stack) = &mut buckets.stack {
                stack.of_event((view, buckets.ordinal), &mut buckets.memory, &mut buckets.numbers)?;
            }
            buckets.add(view.occurred(), 1)
        })?;
        buckets.finish(extent, span)
    }

    /// Fills buckets that are not divided, with sealed matches from columns; `None`, and nothing filled, when there is
    /// nothing sealed.
    fn bars_of_columns(
        &self,
        (log, request): (Log<'_>, &Request<'_>),
        buckets: &mut Buckets<'_>,
        span: Span,
        budget: &Budget<'_>,
    ) -> Result<Option<Extent>, SearchError> {
        let (scan, log_size) = self.scan(log, request, budget)?;
        if scan.sealed.parts.is_empty() {
            return Ok(None);
        }
        let mut extent = Extent { log_size, ..Extent::default() };
        let (mut live, mut outcome) = (NO_TIME, Ok(()));
        let walk = scan.walk();
        let pieces = walk.pieces(scan.range.0..scan.range.1);
        for (range, _) in pieces.iter().filter(|(_, part)| part.is_none()) {
            scan.matching(range.clone(), &mut |time, _| {
                live = (live.0.min(time), live.1.max(time));
                if outcome.is_ok() {
                    outcome = buckets.add(time, 1);
                }
            })?;
            scan.unless_ended()?;
        }
        outcome?;
        extent.widen(&scan, live, true)?;
        // Wide stretches of time fit into bars only once the bars are as wide as they will be.
        buckets.fit(&extent, span)?;
        for (range, part) in &pieces {
            let (Some(part), mut outcome) = (part, Ok(())) else { continue };
            times_of_part(&scan, part, range, &mut |first, last, count| {
                let holds = outcome.is_err() || buckets.holds(first, last);
                if holds && outcome.is_ok() {
                    outcome = buckets.add(first, count);
                }
                holds
            })?;
            outcome?;
            scan.unless_ended()?;
        }
        extent.events = buckets.by_start.values().map(|bucket| bucket.count).sum();
        Ok(Some(extent))
    }
}

/// First and last instant that the request itself says.
type Span = (Option<Instant>, Option<Instant>);

fn span(request: &Request<'_>) -> Span {
    let (first, last) = request.query.bounds().occurred;
    let until = request.window.until.map(|until| Instant(until.0.saturating_sub(1)));
    (request.window.since.max(first), [until, last].into_iter().flatten().min())
}

impl Buckets<'_> {
    /// Whether a stretch of time lies in one bar.
    fn holds(&self, first: Instant, last: Instant) -> bool {
        first == last || self.width.around(first, &self.asked.zone).end > last
    }

    /// Adds matches of one bar.
    fn add(&mut self, time: Instant, count: u64) -> Result<(), SearchError> {
        let known = self.by_start.range_mut(..=time).next_back();
        let known = known.map(|(_, bucket)| bucket).filter(|bucket| bucket.end > Some(time));
        let bucket = if let Some(bucket) = known {
            bucket
        } else {
            let mut interval = self.width.around(time, &self.asked.zone);
            while self.by_start.len() >= self.asked.bars && !self.by_start.contains_key(&interval.start) {
                self.widen()?;
                interval = self.width.around(time, &self.asked.zone);
            }
            let bucket = self.by_start.entry(interval.start).or_default();
            bucket.end = Some(interval.end);
            bucket
        };
        bucket.count += count;
        let Some(stack) = &self.stack else { return Ok(()) };
        bucket.missing += u64::from(self.numbers.is_empty());
        for &number in &self.numbers {
            let part = bucket.parts.entry(number).or_insert(0);
            *part += 1;
            if *part == 1 {
                self.memory.take(PART_BYTES, stack.field())?;
            }
        }
        Ok(())
    }

    /// Goes over to the next wider bars; refuses when the width was asked for, or there is none.
    fn widen(&mut self) -> Result<(), SearchError> {
        let too_many = || SearchError::TooManyBars { width: self.width.to_string(), limit: self.asked.bars };
        let next = Width::LADDER.iter().skip_while(|width| **width != self.width).nth(1);
        let next = *next.filter(|_| self.asked.width.is_none()).ok_or_else(too_many)?;
        self.width = next;
        for (start, narrow) in std::mem::take(&mut self.by_start) {
            let interval = next.around(start, &self.asked.zone);
            let wide = self.by_start.entry(interval.start).or_default();
            wide.end = Some(interval.end);
            wide.count += narrow.count;
            wide.missing += narrow.missing;
            for (number, count) in narrow.parts {
                *wide.parts.entry(number).or_insert(0) += count;
            }
        }
        Ok(())
    }

    /// Makes the bars as wide as it takes for the whole time, and says which they are.
    fn fit(&mut self, extent: &Extent, (since, until): Span) -> Result<Vec<Interval>, SearchError> {
        let (first, last) = (since.or(extent.first), until.or(extent.last));
        loop {
            let Some((first, last)) = first.zip(last).filter(|(first, last)| first <= last) else {
                return Ok(Vec::new());
            };
            match self.intervals(first, last) {
                Some(intervals) => return Ok(intervals),
                None => self.widen()?,
            }
        }
    }

    fn finish(mut self, extent: Extent, span: Span) -> Result<Histogram, SearchError> {
        let intervals = self.fit(&extent, span)?;
        let named = self.named();
        let bars = intervals.into_iter().map(|interval| self.bar(interval, &named)).collect();
        let name = |number: &u32| self.stack.as_ref().map_or("", |stack| stack.name(*number)).to_owned();
        Ok(Histogram { extent, width: self.width, stack: named.iter().map(name).collect(), bars })
    }

    /// Every bar from one instant to another; `None` when they are too many.
    fn intervals(&self, first: Instant, last: Instant) -> Option<Vec<Interval>> {
        let mut intervals = Vec::new();
        let mut interval = self.width.around(first, &self.asked.zone);
        loop {
            if intervals.len() >= self.asked.bars {
                return None;
            }
            intervals.push(interval);
            if interval.end > last || interval.end.0 == i128::MAX {
                return Some(intervals);
            }
            interval = self.width.around(interval.end, &self.asked.zone);
        }
    }

    /// Numbers of the values that are named.
    fn named(&self) -> Vec<u32> {
        let Some(stack) = &self.stack else { return Vec::new() };
        let mut totals: HashMap<u32, u64> = HashMap::new();
        for (number, count) in self.by_start.values().flat_map(|bucket| &bucket.parts) {
            *totals.entry(*number).or_insert(0) += count;
        }
        let numbers: HashMap<&str, u32> =
            totals.keys().map(|number| (stack.name(*number), *number)).collect();
        let mut counted: Vec<(&str, u64)> =
            totals.iter().map(|(number, count)| (stack.name(*number), *count)).collect();
        most_frequent(&mut counted, self.asked.top);
        counted.iter().filter_map(|(name, _)| numbers.get(name).copied()).collect()
    }

    fn bar(&self, interval: Interval, named: &[u32]) -> Bar {
        let Some(bucket) = self.by_start.get(&interval.start) else {
            return Bar { interval, count: 0, parts: vec![0; named.len()], other: 0, missing: 0 };
        };
        let parts: Vec<u64> =
            named.iter().map(|number| bucket.parts.get(number).copied().unwrap_or(0)).collect();
        let all: u64 = bucket.parts.values().sum();
        let other = all - parts.iter().sum::<u64>();
        Bar { interval, count: bucket.count, parts, other, missing: bucket.missing }
    }
}
