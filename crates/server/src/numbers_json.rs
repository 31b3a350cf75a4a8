//! Facets, histograms and groups as the API and the command line show them.
//!
//! Shapes only: what is counted is decided in `indelible-search`, who may see it in the handlers.

use indelible_event::Time;
use indelible_formats::rfc3339;
use indelible_query::Instant;
use indelible_search::{Bar, Extent, FacetCounts, Facets, Group, Groups, Histogram};
use serde_json::{Map, Value, json};

/// Facets: `items`, one for each field, with `values` (`value`, `count`), `distinct`, `other` and `missing`.
pub fn facets(facets: &Facets) -> Map<String, Value> {
    let items: Vec<Value> = facets.fields.iter().map(facet).collect();
    members(json!({ "items": items }), &facets.extent)
}

/// One facet.
pub fn facet(counts: &FacetCounts) -> Value {
    let value = |(value, count): &(String, u64)| json!({ "value": value, "count": count });
    json!({
        "field": counts.field.to_string(),
        "values": counts.values.iter().map(value).collect::<Vec<_>>(),
        "distinct": counts.distinct,
        "other": counts.other,
        "missing": counts.missing,
    })
}

/// A histogram: `width`, `stack` (the values that bars are divided by) and `bars` with `start`, `end` and `count`; with a
/// stack also `parts` by value, `other` and `missing`.
pub fn histogram(histogram: &Histogram, stacked: bool) -> Map<String, Value> {
    let bars: Vec<Value> =
        histogram.bars.iter().map(|bar| bar_json(bar, stacked, &histogram.stack)).collect();
    let shape = json!({ "width": histogram.width.to_string(), "stack": histogram.stack, "bars": bars });
    members(shape, &histogram.extent)
}

fn bar_json(bar: &Bar, stacked: bool, stack: &[String]) -> Value {
    let mut shown = json!({
        "start": time_text(bar.interval.start), "end": time_text(bar.interval.end), "count": bar.count,
    });
    if stacked {
        let parts: Map<String, Value> =
            stack.iter().zip(&bar.parts).map(|(value, count)| (value.clone(), json!(count))).collect();
        shown["parts"] = Value::Object(parts);
        shown["other"] = json!(bar.other);
        shown["missing"] = json!(bar.missing);
    }
    shown
}

/// Groups: `by`, `items` with `values`, `count`, `first`, `last` and `actors`; `total` groups, `missing` events.
pub fn groups(groups: &Groups, by: &[String]) -> Map<String, Value> {
    let group = |group: &Group| {
        json!({
            "values": group.values, "count": group.count, "first": time_text(group.first),
            "last": time_text(group.last), "actors": group.actors,
        })
    };
    let items: Vec<Value> = groups.groups.iter().map(group).collect();
    let shape = json!({ "by": by, "items": items, "total": groups.total, "missing": groups.missing });
    members(shape, &groups.extent)
}

/// An instant as RFC 3339 text; one beyond the calendar is held at its end.
pub fn time_text(at: Instant) -> String {
    const NANOS: i128 = 1_000_000_000;
    /// The last second of the year 9999, and the first of the year 0.
    const CALENDAR: (i128, i128) = (-62_167_219_200, 253_402_300_799);
    let seconds = at.0.div_euclid(NANOS).clamp(CALENDAR.0, CALENDAR.1);
    let nanos = u32::try_from(at.0.rem_euclid(NANOS)).unwrap_or(0);
    let seconds = i64::try_from(seconds).unwrap_or(0);
    rfc3339::text(Time { seconds, nanos, offset_minutes: Some(0) })
}

fn members(shape: Value, extent: &Extent) -> Map<String, Value> {
    let mut members = match shape {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.insert("events".into(), json!(extent.events));
    members.insert("first".into(), json!(extent.first.map(time_text)));
    members.insert("last".into(), json!(extent.last.map(time_text)));
    members.insert("log_size".into(), json!(extent.log_size));
    members
}
