//! Writes merged segments and compares them with their sources, row by row and key by key, before anybody may use them.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use indelible_durable::replace;
use indelible_segment::row::{Block, Row};
use indelible_segment::write::{Spec, Writer};

use super::plan::{Output, Plan, Stretch};
use crate::error::{StoreError, is_full};
use crate::log_no::LogNo;
use crate::sealed::{Sealed, Segment, damage};
use crate::shared::Shared;

/// Why a merge did not come about. The sources are as they were.
#[derive(Debug)]
pub(crate) enum Unmerged {
    /// The store is closing.
    Closing,
    /// The disk is full.
    Full(StoreError),
    /// A source cannot be read, or what was made of the sources does not give their events back.
    Unreadable(StoreError),
    /// The disk failed while it was written to.
    Failed(StoreError),
}

impl From<StoreError> for Unmerged {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io { source, what, path } if is_full(&source) => {
                Self::Full(StoreError::Io { source, what, path })
            }
            StoreError::Io { what, source, path } if what != "read" => {
                Self::Failed(StoreError::Io { source, what, path })
            }
            other => Self::Unreadable(other),
        }
    }
}

/// Writes every output of a plan under its temporary name, synced and compared.
pub(crate) fn write(shared: &Shared, plan: &Plan) -> Result<Vec<Arc<Segment>>, Unmerged> {
    let mut keys = HashMap::new();
    for source in &plan.sources {
        keys.insert(source.number, keys_by_row(source)?);
    }
    let merge = Merge { shared, keys };
    plan.outputs.iter().map(|output| merge.output(output)).collect()
}

/// Receives an index, its row and the body hash that is kept for it.
type EachRow<'f> = &'f mut dyn FnMut(u64, Row<'_>, Option<[u8; 32]>) -> Result<(), StoreError>;

type RowKeys = Vec<(u32, u64)>;

fn keys_by_row(segment: &Segment) -> Result<RowKeys, StoreError> {
    let keys = segment.keys()?;
    let mut by_row: RowKeys = keys.entries().iter().map(|(key, row)| (*row, *key)).collect();
    by_row.sort_unstable();
    Ok(by_row)
}

struct Merge<'a> {
    shared: &'a Shared,
    /// Keys of each source by row, by the source's number.
    keys: HashMap<u64, RowKeys>,
}

impl Merge<'_> {
    fn output(&self, output: &Output) -> Result<Arc<Segment>, Unmerged> {
        let (disk, path) = (&*self.shared.disk, &output.path);
        if let (Some(folder), [_]) = (path.parent(), output.stretches.as_slice()) {
            let made = disk.make_dir(folder).and_then(|()| replace::sync_parent(disk, folder));
            made.map_err(StoreError::io("create", folder))?;
        }
        let bytes = self.bytes(output)?;
        // Dying here leaves a temporary file.
        let temporary = replace::temporary(path);
        let file = disk.create(&temporary).map_err(StoreError::io("create", &temporary))?;
        file.write_all_at(&bytes, 0).map_err(StoreError::io("write", &temporary))?;
        drop(bytes);
        file.sync_data().map_err(StoreError::io("sync", &temporary))?;
        let segment = Segment::from_file(file, path.clone())?;
        self.compare(&segment, output)?;
        Ok(Arc::new(segment))
    }

    fn bytes(&self, output: &Output) -> Result<Vec<u8>, Unmerged> {
        let shared = self.shared;
        let mut writer = Writer::new(Spec {
            node: shared.node,
            blocks: output.blocks,
            ids: shared.secrets.ids,
            level: shared.options.zstd_level,
        });
        for stretch in &output.stretches {
            writer.begin_log(stretch.log.0, stretch.first).map_err(damage(&output.path))?;
            self.each_row(stretch, &mut |_, row, body| {
                writer.push(&row, |run| shared.secrets.seed(run)).map_err(damage(&output.path))?;
                if let Some(body) = body {
                    writer.keep_body(body);
                }
                Ok(())
            })?;
        }
        Ok(writer.finish().map_err(damage(&output.path))?)
    }

    /// Calls `f` with each row of a stretch, with its key, and the body hash that is kept for it. Between two blocks it gives way to sealing.
    fn each_row(&self, stretch: &Stretch, f: EachRow<'_>) -> Result<(), Unmerged> {
        for piece in &stretch.pieces {
            let mut keys = self.keys_of(piece, stretch.log);
            for entry in piece.segment.index.blocks(stretch.log.0) {
                if !self.shared.compaction.goes_on(self.shared) {
                    return Err(Unmerged::Closing);
                }
                let block = piece.segment.block(stretch.log, entry.first)?;
                for (index, row) in block.rows() {
                    let at = keys.first_row + (index - piece.first) as u32;
                    let key = keys.rest.next_if(|(row, _)| *row == at).map(|(_, key)| key);
                    let body = piece.segment.index.kept_body(stretch.log.0, index);
                    f(index, Row { key, ..row }, body)?;
                }
            }
        }
        Ok(())
    }

    fn keys_of(&self, piece: &Sealed, log: LogNo) -> Keys {
        let logs = piece.segment.index.logs();
        let before = logs.iter().take_while(|entry| entry.log != log.0).map(|entry| entry.count);
        let first_row = before.sum::<u64>() as u32;
        let all = self.keys.get(&piece.segment.number).map_or(&[][..], Vec::as_slice);
        let start = all.partition_point(|(row, _)| *row < first_row);
        let own = all.iter().skip(start).take_while(|(row, _)| u64::from(row - first_row) < piece.count);
        Keys { first_row, rest: own.copied().collect::<Vec<_>>().into_iter().peekable() }
    }

    /// Decodes the new file and compares every row with those of the sources.
    fn compare(&self, segment: &Segment, output: &Output) -> Result<(), Unmerged> {
        let differs = |at: u64| {
            StoreError::corrupt(&segment.path, at, "the merged segment does not give back the events")
        };
        let ranges = segment.index.logs().iter().map(|entry| (LogNo(entry.log), entry.first, entry.count));
        if !ranges.eq(output.stretches.iter().map(|stretch| (stretch.log, stretch.first, stretch.count))) {
            return Err(differs(0).into());
        }
        let mut keys = keys_by_row(segment)?.into_iter().peekable();
        let mut number = 0u32;
        for stretch in &output.stretches {
            let mut block: Option<Block> = None;
            let mut next = stretch.first;
            self.each_row(stretch, &mut |index, row, body| {
                if block.as_ref().is_none_or(|block| block.get(index).is_none()) {
                    block = Some(segment.block(stretch.log, index)?);
                }
                let found = block.as_ref().and_then(|block| block.get(index));
                let key = keys.next_if(|(row, _)| *row == number).map(|(_, key)| key);
                let same = index == next
                    && segment.index.kept_body(stretch.log.0, index) == body
                    && found.is_some_and(|found| Row { key, ..found } == row);
                (number, next) = (number + 1, next + 1);
                same.then_some(()).ok_or_else(|| differs(index))
            })?;
            if next != stretch.first + stretch.count {
                return Err(differs(next).into());
            }
        }
        if keys.next().is_some() {
            return Err(differs(0).into());
        }
        Ok(())
    }
}

struct Keys {
    /// Row of the piece's first event, counted over its segment.
    first_row: u32,
    rest: Peekable<IntoIter<(u32, u64)>>,
}
