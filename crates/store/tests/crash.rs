//! A simulated disk fails at every single operation, in every way, and loses what was not synced. Whatever was
//! answered is there afterwards, once, in its place, and the log proves it.
//!
//! `STORE_CRASH_STRIDE=1` tries every operation; the default takes every seventh, beginning elsewhere for each fault.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout, reason = "tests may")]

mod harness;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::{TestClock, append, check_log, messages, options, spec};
use indelible_durable::disk::Disk;
use indelible_durable::sim::{Fault, SimDisk};
use indelible_store::append::{Append, Appended};
use indelible_store::error::AppendError;
use indelible_store::fsck::{CheckOptions, check};
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::Store;

const DIR: &str = "/data";

/// What senders know: the answered events of each log by number, with the index they were told.
type Answered = BTreeMap<(LogNo, u64), u64>;

fn keyed(store: &Store, log: LogNo, number: u64) -> Append {
    Append { key: Some(store.digest(&[b"key", &number.to_be_bytes()])), ..append(store, log, number) }
}

fn sim_options(disk: &SimDisk, clock: &TestClock) -> Options {
    let options = options(Arc::new(disk.clone()), clock).0;
    Options { wal_file_bytes: 32 * 1024, own_segment_events: 8, merge_files: 2, ..options }
}

/// Two logs, batches and single events, seals, merges, more events: everything a store does. Stops at the first failure.
fn script(disk: &SimDisk, clock: &TestClock, answered: &mut Answered) -> Option<()> {
    let (store, _) = Store::open(Path::new(DIR), sim_options(disk, clock)).ok()?;
    let big = store.create_log(&spec("big")).ok()?;
    let small = store.create_log(&spec("small")).ok()?;
    let mut send = |log: LogNo, numbers: std::ops::Range<u64>| {
        let appends = numbers.clone().map(|number| keyed(&store, log, number)).collect();
        let outcome = store.append_wait(appends, false).ok()?;
        for (number, appended) in numbers.zip(outcome) {
            answered.insert((log, number), appended.place()?.index);
        }
        clock.advance(Duration::from_secs(1));
        Some(())
    };
    send(big, 0..12)?;
    send(small, 0..2)?;
    send(big, 12..13)?;
    store.seal_now().then_some(())?;
    send(big, 13..26)?;
    send(small, 2..4)?;
    store.set_cursor(big, "reader", 7).ok()?;
    store.seal_now().then_some(())?;
    send(big, 26..28)?;
    send(small, 4..6)?;
    store.seal_now().then_some(())?;
    // Those of the first two seals become one of each kind.
    store.merge_now().then_some(())?;
    send(big, 28..45)?;
    store.seal_now().then_some(())?;
    send(big, 45..48)?;
    send(small, 6..11)?;
    store.seal_now().then_some(())?;
    send(small, 11..12)?;
    store.seal_now().then_some(())?;
    // One log has own segments between its rows in shared ones, the other many rows: both leave the shared ones.
    store.merge_now().then_some(())?;
    send(big, 48..50)?;
    store.shutdown();
    Some(())
}

/// Opens what is left, compares it with what was answered, and goes on working.
fn check_after(disk: &SimDisk, clock: &TestClock, answered: &Answered, what: &str) {
    let (store, _) = Store::open(Path::new(DIR), sim_options(disk, clock))
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    for ((log, number), index) in answered {
        let record = store.read(*log, *index).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(record.is_some(), "{what}: answered event {number} of log {log} at {index} is gone");
        let again = store.append_wait(vec![keyed(&store, *log, *number)], false).unwrap();
        let Appended::Duplicate(place) = again[0] else { panic!("{what}: event {number} was stored twice") };
        assert_eq!(place.index, *index, "{what}");
    }
    for info in store.logs() {
        check_log(&store, info.no);
        let mut texts = messages(&store, info.no);
        texts.sort();
        let count = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), count, "{what}: an event is there twice");
        store.append_wait(vec![append(&store, info.no, 1_000)], false).unwrap();
        check_log(&store, info.no);
    }
    store.shutdown();
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let report = check(&disk, Path::new(DIR), &CheckOptions { threads: 1, progress: &|_| () }).unwrap();
    assert_eq!(report.findings, [], "{what}");
}

fn inject(fault: Fault, offset: usize) {
    let stride = std::env::var("STORE_CRASH_STRIDE").ok().and_then(|text| text.parse().ok()).unwrap_or(7);
    let whole = SimDisk::new(Path::new("/"));
    let mut answered = Answered::new();
    script(&whole, &TestClock::default(), &mut answered).unwrap();
    let operations = whole.operations();
    let decided = whole.trace().iter().filter(|line| line.ends_with("rename /data/state/merge")).count();
    assert!(decided >= 3, "own and shared segments were merged {decided} times");
    let reached = AtomicUsize::new(0);
    for at in (1..=operations).skip(offset % stride).step_by(stride) {
        let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
        disk.plan(at, fault);
        let mut answered = Answered::new();
        let finished = script(&disk, &clock, &mut answered).is_some();
        reached.fetch_add(usize::from(!finished), Ordering::Relaxed);
        let what = format!("{fault:?} at operation {at} of {operations}, seed {at}");
        println!("{what}: {} answered", answered.len());
        check_after(&disk.crash(at), &clock, &answered, &what);
    }
    assert!(reached.load(Ordering::Relaxed) > 0, "no fault was felt");
}

#[test]
fn power_loss_before_any_operation() {
    inject(Fault::CrashBefore, 0);
}

#[test]
fn power_loss_after_any_operation() {
    inject(Fault::CrashAfter, 2);
}

#[test]
fn an_operation_that_fails_and_did_not_happen() {
    inject(Fault::NotDone, 4);
}

#[test]
fn an_operation_that_fails_and_did_happen() {
    inject(Fault::DoneButError, 6);
}

#[test]
fn after_a_failed_sync_nobody_is_answered_and_the_process_is_told_to_end() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let (options, fatal) = options(Arc::new(disk.clone()), &clock);
    let store = harness::open(Path::new(DIR), Options { head_interval: Duration::from_hours(1), ..options });
    let log = store.create_log(&spec("a")).unwrap();
    harness::fill(&store, log, 0, 3);
    let before = disk.trace().len();
    // The next changing operation is the block's write, the one after it its sync.
    disk.plan(disk.operations() + 2, Fault::NotDone);
    let outcome = store.append_wait(vec![append(&store, log, 3)], false);
    assert_eq!(outcome, Err(AppendError::OutcomeUnknown), "{:?}", &disk.trace()[before..]);
    assert!(store.has_failed());
    assert_eq!(store.append_wait(vec![append(&store, log, 4)], false), Err(AppendError::OutcomeUnknown));
    drop(store);
    assert_eq!(fatal.lock().unwrap().len(), 1);
    // The page cache shows the lost block to whoever starts without a reboot; it counts only once it is written anew.
    let store = harness::open(Path::new(DIR), harness::options(Arc::new(disk.clone()), &clock).0);
    let size = store.size(log).unwrap();
    check_log(&store, log);
    drop(store);
    let store = harness::open(Path::new(DIR), harness::options(Arc::new(disk.crash(1)), &clock).0);
    assert_eq!(store.size(log).unwrap(), size);
    check_log(&store, log);
}

#[test]
fn a_full_disk_refuses_new_events_and_goes_on_when_space_returns() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let (options, fatal) = options(Arc::new(disk.clone()), &clock);
    let store = harness::open(Path::new(DIR), Options { wal_file_bytes: 32 * 1024, ..options });
    let log = store.create_log(&spec("a")).unwrap();
    harness::fill(&store, log, 0, 20);
    disk.set_capacity(Some(disk.used()));
    let mut number = 20;
    let refused = loop {
        match store.append_wait(vec![append(&store, log, number)], false) {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 500, "a full disk was never noticed");
    };
    assert!(matches!(refused, AppendError::DiskFull { .. }), "{refused:?}");
    assert_eq!(store.scan(log, 0..number, false).unwrap().count() as u64, number);
    let own = Append { flags: 1, ..append(&store, log, 10_000) };
    assert!(store.append_wait(vec![own], false).is_ok(), "the system's own events have a reserve");
    disk.set_capacity(None);
    while store.append_wait(vec![append(&store, log, number)], false).is_err() {
        std::thread::yield_now();
    }
    check_log(&store, log);
    assert!(fatal.lock().unwrap().is_empty());
}

#[test]
fn a_segment_that_does_not_give_its_events_back_is_written_again_whole() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let columns = disk.copy();
    for (disk, garbled) in [(&columns, false), (&disk, true)] {
        let (store, _) = Store::open(Path::new(DIR), sim_options(disk, &clock)).unwrap();
        let log = store.create_log(&spec("big")).unwrap();
        for from in [0, 50, 100, 150] {
            let appends = (from..from + 50).map(|number| append(&store, log, number)).collect();
            store.append_wait(appends, false).unwrap();
        }
        if garbled {
            disk.garble(".seg.tmp");
        }
        assert!(store.seal_now(), "sealing goes on");
        check_log(&store, log);
        let mut found = messages(&store, log);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 200);
    }
    let segment_bytes = |disk: &SimDisk| {
        let path = disk.paths().into_iter().find(|path| path.to_string_lossy().ends_with(".seg")).unwrap();
        disk.open_read(&path).unwrap().len().unwrap()
    };
    assert!(segment_bytes(&disk) > segment_bytes(&columns), "bodies are whole");
}
