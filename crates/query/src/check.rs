//! A test of one value, prepared once per query.

use std::cmp::Ordering;

use indelible_event::EventId;

use crate::address::Network;
use crate::ast::{FieldRef, Scalar, Test};
use crate::fields::ValueKind;
use crate::fold::{equals, with_folded};
use crate::number::{Number, is_digits};
use crate::pattern::{Glob, Pattern};
use crate::time::{Clock, Instant, TimeExpr};
use crate::tree::Held;

/// A prepared test. `exact` in its methods asks for comparison with regard to case.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    Present,
    Is(Needle),
    Like {
        folded: Glob,
        exact: Glob,
    },
    Range(Range),
    /// First and last instant.
    Instants(Option<Instant>, Option<Instant>),
    /// A time that is on no calendar.
    Never,
}

/// A literal in the forms that values may have.
#[derive(Clone, Debug)]
pub(crate) struct Needle {
    text: String,
    folded: String,
    network: Option<Network>,
    id: Option<[u8; 16]>,
    instants: Option<(Instant, Instant)>,
}

/// A range of text, numbers, codes or levels.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    order: Order,
    from: Option<End>,
    to: Option<End>,
    instants: (Option<Instant>, Option<Instant>),
}

#[derive(Clone, Debug)]
struct End {
    text: String,
    inclusive: bool,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Text,
    Number,
    /// Digits: shorter first, then by digit; leading zeros count.
    Code,
    Level(&'static [&'static str]),
}

impl Check {
    pub(crate) fn new(test: &Test, field: &FieldRef, clock: &Clock) -> Self {
        let kind = field.def.kind;
        if matches!(kind, ValueKind::Time | ValueKind::Bound) && !matches!(test, Test::Present) {
            return match (test.instants(clock), field.def.name) {
                (Some((first, _)), "since") => Self::Instants(first, None),
                (Some((_, last)), "until") => Self::Instants(None, last),
                (Some((first, last)), _) => Self::Instants(first, last),
                (None, _) => Self::Never,
            };
        }
        match test {
            Test::Present => Self::Present,
            Test::Is(scalar) => Self::Is(Needle::new(&text_of(scalar), field)),
            Test::Like(pattern) => {
                Self::Like { folded: pattern.compile(false), exact: pattern.compile(true) }
            }
            Test::Above(scalar) => Self::range(kind, Some((scalar, false)), None),
            Test::Below(scalar) => Self::range(kind, None, Some((scalar, false))),
            Test::From(scalar) => Self::range(kind, Some((scalar, true)), None),
            Test::To(scalar) => Self::range(kind, None, Some((scalar, true))),
            Test::Between(from, to) => Self::range(kind, Some((from, true)), Some((to, true))),
        }
    }

    fn range(kind: ValueKind, from: Option<(&Scalar, bool)>, to: Option<(&Scalar, bool)>) -> Self {
        let end = |(scalar, inclusive): (&Scalar, bool)| End { text: text_of(scalar), inclusive };
        let (from, to) = (from.map(end), to.map(end));
        let all = |test: fn(&str) -> bool| from.iter().chain(&to).all(|end| test(&end.text));
        let order = match kind {
            ValueKind::Level(words) => Order::Level(words),
            ValueKind::Code if all(is_digits) => Order::Code,
            ValueKind::Code => Order::Text,
            _ if all(|text| Number::parse(text).is_some()) => Order::Number,
            _ => Order::Text,
        };
        let first = from.as_ref().and_then(|end| Some((absolute(&end.text)?, end.inclusive)));
        let last = to.as_ref().and_then(|end| Some((absolute(&end.text)?, end.inclusive)));
        let instants = (
            first.map(|((start, end), inclusive)| if inclusive { start } else { end.plus(1) }),
            last.map(|((start, end), inclusive)| if inclusive { end } else { start.plus(-1) }),
        );
        Self::Range(Range { order, from, to, instants })
    }

    /// Whether the value passes.
    pub(crate) fn holds(&self, held: Held<'_>, exact: bool) -> bool {
        match self {
            Self::Present => true,
            Self::Never => false,
            Self::Is(needle) => needle.is(held, exact),
            Self::Like { folded, exact: sensitive } => with_text(held, |text| {
                if exact { sensitive.matches(text) } else { with_folded(text, |text| folded.matches(text)) }
            }),
            Self::Range(range) => range.holds(held),
            Self::Instants(first, last) => match held {
                Held::Time(instant) => within(instant, *first, *last),
                _ => false,
            },
        }
    }

    /// The only id that passes, if there is one.
    pub(crate) fn only_id(&self) -> Option<EventId> {
        if let Self::Is(needle) = self { needle.id.map(EventId) } else { None }
    }

    /// First and last whole number that can pass.
    pub(crate) fn integers(&self) -> (Option<i128>, Option<i128>) {
        let whole = |end: &Option<End>| end.as_ref().and_then(|end| end.text.parse().ok());
        match self {
            Self::Is(needle) => needle.text.parse().map_or((None, None), |n| (Some(n), Some(n))),
            Self::Range(range) => (whole(&range.from), whole(&range.to)),
            _ => (None, None),
        }
    }
}

fn within(instant: Instant, first: Option<Instant>, last: Option<Instant>) -> bool {
    first.is_none_or(|first| instant >= first) && last.is_none_or(|last| instant <= last)
}

fn text_of(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Text(text) => text.clone(),
        Scalar::Time(time) => time.to_string(),
    }
}

/// First and last instant of a time that needs no clock; a missing offset is UTC. Parameters hold times, too.
fn absolute(text: &str) -> Option<(Instant, Instant)> {
    let time =
        TimeExpr::parse(text).filter(|time| matches!(time, TimeExpr::Unix { .. } | TimeExpr::Stamp(_)))?;
    let clock = Clock { now: jiff::Timestamp::UNIX_EPOCH, zone: jiff::tz::TimeZone::UTC };
    time.interval(&clock).map(|interval| (interval.start, interval.end.plus(-1)))
}

/// Runs `f` on the value's text; false when it has none.
pub(crate) fn with_text(held: Held<'_>, f: impl FnOnce(&str) -> bool) -> bool {
    match held {
        Held::Text(text) | Held::Decimal(text) => f(text),
        Held::Int(number) => f(&number.to_string()),
        Held::Bool(value) => f(if value { "true" } else { "false" }),
        Held::Id(id) => f(&EventId(id).to_string()),
        Held::Null | Held::Time(_) | Held::Other => false,
    }
}

impl Needle {
    fn new(text: &str, field: &FieldRef) -> Self {
        // The name that the query language promised before findings had theirs.
        let text = if field.def.name == "flag" && text == "unknown_code" { "code_unknown" } else { text };
        Self {
            text: text.to_owned(),
            folded: crate::fold::fold(text),
            network: if field.def.kind == ValueKind::Address { Network::parse(text) } else { None },
            id: if field.def.name == "id" {
                text.to_ascii_lowercase().parse().ok().map(|EventId(id)| id)
            } else {
                None
            },
            instants: absolute(text),
        }
    }

    fn is(&self, held: Held<'_>, exact: bool) -> bool {
        match held {
            Held::Id(id) => self.id == Some(id),
            Held::Text(text) => {
                let same = if exact { text == self.text } else { equals(text, &self.folded) };
                same || self.network.is_some_and(|network| network.contains(text))
            }
            Held::Int(number) => same_number(&self.text, &number.to_string()),
            Held::Decimal(number) => same_number(&self.text, number),
            Held::Bool(value) => self.folded == if value { "true" } else { "false" },
            Held::Time(instant) => {
                self.instants.is_some_and(|(first, last)| first <= instant && instant <= last)
            }
            Held::Null | Held::Other => false,
        }
    }
}

fn same_number(needle: &str, number: &str) -> bool {
    needle == number || Number::parse(needle).is_some_and(|needle| Some(needle) == Number::parse(number))
}

impl Range {
    fn holds(&self, held: Held<'_>) -> bool {
        match held {
            Held::Time(instant) => {
                let (first, last) = self.instants;
                first.is_some() == self.from.is_some()
                    && last.is_some() == self.to.is_some()
                    && within(instant, first, last)
            }
            held => with_text(held, |text| {
                let above = |end: &End, order: Ordering| order.is_gt() || (end.inclusive && order.is_eq());
                let below = |end: &End, order: Ordering| order.is_lt() || (end.inclusive && order.is_eq());
                self.from
                    .as_ref()
                    .is_none_or(|end| self.compare(text, end).is_some_and(|order| above(end, order)))
                    && self
                        .to
                        .as_ref()
                        .is_none_or(|end| self.compare(text, end).is_some_and(|order| below(end, order)))
            }),
        }
    }

    /// The order of a value and an end; `None` when they cannot be compared.
    fn compare(&self, text: &str, end: &End) -> Option<Ordering> {
        match self.order {
            Order::Number => Some(Number::parse(text)?.cmp(&Number::parse(&end.text)?)),
            Order::Text => {
                let end = crate::fold::fold(&end.text);
                Some(with_folded(text, |text| text.cmp(&end)))
            }
            Order::Code => {
                // With leading zeros only codes of the same length are alike.
                let comparable = is_digits(text) && (text.len() == end.text.len() || !text.starts_with('0'));
                comparable.then(|| (text.len(), text).cmp(&(end.text.len(), end.text.as_str())))
            }
            Order::Level(words) => {
                let level = |text: &str| words.iter().position(|word| word.eq_ignore_ascii_case(text));
                Some(level(text)?.cmp(&level(&end.text)?))
            }
        }
    }
}

/// Free text, prepared.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    Literal(String),
    Like(Glob),
}

impl Words {
    pub(crate) fn literal(text: &str) -> Self {
        Self::Literal(crate::fold::fold(text))
    }

    pub(crate) fn like(pattern: &Pattern) -> Self {
        Self::Like(pattern.compile(false))
    }

    /// Whether the text holds the words.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        match self {
            Self::Literal(folded) => crate::fold::contains_words(text, folded),
            Self::Like(glob) => with_folded(text, |text| glob.matches_a_word(text)),
        }
    }
}
