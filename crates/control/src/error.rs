//! Everything that can go wrong in this crate, as few kinds: what a caller would do differently decides.

use std::io;
use std::path::PathBuf;

/// What went wrong with the control database or with a profile file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process holds the database.
    #[error("control database {path} is in use by another process: stop it, or use its HTTP API instead")]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "control database {path} has format {found}, this version knows {known}: start a version that wrote it"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The format number in the file.
        found: u32,
        /// The newest format number this version reads.
        known: u32,
    },
    /// The database could not be read or written.
    #[error("control database: {doing} failed: check the disk and the file's permissions")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        #[source]
        source: Box<redb::Error>,
    },
    /// A stored record cannot be read.
    #[error("control database: record of {what} {id} is damaged ({why}): restore the file from a backup")]
    Damaged {
        /// The kind of record.
        what: &'static str,
        /// Its identifier.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// A value does not keep its rule.
    #[error("{what} is not valid: {why}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// The rule it breaks and what to send instead.
        why: String,
    },
    /// Something of this name is there already.
    #[error("{what} {id} exists already: choose another name")]
    Exists {
        /// The kind of thing.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// Nothing of this name is there.
    #[error("{what} {id} does not exist: list what there is")]
    Missing {
        /// The kind of thing.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// Somebody else changed it first.
    #[error("{what} {id} changed meanwhile: read it again and repeat the change")]
    Stale {
        /// The kind of thing.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// A named limit is reached.
    #[error("limit reached: at most {limit} {what}: {hint}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What to do about it.
        hint: &'static str,
    },
    /// A file beside the database could not be read or written.
    #[error("{doing} {path} failed")]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file that holds a secret can be read by others.
    #[error("{path} holds a secret and others may read it (mode {mode:o}): run chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A profile file is not what it should be.
    #[error("profile file {path} is not valid: {why}")]
    Profile {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where known.
        why: String,
    },
}

impl Error {
    pub(crate) fn database(doing: &'static str) -> impl FnOnce(redb::Error) -> Self {
        move |source| Self::Database { doing, source: Box::new(source) }
    }
}

/// Why a token does not authenticate. The distinction is for our own log: callers of the API hear one answer only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The text is not a token of this program: wrong shape or wrong checksum.
    #[error("not an API key of this server: wrong shape or checksum, check that it was copied whole")]
    Malformed,
    /// No key has this id and secret.
    #[error("unknown API key: it was made on another server, or its secret is wrong")]
    Unknown,
    /// The key was revoked.
    #[error("revoked API key: use its successor")]
    Revoked,
    /// The key's time is over.
    #[error("expired API key: create a new one")]
    Expired,
    /// The key is bound to a client certificate, and the connection shows another or none.
    #[error("the API key is bound to a client certificate, and this connection does not show it")]
    Certificate,
    /// A certificate without a token, and no key says that it is enough.
    #[error(
        "no API key is bound to this client certificate alone: send Authorization: Bearer with the key too, or have one made"
    )]
    NoKey,
    /// The person whose it is cannot get in.
    #[error("disabled person: an administrator can enable them")]
    Disabled,
}
