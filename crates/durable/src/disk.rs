//! What the store asks of a disk, and what it may assume of the answers.
//!
//! A write is durable only after `sync_data` of its file returned; a name only after `sync_dir` of its directory
//! returned. Until then either may be lost, in any order, and a write may be torn at 512 bytes. After any error of
//! `sync_data` or `sync_dir` the content is undefined and the caller must stop; nothing here retries.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// An open file, shared between threads; every access names its position.
pub type FileRef = Arc<dyn DiskFile>;

/// Directories and names.
pub trait Disk: Debug + Send + Sync {
    /// Creates a file for reading and writing, mode 0600; an existing one is cut to zero bytes.
    fn create(&self, path: &Path) -> io::Result<FileRef>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<FileRef>;
    /// Opens an existing file for reading.
    fn open_read(&self, path: &Path) -> io::Result<FileRef>;
    /// Names in a directory, sorted; an absent directory is `NotFound`.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// Creates a directory, mode 0700, unless it exists. Its parent must exist.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Replaces `to` by `from` in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// Makes the names of a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes the exclusive lock of a path until the guard is dropped; `WouldBlock` if another process has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>>;
    /// Bytes an unprivileged user may still write on the file system that holds `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// An open file.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads up to `buf.len()` bytes at `offset`; 0 at or behind the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`, growing the file if needed.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or extends (with zeros) to `len` bytes.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes content and length durable.
    fn sync_data(&self) -> io::Result<()>;

    /// Whether the file holds no byte.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buf` from `offset`; `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0usize;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let got = self.read_at(rest, offset + done as u64)?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            done += got;
        }
        Ok(())
    }
}

/// Holds a lock while it lives.
pub trait LockGuard: Debug + Send + Sync {}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name alone; names that are not UTF-8 are never ours and are left out.
    pub name: String,
    /// Length in bytes; 0 for a directory.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// Reads a whole file of at most `limit` bytes; a longer one is `InvalidData`.
pub fn read_file(disk: &dyn Disk, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = disk.open_read(path)?;
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is {len} bytes long, at most {limit} are allowed", path.display()),
        ));
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Whether a file or directory of that name exists.
pub fn exists(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.open_read(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
