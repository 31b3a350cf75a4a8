//! What a catalog says begins and ends, found in events that stand in the order of their time.

use std::collections::HashMap;

use indelible_event::{Event, Field};

use crate::catalog::Registry;
use crate::event_type::Pair;

/// Most fields that join a beginning with its end.
const MAX_KEYS: usize = 4;

/// What an event is among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// It begins something, which ends with the event at a position, if one does.
    Begins(Option<usize>),
    /// It ends something that was begun.
    Ends,
}

/// What waits for its end: catalog, code of the end, and values that join the two.
type Key = (String, String, Vec<String>);

/// The events that begin and end something, by position. An end belongs to the last beginning that it fits.
pub fn spans<'e>(events: impl Iterator<Item = &'e Event>, registry: &Registry) -> HashMap<usize, Span> {
    let mut waiting: HashMap<Key, Vec<usize>> = HashMap::new();
    let mut joined_by: HashMap<(String, String), Vec<String>> = HashMap::new();
    let mut found = HashMap::new();
    for (at, event) in events.enumerate() {
        let text = |field: Field| event.text(field).unwrap_or_default().to_owned();
        let (catalog, code) = (text(Field::Catalog), text(Field::Code));
        if let Some(by) = joined_by.get(&(catalog.clone(), code.clone())) {
            let key = values(by, event).map(|values| (catalog.clone(), code.clone(), values));
            let begin = key.and_then(|key| waiting.get_mut(&key)?.pop());
            if let Some(begin) = begin {
                found.insert(begin, Span::Begins(Some(at)));
                found.insert(at, Span::Ends);
                continue;
            }
        }
        let of = registry.get(&catalog).and_then(|known| known.type_by_code(&code));
        let Some(Pair { stop, by }) = of.and_then(|of| of.pair.as_ref()) else { continue };
        joined_by.entry((catalog.clone(), stop.clone())).or_insert_with(|| by.clone());
        if let Some(values) = values(by, event) {
            waiting.entry((catalog, stop.clone(), values)).or_default().push(at);
            found.insert(at, Span::Begins(None));
        }
    }
    found
}

/// What joins a beginning with its end; none where a value is blank, for a blank joins nothing.
fn values(by: &[String], event: &Event) -> Option<Vec<String>> {
    let session = ["session.id".to_owned()];
    let by = if by.is_empty() { &session } else { by };
    let value = |path: &String| match path.strip_prefix("targets[0].") {
        Some(member) => first_target_member(event, member),
        None => event.text(Field::by_path(path)?).map(str::to_owned).filter(|text| !text.trim().is_empty()),
    };
    by.iter().take(MAX_KEYS).map(value).collect()
}

/// A member of an event's first target; none where it is blank.
pub fn first_target_member(event: &Event, member: &str) -> Option<String> {
    let targets = event.get(Field::Targets).and_then(|targets| targets.as_list())?;
    let text = targets.first()?.as_map()?.get(member)?.as_text()?;
    Some(text.to_owned()).filter(|text| !text.trim().is_empty())
}
