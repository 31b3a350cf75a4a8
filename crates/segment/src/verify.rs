//! Finding where a segment is damaged. It only reads, and it names the first place that does not hold.

use sha2::{Digest, Sha256};

use crate::error::SegmentError;
use crate::layout::{BLOCKS, BODIES, CHUNKS, HISTOGRAM, KEYS, LOGS, NUMBERS, SCHEMA, SEEDS};
use crate::read::{Index, ReadAt, Section, fetch, holds};

impl Index {
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
        for section in self.sections.iter() {
            if !holds(&fetch(read, section.offset, section.len)?, section.crc) {
                return Err(SegmentError::damaged(section.offset, section.damage()));
            }
        }
        self.verify_pieces(read)?;
        Err(SegmentError::damaged(0, "the file's digest does not hold"))
    }

    /// Checks dictionaries, postings and contexts, which no section holds. Blocks are checked by whoever decodes them.
    fn verify_pieces(&self, read: ReadAt<'_>) -> Result<(), SegmentError> {
        let schema = &self.tables(read)?.schema;
        for column in schema.row_columns.iter().chain(&schema.context_columns) {
            Self::blob(column.dictionary, read)?;
            Self::blob(column.postings, read)?;
        }
        for chunk in 0..schema.context_offsets.len() as u32 {
            self.context_chunk(chunk, read)?;
        }
        Ok(())
    }
}

impl Section {
    /// What is said when its checksum does not hold.
    pub(crate) fn damage(&self) -> &'static str {
        match self.name {
            LOGS => "the checksum of section logs, the logs in the file, does not hold",
            BLOCKS => "the checksum of section blks, the places of the events, does not hold",
            KEYS => "the checksum of section keys, the idempotency keys, does not hold",
            NUMBERS => "the checksum of section nums, the producers' numbers, does not hold",
            SEEDS => "the checksum of section seed, the seeds of salts, does not hold",
            SCHEMA => "the checksum of section schm, the columns, does not hold",
            CHUNKS => "the checksum of section chnk, the checksums of the columns, does not hold",
            HISTOGRAM => "the checksum of section hist, the numbers of event types, does not hold",
            BODIES => "the checksum of section body, the body hashes, does not hold",
            _ => "a section's checksum does not hold",
        }
    }
}
