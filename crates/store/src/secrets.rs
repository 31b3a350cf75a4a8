//! The node's secret keys and the seeds of its runs (`keys/node`, `keys/runs`).
//!
//! Digests under the node key keep idempotency keys and subjects from being a list of guessable values. Ids and salts
//! of events are made from a counter and a seed per run, so that a segment stores almost nothing for them.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use indelible_durable::disk::{Disk, read_file};
use indelible_durable::replace::{sync_parent, write_file};
use indelible_event::{EventId, MacKey};
use indelible_segment::id::IdCipher;

use crate::bytes::Take;
use crate::error::OpenError;

const MAGIC: &[u8; 4] = b"EVK1";
const NODE_FILE: u64 = 4 + 32 + 32 + 16 + 4;
const RUN: usize = 4 + 32 + 8 + 4;
/// Most runs read; a start every minute for thirty years.
const MAX_RUNS_BYTES: u64 = 16_000_000 * RUN as u64;

/// A keyed digest with its key's state prepared.
#[derive(Clone)]
pub(crate) struct Keyed(MacKey);

impl Keyed {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(MacKey::new(key))
    }

    /// First 16 bytes of the HMAC over all parts in their order.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> [u8; 16] {
        let hash = match parts {
            [whole] => self.0.mac(whole),
            parts => self.0.mac(&parts.concat()),
        };
        let (head, _) = hash.split_first_chunk::<16>().expect("32 bytes hold 16");
        *head
    }
}

/// All secrets but the signing keys and the subjects' keys.
pub(crate) struct Secrets {
    pub(crate) digest: Keyed,
    pub(crate) subject: Keyed,
    pub(crate) ids: IdCipher,
    /// Number of this run.
    run: u32,
    seed: Keyed,
    seeds: HashMap<u32, [u8; 32]>,
    counter: AtomicU64,
}

impl Secrets {
    /// Reads the node's keys and begins a run.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path, now_ns: u64) -> Result<Self, OpenError> {
        let path = dir.join("node");
        let bytes = read_file(disk, &path, NODE_FILE).map_err(OpenError::io("read", &path))?;
        let keys = decode_node(&bytes)
            .ok_or_else(|| OpenError::corrupt(&path, 0, "the node's keys do not check"))?;
        let mut seeds = read_runs(disk, &dir.join("runs"))?;
        let run = seeds.keys().max().map_or(0, |last| last + 1);
        let seed = begin_run(disk, &dir.join("runs"), seeds.len(), run, now_ns)?;
        seeds.insert(run, seed);
        Ok(Self {
            digest: Keyed::new(&keys.0),
            subject: Keyed::new(&keys.1),
            ids: IdCipher::new(keys.2),
            run,
            seed: Keyed::new(&seed),
            seeds,
            counter: AtomicU64::new(0),
        })
    }

    /// A new id, unique on this node: time, and a permuted counter.
    pub(crate) fn new_event_id(&self, now_ms: u64) -> EventId {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        EventId::from_parts(now_ms, self.ids.seal(self.run, counter))
    }

    /// The salt of an event's own items. Defined for ids of any run whose seed still exists.
    pub(crate) fn event_salt(&self, id: EventId) -> [u8; 16] {
        self.seed.digest(&[&id.0])
    }

    /// The seed of a run.
    pub(crate) fn seed(&self, run: u32) -> Option<[u8; 32]> {
        self.seeds.get(&run).copied()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("run", &self.run).finish_non_exhaustive()
    }
}

/// What does not hold in `keys/node` and `keys/runs`; changes nothing.
pub(crate) fn check(disk: &dyn Disk, dir: &Path) -> Vec<OpenError> {
    let path = dir.join("node");
    let node = match read_file(disk, &path, NODE_FILE) {
        Ok(bytes) if decode_node(&bytes).is_some() => None,
        Ok(_) => Some(OpenError::corrupt(&path, 0, "the node's keys do not check")),
        Err(error) => Some(OpenError::io("read", &path)(error)),
    };
    let runs_path = dir.join("runs");
    let runs = match read_file(disk, &runs_path, MAX_RUNS_BYTES) {
        Ok(bytes) => bytes.chunks(RUN).position(|record| decode_run(record).is_none()).map(|number| {
            OpenError::corrupt(&runs_path, (number * RUN) as u64, "the seed of a run does not check")
        }),
        Err(error) => Some(OpenError::io("read", &runs_path)(error)),
    };
    node.into_iter().chain(runs).collect()
}

/// Makes the node's keys when a store is founded.
pub(crate) fn create(disk: &dyn Disk, dir: &Path) -> Result<(), OpenError> {
    let path = dir.join("node");
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&random::<80>(&path)?);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
    write_file(disk, &path, &bytes).map_err(OpenError::io("write", &path))
}

/// `N` bytes from the operating system.
pub(crate) fn random<const N: usize>(what: &Path) -> Result<[u8; N], OpenError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        OpenError::io("get random bytes for", what)(std::io::Error::other(error.to_string()))
    })?;
    Ok(bytes)
}

fn decode_node(bytes: &[u8]) -> Option<([u8; 32], [u8; 32], [u8; 16])> {
    let (checked, crc) = bytes.split_last_chunk::<4>()?;
    let mut take = Take(checked);
    if take.array::<4>()? != *MAGIC || crc32c::crc32c(checked) != u32::from_be_bytes(*crc) {
        return None;
    }
    let keys = (take.array()?, take.array()?, take.array()?);
    take.is_empty().then_some(keys)
}

fn read_runs(disk: &dyn Disk, path: &Path) -> Result<HashMap<u32, [u8; 32]>, OpenError> {
    let bytes = match read_file(disk, path, MAX_RUNS_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(OpenError::io("read", path)(error)),
    };
    let mut seeds = HashMap::new();
    for (number, record) in bytes.chunks(RUN).enumerate() {
        match decode_run(record) {
            Some((run, seed)) => {
                seeds.insert(run, seed);
            }
            // A run whose record is torn never began: its seed was used for nothing.
            None if (number + 1) * RUN >= bytes.len() => {}
            None => {
                return Err(OpenError::corrupt(
                    path,
                    (number * RUN) as u64,
                    "the seed of a run does not check",
                ));
            }
        }
    }
    Ok(seeds)
}

fn decode_run(record: &[u8]) -> Option<(u32, [u8; 32])> {
    let (checked, crc) = record.split_last_chunk::<4>()?;
    let mut take = Take(checked);
    let run = (take.u32()?, take.array()?);
    (record.len() == RUN && crc32c::crc32c(checked) == u32::from_be_bytes(*crc)).then_some(run)
}

fn begin_run(
    disk: &dyn Disk,
    path: &Path,
    before: usize,
    run: u32,
    now_ns: u64,
) -> Result<[u8; 32], OpenError> {
    let seed: [u8; 32] = random(path)?;
    let mut record = run.to_be_bytes().to_vec();
    record.extend_from_slice(&seed);
    record.extend_from_slice(&now_ns.to_be_bytes());
    record.extend_from_slice(&crc32c::crc32c(&record).to_be_bytes());
    let write = || {
        let file = match disk.open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => disk.create(path)?,
            other => other?,
        };
        file.write_all_at(&record, (before * RUN) as u64)?;
        // Dying before this leaves a torn record, which the next run overwrites; no id was made under it.
        file.sync_data()?;
        sync_parent(disk, path)
    };
    write().map_err(OpenError::io("write", path))?;
    Ok(seed)
}
