//! The values that an event holds at a field, as text: what counts by field, groups and completions are made of.
//!
//! A value is spelled so that the query `field:"value"` finds the event again. Values are visited, never collected here.

use indelible_event::Field;

use crate::ast::FieldRef;
use crate::check::with_text;
use crate::fields::Place;
use crate::time::TimeExpr;
use crate::tree::Held;
use crate::view::EventView;

/// How the places of a field make values.
#[derive(Clone, Copy)]
enum Reading {
    /// One thing under several names, of which the first that it has counts: an actor's id, else name, else address.
    FirstPlace,
    /// The same for each record of a list: a target's id, else its name.
    FirstMember,
    /// Different things: each counts.
    All,
}

impl FieldRef {
    /// Calls `f` with each value that the event holds at this field. One that stands there twice comes twice.
    ///
    /// Where a field means one thing under several names (`actor`, `target`), each thing gives one value: its identifier,
    /// else its name. Values that are no text, number, word or time (lists, bytes) are passed over.
    pub fn values(&self, view: &EventView<'_>, f: &mut dyn FnMut(&str)) {
        match self.reading() {
            Reading::All => {
                for &place in self.def.places {
                    view.visit(place, &self.sub, &mut |held| {
                        as_text(held, f);
                        false
                    });
                }
            }
            Reading::FirstMember => view.visit_first(self.def.places, &mut |held| as_text(held, f)),
            Reading::FirstPlace => {
                for &place in self.def.places {
                    let mut found = false;
                    view.visit(place, &self.sub, &mut |held| {
                        found |= as_text(held, f);
                        false
                    });
                    if found {
                        return;
                    }
                }
            }
        }
    }

    /// The fields of an event of which the first with a value gives its only value here; `None` where an event may have
    /// several values, or they come from elsewhere than whole fields.
    pub fn first_of(&self) -> Option<Vec<Field>> {
        let alone = self.def.places.len() == 1 && self.def.is_single();
        if !self.sub.is_empty() || !(alone || matches!(self.reading(), Reading::FirstPlace)) {
            return None;
        }
        let field = |place: &Place| match *place {
            Place::Field(field) | Place::Exact(field) => Some(field),
            _ => None,
        };
        self.def.places.iter().map(field).collect()
    }

    fn reading(&self) -> Reading {
        match self.def.places {
            [Place::Exact(_), _, ..] => Reading::FirstPlace,
            [Place::ExactMember(..), _, ..] => Reading::FirstMember,
            _ => Reading::All,
        }
    }
}

/// Hands the text of a value to `f`; false when it has none.
fn as_text(held: Held<'_>, f: &mut dyn FnMut(&str)) -> bool {
    if let Held::Time(instant) = held {
        f(&TimeExpr::at(instant).to_string());
        return true;
    }
    with_text(held, |text| {
        f(text);
        true
    })
}
