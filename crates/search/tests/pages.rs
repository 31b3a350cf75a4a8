//! Pages, counts and walks against a full sort, on logs whose times are out of order and equal across pages.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{
    Memory, ORDERS, RECEIVED_NS, RECEIVED_S, Small, bytes, cancelled, compile, expected, id, indexes, page,
    request, scope, searcher, unlimited,
};
use indelible_query::Instant;
use indelible_search::{Log, Order, Page, Request, SearchError, Searcher, Window};
use proptest::prelude::*;

/// Mostly in order, some late, some equal, some from the future, some without a time; enough for several blocks.
fn events() -> impl Strategy<Value = Vec<Small>> {
    let event = (0_u32..100, -3000_i64..3000, 0_i64..5);
    let log = (prop_oneof![1_usize..80, 1000_usize..5000], 1_i64..40);
    (log, prop::collection::vec(event, 64)).prop_map(|((length, spread), seeds)| {
        let base = RECEIVED_S;
        let small = |at: usize| {
            let (kind, offset, code) = seeds[(at * 31 + at / 64) % seeds.len()];
            let now = base + i64::try_from(at).unwrap() / 100;
            let occurred = match kind {
                0..60 => Some(now + (offset % spread) / 10),
                60..80 => Some(base + offset % spread),
                80..90 => Some(now + offset),
                _ => None,
            };
            Small { occurred, code }
        };
        (0..length).map(small).collect()
    })
}

/// Follows `next` to the end.
fn all_pages(searcher: &Searcher, log: Log<'_>, request: &Request<'_>, limit: usize) -> Vec<Page> {
    let mut pages = vec![page(searcher, log, request, (None, limit), &unlimited()).unwrap()];
    while let Some(cursor) = pages.last().and_then(|page| page.next_cursor.clone()) {
        let next = page(searcher, log, request, (Some(&cursor), limit), &unlimited()).unwrap();
        if next.items.is_empty() {
            break;
        }
        pages.push(next);
    }
    pages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn pages_together_are_the_full_sort(events in events(), limit in 1_usize..400, at in 0_usize..4, threads in 1_usize..3, warm: bool) {
        let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(threads));
        let log = Log { records: &memory, scope: &scope };
        let (order, query) = (ORDERS[at], compile("code:c1,c3"));
        let request = request(&query, order);
        if warm {
            searcher.count(log, &request, &unlimited()).unwrap();
        }
        let limit = limit.max(events.len() / 12);
        let expected = expected(&events, order, |_, small, _| matches!(small.code, 1 | 3));
        let pages = all_pages(&searcher, log, &request, limit);
        let found: Vec<u64> = pages.iter().flat_map(indexes).collect();
        prop_assert_eq!(&found, &expected);
        prop_assert!(pages.iter().all(|page| page.complete && page.items.len() <= limit && page.log_size == events.len() as u64));
        // Back again, page by page.
        for pair in pages.windows(2) {
            let back = page(&searcher, log, &request, (pair[1].prev_cursor.as_deref(), limit), &unlimited()).unwrap();
            prop_assert_eq!(indexes(&back), indexes(&pair[0]));
            let forth = page(&searcher, log, &request, (back.next_cursor.as_deref(), limit), &unlimited()).unwrap();
            prop_assert_eq!(indexes(&forth), indexes(&pair[1]));
        }
        prop_assert_eq!(pages[0].prev_cursor.as_ref(), None);
        let walked: Vec<u64> = searcher.matches(log, &request, &unlimited()).unwrap().map(|hit| hit.unwrap().index).collect();
        prop_assert_eq!(&walked, &expected);
        let count = searcher.count(log, &request, &unlimited()).unwrap();
        prop_assert_eq!((count.value, count.exact), (expected.len() as u64, true));
    }

    #[test]
    fn windows_and_bounds_cut_exactly(events in events(), since in -40_i64..40, length in 0_i64..40, at in 0_usize..4, first in 0_u64..3000) {
        let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(2));
        let log = Log { records: &memory, scope: &scope };
        let base = RECEIVED_S;
        let since = Instant::new(base + since, 0);
        let until = Instant(since.0 + i128::from(length) * 1_000_000_000);
        let received = i128::from(RECEIVED_NS) + i128::from(first) * 10_000_000;
        let query = compile(&format!("index:{}.. received:@{}.{:09}..", first / 2, received / 1_000_000_000, received % 1_000_000_000));
        let request = Request { window: Window { since: Some(since), until: Some(until) }, ..request(&query, ORDERS[at]) };
        let expected = expected(&events, ORDERS[at], |index, _, time| index >= first && time >= since.0 && time < until.0);
        for _ in 0..2 {
            let found: Vec<u64> = all_pages(&searcher, log, &request, 500).iter().flat_map(indexes).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(searcher.count(log, &request, &unlimited()).unwrap().value, expected.len() as u64);
        }
    }

    #[test]
    fn what_was_read_as_of_a_size_stays(events in events(), more in events(), cut in any::<prop::sample::Index>(), at in 0_usize..4) {
        let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(2));
        let log = Log { records: &memory, scope: &scope };
        let size = cut.index(events.len() + 1);
        let query = compile("-code:c0");
        let request = Request { at: Some(size as u64), ..request(&query, ORDERS[at]) };
        let before: Vec<u64> = all_pages(&searcher, log, &request, 700).iter().flat_map(indexes).collect();
        prop_assert_eq!(&before, &expected(&events[..size], ORDERS[at], |_, small, _| small.code != 0));
        memory.append(&more);
        let after: Vec<u64> = all_pages(&searcher, log, &request, 700).iter().flat_map(indexes).collect();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn growth_between_pages_neither_repeats_nor_loses(events in events(), more in events(), at in 0_usize..4) {
        let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(2));
        let log = Log { records: &memory, scope: &scope };
        let query = compile("");
        let request = request(&query, ORDERS[at]);
        // Pages of a few events would need more turns than there are, where many come in.
        let limit = (events.len() / 3).max(more.len() / 100) + 1;
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        for turn in 0..1000 {
            let next = page(&searcher, log, &request, (cursor.as_deref(), limit), &unlimited()).unwrap();
            found.extend(indexes(&next));
            if turn == 0 {
                memory.append(&more);
            }
            cursor = next.next_cursor;
            if cursor.is_none() || next.items.is_empty() {
                break;
            }
        }
        let mut unique = found.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), found.len(), "an event came twice");
        prop_assert!((0..events.len() as u64).all(|index| unique.binary_search(&index).is_ok()), "an event is missing");
    }

    #[test]
    fn a_budget_cuts_pages_but_loses_nothing(events in events(), at in 0_usize..4, limit in 1_usize..2000, backward: bool) {
        let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(1));
        let log = Log { records: &memory, scope: &scope };
        let query = compile("code:c1,c2");
        let request = request(&query, ORDERS[at]);
        let mut expected = expected(&events, ORDERS[at], |_, small, _| matches!(small.code, 1 | 2));
        let limit = limit.max(events.len() / 20);
        let mut cursor: Option<String> = None;
        if backward {
            // Begin behind the end, and go back.
            let reached = all_pages(&searcher, log, &request, limit).pop().unwrap();
            let last = reached.items.len();
            cursor = reached.prev_cursor;
            expected.truncate(expected.len() - last);
            if cursor.is_none() {
                return Ok(());
            }
        }
        let mut found: Vec<u64> = Vec::new();
        for _ in 0..10_000 {
            // Enough for a handful of blocks of these small events, never for the whole of a long log.
            let next = match page(&searcher, log, &request, (cursor.as_deref(), limit), &bytes(6 * 1024 * 110)) {
                Ok(next) => next,
                // Times are so mixed that nothing is final before everything is read; said, not guessed.
                Err(SearchError::BudgetExceeded) => return Ok(()),
                Err(error) => panic!("{error}"),
            };
            let some = !next.items.is_empty();
            if backward {
                found.splice(0..0, indexes(&next));
                cursor = next.prev_cursor;
            } else {
                found.extend(indexes(&next));
                cursor = next.next_cursor;
            }
            if cursor.is_none() || (next.complete && !some) {
                break;
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_feed_never_misses_or_repeats(events in events(), more in events(), limit in 1_usize..500, from in 0_u64..50) {
        let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(2));
        let log = Log { records: &memory, scope: &scope };
        let query = compile("code:c4");
        let (mut found, mut next, mut grown) = (Vec::new(), from, false);
        loop {
            let fed = searcher.feed(log, &query, (next, limit), &bytes(200_000)).unwrap();
            prop_assert!(fed.items.len() <= limit && fed.next >= next && fed.next <= fed.high_water.max(next));
            found.extend(fed.items.iter().map(|hit| hit.index));
            prop_assert!(fed.items.iter().all(|hit| hit.index >= next && hit.index < fed.next));
            next = fed.next;
            if next >= fed.high_water {
                if grown {
                    break;
                }
                memory.append(&more);
                grown = true;
            }
        }
        let all = [events, more].concat();
        prop_assert_eq!(found, expected(&all, Order::IndexAscending, |index, small, _| index >= from && small.code == 4));
    }
}

#[test]
fn a_cursor_serves_only_its_own_search() {
    let events: Vec<Small> = (0..50).map(|n| Small { occurred: Some(n), code: 1 }).collect();
    let (memory, ours, searcher) = (Memory::new(&events), scope("a"), searcher(1));
    let log = Log { records: &memory, scope: &ours };
    let (query, other) = (compile("code:c1"), compile("code:c2"));
    let asked = request(&query, Order::OccurredDescending);
    let first = page(&searcher, log, &asked, (None, 10), &unlimited()).unwrap();
    let cursor = first.next_cursor.as_deref();
    assert_eq!(searcher.open_cursor(&ours, cursor.unwrap()).unwrap().now(), Instant(7));
    assert!(
        page(&searcher, log, &asked, (cursor, 20), &unlimited()).is_ok(),
        "another page length is the same search"
    );
    let theirs = Log { records: &memory, scope: &scope("b") };
    let others = [
        (theirs, asked),
        (log, Request { query: &other, ..asked }),
        (log, Request { order: Order::OccurredAscending, ..asked }),
        (log, Request { at: Some(40), ..asked }),
        (log, Request { window: Window { since: Some(Instant(0)), until: None }, ..asked }),
    ];
    for (log, request) in others {
        let answer = page(&searcher, log, &request, (cursor, 10), &unlimited());
        assert!(matches!(answer, Err(SearchError::CursorMismatch)), "{request:?}");
    }
    let answer = page(&searcher, log, &asked, (Some("AAAA"), 10), &unlimited());
    assert!(matches!(answer, Err(SearchError::CursorInvalid)));
    let later = Request { at: Some(51), ..asked };
    assert!(matches!(
        page(&searcher, log, &later, (None, 1), &unlimited()),
        Err(SearchError::AtBeyondLog { at: 51, size: 50 })
    ));
}

#[test]
fn a_search_ends_when_nobody_waits() {
    let events: Vec<Small> = (0..5000).map(|n| Small { occurred: Some(n), code: 1 }).collect();
    let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(2));
    let log = Log { records: &memory, scope: &scope };
    let query = compile("nothing");
    for order in ORDERS {
        let answer = page(&searcher, log, &request(&query, order), (None, 10), &cancelled());
        assert!(matches!(answer, Err(SearchError::Cancelled)), "{order:?}");
    }
}

#[test]
fn a_deep_page_reads_as_little_as_the_first() {
    let events: Vec<Small> = (0..60_000).map(|n| Small { occurred: Some(n / 3), code: n % 5 }).collect();
    let (memory, scope, searcher) = (Memory::new(&events), scope("a"), searcher(1));
    let log = Log { records: &memory, scope: &scope };
    let query = compile("code:c1");
    let request = request(&query, Order::OccurredDescending);
    searcher.count(log, &request, &unlimited()).unwrap();
    let (mut cursor, mut read) = (None, Vec::new());
    loop {
        let budget = unlimited();
        let next = page(&searcher, log, &request, (cursor.as_deref(), 50), &budget).unwrap();
        read.push(budget.records());
        cursor = next.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(read.len(), 240);
    assert!(read.iter().all(|&records| records <= 4 * 1024), "{read:?}");
}

#[test]
fn on_a_log_in_order_a_small_budget_always_gets_on() {
    let events: Vec<Small> =
        (0..30_000_i64).map(|n| Small { occurred: Some(n / 7 - n % 5), code: n % 200 }).collect();
    let (memory, scope) = (Memory::new(&events), scope("a"));
    let log = Log { records: &memory, scope: &scope };
    let query = compile("code:c7");
    for order in ORDERS {
        let searcher = searcher(2);
        let request = request(&query, order);
        let (mut cursor, mut found, mut cut) = (None, Vec::new(), 0);
        loop {
            let next = page(&searcher, log, &request, (cursor.as_deref(), 100), &bytes(600_000)).unwrap();
            found.extend(indexes(&next));
            cut += usize::from(!next.complete);
            cursor = next.next_cursor;
            if cursor.is_none() || (next.complete && next.items.is_empty()) {
                break;
            }
        }
        assert_eq!(found, expected(&events, order, |_, small, _| small.code == 7), "{order:?}");
        assert!(cut > 1, "the budget was never felt");
    }
}

#[test]
fn single_events_are_found_by_id_and_index() {
    let events: Vec<Small> = (0..3000).map(|n| Small { occurred: Some(n), code: 1 }).collect();
    let (memory, scope) = (Memory::new(&events), scope("a"));
    let log = Log { records: &memory, scope: &scope };
    for index in [0, 1, 1500, 2999] {
        assert_eq!(indelible_search::find(log, id(index)).unwrap().unwrap().index, index);
        assert_eq!(indelible_search::at(log, index).unwrap().unwrap().id(), id(index));
    }
    assert_eq!(indelible_search::find(log, id(3000)).unwrap(), None);
    assert_eq!(indelible_search::at(log, 3000).unwrap(), None);
}
