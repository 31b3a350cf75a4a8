//! The identifier of an event: 16 bytes in the shape of a UUIDv7, always made by the node that records it.

use std::fmt;
use std::str::FromStr;

/// An event's identifier (RFC 9562 UUID, version 7). It is in the leaf, in URLs and in receipts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

/// Why a text is not an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event id: expected 32 hexadecimal digits in the form 8-4-4-4-12")]
pub struct EventIdError;

impl EventId {
    /// An id from the milliseconds since 1970 (48 bits) and 74 further bits (the low ones of `rest`).
    pub fn from_parts(unix_ms: u64, rest: u128) -> Self {
        let high = (u128::from(unix_ms) & 0xffff_ffff_ffff) << 80;
        let version = 0x7_u128 << 76;
        let upper = ((rest >> 62) & 0xfff) << 64;
        let variant = 0b10_u128 << 62;
        Self((high | version | upper | variant | (rest & ((1 << 62) - 1))).to_be_bytes())
    }

    /// The milliseconds since 1970 in the id's first 48 bits.
    pub fn unix_ms(self) -> u64 {
        (u128::from_be_bytes(self.0) >> 80) as u64
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|at| !matches!(at, 8 | 13 | 18 | 23));
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        for (place, digit) in places.zip(digits) {
            if let (Some(to), Some(digit)) = (text.get_mut(place), DIGITS.get(usize::from(digit))) {
                *to = *digit;
            }
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let dashes = [8, 13, 18, 23].iter().all(|&at| bytes.get(at) == Some(&b'-'));
        if bytes.len() != 36 || !dashes {
            return Err(EventIdError);
        }
        let mut digits = bytes.iter().filter(|&&b| b != b'-').map(|&b| char::from(b).to_digit(16));
        let mut out = [0_u8; 16];
        for byte in &mut out {
            let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
                return Err(EventIdError);
            };
            *byte = (high << 4 | low) as u8;
        }
        if digits.next().is_some() { Err(EventIdError) } else { Ok(Self(out)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree() {
        let id = EventId::from_parts(1_700_000_000_123, u128::MAX);
        assert_eq!(id.unix_ms(), 1_700_000_000_123);
        assert_eq!(id.0[6] >> 4, 7);
        assert_eq!(id.0[8] >> 6, 0b10);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0", "00112233-4455-6778-899a-abbccddeeff", "00112233-4455-6778-899a-abbccddeefg0"] {
            assert_eq!(bad.parse::<EventId>(), Err(EventIdError), "{bad}");
        }
    }
}
