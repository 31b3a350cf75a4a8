//! Salted commitments to single items, and the body hash over them (`docs/internals/format.md`, "Commitments").

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::EventId;

/// A SHA-256 hash.
pub type Hash = [u8; 32];
/// The salt that an event's own items are committed with; destroying it ends every guess at them.
pub type EventSalt = [u8; 16];

/// A key for salts with its HMAC state prepared, since one key salts many items.
#[derive(Clone)]
pub(crate) struct SaltKey(Hmac<Sha256>);

impl SaltKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    pub(crate) fn salt(&self, id: EventId, path: &str) -> Hash {
        let mut mac = self.0.clone();
        mac.update(b"evs1\0");
        mac.update(&id.0);
        mac.update(path.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// HMAC-SHA256(key, "evs1" ‖ 0 ‖ id ‖ path): the salt of one item under the event's salt (16 bytes) or a
/// subject's key (32 bytes).
pub fn salt(key: &[u8], id: EventId, path: &str) -> Hash {
    SaltKey::new(key).salt(id, path)
}

/// SHA-256("evc1" ‖ 0 ‖ salt ‖ u16 length of path ‖ path ‖ value), the value in its canonical encoding.
pub fn commitment(salt: &Hash, path: &str, value: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"evc1\0");
    hash.update(salt);
    hash.update((path.len() as u16).to_be_bytes());
    hash.update(path);
    hash.update(value);
    hash.finalize().into()
}

/// SHA-256("evb1" ‖ 0 ‖ u16 count ‖ (u16 length of path ‖ path ‖ commitment)*), paths ascending.
pub fn body_hash<'a>(items: impl ExactSizeIterator<Item = (&'a str, Hash)>) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"evb1\0");
    hash.update((items.len() as u16).to_be_bytes());
    for (path, commitment) in items {
        hash.update((path.len() as u16).to_be_bytes());
        hash.update(path);
        hash.update(commitment);
    }
    hash.finalize().into()
}
