//! Importing files through the API: splitting, sending, counting, resuming.
//!
//! A file goes to the server in batches in its own order. The server knows rows again by their content, so that a
//! batch that is sent twice is stored once; nothing here has to be exact for that.

pub(crate) mod batch;
pub(crate) mod csv_rows;
pub(crate) mod records;
pub(crate) mod resume;
pub(crate) mod tally;
