//! An event as the API, the command line and exports show it: its fields, its type's words, its place in the log.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible_catalog::catalog::Registry;
use indelible_event::{Event, Field, LEAF_BYTES, Leaf, StoredBody, Time, Value};
use indelible_formats::{json_out, rfc3339};

/// What is shown of one event of a log.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The organization whose log it is in.
    pub organization: &'a str,
    /// Its position there.
    pub index: u64,
    /// Its encoded leaf.
    pub leaf: &'a [u8; LEAF_BYTES],
    /// The event.
    pub event: &'a Event,
    /// Paths of items whose values are gone.
    pub erased: &'a [&'a str],
    /// Show the form it was received in.
    pub raw: bool,
}

/// Reads a stored body into an event, with its producer's number, and the paths of erased items.
pub fn read<'a>(
    leaf: &Leaf,
    stored: &'a [u8],
) -> Result<(Event, Vec<&'a str>), indelible_event::DecodeError> {
    let body = StoredBody::decode(stored)?;
    let mut event = indelible_event::read_event(&body)?;
    if leaf.sequence != 0 {
        let number = i64::try_from(leaf.sequence)
            .map_or_else(|_| Value::Decimal(leaf.sequence.to_string()), Value::Int);
        event.set(Field::ProducerSeq, number);
    }
    Ok((event, body.erased().collect()))
}

/// Appends one event as a JSON object.
pub fn write(out: &mut String, catalogs: &Registry, shown: &Shown<'_>) {
    let Ok(leaf) = Leaf::decode(shown.leaf) else { return };
    push(write!(out, r#"{{"id":"{}","organization":"#, leaf.id));
    json_out::string(out, shown.organization);
    push(write!(out, r#","index":{},"received_at":""#, shown.index));
    rfc3339::write(out, Time::from_unix_nanos(i64::try_from(leaf.received_ns).unwrap_or(i64::MAX)));
    out.push_str("\",");
    let without_raw = (!shown.raw && shown.event.get(Field::Raw).is_some()).then(|| {
        let mut event = shown.event.clone();
        event.remove(Field::Raw);
        event
    });
    json_out::event_members(out, without_raw.as_ref().unwrap_or(shown.event));
    write_type(out, catalogs, shown.event);
    if !shown.erased.is_empty() {
        push(write!(out, r#","erased":{}"#, serde_json::json!(shown.erased)));
    }
    out.push_str(r#","leaf":""#);
    STANDARD.encode_string(shown.leaf, out);
    out.push_str("\"}");
}

/// The title of an event's type, or its code when the catalog does not know it.
pub fn title(catalogs: &Registry, event: &Event) -> String {
    let code = event.text(Field::Code).unwrap_or_default();
    let catalog = event.text(Field::Catalog).and_then(|id| catalogs.get(id));
    match catalog.and_then(|catalog| catalog.type_by_code(code)) {
        Some(of) => of.title.clone(),
        None => code.to_owned(),
    }
}

/// One sentence: who did what to what, with what outcome.
pub fn sentence(catalogs: &Registry, event: &Event) -> String {
    let mut text = title(catalogs, event);
    if text.is_empty() {
        // Without a code there are only the sender's own words.
        text.push_str(event.text(Field::Message).unwrap_or("event without a code"));
    }
    let first = |field, member: &str| {
        let value = event.get(field)?.as_list()?.first()?.as_map()?.get(member)?.as_text()?;
        Some(value.to_owned())
    };
    if let Some(target) = first(Field::Targets, "name").or_else(|| first(Field::Targets, "id")) {
        text.push_str(": ");
        text.push_str(&target);
    }
    let actor = [Field::ActorName, Field::ActorId, Field::ActorEmail].into_iter().find_map(|f| event.text(f));
    if let Some(actor) = actor.or(event.text(Field::ActorKind)) {
        text.push_str(", by ");
        text.push_str(actor);
    }
    if event.text(Field::Outcome) == Some("failure") {
        text.push_str(" (failed)");
    }
    text
}

fn write_type(out: &mut String, catalogs: &Registry, event: &Event) {
    out.push_str(r#","title":"#);
    json_out::string(out, &title(catalogs, event));
    out.push_str(r#","sentence":"#);
    json_out::string(out, &sentence(catalogs, event));
}

fn push(written: std::fmt::Result) {
    written.expect("a String takes all");
}
