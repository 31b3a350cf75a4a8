//! A whole log read over HTTP and recomputed: leaves, every tile, every root, and who is in it.
//!
//! It believes nothing but the log's public key.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indelible_event::Leaf;
use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::proof::verify_consistency;
use indelible_tlog::tile::{Kind, Tile, parse_entries, parse_hashes};
use indelible_tlog::tree::{Hash, Stack, leaf_hash};
use indelible_tlog::vkey::VerifierKey;
use serde_json::Value;

use crate::{Server, proof};

/// Longest wait for a checkpoint over everything; it is promised within a second, the machine may be busy.
const CHECKPOINT_WITHIN: Duration = Duration::from_mins(1);

/// An event that a sender was told is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The sender's own name for it.
    pub source_id: String,
    /// Its position.
    pub index: u64,
    /// Hash of its leaf, base64.
    pub leaf_hash: String,
}

/// A log that has been recomputed.
#[derive(Debug)]
pub struct WholeLog {
    org: String,
    keys: Vec<VerifierKey>,
    /// Its newest checkpoint.
    pub signed: SignedCheckpoint,
    /// Its leaves.
    pub leaves: Vec<Leaf>,
    hashes: Vec<Hash>,
    roots: Vec<Hash>,
}

impl WholeLog {
    /// Reads a log once a checkpoint covers so many events, and checks tiles, order and root.
    pub fn read(server: &Server, org: &str, least: u64) -> Self {
        let keys = proof::vkeys(server, org);
        let signed = checkpoint(server, org, &keys, least);
        let size = signed.checkpoint.size();
        let mut log = Self {
            org: org.to_owned(),
            keys,
            signed,
            leaves: Vec::new(),
            hashes: Vec::new(),
            roots: vec![Hash::EMPTY_ROOT],
        };
        let (mut stack, mut levels) = (Stack::new(), Vec::<Vec<Hash>>::new());
        for tile in Tile::all(Kind::Entries, size) {
            let bundle = log.fetch(server, &tile);
            for leaf in parse_entries(&bundle, tile.width()).expect("a bundle of leaves") {
                log.push(leaf, &mut stack, &mut levels);
            }
        }
        assert_eq!(stack.size(), size, "leaves that are served");
        assert_eq!(stack.root(), log.signed.checkpoint.root(), "the leaves give the signed root");
        for (level, hashes) in (0..).zip(&levels) {
            for tile in Tile::all(Kind::Level(level), size) {
                let served = log.fetch(server, &tile);
                let served = parse_hashes(&served, tile.width()).expect("a tile of hashes");
                let first = usize::try_from(tile.number() * 256).expect("fits");
                assert_eq!(served[..], hashes[first..first + served.len()], "{tile}");
            }
        }
        log
    }

    fn push(&mut self, encoded: &[u8], stack: &mut Stack, levels: &mut Vec<Vec<Hash>>) {
        let leaf = Leaf::decode(encoded).expect("a leaf");
        let last = self.leaves.last().map_or(0, |leaf| leaf.received_ns);
        assert!(leaf.received_ns >= last, "received time fell at index {}", self.leaves.len());
        let hash = leaf_hash(encoded);
        stack.append(hash, |level, hash| {
            let level = usize::from(level);
            if levels.len() <= level {
                levels.resize(level + 1, Vec::new());
            }
            levels[level].push(hash);
        });
        self.leaves.push(leaf);
        self.hashes.push(hash);
        self.roots.push(stack.root());
    }

    fn fetch(&self, server: &Server, tile: &Tile) -> Vec<u8> {
        let answer = server.get(&format!("/log/{}/{tile}", self.org));
        assert_eq!(answer.status, 200, "{tile}: {}", answer.text());
        answer.body
    }

    /// Number of events.
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Whether a checkpoint that somebody kept is one of this log's past, by its own recomputed root and by the
    /// server's consistency proof.
    pub fn check_checkpoint(&self, server: &Server, note: &str) {
        let kept = SignedCheckpoint::open(note.as_bytes(), &self.keys).expect("signed by the log's key");
        let (size, root) = (kept.checkpoint.size(), kept.checkpoint.root());
        assert!(size <= self.size(), "a checkpoint of size {size} was signed, the log has {}", self.size());
        assert_eq!(root, self.roots[usize::try_from(size).expect("fits")], "checkpoint of size {size}");
        if size == 0 {
            return;
        }
        let path = format!("/api/v1/orgs/{}/consistency?from={size}&to={}", self.org, self.size());
        let proof = server.get(&path).expect(200);
        let hashes = proof["hashes"].as_array().expect("a list");
        let hashes: Vec<Hash> =
            hashes.iter().map(|hash| hash.as_str().expect("text").parse().expect("a hash")).collect();
        let new = (self.size(), self.signed.checkpoint.root());
        verify_consistency((size, root), new, &hashes).expect("the log only grew");
    }

    /// Whether every acknowledged event is there exactly once, where its sender was told; gives how many events there
    /// are that have a sender's name.
    pub fn check_acknowledged(&self, server: &Server, acknowledged: &[Acknowledged]) -> usize {
        let found = self.by_source_id(server);
        for event in acknowledged {
            let places = found.get(&event.source_id).map(Vec::as_slice).unwrap_or_default();
            assert_eq!(places, [event.index], "acknowledged event {}", event.source_id);
            let index = usize::try_from(event.index).expect("fits");
            let hash = self.hashes.get(index).unwrap_or_else(|| panic!("index {index} is beyond the log"));
            assert_eq!(hash.to_string(), event.leaf_hash, "leaf of {}", event.source_id);
        }
        for (source_id, places) in &found {
            assert_eq!(places.len(), 1, "{source_id} is there {places:?}");
        }
        found.len()
    }

    /// The events that their senders gave a name, with their positions; all indexes must be there once, in order.
    fn by_source_id(&self, server: &Server) -> HashMap<String, Vec<u64>> {
        let mut found: HashMap<String, Vec<u64>> = HashMap::new();
        let events = export(server, &self.org, "", "index");
        for (expected, event) in (0..).zip(&events) {
            assert_eq!(event["index"].as_u64(), Some(expected), "indexes have no hole");
            if let Some(source_id) = event["source_id"].as_str() {
                found.entry(source_id.to_owned()).or_default().push(expected);
            }
        }
        assert!(events.len() as u64 >= self.size(), "{} of {} events exported", events.len(), self.size());
        found
    }
}

/// Waits for a checkpoint that covers so many events, and opens it.
pub fn checkpoint(server: &Server, org: &str, keys: &[VerifierKey], least: u64) -> SignedCheckpoint {
    let started = Instant::now();
    loop {
        let answer = server.get(&format!("/log/{org}/checkpoint"));
        if answer.status == 200 {
            let signed = SignedCheckpoint::open(&answer.body, keys).expect("signed by the log's key");
            if signed.checkpoint.size() >= least {
                return signed;
            }
        }
        assert!(
            started.elapsed() < CHECKPOINT_WITHIN,
            "no checkpoint over {least} events: {}",
            answer.text()
        );
        std::thread::yield_now();
    }
}

/// Everything that matches a query, from the stream, whose last line must say that it is whole.
pub fn export(server: &Server, org: &str, query: &str, sort: &str) -> Vec<Value> {
    let body = serde_json::json!({ "q": query, "sort": sort });
    let headers = [("accept", "application/x-ndjson"), ("content-type", "application/json")];
    let path = format!("/api/v1/orgs/{org}/events/search");
    let answer = server.request("POST", &path, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lines = answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut events: Vec<Value> = lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect();
    let end = events.pop().expect("a last line");
    assert_eq!(end["end"]["complete"], true, "{end}");
    assert_eq!(end["end"]["rows"].as_u64(), Some(events.len() as u64), "{end}");
    events
}
