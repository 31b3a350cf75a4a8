//! Why a statement was not answered.

use std::sync::Arc;

use datafusion::common::DataFusionError;
use indelible_search::SearchError;

/// What went wrong, by what the caller would do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SqlError {
    /// The statement is not one, or names what is not there, or computes what cannot be computed.
    #[error("{0}")]
    Invalid(String),
    /// The statement would do more than read.
    #[error(
        "{0} is not allowed here: a statement reads (select, with, explain, show, describe) and changes nothing"
    )]
    NotAllowed(String),
    /// The statement needs more time than one may take.
    #[error(
        "the statement took longer than {seconds} s; narrow the time (occurred_at >= …) or the conditions"
    )]
    Time {
        /// What one statement may take.
        seconds: u64,
    },
    /// The statement needs more memory than one may take.
    #[error(
        "the statement needs more than {mib} MiB of memory; group or sort fewer rows, or narrow the conditions"
    )]
    Memory {
        /// What one statement may take.
        mib: usize,
    },
    /// The statement makes too much text at once.
    #[error(
        "the statement makes more than {mib} MiB of text at once; use shorter texts, or fewer of them in a row"
    )]
    Text {
        /// What one statement may make from one batch of rows to the next.
        mib: usize,
    },
    /// The events could not be read.
    #[error(transparent)]
    Search(#[from] Arc<SearchError>),
    /// Whoever asked is gone.
    #[error("the statement was cancelled")]
    Cancelled,
    /// Something here is wrong.
    #[error("the statement failed inside: {0}")]
    Internal(String),
}

impl SqlError {
    /// What an error of the engine means to the person who wrote the statement.
    pub(crate) fn of(error: &DataFusionError, memory_bytes: usize) -> Self {
        match error.find_root() {
            DataFusionError::External(cause) => {
                cause.downcast_ref::<SqlError>().cloned().unwrap_or_else(|| Self::Internal(cause.to_string()))
            }
            DataFusionError::ResourcesExhausted(_) => Self::Memory { mib: memory_bytes >> 20 },
            DataFusionError::Internal(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ExecutionJoin(_)
            | DataFusionError::ObjectStore(_) => Self::Internal(error.strip_backtrace()),
            DataFusionError::Collection(errors) => match errors.first() {
                Some(first) => Self::of(first, memory_bytes),
                None => Self::Internal(error.strip_backtrace()),
            },
            _ => Self::Invalid(sentence(error)),
        }
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        Self::External(Box::new(error))
    }
}

/// The message without the kind of error that the engine puts before it, in lower case like every other of ours.
fn sentence(error: &DataFusionError) -> String {
    let message = match error.find_root() {
        DataFusionError::SQL(parser, _) => parser.to_string(),
        root => root.message().into_owned(),
    };
    let message = message.split("\n\nbacktrace").next().unwrap_or_default().trim();
    let mut chars = message.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect::<String>().trim_end_matches('.').to_owned()
}
