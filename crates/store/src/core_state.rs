//! What the commit thread knows and nobody else writes: sizes, producers' numbers, recent idempotency keys, cursors.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::log_no::LogNo;
use crate::producers::ProducerInfo;
use crate::snapshot::{LogState, ProducerState, State};

/// Stretches of numbers kept per producer before sealed ones are let go.
const STRETCHES: usize = 1024;

/// A log's end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tip {
    pub(crate) size: u64,
    pub(crate) last_received_ns: u64,
    /// Lost events once; nothing is appended.
    pub(crate) frozen: bool,
}

/// A producer with the places of its recent numbers.
#[derive(Debug, Default)]
pub(crate) struct ProducerTip {
    pub(crate) state: ProducerState,
    /// First number → (how many, first index): numbers and indexes that rise together.
    places: BTreeMap<u64, (u64, u64)>,
    prune_at: usize,
}

impl ProducerTip {
    pub(crate) fn new(state: ProducerState) -> Self {
        Self { state, places: BTreeMap::new(), prune_at: STRETCHES }
    }

    /// Notes where a number went; `sealed` events need no note.
    pub(crate) fn place(&mut self, seq: u64, index: u64, sealed: u64) {
        if let Some((first, (count, start))) = self.places.range_mut(..=seq).next_back()
            && *first + *count == seq
            && *start + *count == index
        {
            *count += 1;
            return;
        }
        if self.places.len() >= self.prune_at {
            self.places.retain(|_, (count, start)| *start + *count > sealed);
            self.prune_at = (self.places.len() * 2).max(STRETCHES);
        }
        self.places.insert(seq, (1, index));
    }

    /// Takes over the places that another tip of the same producer knows.
    pub(crate) fn take_places(&mut self, other: &Self) {
        self.places.clone_from(&other.places);
    }

    /// Where a number went, if it is recent.
    pub(crate) fn index_of(&self, seq: u64) -> Option<u64> {
        let (first, (count, start)) = self.places.range(..=seq).next_back()?;
        (seq < first + count).then(|| start + (seq - first))
    }
}

/// An idempotency key that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyUse {
    pub(crate) log: LogNo,
    pub(crate) index: u64,
    pub(crate) content: u64,
}

/// Recent keys in two generations; the older one goes when all its events are sealed, where keys are looked up.
#[derive(Debug, Default)]
pub(crate) struct KeyWindow {
    current: HashMap<u64, KeyUse>,
    previous: HashMap<u64, KeyUse>,
    /// Last block with a key of the older generation.
    previous_block: u64,
    limit: usize,
}

impl KeyWindow {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(crate) fn get(&self, print: u64, log: LogNo) -> Option<KeyUse> {
        let found = self.current.get(&print).or_else(|| self.previous.get(&print));
        found.copied().filter(|found| found.log == log)
    }

    pub(crate) fn insert(&mut self, print: u64, used: KeyUse) {
        self.current.insert(print, used);
    }

    /// Called after a block; `sealed` is the last block whose events are all in segments.
    pub(crate) fn age(&mut self, block: u64, sealed: u64) {
        if self.current.len() >= self.limit / 2 && sealed >= self.previous_block {
            self.previous = std::mem::take(&mut self.current);
            self.previous_block = block;
        }
    }
}

/// The 64 bits by which keys are found: of the digest, apart for each log.
pub(crate) fn key_print(log: LogNo, key: &[u8; 16]) -> u64 {
    content_print(key) ^ (u64::from(log.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The 64 bits of a content digest that are compared.
pub(crate) fn content_print(content: &[u8; 16]) -> u64 {
    let (head, _) = content.split_first_chunk::<8>().expect("16 bytes hold 8");
    u64::from_be_bytes(*head)
}

/// The commit thread's state.
#[derive(Debug, Default)]
pub(crate) struct Core {
    pub(crate) logs: HashMap<LogNo, Tip>,
    pub(crate) producers: HashMap<(LogNo, u64), ProducerTip>,
    pub(crate) keys: KeyWindow,
    pub(crate) cursors: BTreeMap<(LogNo, String), u64>,
}

impl Core {
    /// The state that a snapshot holds; the WAL behind it is applied by the caller.
    pub(crate) fn from_state(state: &State, keys_in_memory: usize) -> Self {
        let tip =
            |log: &LogState| Tip { size: log.size, last_received_ns: log.last_received_ns, frozen: false };
        let producer = |state: &ProducerState| ProducerTip::new(state.clone());
        Self {
            logs: state.logs.iter().map(|(log, state)| (*log, tip(state))).collect(),
            producers: state.producers.iter().map(|(key, state)| (*key, producer(state))).collect(),
            keys: KeyWindow::new(keys_in_memory),
            cursors: state.cursors.clone(),
        }
    }

    /// What is known of a log's producers, by number.
    pub(crate) fn producer_infos(&self, log: LogNo) -> Vec<ProducerInfo> {
        let mut infos: Vec<ProducerInfo> = self
            .producers
            .iter()
            .filter(|((of, _), _)| *of == log)
            .map(|((_, number), tip)| ProducerInfo {
                number: *number,
                name: tip.state.name.clone(),
                instance: tip.state.instance.clone(),
                events: tip.state.events,
                contiguous: tip.state.window.contiguous(),
                highest: tip.state.window.highest(),
                gaps: tip.state.window.gaps(),
                last_seen_ns: tip.state.last_seen_ns,
            })
            .collect();
        infos.sort_by(|a, b| (&a.name, &a.instance).cmp(&(&b.name, &b.instance)));
        infos
    }
}
