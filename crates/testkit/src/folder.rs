//! Data folders as files: listing, copying, and a store that has sealed segments.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Server;

/// A seal is due after 64 MiB of write-ahead log: batches of this many events of 210 kB, so many times.
const BIG_BATCH: usize = 40;
const BIG_BATCHES: usize = 9;
const SEALED_WITHIN: Duration = Duration::from_mins(2);

/// Every file below a folder, in the order of their paths.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut all: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    all.sort();
    all
}

/// Copies a folder with everything in it, empty folders too.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// The files with this ending.
pub fn ending(dir: &Path, ending: &str) -> Vec<PathBuf> {
    files(dir).into_iter().filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

/// Flips one bit; the file is as before when this is done again.
pub fn flip(path: &Path, at: usize, bit: u32) {
    let mut bytes = std::fs::read(path).expect("a file");
    bytes[at] ^= 1 << bit;
    std::fs::write(path, bytes).expect("it can be written");
}

/// Sends so much that the write-ahead log is sealed into a segment, and waits for it.
pub fn seal(server: &Server) {
    let parts: Vec<String> = (0..7).map(|n| format!("{n}").repeat(30_000)).collect();
    let event = json!({ "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z",
        "actor": { "id": "u" }, "data": { "parts": parts } });
    let batch = json!({ "events": vec![event; BIG_BATCH] });
    for _ in 0..BIG_BATCHES {
        let answer = server.send(&batch).expect(200);
        assert_eq!(answer["counts"]["stored"], BIG_BATCH, "{}", answer["counts"]);
    }
    let started = Instant::now();
    while ending(&server.data(), ".seg").is_empty() {
        assert!(started.elapsed() < SEALED_WITHIN, "no segment was made");
        std::thread::yield_now();
    }
}
