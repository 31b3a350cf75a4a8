//! Measures a data folder: stores the sample events without a server, seals and merges them, and says how many bytes of
//! which files an event takes.
//!
//! `cargo run --release -p indelible-bench --example folder -- [EVENTS] [FOLDER] [EVENTS PER SEAL]`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people at a terminal")]
#![expect(clippy::cast_precision_loss, reason = "shown with two digits")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod maker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use indelible_event::{Field, seal, type_tag};
use indelible_segment::id::IdCipher;
use indelible_store::append::Append;
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};
use maker::Maker;

/// Events of one request.
const BATCH: usize = 1_000;

fn append(store: &Store, log: LogNo, maker: &mut Maker) -> Option<Append> {
    let event = maker.event()?;
    let id = store.new_event_id();
    let mut subjects = Vec::new();
    let sealed = seal(&event, id, &store.event_salt(id), |subject| {
        let subject = store.subject(log, subject).unwrap();
        subjects.push(Arc::clone(&subject));
        subject.key().clone()
    })
    .unwrap();
    let text = |field| event.text(field).unwrap_or_default();
    Some(Append {
        log,
        id,
        flags: 8,
        type_tag: type_tag(text(Field::Catalog), text(Field::Code)),
        producer: None,
        sequence: 0,
        key: None,
        content: [0; 16],
        body: sealed.body,
        stored: sealed.stored,
        subjects,
    })
}

/// Bytes by kind of file.
fn sizes(folder: &Path, kinds: &mut BTreeMap<String, (u64, u64)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sizes(&path, kinds);
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let kind = path.extension().map_or(name, |kind| kind.to_string_lossy().into_owned());
        let of_kind = kinds.entry(kind).or_default();
        of_kind.0 += 1;
        of_kind.1 += entry.metadata().unwrap().len();
    }
}

fn report(folder: &Path, events: u64, when: &str) {
    let mut kinds = BTreeMap::new();
    sizes(folder, &mut kinds);
    println!("{when}:");
    let mut all = 0;
    for (kind, (files, bytes)) in &kinds {
        println!("{:9.2} bytes/event  {files:4} files  {kind}", *bytes as f64 / events as f64);
        // A spare file of the write-ahead log is prepared under a temporary name.
        all += if kind == "wal" || kind == "tmp" { 0 } else { *bytes };
    }
    println!("{:9.2} bytes/event  all but the write-ahead log", all as f64 / events as f64);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let events: u64 = arguments.next().map_or(500_000, |text| text.parse().unwrap());
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("folder-bench"), PathBuf::from);
    let options = Options::default();
    let seal_events = arguments.next().map_or(options.seal_events, |text| text.parse().unwrap());
    let (store, _) = Store::open(&folder, Options { seal_events, ..options }).unwrap();
    let spec = LogSpec { origin: "bench.invalid/log/folder".to_owned(), name: "bench".to_owned() };
    let log = store.create_log(&spec).unwrap();
    let mut maker = Maker::new(events, IdCipher::new([3; 16]));
    loop {
        let batch: Vec<Append> = (0..BATCH).map_while(|_| append(&store, log, &mut maker)).collect();
        if batch.is_empty() {
            break;
        }
        store.append_wait(batch, false).unwrap();
    }
    assert!(store.seal_now());
    report(&folder, events, "sealed");
    let started = Instant::now();
    assert!(store.merge_now());
    println!("merged in {:?} more: {:?}", started.elapsed(), store.merging());
    let started = Instant::now();
    let size = store.size(log).unwrap();
    let read = store.scan(log, 0..size, false).unwrap().map(Result::unwrap).count();
    println!("read {read} events with their leaves in {:?}", started.elapsed());
    store.shutdown();
    report(&folder, events, "after a clean stop");
}
