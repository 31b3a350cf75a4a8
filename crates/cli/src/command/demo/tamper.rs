//! `indelible demo tamper`: changes one byte of what a running demonstration has stored, as somebody with access to the disk
//! could, so that everybody sees that it is found.
//!
//! It finds the demonstration by the note that it leaves in its own temporary folder, and touches nothing outside of such a folder.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::exit::{Failure, Outcome};
use crate::output::say;

/// What the folders of demonstrations begin with.
pub(super) const FOLDERS: &str = "indelible-demo-";
/// The note in the folder: where the demonstration listens and what was changed.
const NOTE: &str = "demo.json";
/// Longest note.
const MAX_NOTE_BYTES: u64 = 64 * 1024;
/// The byte that is changed: among the first events of a file, behind its head.
const PLACE: u64 = 4_096;
/// The bit that is turned.
const BIT: u8 = 0x10;

/// Change one byte of the running demonstration, so that verification finds it
///
/// Turns one bit of the file that holds most of the demonstration's events, as somebody with access to the disk could.
/// Nothing but a demonstration is ever touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  indelible demo tamper\n  indelible demo tamper --undo")]
pub(super) struct TamperArgs {
    /// Turn the bit back
    #[arg(long)]
    undo: bool,
}

/// Leaves the note by which a demonstration is found.
pub(super) fn tell(folder: &Path, url: &str) -> Outcome {
    write(folder, &json!({ "url": url, "pid": std::process::id() }))
}

impl TamperArgs {
    pub(super) fn run(self) -> Outcome {
        let (folder, note) = running()?;
        if self.undo {
            return undo(&folder, note);
        }
        if let Some(file) = note["file"].as_str() {
            let message = format!("a byte of {file} is changed already; turn it back with --undo");
            return Err(Failure::failed(message));
        }
        let file = largest(&folder.join("data"))?;
        let at = PLACE.min(file.metadata()?.len() / 2);
        turn(&file, at)?;
        let mut changed = note;
        changed["file"] = json!(file);
        changed["offset"] = json!(at);
        write(&folder, &changed)?;
        say(&format!("one bit changed: byte {at} of {}", file.display()));
        say("");
        say("Now look for it, with a program that is told nothing:");
        say(&format!("  indelible verify --data {}", folder.join("data").display()));
        let url = changed["url"].as_str().unwrap_or_default();
        say(&format!("or press \"Verify now\" at {url}/o/noordwal/integrity"));
        Ok(())
    }
}

fn undo(folder: &Path, mut note: Value) -> Outcome {
    let (Some(file), Some(at)) = (note["file"].as_str().map(PathBuf::from), note["offset"].as_u64()) else {
        return Err(Failure::failed("nothing is changed"));
    };
    turn(&file, at)?;
    if let Some(members) = note.as_object_mut() {
        members.remove("file");
        members.remove("offset");
    }
    say(&format!("byte {at} of {} is as it was", file.display()));
    write(folder, &note)
}

fn turn(path: &Path, at: u64) -> Outcome {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    let [old] = byte;
    file.write_all_at(&[old ^ BIT], at)?;
    Ok(file.sync_all()?)
}

/// The demonstration that runs, the newest if there are several.
fn running() -> Result<(PathBuf, Value), Failure> {
    let mut found: Vec<_> = std::fs::read_dir(std::env::temp_dir())?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDERS))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .filter_map(|(made, folder)| Some((made, read(&folder)?, folder)))
        .filter(|(_, note, _)| note["pid"].as_u64().is_some_and(lives))
        .collect();
    found.sort_by_key(|(made, ..)| *made);
    let (_, note, folder) = found.pop().ok_or_else(|| {
        Failure::failed("no demonstration of yours is running here; start one with: indelible demo")
    })?;
    Ok((folder, note))
}

fn lives(pid: u64) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

fn read(folder: &Path) -> Option<Value> {
    let mut text = String::new();
    File::open(folder.join(NOTE)).ok()?.take(MAX_NOTE_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(folder: &Path, note: &Value) -> Outcome {
    Ok(File::create(folder.join(NOTE))?.write_all(note.to_string().as_bytes())?)
}

/// The file that holds most events: a sealed one, or the write-ahead log before there is any.
fn largest(data: &Path) -> Result<PathBuf, Failure> {
    let mut folders = vec![data.to_owned()];
    let mut files: Vec<(bool, u64, PathBuf)> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)?.filter_map(Result::ok) {
            let (path, kind) = (entry.path(), entry.metadata()?);
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if kind.is_dir() {
                folders.push(path);
            } else if ["seg", "wal"].contains(&ending) {
                files.push((ending == "seg", kind.len(), path));
            }
        }
    }
    files.sort();
    let file = files.pop().map(|(.., path)| path);
    file.ok_or_else(|| Failure::failed("the demonstration has stored nothing yet; try again in a moment"))
}
