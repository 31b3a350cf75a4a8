//! One event as the evaluation sees it: decoded, or as its stored bytes, of which only what a query asks for is read.

use indelible_event::{Class, Event, EventId, Field, Flag, Leaf, Value};

use crate::fields::Place;
use crate::time::Instant;
use crate::tree::{Held, Tree, Visit, take, take_u16, take_u32};

/// What the log says about an event, outside its body.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    /// The organization whose log it is in.
    pub organization: &'a str,
    /// Its position in the log.
    pub index: u64,
    /// When it was received, nanoseconds since 1970.
    pub received_ns: u64,
    /// Its identifier.
    pub id: EventId,
    /// Its number in its producer's sequence; 0 when the producer does not number.
    pub sequence: u64,
    /// Whether it was imported: not witnessed when it happened.
    pub imported: bool,
}

impl<'a> Position<'a> {
    /// The position that a leaf tells.
    pub fn of_leaf(organization: &'a str, index: u64, leaf: &Leaf) -> Self {
        Self {
            organization,
            index,
            received_ns: leaf.received_ns,
            id: leaf.id,
            sequence: leaf.sequence,
            imported: leaf.has(Flag::Imported),
        }
    }
}

/// One event, to be matched.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    position: Position<'a>,
    content: Content<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Content<'a> {
    Event(&'a Event),
    Stored(Stored<'a>),
}

/// A stored body: the item of all plain values, and the other items.
#[derive(Clone, Copy, Debug)]
struct Stored<'a> {
    plain: Option<Tree<'a>>,
    items: &'a [u8],
}

const PLAIN_PATH: &[u8] = b"*";
const PARAMS: &str = "params.";
const SUBJECTS: &str = "subjects.";
/// Version, salt and count stand before the items.
const COUNT_OFFSET: usize = 1 + 16;

impl<'a> EventView<'a> {
    /// A decoded event.
    pub fn new(position: Position<'a>, event: &'a Event) -> Self {
        Self { position, content: Content::Event(event) }
    }

    /// An event's stored body, as the log keeps it.
    pub fn stored(position: Position<'a>, body: &'a [u8]) -> Self {
        Self { position, content: Content::Stored(Stored::open(body)) }
    }

    /// What the log says about it.
    pub fn position(&self) -> &Position<'a> {
        &self.position
    }

    /// When it occurred, or was received if it does not say.
    pub fn occurred(&self) -> Instant {
        match self.field(Field::OccurredAt).map(Tree::held) {
            Some(Held::Time(instant)) => instant,
            _ => self.received(),
        }
    }

    /// When it was received.
    pub fn received(&self) -> Instant {
        Instant(i128::from(self.position.received_ns))
    }

    /// A field's text.
    pub fn text(&self, field: Field) -> Option<&'a str> {
        match self.field(field)?.held() {
            Held::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A field's value, decoded; `None` when it is absent, erased or cannot be read. The people that the data is about are
    /// those that were not erased.
    pub fn value(&self, field: Field) -> Option<Value> {
        match self.content {
            Content::Stored(stored) if field == Field::Subjects => stored.all_subjects(),
            _ => self.field(field)?.decode(),
        }
    }

    /// Calls `f` with the name and the value of each parameter that was not erased.
    pub fn each_param(&self, f: &mut dyn FnMut(&str, Value)) {
        self.params(&mut |name, value| {
            if let Some(value) = value.decode() {
                f(name, value);
            }
            false
        });
    }

    fn field(&self, field: Field) -> Option<Tree<'a>> {
        match self.content {
            Content::Event(event) => event.get(field).map(Tree::Value),
            Content::Stored(stored) => {
                let def = field.def();
                if def.class == Class::Plain { stored.plain?.member(def.path) } else { stored.item(def.path) }
            }
        }
    }

    /// Visits the values at a place until `f` returns true; false when it never did.
    pub(crate) fn visit(&self, place: Place, sub: &[String], f: Visit<'_>) -> bool {
        match place {
            Place::Field(Field::Subjects) | Place::Exact(Field::Subjects) => f(Held::Other),
            Place::Field(field) | Place::Exact(field) => self.field(field).is_some_and(|tree| tree.visit(f)),
            Place::Member(Field::Subjects, name) | Place::ExactMember(Field::Subjects, name) => {
                self.subjects(&mut |subject| subject.visit_at(&[name], f))
            }
            Place::Member(field, name) | Place::ExactMember(field, name) => {
                self.field(field).is_some_and(|tree| tree.visit_at(&[name], f))
            }
            Place::Params => self.params(&mut |name, value| visit_param(name, value, sub, f)),
            Place::Data => self.field(Field::Extra).is_some_and(|tree| {
                let path: Vec<&str> = sub.iter().map(String::as_str).collect();
                if path.is_empty() { tree.visit_deep(f) } else { tree.visit_at(&path, f) }
            }),
            Place::Occurred => f(Held::Time(self.occurred())),
            Place::Received => f(Held::Time(self.received())),
            Place::Organization => f(Held::Text(self.position.organization)),
            Place::Index => f(Held::Int(i128::from(self.position.index))),
            Place::EventId => f(Held::Id(self.position.id.0)),
            Place::Sequence => self.position.sequence > 0 && f(Held::Int(i128::from(self.position.sequence))),
            Place::Findings => self.findings(f),
        }
    }

    /// Visits, for each record of a list, the first of these members with a value that `f` returns true for.
    pub(crate) fn visit_first(&self, members: &[Place], f: Visit<'_>) {
        let mut of_record = |record: Tree<'_>| {
            let mut names = members.iter().filter_map(|place| match place {
                Place::Member(_, name) | Place::ExactMember(_, name) => Some(*name),
                _ => None,
            });
            names.any(|name| record.visit_at(&[name], f));
            false
        };
        match members.first() {
            Some(Place::Member(Field::Subjects, _) | Place::ExactMember(Field::Subjects, _)) => {
                self.subjects(&mut of_record);
            }
            Some(Place::Member(field, _) | Place::ExactMember(field, _)) => {
                if let Some(records) = self.field(*field) {
                    records.children(&mut |_, record| of_record(record));
                }
            }
            _ => {}
        }
    }

    fn params(&self, f: &mut dyn FnMut(&str, Tree<'_>) -> bool) -> bool {
        let stored = match self.content {
            Content::Event(event) => {
                return event.params().iter().any(|param| f(&param.name, Tree::Value(&param.value)));
            }
            Content::Stored(stored) => stored,
        };
        let mut named =
            |key: &str, value: Tree<'_>| key.strip_prefix(PARAMS).is_some_and(|name| f(name, value));
        stored.plain.is_some_and(|plain| plain.children(&mut named))
            || stored.each_below(PARAMS, &mut |path, value| named(path, value))
    }

    fn subjects(&self, f: &mut dyn FnMut(Tree<'_>) -> bool) -> bool {
        match self.content {
            Content::Event(event) => {
                let subjects = event.get(Field::Subjects).and_then(Value::as_list).unwrap_or_default();
                subjects.iter().any(|subject| f(Tree::Value(subject)))
            }
            Content::Stored(stored) => stored.each_below(SUBJECTS, &mut |_, value| f(value)),
        }
    }

    fn findings(&self, f: Visit<'_>) -> bool {
        if self.field(Field::Flags).is_some_and(|flags| flags.visit(f)) {
            return true;
        }
        let quarantined = self.text(Field::State) == Some("quarantined");
        let imported = self.position.imported || self.field(Field::Imported).is_some();
        let erased = matches!(self.content, Content::Stored(stored) if stored.has_erased());
        [(quarantined, "quarantined"), (imported, "imported"), (erased, "erased")]
            .into_iter()
            .any(|(is, word)| is && f(Held::Text(word)))
    }
}

/// A parameter's whole name is `scope.name`; further names lead into a value that is a map.
fn visit_param(name: &str, value: Tree<'_>, sub: &[String], f: Visit<'_>) -> bool {
    if sub.is_empty() {
        return value.visit_deep(f);
    }
    let mut rest = name;
    let mut names = sub.iter().map(String::as_str);
    loop {
        let Some(next) = names.next() else { return false };
        let Some(left) = rest.strip_prefix(next) else { return false };
        if left.is_empty() {
            let path: Vec<&str> = names.collect();
            return value.visit_at(&path, f);
        }
        let Some(left) = left.strip_prefix('.') else { return false };
        rest = left;
    }
}

impl<'a> Stored<'a> {
    fn open(body: &'a [u8]) -> Self {
        let items = body.get(COUNT_OFFSET + 2..).unwrap_or_default();
        let mut stored = Self { plain: None, items };
        let mut rest = items;
        // `*` sorts before every other path.
        if let Some((PLAIN_PATH, value)) = next_item(&mut rest) {
            stored = Self { plain: value, items: rest };
        }
        stored
    }

    fn item(&self, path: &str) -> Option<Tree<'a>> {
        let mut rest = self.items;
        while let Some((name, value)) = next_item(&mut rest) {
            // Paths ascend.
            if name >= path.as_bytes() {
                return value.filter(|_| name == path.as_bytes());
            }
        }
        None
    }

    /// Calls `f` with each item whose path begins with `prefix` and that was not erased, until it returns true.
    fn each_below(&self, prefix: &str, f: &mut dyn FnMut(&str, Tree<'a>) -> bool) -> bool {
        let mut rest = self.items;
        while let Some((name, value)) = next_item(&mut rest) {
            if name.starts_with(prefix.as_bytes()) {
                let found =
                    std::str::from_utf8(name).ok().zip(value).is_some_and(|(path, value)| f(path, value));
                if found {
                    return true;
                }
            } else if name > prefix.as_bytes() {
                return false;
            }
        }
        false
    }

    fn all_subjects(&self) -> Option<Value> {
        let mut found: Vec<(usize, Value)> = Vec::new();
        self.each_below(SUBJECTS, &mut |path, value| {
            let at = path.strip_prefix(SUBJECTS).and_then(|at| at.parse().ok());
            found.extend(at.zip(value.decode()));
            false
        });
        // `subjects.10` sorts before `subjects.2`; the numbers give the order back.
        found.sort_by_key(|(at, _)| *at);
        (!found.is_empty()).then(|| Value::List(found.into_iter().map(|(_, value)| value).collect()))
    }

    fn has_erased(&self) -> bool {
        let mut rest = self.items;
        std::iter::from_fn(|| next_item(&mut rest)).any(|(_, value)| value.is_none())
    }
}

/// Reads one item of a stored body: its path, and its value unless only a commitment is left.
fn next_item<'a>(bytes: &mut &'a [u8]) -> Option<(&'a [u8], Option<Tree<'a>>)> {
    let length = usize::from(take_u16(bytes)?);
    let path = take(bytes, length)?;
    let before_value = match take(bytes, 1)?.first()? {
        0 => 0,
        1 => 16,
        2 => {
            take(bytes, 32)?;
            return Some((path, None));
        }
        3 => 32,
        _ => return None,
    };
    take(bytes, before_value)?;
    let length = take_u32(bytes)? as usize;
    Some((path, Some(Tree::Encoded(take(bytes, length)?))))
}
