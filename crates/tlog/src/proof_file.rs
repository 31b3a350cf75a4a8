//! Proof files (`.tlog-proof`): one leaf's index and inclusion path with the checkpoint they lead to,
//! to be checked offline.
//!
//! The leaf itself is not in the format. It comes from elsewhere or is rebuilt from `extra`, which is
//! authenticated by nothing: whoever rebuilds a leaf from it must hash that leaf and verify it here.

use std::fmt;

use crate::checkpoint::SignedCheckpoint;
use crate::error::Error;
use crate::note::{MAX_NOTE, Note};
use crate::proof::{MAX_PATH, verify_inclusion};
use crate::text::{base64_decode, base64_encode, decimal, take_line};
use crate::tree::{Hash, MAX_SIZE};
use crate::vkey::VerifierKey;

/// First line of every proof file.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most bytes of `extra`: an event of 256 KiB with 512 salts and paths fits twice.
pub const MAX_EXTRA: usize = 1024 * 1024;

/// Longest proof file: the note, the largest extra in base64, the path and the fixed lines.
pub const MAX_PROOF_FILE: usize = MAX_NOTE + MAX_EXTRA / 3 * 4 + 8 * 1024;

/// A proof file. Text form: the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// Opaque data for the application; proven by nothing.
    pub extra: Option<Vec<u8>>,
    /// Index of the leaf.
    pub index: u64,
    /// Inclusion path, the leaf's sibling first.
    pub path: Vec<Hash>,
    /// The checkpoint, as it was signed.
    pub note: Note,
}

impl ProofFile {
    /// Reads a proof file; nothing is verified.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLarge`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_PROOF_FILE {
            return Err(Error::TooLarge { what: "proof file in bytes", limit: MAX_PROOF_FILE });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad_file("it is not UTF-8"))?;
        let (header, rest) = line(text)?;
        if header != HEADER {
            return Err(bad_file("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let (mut next, mut rest) = line(rest)?;
        let extra = match next.strip_prefix("extra ") {
            Some(extra) => {
                (next, rest) = line(rest)?;
                Some(parse_extra(extra)?)
            }
            None => None,
        };
        let index = next.strip_prefix("index ").ok_or_else(|| bad_file("the index line is missing"))?;
        let index = decimal("leaf index", index)?;
        let (path, note) = parse_path("proof file", rest)?;
        Ok(Self { extra, index, path, note: Note::parse(note.as_bytes())? })
    }

    /// Checks signature and path for the leaf with this hash. Returns what the log signed; the caller
    /// then judges cosignatures by its policy.
    ///
    /// # Errors
    /// Those of [`SignedCheckpoint::open`] and [`verify_inclusion`].
    pub fn verify(&self, leaf: Hash, log_keys: &[VerifierKey]) -> Result<SignedCheckpoint, Error> {
        let signed = SignedCheckpoint::from_note(self.note.clone(), log_keys)?;
        let (size, root) = (signed.checkpoint.size(), signed.checkpoint.root());
        verify_inclusion(leaf, self.index, size, &self.path, root)?;
        Ok(signed)
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64_encode(extra))?;
        }
        writeln!(f, "index {}", self.index.min(MAX_SIZE))?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

fn parse_extra(base64: &str) -> Result<Vec<u8>, Error> {
    let extra = base64_decode("proof file", base64)?;
    if extra.len() > MAX_EXTRA {
        return Err(Error::TooLarge { what: "extra of a proof file in bytes", limit: MAX_EXTRA });
    }
    Ok(extra)
}

/// The hashes up to the empty line, and what follows it.
pub(crate) fn parse_path<'t>(what: &'static str, text: &'t str) -> Result<(Vec<Hash>, &'t str), Error> {
    let line = |text| take_line(text).ok_or_else(|| Error::malformed(what, "it is cut off"));
    let mut path = Vec::new();
    let (mut next, mut rest) = line(text)?;
    while !next.is_empty() {
        if path.len() == MAX_PATH {
            return Err(Error::TooLarge { what: "hashes of a proof", limit: MAX_PATH });
        }
        path.push(next.parse()?);
        (next, rest) = line(rest)?;
    }
    Ok((path, rest))
}

fn line(text: &str) -> Result<(&str, &str), Error> {
    take_line(text).ok_or_else(|| bad_file("it is cut off"))
}

fn bad_file(why: &str) -> Error {
    Error::malformed("proof file", why)
}
