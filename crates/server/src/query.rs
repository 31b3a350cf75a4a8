//! Query texts of requests: read, with catalogs' titles expanded to codes, and explained.

use indelible_query::{
    Clock, Compiled, Context, Diagnostic, EventQuery, Expansion, FieldRef, FieldTerm, Instant, MAX_GET_BYTES,
    Node, Scalar, Test, TextTerm, parse,
};
use serde_json::{Value, json};

use crate::problem::{Code, Problem};
use crate::reads::Reads;

/// Most event types that one free text expands to: a word in more titles than this selects nothing useful by them.
const MAX_EXPANSION: usize = 200;

/// A query as somebody wrote it, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    parsed: EventQuery,
    /// What the caller's rights add; nothing that is asked takes it away.
    rights: EventQuery,
    clock: Clock,
    expansion: Expansion,
}

/// Reads a query text; `zone` names the zone of its days, UTC by default.
pub(crate) fn read(app: &dyn Reads, text: &str, zone: Option<&str>) -> Result<Query, Problem> {
    read_at(app, text, zone, (MAX_GET_BYTES, None))
}

/// The same with a limit of its own, and as of a time: now unless another is said.
pub(crate) fn read_at(
    app: &dyn Reads,
    text: &str,
    zone: Option<&str>,
    (max_bytes, now): (usize, Option<Instant>),
) -> Result<Query, Problem> {
    let clock = clock(app, zone, now)?;
    let registry = app.catalogs();
    let parameters =
        registry.iter().flat_map(|catalog| catalog.params().iter().map(|param| param.name.clone()));
    let context = Context { clock: clock.clone(), max_bytes, parameters: parameters.collect() };
    let parsed = parse(text, &context).map_err(|diagnostics| invalid(&diagnostics))?;
    let mut expansion = Expansion::none();
    for term in parsed.text_terms() {
        let types = registry.types_with(term.finder());
        if !types.is_empty() && types.len() <= MAX_EXPANSION {
            expansion.add(term.clone(), types);
        }
    }
    Ok(Query { parsed, rights: EventQuery::default(), clock, expansion })
}

/// The events of the one catalog that a key may read, or of all.
pub(crate) fn of_catalog(catalog: Option<&str>) -> EventQuery {
    let Some(catalog) = catalog else { return EventQuery::default() };
    let field = FieldRef::named("catalog").expect("the table of query fields has it");
    let term = FieldTerm { field, tests: vec![Test::Is(Scalar::Text(catalog.to_owned()))] };
    EventQuery::new(Node::Field(term))
}

/// The events that concern somebody: those of which one of these names is the actor, or identifies a data subject.
pub(crate) fn about(names: &[&str]) -> EventQuery {
    let named = ["actor.id", "actor.email", "subject.id"].into_iter().flat_map(|field| {
        let field = FieldRef::named(field).expect("the table of query fields has it");
        let is = |name: &&str| Test::Is(Scalar::Text((*name).to_owned()));
        let tests = names.iter().map(is).collect();
        [Node::Field(FieldTerm { field, tests })]
    });
    EventQuery::new(Node::or(named.collect()))
}

/// What times are relative to; `zone` is UTC by default, `now` the present.
pub(crate) fn clock(app: &dyn Reads, zone: Option<&str>, now: Option<Instant>) -> Result<Clock, Problem> {
    let zone = match zone {
        None | Some("" | "UTC") => jiff::tz::TimeZone::UTC,
        Some(name) => jiff::tz::TimeZone::get(name).map_err(|_| {
            Problem::new(
                Code::RequestMalformed,
                format!("tz={name:?} is not an IANA zone such as Europe/Amsterdam"),
            )
        })?,
    };
    let now =
        jiff::Timestamp::from_nanosecond(now.map_or_else(|| i128::from(app.clock().now_ns()), |now| now.0))
            .map_err(|error| Problem::internal(&error))?;
    Ok(Clock { now, zone })
}

fn invalid(diagnostics: &[Diagnostic]) -> Problem {
    let errors = diagnostics.iter().map(|diagnostic| {
        let suggestions = diagnostic.suggestions.iter();
        json!({
            "pointer": "/q",
            "code": diagnostic.code.as_str(),
            "offset": diagnostic.offset,
            "length": diagnostic.len,
            "hint": diagnostic.message,
            "suggestions": suggestions.map(|s| json!({ "label": s.label, "replacement": s.replacement })).collect::<Vec<_>>(),
        })
    });
    let detail = diagnostics.first().map(ToString::to_string).unwrap_or_default();
    Problem::new(Code::QueryInvalid, detail).with_errors(errors.collect())
}

impl Query {
    /// What was asked, as a tree.
    pub(crate) fn parsed(&self) -> &EventQuery {
        &self.parsed
    }

    /// The canonical text.
    pub(crate) fn text(&self) -> String {
        self.parsed.to_string()
    }

    /// The canonical text with absolute times.
    pub(crate) fn absolute_text(&self) -> String {
        self.parsed.clone().and(self.rights.clone()).resolve(&self.clock).to_string()
    }

    /// Narrowed to what whoever asks may read.
    pub(crate) fn within(mut self, limits: &EventQuery) -> Self {
        self.rights = limits.clone();
        self
    }

    /// Only events from an index on.
    pub(crate) fn starting_at_index(mut self, first: u64) -> Self {
        let field = FieldRef::named("index").expect("the table of query fields has it");
        let term = FieldTerm { field, tests: vec![Test::From(Scalar::Text(first.to_string()))] };
        self.parsed = self.parsed.without_quarantined().and(EventQuery::new(Node::Field(term)));
        self
    }

    /// Without what it demands of one field, so that the other values of this field stay in sight; `None` when it demands
    /// nothing of it.
    pub(crate) fn without_field(&self, field: &FieldRef) -> Option<Self> {
        let demands = |node: &Node| matches!(node, Node::Field(term) if term.field == *field);
        let (own, rest): (Vec<Node>, Vec<Node>) = self.parsed.conjuncts().iter().cloned().partition(demands);
        let parsed = EventQuery::from_conjuncts(rest);
        (!own.is_empty()).then(|| Self { parsed, ..self.clone() })
    }

    /// What free texts were expanded to.
    pub(crate) fn expansion(&self) -> Value {
        let entries = self.expansion.entries().map(|(term, types)| {
            let node = EventQuery::new(Node::Text(term.clone()));
            let codes = types.iter().map(|(catalog, code)| json!({ "catalog": catalog, "code": code }));
            json!({ "text": node.to_string(), "types": codes.collect::<Vec<_>>() })
        });
        entries.collect()
    }

    /// Made ready, together with a window in the same language of times; quarantined events stay out unless asked for.
    pub(crate) fn compile(self) -> Compiled {
        let query = self.parsed.without_quarantined().and(self.rights);
        Compiled::new(&query, &self.clock, &self.expansion)
    }

    /// The query for one value of a field.
    pub(crate) fn equal(app: &dyn Reads, field: &str, value: &str) -> Result<Self, Problem> {
        let clock = clock(app, None, None)?;
        let field =
            FieldRef::named(field).ok_or_else(|| Problem::new(Code::QueryInvalid, "no such field"))?;
        let term = FieldTerm { field, tests: vec![Test::Is(Scalar::Text(value.to_owned()))] };
        let (parsed, rights) = (EventQuery::new(Node::Field(term)), EventQuery::default());
        Ok(Self { parsed, rights, clock, expansion: Expansion::none() })
    }

    /// What its times are relative to.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// The tree of a query.
pub(crate) fn tree(query: &Query) -> Value {
    query.parsed.root.as_ref().map_or(Value::Null, node)
}

fn node(node: &Node) -> Value {
    let list = |nodes: &[Node]| nodes.iter().map(self::node).collect::<Vec<_>>();
    match node {
        Node::And(nodes) => json!({ "and": list(nodes) }),
        Node::Or(nodes) => json!({ "or": list(nodes) }),
        Node::Not(inner) => json!({ "not": self::node(inner) }),
        Node::Field(term) => field(term),
        Node::Text(TextTerm::Words(text)) => json!({ "text": text }),
        Node::Text(TextTerm::Like(pattern)) => json!({ "like": pattern.as_str() }),
    }
}

fn field(term: &FieldTerm) -> Value {
    let name = std::iter::once(term.field.def.name).chain(term.field.sub.iter().map(String::as_str));
    let tests = term.tests.iter().map(|test| match test {
        Test::Present => json!({ "present": true }),
        Test::Is(value) => json!({ "is": scalar(value) }),
        Test::Above(value) => json!({ "above": scalar(value) }),
        Test::Below(value) => json!({ "below": scalar(value) }),
        Test::From(value) => json!({ "from": scalar(value) }),
        Test::To(value) => json!({ "to": scalar(value) }),
        Test::Between(from, to) => json!({ "from": scalar(from), "to": scalar(to) }),
        Test::Like(pattern) => json!({ "like": pattern.as_str() }),
    });
    json!({ "field": name.collect::<Vec<_>>().join("."), "any": tests.collect::<Vec<_>>() })
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) => text.clone(),
        Scalar::Time(time) => time.to_string(),
    }
}
