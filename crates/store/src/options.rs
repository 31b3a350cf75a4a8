//! What a store is opened with: clocks, disk, thresholds. Every number is a limit with its reason.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indelible_durable::clock::Clock;
use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;

/// Told once, with a sentence, when the disk failed and the process must end.
pub type FatalHook = Arc<dyn Fn(&str) + Send + Sync>;

/// Settings of a store. [`Options::default`] is what a server uses.
#[derive(Clone)]
pub struct Options {
    /// Wall time and the time that never steps.
    pub clock: Clock,
    /// Where files live.
    pub disk: Arc<dyn Disk>,
    /// Folder of the anchor file, outside the data folder; `None` goes without, and then an older copy of the whole
    /// folder is not noticed.
    pub anchor_dir: Option<PathBuf>,
    /// Refuse to found a new store in an empty folder.
    pub must_exist: bool,
    /// Called when the disk failed; the default ends the process. Whatever it does, the store stays closed.
    pub on_fatal: FatalHook,
    /// Length of a WAL file. 64 MiB: four largest blocks, and two files fit the smallest volumes in use.
    pub wal_file_bytes: u64,
    /// Longest time between a commit and the head that covers it, with room below the promised second.
    pub head_interval: Duration,
    /// Seal when this many events wait, more in one go when sealing is behind: a search looks at each event that is not sealed,
    /// which takes it 0.8 µs; sealing costs the same for each event from some thousand on,
    pub seal_events: u64,
    /// or this many bytes of WAL,
    pub seal_bytes: u64,
    /// or the oldest waited this long.
    pub seal_after: Duration,
    /// or at least this many wait
    pub quiet_events: u64,
    /// and none came for this long: what a burst left behind is answered by columns soon.
    pub seal_quiet: Duration,
    /// Seals that may be outstanding before commits wait.
    pub seal_pending: u64,
    /// A log with at least this many events in a seal gets a segment of its own, others share a spill segment.
    pub own_segment_events: u64,
    /// Merge so many neighbouring segments into one, or fewer where that many reach a limit. With eight a search opens some
    /// fifteen files beside the large ones, and an event is written again once to five times.
    pub merge_files: usize,
    /// Most events of a merged segment: what compresses as well as more would (20.8 bytes each; 23.5 in a seal), and is merged
    /// in seconds and in two hundred megabytes of memory beside the events' own hundred.
    pub merge_events: u64,
    /// Most bytes of what is merged: what a merge needs beside the data, and what one damaged file can cost.
    pub merge_bytes: u64,
    /// Bytes of requests that may wait for their commit. Memory, mostly.
    pub queue_bytes: usize,
    /// Idempotency keys kept in memory once their events are sealed; older ones are looked up.
    pub keys_in_memory: usize,
    /// Compression of segments; 1 is the fastest that pays.
    pub zstd_level: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            disk: Arc::new(RealDisk),
            anchor_dir: None,
            must_exist: false,
            on_fatal: Arc::new(|why| {
                tracing::error!("{why}");
                std::process::abort();
            }),
            wal_file_bytes: 64 * 1024 * 1024,
            head_interval: Duration::from_millis(250),
            seal_events: 16 * 1024,
            seal_bytes: 64 * 1024 * 1024,
            seal_after: Duration::from_mins(5),
            quiet_events: 1024,
            seal_quiet: Duration::from_secs(2),
            seal_pending: 2,
            own_segment_events: 8 * 1024,
            merge_files: 8,
            merge_events: 128 * 1024,
            merge_bytes: 64 * 1024 * 1024,
            queue_bytes: 48 * 1024 * 1024,
            keys_in_memory: 1_000_000,
            zstd_level: 1,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("disk", &self.disk)
            .field("anchor_dir", &self.anchor_dir)
            .field("must_exist", &self.must_exist)
            .field("wal_file_bytes", &self.wal_file_bytes)
            .field("seal_events", &self.seal_events)
            .finish_non_exhaustive()
    }
}
