//! The witness protocol, seen from the log: what to send to `<prefix>/add-checkpoint`, and what an
//! answer means. Sending, waiting and retrying belong to others; the clock arrives as a number.

use sha2::{Digest, Sha256};

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::Error;
use crate::note::{Note, SignatureLine};
use crate::proof::MAX_PATH;
use crate::proof_file::parse_path;
use crate::text::{decimal, take_line};
use crate::tree::Hash;
use crate::vkey::{Algorithm, VerifierKey};

/// Content type of an answer that states the witness's size.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// How far (seconds) a witness's clock may be ahead of ours.
pub const MAX_AHEAD_S: u64 = 300;

/// Longest answer read: one line per key the witness holds, 5 kB each at most.
pub const MAX_ANSWER: usize = 64 * 1024;

/// Most signature lines in an answer; a witness has one key, seldom a second while it rotates.
const MAX_ANSWER_LINES: usize = 16;

/// A request: the size the witness is believed to hold, the way from there, and the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size the witness has seen last; 0 for none.
    pub old: u64,
    /// Consistency proof from `old`; empty when `old` is 0 or the checkpoint's size.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Note,
}

impl AddCheckpoint {
    /// The body to post.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a proof that the protocol forbids; [`Error::TooLarge`] for one of more
    /// than 63 hashes; [`Error::OutOfRange`] when `old` exceeds the checkpoint's size.
    pub fn encode(&self) -> Result<String, Error> {
        self.check()?;
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            body.push_str(&hash.to_string());
            body.push('\n');
        }
        Ok(body + "\n" + &self.note.to_string())
    }

    /// Reads a body, as a witness does; no signature is verified.
    ///
    /// # Errors
    /// As for [`AddCheckpoint::encode`], and [`Error::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let bad = |why: &str| Error::malformed("add-checkpoint request", why);
        let text = std::str::from_utf8(body).map_err(|_| bad("it is not UTF-8"))?;
        let (old, rest) = take_line(text).ok_or_else(|| bad("it is cut off"))?;
        let old = old.strip_prefix("old ").ok_or_else(|| bad("its first line is not old <size>"))?;
        let (proof, note) = parse_path("add-checkpoint request", rest)?;
        let old = decimal("add-checkpoint request", old)?;
        let request = Self { old, proof, note: Note::parse(note.as_bytes())? };
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), Error> {
        let size = Checkpoint::parse(self.note.text())?.size();
        if self.old > size {
            return Err(Error::range("old tree size", self.old, format!("the checkpoint has {size} leaves")));
        }
        if self.proof.len() > MAX_PATH {
            return Err(Error::TooLarge { what: "hashes of a proof", limit: MAX_PATH });
        }
        if !self.proof.is_empty() && (self.old == 0 || self.old == size) {
            return Err(Error::malformed(
                "add-checkpoint request",
                "old is 0 or the size, so no proof is due",
            ));
        }
        Ok(())
    }
}

/// What a witness answered.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Value of the header `Content-Type`, empty when there was none.
    pub content_type: &'a str,
    /// Body, read up to [`MAX_ANSWER`] bytes.
    pub body: &'a [u8],
}

/// What we do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Push the line onto the checkpoint; its signature and time have been checked.
    Cosigned {
        /// The witness's signature line.
        line: SignatureLine,
        /// Unix seconds it states.
        time: u64,
    },
    /// Prove from this size and ask again, three times at most.
    ProveFrom(u64),
    /// The witness holds more than our newest head: we lost data. Alarm, stop publishing this log.
    LostData {
        /// Size the witness holds.
        theirs: u64,
    },
    /// Proof or root contradict what the witness saw: a fork or a fault of ours. Alarm, stop signing
    /// this log, keep both notes.
    Fork,
    /// The witness does not know us, or our request is wrong: shown to the operator.
    Configuration,
    /// Ask again later; a commit never waits for this.
    TryLater,
    /// The answer follows no rule of the protocol: treated like [`Judgement::TryLater`], and shown.
    Nonsense(Error),
}

/// Judges the answer to a request that carried `sent`.
///
/// `newest` is the size of our newest head and `now` our clock in Unix seconds.
pub fn judge(
    answer: &Answer,
    sent: &SignedCheckpoint,
    newest: u64,
    key: &VerifierKey,
    now: u64,
) -> Judgement {
    if answer.body.len() > MAX_ANSWER {
        return Judgement::Nonsense(Error::TooLarge { what: "witness answer in bytes", limit: MAX_ANSWER });
    }
    match answer.status {
        200 => cosigned(answer.body, sent, key, now).unwrap_or_else(Judgement::Nonsense),
        409 => conflict(answer, newest).unwrap_or_else(Judgement::Nonsense),
        422 => Judgement::Fork,
        400 | 403 | 404 => Judgement::Configuration,
        429 | 500..=599 => Judgement::TryLater,
        other => Judgement::Nonsense(bad_answer(&format!("status {other} has no meaning"))),
    }
}

fn cosigned(body: &[u8], sent: &SignedCheckpoint, key: &VerifierKey, now: u64) -> Result<Judgement, Error> {
    if key.algorithm() != Algorithm::CosignatureV1 {
        return Err(bad_answer("the configured key is no cosignature key (type 0x04)"));
    }
    let lines = std::str::from_utf8(body).ok().and_then(|text| text.strip_suffix('\n'));
    let lines = lines.ok_or_else(|| bad_answer("expected signature lines"))?;
    if lines.split('\n').count() > MAX_ANSWER_LINES {
        return Err(Error::TooLarge { what: "signature lines of an answer", limit: MAX_ANSWER_LINES });
    }
    let lines = lines.split('\n').map(SignatureLine::parse).collect::<Result<Vec<_>, _>>()?;
    let line = lines.into_iter().find(|line| line.name() == key.name() && line.id() == key.id());
    let line = line.ok_or(Error::Unsigned)?;
    let time = key.verify(sent.note.text(), line.payload())?.unwrap_or_default();
    if time > now.saturating_add(MAX_AHEAD_S) {
        return Err(bad_answer("its time is more than five minutes ahead of our clock"));
    }
    Ok(Judgement::Cosigned { line, time })
}

fn conflict(answer: &Answer, newest: u64) -> Result<Judgement, Error> {
    let mime = answer.content_type.split(';').next().unwrap_or_default().trim();
    if !mime.eq_ignore_ascii_case(SIZE_TYPE) {
        return Err(bad_answer("status 409 without the type text/x.tlog.size"));
    }
    let size = std::str::from_utf8(answer.body).ok().and_then(|text| text.strip_suffix('\n'));
    let theirs = decimal("witness answer", size.ok_or_else(|| bad_answer("expected a size and a newline"))?)?;
    if theirs > newest { Ok(Judgement::LostData { theirs }) } else { Ok(Judgement::ProveFrom(theirs)) }
}

/// Path below a witness's monitoring prefix at which it shows its latest checkpoint of a log.
pub fn monitor_path(origin: &str) -> String {
    let hash = <[u8; 32]>::from(Sha256::digest(origin));
    let (high, low) = (hash.first_chunk(), hash.last_chunk());
    let [high, low] = [high, low].map(|half| u128::from_be_bytes(*half.expect("32 bytes have two halves")));
    format!("{high:032x}{low:032x}/checkpoint")
}

fn bad_answer(why: &str) -> Error {
    Error::malformed("witness answer", why)
}
