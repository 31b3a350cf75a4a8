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
    with_folded(text, |text| contains_words_folded(text, folded))
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
