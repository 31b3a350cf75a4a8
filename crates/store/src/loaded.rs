//! What was read of segments beside their indexes (columns, dictionaries, contexts), within a bound of memory: what was read
//! first is let go first, and read again when somebody needs it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use indelible_segment::read::Index;

/// Memory for all segments of the process; what a search at work holds comes on top. A segment of 131,072 events takes one to
/// three MB when all of it was needed.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// How many more are read between two looks at what all take.
const WEIGH_EVERY: usize = 4;

/// The place of what was read of one segment.
#[derive(Debug, Default)]
pub(crate) struct Loaded(Arc<Slot>);

type Slot = Mutex<Option<Arc<Index>>>;

/// Filled places, oldest first.
static FILLED: Mutex<VecDeque<Weak<Slot>>> = Mutex::new(VecDeque::new());

impl Loaded {
    /// A segment's index with what was read of it before; begins afresh when that was let go.
    pub(crate) fn of(&self, index: &Index) -> Arc<Index> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*slot {
            return Arc::clone(loaded);
        }
        let fresh = Arc::new(index.afresh());
        *slot = Some(Arc::clone(&fresh));
        drop(slot);
        let mut filled = FILLED.lock().unwrap_or_else(PoisonError::into_inner);
        filled.push_back(Arc::downgrade(&self.0));
        if filled.len().is_multiple_of(WEIGH_EVERY) {
            let_go(&mut filled, MAX_BYTES, Index::weight);
        }
        fresh
    }
}

/// Empties the oldest places until all others take no more than so many bytes.
fn let_go(filled: &mut VecDeque<Weak<Slot>>, most: usize, weigh: fn(&Index) -> usize) {
    let weight = |slot: &Weak<Slot>| {
        let slot = slot.upgrade()?;
        let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map(|index| weigh(index))
    };
    filled.retain(|slot| slot.strong_count() > 0);
    let weights: Vec<usize> = filled.iter().map(|slot| weight(slot).unwrap_or(0)).collect();
    let mut sum: usize = weights.iter().sum();
    for weight in weights {
        if sum <= most {
            break;
        }
        if let Some(slot) = filled.pop_front().and_then(|slot| slot.upgrade()) {
            slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        sum -= weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_first_is_let_go_first() {
        let index = Index::unreadable(0);
        let places: Vec<Loaded> = (0..3).map(|_| Loaded::default()).collect();
        let read: Vec<Arc<Index>> = places.iter().map(|place| place.of(&index)).collect();
        let mut filled: VecDeque<Weak<Slot>> = places.iter().map(|place| Arc::downgrade(&place.0)).collect();
        let_go(&mut filled, 15, |_| 10);
        assert_eq!(filled.len(), 1);
        let kept = |at: usize| Arc::ptr_eq(&places[at].of(&index), &read[at]);
        assert_eq!([kept(0), kept(1), kept(2)], [false, false, true]);
        drop(places);
        let_go(&mut filled, 0, |_| 10);
        assert!(filled.is_empty(), "a place whose segment is gone is forgotten");
    }
}
