//! The data folder as a whole: founding a new one, recognising an existing one, its lock and its identity.

use std::io;
use std::path::Path;
use std::sync::Arc;

use indelible_durable::disk::{Disk, LockGuard, exists, read_file};
use indelible_durable::replace::{self, TEMPORARY_SUFFIX, write_file};

use crate::bytes::{hex, unhex};
use crate::error::OpenError;
use crate::publish::open_slots;
use crate::secrets::random;
use crate::wal::block::FileHeader;
use crate::wal::file::{make_spare, start_file};

/// What VERSION holds.
pub(crate) const VERSION: &str = "indelible store 1\n";
/// Folders of a store.
const FOLDERS: [&str; 6] = ["wal", "state", "logs", "segments", "spill", "keys"];
/// VERSION and node.id are one line each.
const MAX_SMALL_FILE: u64 = 1024;

/// A folder that is ours.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) node: [u8; 16],
    /// Whether it was founded just now.
    pub(crate) new: bool,
    pub(crate) lock: Box<dyn LockGuard>,
}

/// Takes the lock and recognises the folder, or founds a new store in it.
pub(crate) fn open(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    must_exist: bool,
    wal_bytes: u64,
) -> Result<Folder, OpenError> {
    let disk = &**disk;
    if must_exist && !exists(disk, &dir.join("VERSION")).map_err(OpenError::io("open", dir))? {
        return Err(OpenError::Missing { dir: dir.to_path_buf() });
    }
    disk.make_dir(dir).map_err(OpenError::io("create", dir))?;
    let lock = disk.lock(&dir.join("LOCK")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked { dir: dir.to_path_buf() },
        _ => OpenError::io("lock", dir)(error),
    })?;
    let new = !check_version(disk, dir)?;
    if new {
        found(disk, dir, wal_bytes)?;
    }
    Ok(Folder { node: read_node(disk, dir)?, new, lock })
}

/// Reads VERSION; false when there is none and nothing else of a store either.
pub(crate) fn check_version(disk: &dyn Disk, dir: &Path) -> Result<bool, OpenError> {
    let path = dir.join("VERSION");
    match read_file(disk, &path, MAX_SMALL_FILE) {
        Ok(bytes) if bytes == VERSION.as_bytes() => Ok(true),
        Ok(bytes) => {
            let found = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            Err(OpenError::UnknownVersion { file: path, found, known: VERSION.trim_ascii_end() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Founding writes VERSION last and no head before it: heads without VERSION are a damaged store.
            match disk
                .list(dir)
                .map_err(OpenError::io("list", dir))?
                .iter()
                .find(|entry| entry.name == "heads.a")
            {
                Some(heads) if heads.len > 0 => {
                    Err(OpenError::corrupt(path, 0, "VERSION is missing from a folder that holds heads"))
                }
                _ => Ok(false),
            }
        }
        Err(error) => Err(OpenError::io("read", path)(error)),
    }
}

/// The node id of a folder.
pub(crate) fn read_node(disk: &dyn Disk, dir: &Path) -> Result<[u8; 16], OpenError> {
    let path = dir.join("node.id");
    let bytes = read_file(disk, &path, MAX_SMALL_FILE).map_err(OpenError::io("read", &path))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    text.strip_suffix('\n')
        .and_then(unhex)
        .ok_or_else(|| OpenError::corrupt(path, 0, "node.id is no node id"))
}

fn found(disk: &dyn Disk, dir: &Path, wal_bytes: u64) -> Result<(), OpenError> {
    let io = |source| OpenError::io("create a store in", dir)(source);
    let node: [u8; 16] = random(dir)?;
    for folder in FOLDERS {
        disk.make_dir(&dir.join(folder)).map_err(io)?;
    }
    let wal = dir.join("wal");
    // A founding that died may have left a WAL file; nothing was ever stored in it.
    for entry in disk.list(&wal).map_err(io)? {
        disk.unlink(&wal.join(entry.name)).map_err(io)?;
    }
    write_file(disk, &dir.join("node.id"), format!("{}\n", hex(&node)).as_bytes()).map_err(io)?;
    crate::secrets::create(disk, &dir.join("keys"))?;
    let nonce = u64::from_be_bytes(random(dir)?);
    let spare = make_spare(disk, &wal, wal_bytes, 0).map_err(io)?;
    start_file(disk, &wal, spare, &FileHeader { node, first_seq: 1, nonce }).map_err(io)?;
    open_slots(disk, dir).map_err(io)?;
    // Dying before this founds anew; after it, the store exists.
    write_file(disk, &dir.join("VERSION"), VERSION.as_bytes()).map_err(io)?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        disk.sync_dir(parent).map_err(io)?;
    }
    Ok(())
}

/// Removes what a crash left under temporary names, in every folder of the store.
pub(crate) fn remove_temporary(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in disk.list(&folder)? {
            let path = folder.join(&entry.name);
            let ours = folder != dir || FOLDERS.contains(&entry.name.as_str());
            if entry.is_dir && ours && entry.name != "logs" {
                folders.push(path);
            } else if !entry.is_dir
                && entry.name.ends_with(TEMPORARY_SUFFIX)
                && ours_at_top(dir, &folder, &entry.name)
            {
                replace::remove_file(disk, &path)?;
            }
        }
    }
    Ok(())
}

/// The top folder may hold files of others; only our own names are touched there.
fn ours_at_top(dir: &Path, folder: &Path, name: &str) -> bool {
    folder != dir || ["VERSION.tmp", "node.id.tmp"].contains(&name)
}
