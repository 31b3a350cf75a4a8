//! Everything stored, as of one moment, in another folder: what a backup copies at its leisure while the store goes on.
//!
//! The new folder is what a power cut could have left: heads first, then the WAL that they name, then what belongs to it.
//! Opening it recovers, as after a crash. Sealed files are linked, not copied, so that the moment is short and the space
//! small; they are never edited. Sealing and merging wait meanwhile; commits do not.

use std::io;
use std::path::Path;
use std::sync::Arc;

use indelible_durable::disk::{Disk, Entry};
use indelible_durable::link;
use indelible_tlog::tree::Hash;

use crate::error::{OpenError, StoreError};
use crate::folder;
use crate::head_page::{HeadPage, PAGE, PageContent};
use crate::heads::{FILES as HEADS, Heads};
use crate::shared::Shared;
use crate::wal::block::FileHeader;
use crate::wal::file::{WalFile, parse_file_name};
use crate::wal::scan::end_of;

/// Bytes copied at once.
const PIECE: usize = 1024 * 1024;
/// A head page that does not check may be one that is just being written: it is read again so often. If it still does not
/// check, it never held a head, or the other file has a newer one.
const TRIES: usize = 8;

/// What a folder's newest head says of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLog {
    /// The log's origin.
    pub origin: String,
    /// Events that the head covers.
    pub size: u64,
    /// Their root.
    pub root: Hash,
}

/// Everything of a store that a backup holds, in its folder.
pub const PARTS: [&str; 9] =
    ["VERSION", "node.id", "heads.a", "heads.b", "wal", "state", "segments", "spill", "keys"];
/// And what is made again from the rest where it is short.
pub const LEVELS: &str = "logs";

/// The newest signed heads of a folder that nobody writes.
///
/// # Errors
/// As for opening, as far as heads are concerned.
pub fn signed(disk: &dyn Disk, dir: &Path) -> Result<Vec<SignedLog>, OpenError> {
    if !folder::check_version(disk, dir)? {
        return Err(OpenError::Missing { dir: dir.to_path_buf() });
    }
    let heads = Heads::read(disk, dir, folder::read_node(disk, dir)?)?;
    let signed = heads.newest.into_values().map(|head| SignedLog {
        origin: head.note.lines().next().unwrap_or_default().to_owned(),
        size: head.size,
        root: head.root,
    });
    Ok(signed.collect())
}

/// Fills a new folder. It must not exist, and lie on the file system of the data folder.
pub(crate) fn stage(shared: &Arc<Shared>, to: &Path) -> Result<(), StoreError> {
    let _in_place = shared.keep_in_place();
    let (disk, dir) = (&*shared.disk, shared.dir.as_path());
    disk.make_dir(to).map_err(copying(to))?;
    for name in HEADS {
        copy_heads(disk, &dir.join(name), &to.join(name)).map_err(copying(&dir.join(name)))?;
    }
    for folder in ["spill", "segments", "state"] {
        let (from, to) = (dir.join(folder), to.join(folder));
        tree(disk, &from, &to, &mut |from, to| link::hard_link(from, to)).map_err(copying(&from))?;
    }
    stage_wal(disk, &dir.join("wal"), &to.join("wal"))?;
    // After the WAL: what its records need is there before they are.
    for folder in ["keys", "logs"] {
        let (from, to) = (dir.join(folder), to.join(folder));
        tree(disk, &from, &to, &mut |from, to| copy(disk, from, to)).map_err(copying(&from))?;
    }
    for name in ["node.id", "VERSION"] {
        copy(disk, &dir.join(name), &to.join(name)).map_err(copying(&dir.join(name)))?;
    }
    Ok(())
}

fn copying(path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    StoreError::io("copy for a backup", path.to_path_buf())
}

/// Does something with every file below a folder, except those that a crash may take.
fn tree(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
    each: &mut dyn FnMut(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    disk.make_dir(to)?;
    for Entry { name, is_dir, .. } in disk.list(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if is_dir {
            tree(disk, &from, &to, each)?;
        } else if !name.ends_with(indelible_durable::replace::TEMPORARY_SUFFIX) {
            each(&from, &to)?;
        }
    }
    Ok(())
}

fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    let (source, target) = (disk.open_read(from)?, disk.create(to)?);
    let len = source.len()?;
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    while at < len {
        let want = usize::try_from(len - at).unwrap_or(PIECE).min(PIECE);
        let piece = buffer.get_mut(..want).unwrap_or_default();
        source.read_exact_at(piece, at)?;
        target.write_all_at(piece, at)?;
        at += want as u64;
    }
    Ok(())
}

/// Copies pages that may be written at this moment: each whole, or as one that does not check.
fn copy_heads(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    let (source, target) = (disk.open_read(from)?, disk.create(to)?);
    let len = source.len()?;
    let mut page = [0; PAGE];
    let mut at = 0;
    while at + PAGE as u64 <= len {
        for _ in 0..TRIES {
            source.read_exact_at(&mut page, at)?;
            if !matches!(HeadPage::decode(&page), PageContent::Invalid) {
                break;
            }
        }
        target.write_all_at(&page, at)?;
        at += PAGE as u64;
    }
    target.set_len(len)
}

/// Older files are complete and linked. The last one is being written: of it the blocks are copied that are whole, and
/// zeros follow, as in a file whose next block was never begun.
fn stage_wal(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), StoreError> {
    disk.make_dir(to).map_err(copying(to))?;
    let names = disk.list(from).map_err(copying(from))?;
    let files: Vec<String> =
        names.into_iter().map(|entry| entry.name).filter(|name| parse_file_name(name).is_some()).collect();
    let Some((last, complete)) = files.split_last() else { return Ok(()) };
    for name in complete {
        link::hard_link(&from.join(name), &to.join(name)).map_err(copying(&from.join(name)))?;
    }
    let path = to.join(last);
    copy(disk, &from.join(last), &path).map_err(copying(&path))?;
    let file = disk.open(&path).map_err(copying(&path))?;
    let mut page = vec![0; crate::wal::block::PAGE];
    file.read_exact_at(&mut page, 0).map_err(copying(&path))?;
    let header = FileHeader::decode(&page)
        .ok_or_else(|| StoreError::corrupt(&path, 0, "page 0 of the WAL file does not check"))?;
    let wal = WalFile { path: path.clone(), first_seq: header.first_seq, nonce: header.nonce, file };
    let end = end_of(&wal).map_err(|error| StoreError::corrupt(&path, 0, error.to_string()))?;
    let len = wal.file.len().map_err(copying(&path))?;
    wal.file.set_len(end).and_then(|()| wal.file.set_len(len)).map_err(copying(&path))
}
