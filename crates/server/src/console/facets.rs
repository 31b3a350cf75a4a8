//! Facets and bars of a page, out of the numbers that the API answers with.

use indelible_catalog::catalog::Registry;
use indelible_console::chart::{Chart, Datum};
use indelible_console::explore::{Facet, FacetValue};
use indelible_console::words::{grouped, percent};
use indelible_query::{EventQuery, FieldRef, Instant, Node, Test};
use serde_json::Value;

use super::look::Names;
use super::rows::is;
use super::search::Search;
use super::times::Zone;

/// What is counted by columns, without reading events: the first so many of the fields.
pub(crate) const BY_COLUMNS: usize = 8;
/// Fields that are counted beside the results: name, title, unfolded at first.
pub(crate) const FIELDS: [(&str, &str, bool); 9] = [
    ("outcome", "Outcome", true),
    ("actor", "Actor", true),
    ("code", "Event type", true),
    ("crude", "CRUDE", true),
    ("catalog", "Catalog", true),
    ("entity", "Entity", false),
    ("origin.ip", "Address", false),
    ("severity", "Severity", false),
    ("target", "Target", false),
];
/// What reports of products are filtered by beyond that.
const REPORTED: [(&str, &str, bool); 3] =
    [("account", "Account", true), ("group", "Tool or group", true), ("action", "Action", true)];
/// Values of each that are named.
pub(crate) const VALUES: usize = 8;

/// The facets of an answer, with links from a search and its query.
pub(crate) fn facets(
    answer: &Value,
    known: (&Registry, &Names),
    asked: (&Search, &EventQuery),
) -> Vec<Facet> {
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let titled = items.iter().filter_map(|item| {
        let name = item["field"].as_str()?;
        let (_, title, open) = FIELDS.into_iter().chain(REPORTED).find(|(known, ..)| *known == name)?;
        Some((item, FieldRef::named(name)?, title, open))
    });
    titled.map(|(item, field, title, open)| facet(item, &field, (title, open), (known, asked))).collect()
}

fn facet(
    item: &Value,
    field: &FieldRef,
    (title, open): (&str, bool),
    (known, (search, query)): ((&Registry, &Names), (&Search, &EventQuery)),
) -> Facet {
    let values = item["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let most = values.first().and_then(|value| value["count"].as_u64()).unwrap_or(0);
    let absent = Node::not(Node::Field(indelible_query::FieldTerm {
        field: field.clone(),
        tests: vec![Test::Present],
    }));
    let value = |value: &Value| {
        let (text, count) = (value["value"].as_str()?, value["count"].as_u64()?);
        let test = is(text);
        let on = demands(query, field, &test);
        let towards = if on { query.remove(field, &test) } else { query.include(field, &test) };
        let label = label(field.def.name, text, known);
        Some(FacetValue {
            title: if label == text { text.to_owned() } else { format!("{text}: {label}") },
            label,
            count,
            percent: percent(count, most),
            on,
            href: search.with(&towards).href(),
            exclude: search.with(&query.exclude(field, &test)).href(),
        })
    };
    let number = |name: &str| item[name].as_u64().unwrap_or(0);
    let shown: Vec<FacetValue> = values.iter().filter_map(value).collect();
    Facet {
        title: title.to_owned(),
        open: open || shown.iter().any(|value| value.on),
        values: shown,
        distinct: number("distinct"),
        other: number("other"),
        missing: number("missing"),
        none: search.with(&query.clone().and(EventQuery::new(absent))).href(),
    }
}

/// Whether a query demands just this value of a field, perhaps among others.
fn demands(query: &EventQuery, field: &FieldRef, test: &Test) -> bool {
    query
        .conjuncts()
        .iter()
        .any(|node| matches!(node, Node::Field(term) if term.field == *field && term.tests.contains(test)))
}

/// A value in words, where it has some.
fn label(field: &str, value: &str, (catalogs, names): (&Registry, &Names)) -> String {
    match field {
        "actor" => names.get(value).cloned().unwrap_or_else(|| value.to_owned()),
        "crude" => format!("{value} {}", indelible_console::words::crude(value)),
        "code" => {
            let known = catalogs.iter().filter_map(|catalog| catalog.type_by_code(value));
            let mut titles: Vec<&str> = known.map(|of| of.title.as_str()).collect();
            titles.dedup();
            match titles.as_slice() {
                [title] => (*title).to_owned(),
                _ => value.to_owned(),
            }
        }
        _ => value.to_owned(),
    }
}

/// The bars of two answers in equal bars: everything, and what of it failed. Each leads to its stretch of time.
pub(crate) fn chart(
    all: &Value,
    failed: &Value,
    zone: &Zone,
    href: &dyn Fn(String, String) -> String,
) -> Chart {
    let bars = |answer: &Value| answer["bars"].as_array().cloned().unwrap_or_default();
    let failures: std::collections::HashMap<String, u64> = bars(failed)
        .iter()
        .filter_map(|bar| Some((bar["start"].as_str()?.to_owned(), bar["count"].as_u64()?)))
        .collect();
    let width = all["width"].as_str().unwrap_or_default().to_owned();
    let datum = |bar: &Value| {
        let (start, end) = (bar["start"].as_str()?, bar["end"].as_str()?);
        let count = bar["count"].as_u64()?;
        let bad = failures.get(start).copied().unwrap_or(0);
        let (start, end) = (instant(start)?, instant(end)?);
        let (since, until) = zone.window(start, end);
        let failed = if bad > 0 { format!(", {} failed", grouped(bad)) } else { String::new() };
        Some(Datum {
            name: zone.short(start, end),
            label: format!("{}: {} events{failed}", zone.second(start), grouped(count)),
            href: href(since, until),
            count,
            bad,
        })
    };
    let data: Vec<Datum> = bars(all).iter().filter_map(datum).collect();
    let label = match (data.first(), data.last()) {
        (Some(first), Some(last)) => format!("{} to {}, a bar for each {width}", first.name, last.name),
        _ => String::new(),
    };
    Chart { label, width, data }
}

/// A time of an answer.
pub(crate) fn instant(text: &str) -> Option<Instant> {
    text.parse::<jiff::Timestamp>().ok().map(Instant::from)
}
