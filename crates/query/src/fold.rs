//! The stated rule of case-insensitive comparison: each character is replaced by its lower case (Unicode, without
//! regard to context or language), and final sigma by sigma. Accents count.

/// `text` folded.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(fold_char).collect()
}

fn fold_char(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

/// Whether `text` folds to `folded`.
pub(crate) fn equals(text: &str, folded: &str) -> bool {
    if text.is_ascii() {
        return text.eq_ignore_ascii_case(folded);
    }
    text.chars().flat_map(fold_char).eq(folded.chars())
}

/// Runs `f` on the folded text, without allocating when it is folded already.
pub(crate) fn with_folded<T>(text: &str, f: impl FnOnce(&str) -> T) -> T {
    let as_is = text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if as_is { f(text) } else { f(&fold(text)) }
}

/// Whether `folded` stands in `text` as whole words: a letter or digit at its edge must not continue beyond it.
pub(crate) fn contains_words(text: &str, folded: &str) -> bool {
    if text.is_ascii() {
        // Folding ASCII changes no length and no word boundary.
        return folded.is_ascii() && contains_words_ascii(text.as_bytes(), folded.as_bytes());
    }
    contains_words_folded(&fold(text), folded)
}

fn contains_words_ascii(text: &[u8], needle: &[u8]) -> bool {
    let Some((&first, &last)) = needle.first().zip(needle.last()) else { return true };
    let in_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let (starts_in_word, ends_in_word) = (first.is_ascii_alphanumeric(), last.is_ascii_alphanumeric());
    let ends = text.len().checked_sub(needle.len()).map_or(0, |last| last + 1);
    let starts = text.iter().take(ends).enumerate().filter(|(_, byte)| byte.to_ascii_lowercase() == first);
    starts.map(|(at, _)| at).any(|at| {
        let end = at + needle.len();
        text.get(at..end).is_some_and(|found| found.eq_ignore_ascii_case(needle))
            && !(starts_in_word && at > 0 && in_word(text.get(at - 1)))
            && !(ends_in_word && in_word(text.get(end)))
    })
}

fn contains_words_folded(text: &str, needle: &str) -> bool {
    let starts_in_word = needle.chars().next().is_some_and(char::is_alphanumeric);
    let ends_in_word = needle.chars().next_back().is_some_and(char::is_alphanumeric);
    let mut from = 0;
    while let Some(rest) = text.get(from..) {
        let Some(found) = rest.find(needle) else { return false };
        let start = from + found;
        let before = text.get(..start).and_then(|t| t.chars().next_back()).is_some_and(char::is_alphanumeric);
        let after = text
            .get(start + needle.len()..)
            .and_then(|t| t.chars().next())
            .is_some_and(char::is_alphanumeric);
        if !(starts_in_word && before || ends_in_word && after) {
            return true;
        }
        from = start + rest.get(found..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count_but_accents_do() {
        assert!(equals("ÀB", &fold("àb")) && equals("Σίσυφος", &fold("ΣΊΣΥΦΟΣ")));
        assert!(!equals("a", &fold("á")) && !equals("ab", &fold("a")));
    }

    #[test]
    fn words_end_at_their_edges() {
        for (text, words, found) in [
            ("Password reset by bob", "password reset", true),
            ("passwords reset", "password", false),
            ("xpassword password", "password", true),
            ("a.b (c)", "(c)", true),
            ("ééa", "a", false),
            ("aa", "a", false),
            ("x<script>y", "<script>", true),
        ] {
            assert_eq!(contains_words(text, words), found, "{text} / {words}");
        }
    }
}
