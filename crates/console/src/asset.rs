//! Scripts, styles and pictures, inside the program. Their addresses hold a hash of their bytes, so that browsers keep
//! them for ever and never see a stale one.

use std::fmt::Write;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// Where assets are served.
pub const PREFIX: &str = "/assets/";
/// Characters of the hash in an address: 64 bits, enough to tell versions apart.
const HASH_CHARS: usize = 16;

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Its name in the source.
    pub name: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// What it holds.
    pub bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal $kind:literal;)*) => {
        static ASSETS: &[Asset] = &[$(Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../assets/", $name)),
        }),*];
    };
}

assets! {
    "account.css" "text/css; charset=utf-8";
    "console.css" "text/css; charset=utf-8";
    "console.js" "text/javascript; charset=utf-8";
    "complete.js" "text/javascript; charset=utf-8";
    "live.js" "text/javascript; charset=utf-8";
    "mark.svg" "image/svg+xml";
    "proof.js" "text/javascript; charset=utf-8";
    "setup.js" "text/javascript; charset=utf-8";
    "verify.css" "text/css; charset=utf-8";
    "view.js" "text/javascript; charset=utf-8";
}

/// The hash of each, by name.
static HASHES: LazyLock<Vec<(&'static str, String)>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| (asset.name, hash(asset.bytes))).collect());

fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(HASH_CHARS / 2).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes all");
        hex
    })
}

/// Every asset.
pub fn all() -> &'static [Asset] {
    ASSETS
}

impl Asset {
    fn hash(&self) -> &'static str {
        HASHES.iter().find(|(name, _)| *name == self.name).map_or("", |(_, hash)| hash)
    }

    /// Its path on the server.
    pub fn url(&self) -> String {
        format!("{PREFIX}{}/{}", self.hash(), self.name)
    }

    /// The entity tag of its bytes.
    pub fn tag(&self) -> String {
        format!("\"{}\"", self.hash())
    }
}

/// The asset at a path below [`PREFIX`].
pub fn at(hash: &str, name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name && asset.hash() == hash)
}

/// The path of an asset by its name; a name that does not exist gives a path that is not found.
pub(crate) fn url(name: &str) -> String {
    ASSETS.iter().find(|asset| asset.name == name).map_or_else(String::new, Asset::url)
}
