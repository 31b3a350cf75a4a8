//! Which neighbouring segments become one, and what they become. It decides from sizes and ranges alone and reads no event.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::log::Log;
use crate::log_no::LogNo;
use crate::sealed::{Sealed, Segment};

/// Most files that one merge reads: each is open, and its keys are in memory.
const MAX_FILES: usize = 64;
/// How often the largest source must fit into what is merged, where that many neighbours are wanted at all: the file that an
/// event is in grows that much each time the event is written again.
const GROWTH: usize = 3;

/// What merging is limited by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Neighbours that are worth a merge.
    pub(crate) files: usize,
    /// Most events of a merge,
    pub(crate) events: u64,
    /// and most bytes of its sources.
    pub(crate) bytes: u64,
}

impl Limits {
    /// Whether a segment of this size may be merged with others.
    pub(crate) fn are_above(&self, size: &Size) -> bool {
        size.events <= self.events / 2 && size.bytes <= self.bytes / 2
    }
}

/// Size of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

impl Size {
    pub(crate) fn of(segment: &Segment) -> Self {
        let events = segment.index.logs().iter().map(|entry| entry.count).sum();
        Self { events, bytes: segment.index.covered }
    }
}

/// Neighbouring events of one log, in the pieces that they are in now.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) log: LogNo,
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) pieces: Vec<Sealed>,
}

/// One new file.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) path: PathBuf,
    pub(crate) blocks: (u64, u64),
    pub(crate) stretches: Vec<Stretch>,
}

/// What one merge replaces, and by what.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sources: Vec<Arc<Segment>>,
    pub(crate) outputs: Vec<Output>,
}

/// Which segments may be merged.
pub(crate) struct Eligible<'a> {
    /// Those of later blocks are left alone: an older snapshot may not know them.
    pub(crate) last_block: u64,
    /// Numbers of segments that could not be merged.
    pub(crate) bad: &'a HashSet<u64>,
}

impl Eligible<'_> {
    fn holds(&self, segment: &Segment) -> bool {
        segment.broken.is_none()
            && segment.index.wal_blocks.1 <= self.last_block
            && !self.bad.contains(&segment.number)
    }
}

/// The next merge: of spill segments if there is one, else of a log's own.
pub(crate) fn next(
    dir: &Path,
    logs: &[Arc<Log>],
    (limits, own_events): (&Limits, u64),
    eligible: &Eligible<'_>,
) -> Option<Plan> {
    let mut spill = HashMap::new();
    for log in logs {
        for sealed in log.segments().into_iter().filter(|sealed| sealed.segment.is_spill()) {
            spill.entry(sealed.segment.number).or_insert(sealed.segment);
        }
    }
    let mut spill: Vec<Arc<Segment>> = spill.into_values().collect();
    spill.sort_by_key(|segment| segment.index.wal_blocks);
    if let Some(sources) = choose(&spill, limits, eligible) {
        return Some(of_spill(dir, sources, own_events));
    }
    logs.iter().find_map(|log| of_own(dir, log, limits, eligible))
}

/// Neighbours among a log's own segments; a piece in a spill segment parts them.
fn of_own(dir: &Path, log: &Log, limits: &Limits, eligible: &Eligible<'_>) -> Option<Plan> {
    let sealed = log.segments();
    let runs = sealed.chunk_by(|a, b| !a.segment.is_spill() && !b.segment.is_spill());
    for run in runs.filter(|run| run.len() > 1) {
        let segments: Vec<Arc<Segment>> = run.iter().map(|sealed| Arc::clone(&sealed.segment)).collect();
        let Some(sources) = choose(&segments, limits, eligible) else { continue };
        let chosen = |sealed: &&Sealed| sources.iter().any(|source| source.number == sealed.segment.number);
        let pieces: Vec<Sealed> = run.iter().filter(chosen).cloned().collect();
        let outputs = vec![own_output(dir, generation(&sources), stretch(log.no, pieces)?)];
        return Some(Plan { sources, outputs });
    }
    None
}

/// The rows of small logs stay together; a log with many rows, or with own segments in between, gets segments of its own.
fn of_spill(dir: &Path, sources: Vec<Arc<Segment>>, own_events: u64) -> Plan {
    let mut by_log: BTreeMap<LogNo, Vec<Sealed>> = BTreeMap::new();
    for segment in &sources {
        for entry in segment.index.logs() {
            let piece = Sealed { first: entry.first, count: entry.count, segment: Arc::clone(segment) };
            by_log.entry(LogNo(entry.log)).or_default().push(piece);
        }
    }
    let generation = generation(&sources);
    let (mut shared, mut outputs) = (Vec::new(), Vec::new());
    for (log, mut pieces) in by_log {
        pieces.sort_by_key(|piece| piece.first);
        let follows = |a: &Sealed, b: &Sealed| a.first + a.count == b.first;
        let stretches: Vec<Stretch> =
            pieces.chunk_by(follows).filter_map(|pieces| stretch(log, pieces.to_vec())).collect();
        let alone = stretches.len() > 1 || stretches.iter().any(|stretch| stretch.count >= own_events);
        if alone {
            outputs.extend(stretches.into_iter().map(|stretch| own_output(dir, generation, stretch)));
        } else {
            shared.extend(stretches);
        }
    }
    if !shared.is_empty() {
        let blocks = blocks(&sources);
        let name = format!("{:016x}-{:016x}.{generation}.seg", blocks.0, blocks.1);
        outputs.push(Output { path: dir.join("spill").join(name), blocks, stretches: shared });
    }
    Plan { sources, outputs }
}

fn stretch(log: LogNo, pieces: Vec<Sealed>) -> Option<Stretch> {
    let first = pieces.first()?.first;
    let count = pieces.iter().map(|piece| piece.count).sum();
    Some(Stretch { log, first, count, pieces })
}

fn own_output(dir: &Path, generation: u32, stretch: Stretch) -> Output {
    let name = format!("{:016x}-{:016x}.{generation}.seg", stretch.first, stretch.first + stretch.count - 1);
    let path = dir.join("segments").join(stretch.log.to_string()).join(name);
    let segments: Vec<Arc<Segment>> = stretch.pieces.iter().map(|piece| Arc::clone(&piece.segment)).collect();
    Output { path, blocks: blocks(&segments), stretches: vec![stretch] }
}

fn blocks(segments: &[Arc<Segment>]) -> (u64, u64) {
    let all = segments.iter().map(|segment| segment.index.wal_blocks);
    all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
}

fn generation(sources: &[Arc<Segment>]) -> u32 {
    sources.iter().map(|segment| segment.generation()).max().unwrap_or(0).saturating_add(1)
}

/// The neighbours to merge, among segments in their order.
fn choose(segments: &[Arc<Segment>], limits: &Limits, eligible: &Eligible<'_>) -> Option<Vec<Arc<Segment>>> {
    let sizes: Vec<Option<Size>> =
        segments.iter().map(|segment| eligible.holds(segment).then(|| Size::of(segment))).collect();
    segments.get(window(&sizes, limits)?).map(<[_]>::to_vec)
}

/// The window of neighbours that is cheapest for each file it saves; those that are `None` stay apart.
pub(crate) fn window(sizes: &[Option<Size>], limits: &Limits) -> Option<Range<usize>> {
    let small = |size: &Option<Size>| size.filter(|size| limits.are_above(size));
    let mut best: Option<(u64, Range<usize>)> = None;
    for start in 0..sizes.len() {
        let run = sizes.get(start..).unwrap_or_default().iter().map_while(small);
        let neighbours = run.clone().count();
        let (mut events, mut bytes, mut largest) = (0, 0, 0);
        for (at, size) in run.take(MAX_FILES).enumerate() {
            events += size.events;
            bytes += size.bytes;
            largest = largest.max(size.events);
            if events > limits.events || bytes > limits.bytes {
                break;
            }
            let count = at + 1;
            // Where so few reach the limit, waiting for more would not help.
            let next = sizes.get(start + count).copied().flatten().unwrap_or(Size { events: 0, bytes: 0 });
            let full = events + next.events > limits.events || bytes + next.bytes > limits.bytes;
            let enough = count >= limits.files || (full && neighbours >= limits.files);
            let cost = events / count as u64;
            if count > 1
                && enough
                && events >= limits.files.min(GROWTH) as u64 * largest
                && best.as_ref().is_none_or(|(least, _)| cost < *least)
            {
                best = Some((cost, start..start + count));
            }
        }
    }
    best.map(|(_, range)| range)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { files: 8, events: 1 << 20, bytes: 64 << 20 };

    fn sizes(events: &[u64]) -> Vec<Option<Size>> {
        events.iter().map(|events| Some(Size { events: *events, bytes: events * 30 })).collect()
    }

    #[test]
    fn neighbours_of_a_size_become_one_and_others_wait() {
        assert_eq!(window(&sizes(&[10; 7]), &LIMITS), None);
        assert_eq!(window(&sizes(&[10; 8]), &LIMITS), Some(0..8));
        assert_eq!(window(&sizes(&[131_072; 9]), &LIMITS), Some(0..8));
        assert_eq!(window(&sizes(&[300_000; 8]), &LIMITS), Some(0..3), "three reach the limit");
        assert_eq!(window(&sizes(&[400_000; 8]), &LIMITS), None, "two would not grow enough");
        assert_eq!(window(&sizes(&[600_000; 20]), &LIMITS), None, "they are large enough");
        let mixed = [100_000, 5, 5, 5, 5, 5, 5, 5, 5, 90_000];
        assert_eq!(window(&sizes(&mixed), &LIMITS), Some(1..9), "the large ones are not written again");
        assert_eq!(window(&sizes(&[100_000, 5, 5, 5, 5, 5, 5, 5]), &LIMITS), None);
        let mut apart = sizes(&[10; 12]);
        apart[6] = None;
        assert_eq!(window(&apart, &LIMITS), None);
    }

    /// A log that is sealed for ever has few segments, and its events are not written often.
    #[test]
    fn the_number_of_segments_stays_small_and_so_does_the_work() {
        for seal in [1_000, 9_000, 131_072] {
            let (mut segments, mut written, mut total, mut most) = (Vec::new(), 0, 0, 0);
            while total < 20_000_000 {
                segments.push(seal);
                total += seal;
                while let Some(range) = window(&sizes(&segments), &LIMITS) {
                    let merged: u64 = segments[range.clone()].iter().sum();
                    written += merged;
                    segments.splice(range, [merged]);
                }
                most = most.max(segments.len());
            }
            let largest = usize::try_from(total / (LIMITS.events / 2)).unwrap();
            assert!(most <= largest + 30, "{seal}: {most} segments");
            assert!(written <= 5 * total, "{seal}: {written} events written of {total}");
        }
    }
}
