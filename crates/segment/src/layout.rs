//! Offsets, lengths, magic numbers and limits of a segment file; what both halves of the crate share.

use indelible_event::MacKey;

use crate::bytes::Take;

pub(crate) const MAGIC: &[u8; 4] = b"EVG1";
pub(crate) const FOOTER_MAGIC: &[u8; 4] = b"EVGF";
pub(crate) const FORMAT: u16 = 2;
/// Length of the header.
pub(crate) const HEADER: usize = 64;
/// Length of the footer.
pub(crate) const FOOTER: usize = 4 + 2 + 2 + 8 + 4 + 4 + 8 + 32 + 4;
/// Most rows in a block.
pub(crate) const MAX_ROWS: usize = 1024;
/// A block ends when it holds this many bytes.
pub(crate) const BLOCK_BYTES: usize = 1024 * 1024;
/// Most bytes a block's bodies may have, and most numbers of one stream in it: a full one, one largest event, and more.
pub(crate) const MAX_RAW: usize = 2 * 1024 * 1024;
/// Most bytes of one section that are read: 16 million rows' keys.
pub(crate) const MAX_SECTION: u64 = 256 * 1024 * 1024;
/// Most sections.
pub(crate) const MAX_SECTIONS: usize = 64;

pub(crate) const LOGS: [u8; 4] = *b"logs";
pub(crate) const BLOCKS: [u8; 4] = *b"blks";
pub(crate) const KEYS: [u8; 4] = *b"keys";
pub(crate) const NUMBERS: [u8; 4] = *b"nums";
pub(crate) const SEEDS: [u8; 4] = *b"seed";
pub(crate) const SCHEMA: [u8; 4] = *b"schm";
pub(crate) const CHUNKS: [u8; 4] = *b"chnk";
pub(crate) const BODIES: [u8; 4] = *b"body";
pub(crate) const HISTOGRAM: [u8; 4] = *b"hist";

/// One log in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEntry {
    /// Number of the log.
    pub log: u32,
    /// Index of its first row.
    pub first: u64,
    /// Number of its rows.
    pub count: u64,
    /// Its first block.
    pub first_block: u32,
    /// Number of its blocks.
    pub blocks: u32,
}

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEntry {
    /// Number of the log it belongs to.
    pub log: u32,
    /// Index of its first row.
    pub first: u64,
    /// Number of rows.
    pub rows: u32,
    /// Where its chunks begin.
    pub offset: u64,
    /// Length of its chunks.
    pub len: u32,
    /// Number of the next new context at its first row.
    pub first_context: u32,
    /// Lowest and highest received time, ns since 1970.
    pub received: (u64, u64),
    /// Lowest and highest time of occurrence, ns since 1970; the widest range when it was not given.
    pub occurred: (i64, i64),
}

/// Neighbouring numbers of one producer that went to neighbouring indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberEntry {
    /// Number of the log.
    pub log: u32,
    /// Producer number.
    pub producer: u64,
    /// First sequence.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// Index of the first.
    pub index: u64,
}

impl LogEntry {
    pub(crate) const LEN: usize = 4 + 8 + 8 + 4 + 4;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.log.to_be_bytes());
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.first_block.to_be_bytes());
        out.extend_from_slice(&self.blocks.to_be_bytes());
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            log: take.u32()?,
            first: take.u64()?,
            count: take.u64()?,
            first_block: take.u32()?,
            blocks: take.u32()?,
        })
    }
}

impl BlockEntry {
    pub(crate) const LEN: usize = 4 + 8 + 4 + 8 + 4 + 4 + 8 + 8 + 8 + 8;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.log.to_be_bytes());
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&self.rows.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.len.to_be_bytes());
        out.extend_from_slice(&self.first_context.to_be_bytes());
        out.extend_from_slice(&self.received.0.to_be_bytes());
        out.extend_from_slice(&self.received.1.to_be_bytes());
        out.extend_from_slice(&self.occurred.0.to_be_bytes());
        out.extend_from_slice(&self.occurred.1.to_be_bytes());
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            log: take.u32()?,
            first: take.u64()?,
            rows: take.u32()?,
            offset: take.u64()?,
            len: take.u32()?,
            first_context: take.u32()?,
            received: (take.u64()?, take.u64()?),
            occurred: (take.i64()?, take.i64()?),
        })
    }
}

impl NumberEntry {
    pub(crate) const LEN: usize = 4 + 8 + 8 + 4 + 8;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.log.to_be_bytes());
        out.extend_from_slice(&self.producer.to_be_bytes());
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.index.to_be_bytes());
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            log: take.u32()?,
            producer: take.u64()?,
            first: take.u64()?,
            count: take.u32()?,
            index: take.u64()?,
        })
    }
}

/// The salts of a run: first 16 bytes of HMAC(seed, id).
#[derive(Clone)]
pub(crate) struct SaltMaker(MacKey);

impl SaltMaker {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self(MacKey::new(seed))
    }

    pub(crate) fn salt(&self, id: &[u8; 16]) -> [u8; 16] {
        let hash = self.0.mac(id);
        let (head, _) = hash.split_first_chunk::<16>().expect("32 bytes hold 16");
        *head
    }
}

impl std::fmt::Debug for SaltMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SaltMaker")
    }
}
