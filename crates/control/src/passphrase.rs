//! Passphrases: which are taken, and how they are kept.
//!
//! Kept as Argon2id digests. Computing one takes 19 MiB and tens of milliseconds by intent, so callers do it on threads
//! that may be held up, and few at once. Rules follow NIST SP 800-63B: length and a list of the commonest, no demand for
//! kinds of characters. Nothing here prints a passphrase or a digest.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;

use crate::error::Error;
use crate::person::folded;

/// Memory of one digest in KiB: the first choice of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane).
const MEMORY_KIB: u32 = 19_456;
/// Passes over that memory.
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// RFC 9106 recommends 16 bytes.
const SALT: usize = 16;
const DIGEST: usize = 32;
/// NIST SP 800-63B asks for 8 at least and OWASP for 12 where there may be no second factor.
pub const MIN_LENGTH: usize = 12;
/// Longer than any sentence; hashing takes as long for all of them.
pub const MAX_LENGTH: usize = 256;
/// Fewer different characters than this are a pattern, not a phrase.
const MIN_DIFFERENT: usize = 5;

/// Random bytes of one passphrase's salt. Use once.
#[derive(Clone, Copy)]
pub struct Salt([u8; SALT]);

impl Salt {
    /// How many random bytes it needs.
    pub const BYTES: usize = SALT;

    /// Takes bytes from a cryptographic random source.
    pub const fn new(random: [u8; SALT]) -> Self {
        Self(random)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(hidden)")
    }
}

/// A passphrase as it is kept, with what it was made with, so that later ones can cost more.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) salt: [u8; SALT],
    pub(crate) digest: [u8; DIGEST],
}

impl Hash {
    /// Makes the digest of a passphrase that keeps the rules. Slow by intent.
    pub fn new(passphrase: &str, email: &str, salt: Salt) -> Result<Self, Error> {
        check(passphrase, email)?;
        let digest = digest(passphrase, &salt.0, (MEMORY_KIB, PASSES)).ok_or_else(cannot)?;
        Ok(Self { memory_kib: MEMORY_KIB, passes: PASSES, salt: salt.0, digest })
    }

    /// Whether it is the digest of this passphrase. Slow by intent.
    pub(crate) fn is_of(&self, passphrase: &str) -> bool {
        let made = digest(passphrase, &self.salt, (self.memory_kib, self.passes));
        made.is_some_and(|made| bool::from(made.ct_eq(&self.digest)))
    }

    /// A digest of no passphrase: comparing with it takes as long as with any other.
    pub(crate) const NOBODYS: Self =
        Self { memory_kib: MEMORY_KIB, passes: PASSES, salt: [0; SALT], digest: [0; DIGEST] };
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(hidden)")
    }
}

/// Whether a passphrase may be taken, with what is wrong if not.
pub fn check(passphrase: &str, email: &str) -> Result<(), Error> {
    let invalid = |why: String| Err(Error::Invalid { what: "passphrase", why });
    let length = passphrase.chars().count();
    if length < MIN_LENGTH {
        return invalid(format!("use at least {MIN_LENGTH} characters; a sentence is easy to remember"));
    }
    if passphrase.len() > MAX_LENGTH {
        return invalid(format!("use at most {MAX_LENGTH} bytes"));
    }
    let lower = passphrase.to_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let plain: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
    if different.len() < MIN_DIFFERENT || COMMONEST.contains(&plain.as_str()) {
        return invalid("it is among those that are guessed first: use another".to_owned());
    }
    let own = folded(email);
    let local = own.split('@').next().unwrap_or_default();
    if lower.trim() == own || plain.trim_matches(|c: char| !c.is_alphabetic()) == local {
        return invalid("it is the e-mail address: use another".to_owned());
    }
    Ok(())
}

fn cannot() -> Error {
    Error::Invalid { what: "passphrase", why: "no digest of it could be made: use another".to_owned() }
}

fn digest(passphrase: &str, salt: &[u8; SALT], cost: (u32, u32)) -> Option<[u8; DIGEST]> {
    let params = Params::new(cost.0, cost.1, LANES, Some(DIGEST)).ok()?;
    let mut out = [0; DIGEST];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(passphrase.as_bytes(), salt, &mut out).ok()?;
    Some(out)
}

/// Of at least the shortest length, in lower case without spaces: the ends of lists of leaked passwords.
const COMMONEST: &[&str] = &[
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567890qwerty",
    "0123456789012",
    "012345678910",
    "123456789101112",
    "112233445566",
    "123123123123",
    "111222333444",
    "987654321098",
    "9876543210987",
    "abcdefghijkl",
    "abcdefghijklm",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
    "abcd1234efgh",
    "abc123abc123",
    "qwertyuiop123",
    "qwertyuiop1234",
    "qwertyuiop12",
    "qwertyuiopasdf",
    "qwertyuiopasdfghjkl",
    "qwertyqwerty",
    "qwerty123456",
    "qwerty1234567",
    "qwerty12345678",
    "qwerty123456789",
    "qwerty1234567890",
    "1qaz2wsx3edc",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1qaz2wsx3edc4rfv",
    "qazwsxedcrfv",
    "zaq12wsxcde3",
    "asdfghjkl123",
    "asdfghjkl1234",
    "zxcvbnm12345",
    "password1234",
    "password12345",
    "password123456",
    "password1234567",
    "password12345678",
    "password123456789",
    "passwordpassword",
    "password123!",
    "password1234!",
    "passw0rd1234",
    "p@ssw0rd1234",
    "p@ssword1234",
    "password2024",
    "password2025",
    "password2026",
    "passwort1234",
    "wachtwoord12",
    "wachtwoord123",
    "wachtwoord1234",
    "motdepasse123",
    "administrator",
    "administrator1",
    "administrator123",
    "admin1234567",
    "admin12345678",
    "admin123456789",
    "adminadmin12",
    "adminadminadmin",
    "welcome12345",
    "welcome123456",
    "welkom123456",
    "welkom1234567",
    "letmeinletmein",
    "letmein12345",
    "iloveyou1234",
    "iloveyouforever",
    "ilovemyfamily",
    "changeme1234",
    "changemechangeme",
    "changeit1234",
    "defaultpassword",
    "trustno1trustno1",
    "correcthorsebatterystaple",
    "correcthorsebattery",
    "thisismypassword",
    "mypassword123",
    "mypassword1234",
    "secretsecret",
    "secret123456",
    "superman1234",
    "footballfootball",
    "sunshine1234",
    "princess1234",
    "indelibleindelible",
    "indelible123",
    "indelible1234",
    "zomer2026zomer",
    "summer2026summer",
    "monkeymonkey",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_its_passphrase_only() {
        let hash =
            Hash::new("correct horse battery stable", "ann@example.org", Salt::new([7; SALT])).unwrap();
        assert!(hash.is_of("correct horse battery stable"));
        assert!(!hash.is_of("correct horse battery stablf") && !hash.is_of(""));
        assert!(!Hash::NOBODYS.is_of("") && !Hash::NOBODYS.is_of("correct horse battery stable"));
        assert_eq!(format!("{hash:?}"), "Hash(hidden)");
    }

    #[test]
    fn short_and_common_ones_are_refused() {
        let email = "annabel.winter@example.org";
        for good in ["twelve chars", "a sentence that one remembers", "Пароль из слов", "xK3;9vQ!mmZ2"]
        {
            assert!(check(good, email).is_ok(), "{good}");
        }
        let long = "ab cd ef ".repeat(30);
        for bad in [
            "",
            "short",
            "eleven char",
            "aaaaaaaaaaaa",
            "abababababab",
            "Password1234",
            "PASSWORD 1234",
            "correct horse battery staple",
            "annabel.winter@example.org",
            "Annabel.Winter1",
            &long,
        ] {
            assert!(check(bad, email).is_err(), "{bad}");
        }
    }
}
