//! A column's dictionary, read: whole values, or pieces of values and the prefixes of event types.

use hashbrown::HashMap;

use crate::bytes::Take;
use crate::column::Mode;
use crate::tokens::kind;

/// Entries by number, the most frequent first.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Kind and parameter of each piece; empty when entries are whole values.
    pieces: Vec<(u8, u8)>,
    prefixes: HashMap<u32, Vec<u32>>,
}

impl Dictionary {
    /// Reads what a column of this mode wrote; `None` when it is malformed.
    pub(crate) fn decode(mode: Mode, bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let mut dictionary = Self::default();
        if matches!(mode, Mode::Ints | Mode::Times) {
            return take.is_empty().then_some(dictionary);
        }
        let count = usize::try_from(take.varint()?).ok().filter(|count| *count <= bytes.len())?;
        dictionary.bytes.reserve(bytes.len());
        for _ in 0..count {
            if mode == Mode::Tokens {
                dictionary.pieces.push((take.u8()?, take.u8()?));
            }
            let length = usize::try_from(take.varint()?).ok()?;
            dictionary.bytes.extend_from_slice(take.bytes(length)?);
            dictionary.ends.push(u32::try_from(dictionary.bytes.len()).ok()?);
        }
        if mode == Mode::Tokens {
            for _ in 0..take.varint()? {
                let event_type = u32::try_from(take.varint()?).ok()?;
                let length = usize::try_from(take.varint()?).ok().filter(|length| *length <= take.0.len())?;
                let piece = |take: &mut Take<'_>| {
                    u32::try_from(take.varint()?).ok().filter(|at| (*at as usize) < count)
                };
                let pieces = (0..length).map(|_| piece(&mut take)).collect::<Option<_>>()?;
                dictionary.prefixes.insert(event_type, pieces);
            }
        }
        let known = |piece: &(u8, u8)| piece.0 <= kind::RAW;
        (take.is_empty() && dictionary.pieces.iter().all(known)).then_some(dictionary)
    }

    /// Bytes of memory that it takes, roughly.
    pub(crate) fn weight(&self) -> usize {
        let prefixes: usize = self.prefixes.values().map(|pieces| pieces.len() * 4 + 32).sum();
        self.bytes.len() + self.ends.len() * 4 + self.pieces.len() * 2 + prefixes
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of an entry: a value, or the text of a piece.
    pub(crate) fn get(&self, entry: u32) -> Option<&[u8]> {
        let at = entry as usize;
        let end = *self.ends.get(at)? as usize;
        let start =
            at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&start| start as usize);
        self.bytes.get(start..end)
    }

    /// Kind and parameter of a piece.
    pub(crate) fn piece(&self, entry: u32) -> Option<(u8, u8)> {
        self.pieces.get(entry as usize).copied()
    }

    /// What the values of an event type begin with.
    pub(crate) fn prefix(&self, event_type: u32) -> &[u32] {
        self.prefixes.get(&event_type).map_or(&[], Vec::as_slice)
    }

    /// Whether any piece stands for the text of another field.
    pub(crate) fn has_references(&self) -> bool {
        self.pieces.iter().any(|piece| piece.0 == kind::REFERENCE)
    }
}
