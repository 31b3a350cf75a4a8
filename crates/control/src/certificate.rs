//! Client certificates as keys are bound to them.
//!
//! Whether a certificate is genuine was decided by the handshake that it was shown in; here it only names its holder.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::record::{hex, unhex};

/// As long as a DNS name can be; URIs of workloads are shorter.
const MAX_NAME: usize = 253;
const DIGEST: &str = "sha256:";
const NAME: &str = "name:";

/// A certificate that a client showed, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the public key with its algorithm.
    pub key_sha256: [u8; 32],
    /// Its alternative names: DNS names in lower case, URIs.
    pub names: Vec<String>,
}

/// Whose certificate it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The holder of this private key: stays when the certificate is renewed with the same key.
    Key([u8; 32]),
    /// Whoever the authority gave this name.
    Name(String),
}

/// What a key asks for besides, or instead of, its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Whose certificate.
    pub holder: Holder,
    /// The certificate is enough; the secret need not be sent.
    pub alone: bool,
}

impl Binding {
    /// Whether this is the certificate.
    pub(crate) fn fits(&self, shown: &Certificate) -> bool {
        match &self.holder {
            Holder::Key(digest) => *digest == shown.key_sha256,
            Holder::Name(name) => shown.names.contains(name),
        }
    }
}

impl FromStr for Holder {
    type Err = Error;

    /// `sha256:` and 64 hexadecimal digits, or `name:` and a DNS name or URI.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::Invalid { what: "client certificate", why: why.to_owned() };
        if let Some(digits) = text.strip_prefix(DIGEST) {
            let why = "after sha256: come the 64 hexadecimal digits of the digest of its public key";
            return unhex(&digits.to_ascii_lowercase()).map(Self::Key).ok_or_else(|| invalid(why));
        }
        let why =
            "say sha256: and a digest, or name: and a DNS name or URI of at most 253 bytes without spaces";
        let name = text.strip_prefix(NAME).ok_or_else(|| invalid(why))?;
        let plain = !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|b| b.is_ascii_graphic());
        if !plain || name.contains('*') {
            return Err(invalid(why));
        }
        let is_uri = name.contains("://");
        Ok(Self::Name(if is_uri { name.to_owned() } else { name.to_ascii_lowercase() }))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(digest) => write!(f, "{DIGEST}{}", hex(digest)),
            Self::Name(name) => write!(f, "{NAME}{name}"),
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.holder, if self.alone { ", enough without the key" } else { "" })
    }
}
