//! What a wrong name or code probably was meant to be. Only ever a suggestion: nothing here changes an event.

use crate::catalog::Catalog;
use crate::event_type::EventType;

/// Most suggestions given for one code: more than three is a list, not an answer.
pub const MAX_SUGGESTIONS: usize = 3;
/// Largest distance at which a word still counts as a misspelling of another.
const MAX_WORD_DISTANCE: usize = 2;

/// The word of a list nearest to `word`, if one is near.
pub(crate) fn nearest_word(word: &str, words: &[&str]) -> Option<String> {
    let limit = MAX_WORD_DISTANCE.min(word.len().saturating_sub(1));
    let lower = word.to_ascii_lowercase();
    let ranked = words.iter().map(|known| (distance(&lower, &known.to_ascii_lowercase()), *known));
    ranked
        .filter(|(steps, _)| *steps <= limit)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, known)| known.to_owned())
}

/// Steps between two texts: a byte inserted, dropped or changed, or two neighbours swapped.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut left_before = None;
    for (row, l) in left.iter().enumerate() {
        let mut line = vec![row + 1];
        let mut right_before = None;
        for (column, r) in right.iter().enumerate() {
            let at = |list: &[usize], index: usize| list.get(index).copied().unwrap_or(usize::MAX / 2);
            let change = at(&above, column) + usize::from(l != r);
            let mut best = change.min(at(&above, column + 1) + 1).min(at(&line, column) + 1);
            if column > 0 && left_before == Some(r) && right_before == Some(l) {
                best = best.min(at(&before, column - 1) + 1);
            }
            line.push(best);
            right_before = Some(r);
        }
        left_before = Some(l);
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

/// Whether two texts are one step apart, in one pass: it is asked of every code of a catalog for each unknown code that arrives.
fn is_one_step(left: &str, right: &str) -> bool {
    if left.len().abs_diff(right.len()) > 1 {
        return false;
    }
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let front = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let (left, right) = (left.get(front..).unwrap_or(&[]), right.get(front..).unwrap_or(&[]));
    let back = left.iter().rev().zip(right.iter().rev()).take_while(|(l, r)| l == r).count();
    match (left.get(..left.len() - back).unwrap_or(&[]), right.get(..right.len() - back).unwrap_or(&[])) {
        ([_], [] | [_]) | ([], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// Declared codes that an unknown one may stand for: first those equal but for leading zeros, then those one step away
/// (the same entity first), then the same code in another catalog as `catalog:code`. At most [`MAX_SUGGESTIONS`].
pub fn nearest_codes(
    catalog: &Catalog,
    code: &str,
    entity: Option<&str>,
    others: &[&Catalog],
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let bare = code.trim_start_matches('0');
    let zeros = catalog.types().iter().filter(|t| !bare.is_empty() && t.code.trim_start_matches('0') == bare);
    found.extend(zeros.map(|t| t.code.clone()));
    let near = |t: &&EventType| is_one_step(&t.code, code);
    let mut steps: Vec<_> = catalog.types().iter().filter(near).collect();
    steps.sort_by_key(|t| entity != Some(t.entity.as_str()));
    for t in steps {
        if !found.contains(&t.code) {
            found.push(t.code.clone());
        }
    }
    let elsewhere =
        others.iter().filter(|other| other.id != catalog.id && other.type_by_code(code).is_some());
    found.extend(elsewhere.map(|other| format!("{}:{code}", other.id)));
    found.truncate(MAX_SUGGESTIONS);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_swaps_as_one_step() {
        let cases = [
            ("code", "code", 0),
            ("cdoe", "code", 1),
            ("cod", "code", 1),
            ("codex", "code", 1),
            ("kitten", "sitting", 3),
        ];
        for (left, right, expected) in cases {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn one_step_is_a_distance_of_one() {
        let words = [
            "", "0", "08", "800083", "0800083", "800038", "800093", "80083", "8000831", "8000833", "800",
            "abc",
        ];
        for left in words {
            for right in words {
                assert_eq!(is_one_step(left, right), distance(left, right) == 1, "{left} {right}");
            }
        }
    }

    #[test]
    fn only_near_words_are_offered() {
        assert_eq!(nearest_word("cruude", &["crude", "code"]).as_deref(), Some("crude"));
        assert_eq!(nearest_word("flavour", &["crude", "code"]), None);
    }
}
