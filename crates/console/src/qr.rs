//! QR codes as one path of an SVG picture.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light squares around it that readers need.
const QUIET: i32 = 4;

/// A QR code to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// Squares a side, with those around it.
    pub side: i32,
    /// The dark squares as an SVG path.
    pub path: String,
}

impl Qr {
    /// The code of a text; `None` if it is too long.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
                // Writing to a text cannot fail.
                let _written = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
        Some(Self { side: code.size() + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_three_corners() {
        let qr = Qr::of("otpauth://totp/audit.example:ann%40example.org?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let last = qr.side - QUIET - 7;
        for corner in ["M4 4h1v1h-1z", &format!("M{last} 4h1v1h-1z"), &format!("M4 {last}h1v1h-1z")] {
            assert!(qr.path.contains(corner), "{corner}");
        }
        assert_eq!((qr.side - 2 * QUIET) % 4, 1, "QR codes have 17 + 4n squares a side");
        assert!(Qr::of(&"x".repeat(10_000)).is_none());
    }
}
