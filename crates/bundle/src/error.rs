//! Why something is no bundle at all. What is a bundle and does not hold is told as [`crate::Fault`]s instead.

/// What cannot be put together, or not be taken apart.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file is no zip file, or damaged.
    #[error("the zip file cannot be read: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// A part of it cannot be unpacked.
    #[error("{part} cannot be unpacked: {source}")]
    Unpack {
        /// Its name.
        part: String,
        /// What the unpacking said.
        source: std::io::Error,
    },
    /// More than this program takes.
    #[error("{what} is more than the {limit} that are taken")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// The largest accepted value.
        limit: usize,
    },
    /// A part that every bundle has is not there.
    #[error("there is no {0} in it; it is no evidence bundle, or a part was removed")]
    Missing(&'static str),
    /// Two parts have one name: a reader could be shown either.
    #[error("it has two parts of the name {0:?}")]
    Twice(String),
    /// The manifest or the proofs do not follow their form.
    #[error("{part} is malformed: {why}")]
    Malformed {
        /// The part.
        part: &'static str,
        /// The rule that was broken.
        why: String,
    },
    /// The page has no place for the data.
    #[error("the page has no place for the data: {0}")]
    Page(#[from] crate::PageError),
}
