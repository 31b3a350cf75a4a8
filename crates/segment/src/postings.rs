//! In which blocks the entries of a dictionary occur, and of rare ones in which rows.

use crate::bytes::{Take, put_varint};
use crate::error::SegmentError;
use crate::stream::{pack, unpack};

/// Entries whose postings are compressed together: a question reads as few as it asks about.
const GROUP: usize = 256;

/// Occurrences by entry, collected in the order of the rows.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    entries: Vec<Entry>,
    exact: u32,
    blocks: u32,
}

#[derive(Debug, Default, Clone)]
struct Entry {
    blocks: Vec<u32>,
    /// Rows, as long as they are few enough.
    rows: Vec<u32>,
    many: bool,
}

/// Where an entry occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occurs {
    /// Possibly in every block.
    Anywhere,
    /// In these blocks, counted over the segment.
    Blocks(Vec<u32>),
    /// In these rows, counted over the segment.
    Rows(Vec<u32>),
}

impl Postings {
    /// For so many entries; those in at most `exact` rows are kept by row.
    pub(crate) fn new(entries: usize, exact: u32) -> Self {
        Self { entries: vec![Entry::default(); entries], exact, blocks: 0 }
    }

    pub(crate) fn add(&mut self, entry: u32, block: u32, row: u32) {
        self.blocks = self.blocks.max(block + 1);
        let Some(entry) = self.entries.get_mut(entry as usize) else { return };
        if entry.blocks.last() != Some(&block) {
            entry.blocks.push(block);
        }
        if entry.rows.last() != Some(&row) && !entry.many {
            entry.many = entry.rows.len() >= self.exact as usize;
            if entry.many {
                entry.rows = Vec::new();
            } else {
                entry.rows.push(row);
            }
        }
    }

    /// Rearranges the entries: `order` names, for each new place, the old one.
    pub(crate) fn arrange(&mut self, order: &[u32]) {
        if self.entries.is_empty() {
            return;
        }
        let taken = |&old: &u32| self.entries.get_mut(old as usize).map(std::mem::take).unwrap_or_default();
        self.entries = order.iter().map(taken).collect();
    }

    /// Varint count of groups and their lengths, then the groups. An entry is 0, or 2n and n blocks, or 2n + 1 and n rows,
    /// as differences.
    pub(crate) fn encode(&self, zstd: &mut zstd::bulk::Compressor<'static>) -> Result<Vec<u8>, SegmentError> {
        let mut groups = Vec::new();
        for group in self.entries.chunks(GROUP) {
            let mut out = Vec::new();
            for entry in group {
                let (tag, numbers) = match entry {
                    Entry { many: false, rows, .. } => (1, rows.as_slice()),
                    Entry { blocks, .. } if blocks.len() * 2 > self.blocks as usize => (0, &[][..]),
                    Entry { blocks, .. } => (0, blocks.as_slice()),
                };
                put_varint(&mut out, numbers.len() as u64 * 2 + tag);
                let mut last = 0;
                for &number in numbers {
                    put_varint(&mut out, u64::from(number.wrapping_sub(last)));
                    last = number;
                }
            }
            groups.push(pack(&out, zstd)?);
        }
        let mut out = Vec::new();
        put_varint(&mut out, groups.len() as u64);
        for group in &groups {
            put_varint(&mut out, group.len() as u64);
        }
        out.extend_from_slice(&groups.concat());
        Ok(out)
    }
}

/// Where an entry occurs, from what [`Postings::encode`] wrote; `None` when it is malformed.
pub(crate) fn find(encoded: &[u8], entry: u32) -> Option<Occurs> {
    let mut take = Take(encoded);
    let groups = usize::try_from(take.varint()?).ok().filter(|groups| *groups <= encoded.len())?;
    let mut lengths = Vec::with_capacity(groups);
    for _ in 0..groups {
        lengths.push(usize::try_from(take.varint()?).ok()?);
    }
    let group = entry as usize / GROUP;
    let before = lengths.iter().take(group).try_fold(0usize, |sum, &length| sum.checked_add(length))?;
    take.bytes(before)?;
    let bytes = unpack(take.bytes(*lengths.get(group)?)?)?;
    let mut take = Take(&bytes);
    for at in 0..=entry as usize % GROUP {
        let tag = take.varint()?;
        let wanted = at == entry as usize % GROUP;
        let mut numbers = Vec::new();
        let mut last = 0u32;
        for _ in 0..tag / 2 {
            last = last.wrapping_add(u32::try_from(take.varint()?).ok()?);
            if wanted {
                numbers.push(last);
            }
        }
        if wanted {
            return Some(match (tag, tag % 2) {
                (0, _) => Occurs::Anywhere,
                (_, 0) => Occurs::Blocks(numbers),
                _ => Occurs::Rows(numbers),
            });
        }
    }
    None
}
