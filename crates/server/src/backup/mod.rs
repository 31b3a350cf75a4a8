//! Backups: one file with everything of a node, as of one moment, and the way back.
//!
//! The file is a tar archive packed by zstd, so that it can be read without this program. Its last entry lists every other
//! one with length and SHA-256: an archive without it is not whole, whatever else it holds. A backup holds every secret of
//! the node (signing keys, digests of keys and passphrases) and every event; whoever has it can read all and sign as it.
//!
//! Start reading at `archive.rs`; `online.rs` makes one of a running server, `restore.rs` a folder of one.

mod archive;
mod online;
mod restore;

use std::io::Write;
use std::path::{Path, PathBuf};

pub use archive::{About, FileEntry, LogEntry, MANIFEST, Manifest, verify};
pub(crate) use online::{clean, download, tell_restore};
pub use restore::restore;

use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;
use indelible_store::backup::{LEVELS, PARTS};
use indelible_store::error::OpenError;

/// What of the folder is configuration.
const CONTROL: &str = "control.redb";
/// Entries of the data folder begin so.
const DATA: &str = "data/";
/// Entries of the folder with one's own catalogs begin so.
const CATALOGS: &str = "catalogs/";

/// Why a backup cannot be made, read or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The archive is not what was written.
    #[error("the backup is damaged at {entry}: {why}; use another one")]
    Damaged {
        /// Entry of the archive, or the place behind one.
        entry: String,
        /// What is wrong there.
        why: String,
    },
    /// There is something where the folder should go.
    #[error(
        "{0} exists and is not empty: a backup is restored into a new folder, nothing is ever overwritten"
    )]
    NotEmpty(PathBuf),
    /// The data folder was refused.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store's own check found something.
    #[error("the restored events do not check: {0}; use another backup")]
    Unsound(String),
}

impl BackupError {
    fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// Whether what is stored was changed, rather than something missing or in the way.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Unsound(_))
    }
}

/// A file on its way into an archive.
#[derive(Debug)]
struct Source {
    name: String,
    path: PathBuf,
}

/// Writes a backup of the folder of a stopped server. Its lock is held meanwhile.
pub fn of_folder(
    data: &Path,
    catalogs: Option<&Path>,
    now_ns: i64,
    out: &mut dyn Write,
) -> Result<Manifest, BackupError> {
    let disk = RealDisk;
    if !data.join("VERSION").is_file() {
        return Err(OpenError::Missing { dir: data.to_path_buf() }.into());
    }
    let locked = |_| OpenError::Locked { dir: data.to_path_buf() };
    let _lock = disk.lock(&data.join("LOCK")).map_err(locked)?;
    let sources = sources(data, &data.join(CONTROL), catalogs)?;
    let about = About::of(data, now_ns)?;
    archive::write(&sources, about, out)
}

/// Every file that belongs in a backup, in a fixed order.
fn sources(data: &Path, control: &Path, catalogs: Option<&Path>) -> Result<Vec<Source>, BackupError> {
    let mut sources = Vec::new();
    for part in PARTS.into_iter().chain([LEVELS]) {
        collect(&data.join(part), &format!("{DATA}{part}"), &mut sources)?;
    }
    sources.push(Source { name: format!("{DATA}{CONTROL}"), path: control.to_path_buf() });
    if let Some(folder) = catalogs {
        collect(folder, CATALOGS.trim_end_matches('/'), &mut sources)?;
    }
    Ok(sources)
}

fn collect(path: &Path, name: &str, sources: &mut Vec<Source>) -> Result<(), BackupError> {
    let kind = std::fs::metadata(path).map_err(BackupError::io("read", path))?;
    if kind.is_file() {
        sources.push(Source { name: name.to_owned(), path: path.to_path_buf() });
        return Ok(());
    }
    for entry in RealDisk.list(path).map_err(BackupError::io("list", path))? {
        if !entry.name.ends_with(indelible_durable::replace::TEMPORARY_SUFFIX) {
            collect(&path.join(&entry.name), &format!("{name}/{}", entry.name), sources)?;
        }
    }
    Ok(())
}
