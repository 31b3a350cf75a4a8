//! What takes events in by itself, what is sent on, and the deliveries that wait for a person.

use std::sync::Arc;

use askama::Template;

use crate::frame::Frame;
use crate::notice::Notice;

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "connections.html")]
pub struct Connections {
    /// Around it.
    pub frame: Frame,
    /// Goes with every form.
    pub csrf: String,
    /// What the last form left to say.
    pub notice: Option<Arc<Notice>>,
    /// The organization.
    pub org: String,
    /// Zone of the times.
    pub zone: String,
    /// What takes events in.
    pub sources: Vec<Source>,
    /// What is sent on.
    pub routes: Vec<Route>,
    /// Deliveries that wait.
    pub parked: Vec<Parked>,
    /// Whether the visitor may pause and resume sources.
    pub may_sources: bool,
    /// Whether the visitor may pause and resume routes, and settle deliveries.
    pub may_routes: bool,
}

/// A source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Kind and address.
    pub place: String,
    /// What records are.
    pub format: String,
    /// listening, quiet, paused, failed or stopped.
    pub state: String,
    /// Why it does not listen, if it should.
    pub fault: String,
    /// Records received since it started.
    pub received: u64,
    /// Events stored.
    pub stored: u64,
    /// Events in quarantine.
    pub quarantined: u64,
    /// Refused, each reason with its count.
    pub refused: Vec<(String, u64)>,
    /// When something came last, if it did.
    pub seen: String,
    /// Its events.
    pub href: String,
}

/// A route.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Kind of destination and where it is.
    pub place: String,
    /// What it selects.
    pub filter: String,
    /// Form of events, and what becomes of personal fields.
    pub form: String,
    /// running, waiting, paused or failed.
    pub state: String,
    /// What keeps it.
    pub fault: String,
    /// Events behind the end of the log.
    pub lag: u64,
    /// Events delivered since it started.
    pub delivered: u64,
    /// When the last one was, if one was.
    pub last: String,
    /// Deliveries that wait for a person.
    pub parked: u64,
}

/// A delivery that waits for a person.
#[derive(Clone, Debug, Default)]
pub struct Parked {
    /// Its route.
    pub route: String,
    /// Position of the event.
    pub index: u64,
    /// What the destination said.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u64,
    /// Since when.
    pub since: String,
    /// The event.
    pub href: String,
}
