//! Makes `tests/vectors/tlog.json`, the published vectors of trees and notes. A program in another
//! language confirms them; see the file's neighbours.

use indelible_tlog::checkpoint::Checkpoint;
use indelible_tlog::note::{Note, SignatureLine};
use indelible_tlog::proof;
use indelible_tlog::proof_file::ProofFile;
use indelible_tlog::tile::{Kind, Tile, push_entry};
use indelible_tlog::tree::{Hash, LEVELS, leaf_hash};
use indelible_tlog::vkey::{Algorithm, SignerKey};
use indelible_tlog::witness::{AddCheckpoint, monitor_path};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::flat_log::{FlatLog, counting_leaf};

const LARGEST: u64 = 70_000;
const ROOTS: [u64; 20] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 255, 256, 257, 511, 1025, 65_535, 65_536, 65_537, LARGEST];
const INCLUSIONS: [(u64, u64); 12] = [
    (0, 1),
    (0, 2),
    (1, 2),
    (2, 3),
    (4, 5),
    (5, 7),
    (255, 256),
    (256, 257),
    (0, 1025),
    (1024, 1025),
    (40_000, 65_537),
    (69_999, LARGEST),
];
const CONSISTENCIES: [(u64, u64); 12] = [
    (1, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (3, 7),
    (6, 8),
    (255, 256),
    (256, 257),
    (300, 1025),
    (1024, 1025),
    (65_536, 65_537),
    (65_535, LARGEST),
];
/// Name, type, byte that fills the seed.
const KEYS: [(&str, Algorithm, u8); 3] = [
    ("log.example/o/1", Algorithm::Ed25519, 0x2a),
    ("witness.example/w1", Algorithm::CosignatureV1, 0x07),
    ("schlüssel.example/日志", Algorithm::Ed25519, 0xff),
];

/// The whole file.
pub(crate) fn vector_file() -> Value {
    let log = FlatLog::counting(LARGEST);
    let snapshots = [0, 1, 6, 257, 1000].map(|size| snapshot(&log, size));
    json!({
        "about": "leaf i of the tree is the 8 bytes of i, big-endian; hashes and keys in base64, other bytes in hex",
        "roots": ROOTS.map(|size| json!({ "size": size, "root": root(&log, size) })),
        "inclusion": INCLUSIONS.map(|(index, size)| inclusion(&log, index, size)),
        "consistency": CONSISTENCIES.map(|(old, new)| consistency(&log, old, new)),
        "tiles": tiles(&log),
        "snapshots": snapshots,
        "keys": KEYS.map(|(name, algorithm, fill)| key_vector(name, algorithm, fill)),
        "notes": [note_vector(&log, 1), note_vector(&log, 257), note_vector(&log, LARGEST)],
        "proof_files": [proof_file(&log, 0, 1, b""), proof_file(&log, 300, 1025, b"ixd1 anything")],
        "requests": [request(&log, 0, 257), request(&log, 257, 257), request(&log, 300, 1025)],
        "monitor_paths": [json!({ "origin": KEYS[0].0, "path": monitor_path(KEYS[0].0) })],
    })
}

fn root(log: &FlatLog, size: u64) -> String {
    log.roots[size as usize].to_string()
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_string).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

fn inclusion(log: &FlatLog, index: u64, size: u64) -> Value {
    let path = proof::inclusion(index, size, &log.at(size)).unwrap();
    let leaf = leaf_hash(&counting_leaf(index)).to_string();
    json!({ "index": index, "size": size, "leaf_hash": leaf, "root": root(log, size), "path": texts(&path) })
}

fn consistency(log: &FlatLog, old: u64, new: u64) -> Value {
    let path = proof::consistency(old, new, &log.at(new)).unwrap();
    json!({ "old": old, "new": new, "old_root": root(log, old), "new_root": root(log, new), "path": texts(&path) })
}

fn tiles(log: &FlatLog) -> Vec<Value> {
    let kinds = (0..LEVELS).map(Kind::Level).chain([Kind::Entries]);
    let some = kinds.flat_map(|kind| Tile::all(kind, LARGEST)).filter(|tile| {
        tile.kind() > Kind::Level(0) && tile.kind() < Kind::Entries || [0, 272, 273].contains(&tile.number())
    });
    some.map(|tile| json!({ "size": LARGEST, "path": tile.to_string(), "sha256": hex(&Sha256::digest(bytes(log, &tile))) }))
        .collect()
}

fn bytes(log: &FlatLog, tile: &Tile) -> Vec<u8> {
    match tile.kind() {
        Kind::Level(level) => {
            let range = tile.range();
            let hashes = &log.levels[usize::from(level)][range.start as usize..range.end as usize];
            hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
        }
        Kind::Entries => {
            let mut bundle = Vec::new();
            tile.range().for_each(|index| push_entry(&mut bundle, &counting_leaf(index)).unwrap());
            bundle
        }
    }
}

fn snapshot(log: &FlatLog, size: u64) -> Value {
    let stack = proof::stack(size, &log.at(size)).unwrap();
    json!({ "size": size, "bytes": hex(&stack.encode()) })
}

fn key(number: usize) -> SignerKey {
    let (name, algorithm, fill) = KEYS[number];
    SignerKey::new(name, algorithm, &[fill; 32]).unwrap()
}

fn key_vector(name: &str, algorithm: Algorithm, fill: u8) -> Value {
    let key = SignerKey::new(name, algorithm, &[fill; 32]).unwrap();
    json!({ "name": name, "type": algorithm.byte(), "seed": hex(&[fill; 32]), "vkey": key.verifier().to_string() })
}

fn note(log: &FlatLog, size: u64) -> Note {
    let checkpoint = Checkpoint::new(KEYS[0].0, size, log.roots[size as usize]).unwrap();
    checkpoint.sign(&key(0)).unwrap()
}

fn note_vector(log: &FlatLog, size: u64) -> Value {
    let (time, grease) = (1_700_000_000 + size, [size as u8; 68]);
    let mut note = note(log, size);
    note.push(SignatureLine::grease(&grease)).unwrap();
    note.push(key(1).sign_line(note.text(), time)).unwrap();
    json!({
        "size": size, "root": root(log, size), "log_key": 0, "grease": hex(&grease), "witness_key": 1, "time": time,
        "note": note.to_string(),
    })
}

fn proof_file(log: &FlatLog, index: u64, size: u64, extra: &[u8]) -> Value {
    let path = proof::inclusion(index, size, &log.at(size)).unwrap();
    let file =
        ProofFile { extra: (!extra.is_empty()).then(|| extra.to_vec()), index, path, note: note(log, size) };
    json!({ "index": index, "size": size, "extra": hex(extra), "log_key": 0, "file": file.to_string() })
}

fn request(log: &FlatLog, old: u64, size: u64) -> Value {
    let due = old > 0 && old < size;
    let proof = if due { proof::consistency(old, size, &log.at(size)).unwrap() } else { Vec::new() };
    let body = AddCheckpoint { old, proof, note: note(log, size) }.encode().unwrap();
    json!({ "old": old, "size": size, "log_key": 0, "body": body })
}
