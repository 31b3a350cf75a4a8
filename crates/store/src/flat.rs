//! The flat files of each log: leaves, one file of hashes per tree level, and the notes.
//!
//! Writes are buffered by the operating system; what a crash takes is written again from the WAL. Files are opened on
//! demand, and only so many are kept open.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use indelible_durable::disk::{Disk, FileRef};
use indelible_event::LEAF_BYTES;
use indelible_tlog::proof::LevelReader;
use indelible_tlog::tree::{HASH_LEN, Hash, LEVELS};

use crate::error::StoreError;
use crate::log_no::LogNo;

/// Open files kept; a process may have 1,024 by default.
const MAX_OPEN: usize = 256;
/// Bytes of one leaf in its file: u16 length ‖ leaf.
pub(crate) const ENTRY: usize = 2 + LEAF_BYTES;

/// Which file of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Flat {
    /// Hashes of a tree level.
    Level(u8),
    /// The leaves, each behind its length.
    Leaves,
    /// Signed checkpoints.
    Notes,
}

impl Flat {
    fn name(self) -> String {
        match self {
            Self::Level(level) => format!("L{level}"),
            Self::Leaves => "leaves".to_owned(),
            Self::Notes => "notes".to_owned(),
        }
    }
}

/// All flat files of a store.
#[derive(Debug)]
pub(crate) struct FlatFiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    open: Mutex<HashMap<(LogNo, Flat), FileRef>>,
    dirty: Mutex<BTreeSet<(LogNo, Flat)>>,
}

impl FlatFiles {
    /// Files below `dir`, which is `logs`.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self { disk, dir, open: Mutex::default(), dirty: Mutex::default() }
    }

    /// Folder of one log.
    pub(crate) fn log_dir(&self, log: LogNo) -> PathBuf {
        self.dir.join(log.to_string())
    }

    /// Path of one file.
    pub(crate) fn path(&self, log: LogNo, flat: Flat) -> PathBuf {
        self.log_dir(log).join(flat.name())
    }

    fn file(&self, log: LogNo, flat: Flat, create: bool) -> io::Result<FileRef> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&(log, flat)) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(log, flat);
        let file = match self.disk.open(&path) {
            Err(error) if create && error.kind() == io::ErrorKind::NotFound => self.disk.create(&path)?,
            other => other?,
        };
        if open.len() >= MAX_OPEN
            && let Some(any) = open.keys().next().copied()
        {
            open.remove(&any);
        }
        open.insert((log, flat), Arc::clone(&file));
        Ok(file)
    }

    /// Writes at a position; durable only after [`FlatFiles::sync`].
    pub(crate) fn write(&self, log: LogNo, flat: Flat, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(log, flat, true)?.write_all_at(bytes, at)?;
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).insert((log, flat));
        Ok(())
    }

    /// Length of a file; an absent one is empty.
    pub(crate) fn len(&self, log: LogNo, flat: Flat) -> io::Result<u64> {
        match self.file(log, flat, false) {
            Ok(file) => file.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Cuts a file to `len` bytes if it is longer.
    pub(crate) fn cut(&self, log: LogNo, flat: Flat, len: u64) -> io::Result<()> {
        if self.len(log, flat)? > len {
            self.file(log, flat, false)?.set_len(len)?;
            self.dirty.lock().unwrap_or_else(PoisonError::into_inner).insert((log, flat));
        }
        Ok(())
    }

    /// Fills `buf` from a position.
    pub(crate) fn read(&self, log: LogNo, flat: Flat, at: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let path = || self.path(log, flat);
        let file = self.file(log, flat, false).map_err(|source| StoreError::io("open", path())(source))?;
        file.read_exact_at(buf, at).map_err(|source| StoreError::io("read", path())(source))
    }

    /// Makes everything written so far durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let dirty = std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        let mut dirs = BTreeSet::new();
        for (log, flat) in dirty {
            self.file(log, flat, true)?.sync_data()?;
            dirs.insert(log);
        }
        dirs.into_iter().try_for_each(|log| self.disk.sync_dir(&self.log_dir(log)))
    }

    /// Reader of a log's level hashes for proofs. It does not know what is published; the caller checks sizes.
    pub(crate) fn levels(&self, log: LogNo) -> Levels<'_> {
        Levels { files: self, log }
    }

    /// The leaf of an event.
    pub(crate) fn leaf(&self, log: LogNo, index: u64) -> Result<[u8; LEAF_BYTES], StoreError> {
        let mut leaf = [0; LEAF_BYTES];
        self.read(log, Flat::Leaves, index * ENTRY as u64 + 2, &mut leaf)?;
        Ok(leaf)
    }

    /// Folder that holds the logs' folders.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Level hashes of one log.
#[derive(Debug)]
pub(crate) struct Levels<'a> {
    files: &'a FlatFiles,
    log: LogNo,
}

impl LevelReader for Levels<'_> {
    type Error = StoreError;

    fn read(&self, level: u8, first: u64, out: &mut [Hash]) -> Result<(), StoreError> {
        let mut bytes = vec![0; out.len() * HASH_LEN];
        self.files.read(self.log, Flat::Level(level), first * HASH_LEN as u64, &mut bytes)?;
        let (hashes, _) = bytes.as_chunks::<HASH_LEN>();
        out.iter_mut().zip(hashes).for_each(|(slot, hash)| *slot = Hash::new(*hash));
        Ok(())
    }
}

/// Collects what one log's flat files gain and writes it in few calls.
#[derive(Debug, Default)]
pub(crate) struct FlatGain {
    leaves: Vec<u8>,
    levels: [Vec<u8>; LEVELS as usize],
}

impl FlatGain {
    /// Adds one leaf; `stack` moves on.
    pub(crate) fn append(&mut self, stack: &mut indelible_tlog::tree::Stack, leaf: &[u8; LEAF_BYTES]) {
        self.leaves.extend_from_slice(&(LEAF_BYTES as u16).to_be_bytes());
        self.leaves.extend_from_slice(leaf);
        let levels = &mut self.levels;
        stack.append(indelible_tlog::tree::leaf_hash(leaf), |level, hash| {
            if let Some(bytes) = levels.get_mut(usize::from(level)) {
                bytes.extend_from_slice(hash.as_bytes());
            }
        });
    }

    /// Bytes waiting.
    pub(crate) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Writes everything behind which the log has `size` leaves, and forgets it.
    ///
    /// A failed write may be repeated: positions follow from the size, not from the files.
    pub(crate) fn write(&mut self, files: &FlatFiles, log: LogNo, size: u64) -> io::Result<()> {
        write_end(files, log, Flat::Leaves, size * ENTRY as u64, &self.leaves)?;
        for (level, bytes) in (0u8..).zip(&self.levels) {
            let end = size.checked_shr(u32::from(level) * 8).unwrap_or(0) * HASH_LEN as u64;
            write_end(files, log, Flat::Level(level), end, bytes)?;
        }
        self.leaves.clear();
        self.levels.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

fn write_end(files: &FlatFiles, log: LogNo, flat: Flat, end: u64, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    files.write(log, flat, end - bytes.len() as u64, bytes)
}
