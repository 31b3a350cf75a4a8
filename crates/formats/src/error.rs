//! Why a part of the input is no raw event. Names only what a sender can see and mend; never echoes a value.

/// The kind of a decode error: what its receiver would do differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The bytes are not what the format says.
    Malformed,
    /// An object names the same member twice.
    DuplicateKey,
    /// A record is larger than an event may be.
    TooLarge,
    /// A record is encrypted and its key is not here.
    Encrypted,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 4] = [Self::Malformed, Self::DuplicateKey, Self::TooLarge, Self::Encrypted];

    /// The finding of this name, as results and error pages spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "request_malformed",
            Self::DuplicateKey => "duplicate_key",
            Self::TooLarge => "event_too_large",
            Self::Encrypted => "encrypted",
        }
    }
}

/// A record that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}, byte {offset}{}: {message}; {remedy}", at_pointer(.pointer))]
pub struct DecodeError {
    /// Row from 1: the line of line formats, the element of a JSON list, the data row of a CSV; 0 for its header.
    pub row: u64,
    /// Byte offset in the whole input.
    pub offset: usize,
    /// JSON pointer of the faulty part within the record; empty for the record itself and for CSV.
    pub pointer: String,
    /// Kind of error.
    pub code: Code,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub remedy: &'static str,
}

fn at_pointer(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(", at {pointer}") }
}
