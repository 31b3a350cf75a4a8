//! Which columns a table of events has: those chosen in the address, or the report of a product with its own.
//!
//! The file of a search has the columns of its table, from the same code.

use indelible_console::explore::{Cell, ColumnChoice, Grid, GridGroup};
use indelible_console::frame::Link;
use indelible_event::{Event, Field};
use indelible_formats::layout::{NETOP_COLUMNS, SANERNOW_COLUMNS, netop_row, sanernow_row};
use indelible_query::FieldRef;
use indelible_search::{Hit, Scope};

use super::rows::{Painter, actor, first_target, origin, target_id};
use super::search::Search;
use super::timeline::Joined;
use crate::config::nearest;
use crate::event_json;
use crate::problem::{Code, Problem};

/// Most columns: more do not fit beside each other anywhere.
const MAX_COLUMNS: usize = 20;
/// Columns with names of their own; every field of queries is one, too.
const OWN: [(&str, &str); 9] = [
    ("time", "Time"),
    ("crude", "CRUDE"),
    ("event", "Event"),
    ("catalog", "Catalog"),
    ("code", "Code"),
    ("actor", "Actor"),
    ("target", "Target"),
    ("outcome", "Outcome"),
    ("from", "From"),
];
/// The columns when nothing but a grouping is asked for.
const USUAL: &str = "time,crude,event,actor,target,outcome,from";
/// What rows can be grouped by.
const GROUPS: [(&str, &str); 5] = [
    ("", "nothing"),
    ("session", "session"),
    ("account", "organization or account"),
    ("target", "object"),
    ("actor", "person"),
];
/// What queries know the columns of reports by.
const REPORTED: [(&str, &str); 12] = [
    ("Job Code", "code"),
    ("Account", "account"),
    ("User", "actor"),
    ("Session", "session"),
    ("User Id", "actor.id"),
    ("User Name", "actor.name"),
    ("Account Id", "account"),
    ("Entity Type", "entity"),
    ("Action", "action"),
    ("Entity Id", "target.id"),
    ("Entity Name", "target.name"),
    ("Result Code", "result"),
];

/// A report of a product.
pub(crate) struct Layout {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// Columns from [`OWN`] or of queries, where the report has none of its own.
    columns: &'static str,
    /// What its rows are grouped by.
    group: &'static str,
    /// What it is filtered by: counted by columns, and by reading.
    pub(crate) facets: (&'static str, &'static str),
}

/// Every report.
pub(crate) const LAYOUTS: [Layout; 3] = [
    Layout {
        id: "sanernow",
        title: "SanerNow",
        columns: "",
        group: "",
        facets: ("account,actor,group,action,outcome,code", ""),
    },
    Layout {
        id: "netop",
        title: "Netop",
        columns: "",
        group: "session",
        facets: ("outcome,account,actor,entity,action", ""),
    },
    Layout {
        id: "openkat",
        title: "OpenKAT",
        columns: "time,crude,code,event,actor,target,account,outcome,routing",
        group: "target",
        facets: ("crude,account,actor,entity,code,outcome", "target"),
    },
];

enum Source {
    Own(&'static str),
    Field(FieldRef),
}

enum Kind {
    Netop,
    SanerNow,
    Chosen(Vec<Source>),
}

/// The columns of a table that was asked for.
pub(crate) struct Columns {
    pub(crate) titles: Vec<String>,
    kind: Kind,
    group: Option<FieldRef>,
}

/// The report that an address names.
pub(crate) fn layout(search: &Search) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.id == search.layout)
}

/// What rows are grouped by.
fn group(search: &Search) -> &str {
    match search.group.as_deref() {
        Some(group) => group,
        None => layout(search).map_or("", |layout| layout.group),
    }
}

impl Columns {
    /// The columns of an address; none for the usual table.
    pub(crate) fn of(search: &Search) -> Result<Option<Self>, Problem> {
        let refuse = |detail: String| Err(Problem::new(Code::RequestMalformed, detail));
        let layout = layout(search);
        if layout.is_none() && !search.layout.is_empty() {
            let known = LAYOUTS.iter().map(|layout| layout.id);
            return refuse(format!(
                "layout={:?} must be one of {}",
                search.layout,
                known.collect::<Vec<_>>().join(", ")
            ));
        }
        let by = group(search);
        if !GROUPS.iter().any(|(name, _)| *name == by) {
            return refuse(format!("group={by:?} must be session, account, target or actor"));
        }
        let group = FieldRef::named(by).filter(|_| !by.is_empty());
        let texts = |titles: &[&str]| titles.iter().map(|title| (*title).to_owned()).collect();
        if let (Some(layout), "") = (layout.filter(|layout| layout.columns.is_empty()), search.cols.as_str())
        {
            let (titles, kind) = match layout.id {
                "netop" => (texts(&NETOP_COLUMNS), Kind::Netop),
                _ => (texts(&SANERNOW_COLUMNS), Kind::SanerNow),
            };
            return Ok(Some(Self { titles, kind, group }));
        }
        let names = match (search.cols.as_str(), layout) {
            ("", Some(layout)) => layout.columns,
            ("", None) if group.is_none() => return Ok(None),
            ("", None) => USUAL,
            (cols, _) => cols,
        };
        let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.len() > MAX_COLUMNS {
            return refuse(format!("cols names {} columns, at most {MAX_COLUMNS} are shown", names.len()));
        }
        let (mut titles, mut sources) = (Vec::new(), Vec::new());
        for name in names {
            let (title, source) = source(name)?;
            titles.push(title);
            sources.push(source);
        }
        Ok(Some(Self { titles, kind: Kind::Chosen(sources), group }))
    }

    /// The cells of one event.
    pub(crate) fn cells(&self, painter: &Painter, scope: &Scope, (hit, event): (&Hit, &Event)) -> Vec<Cell> {
        let reported = |texts: Vec<String>| {
            let cell = |(title, text): (&String, String)| report_cell(painter, (title, text), (hit, event));
            self.titles.iter().zip(texts).map(cell).collect()
        };
        match &self.kind {
            Kind::Netop => reported(netop_row(event).into()),
            Kind::SanerNow => {
                let title = event_json::sentence(&painter.catalogs, event);
                reported(sanernow_row(event, &scope.organization, &title).into())
            }
            Kind::Chosen(sources) => {
                sources.iter().map(|source| cell(painter, scope, (hit, event), source)).collect()
            }
        }
    }

    /// The table of a page of events, grouped if that was asked for; what has no value comes last.
    pub(crate) fn grid(&self, painter: &Painter, scope: &Scope, hits: &[Hit]) -> Result<Grid, Problem> {
        let mut groups: Vec<(String, GridGroup)> = Vec::new();
        for hit in hits {
            let (event, _) =
                event_json::read(&hit.leaf, &hit.stored).map_err(|error| Problem::internal(&error))?;
            let key = self.group.as_ref().map_or_else(String::new, |field| first_value(field, scope, hit));
            let at = groups.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                groups.push((
                    key.clone(),
                    GridGroup { title: self.heading(painter, &key, &event), ..GridGroup::default() },
                ));
                groups.len() - 1
            });
            if let Some((_, group)) = groups.get_mut(at) {
                group.rows.push(self.cells(painter, scope, (hit, &event)));
            }
        }
        groups.sort_by_key(|(key, _)| key.is_empty());
        Ok(Grid {
            columns: self.titles.clone(),
            groups: groups.into_iter().map(|(_, group)| group).collect(),
        })
    }

    fn heading(&self, painter: &Painter, key: &str, event: &Event) -> Option<Link> {
        let by = self.group.as_ref()?.def.name;
        if key.is_empty() {
            return Some(Link::new(format!("without {by}"), String::new()));
        }
        let kind = event.text(Field::SessionKind).filter(|_| by == "session").unwrap_or(by);
        let kind = if by == "session" && kind != by { format!("{kind} session") } else { kind.to_owned() };
        let named = match by {
            "actor" => actor(event).unwrap_or(key),
            "target" => {
                return Some(Link::new(
                    format!("{kind} {}", first_target(event).0.as_deref().unwrap_or(key)),
                    Joined::of(&painter.search.org, by, event)
                        .map(|joined| joined.href())
                        .unwrap_or_default(),
                ));
            }
            _ => key,
        };
        let href = match by {
            "account" => painter.value(by, key).map(|value| value.include).unwrap_or_default(),
            _ => Joined::of(&painter.search.org, by, event).map(|joined| joined.href()).unwrap_or_default(),
        };
        Some(Link::new(format!("{kind} {named}"), href))
    }
}

fn source(name: &str) -> Result<(String, Source), Problem> {
    if let Some((name, title)) = OWN.into_iter().find(|(known, _)| *known == name) {
        return Ok((title.to_owned(), Source::Own(name)));
    }
    let Some(field) = FieldRef::named(name) else {
        let known = indelible_query::fields().iter().map(|field| field.name);
        let detail =
            format!("cols names {name:?}, which is no column; did you mean {}?", nearest(name, known));
        return Err(Problem::new(Code::RequestMalformed, detail));
    };
    Ok((name.to_owned(), Source::Field(field)))
}

fn first_value(field: &FieldRef, scope: &Scope, hit: &Hit) -> String {
    let mut first = None;
    field.values(&hit.view(scope), &mut |text| {
        first.get_or_insert_with(|| text.to_owned());
    });
    first.unwrap_or_default()
}

fn cell(painter: &Painter, scope: &Scope, (hit, event): (&Hit, &Event), source: &Source) -> Cell {
    let row_href = Some(painter.href(hit.index));
    let plain = |text: &str| Cell { text: text.to_owned(), ..Cell::default() };
    let named = |field: &str, text: &str| Cell { value: painter.value(field, text), ..plain(text) };
    let text = |field: Field| event.text(field).unwrap_or_default();
    match source {
        Source::Own("time") => {
            Cell { href: row_href, ..plain(&painter.zone.second(super::rows::occurred(event, &hit.leaf))) }
        }
        Source::Own("crude") => Cell { crude: text(Field::Crude).to_owned(), ..plain(text(Field::Crude)) },
        Source::Own("event") => Cell { href: row_href, ..plain(&painter.title(event)) },
        Source::Own("catalog") => named("catalog", text(Field::Catalog)),
        Source::Own("code") => named("code", text(Field::Code)),
        Source::Own("actor") => actor(event).map_or_else(Cell::default, |actor| named("actor", actor)),
        Source::Own("target") => {
            let shown = first_target(event).0.or_else(|| target_id(event));
            shown.map_or_else(Cell::default, |target| named("target", &target))
        }
        Source::Own("outcome") => {
            Cell { outcome: text(Field::Outcome).to_owned(), ..plain(text(Field::Outcome)) }
        }
        Source::Own(_) => origin(event).map_or_else(Cell::default, |(field, text)| named(field, text)),
        Source::Field(field) => {
            let mut values: Vec<String> = Vec::new();
            field.values(&hit.view(scope), &mut |text| values.push(text.to_owned()));
            match values.as_slice() {
                [one] => named(&field.to_string(), one),
                _ => plain(&values.join(", ")),
            }
        }
    }
}

/// A cell of a product's report; its date leads to the event.
fn report_cell(painter: &Painter, (title, text): (&str, String), (hit, _): (&Hit, &Event)) -> Cell {
    let href = matches!(title, "Date" | "Action date").then(|| painter.href(hit.index));
    let field = REPORTED.into_iter().find(|(known, _)| *known == title);
    let value = field.filter(|_| !text.is_empty()).and_then(|(_, field)| painter.value(field, &text));
    Cell { text, value, href, ..Cell::default() }
}

/// What the page offers to choose.
pub(crate) fn choice(search: &Search) -> ColumnChoice {
    let first = Search { cursor: None, ..search.clone() };
    let layouts = LAYOUTS.iter().map(|layout| {
        let of = Search { layout: layout.id.to_owned(), cols: String::new(), group: None, ..first.clone() };
        Link::new(layout.title, of.href()).chosen(search.layout == layout.id)
    });
    let none = Search { layout: String::new(), cols: String::new(), group: None, ..first.clone() };
    let plain = search.layout.is_empty() && search.cols.is_empty() && search.group.is_none();
    let usual = Link::new("Usual", none.href()).chosen(plain);
    let by = group(search);
    let groups = GROUPS.iter().map(|(name, title)| {
        let of = Search { group: Some((*name).to_owned()), ..first.clone() };
        Link::new(*title, of.href()).chosen(by == *name)
    });
    let said = match (search.cols.as_str(), layout(search)) {
        ("", Some(layout)) => layout.columns,
        ("", None) => USUAL,
        (cols, _) => cols,
    };
    let shown: Vec<&str> = said.split(',').filter(|name| !name.is_empty()).collect();
    let others = shown.iter().copied().filter(|name| !OWN.iter().any(|(own, _)| own == name));
    let toggled = |name: &str| {
        let on = shown.contains(&name);
        let mut cols: Vec<&str> = shown.iter().copied().filter(|known| *known != name).collect();
        if !on {
            cols.push(name);
        }
        (Search { cols: cols.join(","), ..first.clone() }.href(), on)
    };
    let toggles = OWN.into_iter().chain(others.map(|name| (name, name))).map(|(name, title)| {
        let (href, on) = toggled(name);
        Link::new(title, href).chosen(on)
    });
    ColumnChoice {
        layouts: std::iter::once(usual).chain(layouts).collect(),
        groups: groups.collect(),
        toggles: toggles.collect(),
        hidden: Search { cols: shown.join(","), ..first.clone() }.pairs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_columns_reports_and_groups() {
        let read =
            |text: &str| Columns::of(&Search::read("acme", &format!("/?{text}").parse().unwrap()).unwrap());
        assert!(read("q=x").unwrap().is_none());
        assert_eq!(
            read("cols=time,param.guest.nrc_id").unwrap().unwrap().titles,
            ["Time", "param.guest.nrc_id"]
        );
        assert_eq!(read("layout=sanernow").unwrap().unwrap().titles, SANERNOW_COLUMNS);
        assert_eq!(read("layout=netop").unwrap().unwrap().titles, NETOP_COLUMNS);
        assert_eq!(read("layout=netop").unwrap().unwrap().group.unwrap().def.name, "session");
        assert!(read("layout=netop&group=").unwrap().unwrap().group.is_none());
        assert_eq!(read("group=actor").unwrap().unwrap().titles.len(), 7);
        for wrong in ["cols=actro", "layout=excel", "group=message"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let added = Search::read("acme", &"/?cols=time&add=session".parse().unwrap()).unwrap();
        assert_eq!(added.cols, "time,session");
    }
}
