//! Counts of matches by time: by whole blocks where event types or nothing at all decide, else act by act.

use std::ops::Range;

use indelible_query::Instant;
use indelible_store::part::Part;

use crate::error::SearchError;
use crate::filter::Filter;
use crate::rows::each_time;
use crate::scan::Scan;
use crate::sealed::{within, zone as zone_of};

/// Takes a stretch of time and how many matches are in it; false when the stretch is too wide for it.
pub(crate) type TakeTimes<'f> = &'f mut dyn FnMut(Instant, Instant, u64) -> bool;

/// Calls `f` with stretches of time of one sealed part and the matches in them; a stretch that it does not take comes again act
/// by act.
pub(crate) fn times_of_part(
    scan: &Scan<'_>,
    part: &Part,
    range: &Range<u64>,
    f: TakeTimes<'_>,
) -> Result<(), SearchError> {
    let walk = scan.walk();
    let damage = |error| walk.part_damage(part, error);
    let opened = walk.filter(part)?;
    let read = |at: u64, buf: &mut [u8]| part.read_at(at, buf);
    let types = opened.filter.only_types().filter(|_| !opened.whole);
    let always = !opened.whole && matches!(*opened.filter, Filter::Always);
    let counts = match types {
        Some(_) => {
            Some(scan.engine().type_counts(part, &|| part.index().type_counts(&read)).map_err(damage)?)
        }
        None => None,
    };
    for entry in walk.overlapping(part, range) {
        let inside = entry.first >= range.start && entry.first + u64::from(entry.rows) <= range.end;
        let zone = zone_of(entry).filter(|_| inside && within(entry, scan.window) == Some(true));
        let count = match (types, &counts) {
            (Some(types), Some(counts)) => {
                let own = counts.get(part.block_number(entry) as usize).map_or(&[][..], Vec::as_slice);
                let known = own.iter().filter(|(event_type, _)| types.contains(*event_type));
                Some(known.map(|(_, count)| u64::from(*count)).sum())
            }
            _ => always.then_some(u64::from(entry.rows)),
        };
        if let (Some(zone), Some(count)) = (zone, count)
            && (count == 0 || f(zone.first, zone.last, count))
        {
            continue;
        }
        let one = entry.first.max(range.start)..(entry.first + u64::from(entry.rows)).min(range.end);
        each_time(scan, part, &opened, &one, &mut |_, _, _, time| {
            f(time, time, 1);
        })?;
    }
    Ok(())
}
