//! The file that says what a log's folder is (`logs/<n>/meta`), for people and for checks; nothing else reads it.

/// The file's text.
pub(crate) fn text(origin: &str, vkeys: &str, created_ns: u64) -> String {
    let body = format!("indelible log 1\norigin {origin}\nvkey {vkeys}\ncreated {created_ns}\n");
    let check = crc32c::crc32c(body.as_bytes());
    format!("{body}check {check:08x}\n")
}

/// Whether the bytes are a whole meta file of this log.
pub(crate) fn is_of(bytes: &[u8], origin: &str) -> bool {
    let Some((body, check)) = checked(bytes) else { return false };
    check == crc32c::crc32c(body.as_bytes()) && body.lines().nth(1) == Some(&format!("origin {origin}"))
}

/// The text before a `check` line, and what that line says.
pub(crate) fn checked(bytes: &[u8]) -> Option<(&str, u32)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.rfind("check ")?;
    let (body, last) = text.split_at(at);
    let digits = last.strip_prefix("check ")?.strip_suffix('\n')?;
    let lower = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    Some((body, u32::from_str_radix(digits, 16).ok().filter(|_| lower)?))
}
