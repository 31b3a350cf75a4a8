//! Writes logs for verifiers that are not ours: `write-log FOLDER SIZE|FIRST-LAST…`
//!
//! ```text
//! FOLDER/vkey                     key of the log
//! FOLDER/good/<size>/…            static layout: checkpoint, tile/<L>/<N>, tile/entries/<N>
//! FOLDER/bad/<size>-<what>/…      the same, altered in one place
//! FOLDER/proofs/<size>.tlog-proof, FOLDER/bad-proofs/<size>-<what>.tlog-proof
//! ```
//!
//! All sizes are prefixes of one log. Its leaves have the shape of ours: 80 bytes that end in a body
//! hash over one withheld and one disclosed field.

use std::error::Error as StdError;
use std::fs::{File, create_dir_all};
use std::io::Write;
use std::path::Path;

use indelible_tlog::checkpoint::Checkpoint;
use indelible_tlog::error::Error;
use indelible_tlog::note::SignatureLine;
use indelible_tlog::proof;
use indelible_tlog::proof_file::ProofFile;
use indelible_tlog::tile::{Kind, Tile, push_entry};
use indelible_tlog::tree::{HASH_LEN, Hash, LEVELS, Stack, leaf_hash};
use indelible_tlog::vkey::{Algorithm, SignerKey};
use sha2::{Digest, Sha256};

type Outcome<T> = Result<T, Box<dyn StdError>>;

const ORIGIN: &str = "log.example/log/7f3c";
const LEAF_LEN: usize = 80;

/// Each is one way to alter a log of at least that many leaves.
const ALTERATIONS: [(&str, u64); 10] = [
    ("entry-bit", 1),
    ("tile-bit", 1),
    ("signature", 1),
    ("signed-other-root", 1),
    ("size-text", 1),
    ("tile-missing", 1),
    ("signed-other-size", 1),
    ("other-key", 1),
    ("entries-swapped", 2),
    ("upper-tile-bit", 256),
];

/// Each is one way to alter a proof file; a path bit needs a path.
const PROOF_ALTERATIONS: [(&str, u64); 4] =
    [("extra-bit", 1), ("index", 2), ("path-bit", 2), ("other-key", 1)];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("write-log FOLDER SIZE|FIRST-LAST…")?;
    let mut sizes = Vec::new();
    for argument in arguments {
        let (first, last) = argument.split_once('-').unwrap_or((&argument, &argument));
        sizes.extend(first.parse::<u64>()?..=last.parse()?);
    }
    let log = Log::of(sizes.iter().copied().max().ok_or("no sizes given")?)?;
    let folder = Path::new(&folder);
    write(&folder.join("vkey"), log.key.verifier().to_string().as_bytes())?;
    for size in sizes {
        write_log(&log, folder, size)?;
        write_proofs(&log, folder, size)?;
    }
    Ok(())
}

/// Flat files of one log, as a node keeps them.
struct Log {
    key: SignerKey,
    other_key: SignerKey,
    entries: Vec<u8>,
    levels: [Vec<u8>; LEVELS as usize],
}

impl Log {
    fn of(size: u64) -> Result<Self, Error> {
        let key = SignerKey::new(ORIGIN, Algorithm::Ed25519, &[0x2a; 32])?;
        let other_key = SignerKey::new(ORIGIN, Algorithm::Ed25519, &[0x2b; 32])?;
        let mut log = Self { key, other_key, entries: Vec::new(), levels: Default::default() };
        let mut stack = Stack::new();
        for index in 0..size {
            let leaf = leaf(index);
            push_entry(&mut log.entries, &leaf)?;
            stack.append(leaf_hash(&leaf), |level, hash| {
                log.levels[usize::from(level)].extend_from_slice(hash.as_bytes());
            });
        }
        Ok(log)
    }

    fn hash(&self, level: u8, index: u64) -> Result<Hash, Error> {
        let file = &self.levels[usize::from(level)];
        let start = index as usize * HASH_LEN;
        Hash::from_slice(file.get(start..start + HASH_LEN).unwrap_or_default())
    }

    fn bytes_of(&self, tile: &Tile) -> &[u8] {
        let range = tile.byte_range(LEAF_LEN);
        let file = match tile.kind() {
            Kind::Level(level) => &self.levels[usize::from(level)],
            Kind::Entries => &self.entries,
        };
        &file[range.start as usize..range.end as usize]
    }

    fn checkpoint(&self, size: u64) -> Outcome<Checkpoint> {
        let root = proof::root(size, &|level, index| self.hash(level, index))?;
        Ok(Checkpoint::new(ORIGIN, size, root)?)
    }
}

/// Disclosure of a leaf: the items behind its body hash, the first withheld, the second with its salt.
fn items(index: u64) -> (Vec<u8>, [u8; 32]) {
    let (withheld, salt) = (Sha256::digest(index.to_be_bytes()), Sha256::digest(index.to_le_bytes()));
    let value = [&[0x03], index.to_be_bytes().as_slice()].concat();
    let path = b"\x00\x06number";
    let commitment = Sha256::digest([b"evc1\0", salt.as_slice(), path, &value].concat());
    let body = Sha256::digest([b"evb1\0\x00\x02\x00\x01*", withheld.as_slice(), path, &commitment].concat());
    let length = (value.len() as u32).to_be_bytes();
    let items =
        [b"\x00\x02\x00\x01*\x02", withheld.as_slice(), path, b"\x03", salt.as_slice(), &length, &value]
            .concat();
    (items, body.into())
}

fn leaf(index: u64) -> Vec<u8> {
    let mut leaf = vec![1, 0, 0, 0];
    leaf.extend_from_slice(&[0; 4]);
    leaf.extend_from_slice(&(1_700_000_000_000_000_000 + index).to_be_bytes());
    leaf.extend_from_slice(&u128::from(index).to_be_bytes());
    leaf.extend_from_slice(&7u64.to_be_bytes());
    leaf.extend_from_slice(&(index + 1).to_be_bytes());
    leaf.extend_from_slice(&items(index).1);
    leaf
}

fn write_log(log: &Log, folder: &Path, size: u64) -> Outcome<()> {
    let mut note = log.checkpoint(size)?.sign(&log.key)?;
    note.push(SignatureLine::grease(&[0xa5; 68]))?;
    let mut files = vec![("checkpoint".to_owned(), note.to_string().into_bytes())];
    for kind in (0..LEVELS).map(Kind::Level).chain([Kind::Entries]) {
        for tile in Tile::all(kind, size) {
            tile.check_served(size, 0)?;
            files.push((tile.to_string(), log.bytes_of(&tile).to_vec()));
        }
    }
    write_all(&folder.join("good").join(size.to_string()), &files)?;
    for (number, (what, least)) in ALTERATIONS.into_iter().enumerate() {
        if size >= least && is_turn(size, number as u64, ALTERATIONS.len() as u64) {
            let altered = altered_log(log, size, what, files.clone())?;
            write_all(&folder.join("bad").join(format!("{size}-{what}")), &altered)?;
        }
    }
    Ok(())
}

/// Small and large sizes get every alteration, those between take turns.
fn is_turn(size: u64, number: u64, of: u64) -> bool {
    !(21..=1020).contains(&size) || size % of == number
}

type Files = Vec<(String, Vec<u8>)>;

fn altered_log(log: &Log, size: u64, what: &str, mut files: Files) -> Outcome<Files> {
    let checkpoint = log.checkpoint(size)?;
    let other = |size, root| Ok::<_, Error>(Checkpoint::new(ORIGIN, size, root)?.sign(&log.key)?.to_string());
    let pick = |files: &mut Files, prefix: &str| {
        let found = files.iter().position(|(path, _)| path.starts_with(prefix));
        found.ok_or_else(|| format!("no file {prefix} in a log of {size}"))
    };
    let at = match what {
        "entry-bit" | "entries-swapped" => pick(&mut files, "tile/entries/")?,
        "tile-bit" | "tile-missing" => pick(&mut files, "tile/0/")?,
        "upper-tile-bit" => pick(&mut files, "tile/1/")?,
        _ => 0,
    };
    let bytes = &mut files[at].1;
    match what {
        "entry-bit" | "tile-bit" | "upper-tile-bit" => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        "entries-swapped" => bytes.rotate_left(2 + LEAF_LEN),
        "tile-missing" => drop(files.remove(at)),
        "signature" => {
            let note = String::from_utf8(bytes.clone())?;
            let place = note.find("\u{2014} ").ok_or("no signature")? + "\u{2014} ".len() + ORIGIN.len() + 9;
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        }
        "size-text" => {
            let place = ORIGIN.len() + 1;
            bytes[place] = if bytes[place] == b'1' { b'2' } else { b'1' };
        }
        "signed-other-root" => *bytes = other(size, leaf_hash(b"other"))?.into_bytes(),
        "signed-other-size" => *bytes = other(size + 1, checkpoint.root())?.into_bytes(),
        "other-key" => *bytes = checkpoint.sign(&log.other_key)?.to_string().into_bytes(),
        _ => return Err(format!("unknown alteration {what}").into()),
    }
    Ok(files)
}

fn write_proofs(log: &Log, folder: &Path, size: u64) -> Outcome<()> {
    let index = size * 7 / 11;
    let checkpoint = log.checkpoint(size)?;
    let path = proof::inclusion(index, size, &|level, index| log.hash(level, index))?;
    let extra = [b"ixd1", leaf(index).as_slice(), &items(index).0].concat();
    let file = ProofFile { extra: Some(extra), index, path, note: checkpoint.sign(&log.key)? };
    let read = ProofFile::parse(file.to_string().as_bytes())?;
    read.verify(leaf_hash(&leaf(index)), &[log.key.verifier().clone()])?;
    write(&folder.join(format!("proofs/{size}.tlog-proof")), file.to_string().as_bytes())?;
    for (number, (what, least)) in PROOF_ALTERATIONS.into_iter().enumerate() {
        if size < least || !is_turn(size, number as u64, PROOF_ALTERATIONS.len() as u64) {
            continue;
        }
        let mut altered = file.clone();
        match what {
            "extra-bit" => {
                let extra = altered.extra.as_mut().ok_or("no extra")?;
                extra[4 + (size as usize * 13) % 90] ^= 4;
            }
            "index" => altered.index = (index + 1) % size,
            "path-bit" => altered.path[0] = leaf_hash(altered.path[0].as_bytes()),
            _ => altered.note = checkpoint.sign(&log.other_key)?,
        }
        write(&folder.join(format!("bad-proofs/{size}-{what}.tlog-proof")), altered.to_string().as_bytes())?;
    }
    Ok(())
}

fn write_all(folder: &Path, files: &Files) -> Outcome<()> {
    files.iter().try_for_each(|(path, bytes)| write(&folder.join(path), bytes))
}

fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    create_dir_all(path.parent().ok_or("a path without folder")?)?;
    File::create(path)?.write_all(bytes).map_err(Into::into)
}
