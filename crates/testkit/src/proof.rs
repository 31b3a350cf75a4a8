//! A proof file checked from the outside in: signature, path, leaf, and the disclosed values up to the body hash.

use indelible_event::{Event, LEAF_BYTES, Leaf, StoredBody, read_event};
use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::proof_file::ProofFile;
use indelible_tlog::tree::{Hash, leaf_hash};
use indelible_tlog::vkey::VerifierKey;

use crate::Server;

/// What a proof file proves.
#[derive(Debug)]
pub struct Proven {
    /// Position of the event.
    pub index: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// The leaf's hash.
    pub leaf_hash: Hash,
    /// The disclosed values.
    pub event: Event,
    /// What the log signed.
    pub signed: SignedCheckpoint,
}

/// The public keys of an organization's log, from its server.
pub fn vkeys(server: &Server, org: &str) -> Vec<VerifierKey> {
    let log = server.get(&format!("/api/v1/orgs/{org}/log")).expect(200);
    let keys = log["keys"].as_array().expect("the log lists its keys");
    keys.iter().map(|key| key["vkey"].as_str().expect("text").parse().expect("a vkey")).collect()
}

/// Checks a proof file and everything it discloses; the error says what does not hold.
pub fn verify(bytes: &[u8], keys: &[VerifierKey]) -> Result<Proven, String> {
    let file = ProofFile::parse(bytes).map_err(|error| error.to_string())?;
    let extra = file.extra.as_deref().and_then(|extra| extra.strip_prefix(b"ixd1")).ok_or("no leaf in it")?;
    let (encoded, disclosure) = extra.split_first_chunk::<LEAF_BYTES>().ok_or("its leaf is cut off")?;
    let leaf = Leaf::decode(encoded).map_err(|error| error.to_string())?;
    let hash = leaf_hash(encoded);
    let signed = file.verify(hash, keys).map_err(|error| error.to_string())?;
    let body = StoredBody::decode_disclosure(disclosure).map_err(|error| error.to_string())?;
    let rebuilt = body.body_hash(leaf.id, &|_| None).map_err(|_| "a salt is missing")?;
    if rebuilt != leaf.body {
        return Err("the disclosed values are not those of the leaf".to_owned());
    }
    let event = read_event(&body).map_err(|error| error.to_string())?;
    Ok(Proven { index: file.index, leaf, leaf_hash: hash, event, signed })
}
