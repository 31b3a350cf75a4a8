//! The decision to replace segments, as one small file: once it has its name, the new segments count, before it the old.
//!
//! It exists only while a merge is being put in place. Whoever finds it at start goes on where the last process ended.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::path::{Component, Path, PathBuf};

use indelible_durable::disk::{Disk, exists, read_file};
use indelible_durable::replace;

use crate::error::OpenError;
use crate::sealed::Segment;

/// Its first line.
const HEAD: &str = "indelible merge 1";
/// Sixty-four sources, and as many outputs as logs may share a spill segment, stay below this.
const MAX_JOURNAL: u64 = 64 * 1024 * 1024;

/// Which files a merge replaces, and by which; paths are relative to the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Journal {
    pub(crate) sources: Vec<PathBuf>,
    pub(crate) outputs: Vec<PathBuf>,
}

/// Where it lies.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("state/merge")
}

impl Journal {
    fn encode(&self) -> Vec<u8> {
        let mut text = format!("{HEAD}\n");
        for (word, paths) in [("new", &self.outputs), ("old", &self.sources)] {
            for path in paths {
                writeln!(text, "{word} {}", path.display()).expect("a String takes all");
            }
        }
        let crc = crc32c::crc32c(text.as_bytes());
        writeln!(text, "check {crc:08x}").expect("a String takes all");
        text.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (body, check) = text.strip_suffix('\n')?.rsplit_once("\ncheck ")?;
        let body = format!("{body}\n");
        if u32::from_str_radix(check, 16).ok()? != crc32c::crc32c(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        lines.next().filter(|head| *head == HEAD)?;
        let mut journal = Self::default();
        for line in lines {
            let (word, path) = line.split_once(' ')?;
            let path = PathBuf::from(path);
            let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            match word {
                "new" if inside => journal.outputs.push(path),
                "old" if inside => journal.sources.push(path),
                _ => return None,
            }
        }
        Some(journal)
    }

    /// Decides for the new segments, which lie synced under temporary names.
    pub(crate) fn write(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        replace::write_file(disk, &path(dir), &self.encode())
    }

    /// A decision that was not carried out to its end, if there is one.
    pub(crate) fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = path(dir);
        match read_file(disk, &path, MAX_JOURNAL) {
            Ok(bytes) => match Self::decode(&bytes) {
                Some(journal) => Ok(Some(journal)),
                None => Err(OpenError::corrupt(path, 0, "the record of a merge does not check")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpenError::io("read", path)(error)),
        }
    }

    /// Gives the new segments their names. Done again it does nothing more.
    pub(crate) fn name_outputs(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        for output in &self.outputs {
            let path = dir.join(output);
            let temporary = replace::temporary(&path);
            if exists(disk, &temporary)? {
                disk.rename(&temporary, &path)?;
            }
        }
        sync_folders(disk, dir, &self.outputs)
    }

    /// Removes the old segments, then the decision. Done again it does nothing more.
    pub(crate) fn remove_sources(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        remove(&self.sources, disk, dir)
    }

    /// Those that do not count, of all segments that are there: the new ones as long as all old ones are there.
    pub(crate) fn shadowed(&self, dir: &Path, paths: &[PathBuf]) -> BTreeSet<PathBuf> {
        let there = |file: &PathBuf| paths.contains(&dir.join(file));
        let undecided = self.sources.iter().all(there);
        let files = if undecided { &self.outputs } else { &self.sources };
        files.iter().map(|file| dir.join(file)).collect()
    }

    /// Carries a decision out that an earlier process took. New segments that do not check give way to the old ones, if all of
    /// those are there.
    pub(crate) fn finish(&self, disk: &dyn Disk, dir: &Path) -> Result<(), OpenError> {
        let io = || OpenError::io("finish a merge of segments in", dir);
        self.name_outputs(disk, dir).map_err(io())?;
        let sound = self.outputs.iter().try_for_each(|output| verify(disk, &dir.join(output)));
        let Err(damage) = sound else {
            return self.remove_sources(disk, dir).map_err(io());
        };
        for source in &self.sources {
            if !exists(disk, &dir.join(source)).map_err(io())? {
                // Too late to go back: reading names the damage.
                tracing::error!("{damage}");
                return self.remove_sources(disk, dir).map_err(io());
            }
        }
        tracing::error!("{damage}; the segments that it was merged from are kept");
        remove(&self.outputs, disk, dir).map_err(io())
    }
}

/// Removes files, then the decision.
fn remove(files: &[PathBuf], disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    for file in files {
        let file = dir.join(file);
        if exists(disk, &file)? {
            disk.unlink(&file)?;
        }
    }
    sync_folders(disk, dir, files)?;
    replace::remove_file(disk, &path(dir))
}

fn verify(disk: &dyn Disk, path: &Path) -> Result<(), OpenError> {
    let segment = Segment::open(disk, path.to_path_buf())?;
    let read = |at: u64, buf: &mut [u8]| segment.file.read_exact_at(buf, at);
    Ok(segment.index.verify(&read).map_err(crate::sealed::damage(path))?)
}

/// Makes the names in the folders of these files durable.
pub(crate) fn sync_folders(disk: &dyn Disk, dir: &Path, files: &[PathBuf]) -> io::Result<()> {
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| dir.join(file).parent().map(Path::to_path_buf)).collect();
    folders.iter().try_for_each(|folder| disk.sync_dir(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_reads_back_and_an_altered_one_does_not() {
        let journal = Journal {
            sources: vec!["spill/a.0.seg".into(), "spill/b.0.seg".into()],
            outputs: vec!["segments/00000001/c.1.seg".into()],
        };
        let bytes = journal.encode();
        assert_eq!(Journal::decode(&bytes), Some(journal));
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(Journal::decode(&other), None, "byte {at}");
        }
        let outside = Journal { sources: vec!["../x".into()], outputs: Vec::new() };
        assert_eq!(Journal::decode(&outside.encode()), None);
    }
}
