//! Notes, keys, checkpoints, policies, proofs and tiles from elsewhere are read or refused.
#![no_main]

use indelible_tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use indelible_tlog::note::Note;
use indelible_tlog::policy::Policy;
use indelible_tlog::proof_file::ProofFile;
use indelible_tlog::vkey::VerifierKey;
use indelible_tlog::tile::{self, Tile};
use indelible_tlog::witness;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (Note::parse(bytes), ProofFile::parse(bytes), SignedCheckpoint::open(bytes, &[]));
    if let Ok(policy) = Policy::parse(bytes) {
        let _ = policy.open(bytes);
    }
    let _ = (tile::parse_entries(bytes, 3), tile::parse_hashes(bytes, 3), witness::AddCheckpoint::parse(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = text.parse::<VerifierKey>();
        let _ = Checkpoint::parse(text);
        let _ = text.parse::<Tile>();
    }
});
