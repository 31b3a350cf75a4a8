//! Counts by field: the most frequent values of each, how many others there are, and how many events have none.

use std::cmp::Reverse;

use indelible_query::FieldRef;

use super::Extent;
use super::distinct::{Distinct, Memory};
use crate::budget::Budget;
use crate::error::SearchError;
use crate::hit::Log;
use crate::request::Request;
use crate::searcher::Searcher;

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
        let new = |field| Tally { values: Distinct::new(field), counts: Vec::new(), missing: 0 };
        let mut tallies: Vec<Tally> = asked.fields.iter().map(new).collect();
        let (mut memory, mut ordinal, mut numbers) = (Memory::default(), 0, Vec::new());
        let extent = self.count_all(log, request, budget, &mut |view, _| {
            ordinal += 1;
            for tally in &mut tallies {
                tally.values.of_event((view, ordinal), &mut memory, &mut numbers)?;
                tally.add(&numbers);
            }
            Ok(())
        })?;
        let prefix = asked.prefix.as_ref().map(|prefix| prefix.to_lowercase());
        let finish = |tally: Tally| tally.finish(asked.top, prefix.as_deref());
        Ok(Facets { extent, fields: tallies.into_iter().map(finish).collect() })
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

    fn finish(self, top: usize, prefix: Option<&str>) -> FacetCounts {
        let wanted = |name: &str| prefix.is_none_or(|prefix| name.to_lowercase().starts_with(prefix));
        let all: u64 = self.counts.iter().sum();
        let mut counted: Vec<(&str, u64)> = (0..)
            .zip(&self.counts)
            .map(|(number, count)| (self.values.name(number), *count))
            .filter(|(name, _)| wanted(name))
            .collect();
        most_frequent(&mut counted, top);
        let named: u64 = counted.iter().map(|(_, count)| count).sum();
        FacetCounts {
            field: self.values.field().clone(),
            values: counted.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            distinct: self.values.len() as u64,
            other: all - named,
            missing: self.missing,
        }
    }
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
