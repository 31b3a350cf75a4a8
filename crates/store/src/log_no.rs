//! The number of a log on its node.

use std::fmt;

/// Numbers a node's logs from 0, in the order of their creation. Never used again, never told to anybody outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogNo(pub u32);

impl fmt::Display for LogNo {
    /// Eight hexadecimal digits, as in file names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}
