//! Groups by values that contexts and event types hold: counted from columns, with the rows read only for the first and last
//! time of those groups that are given.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use hashbrown::HashMap;
use indelible_query::FieldRef;

use super::Extent;
use super::distinct::Memory;
use super::groups::{GROUP_BYTES, Group, GroupOrder, Groups, GroupsAsked, MEMBER_BYTES};
use crate::budget::Budget;
use crate::cube::Cube;
use crate::ends::{Ends, Sought};
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::scan::Scan;
use crate::searcher::Searcher;
use crate::tally::{Counted, Key, NO_TIME, NONE, Set};

/// A group as it is counted.
struct Counting {
    key: Key,
    count: u64,
    actors: u64,
    /// Whether it has sealed events.
    sealed: bool,
    ends: Ends,
}

/// Groups by their key, the actor left out.
#[derive(Default)]
struct Grouped {
    groups: Vec<Counting>,
    places: HashMap<Key, usize>,
    missing: u64,
}

impl Searcher {
    /// Groups by fields that columns know; `None` when they are others, or nothing is sealed.
    pub(super) fn groups_of_columns(
        &self,
        (log, request): (Log<'_>, &Request<'_>),
        asked: &GroupsAsked,
        actor: &FieldRef,
        budget: &Budget<'_>,
    ) -> Result<Option<Groups>, SearchError> {
        let fields: Vec<&FieldRef> =
            [Some(&asked.by), asked.and_by.as_ref(), Some(actor)].into_iter().flatten().collect();
        let dimensions: Option<Vec<_>> = fields.iter().map(|field| field.first_of()).collect();
        let Some(set) = dimensions.and_then(Set::new) else { return Ok(None) };
        let dimensions = set.dimensions.clone();
        let (scan, log_size) = self.scan(log, request, budget)?;
        let mut sets = [set];
        if scan.sealed.parts.is_empty() || !scan.count_sets(&mut sets)? {
            return Ok(None);
        }
        let [set] = sets;
        let cube = set.all_sealed();
        let counted = set.finish();
        charge(&scan, &fields, &counted)?;
        let by = fields.len() - 1;
        let mut grouped = Grouped::of(&counted, by);
        let extent = Extent::of_counted(&scan, counted.iter().map(|(_, of)| of), log_size)?;
        let total = grouped.groups.len() as u64;
        let dimensions = dimensions.get(..by).unwrap_or_default();
        // The order by count is known without times, so that only the groups that are given need theirs.
        if asked.order == GroupOrder::Count {
            grouped.choose(&scan, asked, by);
            grouped.find_times(&scan, dimensions, cube.as_deref())?;
        } else {
            grouped.find_times(&scan, dimensions, cube.as_deref())?;
            grouped.choose(&scan, asked, by);
        }
        let missing = grouped.missing;
        Ok(Some(Groups { extent, groups: grouped.finish(&scan, by), total, missing }))
    }
}

/// Refuses what is more than one request may hold, as if each value, group and actor had been met event by event.
fn charge(scan: &Scan<'_>, fields: &[&FieldRef], counted: &[(Key, Counted)]) -> Result<(), SearchError> {
    let mut memory = Memory::default();
    for (at, field) in fields.iter().enumerate() {
        let numbers: HashSet<u32> = counted.iter().filter_map(|(key, _)| key.get(at).copied()).collect();
        let names = scan.engine().names_of(numbers.into_iter());
        names.iter().flatten().try_for_each(|name| memory.take_value(name, field))?;
    }
    let Some(field) = fields.first() else { return Ok(()) };
    memory.take(counted.len().saturating_mul(MEMBER_BYTES), field)?;
    let by = fields.len().saturating_sub(1);
    let groups: HashSet<&[u32]> = counted.iter().filter_map(|(key, _)| key.get(..by)).collect();
    memory.take(groups.len().saturating_mul(GROUP_BYTES), field)
}

impl Counting {
    fn widen(&mut self, ends: Ends) {
        self.ends = (self.ends.0.min(ends.0), self.ends.1.max(ends.1));
    }
}

impl Grouped {
    /// Groups by the first `by` dimensions; the one after them is the actor.
    fn of(counted: &[(Key, Counted)], by: usize) -> Self {
        let mut grouped = Self::default();
        for (key, of) in counted {
            let mut values = [NONE; 3];
            values.iter_mut().zip(key).take(by).for_each(|(place, number)| *place = *number);
            if values.iter().take(by).any(|number| *number == NONE) {
                grouped.missing += of.count;
                continue;
            }
            let groups = &mut grouped.groups;
            let place = *grouped.places.entry(values).or_insert_with(|| {
                groups.push(Counting { key: values, count: 0, actors: 0, sealed: false, ends: NO_TIME });
                groups.len() - 1
            });
            let Some(group) = groups.get_mut(place) else { continue };
            group.count += of.count;
            group.actors += u64::from(key.get(by).is_some_and(|actor| *actor != NONE));
            group.sealed |= of.sealed > 0;
            group.ends = (group.ends.0.min(of.ends.0), group.ends.1.max(of.ends.1));
        }
        grouped
    }

    /// Leaves the first groups of the order, in that order.
    fn choose(&mut self, scan: &Scan<'_>, asked: &GroupsAsked, by: usize) {
        let groups = std::mem::take(&mut self.groups);
        let numbers = groups.iter().flat_map(|group| group.key.iter().take(by).copied());
        let names = scan.engine().names_of(numbers);
        let mut named: Vec<(&[Option<Arc<str>>], Counting)> = names.chunks(by.max(1)).zip(groups).collect();
        let order = |a: &(&[Option<Arc<str>>], Counting), b: &(&[Option<Arc<str>>], Counting)| {
            by_order(asked.order, &a.1, &b.1).then_with(|| a.0.cmp(b.0))
        };
        if named.len() > asked.limit && asked.limit > 0 {
            named.select_nth_unstable_by(asked.limit - 1, order);
        }
        named.truncate(asked.limit);
        named.sort_unstable_by(order);
        self.groups = named.into_iter().map(|(_, group)| group).collect();
    }

    /// Finds the first and last time of the groups that are left; those of all sealed events are kept with their counts.
    fn find_times(
        &mut self,
        scan: &Scan<'_>,
        dimensions: &[crate::tally::Dimension],
        cube: Option<&Cube>,
    ) -> Result<(), SearchError> {
        let mut sealed: Vec<&mut Counting> = self.groups.iter_mut().filter(|group| group.sealed).collect();
        if let Some(cube) = cube {
            let known = cube.ends.lock().unwrap_or_else(PoisonError::into_inner);
            sealed.retain_mut(|group| {
                let ends = known.get(&group.key);
                ends.inspect(|ends| group.widen(**ends)).is_none()
            });
        }
        let places = sealed.iter().enumerate().map(|(place, group)| (group.key, place)).collect();
        // Times that are to be kept are those of sealed events alone.
        let begin = |group: &&mut Counting| if cube.is_some() { NO_TIME } else { group.ends };
        let mut ends: Vec<Ends> = sealed.iter().map(begin).collect();
        scan.widen_ends(&Sought { dimensions, places: &places }, &mut ends)?;
        if let Some(cube) = cube {
            let mut known = cube.ends.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(sealed.iter().zip(&ends).map(|(group, ends)| (group.key, *ends)));
        }
        sealed.iter_mut().zip(ends).for_each(|(group, ends)| group.widen(ends));
        Ok(())
    }

    fn finish(self, scan: &Scan<'_>, by: usize) -> Vec<Group> {
        let group = |group: Counting| {
            let names = scan.engine().names_of(group.key.iter().take(by).copied());
            Group {
                values: names.iter().map(|name| name.as_deref().unwrap_or_default().to_owned()).collect(),
                count: group.count,
                first: group.ends.0,
                last: group.ends.1,
                actors: group.actors,
            }
        };
        self.groups.into_iter().map(group).collect()
    }
}

fn by_order(order: GroupOrder, a: &Counting, b: &Counting) -> Ordering {
    match order {
        GroupOrder::Count => b.count.cmp(&a.count),
        GroupOrder::Last => b.ends.1.cmp(&a.ends.1),
        GroupOrder::First => a.ends.0.cmp(&b.ends.0),
    }
}
