//! Leaf hashes of neighbouring events, reduced to what a check needs again: roots of whole tiles, the ends that others go on
//! from, and what lies left of a signed size. A store has more leaves than memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indelible_event::{LEAF_BYTES, Leaf};
use indelible_tlog::tree::{HASH_LEN, Hash, Stack, leaf_hash};

use crate::leaves::TILE;

/// Neighbouring numbers of a producer: its number, the first, the last.
pub(super) type Stretch = (u64, u64, u64);

/// Neighbouring events whose leaves are known.
#[derive(Debug, Default)]
pub(super) struct Span {
    first: u64,
    next: u64,
    /// Hashes before the first tile that begins here.
    head: Vec<Hash>,
    /// Roots of the whole tiles.
    roots: Vec<Hash>,
    /// The tile that is open at the end.
    tail: Stack,
    /// Complete subtrees left of signed sizes, within their tile.
    peaks: Vec<(u64, Vec<Hash>)>,
    numbers: Vec<Stretch>,
    open_numbers: HashMap<u64, usize>,
}

/// The roots of complete subtrees in a stack, largest first.
pub(super) fn peaks(stack: &Stack) -> Vec<Hash> {
    let bytes = stack.encode();
    let (hashes, _) = bytes.get(8..).unwrap_or_default().as_chunks::<HASH_LEN>();
    hashes.iter().map(|hash| Hash::new(*hash)).collect()
}

impl Span {
    /// Begins with the event `first`.
    pub(super) fn new(first: u64) -> Self {
        Self { first, next: first, ..Self::default() }
    }

    /// The index behind its last event.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Adds the next event's leaf. `wanted` are the signed sizes of its log.
    pub(super) fn push(&mut self, leaf: &[u8; LEAF_BYTES], wanted: &BTreeSet<u64>) {
        if let Ok(leaf) = Leaf::decode(leaf)
            && leaf.sequence > 0
        {
            self.number(leaf.producer, leaf.sequence);
        }
        let hash = leaf_hash(leaf);
        let in_head = self.next < self.first.next_multiple_of(TILE);
        self.next += 1;
        if in_head {
            self.head.push(hash);
            return;
        }
        self.tail.append(hash, |_, _| ());
        if self.tail.size() == TILE {
            self.roots.push(std::mem::take(&mut self.tail).root());
        } else if wanted.contains(&self.next) {
            self.peaks.push((self.next, peaks(&self.tail)));
        }
    }

    fn number(&mut self, producer: u64, number: u64) {
        let open = self.open_numbers.get(&producer).and_then(|at| self.numbers.get_mut(*at));
        match open {
            Some((_, _, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => {
                self.open_numbers.insert(producer, self.numbers.len());
                self.numbers.push((producer, number, number));
            }
        }
    }
}

/// All that is known of a log's leaves.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    /// Roots of whole tiles by their numbers.
    pub(super) tiles: BTreeMap<u64, Hash>,
    /// Complete subtrees within the tile, left of signed sizes.
    pub(super) peaks: BTreeMap<u64, Vec<Hash>>,
    /// Stretches of numbers, sorted.
    pub(super) numbers: Vec<Stretch>,
    /// Index behind the last leaf that is known without a gap from the first.
    pub(super) whole_to: u64,
}

impl Leaves {
    /// Joins spans; those of a log that is whole follow one another.
    pub(super) fn join(mut spans: Vec<Span>, wanted: &BTreeSet<u64>) -> Self {
        spans.sort_by_key(|span| span.first);
        let mut leaves = Self::default();
        let mut tile: Option<Stack> = None;
        let mut at = None;
        for span in spans {
            if at != Some(span.first) {
                tile = None;
            }
            if leaves.whole_to == span.first {
                leaves.whole_to = span.next;
            }
            leaves.take_head(&span, tile.take().filter(|_| at.is_some()), wanted, &mut tile);
            let begin = span.first.next_multiple_of(TILE);
            if span.next >= begin {
                let numbers = begin / TILE..;
                leaves.tiles.extend(numbers.zip(span.roots));
                tile = Some(span.tail);
            }
            leaves.peaks.extend(span.peaks);
            leaves.numbers.extend(span.numbers);
            at = Some(span.next);
        }
        leaves.numbers.sort_unstable();
        leaves
    }

    /// Goes on with the tile that the span before left open, if that is known.
    fn take_head(
        &mut self,
        span: &Span,
        open: Option<Stack>,
        wanted: &BTreeSet<u64>,
        left: &mut Option<Stack>,
    ) {
        let Some(mut open) = open.filter(|open| open.size() == span.first % TILE) else { return };
        for (size, hash) in (span.first + 1..).zip(&span.head) {
            open.append(*hash, |_, _| ());
            if open.size() == TILE {
                self.tiles.insert((size - 1) / TILE, std::mem::take(&mut open).root());
            } else if wanted.contains(&size) {
                self.peaks.insert(size, peaks(&open));
            }
        }
        *left = Some(open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(number: u64) -> [u8; LEAF_BYTES] {
        let mut leaf = [0; LEAF_BYTES];
        leaf[40..48].copy_from_slice(&number.to_be_bytes());
        leaf
    }

    /// However a log is cut into spans, the same tiles and subtrees come out.
    #[test]
    fn spans_join_to_what_one_walk_gives() {
        let size = 1_000;
        let wanted: BTreeSet<u64> = [1, 5, 255, 256, 257, 300, 512, 700, 1_000].into();
        let mut whole = Span::new(0);
        (0..size).for_each(|index| whole.push(&leaf(index), &wanted));
        let whole = Leaves::join(vec![whole], &wanted);
        assert_eq!((whole.tiles.len(), whole.peaks.len(), whole.whole_to), (3, 7, size));
        for step in [1, 7, 100, 255, 256, 257, 600] {
            let mut spans: Vec<Span> = Vec::new();
            for first in (0..size).step_by(step) {
                let mut span = Span::new(first);
                (first..(first + step as u64).min(size)).for_each(|index| span.push(&leaf(index), &wanted));
                spans.push(span);
            }
            spans.reverse();
            let joined = Leaves::join(spans, &wanted);
            assert_eq!((&joined.tiles, &joined.peaks), (&whole.tiles, &whole.peaks), "cut at {step}");
            assert_eq!(joined.whole_to, size);
        }
    }

    #[test]
    fn a_gap_leaves_its_tiles_unknown() {
        let wanted = BTreeSet::from([300, 900]);
        let mut spans = Vec::new();
        for range in [0..270, 280..1_000] {
            let mut span = Span::new(range.start);
            range.for_each(|index| span.push(&leaf(index), &wanted));
            spans.push(span);
        }
        let joined = Leaves::join(spans, &wanted);
        assert_eq!(joined.tiles.keys().collect::<Vec<_>>(), [&0, &2]);
        assert_eq!(joined.peaks.keys().collect::<Vec<_>>(), [&900]);
        assert_eq!(joined.whole_to, 270);
    }
}
