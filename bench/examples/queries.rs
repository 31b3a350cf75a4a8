//! Measures the seven questions on the sample events in a store, without a server, and prints the answers beside the
//! times so that they can be compared with `bench/expected`.
//!
//! `cargo run --release -p indelible-bench --example queries -- [EVENTS] [EVENTS PER SEGMENT]`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people at a terminal")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod maker;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant as Clock};

use indelible_event::{Field, seal, type_tag};
use indelible_query::{Clock as QueryClock, Compiled, Context, Expansion, Instant, Width, parse};
use indelible_search::{Budget, CursorKey, HistogramAsked, Log, Order, Request, Scope, Searcher, Window};
use indelible_segment::id::IdCipher;
use indelible_store::append::Append;
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};
use maker::Maker;

/// Events of one request.
const BATCH: usize = 1000;
/// Repetitions; the median counts.
const TIMES: usize = 15;

fn fill(store: &Store, log: LogNo, maker: &mut Maker) {
    let producer = store.producer(log, "bench", "1").unwrap();
    loop {
        let mut appends = Vec::with_capacity(BATCH);
        while appends.len() < BATCH
            && let Some(event) = maker.event()
        {
            let id = store.new_event_id();
            let sealed = seal(&event, id, &store.event_salt(id), |person| maker.key(person)).unwrap();
            let text = |field| event.text(field).unwrap();
            appends.push(Append {
                log,
                id,
                flags: 8,
                type_tag: type_tag(text(Field::Catalog), text(Field::Code)),
                producer: Some(Arc::clone(&producer)),
                sequence: 0,
                key: None,
                content: [0; 16],
                body: sealed.body,
                stored: sealed.stored,
                subjects: Vec::new(),
            });
        }
        if appends.is_empty() {
            break;
        }
        store.append_wait(appends, false).unwrap();
    }
    assert!(store.seal_now());
}

fn query(text: &str) -> Compiled {
    let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
    let clock = QueryClock { now, zone: jiff::tz::TimeZone::UTC };
    let query = parse(text, &Context::new(clock.clone())).unwrap().without_quarantined();
    Compiled::new(&query, &clock, &Expansion::none())
}

struct Bench<'a> {
    log: Log<'a>,
    searcher: Searcher,
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl Bench<'_> {
    /// First and median time of a question, and its answer.
    fn ask(&self, name: &str, text: &str, f: impl Fn(&Searcher, &Request<'_>, &Budget<'_>) -> String) {
        let query = query(text);
        let request = Request {
            query: &query,
            window: Window::default(),
            order: Order::OccurredDescending,
            at: None,
            now: Instant(0),
        };
        let mut times = Vec::new();
        let mut answer = String::new();
        for _ in 0..TIMES {
            let budget = Budget::new(&|| Duration::ZERO, Duration::MAX, u64::MAX, &NEVER);
            let started = Clock::now();
            answer = f(&self.searcher, &request, &budget);
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let first = times[0];
        times.sort_by(f64::total_cmp);
        println!("{name:22} first {first:9.3} ms, median {:8.3} ms: {answer}", times[TIMES / 2]);
    }

    fn newest(&self, searcher: &Searcher, request: &Request<'_>, budget: &Budget<'_>) -> String {
        let page = searcher.page(self.log, request, (None, 50), budget).unwrap();
        format!("{} events, {} looked at", page.items.len(), budget.records())
    }

    fn all(&self) {
        self.ask("Q1 newest of account", "account:org-017", |s, r, b| self.newest(s, r, b));
        let count = |s: &Searcher, r: &Request<'_>, b: &Budget<'_>| {
            s.count(self.log, r, b).unwrap().value.to_string()
        };
        self.ask("Q2 count of actor", "actor.id:user00042", count);
        self.ask("Q2 newest of actor", "actor.id:user00042", |s, r, b| self.newest(s, r, b));
        self.ask("Q2 by any name", "actor:user00042", count);
        self.ask("Q3 days of a code", "code:700001", |s, r, b| {
            let asked = HistogramAsked {
                width: Width::parse("day"),
                bars: 1000,
                zone: jiff::tz::TimeZone::UTC,
                stack: None,
                top: 0,
            };
            let days = s.histogram(self.log, r, &asked, b).unwrap();
            let filled = days.bars.iter().filter(|bar| bar.count > 0).count();
            format!("{filled} days, {} events", days.extent.events)
        });
        self.ask("Q4 top ten actors", "", |s, r, b| {
            let mut counts = s.tally(self.log, r, &[Field::ActorId], b).unwrap().unwrap();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let top = counts.first().map(|(names, count)| (names[0].clone(), *count));
            format!("{} actors, {top:?}", counts.len())
        });
        self.ask("Q5 rare word", "zanzibarite", |s, r, b| {
            let page = s.page(self.log, r, (None, 500), b).unwrap();
            format!("{} events, {} looked at", page.items.len(), b.records())
        });
        self.ask("Q6 actors per account", "", |s, r, b| {
            let pairs = s.tally(self.log, r, &[Field::Account, Field::ActorId], b).unwrap().unwrap();
            let mut accounts: HashMap<_, u64> = HashMap::new();
            for (names, _) in &pairs {
                *accounts.entry(names[0].clone()).or_insert(0) += 1;
            }
            format!("{} accounts, {} in all", accounts.len(), accounts.values().sum::<u64>())
        });
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (events, per_segment) = (number(2_000_000), number(131_072));
    let dir = tempfile::tempdir().unwrap();
    let options = Options { seal_events: per_segment, seal_bytes: u64::MAX / 8, ..Options::default() };
    let (store, _) = Store::open(dir.path(), options).unwrap();
    let no = store.create_log(&LogSpec { origin: "example.org/log/1".into(), name: "acme".into() }).unwrap();
    let mut maker = Maker::new(events, IdCipher::new([1; 16]));
    fill(&store, no, &mut maker);
    let scope = Scope { organization: "acme".into(), log: no };
    let searcher = Searcher::new(CursorKey::new([1; 32]), 2);
    let bench = Bench { log: Log { records: &store, scope: &scope }, searcher };
    println!("{events} events in {} segments", store.parts(no).unwrap().len());
    bench.all();
    let session = format!("session:{}", maker.questions().session);
    bench.ask("Q7 a session", &session, |s, r, b| {
        let page = s.page(bench.log, r, (None, 500), b).unwrap();
        format!("{} events, {} looked at", page.items.len(), b.records())
    });
    store.shutdown();
}
