//! The signing keys of one log and its key file (`keys/<log>.key`).
//!
//! A log signs with its active key. While a change is announced the next key waits; afterwards the old one signs along
//! until it is retired. The origin never changes with the key.

use std::path::{Path, PathBuf};

use indelible_durable::disk::{Disk, read_file};
use indelible_durable::replace::write_file;
use indelible_tlog::vkey::{Algorithm, SignerKey, VerifierKey};

use crate::bytes::{hex, unhex};
use crate::error::{OpenError, StoreError};
use crate::log_no::LogNo;
use crate::secrets::random;

const FIRST_LINE: &str = "indelible signing key 1";
/// A key file holds three short lines of keys.
const MAX_FILE: u64 = 64 * 1024;
/// Keys of one log at a time: the next, the active and the retiring one.
const MAX_KEYS: usize = 3;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Announced; signs nothing yet.
    Next,
    /// Signs every checkpoint.
    Active,
    /// Signs along until clients know the active one.
    Retiring,
    /// Destroyed; its public half remains, for checkpoints of the past.
    Retired,
}

impl KeyState {
    /// The word in files and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Next, Self::Active, Self::Retiring].into_iter().find(|state| state.word() == word)
    }
}

/// A key of a log, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// What it does.
    pub state: KeyState,
    /// Its public form.
    pub vkey: String,
    /// Since when it has done that; nanoseconds since 1970.
    pub since_ns: u64,
}

#[derive(Debug, Clone)]
struct Key {
    state: KeyState,
    since_ns: u64,
    seed: zeroize::Zeroizing<[u8; 32]>,
    signer: SignerKey,
}

/// All keys of one log.
#[derive(Debug, Clone)]
pub(crate) struct LogKeys {
    origin: String,
    path: PathBuf,
    keys: Vec<Key>,
    retired: Vec<KeyInfo>,
}

/// Where the key file of a log is.
pub(crate) fn path(dir: &Path, log: LogNo) -> PathBuf {
    dir.join(format!("{log}.key"))
}

impl LogKeys {
    /// Makes the first key of a log, durable before it is returned.
    pub(crate) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        origin: &str,
        now_ns: u64,
    ) -> Result<Self, StoreError> {
        let mut keys = Self { origin: origin.to_owned(), path, keys: Vec::new(), retired: Vec::new() };
        keys.add(KeyState::Active, now_ns)?;
        keys.save(disk)?;
        Ok(keys)
    }

    /// Reads a key file.
    pub(crate) fn read(disk: &dyn Disk, path: PathBuf, origin: &str) -> Result<Self, OpenError> {
        let bytes = match read_file(disk, &path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(OpenError::KeyMissing { origin: origin.to_owned(), file: path });
            }
            Err(error) => return Err(OpenError::io("read", &path)(error)),
        };
        let bytes = zeroize::Zeroizing::new(bytes);
        let Some(text) =
            crate::meta::checked(&bytes).filter(|(body, check)| crc32c::crc32c(body.as_bytes()) == *check)
        else {
            return Err(OpenError::corrupt(path, 0, "the key file does not check"));
        };
        match parse(text.0, origin) {
            Some((keys, retired)) => Ok(Self { origin: origin.to_owned(), path, keys, retired }),
            None => Err(OpenError::KeyDiffers { origin: origin.to_owned(), file: path }),
        }
    }

    /// The keys, newest first.
    pub(crate) fn infos(&self) -> Vec<KeyInfo> {
        let info = |key: &Key| KeyInfo {
            state: key.state,
            vkey: key.signer.verifier().to_string(),
            since_ns: key.since_ns,
        };
        self.keys.iter().map(info).chain(self.retired.iter().cloned()).collect()
    }

    /// Public keys of the present and the past.
    pub(crate) fn verifiers_ever(&self) -> Vec<VerifierKey> {
        self.infos().iter().filter_map(|info| info.vkey.parse().ok()).collect()
    }

    /// Keys that sign now, the active one first.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &SignerKey> {
        let of = |state| move |key: &&Key| key.state == state;
        let active = self.keys.iter().filter(of(KeyState::Active));
        active.chain(self.keys.iter().filter(of(KeyState::Retiring))).map(|key| &key.signer)
    }

    /// Public keys whose signatures count.
    pub(crate) fn verifiers(&self) -> Vec<VerifierKey> {
        self.signers().map(|signer| signer.verifier().clone()).collect()
    }

    /// vkeys that sign now, one a line, the active one first.
    pub(crate) fn vkeys(&self) -> String {
        let all: Vec<String> = self.signers().map(|signer| signer.verifier().to_string()).collect();
        all.join("\n")
    }

    /// Step 1 of a change: the next key exists, durable, and can be announced.
    pub(crate) fn announce(&mut self, disk: &dyn Disk, now_ns: u64) -> Result<(), StoreError> {
        if self.keys.len() >= MAX_KEYS || self.keys.iter().any(|key| key.state != KeyState::Active) {
            let why = "another change of the signing key is not finished".to_owned();
            return Err(StoreError::Refused { what: "a new signing key", why });
        }
        self.add(KeyState::Next, now_ns)?;
        self.save(disk)
    }

    /// Step 2: the next key signs, the old one signs along.
    pub(crate) fn activate(&mut self, disk: &dyn Disk, now_ns: u64) -> Result<(), StoreError> {
        if !self.keys.iter().any(|key| key.state == KeyState::Next) {
            let why = "no next key has been announced".to_owned();
            return Err(StoreError::Refused { what: "activating a signing key", why });
        }
        for key in &mut self.keys {
            key.state = if key.state == KeyState::Next { KeyState::Active } else { KeyState::Retiring };
            key.since_ns = now_ns;
        }
        self.save(disk)
    }

    /// Step 3: the old key is destroyed.
    pub(crate) fn retire(&mut self, disk: &dyn Disk, now_ns: u64) -> Result<(), StoreError> {
        if !self.keys.iter().any(|key| key.state == KeyState::Retiring) {
            let why = "no key is being retired".to_owned();
            return Err(StoreError::Refused { what: "retiring a signing key", why });
        }
        let gone = self.keys.extract_if(.., |key| key.state == KeyState::Retiring);
        let gone: Vec<Key> = gone.collect();
        self.retired.extend(gone.iter().map(|key| KeyInfo {
            state: KeyState::Retired,
            vkey: key.signer.verifier().to_string(),
            since_ns: now_ns,
        }));
        self.save(disk)
    }

    fn add(&mut self, state: KeyState, now_ns: u64) -> Result<(), StoreError> {
        let seed =
            zeroize::Zeroizing::new(random::<32>(&self.path).map_err(|error| StoreError::Refused {
                what: "a new signing key",
                why: error.to_string(),
            })?);
        let signer = SignerKey::new(&self.origin, Algorithm::Ed25519, &seed)?;
        self.keys.insert(0, Key { state, since_ns: now_ns, seed, signer });
        Ok(())
    }

    fn save(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        let mut text = zeroize::Zeroizing::new(format!("{FIRST_LINE}\norigin {}\n", self.origin));
        for key in &self.keys {
            let seed = zeroize::Zeroizing::new(hex(key.seed.as_slice()));
            text.push_str(&["key", key.state.word(), &key.since_ns.to_string(), &seed].join(" "));
            text.push('\n');
        }
        for key in &self.retired {
            text.push_str(&["retired", &key.since_ns.to_string(), &key.vkey].join(" "));
            text.push('\n');
        }
        let check = crc32c::crc32c(text.as_bytes());
        text.push_str("check ");
        text.push_str(&hex(&check.to_be_bytes()));
        text.push('\n');
        write_file(disk, &self.path, text.as_bytes()).map_err(StoreError::io("write", &self.path))
    }
}

fn parse(text: &str, origin: &str) -> Option<(Vec<Key>, Vec<KeyInfo>)> {
    let mut lines = text.lines();
    if lines.next()? != FIRST_LINE || lines.next()?.strip_prefix("origin ")? != origin {
        return None;
    }
    let (mut keys, mut retired) = (Vec::new(), Vec::new());
    for line in lines {
        if let Some((since_ns, vkey)) = line.strip_prefix("retired ").and_then(|rest| rest.split_once(' ')) {
            let (since_ns, vkey) = (since_ns.parse().ok()?, vkey.to_owned());
            retired.push(KeyInfo { state: KeyState::Retired, vkey, since_ns });
            continue;
        }
        let mut words = line.strip_prefix("key ")?.split(' ');
        let state = KeyState::parse(words.next()?)?;
        let since_ns = words.next()?.parse().ok()?;
        let seed = zeroize::Zeroizing::new(unhex::<32>(words.next()?)?);
        let signer = SignerKey::new(origin, Algorithm::Ed25519, &seed).ok()?;
        keys.push(Key { state, since_ns, seed, signer });
    }
    let active = keys.iter().filter(|key| key.state == KeyState::Active).count();
    (active == 1 && keys.len() <= MAX_KEYS).then_some((keys, retired))
}
