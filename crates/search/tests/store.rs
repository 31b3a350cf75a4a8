//! The same answers from a real store, from the write-ahead log and from segments.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{ORDERS, Small, append, compile, event, expected, indexes, page, request, searcher, unlimited};
use indelible_search::{Log, Scope};
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};

#[test]
fn a_real_store_answers_alike_before_and_after_sealing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let no = store.create_log(&LogSpec { origin: "example.org/log/1".into(), name: "a".into() }).unwrap();
    let other = store.create_log(&LogSpec { origin: "example.org/log/2".into(), name: "b".into() }).unwrap();
    let events: Vec<Small> =
        (0..5000_i64).map(|n| Small { occurred: Some((n * 7919) % 1000), code: n % 4 }).collect();
    for (at, batch) in events.chunks(700).enumerate() {
        append(&store, no, batch.iter().copied().map(event), |_| unreachable!("nothing personal"));
        let few = events[at..at + 3].iter().copied().map(event);
        append(&store, other, few, |_| unreachable!("nothing personal"));
    }
    let scope = Scope { organization: "a".into(), log: no };
    let log = Log { records: &store, scope: &scope };
    let query = compile("code:c2");
    for sealed in [false, true] {
        let searcher = searcher(2);
        if sealed {
            assert!(store.seal_now());
        }
        for order in ORDERS {
            let request = request(&query, order);
            let expected = expected(&events, order, |_, small, _| small.code == 2);
            let first = page(&searcher, log, &request, (None, 100), &unlimited()).unwrap();
            let second =
                page(&searcher, log, &request, (first.next_cursor.as_deref(), 100), &unlimited()).unwrap();
            assert_eq!([indexes(&first), indexes(&second)].concat(), expected[..200], "{order:?}");
            let walked: Vec<u64> = searcher
                .matches(log, &request, &unlimited())
                .unwrap()
                .map(|hit| hit.unwrap().index)
                .collect();
            assert_eq!(walked, expected);
        }
        let fed = searcher.feed(log, &query, (4990, 100), &unlimited()).unwrap();
        assert_eq!((fed.items.len(), fed.next, fed.high_water), (3, 5000, 5000));
        let hit = indelible_search::at(log, 1234).unwrap().unwrap();
        assert_eq!(hit.event().unwrap(), event(events[1234]));
        assert_eq!(indelible_search::find(log, hit.id()).unwrap().unwrap(), hit);
    }
    store.shutdown();
}
