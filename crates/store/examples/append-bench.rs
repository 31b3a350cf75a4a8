//! Measures the store alone: batches of 1,000 and single events, events per second and CPU per event.
//!
//! `cargo run --release -p indelible-store --example append-bench -- [events] [folder]`. The bodies are 400 bytes that
//! look like sealed events; nothing is validated or committed to here.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "its output is the result, rounded")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use indelible_event::{Event, Field};
use indelible_store::append::Append;
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};
use rustix::time::{ClockId, clock_gettime};

const BATCH: u64 = 1_000;
/// Real events that fsck recomputes.
const CHECKED: u64 = 200_000;
/// Batches that one sender has under way.
const AHEAD: u64 = 8;
const SENDERS: u64 = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let events: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("append-bench"), PathBuf::from);
    let (store, recovery) = Store::open(&folder, Options::default())?;
    println!("opened: {recovery:?}");
    let origin = format!("bench.invalid/log/{:016x}", clock(ClockId::Realtime).to_bits());
    let log = store.create_log(&LogSpec { origin, name: "bench".to_owned() })?;
    measure("batches of 1,000", events, || batches(&store, log, events));
    measure("256 senders, 1 event", events / 10, || singles(&store, log, events / 10));
    measure("sealing the rest", store.depth().unsealed_events, || {
        assert!(store.seal_now(), "sealing stopped");
    });
    measure("reading all", store.size(log)?, || {
        let read = store.scan(log, 0..u64::MAX, false).map(Iterator::count);
        println!("read {read:?}");
    });
    println!("resident: {} MiB, on disk: {} MiB", resident_mib(), size(&folder)? / (1024 * 1024));
    store.shutdown();
    check_real(&folder.with_extension("check"), CHECKED)
}

/// Stores real events and checks them from their bodies up, on one thread.
fn check_real(folder: &Path, events: u64) -> Result<(), Box<dyn std::error::Error>> {
    let (store, _) = Store::open(folder, Options::default())?;
    let log = store
        .create_log(&LogSpec { origin: format!("check.invalid/log/{events:016x}"), name: "check".into() })?;
    for batch in 0..events / BATCH {
        let appends =
            (0..BATCH).map(|number| real(&store, log, batch * BATCH + number)).collect::<Result<_, _>>()?;
        store.append_wait(appends, false)?;
    }
    store.seal_now();
    store.shutdown();
    let disk: Arc<dyn indelible_durable::disk::Disk> = Arc::new(indelible_durable::real::RealDisk);
    measure("fsck, one thread", events, || {
        let options = indelible_store::fsck::CheckOptions { threads: 1, progress: &|_| () };
        let report = indelible_store::fsck::check(&disk, folder, &options);
        println!("{:?}", report.map(|report| (report.events, report.findings.len())));
    });
    Ok(())
}

fn real(store: &Store, log: LogNo, number: u64) -> Result<Append, Box<dyn std::error::Error>> {
    let mut event = Event::new();
    event.set(Field::Catalog, "openkat");
    event.set(Field::Code, "010001");
    event.set(Field::Outcome, "success");
    event.set(Field::ActorId, format!("user{}", number % 700).as_str());
    event.set(Field::ActorName, format!("User Number {}", number % 700).as_str());
    event.set(Field::OriginAddress, format!("10.1.{}.{}", number % 7, number % 100).as_str());
    event.set(Field::Message, format!("event number {number} happened to somebody").as_str());
    let id = store.new_event_id();
    let mut subjects = Vec::new();
    let sealed = indelible_event::seal(&event, id, &store.event_salt(id), |subject| {
        let subject = store.subject(log, subject).expect("the pool can be extended");
        subjects.push(Arc::clone(&subject));
        subject.key().clone()
    })?;
    Ok(Append { id, body: sealed.body, stored: sealed.stored, subjects, ..append(store, log, number) })
}

fn measure(name: &str, events: u64, run: impl FnOnce()) {
    let (wall, cpu) = (clock(ClockId::Boottime), clock(ClockId::ProcessCPUTime));
    run();
    let (wall, cpu) = (clock(ClockId::Boottime) - wall, clock(ClockId::ProcessCPUTime) - cpu);
    let count = events as f64;
    println!("{name}: {events} events, {:.0}/s, {:.2} µs CPU each", count / wall, cpu * 1e6 / count);
}

fn clock(id: ClockId) -> f64 {
    let time = clock_gettime(id);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn append(store: &Store, log: LogNo, number: u64) -> Append {
    let id = store.new_event_id();
    let mut stored = vec![1];
    stored.extend_from_slice(&store.event_salt(id));
    let text = format!(
        "actor user{:05} did action{:03} on target-{} from 10.{}.{}.{} session {:08x} with result {} and a message \
         that says what happened in a sentence of usual length; catalog openkat code 0{:05} organization org-{:03} ",
        number * 7919 % 5000,
        number % 283,
        number * 31 % 20_000,
        number % 256,
        number / 3 % 256,
        number / 7 % 256,
        number / 40 * 2_654_435_761 % 0xffff_ffff,
        number % 3,
        number % 90,
        number % 200
    );
    stored.extend_from_slice(text.as_bytes());
    stored.resize(400, b'.');
    let mut body = [0; 32];
    body.iter_mut().zip(number.to_be_bytes().iter().cycle()).for_each(|(to, from)| *to = *from);
    let content = store.digest(&[&stored]);
    Append {
        log,
        id,
        flags: 8,
        type_tag: number as u32 % 283,
        producer: None,
        sequence: 0,
        key: None,
        content,
        body,
        stored,
        subjects: Vec::new(),
    }
}

fn batches(store: &Store, log: LogNo, events: u64) {
    let (send, receive) = mpsc::channel();
    let mut under_way = 0;
    for batch in 0..events / BATCH {
        let appends = (0..BATCH).map(|number| append(store, log, batch * BATCH + number)).collect();
        let done = send.clone();
        store.append(appends, false, Box::new(move |outcome| done.send(outcome.is_ok()).unwrap_or_default()));
        under_way += 1;
        if under_way == AHEAD {
            assert!(receive.recv().unwrap_or(false), "a batch was refused");
            under_way -= 1;
        }
    }
    (0..under_way).for_each(|_| assert!(receive.recv().unwrap_or(false), "a batch was refused"));
}

/// Keeps 256 single events under way, each sent when the one before it is answered, as 256 connections would.
fn singles(store: &Store, log: LogNo, events: u64) {
    let left = Arc::new(AtomicU64::new(events));
    let (send, receive) = mpsc::channel();
    for _ in 0..SENDERS {
        send.send(()).unwrap_or_default();
    }
    let mut answered = 0;
    while answered < events + SENDERS {
        if receive.recv().is_err() {
            break;
        }
        answered += 1;
        let next = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if let Ok(number) = next {
            let done = send.clone();
            let reply = Box::new(move |_| done.send(()).unwrap_or_default());
            store.append(vec![append(store, log, number)], false, reply);
        }
    }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
        / 1024
}

fn size(folder: &Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        total += if meta.is_dir() { size(&entry.path())? } else { meta.len() };
    }
    Ok(total)
}
