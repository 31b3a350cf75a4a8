//! Putting a whole file in place so that a crash leaves the old one or the new one, never a mixture.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, FileRef};

/// Names that end like this are leftovers of a crash and may be removed at start.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// The temporary name beside `path`.
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY_SUFFIX);
    PathBuf::from(name)
}

/// Writes `bytes` to `path`: temporary name, sync, rename, sync of the directory.
pub fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.create(&temporary(path))?;
    file.write_all_at(bytes, 0)?;
    commit_file(disk, &file, path)
}

/// Second half of [`write_file`] for a file that was created under [`temporary`] and filled by the caller.
pub fn commit_file(disk: &dyn Disk, file: &FileRef, path: &Path) -> io::Result<()> {
    // Dying before the rename leaves a temporary file, which the next start removes.
    file.sync_data()?;
    disk.rename(&temporary(path), path)?;
    sync_parent(disk, path)
}

/// Removes a file and makes the removal durable.
pub fn remove_file(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    disk.unlink(path)?;
    sync_parent(disk, path)
}

/// Makes the name `path` durable.
pub fn sync_parent(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    disk.sync_dir(path.parent().unwrap_or_else(|| Path::new(".")))
}
