//! Words with wildcards: `*` is any run of characters, `?` is one.

use crate::fold::fold;
use crate::quoting::is_invisible;

/// A word that holds `*` or `?` (and is not `*` alone), in its one spelling: no two `*` side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Reads an unquoted word; `None` when it has no wildcard, nothing but `*`, or a character that cannot stand in
    /// an unquoted word.
    pub fn new(word: &str) -> Option<Self> {
        let bad = |c: char| c == ' ' || is_invisible(c) || matches!(c, ',' | '(' | ')' | '"');
        if !word.contains(['*', '?']) || word.contains(bad) || word.contains("..") {
            return None;
        }
        let mut spelled = String::with_capacity(word.len());
        for c in word.chars() {
            if c != '*' || !spelled.ends_with('*') {
                spelled.push(c);
            }
        }
        let comparison = spelled.starts_with(['<', '>']);
        let expression = spelled.len() > 1 && spelled.starts_with('/') && spelled.ends_with('/');
        (spelled != "*" && !comparison && !expression).then_some(Self(spelled))
    }

    /// The word as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Characters that are no wildcard.
    pub fn literal_chars(&self) -> usize {
        self.0.chars().filter(|&c| c != '*' && c != '?').count()
    }

    /// The folded pieces to match with.
    pub(crate) fn compile(&self, exact: bool) -> Glob {
        Glob { pieces: if exact { self.0.clone() } else { fold(&self.0) }.chars().collect() }
    }
}

/// A pattern ready to match whole texts.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    pieces: Vec<char>,
}

impl Glob {
    /// Whether the whole text matches. Time is at most length × length; memory is constant.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        // Where to go on when the run of the last `*` has to grow by one character.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match self.pieces.get(at) {
                Some('*') => {
                    retry = Some((at + 1, rest.clone()));
                    at += 1;
                    continue;
                }
                Some(&piece) if rest.next().is_some_and(|c| piece == '?' || piece == c) => {
                    at += 1;
                    continue;
                }
                None if rest.as_str().is_empty() => return true,
                _ => {}
            }
            let Some((after_star, mut from)) = retry.take() else { return false };
            if from.next().is_none() {
                return false;
            }
            at = after_star;
            rest = from.clone();
            retry = Some((after_star, from));
        }
    }

    /// Whether a word of the text matches: words are runs between white space, and runs of letters and digits.
    pub(crate) fn matches_a_word(&self, text: &str) -> bool {
        let trimmed = |word: &'_ str| self.matches(word.trim_matches(|c: char| !c.is_alphanumeric()));
        text.split_whitespace().any(|word| self.matches(word) || trimmed(word))
            || text.split(|c: char| !c.is_alphanumeric()).any(|word| !word.is_empty() && self.matches(word))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => slow(&pattern[1..], text) || (!text.is_empty() && slow(pattern, &text[1..])),
            (Some(p), Some(t)) => (p == t || *p == '?') && slow(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{1,7}", text in "[ab]{0,8}") {
            if let Some(pattern) = Pattern::new(&pattern) {
                let pieces: Vec<char> = pattern.as_str().chars().collect();
                let chars: Vec<char> = text.chars().collect();
                prop_assert_eq!(pattern.compile(true).matches(&text), slow(&pieces, &chars));
            }
        }
    }

    #[test]
    fn one_spelling() {
        assert_eq!(Pattern::new("a**b").unwrap().as_str(), "a*b");
        for none in ["", "*", "**", "ab", "a *", "a,*", ">*", "/a*/", "a..*", "a*\u{200b}"] {
            assert!(Pattern::new(none).is_none(), "{none}");
        }
        assert!(
            Pattern::new("pass*")
                .unwrap()
                .compile(false)
                .matches_a_word("the (Passwords)".to_lowercase().as_str())
        );
    }
}
