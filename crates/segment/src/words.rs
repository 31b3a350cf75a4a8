//! Cutting text into pieces that repeat and pieces that do not.
//!
//! A piece is what separates it from the one before, and a word, a number, an identifier or literal text; all pieces one
//! after the other are the text, byte for byte. Identifiers (UUID, hex, mixed letters and digits, long numbers) never become
//! words: a dictionary of them would be as large as the column.

/// Longest separator that stands before a word; longer ones are pieces of their own.
const MAX_SEPARATOR: usize = 24;
/// Longest word of a dictionary, in bytes.
const MAX_WORD: usize = 40;
/// Longest run of mixed letters and digits that counts as a word, such as `23H2`.
const MAX_MIXED: usize = 6;
/// Shortest run that is taken for hexadecimal.
const MIN_HEX: usize = 8;
/// Longest run that is kept as hexadecimal.
const MAX_HEX: usize = 128;
/// Digits that fit 64 bits whatever they are.
const MAX_DIGITS: usize = 18;
/// Length of a UUID in text.
pub(crate) const UUID_TEXT: usize = 36;

/// What comes out; every piece begins with its separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Separator and word.
    Word(&'a str),
    /// A number of digits that have no leading zero, or stand in a column where this width has.
    Number { separator: &'a str, digits: &'a str },
    /// An even number of lower-case hexadecimal digits.
    Hex { separator: &'a str, digits: &'a str },
    /// A lower-case UUID.
    Uuid { separator: &'a str, text: &'a str },
    /// Anything else.
    Literal { separator: &'a str, text: &'a str },
    /// The text of a field of the event.
    Reference { separator: &'a str, which: usize },
}

/// Cuts a text. `references` are texts of the event's own fields, which are recognised as whole words.
pub(crate) fn cut<'a>(text: &'a str, references: &[&[u8]], f: &mut impl FnMut(Piece<'a>)) {
    let mut rest = text;
    while !rest.is_empty() {
        let gap = run(rest, false, MAX_SEPARATOR);
        let (separator, after) = rest.split_at(gap);
        let end = run(after, true, usize::MAX);
        if end == 0 {
            f(Piece::Word(separator));
            rest = after;
            continue;
        }
        let whole = rest.get(..gap + end).unwrap_or(rest);
        let word = after.get(..end).unwrap_or(after);
        let matched = references.iter().position(|known| {
            !known.is_empty()
                && after.as_bytes().starts_with(known)
                && after.get(known.len()..).is_some_and(|rest| run(rest, true, 4) == 0)
        });
        if let Some(which) = matched {
            f(Piece::Reference { separator, which });
            let length = references.get(which).map_or(0, |known| known.len());
            rest = after.get(length..).unwrap_or("");
        } else if let Some(text) = after.get(..UUID_TEXT).filter(|text| is_uuid(text, after)) {
            f(Piece::Uuid { separator, text });
            rest = after.get(UUID_TEXT..).unwrap_or("");
        } else {
            classify(separator, word, whole, f);
            rest = after.get(end..).unwrap_or("");
        }
    }
}

/// Length of the run of letters and digits, or of everything else, at the start; `most` bytes at the most.
fn run(text: &str, words: bool, most: usize) -> usize {
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if !byte.is_ascii() {
            return at + wide_run(text.get(at..).unwrap_or(""), words, most.saturating_sub(at));
        }
        if byte.is_ascii_alphanumeric() != words || at >= most {
            return at;
        }
    }
    text.len()
}

fn wide_run(text: &str, words: bool, most: usize) -> usize {
    let ends = |&(at, c): &(usize, char)| c.is_alphanumeric() != words || at + c.len_utf8() > most;
    text.char_indices().find(ends).map_or(text.len(), |(at, _)| at)
}

fn is_uuid(text: &str, after: &str) -> bool {
    let hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, u8)| if hyphen(at) { byte == b'-' } else { is_hex(byte) };
    text.bytes().enumerate().all(fits) && run(after.get(UUID_TEXT..).unwrap_or(""), true, 4) == 0
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn classify<'a>(separator: &'a str, word: &'a str, whole: &'a str, f: &mut impl FnMut(Piece<'a>)) {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 && word.len() <= MAX_WORD {
        return f(Piece::Word(whole));
    }
    if digits == word.len() && digits <= MAX_DIGITS {
        return f(Piece::Number { separator, digits: word });
    }
    let shaped = word.len() >= MIN_HEX && word.len() <= MAX_HEX && word.len().is_multiple_of(2);
    if shaped && digits < word.len() && word.bytes().all(|byte| byte.is_ascii_hexdigit()) && digits > 0 {
        return if word.bytes().all(is_hex) {
            f(Piece::Hex { separator, digits: word });
        } else {
            f(Piece::Literal { separator, text: word });
        };
    }
    if digits > 0 && digits <= MAX_DIGITS && word.len() - digits <= MAX_WORD {
        let leading = word.bytes().take_while(u8::is_ascii_digit).count();
        let trailing = word.bytes().rev().take_while(u8::is_ascii_digit).count();
        if leading == digits {
            f(Piece::Number { separator, digits: word.get(..leading).unwrap_or("") });
            return f(Piece::Word(word.get(leading..).unwrap_or("")));
        }
        if trailing == digits {
            let letters = word.len() - trailing;
            f(Piece::Word(whole.get(..separator.len() + letters).unwrap_or("")));
            return f(Piece::Number { separator: "", digits: word.get(letters..).unwrap_or("") });
        }
    }
    if word.len() <= MAX_MIXED {
        return f(Piece::Word(whole));
    }
    f(Piece::Literal { separator, text: word });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces<'a>(text: &'a str, references: &[&str]) -> Vec<Piece<'a>> {
        let mut found = Vec::new();
        let references: Vec<&[u8]> = references.iter().map(|text| text.as_bytes()).collect();
        cut(text, &references, &mut |piece| found.push(piece));
        found
    }

    fn joined(pieces: &[Piece<'_>], references: &[&str]) -> String {
        let text = |piece: &Piece<'_>| match *piece {
            Piece::Word(text) => text.to_owned(),
            Piece::Number { separator, digits: text }
            | Piece::Hex { separator, digits: text }
            | Piece::Uuid { separator, text }
            | Piece::Literal { separator, text } => format!("{separator}{text}"),
            Piece::Reference { separator, which } => format!("{separator}{}", references[which]),
        };
        pieces.iter().map(text).collect()
    }

    proptest! {
        #[test]
        fn pieces_are_the_text(text in "([a-f0-9]{0,10}|[ -~]{0,20}|\\PC{0,9}|user1| [A-Z]{2,50}[0-9]{0,22}){0,6}") {
            for references in [&[][..], &["user1", "a"]] {
                let pieces = pieces(&text, references);
                prop_assert_eq!(joined(&pieces, references), &text[..]);
            }
        }
    }

    #[test]
    fn kinds() {
        let found = pieces(
            "A user by user00042, dev-017 8c1f00aa CHG-99 é 550e8400-e29b-41d4-a716-446655440000 a1b2c3d",
            &["user00042"],
        );
        assert_eq!(
            found,
            [
                Piece::Word("A"),
                Piece::Word(" user"),
                Piece::Word(" by"),
                Piece::Reference { separator: " ", which: 0 },
                Piece::Word(", dev"),
                Piece::Number { separator: "-", digits: "017" },
                Piece::Hex { separator: " ", digits: "8c1f00aa" },
                Piece::Word(" CHG"),
                Piece::Number { separator: "-", digits: "99" },
                Piece::Word(" é"),
                Piece::Uuid { separator: " ", text: "550e8400-e29b-41d4-a716-446655440000" },
                Piece::Literal { separator: " ", text: "a1b2c3d" },
            ]
        );
    }
}
