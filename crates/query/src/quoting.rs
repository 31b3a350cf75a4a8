//! When a value must stand in quotes, and how it is written there. The one rule that printer, parser and actions
//! share; it must never let an invisible character through as itself.

/// Words with a meaning of their own between terms.
pub(crate) const KEYWORDS: [&str; 3] = ["OR", "AND", "NOT"];

/// Whether a value may stand without quotes: `[A-Za-z0-9_@+][A-Za-z0-9_.@/:+-]*` to the very end, without `..`, not
/// ending in `.`, and no keyword.
pub(crate) fn is_plain(text: &str) -> bool {
    let Some(first) = text.bytes().next() else { return false };
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"_.@/:+-".contains(&b);
    (first.is_ascii_alphanumeric() || b"_@+".contains(&first))
        && text.bytes().all(inner)
        && !text.contains("..")
        && !text.ends_with('.')
        && !KEYWORDS.contains(&text)
}

/// Whether free text may stand without quotes: as [`is_plain`], and without `:`, which would make it a field.
pub(crate) fn is_plain_word(text: &str) -> bool {
    is_plain(text) && !text.contains(':')
}

/// Whether a name inside a field (`param.host.name`) may stand without quotes.
pub(crate) fn is_plain_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

/// Bytes of an unquoted name.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Appends `text` in quotes.
pub(crate) fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_invisible(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `text` in quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_quoted(text, &mut out);
    out
}

/// Whether a reader could not see the character, or it changes how its neighbours are shown: controls, separators
/// other than the plain space, bidirectional and format characters, fillers, variation selectors, tags, private use.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x600..=0x605 | 0x6dd | 0x70f | 0x890 | 0x891 | 0x8e2 | 0x115f | 0x1160
            | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            | 0x2800 | 0x3164 | 0xe000..=0xf8ff | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0x1_10bd | 0x1_10cd | 0x1_3430..=0x1_345f | 0x1_bca0..=0x1_bca3 | 0x1_d173..=0x1_d17a
            | 0xe_0000..=0x10_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_alone() {
        for plain in
            ["a", "user@example.org", "10.0.0.0/8", "2001:db8::/32", "+31", "@1", "a-b_c", "or", "900103"]
        {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in [
            "", "-a", ".a", "a.", "a..b", "a\n", "a b", "a,b", "OR", "AND", "NOT", "a*", "a?", ">1", "é",
            "/a/", ":",
        ] {
            assert!(!is_plain(odd), "{odd:?}");
        }
        assert!(!is_plain_word("a:b"));
    }

    #[test]
    fn nothing_invisible_is_written_as_itself() {
        assert_eq!(quoted("a\u{202e}b\u{200b}\0\"\\\n é"), r#""a\u{202e}b\u{200b}\u{0}\"\\\n é""#);
        assert_eq!(quoted("\u{a0}\u{feff}\u{e0041}"), r#""\u{a0}\u{feff}\u{e0041}""#);
    }
}
