//! Searching one log: pages in an order, counts, the feed in ingest order, and everything that matches.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use indelible_event::Leaf;
use indelible_query::{Compiled, EventView, Instant};
use indelible_store::log_no::LogNo;
use indelible_store::part::Part;

use crate::budget::Budget;
use crate::cursor::{Cursor, CursorKey};
use crate::engine::{Engine, Question};
use crate::error::SearchError;
use crate::find::index_range;
use crate::hit::{Hit, Log, Scope};
use crate::matches::Matches;
use crate::order::Order;
use crate::page::Pager;
use crate::request::{Request, Window};
use crate::scan::{Scan, Sealed};
use crate::zones::{BLOCK, Zone, Zones};

/// Finds events. One per process: it remembers where times lie in each log.
#[derive(Debug)]
pub struct Searcher {
    zones: Zones,
    engine: Engine,
    /// Up to which index the sealed parts of each log have given their zones.
    known: Mutex<HashMap<LogNo, u64>>,
    key: CursorKey,
    threads: usize,
}

/// One page of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The hits, in the order asked for.
    pub items: Vec<Hit>,
    /// Goes on after them. In ascending orders it is always there, so that a poller can follow it.
    pub next_cursor: Option<String>,
    /// Goes back before them.
    pub prev_cursor: Option<String>,
    /// Events of the log that were searched.
    pub log_size: u64,
    /// False when time or data ran out; the cursor continues.
    pub complete: bool,
    /// With `complete` false: results beyond this time have not been looked for.
    pub stopped_at: Option<Instant>,
}

/// A number of matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many were counted.
    pub value: u64,
    /// Whether that is all of them.
    pub exact: bool,
    /// Events of the log that were searched.
    pub log_size: u64,
}

/// A page of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// Matches in the order of their index.
    pub items: Vec<Hit>,
    /// Where to go on: everything before has been looked at.
    pub next: u64,
    /// Committed events; nothing is ever inserted below.
    pub high_water: u64,
}

impl Searcher {
    /// A searcher that seals cursors with `key` and reads with at most so many threads per search.
    pub fn new(key: CursorKey, threads: usize) -> Self {
        let known = Mutex::default();
        Self { zones: Zones::default(), engine: Engine::default(), known, key, threads: threads.max(1) }
    }

    /// Opens a cursor's text. Compile the query with the [`Cursor::now`] of it, then ask for the page.
    pub fn open_cursor(&self, scope: &Scope, text: &str) -> Result<Cursor, SearchError> {
        self.key.open(scope, text)
    }

    /// The page of at most `limit` hits at the beginning, or where a cursor says. A page of huge events is shorter; its
    /// cursor goes on all the same.
    pub fn page(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        (cursor, limit): (Option<&Cursor>, usize),
        budget: &Budget<'_>,
    ) -> Result<Page, SearchError> {
        let search = request.hash();
        if cursor.is_some_and(|cursor| cursor.search != search) {
            return Err(SearchError::CursorMismatch);
        }
        let backward = cursor.is_some_and(|cursor| cursor.backward);
        let pager = Pager { order: request.order, backward, start: cursor.map(|cursor| cursor.start) };
        let (best, log_size) = self.without_damage(|| {
            let (scan, log_size) = self.scan(log, request, budget)?;
            Ok((pager.read(&scan, limit.max(1))?, log_size))
        })?;
        let mut page = pager.turn(best);
        page.items.iter_mut().try_for_each(|hit| hit.complete(log))?;
        let seal =
            |start, backward| self.key.seal(log.scope, &Cursor::new(start, backward, search, request.now));
        Ok(Page {
            next_cursor: page.next.map(|start| seal(start, false)),
            prev_cursor: page.prev.map(|start| seal(start, true)),
            items: page.items,
            log_size,
            complete: page.complete,
            stopped_at: page.stopped_at,
        })
    }

    /// How many events match.
    pub fn count(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        budget: &Budget<'_>,
    ) -> Result<Count, SearchError> {
        self.without_damage(|| {
            let (scan, log_size) = self.scan(log, request, budget)?;
            let (value, exact) = scan.count()?;
            Ok(Count { value, exact, log_size })
        })
    }

    /// Calls `f` with every match in the order of the index until it breaks, its leaf perhaps without body hash; false when the
    /// budget ended first. Whoever counts begins again where damage is met.
    pub(crate) fn visit(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        budget: &Budget<'_>,
        f: &mut dyn FnMut(&EventView<'_>, &Leaf) -> ControlFlow<()>,
    ) -> Result<bool, SearchError> {
        let (scan, _) = self.scan(log, request, budget)?;
        scan.by_index(true, &mut |record, leaf, hit| {
            if hit { f(&log.scope.view(record, leaf), leaf) } else { ControlFlow::Continue(()) }
        })
    }

    /// Calls `f` with every match in the order of the index until it breaks, its leaf perhaps without body hash; false when the
    /// budget ended first. For whoever hands events on as they come, and so cannot begin again: where damage is met, it goes
    /// on behind what was visited. [`Budget::incomplete`] then names what may be lacking.
    pub fn walk(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        budget: &Budget<'_>,
        f: &mut dyn FnMut(&EventView<'_>, &Leaf) -> ControlFlow<()>,
    ) -> Result<bool, SearchError> {
        let mut next = 0;
        self.without_damage(|| {
            let (mut scan, _) = self.scan(log, request, budget)?;
            scan.range = (scan.range.0.max(next), scan.range.1.max(next));
            scan.by_index(true, &mut |record, leaf, hit| {
                next = record.index + 1;
                if hit { f(&log.scope.view(record, leaf), leaf) } else { ControlFlow::Continue(()) }
            })
        })
    }

    /// Everything that matches, in the order asked for. The log's size is frozen now.
    pub fn matches<'a>(
        &'a self,
        log: Log<'a>,
        request: &Request<'a>,
        budget: &'a Budget<'a>,
    ) -> Result<Matches<'a>, SearchError> {
        let (scan, log_size) = self.scan(log, request, budget)?;
        Ok(Matches::new(scan, request.order, log_size))
    }

    /// Matches in ingest order from `from` on, up to the first event that cannot be read, and then an error: whoever follows a
    /// log must not pass over events. At most `limit`, and no more than the budget allows to look at. `next`
    /// advances over what does not match.
    pub fn feed(
        &self,
        log: Log<'_>,
        query: &Compiled,
        (from, limit): (u64, usize),
        budget: &Budget<'_>,
    ) -> Result<FeedPage, SearchError> {
        let (window, order) = (Window::default(), Order::IndexAscending);
        let request = Request { query, window, order, at: None, now: Instant(0) };
        self.without_damage(|| self.feed_once(log, &request, (from, limit), budget))
    }

    fn feed_once(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        (from, limit): (u64, usize),
        budget: &Budget<'_>,
    ) -> Result<FeedPage, SearchError> {
        let (mut scan, high_water) = self.scan(log, request, budget)?;
        let mut page = FeedPage { items: Vec::new(), next: from, high_water };
        if limit == 0 || from >= high_water {
            return Ok(page);
        }
        scan.range = (scan.range.0.max(from), scan.range.1.max(from));
        let readable = scan.readable_to(from)?;
        scan.range.1 = scan.range.1.min(readable);
        let mut full = false;
        let whole = scan.by_index(true, &mut |record, leaf, hit| {
            page.next = record.index + 1;
            if hit {
                page.items.push(Hit::new(record, *leaf));
            }
            full = page.items.len() >= limit;
            if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if whole && !full {
            page.next = high_water.min(readable);
        }
        page.items.iter_mut().try_for_each(|hit| hit.complete(log))?;
        Ok(page)
    }

    /// A scan of the request, and the log's size, which is read once: what is committed meanwhile comes later.
    pub(crate) fn scan<'a>(
        &'a self,
        log: Log<'a>,
        request: &Request<'a>,
        budget: &'a Budget<'a>,
    ) -> Result<(Scan<'a>, u64), SearchError> {
        let size = log.size()?;
        let at = request.at.unwrap_or(size);
        if at > size {
            return Err(SearchError::AtBeyondLog { at, size });
        }
        let bounds = request.query.bounds();
        let range = index_range(log, bounds, at)?;
        let last = request.window.until.map(|until| Instant(until.0.saturating_sub(1)));
        let first = request.window.since.max(bounds.occurred.0);
        let window = (first, [last, bounds.occurred.1].into_iter().flatten().min());
        let parts = log.records.parts(log.scope.log)?;
        self.take_zones(log.scope.log, &parts);
        let question = Question::new(&self.engine, request.query, &log.scope.organization);
        let sealed = Arc::new(Sealed { parts, question });
        let (zones, query, threads) = (&self.zones, request.query, self.threads);
        let scan = Scan { log, zones, sealed, query, window, range, budget, threads };
        scan.say_what_is_left_out();
        Ok((scan, at))
    }

    /// Runs a search, and again from its beginning whenever it meets damage, which is left out then. A scan made within says
    /// what that is.
    pub(crate) fn without_damage<T>(
        &self,
        mut run: impl FnMut() -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        loop {
            match run() {
                Err(SearchError::Unreadable(met)) if self.engine.left_out.add(&met) => {}
                other => return other,
            }
        }
    }

    /// Learns from the indexes of sealed parts what a scan would learn by reading them.
    fn take_zones(&self, log: LogNo, parts: &[Part]) {
        let Some(end) = parts.last().map(|part| part.range().end) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let from = known.get(&log).copied().unwrap_or(0);
        if from >= end {
            return;
        }
        // A block of zones may lie in two parts: begin with the one that the last look left open.
        let begin = from - from % BLOCK;
        let mut found: BTreeMap<u64, (u64, Option<Zone>)> = BTreeMap::new();
        for entry in parts.iter().filter(|part| part.range().end > begin).flat_map(Part::blocks) {
            let (first, last) = (entry.first, entry.first + u64::from(entry.rows));
            for block in first / BLOCK..last.div_ceil(BLOCK) {
                let rows = last.min((block + 1) * BLOCK) - first.max(block * BLOCK);
                let zone = crate::sealed::zone(entry);
                let both = |(rows_before, before): &mut (u64, Option<Zone>)| {
                    *rows_before += rows;
                    *before = before
                        .zip(zone)
                        .map(|(a, b)| Zone { first: a.first.min(b.first), last: a.last.max(b.last) });
                };
                found.entry(block).and_modify(both).or_insert((rows, zone));
            }
        }
        let whole = found.into_iter().filter(|(_, (rows, _))| *rows == BLOCK);
        self.zones.learn(log, whole.filter_map(|(block, (_, zone))| Some((block, zone?))).collect());
        known.insert(log, end);
    }
}
