//! One proof for many leaves: it agrees with the single proofs' root for any choice of leaves, shares what they share, and an
//! altered one is refused.

use crate::flat_log::{FlatLog, counting_leaf};
use indelible_tlog::batch;
use indelible_tlog::proof;
use indelible_tlog::tree::{Hash, leaf_hash};
use proptest::prelude::*;

fn leaves(indexes: &[u64]) -> Vec<(u64, Hash)> {
    indexes.iter().map(|index| (*index, leaf_hash(&counting_leaf(*index)))).collect()
}

#[test]
fn one_leaf_needs_what_its_own_proof_needs() {
    let log = FlatLog::counting(1_000);
    for index in [0, 1, 255, 256, 511, 999] {
        let mut alone = proof::inclusion(index, 1_000, &log.at(1_000)).unwrap();
        let mut batch = batch::prove(&[index], 1_000, &log.at(1_000)).unwrap();
        alone.sort_unstable();
        batch.sort_unstable();
        assert_eq!(alone, batch, "index {index}");
    }
}

#[test]
fn all_leaves_need_nothing_and_neighbours_share() {
    let log = FlatLog::counting(70_000);
    let all: Vec<u64> = (0..70_000).collect();
    assert!(batch::prove(&all, 70_000, &log.at(70_000)).unwrap().is_empty());
    let stretch: Vec<u64> = (20_001..30_000).collect();
    let hashes = batch::prove(&stretch, 70_000, &log.at(70_000)).unwrap();
    assert!(hashes.len() < 34, "{}", hashes.len());
    batch::verify(&leaves(&stretch), 70_000, &hashes, log.roots[70_000]).unwrap();
}

#[test]
fn wrong_indexes_are_refused() {
    let log = FlatLog::counting(10);
    for indexes in [&[][..], &[10], &[3, 3], &[4, 3]] {
        assert!(batch::prove(indexes, 10, &log.at(10)).is_err(), "{indexes:?}");
        assert!(batch::verify(&leaves(indexes), 10, &[], log.roots[10]).is_err(), "{indexes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_choice_of_leaves_leads_to_the_root(size in 1_u64..1_200, picks in prop::collection::btree_set(0_u64..1_200, 1..40), alter in any::<prop::sample::Index>()) {
        let log = FlatLog::counting(size);
        let mut indexes: Vec<u64> = picks.into_iter().map(|pick| pick % size).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let root = log.roots[size as usize];
        let hashes = batch::prove(&indexes, size, &log.at(size)).unwrap();
        let mut leaves = leaves(&indexes);
        batch::verify(&leaves, size, &hashes, root).unwrap();
        prop_assert!(batch::verify(&leaves, size, &[hashes.as_slice(), &[root]].concat(), root).is_err());
        if let Some((_, fewer)) = hashes.split_last() {
            prop_assert!(batch::verify(&leaves, size, fewer, root).is_err());
            let mut wrong = hashes.clone();
            wrong[alter.index(hashes.len())] = root;
            prop_assert!(batch::verify(&leaves, size, &wrong, root).is_err());
        }
        let at = alter.index(leaves.len());
        leaves[at].1 = leaf_hash(b"another");
        prop_assert!(batch::verify(&leaves, size, &hashes, root).is_err());
    }
}
