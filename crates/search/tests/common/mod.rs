//! A log in memory, random events, and searches of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses a part")]

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use indelible_event::{
    Event, EventId, Field, LEAF_BYTES, Leaf, Map, SubjectKey, Time, Value, seal, type_tag,
};
use indelible_query::{Clock, Compiled, Context, Expansion, Instant, parse};
use indelible_search::{
    Budget, CursorKey, Log, Order, Page, Record, Records, Request, Scope, SearchError, Searcher, Window,
};
use indelible_store::append::Append;
use indelible_store::log_no::LogNo;
use indelible_store::store::Store;

pub(crate) const RECEIVED_NS: u64 = 1_790_000_000_000_000_000;
/// The same in whole seconds.
pub(crate) const RECEIVED_S: i64 = 1_790_000_000;
pub(crate) const ORDERS: [Order; 4] =
    [Order::OccurredDescending, Order::OccurredAscending, Order::IndexDescending, Order::IndexAscending];

/// An event as tests think of it: seconds of the act, if said, and a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Small {
    pub(crate) occurred: Option<i64>,
    pub(crate) code: i64,
}

pub(crate) fn event(small: Small) -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, "test");
    event.set(Field::Code, format!("c{}", small.code));
    if let Some(seconds) = small.occurred {
        event.set(Field::OccurredAt, Time { seconds, nanos: 0, offset_minutes: None });
    }
    event
}

/// The stored body of an event with nothing but plain fields, without the commitments that no search looks at.
fn stored(event: &Event) -> Vec<u8> {
    let pairs = event.fields().map(|(field, value)| (field.path().to_owned(), value.clone()));
    let mut plain = Vec::new();
    Value::Map(Map::from_pairs(pairs.collect()).unwrap()).encode(&mut plain);
    let head: [&[u8]; 5] = [&[1], &[1; 16], &[0, 1], &[0, 1, b'*', 0], &(plain.len() as u32).to_be_bytes()];
    [head.concat(), plain].concat()
}

/// Logs in memory; they grow when told.
#[derive(Default)]
pub(crate) struct Memory {
    rows: RwLock<Vec<([u8; LEAF_BYTES], Vec<u8>)>>,
}

/// One event per 10 ms.
pub(crate) fn received_ns(index: u64) -> u64 {
    RECEIVED_NS + index * 10_000_000
}

pub(crate) fn id(index: u64) -> EventId {
    EventId::from_parts(received_ns(index) / 1_000_000, u128::from(index) * 7919)
}

impl Memory {
    pub(crate) fn new(events: &[Small]) -> Self {
        let memory = Self::default();
        memory.append(events);
        memory
    }

    /// A log of these events, sealed as a store would keep them.
    pub(crate) fn sealed(events: &[Event]) -> Self {
        let memory = Self::default();
        let key = |_: &str| SubjectKey::new([7; 16], &[2; 32]);
        for (index, event) in (0..).zip(events) {
            let body = seal(event, id(index), &[1; 16], key).unwrap();
            memory.push(index, body.stored);
        }
        memory
    }

    fn push(&self, index: u64, stored: Vec<u8>) {
        let (flags, type_tag, producer) = (0, 0, 1);
        let leaf = Leaf {
            flags,
            type_tag,
            received_ns: received_ns(index),
            id: id(index),
            producer,
            sequence: index + 1,
            body: [0; 32],
        };
        self.rows.write().unwrap().push((leaf.encode(), stored));
    }

    pub(crate) fn append(&self, events: &[Small]) {
        let mut rows = self.rows.write().unwrap();
        for small in events {
            let index = rows.len() as u64;
            let leaf = Leaf {
                flags: 0,
                type_tag: 0,
                received_ns: received_ns(index),
                id: id(index),
                producer: 1,
                sequence: index + 1,
                body: [0; 32],
            };
            rows.push((leaf.encode(), stored(&event(*small))));
        }
    }
}

impl Records for Memory {
    fn size(&self, _: LogNo) -> Result<u64, SearchError> {
        Ok(self.rows.read().unwrap().len() as u64)
    }

    fn visit(
        &self,
        _: LogNo,
        range: Range<u64>,
        descending: bool,
        f: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        let rows = self.rows.read().unwrap();
        let mut indexes: Vec<u64> = range.collect();
        if descending {
            indexes.reverse();
        }
        for index in indexes {
            let (leaf, stored) = &rows[index as usize];
            if f(Record { index, leaf, stored }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

pub(crate) fn clock() -> Clock {
    Clock {
        now: jiff::Timestamp::from_nanosecond(i128::from(RECEIVED_NS)).unwrap(),
        zone: jiff::tz::TimeZone::UTC,
    }
}

pub(crate) fn compile(text: &str) -> Compiled {
    let query = parse(text, &Context::new(clock())).unwrap();
    Compiled::new(&query, &clock(), &Expansion::none())
}

pub(crate) fn request(query: &Compiled, order: Order) -> Request<'_> {
    Request { query, window: Window::default(), order, at: None, now: Instant(7) }
}

pub(crate) fn scope(name: &str) -> Scope {
    Scope { organization: name.into(), log: LogNo(3) }
}

pub(crate) fn searcher(threads: usize) -> Searcher {
    Searcher::new(CursorKey::new([5; 32]), threads)
}

pub(crate) static NOT_CANCELLED: AtomicBool = AtomicBool::new(false);

pub(crate) fn unlimited() -> Budget<'static> {
    Budget::new(&|| Duration::ZERO, Duration::MAX, u64::MAX, &NOT_CANCELLED)
}

/// A budget of bytes alone.
pub(crate) fn bytes(limit: u64) -> Budget<'static> {
    Budget::new(&|| Duration::ZERO, Duration::MAX, limit, &NOT_CANCELLED)
}

pub(crate) fn cancelled() -> Budget<'static> {
    static CANCELLED: AtomicBool = AtomicBool::new(true);
    assert!(CANCELLED.load(Ordering::Relaxed));
    Budget::new(&|| Duration::ZERO, Duration::MAX, u64::MAX, &CANCELLED)
}

/// Appends events to a log of a store, in one batch. `key` gives the keys of the people in them.
pub(crate) fn append(
    store: &Store,
    log: LogNo,
    events: impl Iterator<Item = Event>,
    key: impl Fn(&str) -> SubjectKey,
) {
    let producer = store.producer(log, "test", "1").unwrap();
    let appends = events.map(|event| {
        let id = store.new_event_id();
        let sealed = seal(&event, id, &store.event_salt(id), &key).unwrap();
        Append {
            log,
            id,
            flags: 8,
            type_tag: type_tag("test", event.text(Field::Code).unwrap_or_default()),
            producer: Some(Arc::clone(&producer)),
            sequence: 0,
            key: None,
            content: [0; 16],
            body: sealed.body,
            stored: sealed.stored,
            subjects: Vec::new(),
        }
    });
    store.append_wait(appends.collect(), false).unwrap();
}

/// One page, by the text of its cursor.
pub(crate) fn page(
    searcher: &Searcher,
    log: Log<'_>,
    request: &Request<'_>,
    (cursor, limit): (Option<&str>, usize),
    budget: &Budget<'_>,
) -> Result<Page, SearchError> {
    let cursor = cursor.map(|text| searcher.open_cursor(log.scope, text)).transpose()?;
    searcher.page(log, request, (cursor.as_ref(), limit), budget)
}

pub(crate) fn indexes(page: &Page) -> Vec<u64> {
    page.items.iter().map(|hit| hit.index).collect()
}

/// The whole answer, by sorting everything.
pub(crate) fn expected(
    events: &[Small],
    order: Order,
    wanted: impl Fn(u64, Small, i128) -> bool,
) -> Vec<u64> {
    let time = |index: u64, small: Small| {
        small.occurred.map_or(i128::from(received_ns(index)), |seconds| i128::from(seconds) * 1_000_000_000)
    };
    let mut rows: Vec<(i128, u64)> =
        (0..).zip(events).map(|(index, small)| (time(index, *small), index)).collect();
    rows.retain(|(time, index)| wanted(*index, events[*index as usize], *time));
    match order {
        Order::OccurredDescending => rows.sort_by(|a, b| b.cmp(a)),
        Order::OccurredAscending => rows.sort_unstable(),
        Order::IndexDescending => rows.sort_by_key(|row| std::cmp::Reverse(row.1)),
        Order::IndexAscending => rows.sort_by_key(|row| row.1),
    }
    rows.into_iter().map(|(_, index)| index).collect()
}
