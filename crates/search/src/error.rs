//! Why a search gave no answer.

use indelible_store::log_no::LogNo;

use crate::budget::Budget;

/// What went wrong, by what the caller would do about it.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The text is no cursor of this node.
    #[error("the cursor cannot be read; start again without it")]
    CursorInvalid,
    /// The cursor belongs to another organization, query, window, order or log size.
    #[error("the cursor belongs to another search; start again without it")]
    CursorMismatch,
    /// The log is shorter than the size that was asked for.
    #[error("the log has {size} events, it cannot be read as of {at}; leave `at` out or lower it")]
    AtBeyondLog {
        /// Size asked for.
        at: u64,
        /// Size now.
        size: u64,
    },
    /// Whoever asked is gone.
    #[error("the search was cancelled")]
    Cancelled,
    /// Nothing could be answered within the time or bytes allowed, and trying again would not help.
    #[error("the search needs more time or data than one request may take; narrow the time or the query")]
    BudgetExceeded,
    /// Numbers are whole or none, and the time or data allowed ended before the log did.
    #[error(
        "the numbers need more than the {seconds} s or {mebibytes} MiB of events that one request may read; narrow the time or the query"
    )]
    Unfinished {
        /// Time allowed.
        seconds: u64,
        /// Data allowed.
        mebibytes: u64,
    },
    /// The different values of a field take more memory than one request may.
    #[error(
        "{field} has too many different values: they take more than the {limit} bytes that one request may hold; narrow the time or the query"
    )]
    TooManyValues {
        /// The field, or the first of two.
        field: String,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bars asked for are too many.
    #[error(
        "bars of {width} are more than the {limit} that a histogram may have; narrow the time or take wider bars"
    )]
    TooManyBars {
        /// The width.
        width: String,
        /// Most bars.
        limit: usize,
    },
    /// A stored event cannot be read as one.
    #[error("event {index} of log {log} cannot be decoded: {what}; run verify")]
    Damaged {
        /// Its log.
        log: LogNo,
        /// Its index.
        index: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A file of sealed events is damaged. Searches go on without it.
    #[error("{}", .0.events)]
    Unreadable(Box<crate::damage::Met>),
    /// Events that are next cannot be read.
    #[error("{0}; run verify, and restore the file from a backup")]
    Lost(Box<crate::damage::Incomplete>),
    /// The store could not read.
    #[error("cannot read log {log}")]
    Read {
        /// The log.
        log: LogNo,
        /// Why.
        #[source]
        source: Box<indelible_store::error::StoreError>,
    },
}

impl SearchError {
    /// The budget ended before the numbers were whole.
    pub(crate) fn unfinished(budget: &Budget<'_>) -> Self {
        let (time, bytes) = budget.limits();
        Self::Unfinished { seconds: time.as_secs(), mebibytes: bytes >> 20 }
    }
}
