//! Reads sealed parts of a log by columns: filters per query and segment, open blocks, and which rows of a block match.
//!
//! Filters and blocks are kept within a budget of memory and can be lost at any time: a segment never changes.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use indelible_event::Field;
use indelible_query::{Compiled, Condition, Instant, Place};
use indelible_segment::error::SegmentError;
use indelible_segment::open::OpenBlock;
use indelible_segment::read::BlockEntry;
use indelible_segment::survey::{ContextCount, Owner};
use indelible_store::log_no::LogNo;
use indelible_store::part::Part;

use crate::bits::Mask;
use crate::cube::Cube;
use crate::cursor::first_bytes;
use crate::damage::LeftOut;
use crate::filter::{Asked, Filter, Leaf, Surveyor, leaves};

/// Memory for open blocks: about three hundred of them, as many as some pages and their neighbours need.
const BLOCK_BYTES: usize = 96 * 1024 * 1024;
/// Memory for filters, and for each of the other kinds.
const FILTER_BYTES: usize = 32 * 1024 * 1024;

/// Remembers what was read of segments. One per process.
#[derive(Debug)]
pub(crate) struct Engine {
    blocks: Mutex<Kept<(u64, u64), OpenBlock>>,
    filters: Mutex<Kept<(u64, [u8; 16]), Filter>>,
    shared: Mutex<Kept<(u64, Field, Shared), Vec<u32>>>,
    counts: Mutex<Kept<u64, Vec<ContextCount>>>,
    types: Mutex<Kept<u64, TypeCounts>>,
    pub(crate) cubes: Mutex<Kept<(LogNo, u64), Cube>>,
    /// What cannot be read.
    pub(crate) left_out: LeftOut,
    /// Numbers for the values of shared columns.
    pub(crate) names: Mutex<Names>,
}

/// Per block, event types and their rows.
pub(crate) type TypeCounts = Vec<Vec<(u32, u32)>>;

/// Of what the values of a field are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shared {
    Contexts,
    Types,
}

/// Names by number. They are few beside the events: those of actors, accounts, sessions.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Names {
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let (number, name) = (self.names.len() as u32, Arc::<str>::from(name));
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, number: u32) -> Option<Arc<str>> {
        self.names.get(number as usize).cloned()
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            blocks: Mutex::new(Kept::new(BLOCK_BYTES)),
            filters: Mutex::new(Kept::new(FILTER_BYTES)),
            shared: Mutex::new(Kept::new(FILTER_BYTES)),
            counts: Mutex::new(Kept::new(FILTER_BYTES)),
            types: Mutex::new(Kept::new(FILTER_BYTES)),
            cubes: Mutex::new(Kept::new(FILTER_BYTES)),
            left_out: LeftOut::default(),
            names: Mutex::default(),
        }
    }
}

/// What is kept under a key, or made now and kept.
fn kept_or<K: Hash + Eq + Copy, V>(
    kept: &Mutex<Kept<K, V>>,
    key: K,
    make: impl FnOnce() -> Result<V, SegmentError>,
    weight: impl FnOnce(&V) -> usize,
) -> Result<Arc<V>, SegmentError> {
    let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = lock().get(&key) {
        return Ok(found);
    }
    let made = Arc::new(make()?);
    let weight = weight(&made);
    lock().put(key, &made, weight);
    Ok(made)
}

/// Makes what is not kept yet.
pub(crate) type Make<'m, V> = &'m dyn Fn() -> Result<V, SegmentError>;

impl Engine {
    /// The values of a field by context or event type, as numbers of [`Names`].
    pub(crate) fn shared(
        &self,
        part: &Part,
        (field, of): (Field, Shared),
        make: Make<'_, Vec<u32>>,
    ) -> Result<Arc<Vec<u32>>, SegmentError> {
        kept_or(&self.shared, (part.number(), field, of), make, |numbers| numbers.len() * 4)
    }

    /// Counts of the contexts of a part's segment.
    pub(crate) fn counts(
        &self,
        part: &Part,
        make: Make<'_, Vec<ContextCount>>,
    ) -> Result<Arc<Vec<ContextCount>>, SegmentError> {
        kept_or(&self.counts, part.number(), make, |counts| counts.len() * 12)
    }

    /// Counts of event types of a part's segment.
    pub(crate) fn type_counts(
        &self,
        part: &Part,
        make: Make<'_, TypeCounts>,
    ) -> Result<Arc<TypeCounts>, SegmentError> {
        kept_or(&self.types, part.number(), make, |counts| {
            counts.iter().map(|block| block.len() * 8 + 24).sum()
        })
    }
}

/// Values within a budget of memory; the oldest go first.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    values: HashMap<K, (Arc<V>, usize)>,
    order: VecDeque<K>,
    bytes: usize,
    budget: usize,
}

impl<K: Hash + Eq + Copy, V> Kept<K, V> {
    fn new(budget: usize) -> Self {
        Self { values: HashMap::new(), order: VecDeque::new(), bytes: 0, budget }
    }

    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.values.get(key).map(|(value, _)| Arc::clone(value))
    }

    pub(crate) fn put(&mut self, key: K, value: &Arc<V>, weight: usize) {
        self.bytes += weight;
        match self.values.insert(key, (Arc::clone(value), weight)) {
            Some((_, before)) => self.bytes = self.bytes.saturating_sub(before),
            None => self.order.push_back(key),
        }
        while self.bytes > self.budget {
            let Some((_, weight)) = self.order.pop_front().and_then(|oldest| self.values.remove(&oldest))
            else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(weight);
        }
    }
}

/// A query, ready to be asked of segments.
pub(crate) struct Question<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) query: &'a Compiled,
    condition: Option<Condition<'a>>,
    leaves: Vec<Asked<'a>>,
    key: [u8; 16],
    organization: &'a str,
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").field("query", &self.query.text()).finish_non_exhaustive()
    }
}

/// Rows of a block: those that match, and those that may (the former among them).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) sure: Mask,
    pub(crate) may: Mask,
}

impl<'a> Question<'a> {
    pub(crate) fn new(engine: &'a Engine, query: &'a Compiled, organization: &'a str) -> Self {
        let condition = query.condition();
        let mut asked = Vec::new();
        if let Some(condition) = &condition {
            leaves(condition, &mut asked);
        }
        let key = first_bytes(&[query.text().as_bytes(), organization.as_bytes()]);
        Self { engine, query, condition, leaves: asked, key, organization }
    }

    /// The filter for a part's segment.
    pub(crate) fn filter(&self, part: &Part) -> Result<Arc<Filter>, SegmentError> {
        // Words that stand for event types are not in the query's text: such a filter serves this question alone.
        let own = self.leaves.iter().any(|leaf| matches!(leaf, Asked::Text(text) if text.has_types()));
        let key = (part.number(), self.key);
        let kept = || self.engine.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = kept().get(&key).filter(|_| !own) {
            return Ok(filter);
        }
        let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
        let filter = match &self.condition {
            None => Filter::Always,
            Some(condition) => Surveyor::new(&part.index(), &read)?.filter(condition)?,
        };
        let filter = Arc::new(filter);
        if !own {
            kept().put(key, &filter, filter.weight());
        }
        Ok(filter)
    }

    /// A block of a part.
    pub(crate) fn open(&self, part: &Part, entry: &BlockEntry) -> Result<Arc<OpenBlock>, SegmentError> {
        let key = (part.number(), entry.first ^ (u64::from(entry.log) << 40));
        let kept = || self.engine.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = kept().get(&key) {
            return Ok(block);
        }
        let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
        let block = Arc::new(part.index().open(entry, &read)?);
        kept().put(key, &block, block.weight());
        Ok(block)
    }

    /// Which rows of a block match.
    pub(crate) fn find(
        &self,
        part: &Part,
        filter: &Filter,
        (number, block): (u32, &OpenBlock),
    ) -> Result<Found, SegmentError> {
        let rows = block.entry().rows as usize;
        let asking = Asking { question: self, part, number, block, rows };
        let found = asking.find(filter, Mask::first(rows))?;
        // Nothing is known of bodies that are kept whole.
        let shaped = Mask::of(rows, |row| block.event_type(row).is_some());
        let whole = Mask::first(rows).without(shaped);
        Ok(Found { sure: found.sure.and(shaped), may: found.may.or(whole) })
    }
}

struct Asking<'a, 'q> {
    question: &'a Question<'q>,
    part: &'a Part,
    number: u32,
    block: &'a OpenBlock,
    rows: usize,
}

impl Asking<'_, '_> {
    fn read(&self, at: u64, buf: &mut [u8]) -> io::Result<()> {
        self.part.read_at(at, buf)
    }

    /// Of the rows `within`; what is said about others does not matter.
    fn find(&self, filter: &Filter, within: Mask) -> Result<Found, SegmentError> {
        Ok(match filter {
            Filter::Always => Found { sure: within, may: within },
            Filter::Never => Found { sure: Mask::NONE, may: Mask::NONE },
            Filter::All(parts) => {
                let mut found = Found { sure: within, may: within };
                for part in parts {
                    if found.may.is_empty() {
                        break;
                    }
                    let next = self.find(part, found.may)?;
                    found = Found { sure: found.sure.and(next.sure), may: found.may.and(next.may) };
                }
                found
            }
            Filter::Any(parts) => {
                let mut found = Found { sure: Mask::NONE, may: Mask::NONE };
                for part in parts {
                    let next = self.find(part, within.without(found.sure))?;
                    found = Found { sure: found.sure.or(next.sure), may: found.may.or(next.may) };
                }
                found
            }
            Filter::Not(part) => {
                let found = self.find(part, within)?;
                Found { sure: within.without(found.may), may: within.without(found.sure) }
            }
            Filter::Leaf(leaf) => self.ask(leaf, within)?,
        })
    }

    fn ask(&self, leaf: &Leaf, within: Mask) -> Result<Found, SegmentError> {
        let within = match &leaf.spots {
            None => within,
            Some(spots) => within.and(spots.get(&self.number).copied().unwrap_or(Mask::NONE)),
        };
        if leaf.unknown || within.is_empty() {
            return Ok(Found { sure: Mask::NONE, may: within });
        }
        let block = self.block;
        let mut hits = Mask::of(self.rows, |row| {
            let context = block.context(row).zip(leaf.contexts.as_ref());
            let event_type = block.event_type(row).zip(leaf.types.as_ref());
            context.is_some_and(|(context, known)| known.contains(context))
                || event_type.is_some_and(|(event_type, known)| known.contains(event_type))
        });
        let read = |at: u64, buf: &mut [u8]| self.read(at, buf);
        for (column, known) in &leaf.entries {
            block.entries(&self.part.index(), *column, &read, &mut |row, entry| {
                if known.contains(entry) {
                    hits.insert(row);
                }
            })?;
        }
        if let Some(asked) = self.question.leaves.get(leaf.number) {
            for &(column, place) in &leaf.values {
                let wanted = within.without(hits);
                block.values(
                    &self.part.index(),
                    column,
                    (&mut |row| wanted.contains(row), &read),
                    &mut |row, value| {
                        hits.set(row, asked.holds(place, value));
                    },
                )?;
            }
            for &place in &leaf.moments {
                hits = hits.or(self.moments(*asked, place, within)?);
            }
        }
        let hits = hits.and(within);
        Ok(Found { sure: if leaf.inexact { Mask::NONE } else { hits }, may: hits })
    }

    fn moments(&self, asked: Asked<'_>, place: Place, within: Mask) -> Result<Mask, SegmentError> {
        let Asked::Field(field) = asked else { return Ok(Mask::NONE) };
        let mut encoded = Vec::new();
        Ok(match place {
            Place::Occurred => {
                let times = occurred(self.part, self.block, within)?;
                Mask::of(self.rows, |row| {
                    within.contains(row) && times.get(row).is_some_and(|time| field.holds_time(place, *time))
                })
            }
            Place::Received => Mask::of(self.rows, |row| {
                let received = self.block.received_ns(row).map(|ns| Instant(ns.into()));
                within.contains(row) && received.is_some_and(|time| field.holds_time(place, time))
            }),
            Place::Index => Mask::of(self.rows, |row| {
                let index = self.block.entry().first + row as u64;
                encoded.clear();
                encoded.push(3);
                encoded.extend_from_slice(&index.to_be_bytes());
                within.contains(row) && field.holds(place, &encoded)
            }),
            _ => {
                indelible_segment::survey::encode_text(self.question.organization.as_bytes(), &mut encoded);
                if field.holds(place, &encoded) { within } else { Mask::NONE }
            }
        })
    }
}

/// When the acts of these rows of a block happened, or were received where it was not said. Of bodies that are kept whole,
/// and of other rows, it says when they were received.
pub(crate) fn occurred(part: &Part, block: &OpenBlock, wanted: Mask) -> Result<Vec<Instant>, SegmentError> {
    let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
    let rows = block.entry().rows as usize;
    let received = |row| Instant(block.received_ns(row).unwrap_or(0).into());
    let mut times: Vec<Instant> = (0..rows).map(received).collect();
    let index = part.index();
    let columns = index.columns(&read)?;
    for column in columns.iter().filter(|column| column.owner == Owner::Rows && column.path == "occurred_at")
    {
        block.values(
            &part.index(),
            column.number,
            (&mut |row| wanted.contains(row), &read),
            &mut |row, value| {
                if let (Some(place), Some(time)) = (times.get_mut(row), time_of(value)) {
                    *place = time;
                }
            },
        )?;
    }
    Ok(times)
}

/// The instant of a canonically encoded time.
fn time_of(encoded: &[u8]) -> Option<Instant> {
    let (&7, rest) = encoded.split_first()? else { return None };
    let (seconds, rest) = rest.split_first_chunk::<8>()?;
    let (nanos, _) = rest.split_first_chunk::<4>()?;
    let seconds = i128::from(i64::from_be_bytes(*seconds));
    Some(Instant(seconds * 1_000_000_000 + i128::from(u32::from_be_bytes(*nanos))))
}
