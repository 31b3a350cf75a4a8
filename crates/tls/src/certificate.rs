//! What a certificate says that somebody here asks for: its public key, its names, how long it holds.
//!
//! Reading one says nothing about trust. Only a certificate that a handshake has verified proves anything.

use std::path::Path;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, Tag, TagNumber};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Largest file of certificates that is read: a bundle of all public authorities has a quarter of a mebibyte.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// A certificate as its holder is recognised by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the public key with its algorithm (SubjectPublicKeyInfo): stays when a certificate is renewed with the
    /// same key.
    pub key_sha256: [u8; 32],
    /// DNS names and URIs of the alternative names, names in lower case.
    pub names: Vec<String>,
}

/// From when until when a certificate holds, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub from_s: u64,
    /// Not after.
    pub until_s: u64,
}

impl Certificate {
    /// Reads an X.509 certificate; `None` when it is none.
    pub fn of_der(bytes: &[u8]) -> Option<Self> {
        let der = CertificateDer::from(bytes);
        let read = webpki::EndEntityCert::try_from(&der).ok()?;
        let key_sha256 = Sha256::digest(read.subject_public_key_info().as_ref()).into();
        let names = read.valid_dns_names().map(str::to_ascii_lowercase);
        let names = names.chain(read.valid_uri_names().map(str::to_owned)).collect();
        Some(Self { key_sha256, names })
    }
}

impl Validity {
    /// How long an X.509 certificate holds; `None` when that cannot be read.
    pub fn of_der(bytes: &[u8]) -> Option<Self> {
        let outer = AnyRef::from_der(bytes).ok()?;
        let times: Result<(u64, u64), der::Error> = outer.sequence(|fields| {
            let signed = AnyRef::decode(fields)?;
            while !fields.is_finished() {
                AnyRef::decode(fields)?;
            }
            signed.sequence(validity)
        });
        times.ok().map(|(from_s, until_s)| Self { from_s, until_s })
    }
}

/// RFC 5280, 4.1: version (only if tagged), serial number, algorithm, issuer, validity, and more.
fn validity<'a, R: Reader<'a>>(fields: &mut R) -> Result<(u64, u64), der::Error> {
    let version = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    let first = AnyRef::decode(fields)?;
    let before_validity = if der::Tagged::tag(&first) == version { 3 } else { 2 };
    for _ in 0..before_validity {
        AnyRef::decode(fields)?;
    }
    let times =
        AnyRef::decode(fields)?.sequence(|times| Ok::<_, der::Error>((time(times)?, time(times)?)))?;
    while !fields.is_finished() {
        AnyRef::decode(fields)?;
    }
    Ok(times)
}

fn time<'a, R: Reader<'a>>(times: &mut R) -> Result<u64, der::Error> {
    let time = AnyRef::decode(times)?;
    let since_1970 = match der::Tagged::tag(&time) {
        Tag::UtcTime => time.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => time.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(since_1970.as_secs())
}

/// Every certificate of a PEM file, in its order, as DER; at least one.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(path)?;
    let content = |why: String| Error::Content { path: path.to_owned(), why };
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|error| content(format!("is no file of PEM certificates: {error}")))?;
    if all.is_empty() {
        let why = "holds no certificate: it should have a part BEGIN CERTIFICATE (PEM)";
        return Err(content(why.to_owned()));
    }
    if let Some(at) = all.iter().position(|der| Certificate::of_der(der).is_none()) {
        return Err(content(format!("cannot be used: its certificate number {} is not X.509", at + 1)));
    }
    Ok(all)
}

/// Reads a small file whole.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE_BYTES {
        let why = format!("has {length} bytes; at most {MAX_FILE_BYTES} are read");
        return Err(Error::Content { path: path.to_owned(), why });
    }
    std::fs::read(path).map_err(failed)
}
