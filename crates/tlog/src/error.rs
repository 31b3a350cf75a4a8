//! The one error type of this crate. Its kinds differ by what a caller does next: refuse the input,
//! fix the configuration, or treat the log as contradicted.

/// Why bytes, a proof or a signature were not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The input does not follow its format. Refuse it; asking again for the same bytes will not help.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// The format that was expected, such as `note` or `tile path`.
        what: &'static str,
        /// The rule that was broken.
        why: String,
    },
    /// The input is longer, or has more parts, than this crate reads.
    #[error("{what} exceeds the limit of {limit}; a well-behaved log or witness stays below it")]
    TooLarge {
        /// What was counted, with its unit.
        what: &'static str,
        /// The largest accepted value.
        limit: usize,
    },
    /// An index or a size that the tree does not have.
    #[error("{what} {value} is out of range: {why}")]
    OutOfRange {
        /// What the number stands for.
        what: &'static str,
        /// The number that was given.
        value: u64,
        /// The rule that was broken.
        why: String,
    },
    /// The proof leads to another root, or has a wrong length. The log and the proof contradict each other.
    #[error("{what} does not verify: {why}")]
    Proof {
        /// `inclusion proof` or `consistency proof`.
        what: &'static str,
        /// The rule that was broken.
        why: &'static str,
    },
    /// A key that we know has made a line that does not verify. The whole note counts for nothing.
    #[error("signature of {name} does not verify; the text was altered or another key made the signature")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
    /// No line of the note comes from a key that we know.
    #[error(
        "note is signed by none of the expected keys; compare their names and ids with its signature lines"
    )]
    Unsigned,
    /// Too few of the policy's witnesses have cosigned.
    #[error(
        "checkpoint of size {size} lacks the quorum {quorum:?}; ask the log for one with more cosignatures"
    )]
    Quorum {
        /// Size of the tree in the checkpoint.
        size: u64,
        /// Name of the quorum, as the policy spells it.
        quorum: String,
    },
}

impl Error {
    /// Shorthand for [`Error::Malformed`].
    pub(crate) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed { what, why: why.into() }
    }

    /// Shorthand for [`Error::OutOfRange`].
    pub(crate) fn range(what: &'static str, value: u64, why: impl Into<String>) -> Self {
        Self::OutOfRange { what, value, why: why.into() }
    }
}
