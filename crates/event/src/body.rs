//! An event's items, its stored body and its body hash (`docs/internals/format.md`, "Items", "Stored body").
//!
//! Sealing turns an event into the bytes that the store keeps and the hash that the leaf holds. The same bytes,
//! with the keys of the people in them, are all that is needed to recompute the hash.

use std::borrow::Cow;
use std::ops::Range;

use crate::bytes::{DecodeError, Reader};
use crate::commitment::{EventSalt, Hash, SaltKey, body_hash, commitment};
use crate::value::{encode_key, encode_map_head};
use crate::{
    Class, Event, EventError, EventId, Field, MAX_EVENT_BYTES, MAX_ITEMS, MAX_PATH_BYTES, Map, Param, Person,
    Value,
};

/// Path of the item that holds all plain values.
const PLAIN_PATH: &str = "*";
/// What parameters' paths begin with.
const PARAMS: &str = "params.";
/// What the paths of single subjects begin with.
const SUBJECTS: &str = "subjects.";
const VERSION: u8 = 1;
/// Version, salt and count.
const HEAD_BYTES: usize = 1 + 16 + 2;

/// The key of a data subject: destroying it ends every guess at what it salted.
#[derive(Clone)]
pub struct SubjectKey {
    /// Random name of the key; stored beside what it salts.
    pub id: [u8; 16],
    key: SaltKey,
}

impl SubjectKey {
    /// A key of 32 random bytes under its random name.
    pub fn new(id: [u8; 16], key: &[u8; 32]) -> Self {
        Self { id, key: SaltKey::new(key) }
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

struct Entry<'a> {
    path: Cow<'a, str>,
    /// Whose key salts it, if anybody's.
    subject: Option<&'a str>,
    value: Range<usize>,
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
    let mut values = Vec::with_capacity(512);
    let mut entries = entries(event, &mut values);
    entries.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    if entries.len() > MAX_ITEMS {
        let what = format!("has {} items, at most {MAX_ITEMS} are taken", entries.len());
        return Err(EventError { path: "event".into(), what });
    }
    let own_key = SaltKey::new(event_salt);
    let mut stored = Vec::with_capacity(HEAD_BYTES + values.len() + 48 * entries.len());
    stored.push(VERSION);
    stored.extend_from_slice(event_salt);
    stored.extend_from_slice(&(entries.len() as u16).to_be_bytes());
    let mut last_subject: Option<(&str, SubjectKey)> = None;
    let mut commitments = Vec::with_capacity(entries.len());
    for entry in &entries {
        let value = values.get(entry.value.clone()).unwrap_or_default();
        encode_key(&entry.path, &mut stored);
        let salt = if let Some(subject) = entry.subject {
            if last_subject.as_ref().is_none_or(|(last, _)| *last != subject) {
                last_subject = Some((subject, subject_key(subject)));
            }
            let (_, key) = last_subject.as_ref().expect("set above");
            stored.push(ItemState::PERSONAL);
            stored.extend_from_slice(&key.id);
            key.key.salt(id, &entry.path)
        } else {
            stored.push(ItemState::CLEAR);
            own_key.salt(id, &entry.path)
        };
        stored.extend_from_slice(&(value.len() as u32).to_be_bytes());
        stored.extend_from_slice(value);
        commitments.push(commitment(&salt, &entry.path, value));
    }
    if stored.len() > MAX_EVENT_BYTES {
        let what = format!("has {} bytes, at most {MAX_EVENT_BYTES} are taken", stored.len());
        return Err(EventError { path: "event".into(), what });
    }
    let body = body_hash(entries.iter().zip(commitments).map(|(entry, c)| (entry.path.as_ref(), c)));
    Ok(Sealed { stored, body })
}

/// Encodes every value into `values` and lists the items, unsorted.
fn entries<'a>(event: &'a Event, values: &mut Vec<u8>) -> Vec<Entry<'a>> {
    let mut entries = Vec::with_capacity(12);
    entries.push(Entry { path: PLAIN_PATH.into(), subject: None, value: plain_item(event, values) });
    let mut push = |path: Cow<'a, str>, subject, value: &Value, values: &mut Vec<u8>| {
        let start = values.len();
        value.encode(values);
        entries.push(Entry { path, subject, value: start..values.len() });
    };
    for (field, value) in event.fields() {
        let def = field.def();
        if field == Field::Subjects {
            for (at, subject) in value.as_list().unwrap_or_default().iter().enumerate() {
                let id = subject.as_map().and_then(|map| map.get("id")).and_then(Value::as_text);
                push(format!("{SUBJECTS}{at}").into(), id, subject, values);
            }
        } else if def.class != Class::Plain {
            push(def.path.into(), person(event, def.class), value, values);
        }
    }
    for param in event.params().iter().filter(|param| param.class != Class::Plain) {
        push(format!("{PARAMS}{}", param.name).into(), person(event, param.class), &param.value, values);
    }
    entries
}

/// Encodes the map of all plain values; keys ascend as bytes.
fn plain_item(event: &Event, values: &mut Vec<u8>) -> Range<usize> {
    let plain_fields = event
        .fields()
        .filter(|(field, _)| field.def().class == Class::Plain && *field != Field::ProducerSeq)
        .map(|(field, value)| (Cow::from(field.path()), value));
    let plain_params = event
        .params()
        .iter()
        .filter(|param| param.class == Class::Plain)
        .map(|param| (Cow::from(format!("{PARAMS}{}", param.name)), &param.value));
    let mut plain: Vec<(Cow<'_, str>, &Value)> = Vec::with_capacity(24);
    plain.extend(plain_fields);
    plain.extend(plain_params);
    plain.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let start = values.len();
    encode_map_head(plain.len(), values);
    for (key, value) in plain {
        encode_key(&key, values);
        value.encode(values);
    }
    start..values.len()
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
        let own = SaltKey::new(&self.event_salt);
        let mut last: Option<SubjectKey> = None;
        let mut commitments = Vec::with_capacity(self.items.len());
        for item in &self.items {
            commitments.push(match item.state {
                ItemState::Clear(value) => commitment(&own.salt(id, item.path), item.path, value),
                ItemState::Personal(key_id, value) => {
                    if last.as_ref().is_none_or(|key| key.id != key_id) {
                        last = Some(keys(&key_id).ok_or(key_id)?);
                    }
                    let key = last.as_ref().expect("set above");
                    commitment(&key.key.salt(id, item.path), item.path, value)
                }
                ItemState::Committed(commitment) => commitment,
                ItemState::Disclosed(salt, value) => commitment(&salt, item.path, value),
            });
        }
        Ok(body_hash(self.items.iter().zip(commitments).map(|(item, c)| (item.path, c))))
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
        let own = SaltKey::new(&self.event_salt);
        for item in &self.items {
            encode_key(item.path, &mut out);
            let (salt, value) = match item.state {
                ItemState::Committed(commitment) => {
                    out.push(ItemState::COMMITTED);
                    out.extend_from_slice(&commitment);
                    continue;
                }
                ItemState::Clear(value) => (own.salt(id, item.path), value),
                ItemState::Personal(key, value) => (keys(&key).ok_or(key)?.key.salt(id, item.path), value),
                ItemState::Disclosed(salt, value) => (salt, value),
            };
            if disclose(item.path) {
                out.push(ItemState::DISCLOSED);
                out.extend_from_slice(&salt);
                out.extend_from_slice(&(value.len() as u32).to_be_bytes());
                out.extend_from_slice(value);
            } else {
                out.push(ItemState::COMMITTED);
                out.extend_from_slice(&commitment(&salt, item.path, value));
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
