//! Trees of every size from 1 to 1,025 and around 2^16: roots and proofs made from level files agree
//! with the recursive definition and with the crate `ct-merkle`, and altered proofs are refused.

use crate::flat_log::{FlatLog, Recursion, counting_leaf};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use indelible_tlog::error::Error;
use indelible_tlog::proof::{self, verify_consistency, verify_inclusion};
use indelible_tlog::tree::{Hash, MAX_SIZE, Stack, leaf_hash};
use proptest::prelude::*;
use sha2::Sha256;

#[test]
fn fixed_points_of_the_counting_log() {
    let log = FlatLog::counting(70_000);
    for (size, root) in [
        (0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (1, "PnB3/S9m1ongzuanz1s3vy3KfJea81bQoxy8XIVgXH0="),
        (3, "m0ll+LIgukL3A5rQeByWbPkLsa6hWoBYbWNLMiqx9M4="),
        (256, "FeLdSXOuRN6MjPMEj9mNF62q6mKH9OBgalWmQ2F0CMA="),
        (257, "1BjAhzJZvOfQVhqwBEhhEkFsHESQhlQVNCv+BuZzFGw="),
        (70_000, "B1kWeg+Y416ALUb/fH0p0sPwOmOiVt62q7/zV6kbY7E="),
    ] {
        assert_eq!(log.roots[size].to_string(), root, "size {size}");
        assert_eq!(proof::root(size as u64, &log.at(size as u64)).unwrap(), log.roots[size], "size {size}");
    }
    assert_eq!(log.levels.each_ref().map(Vec::len), [70_000, 273, 1, 0, 0, 0, 0, 0]);
    assert_eq!(proof::stack(70_000, &log.at(70_000)).unwrap(), log.stack);
}

#[test]
fn every_size_to_1025_agrees_with_both_oracles() {
    let log = FlatLog::counting(1025);
    let recursion = Recursion::of(log.levels[0].clone());
    for size in 1..=1025 {
        assert_eq!(log.roots[size as usize], recursion.root(0, size as usize), "size {size}");
        let all = size <= 70;
        for index in (0..size).filter(|index| all || is_sample(*index, size)) {
            check_inclusion(&log, &recursion, index, size);
        }
        for old in (1..=size).filter(|old| all || is_sample(*old, size)) {
            check_consistency(&log, &recursion, old, size);
        }
    }
}

#[test]
fn sizes_around_the_second_level_agree_with_both_oracles() {
    let log = FlatLog::counting(70_000);
    let recursion = Recursion::of(log.levels[0].clone());
    for size in [65_535, 65_536, 65_537, 70_000] {
        for index in [0, 1, 255, 256, 40_000, 65_534, size - 2, size - 1] {
            check_inclusion(&log, &recursion, index, size);
        }
        for old in [1, 255, 256, 257, 32_768, 65_534, 65_535, size - 1, size] {
            check_consistency(&log, &recursion, old, size);
        }
    }
}

/// The ends, the neighbourhood of powers of two, and one in 97 of the rest.
fn is_sample(number: u64, size: u64) -> bool {
    number < 2 || number + 2 >= size || (number + 1) & number == 0 || (number + size).is_multiple_of(97)
}

fn check_inclusion(log: &FlatLog, recursion: &Recursion, index: u64, size: u64) {
    let path = proof::inclusion(index, size, &log.at(size)).unwrap();
    let name = format!("leaf {index} of {size}");
    assert_eq!(path, recursion.path(index as usize, 0, size as usize), "{name}");
    let (leaf, root) = (log.levels[0][index as usize], log.roots[size as usize]);
    assert_eq!(verify_inclusion(leaf, index, size, &path, root), Ok(()), "{name}");
    let theirs = |path: &[Hash], index| {
        let proof = InclusionProof::<Sha256>::try_from_bytes(bytes(path)).unwrap();
        foreign(root, size).verify_inclusion(&counting_leaf(index), index, &proof).is_ok()
    };
    assert!(theirs(&path, index), "{name}");
    for altered in alterations(&path) {
        assert!(verify_inclusion(leaf, index, size, &altered, root).is_err(), "{name}, altered");
        assert!(!theirs(&altered, index), "{name}, altered");
    }
    if size > 1 {
        let other = (index + 1) % size;
        assert!(verify_inclusion(leaf, other, size, &path, root).is_err(), "{name}, as {other}");
        assert!(verify_inclusion(log.levels[0][other as usize], index, size, &path, root).is_err(), "{name}");
    }
    assert!(verify_inclusion(leaf, index, size, &path, flipped(root)).is_err(), "{name}, other root");
}

fn check_consistency(log: &FlatLog, recursion: &Recursion, old: u64, new: u64) {
    let path = proof::consistency(old, new, &log.at(new)).unwrap();
    let name = format!("{old} within {new}");
    assert_eq!(path, recursion.proof(old as usize, 0, new as usize, true), "{name}");
    let (before, after) = ((old, log.roots[old as usize]), (new, log.roots[new as usize]));
    assert_eq!(verify_consistency(before, after, &path), Ok(()), "{name}");
    let theirs = |path: &[Hash]| {
        let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes(path)).unwrap();
        foreign(after.1, new).verify_consistency(&foreign(before.1, old), &proof).is_ok()
    };
    assert!(theirs(&path), "{name}");
    for altered in alterations(&path) {
        assert!(verify_consistency(before, after, &altered).is_err(), "{name}, altered");
        assert!(!theirs(&altered), "{name}, altered");
    }
    assert!(verify_consistency((old, flipped(before.1)), after, &path).is_err(), "{name}, other old root");
    assert!(verify_consistency(before, (new, flipped(after.1)), &path).is_err(), "{name}, other new root");
}

/// One bit flipped in each hash, one hash missing at each end, one too many at each end.
fn alterations(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut altered: Vec<Vec<Hash>> = Vec::new();
    for at in 0..path.len() {
        let mut copy = path.to_vec();
        copy[at] = flipped(copy[at]);
        altered.push(copy);
    }
    if let ([_, tail @ ..], [head @ .., _]) = (path, path) {
        altered.extend([tail.to_vec(), head.to_vec()]);
    }
    let more = leaf_hash(b"more");
    altered.extend([[&[more], path].concat(), [path, &[more]].concat()]);
    altered
}

fn flipped(hash: Hash) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[17] ^= 0x10;
    Hash::new(bytes)
}

fn foreign(root: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[test]
fn proofs_outside_the_tree_are_refused() {
    let log = FlatLog::counting(3);
    let reader = log.at(3);
    assert!(matches!(proof::inclusion(3, 3, &reader), Err(Error::OutOfRange { value: 3, .. })));
    assert!(matches!(proof::inclusion(0, 0, &reader), Err(Error::OutOfRange { .. })));
    assert!(matches!(proof::consistency(0, 3, &reader), Err(Error::OutOfRange { .. })));
    assert!(matches!(proof::consistency(4, 3, &reader), Err(Error::OutOfRange { .. })));
    assert!(matches!(proof::inclusion(0, MAX_SIZE + 1, &reader), Err(Error::OutOfRange { .. })));
    assert!(matches!(proof::root(u64::MAX, &reader), Err(Error::OutOfRange { .. })));
}

#[test]
fn the_largest_tree_needs_63_hashes() {
    let any = |_: u8, _: u64| Ok::<_, Error>(Hash::EMPTY_ROOT);
    assert_eq!(proof::inclusion(0, MAX_SIZE, &any).unwrap().len(), proof::MAX_PATH);
    assert_eq!(proof::consistency(1, MAX_SIZE, &any).unwrap().len(), proof::MAX_PATH);
    assert_eq!(proof::inclusion(1 << 40, (1 << 40) + 1, &any).unwrap().len(), 1);
}

#[test]
fn a_failed_read_is_passed_on() {
    #[derive(Debug, PartialEq)]
    enum Failure {
        Disk,
        Proof(Error),
    }
    impl From<Error> for Failure {
        fn from(error: Error) -> Self {
            Self::Proof(error)
        }
    }
    let broken = |_: u8, _: u64| Err::<Hash, _>(Failure::Disk);
    assert_eq!(proof::inclusion(0, 2, &broken), Err(Failure::Disk));
    assert!(matches!(proof::inclusion(2, 2, &broken), Err(Failure::Proof(_))));
}

#[test]
fn snapshots_hold_one_hash_per_set_bit() {
    let log = FlatLog::counting(1000);
    let bytes = log.stack.encode();
    assert_eq!(bytes.len(), 8 + 6 * 32);
    assert_eq!(Stack::decode(&bytes), Ok(log.stack));
    for wrong in [
        &bytes[..7],
        &bytes[..bytes.len() - 1],
        &bytes[..bytes.len() - 32],
        &[bytes.clone(), vec![0; 32]].concat(),
    ] {
        assert!(matches!(Stack::decode(wrong), Err(Error::Malformed { .. })), "{} bytes", wrong.len());
    }
    assert!(Stack::decode(&[[0xff; 8].as_slice(), &[0; 64 * 32]].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_leaves_agree_with_the_recursion(
        leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 1..700),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
        restart in any::<prop::sample::Index>(),
    ) {
        let log = FlatLog::of(&leaves);
        let recursion = Recursion::of(log.levels[0].clone());
        for (a, b) in picks {
            let size = a.index(leaves.len()) + 1;
            let lower = b.index(size);
            prop_assert_eq!(log.roots[size], recursion.root(0, size));
            let reader = log.at(size as u64);
            let path = proof::inclusion(lower as u64, size as u64, &reader).unwrap();
            prop_assert_eq!(&path, &recursion.path(lower, 0, size));
            verify_inclusion(leaf_hash(&leaves[lower]), lower as u64, size as u64, &path, log.roots[size]).unwrap();
            let path = proof::consistency(lower as u64 + 1, size as u64, &reader).unwrap();
            prop_assert_eq!(&path, &recursion.proof(lower + 1, 0, size, true));
        }
        let at = restart.index(leaves.len());
        let mut resumed = proof::stack(at as u64, &log.at(at as u64)).unwrap();
        resumed = Stack::decode(&resumed.encode()).unwrap();
        for leaf in &leaves[at..] {
            resumed.append(leaf_hash(leaf), |_, _| {});
        }
        prop_assert_eq!(resumed, log.stack);
    }

    #[test]
    fn arbitrary_proofs_never_panic(
        index in any::<u64>(), size in any::<u64>(),
        path in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash::new), 0..70),
    ) {
        let root = Hash::EMPTY_ROOT;
        prop_assert!(verify_inclusion(root, index, size, &path, root).is_err());
        prop_assert!(index == size || verify_consistency((index, root), (size, root), &path).is_err());
    }
}
