//! The published vectors of the event format, built from cases written down here. Shared by the test that compares them
//! with `tests/vectors/event.json` and the example that writes that file; must never read the file itself.

mod cases;
mod json;

use indelible_event::{EventId, EventSalt, Hash, ItemState, Leaf, StoredBody, SubjectKey};
use serde_json::Value as Json;

/// A subject key of the vectors: byte `n` makes its id, the byte's complement its key.
pub(crate) struct PersonKey {
    /// The identifier that stands in events.
    pub(crate) subject: &'static str,
    /// Every byte of the key's id.
    pub(crate) byte: u8,
}

/// The people who appear in the events.
pub(crate) const PEOPLE: [PersonKey; 4] = [
    PersonKey { subject: "u1", byte: 0x11 },
    PersonKey { subject: "patient-7", byte: 0x22 },
    PersonKey { subject: "patient-8", byte: 0x33 },
    PersonKey { subject: "a@example.org", byte: 0x44 },
];

impl PersonKey {
    /// The key's name.
    pub(crate) fn id(&self) -> [u8; 16] {
        [self.byte; 16]
    }

    /// The 32 bytes.
    pub(crate) fn key(&self) -> [u8; 32] {
        // The worked example of the format was published with a key of 2s before there were others.
        if self.byte == 0x44 { [2; 32] } else { [!self.byte; 32] }
    }

    fn subject_key(&self) -> SubjectKey {
        SubjectKey::new(self.id(), &self.key())
    }
}

/// The key of a person who appears in the events.
pub(crate) fn key_of(subject: &str) -> SubjectKey {
    PEOPLE.iter().find(|person| person.subject == subject).unwrap().subject_key()
}

/// The key with a name.
pub(crate) fn find_key(id: &[u8; 16]) -> Option<SubjectKey> {
    PEOPLE.iter().find(|person| person.id() == *id).map(PersonKey::subject_key)
}

/// One event of the vectors.
pub(crate) struct Case {
    /// What it shows.
    pub(crate) name: &'static str,
    /// Its id.
    pub(crate) id: EventId,
    /// The stored body as it was recorded.
    pub(crate) stored: Vec<u8>,
    /// The leaf.
    pub(crate) leaf: Leaf,
    /// Later forms of the stored body: what happened to it, and the bytes.
    pub(crate) later: Vec<(&'static str, Vec<u8>)>,
    /// Choices of items to disclose.
    pub(crate) disclose: Vec<Vec<&'static str>>,
}

/// What is to become of one item of a stored body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Erase,
    SpellOut,
}

/// Rewrites a stored body as an erasure does. The hash must not move.
fn rewrite(
    id: EventId,
    stored: &[u8],
    drop_salt: bool,
    fate: impl Fn(&str, ItemState<'_>) -> Fate,
) -> Vec<u8> {
    let body = StoredBody::decode(stored).unwrap();
    let mut out = vec![1];
    let salt: EventSalt = if drop_salt { [0; 16] } else { body.event_salt };
    out.extend_from_slice(&salt);
    out.extend_from_slice(&u16::try_from(body.items.len()).unwrap().to_be_bytes());
    for item in &body.items {
        out.extend_from_slice(&u16::try_from(item.path.len()).unwrap().to_be_bytes());
        out.extend_from_slice(item.path.as_bytes());
        let (item_salt, value) = salted(id, body.event_salt, item.path, item.state);
        match (fate(item.path, item.state), item.state) {
            (Fate::Erase, _) => {
                out.push(2);
                out.extend_from_slice(&indelible_event::commitment(&item_salt, item.path, value));
            }
            (Fate::SpellOut, _) => {
                out.push(3);
                out.extend_from_slice(&item_salt);
                put_value(&mut out, value);
            }
            (Fate::Keep, ItemState::Personal(key, _)) => {
                out.push(1);
                out.extend_from_slice(&key);
                put_value(&mut out, value);
            }
            (Fate::Keep, _) => {
                out.push(0);
                put_value(&mut out, value);
            }
        }
    }
    out
}

fn put_value(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
    out.extend_from_slice(value);
}

/// Salt and value of an item that is still there.
fn salted<'a>(id: EventId, event_salt: EventSalt, path: &str, state: ItemState<'a>) -> (Hash, &'a [u8]) {
    match state {
        ItemState::Clear(value) => (indelible_event::salt(&event_salt, id, path), value),
        ItemState::Personal(key, value) => {
            let key = PEOPLE.iter().find(|person| person.id() == key).unwrap().key();
            (indelible_event::salt(&key, id, path), value)
        }
        ItemState::Disclosed(salt, value) => (salt, value),
        ItemState::Committed(_) => panic!("the vectors erase nothing twice"),
    }
}

/// The whole document.
pub(crate) fn document() -> Json {
    json::document(&cases::values(), &cases::refused(), &cases::events())
}

/// The document as the file holds it.
pub(crate) fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap();
    text.push('\n');
    text
}
