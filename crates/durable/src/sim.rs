//! A disk in memory that loses, tears and refuses on command. For tests only.
//!
//! It keeps, per file, what the device holds and what the page cache shows, and per directory the durable and the
//! visible names. [`SimDisk::crash`] gives the disk a machine would find after a power loss: every write since the last
//! sync survives by 512-byte sectors or not at all, and names survive up to a random point of each directory's history.
//! A plan makes one chosen operation fail: not done, done but reported as an error, or followed by silence (a crash).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile, Entry, FileRef, LockGuard};

/// Unit in which a write may be torn.
pub const SECTOR: usize = 512;

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation is not done and reports an error; a sync leaves its pages clean but not on the device.
    NotDone,
    /// The operation is done and reports an error all the same.
    DoneButError,
    /// The machine stops before the operation; everything after reports an error.
    CrashBefore,
    /// The machine stops right after the operation.
    CrashAfter,
}

/// A disk in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Debug, Default)]
struct World {
    files: BTreeMap<u64, Inode>,
    dirs: BTreeMap<PathBuf, Dir>,
    next_inode: u64,
    operations: u64,
    plan: Option<(u64, Fault)>,
    garble: Option<String>,
    stopped: bool,
    capacity: Option<u64>,
    locks: Vec<PathBuf>,
    trace: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Inode {
    device: Vec<u8>,
    cache: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

#[derive(Debug, Default, Clone)]
struct Dir {
    device: BTreeMap<String, u64>,
    cache: BTreeMap<String, u64>,
    pending: Vec<NameChange>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(String, u64),
    Rename(String, String),
    Remove(String),
}

impl SimDisk {
    /// An empty disk whose directory `root` exists.
    pub fn new(root: &Path) -> Self {
        let disk = Self::default();
        disk.world().dirs.insert(root.to_path_buf(), Dir::default());
        disk
    }

    /// Changing operations so far.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// Names of the changing operations so far, in order.
    pub fn trace(&self) -> Vec<String> {
        self.world().trace.clone()
    }

    /// Makes the operation with this number (counted from 1 over the disk's life) meet `fault`.
    pub fn plan(&self, operation: u64, fault: Fault) {
        self.world().plan = Some((operation, fault));
    }

    /// The next write to a file whose name ends so has one bit flipped, and nobody is told.
    pub fn garble(&self, ending: &str) {
        self.world().garble = Some(ending.to_owned());
    }

    /// Whether a planned crash has happened.
    pub fn stopped(&self) -> bool {
        self.world().stopped
    }

    /// Total bytes that all files may hold together; `None` for no limit. Growing beyond is `StorageFull`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.world().capacity = bytes;
    }

    /// Bytes all files hold now.
    pub fn used(&self) -> u64 {
        self.world().used()
    }

    /// The disk as found after a power loss; `seed` decides what survives of what was never synced.
    pub fn crash(&self, seed: u64) -> SimDisk {
        let mut random = Random(seed ^ 0x9e37_79b9_7f4a_7c15);
        let old = self.world();
        let mut new = World { next_inode: old.next_inode, capacity: old.capacity, ..World::default() };
        for (id, inode) in &old.files {
            let bytes = surviving_bytes(inode, &mut random);
            new.files.insert(*id, Inode { cache: bytes.clone(), device: bytes, pending: Vec::new() });
        }
        for (path, dir) in &old.dirs {
            let names = surviving_names(dir, &mut random);
            new.dirs.insert(path.clone(), Dir { cache: names.clone(), device: names, pending: Vec::new() });
        }
        SimDisk { world: Arc::new(Mutex::new(new)) }
    }

    /// A copy of everything visible now, fully durable: what copying the folder gives.
    pub fn copy(&self) -> SimDisk {
        let old = self.world();
        let mut new = World { next_inode: old.next_inode, ..World::default() };
        for (id, inode) in &old.files {
            let bytes = inode.cache.clone();
            new.files.insert(*id, Inode { cache: bytes.clone(), device: bytes, pending: Vec::new() });
        }
        for (path, dir) in &old.dirs {
            let names = dir.cache.clone();
            new.dirs.insert(path.clone(), Dir { cache: names.clone(), device: names, pending: Vec::new() });
        }
        SimDisk { world: Arc::new(Mutex::new(new)) }
    }

    /// Every file's path, sorted.
    pub fn paths(&self) -> Vec<PathBuf> {
        let world = self.world();
        world
            .dirs
            .iter()
            .flat_map(|(dir, names)| names.cache.keys().map(move |name| dir.join(name)))
            .collect()
    }

    /// Changes a file's bytes behind everybody's back, on the device too.
    pub fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        if let Ok(id) = world.lookup(path)
            && let Some(inode) = world.files.get_mut(&id)
        {
            change(&mut inode.cache);
            inode.device = inode.cache.clone();
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a changing operation, lets the plan interfere, and does it.
    fn change<T>(
        &self,
        name: &str,
        path: &Path,
        act: impl FnOnce(&mut World) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = self.world();
        if world.stopped {
            return Err(io::Error::other("the simulated machine has stopped"));
        }
        world.operations += 1;
        let line = format!("{} {name} {}", world.operations, path.display());
        world.trace.push(line);
        let fault = world.plan.filter(|(at, _)| *at == world.operations).map(|(_, fault)| fault);
        match fault {
            None => act(&mut world),
            Some(Fault::NotDone) => {
                world.forget_pending(name, path);
                Err(io::Error::other("injected: not done"))
            }
            Some(Fault::CrashBefore) => {
                world.stopped = true;
                Err(io::Error::other("injected: crash before"))
            }
            Some(fault) => {
                drop(act(&mut world)?);
                world.stopped = fault == Fault::CrashAfter;
                Err(io::Error::other("injected: done, but an error"))
            }
        }
    }
}

impl World {
    fn used(&self) -> u64 {
        self.files.values().map(|inode| inode.cache.len() as u64).sum()
    }

    fn lookup(&self, path: &Path) -> io::Result<u64> {
        let (dir, name) = split(path)?;
        self.dirs
            .get(dir)
            .and_then(|dir| dir.cache.get(name))
            .copied()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, path.display().to_string()))
    }

    fn dir(&mut self, path: &Path) -> io::Result<&mut Dir> {
        self.dirs
            .get_mut(path)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, path.display().to_string()))
    }

    fn inode(&mut self, id: u64) -> io::Result<&mut Inode> {
        self.files.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn grow_to(&self, id: u64, len: u64) -> io::Result<()> {
        let now = self.files.get(&id).map_or(0, |inode| inode.cache.len() as u64);
        match self.capacity {
            Some(capacity) if len > now && self.used() + (len - now) > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }

    /// The bytes as they reach the file.
    fn as_written(&mut self, path: &Path, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let meant = self.garble.take_if(|ending| path.to_string_lossy().ends_with(ending.as_str())).is_some();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle).filter(|_| meant) {
            *byte ^= 1;
        }
        bytes
    }

    /// A failed sync marks pages clean although the device never got them.
    fn forget_pending(&mut self, name: &str, path: &Path) {
        if name == "sync_data"
            && let Ok(id) = self.lookup(path)
            && let Ok(inode) = self.inode(id)
        {
            inode.pending.clear();
        }
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<FileRef> {
        let id = self.change("create", path, |world| {
            if let Ok(id) = world.lookup(path) {
                let inode = world.inode(id)?;
                inode.cache.clear();
                inode.pending.push(Change::Len(0));
                return Ok(id);
            }
            let (dir, name) = split(path)?;
            world.next_inode += 1;
            let id = world.next_inode;
            let dir = world.dir(dir)?;
            dir.cache.insert(name.to_owned(), id);
            dir.pending.push(NameChange::Set(name.to_owned(), id));
            world.files.insert(id, Inode::default());
            Ok(id)
        })?;
        Ok(Arc::new(SimFile { disk: self.clone(), id, path: path.to_path_buf() }))
    }

    fn open(&self, path: &Path) -> io::Result<FileRef> {
        self.open_read(path)
    }

    fn open_read(&self, path: &Path) -> io::Result<FileRef> {
        let world = self.world();
        if world.dirs.contains_key(path) {
            return Ok(Arc::new(SimFile { disk: self.clone(), id: 0, path: path.to_path_buf() }));
        }
        let id = world.lookup(path)?;
        Ok(Arc::new(SimFile { disk: self.clone(), id, path: path.to_path_buf() }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut world = self.world();
        let names = world.dir(dir)?.cache.clone();
        let mut entries: Vec<Entry> = names
            .into_iter()
            .map(|(name, id)| {
                let len = world.files.get(&id).map_or(0, |inode| inode.cache.len() as u64);
                Entry { name, len, is_dir: false }
            })
            .collect();
        for path in world.dirs.keys().filter(|path| path.parent() == Some(dir)) {
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                entries.push(Entry { name: name.to_owned(), len: 0, is_dir: true });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.change("make_dir", path, |world| {
            world.dirs.entry(path.to_path_buf()).or_default();
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change("rename", to, |world| {
            let id = world.lookup(from)?;
            let ((parent, old), (_, new)) = (split(from)?, split(to)?);
            let dir = world.dir(parent)?;
            dir.cache.remove(old);
            dir.cache.insert(new.to_owned(), id);
            dir.pending.push(NameChange::Rename(old.to_owned(), new.to_owned()));
            Ok(())
        })
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.change("unlink", path, |world| {
            world.lookup(path)?;
            let (parent, name) = split(path)?;
            let dir = world.dir(parent)?;
            dir.cache.remove(name);
            dir.pending.push(NameChange::Remove(name.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change("sync_dir", path, |world| {
            let dir = world.dir(path)?;
            dir.device = dir.cache.clone();
            dir.pending.clear();
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        let mut world = self.world();
        if world.locks.iter().any(|held| held == path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        world.locks.push(path.to_path_buf());
        Ok(Box::new(SimLock { disk: self.clone(), path: path.to_path_buf() }))
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        let world = self.world();
        Ok(world.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(world.used())))
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    id: u64,
    path: PathBuf,
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut world = self.disk.world();
        let inode = world.inode(self.id)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(inode.cache.len());
        let source = inode.cache.get(from..).unwrap_or_default();
        let count = source.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(source) {
            *to = *from;
        }
        Ok(count)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.change("write", &self.path, |world| {
            world.grow_to(self.id, offset + bytes.len() as u64)?;
            let bytes = world.as_written(&self.path, bytes);
            let inode = world.inode(self.id)?;
            apply_write(&mut inode.cache, offset, &bytes);
            inode.pending.push(Change::Write(offset, bytes));
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.world().inode(self.id)?.cache.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.change("set_len", &self.path, |world| {
            world.grow_to(self.id, len)?;
            let inode = world.inode(self.id)?;
            inode.cache.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
            inode.pending.push(Change::Len(len));
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.change("sync_data", &self.path, |world| {
            let inode = world.inode(self.id)?;
            inode.device = inode.cache.clone();
            inode.pending.clear();
            Ok(())
        })
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl LockGuard for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.world().locks.retain(|held| *held != self.path);
    }
}

/// A small generator (splitmix64); seeds are printed by the tests that use it.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound` (which is not 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}

fn split(path: &Path) -> io::Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(parent), Some(name)) => Ok((parent, name)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn apply_write(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let from = usize::try_from(offset).expect("simulated files fit memory");
    if bytes.len() < from + data.len() {
        bytes.resize(from + data.len(), 0);
    }
    for (to, byte) in bytes.iter_mut().skip(from).zip(data) {
        *to = *byte;
    }
}

fn surviving_bytes(inode: &Inode, random: &mut Random) -> Vec<u8> {
    let mut bytes = inode.device.clone();
    for change in &inode.pending {
        let mode = random.below(4);
        match change {
            Change::Len(len) if mode != 0 => bytes.resize(usize::try_from(*len).unwrap_or(0), 0),
            Change::Write(offset, data) if mode != 0 => {
                let mut at = *offset;
                let mut rest = data.as_slice();
                while !rest.is_empty() {
                    let room = SECTOR - usize::try_from(at % SECTOR as u64).unwrap_or(0);
                    let (sector, next) = rest.split_at(room.min(rest.len()));
                    if mode == 1 || random.below(4) != 0 {
                        apply_write(&mut bytes, at, sector);
                    }
                    at += sector.len() as u64;
                    rest = next;
                }
            }
            _ => {}
        }
    }
    bytes
}

fn surviving_names(dir: &Dir, random: &mut Random) -> BTreeMap<String, u64> {
    let mut names = dir.device.clone();
    let keep = random.below(dir.pending.len() as u64 + 1);
    for change in dir.pending.iter().take(usize::try_from(keep).unwrap_or(0)) {
        match change {
            NameChange::Set(name, id) => {
                names.insert(name.clone(), *id);
            }
            NameChange::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
            NameChange::Remove(name) => {
                names.remove(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::read_file;
    use crate::replace::write_file;

    #[test]
    fn a_replaced_file_is_old_or_new_after_a_crash_at_any_operation() {
        let root = Path::new("/d");
        let path = root.join("f");
        for at in 1..=4 {
            for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                for seed in 0..20 {
                    let disk = SimDisk::new(root);
                    write_file(&disk, &path, b"old").unwrap();
                    disk.plan(disk.operations() + at, fault);
                    assert!(write_file(&disk, &path, &[b'n'; 2000]).is_err());
                    let after = read_file(&disk.crash(seed), &path, 4096).unwrap();
                    assert!(after == b"old" || after == [b'n'; 2000], "operation {at} {fault:?} seed {seed}");
                }
            }
        }
    }

    #[test]
    fn unsynced_bytes_may_be_lost_and_synced_ones_never_are() {
        let root = Path::new("/d");
        let mut lost = false;
        for seed in 0..50 {
            let disk = SimDisk::new(root);
            let file = disk.create(&root.join("f")).unwrap();
            file.write_all_at(&[1; 4096], 0).unwrap();
            file.sync_data().unwrap();
            disk.sync_dir(root).unwrap();
            file.write_all_at(&[2; 4096], 4096).unwrap();
            let bytes = read_file(&disk.crash(seed), &root.join("f"), 8192).unwrap();
            assert!(bytes[..4096].iter().all(|byte| *byte == 1));
            lost |= bytes.get(4096..) != Some(&[2; 4096][..]);
        }
        assert!(lost);
    }

    #[test]
    fn a_full_disk_says_so() {
        let disk = SimDisk::new(Path::new("/d"));
        disk.set_capacity(Some(100));
        let file = disk.create(Path::new("/d/f")).unwrap();
        assert_eq!(file.write_all_at(&[0; 101], 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        file.write_all_at(&[0; 100], 0).unwrap();
    }
}
