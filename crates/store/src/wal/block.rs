//! The bytes of one block and of page 0 of a WAL file (`docs/internals/format-store.md`, "WAL").

use sha2::{Digest, Sha256};

use crate::bytes::Take;

/// Blocks begin at multiples of this, so that no acknowledged sector is ever written again.
pub(crate) const PAGE: usize = 4096;
/// Length of a block's header.
pub(crate) const HEADER: usize = 64;
/// Most bytes of records in a block: the largest request (10 MiB of events) fits one block whole.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;
/// Most events in a block: the largest request has 10,000.
pub(crate) const MAX_EVENTS: usize = 16_384;
const FORMAT: u16 = 1;
const BLOCK_MAGIC: &[u8; 4] = b"EVB1";
const FILE_MAGIC: &[u8; 4] = b"EVW1";

/// First 16 bytes of SHA-256 of a whole block.
pub(crate) type BlockHash = [u8; 16];

/// What a block says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) seq: u64,
    pub(crate) nonce: u64,
    pub(crate) body_len: u32,
    pub(crate) records: u32,
    pub(crate) time_ns: u64,
    pub(crate) previous: BlockHash,
    pub(crate) body_crc: u32,
}

impl BlockHeader {
    /// Reads a header; `None` unless magic, version, limits and its own checksum hold.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let checked = bytes.get(..HEADER - 4)?;
        let mut take = Take(bytes);
        if take.array::<4>()? != *BLOCK_MAGIC || take.u16()? != FORMAT || take.u16()? != 0 {
            return None;
        }
        let (seq, nonce) = (take.u64()?, take.u64()?);
        let (body_len, records) = (take.u32()?, take.u32()?);
        let (time_ns, previous) = (take.u64()?, take.array()?);
        let (body_crc, header_crc) = (take.u32()?, take.u32()?);
        if header_crc != crc32c::crc32c(checked) || body_len as usize > MAX_BODY {
            return None;
        }
        Some(Self { seq, nonce, body_len, records, time_ns, previous, body_crc })
    }

    fn encode(&self) -> [u8; HEADER] {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(BLOCK_MAGIC);
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.nonce.to_be_bytes());
        out.extend_from_slice(&self.body_len.to_be_bytes());
        out.extend_from_slice(&self.records.to_be_bytes());
        out.extend_from_slice(&self.time_ns.to_be_bytes());
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&self.body_crc.to_be_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        out.try_into().expect("the fields above are 64 bytes long")
    }

    /// Length of the block on disk, padding included.
    pub(crate) fn disk_len(&self) -> usize {
        disk_len(self.body_len as usize)
    }
}

/// Length on disk of a block with this many bytes of records.
pub(crate) fn disk_len(body_len: usize) -> usize {
    (HEADER + body_len).next_multiple_of(PAGE)
}

/// The hash by which the next block names this one.
pub(crate) fn block_hash(block: &[u8]) -> BlockHash {
    let hash: [u8; 32] = Sha256::digest(block).into();
    let (head, _) = hash.split_first_chunk::<16>().expect("32 bytes hold 16");
    *head
}

/// Collects the records of one block; its buffer is used again for the next.
#[derive(Debug)]
pub(crate) struct BlockBuilder {
    bytes: Vec<u8>,
    records: u32,
}

impl BlockBuilder {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; HEADER], records: 0 }
    }

    /// Forgets the records; a buffer that one large block blew up is given back.
    pub(crate) fn clear(&mut self) {
        const KEEP: usize = 1024 * 1024;
        self.bytes.truncate(HEADER);
        self.bytes.shrink_to(KEEP);
        self.records = 0;
    }

    /// Appends one encoded record and returns its offset in the block.
    pub(crate) fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let at = self.bytes.len();
        encode(&mut self.bytes);
        self.records += 1;
        at as u32
    }

    pub(crate) fn body_len(&self) -> usize {
        self.bytes.len() - HEADER
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes of the block collected so far, header still blank.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Completes header and padding; the bytes are what goes to disk.
    pub(crate) fn finish(&mut self, seq: u64, nonce: u64, time_ns: u64, previous: BlockHash) -> &[u8] {
        let body = self.bytes.get(HEADER..).unwrap_or_default();
        let header = BlockHeader {
            seq,
            nonce,
            body_len: body.len() as u32,
            records: self.records,
            time_ns,
            previous,
            body_crc: crc32c::crc32c(body),
        };
        let padded = disk_len(body.len());
        if let Some(head) = self.bytes.get_mut(..HEADER) {
            head.copy_from_slice(&header.encode());
        }
        self.bytes.resize(padded, 0);
        &self.bytes
    }
}

/// Page 0 of a WAL file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) node: [u8; 16],
    pub(crate) first_seq: u64,
    pub(crate) nonce: u64,
}

impl FileHeader {
    /// "EVW1" ‖ u16 version ‖ u16 0 ‖ node ‖ first seq ‖ nonce ‖ crc32c, zeros up to a page.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE);
        out.extend_from_slice(FILE_MAGIC);
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.node);
        out.extend_from_slice(&self.first_seq.to_be_bytes());
        out.extend_from_slice(&self.nonce.to_be_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        out.resize(PAGE, 0);
        out
    }

    /// Reads a whole page 0; `None` unless every byte of it is as written.
    pub(crate) fn decode(page: &[u8]) -> Option<Self> {
        let mut take = Take(page);
        if take.array::<4>()? != *FILE_MAGIC || take.u16()? != FORMAT || take.u16()? != 0 {
            return None;
        }
        let header = Self { node: take.array()?, first_seq: take.u64()?, nonce: take.u64()? };
        (header.encode() == page).then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_anywhere_in_a_header_is_seen() {
        let mut builder = BlockBuilder::new();
        builder.push(|out| out.extend_from_slice(&[7; 100]));
        let block = builder.finish(5, 9, 11, [3; 16]).to_vec();
        assert_eq!(block.len(), PAGE);
        let header = BlockHeader::decode(&block).unwrap();
        assert_eq!((header.seq, header.nonce, header.records, header.body_len), (5, 9, 1, 100));
        for bit in 0..HEADER * 8 {
            let mut bad = block.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(BlockHeader::decode(&bad), None, "bit {bit}");
        }
    }

    #[test]
    fn page_zero_is_checked_to_its_last_byte() {
        let page = FileHeader { node: [1; 16], first_seq: 2, nonce: 3 }.encode();
        assert!(FileHeader::decode(&page).is_some());
        for at in 0..PAGE {
            let mut bad = page.clone();
            bad[at] ^= 0x40;
            assert_eq!(FileHeader::decode(&bad), None, "byte {at}");
        }
    }
}
