//! The streams that columns are made of, and their chunks.

use crate::bytes::{Take, put_varint};
use crate::error::SegmentError;
use crate::ints::Ints;
use crate::layout::MAX_RAW;
use crate::rans::Model;

/// A packed chunk is kept as it is.
const PLAIN: u8 = 0;
/// A packed chunk is a zstd frame.
const ZSTD: u8 = 1;

/// Bytes of a stream, by chunk.
#[derive(Debug, Default, Clone)]
pub(crate) struct Octets {
    pub(crate) bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Octets {
    /// Ends the chunk.
    pub(crate) fn end_chunk(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }
}

/// One stream, ready to be written.
#[derive(Debug, Clone)]
pub(crate) enum Stream {
    /// Whole numbers.
    Ints(Ints),
    /// Bytes without pattern.
    Fixed(Octets),
    /// Bytes that a compressor makes smaller.
    Packed(Octets),
}

/// How a stream is read.
#[derive(Debug, Clone)]
pub(crate) enum Coding {
    Ints(Model),
    Fixed,
    Packed,
}

impl Stream {
    /// Its coding, and its chunks.
    pub(crate) fn encode(
        &self,
        zstd: &mut zstd::bulk::Compressor<'static>,
    ) -> Result<(Coding, Vec<Vec<u8>>), SegmentError> {
        Ok(match self {
            Self::Ints(ints) => {
                let (model, chunks) = ints.encode();
                (Coding::Ints(model), chunks)
            }
            Self::Fixed(octets) => (Coding::Fixed, octets.chunks().map(<[u8]>::to_vec).collect()),
            Self::Packed(octets) => {
                let chunks = octets.chunks().map(|chunk| pack(chunk, zstd)).collect::<Result<_, _>>()?;
                (Coding::Packed, chunks)
            }
        })
    }
}

impl Coding {
    /// Bytes of memory that it takes, roughly.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + if let Self::Ints(model) = self { model.weight() } else { 0 }
    }

    /// Appends: 0 and the model, 1, or 2.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ints(model) => {
                out.push(0);
                model.encode(out);
            }
            Self::Fixed => out.push(1),
            Self::Packed => out.push(2),
        }
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Option<Self> {
        match take.u8()? {
            0 => Model::decode(take).map(Self::Ints),
            1 => Some(Self::Fixed),
            2 => Some(Self::Packed),
            _ => None,
        }
    }

    /// The numbers of a chunk.
    pub(crate) fn ints(&self, chunk: &[u8], count: usize) -> Option<Vec<u64>> {
        match self {
            Self::Ints(model) if count <= MAX_RAW => crate::ints::decode(model, chunk, count),
            _ => None,
        }
    }

    /// The bytes of a chunk.
    pub(crate) fn octets(&self, chunk: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Fixed => Some(chunk.to_vec()),
            Self::Packed => unpack(chunk),
            Self::Ints(_) => None,
        }
    }
}

/// A compressed form of bytes: nothing for nothing, else u8 method ‖ (varint length, when compressed) ‖ bytes.
pub(crate) fn pack(
    bytes: &[u8],
    zstd: &mut zstd::bulk::Compressor<'static>,
) -> Result<Vec<u8>, SegmentError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = vec![ZSTD];
    put_varint(&mut out, bytes.len() as u64);
    let compressed =
        zstd.compress(bytes).map_err(|error| SegmentError::Compression { why: error.to_string() })?;
    out.extend_from_slice(&compressed);
    if out.len() > bytes.len() {
        out.clear();
        out.push(PLAIN);
        out.extend_from_slice(bytes);
    }
    Ok(out)
}

/// The inverse of [`pack`], for chunks of at most [`MAX_RAW`] bytes.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    unpack_within(packed, MAX_RAW)
}

/// The inverse of [`pack`]; what is longer than `most` is refused.
pub(crate) fn unpack_within(packed: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut take = Take(packed);
    match take.0.split_first() {
        None => Some(Vec::new()),
        Some((&PLAIN, rest)) => Some(rest.to_vec()),
        Some((&ZSTD, _)) => {
            take.u8()?;
            let length = usize::try_from(take.varint()?).ok().filter(|length| *length <= most)?;
            let bytes = zstd::bulk::decompress(take.0, length).ok()?;
            (bytes.len() == length).then_some(bytes)
        }
        Some(_) => None,
    }
}
