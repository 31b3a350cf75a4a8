//! What the store's tests share: a clock they own, small files, sample events, and the checker of a whole log.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test code, used in parts"
)]

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indelible_durable::clock::Clock;
use indelible_durable::disk::Disk;
use indelible_event::{Event, Field, Leaf, StoredBody, Value, seal};
use indelible_store::append::{Append, Appended};
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};
use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::tree::{Stack, leaf_hash};

/// 2026-01-01 in nanoseconds.
pub const START_NS: i64 = 1_767_225_600 * 1_000_000_000;

/// A clock that tests move.
#[derive(Debug, Clone)]
pub struct TestClock {
    pub wall: Arc<AtomicI64>,
    pub boot: Arc<AtomicI64>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { wall: Arc::new(AtomicI64::new(START_NS)), boot: Arc::new(AtomicI64::new(0)) }
    }
}

impl TestClock {
    pub fn clock(&self) -> Clock {
        let (wall, boot) = (Arc::clone(&self.wall), Arc::clone(&self.boot));
        Clock::new(
            Arc::new(move || wall.load(Ordering::SeqCst)),
            Arc::new(move || boot.load(Ordering::SeqCst)),
        )
    }

    pub fn advance(&self, by: Duration) {
        let ns = i64::try_from(by.as_nanos()).unwrap();
        self.wall.fetch_add(ns, Ordering::SeqCst);
        self.boot.fetch_add(ns, Ordering::SeqCst);
    }
}

/// Options for a disk: small WAL files, immediate heads, nobody is aborted.
pub fn options(disk: Arc<dyn Disk>, clock: &TestClock) -> (Options, Arc<Mutex<Vec<String>>>) {
    let fatal = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&fatal);
    let options = Options {
        clock: clock.clock(),
        disk,
        on_fatal: Arc::new(move |why| {
            println!("fatal: {why}");
            told.lock().unwrap().push(why.to_owned());
        }),
        wal_file_bytes: 64 * 1024,
        head_interval: Duration::ZERO,
        own_segment_events: 8,
        ..Options::default()
    };
    (options, fatal)
}

pub fn spec(name: &str) -> LogSpec {
    LogSpec { origin: format!("test.invalid/log/{name}"), name: name.to_owned() }
}

/// An event with some clear, some personal content.
pub fn event(number: u64) -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, "openkat");
    event.set(Field::Code, "010001");
    event.set(Field::ActorId, format!("user{}", number % 7).as_str());
    event.set(Field::ActorEmail, format!("user{}@example.org", number % 7).as_str());
    event.set(Field::Message, format!("event number {number} happened").as_str());
    event
}

/// An event ready to be stored, without key or number.
pub fn append(store: &Store, log: LogNo, number: u64) -> Append {
    let event = event(number);
    let id = store.new_event_id();
    let mut subjects = Vec::new();
    let sealed = seal(&event, id, &store.event_salt(id), |subject| {
        let subject = store.subject(log, subject).unwrap();
        subjects.push(Arc::clone(&subject));
        subject.key().clone()
    })
    .unwrap();
    let content = store.digest(&[&number.to_be_bytes()]);
    Append {
        log,
        id,
        flags: 8,
        type_tag: indelible_event::type_tag("openkat", "010001"),
        producer: None,
        sequence: 0,
        key: None,
        content,
        body: sealed.body,
        stored: sealed.stored,
        subjects,
    }
}

/// Stores one event and gives what became of it.
pub fn store_one(store: &Store, append: Append) -> Appended {
    store.append_wait(vec![append], false).unwrap().remove(0)
}

/// Stores so many events, numbered on from `from`.
pub fn fill(store: &Store, log: LogNo, from: u64, count: u64) {
    let numbers: Vec<u64> = (from..from + count).collect();
    for part in numbers.chunks(50) {
        let appends = part.iter().map(|number| append(store, log, *number)).collect();
        let outcome = store.append_wait(appends, false).unwrap();
        assert!(outcome.iter().all(|appended| matches!(appended, Appended::Stored(_))), "{outcome:?}");
    }
}

/// Checks everything a reader can see of a log: bodies, leaves, order, tree, head, notes, proofs.
pub fn check_log(store: &Store, log: LogNo) {
    let size = store.size(log).unwrap();
    let head = store.wait_published(log, size, Duration::from_secs(20)).unwrap();
    assert_eq!(head.size, size, "published size");
    let info = store.log(log).unwrap();
    let keys: Vec<_> = store.keys(log).unwrap().iter().map(|key| key.vkey.parse().unwrap()).collect();
    let mut stack = Stack::new();
    let mut last_received = 0;
    let mut roots = vec![stack.root()];
    for (expected, record) in (0..).zip(store.scan(log, 0..size, false).unwrap()) {
        let record = record.unwrap();
        assert_eq!(record.index, expected);
        let leaf = Leaf::decode(&record.leaf).unwrap();
        assert!(leaf.received_ns >= last_received);
        last_received = leaf.received_ns;
        let body = StoredBody::decode(&record.stored).unwrap();
        let hash = body.body_hash(leaf.id, &|id| store.subject_key(id)).unwrap();
        assert_eq!(hash, leaf.body, "body of event {expected}");
        stack.append(leaf_hash(&record.leaf), |_, _| ());
        roots.push(stack.root());
    }
    assert_eq!(stack.size(), size, "events found");
    let signed = SignedCheckpoint::open(head.note.as_bytes(), &keys).unwrap();
    assert_eq!(signed.checkpoint.origin(), info.origin);
    assert_eq!((signed.checkpoint.size(), signed.checkpoint.root()), (size, stack.root()));
    for noted in store.checkpoints(log).unwrap() {
        let signed = SignedCheckpoint::open(noted.note.as_bytes(), &keys).unwrap();
        let at = usize::try_from(signed.checkpoint.size()).unwrap();
        assert_eq!(Some(&signed.checkpoint.root()), roots.get(at), "note of size {at}");
    }
    if size > 0 {
        let index = size / 2;
        let record = store.read(log, index).unwrap().unwrap();
        let path = store.inclusion(log, index, size).unwrap();
        indelible_tlog::proof::verify_inclusion(leaf_hash(&record.leaf), index, size, &path, head.root)
            .unwrap();
        let path = store.consistency(log, index + 1, size).unwrap();
        let old = (index + 1, roots[usize::try_from(index).unwrap() + 1]);
        indelible_tlog::proof::verify_consistency(old, (size, head.root), &path).unwrap();
    }
}

/// Messages of all events, to find out who is there.
pub fn messages(store: &Store, log: LogNo) -> Vec<String> {
    let size = store.size(log).unwrap();
    let text = |stored: &[u8]| {
        let body = StoredBody::decode(stored).unwrap();
        let event = indelible_event::read_event(&body).unwrap();
        match event.get(Field::Message) {
            Some(Value::Text(text)) => text.clone(),
            other => panic!("no message: {other:?}"),
        }
    };
    store.scan(log, 0..size, false).unwrap().map(|record| text(&record.unwrap().stored)).collect()
}

/// Opens or fails the test.
pub fn open(dir: &Path, options: Options) -> Store {
    Store::open(dir, options).unwrap().0
}
