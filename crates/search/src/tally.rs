//! Counts of matches by fields that many events share (actor, account, session, origin, event type), from dictionaries as far
//! as they go. Exact: what dictionaries leave open is asked of the events themselves.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use hashbrown::HashMap;
use indelible_event::Field;
use indelible_query::{EventView, Instant};
use indelible_segment::error::SegmentError;
use indelible_segment::survey::Owner;
use indelible_store::part::Part;

use crate::bits::Bits;
use crate::budget::Budget;
use crate::cube::Cube;
use crate::engine::{Engine, Shared};
use crate::error::SearchError;
use crate::filter::Filter;
use crate::hit::Log;
use crate::request::Request;
use crate::rows::each_match;
use crate::scan::Scan;
use crate::sealed::{Opened, Piece, within};
use crate::searcher::Searcher;

/// Most names that are kept for tallies: those of a hundred million events' sessions are counted event by event instead.
const MAX_NAMES: usize = 2_000_000;
/// Most combinations of values that are counted at once: as many as there may be names.
pub(crate) const MAX_COMBINATIONS: usize = MAX_NAMES;
/// Most dimensions that are counted together.
const MAX_DIMENSIONS: usize = 3;
/// No value.
pub(crate) const NONE: u32 = u32::MAX;

/// Values of the fields asked for; `None` where an event has none.
pub type Values = Vec<Option<Arc<str>>>;

/// Fields of which the first that an event has gives its value.
pub(crate) type Dimension = Vec<Field>;

/// Numbers of the values of an event by dimension; what is not asked for has none.
pub(crate) type Key = [u32; MAX_DIMENSIONS];

/// What is counted together: matches by the combination of their values.
#[derive(Debug, Default)]
pub(crate) struct Set {
    pub(crate) dimensions: Vec<Dimension>,
    /// Sealed matches.
    sealed: HashMap<Key, u64>,
    /// The same by the number of the value, when there is one dimension: most of it is dense.
    single: Vec<u64>,
    /// Sealed matches that were added up before, and whether that is all of them.
    base: Option<(Arc<Cube>, bool)>,
    live: HashMap<Key, Counted>,
}

/// Matches of one combination.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// How many.
    pub(crate) count: u64,
    /// How many of them are sealed.
    pub(crate) sealed: u64,
    /// First and last time of those that are not sealed; the other way round when there are none.
    pub(crate) ends: (Instant, Instant),
}

/// No time at all: the first is later than the last.
pub(crate) const NO_TIME: (Instant, Instant) = (Instant(i128::MAX), Instant(i128::MIN));

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
        let Some(set) = Set::new(fields.iter().map(|field| vec![*field]).collect()) else { return Ok(None) };
        let (scan, _) = self.scan(log, request, budget)?;
        let mut sets = [set];
        match scan.count_sets(&mut sets) {
            Ok(true) => {}
            Ok(false) | Err(SearchError::Unfinished { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let [set] = sets;
        let counted = set.finish();
        let keys: Vec<u32> =
            counted.iter().flat_map(|(key, _)| key.iter().take(fields.len()).copied()).collect();
        let names = scan.engine().names_of(keys.iter().copied());
        let values = |at: usize| names.iter().skip(at * fields.len()).take(fields.len()).cloned().collect();
        Ok(Some(counted.iter().enumerate().map(|(at, (_, of))| (values(at), of.count)).collect()))
    }
}

/// Whether an event has the values of these fields by its context or its event type.
fn is_shared(field: Field) -> bool {
    let path = field.path();
    let listed = matches!(field.def().kind, indelible_event::Kind::Text(_) | indelible_event::Kind::Word(_));
    listed && indelible_segment::survey::is_shared(path)
}

impl Set {
    /// `None` when columns do not know the values, or the dimensions are too many.
    pub(crate) fn new(dimensions: Vec<Dimension>) -> Option<Self> {
        let known = dimensions.iter().all(|fields| fields.iter().all(|field| is_shared(*field)));
        (known && dimensions.len() <= MAX_DIMENSIONS).then(|| Self { dimensions, ..Self::default() })
    }

    /// The number of combinations, or more.
    fn len(&self) -> usize {
        let base = self.base.as_ref().map_or(0, |(base, _)| base.counts.len());
        self.sealed.len() + self.single.len() + self.live.len() + base
    }

    /// What was added up before, if that is all that is sealed.
    pub(crate) fn all_sealed(&self) -> Option<Arc<Cube>> {
        self.base.as_ref().filter(|(_, all)| *all).map(|(base, _)| Arc::clone(base))
    }

    /// All matches by combination, each once.
    pub(crate) fn finish(self) -> Vec<(Key, Counted)> {
        let sealed = |count| Counted { count, sealed: count, ends: NO_TIME };
        let single = (0u32..).zip(self.single).filter(|(_, count)| *count > 0);
        let single = single.map(|(number, count)| (key(std::iter::once(number)), count));
        let base = self.base.iter().flat_map(|(base, _)| &base.counts).map(|(key, count)| (*key, *count));
        if self.live.is_empty() && self.sealed.is_empty() {
            // Either of the two alone names no combination twice.
            let (only, other): (Vec<_>, Vec<_>) = (base.collect(), single.collect());
            if only.is_empty() || other.is_empty() {
                return only.into_iter().chain(other).map(|(key, count)| (key, sealed(count))).collect();
            }
            return merged(HashMap::new(), only.into_iter().chain(other)).into_iter().collect();
        }
        merged(self.live, base.chain(single).chain(self.sealed)).into_iter().collect()
    }

    fn add(&mut self, key: Key, count: u64) {
        *self.sealed.entry(key).or_insert(0) += count;
    }

    fn see_live(&mut self, engine: &Engine, view: &EventView<'_>, time: Instant) {
        let key = key_of(engine, &self.dimensions, view);
        let of = self.live.entry(key).or_insert(Counted { count: 0, sealed: 0, ends: NO_TIME });
        of.count += 1;
        of.ends = (of.ends.0.min(time), of.ends.1.max(time));
    }

    /// Adds contexts and their rows; of values, only contexts have any.
    fn add_contexts(&mut self, columns: &[Columns], counts: &[(u32, u32)]) {
        let [column] = columns else {
            for &(context, rows) in counts {
                self.add(key(columns.iter().map(|column| column.number(context, NONE))), u64::from(rows));
            }
            return;
        };
        for &(context, rows) in counts {
            match column.number(context, NONE) {
                NONE => self.add(key(std::iter::empty()), u64::from(rows)),
                number => {
                    let length = self.single.len().max(number as usize + 1);
                    self.single.resize(length, 0);
                    if let Some(count) = self.single.get_mut(number as usize) {
                        *count += u64::from(rows);
                    }
                }
            }
        }
    }
}

fn merged(
    mut counted: HashMap<Key, Counted>,
    sealed: impl Iterator<Item = (Key, u64)>,
) -> HashMap<Key, Counted> {
    for (key, count) in sealed {
        let of = counted.entry(key).or_insert(Counted { count: 0, sealed: 0, ends: NO_TIME });
        (of.count, of.sealed) = (of.count + count, of.sealed + count);
    }
    counted
}

/// The numbers of the values of an event.
pub(crate) fn key_of(engine: &Engine, dimensions: &[Dimension], view: &EventView<'_>) -> Key {
    let text = |fields: &Dimension| fields.iter().find_map(|field| view.text(*field));
    key(dimensions.iter().map(|fields| text(fields).map_or(NONE, |text| engine.number(text))))
}

fn key(numbers: impl Iterator<Item = u32>) -> Key {
    let mut key = [NONE; MAX_DIMENSIONS];
    key.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
    key
}

fn pick(numbers: &[u32], at: u32) -> u32 {
    numbers.get(at as usize).copied().unwrap_or(NONE)
}

/// Numbers by context, and by event type, of the values of one field.
struct FieldColumns {
    by_context: Arc<Vec<u32>>,
    by_type: Arc<Vec<u32>>,
}

/// The same of a dimension.
pub(crate) struct Columns(Vec<FieldColumns>);

impl Columns {
    /// Of the dimensions, in one part.
    pub(crate) fn of(
        engine: &Engine,
        part: &Part,
        dimensions: &[Dimension],
    ) -> Result<Vec<Self>, SegmentError> {
        let one = |fields: &Dimension| {
            fields.iter().map(|field| columns(engine, part, *field)).collect::<Result<_, _>>().map(Self)
        };
        dimensions.iter().map(one).collect()
    }

    fn number(&self, context: u32, event_type: u32) -> u32 {
        let number = |field: &FieldColumns| match pick(&field.by_context, context) {
            NONE => pick(&field.by_type, event_type),
            number => number,
        };
        self.0.iter().map(number).find(|number| *number != NONE).unwrap_or(NONE)
    }

    /// The key of a row.
    pub(crate) fn key(columns: &[Self], context: u32, event_type: u32) -> Key {
        key(columns.iter().map(|column| column.number(context, event_type)))
    }

    fn by_contexts(&self) -> bool {
        self.0.iter().all(|field| field.by_type.is_empty())
    }

    fn by_types(&self) -> bool {
        self.0.iter().all(|field| field.by_context.is_empty())
    }
}

/// What a part says of its matches without its rows, as far as it was asked.
struct Sources<'a, 's> {
    scan: &'a Scan<'s>,
    part: &'a Part,
    opened: Opened,
    /// Blocks of the log, when the whole part is asked for and no body is kept whole.
    own: Option<Range<u32>>,
}

impl Sources<'_, '_> {
    fn decides(&self, chosen: Option<&Bits>) -> bool {
        self.own.is_some() && (chosen.is_some() || matches!(*self.opened.filter, Filter::Always))
    }

    /// Contexts of the matches and their rows, when contexts alone decide.
    fn contexts(&self) -> Result<Option<Vec<(u32, u32)>>, SegmentError> {
        let chosen = self.opened.filter.only_contexts();
        let Some(own) = self.own.clone().filter(|_| self.decides(chosen)) else { return Ok(None) };
        let read = |at: u64, buf: &mut [u8]| self.part.read_at(at, buf);
        let counts = self.scan.engine().counts(self.part, &|| self.part.index().context_counts(&read))?;
        let wanted = |context: u32| chosen.is_none_or(|chosen| chosen.contains(context));
        let ours = (0..).zip(counts.iter()).filter(|(_, count)| own.contains(&count.blocks.0));
        let ours = ours.filter(|(context, _)| wanted(*context));
        Ok(Some(ours.map(|(context, count)| (context, count.rows)).collect()))
    }

    /// Event types of the matches and their rows, when event types alone decide.
    fn types(&self) -> Result<Option<HashMap<u32, u64>>, SegmentError> {
        let chosen = self.opened.filter.only_types();
        let Some(own) = self.own.clone().filter(|_| self.decides(chosen)) else { return Ok(None) };
        let read = |at: u64, buf: &mut [u8]| self.part.read_at(at, buf);
        let counts = self.scan.engine().type_counts(self.part, &|| self.part.index().type_counts(&read))?;
        let mut types = HashMap::new();
        let blocks = counts.iter().skip(own.start as usize).take(own.len());
        for &(event_type, rows) in blocks.flatten() {
            if chosen.is_none_or(|chosen| chosen.contains(event_type)) {
                *types.entry(event_type).or_insert(0) += u64::from(rows);
            }
        }
        Ok(Some(types))
    }
}

impl Scan<'_> {
    /// Counts all matches in each of the sets; false when values or combinations are too many for this way of counting. A
    /// budget that ended is an error.
    pub(crate) fn count_sets(&self, sets: &mut [Set]) -> Result<bool, SearchError> {
        let too_many =
            |sets: &[Set]| self.has_too_many_names() || sets.iter().any(|set| set.len() > MAX_COMBINATIONS);
        let walk = self.walk();
        for (range, part) in self.take_cubes(walk.pieces(self.range.0..self.range.1), sets)? {
            if too_many(sets) {
                return Ok(false);
            }
            match part {
                Some(part) => self.count_part(part, &range, sets)?,
                None => self.matching(range, &mut |time, view| {
                    for set in &mut *sets {
                        set.see_live(self.engine(), view, time);
                    }
                })?,
            }
            self.unless_ended()?;
        }
        Ok(!too_many(sets))
    }

    /// Takes what is added up already, in all sets or none; gives the pieces that are to be counted.
    fn take_cubes<'p>(
        &self,
        pieces: Vec<Piece<'p>>,
        sets: &mut [Set],
    ) -> Result<Vec<Piece<'p>>, SearchError> {
        let (mut whole, mut rest) = (Vec::new(), Vec::new());
        for piece in &pieces {
            match piece.1 {
                Some(part) if self.takes_whole(piece)? => whole.push(part),
                _ => rest.push(piece.clone()),
            }
        }
        let mut bases = Vec::with_capacity(sets.len());
        for set in &*sets {
            let Some(base) = self.cube(&set.dimensions, &whole)? else { return Ok(pieces) };
            bases.push(base);
        }
        let all = rest.iter().all(|(_, part)| part.is_none());
        sets.iter_mut().zip(bases).for_each(|(set, base)| set.base = Some((base, all)));
        Ok(rest)
    }

    pub(crate) fn has_too_many_names(&self) -> bool {
        self.engine().names() >= MAX_NAMES
    }

    /// An error when the budget ended: numbers are whole or none.
    pub(crate) fn unless_ended(&self) -> Result<(), SearchError> {
        match self.budget.has_ended() {
            false => Ok(()),
            true if self.budget.is_cancelled() => Err(SearchError::Cancelled),
            true => Err(SearchError::unfinished(self.budget)),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.sealed.question.engine
    }

    pub(crate) fn count_part(
        &self,
        part: &Part,
        range: &Range<u64>,
        sets: &mut [Set],
    ) -> Result<(), SearchError> {
        let walk = self.walk();
        let damage = |error| walk.part_damage(part, error);
        let opened = walk.filter(part)?;
        let entry = part.logs().iter().find(|entry| entry.log == part.log().0);
        let inside = || part.blocks().iter().all(|entry| within(entry, self.window) == Some(true));
        let own = entry.filter(|_| !opened.whole && *range == part.range() && inside());
        let own = own.map(|entry| entry.first_block..entry.first_block + entry.blocks);
        let sources = Sources { scan: self, part, opened, own };
        let columns = |set: &Set| Columns::of(self.engine(), part, &set.dimensions).map_err(damage);
        let columns = sets.iter().map(columns).collect::<Result<Vec<_>, _>>()?;
        let by_contexts = |columns: &Vec<Columns>| columns.iter().all(Columns::by_contexts);
        let by_types = |columns: &Vec<Columns>| columns.iter().all(Columns::by_types);
        let contexts = columns.iter().any(by_contexts).then(|| sources.contexts()).transpose();
        let types = columns.iter().any(by_types).then(|| sources.types()).transpose();
        let (contexts, types) = (contexts.map_err(damage)?.flatten(), types.map_err(damage)?.flatten());
        let mut left: Vec<(&mut Set, Vec<Columns>)> = Vec::new();
        for (set, columns) in sets.iter_mut().zip(columns) {
            match (&contexts, &types) {
                (Some(contexts), _) if by_contexts(&columns) => set.add_contexts(&columns, contexts),
                (_, Some(types)) if by_types(&columns) => {
                    for (&event_type, &count) in types {
                        set.add(Columns::key(&columns, NONE, event_type), count);
                    }
                }
                _ => left.push((set, columns)),
            }
        }
        if left.is_empty() { Ok(()) } else { self.count_rows((part, &sources.opened), range, &mut left) }
    }

    /// Counts row by row: first pairs of context and event type, which are few, then what they stand for.
    fn count_rows(
        &self,
        (part, opened): (&Part, &Opened),
        range: &Range<u64>,
        sets: &mut [(&mut Set, Vec<Columns>)],
    ) -> Result<(), SearchError> {
        let mut pairs: HashMap<(u32, u32), u64> = HashMap::new();
        each_match(self, part, opened, range, &mut |(block, _), row, view| match block.event_type(row) {
            Some(event_type) => {
                *pairs.entry((block.context(row).unwrap_or(NONE), event_type)).or_insert(0) += 1;
            }
            None => {
                for (set, _) in sets.iter_mut() {
                    if let Some(view) = view {
                        set.add(key_of(self.engine(), &set.dimensions, view), 1);
                    }
                }
            }
        })?;
        for (set, columns) in sets {
            for (&(context, event_type), &count) in &pairs {
                set.add(Columns::key(columns, context, event_type), count);
            }
        }
        Ok(())
    }
}

/// The values of a field by context and by event type, as numbers of the engine's names.
fn columns(engine: &Engine, part: &Part, field: Field) -> Result<FieldColumns, SegmentError> {
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
    Ok(FieldColumns { by_context, by_type })
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

    /// The names of numbers; none where there is no value.
    pub(crate) fn names_of(&self, numbers: impl Iterator<Item = u32>) -> Vec<Option<Arc<str>>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.map(|number| names.name(number)).collect()
    }
}
