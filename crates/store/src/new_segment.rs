//! One segment in the making: written from the WAL, read back, compared with the WAL's bytes and its leaves, and named.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indelible_durable::replace;
use indelible_event::Leaf;
use indelible_segment::row::Row;
use indelible_segment::write::{Spec, Writer};
use indelible_tlog::tree::{Stack, leaf_hash};

use crate::backlog::BlockRef;
use crate::core_state::{content_print, key_print};
use crate::error::StoreError;
use crate::flat::FlatGain;
use crate::leaves::{Bodies, leaf_of};
use crate::log_no::LogNo;
use crate::sealed::{Segment, damage};
use crate::shared::Shared;
use crate::snapshot::State;
use crate::subjects::Assignment;
use crate::wal::record::{EventRecord, Record, records};

/// A record's place in the WAL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordAt {
    pub(crate) block: usize,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

/// What one seal is made of.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) events: BTreeMap<LogNo, Vec<RecordAt>>,
    pub(crate) subjects: Vec<Assignment>,
}

/// A segment that gave everything back.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) segment: Arc<Segment>,
    pub(crate) trees: Trees,
}

/// Each log's tree with the events of a segment, and the hashes above the leaves that they complete.
pub(crate) type Trees = Vec<(LogNo, Stack, FlatGain)>;

/// Body hashes of rows, counted over the segment, whose stored bodies give others.
type OddBodies = Vec<(u32, [u8; 32])>;

/// What a segment is made of.
pub(crate) struct NewSegment<'a> {
    pub(crate) shared: &'a Shared,
    /// As of the block before.
    pub(crate) state: &'a State,
    pub(crate) blocks: &'a [BlockRef],
    pub(crate) round: &'a Round,
    pub(crate) logs: &'a [LogNo],
    pub(crate) path: &'a Path,
}

impl NewSegment<'_> {
    /// Writes a segment and compares it with the WAL. One that does not give the events back is written again with every
    /// body whole: whatever was wrong with it, events must not wait for a new version of this program.
    pub(crate) fn write(&self) -> Result<Written, StoreError> {
        match self.try_odd(Writer::new) {
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!("{error}; it is written again without columns, please report this");
                self.try_odd(Writer::whole)
            }
            other => other,
        }
    }

    /// A leaf that does not follow from its stored body is kept: who made the event said so, and the log signed it.
    fn try_odd(&self, writer: fn(Spec) -> Writer) -> Result<Written, StoreError> {
        let (written, odd) = self.try_once(writer, &Vec::new())?;
        if odd.is_empty() {
            self.name()?;
            return Ok(written);
        }
        tracing::warn!("{} events have other body hashes than their bodies give; they are kept", odd.len());
        let (written, odd) = self.try_once(writer, &odd)?;
        if !odd.is_empty() {
            return Err(StoreError::corrupt(self.path, 0, "the new segment does not give back the leaves"));
        }
        self.name()?;
        Ok(written)
    }

    fn try_once(
        &self,
        writer: fn(Spec) -> Writer,
        odd: &OddBodies,
    ) -> Result<(Written, OddBodies), StoreError> {
        let (shared, path) = (self.shared, self.path);
        let seqs = (self.blocks.first().map_or(0, |b| b.seq), self.blocks.last().map_or(0, |b| b.seq));
        let spec = Spec {
            node: shared.node,
            blocks: seqs,
            ids: shared.secrets.ids,
            level: shared.options.zstd_level,
        };
        let temporary = replace::temporary(path);
        let file = shared.disk.create(&temporary).map_err(StoreError::io("create", &temporary))?;
        let mut writer = writer(spec);
        let mut odd = odd.iter().peekable();
        let mut number = 0u32;
        for log in self.logs {
            writer.begin_log(log.0, self.first_index(*log)).map_err(damage(path))?;
            self.each_event(*log, |event| {
                writer.push(&row(event)?, |run| shared.secrets.seed(run)).map_err(damage(path))?;
                if let Some((_, body)) = odd.next_if(|(row, _)| *row == number) {
                    writer.keep_body(*body);
                }
                number += 1;
                Ok(())
            })?;
        }
        let bytes = writer.finish().map_err(damage(path))?;
        file.write_all_at(&bytes, 0).map_err(StoreError::io("write", &temporary))?;
        drop(bytes);
        file.sync_data().map_err(StoreError::io("sync", &temporary))?;
        let segment = Segment::from_file(Arc::clone(&file), path.to_path_buf())?;
        let (trees, odd) = self.compare(&segment)?;
        Ok((Written { segment: Arc::new(segment), trees }, odd))
    }

    /// Dying before leaves a temporary file. The file was synced and compared before it gets its name.
    fn name(&self) -> Result<(), StoreError> {
        let (disk, path) = (&*self.shared.disk, self.path);
        let named =
            disk.rename(&replace::temporary(path), path).and_then(|()| replace::sync_parent(disk, path));
        named.map_err(StoreError::io("rename", path))
    }

    /// Decodes the new file, compares every row with the WAL's bytes, and puts every leaf together again. Gives the trees with
    /// these leaves, and the bodies that do not give their leaves.
    fn compare(&self, segment: &Segment) -> Result<(Trees, OddBodies), StoreError> {
        let differs =
            |at: u64| StoreError::corrupt(&segment.path, at, "the new segment does not give back the events");
        let keys = segment.keys()?;
        let mut by_row: Vec<(u32, u64)> = keys.entries().iter().map(|(key, row)| (*row, *key)).collect();
        by_row.sort_unstable();
        let mut by_row = by_row.into_iter().peekable();
        let bodies = Bodies::new(&self.shared.subjects);
        let (mut trees, mut odd) = (Vec::new(), Vec::new());
        let mut row_number = 0u32;
        for entry in segment.index.logs() {
            let log = LogNo(entry.log);
            let mut stack = self.state.logs.get(&log).map(|log| log.stack.clone()).unwrap_or_default();
            let mut gain = FlatGain::default();
            let mut block = None;
            self.each_event(log, |event| {
                let holds = |block: &indelible_segment::row::Block| block.get(event.index).is_some();
                if !block.as_ref().is_some_and(holds) {
                    block = Some(segment.block(log, event.index)?);
                }
                let found =
                    block.as_ref().and_then(|block| block.get(event.index)).ok_or_else(|| differs(0))?;
                let key = by_row.next_if(|(row, _)| *row == row_number).map(|(_, key)| key);
                if (Row { key, ..found }) != row(event)? {
                    return Err(differs(event.index));
                }
                let kept = segment.index.kept_body(log.0, event.index);
                let body = kept.or_else(|| bodies.hash(found.id, found.stored).ok());
                if body.map(|body| leaf_of(&found, body)).as_ref() != Some(event.leaf) {
                    odd.push((row_number, body_of(event)?));
                }
                gain.append_hash(&mut stack, leaf_hash(event.leaf));
                row_number += 1;
                Ok(())
            })?;
            let places = self.round.events.get(&log).map_or(0, Vec::len) as u64;
            if (entry.first, entry.count) != (self.first_index(log), places) {
                return Err(differs(0));
            }
            trees.push((log, stack, gain));
        }
        Ok((trees, odd))
    }

    /// Index of a log's first event in this seal.
    fn first_index(&self, log: LogNo) -> u64 {
        self.state.logs.get(&log).map_or(0, |log| log.size)
    }

    fn each_event(
        &self,
        log: LogNo,
        visit: impl FnMut(&EventRecord<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        each_event(self.blocks, self.round, log, visit)
    }
}

/// Calls `visit` with every event of a log, read from the WAL in pieces.
fn each_event(
    blocks: &[BlockRef],
    round: &Round,
    log: LogNo,
    mut visit: impl FnMut(&EventRecord<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    const PIECE: u32 = 256 * 1024;
    let places = round.events.get(&log).map_or(&[][..], Vec::as_slice);
    let mut buffer = Vec::new();
    let mut rest = places;
    while let Some(first) = rest.first() {
        let mut end = first.offset;
        let mut near = |place: &RecordAt| {
            let near = place.block == first.block && place.offset == end && end - first.offset < PIECE;
            end = end.wrapping_add(if near { place.len } else { 0 });
            near
        };
        let count = rest.iter().copied().take_while(|place| near(place)).count().max(1);
        let block = blocks.get(first.block).ok_or(StoreError::UnknownLog(log))?;
        buffer.resize((end - first.offset) as usize, 0);
        let at = block.offset + u64::from(first.offset);
        block.file.file.read_exact_at(&mut buffer, at).map_err(StoreError::io("read", &block.file.path))?;
        for record in records(&buffer) {
            match record {
                Ok((_, Record::Event(event))) => visit(&event)?,
                _ => {
                    return Err(StoreError::corrupt(
                        &block.file.path,
                        at,
                        "a record changed after it was read",
                    ));
                }
            }
        }
        rest = rest.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// An event of the WAL as a segment's row.
fn row<'a>(event: &EventRecord<'a>) -> Result<Row<'a>, StoreError> {
    let leaf = Leaf::decode(event.leaf)
        .map_err(|error| StoreError::Refused { what: "a leaf of the WAL", why: error.to_string() })?;
    let key = (event.key != [0; 16]).then(|| key_print(event.log, &event.key));
    Ok(Row {
        flags: leaf.flags,
        type_tag: leaf.type_tag,
        received_ns: leaf.received_ns,
        id: leaf.id.0,
        producer: leaf.producer,
        sequence: leaf.sequence,
        key,
        content: (key.is_some() || leaf.sequence > 0).then(|| content_print(&event.content)),
        stored: event.stored,
    })
}

fn body_of(event: &EventRecord<'_>) -> Result<[u8; 32], StoreError> {
    let leaf = Leaf::decode(event.leaf);
    leaf.map(|leaf| leaf.body)
        .map_err(|error| StoreError::Refused { what: "a leaf of the WAL", why: error.to_string() })
}
