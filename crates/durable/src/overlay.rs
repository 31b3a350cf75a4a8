//! A disk that is only read: what is written stays in memory and is gone with it. A folder can be opened, recovered and
//! looked at this way without a byte of it changing.
//!
//! The lock is the real one, so nobody writes meanwhile. Blocks of zeros that are written behind the end of a file take
//! no memory; everything else takes what it is long.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustix::fs::FlockOperation;

use crate::disk::{Disk, DiskFile, Entry, FileRef, LockGuard};
use crate::real::RealDisk;

/// Bytes that are kept together: a write of one byte keeps so many.
const PAGE: u64 = 4096;

/// The operating system's disk below, memory above.
#[derive(Debug, Default)]
pub struct OverlayDisk {
    names: Mutex<BTreeMap<PathBuf, Node>>,
}

#[derive(Debug, Clone)]
enum Node {
    File(Arc<OverlayFile>),
    Dir,
    /// Removed here; below it may still exist.
    Gone,
}

impl OverlayDisk {
    /// The node of a name, from below if nothing was done to it yet.
    fn node(&self, path: &Path) -> io::Result<Node> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        match names.get(path) {
            Some(Node::Gone) => return Err(io::ErrorKind::NotFound.into()),
            Some(node) => return Ok(node.clone()),
            None => {}
        }
        if std::fs::metadata(path)?.is_dir() {
            return Ok(Node::Dir);
        }
        let file = Node::File(Arc::new(OverlayFile::above(RealDisk.open_read(path)?)?));
        names.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn file(&self, path: &Path) -> io::Result<FileRef> {
        match self.node(path)? {
            Node::File(file) => Ok(file),
            // A directory can be opened, as `exists` does, and not read.
            Node::Dir | Node::Gone => RealDisk.open_read(path),
        }
    }

    fn put(&self, path: &Path, node: Node) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), node);
    }
}

impl Disk for OverlayDisk {
    fn create(&self, path: &Path) -> io::Result<FileRef> {
        let file = Arc::new(OverlayFile::default());
        self.put(path, Node::File(Arc::clone(&file)));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<FileRef> {
        self.file(path)
    }

    fn open_read(&self, path: &Path) -> io::Result<FileRef> {
        self.file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let below = match RealDisk.list(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && names.contains_key(dir) => Vec::new(),
            listed => listed?,
        };
        let mut entries: BTreeSet<Entry> =
            below.into_iter().filter(|entry| !names.contains_key(&dir.join(&entry.name))).collect();
        for (path, node) in names.iter().filter(|(path, _)| path.parent() == Some(dir)) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let (len, is_dir) = match node {
                Node::File(file) => (file.len()?, false),
                Node::Dir => (0, true),
                Node::Gone => continue,
            };
            entries.insert(Entry { name: name.to_owned(), len, is_dir });
        }
        Ok(entries.into_iter().collect())
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        if !path.is_dir() {
            self.put(path, Node::Dir);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.node(from)?;
        self.put(to, node);
        self.put(from, Node::Gone);
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.node(path)?;
        self.put(path, Node::Gone);
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        match File::open(path) {
            Ok(file) => {
                rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
                Ok(Box::new(OverlayLock(Some(file))))
            }
            // A copy may lack the file; then nobody can hold it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(OverlayLock(None))),
            Err(error) => Err(error),
        }
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
}

#[derive(Debug)]
struct OverlayLock(#[expect(dead_code, reason = "held for its Drop")] Option<File>);

impl LockGuard for OverlayLock {}

#[derive(Debug, Default)]
struct OverlayFile {
    below: Option<FileRef>,
    state: RwLock<Above>,
}

#[derive(Debug, Default)]
struct Above {
    len: u64,
    /// What of the file below still shows, from its beginning.
    below_len: u64,
    /// Whole pages by number.
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl OverlayFile {
    fn above(below: FileRef) -> io::Result<Self> {
        let len = below.len()?;
        let state = RwLock::new(Above { len, below_len: len, pages: BTreeMap::new() });
        Ok(Self { below: Some(below), state })
    }

    /// A page as it reads now; behind everything written it is zeros.
    fn page(&self, above: &Above, number: u64) -> io::Result<Box<[u8]>> {
        if let Some(page) = above.pages.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE as usize].into_boxed_slice();
        let start = number * PAGE;
        let shown = above.below_len.saturating_sub(start).min(PAGE) as usize;
        if let (Some(below), Some(part)) =
            (&self.below, page.get_mut(..shown).filter(|part| !part.is_empty()))
        {
            below.read_exact_at(part, start)?;
        }
        Ok(page)
    }
}

impl DiskFile for OverlayFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let above = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = (above.len.saturating_sub(offset)).min(buf.len() as u64) as usize;
        let Some(buf) = buf.get_mut(..wanted) else { return Ok(0) };
        let end = offset + wanted as u64;
        let untouched = || above.pages.range(offset / PAGE..=end / PAGE).next().is_none();
        if let Some(below) = self.below.as_ref().filter(|_| end <= above.below_len && untouched()) {
            return below.read_at(buf, offset);
        }
        let mut at = offset;
        for part in pieces(buf, offset) {
            let page = self.page(&above, at / PAGE)?;
            let from = (at % PAGE) as usize;
            part.copy_from_slice(page.get(from..from + part.len()).unwrap_or_default());
            at += part.len() as u64;
        }
        Ok(wanted)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut above = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let from = (at % PAGE) as usize;
            let (part, left) = rest.split_at((PAGE as usize - from).min(rest.len()));
            let number = at / PAGE;
            let blank = number * PAGE >= above.below_len && !above.pages.contains_key(&number);
            if !blank || part.iter().any(|byte| *byte != 0) {
                let mut page = self.page(&above, number)?;
                if let Some(place) = page.get_mut(from..from + part.len()) {
                    place.copy_from_slice(part);
                }
                above.pages.insert(number, page);
            }
            at += part.len() as u64;
            rest = left;
        }
        if !bytes.is_empty() {
            above.len = above.len.max(at);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state.read().unwrap_or_else(PoisonError::into_inner).len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut above = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if len < above.len {
            let last = len / PAGE;
            let mut page = self.page(&above, last)?;
            page.iter_mut().skip((len % PAGE) as usize).for_each(|byte| *byte = 0);
            above.below_len = above.below_len.min(last * PAGE);
            above.pages.split_off(&last);
            above.pages.insert(last, page);
        }
        above.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A buffer in parts that do not cross the end of a page.
fn pieces(buf: &mut [u8], offset: u64) -> impl Iterator<Item = &mut [u8]> {
    let first = (PAGE - offset % PAGE).min(buf.len() as u64) as usize;
    let (head, rest) = buf.split_at_mut(first);
    std::iter::once(head).chain(rest.chunks_mut(PAGE as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{exists, read_file};
    use crate::replace::{remove_file, write_file};
    use proptest::prelude::*;

    #[test]
    fn names_change_above_and_stay_below() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["a", "b"] {
            write_file(&RealDisk, &path(name), name.as_bytes()).unwrap();
        }
        let disk = OverlayDisk::default();
        write_file(&disk, &path("a"), b"changed").unwrap();
        disk.make_dir(&path("new")).unwrap();
        write_file(&disk, &path("new/c"), b"c").unwrap();
        remove_file(&disk, &path("b")).unwrap();
        let names =
            |dir: &Path| disk.list(dir).unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>();
        assert_eq!(names(dir.path()), ["a", "new"]);
        assert_eq!(names(&path("new")), ["c"]);
        assert_eq!(read_file(&disk, &path("a"), 99).unwrap(), b"changed");
        assert!(!exists(&disk, &path("b")).unwrap() && exists(&disk, dir.path()).unwrap());
        assert_eq!(disk.list(&path("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 2);
        assert_eq!(read_file(&RealDisk, &path("a"), 99).unwrap(), b"a");
    }

    #[test]
    fn the_lock_is_the_real_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        drop(OverlayDisk::default().lock(&path).unwrap());
        assert!(!path.exists(), "nothing is made");
        let guard = RealDisk.lock(&path).unwrap();
        assert_eq!(OverlayDisk::default().lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(guard);
        let _guard = OverlayDisk::default().lock(&path).unwrap();
        assert_eq!(RealDisk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn a_file_behaves_like_a_real_one(first in prop::collection::vec(any::<u8>(), 0..9000), steps in prop::collection::vec((0_u8..3, 0_u64..12_000, 0_usize..9000, any::<u8>()), 1..12)) {
            let dir = tempfile::tempdir().unwrap();
            let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
            for path in [&ours, &theirs] {
                write_file(&RealDisk, path, &first).unwrap();
            }
            let disk = OverlayDisk::default();
            let (above, real) = (disk.open(&ours).unwrap(), RealDisk.open(&theirs).unwrap());
            for (step, offset, len, byte) in steps {
                // Zeros often, since they are what is not kept.
                let bytes = vec![if byte < 128 { 0 } else { byte }; len];
                for file in [&above, &real] {
                    match step {
                        0 => file.set_len(offset).unwrap(),
                        _ => file.write_all_at(&bytes, offset).unwrap(),
                    }
                }
                prop_assert_eq!(above.len().unwrap(), real.len().unwrap());
                let read = |file: &FileRef, at: u64| {
                    let mut bytes = vec![7; 5000];
                    let mut done = 0;
                    loop {
                        let got = file.read_at(&mut bytes[done..], at + done as u64).unwrap();
                        done += got;
                        if got == 0 {
                            return bytes[..done].to_vec();
                        }
                    }
                };
                for at in [0, 1, offset, offset + len as u64 / 2] {
                    prop_assert_eq!(read(&above, at), read(&real, at));
                }
            }
            prop_assert_eq!(read_file(&RealDisk, &ours, 1 << 20).unwrap(), first);
        }
    }
}
