//! Why bytes are no segment, or rows cannot become one.

/// What a caller does: refuse the file and look for another copy, or correct the rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// The bytes do not follow the format.
    #[error("segment is damaged at byte {offset}: {what}")]
    Damaged {
        /// Where in the file.
        offset: u64,
        /// What does not hold.
        what: &'static str,
    },
    /// A version that this program does not know.
    #[error(
        "segment has format version {found}, this program reads version 2; use the program that wrote it"
    )]
    UnknownVersion {
        /// The version in the file.
        found: u16,
    },
    /// The file could not be read.
    #[error("segment cannot be read at byte {offset}: {why}")]
    Unreadable {
        /// Where in the file.
        offset: u64,
        /// The system's reason.
        why: String,
    },
    /// Rows in an order or of a size that a segment does not hold.
    #[error("rows do not make a segment: {what}")]
    BadRows {
        /// The rule.
        what: &'static str,
    },
    /// The compressor refused.
    #[error("cannot compress or decompress a block: {why}")]
    Compression {
        /// Its reason.
        why: String,
    },
}

impl SegmentError {
    pub(crate) fn damaged(offset: u64, what: &'static str) -> Self {
        Self::Damaged { offset, what }
    }
}
