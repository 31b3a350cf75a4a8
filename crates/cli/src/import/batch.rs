//! Records gathered to requests: as many as one may hold, in order, with what the server must know about repeats.

use std::collections::HashMap;
use std::io;

use sha2::{Digest, Sha256};

use super::records::{Record, Records};

/// Records of one request: a tenth of what the server takes, so that progress is seen and little is sent again.
const MAX_RECORDS: usize = 1_000;
/// Bytes of one request; the server takes 10 MiB.
const MAX_BYTES: usize = 4 << 20;
/// Records remembered to tell equal ones apart: about 100 MB. Behind them, equal records count as one.
const MAX_REMEMBERED: usize = 2_000_000;

/// The records of one request.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) body: Vec<u8>,
    /// Row in the file of the first row of the request.
    pub(crate) first_row: u64,
    /// Row in the file of each record.
    pub(crate) rows: Vec<u64>,
    /// Rows of the request that stood in the file before, with how often.
    pub(crate) repeats: Vec<(u64, u64)>,
    /// Records that cannot be sent, with the reason.
    pub(crate) unreadable: Vec<(u64, String)>,
}

/// Gathers batches from records.
pub(crate) struct Batches<'a> {
    records: Records<'a>,
    seen: HashMap<[u8; 16], u32>,
    /// The record that did not fit the last batch.
    held: Option<Record>,
    over: bool,
}

impl<'a> Batches<'a> {
    pub(crate) fn new(records: Records<'a>) -> Self {
        Self { records, seen: HashMap::new(), held: None, over: false }
    }

    /// Whether so many different records were met that further equal ones count as one.
    pub(crate) fn forgot(&self) -> bool {
        self.seen.len() >= MAX_REMEMBERED
    }

    /// The next batch.
    pub(crate) fn next(&mut self) -> io::Result<Option<Batch>> {
        let mut batch = Batch { body: self.records.header().to_vec(), ..Batch::default() };
        if batch.body.last().is_some_and(|last| *last != b'\n') {
            batch.body.push(b'\n');
        }
        while !self.over && batch.rows.len() < MAX_RECORDS {
            let next = match self.held.take() {
                Some(record) => Some(record),
                None => self.records.next()?,
            };
            let Some(record) = next else {
                self.over = true;
                break;
            };
            match &record.bytes {
                Err(why) => batch.unreadable.push((record.row, why.clone())),
                Ok(bytes) if self.fits(&batch, record.row, bytes) => self.push(&mut batch, record.row, bytes),
                Ok(_) => {
                    self.held = Some(record);
                    break;
                }
            }
        }
        Ok(Some(batch).filter(|batch| !batch.rows.is_empty() || !batch.unreadable.is_empty()))
    }

    fn fits(&self, batch: &Batch, row: u64, bytes: &[u8]) -> bool {
        let Some(last) = batch.rows.last() else { return true };
        let in_step =
            row == last + 1 || (self.records.counts_blank_lines() && row - last < MAX_RECORDS as u64);
        in_step && batch.body.len() + bytes.len() < MAX_BYTES
    }

    fn push(&mut self, batch: &mut Batch, row: u64, bytes: &[u8]) {
        let last = batch.rows.last().copied();
        if last.is_none() {
            batch.first_row = row;
        }
        // Blank lines keep the server's count of rows in step with the file's.
        batch.body.extend((last.unwrap_or(row)..row).skip(1).map(|_| b'\n'));
        batch.body.extend_from_slice(bytes);
        batch.body.push(b'\n');
        batch.rows.push(row);
        let before = self.count(bytes);
        if before > 0 {
            batch.repeats.push((row - batch.first_row + 1, u64::from(before)));
        }
    }

    /// How often the same record came before.
    fn count(&mut self, bytes: &[u8]) -> u32 {
        let digest = Sha256::digest(bytes);
        let key = digest.first_chunk::<16>().copied().unwrap_or_default();
        if let Some(times) = self.seen.get_mut(&key) {
            *times += 1;
            return *times;
        }
        if self.seen.len() < MAX_REMEMBERED {
            self.seen.insert(key, 0);
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_formats::Format;

    fn batches(text: &str, format: Format) -> Vec<Batch> {
        let mut batches = Batches::new(Records::new(Box::new(text.as_bytes()), format).unwrap());
        std::iter::from_fn(|| batches.next().unwrap()).collect()
    }

    #[test]
    fn rows_stay_in_step_and_repeats_are_named() {
        let found = batches("a\n\nb\na\n", Format::Match);
        assert_eq!(found.len(), 1);
        assert_eq!(String::from_utf8_lossy(&found[0].body), "a\n\nb\na\n");
        assert_eq!((found[0].first_row, found[0].rows.as_slice()), (1, [1, 3, 4].as_slice()));
        assert_eq!(found[0].repeats, [(4, 1)]);
    }

    #[test]
    fn a_csv_header_begins_every_request() {
        let rows = (0..1_500).map(|n| format!("{n},x")).collect::<Vec<_>>().join("\n");
        let found = batches(&format!("Job Code,Date\n{rows}"), Format::SanerNow);
        let firsts: Vec<_> = found.iter().map(|batch| (batch.first_row, batch.rows.len())).collect();
        assert_eq!(firsts, [(1, 1000), (1001, 500)]);
        assert!(found.iter().all(|batch| batch.body.starts_with(b"Job Code,Date\n")));
    }

    #[test]
    fn a_batch_has_a_largest_size() {
        let line = "x".repeat(900_000);
        let found = batches(&format!("{line}\n{line}\n{line}\n{line}\n{line}\n"), Format::Match);
        assert_eq!(found.iter().map(|batch| batch.rows.len()).collect::<Vec<_>>(), [4, 1]);
        assert_eq!(found[1].first_row, 5);
        assert_eq!(found[1].repeats, [(1, 4)]);
    }
}
