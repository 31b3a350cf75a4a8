//! An event's items, its stored body and its body hash (`docs/internals/format.md`, "Items", "Stored body").
//!
//! Sealing turns an event into the bytes that the store keeps and the hash that the leaf holds. The same bytes,
//! with the keys of the people in them, are all that is needed to recompute the hash.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use crate::bytes::{DecodeError, Reader};
use crate::commitment::{Body, Commit, EventSalt, Hash};
use crate::sha::MacKey;
use crate::value::{encode_key, encode_map_head};
use crate::{
    Class, Event, EventError, EventId, Field, MAX_EVENT_BYTES, MAX_ITEMS, MAX_PATH_BYTES, Map, Param, Person,
    Value,
};

/// Path of the item that holds all plain values.
pub const PLAIN_PATH: &str = "*";
/// What parameters' paths begin with.
const PARAMS: &str = "params.";
/// What the paths of single subjects begin with.
const SUBJECTS: &str = "subjects.";
const VERSION: u8 = 1;

/// The key of a data subject: destroying it ends every guess at what it salted.
#[derive(Clone)]
pub struct SubjectKey {
    /// Random name of the key; stored beside what it salts.
    pub id: [u8; 16],
    key: MacKey,
}

impl SubjectKey {
    /// A key of 32 random bytes under its random name.
    pub fn new(id: [u8; 16], key: &[u8; 32]) -> Self {
        Self { id, key: MacKey::new(key) }
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubjectKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Finds a subject's key by its name; `None` when it was destroyed or is not known.
pub type Keys<'a> = &'a dyn Fn(&[u8; 16]) -> Option<SubjectKey>;

/// An event as bytes to keep and as the hash to commit to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The stored body.
    pub stored: Vec<u8>,
    /// The body hash.
    pub body: Hash,
}

/// Whether a text can be an item's path: `[a-z0-9_]+(\.[a-z0-9_]+)*`, at most 255 bytes.
pub(crate) fn is_item_path(path: &str) -> bool {
    path.len() <= MAX_PATH_BYTES
        && path.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        })
}

/// One item of an event: how it is called, whose key salts it, what it holds.
struct Entry<'a> {
    /// What its path begins with, and the rest of it.
    path: (&'static str, Cow<'a, str>),
    /// Whose key salts it, if anybody's.
    subject: Option<&'a str>,
    /// `None` for the item of all plain values.
    value: Option<&'a Value>,
}

/// Places of fields in the byte order of their paths; parameters and single subjects stand between them.
struct Order {
    /// By field.
    ranks: Vec<u8>,
    params: u8,
    subjects: u8,
}

static ORDER: LazyLock<Order> = LazyLock::new(|| {
    let mut paths: Vec<&str> = Field::ALL.iter().map(|field| field.path()).collect();
    paths.extend([PLAIN_PATH, PARAMS, SUBJECTS]);
    paths.sort_unstable();
    let rank = |path: &str| paths.iter().position(|known| *known == path).map_or(u8::MAX, |at| at as u8);
    Order {
        ranks: Field::ALL.iter().map(|field| rank(field.path())).collect(),
        params: rank(PARAMS),
        subjects: rank(SUBJECTS),
    }
});

impl Order {
    fn of(&self, field: Field) -> u8 {
        self.ranks.get(field as usize).copied().unwrap_or(u8::MAX)
    }
}

/// Encodes an event and commits to it.
///
/// `subject_key` gives the key of a person by their identifier; a personal value in an event that names no such
/// person is kept like a separate one. Refuses what [`Event::check`] refuses and what passes
/// [`MAX_EVENT_BYTES`] or [`MAX_ITEMS`].
pub fn seal(
    event: &Event,
    id: EventId,
    event_salt: &EventSalt,
    mut subject_key: impl FnMut(&str) -> SubjectKey,
) -> Result<Sealed, EventError> {
    event.check()?;
    let entries = entries(event);
    if entries.len() > MAX_ITEMS {
        let what = format!("has {} items, at most {MAX_ITEMS} are taken", entries.len());
        return Err(EventError { path: "event".into(), what });
    }
    let own_key = MacKey::new(event_salt);
    let mut commit = Commit::new(id);
    let mut body = Body::new(entries.len());
    let mut stored = Vec::with_capacity(1536);
    stored.push(VERSION);
    stored.extend_from_slice(event_salt);
    stored.extend_from_slice(&(entries.len() as u16).to_be_bytes());
    let mut last_subject: Option<(&str, SubjectKey)> = None;
    for entry in &entries {
        let path = append_path(entry, &mut stored);
        let own_path = stored.get(path.clone()).unwrap_or_default();
        let salt = if let Some(subject) = entry.subject {
            if last_subject.as_ref().is_none_or(|(last, _)| *last != subject) {
                last_subject = Some((subject, subject_key(subject)));
            }
            let (_, key) = last_subject.as_ref().expect("set above");
            let salt = commit.salt(&key.key, own_path);
            stored.push(ItemState::PERSONAL);
            stored.extend_from_slice(&key.id);
            salt
        } else {
            let salt = commit.salt(&own_key, own_path);
            stored.push(ItemState::CLEAR);
            salt
        };
        let value = append_value(entry, event, &mut stored);
        let part = |range| stored.get(range).unwrap_or_default();
        let path = part(path);
        body.add(path, &commit.commitment(&salt, path, part(value)));
    }
    if stored.len() > MAX_EVENT_BYTES {
        let what = format!("has {} bytes, at most {MAX_EVENT_BYTES} are taken", stored.len());
        return Err(EventError { path: "event".into(), what });
    }
    Ok(Sealed { stored, body: body.hash() })
}

/// Appends the length and text of an entry's path; returns where the text stands.
fn append_path(entry: &Entry<'_>, stored: &mut Vec<u8>) -> Range<usize> {
    let (head, rest) = &entry.path;
    stored.extend_from_slice(&((head.len() + rest.len()) as u16).to_be_bytes());
    let start = stored.len();
    stored.extend_from_slice(head.as_bytes());
    stored.extend_from_slice(rest.as_bytes());
    start..stored.len()
}

/// Appends the length and encoding of an entry's value; returns where the encoding stands.
fn append_value(entry: &Entry<'_>, event: &Event, stored: &mut Vec<u8>) -> Range<usize> {
    let length_at = stored.len();
    stored.extend_from_slice(&[0; 4]);
    let start = stored.len();
    match entry.value {
        Some(value) => value.encode(stored),
        None => plain_item(event, stored),
    }
    let length = ((stored.len() - start) as u32).to_be_bytes();
    if let Some(place) = stored.get_mut(length_at..start) {
        place.copy_from_slice(&length);
    }
    start..stored.len()
}

/// The items of an event, paths ascending.
fn entries(event: &Event) -> Vec<Entry<'_>> {
    let order = &*ORDER;
    let mut ranked: Vec<(u8, Entry<'_>)> = Vec::with_capacity(16);
    ranked.push((0, Entry { path: (PLAIN_PATH, "".into()), subject: None, value: None }));
    for (field, value) in event.fields() {
        let def = field.def();
        if field == Field::Subjects {
            ranked.extend(subjects(value).map(|entry| (order.subjects, entry)));
        } else if def.class != Class::Plain {
            let subject = person(event, def.class);
            ranked
                .push((order.of(field), Entry { path: (def.path, "".into()), subject, value: Some(value) }));
        }
    }
    for param in event.params().iter().filter(|param| param.class != Class::Plain) {
        let path = (PARAMS, param.name.as_str().into());
        let subject = person(event, param.class);
        ranked.push((order.params, Entry { path, subject, value: Some(&param.value) }));
    }
    // Stable: what shares a rank was added in the order of its paths.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, entry)| entry).collect()
}

/// One item for each person the data is about; `subjects.10` sorts before `subjects.2`.
fn subjects(value: &Value) -> impl Iterator<Item = Entry<'_>> {
    let list = value.as_list().unwrap_or_default();
    let mut paths: Vec<(String, usize)> = (0..list.len()).map(|at| (at.to_string(), at)).collect();
    paths.sort_unstable();
    paths.into_iter().filter_map(move |(path, at)| {
        let subject = list.get(at)?;
        let id = subject.as_map().and_then(|map| map.get("id")).and_then(Value::as_text);
        Some(Entry { path: (SUBJECTS, path.into()), subject: id, value: Some(subject) })
    })
}

/// Appends the map of all plain values; keys ascend as bytes.
fn plain_item(event: &Event, out: &mut Vec<u8>) {
    let order = &*ORDER;
    let is_plain = |field: Field| field.def().class == Class::Plain && field != Field::ProducerSeq;
    let mut fields: Vec<(u8, &str, &Value)> = event
        .fields()
        .filter(|(field, _)| is_plain(*field))
        .map(|(field, value)| (order.of(field), field.path(), value))
        .collect();
    fields.sort_unstable_by_key(|(rank, ..)| *rank);
    let params = || event.params().iter().filter(|param| param.class == Class::Plain);
    encode_map_head(fields.len() + params().count(), out);
    let (before, after) = fields.split_at(fields.partition_point(|(rank, ..)| *rank < order.params));
    let encode_field = |(_, path, value): &(u8, &str, &Value), out: &mut Vec<u8>| {
        encode_key(path, out);
        value.encode(out);
    };
    for field in before {
        encode_field(field, out);
    }
    for param in params() {
        out.extend_from_slice(&((PARAMS.len() + param.name.len()) as u16).to_be_bytes());
        out.extend_from_slice(PARAMS.as_bytes());
        out.extend_from_slice(param.name.as_bytes());
        param.value.encode(out);
    }
    for field in after {
        encode_field(field, out);
    }
}

/// The identifier of the person a class names, if the event has one.
fn person(event: &Event, class: Class) -> Option<&str> {
    let first_id = |field| {
        let first = event.get(field)?.as_list()?.first()?.as_map()?;
        first.get("id")?.as_text()
    };
    match class {
        Class::Personal(Person::Actor) => event.text(Field::ActorId),
        Class::Personal(Person::Target) => first_id(Field::Targets),
        Class::Personal(Person::Subject) => first_id(Field::Subjects),
        Class::Plain | Class::Separate | Class::Secret => None,
    }
}

/// What is kept of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState<'a> {
    /// The value; its salt comes from the event's salt.
    Clear(&'a [u8]),
    /// The value; its salt comes from the key with this name.
    Personal([u8; 16], &'a [u8]),
    /// Only the commitment: erased, or not disclosed.
    Committed(Hash),
    /// The value with its salt spelled out.
    Disclosed(Hash, &'a [u8]),
}

impl<'a> ItemState<'a> {
    const CLEAR: u8 = 0;
    const PERSONAL: u8 = 1;
    const COMMITTED: u8 = 2;
    const DISCLOSED: u8 = 3;

    /// The value in its canonical encoding, if it is there.
    pub fn value(&self) -> Option<&'a [u8]> {
        match self {
            Self::Clear(value) | Self::Personal(_, value) | Self::Disclosed(_, value) => Some(value),
            Self::Committed(_) => None,
        }
    }
}

/// One item of a stored body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredItem<'a> {
    /// Its path.
    pub path: &'a str,
    /// What is kept of it.
    pub state: ItemState<'a>,
}

/// A stored body, taken apart but with its values still encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBody<'a> {
    /// The event's salt; zero when it was destroyed.
    pub event_salt: EventSalt,
    /// Items, paths ascending.
    pub items: Vec<StoredItem<'a>>,
}

impl<'a> StoredBody<'a> {
    /// Takes a stored body apart; refuses unknown versions and states, and paths that do not ascend.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(reader.error("unknown body version"));
        }
        let event_salt = reader.array()?;
        let items = read_items(&mut reader)?;
        reader.finish()?;
        Ok(Self { event_salt, items })
    }

    /// The item with this path.
    pub fn item(&self, path: &str) -> Option<&StoredItem<'a>> {
        let at = self.items.binary_search_by(|item| item.path.as_bytes().cmp(path.as_bytes())).ok()?;
        self.items.get(at)
    }

    /// Paths of the items whose values are gone.
    pub fn erased(&self) -> impl Iterator<Item = &'a str> {
        self.items.iter().filter(|item| item.state.value().is_none()).map(|item| item.path)
    }

    /// Recomputes the body hash. `Err` holds the name of a subject key that `keys` does not have.
    pub fn body_hash(&self, id: EventId, keys: Keys<'_>) -> Result<Hash, [u8; 16]> {
        let own = MacKey::new(&self.event_salt);
        let mut commit = Commit::new(id);
        let mut body = Body::new(self.items.len());
        let mut last: Option<SubjectKey> = None;
        for item in &self.items {
            let path = item.path.as_bytes();
            let commitment = match item.state {
                ItemState::Clear(value) => {
                    let salt = commit.salt(&own, path);
                    commit.commitment(&salt, path, value)
                }
                ItemState::Personal(key_id, value) => {
                    if last.as_ref().is_none_or(|key| key.id != key_id) {
                        last = Some(keys(&key_id).ok_or(key_id)?);
                    }
                    let key = last.as_ref().expect("set above");
                    let salt = commit.salt(&key.key, path);
                    commit.commitment(&salt, path, value)
                }
                ItemState::Committed(commitment) => commitment,
                ItemState::Disclosed(salt, value) => commit.commitment(&salt, path, value),
            };
            body.add(path, &commitment);
        }
        Ok(body.hash())
    }

    /// The items as a third party may see them, for a proof: those that `disclose` picks with their salt
    /// spelled out, the others as commitments. `Err` holds the name of a missing subject key.
    ///
    /// Layout: u16 count ‖ items in states 2 and 3 of the stored body.
    pub fn disclosure(
        &self,
        id: EventId,
        keys: Keys<'_>,
        disclose: impl Fn(&str) -> bool,
    ) -> Result<Vec<u8>, [u8; 16]> {
        let mut out = Vec::new();
        out.extend_from_slice(&(self.items.len() as u16).to_be_bytes());
        let own = MacKey::new(&self.event_salt);
        let mut commit = Commit::new(id);
        for item in &self.items {
            let path = item.path.as_bytes();
            encode_key(item.path, &mut out);
            let (salt, value) = match item.state {
                ItemState::Committed(commitment) => {
                    out.push(ItemState::COMMITTED);
                    out.extend_from_slice(&commitment);
                    continue;
                }
                ItemState::Clear(value) => (commit.salt(&own, path), value),
                ItemState::Personal(key, value) => (commit.salt(&keys(&key).ok_or(key)?.key, path), value),
                ItemState::Disclosed(salt, value) => (salt, value),
            };
            if disclose(item.path) {
                out.push(ItemState::DISCLOSED);
                out.extend_from_slice(&salt);
                out.extend_from_slice(&(value.len() as u32).to_be_bytes());
                out.extend_from_slice(value);
            } else {
                out.push(ItemState::COMMITTED);
                out.extend_from_slice(&commit.commitment(&salt, path, value));
            }
        }
        Ok(out)
    }

    /// Reads what [`StoredBody::disclosure`] wrote; refuses items in other states.
    pub fn decode_disclosure(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let items = read_items(&mut reader)?;
        reader.finish()?;
        let open =
            |item: &StoredItem<'_>| matches!(item.state, ItemState::Committed(_) | ItemState::Disclosed(..));
        if !items.iter().all(open) {
            return Err(DecodeError {
                what: "a disclosure holds only commitments and disclosed values",
                offset: 0,
            });
        }
        Ok(Self { event_salt: [0; 16], items })
    }
}

fn read_items<'a>(reader: &mut Reader<'a>) -> Result<Vec<StoredItem<'a>>, DecodeError> {
    let count = usize::from(reader.u16()?);
    if count > MAX_ITEMS {
        return Err(reader.error("more items than an event may have"));
    }
    let mut items: Vec<StoredItem<'a>> = Vec::with_capacity(count);
    for _ in 0..count {
        let length = usize::from(reader.u16()?);
        let path = reader.text(length)?;
        if path != PLAIN_PATH && !is_item_path(path) {
            return Err(reader.error("not an item path"));
        }
        if items.last().is_some_and(|last| last.path.as_bytes() >= path.as_bytes()) {
            return Err(reader.error("item paths do not ascend"));
        }
        let state = read_state(reader)?;
        items.push(StoredItem { path, state });
    }
    Ok(items)
}

fn read_state<'a>(reader: &mut Reader<'a>) -> Result<ItemState<'a>, DecodeError> {
    let state = reader.u8()?;
    let value = |reader: &mut Reader<'a>| {
        let length = reader.u32()? as usize;
        reader.take(length)
    };
    Ok(match state {
        ItemState::CLEAR => ItemState::Clear(value(reader)?),
        ItemState::PERSONAL => ItemState::Personal(reader.array()?, value(reader)?),
        ItemState::COMMITTED => ItemState::Committed(reader.array()?),
        ItemState::DISCLOSED => ItemState::Disclosed(reader.array()?, value(reader)?),
        _ => return Err(reader.error("unknown item state")),
    })
}

/// The event that a stored body holds; erased items are absent from it.
///
/// Names that this version does not know (written by a newer one) are refused: showing half an event as if it
/// were whole would be worse.
pub fn read_event(body: &StoredBody<'_>) -> Result<Event, DecodeError> {
    let mut event = Event::new();
    let mut subjects = Vec::new();
    for item in &body.items {
        let Some(bytes) = item.state.value() else { continue };
        let value = Value::decode(bytes)?;
        if item.path == PLAIN_PATH {
            let Value::Map(map) = value else {
                return Err(DecodeError { what: "the plain item is not a map", offset: 0 });
            };
            read_plain(&mut event, map)?;
        } else if let Some(name) = item.path.strip_prefix(PARAMS) {
            let class = match item.state {
                ItemState::Personal(..) => Class::Personal(Person::Actor),
                _ => Class::Separate,
            };
            event.set_param(Param { name: name.to_owned(), class, value });
        } else if let Some(at) = item.path.strip_prefix(SUBJECTS) {
            let at: usize = at.parse().map_err(|_| DecodeError { what: "bad subject number", offset: 0 })?;
            subjects.push((at, value));
        } else {
            set_known(&mut event, item.path, value)?;
        }
    }
    if !subjects.is_empty() {
        // `subjects.10` sorts before `subjects.2`; the numbers give the order back.
        subjects.sort_by_key(|(at, _)| *at);
        event.set(Field::Subjects, subjects.into_iter().map(|(_, value)| value).collect::<Vec<_>>());
    }
    Ok(event)
}

fn read_plain(event: &mut Event, map: Map) -> Result<(), DecodeError> {
    for (key, value) in map {
        match key.strip_prefix(PARAMS) {
            Some(name) => event.set_param(Param { name: name.to_owned(), class: Class::Plain, value }),
            None => set_known(event, &key, value)?,
        }
    }
    Ok(())
}

fn set_known(event: &mut Event, path: &str, value: Value) -> Result<(), DecodeError> {
    let field =
        Field::by_path(path).ok_or(DecodeError { what: "unknown field in a stored event", offset: 0 })?;
    event.set(field, value);
    Ok(())
}
