//! Small rules that all text formats share: strict base64 and decimals with one spelling each.
//! Nothing here may accept a second spelling of a value, because signatures cover spellings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;

/// Standard alphabet with padding.
pub(crate) fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Refuses missing padding, non-zero trailing bits, white space and every foreign character.
pub(crate) fn base64_decode(what: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    STANDARD.decode(text).map_err(|e| Error::malformed(what, format!("not strict base64: {e}")))
}

/// A decimal number up to [`crate::tree::MAX_SIZE`] without sign, spaces or leading zeros.
pub(crate) fn decimal(what: &'static str, text: &str) -> Result<u64, Error> {
    let canonical = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if !canonical {
        return Err(Error::malformed(what, "expected a decimal number without leading zeros"));
    }
    let value = text.parse().map_err(|_| Error::malformed(what, "the number does not fit 63 bits"))?;
    if value > crate::tree::MAX_SIZE {
        return Err(Error::range(what, value, "sizes and indexes end at 2^63 - 1"));
    }
    Ok(value)
}

/// Splits off one line, which must end in a newline. `None` when there is none.
pub(crate) fn take_line(text: &str) -> Option<(&str, &str)> {
    text.split_once('\n')
}
