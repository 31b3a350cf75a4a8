//! Writing blocks: the current file, and the spare one that a thread fills with zeros ahead of need.
//!
//! Space is claimed when a spare is made, so a full disk shows there and not under a request. A file is never used
//! twice: old blocks must never look new.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use indelible_durable::disk::{Disk, FileRef};
use indelible_durable::replace;

use super::block::{FileHeader, HEADER, PAGE};
use crate::error::is_full;

/// Zeros are written in pieces of this size.
const FILL: usize = 1024 * 1024;
/// How long the maker waits before it tries again on a full disk.
const FULL_RETRY: Duration = Duration::from_millis(250);

/// One WAL file. Readers keep it open while they need it, even after its name is gone.
#[derive(Debug)]
pub(crate) struct WalFile {
    pub(crate) path: PathBuf,
    pub(crate) first_seq: u64,
    pub(crate) nonce: u64,
    pub(crate) file: FileRef,
}

/// Name of the file whose first block is `seq`.
pub(crate) fn file_name(seq: u64) -> String {
    format!("{seq:016x}.wal")
}

/// The block a file name stands for.
pub(crate) fn parse_file_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The only writer of the WAL; owned by the commit thread.
#[derive(Debug)]
pub(crate) struct WalWriter {
    pub(crate) current: Arc<WalFile>,
    /// Where the next block goes.
    pub(crate) at: u64,
    pub(crate) file_bytes: u64,
    pub(crate) node: [u8; 16],
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
}

impl WalWriter {
    /// Bytes of records that still fit the current file.
    pub(crate) fn room(&self) -> u64 {
        self.file_bytes.saturating_sub(self.at + HEADER as u64)
    }

    /// Bytes of records that fit a fresh file.
    pub(crate) fn fresh_room(&self) -> u64 {
        self.file_bytes - (PAGE + HEADER) as u64
    }

    /// Writes one block and makes it durable. Only after this returns may anybody be answered.
    pub(crate) fn write(&mut self, block: &[u8]) -> io::Result<u64> {
        let at = self.at;
        self.current.file.write_all_at(block, at)?;
        // Dying here: nobody was told. The block may be whole, torn or absent; recovery keeps it or drops it.
        self.current.file.sync_data()?;
        self.at += block.len() as u64;
        Ok(at)
    }

    /// Goes on in the spare file, whose first block will be `seq`.
    pub(crate) fn roll(&mut self, spare: SpareFile, seq: u64, nonce: u64) -> io::Result<()> {
        let file = start_file(
            &*self.disk,
            &self.dir,
            spare,
            &FileHeader { node: self.node, first_seq: seq, nonce },
        )?;
        self.current = Arc::new(file);
        self.at = PAGE as u64;
        Ok(())
    }
}

/// Gives a zero-filled file its header and its name.
pub(crate) fn start_file(
    disk: &dyn Disk,
    dir: &Path,
    spare: SpareFile,
    header: &FileHeader,
) -> io::Result<WalFile> {
    let path = dir.join(file_name(header.first_seq));
    spare.file.write_all_at(&header.encode(), 0)?;
    // Dying before the rename leaves a temporary file; after it, a file without blocks behind a complete one.
    spare.file.sync_data()?;
    disk.rename(&spare.path, &path)?;
    disk.sync_dir(dir)?;
    Ok(WalFile { path, first_seq: header.first_seq, nonce: header.nonce, file: spare.file })
}

/// A zero-filled file under a temporary name of its own: the one before may still wait for its final name.
#[derive(Debug)]
pub(crate) struct SpareFile {
    file: FileRef,
    path: PathBuf,
}

/// Makes the zero-filled file, durable but under a temporary name, which recovery removes like every other.
pub(crate) fn make_spare(disk: &dyn Disk, dir: &Path, bytes: u64, number: u64) -> io::Result<SpareFile> {
    let path = dir.join(format!("spare-{number}.tmp"));
    let file = disk.create(&path)?;
    let zeros = vec![0; FILL.min(usize::try_from(bytes).unwrap_or(FILL))];
    let mut at = 0;
    while at < bytes {
        let piece =
            zeros.get(..usize::try_from(bytes - at).unwrap_or(FILL).min(zeros.len())).unwrap_or(&zeros);
        if let Err(error) = file.write_all_at(piece, at) {
            if is_full(&error) {
                // Give back what was claimed: others on the volume may need it to make room.
                disk.unlink(&path)?;
            }
            return Err(error);
        }
        at += piece.len() as u64;
    }
    file.sync_data()?;
    Ok(SpareFile { file, path })
}

/// Rewrites a WAL file, everything from `end` on as zeros, under a temporary name and puts it in its place.
///
/// After a failed sync the page cache may show what the disk lacks; only bytes written again and synced are trusted.
pub(crate) fn rewrite(disk: &dyn Disk, file: &WalFile, end: u64, bytes: u64) -> io::Result<WalFile> {
    let copy = disk.create(&replace::temporary(&file.path))?;
    let mut buffer = vec![0; FILL];
    let mut at = 0;
    while at < bytes {
        let len = usize::try_from((bytes - at).min(FILL as u64)).unwrap_or(FILL);
        let kept = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(len);
        let piece = buffer.get_mut(..len).unwrap_or_default();
        piece.fill(0);
        file.file.read_exact_at(piece.get_mut(..kept).unwrap_or_default(), at)?;
        copy.write_all_at(piece, at)?;
        at += len as u64;
    }
    replace::commit_file(disk, &copy, &file.path)?;
    Ok(WalFile { path: file.path.clone(), first_seq: file.first_seq, nonce: file.nonce, file: copy })
}

/// The hand-over between the commit thread and the thread that fills files.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    state: Mutex<SpareState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct SpareState {
    ready: Option<SpareFile>,
    full: bool,
    failed: bool,
    stopping: bool,
}

/// What the commit thread finds when it asks for a spare.
#[derive(Debug)]
pub(crate) enum Spare {
    /// A zero-filled, durable file.
    Ready(SpareFile),
    /// The disk has no room for one.
    Full,
    /// The disk failed or the store is stopping.
    Gone,
}

impl Spares {
    /// Waits until a spare is ready or cannot be had, and takes it.
    pub(crate) fn take(&self) -> Spare {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(file) = state.ready.take() {
                self.changed.notify_all();
                return Spare::Ready(file);
            }
            if state.failed || state.stopping {
                return Spare::Gone;
            }
            if state.full {
                return Spare::Full;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until it is known whether there is a next file, and says so.
    pub(crate) fn have_next(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown =
            |state: &mut SpareState| state.ready.is_none() && !state.full && !state.failed && !state.stopping;
        let state = self.changed.wait_while(state, unknown).unwrap_or_else(PoisonError::into_inner);
        state.ready.is_some()
    }

    /// Ends the maker.
    pub(crate) fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopping = true;
        self.changed.notify_all();
    }

    /// The maker's loop: keeps one spare ready until it is stopped. An error other than a full disk ends it.
    pub(crate) fn run(&self, disk: &dyn Disk, dir: &Path, bytes: u64) -> io::Result<()> {
        let mut number = 0;
        while self.wait_for_need() {
            number += 1;
            let made = make_spare(disk, dir, bytes, number);
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match made {
                Ok(file) => {
                    state.ready = Some(file);
                    state.full = false;
                }
                Err(error) if is_full(&error) => {
                    state.full = true;
                    self.changed.notify_all();
                    let waited = self.changed.wait_timeout(state, FULL_RETRY);
                    drop(waited.unwrap_or_else(PoisonError::into_inner));
                    continue;
                }
                Err(error) => {
                    state.failed = true;
                    self.changed.notify_all();
                    return Err(error);
                }
            }
            self.changed.notify_all();
        }
        Ok(())
    }

    fn wait_for_need(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.ready.is_some() && !state.stopping {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopping
    }
}
