//! API keys.
//!
//! A key's secret is never kept here, only its digest, and no `Debug` output shows either.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::certificate::Binding;
use crate::error::Error;
use crate::organization::{OrganizationId, check_name};
use crate::permission::Kind;
use crate::viewing::Viewing;

/// Labels are shown in one line.
const MAX_LABEL: usize = 128;
/// As long as a producer name may be in an event.
const MAX_PRODUCER: usize = 128;

/// Which organizations a key reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every organization, present and future; of keys only for kinds `ad` and, narrowed by the person's roles, `me`.
    All,
    /// One organization.
    One(OrganizationId),
}

/// An API key as lists show it: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Ten characters; not secret, stands in lists and in events.
    pub id: String,
    /// What it is for.
    pub kind: Kind,
    /// Which organizations it reaches.
    pub scope: Scope,
    /// The only catalog it may write or read, if limited.
    pub catalog: Option<String>,
    /// The producer name of events sent with it that name none.
    pub producer: Option<String>,
    /// The id of the person whose it is, for kind `me`.
    pub person: Option<String>,
    /// The client certificate that it has to be used with, for kind `in`.
    pub certificate: Option<Binding>,
    /// What it shows, for kind `vw`.
    pub viewing: Option<Viewing>,
    /// What people call it.
    pub label: String,
    /// When it was created, Unix milliseconds.
    pub created_at_ms: i64,
    /// From when on it is refused, Unix milliseconds.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked, Unix milliseconds.
    pub revoked_at_ms: Option<i64>,
    /// When it last authenticated since this process started, Unix milliseconds. Not stored: a write per request would
    /// cost more than the fact is worth, and every read and write is an event anyway.
    pub last_used_ms: Option<i64>,
}

/// What is needed to create a key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is for.
    pub kind: Kind,
    /// Which organizations it reaches.
    pub scope: Scope,
    /// The only catalog it may write or read, if limited.
    pub catalog: Option<String>,
    /// The producer name of events sent with it that name none.
    pub producer: Option<String>,
    /// The id of the person whose it is, for kind `me`.
    pub person: Option<String>,
    /// The client certificate that it has to be used with, for kind `in`.
    pub certificate: Option<Binding>,
    /// What people call it, at most 128 bytes.
    pub label: String,
    /// From when on it is refused, Unix milliseconds.
    pub expires_at_ms: Option<i64>,
}

impl NewKey {
    /// A key of this kind and scope, without limits.
    pub fn new(kind: Kind, scope: Scope) -> Self {
        Self {
            kind,
            scope,
            catalog: None,
            producer: None,
            person: None,
            certificate: None,
            label: String::new(),
            expires_at_ms: None,
        }
    }

    /// A key of a person, with the rights that the person has whenever it is used.
    pub fn of_person(person: &str, label: &str) -> Self {
        let person = Some(person.to_owned());
        Self { person, label: label.to_owned(), ..Self::new(Kind::Person, Scope::All) }
    }

    pub(crate) fn check(&self, now_ms: i64) -> Result<(), Error> {
        if self.kind == Kind::Viewer {
            let why = "keys of kind vw are tokens that are not kept: make one with its filter".to_owned();
            return Err(Error::Invalid { what: "key kind", why });
        }
        if (self.kind == Kind::Person) != self.person.is_some() {
            let why = "keys of kind me, and no others, are of a person".to_owned();
            return Err(Error::Invalid { what: "key kind", why });
        }
        if self.scope == Scope::All && !matches!(self.kind, Kind::Admin | Kind::Person) {
            let why = "only keys of kind ad may reach every organization: name one".to_owned();
            return Err(Error::Invalid { what: "key scope", why });
        }
        if self.certificate.is_some() && self.kind != Kind::Ingest {
            let why = "only keys of kind in can be bound to a client certificate".to_owned();
            return Err(Error::Invalid { what: "key kind", why });
        }
        if self.label.len() > MAX_LABEL || self.label.chars().any(char::is_control) {
            let why = format!("use at most {MAX_LABEL} bytes without control characters");
            return Err(Error::Invalid { what: "key label", why });
        }
        if self.expires_at_ms.is_some_and(|at| at <= now_ms) {
            let why = "it lies in the past: name a later time".to_owned();
            return Err(Error::Invalid { what: "key expiry", why });
        }
        if self.producer.as_ref().is_some_and(|name| name.is_empty() || name.len() > MAX_PRODUCER) {
            let why = format!("use 1 to {MAX_PRODUCER} bytes");
            return Err(Error::Invalid { what: "producer name", why });
        }
        self.catalog.as_deref().map_or(Ok(()), |id| check_name("catalog", id))
    }
}

/// Forty fresh random bytes for one key: eight for its id, thirty-two for its secret. Use once.
pub struct KeySeed([u8; 40]);

impl KeySeed {
    /// How many random bytes a key needs.
    pub const BYTES: usize = 40;

    /// Takes bytes from a cryptographic random source.
    pub const fn new(random: [u8; Self::BYTES]) -> Self {
        Self(random)
    }

    pub(crate) fn parts(&self) -> ([u8; 8], [u8; 32]) {
        let (mut id, mut secret) = ([0; 8], [0; 32]);
        id.copy_from_slice(&self.0[..8]);
        secret.copy_from_slice(&self.0[8..]);
        (id, secret)
    }
}

impl fmt::Debug for KeySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySeed(hidden)")
    }
}

/// A key together with what authentication needs; one allocation, shared by all its requests.
pub(crate) struct Credential {
    pub(crate) key: Key,
    pub(crate) secret_sha256: [u8; 32],
    /// Unix milliseconds, 0 while unused. Carried over when the map is rebuilt.
    pub(crate) last_used_ms: AtomicI64,
}

impl Credential {
    pub(crate) fn last_used(&self) -> Option<i64> {
        Some(self.last_used_ms.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// The key with its last use filled in.
    pub(crate) fn snapshot(&self) -> Key {
        Key { last_used_ms: self.last_used(), ..self.key.clone() }
    }
}
