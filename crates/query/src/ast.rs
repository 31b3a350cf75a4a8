//! The one type of a query: what the text says, as a tree. Printer, actions, evaluation and the console work on it;
//! it never knows a clock (relative times stay as written until they are resolved).

use crate::fields::{QueryField, field};
use crate::pattern::Pattern;
use crate::time::{Clock, Instant, Interval, TimeExpr};

/// A query. The default asks for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// What an event must satisfy; `None` asks for everything.
    pub root: Option<Node>,
}

/// A condition. Trees from the constructors [`Node::and`], [`Node::or`], [`Node::not`] are in canonical shape: no list
/// of one, no list directly inside a list of its kind, no double negation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// All of these.
    And(Vec<Node>),
    /// Any of these.
    Or(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// A field's value.
    Field(FieldTerm),
    /// Free text.
    Text(TextTerm),
}

/// A field and the tests of which one must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldTerm {
    /// The field.
    pub field: FieldRef,
    /// Any of these; never empty.
    pub tests: Vec<Test>,
}

/// A name of the table, and for an open one (`param`, `data`) the names that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRef {
    /// The row of the table.
    pub def: &'static QueryField,
    /// Names below it.
    pub sub: Vec<String>,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `*`: there is a value.
    Present,
    /// `x`
    Is(Scalar),
    /// `>x`
    Above(Scalar),
    /// `<x`
    Below(Scalar),
    /// `x..` and `>=x`
    From(Scalar),
    /// `..x` and `<=x`
    To(Scalar),
    /// `x..y`
    Between(Scalar, Scalar),
    /// `x*`
    Like(Pattern),
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Text, number, address or word.
    Text(String),
    /// A time.
    Time(TimeExpr),
}

/// Free text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTerm {
    /// A word or phrase, taken literally.
    Words(String),
    /// `pre*`, `*mid*`
    Like(Pattern),
}

impl EventQuery {
    /// A query for one condition.
    pub fn new(root: Node) -> Self {
        Self { root: Some(root) }
    }

    /// The conditions that all must hold.
    pub fn conjuncts(&self) -> &[Node] {
        match &self.root {
            None => &[],
            Some(Node::And(nodes)) => nodes,
            Some(node) => std::slice::from_ref(node),
        }
    }

    /// The query of all these conditions.
    pub fn from_conjuncts(nodes: Vec<Node>) -> Self {
        Self { root: (!nodes.is_empty()).then(|| Node::and(nodes)) }
    }

    /// Both this query and the other.
    pub fn and(self, other: Self) -> Self {
        let nodes: Vec<Node> = self.root.into_iter().chain(other.root).collect();
        Self::from_conjuncts(nodes)
    }

    /// Every field named, in the order of the text, repeats included.
    pub fn field_refs(&self) -> Vec<&FieldRef> {
        let mut found = Vec::new();
        self.visit(&mut |node| {
            if let Node::Field(term) = node {
                found.push(&term.field);
            }
        });
        found
    }

    /// Every free text, in the order of the text.
    pub fn text_terms(&self) -> Vec<&TextTerm> {
        let mut found = Vec::new();
        self.visit(&mut |node| {
            if let Node::Text(term) = node {
                found.push(term);
            }
        });
        found
    }

    /// Whether a field of this name is tested anywhere.
    pub fn names(&self, name: &str) -> bool {
        self.field_refs().iter().any(|field| field.def.name == name)
    }

    /// This query without quarantined events, unless it speaks of them or of single events itself.
    pub fn without_quarantined(self) -> Self {
        if ["flag", "state", "id", "index", "source_id"].iter().any(|name| self.names(name)) {
            return self;
        }
        let Some(state) = FieldRef::named("state") else { return self };
        let term = FieldTerm { field: state, tests: vec![Test::Is(Scalar::Text("quarantined".into()))] };
        self.and(Self::new(Node::not(Node::Field(term))))
    }

    /// The same query with every time absolute, so that it means the same tomorrow and in every zone. Times beyond
    /// the calendar stay as they are.
    pub fn resolve(&self, clock: &Clock) -> Self {
        Self { root: self.root.as_ref().map(|root| root.resolve(clock)) }
    }

    fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Node)) {
        if let Some(root) = &self.root {
            root.visit(f);
        }
    }
}

impl Node {
    /// All of `nodes`, in canonical shape. `nodes` must not be empty.
    pub fn and(nodes: Vec<Node>) -> Node {
        let flat =
            nodes.into_iter().flat_map(|node| if let Node::And(inner) = node { inner } else { vec![node] });
        Self::single(flat.collect(), Node::And)
    }

    /// Any of `nodes`, in canonical shape. `nodes` must not be empty.
    pub fn or(nodes: Vec<Node>) -> Node {
        let flat =
            nodes.into_iter().flat_map(|node| if let Node::Or(inner) = node { inner } else { vec![node] });
        Self::single(flat.collect(), Node::Or)
    }

    /// Not `node`; the negation of a negation is the thing itself.
    #[expect(clippy::should_implement_trait, reason = "a constructor beside `and` and `or`, not an operator")]
    pub fn not(node: Node) -> Node {
        if let Node::Not(inner) = node { *inner } else { Node::Not(Box::new(node)) }
    }

    fn single(mut nodes: Vec<Node>, list: fn(Vec<Node>) -> Node) -> Node {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => only,
            last => {
                nodes.extend(last);
                list(nodes)
            }
        }
    }

    /// Calls `f` on this node and all below it, in the order of the text.
    pub fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Node)) {
        f(self);
        match self {
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| node.visit(f)),
            Node::Not(node) => node.visit(f),
            Node::Field(_) | Node::Text(_) => {}
        }
    }

    fn resolve(&self, clock: &Clock) -> Node {
        let all = |nodes: &[Node]| nodes.iter().map(|node| node.resolve(clock)).collect();
        match self {
            Node::And(nodes) => Node::And(all(nodes)),
            Node::Or(nodes) => Node::Or(all(nodes)),
            Node::Not(node) => Node::Not(Box::new(node.resolve(clock))),
            Node::Field(term) => {
                let tests = term.tests.iter().map(|test| test.resolve(term.field.def, clock)).collect();
                Node::Field(FieldTerm { field: term.field.clone(), tests })
            }
            Node::Text(_) => self.clone(),
        }
    }
}

impl FieldRef {
    /// The field with this name or alias; names after an open one (`param.host.name`) are split at dots.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(def) = field(name) {
            return Some(Self { def, sub: Vec::new() });
        }
        let (head, rest) = name.split_once('.')?;
        let def = field(head).filter(|def| def.is_open())?;
        let sub: Vec<String> = rest.split('.').map(str::to_owned).collect();
        (!sub.iter().any(String::is_empty)).then_some(Self { def, sub })
    }
}

impl Test {
    /// The test for exactly this value of this field, as an event holds it: taken literally, whatever it looks like.
    /// `None` only for a time field whose value is no time.
    pub fn literal(field: &FieldRef, value: &str) -> Option<Self> {
        use crate::fields::ValueKind;
        Some(Self::Is(match field.def.kind {
            ValueKind::Time | ValueKind::Bound => Scalar::Time(TimeExpr::parse(value)?),
            _ => Scalar::Text(value.to_owned()),
        }))
    }

    /// The first and the last instant of a test on a time (the last is within), as far as it has them.
    pub(crate) fn instants(&self, clock: &Clock) -> Option<(Option<Instant>, Option<Instant>)> {
        let interval = |scalar: &Scalar| match scalar {
            Scalar::Time(time) => time.interval(clock),
            Scalar::Text(_) => None,
        };
        let last = |interval: Interval| interval.end.plus(-1);
        Some(match self {
            Self::Present => (None, None),
            Self::Is(scalar) => {
                let interval = interval(scalar)?;
                (Some(interval.start), Some(last(interval)))
            }
            Self::Above(scalar) => (Some(interval(scalar)?.end), None),
            Self::Below(scalar) => (None, Some(interval(scalar)?.start.plus(-1))),
            Self::From(scalar) => (Some(interval(scalar)?.start), None),
            Self::To(scalar) => (None, Some(last(interval(scalar)?))),
            Self::Between(from, to) => (Some(interval(from)?.start), Some(last(interval(to)?))),
            Self::Like(_) => return None,
        })
    }

    fn scalars(&self) -> impl Iterator<Item = &Scalar> {
        let (first, second) = match self {
            Self::Is(s) | Self::Above(s) | Self::Below(s) | Self::From(s) | Self::To(s) => (Some(s), None),
            Self::Between(a, b) => (Some(a), Some(b)),
            Self::Present | Self::Like(_) => (None, None),
        };
        first.into_iter().chain(second)
    }

    fn resolve(&self, def: &QueryField, clock: &Clock) -> Self {
        let relative = |scalar: &Scalar| matches!(scalar, Scalar::Time(time) if !time.is_absolute());
        if !self.scalars().any(relative) {
            return self.clone();
        }
        let at = |instant| Scalar::Time(TimeExpr::at(instant));
        let starting_at = |instant| Scalar::Time(TimeExpr::starting_at(instant));
        // A bound takes one time, of which only one end counts.
        if def.kind == crate::fields::ValueKind::Bound {
            let Some((Some(first), Some(last))) = self.instants(clock) else { return self.clone() };
            return Self::Is(if def.name == "until" { at(last) } else { starting_at(first) });
        }
        match self.instants(clock) {
            Some((Some(first), Some(last))) => Self::Between(starting_at(first), at(last)),
            Some((Some(first), None)) => Self::From(starting_at(first)),
            Some((None, Some(last))) => Self::To(at(last)),
            _ => self.clone(),
        }
    }
}
