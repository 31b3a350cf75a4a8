//! Salted commitments to single items, and the body hash over them (`docs/internals/format.md`, "Commitments").

use crate::EventId;
use crate::sha::{MacKey, sha256};
use crate::value::encode_key;

/// A SHA-256 hash.
pub type Hash = [u8; 32];
/// The salt that an event's own items are committed with; destroying it ends every guess at them.
pub type EventSalt = [u8; 16];

/// Room for the messages of usual items at once; larger ones make more.
const MESSAGE_BYTES: usize = 512;

/// HMAC-SHA256(key, "evs1" ‖ 0 ‖ id ‖ path): the salt of one item under the event's salt (16 bytes) or a
/// subject's key (32 bytes).
pub fn salt(key: &[u8], id: EventId, path: &str) -> Hash {
    Commit::new(id).salt(&MacKey::new(key), path.as_bytes())
}

/// SHA-256("evc1" ‖ 0 ‖ salt ‖ u16 length of path ‖ path ‖ value), the value in its canonical encoding.
pub fn commitment(salt: &Hash, path: &str, value: &[u8]) -> Hash {
    let mut message = Vec::with_capacity(MESSAGE_BYTES);
    commitment_in(&mut message, salt, path.as_bytes(), value)
}

/// SHA-256("evb1" ‖ 0 ‖ u16 count ‖ (u16 length of path ‖ path ‖ commitment)*), paths ascending.
pub fn body_hash<'a>(items: impl ExactSizeIterator<Item = (&'a str, Hash)>) -> Hash {
    let mut message = body_head(items.len());
    for (path, commitment) in items {
        encode_key(path, &mut message);
        message.extend_from_slice(&commitment);
    }
    sha256(&message)
}

fn body_head(items: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(MESSAGE_BYTES);
    message.extend_from_slice(b"evb1\0");
    message.extend_from_slice(&(items as u16).to_be_bytes());
    message
}

fn commitment_in(message: &mut Vec<u8>, salt: &Hash, path: &[u8], value: &[u8]) -> Hash {
    message.clear();
    message.extend_from_slice(b"evc1\0");
    message.extend_from_slice(salt);
    message.extend_from_slice(&(path.len() as u16).to_be_bytes());
    message.extend_from_slice(path);
    message.extend_from_slice(value);
    sha256(message)
}

/// Salts and commitments of one event, with the memory that their messages need.
pub(crate) struct Commit {
    id: EventId,
    message: Vec<u8>,
}

impl Commit {
    pub(crate) fn new(id: EventId) -> Self {
        Self { id, message: Vec::with_capacity(MESSAGE_BYTES) }
    }

    /// [`salt`] with a prepared key.
    pub(crate) fn salt(&mut self, key: &MacKey, path: &[u8]) -> Hash {
        self.message.clear();
        self.message.extend_from_slice(b"evs1\0");
        self.message.extend_from_slice(&self.id.0);
        self.message.extend_from_slice(path);
        key.mac(&self.message)
    }

    /// [`commitment`].
    pub(crate) fn commitment(&mut self, salt: &Hash, path: &[u8], value: &[u8]) -> Hash {
        commitment_in(&mut self.message, salt, path, value)
    }
}

/// The body hash in the making: items are added in the order of their paths.
pub(crate) struct Body {
    message: Vec<u8>,
}

impl Body {
    pub(crate) fn new(items: usize) -> Self {
        Self { message: body_head(items) }
    }

    pub(crate) fn add(&mut self, path: &[u8], commitment: &Hash) {
        self.message.extend_from_slice(&(path.len() as u16).to_be_bytes());
        self.message.extend_from_slice(path);
        self.message.extend_from_slice(commitment);
    }

    pub(crate) fn hash(&self) -> Hash {
        sha256(&self.message)
    }
}
