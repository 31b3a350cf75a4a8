//! The syslog form of the MinVWS audit library: `AuditLog: ` and the payload's JSON in base64, or the JSON itself.
//!
//! Encrypted payloads are told apart and refused by name; nothing here decrypts.

use crate::records::{locate, too_large};
use crate::{Code, DecodeError, MAX_RECORD_BYTES, parse_json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible_event::Value;

/// What stands before the payload.
const MARK: &[u8] = b"AuditLog: ";

/// The payload of one line; `base` is the line's offset in the whole input.
///
/// A line without the mark is taken as plain JSON, as the message broker carries it. Offsets within a base64
/// payload are those of its first byte, since the sender never sees the decoded text.
pub fn payload(line: &[u8], row: u64, base: usize) -> Result<Value, DecodeError> {
    let Some(mark) = line.windows(MARK.len()).position(|window| window == MARK) else {
        return parse_json(line).map_err(|error| locate(error, row, base));
    };
    let start = mark + MARK.len();
    let text = line.get(start..).unwrap_or_default().trim_ascii();
    let fault = |code, message: &str, remedy| DecodeError {
        row,
        offset: base + start,
        pointer: String::new(),
        code,
        message: message.to_owned(),
        remedy,
    };
    if text.len() / 4 * 3 > MAX_RECORD_BYTES {
        return Err(too_large(row, base + start, text.len() / 4 * 3));
    }
    let decoded = STANDARD.decode(text).map_err(|_| {
        fault(Code::Malformed, "the payload is not base64", "check that the line was not cut by its carrier")
    })?;
    if decoded.trim_ascii_start().first() != Some(&b'{') {
        return Err(fault(
            Code::Encrypted,
            "the payload is encrypted",
            "let the application write plain audit lines, or decrypt them before they are sent here",
        ));
    }
    parse_json(&decoded).map_err(|error| DecodeError { offset: base + start, ..locate(error, row, base) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_plain_and_encrypted_lines() {
        let line = format!("<134>Nov 22 app[1]: AuditLog: {}", STANDARD.encode(r#"{"event_code":"091111"}"#));
        let value = payload(line.as_bytes(), 1, 0).unwrap();
        assert_eq!(value.as_map().unwrap().get("event_code"), Some(&"091111".into()));
        assert!(payload(br#"{"event_code":"091111"}"#, 1, 0).is_ok());
        let line = format!("AuditLog: {}", STANDARD.encode([7u8, 1, 2, 3]));
        let error = payload(line.as_bytes(), 9, 100).unwrap_err();
        assert_eq!((error.code, error.row, error.offset), (Code::Encrypted, 9, 110));
        assert_eq!(payload(b"AuditLog: !!!", 1, 0).unwrap_err().code, Code::Malformed);
        let line = format!("AuditLog: {}", STANDARD.encode(r#"{"a":{"b":}}"#));
        let error = payload(line.as_bytes(), 1, 0).unwrap_err();
        assert_eq!((error.offset, error.pointer.as_str()), (10, "/a/b"));
    }
}
