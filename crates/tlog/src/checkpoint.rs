//! Checkpoints: the text a log signs to commit itself to a tree, and opening one that arrived.
//!
//! A checkpoint carries no time; freshness comes from cosignatures alone. A log must never sign two
//! checkpoints that contradict each other: whoever calls [`Checkpoint::sign`] answers for that.

use crate::error::Error;
use crate::note::{Note, Verified};
use crate::text::{decimal, take_line};
use crate::tree::{Hash, MAX_SIZE};
use crate::vkey::{Algorithm, SignerKey, VerifierKey, check_name};

/// What a log commits itself to: these leaves, in this order, under this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines; we write no others.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an origin that cannot be a key name, or a root that cannot be the
    /// empty tree's; [`Error::OutOfRange`] for a size above [`MAX_SIZE`].
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, Error> {
        check_name("checkpoint origin", origin)?;
        if size > MAX_SIZE {
            return Err(Error::range("checkpoint size", size, "sizes end at 2^63 - 1"));
        }
        if size == 0 && root != Hash::EMPTY_ROOT {
            return Err(bad_checkpoint("a tree without leaves has one root only"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// Reads the text of a note. Extension lines of other logs are kept.
    ///
    /// # Errors
    /// As for [`Checkpoint::new`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let short = || bad_checkpoint("expected the lines origin, size and root");
        let (origin, rest) = take_line(text).ok_or_else(short)?;
        let (size, rest) = take_line(rest).ok_or_else(short)?;
        let (root, rest) = take_line(rest).ok_or_else(short)?;
        let mut checkpoint = Self::new(origin, decimal("checkpoint size", size)?, root.parse()?)?;
        if !rest.is_empty() {
            let lines = rest.strip_suffix('\n').ok_or_else(|| bad_checkpoint("its last line is cut off"))?;
            checkpoint.extensions = lines.split('\n').map(str::to_owned).collect();
        }
        if checkpoint.extensions.iter().any(String::is_empty) {
            return Err(bad_checkpoint("extension lines are not empty"));
        }
        Ok(checkpoint)
    }

    /// Name of the log, which is also the name of its key.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of those leaves.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Lines behind the root; empty in every checkpoint of ours.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The text that is signed, its last newline included.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// A note with this log's own line first. Grease and cosignatures are pushed onto it.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the key is no log key of this origin.
    pub fn sign(&self, key: &SignerKey) -> Result<Note, Error> {
        check_log_key(&self.origin, key.verifier())?;
        let text = self.text();
        let line = key.sign_line(&text, 0);
        Note::new(text, vec![line])
    }
}

/// A checkpoint whose log signature has been verified, with the note it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// The verified checkpoint.
    pub checkpoint: Checkpoint,
    /// The note, lines of unknown keys included.
    pub note: Note,
}

impl SignedCheckpoint {
    /// Reads a note and demands a line of a log key whose name is the origin. Every line of a given
    /// key must verify.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::TooLarge`] for bytes that are no signed checkpoint,
    /// [`Error::BadSignature`], [`Error::Unsigned`].
    pub fn open(bytes: &[u8], log_keys: &[VerifierKey]) -> Result<Self, Error> {
        Self::from_note(Note::parse(bytes)?, log_keys)
    }

    /// As [`SignedCheckpoint::open`], for a note that has been parsed.
    ///
    /// # Errors
    /// As for [`SignedCheckpoint::open`].
    pub fn from_note(note: Note, log_keys: &[VerifierKey]) -> Result<Self, Error> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let verified = note.verify(log_keys)?;
        if !verified.iter().any(|line| check_log_key(checkpoint.origin(), line.key).is_ok()) {
            return Err(Error::Unsigned);
        }
        Ok(Self { checkpoint, note })
    }

    /// The cosignatures of those witnesses, all of them checked; none is no error.
    ///
    /// # Errors
    /// [`Error::BadSignature`] when a line bears name and id of a given key and does not verify.
    pub fn cosigned_by<'k>(&self, witnesses: &'k [VerifierKey]) -> Result<Vec<Verified<'k>>, Error> {
        match self.note.verify(witnesses) {
            Err(Error::Unsigned) => Ok(Vec::new()),
            other => other,
        }
    }
}

fn check_log_key(origin: &str, key: &VerifierKey) -> Result<(), Error> {
    if key.algorithm() != Algorithm::Ed25519 || key.name() != origin {
        return Err(bad_checkpoint("a log signs with an Ed25519 key (type 0x01) named like its origin"));
    }
    Ok(())
}

fn bad_checkpoint(why: &str) -> Error {
    Error::malformed("checkpoint", why)
}
