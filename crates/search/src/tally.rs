//! Counts of matches by fields that many events share (actor, account, session, origin, event type), and by time, from
//! dictionaries as far as they go. Exact: what dictionaries leave open is asked of the events themselves.

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, PoisonError};

use hashbrown::HashMap;
use indelible_event::Field;
use indelible_query::Instant;
use indelible_segment::error::SegmentError;
use indelible_segment::open::OpenBlock;
use indelible_segment::survey::{ContextCount, Owner};
use indelible_store::part::Part;

use crate::bits::Mask;
use crate::budget::Budget;
use crate::engine::{Engine, Shared, occurred};
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::scan::Scan;
use crate::sealed::{Opened, Walk, within};
use crate::searcher::Searcher;

/// Most names that are kept for tallies: those of a hundred million events' sessions are counted event by event instead.
const MAX_NAMES: usize = 2_000_000;
/// Most fields that are counted together.
const MAX_FIELDS: usize = 3;
/// No value.
pub(crate) const NONE: u32 = u32::MAX;

/// Values of the fields asked for; `None` where an event has none.
pub type Values = Vec<Option<Arc<str>>>;

/// Takes a stretch of time and how many matches are in it; false when the stretch is too wide for it.
pub type TakeTimes<'f> = &'f mut dyn FnMut(Instant, Instant, u64) -> bool;

impl Searcher {
    /// Counts matches by the values of fields, in no order. `None` when a field is none of those that contexts and event
    /// types hold once per event (`actor.id`, `account`, `session.id`, `origin.address`, `code` …), when the budget ended, or
    /// when too many names are kept already: the counts would not be whole.
    pub fn tally(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        fields: &[Field],
        budget: &Budget<'_>,
    ) -> Result<Option<Vec<(Values, u64)>>, SearchError> {
        if self.names() >= MAX_NAMES
            || fields.len() > MAX_FIELDS
            || !fields.iter().all(|field| is_shared(*field))
        {
            return Ok(None);
        }
        let (scan, _) = self.scan(log, request, budget)?;
        let mut tally = Tally { scan: &scan, fields, counts: HashMap::new(), single: Vec::new() };
        let whole = tally.count()?;
        for (number, &count) in (0u32..).zip(&tally.single).filter(|(_, count)| **count > 0) {
            *tally.counts.entry(key(std::iter::once(number))).or_insert(0) += count;
        }
        let named = |numbers: &Key| {
            numbers.iter().take(fields.len()).map(|number| scan.engine().name(*number)).collect()
        };
        let counts = tally.counts.iter().map(|(numbers, count)| (named(numbers), *count)).collect();
        Ok(whole.then_some(counts).filter(|_| scan.engine().names() < MAX_NAMES))
    }

    /// Calls `f` with stretches of time and the matches in them; a stretch that it does not take comes again act by act.
    /// False when the budget ended first.
    pub fn times(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        budget: &Budget<'_>,
        f: TakeTimes<'_>,
    ) -> Result<bool, SearchError> {
        let (scan, _) = self.scan(log, request, budget)?;
        let walk = scan.walk();
        for (range, part) in walk.pieces(scan.range.0..scan.range.1) {
            match part {
                Some(part) => times_of_part(&scan, part, &range, f)?,
                None => scan.matching(range, &mut |time, _| {
                    f(time, time, 1);
                })?,
            }
            if budget.has_ended() {
                return if budget.is_cancelled() { Err(SearchError::Cancelled) } else { Ok(false) };
            }
        }
        Ok(true)
    }
}

fn is_shared(field: Field) -> bool {
    let path = field.path();
    let listed = matches!(field.def().kind, indelible_event::Kind::Text(_) | indelible_event::Kind::Word(_));
    listed && indelible_segment::survey::is_shared(path)
}

/// Numbers by context, and by event type, of the values of one field.
struct Columns {
    by_context: Arc<Vec<u32>>,
    by_type: Arc<Vec<u32>>,
}

struct Tally<'a, 's> {
    scan: &'a Scan<'s>,
    fields: &'a [Field],
    counts: HashMap<Key, u64>,
    /// By the number of the value, when there is one field: most of it is dense.
    single: Vec<u64>,
}

/// Numbers of the values of an event; what is not asked for has none.
type Key = [u32; MAX_FIELDS];

impl Tally<'_, '_> {
    /// False when the budget ended first.
    fn count(&mut self) -> Result<bool, SearchError> {
        let scan = self.scan;
        let walk = scan.walk();
        for (range, part) in walk.pieces(scan.range.0..scan.range.1) {
            if let Some(part) = part {
                self.count_part(part, &range)?;
            } else {
                let (fields, counts) = (self.fields, &mut self.counts);
                scan.matching(range, &mut |_, view| {
                    let number =
                        |field: &Field| view.text(*field).map_or(NONE, |text| scan.engine().number(text));
                    *counts.entry(key(fields.iter().map(number))).or_insert(0) += 1;
                })?;
            }
            if scan.budget.has_ended() {
                return if scan.budget.is_cancelled() { Err(SearchError::Cancelled) } else { Ok(false) };
            }
        }
        Ok(true)
    }

    fn count_part(&mut self, part: &Part, range: &Range<u64>) -> Result<(), SearchError> {
        let walk = self.scan.walk();
        let damage = |error| walk.damage(part, error);
        let opened = walk.filter(part)?;
        let engine = self.scan.engine();
        let columns =
            self.fields.iter().map(|field| columns(engine, part, *field)).collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(damage)?;
        let mut pairs: HashMap<(u32, u32), u64> = HashMap::new();
        match self.whole_contexts(part, &opened, range).map_err(damage)? {
            Some(counts) if columns.iter().all(|column| column.by_type.is_empty()) => {
                // One number per field and context: no pairs are needed.
                self.add_contexts(&columns, &counts);
                return Ok(());
            }
            _ => {}
        }
        let fields = self.fields;
        let counts = &mut self.counts;
        each_match(self.scan, part, &opened, range, &mut |(block, _), row, view| match (
            block.event_type(row),
            view,
        ) {
            (Some(event_type), _) => {
                *pairs.entry((block.context(row).unwrap_or(NONE), event_type)).or_insert(0) += 1;
            }
            (None, Some(view)) => {
                let number = |field: &Field| view.text(*field).map_or(NONE, |text| engine.number(text));
                *counts.entry(key(fields.iter().map(number))).or_insert(0) += 1;
            }
            (None, None) => {}
        })?;
        for ((context, event_type), count) in pairs {
            let number = |column: &Columns| match pick(&column.by_context, context) {
                NONE => pick(&column.by_type, event_type),
                number => number,
            };
            *self.counts.entry(key(columns.iter().map(number))).or_insert(0) += count;
        }
        Ok(())
    }

    fn add_contexts(&mut self, columns: &[Columns], counts: &[(u32, u32)]) {
        if let [column] = columns {
            for &(context, rows) in counts {
                let number = pick(&column.by_context, context);
                if number == NONE {
                    *self.counts.entry(key(std::iter::empty())).or_insert(0) += u64::from(rows);
                    continue;
                }
                if self.single.len() <= number as usize {
                    self.single.resize(number as usize + 1, 0);
                }
                if let Some(count) = self.single.get_mut(number as usize) {
                    *count += u64::from(rows);
                }
            }
            return;
        }
        for &(context, rows) in counts {
            let numbers = columns.iter().map(|column| pick(&column.by_context, context));
            *self.counts.entry(key(numbers)).or_insert(0) += u64::from(rows);
        }
    }

    /// Contexts and their rows, when they alone decide and the whole part is asked for.
    fn whole_contexts(
        &self,
        part: &Part,
        opened: &Opened,
        range: &Range<u64>,
    ) -> Result<Option<Vec<(u32, u32)>>, SegmentError> {
        let window = self.scan.window;
        let decided = matches!(*opened.filter, crate::filter::Filter::Always)
            || opened.filter.only_contexts().is_some();
        let inside = || part.blocks().iter().all(|entry| within(entry, window) == Some(true));
        if opened.whole || *range != part.range() || !decided || !inside() {
            return Ok(None);
        }
        let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
        let engine = self.scan.engine();
        let counts = engine.counts(part, &|| part.index().context_counts(&read))?;
        let Some(entry) = part.index().logs().iter().find(|entry| entry.log == part.log().0) else {
            return Ok(None);
        };
        let own = entry.first_block..entry.first_block + entry.blocks;
        let chosen = opened.filter.only_contexts();
        let ours = |(context, count): (u32, &ContextCount)| {
            let wanted =
                own.contains(&count.blocks.0) && chosen.is_none_or(|chosen| chosen.contains(context));
            wanted.then_some((context, count.rows))
        };
        Ok(Some((0..).zip(counts.iter()).filter_map(ours).collect()))
    }
}

fn key(numbers: impl Iterator<Item = u32>) -> Key {
    let mut key = [NONE; MAX_FIELDS];
    key.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
    key
}

fn pick(numbers: &[u32], at: u32) -> u32 {
    numbers.get(at as usize).copied().unwrap_or(NONE)
}

/// The values of a field by context and by event type, as numbers of the engine's names.
fn columns(engine: &Engine, part: &Part, field: Field) -> Result<Columns, SegmentError> {
    let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
    let index = part.index();
    let by_context = engine.shared(part, (field, Shared::Contexts), &|| {
        let mut numbers = Vec::new();
        for column in index.columns(&read)? {
            if column.owner != Owner::Contexts || column.path != field.path() || !column.is_text {
                continue;
            }
            numbers.resize(index.contexts(&read)? as usize, NONE);
            let mut put = |context: u32, number: u32| {
                if let Some(place) = numbers.get_mut(context as usize) {
                    *place = number;
                }
            };
            if column.has_entries {
                let mut entries = Vec::new();
                index
                    .each_entry(&column, &read, &mut |_, encoded| entries.push(engine.number_of(encoded)))?;
                index.context_entries(column.number, &read, &mut |context, entry| {
                    put(context, pick(&entries, entry));
                })?;
            } else {
                index.context_values(column.number, &read, &mut |context, encoded| {
                    put(context, engine.number_of(encoded));
                })?;
            }
        }
        Ok(numbers)
    })?;
    let by_type = engine.shared(part, (field, Shared::Types), &|| {
        let types = index.event_types(&read)?;
        let value = |event_type: &Vec<(String, Vec<u8>)>| {
            let found = event_type.iter().find(|(path, _)| path == field.path());
            found
                .and_then(|(_, value)| std::str::from_utf8(value).ok())
                .map_or(NONE, |text| engine.number(text))
        };
        let numbers: Vec<u32> = types.iter().map(value).collect();
        Ok(if numbers.iter().all(|number| *number == NONE) { Vec::new() } else { numbers })
    })?;
    Ok(Columns { by_context, by_type })
}

/// Receives a match: its block with the rows that columns decided, its row, and the event where columns did not decide.
type EachMatch<'f> = &'f mut dyn FnMut((&OpenBlock, Mask), usize, Option<&indelible_query::EventView<'_>>);

fn each_match(
    scan: &Scan<'_>,
    part: &Part,
    opened: &Opened,
    range: &Range<u64>,
    f: EachMatch<'_>,
) -> Result<(), SearchError> {
    let walk = scan.walk();
    for entry in crate::sealed::overlapping(part, range) {
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
    let times = occurred(part, block, sure).map_err(|error| walk.damage(part, error))?;
    Ok(Mask::of(times.len(), |row| {
        sure.contains(row) && times.get(row).is_some_and(|time| scan.in_window(*time))
    }))
}

fn times_of_part(
    scan: &Scan<'_>,
    part: &Part,
    range: &Range<u64>,
    f: TakeTimes<'_>,
) -> Result<(), SearchError> {
    let walk = scan.walk();
    let damage = |error| walk.damage(part, error);
    let opened = walk.filter(part)?;
    let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
    let types = opened.filter.only_types().filter(|_| !opened.whole);
    let counts = match types {
        Some(_) => {
            Some(scan.engine().type_counts(part, &|| part.index().type_counts(&read)).map_err(damage)?)
        }
        None => None,
    };
    for entry in crate::sealed::overlapping(part, range) {
        let inside = entry.first >= range.start && entry.first + u64::from(entry.rows) <= range.end;
        let zone = crate::sealed::zone(entry).filter(|_| inside && within(entry, scan.window) == Some(true));
        if let (Some(zone), Some(types), Some(counts)) = (zone, types, &counts) {
            let own = counts.get(part.index().number(entry) as usize).map_or(&[][..], Vec::as_slice);
            let known = own.iter().filter(|(event_type, _)| types.contains(*event_type));
            let count: u64 = known.map(|(_, count)| u64::from(*count)).sum();
            if count == 0 || f(zone.first, zone.last, count) {
                continue;
            }
        }
        let one = entry.first.max(range.start)..(entry.first + u64::from(entry.rows)).min(range.end);
        let mut times: Option<Vec<Instant>> = None;
        let mut failed = None;
        each_match(scan, part, &opened, &one, &mut |(block, sure), row, view| {
            if let Some(view) = view {
                f(view.occurred(), view.occurred(), 1);
                return;
            }
            if times.is_none() {
                match occurred(part, block, sure) {
                    Ok(found) => times = Some(found),
                    Err(error) => failed = Some(error),
                }
            }
            if let Some(time) = times.as_ref().and_then(|times| times.get(row)) {
                f(*time, *time, 1);
            }
        })?;
        failed.map_or(Ok(()), |error| Err(damage(error)))?;
    }
    Ok(())
}

impl Engine {
    /// The number of a name that is shared by all segments.
    pub(crate) fn number(&self, name: &str) -> u32 {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.number(name)
    }

    /// The same of a canonically encoded text.
    fn number_of(&self, encoded: &[u8]) -> u32 {
        /// Tag and length.
        const HEAD: usize = 5;
        encoded
            .get(HEAD..)
            .and_then(|text| std::str::from_utf8(text).ok())
            .map_or(NONE, |text| self.number(text))
    }

    /// How many names are kept.
    pub(crate) fn names(&self) -> usize {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The name of a number.
    fn name(&self, number: u32) -> Option<Arc<str>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).name(number)
    }
}

impl Scan<'_> {
    fn engine(&self) -> &Engine {
        self.sealed.question.engine
    }

    /// Calls `f` with the time and the event of each match of a range that is not sealed.
    fn matching(
        &self,
        range: Range<u64>,
        f: &mut dyn FnMut(Instant, &indelible_query::EventView<'_>),
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
