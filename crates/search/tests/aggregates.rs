//! Facets, histograms and groups against counting by hand, and against what a search lists.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::{
    Memory, RECEIVED_S, append, bytes, cancelled, compile, received_ns, request, scope, searcher, unlimited,
};
use indelible_durable::overlay::OverlayDisk;
use indelible_event::{Event, Field, Map, SubjectKey, Time, Value};
use indelible_query::{FieldRef, Instant, Width};
use indelible_search::{
    FacetsAsked, GroupOrder, GroupsAsked, HistogramAsked, Log, Order, Records, Request, Scope, SearchError,
    Window,
};
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use proptest::prelude::*;

/// An event as the test knows it.
#[derive(Clone, Debug)]
struct Act {
    occurred: Option<i64>,
    code: u8,
    outcome: Option<&'static str>,
    actor: (Option<u8>, Option<u8>),
    session: Option<u8>,
    roles: Vec<u8>,
    targets: Vec<(Option<u8>, Option<u8>)>,
    address: Option<u8>,
}

impl Act {
    fn event(&self) -> Event {
        let mut event = Event::new();
        event.set(Field::Catalog, "test");
        event.set(Field::Code, format!("c{}", self.code));
        if let Some(seconds) = self.occurred {
            event.set(Field::OccurredAt, Time { seconds, nanos: 0, offset_minutes: Some(60) });
        }
        let mut text = |field, prefix: &str, value: Option<u8>| {
            if let Some(value) = value {
                event.set(field, format!("{prefix}{value}"));
            }
        };
        text(Field::ActorId, "u", self.actor.0);
        text(Field::ActorName, "Name ", self.actor.1);
        text(Field::SessionId, "s", self.session);
        text(Field::OriginAddress, "192.0.2.", self.address);
        text(Field::OriginPublicAddress, "192.0.2.", self.address.map(|last| last / 2));
        if let Some(outcome) = self.outcome {
            event.set(Field::Outcome, outcome);
        }
        if !self.roles.is_empty() {
            let roles = self.roles.iter().map(|role| Value::Text(format!("r{role}")));
            event.set(Field::ActorRoles, roles.collect::<Vec<_>>());
        }
        let member = |name: &str, prefix: &str, value: Option<u8>| {
            value.map(|value| (name.to_owned(), Value::Text(format!("{prefix}{value}"))))
        };
        let target = |(id, name): &(Option<u8>, Option<u8>)| {
            let kind = Some(("kind".to_owned(), Value::Text("Thing".into())));
            let pairs = [member("id", "t", *id), kind, member("name", "Thing ", *name)];
            Value::Map(Map::from_pairs(pairs.into_iter().flatten().collect()).unwrap())
        };
        if !self.targets.is_empty() {
            event.set(Field::Targets, self.targets.iter().map(target).collect::<Vec<_>>());
        }
        event
    }

    /// The values of a field, counted by hand.
    fn values(&self, field: &str) -> BTreeSet<String> {
        let named = |id: &str, name: &str, (a, b): (Option<u8>, Option<u8>)| {
            a.map(|a| format!("{id}{a}")).or(b.map(|b| format!("{name}{b}")))
        };
        let one = |prefix: &str, value: Option<u8>| {
            value.map(|value| format!("{prefix}{value}")).into_iter().collect()
        };
        match field {
            "code" => one("c", Some(self.code)),
            "outcome" => self.outcome.map(str::to_owned).into_iter().collect(),
            "actor" => named("u", "Name ", self.actor).into_iter().collect(),
            "actor.id" => one("u", self.actor.0),
            "session" => one("s", self.session),
            "role" => self.roles.iter().map(|role| format!("r{role}")).collect(),
            "target" => self.targets.iter().filter_map(|target| named("t", "Thing ", *target)).collect(),
            "ip" => [self.address, self.address.map(|last| last / 2)]
                .into_iter()
                .flatten()
                .map(|last| format!("192.0.2.{last}"))
                .collect(),
            "param" => BTreeSet::new(),
            other => panic!("{other}"),
        }
    }

    fn time(&self, received: Instant) -> Instant {
        self.occurred.map_or(received, |seconds| Instant::new(seconds, 0))
    }
}

const FIELDS: [&str; 9] =
    ["code", "outcome", "actor", "actor.id", "session", "role", "target", "ip", "param"];

/// Those of them that columns alone count.
const SHARED: [&str; 4] = ["code", "actor", "actor.id", "session"];

fn act(spread: i64) -> impl Strategy<Value = Act> {
    let some = |most: u8| prop::option::weighted(0.8, 0..most);
    let outcome = prop::option::weighted(0.9, prop::sample::select(vec!["success", "failure", "unknown"]));
    let targets = prop::collection::vec((some(4), some(3)), 0..3);
    let when = prop::option::weighted(0.9, -spread..spread);
    (
        when,
        0_u8..5,
        outcome,
        (some(6), some(3)),
        some(9),
        prop::collection::vec(0_u8..4, 0..4),
        (targets, some(6)),
    )
        .prop_map(|(when, code, outcome, actor, session, roles, (targets, address))| Act {
            occurred: when.map(|offset| RECEIVED_S + offset),
            code,
            outcome,
            actor,
            session,
            roles,
            targets,
            address,
        })
}

/// Some hundred acts, repeated so that a log has several blocks.
fn acts() -> impl Strategy<Value = Vec<Act>> {
    let spread = prop::sample::select(vec![5_i64, 3_000, 100_000, 8_000_000, 900_000_000]);
    (spread.prop_flat_map(|spread| prop::collection::vec(act(spread), 0..120)), 1_usize..20)
        .prop_map(|(acts, times)| std::iter::repeat_n(acts, times).flatten().collect())
}

fn log_of(acts: &[Act]) -> Memory {
    Memory::sealed(&acts.iter().map(Act::event).collect::<Vec<_>>())
}

/// A log of acts with the time of each: in memory, or in a store that has sealed some of them.
struct Kept {
    memory: Memory,
    store: Option<(Store, tempfile::TempDir)>,
    scope: Scope,
    times: Vec<Instant>,
}

impl Kept {
    /// Seals after each of these numbers of acts, if any.
    fn new(acts: &[Act], cuts: &[usize]) -> Self {
        let mut kept = Self { memory: Memory::default(), store: None, scope: scope("a"), times: Vec::new() };
        if cuts.is_empty() {
            kept.memory = log_of(acts);
            let times = (0..).zip(acts).map(|(at, act)| act.time(Instant(i128::from(received_ns(at)))));
            kept.times = times.collect();
            return kept;
        }
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(OverlayDisk::default());
        let options = Options { disk, wal_file_bytes: 4 << 20, ..Options::default() };
        let (store, _) = Store::open(dir.path(), options).unwrap();
        let log = |name: &str| {
            store.create_log(&LogSpec { origin: format!("example.org/{name}"), name: name.into() }).unwrap()
        };
        let (own, other) = (log("a"), log("b"));
        let mut start = 0;
        for &end in cuts {
            send(&store, other, &acts[..acts.len().min(7)]);
            send(&store, own, &acts[start..end]);
            assert!(store.seal_now());
            start = end;
        }
        send(&store, own, &acts[start..]);
        kept.scope = Scope { organization: "a".into(), log: own };
        kept.store = Some((store, dir));
        let (query, budget, searcher) = (compile(""), unlimited(), searcher(1));
        let request = request(&query, Order::IndexAscending);
        let hits = searcher.matches(kept.log(), &request, &budget).unwrap();
        let received = hits.map(|hit| hit.unwrap().view(&kept.scope).received());
        let times = received.zip(acts).map(|(received, act)| act.time(received)).collect();
        kept.times = times;
        kept
    }

    fn log(&self) -> Log<'_> {
        let records: &dyn Records = match &self.store {
            Some((store, _)) => store,
            None => &self.memory,
        };
        Log { records, scope: &self.scope }
    }
}

fn send(store: &Store, log: LogNo, acts: &[Act]) {
    if !acts.is_empty() {
        append(store, log, acts.iter().map(Act::event), |_| SubjectKey::new([7; 16], &[2; 32]));
    }
}

/// No cut: in memory. With cuts, the acts before the last of them are sealed.
fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..4)
}

/// Whether an act is asked for.
type Wanted = fn(&Act) -> bool;

fn ends(cuts: &[prop::sample::Index], acts: &[Act]) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(acts.len() + 1)).collect();
    ends.sort_unstable();
    ends
}

/// Questions with what they mean.
const QUESTIONS: [(&str, Wanted); 6] = [
    ("-code:c0", |act| act.code != 0),
    ("", |_| true),
    ("code:c1", |act| act.code == 1),
    ("actor.id:u1", |act| act.actor.0 == Some(1)),
    ("session:s1 -code:c2", |act| act.session == Some(1) && act.code != 2),
    ("outcome:failure", |act| act.outcome == Some("failure")),
];

fn field(name: &str) -> FieldRef {
    FieldRef::named(name).unwrap()
}

/// Counts of values, largest first, ties by value.
fn counted<'a>(acts: impl Iterator<Item = &'a Act>, name: &str) -> (Vec<(String, u64)>, u64) {
    let (mut counts, mut missing) = (BTreeMap::new(), 0);
    for act in acts {
        let values = act.values(name);
        missing += u64::from(values.is_empty());
        for value in values {
            *counts.entry(value).or_insert(0_u64) += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    (counts, missing)
}

/// The beginning of the bar that an instant lies in, by another way than the one under test.
fn bar_start(width: &str, at: Instant, zone: &TimeZone) -> Zoned {
    let time = Timestamp::from_nanosecond(at.0).unwrap().to_zoned(zone.clone());
    let day = time.start_of_day().unwrap();
    match width {
        "1m" => time
            .round(jiff::ZonedRound::new().smallest(jiff::Unit::Minute).mode(jiff::RoundMode::Trunc))
            .unwrap(),
        "1h" => time
            .round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc))
            .unwrap(),
        "1d" => day,
        "1w" => {
            let back = i64::from(time.weekday().to_monday_zero_offset());
            day.date().checked_sub(jiff::Span::new().days(back)).unwrap().to_zoned(zone.clone()).unwrap()
        }
        "1mo" => day.first_of_month().unwrap().start_of_day().unwrap(),
        "1y" => day.first_of_year().unwrap().start_of_day().unwrap(),
        other => panic!("{other}"),
    }
}

const PAIRS: [(&str, Option<&str>); 7] = [
    ("session", None),
    ("code", None),
    ("actor.id", Some("code")),
    ("session", Some("actor")),
    ("actor", Some("outcome")),
    ("role", Some("target")),
    ("actor", None),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn facets_count_what_a_search_lists(acts in acts(), cuts in cuts(), top in 1_usize..8, threads in 1_usize..3, (all, shared, windowed) in any::<(bool, bool, bool)>(), cut in any::<prop::sample::Index>(), question in 0..QUESTIONS.len()) {
        let (kept, searcher) = (Kept::new(&acts, &ends(&cuts, &acts)), searcher(threads));
        let (log, times) = (kept.log(), &kept.times);
        let (text, wanted) = QUESTIONS[question];
        let query = compile(text);
        let size = if all { acts.len() } else { cut.index(acts.len() + 1) };
        let since = times.get(size / 2).copied().filter(|_| windowed);
        let window = Window { since, until: None };
        let request = Request { at: Some(size as u64), window, ..request(&query, Order::IndexAscending) };
        let names: Vec<&str> = FIELDS.into_iter().filter(|name| !shared || SHARED.contains(name)).collect();
        let asked = FacetsAsked { fields: names.iter().map(|name| field(name)).collect(), top, prefix: None };
        let facets = searcher.facets(log, &request, &asked, &unlimited()).unwrap();
        let numbered = || acts[..size].iter().zip(times).filter(|(act, time)| wanted(act) && since.is_none_or(|since| **time >= since));
        let matching = || numbered().map(|(act, _)| act);
        prop_assert_eq!(facets.extent.events, matching().count() as u64);
        prop_assert_eq!(facets.extent.log_size, size as u64);
        let within = || numbered().map(|(_, time)| *time);
        prop_assert_eq!((facets.extent.first, facets.extent.last), (within().min(), within().max()));
        prop_assert_eq!(names.len(), facets.fields.len());
        for (name, found) in names.iter().zip(&facets.fields) {
            let (all, missing) = counted(matching(), name);
            prop_assert_eq!(&found.values[..], &all[..top.min(all.len())], "{}", name);
            let other: u64 = all.iter().skip(top).map(|(_, count)| count).sum();
            prop_assert_eq!((found.distinct, found.other, found.missing), (all.len() as u64, other, missing), "{}", name);
            // A value leads back to its events; the actor's name finds those too that are counted by their id.
            for (value, count) in &found.values {
                let narrowed = compile(&format!("{text} {name}:\"{value}\""));
                let listed = searcher.count(log, &Request { query: &narrowed, ..request }, &unlimited()).unwrap();
                let exact = !["actor", "target"].contains(name);
                prop_assert!(listed.value == *count || (!exact && listed.value > *count), "{}:{}", name, value);
            }
        }
    }

    #[test]
    fn groups_are_those_of_the_events(acts in acts(), cuts in cuts(), pair in prop::sample::select(PAIRS.to_vec()), order in 0_usize..3, limit in 1_usize..6, question in 0..QUESTIONS.len()) {
        let (kept, searcher) = (Kept::new(&acts, &ends(&cuts, &acts)), searcher(2));
        let (log, times) = (kept.log(), &kept.times);
        let (text, wanted) = QUESTIONS[question];
        let (query, order) = (compile(text), [GroupOrder::Count, GroupOrder::Last, GroupOrder::First][order]);
        let asked = GroupsAsked { by: field(pair.0), and_by: pair.1.map(field), order, limit };
        let groups = searcher.groups(log, &request(&query, Order::IndexAscending), &asked, &unlimited()).unwrap();
        let mut expected: BTreeMap<Vec<String>, (u64, Instant, Instant, BTreeSet<String>)> = BTreeMap::new();
        let mut missing = 0;
        for (act, &time) in acts.iter().zip(times).filter(|(act, _)| wanted(act)) {
            let second = pair.1.map_or_else(|| BTreeSet::from([String::new()]), |name| act.values(name));
            missing += u64::from(act.values(pair.0).is_empty() || second.is_empty());
            for one in act.values(pair.0) {
                for two in &second {
                    let key: Vec<String> = std::iter::once(one.clone()).chain(pair.1.map(|_| two.clone())).collect();
                    let group = expected.entry(key).or_insert((0, time, time, BTreeSet::new()));
                    *group = (group.0 + 1, group.1.min(time), group.2.max(time), std::mem::take(&mut group.3));
                    group.3.extend(act.values("actor"));
                }
            }
        }
        let mut rows: Vec<_> = expected.into_iter().collect();
        rows.sort_by_key(|(key, group)| (match order {
            GroupOrder::Count => -i128::from(group.0),
            GroupOrder::Last => -group.2.0,
            GroupOrder::First => group.1.0,
        }, key.clone()));
        let within = || acts.iter().zip(times).filter(|(act, _)| wanted(act)).map(|(_, time)| *time);
        let extent = (groups.extent.events, groups.extent.first, groups.extent.last);
        prop_assert_eq!(extent, (within().count() as u64, within().min(), within().max()));
        prop_assert_eq!((groups.total, groups.missing), (rows.len() as u64, missing));
        let found: Vec<_> = groups.groups.into_iter().map(|group| (group.values, group.count, group.first, group.last, group.actors)).collect();
        let rows: Vec<_> = rows.into_iter().take(limit).map(|(key, group)| (key, group.0, group.1, group.2, group.3.len() as u64)).collect();
        prop_assert_eq!(found, rows);
    }

    #[test]
    fn bars_are_those_of_the_calendar(acts in acts(), cuts in cuts(), stacked in any::<bool>(), question in 0..QUESTIONS.len(), at in 0_usize..6, zone in prop::sample::select(vec!["UTC", "Europe/Amsterdam", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "America/Sao_Paulo"])) {
        let (kept, searcher) = (Kept::new(&acts, &ends(&cuts, &acts)), searcher(1));
        let (log, times) = (kept.log(), &kept.times);
        let (text, wanted) = QUESTIONS[question];
        let zone = TimeZone::get(zone).unwrap();
        let name = ["1m", "1h", "1d", "1w", "1mo", "1y"][at];
        let query = compile(text);
        let stack = stacked.then(|| field("outcome"));
        let asked = HistogramAsked { width: Width::parse(name), bars: 1000, zone: zone.clone(), stack, top: 2 };
        let mut expected: BTreeMap<Instant, (u64, BTreeMap<String, u64>, u64)> = BTreeMap::new();
        for (act, &time) in acts.iter().zip(times).filter(|(act, _)| wanted(act)) {
            let start = bar_start(name, time, &zone);
            let bar = expected.entry(Instant::from(start.timestamp())).or_default();
            bar.0 += 1;
            if !stacked {
                continue;
            }
            bar.2 += u64::from(act.outcome.is_none());
            if let Some(outcome) = act.outcome {
                *bar.1.entry(outcome.to_owned()).or_default() += 1;
            }
        }
        let histogram = match searcher.histogram(log, &request(&query, Order::IndexAscending), &asked, &unlimited()) {
            Ok(histogram) => histogram,
            Err(SearchError::TooManyBars { limit: 1000, .. }) => {
                let ends = expected.keys().next().unwrap().0..expected.keys().last().unwrap().0;
                let least = [60, 3600, 82_800, 604_800 - 3600, 28 * 86_400, 365 * 86_400][at] * 1_000_000_000_i128;
                prop_assert!((ends.end - ends.start) / least >= 1000);
                return Ok(());
            }
            Err(error) => panic!("{error}"),
        };
        let within = || acts.iter().zip(times).filter(|(act, _)| wanted(act)).map(|(_, time)| *time);
        let extent = (histogram.extent.events, histogram.extent.first, histogram.extent.last);
        prop_assert_eq!(extent, (within().count() as u64, within().min(), within().max()));
        let (top, _) = counted(acts.iter().filter(|act| wanted(act)), "outcome");
        let top: Vec<String> = top.into_iter().take(if stacked { 2 } else { 0 }).map(|(value, _)| value).collect();
        prop_assert_eq!(&histogram.stack, &top);
        for pair in histogram.bars.windows(2) {
            prop_assert_eq!(pair[0].interval.end, pair[1].interval.start);
        }
        let found: BTreeMap<_, _> = histogram.bars.iter().filter(|bar| bar.count > 0).map(|bar| (bar.interval.start, bar)).collect();
        prop_assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (start, bar) in found {
            let (count, outcomes, missing) = &expected[&start];
            let parts: Vec<u64> = top.iter().map(|value| outcomes.get(value).copied().unwrap_or(0)).collect();
            let other = outcomes.values().sum::<u64>() - parts.iter().sum::<u64>();
            prop_assert_eq!((bar.count, &bar.parts, bar.other, bar.missing), (*count, &parts, other, *missing));
        }
    }

    #[test]
    fn the_width_that_is_chosen_is_the_narrowest_that_fits(acts in acts(), cuts in cuts(), stacked in any::<bool>(), bars in 1_usize..200, zone in prop::sample::select(vec!["UTC", "Europe/Amsterdam", "Asia/Kathmandu"])) {
        let (kept, searcher) = (Kept::new(&acts, &ends(&cuts, &acts)), searcher(1));
        let log = kept.log();
        let query = compile("");
        let ask = |width| {
            let asked = HistogramAsked { width, bars, zone: TimeZone::get(zone).unwrap(), stack: stacked.then(|| field("code")), top: 10 };
            searcher.histogram(log, &request(&query, Order::IndexAscending), &asked, &unlimited())
        };
        let chosen = ask(None).unwrap();
        prop_assert!(chosen.bars.len() <= bars);
        prop_assert_eq!(chosen.bars.iter().map(|bar| bar.count).sum::<u64>(), acts.len() as u64);
        prop_assert_eq!(&ask(Some(chosen.width)).unwrap(), &chosen, "the same as if its width had been asked for");
        let narrower = Width::LADDER.iter().take_while(|width| **width != chosen.width).last();
        if let Some(narrower) = narrower {
            let refused = matches!(ask(Some(*narrower)), Err(SearchError::TooManyBars { .. }));
            prop_assert!(refused, "{} would do", narrower);
        }
    }
}

#[test]
fn what_events_share_is_counted_without_putting_them_together() {
    let act = |n: u8| Act { session: Some(n % 7), actor: (Some(n % 5), None), code: n % 3, ..quiet() };
    let acts: Vec<Act> = (0..100).map(act).collect();
    let kept = Kept::new(&acts, &[acts.len()]);
    let (searcher, log, budget) = (searcher(1), kept.log(), unlimited());
    for text in ["", "actor.id:u1", "code:c1", "code:c1 session:s2"] {
        let query = compile(text);
        let request = request(&query, Order::IndexAscending);
        let facets = FacetsAsked { fields: SHARED.map(field).to_vec(), top: 5, prefix: None };
        let extent = searcher.facets(log, &request, &facets, &budget).unwrap().extent;
        let (by, and_by) = (field("session"), Some(field("code")));
        let groups = GroupsAsked { by, and_by, order: GroupOrder::Last, limit: 5 };
        assert_eq!(searcher.groups(log, &request, &groups, &budget).unwrap().extent, extent, "{text}");
        let bars = HistogramAsked { width: None, bars: 50, zone: TimeZone::UTC, stack: None, top: 0 };
        assert_eq!(searcher.histogram(log, &request, &bars, &budget).unwrap().extent, extent, "{text}");
        assert_eq!(searcher.count(log, &request, &budget).unwrap().value, extent.events, "{text}");
    }
    assert_eq!(budget.records(), 0);
}

#[test]
fn counts_go_on_where_they_stopped_when_a_log_grows() {
    let act = |n: u8| Act {
        occurred: Some(RECEIVED_S + i64::from(n) * 37 % 101),
        session: Some(n % 7),
        actor: (Some(n % 5), None),
        code: n % 3,
        ..quiet()
    };
    let acts: Vec<Act> = (0..=u8::MAX).map(act).collect();
    let kept = Kept::new(&acts[..60], &[20, 40]);
    let (store, _) = kept.store.as_ref().unwrap();
    let (searcher, query) = (searcher(1), compile(""));
    let asked =
        FacetsAsked { fields: SHARED.iter().map(|name| field(name)).collect(), top: 100, prefix: None };
    let by = |first: &str, second: &str, order| GroupsAsked {
        by: field(first),
        and_by: Some(field(second)),
        order,
        limit: 100,
    };
    let counts_hold = |size: usize| {
        let request = Request { at: Some(size as u64), ..request(&query, Order::IndexAscending) };
        let facets = searcher.facets(kept.log(), &request, &asked, &unlimited()).unwrap();
        for (name, found) in SHARED.iter().zip(&facets.fields) {
            assert_eq!(found.values, counted(acts[..size].iter(), name).0, "{name} of {size}");
        }
        let groups =
            searcher.groups(kept.log(), &request, &by("code", "session", GroupOrder::Count), &unlimited());
        let groups = groups.unwrap();
        assert_eq!(groups.groups.iter().map(|group| group.count).sum::<u64>(), size as u64);
        assert!(groups.groups.iter().all(|group| group.actors <= 5), "{groups:?}");
        for group in &groups.groups {
            let mine = |act: &&Act| {
                act.values("code").contains(&group.values[0])
                    && act.values("session").contains(&group.values[1])
            };
            let times: Vec<Instant> =
                acts[..size].iter().filter(mine).map(|act| act.time(Instant(0))).collect();
            assert_eq!(Some(&group.first), times.iter().min(), "{:?} of {size}", group.values);
            assert_eq!(Some(&group.last), times.iter().max(), "{:?} of {size}", group.values);
        }
    };
    for size in [60, 60, 40, 20, 60, 33] {
        counts_hold(size);
    }
    for (from, to) in [(60, 100), (100, 160), (160, 256)] {
        send(store, kept.scope.log, &acts[from..to]);
        counts_hold(to);
        assert!(store.seal_now());
        counts_hold(to);
        counts_hold(to - 1);
    }
}

#[test]
fn the_window_is_covered_whether_or_not_something_happened() {
    let acts = [Act { occurred: Some(RECEIVED_S), ..quiet() }];
    let (memory, scope, searcher) = (log_of(&acts), scope("a"), searcher(1));
    let log = Log { records: &memory, scope: &scope };
    let asked =
        HistogramAsked { width: Width::parse("hour"), bars: 1000, zone: TimeZone::UTC, stack: None, top: 0 };
    let start = Instant::new(RECEIVED_S - RECEIVED_S % 86_400, 0);
    let window = Window { since: Some(start), until: Some(Instant(start.0 + 86_400_000_000_000)) };
    for text in ["", "code:none"] {
        let query = compile(text);
        let request = Request { window, ..request(&query, Order::IndexAscending) };
        let histogram = searcher.histogram(log, &request, &asked, &unlimited()).unwrap();
        assert_eq!(histogram.bars.len(), 24, "{text}");
        assert_eq!(histogram.bars[0].interval.start, start);
    }
    let query = compile("code:none");
    let open =
        searcher.histogram(log, &request(&query, Order::IndexAscending), &asked, &unlimited()).unwrap();
    assert_eq!((open.bars.len(), open.extent.first), (0, None));
}

#[test]
fn a_day_may_have_23_or_25_hours() {
    let zone = TimeZone::get("Europe/Amsterdam").unwrap();
    for (day, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)] {
        let noon: Timestamp = format!("{day}T12:00:00Z").parse().unwrap();
        let bar = Width::parse("day").unwrap().around(Instant::from(noon), &zone);
        assert_eq!(bar.end.0 - bar.start.0, hours * 3_600_000_000_000, "{day}");
        let mut hour = Width::parse("1h").unwrap().around(bar.start, &zone);
        let mut count = 1;
        while hour.end < bar.end {
            hour = Width::parse("1h").unwrap().around(hour.end, &zone);
            count += 1;
        }
        assert_eq!((count, hour.end), (hours, bar.end), "{day}");
    }
    for bad in ["", "0m", "7m", "90s", "5h", "2d", "2w", "5mo", "-1h", "h1", "fortnight", "99999999999s"] {
        assert_eq!(Width::parse(bad), None, "{bad}");
    }
}

fn quiet() -> Act {
    let (outcome, actor, session) = (None, (None, None), None);
    Act {
        occurred: None,
        code: 1,
        outcome,
        actor,
        session,
        roles: Vec::new(),
        targets: Vec::new(),
        address: None,
    }
}

#[test]
fn values_are_completed_without_regard_to_case() {
    let acts: Vec<Act> = (0..6).map(|n| Act { actor: (None, Some(n / 2)), ..quiet() }).collect();
    let (memory, scope, searcher) = (log_of(&acts), scope("a"), searcher(1));
    let log = Log { records: &memory, scope: &scope };
    let query = compile("");
    for (prefix, count) in [("name", 3), ("NAME 1", 1), ("x", 0)] {
        let asked = FacetsAsked { fields: vec![field("actor")], top: 10, prefix: Some(prefix.to_owned()) };
        let facets =
            searcher.facets(log, &request(&query, Order::IndexAscending), &asked, &unlimited()).unwrap();
        assert_eq!(facets.fields[0].values.len(), count, "{prefix}");
        assert_eq!(facets.fields[0].values.iter().map(|v| v.1).sum::<u64>() + facets.fields[0].other, 6);
    }
}

#[test]
fn numbers_are_whole_or_refused_with_the_limit() {
    let acts: Vec<Act> = (0..5000).map(|_| quiet()).collect();
    let (memory, scope, searcher) = (log_of(&acts), scope("a"), searcher(1));
    let log = Log { records: &memory, scope: &scope };
    let query = compile("");
    let request = request(&query, Order::IndexAscending);
    let facets = FacetsAsked { fields: vec![field("code")], top: 1, prefix: None };
    let refused = searcher.facets(log, &request, &facets, &bytes(10_000)).unwrap_err();
    assert!(matches!(refused, SearchError::Unfinished { .. }), "{refused}");
    assert!(matches!(searcher.facets(log, &request, &facets, &cancelled()), Err(SearchError::Cancelled)));

    let long = |n: usize| {
        let mut event = Event::new();
        event.set(Field::Message, format!("{n:0>8000}"));
        event
    };
    let memory = Memory::sealed(&(0..9000).map(long).collect::<Vec<_>>());
    let log = Log { records: &memory, scope: &scope };
    let facets = FacetsAsked { fields: vec![field("message")], top: 1, prefix: None };
    let refused = searcher.facets(log, &request, &facets, &unlimited()).unwrap_err();
    assert!(refused.to_string().contains("message has too many different values"), "{refused}");
    let groups = GroupsAsked { by: field("message"), and_by: None, order: GroupOrder::Count, limit: 5 };
    assert!(matches!(
        searcher.groups(log, &request, &groups, &unlimited()),
        Err(SearchError::TooManyValues { .. })
    ));
}
