//! What is wrong with a query's text: where, which of a closed list of codes, and what to write instead.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// First byte of the place in the text.
    pub offset: usize,
    /// Length of the place in bytes.
    pub len: usize,
    /// Which kind of mistake.
    pub code: Code,
    /// What is wrong, for people; lower case, no full stop.
    pub message: String,
    /// What to put in its place, best first. Limits have none.
    pub suggestions: Vec<Suggestion>,
}

/// A text that may stand in the place of what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What choosing it means: "did you mean actor", "search for the text".
    pub label: String,
    /// Replaces the diagnostic's place.
    pub replacement: String,
}

impl Diagnostic {
    /// The text with the n-th suggestion put in.
    pub fn apply(&self, text: &str, suggestion: usize) -> Option<String> {
        let suggestion = self.suggestions.get(suggestion)?;
        let (before, after) = (text.get(..self.offset)?, text.get(self.offset + self.len..)?);
        Some(format!("{before}{}{after}", suggestion.replacement))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.code.as_str(), self.offset, self.message)?;
        match self.suggestions.first() {
            Some(best) => write!(f, "; {}: {}", best.label, best.replacement),
            None => Ok(()),
        }
    }
}

macro_rules! codes {
    ($($name:ident $text:literal $doc:literal;)*) => {
        /// Kinds of mistakes. Programs switch on the text of [`Code::as_str`]; it does not change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $(#[doc = $doc] $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What it means, for the reference page.
            pub fn doc(self) -> &'static str {
                match self { $(Code::$name => $doc,)* }
            }
        }
    };
}

codes! {
    CharacterInvisible "character_invisible" "A character that cannot be seen stands outside quotes.";
    EscapeUnknown "escape_unknown" "A backslash in quotes is followed by something that has no meaning.";
    FieldIncomplete "field_incomplete" "A name is missing after a dot.";
    FieldUnknown "field_unknown" "No field has this name.";
    GroupEmpty "group_empty" "Parentheses with nothing inside.";
    OperandMissing "operand_missing" "AND, OR, NOT or - without something to work on.";
    OperatorNotForField "operator_not_for_field" "The field does not take ranges, comparisons, wildcards or lists.";
    ParenMisplaced "paren_misplaced" "A parenthesis inside a word or value.";
    ParenOpen "paren_open" "A parenthesis is not closed.";
    ParenUnexpected "paren_unexpected" "A closing parenthesis without an opening one.";
    PatternNotHere "pattern_not_here" "A wildcard as the end of a range or in a comparison.";
    PatternTooShort "pattern_too_short" "Too few characters beside the wildcard.";
    QueryTooDeep "query_too_deep" "Parentheses and negations nested too deep.";
    QueryTooLong "query_too_long" "The text is too long.";
    QuoteMisplaced "quote_misplaced" "A quotation mark inside a word, or text right after a closing one.";
    QuoteOpen "quote_open" "A quotation mark is not closed.";
    RangeMalformed "range_malformed" "A range without an end, or with more than two.";
    RangeReversed "range_reversed" "A range that ends before it starts.";
    RegexReserved "regex_reserved" "Regular expressions are not available.";
    TermsTooMany "terms_too_many" "Too many words and values.";
    TextEmpty "text_empty" "Quotes with nothing inside, as free text.";
    TimeNeedsRange "time_needs_range" "A relative time names one instant, which no event happens to hit.";
    TimeUnknown "time_unknown" "Not a time, or beyond the calendar.";
    ValueMissing "value_missing" "A field without a value.";
    ValueNotAddress "value_not_address" "Not an IP address or network.";
    ValueNotNumber "value_not_number" "Not a whole number.";
    ValueUnknown "value_unknown" "Not one of the field's words.";
}

/// The names nearest to `word`, best first: at most three, none further away than a third of its length.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(MAX_COMPARED_CHARS).collect();
    let limit = (word.len() / 3).max(1);
    let mut found: Vec<(usize, &str)> = names
        .map(|name| (distance(&word, &name.to_lowercase().chars().collect::<Vec<_>>()), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Longest word that is compared with known names: all of these are shorter, and time is length × length.
const MAX_COMPARED_CHARS: usize = 64;

/// Edits (insert, delete, replace, swap neighbours) between two words.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&above, j) + usize::from(x != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let names = ["actor", "action", "account", "code", "outcome"];
        assert_eq!(nearest("actro", names.into_iter()), ["actor"]);
        assert_eq!(nearest("Outcom", names.into_iter()), ["outcome"]);
        assert!(nearest("zzzz", names.into_iter()).is_empty());
        assert!(nearest(&"x".repeat(10_000), names.into_iter()).is_empty());
    }
}
