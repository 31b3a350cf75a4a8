//! A prepared query taken apart, for readers that keep the values of many events side by side and ask about each value
//! once. What they conclude must be what [`Compiled::matches`](crate::Compiled::matches) would say of every event.

use std::collections::HashSet;

use crate::check::{Check, Words, with_text};
use crate::compile::FREE_TEXT;
use crate::fields::Place;
use crate::fold::contains_words;
use crate::time::Instant;
use crate::tree::{Held, Tree};

/// What an event must satisfy.
#[derive(Debug)]
pub enum Condition<'a> {
    /// All of these.
    All(Vec<Condition<'a>>),
    /// Any of these.
    Any(Vec<Condition<'a>>),
    /// Not this.
    Not(Box<Condition<'a>>),
    /// A value at one of some places passes a test.
    Field(FieldCondition<'a>),
    /// Free text.
    Text(TextCondition<'a>),
}

/// A value at one of some places passes one of some tests.
#[derive(Debug, Clone, Copy)]
pub struct FieldCondition<'a> {
    pub(crate) places: &'a [(Place, bool)],
    pub(crate) sub: &'a [String],
    pub(crate) checks: &'a [Check],
}

/// The words stand in one of the texts of an event, or it is of one of some types.
#[derive(Debug, Clone, Copy)]
pub struct TextCondition<'a> {
    pub(crate) words: &'a Words,
    pub(crate) types: &'a HashSet<(String, String)>,
}

impl<'a> FieldCondition<'a> {
    /// Where it looks; any of them may hold the value.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.places.iter().map(|(place, _)| *place)
    }

    /// Names below an open place.
    pub fn sub(&self) -> &'a [String] {
        self.sub
    }

    /// Whether a value at the place passes; a scalar in its canonical encoding.
    pub fn holds(&self, place: Place, encoded: &[u8]) -> bool {
        self.passes(place, Tree::Encoded(encoded).held())
    }

    /// Whether a time at the place passes.
    pub fn holds_time(&self, place: Place, time: Instant) -> bool {
        self.passes(place, Held::Time(time))
    }

    /// Whether it is enough that there is something, be it an empty list.
    pub fn holds_anything(&self) -> bool {
        self.checks.iter().any(|check| check.holds(Held::Other, false))
    }

    fn passes(&self, place: Place, held: Held<'_>) -> bool {
        let exact = self.places.iter().any(|&(known, exact)| known == place && exact);
        self.checks.iter().any(|check| check.holds(held, exact))
    }
}

impl TextCondition<'_> {
    /// Where it looks.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        FREE_TEXT.into_iter()
    }

    /// Whether a scalar in its canonical encoding holds the words.
    pub fn holds(&self, encoded: &[u8]) -> bool {
        with_text(Tree::Encoded(encoded).held(), |text| self.words.are_in(text))
    }

    /// Whether a text holds a folded part of the words as words of its own.
    pub fn has_piece(&self, text: &str, piece: &str) -> bool {
        contains_words(text, piece)
    }

    /// The same of a scalar in its canonical encoding.
    pub fn holds_piece(&self, encoded: &[u8], piece: &str) -> bool {
        with_text(Tree::Encoded(encoded).held(), |text| contains_words(text, piece))
    }

    /// The folded words, when they are taken literally.
    pub fn literal(&self) -> Option<&str> {
        if let Words::Literal(text) = self.words { Some(text) } else { None }
    }

    /// Whether events of some types satisfy it by their type.
    pub fn has_types(&self) -> bool {
        !self.types.is_empty()
    }
}
