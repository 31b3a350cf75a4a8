//! Cursors: where a search goes on, sealed so that nobody can read or change them.
//!
//! Text = base64url(nonce[12] ‖ ChaCha20-Poly1305(plain)). Plain = version ‖ flags ‖ scope[16] ‖ search[16] ‖ time i128 ‖
//! index u64 ‖ now i128, big-endian. The nonce is a hash of key and plain text: the same cursor has the same text, and two
//! different ones do not meet under one nonce.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use indelible_query::Instant;
use sha2::{Digest, Sha256};

use crate::error::SearchError;
use crate::hit::Scope;
use crate::order::{Place, Start};

const VERSION: u8 = 1;
const BACKWARD: u8 = 1;
const INCLUSIVE: u8 = 2;
const NONCE_BYTES: usize = 12;
const PLAIN_BYTES: usize = 2 + 16 + 16 + 16 + 8 + 16;
/// Longest text that is looked at: longer than any cursor.
const MAX_TEXT_BYTES: usize = 256;

/// The key that cursors of a node are sealed with; 32 random bytes.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey")
    }
}

/// An opened cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) start: Start,
    pub(crate) backward: bool,
    /// Hash of what is searched.
    pub(crate) search: [u8; 16],
    now: Instant,
}

impl Cursor {
    pub(crate) fn new(start: Start, backward: bool, search: [u8; 16], now: Instant) -> Self {
        Self { start, backward, search, now }
    }

    /// The present of the first page: relative times of the query mean what they meant then.
    pub fn now(&self) -> Instant {
        self.now
    }
}

impl CursorKey {
    /// A key of 32 random bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Opens a cursor's text.
    ///
    /// # Errors
    /// [`SearchError::CursorInvalid`] when it was not made with this key, [`SearchError::CursorMismatch`] when it was
    /// made for another organization.
    pub fn open(&self, scope: &Scope, text: &str) -> Result<Cursor, SearchError> {
        let plain = self.unseal(text).ok_or(SearchError::CursorInvalid)?;
        let (sealed_scope, cursor) = decode(&plain).ok_or(SearchError::CursorInvalid)?;
        if sealed_scope == scope_hash(scope) { Ok(cursor) } else { Err(SearchError::CursorMismatch) }
    }

    pub(crate) fn seal(&self, scope: &Scope, cursor: &Cursor) -> String {
        let flags = u8::from(cursor.backward) * BACKWARD + u8::from(cursor.start.inclusive) * INCLUSIVE;
        let mut plain = Vec::with_capacity(PLAIN_BYTES);
        plain.extend_from_slice(&[VERSION, flags]);
        plain.extend_from_slice(&scope_hash(scope));
        plain.extend_from_slice(&cursor.search);
        plain.extend_from_slice(&cursor.start.place.time.0.to_be_bytes());
        plain.extend_from_slice(&cursor.start.place.index.to_be_bytes());
        plain.extend_from_slice(&cursor.now.0.to_be_bytes());
        let nonce = first_bytes::<NONCE_BYTES>(&[b"cursor nonce\0", &self.0, &plain]);
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), plain.as_slice());
        let sealed = sealed.expect("sealing fails only beyond 256 GiB");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    fn unseal(&self, text: &str) -> Option<Vec<u8>> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher().decrypt(&Nonce::from(*nonce), sealed).ok()
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(self.0))
    }
}

fn decode(plain: &[u8]) -> Option<([u8; 16], Cursor)> {
    let (head, rest) = plain.split_first_chunk::<2>()?;
    let (scope, rest) = rest.split_first_chunk::<16>()?;
    let (search, rest) = rest.split_first_chunk::<16>()?;
    let (time, rest) = rest.split_first_chunk::<16>()?;
    let (index, rest) = rest.split_first_chunk::<8>()?;
    let now = rest.try_into().ok()?;
    let [VERSION, flags] = *head else { return None };
    let place = Place { time: Instant(i128::from_be_bytes(*time)), index: u64::from_be_bytes(*index) };
    let start = Start { place, inclusive: flags & INCLUSIVE != 0 };
    let cursor = Cursor::new(start, flags & BACKWARD != 0, *search, Instant(i128::from_be_bytes(now)));
    Some((*scope, cursor))
}

fn scope_hash(scope: &Scope) -> [u8; 16] {
    first_bytes(&[b"cursor scope\0", &scope.log.0.to_be_bytes(), scope.organization.as_bytes()])
}

/// The first bytes of SHA-256 over the parts, each with its length.
pub(crate) fn first_bytes<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|at| digest.get(at).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str) -> Scope {
        Scope { organization: name.into(), log: indelible_store::log_no::LogNo(3) }
    }

    #[test]
    fn only_its_own_key_and_organization_open_a_cursor() {
        let key = CursorKey::new([7; 32]);
        let place = Place { time: Instant(-5), index: u64::MAX };
        let cursor = Cursor::new(Start { place, inclusive: true }, true, [9; 16], Instant(1 << 70));
        let text = key.seal(&scope("a"), &cursor);
        assert_eq!(key.open(&scope("a"), &text).unwrap(), cursor);
        assert!(matches!(key.open(&scope("b"), &text), Err(SearchError::CursorMismatch)));
        assert!(matches!(CursorKey::new([8; 32]).open(&scope("a"), &text), Err(SearchError::CursorInvalid)));
        for at in 0..text.len() {
            let mut bad = text.clone().into_bytes();
            bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
            assert!(key.open(&scope("a"), std::str::from_utf8(&bad).unwrap()).is_err(), "byte {at}");
        }
        for bad in ["", "x", "%%", &text[1..], &"A".repeat(300)] {
            assert!(matches!(key.open(&scope("a"), bad), Err(SearchError::CursorInvalid)), "{bad}");
        }
    }
}
