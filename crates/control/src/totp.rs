//! Time-based one-time passwords (RFC 6238) as common authenticators make them: HMAC-SHA-1, 30 seconds, six digits.
//!
//! Two dozen lines over maintained digests, checked against the RFC's own figures: a crate for it would bring more code
//! than it saves.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// RFC 4226 recommends 160 bits.
pub const SECRET_BYTES: usize = 20;
/// Seconds that a code is shown for.
const STEP_SECONDS: i64 = 30;
/// Steps before and after the present one whose codes are taken: for clocks that differ and for slow typing.
const DRIFT: u64 = 1;
const DIGITS: usize = 6;

/// The step of a time.
pub(crate) fn step(now_ms: i64) -> u64 {
    u64::try_from(now_ms.div_euclid(1000 * STEP_SECONDS)).unwrap_or(0)
}

/// The step that a code belongs to, if it is one of now and newer than the newest used one.
pub(crate) fn matching_step(
    secret: &[u8; SECRET_BYTES],
    code: &str,
    now_ms: i64,
    used_step: u64,
) -> Option<u64> {
    let code: String = code.chars().filter(char::is_ascii_digit).collect();
    let now = step(now_ms);
    let mut found = None;
    for step in now.saturating_sub(DRIFT)..=now + DRIFT {
        let same = bool::from(code_at(secret, step).as_bytes().ct_eq(code.as_bytes()));
        if same && step > used_step {
            found = Some(step);
        }
    }
    found
}

/// The code of a step.
pub(crate) fn code_at(secret: &[u8; SECRET_BYTES], step: u64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest: [u8; 20] = mac.finalize().into_bytes().into();
    let at = usize::from(digest[19] & 15);
    let word = digest[at..at + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    format!("{:0DIGITS$}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The secret in the form that people type: RFC 4648 base 32 without padding.
pub fn secret_text(secret: &[u8; SECRET_BYTES]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |index: usize| u8::from(secret[index / 8] >> (7 - index % 8) & 1 == 1);
    (0..SECRET_BYTES * 8 / 5)
        .map(|at| (0..5).fold(0_u8, |value, offset| value << 1 | bit(at * 5 + offset)))
        .map(|value| char::from(LETTERS[usize::from(value)]))
        .collect()
}

/// Reads [`secret_text`] back.
pub fn secret_of_text(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    if text.len() != SECRET_BYTES * 8 / 5 {
        return None;
    }
    for (at, letter) in text.bytes().enumerate() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        for offset in 0..5 {
            let index = at * 5 + offset;
            secret[index / 8] |= (value >> (4 - offset) & 1) << (7 - index % 8);
        }
    }
    Some(secret)
}

/// The address that authenticators read, usually from a QR code.
pub fn address(secret: &[u8; SECRET_BYTES], email: &str, issuer: &str) -> String {
    let plain = |text: &str| {
        text.bytes().fold(String::new(), |all, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                all + &char::from(byte).to_string()
            }
            _ => all + &format!("%{byte:02X}"),
        })
    };
    let (email, issuer, secret) = (plain(email), plain(issuer), secret_text(secret));
    format!(
        "otpauth://totp/{issuer}:{email}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; SECRET_BYTES] = *b"12345678901234567890";

    /// RFC 6238, appendix B, the last six of eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let rfc = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in rfc {
            assert_eq!(code_at(&SECRET, step(seconds * 1000)), code);
        }
    }

    #[test]
    fn a_code_counts_once_and_for_its_time() {
        let now_ms = 1_111_111_111_000;
        let now = step(now_ms);
        let try_it = |code: &str, used| matching_step(&SECRET, code, now_ms, used);
        assert_eq!(try_it("050 471", 0), Some(now));
        assert_eq!(try_it("050471", now), None, "used before");
        assert_eq!(try_it(&code_at(&SECRET, now - 1), 0), Some(now - 1));
        assert_eq!(try_it(&code_at(&SECRET, now + 1), 0), Some(now + 1));
        for other in [code_at(&SECRET, now - 2), code_at(&SECRET, now + 2), String::new(), "05047".to_owned()]
        {
            assert_eq!(try_it(&other, 0), None);
        }
    }

    #[test]
    fn a_secret_has_one_text() {
        assert_eq!(secret_text(&SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(secret_of_text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), Some(SECRET));
        assert_eq!(secret_of_text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1"), None);
        let address = address(&SECRET, "ann+x@example.org", "audit.example");
        assert!(
            address.starts_with("otpauth://totp/audit.example:ann%2Bx%40example.org?secret=GEZD"),
            "{address}"
        );
    }
}
