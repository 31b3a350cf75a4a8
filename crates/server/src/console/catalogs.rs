//! Catalogs as pages: the list, one catalog with its types and findings, one type with how often it happens.

use axum::extract::Path;
use axum::http::Uri;
use indelible_catalog::catalog::Catalog;
use indelible_catalog::event_type::EventType;
use indelible_catalog::lint::{LintFinding, lint};
use indelible_catalog::word::{Crude, Outcome};
use indelible_console::catalogs::{
    CatalogPage, Catalogs, CodePage, Finding, Param, Section as Part, Summary, Table, TypeRow,
};
use indelible_console::chart::Chart;
use indelible_console::frame::Link;
use indelible_console::words::crude;
use indelible_control::{Organization, Permission};
use indelible_formats::json_out;
use indelible_query::{EventQuery, FieldRef, MAX_GET_BYTES};
use indelible_search::Scope;
use serde_json::Value;
use std::sync::Arc;

use super::event_fields::code_href;
use super::rows::is;
use super::search::Search;
use super::visit::{Call, Section};
use super::{facets, page};
use crate::api::Answer;
use crate::api::numbers::{self, ReadWork};
use crate::api::search::{self, Cancel};
use crate::app::Shared;
use crate::catalog_json;
use crate::endpoints::{HISTOGRAM, Parameter};
use crate::problem::{Code, Problem};
use crate::request::Params;

/// Characters of a catalog's hash that tell versions apart at a glance.
const HASH_CHARS: usize = 12;
/// Days of the chart of a type.
const SINCE: &str = "-30d";

const KNOWN: &[Parameter] = &[
    Parameter { name: "o", kind: "string", doc: "" },
    Parameter { name: "q", kind: "string", doc: "" },
    Parameter { name: "crude", kind: "string", doc: "" },
    Parameter { name: "tz", kind: "string", doc: "" },
];

/// What the address of a catalog's page says, and the organization that its searches lead to.
struct Asked {
    params: Params,
    org: Arc<Organization>,
    may_search: bool,
}

impl Asked {
    fn read(call: &Call) -> Result<Self, Problem> {
        call.node_access(Permission::CatalogRead)?;
        let params = Params::read(&call.uri, KNOWN)?;
        let visitor = call.visitor()?;
        let mut orgs = call.app.control.orgs();
        orgs.retain(|org| visitor.may(Permission::CatalogRead, org));
        let named = params.text("o").filter(|name| !name.is_empty());
        let org = match named {
            Some(name) => orgs.into_iter().find(|org| org.id.as_str() == name),
            None => orgs.into_iter().next(),
        };
        let org = org.ok_or_else(|| crate::access::no_organization(named.unwrap_or_default()))?;
        let may_search = visitor.may(Permission::EventsRead, &org);
        Ok(Self { params, org, may_search })
    }

    fn org(&self) -> &str {
        self.org.id.as_str()
    }

    fn up(&self) -> String {
        format!("/catalogs?o={}", self.org())
    }

    /// The search for the events of a type.
    fn search(&self, catalog: &str, code: &str) -> Option<Search> {
        if !self.may_search {
            return None;
        }
        let query = EventQuery::default().include(&FieldRef::named("catalog")?, &is(catalog));
        let query = query.include(&FieldRef::named("code")?, &is(code));
        Some(Search::of(self.org()).with(&query).between(SINCE, ""))
    }
}

fn summary(catalog: &Catalog, org: &str, findings: usize) -> Summary {
    let hash = catalog.hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Summary {
        href: format!("/catalogs/{}?o={org}", catalog.id),
        id: catalog.id.clone(),
        title: catalog.title.clone(),
        version: catalog.version_text.clone(),
        types: catalog.types().len(),
        entities: catalog.entities().len(),
        groups: catalog.groups().len(),
        extends: catalog.extends.as_ref().map(|(id, major)| format!("{id}@{major}")).unwrap_or_default(),
        findings,
        hash: hash.chars().take(HASH_CHARS).collect(),
    }
}

pub(crate) async fn list(call: Call) -> Answer {
    let asked = Asked::read(&call)?;
    let registry = call.app.catalogs();
    let summaries = crate::blocking(move || {
        let of = |catalog: &Arc<Catalog>| (Arc::clone(catalog), lint(catalog).len());
        Ok(registry.iter().map(of).collect::<Vec<_>>())
    });
    let catalogs: Vec<Summary> =
        summaries.await?.iter().map(|(catalog, findings)| summary(catalog, asked.org(), *findings)).collect();
    page(&Catalogs {
        frame: call.frame("Catalogs", Section::Catalogs, &asked.org),
        types: catalogs.iter().map(|catalog| catalog.types as u64).sum(),
        catalogs,
        problems: call.app.catalog_problems(),
    })
}

fn found(call: &Call, id: &str) -> Result<Arc<Catalog>, Problem> {
    let registry = call.app.catalogs();
    let near = || registry.suggest(id).join(", ");
    let missing = || match near() {
        near if near.is_empty() => format!("there is no catalog {id:?} here"),
        near => format!("there is no catalog {id:?} here; did you mean {near}?"),
    };
    registry.get(id).cloned().ok_or_else(|| Problem::new(Code::NotFound, missing()))
}

pub(crate) async fn catalog(call: Call, Path(id): Path<String>) -> Answer {
    let asked = Asked::read(&call)?;
    let catalog = found(&call, &id)?;
    let findings: Vec<Finding> = lint(&catalog).iter().map(finding).collect();
    let filter = asked.params.text("q").unwrap_or_default().trim().to_owned();
    let letter = asked.params.text("crude").unwrap_or_default().to_owned();
    let sections = sections(&catalog, &asked, (&filter.to_lowercase(), &letter));
    let seen = if asked.may_search {
        Some(super::catalog_seen::seen(&call, asked.org(), &catalog).await?)
    } else {
        None
    };
    page(&CatalogPage {
        frame: call.frame(&catalog.title, Section::Catalogs, &asked.org),
        org: asked.org().to_owned(),
        up: asked.up(),
        action: format!("/catalogs/{}", catalog.id),
        summary: summary(&catalog, asked.org(), findings.len()),
        letters: letters(&call.uri, &letter),
        filter,
        shown: sections.iter().map(|section| section.types.len()).sum(),
        sections,
        findings,
        seen,
    })
}

/// Links that filter by a letter of CRUDE, and one that does not.
fn letters(uri: &Uri, chosen: &str) -> Vec<Link> {
    let kept: Vec<(String, String)> = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .filter(|(name, _)| name != "crude")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let link = |letter: &str| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&kept);
        if !letter.is_empty() {
            form.append_pair("crude", letter);
        }
        let label = if letter.is_empty() { "all".to_owned() } else { format!("{letter} {}", crude(letter)) };
        Link::new(label, format!("{}?{}", uri.path(), form.finish())).chosen(letter == chosen)
    };
    ["", "C", "R", "U", "D", "E"].map(link).into()
}

/// The types that a filter leaves, by group, or by entity where a catalog has no groups.
fn sections(catalog: &Catalog, asked: &Asked, (filter, letter): (&str, &str)) -> Vec<Part> {
    let held = |of: &&EventType| {
        let texts = [&of.code, &of.title, &of.entity, &of.action, &of.text];
        let fits = filter.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(filter));
        fits && (letter.is_empty() || of.crude.map(Crude::as_str) == Some(letter))
    };
    let mut sections: Vec<Part> = Vec::new();
    for of in catalog.types().iter().filter(held) {
        let group = of.group.as_ref().and_then(|id| catalog.groups().iter().find(|group| group.id == *id));
        let title = group.map_or(&of.entity, |group| &group.title);
        let at = sections.iter().position(|section| section.title == *title).unwrap_or_else(|| {
            let text = group.map(|group| group.text.clone()).filter(|text| text != title);
            let text = text.unwrap_or_default();
            sections.push(Part { title: title.clone(), text, types: Vec::new() });
            sections.len() - 1
        });
        let row = TypeRow {
            href: code_href(asked.org(), &catalog.id, &of.code),
            code: of.code.clone(),
            crude: of.crude.map(Crude::as_str).unwrap_or_default().to_owned(),
            title: of.title.clone(),
            entity: of.entity.clone(),
            action: of.action.clone(),
            outcome: of.outcome.map(Outcome::as_str).unwrap_or_default().to_owned(),
            search: asked.search(&catalog.id, &of.code).map(|search| search.href()),
        };
        if let Some(section) = sections.get_mut(at) {
            section.types.push(row);
        }
    }
    sections
}

fn finding(found: &LintFinding) -> Finding {
    Finding {
        level: found.id.level().as_str().to_owned(),
        name: found.id.as_str().to_owned(),
        subject: found.subject.clone(),
        message: found.message.clone(),
    }
}

pub(crate) async fn code(call: Call, Path((id, code)): Path<(String, String)>) -> Answer {
    let asked = Asked::read(&call)?;
    let catalog = found(&call, &id)?;
    let of = catalog.type_by_code(&code).ok_or_else(|| {
        let near = indelible_catalog::suggest::nearest_codes(&catalog, &code, None, &[]);
        let near =
            if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
        Problem::new(Code::NotFound, format!("catalog {id} has no type with the code {code:?}{near}"))
    })?;
    let search = asked.search(&catalog.id, &of.code);
    let (chart, count) = match &search {
        Some(search) => lately(&call, &asked, search).await?,
        None => (None, 0),
    };
    let failures = catalog.types().iter().filter(|other| other.base_code.as_deref() == Some(&of.code));
    let twins = of.base_code.iter().chain(failures.map(|other| &other.code));
    let twins = twins.map(|code| Link::new(code.clone(), code_href(asked.org(), &catalog.id, code)));
    let shown = catalog_json::event_type(&catalog, of);
    let of_type = |finding: &&LintFinding| finding.subject == of.code;
    page(&CodePage {
        frame: call.frame(&of.title, Section::Catalogs, &asked.org),
        org: asked.org().to_owned(),
        up: asked.up(),
        catalog: catalog.id.clone(),
        catalog_href: format!("/catalogs/{}?o={}", catalog.id, asked.org()),
        code: of.code.clone(),
        title: of.title.clone(),
        crude: of.crude.map(Crude::as_str).unwrap_or_default().to_owned(),
        text: of.text.clone(),
        notes: of.notes.clone(),
        params: shown["params"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(param).collect(),
        tables: tables(of),
        example: example(&catalog, of),
        facts: facts(&shown),
        twins: twins.collect(),
        search: search.map(|search| search.href()),
        chart,
        count,
        findings: lint(&catalog).iter().filter(of_type).map(finding).collect(),
    })
}

fn param(shown: &Value) -> Param {
    let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    Param {
        name: text("name"),
        kind: text("type"),
        class: text("class"),
        required: shown["required"].as_bool().unwrap_or(false),
        text: text("text"),
    }
}

fn tables(of: &EventType) -> Vec<Table> {
    let situations = of.situations.iter().map(|situation| (situation.id.clone(), situation.text.clone()));
    let results = of
        .results
        .iter()
        .map(|result| (result.code.clone(), format!("{} ({})", result.text, result.outcome.as_str())));
    let tables = [("Situations", situations.collect::<Vec<_>>()), ("Result codes", results.collect())];
    let filled = tables.into_iter().filter(|(_, rows)| !rows.is_empty());
    filled.map(|(title, rows)| Table { title: title.to_owned(), rows }).collect()
}

/// Everything else that a catalog says of a type, in its order.
fn facts(shown: &Value) -> Vec<(String, String)> {
    const ELSEWHERE: [&str; 8] =
        ["title", "text", "params", "situations", "results", "notes", "catalog", "code"];
    let members = shown.as_object().into_iter().flatten();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            items.collect::<Vec<_>>().join(", ")
        }
        Value::Object(members) => {
            let pairs = members.iter().map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                value => format!("{name} {value}"),
            });
            pairs.collect::<Vec<_>>().join(", ")
        }
        value => value.to_string(),
    };
    let name = |name: &str| match name {
        "key" => "routing key".to_owned(),
        "pair" => "ends with".to_owned(),
        "line" => "line of its source".to_owned(),
        name => name.replace('_', " "),
    };
    members
        .filter(|(member, _)| !ELSEWHERE.contains(&member.as_str()))
        .map(|(member, value)| (name(member), text(value)))
        .collect()
}

fn example(catalog: &Catalog, of: &EventType) -> String {
    let event = indelible_catalog::example::example(catalog, of, 1);
    let mut text = String::new();
    json_out::event(&mut text, &event);
    let parsed: Result<Value, _> = serde_json::from_str(&text);
    parsed.ok().and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or(text)
}

/// How often a type happened lately, by day. Looking at a catalog is no search; the number that it shows is what a search
/// for it would.
async fn lately(call: &Call, asked: &Asked, search: &Search) -> Result<(Option<Chart>, u64), Problem> {
    let access = call.access(asked.org(), Permission::EventsRead)?;
    let zone = call.zone();
    let _permit = search::permit(&call.app).await?;
    let (worker, cancelled) = (Shared::clone(&call.app), Cancel::default());
    let flag = Arc::clone(&cancelled.0);
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let (q, tz) = (search.q.clone(), zone.name().to_owned());
    let only = access.limits.clone();
    let both = crate::blocking(move || {
        let bars = |q: String| {
            let pairs = [("q", q.as_str()), ("since", SINCE), ("tz", &tz), ("width", "day")];
            let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let params = Params::of_pairs(&pairs, HISTOGRAM)?;
            let work: ReadWork = numbers::histogram_work;
            let within = (&scope, &only);
            let ready = numbers::Ready::read(&*worker, within, &params, (MAX_GET_BYTES, work))?;
            ready.answer(&*worker, &flag).map(|(members, _)| Value::Object(members))
        };
        Ok((bars(q.clone())?, bars(format!("{q} outcome:failure"))?))
    });
    let (all, failed) = both.await?;
    let count = all["events"].as_u64().unwrap_or(0);
    let chart = facets::chart(&all, &failed, &zone, &|since, until| search.between(since, until).href());
    Ok((Some(chart).filter(|_| count > 0), count))
}
