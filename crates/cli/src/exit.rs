//! How a command ends: one error type for people, one number for programs.

use std::fmt;

/// Exit codes; they are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something failed.
    Failed = 1,
    /// Wrong use or configuration.
    Usage = 2,
    /// Verification failed: evidence of tampering.
    Tampered = 3,
    /// Nothing found, with `--exit-status`.
    Nothing = 4,
    /// Not allowed.
    Denied = 5,
    /// The stream differs from what its catalog promises.
    Drift = 6,
    /// Try again later.
    Temporary = 75,
}

/// A failure with what a program and a person need.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Stable code, as in the API.
    pub(crate) code: String,
    /// What failed, on what, why, what to do.
    pub(crate) message: String,
}

/// What every command returns.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into() }
    }

    /// Wrong use or configuration.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Anything without a code of its own.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, "failed", message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::new(Exit::Failed, BROKEN_PIPE, "the output was closed"),
            _ => Self::failed(error.to_string()),
        }
    }
}

impl Failure {
    /// Standard output was closed by its reader, which is how `head` ends a pipe.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.code == BROKEN_PIPE
    }
}

const BROKEN_PIPE: &str = "broken_pipe";
