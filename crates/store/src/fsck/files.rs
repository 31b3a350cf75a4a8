//! The small files: heads, snapshots, keys, metas, and what a crash may have left.

use std::path::Path;

use hashbrown::HashMap;
use indelible_durable::disk::read_file;
use indelible_tlog::checkpoint::SignedCheckpoint;

use super::{Check, RESTORE};
use crate::error::OpenError;
use crate::head_page::{self, HeadPage};
use crate::heads::FILES;
use crate::signing::{self, LogKeys};
use crate::snapshot::{self, State};

/// Small files are read up to this length; the pool of a million subjects fits.
const MAX_FILE: u64 = 1024 * 1024 * 1024;
const START_ONCE: &str = "start the store once: it writes this anew from its write-ahead log";

/// Pages that are damaged or missing, signatures of both generations, and every snapshot.
pub(super) fn heads_and_snapshots(check: &Check<'_>) {
    if !check.live {
        second_heads(check);
    }
    let dir = check.dir.join("state");
    let Ok(names) = check.disk.list(&dir) else {
        return check.findings.at(&dir, 0, "the folder cannot be read", RESTORE);
    };
    for block in names.iter().filter_map(|entry| snapshot::parse_file_name(&entry.name)) {
        let path = dir.join(snapshot::file_name(block));
        let valid = match read_file(check.disk, &path, MAX_FILE) {
            Ok(bytes) => State::decode(&bytes).is_some_and(|state| state.block == block),
            Err(_) => check.live,
        };
        if !valid {
            check.findings.at(
                &path,
                0,
                "the snapshot does not check",
                "restore it from a backup of the same day",
            );
        }
    }
}

/// Both pages of a log hold a head once it has had two. A running store may be writing one of them.
fn second_heads(check: &Check<'_>) {
    for page in &check.heads.invalid {
        let what = format!("the head page of log {} does not check", page.log);
        check.findings.at(&check.dir.join(page.file), page.offset, what, START_ONCE);
    }
    for (no, head) in &check.heads.newest {
        let older = check.heads.older.iter().any(|older| older.log == *no);
        let torn = check.heads.invalid.iter().any(|page| page.log == *no);
        if head.generation > 1 && !older && !torn {
            let (file, offset) = place(check, head.generation - 1, head);
            check.findings.at(&file, offset, format!("the second head of log {no} is gone"), START_ONCE);
        }
    }
}

fn place(check: &Check<'_>, generation: u64, head: &HeadPage) -> (std::path::PathBuf, u64) {
    let name = FILES.get(head_page::slot(generation)).copied().unwrap_or_default();
    (check.dir.join(name), u64::from(head.log.0) * head_page::PAGE as u64)
}

/// The node's keys, the seeds of its runs, and the pool of subject keys, which is returned by id.
pub(super) fn keys(check: &Check<'_>) -> HashMap<[u8; 16], [u8; 32]> {
    let dir = check.dir.join("keys");
    let remedy = "restore the keys folder from its backup; without it bodies cannot be recomputed";
    for error in crate::secrets::check(check.disk, &dir) {
        report(check, &dir, error, remedy);
    }
    let (keys, damaged) = crate::subjects::read_pool(check.disk, &dir).unwrap_or_else(|error| {
        report(check, &dir, error, remedy);
        (HashMap::new(), Vec::new())
    });
    // A running store may be writing a batch.
    for offset in damaged.into_iter().filter(|_| !check.live) {
        check.findings.at(&dir.join("pool"), offset, "a subject key does not check", remedy);
    }
    let subjects = crate::subjects::SubjectFile::open_read(check.disk, &dir).and_then(|file| match file {
        Some(file) => file.read(check.disk, check.snapshot.subjects).map(drop),
        None if check.snapshot.subjects == 0 => Ok(()),
        None => Err(OpenError::corrupt(dir.join("subjects"), 0, "the file is gone")),
    });
    if let Err(error) = subjects {
        report(check, &dir, error, remedy);
    }
    keys
}

fn report(check: &Check<'_>, dir: &Path, error: OpenError, remedy: &str) {
    match error {
        OpenError::Corrupt { file, offset, what } => check.findings.at(&file, offset, what, remedy),
        other => check.findings.refusal(dir, other),
    }
}

/// Signing keys, metas, and the signatures of all heads.
pub(super) fn logs(check: &mut Check<'_>) {
    let dir = check.dir.join("keys");
    for (no, log) in check.snapshot.logs.clone() {
        let path = signing::path(&dir, no);
        match LogKeys::read(check.disk, path.clone(), &log.origin) {
            Ok(keys) => {
                let known = log.vkeys.lines().any(|vkey| keys.infos().iter().any(|info| info.vkey == vkey));
                if !known {
                    let error = OpenError::KeyDiffers { origin: log.origin.clone(), file: path };
                    check.findings.refusal(check.dir, error);
                }
                check.keys.insert(no, keys);
            }
            Err(error) => check.findings.refusal(check.dir, error),
        }
        let meta = check.flat.log_dir(no).join("meta");
        let text = read_file(check.disk, &meta, MAX_FILE).unwrap_or_default();
        if !crate::meta::is_of(&text, &log.origin) {
            check.findings.at(&meta, 0, "the meta file does not check or names another log", RESTORE);
        }
    }
    for head in check.heads.newest.values().chain(&check.heads.older) {
        let (file, offset) = place(check, head.generation, head);
        let Some(keys) = check.keys.get(&head.log) else { continue };
        let signed = SignedCheckpoint::open(head.note.as_bytes(), &keys.verifiers_ever());
        let agrees = signed.as_ref().is_ok_and(|signed| {
            (signed.checkpoint.size(), signed.checkpoint.root()) == (head.size, head.root)
        });
        if !agrees {
            let why = signed
                .err()
                .map_or("it says something else than its page".to_owned(), |error| error.to_string());
            check.findings.at(
                &file,
                offset,
                format!("the head of log {} is not validly signed: {why}", head.log),
                RESTORE,
            );
        }
    }
}
