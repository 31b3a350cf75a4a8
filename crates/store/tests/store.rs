//! A store on the real disk: what goes in comes out, before and after restarts, from WAL and from segments.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout, reason = "tests may")]

mod harness;

use std::sync::Arc;
use std::time::Duration;

use harness::{TestClock, append, check_log, fill, messages, open, options, spec, store_one};
use indelible_durable::real::RealDisk;
use indelible_store::append::{Append, Appended};
use indelible_store::error::AppendError;
use indelible_store::signing::KeyState;
use indelible_store::store::Store;

fn real(clock: &TestClock) -> indelible_store::options::Options {
    options(Arc::new(RealDisk), clock).0
}

#[test]
fn events_survive_restarts_and_sealing() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let store = open(dir.path(), real(&clock));
    let log = store.create_log(&spec("a")).unwrap();
    assert_eq!(store.head(log).unwrap().size, 0);
    fill(&store, log, 0, 300);
    check_log(&store, log);
    assert!(store.seal_now());
    check_log(&store, log);
    fill(&store, log, 300, 50);
    store.shutdown();
    drop(store);
    for round in 0..3 {
        clock.advance(Duration::from_mins(1));
        let store = open(dir.path(), real(&clock));
        check_log(&store, log);
        assert_eq!(store.size(log).unwrap(), 350 + round * 10);
        fill(&store, log, 350 + round * 10, 10);
        check_log(&store, log);
    }
    let store = open(dir.path(), real(&clock));
    let expected: Vec<String> = (0..380).map(|number| format!("event number {number} happened")).collect();
    assert_eq!(messages(&store, log), expected);
    let newest: Vec<u64> =
        store.scan(log, 100..380, true).unwrap().map(|record| record.unwrap().index).collect();
    assert_eq!(newest, (100..380).rev().collect::<Vec<_>>());
}

#[test]
fn many_logs_share_blocks_and_spill_segments() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let store = open(dir.path(), real(&clock));
    let logs: Vec<_> = (0..40).map(|name| store.create_log(&spec(&format!("{name}"))).unwrap()).collect();
    for round in 0..5 {
        let appends = logs.iter().map(|log| append(&store, *log, round)).collect();
        store.append_wait(appends, false).unwrap();
        if round % 2 == 0 {
            fill(&store, logs[3], 1000 + round * 30, 30);
        }
        if round == 2 {
            assert!(store.seal_now());
        }
    }
    for log in &logs {
        check_log(&store, *log);
    }
    drop(store);
    let store = open(dir.path(), real(&clock));
    for log in &logs {
        check_log(&store, *log);
    }
    assert_eq!(store.size(logs[0]).unwrap(), 5);
    assert_eq!(store.size(logs[3]).unwrap(), 95);
    assert!(store.create_log(&spec("7")).is_err());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a seal that never comes must not be waited for without end")]
fn what_a_burst_left_behind_is_sealed_when_nothing_follows() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let quiet =
        indelible_store::options::Options { quiet_events: 10, seal_quiet: Duration::ZERO, ..real(&clock) };
    let store = open(dir.path(), quiet);
    let log = store.create_log(&spec("a")).unwrap();
    fill(&store, log, 0, 9);
    assert_eq!(store.parts(log).unwrap().len(), 0, "too few for a segment");
    fill(&store, log, 9, 30);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while store.parts(log).unwrap().is_empty() {
        assert!(std::time::Instant::now() < deadline, "nothing was sealed");
        std::thread::yield_now();
    }
    check_log(&store, log);
}

fn keyed(store: &Store, log: indelible_store::log_no::LogNo, number: u64, key: &str) -> Append {
    Append { key: Some(store.digest(&[key.as_bytes()])), ..append(store, log, number) }
}

#[test]
fn a_repeated_key_gets_the_same_place_from_memory_wal_and_segment() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let small = || indelible_store::options::Options { keys_in_memory: 0, ..real(&clock) };
    let mut store = open(dir.path(), small());
    let log = store.create_log(&spec("a")).unwrap();
    fill(&store, log, 0, 20);
    let Appended::Stored(first) = store_one(&store, keyed(&store, log, 100, "k")) else {
        panic!("not stored")
    };
    fill(&store, log, 20, 20);
    for round in 0..4 {
        let Appended::Duplicate(again) = store_one(&store, keyed(&store, log, 100, "k")) else {
            panic!("no duplicate in round {round}")
        };
        assert_eq!(again, first, "round {round}");
        let other = store_one(&store, keyed(&store, log, 101, "k"));
        assert_eq!(other, Appended::KeyConflict { index: first.index }, "round {round}");
        if round == 1 {
            assert!(store.seal_now());
            fill(&store, log, 40, 9);
            assert!(store.seal_now());
        } else {
            drop(store);
            store = open(dir.path(), small());
        }
    }
    let batch =
        vec![keyed(&store, log, 200, "x"), keyed(&store, log, 200, "x"), keyed(&store, log, 201, "x")];
    let outcome = store.append_wait(batch, false).unwrap();
    let Appended::Stored(place) = outcome[0] else { panic!("{outcome:?}") };
    assert_eq!(outcome[1], Appended::Duplicate(place));
    assert_eq!(outcome[2], Appended::KeyConflict { index: place.index });
}

#[test]
fn numbered_producers_are_recognised_without_end_and_gaps_stay_visible() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let mut store = open(dir.path(), real(&clock));
    let log = store.create_log(&spec("a")).unwrap();
    let number = store.producer(log, "agent", "1").unwrap().number();
    let send = |store: &Store, seq: u64, content: u64| {
        let producer = store.producer(log, "agent", "1").unwrap();
        assert_eq!(producer.number(), number);
        let numbered =
            Append { producer: Some(producer), sequence: seq, flags: 0, ..append(store, log, content) };
        store_one(store, numbered)
    };
    for seq in [1, 2, 3, 7, 5, 8] {
        assert!(matches!(send(&store, seq, seq), Appended::Stored(_)), "{seq}");
    }
    for round in 0..4 {
        let Appended::Duplicate(place) = send(&store, 7, 7) else { panic!("round {round}") };
        assert_eq!(place.index, 3);
        assert_eq!(send(&store, 2, 99), Appended::SequenceConflict { sequence: 2, index: 1 });
        let info = store.producers(log).unwrap().remove(0);
        assert_eq!((info.contiguous, info.highest, info.events), (3, 8, 6));
        assert_eq!(info.gaps, [(4, 4), (6, 6)]);
        if round == 1 {
            assert!(store.seal_now());
        } else {
            drop(store);
            store = open(dir.path(), real(&clock));
        }
    }
}

#[test]
fn an_atomic_request_is_stored_whole_or_not_at_all() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let store = open(dir.path(), real(&clock));
    let log = store.create_log(&spec("a")).unwrap();
    store_one(&store, keyed(&store, log, 1, "a"));
    let batch = || vec![append(&store, log, 2), keyed(&store, log, 3, "a")];
    let outcome = store.append_wait(batch(), true).unwrap();
    assert_eq!(outcome, [Appended::NotStored, Appended::KeyConflict { index: 0 }]);
    assert_eq!(store.size(log).unwrap(), 1);
    let contradicting = vec![keyed(&store, log, 5, "b"), keyed(&store, log, 6, "b")];
    assert!(store.append_wait(contradicting, true).unwrap().iter().all(|outcome| outcome.place().is_none()));
    assert_eq!(store.size(log).unwrap(), 1);
    store.append_wait(batch(), false).unwrap();
    assert_eq!(store.size(log).unwrap(), 2);
}

#[test]
fn cursors_and_signing_keys_are_durable() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let mut store = open(dir.path(), real(&clock));
    let log = store.create_log(&spec("a")).unwrap();
    fill(&store, log, 0, 5);
    assert!(store.set_cursor(log, "reader", 6).is_err());
    store.set_cursor(log, "reader", 4).unwrap();
    let old = store.log(log).unwrap().vkey;
    let next = store.announce_key(log).unwrap();
    assert_eq!(store.log(log).unwrap().vkey, old);
    store.activate_key(log).unwrap();
    assert!(store.announce_key(log).is_err());
    fill(&store, log, 5, 5);
    check_log(&store, log);
    for sealed in [false, true] {
        if sealed {
            store.seal_now();
        }
        drop(store);
        store = open(dir.path(), real(&clock));
        assert_eq!(store.cursor(log, "reader").unwrap(), 4);
        assert_eq!(store.cursor(log, "other").unwrap(), 0);
        assert_eq!(store.log(log).unwrap().vkey, next.vkey);
        let note = store.head(log).unwrap().note.to_string();
        assert_eq!(note.matches("\u{2014} test.invalid/log/a ").count(), 2, "{note}");
    }
    store.retire_key(log).unwrap();
    fill(&store, log, 10, 1);
    check_log(&store, log);
    let states: Vec<_> = store.keys(log).unwrap().iter().map(|key| key.state).collect();
    assert_eq!(states, [KeyState::Active, KeyState::Retired]);
}

#[test]
fn a_clock_that_leaps_ahead_stops_intake_and_one_that_steps_back_holds_time_still() {
    use std::sync::atomic::Ordering::SeqCst;
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let store = open(dir.path(), real(&clock));
    let log = store.create_log(&spec("a")).unwrap();
    fill(&store, log, 0, 1);
    clock.wall.fetch_sub(30_000_000_000, SeqCst);
    fill(&store, log, 1, 1);
    let received = |index| store.read(log, index).unwrap().unwrap().leaf[8..16].to_vec();
    assert_eq!(received(0), received(1));
    clock.wall.fetch_add(2 * 3_600_000_000_000, SeqCst);
    let refused = store.append_wait(vec![append(&store, log, 2)], false);
    assert!(matches!(refused, Err(AppendError::ClockJump { ahead_s: 7200 })), "{refused:?}");
    assert_eq!(store.clock_ahead_s(), 7200);
    store.confirm_clock();
    fill(&store, log, 2, 1);
    check_log(&store, log);
}

/// One thing a sender may do.
#[derive(Debug, Clone)]
enum Step {
    Send { key: Option<u8>, sequence: u8, content: u8 },
    Reopen,
    Seal,
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::*;
    let send = (proptest::option::of(0u8..6), 0u8..8, 0u8..3)
        .prop_map(|(key, sequence, content)| Step::Send { key, sequence, content });
    let step = prop_oneof![12 => send, 1 => Just(Step::Reopen), 1 => Just(Step::Seal)];
    proptest::collection::vec(step, 1..40)
}

/// What a log must answer, kept as two plain maps.
#[derive(Debug, Default)]
struct Model {
    keys: std::collections::HashMap<u8, (u64, u8)>,
    numbers: std::collections::HashMap<u8, (u64, u8)>,
    size: u64,
}

impl Model {
    fn expect(&mut self, key: Option<u8>, sequence: u8, content: u8) -> (&'static str, u64) {
        if let Some((index, before)) = key.and_then(|key| self.keys.get(&key)).copied() {
            return if before == content { ("duplicate", index) } else { ("key", index) };
        }
        if let Some((index, before)) = self.numbers.get(&sequence).copied() {
            return if before == content { ("duplicate", index) } else { ("sequence", index) };
        }
        let index = self.size;
        self.size += 1;
        key.map(|key| self.keys.insert(key, (index, content)));
        if sequence > 0 {
            self.numbers.insert(sequence, (index, content));
        }
        ("stored", index)
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn repetitions_are_answered_as_two_plain_maps_would(steps in steps()) {
        let disk = indelible_durable::sim::SimDisk::new(std::path::Path::new("/"));
        let clock = TestClock::default();
        let settings = || indelible_store::options::Options { keys_in_memory: 4, merge_files: 2, ..options(Arc::new(disk.clone()), &clock).0 };
        let dir = std::path::Path::new("/data");
        let mut store = open(dir, settings());
        let log = store.create_log(&spec("a")).unwrap();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Seal => assert!(store.seal_now()),
                Step::Reopen => {
                    drop(store);
                    store = open(dir, settings());
                }
                Step::Send { key, sequence, content } => {
                    let append = Append {
                        key: key.map(|key| store.digest(&[&[key]])),
                        sequence: sequence.into(),
                        producer: Some(store.producer(log, "p", "").unwrap()),
                        ..append(&store, log, content.into())
                    };
                    let found = match store_one(&store, append) {
                        Appended::Stored(place) => ("stored", place.index),
                        Appended::Duplicate(place) => ("duplicate", place.index),
                        Appended::KeyConflict { index } => ("key", index),
                        Appended::SequenceConflict { index, .. } => ("sequence", index),
                        other => panic!("{other:?}"),
                    };
                    proptest::prop_assert_eq!(found, model.expect(key, sequence, content));
                }
            }
        }
        check_log(&store, log);
    }
}
