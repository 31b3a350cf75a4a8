//! Events as rows, with links on their values that narrow the search they were found by.

use std::sync::Arc;

use indelible_catalog::catalog::Registry;
use indelible_catalog::spans::first_target_member;
use indelible_console::row::{Row, Stamp, Value};
use indelible_event::{Event, Field, Leaf};
use indelible_query::{EventQuery, FieldRef, Instant, Scalar, Test};

use super::search::Search;
use super::timeline::Joined;
use super::times::Zone;
use crate::event_json;
use crate::problem::Problem;

/// Most findings that are named in a row; the event's page has them all.
const MAX_FLAGS: usize = 3;

/// Makes rows and links for one page.
pub(crate) struct Painter {
    pub(crate) catalogs: Arc<Registry>,
    pub(crate) zone: Zone,
    /// The search that links start from,
    pub(crate) search: Search,
    /// and its query.
    pub(crate) query: EventQuery,
}

/// When an event happened, or was received if it does not say.
pub(crate) fn occurred(event: &Event, leaf: &Leaf) -> Instant {
    event.time(Field::OccurredAt).map_or(Instant(i128::from(leaf.received_ns)), Instant::from)
}

/// A member of the first of an event's targets, and how many there are.
pub(crate) fn first_target(event: &Event) -> (Option<String>, usize) {
    let targets = event.get(Field::Targets).and_then(|targets| targets.as_list()).unwrap_or_default();
    let text = |member: &str| {
        let text = targets.first()?.as_map()?.get(member)?.as_text()?;
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    (text("name").or_else(|| text("id")), targets.len())
}

/// What queries know the first of an event's targets by: its id, else its name.
pub(crate) fn target_id(event: &Event) -> Option<String> {
    first_target_member(event, "id").or_else(|| first_target_member(event, "name"))
}

/// Who acted, by the name that people know.
pub(crate) fn actor(event: &Event) -> Option<&str> {
    let fields = [Field::ActorName, Field::ActorEmail, Field::ActorId];
    fields.into_iter().find_map(|field| event.text(field).filter(|text| !text.is_empty()))
}

/// Where an act came from.
pub(crate) fn origin(event: &Event) -> Option<(&'static str, &str)> {
    let fields = [
        ("origin.ip", Field::OriginAddress),
        ("origin.public_address", Field::OriginPublicAddress),
        ("host", Field::OriginHost),
    ];
    let found = fields.into_iter().find_map(|(name, field)| Some((name, event.text(field)?)));
    found.filter(|(_, text)| !text.is_empty())
}

/// A test for just this value.
pub(crate) fn is(value: &str) -> Test {
    Test::Is(Scalar::Text(value.to_owned()))
}

impl Painter {
    /// One that knows no catalogs and no search: for values that nothing is asked about.
    pub(crate) fn plain() -> Self {
        let (search, query) = (Search::default(), EventQuery::default());
        Self { catalogs: Arc::new(Registry::default()), zone: Zone::default(), search, query }
    }

    /// A stored event as a row.
    pub(crate) fn stored(&self, index: u64, leaf: &Leaf, stored: &[u8]) -> Result<Row, Problem> {
        let (event, _) = event_json::read(leaf, stored).map_err(|error| Problem::internal(&error))?;
        Ok(self.row(index, leaf, &event))
    }

    /// An event as a row.
    pub(crate) fn row(&self, index: u64, leaf: &Leaf, event: &Event) -> Row {
        let text = |field: Field| event.text(field).unwrap_or_default().to_owned();
        let (target, targets) = first_target(event);
        Row {
            href: self.href(index),
            at: self.stamp(event, leaf),
            crude: text(Field::Crude),
            title: self.title(event),
            catalog: text(Field::Catalog),
            code: text(Field::Code),
            flags: event.flags().take(MAX_FLAGS).map(str::to_owned).collect(),
            actor: actor(event).and_then(|actor| self.value("actor", actor)),
            target: target.and_then(|target| self.value("target", &target)),
            more_targets: targets.saturating_sub(1),
            outcome: text(Field::Outcome),
            origin: origin(event).and_then(|(name, text)| self.value(name, text)),
            timeline: Joined::of(&self.search.org, "session", event)
                .or_else(|| Joined::of(&self.search.org, "request", event))
                .map(|joined| joined.href()),
            here: false,
        }
    }

    /// The page of an event.
    pub(crate) fn href(&self, index: u64) -> String {
        format!("/o/{}/e/{index}", self.search.org)
    }

    /// When an event happened.
    pub(crate) fn stamp(&self, event: &Event, leaf: &Leaf) -> Stamp {
        self.zone.stamp(occurred(event, leaf))
    }

    /// What happened: the catalog's title, else the sender's words.
    pub(crate) fn title(&self, event: &Event) -> String {
        let title = event_json::title(&self.catalogs, event);
        if title.is_empty() || Some(title.as_str()) == event.text(Field::Code) {
            return event.text(Field::Message).unwrap_or(&title).to_owned();
        }
        title
    }

    /// A value that can be clicked; none if queries cannot ask for it.
    pub(crate) fn value(&self, field: &str, text: &str) -> Option<Value> {
        let field = FieldRef::named(field)?;
        let test = Test::literal(&field, text)?;
        Some(Value {
            text: text.to_owned(),
            include: self.search.with(&self.query.include(&field, &test)).href(),
            exclude: self.search.with(&self.query.exclude(&field, &test)).href(),
        })
    }
}
