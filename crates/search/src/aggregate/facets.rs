//! Counts by field: the most frequent values of each, how many others there are, and how many events have none.

use std::cmp::Reverse;

use indelible_query::FieldRef;

use super::distinct::{Distinct, Memory};
use super::{Extent, pinned};
use crate::budget::Budget;
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::searcher::Searcher;
use crate::tally::{NONE, Set};

/// What is to be counted.
#[derive(Clone, Debug)]
pub struct FacetsAsked {
    /// By which fields, each for itself.
    pub fields: Vec<FieldRef>,
    /// How many values of each to name.
    pub top: usize,
    /// Only values that begin so, without regard to case; the others count as others.
    pub prefix: Option<String>,
}

/// Counts by fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facets {
    /// What was counted.
    pub extent: Extent,
    /// For each field asked for, in that order.
    pub fields: Vec<FacetCounts>,
}

/// Counts by one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCounts {
    /// The field.
    pub field: FieldRef,
    /// The most frequent values with the number of events that have them; ties in the order of the values.
    pub values: Vec<(String, u64)>,
    /// How many different values there are, named here or not.
    pub distinct: u64,
    /// Sum of the counts of the values that are not named. An event with several of them counts for each.
    pub other: u64,
    /// Events without a value.
    pub missing: u64,
}

struct Tally {
    values: Distinct,
    counts: Vec<u64>,
    missing: u64,
}

impl Searcher {
    /// Counts matches by the values of fields.
    pub fn facets(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        asked: &FacetsAsked,
        budget: &Budget<'_>,
    ) -> Result<Facets, SearchError> {
        self.without_damage(|| self.facets_once(log, request, asked, budget))
    }

    fn facets_once(
        &self,
        log: Log<'_>,
        request: &Request<'_>,
        asked: &FacetsAsked,
        budget: &Budget<'_>,
    ) -> Result<Facets, SearchError> {
        let request = pinned(log, request)?;
        if let Some(facets) = self.facets_of_columns((log, &request), asked, budget)? {
            return Ok(facets);
        }
        let new = |field| Tally { values: Distinct::new(field), counts: Vec::new(), missing: 0 };
        let mut tallies: Vec<Tally> = asked.fields.iter().map(new).collect();
        let (mut memory, mut ordinal, mut numbers) = (Memory::default(), 0, Vec::new());
        let extent = self.count_all(log, &request, budget, &mut |view, _| {
            ordinal += 1;
            for tally in &mut tallies {
                tally.values.of_event((view, ordinal), &mut memory, &mut numbers)?;
                tally.add(&numbers);
            }
            Ok(())
        })?;
        Ok(Facets { extent, fields: tallies.into_iter().map(|tally| tally.finish(asked)).collect() })
    }

    /// Counts from columns; `None` when they do not know one of the fields, or nothing is sealed. One field for which events
    /// have to be read costs as much as all of them.
    fn facets_of_columns(
        &self,
        (log, request): (Log<'_>, &Request<'_>),
        asked: &FacetsAsked,
        budget: &Budget<'_>,
    ) -> Result<Option<Facets>, SearchError> {
        let set = |field: &FieldRef| Set::new(vec![field.first_of()?]);
        let sets: Option<Vec<Set>> = asked.fields.iter().map(set).collect();
        let Some(mut sets) = sets.filter(|sets| !sets.is_empty()) else { return Ok(None) };
        let (scan, log_size) = self.scan(log, request, budget)?;
        if scan.sealed.parts.is_empty() || !scan.count_sets(&mut sets)? {
            return Ok(None);
        }
        let counted: Vec<_> = sets.into_iter().map(Set::finish).collect();
        let every = counted.first().into_iter().flatten().map(|(_, of)| of);
        let extent = Extent::of_counted(&scan, every, log_size)?;
        let mut memory = Memory::default();
        let mut fields = Vec::with_capacity(counted.len());
        for (field, counted) in asked.fields.iter().zip(&counted) {
            let numbers = counted.iter().map(|(key, _)| key.first().copied().unwrap_or(NONE));
            let names = scan.engine().names_of(numbers);
            let (mut missing, mut values) = (0, Vec::with_capacity(names.len()));
            for (name, (_, of)) in names.iter().zip(counted) {
                match name {
                    Some(name) => values.push((&**name, of.count)),
                    None => missing += of.count,
                }
            }
            values.iter().try_for_each(|(name, _)| memory.take_value(name, field))?;
            fields.push(finish(field, values, missing, asked));
        }
        Ok(Some(Facets { extent, fields }))
    }
}

impl Tally {
    fn add(&mut self, numbers: &[u32]) {
        self.missing += u64::from(numbers.is_empty());
        self.counts.resize(self.values.len(), 0);
        for &number in numbers {
            if let Some(count) = self.counts.get_mut(number as usize) {
                *count += 1;
            }
        }
    }

    fn finish(self, asked: &FacetsAsked) -> FacetCounts {
        let counted = (0..).zip(&self.counts).map(|(number, count)| (self.values.name(number), *count));
        finish(self.values.field(), counted.collect(), self.missing, asked)
    }
}

/// Chooses from the counts of all values of a field.
fn finish(field: &FieldRef, mut counted: Vec<(&str, u64)>, missing: u64, asked: &FacetsAsked) -> FacetCounts {
    let distinct = counted.len() as u64;
    let all: u64 = counted.iter().map(|(_, count)| count).sum();
    if let Some(prefix) = asked.prefix.as_ref().map(|prefix| prefix.to_lowercase()) {
        counted.retain(|(name, _)| name.to_lowercase().starts_with(&prefix));
    }
    most_frequent(&mut counted, asked.top);
    let named: u64 = counted.iter().map(|(_, count)| count).sum();
    let values = counted.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    FacetCounts { field: field.clone(), values, distinct, other: all - named, missing }
}

/// Leaves the `top` largest counts, largest first; ties in the order of the names.
pub(super) fn most_frequent(counted: &mut Vec<(&str, u64)>, top: usize) {
    let key = |&(name, count): &(&str, u64)| (Reverse(count), name.to_owned());
    if counted.len() > top && top > 0 {
        counted.select_nth_unstable_by(top - 1, |a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    }
    counted.truncate(top);
    counted.sort_by_cached_key(key);
}
