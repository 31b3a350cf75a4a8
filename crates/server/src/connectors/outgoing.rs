//! In what form an event leaves, and which of its fields do.
//!
//! What nobody asked for stays: personal fields, and free text that may hold such, leave only when the route says so.

use indelible_catalog::routing::Template;
use indelible_connect::delivery::Message;
use indelible_connect::destination::{Encoding, Personal, Route};
use indelible_event::{Class, Event, Field, Time, Value};
use indelible_formats::outgoing::Outgoing;
use indelible_search::Hit;

use crate::app::App;
use crate::event_json::{self, Shown};

/// Fields of no personal class that may hold anything, or hold records of people.
const FREE: [Field; 5] = [Field::Reason, Field::Message, Field::OnBehalfOf, Field::Others, Field::Extra];

/// An event as it leaves, and what of it does.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) message: Message,
    /// Paths whose values leave.
    pub(crate) sent: Vec<String>,
    /// Paths that leave as a fingerprint.
    pub(crate) pseudonyms: Vec<String>,
    /// Paths that stay.
    pub(crate) withheld: Vec<String>,
}

/// What becomes of one path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Sent,
    Pseudonym,
    Withheld,
}

/// Puts an event into words; the second value says why that cannot be done.
pub(crate) fn leaving(
    app: &App,
    organization: &str,
    (route, template): (&Route, &Template),
    hit: &Hit,
) -> Result<Leaving, (Message, String)> {
    let message = |routing_key: String, content_type, body| Message {
        index: hit.index,
        id: hit.leaf.id.to_string(),
        routing_key,
        content_type,
        body,
    };
    let (whole, erased) = event_json::read(&hit.leaf, &hit.stored).map_err(|error| {
        (message(String::new(), "", Vec::new()), format!("the event cannot be read: {error}"))
    })?;
    let catalogs = app.catalogs();
    let catalog = whole.text(Field::Catalog).and_then(|id| catalogs.get(id));
    let routing_key = template.key_of(&whole, catalog.map(AsRef::as_ref), organization);
    let masked = mask(app, route, &whole);
    let (content_type, body) = match route.encoding {
        Encoding::Indelible => {
            let (leaf, event) = (hit.leaf.encode(), &masked.event);
            let mut json = String::with_capacity(1024);
            let shown =
                Shown { organization, index: hit.index, leaf: &leaf, event, erased: &erased, raw: true };
            event_json::write(&mut json, &catalogs, &shown);
            ("application/json", json)
        }
        other => {
            let received = i64::try_from(hit.leaf.received_ns).unwrap_or(i64::MAX);
            let (id, title) = (hit.leaf.id.to_string(), event_json::title(&catalogs, &whole));
            let outgoing = Outgoing {
                organization,
                index: hit.index,
                id: &id,
                received: Time::from_unix_nanos(received),
                title: &title,
                routing_key: &routing_key,
                event: &masked.event,
            };
            encoded(other, &outgoing)
        }
    };
    let message = message(routing_key, content_type, body.into_bytes());
    Ok(Leaving { message, sent: masked.sent, pseudonyms: masked.pseudonyms, withheld: masked.withheld })
}

fn encoded(encoding: Encoding, outgoing: &Outgoing<'_>) -> (&'static str, String) {
    match encoding {
        Encoding::CloudEvents => ("application/cloudevents+json", outgoing.cloud_event()),
        Encoding::Cef => ("text/plain", outgoing.cef()),
        Encoding::Netop => ("text/csv", outgoing.netop()),
        Encoding::MinVws | Encoding::Indelible => ("application/json", outgoing.minvws()),
    }
}

struct Masked {
    event: Event,
    sent: Vec<String>,
    pseudonyms: Vec<String>,
    withheld: Vec<String>,
}

fn mask(app: &App, route: &Route, whole: &Event) -> Masked {
    let mut masked =
        Masked { event: whole.clone(), sent: Vec::new(), pseudonyms: Vec::new(), withheld: Vec::new() };
    for (field, value) in whole.fields() {
        let personal = matches!(field.def().class, Class::Personal(_));
        let fate =
            fate(route, field.path(), personal || FREE.contains(&field), personal && field != Field::Raw);
        match (fate, value) {
            (Fate::Pseudonym, Value::Text(text)) => masked.event.set(field, pseudonym(app, text)),
            (Fate::Sent, _) => {}
            _ => drop(masked.event.remove(field)),
        }
        masked.note(field.path().to_owned(), fate, matches!(value, Value::Text(_)));
    }
    for param in whole.params() {
        let (path, personal) = (format!("params.{}", param.name), matches!(param.class, Class::Personal(_)));
        let fate = fate(route, &path, personal, personal);
        match (fate, &param.value) {
            (Fate::Pseudonym, Value::Text(text)) => {
                let value = pseudonym(app, text).into();
                masked.event.set_param(indelible_event::Param { value, ..param.clone() });
            }
            (Fate::Sent, _) => {}
            _ => drop(masked.event.remove_param(&param.name)),
        }
        masked.note(path, fate, matches!(param.value, Value::Text(_)));
    }
    masked
}

impl Masked {
    fn note(&mut self, path: String, fate: Fate, is_text: bool) {
        match fate {
            Fate::Sent => self.sent.push(path),
            Fate::Pseudonym if is_text => self.pseudonyms.push(path),
            Fate::Pseudonym | Fate::Withheld => self.withheld.push(path),
        }
    }
}

/// What a route says of a path; what it names itself comes first, and to withhold before to send.
fn fate(route: &Route, path: &str, guarded: bool, has_pseudonym: bool) -> Fate {
    let names = |paths: &[String]| {
        paths.iter().any(|named| {
            path == named || path.strip_prefix(named.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    if names(&route.withhold) {
        return Fate::Withheld;
    }
    if !guarded || names(&route.send) {
        return Fate::Sent;
    }
    match route.personal {
        Personal::Send => Fate::Sent,
        Personal::Pseudonym if has_pseudonym => Fate::Pseudonym,
        Personal::Pseudonym | Personal::Withhold => Fate::Withheld,
    }
}

/// The same for the same text, and nobody without our key can tell for which.
fn pseudonym(app: &App, text: &str) -> String {
    let digest = app.store.digest(&[b"pseudonym of a route", text.as_bytes()]);
    digest.iter().fold("pn-".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
