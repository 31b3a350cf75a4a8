//! The leaf: the fixed record of 80 bytes that the Merkle tree is made of. It holds nothing personal and never
//! changes (`docs/internals/format.md`, "Leaf").

use crate::bytes::{DecodeError, Reader};
use crate::{EventId, Hash};

/// Length of an encoded leaf.
pub const LEAF_BYTES: usize = 80;
const VERSION: u8 = 1;

/// One bit of a leaf's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flag {
    /// The system's own event (catalog `indelible`).
    Own = 1,
    /// No catalog entry matched, or accepted with problems.
    Unmatched = 2,
    /// Imported history: not witnessed when it happened.
    Imported = 4,
    /// The producer does not number its events.
    Unnumbered = 8,
}

/// What the log commits to for one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Bits of [`Flag`].
    pub flags: u8,
    /// [`type_tag`] of catalog and code, 0 when unmatched. A hint that survives erasure.
    pub type_tag: u32,
    /// When it was received: nanoseconds since 1970, never lower than in the leaf before it.
    pub received_ns: u64,
    /// The event's id.
    pub id: EventId,
    /// Producer number; its name lives elsewhere.
    pub producer: u64,
    /// The producer's sequence number, from 1; 0 when it does not number.
    pub sequence: u64,
    /// The body commitment.
    pub body: Hash,
}

impl Leaf {
    /// Whether a flag is set.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags & flag as u8 != 0
    }

    /// The 80 bytes.
    pub fn encode(&self) -> [u8; LEAF_BYTES] {
        let mut out = [0; LEAF_BYTES];
        out[0] = VERSION;
        out[1] = self.flags;
        out[4..8].copy_from_slice(&self.type_tag.to_be_bytes());
        out[8..16].copy_from_slice(&self.received_ns.to_be_bytes());
        out[16..32].copy_from_slice(&self.id.0);
        out[32..40].copy_from_slice(&self.producer.to_be_bytes());
        out[40..48].copy_from_slice(&self.sequence.to_be_bytes());
        out[48..].copy_from_slice(&self.body);
        out
    }

    /// Reads the 80 bytes; refuses unknown versions and flags.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(reader.error("unknown leaf version"));
        }
        let flags = reader.u8()?;
        if flags & !0x0f != 0 || reader.u16()? != 0 {
            return Err(reader.error("unknown leaf flags"));
        }
        let leaf = Self {
            flags,
            type_tag: reader.u32()?,
            received_ns: u64::from_be_bytes(reader.array()?),
            id: EventId(reader.array()?),
            producer: u64::from_be_bytes(reader.array()?),
            sequence: u64::from_be_bytes(reader.array()?),
            body: reader.array()?,
        };
        reader.finish()?;
        Ok(leaf)
    }
}

/// The first four bytes of SHA-256("evt1" ‖ 0 ‖ u16 length of catalog ‖ catalog ‖ code).
pub fn type_tag(catalog: &str, code: &str) -> u32 {
    let mut message = Vec::with_capacity(128);
    message.extend_from_slice(b"evt1\0");
    message.extend_from_slice(&(catalog.len() as u16).to_be_bytes());
    message.extend_from_slice(catalog.as_bytes());
    message.extend_from_slice(code.as_bytes());
    let digest = crate::sha256(&message);
    digest.iter().take(4).fold(0, |tag, &byte| tag << 8 | u32::from(byte))
}
