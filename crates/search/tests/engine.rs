//! Whatever is asked, sealed events are found by columns exactly as the query's own evaluation finds them one by one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::HashMap;
use std::fmt::Write;

use common::{ORDERS, append, clock, page, request, searcher, unlimited};
use indelible_event::{Class, Event, Field, Map, Param, Person, SubjectKey, Time, Value};
use indelible_query::{Compiled, Context, Expansion, Instant, parse};
use indelible_search::{HistogramAsked, Hit, Log, Order, Request, Scope, Searcher};
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};

/// Cases and questions of each; ten thousand in all in the long run of the tests.
const SHORT: (u64, usize) = (3, 300);
const LONG: (u64, usize) = (12, 850);
/// How many of them are also asked for pages.
const PAGED: usize = 15;
/// How many of them are also counted by field and time.
const COUNTED: usize = 120;

/// A reproducible source of choices (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn number(&mut self, bound: u32) -> i64 {
        (self.next() % u64::from(bound)).cast_signed()
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const WORDS: [&str; 24] = [
    "user",
    "Login",
    "LOGIN",
    "zanzibarite",
    "CHG-004711",
    "user00042",
    "4711",
    "0042",
    "23H2",
    "8c1f00aa",
    "550e8400-e29b-41d4-a716-446655440000",
    "İstanbul",
    "istanbul",
    "ß",
    "Σίσυφος",
    "σίσυφοσ",
    "naïve",
    "cafe",
    "10.1.2.3",
    "C:\\Users\\x",
    "a.b",
    "true",
    "12.5",
    "A1B2C3D4E5",
];
const ACTORS: [&str; 6] = ["user00042", "USER00042", "bob smith", "user00043", "", "zanzibarite"];
const ADDRESSES: [&str; 5] = ["10.1.2.3", "192.0.2.7", "2001:db8::7", "::ffff:10.1.2.3", "pc-17"];

fn text(random: &mut Random) -> String {
    if random.one_in(12) {
        return String::new();
    }
    let mut text = String::new();
    for at in 0..=random.below(5) {
        if at > 0 {
            text.push_str(random.pick(&[" ", " ", " ", "-", ", ", "", "/"]));
        }
        text.push_str(random.pick(&WORDS));
    }
    text
}

/// A text that is huge now and then.
fn long_text(random: &mut Random) -> String {
    let mut text = text(random);
    if random.one_in(40) {
        text.push_str(&" lorem".repeat(1200));
    }
    text
}

fn time(random: &mut Random) -> Time {
    let seconds = match random.below(20) {
        0 => 0,
        1 => 10_413_792_000,
        _ => common::RECEIVED_S + random.number(40) * 3600 - 72_000,
    };
    Time {
        seconds,
        nanos: random.below(2) as u32 * 500_000_000,
        offset_minutes: random.one_in(2).then_some(60),
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 2 { 8 } else { 10 }) {
        0..4 => Value::Text(text(random)),
        4 => Value::Int(random.number(5000) - 100),
        5 => Value::Bool(random.one_in(2)),
        6 => [Value::Null, Value::Decimal("12.5".into()), Value::Bytes(vec![1])][random.below(3)].clone(),
        7 => Value::Time(time(random)),
        8 => Value::List((0..random.below(3)).map(|_| value(random, depth + 1)).collect()),
        _ => {
            let pairs = (0..random.below(3))
                .map(|_| (random.pick(&["a", "b", "a.b"]).to_owned(), value(random, depth + 1)));
            Value::Map(Map::from_pairs(pairs.collect()).unwrap_or_default())
        }
    }
}

fn record(random: &mut Random, members: &[&str]) -> Value {
    let mut pairs = Vec::new();
    for &name in members {
        if random.one_in(2) {
            let value = if name == "labels" {
                Value::List((0..random.below(3)).map(|_| text(random).into()).collect())
            } else {
                text(random).into()
            };
            pairs.push((name.to_owned(), value));
        }
    }
    Value::Map(Map::from_pairs(pairs).unwrap())
}

fn event(random: &mut Random) -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, random.pick(&["test", "other"]));
    let mut maybe = |event: &mut Event, field: Field, of: usize, from: &[&str]| {
        if !random.one_in(of) {
            event.set(field, random.pick(from));
        }
    };
    maybe(&mut event, Field::Code, 9, &["c1", "c2", "090001", "C1"]);
    maybe(&mut event, Field::Severity, 3, &["info", "high", "low"]);
    maybe(&mut event, Field::Outcome, 3, &["success", "failure"]);
    maybe(&mut event, Field::Account, 3, &["org-1", "org-2", "Org-1", ""]);
    maybe(&mut event, Field::ActorId, 4, &ACTORS);
    maybe(&mut event, Field::ActorName, 2, &ACTORS);
    maybe(&mut event, Field::SessionId, 3, &["8c1f00aa8c1f00aa", "s-1", "cafe"]);
    maybe(&mut event, Field::OriginAddress, 3, &ADDRESSES);
    maybe(&mut event, Field::State, 5, &["accepted", "quarantined"]);
    if random.one_in(3) {
        event.set(
            Field::ActorRoles,
            (0..random.below(3)).map(|_| text(random).into()).collect::<Vec<Value>>(),
        );
    }
    if random.one_in(4) {
        event.set(Field::OriginPort, random.number(3));
        event.set(Field::ActorMfa, random.one_in(2));
    }
    if !random.one_in(4) {
        event.set(Field::OccurredAt, time(random));
    }
    if !random.one_in(3) {
        event.set(Field::Message, long_text(random));
    }
    if random.one_in(2) {
        let targets = (0..random.below(3)).map(|_| record(random, &["id", "kind", "labels", "name"]));
        event.set(Field::Targets, targets.collect::<Vec<_>>());
    }
    if random.one_in(3) {
        let subjects = (0..random.below(3)).map(|_| record(random, &["id", "name"]));
        event.set(Field::Subjects, subjects.collect::<Vec<_>>());
    }
    for name in ["a", "b", "a.b", "n"] {
        if random.one_in(3) {
            let class = [Class::Plain, Class::Separate, Class::Personal(Person::Actor)][random.below(3)];
            event.set_param(Param { name: name.into(), class, value: value(random, 0) });
        }
    }
    if random.one_in(4)
        && let data @ Value::Map(_) = value(random, 0)
    {
        event.set(Field::Extra, data);
    }
    event
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out + "\""
}

#[rustfmt::skip]
const FIELDS: [&str; 34] = [
    "account", "catalog", "code", "severity", "outcome", "actor", "actor.id", "actor.name", "role", "session", "ip",
    "origin.ip", "port", "mfa", "target", "target.id", "target.kind", "target.label", "subject", "subject.id", "message",
    "param.a", "param.b", "param.a.b", "param", "data", "data.a", "data.a.b", "param.n", "state", "flag", "org", "seq",
    "behalf",
];
const RANGES: [&str; 7] =
    ["10.0.0.0/8", "2001:db8::/32", "..100", ">1", "1..5000", "high..", "090000..090002"];
const VALUES: [&str; 10] =
    ["c1", "test", "org-1", "info", "failure", "true", "quarantined", "0", "12.5", "4711"];

/// A condition on a field, not always a valid one.
fn condition(random: &mut Random) -> String {
    let (field, word, actor) = (random.pick(&FIELDS), random.pick(&WORDS), random.pick(&ACTORS));
    let value = match random.below(8) {
        0 => "*".to_owned(),
        1 => quoted(word),
        2 => quoted(actor),
        3 => format!("{}*", word.chars().take(3).collect::<String>()),
        4 => random.pick(&RANGES).to_owned(),
        5 => random.pick(&VALUES).to_owned(),
        6 => format!("{},{}", quoted(word), quoted(actor)),
        _ => quoted(&text(random)),
    };
    format!("{field}:{value}")
}

/// One term of a query, not always a valid one.
fn term(random: &mut Random) -> String {
    let word = random.pick(&WORDS);
    let negated = if random.one_in(4) { "-" } else { "" };
    let body = match random.below(12) {
        0 | 1 => word.to_owned(),
        2 => quoted(&text(random)),
        3 => format!("{}*", &word.chars().take(4).collect::<String>()),
        4 => format!("index:{}..{}", random.below(200), 100 + random.below(2000)),
        5 => format!("occurred:{}", random.pick(&["-20h..", "..-2h", "1970-01-01", "-5h..-1h", "*"])),
        6 => format!("received:{}", random.pick(&["-1h..", "..-1h", "today"])),
        _ => condition(random),
    };
    format!("{negated}{body}")
}

fn query(random: &mut Random) -> Option<Compiled> {
    let mut text = String::new();
    for at in 0..=random.below(3) {
        if at > 0 {
            text.push_str(if random.one_in(3) { " OR " } else { " " });
        }
        let open = random.one_in(4);
        if open {
            write!(
                text,
                "{}({} {} {})",
                if random.one_in(3) { "-" } else { "" },
                term(random),
                random.pick(&["", "OR"]),
                term(random)
            )
            .unwrap();
        } else {
            text.push_str(&term(random));
        }
    }
    let query = parse(&text, &Context::new(clock())).ok()?;
    Some(Compiled::new(&query, &clock(), &Expansion::none()))
}

/// Everything in the log, read one by one.
fn all(log: Log<'_>, searcher: &Searcher) -> Vec<Hit> {
    let query = parse("", &Context::new(clock())).unwrap();
    let query = Compiled::new(&query, &clock(), &Expansion::none());
    let request = request(&query, Order::IndexAscending);
    searcher.matches(log, &request, &unlimited()).unwrap().map(Result::unwrap).collect()
}

fn in_order(hits: &[&Hit], scope: &Scope, order: Order) -> Vec<u64> {
    let mut places: Vec<(Instant, u64)> =
        hits.iter().map(|hit| (hit.view(scope).occurred(), hit.index)).collect();
    match order {
        Order::OccurredDescending => places.sort_by(|a, b| b.cmp(a)),
        Order::OccurredAscending => places.sort_unstable(),
        Order::IndexDescending => places.sort_by_key(|place| std::cmp::Reverse(place.1)),
        Order::IndexAscending => places.sort_by_key(|place| place.1),
    }
    places.into_iter().map(|(_, index)| index).collect()
}

fn check_pages(searcher: &Searcher, log: Log<'_>, query: &Compiled, expected: &[&Hit]) {
    for order in ORDERS {
        let request = request(query, order);
        let expected = in_order(expected, log.scope, order);
        let (mut cursor, mut found) = (None, Vec::new());
        while found.len() < expected.len() {
            let next =
                page(searcher, log, &request, (cursor.as_deref(), 7 + expected.len() / 3), &unlimited())
                    .unwrap();
            assert!(next.complete && !next.items.is_empty(), "{} {order:?}", query.text());
            found.extend(next.items.iter().map(|hit| hit.index));
            cursor = next.next_cursor;
        }
        assert_eq!(found, expected, "{} {order:?}", query.text());
    }
}

/// Counts by fields and by time against the events that match.
fn check_counts(searcher: &Searcher, log: Log<'_>, query: &Compiled, expected: &[&Hit]) {
    const FIELDS: [Field; 3] = [Field::ActorId, Field::Code, Field::Account];
    let request = request(query, Order::IndexAscending);
    let mut wanted: HashMap<Vec<Option<String>>, u64> = HashMap::new();
    for hit in expected {
        let event = hit.event().unwrap();
        let values = FIELDS.iter().map(|field| event.text(*field).map(str::to_owned)).collect();
        *wanted.entry(values).or_insert(0) += 1;
    }
    let counted = searcher.tally(log, &request, &FIELDS, &unlimited()).unwrap().unwrap();
    let counted: HashMap<Vec<Option<String>>, u64> = counted
        .into_iter()
        .map(|(values, count)| {
            (values.into_iter().map(|value| value.map(|name| name.to_string())).collect(), count)
        })
        .collect();
    assert_eq!(counted, wanted, "{}", query.text());
    let mut actors: HashMap<Option<String>, u64> = HashMap::new();
    for (values, count) in wanted {
        *actors.entry(values[0].clone()).or_insert(0) += count;
    }
    let single = searcher.tally(log, &request, &FIELDS[..1], &unlimited()).unwrap().unwrap();
    let single: HashMap<Option<String>, u64> =
        single.into_iter().map(|(values, count)| (values[0].as_deref().map(str::to_owned), count)).collect();
    assert_eq!(single, actors, "{}", query.text());
    check_bars(searcher, log, &request, expected);
    assert_eq!(searcher.tally(log, &request, &[Field::Message], &unlimited()).unwrap(), None);
}

/// Bars as narrow as can be drawn against the times of the events that match.
fn check_bars(searcher: &Searcher, log: Log<'_>, request: &Request<'_>, expected: &[&Hit]) {
    let asked =
        HistogramAsked { width: None, bars: 1000, zone: jiff::tz::TimeZone::UTC, stack: None, top: 0 };
    let found = searcher.histogram(log, request, &asked, &unlimited()).unwrap();
    let mut times: Vec<Instant> = expected.iter().map(|hit| hit.view(log.scope).occurred()).collect();
    times.sort_unstable();
    let extent = (found.extent.events, found.extent.first, found.extent.last);
    let text = request.query.text();
    assert_eq!(extent, (times.len() as u64, times.first().copied(), times.last().copied()), "{text}");
    let bars = found.bars.iter().filter(|bar| bar.count > 0);
    let bars: Vec<_> = bars.map(|bar| (bar.interval.start, bar.count)).collect();
    let mut wanted: Vec<(Instant, u64)> = Vec::new();
    for time in times {
        let bar =
            found.bars.iter().find(|bar| bar.interval.start <= time && time < bar.interval.end).unwrap();
        match wanted.last_mut() {
            Some((start, count)) if *start == bar.interval.start => *count += 1,
            _ => wanted.push((bar.interval.start, 1)),
        }
    }
    assert_eq!(bars, wanted, "{text}");
}

fn check_case(seed: u64, questions: usize) {
    let key = |person: &str| SubjectKey::new([person.len() as u8; 16], &[1; 32]);
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let no = store.create_log(&LogSpec { origin: "example.org/log/1".into(), name: "acme".into() }).unwrap();
    let other = store.create_log(&LogSpec { origin: "example.org/log/2".into(), name: "b".into() }).unwrap();
    let made: Vec<Event> = (0..50).map(|_| event(&mut random)).collect();
    let rows = if seed == 0 { 2400 } else { 120 };
    for round in 0..3 {
        let drawn: Vec<&Event> = (0..rows / 3).map(|_| &made[random.below(made.len())]).collect();
        append(&store, other, drawn[..10].iter().copied().cloned(), key);
        append(&store, no, drawn.into_iter().cloned(), key);
        // The last third is asked for where it arrived.
        if round < 2 {
            assert!(store.seal_now());
        }
    }
    let scope = Scope { organization: "acme".into(), log: no };
    let log = Log { records: &store, scope: &scope };
    let searcher = searcher(2);
    let events = all(log, &searcher);
    let everything = Compiled::new(&parse("", &Context::new(clock())).unwrap(), &clock(), &Expansion::none());
    check_counts(&searcher, log, &everything, &events.iter().collect::<Vec<_>>());
    assert_eq!(events.len(), rows / 3 * 3);
    let mut asked = 0;
    while asked < questions {
        let Some(query) = query(&mut random) else { continue };
        let expected: Vec<&Hit> = events.iter().filter(|hit| query.matches(&hit.view(&scope))).collect();
        let request = request(&query, Order::IndexAscending);
        let count = searcher.count(log, &request, &unlimited()).unwrap();
        assert_eq!(
            (count.value, count.exact),
            (expected.len() as u64, true),
            "seed {seed}: {}",
            query.text()
        );
        let found: Vec<u64> =
            searcher.matches(log, &request, &unlimited()).unwrap().map(|hit| hit.unwrap().index).collect();
        let indexes: Vec<u64> = expected.iter().map(|hit| hit.index).collect();
        assert_eq!(found, indexes, "seed {seed}: {}", query.text());
        if asked < PAGED {
            check_pages(&searcher, log, &query, &expected);
        }
        if asked < COUNTED {
            check_counts(&searcher, log, &query, &expected);
        }
        asked += 1;
    }
    store.shutdown();
}

#[test]
fn columns_answer_as_the_evaluation_of_every_event_does() {
    let (cases, questions) = if std::env::var_os("INDELIBLE_LONG").is_some() { LONG } else { SHORT };
    (0..cases).for_each(|seed| check_case(seed, questions));
}
