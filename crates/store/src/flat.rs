//! The flat files of each log: one file of hashes per tree level above the leaves, and the notes.
//!
//! Writes are buffered by the operating system; what a crash takes is written again from the WAL. Files are opened on
//! demand, and only so many are kept open. Leaves and their hashes are in no file of their own, see `leaves`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use indelible_durable::disk::{Disk, FileRef};
use indelible_event::LEAF_BYTES;
use indelible_tlog::tree::{HASH_LEN, Hash, LEVELS};

use crate::error::StoreError;
use crate::log_no::LogNo;

/// Open files kept; a process may have 1,024 by default.
const MAX_OPEN: usize = 256;

/// Which file of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Flat {
    /// Hashes of a tree level, from 1 on.
    Level(u8),
    /// Signed checkpoints.
    Notes,
}

impl Flat {
    fn name(self) -> String {
        match self {
            Self::Level(level) => format!("L{level}"),
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

    /// Fills `out` with hashes of a level above the leaves, from number `first` on.
    pub(crate) fn hashes(
        &self,
        log: LogNo,
        level: u8,
        first: u64,
        out: &mut [Hash],
    ) -> Result<(), StoreError> {
        let mut bytes = vec![0; out.len() * HASH_LEN];
        self.read(log, Flat::Level(level), first * HASH_LEN as u64, &mut bytes)?;
        let (hashes, _) = bytes.as_chunks::<HASH_LEN>();
        out.iter_mut().zip(hashes).for_each(|(slot, hash)| *slot = Hash::new(*hash));
        Ok(())
    }

    /// Folder that holds the logs' folders.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Collects what one log's flat files gain and writes it in few calls.
#[derive(Debug, Default)]
pub(crate) struct FlatGain {
    leaves: usize,
    levels: [Vec<u8>; LEVELS as usize],
}

impl FlatGain {
    /// Adds one leaf; `stack` moves on.
    pub(crate) fn append(&mut self, stack: &mut indelible_tlog::tree::Stack, leaf: &[u8; LEAF_BYTES]) {
        self.leaves += 1;
        self.append_hash(stack, indelible_tlog::tree::leaf_hash(leaf));
    }

    /// Adds the hash of one leaf; `stack` moves on.
    pub(crate) fn append_hash(&mut self, stack: &mut indelible_tlog::tree::Stack, hash: Hash) {
        let levels = &mut self.levels;
        stack.append(hash, |level, hash| {
            if level > 0
                && let Some(bytes) = levels.get_mut(usize::from(level))
            {
                bytes.extend_from_slice(hash.as_bytes());
            }
        });
    }

    /// Leaves whose hashes wait.
    pub(crate) fn len(&self) -> usize {
        self.leaves
    }

    /// Writes everything behind which the log has `size` leaves, and forgets it.
    ///
    /// A failed write may be repeated: positions follow from the size, not from the files.
    pub(crate) fn write(&mut self, files: &FlatFiles, log: LogNo, size: u64) -> io::Result<()> {
        for (flat, at, bytes) in self.places(size) {
            if !bytes.is_empty() {
                files.write(log, flat, at, bytes)?;
            }
        }
        self.leaves = 0;
        self.levels.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    /// Whether the files hold what was collected, behind which the log has `size` leaves.
    pub(crate) fn is_in(&self, files: &FlatFiles, log: LogNo, size: u64) -> Result<(), StoreError> {
        for (flat, at, bytes) in self.places(size) {
            let mut found = vec![0; bytes.len()];
            if !bytes.is_empty() {
                files.read(log, flat, at, &mut found)?;
            }
            if found != *bytes {
                let what = "a level file does not hold the hashes that the sealed events give";
                return Err(StoreError::corrupt(files.path(log, flat), at, what));
            }
        }
        Ok(())
    }

    /// What was collected for each file, and where it belongs in it.
    fn places(&self, size: u64) -> impl Iterator<Item = (Flat, u64, &Vec<u8>)> {
        (1u8..).zip(self.levels.iter().skip(1)).map(move |(level, bytes)| {
            let end = size.checked_shr(u32::from(level) * 8).unwrap_or(0) * HASH_LEN as u64;
            (Flat::Level(level), end.saturating_sub(bytes.len() as u64), bytes)
        })
    }
}
