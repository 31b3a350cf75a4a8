//! Segments become fewer, and nothing else changes: bodies, keys, numbers, proofs, and whoever reads meanwhile.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout, reason = "tests may")]

mod harness;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{TestClock, append, check_log, fill, messages, options, spec, store_one};
use indelible_durable::disk::Disk;
use indelible_durable::sim::SimDisk;
use indelible_store::append::{Append, Appended};
use indelible_store::fsck::{CheckOptions, check};
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::Store;

const DIR: &str = "/data";

fn settings(disk: &SimDisk, clock: &TestClock) -> Options {
    Options { merge_files: 3, keys_in_memory: 0, ..options(Arc::new(disk.clone()), clock).0 }
}

fn segments(disk: &SimDisk) -> Vec<String> {
    let segments = disk.paths().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "seg"));
    segments.map(|path| path.display().to_string()).collect()
}

fn assert_sound(disk: &SimDisk) {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let report = check(&disk, Path::new(DIR), &CheckOptions { threads: 2, progress: &|_| () }).unwrap();
    assert_eq!(report.findings, []);
}

fn numbered(store: &Store, log: LogNo, number: u64) -> Append {
    Append {
        key: (number.is_multiple_of(3)).then(|| store.digest(&[b"key", &number.to_be_bytes()])),
        sequence: number,
        producer: Some(store.producer(log, "agent", "1").unwrap()),
        ..append(store, log, number)
    }
}

#[test]
fn keys_and_numbers_are_recognised_before_and_after_merging_and_restarts() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    // Nothing is merged until the segments are counted.
    let unmerged = Options { merge_files: usize::MAX, ..settings(&disk, &clock) };
    let mut store = harness::open(Path::new(DIR), unmerged);
    let logs = [store.create_log(&spec("a")).unwrap(), store.create_log(&spec("b")).unwrap()];
    for number in 1..=60 {
        for log in logs {
            assert!(matches!(store_one(&store, numbered(&store, log, number)), Appended::Stored(_)));
        }
        // Now and then one of them gets segments of its own.
        if number % 20 == 0 {
            fill(&store, logs[0], number * 1000, 9);
        }
        if number % 4 == 0 {
            assert!(store.seal_now());
        }
    }
    let before = segments(&disk);
    drop(store);
    store = harness::open(Path::new(DIR), settings(&disk, &clock));
    for round in 0..3 {
        assert!(store.merge_now());
        for log in logs {
            check_log(&store, log);
            for number in [1, 2, 3, 30, 59, 60] {
                let again = store_one(&store, numbered(&store, log, number));
                let Appended::Duplicate(place) = again else {
                    panic!("{number} in round {round}: {again:?}")
                };
                assert_eq!(store.read(log, place.index).unwrap().unwrap().leaf, place.leaf);
            }
        }
        drop(store);
        assert_sound(&disk);
        store = harness::open(Path::new(DIR), settings(&disk, &clock));
    }
    let after = segments(&disk);
    assert!(before.len() >= 15 && after.len() * 2 < before.len(), "{before:#?} became {after:#?}");
    assert!(after.iter().any(|path| path.contains("/segments/")), "{after:#?}");
}

#[test]
fn readers_find_every_event_once_while_segments_are_sealed_and_merged() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let store = harness::open(Path::new(DIR), settings(&disk, &clock));
    let log = store.create_log(&spec("a")).unwrap();
    fill(&store, log, 0, 30);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                let size = store.size(log).unwrap();
                let mut scan = store.scan(log, 0..size, looks % 2 == 0).unwrap();
                let mut found: Vec<u64> = scan.by_ref().map(|record| record.unwrap().index).collect();
                found.sort_unstable();
                assert_eq!(found, (0..size).collect::<Vec<_>>());
                let parts = store.parts(log).unwrap();
                assert!(parts.windows(2).all(|two| two[0].range().end == two[1].range().start));
                looks += 1;
            }
        });
        // A scan that began before goes on over files that are gone.
        let mut old = store.scan(log, 0..30, false).unwrap();
        assert!(old.next().is_some());
        for round in 1..20 {
            fill(&store, log, round * 100, 30);
            assert!(store.seal_now());
            assert!(store.merge_now());
        }
        assert_eq!(old.map(Result::unwrap).count(), 29);
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    let merging = store.merging();
    assert!(merging.merges > 3 && merging.segments < 12, "{merging:?}");
    assert_eq!(merging.segments, segments(&disk).len() as u64);
    check_log(&store, log);
}

#[test]
fn merging_waits_for_space_and_goes_on_when_there_is_some() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let apart = Options { merge_files: usize::MAX, ..settings(&disk, &clock) };
    let store = harness::open(Path::new(DIR), apart);
    let log = store.create_log(&spec("a")).unwrap();
    for round in 0..6 {
        fill(&store, log, round * 100, 30);
        assert!(store.seal_now());
    }
    drop(store);
    disk.set_capacity(Some(disk.used() + 3 * 64 * 1024));
    let store = harness::open(Path::new(DIR), settings(&disk, &clock));
    assert!(!store.merge_now(), "there is no room for the new file");
    assert_eq!((store.merging().merges, store.has_failed()), (0, false));
    assert_eq!(segments(&disk).len(), 6);
    disk.set_capacity(None);
    while !store.merge_now() {}
    assert!(segments(&disk).len() < 6);
    check_log(&store, log);
}

#[test]
fn segments_that_cannot_be_read_are_left_alone_and_others_are_merged() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let apart = Options { merge_files: usize::MAX, ..settings(&disk, &clock) };
    let store = harness::open(Path::new(DIR), apart);
    let log = store.create_log(&spec("a")).unwrap();
    for round in 0..8 {
        fill(&store, log, round * 100, 30);
        assert!(store.seal_now());
    }
    drop(store);
    let all = segments(&disk);
    disk.tamper(Path::new(&all[1]), |bytes| bytes[70] ^= 1);
    let store = harness::open(Path::new(DIR), settings(&disk, &clock));
    assert!(store.merge_now());
    assert!(!store.has_failed());
    let left = segments(&disk);
    assert!(left.contains(&all[1]), "the damaged file is evidence: {left:#?}");
    assert!(store.merging().left_alone > 0);
    assert!(store.read(log, 35).is_err());
    assert!(store.read(log, 239).unwrap().is_some());
    let rest = store.scan(log, 60..u64::MAX, false).unwrap();
    assert_eq!(rest.map(Result::unwrap).count(), 180);
}

#[test]
fn an_interrupted_merge_is_finished_by_the_next_start_and_a_damaged_one_undone() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let store = harness::open(Path::new(DIR), settings(&disk, &clock));
    let log = store.create_log(&spec("a")).unwrap();
    let mut copies = Vec::new();
    for round in 0..4 {
        fill(&store, log, round * 100, 30);
        assert!(store.seal_now());
    }
    let before = disk.copy();
    // The machine stops with each operation of the merge, and what follows the decision is lost.
    for at in 1.. {
        let copy = before.copy();
        copy.plan(copy.operations() + at, indelible_durable::sim::Fault::CrashAfter);
        let outcome =
            Store::open(Path::new(DIR), settings(&copy, &clock)).map(|(store, _)| store.merge_now());
        if copy.paths().iter().any(|path| path.ends_with("state/merge")) {
            copies.push(copy.copy());
        }
        if matches!(outcome, Ok(true)) || at > 200 {
            break;
        }
    }
    assert!(copies.len() >= 3, "{}", copies.len());
    for (number, copy) in copies.iter().enumerate() {
        assert_sound(copy);
        let whole = harness::open(Path::new(DIR), settings(&copy.copy(), &clock));
        assert_eq!(messages(&whole, log).len(), 120, "copy {number}");
        let merged = segments(copy).into_iter().find(|path| path.contains(".1."));
        if let Some(merged) = merged.filter(|_| segments(copy).len() == 5) {
            copy.tamper(Path::new(&merged), |bytes| bytes[100] ^= 1);
            let undone = harness::open(Path::new(DIR), settings(copy, &clock));
            assert_eq!(messages(&undone, log).len(), 120, "copy {number}, damaged");
        }
    }
}

#[test]
fn a_leaf_that_its_body_does_not_give_is_kept_through_seals_and_merges() {
    let (disk, clock) = (SimDisk::new(Path::new("/")), TestClock::default());
    let store = harness::open(Path::new(DIR), settings(&disk, &clock));
    let log = store.create_log(&spec("a")).unwrap();
    let mut leaves = Vec::new();
    for round in 0..5u8 {
        fill(&store, log, u64::from(round) * 100, 20);
        let odd = Append { body: [round + 1; 32], ..append(&store, log, u64::from(round) * 100 + 50) };
        let Appended::Stored(place) = store_one(&store, odd) else { panic!("not stored") };
        leaves.push(place);
        assert!(store.seal_now());
    }
    assert!(store.merge_now());
    assert!(store.merging().merges > 0);
    let head = store.head(log).unwrap();
    for place in leaves {
        assert_eq!(store.read(log, place.index).unwrap().unwrap().leaf, place.leaf);
        assert_eq!(store.leaf(log, place.index).unwrap(), place.leaf);
        let path = store.inclusion(log, place.index, head.size).unwrap();
        let leaf = indelible_tlog::tree::leaf_hash(&place.leaf);
        indelible_tlog::proof::verify_inclusion(leaf, place.index, head.size, &path, head.root).unwrap();
    }
    drop(store);
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let report = check(&disk, Path::new(DIR), &CheckOptions { threads: 2, progress: &|_| () }).unwrap();
    assert_eq!(report.findings.len(), 5, "they are found, and nothing else: {:#?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.what == "the body does not give the leaf"));
}
