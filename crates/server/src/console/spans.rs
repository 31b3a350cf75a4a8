//! What a catalog says begins and ends, out of the events of a timeline, and everything else as moments.

use indelible_catalog::spans::{Span, spans};
use indelible_console::lanes::{Bar, Lane, Lanes, Mark, WHOLE};
use indelible_console::text::Text;
use indelible_event::Field;
use indelible_query::Instant;

use super::rows::Painter;
use super::timeline::Placed;
use super::times::lasting;
use crate::event_json;

/// Times below the line.
const TICKS: i128 = 5;

/// The picture, and whether something in it has no end.
pub(super) struct Spans {
    pub(super) lanes: Lanes,
    pub(super) open: bool,
}

/// Events in lanes by entity, in the order in which entities come up.
pub(super) fn lanes(events: &[Placed], painter: &Painter, t: &Text) -> Spans {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Spans { lanes: Lanes::default(), open: false };
    };
    let line = Line { start: first.at.0, length: (last.at.0 - first.at.0).max(1) };
    let ends = spans(events.iter().map(|placed| &placed.event), &painter.catalogs);
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
