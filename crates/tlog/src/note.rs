//! Signed notes: a text, an empty line, and signature lines `— <name> <base64(key id ‖ signature)>`.
//!
//! Signatures cover bytes, so a note is kept and passed on exactly as it was read. Parsing proves
//! nothing; only [`Note::verify`] does.

use std::fmt;

use crate::error::Error;
use crate::text::{base64_decode, base64_encode};
use crate::vkey::{KeyId, SignerKey, VerifierKey, check_name};

/// Longest note. Go's implementation stops at 1 MB; 64 lines of the largest known type need 230 kB,
/// more than any quorum in use, and notes are read from strangers.
pub const MAX_NOTE: usize = 128 * 1024;

/// Most signature lines read. Others are known to accept 16 to 100.
pub const MAX_LINES: usize = 64;

/// Most signature lines that our own notes may carry, so that every known verifier reads them.
pub const MAX_OWN_LINES: usize = 16;

/// Name on lines that teach clients to ignore unknown keys.
pub const GREASE_NAME: &str = "grease.invalid";

/// Every signature line begins with U+2014 and a space.
const MARK: &str = "\u{2014} ";

/// One signature line. Text form: without its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: String,
    id: KeyId,
    payload: Vec<u8>,
}

impl SignatureLine {
    /// Reads one line, without its newline.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(line: &str) -> Result<Self, Error> {
        let bad = |why: &str| Error::malformed("signature line", why);
        let rest = line.strip_prefix(MARK).ok_or_else(|| bad("it begins with U+2014 and a space"))?;
        let (name, signature) =
            rest.split_once(' ').ok_or_else(|| bad("expected a name, a space and base64"))?;
        check_name("signature line", name)?;
        let bytes = base64_decode("signature line", signature)?;
        let (id, payload) = bytes.split_first_chunk().ok_or_else(|| bad("it ends within the key id"))?;
        if payload.is_empty() {
            return Err(bad("nothing follows the key id"));
        }
        Ok(Self { name: name.to_owned(), id: KeyId(*id), payload: payload.to_vec() })
    }

    /// A well-formed line of a key that nobody has, made of 68 random bytes.
    pub fn grease(random: &[u8; 68]) -> Self {
        let (id, payload) = random.split_first_chunk().expect("68 bytes hold a key id");
        Self { name: GREASE_NAME.to_owned(), id: KeyId(*id), payload: payload.to_vec() }
    }

    /// Name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What follows the key id.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.0.as_slice(), &self.payload].concat();
        write!(f, "{MARK}{} {}", self.name, base64_encode(&bytes))
    }
}

impl SignerKey {
    /// Signs a note's text, its last newline included. A cosigning key states `time` (Unix seconds),
    /// and the text must be a checkpoint; a log's own key does not use it.
    pub fn sign_line(&self, text: &str, time: u64) -> SignatureLine {
        let key = self.verifier();
        SignatureLine { name: key.name().to_owned(), id: key.id(), payload: self.sign(text, time) }
    }
}

/// A line that verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'k> {
    /// The key that made it.
    pub key: &'k VerifierKey,
    /// The time in Unix seconds that a cosignature states.
    pub time: Option<u64>,
}

/// A note as it was read. Text form: its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<SignatureLine>,
}

impl Note {
    /// Puts a note together; nothing is verified.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::TooLarge`] when [`Note::parse`] would refuse the outcome.
    pub fn new(text: String, lines: Vec<SignatureLine>) -> Result<Self, Error> {
        check_text(&text)?;
        let note = Self { text, lines };
        note.check_limits()?;
        Ok(note)
    }

    /// Splits text and signature lines at the last empty line.
    ///
    /// # Errors
    /// [`Error::Malformed`], or [`Error::TooLarge`] beyond [`MAX_NOTE`] bytes or [`MAX_LINES`] lines.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_NOTE {
            return Err(Error::TooLarge { what: "note in bytes", limit: MAX_NOTE });
        }
        let all = std::str::from_utf8(bytes).map_err(|_| bad_note("it is not UTF-8"))?;
        let at = all.rfind("\n\n").ok_or_else(|| bad_note("no empty line precedes the signatures"))?;
        let (text, rest) = all.split_at(at + 1);
        check_text(text)?;
        let lines = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
        let lines = lines.ok_or_else(|| bad_note("its last line is cut off, or there is no signature"))?;
        if lines.split('\n').count() > MAX_LINES {
            return Err(Error::TooLarge { what: "signature lines of a note", limit: MAX_LINES });
        }
        let lines = lines.split('\n').map(SignatureLine::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), lines })
    }

    /// The signed text, its last newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in their order.
    pub fn lines(&self) -> &[SignatureLine] {
        &self.lines
    }

    /// Adds a line, such as a cosignature.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the note would exceed its limits; it is then unchanged.
    pub fn push(&mut self, line: SignatureLine) -> Result<(), Error> {
        self.lines.push(line);
        self.check_limits().inspect_err(|_| drop(self.lines.pop()))
    }

    /// The lines that the given keys made, all of them checked. Lines of other keys are ignored.
    ///
    /// # Errors
    /// [`Error::BadSignature`] when a line bears name and id of a given key and does not verify;
    /// [`Error::Unsigned`] when no line verifies.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<Verified<'k>>, Error> {
        let mut verified = Vec::new();
        for line in &self.lines {
            for key in keys.iter().filter(|key| line.is_of(key)) {
                verified.push(Verified { key, time: key.verify(&self.text, &line.payload)? });
            }
        }
        if verified.is_empty() {
            return Err(Error::Unsigned);
        }
        Ok(verified)
    }

    fn check_limits(&self) -> Result<(), Error> {
        if self.lines.len() > MAX_LINES {
            return Err(Error::TooLarge { what: "signature lines of a note", limit: MAX_LINES });
        }
        if self.to_string().len() > MAX_NOTE {
            return Err(Error::TooLarge { what: "note in bytes", limit: MAX_NOTE });
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn check_text(text: &str) -> Result<(), Error> {
    if !text.ends_with('\n') {
        return Err(bad_note("its text does not end in a newline"));
    }
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(bad_note("control characters other than newline are not allowed"));
    }
    Ok(())
}

fn bad_note(why: &str) -> Error {
    Error::malformed("note", why)
}
