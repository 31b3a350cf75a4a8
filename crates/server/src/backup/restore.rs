//! From a backup back to a data folder: all of it, checked, or nothing.

use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;
use indelible_durable::replace;
use indelible_store::fsck::{CheckOptions, check};

use super::archive::{damaged, read};
use super::{BackupError, CATALOGS, DATA, Manifest};

/// Says in a restored folder what it is from, until the next start has recorded it.
pub(super) const MARK: &str = "restored";
/// Bytes written at once.
const PIECE: usize = 256 * 1024;

/// Puts a backup back as a new data folder, and its catalogs, if it holds any, as a new folder. Everything is written beside
/// them first and checked whole: dying before the end leaves nothing under the folders' names.
pub fn restore(
    archive: &Path,
    data: &Path,
    catalogs: Option<&Path>,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest, BackupError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    must_be_empty(&*disk, data)?;
    catalogs.map_or(Ok(()), |folder| must_be_empty(&*disk, folder))?;
    let (new_data, new_catalogs) = (beside(data), catalogs.map(beside));
    for folder in [Some(&new_data), new_catalogs.as_ref()].into_iter().flatten() {
        clear(folder)?;
    }
    let mut take = |name: &str, content: &mut dyn Read| {
        let target = match (name.strip_prefix(DATA), name.strip_prefix(CATALOGS), &new_catalogs) {
            (Some(below), _, _) => inside(&new_data, below),
            (None, Some(below), Some(folder)) => inside(folder, below),
            (None, Some(_), None) => return skip(name, content),
            (None, None, _) => None,
        };
        let target = target.ok_or_else(|| damaged(name, &"its name leads out of the folder"))?;
        write(&*disk, &target, name, content)
    };
    let (manifest, sha256) = read(archive, progress, &mut take)?;
    sound(&disk, &new_data)?;
    let mark = serde_json::json!({ "file_sha256": sha256, "made_at": manifest.made_at });
    replace::write_file(&*disk, &new_data.join(MARK), mark.to_string().as_bytes())
        .map_err(BackupError::io("write", new_data.join(MARK)))?;
    if let (Some(new), Some(folder)) = (&new_catalogs, catalogs)
        && new.is_dir()
    {
        put_in_place(&*disk, new, folder)?;
    }
    put_in_place(&*disk, &new_data, data)?;
    Ok(manifest)
}

fn must_be_empty(disk: &dyn Disk, folder: &Path) -> Result<(), BackupError> {
    match disk.list(folder) {
        Ok(entries) if entries.is_empty() => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(BackupError::NotEmpty(folder.to_path_buf())),
        Err(error) => Err(BackupError::io("look into", folder)(error)),
    }
}

/// Where a folder is made before it gets its name.
fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".restoring");
    PathBuf::from(name)
}

/// Removes what an earlier try left.
fn clear(folder: &Path) -> Result<(), BackupError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(BackupError::io("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// A name of the archive below a folder; `None` when it would lead elsewhere.
fn inside(folder: &Path, below: &str) -> Option<PathBuf> {
    let below = Path::new(below);
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && below.components().next().is_some()).then(|| folder.join(below))
}

fn skip(name: &str, content: &mut dyn Read) -> Result<(), BackupError> {
    let read = std::io::copy(content, &mut std::io::sink());
    read.map(drop).map_err(|error| damaged(name, &error))
}

fn write(disk: &dyn Disk, target: &Path, name: &str, content: &mut dyn Read) -> Result<(), BackupError> {
    let writing = |path: &Path| BackupError::io("write", path.to_path_buf());
    let parent = target.parent().unwrap_or(Path::new("."));
    make_dirs(disk, parent).map_err(writing(parent))?;
    let file = disk.create(target).map_err(writing(target))?;
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    loop {
        let got = content.read(&mut buffer).map_err(|error| damaged(name, &error))?;
        if got == 0 {
            break;
        }
        file.write_all_at(buffer.get(..got).unwrap_or_default(), at).map_err(writing(target))?;
        at += got as u64;
    }
    file.sync_data().map_err(writing(target))
}

fn make_dirs(disk: &dyn Disk, dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_dirs(disk, parent)?;
    }
    disk.make_dir(dir)
}

/// The store's own check, from the bodies up.
fn sound(disk: &Arc<dyn Disk>, dir: &Path) -> Result<(), BackupError> {
    // Folders that held no file are not in the archive.
    for folder in ["wal", "state", "logs", "segments", "spill", "keys"] {
        disk.make_dir(&dir.join(folder)).map_err(BackupError::io("create", dir.join(folder)))?;
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let report = check(disk, dir, &CheckOptions { threads, progress: &|_| {} })?;
    match report.findings.first() {
        Some(finding) => Err(BackupError::Unsound(format!("{}: {}", finding.file.display(), finding.what))),
        None => Ok(()),
    }
}

/// Gives a folder that is complete its name. Dying before leaves it under the other one.
fn put_in_place(disk: &dyn Disk, new: &Path, folder: &Path) -> Result<(), BackupError> {
    sync_all(disk, new).map_err(BackupError::io("sync", new))?;
    // An empty folder may be in the way; rename replaces it.
    disk.rename(new, folder).map_err(BackupError::io("rename to", folder))?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    disk.sync_dir(parent).map_err(BackupError::io("sync", parent))
}

fn sync_all(disk: &dyn Disk, dir: &Path) -> std::io::Result<()> {
    for entry in disk.list(dir)?.into_iter().filter(|entry| entry.is_dir) {
        sync_all(disk, &dir.join(entry.name))?;
    }
    disk.sync_dir(dir)
}
