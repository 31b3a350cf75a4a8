//! Every tree size from 1 to 1,025, and those around 2^16, as the store serves them: each tile, bundle, root and a
//! choice of proofs against a tree computed here by the definition alone; altered copies are refused.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic here is a failed test")]

mod harness;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::{TestClock, append, options, spec};
use indelible_durable::sim::SimDisk;
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::Store;
use indelible_tlog::proof::{verify_consistency, verify_inclusion};
use indelible_tlog::tile::{Kind, Tile, parse_entries, parse_hashes};
use indelible_tlog::tree::Hash;
use sha2::{Digest, Sha256};

const WIDTH: usize = 256;

fn sha(parts: &[&[u8]]) -> Hash {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part);
    }
    Hash::from_slice(&sha.finalize()).unwrap()
}

/// The root of these leaf hashes, straight from RFC 6962 §2.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha(&[]),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            sha(&[&[1], root(&leaves[..split]).as_bytes(), root(&leaves[split..]).as_bytes()])
        }
    }
}

/// What the store should say: leaves, and per level the hashes of complete subtrees of 256^level leaves.
#[derive(Default)]
struct Naive {
    entries: Vec<Vec<u8>>,
    levels: Vec<Vec<Hash>>,
}

impl Naive {
    fn push(&mut self, leaf: &[u8]) {
        self.entries.push(leaf.to_vec());
        let mut hash = sha(&[&[0], leaf]);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if !hashes.len().is_multiple_of(WIDTH) {
                break;
            }
            hash = root(&hashes[hashes.len() - WIDTH..]);
        }
    }

    fn leaves(&self) -> &[Hash] {
        &self.levels[0]
    }
}

fn store() -> (Store, LogNo) {
    let clock = TestClock::default();
    let options = options(Arc::new(SimDisk::new(Path::new("/"))), &clock).0;
    let store =
        harness::open(Path::new("/data"), Options { wal_file_bytes: 1 << 20, merge_files: 3, ..options });
    let log = store.create_log(&spec("sizes")).unwrap();
    (store, log)
}

/// Appends events up to a size, in batches, and notes their leaves.
fn grow(store: &Store, log: LogNo, naive: &mut Naive, size: usize) {
    let numbers: Vec<u64> = (naive.entries.len() as u64..size as u64).collect();
    for part in numbers.chunks(1_000) {
        let appends = part.iter().map(|number| append(store, log, *number)).collect();
        for appended in store.append_wait(appends, false).unwrap() {
            naive.push(&appended.place().unwrap().leaf);
        }
    }
}

/// Compares everything that is served at this size; `tiles_from` is the first leaf whose tiles are compared.
fn check(store: &Store, log: LogNo, naive: &Naive, tiles_from: usize) {
    let size = naive.entries.len();
    let head = store.wait_published(log, size as u64, Duration::from_secs(30)).unwrap();
    let whole = root(naive.leaves());
    assert_eq!((head.size, head.root), (size as u64, whole), "head of size {size}");
    for tile in Tile::all(Kind::Entries, size as u64).filter(|tile| tile.range().end > tiles_from as u64) {
        let bundle = store.tile(log, &tile).unwrap();
        let first = usize::try_from(tile.range().start).unwrap();
        let leaves = parse_entries(&bundle, tile.width()).unwrap();
        assert_eq!(leaves, naive.entries[first..first + leaves.len()], "{tile} of size {size}");
    }
    for (level, hashes) in (0..).zip(&naive.levels) {
        let from = tiles_from >> (8 * u32::from(level));
        for tile in Tile::all(Kind::Level(level), size as u64) {
            let first = usize::try_from(tile.number()).unwrap() * WIDTH;
            let width = usize::from(tile.width());
            if first + width > from {
                let served = store.tile(log, &tile).unwrap();
                let served = parse_hashes(&served, tile.width()).unwrap();
                assert_eq!(served[..], hashes[first..first + width], "{tile} of size {size}");
            }
        }
    }
    let beyond = Tile::holding(Kind::Entries, size as u64, size as u64 + 1).unwrap();
    assert!(store.tile(log, &beyond).is_err(), "{beyond} is beyond size {size}");
    proofs(store, log, naive, whole);
}

fn proofs(store: &Store, log: LogNo, naive: &Naive, whole: Hash) {
    let size = naive.entries.len();
    let places = [0, size / 3, size / 2, size / WIDTH * WIDTH, size.saturating_sub(2), size - 1];
    for index in places.into_iter().filter(|index| *index < size) {
        let path = store.inclusion(log, index as u64, size as u64).unwrap();
        let verify = |leaf: Hash, index: usize, path: &[Hash]| {
            verify_inclusion(leaf, index as u64, size as u64, path, whole)
        };
        let leaf = naive.leaves()[index];
        verify(leaf, index, &path).unwrap_or_else(|error| panic!("leaf {index} of {size}: {error}"));
        assert!(verify(altered(leaf), index, &path).is_err());
        for at in 0..path.len() {
            let mut other = path.clone();
            other[at] = altered(other[at]);
            assert!(verify(leaf, index, &other).is_err(), "hash {at} of leaf {index} of {size} was altered");
        }
        let more = [path.as_slice(), &[leaf]].concat();
        assert!(verify(leaf, index, &more).is_err());
        assert!(path.is_empty() || verify(leaf, index, &path[1..]).is_err());
        assert!(path.is_empty() || verify(leaf, index ^ 1, &path).is_err());
    }
    for old in places.into_iter().map(|index| index.min(size - 1) + 1) {
        let path = store.consistency(log, old as u64, size as u64).unwrap();
        let before = root(&naive.leaves()[..old]);
        let verify = |before: Hash, path: &[Hash]| {
            verify_consistency((old as u64, before), (size as u64, whole), path)
        };
        verify(before, &path).unwrap_or_else(|error| panic!("{old} to {size}: {error}"));
        assert!(verify(altered(before), &path).is_err());
        if let Some((_, shorter)) = path.split_last() {
            assert!(verify(before, shorter).is_err(), "{old} to {size}, cut off");
            let mut other = path.clone();
            other[0] = altered(other[0]);
            assert!(verify(before, &other).is_err(), "{old} to {size}, altered");
        }
    }
}

fn altered(hash: Hash) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[7] ^= 1;
    Hash::from_slice(&bytes).unwrap()
}

#[test]
fn every_size_up_to_1025_is_served_as_defined() {
    let (store, log) = store();
    let mut naive = Naive::default();
    for size in 1..=1_025 {
        grow(&store, log, &mut naive, size);
        check(&store, log, &naive, 0);
        // Now and then everything moves into a segment; tiles begin in one and end in the next, or in the WAL.
        if size % 100 == 0 {
            assert!(store.seal_now() && store.merge_now());
        }
    }
    for _ in 0..3 {
        assert!(store.seal_now() && store.merge_now());
        check(&store, log, &naive, 0);
        let size = naive.entries.len();
        grow(&store, log, &mut naive, size + 1);
    }
    assert!(store.merging().merges > 0);
}

#[test]
fn the_sizes_around_two_full_levels_are_served_as_defined() {
    let (store, log) = store();
    let mut naive = Naive::default();
    for size in 65_535..=65_537 {
        grow(&store, log, &mut naive, size);
        check(&store, log, &naive, 65_000);
    }
    check(&store, log, &naive, 0);
    assert!(store.seal_now());
    check(&store, log, &naive, 0);
}
