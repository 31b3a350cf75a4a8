//! The archive: writing it, and reading it with every byte checked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use indelible_durable::real::RealDisk;
use indelible_store::backup::signed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, Source};
use crate::console::hex;

/// Name of the last entry.
pub const MANIFEST: &str = "MANIFEST.json";
const FORMAT: &str = "indelible backup 1";
/// A manifest of a million files stays below this.
const MAX_MANIFEST_BYTES: u64 = 256 << 20;
/// Packs segments, which are packed already, at the speed of a disk; zeros vanish.
const LEVEL: i32 = 1;
/// Bytes handled at once.
const PIECE: usize = 256 * 1024;

/// What the manifest says beside the list of files.
#[derive(Clone, Debug)]
pub struct About {
    node: String,
    made_ns: i64,
    logs: Vec<LogEntry>,
}

/// The last entry of an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Says that it is one, and which kind.
    pub format: String,
    /// Version of the program that made it.
    pub version: String,
    /// Id of the node.
    pub node: String,
    /// As of when, RFC 3339.
    pub made_at: String,
    /// What each log had signed.
    pub logs: Vec<LogEntry>,
    /// Every other entry.
    pub files: Vec<FileEntry>,
}

/// A log as far as it was signed; the backup may hold later events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its name.
    pub origin: String,
    /// Events in it.
    pub size: u64,
    /// Their root, base64.
    pub root: String,
}

/// An entry as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the archive.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Of its content, hexadecimal.
    pub sha256: String,
}

impl About {
    /// What a folder says that nobody writes.
    pub(super) fn of(dir: &Path, made_ns: i64) -> Result<Self, BackupError> {
        let path = dir.join("node.id");
        let node = std::fs::read_to_string(&path).map_err(BackupError::io("read", &path))?;
        let logs = signed(&RealDisk, dir)?.into_iter().map(|log| LogEntry {
            origin: log.origin,
            size: log.size,
            root: log.root.to_string(),
        });
        Ok(Self { node: node.trim().to_owned(), made_ns, logs: logs.collect() })
    }
}

impl Manifest {
    /// Bytes of all entries.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Hashes and counts what passes.
struct Counted<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R> Counted<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn entry(self, name: &str) -> FileEntry {
        FileEntry { name: name.to_owned(), bytes: self.bytes, sha256: hex(&self.hash.finalize()) }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..got).unwrap_or_default());
        self.bytes += got as u64;
        Ok(got)
    }
}

/// Writes an archive.
pub(super) fn write(sources: &[Source], about: About, out: &mut dyn Write) -> Result<Manifest, BackupError> {
    let sending = || BackupError::io("write", "the backup");
    let mut packed = zstd::Encoder::new(out, LEVEL).map_err(sending())?;
    packed.include_checksum(true).map_err(sending())?;
    let mut tar = tar::Builder::new(packed);
    let mut files = Vec::with_capacity(sources.len());
    for source in sources {
        files.push(add(&mut tar, source, about.made_ns)?);
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: about.node,
        made_at: crate::time_text(about.made_ns),
        logs: about.logs,
        files,
    };
    let text = serde_json::to_vec_pretty(&manifest).expect("texts and numbers have a JSON form");
    let mut header = header(text.len() as u64, about.made_ns);
    tar.append_data(&mut header, MANIFEST, text.as_slice()).map_err(sending())?;
    let packed = tar.into_inner().map_err(sending())?;
    packed.finish().and_then(Write::flush).map_err(sending())?;
    Ok(manifest)
}

fn header(bytes: u64, made_ns: i64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(made_ns / 1_000_000_000).unwrap_or(0));
    header
}

fn add<W: Write>(tar: &mut tar::Builder<W>, source: &Source, made_ns: i64) -> Result<FileEntry, BackupError> {
    let file = File::open(&source.path).map_err(BackupError::io("read", &source.path))?;
    let length = file.metadata().map_err(BackupError::io("read", &source.path))?.len();
    let mut content = Counted::new(file.take(length));
    tar.append_data(&mut header(length, made_ns), &source.name, &mut content)
        .map_err(BackupError::io("back up", &source.path))?;
    if content.bytes != length {
        let short = io::Error::from(io::ErrorKind::UnexpectedEof);
        return Err(BackupError::io("read all of", &source.path)(short));
    }
    Ok(content.entry(&source.name))
}

/// Reads an archive to its end and checks everything; gives the manifest and the SHA-256 of the file. `progress` is told
/// how many bytes of the file were read.
pub fn verify(path: &Path, progress: &mut dyn FnMut(u64)) -> Result<(Manifest, String), BackupError> {
    read(path, progress, &mut |_, content| {
        io::copy(content, &mut io::sink()).map(drop).map_err(|error| damaged("an entry", &error))
    })
}

/// Takes one entry's content.
pub(super) type Take<'a> = dyn FnMut(&str, &mut dyn Read) -> Result<(), BackupError> + 'a;

/// The same, with every entry's content handed on. It may be acted on only once the whole was found right.
pub(super) fn read(
    path: &Path,
    progress: &mut dyn FnMut(u64),
    each: &mut Take<'_>,
) -> Result<(Manifest, String), BackupError> {
    let file = File::open(path).map_err(BackupError::io("open", path))?;
    let told = Told { inner: Counted::new(BufReader::with_capacity(PIECE, file)), progress };
    let unpacked = zstd::Decoder::new(told).map_err(BackupError::io("unpack", path))?;
    let mut tar = tar::Archive::new(unpacked);
    let (mut found, mut manifest, mut place) = (BTreeMap::new(), None, "its beginning".to_owned());
    for entry in tar.entries().map_err(|error| damaged(&place, &error))? {
        let mut entry = entry.map_err(|error| damaged(&place, &error))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if manifest.is_some() {
            return Err(damaged(&name, &"it stands behind the list of what there is"));
        }
        place = format!("the place behind {name}");
        if name == MANIFEST {
            let mut text = Vec::new();
            let whole = (&mut entry).take(MAX_MANIFEST_BYTES).read_to_end(&mut text);
            whole.map_err(|error| damaged(&name, &error))?;
            manifest = Some(parse(&text)?);
            continue;
        }
        let mut content = Counted::new(&mut entry);
        each(&name, &mut content).map_err(|error| named(error, &name))?;
        found.insert(name.clone(), content.entry(&name));
    }
    let manifest =
        manifest.ok_or_else(|| damaged(&place, &"it ends here, before the list of what belongs in it"))?;
    compare(&manifest, &found)?;
    // To the last byte: the packing has a checksum of its own at its end.
    let mut unpacked = tar.into_inner();
    io::copy(&mut unpacked, &mut io::sink()).map_err(|error| damaged("its end", &error))?;
    let mut told = unpacked.finish();
    io::copy(&mut told, &mut io::sink()).map_err(BackupError::io("read", path))?;
    Ok((manifest, hex(&told.into_inner().inner.hash.finalize())))
}

/// Tells how much of the file was read.
struct Told<'a, R> {
    inner: Counted<R>,
    progress: &'a mut dyn FnMut(u64),
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        (self.progress)(self.inner.bytes);
        Ok(got)
    }
}

pub(super) fn damaged(entry: &str, why: &dyn std::fmt::Display) -> BackupError {
    BackupError::Damaged { entry: entry.to_owned(), why: why.to_string() }
}

/// Damage within an entry gets the entry's name.
fn named(error: BackupError, name: &str) -> BackupError {
    match error {
        BackupError::Damaged { why, .. } => damaged(name, &why),
        other => other,
    }
}

fn parse(text: &[u8]) -> Result<Manifest, BackupError> {
    let manifest: Manifest = serde_json::from_slice(text).map_err(|error| damaged(MANIFEST, &error))?;
    if manifest.format != FORMAT {
        let why = format!("it says {:?}; this program reads {FORMAT:?}", manifest.format);
        return Err(damaged(MANIFEST, &why));
    }
    Ok(manifest)
}

fn compare(manifest: &Manifest, found: &BTreeMap<String, FileEntry>) -> Result<(), BackupError> {
    for wanted in &manifest.files {
        match found.get(&wanted.name) {
            Some(entry) if entry == wanted => {}
            Some(entry) => {
                let why = format!(
                    "it has {} bytes with SHA-256 {} and should have {} with {}",
                    entry.bytes, entry.sha256, wanted.bytes, wanted.sha256
                );
                return Err(damaged(&wanted.name, &why));
            }
            None => return Err(damaged(&wanted.name, &"it is missing")),
        }
    }
    match found.keys().find(|name| manifest.files.iter().all(|file| file.name != **name)) {
        Some(name) => Err(damaged(name, &"it is not in the list of what belongs there")),
        None => Ok(()),
    }
}
