//! The keys of data subjects: a durable pool made ahead, and who got which (`keys/pool`, `keys/subjects`).
//!
//! A key is durable before it is handed out, and its assignment travels in the WAL block of the first event that uses
//! it. So nothing but the WAL's own sync stands between an event and its answer. The subject itself is kept only as a
//! keyed digest.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{Equivalent, HashMap};
use indelible_durable::disk::{Disk, FileRef, read_file};
use indelible_durable::replace::sync_parent;
use indelible_event::SubjectKey;

use crate::bytes::Take;
use crate::error::{OpenError, StoreError};
use crate::log_no::LogNo;
use crate::secrets::{Keyed, random};

/// One pool entry: id ‖ key ‖ zeros ‖ crc32c.
const ENTRY: usize = 64;
/// Keys made at once; a batch is one write and one sync.
const BATCH: usize = 4096;
/// One assignment: log ‖ digest ‖ pool number ‖ crc32c.
const ASSIGNED: usize = 4 + 16 + 4 + 4;
/// Subjects whose keys are kept ready, per shard; hot subjects return within seconds.
const CACHE_PER_SHARD: usize = 2048;
const SHARDS: usize = 16;

/// A data subject of one log with its key.
#[derive(Debug)]
pub struct Subject {
    pub(crate) log: LogNo,
    pub(crate) digest: [u8; 16],
    pub(crate) pool: u32,
    key: SubjectKey,
    recorded: AtomicBool,
}

impl Subject {
    /// The key to salt personal items with.
    pub fn key(&self) -> &SubjectKey {
        &self.key
    }

    /// True once: for the caller that must write the assignment down.
    pub(crate) fn must_record(&self) -> bool {
        !self.recorded.swap(true, Ordering::Relaxed)
    }
}

/// A subject as the cache knows it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Known(LogNo, Box<str>);

/// The same as it is asked for, without a copy.
#[derive(Hash)]
struct Asked<'a>(LogNo, &'a str);

impl Equivalent<Known> for Asked<'_> {
    fn equivalent(&self, known: &Known) -> bool {
        self.0 == known.0 && *self.1 == *known.1
    }
}

type Cache = HashMap<Known, Arc<Subject>>;

/// All subjects of a node.
#[derive(Debug)]
pub(crate) struct Subjects {
    pool_path: PathBuf,
    pool: FileRef,
    digest: Keyed,
    table: Mutex<Table>,
    cache: Vec<Mutex<Cache>>,
    /// Finds keys by their id, filled as far as it was needed.
    by_id: Mutex<(HashMap<[u8; 16], u32>, u32)>,
}

#[derive(Debug, Default)]
struct Table {
    assigned: HashMap<[u8; 16], u32>,
    /// Entries below this are on the WAL or in the file.
    recorded: u32,
    next: u32,
    made: u32,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyed")
    }
}

impl Subjects {
    /// Opens the pool. Assignments come with [`Subjects::restore`] afterwards.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, digest: Keyed) -> Result<Self, OpenError> {
        let pool_path = dir.join("pool");
        let open = || match disk.open(&pool_path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let file = disk.create(&pool_path)?;
                sync_parent(disk, &pool_path)?;
                Ok(file)
            }
            other => other,
        };
        let pool = open().map_err(OpenError::io("open", &pool_path))?;
        let len = pool.len().map_err(OpenError::io("read", &pool_path))?;
        // A torn batch at the end was never handed out: only whole, valid entries count.
        let mut made = u32::try_from(len / ENTRY as u64).unwrap_or(u32::MAX);
        while made > 0 && read_entry(&pool, made - 1).is_none() {
            made -= 1;
        }
        let table = Mutex::new(Table { made, ..Table::default() });
        let cache = (0..SHARDS).map(|_| Mutex::default()).collect();
        Ok(Self { pool_path, pool, digest, table, cache, by_id: Mutex::default() })
    }

    /// Takes over an assignment found in the file or the WAL.
    pub(crate) fn restore(&self, digest: [u8; 16], pool: u32) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.assigned.insert(digest, pool);
        table.next = table.next.max(pool + 1);
        table.recorded = table.next;
    }

    /// The subject's key, assigned now if it has none.
    pub(crate) fn get(&self, log: LogNo, subject: &str) -> Result<Arc<Subject>, StoreError> {
        let shard = self.cache.get(crc32c::crc32c(subject.as_bytes()) as usize % SHARDS);
        let shard = shard.expect("a remainder below the number of shards");
        let mut cache = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = cache.get(&Asked(log, subject)) {
            return Ok(Arc::clone(found));
        }
        let digest = self.digest.digest(&[&log.0.to_be_bytes(), subject.as_bytes()]);
        let (pool, recorded) = self.assign(digest)?;
        let key_of = self.read(pool)?;
        let found = Arc::new(Subject { log, digest, pool, key: key_of, recorded: AtomicBool::new(recorded) });
        if cache.len() >= CACHE_PER_SHARD {
            cache.clear();
        }
        cache.insert(Known(log, Box::from(subject)), Arc::clone(&found));
        Ok(found)
    }

    /// The key with this id, wherever it was assigned.
    pub(crate) fn by_id(&self, id: &[u8; 16]) -> Option<SubjectKey> {
        let made = self.table.lock().unwrap_or_else(PoisonError::into_inner).next;
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        while by_id.1 < made {
            let number = by_id.1;
            if let Some((id, _)) = read_entry(&self.pool, number) {
                by_id.0.insert(id, number);
            }
            by_id.1 += 1;
        }
        let number = by_id.0.get(id).copied()?;
        drop(by_id);
        self.read(number).ok()
    }

    /// Makes the next batch of keys if fewer than half a batch are left. Called off the intake's way.
    pub(crate) fn refill(&self) -> Result<(), StoreError> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.made - table.next >= BATCH as u32 / 2 {
            return Ok(());
        }
        self.make_batch(&mut table)
    }

    fn assign(&self, digest: [u8; 16]) -> Result<(u32, bool), StoreError> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = table.assigned.get(&digest).copied() {
            return Ok((pool, pool < table.recorded));
        }
        if table.next >= table.made {
            self.make_batch(&mut table)?;
        }
        let pool = table.next;
        table.next += 1;
        table.assigned.insert(digest, pool);
        Ok((pool, false))
    }

    fn make_batch(&self, table: &mut Table) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(BATCH * ENTRY);
        for _ in 0..BATCH {
            let at = bytes.len();
            bytes.extend_from_slice(&random::<48>(&self.pool_path).map_err(|error| no_random(&error))?);
            bytes.extend_from_slice(&[0; 12]);
            let crc = crc32c::crc32c(bytes.get(at..).unwrap_or_default());
            bytes.extend_from_slice(&crc.to_be_bytes());
        }
        let write = || {
            self.pool.write_all_at(&bytes, u64::from(table.made) * ENTRY as u64)?;
            // Dying before this: the batch is torn or absent, and none of its keys was handed out.
            self.pool.sync_data()
        };
        write().map_err(StoreError::io("write", &self.pool_path))?;
        table.made += BATCH as u32;
        Ok(())
    }

    fn read(&self, pool: u32) -> Result<SubjectKey, StoreError> {
        let entry = read_entry(&self.pool, pool);
        let (id, key) = entry.ok_or_else(|| {
            StoreError::corrupt(
                &self.pool_path,
                u64::from(pool) * ENTRY as u64,
                "a subject key does not check",
            )
        })?;
        Ok(SubjectKey::new(id, &key))
    }
}

fn no_random(error: &OpenError) -> StoreError {
    StoreError::Refused { what: "a new subject key", why: error.to_string() }
}

fn read_entry(pool: &FileRef, number: u32) -> Option<([u8; 16], [u8; 32])> {
    let mut entry = [0; ENTRY];
    pool.read_exact_at(&mut entry, u64::from(number) * ENTRY as u64).ok()?;
    decode_entry(&entry)
}

fn decode_entry(entry: &[u8]) -> Option<([u8; 16], [u8; 32])> {
    let (checked, crc) = entry.split_last_chunk::<4>()?;
    let mut take = Take(checked);
    let found = (take.array()?, take.array()?);
    (entry.len() == ENTRY && crc32c::crc32c(checked) == u32::from_be_bytes(*crc)).then_some(found)
}

/// Keys by their id.
pub(crate) type PoolKeys = HashMap<[u8; 16], [u8; 32]>;

/// All keys of a pool by their id, and where entries do not check; changes nothing.
pub(crate) fn read_pool(disk: &dyn Disk, dir: &Path) -> Result<(PoolKeys, Vec<u64>), OpenError> {
    let path = dir.join("pool");
    let bytes = read_file(disk, &path, u64::MAX).map_err(OpenError::io("read", &path))?;
    let mut keys = HashMap::new();
    let mut damaged = Vec::new();
    for (number, entry) in (0u64..).zip(bytes.chunks(ENTRY)) {
        match decode_entry(entry) {
            Some((id, key)) => drop(keys.insert(id, key)),
            None => damaged.push(number * ENTRY as u64),
        }
    }
    Ok((keys, damaged))
}

/// The file of assignments that left the WAL; only appended to, by the sealer.
#[derive(Debug)]
pub(crate) struct SubjectFile {
    path: PathBuf,
    file: FileRef,
}

/// An assignment as the file holds it.
pub(crate) type Assignment = (LogNo, [u8; 16], u32);

impl SubjectFile {
    /// Opens or creates the file.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("subjects");
        let open = || match disk.open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let file = disk.create(&path)?;
                sync_parent(disk, &path)?;
                Ok(file)
            }
            other => other,
        };
        let file = open().map_err(OpenError::io("open", &path))?;
        Ok(Self { path, file })
    }

    /// Opens the file for reading, if it exists.
    pub(crate) fn open_read(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = dir.join("subjects");
        match disk.open_read(&path) {
            Ok(file) => Ok(Some(Self { path, file })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpenError::io("open", path)(error)),
        }
    }

    /// The first `count` assignments; whatever follows them is still in the WAL.
    pub(crate) fn read(&self, disk: &dyn Disk, count: u64) -> Result<Vec<Assignment>, OpenError> {
        let bytes = read_file(disk, &self.path, u64::MAX).map_err(OpenError::io("read", &self.path))?;
        let (entries, _) = bytes.as_chunks::<ASSIGNED>();
        if (entries.len() as u64) < count {
            let what = format!("{} assignments are here, the snapshot counts {count}", entries.len());
            return Err(OpenError::corrupt(&self.path, bytes.len() as u64, what));
        }
        let mut all = Vec::new();
        for (number, entry) in (0..count).zip(entries) {
            let read = decode_assignment(entry).ok_or_else(|| {
                OpenError::corrupt(
                    &self.path,
                    number * ASSIGNED as u64,
                    "the key of a subject does not check",
                )
            })?;
            all.push(read);
        }
        Ok(all)
    }

    /// Writes assignments behind the first `count` and makes them durable.
    pub(crate) fn append(&self, count: u64, assignments: &[Assignment]) -> std::io::Result<()> {
        if assignments.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(assignments.len() * ASSIGNED);
        for (log, digest, pool) in assignments {
            let at = bytes.len();
            bytes.extend_from_slice(&log.0.to_be_bytes());
            bytes.extend_from_slice(digest);
            bytes.extend_from_slice(&pool.to_be_bytes());
            let crc = crc32c::crc32c(bytes.get(at..).unwrap_or_default());
            bytes.extend_from_slice(&crc.to_be_bytes());
        }
        self.file.write_all_at(&bytes, count * ASSIGNED as u64)?;
        self.file.sync_data()
    }
}

fn decode_assignment(entry: &[u8]) -> Option<Assignment> {
    let (checked, crc) = entry.split_last_chunk::<4>()?;
    let mut take = Take(checked);
    let read = (LogNo(take.u32()?), take.array()?, take.u32()?);
    (crc32c::crc32c(checked) == u32::from_be_bytes(*crc)).then_some(read)
}
