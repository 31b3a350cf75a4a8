//! Splits line formats. A line ends at LF; a CR before it is not part of it. Blank lines count but yield nothing.

use std::ops::Range;

/// Lines that are not blank: number from 1 and byte range without the line end.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    /// Lines of `bytes`; a leading byte order mark is skipped.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: bom(bytes), number: 0 }
    }
}

/// Length of a leading UTF-8 byte order mark.
pub(crate) fn bom(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

impl Iterator for Lines<'_> {
    type Item = (u64, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
            let start = self.at;
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.at += length + 1;
            self.number += 1;
            let line = rest.get(..length).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.trim_ascii().is_empty() {
                return Some((self.number, start..start + line.len()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_count_but_yield_nothing() {
        let found: Vec<_> = Lines::new(b"\xef\xbb\xbfa\r\n\n  \nbc").collect();
        assert_eq!(found, vec![(1, 3..4), (4, 10..12)]);
        assert_eq!(Lines::new(b"").count(), 0);
        assert_eq!(Lines::new(b"\n\n").count(), 0);
    }
}
