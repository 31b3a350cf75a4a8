//! The text of an API key: `idl_<kind>_<id>_<secret><crc>`.
//!
//! | part | length | content |
//! |---|---|---|
//! | `idl_` | 4 | fixed, so that secret scanners recognise a leaked key |
//! | kind, `_` | 3 | `in`, `rd`, `ad`, `vw` or `me` |
//! | id, `_` | 11 | 50 random bits; not secret, appears in lists and events |
//! | secret | 52 | 256 random bits |
//! | crc | 7 | CRC-32 (IEEE) of everything before it, so that a scanner can tell a real key from a look-alike |
//!
//! The alphabet of id, secret and crc is Crockford's base 32 in lower case (no i, l, o, u). Nothing here touches the
//! database, and nothing here may print a secret.

use sha2::{Digest, Sha256};

use crate::error::AuthError;
use crate::permission::Kind;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const PREFIX: &str = "idl_";
pub(crate) const ID_LEN: usize = 10;
const SECRET_LEN: usize = 52;
const CRC_LEN: usize = 7;
const TOKEN_LEN: usize = PREFIX.len() + 3 + ID_LEN + 1 + SECRET_LEN + CRC_LEN;

/// A token taken apart; borrowed, so that its secret is not copied.
pub(crate) struct Presented<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: &'a str,
    secret: &'a str,
}

impl<'a> Presented<'a> {
    /// Takes a token apart and checks its shape and checksum, but not whether such a key exists.
    pub(crate) fn parse(token: &'a str) -> Result<Self, AuthError> {
        if token.len() != TOKEN_LEN || !token.is_ascii() {
            return Err(AuthError::Malformed);
        }
        let (body, crc) = token.split_at(TOKEN_LEN - CRC_LEN);
        let rest = body.strip_prefix(PREFIX).ok_or(AuthError::Malformed)?;
        let (kind, rest) = rest.split_once('_').ok_or(AuthError::Malformed)?;
        let (id, secret) = rest.split_once('_').ok_or(AuthError::Malformed)?;
        let kind = Kind::from_word(kind).ok_or(AuthError::Malformed)?;
        if id.len() != ID_LEN || checksum(body) != crc.as_bytes() {
            return Err(AuthError::Malformed);
        }
        Ok(Self { kind, id, secret })
    }

    /// The digest that the database keeps.
    pub(crate) fn digest(&self) -> [u8; 32] {
        digest(self.secret)
    }
}

/// Makes the text of a key and the digest to store. The text exists only in the answer to its creation.
pub(crate) fn compose(kind: Kind, id: &str, secret: &[u8; 32]) -> (String, [u8; 32]) {
    let secret = base32(secret, SECRET_LEN);
    let mut token = format!("{PREFIX}{}_{id}_{secret}", kind.word());
    let crc = checksum(&token);
    token.extend(crc.iter().map(|byte| char::from(*byte)));
    (token, digest(&secret))
}

/// The public identifier made of 50 random bits.
pub(crate) fn id_of(random: [u8; 8]) -> String {
    base32(&random, ID_LEN)
}

/// A plain SHA-256 is right here: the secret has 256 random bits, so there is nothing to guess, and a slow password
/// hash would only slow down every request.
fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn checksum(body: &str) -> [u8; CRC_LEN] {
    let crc = crc32(body.as_bytes());
    let mut out = [0; CRC_LEN];
    for (place, byte) in out.iter_mut().rev().enumerate() {
        *byte = letter(u64::from(crc) >> (5 * place));
    }
    out
}

/// The first `length` letters of the bytes read as one big-endian bit string, filled up with zero bits.
pub(crate) fn base32(bytes: &[u8], length: usize) -> String {
    let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| u64::from(byte >> (7 - index % 8)) & 1);
    let five = |at: usize| (0..5).fold(0, |value, offset| value << 1 | bit(at * 5 + offset));
    (0..length).map(|at| char::from(letter(five(at)))).collect()
}

fn letter(value: u64) -> u8 {
    ALPHABET[(value & 31) as usize]
}

/// CRC-32 as in gzip and PNG (reflected polynomial 0xEDB88320), the one that scanners have at hand.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| (crc >> 8) ^ CRC_TABLE[usize::from((crc as u8) ^ byte)])
}

const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn crc_is_the_one_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_known_key_keeps_its_text() {
        let (token, digest) = compose(Kind::Read, &id_of([0xff; 8]), &[7; 32]);
        assert_eq!(token, include_str!("../tests/data/token.txt").trim());
        assert_eq!(Presented::parse(&token).unwrap().digest(), digest);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn one_changed_letter_is_noticed(secret: [u8; 32], id: [u8; 8], at in 0..TOKEN_LEN) {
            let (token, _) = compose(Kind::Ingest, &id_of(id), &secret);
            prop_assert!(Presented::parse(&token).is_ok());
            let mut bytes = token.into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert!(Presented::parse(&changed).is_err());
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,90}") {
            prop_assert!(Presented::parse(&text).is_err());
        }
    }
}
