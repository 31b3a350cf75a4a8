//! Names and keys of those who sign notes: the public form (`vkey`), and the secret one.
//!
//! A key is known by its name **and** its id, which binds name, signature type and public key. Both
//! are recomputed when a vkey is read; configuration never names a key by anything less.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::text::{base64_decode, base64_encode};

/// Longest key name: cosignature formats carry its length in one byte.
pub const MAX_NAME: usize = 255;

/// Longest vkey read: a name, an id, and the largest public key in use (1,312 bytes) fit.
const MAX_VKEY: usize = 4096;

/// How a key signs; the first byte behind the name in its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// 0x01: Ed25519 over the note's text, the type of a log's own key.
    Ed25519,
    /// 0x04: Ed25519 over a time and a checkpoint, the type of a witness.
    CosignatureV1,
}

impl Algorithm {
    /// The byte that stands for it.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

/// SHA-256(name ‖ 0x0A ‖ type ‖ public key), first four bytes. Text form: 8 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    fn of(name: &str, algorithm: Algorithm, key: &VerifyingKey) -> Self {
        let hash = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', algorithm.byte()])
            .chain_update(key.as_bytes())
            .finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key with its name. Text form (vkey): name `+` id `+` base64(type ‖ key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Gives a public key (32 bytes) a name and a type.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a name that no note may carry, or bytes that are no usable key.
    pub fn new(name: &str, algorithm: Algorithm, public_key: &[u8; 32]) -> Result<Self, Error> {
        check_name("key name", name)?;
        if name.len() > MAX_NAME {
            return Err(Error::TooLarge { what: "key name in bytes", limit: MAX_NAME });
        }
        let key = VerifyingKey::from_bytes(public_key).ok().filter(|key| !key.is_weak());
        let key = key.ok_or_else(|| bad_vkey("the public key is no point of full order"))?;
        Ok(Self { name: name.to_owned(), id: KeyId::of(name, algorithm, &key), algorithm, key })
    }

    /// The name on its signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id on its signature lines.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key, without name and type.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks what a signature line carries behind the key id. Returns the time (Unix seconds) that a
    /// cosignature states.
    ///
    /// # Errors
    /// [`Error::BadSignature`].
    pub fn verify(&self, text: &str, payload: &[u8]) -> Result<Option<u64>, Error> {
        let bad = || Error::BadSignature { name: self.name.clone() };
        let (time, signature) = match self.algorithm {
            Algorithm::Ed25519 => (None, payload),
            Algorithm::CosignatureV1 => {
                let (time, signature) = payload.split_first_chunk().ok_or_else(bad)?;
                (Some(u64::from_be_bytes(*time)), signature)
            }
        };
        let signature = Signature::from_slice(signature).map_err(|_| bad())?;
        let message = time.map_or_else(|| text.to_owned(), |time| cosigned_message(text, time));
        self.key.verify_strict(message.as_bytes(), &signature).map_err(|_| bad())?;
        Ok(time)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![self.algorithm.byte()];
        typed.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, base64_encode(&typed))
    }
}

impl FromStr for VerifierKey {
    type Err = Error;

    fn from_str(vkey: &str) -> Result<Self, Error> {
        if vkey.len() > MAX_VKEY {
            return Err(Error::TooLarge { what: "vkey in bytes", limit: MAX_VKEY });
        }
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad_vkey("expected <name>+<key id>+<base64 of type and public key>"));
        };
        let key = base64_decode("vkey", key)?;
        let (algorithm, key) = match key.split_first() {
            Some((0x01, key)) => (Algorithm::Ed25519, key),
            Some((0x04, key)) => (Algorithm::CosignatureV1, key),
            Some((other, _)) => {
                let why = format!("type 0x{other:02x} is not supported; give an Ed25519 key (0x01 or 0x04)");
                return Err(bad_vkey(&why));
            }
            None => return Err(bad_vkey("the public key is missing")),
        };
        let key = key.try_into().map_err(|_| bad_vkey("an Ed25519 public key has 32 bytes"))?;
        let verifier = Self::new(name, algorithm, key)?;
        if verifier.id.to_string() != id {
            return Err(bad_vkey(&format!("name and key have the id {}, not {id}", verifier.id)));
        }
        Ok(verifier)
    }
}

/// A secret key with its name and type. Its debug form never shows the secret.
#[derive(Clone)]
pub struct SignerKey {
    verifier: VerifierKey,
    secret: SigningKey,
}

impl SignerKey {
    /// Makes a key from its 32-byte seed (RFC 8032).
    ///
    /// # Errors
    /// As for [`VerifierKey::new`].
    pub fn new(name: &str, algorithm: Algorithm, seed: &[u8; 32]) -> Result<Self, Error> {
        let secret = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, algorithm, secret.verifying_key().as_bytes())?;
        Ok(Self { verifier, secret })
    }

    /// Its public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// What a signature line carries behind the key id. `time` (Unix seconds) goes into a cosignature;
    /// a log's own key leaves it out.
    pub(crate) fn sign(&self, text: &str, time: u64) -> Vec<u8> {
        match self.verifier.algorithm {
            Algorithm::Ed25519 => self.secret.sign(text.as_bytes()).to_vec(),
            Algorithm::CosignatureV1 => {
                let signature = self.secret.sign(cosigned_message(text, time).as_bytes());
                [time.to_be_bytes().as_slice(), &signature.to_bytes()].concat()
            }
        }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.verifier)
    }
}

/// The rule for names in signature lines: not empty, no Unicode space, no plus sign.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    let banned = |c: char| c.is_whitespace() || c == '+' || c < ' ';
    if name.is_empty() || name.contains(banned) {
        return Err(Error::malformed(what, "a name is not empty and has neither spaces nor plus signs"));
    }
    Ok(())
}

fn cosigned_message(checkpoint: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{checkpoint}")
}

fn bad_vkey(why: &str) -> Error {
    Error::malformed("vkey", why)
}
