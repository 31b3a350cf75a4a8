//! Why the store could not be opened, written or read. The kinds differ by what the caller does next.

use std::io;
use std::path::PathBuf;

use crate::log_no::LogNo;

/// Why a data folder was not opened. Every kind but [`OpenError::Io`] is a refusal: starting would hide or make damage.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error("{} is in use by another process; stop it first, or give this one a folder of its own", dir.display())]
    Locked {
        /// The data folder.
        dir: PathBuf,
    },
    /// The folder was written by a version that this one does not know.
    #[error("{} has the format {found:?}, this program knows {known:?}; use the version that wrote it, or a newer one", file.display())]
    UnknownVersion {
        /// The VERSION file.
        file: PathBuf,
        /// Its content.
        found: String,
        /// What this program writes.
        known: &'static str,
    },
    /// Nothing is there although the configuration says so.
    #[error("{} holds no data although it must exist; mount the volume it is kept on, or correct the setting", dir.display())]
    Missing {
        /// The data folder.
        dir: PathBuf,
    },
    /// A file belongs to another node.
    #[error("{} belongs to node {found}, this folder to node {expected}; put back the files that belong together", file.display())]
    ForeignNode {
        /// The file.
        file: PathBuf,
        /// Its node id.
        found: String,
        /// The folder's node id.
        expected: String,
    },
    /// A log is shorter than its own signed head.
    #[error(
        "log {origin} has {size} events, its last signed head has {head_size}: data is missing, as after restoring an older copy; restore newer data, or run declare-rollback"
    )]
    BehindHead {
        /// Origin of the log.
        origin: String,
        /// Events found.
        size: u64,
        /// Events in the head.
        head_size: u64,
    },
    /// A log's events do not give the root that its head signed.
    #[error(
        "log {origin} at size {size} has another root than its signed head: events were changed or belong to another copy; run fsck to find them, restore from a backup, or run declare-rollback"
    )]
    RootMismatch {
        /// Origin of the log.
        origin: String,
        /// Size of the head.
        size: u64,
    },
    /// Two valid heads of one log cannot both be true.
    #[error(
        "the two heads of log {log} contradict each other (generations {first} and {second}); keep both files as evidence and restore from a backup"
    )]
    HeadsContradict {
        /// Number of the log.
        log: LogNo,
        /// Generation of one head.
        first: u64,
        /// Generation of the other.
        second: u64,
    },
    /// Blocks are missing between two WAL files, or in front of the first.
    #[error("block {expected} is missing before {} (which begins with {found}); put the missing WAL file back or restore from a backup", file.display())]
    WalHole {
        /// The file behind the hole.
        file: PathBuf,
        /// The block that should come.
        expected: u64,
        /// The block that comes.
        found: u64,
    },
    /// Events are covered by neither segment nor WAL.
    #[error(
        "log {origin}: events {first} to {last} are in no segment and not in the WAL; put the missing file back or restore from a backup"
    )]
    Coverage {
        /// Origin of the log.
        origin: String,
        /// First missing index.
        first: u64,
        /// Last missing index.
        last: u64,
    },
    /// The WAL ends before something that was derived from it.
    #[error("the WAL ends with block {end}, {} was made from block {needed}; restore newer data, or run declare-rollback", file.display())]
    WalEndsEarly {
        /// The file that knows more.
        file: PathBuf,
        /// Last block of the WAL.
        end: u64,
        /// The block it needs.
        needed: u64,
    },
    /// The folder is an older copy: the anchor outside it has seen more.
    #[error("this folder is older than the anchor {} ({}): it ends with block {found}, the anchor has seen block {needed}; restore newer data, or run declare-rollback", anchor.display(), if *.diverged { "another history" } else { "an older copy" })]
    OlderCopy {
        /// The anchor file.
        anchor: PathBuf,
        /// Last block of the folder.
        found: u64,
        /// Last block the anchor has seen.
        needed: u64,
        /// Whether the folder has that block with other content.
        diverged: bool,
    },
    /// A signing key is absent.
    #[error("the signing key of log {origin} is missing at {}; put it back from its backup, without it the log cannot go on", file.display())]
    KeyMissing {
        /// Origin of the log.
        origin: String,
        /// Where it should be.
        file: PathBuf,
    },
    /// A signing key is not the one that the log was created with or changed to.
    #[error("{} is not the signing key of log {origin}; put the right one back", file.display())]
    KeyDiffers {
        /// Origin of the log.
        origin: String,
        /// The key file.
        file: PathBuf,
    },
    /// The clock stands before the last head.
    #[error(
        "the clock is {behind_s} s behind the last signed head; set the clock, times in a log never go back"
    )]
    ClockBehind {
        /// Seconds between now and the head.
        behind_s: i64,
    },
    /// Stored bytes are damaged, and not in a way that a crash explains.
    #[error("{} is damaged at byte {offset}: {what}; run fsck, and restore the file from a backup", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What does not hold.
        what: String,
    },
    /// The operating system refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    /// A word for programs, one per kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "locked",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::Missing { .. } => "missing",
            Self::ForeignNode { .. } => "foreign_node",
            Self::BehindHead { .. } => "behind_head",
            Self::RootMismatch { .. } => "root_mismatch",
            Self::HeadsContradict { .. } => "heads_contradict",
            Self::WalHole { .. } => "wal_hole",
            Self::Coverage { .. } => "coverage",
            Self::WalEndsEarly { .. } => "wal_ends_early",
            Self::OlderCopy { .. } => "older_copy",
            Self::KeyMissing { .. } => "key_missing",
            Self::KeyDiffers { .. } => "key_differs",
            Self::ClockBehind { .. } => "clock_behind",
            Self::Corrupt { .. } => "corrupt",
            Self::Io { .. } => "io",
        }
    }

    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn corrupt(file: impl Into<PathBuf>, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { file: file.into(), offset, what: what.into() }
    }
}

/// Why nothing of a request was stored, or why it is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much is waiting; come back.
    #[error("the commit queue is full; send again in {retry_after_ms} ms")]
    Overloaded {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The disk has no room for new events.
    #[error("the disk is full; free space on the data volume, then send again")]
    DiskFull {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The clock jumped ahead; storing would freeze the log's time.
    #[error(
        "the clock jumped ahead by {ahead_s} s; check it and confirm the new time, until then nothing is stored"
    )]
    ClockJump {
        /// Seconds between the wall clock and the time that has passed.
        ahead_s: i64,
    },
    /// The request does not fit one block.
    #[error(
        "the request has {bytes} bytes in {events} events, one commit holds {max_bytes} bytes and {max_events} events; send it in parts"
    )]
    TooLarge {
        /// Bytes asked for.
        bytes: u64,
        /// Events asked for.
        events: u64,
        /// Bytes a commit holds.
        max_bytes: u64,
        /// Events a commit holds.
        max_events: u64,
    },
    /// No log of that number.
    #[error("log {0} does not exist")]
    UnknownLog(LogNo),
    /// An earlier event that this one may repeat could not be read. Nothing was stored.
    #[error("cannot look up whether the events are already stored: {why}")]
    Unreadable {
        /// The reason.
        why: String,
    },
    /// The log lost events once and is only read since.
    #[error("log {0} was frozen when a rollback was declared; its organization goes on in a new log")]
    Frozen(LogNo),
    /// The store is closing; nothing was stored.
    #[error("the store is shutting down; nothing was stored, send again to the next process")]
    Closing,
    /// The disk failed while the request was being made durable. It may or may not be stored.
    #[error(
        "the disk failed while the events were being written; whether they are stored shows after a restart, send them again with the same keys"
    )]
    OutcomeUnknown,
}

/// Why a read or an administrative step failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No log of that number.
    #[error("log {0} does not exist")]
    UnknownLog(LogNo),
    /// Asked for something beyond the published head or the committed end.
    #[error("{what} {value} lies beyond the end of log {log}, which has {size} events")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// The number asked for.
        value: u64,
        /// The log.
        log: LogNo,
        /// Its size.
        size: u64,
    },
    /// A name or number that a limit forbids.
    #[error("{what} is refused: {why}")]
    Refused {
        /// What was given.
        what: &'static str,
        /// The rule.
        why: String,
    },
    /// Stored bytes are damaged.
    #[error("{} is damaged at byte {offset}: {what}; run fsck", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What does not hold.
        what: String,
    },
    /// The commit failed.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A proof or note could not be made.
    #[error(transparent)]
    Log(#[from] indelible_tlog::error::Error),
    /// The operating system refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn corrupt(file: impl Into<PathBuf>, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { file: file.into(), offset, what: what.into() }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { file, offset, what } => Self::Corrupt { file, offset, what },
            StoreError::Io { what, path, source } => Self::Io { what, path, source },
            other => {
                Self::Io { what: "read", path: PathBuf::new(), source: io::Error::other(other.to_string()) }
            }
        }
    }
}

/// Whether an error says that space ran out, which passes, rather than that the disk failed, which does not.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
