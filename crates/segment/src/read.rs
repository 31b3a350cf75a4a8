//! Reading a segment: its index once, then single blocks.

use sha2::{Digest, Sha256};

use crate::block;
use crate::bytes::Take;
use crate::error::SegmentError;
use crate::id::IdCipher;
use crate::layout::{
    BLOCKS, FOOTER, FOOTER_MAGIC, FORMAT, HEADER, KEYS, LOGS, MAGIC, MAX_RAW, MAX_ROWS, MAX_SECTION,
    MAX_SECTIONS, NUMBERS, SEEDS, SaltMaker,
};
pub use crate::layout::{BlockEntry, LogEntry, NumberEntry};
use crate::row::Block;

/// Reads bytes of the file at an offset, filling the buffer.
pub type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> std::io::Result<()>;

/// A piece of the file that holds one kind of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Section {
    name: [u8; 4],
    offset: u64,
    len: u64,
    crc: u32,
}

/// What a segment says about itself. Small enough to stay in memory.
#[derive(Debug)]
pub struct Index {
    /// The node it belongs to.
    pub node: [u8; 16],
    /// First and last WAL block whose events it holds.
    pub wal_blocks: (u64, u64),
    /// SHA-256 of everything before the footer, as the footer states it.
    pub digest: [u8; 32],
    /// Length of what the digest covers.
    pub covered: u64,
    ids: IdCipher,
    logs: Vec<LogEntry>,
    blocks: Vec<BlockEntry>,
    sections: Vec<Section>,
    salts: Vec<(u32, SaltMaker)>,
}

/// Idempotency keys of a segment, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    entries: Vec<(u64, u32)>,
}

impl Keys {
    /// Every key with its row, counted over the whole segment.
    pub fn entries(&self) -> &[(u64, u32)] {
        &self.entries
    }

    /// Rows under a key.
    pub fn rows(&self, key: u64) -> impl Iterator<Item = u32> {
        let start = self.entries.partition_point(|(entry, _)| *entry < key);
        let found = self.entries.get(start..).unwrap_or_default();
        found.iter().take_while(move |(entry, _)| *entry == key).map(|(_, row)| *row)
    }
}

impl Index {
    /// Reads header, footer and the small sections of a file of `len` bytes.
    pub fn read(len: u64, read: ReadAt<'_>) -> Result<Self, SegmentError> {
        let header = fetch(read, 0, HEADER as u64)?;
        let (node, wal_blocks, ids) = decode_header(&header)?;
        let end =
            len.checked_sub(FOOTER as u64).ok_or(SegmentError::damaged(len, "the file is too short"))?;
        let footer = decode_footer(&fetch(read, end, FOOTER as u64)?, end)?;
        let table = fetch(read, footer.table.offset, footer.table.len)?;
        if crc32c::crc32c(&table) != footer.table.crc {
            return Err(SegmentError::damaged(footer.table.offset, "the section table does not check"));
        }
        let sections = decode_table(&table, end)
            .ok_or(SegmentError::damaged(footer.table.offset, "the section table is malformed"))?;
        let mut index = Self {
            node,
            wal_blocks,
            digest: footer.digest,
            covered: end,
            ids,
            logs: Vec::new(),
            blocks: Vec::new(),
            sections,
            salts: Vec::new(),
        };
        index.logs = index.entries(read, LOGS, LogEntry::LEN, LogEntry::decode)?;
        index.blocks = index.entries(read, BLOCKS, BlockEntry::LEN, BlockEntry::decode)?;
        index.salts =
            index.entries(read, SEEDS, 36, |take| Some((take.u32()?, SaltMaker::new(&take.array()?))))?;
        index
            .check()
            .ok_or(SegmentError::damaged(footer.table.offset, "the block index contradicts itself"))?;
        Ok(index)
    }

    /// The logs in it, ascending.
    pub fn logs(&self) -> &[LogEntry] {
        &self.logs
    }

    /// The blocks of a log, ascending.
    pub fn blocks(&self, log: u32) -> &[BlockEntry] {
        let Ok(at) = self.logs.binary_search_by_key(&log, |entry| entry.log) else { return &[] };
        self.logs.get(at).and_then(|entry| self.log_blocks(entry)).unwrap_or_default()
    }

    /// The block that holds an event.
    pub fn block(&self, log: u32, index: u64) -> Option<&BlockEntry> {
        let blocks = self.blocks(log);
        let at = blocks.partition_point(|block| block.first <= index).checked_sub(1)?;
        blocks.get(at).filter(|block| index - block.first < u64::from(block.rows))
    }

    /// Log and index of a row, counted over the whole segment.
    pub fn row(&self, row: u32) -> Option<(u32, u64)> {
        let mut before = 0u64;
        for entry in &self.logs {
            if u64::from(row) < before + entry.count {
                return Some((entry.log, entry.first + u64::from(row) - before));
            }
            before += entry.count;
        }
        None
    }

    /// Decodes one block from its compressed bytes.
    pub fn decode(&self, entry: &BlockEntry, compressed: &[u8]) -> Result<Block, SegmentError> {
        let damaged = |what| SegmentError::damaged(entry.offset, what);
        if compressed.len() != entry.len as usize || crc32c::crc32c(compressed) != entry.crc {
            return Err(damaged("a block's checksum does not hold"));
        }
        let raw = zstd::bulk::decompress(compressed, (entry.raw_len as usize).min(MAX_RAW))
            .map_err(|_| damaged("a block does not decompress"))?;
        let salts = |run: u32| {
            let at = self.salts.binary_search_by_key(&run, |(run, _)| *run).ok()?;
            self.salts.get(at).map(|(_, maker)| maker)
        };
        let (rows, bodies) = block::decode(&raw, &self.ids, salts)
            .ok_or_else(|| damaged("a block's columns are malformed"))?;
        if rows.len() != entry.rows as usize || raw.len() != entry.raw_len as usize {
            return Err(damaged("a block does not hold what the index says"));
        }
        Ok(Block { first: entry.first, rows, bodies })
    }

    /// Whether any row has an idempotency key.
    pub fn has_keys(&self) -> bool {
        self.section(KEYS).is_some_and(|section| section.len > 0)
    }

    /// Reads all idempotency keys.
    pub fn keys(&self, read: ReadAt<'_>) -> Result<Keys, SegmentError> {
        Ok(Keys { entries: self.entries(read, KEYS, 12, |take| Some((take.u64()?, take.u32()?)))? })
    }

    /// Reads all stretches of producers' numbers, sorted by log, producer and number.
    pub fn numbers(&self, read: ReadAt<'_>) -> Result<Vec<NumberEntry>, SegmentError> {
        self.entries(read, NUMBERS, NumberEntry::LEN, NumberEntry::decode)
    }

    /// Checks the digest over the whole file, and every section's own checksum on the way to name the place.
    pub fn verify(&self, read: ReadAt<'_>) -> Result<(), SegmentError> {
        const PIECE: u64 = 1024 * 1024;
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < self.covered {
            let piece = fetch(read, at, (self.covered - at).min(PIECE))?;
            hash.update(&piece);
            at += piece.len() as u64;
        }
        if <[u8; 32]>::from(hash.finalize()) == self.digest {
            return Ok(());
        }
        for section in &self.sections {
            if crc32c::crc32c(&fetch(read, section.offset, section.len)?) != section.crc {
                return Err(SegmentError::damaged(section.offset, "a section's checksum does not hold"));
            }
        }
        Err(SegmentError::damaged(0, "the file's digest does not hold"))
    }

    fn section(&self, name: [u8; 4]) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    fn entries<T>(
        &self,
        read: ReadAt<'_>,
        name: [u8; 4],
        len: usize,
        decode: impl Fn(&mut Take<'_>) -> Option<T>,
    ) -> Result<Vec<T>, SegmentError> {
        let section =
            self.section(name).ok_or(SegmentError::damaged(self.covered, "a section is missing"))?;
        let damaged = |what| SegmentError::damaged(section.offset, what);
        let bytes = fetch(read, section.offset, section.len)?;
        if crc32c::crc32c(&bytes) != section.crc {
            return Err(damaged("a section's checksum does not hold"));
        }
        if !bytes.len().is_multiple_of(len) {
            return Err(damaged("a section ends within an entry"));
        }
        let all = bytes.chunks(len).map(|entry| decode(&mut Take(entry))).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| damaged("an entry is malformed"))
    }

    fn log_blocks(&self, entry: &LogEntry) -> Option<&[BlockEntry]> {
        let first = entry.first_block as usize;
        self.blocks.get(first..first.checked_add(entry.blocks as usize)?)
    }

    /// Logs ascend, their blocks follow one another without gap, and every length is within its limit.
    fn check(&self) -> Option<()> {
        let ascending = self.logs.is_sorted_by(|a, b| a.log < b.log);
        let runs_ascend = self.salts.is_sorted_by(|a, b| a.0 < b.0);
        let mut blocks_seen = 0;
        for entry in &self.logs {
            let mut next = entry.first;
            for block in self.log_blocks(entry)? {
                let fits = block.offset.checked_add(block.len.into())? <= self.covered
                    && block.rows as usize <= MAX_ROWS
                    && block.raw_len as usize <= MAX_RAW;
                if block.log != entry.log || block.first != next || block.rows == 0 || !fits {
                    return None;
                }
                next = next.checked_add(block.rows.into())?;
                blocks_seen += 1;
            }
            if next != entry.first.checked_add(entry.count)? {
                return None;
            }
        }
        (ascending && runs_ascend && blocks_seen == self.blocks.len()).then_some(())
    }
}

struct Footer {
    table: Section,
    digest: [u8; 32],
}

fn fetch(read: ReadAt<'_>, offset: u64, len: u64) -> Result<Vec<u8>, SegmentError> {
    if len > MAX_SECTION {
        return Err(SegmentError::damaged(offset, "a length exceeds its limit"));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    read(offset, &mut bytes).map_err(|error| SegmentError::Unreadable { offset, why: error.to_string() })?;
    Ok(bytes)
}

type Header = ([u8; 16], (u64, u64), IdCipher);

fn decode_header(header: &[u8]) -> Result<Header, SegmentError> {
    let damaged = |what| SegmentError::damaged(0, what);
    let short = || damaged("the header is cut off");
    let mut take = Take(header);
    if take.array::<4>().ok_or_else(short)? != *MAGIC {
        return Err(damaged("this is no segment"));
    }
    let found = take.u16().ok_or_else(short)?;
    if found != FORMAT {
        return Err(SegmentError::UnknownVersion { found });
    }
    let (checked, crc) = header.split_last_chunk::<4>().ok_or_else(short)?;
    if crc32c::crc32c(checked) != u32::from_be_bytes(*crc) {
        return Err(damaged("the header does not check"));
    }
    let mut rest = || {
        take.u16()?;
        Some((take.array()?, (take.u64()?, take.u64()?), IdCipher::new(take.array()?)))
    };
    rest().ok_or_else(short)
}

fn decode_footer(footer: &[u8], end: u64) -> Result<Footer, SegmentError> {
    let damaged = |what| SegmentError::damaged(end, what);
    let decode = || {
        let (checked, crc) = footer.split_last_chunk::<4>()?;
        let mut take = Take(checked);
        let known = take.array::<4>()? == *FOOTER_MAGIC && take.u16()? == FORMAT && take.u16()? == 0;
        if !known || crc32c::crc32c(checked) != u32::from_be_bytes(*crc) {
            return None;
        }
        let (offset, len, crc) = (take.u64()?, take.u32()?, take.u32()?);
        let covered = take.u64()?;
        let table = Section { name: *b"tabl", offset, len: len.into(), crc };
        let fits = covered == end && offset.checked_add(len.into())? == end;
        fits.then_some(Footer { table, digest: take.array()? })
    };
    decode().ok_or_else(|| damaged("the footer does not check; the file is cut off or damaged at its end"))
}

fn decode_table(table: &[u8], end: u64) -> Option<Vec<Section>> {
    let mut take = Take(table);
    let count = usize::from(take.u16()?);
    if count > MAX_SECTIONS {
        return None;
    }
    let mut sections = Vec::with_capacity(count);
    for _ in 0..count {
        let section =
            Section { name: take.array()?, offset: take.u64()?, len: take.u64()?, crc: take.u32()? };
        if section.offset.checked_add(section.len)? > end {
            return None;
        }
        sections.push(section);
    }
    take.is_empty().then_some(sections)
}
