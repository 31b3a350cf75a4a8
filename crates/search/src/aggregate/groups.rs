//! Groups of events that share the value of one or two fields: sessions, requests, actors with their outcomes.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use indelible_query::{EventView, FieldRef, Instant};

use super::distinct::{Distinct, Memory};
use super::{Extent, pinned};
use crate::budget::Budget;
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::searcher::Searcher;

/// What one group takes, without its actors.
pub(super) const GROUP_BYTES: usize = 128;
/// What one actor of a group takes.
pub(super) const MEMBER_BYTES: usize = 8;

/// The order of groups; ties in the order of their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupOrder {
    /// Most events first.
    Count,
    /// Latest act first.
    Last,
    /// Earliest act first.
    First,
}

/// How to group.
#[derive(Clone, Debug)]
pub struct GroupsAsked {
    /// By this field,
    pub by: FieldRef,
    /// and within each of its values by this one.
    pub and_by: Option<FieldRef>,
    /// Which groups come first.
    pub order: GroupOrder,
    /// How many groups to give.
    pub limit: usize,
}

/// Groups of matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// What was grouped.
    pub extent: Extent,
    /// The first groups of the order.
    pub groups: Vec<Group>,
    /// How many groups there are in all.
    pub total: u64,
    /// Events without a value in one of the fields; they are in no group.
    pub missing: u64,
}

/// Events that share values. An event with several values is in several groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The values, in the order of the fields.
    pub values: Vec<String>,
    /// Its events.
    pub count: u64,
    /// Time of its first act.
    pub first: Instant,
    /// Time of its last act.
    pub last: Instant,
    /// How many different actors it has, by id, else name, else e-mail address.
    pub actors: u64,
}

#[derive(Debug)]
struct Tally {
    count: u64,
    first: Instant,
    last: Instant,
    actors: HashSet<u32>,
}

struct Grouping {
    fields: Vec<Distinct>,
    actors: Distinct,
    groups: HashMap<[u32; 2], Tally>,
    memory: Memory,
    ordinal: u64,
    missing: u64,
    /// Numbers of the event at hand: of the fields, and of its actor.
    values: [Vec<u32>; 2],
    acting: Vec<u32>,
}

impl Searcher {
    /// Groups matches by the values of one or two fields.
    pub fn groups(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        asked: &GroupsAsked,
        budget: &Budget<'_>,
    ) -> Result<Groups, SearchError> {
        self.without_damage(|| self.groups_once(log, request, asked, budget))
    }

    fn groups_once(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        asked: &GroupsAsked,
        budget: &Budget<'_>,
    ) -> Result<Groups, SearchError> {
        let request = pinned(log, request)?;
        let actor = FieldRef::named("actor").expect("the table of query fields has it");
        if let Some(groups) = self.groups_of_columns((log, &request), asked, &actor, budget)? {
            return Ok(groups);
        }
        let mut grouping = Grouping {
            fields: [Some(&asked.by), asked.and_by.as_ref()]
                .into_iter()
                .flatten()
                .map(Distinct::new)
                .collect(),
            actors: Distinct::new(&actor),
            groups: HashMap::new(),
            memory: Memory::default(),
            ordinal: 0,
            missing: 0,
            values: [Vec::new(), Vec::new()],
            acting: Vec::new(),
        };
        let extent = self.count_all(log, &request, budget, &mut |view, _| grouping.add(view))?;
        Ok(grouping.finish(extent, asked))
    }
}

impl Grouping {
    fn add(&mut self, view: &EventView<'_>) -> Result<(), SearchError> {
        self.ordinal += 1;
        for (field, numbers) in self.fields.iter_mut().zip(&mut self.values) {
            field.of_event((view, self.ordinal), &mut self.memory, numbers)?;
        }
        self.actors.of_event((view, self.ordinal), &mut self.memory, &mut self.acting)?;
        let [first, second] = std::mem::take(&mut self.values);
        let single = [0];
        let second_or_none = if self.fields.len() > 1 { second.as_slice() } else { &single };
        self.missing += u64::from(first.is_empty() || second_or_none.is_empty());
        let time = view.occurred();
        for &one in &first {
            for &other in second_or_none {
                self.add_to([one, other], time)?;
            }
        }
        self.values = [first, second];
        Ok(())
    }

    fn add_to(&mut self, key: [u32; 2], time: Instant) -> Result<(), SearchError> {
        let field = self.actors.field();
        if !self.groups.contains_key(&key) {
            self.memory.take(GROUP_BYTES, self.fields.first().map_or(field, Distinct::field))?;
        }
        let new = || Tally { count: 0, first: time, last: time, actors: HashSet::new() };
        let tally = self.groups.entry(key).or_insert_with(new);
        tally.count += 1;
        tally.first = tally.first.min(time);
        tally.last = tally.last.max(time);
        for actor in &self.acting {
            if tally.actors.insert(*actor) {
                self.memory.take(MEMBER_BYTES, field)?;
            }
        }
        Ok(())
    }

    fn finish(self, extent: Extent, asked: &GroupsAsked) -> Groups {
        let name = |at: usize, number: u32| self.fields.get(at).map_or("", |field| field.name(number));
        let mut keys: Vec<(&[u32; 2], &Tally)> = self.groups.iter().collect();
        let order = |a: &(&[u32; 2], &Tally), b: &(&[u32; 2], &Tally)| {
            let ([a0, a1], [b0, b1]) = (a.0, b.0);
            let values = || name(0, *a0).cmp(name(0, *b0)).then_with(|| name(1, *a1).cmp(name(1, *b1)));
            by(asked.order, a.1, b.1).then_with(values)
        };
        if keys.len() > asked.limit && asked.limit > 0 {
            keys.select_nth_unstable_by(asked.limit - 1, order);
        }
        keys.truncate(asked.limit);
        keys.sort_unstable_by(order);
        let group = |(key, tally): &(&[u32; 2], &Tally)| Group {
            values: (0..self.fields.len())
                .zip(*key)
                .map(|(at, number)| name(at, *number).to_owned())
                .collect(),
            count: tally.count,
            first: tally.first,
            last: tally.last,
            actors: tally.actors.len() as u64,
        };
        let groups = keys.iter().map(group).collect();
        Groups { extent, groups, total: self.groups.len() as u64, missing: self.missing }
    }
}

fn by(order: GroupOrder, a: &Tally, b: &Tally) -> Ordering {
    match order {
        GroupOrder::Count => b.count.cmp(&a.count),
        GroupOrder::Last => b.last.cmp(&a.last),
        GroupOrder::First => a.first.cmp(&b.first),
    }
}
