//! Declaring that data was lost: the only way past a rollback. The logs concerned are frozen, for ever.
//!
//! A frozen log is read and never signed or appended to again, so it cannot contradict what it signed before the loss.
//! Its organization goes on in a new log with a new origin, whose first event states what happened. Nothing is deleted.

use std::path::Path;
use std::sync::Arc;

use indelible_durable::disk::{Disk, read_file};
use indelible_durable::replace;
use indelible_tlog::tree::Hash;

use crate::anchor;
use crate::error::OpenError;
use crate::folder;
use crate::heads::Heads;
use crate::log_no::LogNo;
use crate::recover::read_snapshot;
use crate::snapshot::State;
use crate::wal::record::records;
use crate::wal::scan::{ScanFrom, scan};

/// Name of the mark in a log's folder.
const MARK: &str = "frozen";
const FIRST_LINE: &str = "indelible rollback 1";
/// A mark is seven short lines.
const MAX_MARK: u64 = 4096;

/// What a log had signed and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Its origin, never used again.
    pub origin: String,
    /// Events that are left.
    pub size: u64,
    /// Events that its newest signed head covered.
    pub head_size: u64,
    /// Root in that head.
    pub head_root: Hash,
    /// When the loss was declared; nanoseconds since 1970.
    pub declared_ns: u64,
}

impl Frozen {
    fn encode(&self) -> String {
        let body = format!(
            "{FIRST_LINE}\norigin {}\nsize {}\nhead {} {}\ndeclared {}\n",
            self.origin, self.size, self.head_size, self.head_root, self.declared_ns
        );
        let check = crc32c::crc32c(body.as_bytes());
        format!("{body}check {check:08x}\n")
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, check) = crate::meta::checked(bytes)?;
        let mut lines = body.lines();
        let first = lines.next()? == FIRST_LINE && check == crc32c::crc32c(body.as_bytes());
        let origin = lines.next()?.strip_prefix("origin ")?.to_owned();
        let size = lines.next()?.strip_prefix("size ")?.parse().ok()?;
        let (head_size, head_root) = lines.next()?.strip_prefix("head ")?.split_once(' ')?;
        let (head_size, head_root) = (head_size.parse().ok()?, head_root.parse().ok()?);
        let declared_ns = lines.next()?.strip_prefix("declared ")?.parse().ok()?;
        first.then_some(Self { origin, size, head_size, head_root, declared_ns })
    }
}

/// The mark of a log, if it is frozen.
pub(crate) fn read(disk: &dyn Disk, log_dir: &Path) -> Result<Option<Frozen>, OpenError> {
    let path = log_dir.join(MARK);
    match read_file(disk, &path, MAX_MARK) {
        Ok(bytes) => match Frozen::decode(&bytes) {
            Some(frozen) => Ok(Some(frozen)),
            None => Err(OpenError::corrupt(path, 0, "the mark of a frozen log does not check")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::io("read", path)(error)),
    }
}

/// Freezes every log of a stopped store that is shorter than it has signed, or all of them when the anchor has seen a
/// later or another history. Gives the logs frozen now; none when there is nothing to declare.
///
/// # Errors
/// As for opening; damage that no rollback explains is still refused.
pub fn declare(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    anchor_dir: Option<&Path>,
    now_ns: u64,
) -> Result<Vec<Frozen>, OpenError> {
    let disk = &**disk;
    if !folder::check_version(disk, dir)? {
        return Err(OpenError::Missing { dir: dir.to_path_buf() });
    }
    let lock = disk.lock(&dir.join("LOCK")).map_err(|_| OpenError::Locked { dir: dir.to_path_buf() })?;
    let node = folder::read_node(disk, dir)?;
    let heads = Heads::read(disk, dir, node)?;
    let anchor_path = anchor_dir.map(|anchors| anchor::path(anchors, &node));
    let anchor = match &anchor_path {
        Some(path) => anchor::read(disk, path).map_err(OpenError::io("read", path))?,
        None => None,
    };
    let found = survey(disk, dir, node, anchor.as_ref().map_or(0, |anchor| anchor.block))?;
    let other_history = anchor.as_ref().is_some_and(|anchor| {
        anchor.block > found.state.block || found.anchored.is_some_and(|hash| hash != anchor.hash)
    });
    let mut frozen = Vec::new();
    for (no, head) in &heads.newest {
        let log = found.state.logs.get(no);
        let size = log.map_or(0, |log| log.size);
        let short = size < head.size || head.block > found.state.block;
        let log_dir = dir.join("logs").join(no.to_string());
        if !(short || other_history) || read(disk, &log_dir)?.is_some() {
            continue;
        }
        let origin = head.note.lines().next().unwrap_or_default().to_owned();
        let mark = Frozen { origin, size, head_size: head.size, head_root: head.root, declared_ns: now_ns };
        write_mark(disk, &log_dir, *no, &mark)?;
        frozen.push(mark);
    }
    // Dying before this: the marks stand, and declaring again moves the anchor aside.
    if let (Some(path), Some(anchor), true) = (&anchor_path, &anchor, other_history) {
        let kept = path.with_extension(format!("{}.old", anchor.block));
        let moved = disk.rename(path, &kept).and_then(|()| replace::sync_parent(disk, path));
        moved.map_err(OpenError::io("rename", path))?;
    }
    drop(lock);
    Ok(frozen)
}

fn write_mark(disk: &dyn Disk, log_dir: &Path, no: LogNo, mark: &Frozen) -> Result<(), OpenError> {
    let path = log_dir.join(MARK);
    debug_assert!(log_dir.ends_with(no.to_string()));
    let write = || {
        disk.make_dir(log_dir)?;
        replace::sync_parent(disk, log_dir)?;
        replace::write_file(disk, &path, mark.encode().as_bytes())
    };
    write().map_err(OpenError::io("write", &path))
}

struct Found {
    state: State,
    /// Hash of the block that the anchor names, if it is there.
    anchored: Option<[u8; 16]>,
}

/// What the folder holds, whatever heads and anchor say.
fn survey(disk: &dyn Disk, dir: &Path, node: [u8; 16], anchored: u64) -> Result<Found, OpenError> {
    let mut state = read_snapshot(disk, dir)?;
    let from = ScanFrom { node, known: (state.block, state.block_hash), seen: 0 };
    let mut hash = (anchored == state.block).then_some(state.block_hash);
    scan(disk, &dir.join("wal"), &from, |block| {
        if block.header.seq == anchored {
            hash = Some(block.hash);
        }
        if block.header.seq <= state.block {
            return Ok(());
        }
        for record in records(block.body) {
            let bad = |what: &str| OpenError::corrupt(&block.file.path, block.offset, what);
            let (_, record) = record.map_err(|_| bad("a record is malformed"))?;
            state.apply(&record, &mut Vec::new()).map_err(bad)?;
        }
        state.block = block.header.seq;
        Ok(())
    })?;
    Ok(Found { state, anchored: hash })
}
