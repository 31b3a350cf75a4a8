//! A query made ready to be asked of many events.

use std::collections::HashSet;

use indelible_event::{EventId, Field};

use crate::ast::{EventQuery, FieldTerm, Node, TextTerm};
use crate::check::{Check, Words, with_text};
use crate::condition::{Condition, FieldCondition, TextCondition};
use crate::fields::Place;
use crate::time::{Clock, Instant};
use crate::view::EventView;

/// Where free text looks.
pub(crate) const FREE_TEXT: [Place; 9] = [
    Place::Field(Field::Message),
    Place::Field(Field::Reason),
    Place::Field(Field::ActorName),
    Place::Member(Field::Targets, "name"),
    Place::Member(Field::Others, "name"),
    Place::Member(Field::OnBehalfOf, "name"),
    Place::Member(Field::Subjects, "name"),
    Place::Params,
    Place::Data,
];

/// The event types whose titles or descriptions hold a free text, in any language: made by whoever knows the catalogs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    entries: Vec<(TextTerm, Vec<(String, String)>)>,
}

impl Expansion {
    /// Free text finds only what events hold themselves.
    pub fn none() -> Self {
        Self::default()
    }

    /// Lets `term` also find the events of these types, each a catalog and a code.
    pub fn add(&mut self, term: TextTerm, types: Vec<(String, String)>) {
        self.entries.push((term, types));
    }

    /// What was added for each free text.
    pub fn entries(&self) -> impl Iterator<Item = (&TextTerm, &[(String, String)])> {
        self.entries.iter().map(|(term, types)| (term, types.as_slice()))
    }
}

impl TextTerm {
    /// Tells of texts whether they hold the words, by the rule that search uses.
    pub fn finder(&self) -> impl Fn(&str) -> bool + use<> {
        let words = Words::from(self);
        move |text| words.are_in(text)
    }
}

impl From<&TextTerm> for Words {
    fn from(term: &TextTerm) -> Self {
        match term {
            TextTerm::Words(text) => Self::literal(text),
            TextTerm::Like(pattern) => Self::like(pattern),
        }
    }
}

/// What every match of a query satisfies, for readers that can skip. Bounds are inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Least and greatest index.
    pub index: (Option<u64>, Option<u64>),
    /// First and last time of receipt.
    pub received: (Option<Instant>, Option<Instant>),
    /// First and last time of the act.
    pub occurred: (Option<Instant>, Option<Instant>),
    /// The one event it can be.
    pub id: Option<EventId>,
}

/// A query ready to be asked of events.
#[derive(Clone, Debug)]
pub struct Compiled {
    root: Option<Step>,
    bounds: Bounds,
    text: String,
}

#[derive(Clone, Debug)]
enum Step {
    All(Vec<Step>),
    Any(Vec<Step>),
    Not(Box<Step>),
    Field { places: Vec<(Place, bool)>, sub: Vec<String>, checks: Vec<Check> },
    Text { words: Words, types: HashSet<(String, String)> },
}

impl Compiled {
    /// Prepares a query; `clock` gives relative times their meaning, for all events the same.
    pub fn new(query: &EventQuery, clock: &Clock, expansion: &Expansion) -> Self {
        let root = query.root.as_ref().map(|root| Step::new(root, clock, expansion));
        let mut bounds = Bounds::default();
        for node in query.conjuncts() {
            if let Node::Field(term) = node {
                narrow(&mut bounds, term, clock);
            }
        }
        Self { root, bounds, text: query.resolve(clock).to_string() }
    }

    /// Whether the event satisfies the query.
    pub fn matches(&self, view: &EventView<'_>) -> bool {
        self.root.as_ref().is_none_or(|root| root.holds(view))
    }

    /// The query taken apart; `None` when every event satisfies it.
    pub fn condition(&self) -> Option<Condition<'_>> {
        self.root.as_ref().map(Step::condition)
    }

    /// What every match satisfies.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The canonical text with absolute times: two queries with the same text select the same events.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Step {
    fn new(node: &Node, clock: &Clock, expansion: &Expansion) -> Self {
        let all = |nodes: &[Node]| {
            let mut steps: Vec<Step> = nodes.iter().map(|node| Step::new(node, clock, expansion)).collect();
            steps.sort_by_key(Step::cost);
            steps
        };
        match node {
            Node::And(nodes) => Self::All(all(nodes)),
            Node::Or(nodes) => Self::Any(all(nodes)),
            Node::Not(node) => Self::Not(Box::new(Step::new(node, clock, expansion))),
            Node::Field(term) => Self::Field {
                places: term.field.def.places.iter().map(|&place| (place, is_exact(place))).collect(),
                sub: term.field.sub.clone(),
                checks: term.tests.iter().map(|test| Check::new(test, &term.field, clock)).collect(),
            },
            Node::Text(term) => {
                let added = expansion.entries.iter().filter(|(known, _)| known == term);
                Self::Text {
                    words: term.into(),
                    types: added.flat_map(|(_, types)| types.iter().cloned()).collect(),
                }
            }
        }
    }

    fn condition(&self) -> Condition<'_> {
        match self {
            Self::All(steps) => Condition::All(steps.iter().map(Step::condition).collect()),
            Self::Any(steps) => Condition::Any(steps.iter().map(Step::condition).collect()),
            Self::Not(step) => Condition::Not(Box::new(step.condition())),
            Self::Field { places, sub, checks } => Condition::Field(FieldCondition { places, sub, checks }),
            Self::Text { words, types } => Condition::Text(TextCondition { words, types }),
        }
    }

    /// A rough price of asking, so that cheap questions come first.
    fn cost(&self) -> u32 {
        match self {
            Self::All(steps) | Self::Any(steps) => steps.iter().map(Self::cost).sum(),
            Self::Not(step) => step.cost(),
            Self::Text { .. } => 40,
            Self::Field { places, .. } => places.iter().map(|(place, _)| place_cost(*place)).sum(),
        }
    }

    fn holds(&self, view: &EventView<'_>) -> bool {
        match self {
            Self::All(steps) => steps.iter().all(|step| step.holds(view)),
            Self::Any(steps) => steps.iter().any(|step| step.holds(view)),
            Self::Not(step) => !step.holds(view),
            Self::Field { places, sub, checks } => places.iter().any(|&(place, exact)| {
                view.visit(place, sub, &mut |held| checks.iter().any(|check| check.holds(held, exact)))
            }),
            Self::Text { words, types } => {
                FREE_TEXT.iter().any(|&place| {
                    view.visit(place, &[], &mut |held| with_text(held, |text| words.are_in(text)))
                }) || is_of_type(view, types)
            }
        }
    }
}

fn is_of_type(view: &EventView<'_>, types: &HashSet<(String, String)>) -> bool {
    let named = |field| view.text(field).map(str::to_owned);
    !types.is_empty()
        && named(Field::Catalog).zip(named(Field::Code)).is_some_and(|type_| types.contains(&type_))
}

fn is_exact(place: Place) -> bool {
    matches!(place, Place::Exact(_) | Place::ExactMember(..))
}

fn place_cost(place: Place) -> u32 {
    use indelible_event::Class;
    match place {
        Place::Organization | Place::Index | Place::EventId | Place::Sequence | Place::Received => 0,
        Place::Occurred => 2,
        Place::Field(field) | Place::Exact(field) if field.def().class == Class::Plain => 2,
        Place::Field(_) | Place::Exact(_) => 3,
        Place::Member(..) | Place::ExactMember(..) => 5,
        Place::Findings => 6,
        Place::Params | Place::Data => 10,
    }
}

/// Takes what a term that must hold says about index and times into the bounds.
fn narrow(bounds: &mut Bounds, term: &FieldTerm, clock: &Clock) {
    let checks = || term.tests.iter().map(|test| Check::new(test, &term.field, clock));
    let instants = || {
        union(checks().map(|check| match check {
            Check::Instants(first, last) => (first, last),
            _ => (None, None),
        }))
    };
    match term.field.def.name {
        "index" => {
            // Where a bound does not fit an index, nothing is gained by it.
            let (least, greatest) = union(checks().map(|check| check.integers()));
            let index = |n: Option<i128>| n.and_then(|n| u64::try_from(n).ok());
            intersect(&mut bounds.index, (index(least), index(greatest)));
        }
        "received" => intersect(&mut bounds.received, instants()),
        "occurred" | "since" | "until" => intersect(&mut bounds.occurred, instants()),
        "id" => {
            if let [test] = term.tests.as_slice() {
                bounds.id = Check::new(test, &term.field, clock).only_id();
            }
        }
        _ => {}
    }
}

fn union<T: Ord>(ranges: impl Iterator<Item = (Option<T>, Option<T>)>) -> (Option<T>, Option<T>) {
    ranges
        .reduce(|a, b| (a.0.zip(b.0).map(|(x, y)| x.min(y)), a.1.zip(b.1).map(|(x, y)| x.max(y))))
        .unwrap_or((None, None))
}

fn intersect<T: Ord + Copy>(bounds: &mut (Option<T>, Option<T>), other: (Option<T>, Option<T>)) {
    bounds.0 = bounds.0.max(other.0);
    bounds.1 = match (bounds.1, other.1) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}
