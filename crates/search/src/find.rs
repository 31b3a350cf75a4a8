//! Single events, and the ranges of a log that times of receipt rule in. Times of receipt never go back, so a place is found
//! by halving.

use std::ops::ControlFlow;

use indelible_event::EventId;
use indelible_query::{Bounds, Instant};
use indelible_store::error::StoreError;

use crate::error::SearchError;
use crate::hit::{Hit, Log};

/// How long before its id was made an event may seem to have been received: an id has milliseconds only, and clocks are set
/// back now and then.
const SLACK_BEFORE_MS: u64 = 2_000;
/// How much younger ids may be committed before an older one: longer than any request waits to be stored.
const SLACK_AFTER_MS: u64 = 60_000;
const NANOS_PER_MS: u64 = 1_000_000;

/// The event at an index; `None` beyond the log.
pub fn at(log: Log<'_>, index: u64) -> Result<Option<Hit>, SearchError> {
    if index >= log.size()? {
        return Ok(None);
    }
    read_one(log, index).map(Some)
}

/// The event with this id. The time in the id says where to look.
pub fn find(log: Log<'_>, id: EventId) -> Result<Option<Hit>, SearchError> {
    let size = log.size()?;
    let earliest = id.unix_ms().saturating_sub(SLACK_BEFORE_MS).saturating_mul(NANOS_PER_MS);
    let latest_ms = id.unix_ms().saturating_add(SLACK_AFTER_MS);
    let (first, _) = first_received(log, size, earliest)?;
    let mut found = Ok(None);
    log.records.visit(log.scope.log, first..size, false, &mut |record| {
        match log.scope.read(&record) {
            Ok(leaf) if leaf.id == id => found = Ok(Some(Hit::new(&record, leaf))),
            Ok(leaf) if leaf.id.unix_ms() <= latest_ms => return ControlFlow::Continue(()),
            Ok(_) => {}
            Err(error) => found = Err(error),
        }
        ControlFlow::Break(())
    })?;
    found
}

fn read_one(log: Log<'_>, index: u64) -> Result<Hit, SearchError> {
    let missing = || SearchError::Damaged { log: log.scope.log, index, what: "it is missing".into() };
    let mut found = Err(missing());
    log.records.visit(log.scope.log, index..index + 1, false, &mut |record| {
        found = log.scope.read(&record).map(|leaf| Hit::new(&record, leaf));
        ControlFlow::Break(())
    })?;
    found
}

/// The index of the first of `size` events that was received at or after a time; the size when there is none. Where damage
/// hides it, it is between the two.
fn first_received(log: Log<'_>, size: u64, received_ns: u64) -> Result<(u64, u64), SearchError> {
    let (mut low, mut high) = (0u64, size);
    // Sealed blocks say between which times they were received.
    for part in log.records.parts(log.scope.log)? {
        let blocks = part.blocks();
        let before = blocks.partition_point(|block| block.received.1 < received_ns);
        if let Some(last) = before.checked_sub(1).and_then(|last| blocks.get(last)) {
            low = low.max(last.first + u64::from(last.rows));
        }
        if let Some(next) = blocks.get(blocks.partition_point(|block| block.received.0 < received_ns)) {
            high = high.min(next.first);
        }
    }
    let low_end = low.min(size);
    let (mut low, mut high) = (low_end, high.max(low_end));
    while low < high {
        let middle = low + (high - low) / 2;
        match read_one(log, middle) {
            Ok(hit) if hit.leaf.received_ns < received_ns => low = middle + 1,
            Ok(_) => high = middle,
            Err(SearchError::Read { source, .. }) if matches!(*source, StoreError::Corrupt { .. }) => {
                return Ok((low, high));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((low, low))
}

/// First index and end of what a query's bounds leave of the first `size` events.
pub(crate) fn index_range(log: Log<'_>, bounds: &Bounds, size: u64) -> Result<(u64, u64), SearchError> {
    let mut first = bounds.index.0.unwrap_or(0);
    let mut end = bounds.index.1.map_or(size, |last| last.saturating_add(1)).min(size);
    let nanos = |instant: Instant| u64::try_from(instant.0.max(0)).unwrap_or(u64::MAX);
    if let Some(received) = bounds.received.0 {
        first = first.max(first_received(log, size, nanos(received))?.0);
    }
    if let Some(received) = bounds.received.1 {
        end = end.min(first_received(log, size, nanos(received).saturating_add(1))?.1);
    }
    Ok((first.min(end), end))
}
