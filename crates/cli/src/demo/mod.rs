//! The events of `indelible demo`: two invented organizations, three months of their days, and stories to be found in them.
//!
//! Deterministic: the same end of time gives the same events. Nothing here talks to a server; events leave as the JSON that
//! any sender would send, so that a demonstration shows what intake, catalogs and search make of it, and not a shortcut.
//! Start reading at [`Demo::new`], then `day.rs` for what is usual and `stories.rs` for what is not.

mod cast;
mod chance;
mod day;
pub(crate) mod stories;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indelible_catalog::catalog::Catalog;
use indelible_catalog::event_type::EventType;
use indelible_event::{Event, Field, Map, Time, Value};
use indelible_formats::json_out;

use cast::Person;
use cast::SYSTEMS;
pub(crate) use cast::{ORGANIZATIONS, Organization};
use chance::Chance;

/// Days that the events go back.
pub(crate) const DAYS: i64 = 90;
pub(super) const DAY_SECONDS: i64 = 86_400;

/// Events that both organizations have together, about.
pub(crate) const EVENTS: u64 = 200_000;
/// Different examples of one type of event.
const VARIANTS: u64 = 12;

/// What makes events.
pub(crate) struct Demo {
    catalogs: BTreeMap<String, Arc<Catalog>>,
    /// Examples of every type, as they are made again and again: a catalog's types by code.
    examples: HashMap<String, HashMap<String, Vec<Event>>>,
    /// The second that everything happened before.
    now: i64,
    /// How many of [`EVENTS`] there are to be, in thousandths.
    thousandths: u64,
}

/// An act that becomes an event.
#[derive(Clone, Debug)]
pub(super) struct Act<'a> {
    pub(super) catalog: &'a str,
    pub(super) code: &'a str,
    /// Seconds since 1970.
    pub(super) at: i64,
    pub(super) who: &'a Person,
    pub(super) session: Option<String>,
    /// What it was done to; nothing: something that fits.
    pub(super) target: Option<String>,
    /// It failed, where the type leaves that open.
    pub(super) failed: bool,
    /// Field, before, after.
    pub(super) change: Option<(&'a str, &'a str, &'a str)>,
    pub(super) address: Option<&'a str>,
}

impl<'a> Act<'a> {
    pub(super) fn new(catalog: &'a str, code: &'a str, at: i64, who: &'a Person) -> Self {
        let (session, target, change, address) = (None, None, None, None);
        Self { catalog, code, at, who, session, target, failed: false, change, address }
    }
}

/// Events of one organization, each with the second it happened in.
pub(super) type Events = Vec<(i64, Event)>;

impl Demo {
    /// Events that end at a second since 1970, about so many, at most [`EVENTS`].
    pub(crate) fn new(now: i64, events: u64) -> Self {
        let loaded = indelible_catalog::load(&indelible_catalog::builtin());
        let catalogs: BTreeMap<String, Arc<Catalog>> =
            loaded.catalogs.into_iter().map(|catalog| (catalog.id.clone(), catalog)).collect();
        let used = SYSTEMS.iter().filter_map(|id| catalogs.get(*id));
        let examples = used.map(|catalog| (catalog.id.clone(), examples(catalog))).collect();
        let thousandths = (events * 1_000 / EVENTS).clamp(1, 1_000);
        Self { catalogs, examples, now, thousandths }
    }

    /// Whether one of many like it happens in a demonstration of this size.
    pub(super) fn keeps(&self, chance: &mut Chance) -> bool {
        chance.in_thousand(self.thousandths)
    }

    /// Everything that happened in an organization, oldest first, as lines of JSON.
    pub(crate) fn lines(&self, org: &Organization) -> Vec<String> {
        let mut events = Events::new();
        day::all(self, org, &mut events);
        stories::all(self, org, &mut events);
        events.retain(|(at, _)| *at < self.now);
        events.sort_by_key(|(at, _)| *at);
        number(&mut events, org);
        events.iter().map(|(_, event)| json(event)).collect()
    }

    /// What goes on afterwards: a few events of one second.
    pub(crate) fn live(
        &self,
        org: &Organization,
        second: i64,
        numbers: &mut BTreeMap<String, u64>,
    ) -> Vec<String> {
        let mut chance = Chance::new(second.unsigned_abs() ^ org.seed);
        let mut events = Events::new();
        for _ in 0..chance.below(4) {
            let who = chance.pick(org.people);
            let (catalog, code) = day::usual(org, &mut chance);
            let at = second;
            events
                .extend(self.event(&Act::new(catalog, code, at, who), &mut chance).map(|event| (at, event)));
        }
        for (_, event) in &mut events {
            event.set(Field::Account, org.id);
            event.set(Field::ProducerInstance, "live");
            let name = event.text(Field::ProducerName).unwrap_or_default().to_owned();
            let number = numbers.entry(name).or_default();
            *number += 1;
            event.set(Field::ProducerSeq, i64::try_from(*number).unwrap_or(i64::MAX));
        }
        events.iter().map(|(_, event)| json(event)).collect()
    }

    /// An act as an event; none when the catalog does not know it.
    pub(super) fn event(&self, act: &Act<'_>, chance: &mut Chance) -> Option<Event> {
        let catalog = self.catalogs.get(act.catalog)?;
        let of = catalog.type_by_code(act.code)?;
        let variant = usize::try_from(chance.below(VARIANTS)).unwrap_or(0);
        let number = u32::try_from(variant).unwrap_or(0) + 1;
        let mut event = self.examples.get(act.catalog)?.get(act.code)?.get(variant)?.clone();
        let nanos = u32::try_from(chance.below(1_000)).unwrap_or(0) * 1_000_000;
        let at = Time { seconds: act.at, nanos, offset_minutes: Some(0) };
        event.set(Field::OccurredAt, Value::Time(at));
        act.who.signs(&mut event, act.address);
        target(&mut event, of, act.target.as_deref(), number);
        event.remove(Field::Message);
        outcome(&mut event, catalog, of, act.failed);
        match &act.session {
            Some(session) if event.get(Field::SessionId).is_some() => {
                event.set(Field::SessionId, session.as_str());
            }
            Some(_) | None => {}
        }
        if let Some((path, old, new)) = act.change {
            let pairs = [("path", path), ("old", old), ("new", new)];
            let pairs = pairs.map(|(name, value)| (name.to_owned(), Value::from(value)));
            let change = Map::from_pairs(pairs.into()).unwrap_or_default();
            event.set(Field::Changes, vec![Value::Map(change)]);
        }
        event.set(Field::ProducerName, cast::producer(act.catalog));
        Some(event)
    }

    pub(super) fn now(&self) -> i64 {
        self.now
    }

    pub(super) fn types(&self, catalog: &str) -> &[EventType] {
        self.catalogs.get(catalog).map(|catalog| catalog.types()).unwrap_or_default()
    }
}

/// Every variant of every type of a catalog.
fn examples(catalog: &Catalog) -> HashMap<String, Vec<Event>> {
    let variants = |of: &EventType| {
        let number = |at: u64| u32::try_from(at).unwrap_or(0) + 1;
        (0..VARIANTS).map(|at| indelible_catalog::example::example(catalog, of, number(at))).collect()
    };
    catalog.types().iter().map(|of| (of.code.clone(), variants(of))).collect()
}

/// What an act was done to, by a name that somebody would give it.
fn target(event: &mut Event, of: &EventType, said: Option<&str>, number: u32) {
    let name = said.map_or_else(|| cast::thing(&of.entity, number), str::to_owned);
    let id = format!("{}-{}", of.entity.to_lowercase(), 1_000 + u32::from(cast::digest(&name)));
    let pairs = [("id", id), ("kind", of.entity.clone()), ("name", name)];
    let pairs = pairs.map(|(member, value)| (member.to_owned(), Value::Text(value)));
    if let Ok(target) = Map::from_pairs(pairs.into()) {
        event.set(Field::Targets, vec![Value::Map(target)]);
    }
}

/// Success unless it failed; examples go through all results instead.
fn outcome(event: &mut Event, catalog: &Catalog, of: &EventType, failed: bool) {
    use indelible_catalog::word::Outcome;
    let wanted = if failed { Outcome::Failure } else { Outcome::Success };
    if event.get(Field::ResultCode).is_some() {
        let results = of.results.iter().chain(&catalog.outcome.results);
        let fits = results.filter(|result| result.outcome == wanted).find_map(|result| {
            result.code.split("..").next().filter(|code| !code.is_empty() && *code != "*")
        });
        event.set(Field::ResultCode, fits.unwrap_or(if failed { "1" } else { "0" }));
    }
    if event.get(Field::Outcome).is_some() && of.outcome.is_none() {
        event.set(Field::Outcome, wanted.as_str());
    }
}

/// Numbers events by producer, as programs do that number: from 1, in the order of time. One of them loses four.
fn number(events: &mut Events, org: &Organization) {
    let mut numbers: BTreeMap<String, i64> = BTreeMap::new();
    events.retain_mut(|(_, event)| {
        let name = event.text(Field::ProducerName).unwrap_or_default().to_owned();
        let number = numbers.entry(name.clone()).or_default();
        *number += 1;
        event.set(Field::Account, org.id);
        event.set(Field::ProducerInstance, org.instance);
        event.set(Field::ProducerSeq, *number);
        !(name == stories::LOSSY && stories::LOST.contains(number) && org.loses)
    });
}

fn json(event: &Event) -> String {
    let mut text = String::with_capacity(1024);
    json_out::event(&mut text, event);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_time_gives_the_same_events() {
        let of = |now| Demo::new(now, 30_000).lines(&ORGANIZATIONS[0]);
        let (first, second) = (of(1_795_000_000), of(1_795_000_000));
        assert!(first == second);
        assert!(first.len() > 10_000, "{}", first.len());
        assert_ne!(first, of(1_795_086_400));
    }

    #[test]
    fn a_demonstration_is_about_as_large_as_it_is_said_to_be() {
        let count = |events: u64| {
            let demo = Demo::new(1_795_000_000, events);
            let all = ORGANIZATIONS.iter().map(|org| {
                let mut events = Events::new();
                day::all(&demo, org, &mut events);
                events.len() as u64
            });
            all.sum::<u64>()
        };
        for events in [20_000, 60_000] {
            let made = count(events);
            assert!(made.abs_diff(events) < events / 10, "{made} for {events}");
        }
    }
}
