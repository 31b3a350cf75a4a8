//! Measures segments on the sample events without a server: bytes per event and column, and processor time per event.
//!
//! `cargo run --release -p indelible-bench --example segments -- [EVENTS] [ROWS PER SEGMENT] [FOLDER FOR THE FILES]`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people at a terminal")]

use std::collections::HashMap;
use std::time::Duration;

use indelible_bench::catalogs;
use indelible_bench::event::{Generator, Recipe};
use indelible_catalog::resolve::SentHints;
use indelible_catalog::{Loaded, Source, load};
use indelible_event::{
    Class, Event, EventId, Field, Map, Param, SubjectKey, Time, Value, seal, sha256, type_tag,
};
use indelible_segment::id::IdCipher;
use indelible_segment::read::Index;
use indelible_segment::row::Row;
use indelible_segment::write::{Spec, Writer};
use serde_json::Value as Json;

/// Events that arrive together.
const BATCH: u64 = 1000;
const SEED: [u8; 32] = [7; 32];

struct Stored {
    received_ns: u64,
    id: EventId,
    type_tag: u32,
    stored: Vec<u8>,
}

fn sources() -> Vec<Source> {
    let file = |folder: &str, name: &str, text: String| Source { name: format!("{folder}/{name}"), text };
    let files = |catalog: catalogs::Catalog| {
        [file(&catalog.id, "catalog.toml", catalog.catalog), file(&catalog.id, "types.toml", catalog.types)]
    };
    catalogs::all().into_iter().flat_map(files).collect()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn number(text: &str) -> i64 {
    text.parse().unwrap()
}

fn time(text: &str) -> Time {
    let (year, month, day) = (number(&text[..4]), number(&text[5..7]), number(&text[8..10]));
    let years = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = years * 365 + years / 4 - years / 100 + years / 400 + day_of_year - 719_468;
    let seconds =
        days * 86_400 + number(&text[11..13]) * 3600 + number(&text[14..16]) * 60 + number(&text[17..19]);
    let nanos = u32::try_from(number(&text[20..23])).unwrap() * 1_000_000;
    Time { seconds, nanos, offset_minutes: Some(0) }
}

fn event(json: &Json) -> Event {
    let mut event = Event::new();
    event.set(Field::Code, text(&json["code"]));
    event.set(Field::Outcome, text(&json["outcome"]));
    event.set(Field::Account, text(&json["account"]));
    event.set(Field::ActorId, text(&json["actor"]["id"]));
    event.set(Field::OriginAddress, text(&json["origin"]["address"]));
    event.set(Field::OccurredAt, time(text(&json["occurred_at"])));
    event.set(Field::SessionId, text(&json["session"]["id"]));
    event.set(Field::Message, text(&json["message"]));
    event.set(Field::ProducerName, "bench");
    let target = Map::from_pairs(vec![("id".to_owned(), text(&json["targets"][0]["id"]).into())]).unwrap();
    event.set(Field::Targets, Value::List(vec![Value::Map(target)]));
    for (name, value) in json["params"].as_object().unwrap() {
        event.set_param(Param { name: name.clone(), class: Class::Separate, value: text(value).into() });
    }
    event
}

struct Maker {
    generator: Generator,
    loaded: Loaded,
    ids: IdCipher,
    keys: HashMap<String, SubjectKey>,
    made: u64,
    received_ns: u64,
}

impl Maker {
    fn next(&mut self) -> Option<Stored> {
        let mut line = String::new();
        if !self.generator.next_into(&mut line) {
            return None;
        }
        let json: Json = serde_json::from_str(&line).unwrap();
        let mut event = event(&json);
        let catalog =
            self.loaded.catalogs.iter().find(|catalog| catalog.id == text(&json["catalog"])).unwrap();
        let findings = catalog.resolve(&mut event, &SentHints::default());
        assert!(findings.is_empty(), "{findings:?}");
        if self.made.is_multiple_of(BATCH) {
            self.received_ns += 4_000_000 + self.made % 7919;
        }
        let id = EventId::from_parts(self.received_ns / 1_000_000, self.ids.seal(1, self.made));
        self.made += 1;
        let salt = salt(&id);
        let keys = &mut self.keys;
        let sealed = seal(&event, id, &salt, |person| {
            keys.entry(person.to_owned())
                .or_insert_with(|| {
                    let hash = sha256(person.as_bytes());
                    SubjectKey::new(hash[..16].try_into().unwrap(), &hash)
                })
                .clone()
        });
        let tag = type_tag(event.text(Field::Catalog).unwrap(), event.text(Field::Code).unwrap());
        Some(Stored { received_ns: self.received_ns, id, type_tag: tag, stored: sealed.unwrap().stored })
    }
}

/// As segments make it: the first 16 bytes of HMAC-SHA-256(seed, id).
fn salt(id: &EventId) -> [u8; 16] {
    indelible_event::MacKey::new(&SEED).mac(&id.0)[..16].try_into().unwrap()
}

fn row(stored: &Stored) -> Row<'_> {
    Row {
        flags: 8,
        type_tag: stored.type_tag,
        received_ns: stored.received_ns,
        id: stored.id.0,
        producer: 0x1234_5678_9abc_def0,
        sequence: 0,
        key: None,
        content: None,
        stored: &stored.stored,
    }
}

/// Of this thread: other work on the machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (events, per_segment) = (number(2_000_000), number(131_072));
    let folder = std::env::args().nth(3);
    let ids = IdCipher::new([3; 16]);
    let mut maker = Maker {
        generator: Generator::new(Recipe::standard(events)),
        loaded: load(&sources()),
        ids,
        keys: HashMap::new(),
        made: 0,
        received_ns: 1_790_000_000_000_000_000,
    };
    let (mut first, mut total, mut bodies) = (0u64, 0u64, 0u64);
    let (mut sealing, mut reading) = (Duration::ZERO, Duration::ZERO);
    let mut sizes: Vec<(String, u64)> = Vec::new();
    while first < events {
        let rows: Vec<Stored> = (0..per_segment).map_while(|_| maker.next()).collect();
        bodies += rows.iter().map(|row| row.stored.len() as u64).sum::<u64>();
        let started = processor_time();
        let spec = Spec { node: [1; 16], blocks: (first, first + 1), ids, level: 1 };
        let mut writer = Writer::new(spec);
        writer.begin_log(0, first).unwrap();
        rows.iter().for_each(|stored| writer.push(&row(stored), |_| Some(SEED)).unwrap());
        let bytes = writer.finish().unwrap();
        sealing += processor_time() - started;
        let started = processor_time();
        let read = |at: u64, buf: &mut [u8]| {
            let at = usize::try_from(at).unwrap();
            buf.copy_from_slice(&bytes[at..at + buf.len()]);
            Ok(())
        };
        let index = Index::read(bytes.len() as u64, &read).unwrap();
        let mut next = rows.iter();
        for entry in index.blocks(0) {
            let block = index.decode(entry, &read).unwrap();
            for (_, found) in block.rows() {
                assert_eq!(found, row(next.next().unwrap()));
            }
        }
        assert!(next.next().is_none(), "rows are missing");
        reading += processor_time() - started;
        for (name, size) in index.sizes(&read).unwrap() {
            match sizes.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += size,
                None => sizes.push((name, size)),
            }
        }
        total += bytes.len() as u64;
        if let Some(folder) = &folder {
            let path = format!("{folder}/{first:016x}.seg");
            std::fs::write(path, &bytes).unwrap();
        }
        first += rows.len() as u64;
    }
    let each = |sum: u64| sum as f64 / events as f64;
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    for (name, size) in &sizes {
        println!("{:8.3}  {name}", each(*size));
    }
    println!("{:8.3}  all, of {:.1} bytes of stored body", each(total), each(bodies));
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / events as f64;
    println!("seal {:.2} µs/event, read back and compare {:.2} µs/event", micros(sealing), micros(reading));
}
