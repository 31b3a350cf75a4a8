//! What waits for the commit thread. Bounded by bytes; whoever comes when it is full is told to come again.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::append::{Append, Reply};
use crate::core_state::Core;
use crate::error::AppendError;
use crate::log::Log;
use crate::log_no::LogNo;
use crate::wal::block::{MAX_BODY, MAX_EVENTS};
use crate::wal::record::{EVENT_HEAD, Record};

/// What a sender is told to wait when the queue is full: a few commits.
const RETRY_AFTER_MS: u64 = 50;
/// Most requests that may wait, whatever their size.
const MAX_REQUESTS: usize = 65_536;
/// Most bytes that one event's subject and producer records can take beside it.
const SUBJECT_RECORD: usize = 29;
const PRODUCER_RECORD: usize = 4 + 1 + 4 + 8 + 2 + 2;

/// A record that is no event.
#[derive(Debug)]
pub(crate) enum Control {
    LogCreated(Arc<Log>),
    Cursor { log: LogNo, name: String, index: u64 },
    KeyChanged { log: LogNo, vkeys: String },
}

impl Control {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let vkeys;
        let record = match self {
            Self::LogCreated(log) => {
                vkeys = log.keys.lock().unwrap_or_else(PoisonError::into_inner).vkeys();
                Record::LogCreated { log: log.no, origin: &log.origin, name: &log.name, vkey: &vkeys }
            }
            Self::Cursor { log, name, index } => Record::Cursor { log: *log, name, index: *index },
            Self::KeyChanged { log, vkeys } => Record::KeyChanged { log: *log, vkeys },
        };
        record.encode(out);
    }
}

/// One thing to do on the commit thread.
pub(crate) enum Work {
    /// Events that go into one block or none.
    Append { appends: Vec<Append>, atomic: bool, reply: Reply },
    /// Another record, answered like an event.
    Control(Control, Box<dyn FnOnce(Result<(), AppendError>) + Send>),
    /// A look at the commit thread's state; sees only what is durable.
    Query(Box<dyn FnOnce(&Core) + Send>),
}

impl Work {
    /// Upper bound of what it adds to a block: bytes, and events.
    pub(crate) fn cost(&self) -> (usize, usize) {
        match self {
            Self::Append { appends, .. } => (appends.iter().map(append_cost).sum(), appends.len()),
            Self::Control(..) => (4096, 0),
            Self::Query(_) => (0, 0),
        }
    }
}

fn append_cost(append: &Append) -> usize {
    let names = append
        .producer
        .as_ref()
        .map_or(0, |producer| PRODUCER_RECORD + producer.name.len() + producer.instance.len());
    EVENT_HEAD + append.stored.len() + append.subjects.len() * SUBJECT_RECORD + names
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Work, (usize, usize))>,
    bytes: usize,
    closing: bool,
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    limit: usize,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.lock().waiting.len()).finish_non_exhaustive()
    }
}

impl Queue {
    /// A queue for so many bytes of requests.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds work, or gives it back with the reason. Queries are always taken.
    pub(crate) fn push(&self, work: Work) -> Result<(), (Work, AppendError)> {
        let cost = work.cost();
        if cost.0 > MAX_BODY || cost.1 > MAX_EVENTS {
            let error = AppendError::TooLarge {
                bytes: cost.0 as u64,
                events: cost.1 as u64,
                max_bytes: MAX_BODY as u64,
                max_events: MAX_EVENTS as u64,
            };
            return Err((work, error));
        }
        let mut state = self.lock();
        if state.closing {
            return Err((work, AppendError::Closing));
        }
        let full =
            state.waiting.len() >= MAX_REQUESTS || (state.bytes + cost.0 > self.limit && state.bytes > 0);
        if full && cost.0 > 0 {
            return Err((work, AppendError::Overloaded { retry_after_ms: RETRY_AFTER_MS }));
        }
        state.bytes += cost.0;
        let was_empty = state.waiting.is_empty();
        state.waiting.push_back((work, cost));
        drop(state);
        if was_empty {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits for work and takes as much as fits `room` bytes of one block, at least one piece. `None` when closed and
    /// empty.
    pub(crate) fn take(&self, room: usize) -> Option<Vec<Work>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closing {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken = Vec::new();
        let (mut bytes, mut events) = (0, 0);
        while let Some((_, cost)) = state.waiting.front() {
            bytes += cost.0;
            events += cost.1;
            if !taken.is_empty() && (bytes > room.min(MAX_BODY) || events > MAX_EVENTS) {
                break;
            }
            let (work, cost) = state.waiting.pop_front().expect("looked at it just now");
            state.bytes -= cost.0;
            taken.push(work);
        }
        Some(taken)
    }

    /// Refuses new work; what waits is still done.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Refuses new work and hands back what waits, to be answered by the caller.
    pub(crate) fn abandon(&self) -> Vec<Work> {
        let mut state = self.lock();
        state.closing = true;
        state.bytes = 0;
        state.waiting.drain(..).map(|(work, _)| work).collect()
    }

    /// Bytes and requests that wait.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.bytes, state.waiting.len())
    }
}
