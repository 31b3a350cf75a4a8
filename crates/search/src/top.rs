//! The best so many hits of a scan, within a bound of memory.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::hit::Hit;
use crate::order::Rank;

/// Most bytes of bodies that one page holds; a page of huge events is shorter instead.
pub(crate) const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug)]
struct Entry {
    rank: Rank,
    hit: Option<Hit>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.hit.as_ref().map_or(0, |hit| hit.stored.len())
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// The best hits seen so far.
#[derive(Debug)]
pub(crate) struct Top {
    capacity: usize,
    heap: BinaryHeap<Reverse<Entry>>,
    bytes: usize,
    /// The best rank that was let go: everything kept is better.
    floor: Option<Rank>,
    /// Of a part: what the whole asks of a hit.
    threshold: Option<Rank>,
}

impl Top {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, heap: BinaryHeap::new(), bytes: 0, floor: None, threshold: None }
    }

    /// A further heap for a part of the same scan.
    pub(crate) fn part(&self) -> Self {
        Self { threshold: self.worst(), ..Self::new(self.capacity) }
    }

    /// What a hit must surpass to be taken.
    pub(crate) fn worst(&self) -> Option<Rank> {
        let full = self.heap.len() >= self.capacity;
        let least = self.heap.peek().filter(|_| full).map(|Reverse(entry)| entry.rank);
        least.max(self.floor).max(self.threshold)
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn takes(&self, rank: Rank) -> bool {
        self.worst().is_none_or(|worst| rank > worst)
    }

    /// Takes a hit, or only its place when it can be read later.
    pub(crate) fn push(&mut self, rank: Rank, hit: Option<Hit>) {
        if !self.takes(rank) {
            self.floor = self.floor.max(Some(rank));
            return;
        }
        let entry = Entry { rank, hit };
        self.bytes += entry.bytes();
        self.heap.push(Reverse(entry));
        while self.heap.len() > self.capacity || (self.bytes > MAX_PAGE_BYTES && self.heap.len() > 1) {
            self.drop_worst();
        }
    }

    fn drop_worst(&mut self) {
        if let Some(Reverse(entry)) = self.heap.pop() {
            self.bytes -= entry.bytes();
            self.floor = self.floor.max(Some(entry.rank));
        }
    }

    /// Takes in what a part of the scan found.
    pub(crate) fn merge(&mut self, part: Self) {
        self.raise_floor(part.floor);
        for Reverse(entry) in part.heap {
            self.push(entry.rank, entry.hit);
        }
    }

    /// Lets go of everything at or below a rank.
    pub(crate) fn raise_floor(&mut self, floor: Option<Rank>) {
        self.floor = self.floor.max(floor);
        while self.heap.peek().is_some_and(|Reverse(entry)| Some(entry.rank) <= self.floor) {
            self.drop_worst();
        }
    }

    /// The hits, best first, and whether others were let go.
    pub(crate) fn finish(mut self, limit: usize) -> (Vec<(Rank, Option<Hit>)>, bool) {
        while self.heap.len() > limit {
            self.drop_worst();
        }
        let more = self.floor.is_some();
        let mut hits: Vec<_> = self.heap.into_iter().map(|Reverse(entry)| (entry.rank, entry.hit)).collect();
        hits.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        (hits, more)
    }
}
