//! What a catalog says begins and ends, out of the events of a timeline, and everything else as moments.

use std::collections::HashMap;

use indelible_catalog::event_type::{EventType, Pair};
use indelible_console::lanes::{Bar, Lane, Lanes, Mark, WHOLE};
use indelible_console::text::Text;
use indelible_event::{Event, Field};
use indelible_query::Instant;

use super::rows::Painter;
use super::timeline::Placed;
use super::times::lasting;
use crate::event_json;

/// Times below the line.
const TICKS: i128 = 5;
/// Most fields that join a beginning with its end.
const MAX_KEYS: usize = 4;

/// The picture, and whether something in it has no end.
pub(super) struct Spans {
    pub(super) lanes: Lanes,
    pub(super) open: bool,
}

/// What waits for its end: catalog, code of the end, and values that join the two.
type Key = (String, String, Vec<String>);

/// Events in lanes by entity, in the order in which entities come up.
pub(super) fn lanes(events: &[Placed], painter: &Painter, t: &Text) -> Spans {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Spans { lanes: Lanes::default(), open: false };
    };
    let line = Line { start: first.at.0, length: (last.at.0 - first.at.0).max(1) };
    let ends = ends(events, painter);
    let mut lanes: Vec<Lane> = Vec::new();
    let mut open = false;
    for (at, placed) in events.iter().enumerate() {
        let end = match ends.get(&at) {
            Some(Span::Ends) => continue,
            Some(Span::Begins(end)) => Some(*end),
            None => None,
        };
        let title = placed.event.text(Field::Entity).filter(|entity| !entity.is_empty()).unwrap_or("·");
        let lane = lanes.iter().position(|lane| lane.title == title).unwrap_or_else(|| {
            lanes.push(Lane { title: title.to_owned(), ..Lane::default() });
            lanes.len() - 1
        });
        let Some(lane) = lanes.get_mut(lane) else { continue };
        let bad = placed.event.text(Field::Outcome) == Some("failure");
        let (name, href) =
            (event_json::title(&painter.catalogs, &placed.event), painter.href(placed.hit.index));
        let when = painter.zone.second(placed.at);
        match end {
            None => lane.marks.push(Mark {
                at: line.place(placed.at),
                bad,
                label: format!("{when}: {name}"),
                href,
            }),
            Some(end) => {
                let end = end.and_then(|end| events.get(end)).map(|end| end.at);
                open |= end.is_none();
                let lasted = end.map(|end| lasting(seconds(end.0 - placed.at.0)));
                let lasted = lasted.unwrap_or_else(|| t.no_end_seen.to_owned());
                lane.bars.push(Bar {
                    from: line.place(placed.at),
                    to: end.map_or(WHOLE, |end| line.place(end)),
                    open: end.is_none(),
                    bad,
                    name: format!("{name}, {lasted}"),
                    label: format!("{when}: {name}, {lasted}"),
                    href,
                });
            }
        }
    }
    let ticks = (0..TICKS)
        .map(|tick| painter.zone.clock(Instant(line.start + line.length * tick / (TICKS - 1)), line.length));
    let label = format!("{} – {}", painter.zone.second(first.at), painter.zone.second(last.at));
    Spans { lanes: Lanes { label, lanes, ticks: ticks.collect() }, open }
}

fn seconds(nanos: i128) -> i64 {
    i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX)
}

/// From the first event to the last.
struct Line {
    start: i128,
    length: i128,
}

impl Line {
    fn place(&self, at: Instant) -> u32 {
        u32::try_from((at.0 - self.start) * i128::from(WHOLE) / self.length).unwrap_or(0).min(WHOLE)
    }
}

/// What an event is for the picture.
enum Span {
    /// It begins something, which ends with the event at a position, if one does.
    Begins(Option<usize>),
    /// It ends something that was begun.
    Ends,
}

/// The events that begin and end something, by position. An end belongs to the last beginning that it fits.
fn ends(events: &[Placed], painter: &Painter) -> HashMap<usize, Span> {
    let mut waiting: HashMap<Key, Vec<usize>> = HashMap::new();
    let mut joined_by: HashMap<(String, String), Vec<String>> = HashMap::new();
    let mut found = HashMap::new();
    for (at, placed) in events.iter().enumerate() {
        let text = |field: Field| placed.event.text(field).unwrap_or_default().to_owned();
        let (catalog, code) = (text(Field::Catalog), text(Field::Code));
        if let Some(by) = joined_by.get(&(catalog.clone(), code.clone())) {
            let key = values(by, &placed.event).map(|values| (catalog.clone(), code.clone(), values));
            let begin = key.and_then(|key| waiting.get_mut(&key)?.pop());
            if let Some(begin) = begin {
                found.insert(begin, Span::Begins(Some(at)));
                found.insert(at, Span::Ends);
                continue;
            }
        }
        let of = painter.catalogs.get(&catalog).and_then(|known| known.type_by_code(&code));
        let Some(Pair { stop, by }) = of.and_then(|of: &EventType| of.pair.as_ref()) else { continue };
        joined_by.entry((catalog.clone(), stop.clone())).or_insert_with(|| by.clone());
        if let Some(values) = values(by, &placed.event) {
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
        Some(member) => super::rows::first_member(event, member),
        None => event.text(Field::by_path(path)?).map(str::to_owned).filter(|text| !text.trim().is_empty()),
    };
    by.iter().take(MAX_KEYS).map(value).collect()
}
