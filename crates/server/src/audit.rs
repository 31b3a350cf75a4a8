//! Our own events: what administrators and readers do here is recorded like everything else, in the catalog
//! `indelible`, by a producer of our own that numbers its events.
//!
//! Reads are recorded without waiting; changes answer only after their event is committed.

use indelible_control::{Person, Principal};
use indelible_event::{Class, Event, Field, Map, Param, Time, Value};
use indelible_store::log_no::LogNo;

use crate::app::{App, Shared};
use crate::http::Caller;
use crate::intake::{self, Origin};
use crate::problem::Problem;

/// Something done here, to be recorded.
#[derive(Debug)]
pub(crate) struct Act(Event);

impl Act {
    /// An act of the catalog `indelible`, by its code.
    pub(crate) fn new(code: &'static str) -> Self {
        let mut event = Event::new();
        event.set(Field::Catalog, "indelible");
        event.set(Field::Code, code);
        event.set(Field::Outcome, "success");
        event.set(Field::ActorId, "indelible");
        event.set(Field::ActorKind, "system");
        Self(event)
    }

    /// Done by the holder of a key, or by a person.
    pub(crate) fn by(mut self, principal: &Principal) -> Self {
        self.0.set(Field::ActorId, principal.id());
        self.0.set(Field::ActorKind, if principal.person().is_some() { "user" } else { "service" });
        self.0.set(Field::ActorAuth, proof_of(principal));
        if !principal.name().is_empty() {
            self.0.set(Field::ActorName, principal.name());
        }
        self
    }

    /// Done by a person who is not let in yet, or no more.
    pub(crate) fn by_person(mut self, person: &Person) -> Self {
        self.0.set(Field::ActorId, person.id.as_str());
        self.0.set(Field::ActorKind, "user");
        self.0.set(Field::ActorName, person.name.as_str());
        self
    }

    /// Asked for from an address, in a request, perhaps in a session of the console.
    pub(crate) fn from(mut self, caller: &Caller) -> Self {
        self.0.set(Field::OriginAddress, caller.address.to_string());
        self.0.set(Field::RequestId, caller.request.as_str());
        if let Some(session) = &caller.session {
            self.0.set(Field::SessionId, session.as_str());
            self.0.set(Field::SessionKind, "user");
        }
        self
    }

    /// Tried and not done, for this reason.
    pub(crate) fn failed(mut self, reason: &str) -> Self {
        self.0.set(Field::Outcome, "failure");
        self.0.set(Field::Reason, clip(reason, 1024));
        self
    }

    /// With another outcome than success or failure.
    pub(crate) fn outcome(mut self, word: &'static str) -> Self {
        self.0.set(Field::Outcome, word);
        self
    }

    /// Done by somebody who has not said who it is.
    pub(crate) fn by_nobody(mut self) -> Self {
        self.0.set(Field::ActorId, "anonymous");
        self.0.set(Field::ActorKind, "anonymous");
        self
    }

    pub(crate) fn target(mut self, kind: &str, id: &str) -> Self {
        let pairs = [("id", clip(id, 1024)), ("kind", kind)];
        let target: Map = pairs.into_iter().fold(Map::new(), |mut map, (name, value)| {
            map.insert(name.to_owned(), value.into());
            map
        });
        let mut targets = match self.0.remove(Field::Targets) {
            Some(Value::List(targets)) => targets,
            _ => Vec::new(),
        };
        targets.push(Value::Map(target));
        self.0.set(Field::Targets, targets);
        self
    }

    pub(crate) fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.set_param(Param { name: name.to_owned(), class: Class::Plain, value: value.into() });
        self
    }

    /// With a sentence.
    pub(crate) fn saying(mut self, sentence: &str) -> Self {
        self.0.set(Field::Message, clip(sentence, 8_192));
        self
    }

    pub(crate) fn change(mut self, path: &str, old: String, new: String) -> Self {
        let mut change = Map::new();
        for (name, value) in [("path", path.to_owned()), ("old", old), ("new", new)] {
            change.insert(name.to_owned(), Value::Text(value));
        }
        match self.0.get_mut(Field::Changes) {
            Some(Value::List(changes)) => changes.push(Value::Map(change)),
            _ => self.0.set(Field::Changes, vec![Value::Map(change)]),
        }
        self
    }
}

/// How a principal showed who it is.
pub(crate) fn proof_of(principal: &Principal) -> &'static str {
    match (principal.key_id(), principal.person()) {
        (Some(_), None) if principal.certificate().is_some_and(|binding| binding.alone) => "certificate",
        (Some(_), None) if principal.certificate().is_some() => "api-key+certificate",
        (Some(_), _) => "api-key",
        (None, Some(person)) if person.has_totp => "passphrase+totp",
        (None, _) => "passphrase",
    }
}

/// The beginning of a text, whole characters only.
fn clip(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}

impl App {
    /// Records an act without waiting for it; a failure goes to our log.
    pub(crate) fn record(self: &Shared, log: LogNo, act: Act) {
        let app = Shared::clone(self);
        tokio::spawn(async move {
            if let Err(problem) = app.record_and_wait(log, act).await {
                tracing::error!(problem = %problem.detail, "an own event was not recorded");
            }
        });
    }

    /// Records an act and waits until it is durable.
    pub(crate) async fn record_and_wait(&self, log: LogNo, act: Act) -> Result<(), Problem> {
        self.record_at(log, act).await.map(|_| ())
    }

    /// The same; the index that its event has.
    pub(crate) async fn record_at(&self, log: LogNo, act: Act) -> Result<u64, Problem> {
        let Act(mut event) = act;
        event.set(Field::OccurredAt, Time::from_unix_nanos(self.clock.now_ns()));
        event.set(Field::ProducerName, "indelible");
        event.set(Field::ProducerInstance, self.run.as_str());
        intake::record_own(self, Origin { log }, event).await
    }
}
