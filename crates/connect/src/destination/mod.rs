//! Destinations: one file each, with its settings and what it does with messages. A new one is a file, a variant of [`To`]
//! and a row of [`To::KINDS`].

pub mod amqp;
pub mod file;
pub mod syslog;
pub mod webhook;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::delivery::Destination;
use crate::settings::{Row, settings};

/// Nanoseconds since 1970, from whoever has a clock.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A kind of destination, as its reference page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it can be told.
    pub rows: &'static [Row],
}

/// Where a route delivers to: the kind, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// A file of this machine.
    File(file::File),
    /// An address that takes HTTP requests.
    Webhook(webhook::Webhook),
    /// An exchange of a message broker.
    Amqp(amqp::Amqp),
    /// A syslog receiver.
    Syslog(syslog::Syslog),
}

impl To {
    /// Every kind.
    pub const KINDS: [Kind; 4] = [
        Kind { name: "file", about: file::File::ABOUT, rows: file::File::ROWS },
        Kind { name: "webhook", about: webhook::Webhook::ABOUT, rows: webhook::Webhook::ROWS },
        Kind { name: "amqp", about: amqp::Amqp::ABOUT, rows: amqp::Amqp::ROWS },
        Kind { name: "syslog", about: syslog::Syslog::ABOUT, rows: syslog::Syslog::ROWS },
    ];

    /// Name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Webhook(_) => "webhook",
            Self::Amqp(_) => "amqp",
            Self::Syslog(_) => "syslog",
        }
    }

    /// Where it goes, in a few words and without secrets.
    pub fn place(&self) -> String {
        match self {
            Self::File(file) => file.path.clone(),
            Self::Webhook(webhook) => webhook.url.clone(),
            Self::Amqp(amqp) => format!("{} {}", amqp.address, amqp.exchange),
            Self::Syslog(syslog) => format!("{} {}", syslog.transport.word(), syslog.address),
        }
    }

    /// Whether it reaches into this machine or its networks, which is for administrators of the node to allow.
    pub fn is_internal(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Webhook(webhook) => webhook.allow_internal || !webhook.ca_file.is_empty(),
            Self::Amqp(amqp) => amqp.allow_internal,
            Self::Syslog(syslog) => syslog.allow_internal || !syslog.ca_file.is_empty(),
        }
    }

    /// Refuses what cannot work, with a sentence.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::File(file) => file.check(),
            Self::Webhook(webhook) => webhook.check(),
            Self::Amqp(amqp) => amqp.check(),
            Self::Syslog(syslog) => syslog.check(),
        }
    }

    /// Makes what was left to be made here from fresh randomness; a secret that is made is given back, to be shown once.
    pub fn complete(&mut self, random: [u8; 32]) -> Option<String> {
        match self {
            Self::Webhook(webhook) if webhook.secret.is_empty() => {
                webhook.secret = webhook::secret(random);
                Some(webhook.secret.clone())
            }
            _ => None,
        }
    }

    /// Makes it ready; it connects when it is first needed.
    pub fn open(&self, clock: Clock) -> Result<Box<dyn Destination>, String> {
        Ok(match self {
            Self::File(file) => Box::new(file::Appender::new(file.clone())),
            Self::Webhook(webhook) => Box::new(webhook::Poster::new(webhook.clone(), clock)?),
            Self::Amqp(amqp) => Box::new(amqp::Publisher::new(amqp.clone())),
            Self::Syslog(syslog) => Box::new(syslog::Sender::new(syslog.clone(), clock)?),
        })
    }
}

/// In what form an event leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// The event as our API shows it.
    Indelible,
    /// CloudEvents 1.0, structured.
    CloudEvents,
    /// Common Event Format.
    Cef,
    /// The payload of the MinVWS audit library.
    MinVws,
    /// Netop's fourteen columns as a CSV row.
    Netop,
}

/// What happens to personal fields that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Personal {
    /// They do not leave.
    Withhold,
    /// A keyed fingerprint leaves in their place: the same person has the same one, and nobody else can make it.
    Pseudonym,
    /// They leave.
    Send,
}

/// Most events handed over at once.
const MAX_BATCH: usize = 1_000;
/// Most paths that a route names.
const MAX_PATHS: usize = 100;

settings! {
    /// What is said of a route, whatever its destination.
    Route {
        /// Query that selects what is sent; everything when empty. Accounts and event types are selected by it, too:
        /// `account:a,b code:091111,094444`.
        filter: String = String::new(),
        /// Template of the routing key. Names in braces are filled in: organization, account, catalog, app, group, entity,
        /// action, code, crude, outcome, and key: the routing key that the catalog gives the type, else `entity_action`.
        routing_key: String = "{organization}.{catalog}.{key}".to_owned(),
        /// `indelible`, `cloudevents`, `cef`, `minvws` or `netop`.
        encoding: Encoding = Encoding::Indelible,
        /// Personal fields, and free text that may hold such: `withhold`, `pseudonym` or `send`.
        personal: Personal = Personal::Withhold,
        /// Paths that leave all the same, such as `actor.id`.
        send: Vec<String> = Vec::new(),
        /// Paths that never leave, such as `origin`.
        withhold: Vec<String> = Vec::new(),
        /// Whether events of this program's own catalog are sent, too.
        own_events: bool = false,
        /// Most events handed over at once.
        batch: usize = 200,
        /// The kind of destination with its own settings, such as `{"file": {"path": "/var/log/audit.ndjson"}}`.
        to: Option<To> = None,
    }
}

impl Route {
    /// Where it delivers to; refuses what cannot work, with a sentence.
    pub fn check(&self) -> Result<&To, String> {
        let to = self.to.as_ref().ok_or("say where to, such as {\"webhook\": {\"url\": \"https://…\"}}")?;
        if self.batch == 0 || self.batch > MAX_BATCH {
            return Err(format!("batch must be 1 to {MAX_BATCH}"));
        }
        if self.send.len() + self.withhold.len() > MAX_PATHS {
            return Err(format!("send and withhold name at most {MAX_PATHS} paths"));
        }
        to.check().map(|()| to)
    }
}

/// Splits `host:port`.
pub(crate) fn host_and_port(address: &str) -> Result<(&str, u16), String> {
    let said = || format!("{address:?} is not an address and port such as log.example.org:6514");
    let (host, port) = address.rsplit_once(':').ok_or_else(said)?;
    let port = port.parse().map_err(|_| said())?;
    if host.is_empty() || host.contains(['/', '@', ' ']) { Err(said()) } else { Ok((host, port)) }
}
