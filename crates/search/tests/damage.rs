//! A damaged file takes away what it held and nothing else, and every answer says what it lacks.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::{compile, page, request, searcher, unlimited};
use indelible_durable::disk::{Disk, read_file};
use indelible_durable::sim::SimDisk;
use indelible_event::{Event, Field, Time, seal, type_tag};
use indelible_query::FieldRef;
use indelible_search::{FacetsAsked, Log, Order, Scope};
use indelible_store::append::Append;
use indelible_store::fsck::{CheckOptions, check};
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};

const DIR: &str = "/data";
/// Events of each of three seals: three blocks.
const SEAL: u64 = 2_500;
/// Events in all, some of them not sealed.
const EVENTS: u64 = 3 * SEAL + 100;

fn settings(disk: &SimDisk) -> Options {
    Options {
        disk: Arc::new(disk.clone()),
        own_segment_events: 8,
        wal_file_bytes: 1 << 21,
        // Only what a test says is sealed.
        seal_quiet: Duration::MAX,
        ..Options::default()
    }
}

fn append(store: &Store, log: LogNo, number: u64) -> Append {
    let mut event = Event::new();
    event.set(Field::Catalog, "test");
    event.set(Field::Code, format!("c{}", number % 4).as_str());
    event.set(Field::SessionId, format!("session {}", number / 50).as_str());
    event.set(Field::Message, format!("thing {} happened {}", number % 90, number).as_str());
    let seconds = 1_700_000_000 + i64::try_from(number).unwrap();
    event.set(Field::OccurredAt, Time { seconds, nanos: 0, offset_minutes: Some(0) });
    let id = store.new_event_id();
    let sealed = seal(&event, id, &store.event_salt(id), |_| unreachable!("nothing personal")).unwrap();
    Append {
        log,
        id,
        flags: 8,
        type_tag: type_tag("test", event.text(Field::Code).unwrap()),
        producer: None,
        sequence: 0,
        key: Some(store.digest(&[&number.to_be_bytes()])),
        content: [0; 16],
        body: sealed.body,
        stored: sealed.stored,
        subjects: Vec::new(),
    }
}

/// A closed store of one log in three segments and the write-ahead log.
fn sample() -> SimDisk {
    let disk = SimDisk::new(Path::new("/"));
    let (store, _) = Store::open(Path::new(DIR), settings(&disk)).unwrap();
    let log = store.create_log(&LogSpec { origin: "example.org/log/1".into(), name: "a".into() }).unwrap();
    for number in 0..EVENTS {
        if number % SEAL == 0 && number > 0 {
            assert!(store.seal_now());
        }
        if number % 500 == 0 {
            let end = EVENTS.min(number + 500);
            store
                .append_wait((number..end).map(|number| append(&store, log, number)).collect(), false)
                .unwrap();
        }
    }
    store.shutdown();
    disk
}

/// Asks for everything, some, and counts; compares what is found with what must be there. Gives the stretches that are said
/// to be lacking.
fn ask(disk: &SimDisk, what: &str) -> Vec<(u64, u64, PathBuf)> {
    let (store, _) =
        Store::open(Path::new(DIR), settings(disk)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let scope = Scope { organization: "a".into(), log: LogNo(0) };
    let log = Log { records: &store, scope: &scope };
    let mut all: Vec<(u64, u64, PathBuf)> = Vec::new();
    for (text, holds) in [
        ("", (|_| true) as fn(u64) -> bool),
        ("code:c2", |number| number % 4 == 2),
        ("session:\"session 60\"", |number| number / 50 == 60),
        ("happened", |_| true),
        ("message:*thing*", |_| true),
    ] {
        let query = compile(text);
        let request = request(&query, Order::IndexAscending);
        let searcher = searcher(2);
        for round in 0..2 {
            let budget = unlimited();
            let walked = searcher.matches(log, &request, &budget).unwrap();
            let found: BTreeSet<u64> = walked
                .map(|hit| hit.unwrap_or_else(|error| panic!("{what}: {text}: {error}")).index)
                .collect();
            let lacking = budget.incomplete();
            let is_lacking = |number: &u64| lacking.iter().any(|out| (out.first..=out.last).contains(number));
            for number in (0..EVENTS).filter(|number| holds(*number)) {
                assert!(
                    found.contains(&number) || is_lacking(&number),
                    "{what}: {text}: {number}, round {round}"
                );
            }
            assert!(found.iter().all(|number| holds(*number)), "{what}: {text}");
            let budget = unlimited();
            let count = searcher
                .count(log, &request, &budget)
                .unwrap_or_else(|error| panic!("{what}: {text}: {error}"));
            assert!(count.exact && count.value >= found.len() as u64, "{what}: {text}: {count:?}");
            let short = count.value < (0..EVENTS).filter(|number| holds(*number)).count() as u64;
            assert!(
                !short || !budget.incomplete().is_empty(),
                "{what}: {text} counts {count:?} and says nothing"
            );
            let asked =
                FacetsAsked { fields: vec![FieldRef::named("session").unwrap()], top: 10, prefix: None };
            let facets = searcher.facets(log, &request, &asked, &unlimited()).unwrap();
            assert!(facets.extent.events >= found.len() as u64, "{what}: {text}");
            all.extend(lacking.into_iter().map(|out| (out.first, out.last, out.file)));
        }
        let order = common::request(&query, Order::OccurredDescending);
        let newest = page(&common::searcher(2), log, &order, (None, 10), &unlimited()).unwrap();
        let expected = (0..EVENTS).rev().filter(|number| holds(*number));
        let expected =
            expected.filter(|number| !all.iter().any(|(first, last, _)| (first..=last).contains(&number)));
        assert_eq!(common::indexes(&newest), expected.take(10).collect::<Vec<_>>(), "{what}: {text}");
    }
    all.sort();
    all.dedup();
    all
}

#[test]
fn a_flipped_byte_anywhere_in_a_segment_takes_away_no_more_than_it_says() {
    let sound = sample();
    assert_eq!(ask(&sound, "sound"), []);
    let mut segments: Vec<PathBuf> =
        sound.paths().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "seg")).collect();
    segments.sort();
    assert_eq!(segments.len(), 3);
    let damaged = &segments[1];
    let len = read_file(&sound, damaged, u64::MAX).unwrap().len();
    let (mut lacking, mut whole) = (0, 0);
    // Header, blocks, contexts, dictionaries, sections, table and footer: wherever these lie.
    let places = (0..18).map(|step| step * len / 18 + 3).chain([len - 1, len - 40, len - 70, len - 100]);
    for at in places {
        let disk = sound.copy();
        disk.tamper(damaged, |bytes| bytes[at] ^= 4);
        let what = format!("byte {at} of {len}");
        let missing = ask(&disk, &what);
        println!("{what}: {missing:?}");
        for (first, last, file) in &missing {
            assert_eq!(file, damaged, "{what}");
            assert!(
                (SEAL..2 * SEAL).contains(first) && (SEAL..2 * SEAL).contains(last),
                "{what}: {first} to {last}"
            );
            whole += usize::from((*first, *last) == (SEAL, 2 * SEAL - 1));
        }
        lacking += usize::from(!missing.is_empty());
        let shared: Arc<dyn Disk> = Arc::new(disk);
        let report = check(&shared, Path::new(DIR), &CheckOptions { threads: 1, progress: &|_| () }).unwrap();
        let named =
            report.findings.iter().any(|finding| finding.file == *damaged && finding.offset <= at as u64);
        assert!(named, "{what}: {:?}", report.findings);
    }
    assert!(lacking > whole && whole > 0, "{lacking} damages took something away, {whole} the whole segment");
}

#[test]
fn whoever_follows_a_log_stops_where_it_cannot_be_read() {
    let disk = sample();
    let mut segments: Vec<PathBuf> =
        disk.paths().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "seg")).collect();
    segments.sort();
    disk.tamper(&segments[1], |bytes| bytes[200] ^= 1);
    let (store, _) = Store::open(Path::new(DIR), settings(&disk)).unwrap();
    let scope = Scope { organization: "a".into(), log: LogNo(0) };
    let log = Log { records: &store, scope: &scope };
    let (searcher, query) = (searcher(1), compile(""));
    let mut next = 0;
    let stopped = loop {
        match searcher.feed(log, &query, (next, 900), &unlimited()) {
            Ok(page) => {
                assert_eq!(page.items.len() as u64, page.next - next, "nothing is passed over");
                next = page.next;
            }
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(next, SEAL);
    assert!(stopped.contains("events 2500 to"), "{stopped}");
    let after = searcher.feed(log, &query, (2 * SEAL, 10), &unlimited()).unwrap();
    assert_eq!(after.items.len(), 10);
}
