//! Damage, older copies and strangers: every file kind, what fsck says of it, and what opening refuses.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout, reason = "tests may")]

mod harness;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use harness::{TestClock, append, check_log, fill, options, spec};
use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;
use indelible_durable::sim::{Random, SimDisk};
use indelible_store::append::Append;
use indelible_store::error::{AppendError, OpenError};
use indelible_store::fsck::{CheckOptions, Report, check};
use indelible_store::options::Options;
use indelible_store::rollback::declare;
use indelible_store::store::{LogSpec, Store};

const DIR: &str = "/data";

fn report(disk: &SimDisk) -> Result<Report, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    check(&disk, Path::new(DIR), &CheckOptions { threads: 2, progress: &|_| () })
}

/// A closed store with sealed and fresh events, own and shared segments, keys, numbers, notes and a cursor.
fn sample(clock: &TestClock) -> SimDisk {
    let disk = SimDisk::new(Path::new("/"));
    let store = harness::open(Path::new(DIR), sample_options(&disk, clock));
    let big = store.create_log(&spec("big")).unwrap();
    let small = store.create_log(&spec("small")).unwrap();
    let producer = store.producer(big, "agent", "1").unwrap();
    for seq in [1u64, 2, 4] {
        let key = Some(store.digest(&[&seq.to_be_bytes()]));
        let numbered =
            Append { producer: Some(Arc::clone(&producer)), sequence: seq, key, ..append(&store, big, seq) };
        harness::store_one(&store, numbered);
    }
    fill(&store, big, 100, 300);
    fill(&store, small, 0, 3);
    store.set_cursor(big, "reader", 3).unwrap();
    assert!(store.seal_now());
    clock.advance(Duration::from_secs(30));
    fill(&store, big, 400, 10);
    fill(&store, small, 3, 2);
    store.shutdown();
    disk
}

fn sample_options(disk: &SimDisk, clock: &TestClock) -> Options {
    let anchor_dir = Some(PathBuf::from("/anchor"));
    Options { anchor_dir, ..options(Arc::new(disk.clone()), clock).0 }
}

#[test]
fn a_sound_store_gives_no_finding_and_the_same_root() {
    let clock = TestClock::default();
    let disk = sample(&clock);
    let report = report(&disk).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.events, 318);
    let big = &report.logs[0];
    assert_eq!((big.events, big.head_size, big.intact), (313, 313, true));
    assert_eq!(big.producers[0].gaps, [(3, 3)]);
    assert!(big.checkpoints >= 3);
    let store = harness::open(Path::new(DIR), sample_options(&disk, &clock));
    assert_eq!(Some(store.head(big.no).unwrap().root), big.root);
    check_log(&store, big.no);
}

#[test]
fn a_running_store_can_be_checked() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let store = harness::open(dir.path(), options(Arc::new(RealDisk), &clock).0);
    let log = store.create_log(&spec("a")).unwrap();
    fill(&store, log, 0, 100);
    store.seal_now();
    fill(&store, log, 100, 20);
    store.wait_published(log, 120, Duration::from_secs(10)).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let report = check(&disk, dir.path(), &CheckOptions { threads: 1, progress: &|_| () }).unwrap();
    assert_eq!((report.findings, report.live, report.events), (vec![], true, 120));
    check_log(&store, log);
}

/// Bits to flip in a file: all of a small one's bytes, and a sample of a large one's, always where something is.
fn positions(path: &Path, bytes: &[u8], random: &mut Random) -> Vec<usize> {
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let wal = path.extension().is_some_and(|extension| extension == "wal");
    if used.is_empty() || (wal && used.len() < 100) {
        return Vec::new();
    }
    let count = 12;
    let pick = |random: &mut Random| used[usize::try_from(random.below(used.len() as u64)).unwrap()];
    (0..count).map(|_| pick(random)).collect()
}

#[test]
fn a_flipped_bit_in_any_file_is_found_with_its_place() {
    let sound = sample(&TestClock::default());
    let seed = std::env::var("STORE_DAMAGE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut kinds = std::collections::BTreeSet::new();
    for path in sound.paths() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The lock is empty, a spare file holds zeros, and the anchor lies outside what fsck reads.
        if name == "LOCK" || name.starts_with("spare") || path.starts_with("/anchor") {
            continue;
        }
        let bytes = indelible_durable::disk::read_file(&sound, &path, u64::MAX).unwrap();
        for at in positions(&path, &bytes, &mut random) {
            let bit = random.below(8);
            let disk = sound.copy();
            disk.tamper(&path, |bytes| bytes[at] ^= 1 << bit);
            let what = format!("bit {bit} of byte {at} of {} ({} bytes)", path.display(), bytes.len());
            match report(&disk) {
                Ok(report) => {
                    let named = report.findings.iter().find(|finding| finding.file == path);
                    let named = named
                        .or_else(|| report.findings.first())
                        .unwrap_or_else(|| panic!("not found: {what}"));
                    let exact = named.file == path || name == "node.id";
                    assert!(exact, "{what}: found as {named:?}");
                    assert!(
                        named.offset <= at as u64 || name == "node.id",
                        "{what}: found behind its place: {named:?}"
                    );
                }
                Err(error) => println!("{what}: {error}"),
            }
            kinds.insert(path.extension().map_or(name.clone(), |e| e.to_string_lossy().into_owned()));
        }
    }
    println!("{kinds:?}");
    for kind in ["wal", "snap", "seg", "a", "b", "L1", "notes", "meta", "key", "node", "runs", "pool"] {
        assert!(kinds.contains(kind), "no {kind} file was damaged");
    }
}

/// Sizes of the logs of a folder, each read whole.
fn sizes(disk: &SimDisk) -> Vec<u64> {
    let store = harness::open(Path::new(DIR), sample_options(disk, &TestClock::default()));
    let logs: Vec<_> = store.logs().iter().map(|log| log.no).collect();
    for log in &logs {
        check_log(&store, *log);
    }
    logs.iter().map(|log| store.size(*log).unwrap()).collect()
}

#[test]
fn an_absent_or_short_file_is_found_or_refused() {
    let sound = sample(&TestClock::default());
    for path in sound.paths() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "LOCK" || name.starts_with("spare") || path.starts_with("/anchor") {
            continue;
        }
        let absent = sound.copy();
        absent.unlink(&path).unwrap();
        let unnoticed = matches!(report(&absent).map(|report| report.findings.len()), Ok(0));
        if unnoticed && path.extension().is_some_and(|extension| extension == "snap") {
            // Until its WAL is released a snapshot is not needed: everything is there without it.
            assert_eq!(sizes(&absent), sizes(&sound.copy()), "absent {}", path.display());
        } else {
            assert!(!unnoticed, "absent {}", path.display());
        }
        let len = indelible_durable::disk::read_file(&sound, &path, u64::MAX).unwrap().len();
        // Keys at the end of the pool were never used; losing them loses nothing.
        if len > 1 && name != "pool" {
            let short = sound.copy();
            // Cut between two notes, the file is as after a crash, which may lose the last ones.
            let left = if name == "notes" { len - 5 } else { len / 2 };
            short.tamper(&path, |bytes| bytes.truncate(left));
            let found = report(&short).map(|report| report.findings.len());
            assert!(!matches!(found, Ok(0)), "short {}", path.display());
        }
    }
}

#[test]
fn a_damaged_segment_takes_its_events_away_and_nothing_else() {
    let clock = TestClock::default();
    let sound = sample(&clock);
    let first = |folder: &str| {
        let mut paths = sound.paths().into_iter().filter(|path| path.starts_with(folder));
        paths.find(|path| path.extension().is_some_and(|kind| kind == "seg")).unwrap()
    };
    // One of its own, one shared; how many there are depends on how soon the sealer looks again.
    let segments = [first("/data/segments"), first("/data/spill")];
    for path in &segments {
        let len = indelible_durable::disk::read_file(&sound, path, u64::MAX).unwrap().len();
        // Header, a block, table, footer.
        for at in [10, 80, len - 75, len - 5] {
            let disk = sound.copy();
            disk.tamper(path, |bytes| bytes[at] ^= 2);
            let what = format!("byte {at} of {}", path.display());
            let store = Store::open(Path::new(DIR), sample_options(&disk, &clock))
                .unwrap_or_else(|error| panic!("{what}: {error}"))
                .0;
            let own = path.starts_with("/data/segments");
            let (big, small) = (store.logs()[0].no, store.logs()[1].no);
            let (hurt, sealed, whole) = if own { (big, 303, small) } else { (small, 3, big) };
            check_log(&store, whole);
            let error = store.read(hurt, 1).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{what}: {error}");
            let size = store.size(hurt).unwrap();
            let rest = store.scan(hurt, sealed..size, false).unwrap().map(Result::unwrap).count() as u64;
            assert_eq!(rest, size - sealed, "{what}");
            fill(&store, hurt, 5_000, 3);
            store.wait_published(hurt, size + 3, Duration::from_secs(10)).unwrap();
            assert!(store.seal_now() && store.merge_now());
            store.shutdown();
            let found = report(&disk).unwrap().findings;
            assert!(found.iter().any(|finding| finding.file == *path), "{what}: {found:?}");
            // The file is put back.
            let bytes = indelible_durable::disk::read_file(&sound, path, u64::MAX).unwrap();
            disk.tamper(path, |damaged| *damaged = bytes);
            assert_eq!(report(&disk).unwrap().findings, [], "{what}");
            let store = harness::open(Path::new(DIR), sample_options(&disk, &clock));
            check_log(&store, hurt);
        }
    }
}

#[test]
fn damage_in_the_wal_is_never_taken_for_a_torn_end() {
    let clock = TestClock::default();
    let disk = SimDisk::new(Path::new("/"));
    let store = harness::open(Path::new(DIR), options(Arc::new(disk.clone()), &clock).0);
    let log = store.create_log(&spec("a")).unwrap();
    for number in 0..6 {
        fill(&store, log, number, 1);
    }
    store.shutdown();
    let wal = disk.paths().into_iter().find(|path| path.extension().is_some_and(|e| e == "wal")).unwrap();
    // Blocks 1 to 7 begin at 4 KiB each; a head has seen all of them.
    for block in 1..=7 {
        let damaged = disk.copy();
        damaged.tamper(&wal, |bytes| bytes[block * 4096 + 100] ^= 4);
        let refused = Store::open(Path::new(DIR), options(Arc::new(damaged.clone()), &clock).0).unwrap_err();
        let OpenError::Corrupt { file, offset, .. } = &refused else { panic!("block {block}: {refused}") };
        assert_eq!((file, *offset), (&wal, block as u64 * 4096), "block {block}");
    }
    let garbage = disk.copy();
    garbage.tamper(&wal, |bytes| bytes[8 * 4096..8 * 4096 + 700].fill(0xee));
    let (store, recovery) = Store::open(Path::new(DIR), options(Arc::new(garbage), &clock).0).unwrap();
    assert!(recovery.torn);
    check_log(&store, log);
}

#[test]
fn an_older_copy_is_refused_while_the_anchor_stands() {
    let clock = TestClock::default();
    let disk = sample(&clock);
    let older = disk.copy();
    let anchor = disk.paths().into_iter().find(|path| path.starts_with("/anchor")).unwrap();
    let go_on = |disk: &SimDisk, from: u64| {
        let store = harness::open(Path::new(DIR), sample_options(disk, &clock));
        let log = store.logs()[0].no;
        fill(&store, log, from, 5);
        check_log(&store, log);
    };
    go_on(&disk, 500);
    let newest = indelible_durable::disk::read_file(&disk, &anchor, 4096).unwrap();
    older.tamper(&anchor, |bytes| *bytes = newest.clone());
    let refused = Store::open(Path::new(DIR), sample_options(&older, &clock)).unwrap_err();
    assert!(matches!(refused, OpenError::OlderCopy { diverged: false, .. }), "{refused}");
    // A copy that went its own way has the block, with other content.
    let forked = older.copy();
    forked.unlink(&anchor).unwrap();
    go_on(&forked, 700);
    go_on(&forked, 800);
    let own = indelible_durable::disk::read_file(&forked, &anchor, 4096).unwrap();
    assert_ne!(own, newest);
    forked.tamper(&anchor, |bytes| *bytes = newest.clone());
    let refused = Store::open(Path::new(DIR), sample_options(&forked, &clock)).unwrap_err();
    assert!(matches!(refused, OpenError::OlderCopy { diverged: true, .. }), "{refused}");
    // Without the anchor the older copy agrees with itself; the documents say so.
    older.unlink(&anchor).unwrap();
    go_on(&older, 900);
}

#[test]
fn a_log_that_lost_its_end_or_its_key_is_refused() {
    let clock = TestClock::default();
    let disk = sample(&clock);
    let try_open = |disk: &SimDisk| {
        let no_anchor = options(Arc::new(disk.clone()), &clock).0;
        Store::open(Path::new(DIR), no_anchor).map(|_| ()).unwrap_err()
    };
    let wal: Vec<_> =
        disk.paths().into_iter().filter(|path| path.extension().is_some_and(|e| e == "wal")).collect();
    let cut = disk.copy();
    let last = wal.last().unwrap();
    cut.tamper(last, |bytes| bytes[4096..].fill(0));
    assert_eq!(try_open(&cut).code(), "wal_ends_early");
    let no_key = disk.copy();
    no_key.unlink(Path::new("/data/keys/00000000.key")).unwrap();
    assert_eq!(try_open(&no_key).code(), "key_missing");
    let other_key = disk.copy();
    let other =
        indelible_durable::disk::read_file(&disk, Path::new("/data/keys/00000001.key"), 4096).unwrap();
    other_key.tamper(Path::new("/data/keys/00000000.key"), |bytes| *bytes = other.clone());
    assert_eq!(try_open(&other_key).code(), "key_differs");
    let no_segment = disk.copy();
    let segment = disk.paths().into_iter().find(|path| path.starts_with("/data/segments")).unwrap();
    no_segment.unlink(&segment).unwrap();
    assert_eq!(try_open(&no_segment).code(), "coverage");
    let future = disk.copy();
    future.tamper(Path::new("/data/VERSION"), |bytes| *bytes = b"indelible store 2\n".to_vec());
    assert_eq!(try_open(&future).code(), "unknown_version");
    let stranger = disk.copy();
    let id = format!("{}\n", "0".repeat(32)).into_bytes();
    stranger.tamper(Path::new("/data/node.id"), |bytes| *bytes = id);
    assert_eq!(try_open(&stranger).code(), "foreign_node");
    let no_wal = disk.copy();
    for path in &wal {
        no_wal.unlink(path).unwrap();
    }
    assert_eq!(try_open(&no_wal).code(), "behind_head");
    clock.advance(Duration::from_hours(1));
    let store = harness::open(Path::new(DIR), sample_options(&disk, &clock));
    drop(store);
    clock.wall.fetch_sub(600_000_000_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(try_open(&disk).code(), "clock_behind");
}

#[test]
fn a_second_process_and_an_empty_mount_are_refused() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::default());
    let real = || options(Arc::new(RealDisk), &clock).0;
    let empty = Store::open(dir.path(), Options { must_exist: true, ..real() }).unwrap_err();
    assert_eq!(empty.code(), "missing");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was founded");
    let store = harness::open(dir.path(), real());
    let second = Store::open(dir.path(), real()).unwrap_err();
    assert_eq!(second.code(), "locked");
    store.shutdown();
    harness::open(dir.path(), real());
}

#[test]
fn a_declared_rollback_freezes_the_logs_and_lets_new_ones_begin() {
    let clock = TestClock::default();
    let disk = sample(&clock);
    let older = disk.copy();
    let anchor = disk.paths().into_iter().find(|path| path.starts_with("/anchor")).unwrap();
    let store = harness::open(Path::new(DIR), sample_options(&disk, &clock));
    let log = store.logs()[0].no;
    fill(&store, log, 500, 5);
    store.shutdown();
    let newest = indelible_durable::disk::read_file(&disk, &anchor, 4096).unwrap();
    older.tamper(&anchor, |bytes| *bytes = newest.clone());
    let shared: Arc<dyn Disk> = Arc::new(older.clone());
    let declare = || declare(&shared, Path::new(DIR), Some(Path::new("/anchor")), 7).unwrap();
    let frozen = declare();
    assert_eq!(frozen.len(), 2);
    assert_eq!((frozen[0].size, frozen[0].head_size, frozen[0].declared_ns), (313, 313, 7));
    assert_eq!(declare(), []);
    for _ in 0..2 {
        let store = harness::open(Path::new(DIR), sample_options(&older, &clock));
        let old = store.log(log).unwrap();
        assert_eq!(old.frozen.as_ref(), Some(&frozen[0]));
        let refused = store.append_wait(vec![append(&store, log, 900)], false);
        assert_eq!(refused, Err(AppendError::Frozen(log)));
        assert_eq!(store.scan(log, 0..u64::MAX, false).unwrap().count(), 313);
        assert_eq!(store.head(log).unwrap().root, frozen[0].head_root);
        let new = match store.logs().iter().find(|info| info.name == "big" && info.frozen.is_none()) {
            Some(info) => info.no,
            None => store
                .create_log(&LogSpec { origin: "test.invalid/log/next".into(), name: "big".into() })
                .unwrap(),
        };
        fill(&store, new, 0, 5);
        check_log(&store, new);
        store.shutdown();
    }
    assert_eq!(report(&older).unwrap().findings, []);
}
