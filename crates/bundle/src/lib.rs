//! Evidence bundles: one zip file with events, what proves them, and what is needed to check it anywhere.
//!
//! This crate puts a bundle together from bytes that it is given and checks one from its bytes; it reads no log, asks no
//! time and opens no file. Nothing in a bundle counts because it is there: every event is proven up to a signed checkpoint,
//! and what the manifest says is proven by the event that recorded it. `docs/internals/format.md` describes the parts.
//!
//! Start reading at [`Bundle`] (making one), then [`check`] (checking one).

mod archive;
mod check;
mod compare;
mod error;
mod manifest;
mod page;
mod proofs;

pub use archive::{MAX_UNPACKED, Part};
pub use check::{Fault, Manifested, Verdict, check};
pub use error::BundleError;
pub use manifest::{About, Bundle, CatalogPart, LeftOut, MANIFEST_PARAM};
pub use page::{PageError, SLOT};
pub use proofs::{Proofs, Proven, push_proof, write_hashes, write_head};

use sha2::{Digest, Sha256};

/// Most events of one bundle: what a person can be handed and a browser checks in a few seconds.
pub const MAX_EVENTS: usize = 10_000;
/// Most bytes of a bundle's events and proofs together, unpacked: it is put together in memory.
pub const MAX_BYTES: usize = 64 << 20;

/// What a bundle says it is.
pub const KIND: &str = "indelible-bundle@v1";
/// Names of the parts.
pub const MANIFEST: &str = "manifest.json";
/// The proof of the event that recorded the manifest.
pub const MANIFEST_PROOF: &str = "manifest.tlog-proof";
/// The events, one a line, in the order of the log.
pub const EVENTS: &str = "events.ndjson";
/// Leaves, disclosures and the hashes that lead to the root.
pub const PROOFS: &str = "proofs.bin";
/// The signed checkpoint, with its cosignatures.
pub const CHECKPOINT: &str = "checkpoint";
/// Public keys of the log, one a line.
pub const KEYS: &str = "log.vkey";
/// The page that checks the bundle.
pub const PAGE: &str = "verify.html";
/// How to check it without the page.
pub const README: &str = "README.txt";

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}
