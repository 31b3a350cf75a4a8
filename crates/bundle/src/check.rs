//! Checks a bundle from its bytes alone. Everything that does not hold is named: the part, the event where one is at fault,
//! and what differs. Without a key from elsewhere the bundle's own is used, and vouches for nothing but itself.

use indelible_event::{EXTRA_MAGIC, EventId, Flag, Leaf, PLAIN_PATH, StoredBody, Value as EventValue};
use indelible_tlog::batch;
use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::proof_file::ProofFile;
use indelible_tlog::tree::{Hash, leaf_hash};
use indelible_tlog::vkey::VerifierKey;
use serde_json::Value;

use crate::archive::{Part, find, unpack};
use crate::compare;
use crate::error::BundleError;
use crate::manifest::{Claims, MANIFEST_PARAM};
use crate::page;
use crate::proofs::{Proofs, Proven};

/// Most faults that are named: the first few say what happened.
const MAX_FAULTS: usize = 20;

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The part it is in.
    pub part: String,
    /// The event, by index and id, where one is at fault.
    pub event: Option<(u64, Option<EventId>)>,
    /// What differs.
    pub what: String,
}

/// Who vouches for the manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manifested {
    /// Nobody: the bundle was made from a folder, and no event records it.
    #[default]
    Unrecorded,
    /// The log: an event with its hash is at this index.
    Recorded(u64),
}

/// What checking came to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What does not hold, the first first; empty: everything holds.
    pub faults: Vec<Fault>,
    /// The manifest, as it stands.
    pub manifest: Value,
    /// Events that were proven.
    pub events: u64,
    /// Who vouches for what the manifest says.
    pub manifested: Manifested,
    /// Keys that the bundle itself holds.
    pub keys: Vec<String>,
}

impl Verdict {
    fn fault(&mut self, part: &str, event: Option<(u64, Option<EventId>)>, what: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { part: part.to_owned(), event, what: what.into() });
        }
    }
}

/// Checks a bundle with keys of the log that are trusted, or else with those inside.
///
/// # Errors
/// When the bytes are no bundle: no zip file, a part missing, too large.
pub fn check(bytes: &[u8], trusted: Option<&[VerifierKey]>) -> Result<Verdict, BundleError> {
    let parts = unpack(bytes)?;
    let part = |name: &'static str| find(&parts, name).ok_or(BundleError::Missing(name));
    let malformed = |part, why: String| BundleError::Malformed { part, why };
    let text = |name: &'static str| {
        std::str::from_utf8(part(name)?).map_err(|error| malformed(name, error.to_string()))
    };
    let manifest: Value = serde_json::from_slice(part(crate::MANIFEST)?)
        .map_err(|error| malformed(crate::MANIFEST, error.to_string()))?;
    let claims = Claims::read(&manifest)?;
    let mut verdict = Verdict { manifest, ..Verdict::default() };
    check_parts(&parts, &claims, &mut verdict);
    verdict.keys = text(crate::KEYS)?.lines().map(str::to_owned).collect();
    let own = own_keys(&mut verdict);
    let keys = trusted.unwrap_or(&own);
    let note = text(crate::CHECKPOINT)?;
    let signed = match SignedCheckpoint::open(note.as_bytes(), keys) {
        Ok(signed) => Some(signed),
        Err(error) => {
            verdict.fault(crate::CHECKPOINT, None, error.to_string());
            None
        }
    };
    if let Some(signed) = &signed {
        check_head(signed, &claims, &mut verdict);
    }
    let proofs = match Proofs::decode(part(crate::PROOFS)?) {
        Ok(proofs) => proofs,
        Err(error) => {
            verdict.fault(crate::PROOFS, None, error.to_string());
            return Ok(verdict);
        }
    };
    check_events(part(crate::EVENTS)?, &proofs, &claims, &mut verdict);
    if let Some(signed) = &signed {
        check_tree(&proofs, signed, &mut verdict);
    }
    check_manifest(&parts, &claims, keys, &mut verdict);
    Ok(verdict)
}

/// Every part is there as the manifest names it, and no other is.
fn check_parts(parts: &[Part], claims: &Claims, verdict: &mut Verdict) {
    for (name, bytes, sha256) in &claims.parts {
        let Some(found) = find(parts, name) else {
            verdict.fault(name, None, "the manifest names it, and it is not there");
            continue;
        };
        let page = (name == crate::PAGE).then(|| page::emptied(found));
        let hashed = match &page {
            None => found,
            Some(Ok((page, _))) => page.as_bytes(),
            Some(Err(error)) => {
                verdict.fault(name, None, error.to_string());
                continue;
            }
        };
        if hashed.len() as u64 != *bytes || crate::sha256_hex(hashed) != *sha256 {
            verdict.fault(name, None, "it is not the file that the manifest names: its SHA-256 differs");
        }
        if let Some(Ok((_, data))) = page {
            match page::differing(data, parts) {
                Ok(None) => {}
                Ok(Some(other)) => verdict.fault(
                    name,
                    None,
                    format!("the {other} inside the page is not the {other} beside it"),
                ),
                Err(why) => verdict.fault(name, None, format!("the data inside the page: {why}")),
            }
        }
    }
    let known = |name: &str| {
        [crate::MANIFEST, crate::MANIFEST_PROOF].contains(&name)
            || claims.parts.iter().any(|(of, ..)| of == name)
    };
    for part in parts.iter().filter(|part| !known(&part.name)) {
        verdict.fault(&part.name, None, "the manifest does not name it");
    }
}

fn own_keys(verdict: &mut Verdict) -> Vec<VerifierKey> {
    let mut keys = Vec::new();
    for text in verdict.keys.clone() {
        match text.parse() {
            Ok(key) => keys.push(key),
            Err(error) => {
                let error: indelible_tlog::error::Error = error;
                verdict.fault(crate::KEYS, None, error.to_string());
            }
        }
    }
    keys
}

fn check_head(signed: &SignedCheckpoint, claims: &Claims, verdict: &mut Verdict) {
    let head = &signed.checkpoint;
    let same = head.origin() == claims.origin
        && head.size() == claims.size
        && head.root().to_string() == claims.root;
    if !same {
        verdict.fault(crate::MANIFEST, None, "it names another log, size or root than the signed checkpoint");
    }
}

/// Each line is what its leaf was made from, and each leaf has its line.
fn check_events(lines: &[u8], proofs: &Proofs<'_>, claims: &Claims, verdict: &mut Verdict) {
    let mut lines = lines.split_inclusive(|byte| *byte == b'\n');
    for proven in &proofs.events {
        let id = Leaf::decode(proven.leaf).ok().map(|leaf| leaf.id);
        let at = Some((proven.index, id));
        let Some(line) = lines.next() else {
            verdict.fault(crate::EVENTS, at, "its line is missing");
            return;
        };
        match opened(proven) {
            Err(why) => verdict.fault(crate::PROOFS, at, why),
            Ok((leaf, body)) => match serde_json::from_slice(line) {
                Err(error) => verdict.fault(crate::EVENTS, at, format!("its line is no JSON: {error}")),
                Ok(line) => {
                    let of = (proven.index, claims.organization.as_str());
                    match compare::difference(&line, of, (proven.leaf, &leaf, &body)) {
                        Some(what) => verdict.fault(crate::EVENTS, at, what),
                        None => verdict.events += 1,
                    }
                }
            },
        }
    }
    if lines.next().is_some() {
        verdict.fault(crate::EVENTS, None, "it has lines beyond the events that are proven");
    }
    let ends = (proofs.events.first(), proofs.events.last());
    let (first, last) = (ends.0.map(|one| one.index), ends.1.map(|one| one.index));
    let count = proofs.events.len() as u64;
    if (count, first, last) != (claims.rows, Some(claims.first), Some(claims.last)) {
        verdict.fault(crate::MANIFEST, None, "it names another number of events, or others, than are proven");
    }
}

/// A leaf with the items that it was made from.
fn opened<'a>(proven: &Proven<'a>) -> Result<(Leaf, StoredBody<'a>), String> {
    opened_leaf(proven.leaf, proven.disclosure)
}

fn opened_leaf<'a>(leaf: &[u8], disclosure: &'a [u8]) -> Result<(Leaf, StoredBody<'a>), String> {
    let leaf = Leaf::decode(leaf).map_err(|error| format!("its leaf cannot be read: {error}"))?;
    let body = StoredBody::decode_disclosure(disclosure)
        .map_err(|error| format!("its values cannot be read: {error}"))?;
    let hash = body.body_hash(leaf.id, &|_| None).map_err(|_| "an item is salted with a person's key")?;
    if hash != leaf.body {
        return Err("its values are not those that its leaf was made from".to_owned());
    }
    Ok((leaf, body))
}

fn check_tree(proofs: &Proofs<'_>, signed: &SignedCheckpoint, verdict: &mut Verdict) {
    let head = &signed.checkpoint;
    if proofs.size != head.size() {
        verdict.fault(crate::PROOFS, None, "it is of another size of the log than the signed checkpoint");
        return;
    }
    let leaves: Vec<(u64, Hash)> =
        proofs.events.iter().map(|proven| (proven.index, leaf_hash(proven.leaf))).collect();
    if let Err(error) = batch::verify(&leaves, head.size(), &proofs.hashes, head.root()) {
        let what = format!("the events do not lead to the signed root: {error}");
        verdict.fault(crate::PROOFS, None, what);
    }
}

/// The event that recorded the manifest is in the log and holds its hash.
fn check_manifest(parts: &[Part], claims: &Claims, keys: &[VerifierKey], verdict: &mut Verdict) {
    let proof = match (find(parts, crate::MANIFEST_PROOF), claims.recorded) {
        (Some(proof), true) => proof,
        (None, false) => return,
        (None, true) => {
            verdict.fault(
                crate::MANIFEST_PROOF,
                None,
                "the manifest says it was recorded, and the proof is missing",
            );
            return;
        }
        (Some(_), false) => {
            verdict.fault(crate::MANIFEST, None, "it says that nothing records it, and there is a proof");
            return;
        }
    };
    match recorded(proof, claims, keys) {
        Err(what) => verdict.fault(crate::MANIFEST_PROOF, None, what),
        Ok((index, hash)) => {
            let manifest = find(parts, crate::MANIFEST).unwrap_or_default();
            if hash == crate::sha256_hex(manifest) {
                verdict.manifested = Manifested::Recorded(index);
            } else {
                let what = format!("it is not the manifest that event {index} of the log recorded");
                verdict.fault(crate::MANIFEST, Some((index, None)), what);
            }
        }
    }
}

/// Index and recorded hash of a proof.
fn recorded(proof: &[u8], claims: &Claims, keys: &[VerifierKey]) -> Result<(u64, String), String> {
    let file = ProofFile::parse(proof).map_err(|error| error.to_string())?;
    let extra = file.extra.as_deref().and_then(|extra| extra.strip_prefix(EXTRA_MAGIC.as_slice()));
    let (leaf, disclosure) = extra
        .and_then(|extra| extra.split_first_chunk::<{ indelible_event::LEAF_BYTES }>())
        .ok_or("it holds no leaf of ours")?;
    let signed = file.verify(leaf_hash(leaf), keys).map_err(|error| error.to_string())?;
    if signed.checkpoint.origin() != claims.origin {
        return Err("it is of another log".to_owned());
    }
    let (leaf, body) = opened_leaf(leaf, disclosure)?;
    if !leaf.has(Flag::Own) {
        return Err("its event is not one of the system's own".to_owned());
    }
    let plain = body.item(PLAIN_PATH).and_then(|item| item.state.value());
    let plain = plain.and_then(|bytes| EventValue::decode(bytes).ok());
    let hash = plain.as_ref().and_then(EventValue::as_map).and_then(|map| {
        map.get(&format!("params.{MANIFEST_PARAM}")).and_then(EventValue::as_text).map(str::to_owned)
    });
    hash.map(|hash| (file.index, hash)).ok_or_else(|| "its event records no manifest".to_owned())
}
