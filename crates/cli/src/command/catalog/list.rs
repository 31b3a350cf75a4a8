//! What is in the catalogs, and how much of it.

use std::collections::BTreeMap;

use indelible_catalog::catalog::Catalog;
use indelible_catalog::lint::count;
use indelible_catalog::suggest::nearest_codes;
use indelible_server::catalog_json;
use serde_json::{Map, Value, json};

use crate::Context;
use crate::catalogs::{CatalogsArg, named};
use crate::exit::{Failure, Outcome};
use crate::output::say;

/// Counts that are worth a line, in this order, with the words for them.
const COUNTS: &[(&str, &str)] = &[
    ("codes", "codes"),
    ("types", "events"),
    ("groups", "groups"),
    ("entities", "entities"),
    ("keys", "routing keys"),
    ("ranges", "range lines"),
    ("patterns", "patterns in them"),
    ("failures", "failure-worded"),
    ("with_base", "paired with their success"),
    ("leading_zeros", "codes with a leading zero"),
    ("param_slots", "parameter slots"),
    ("events_with_params", "events with parameters"),
    ("situations", "situations"),
    ("results", "result codes"),
    ("notes", "notes"),
    ("pairs", "starts with an end"),
    ("families", "families"),
    ("rules", "match rules"),
    ("cases", "cases"),
];

/// List the catalogs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog list\n  indelible catalog list --catalogs ./my-catalogs --json"
)]
pub(super) struct List {
    #[command(flatten)]
    catalogs: CatalogsArg,
}

/// Show a catalog, or one event type
///
/// A catalog's groups and types as rows, its counts on standard error; with a code everything about that type.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog show sanernow\n  indelible catalog show openkat 091111\n  indelible catalog show netop --counts\n  indelible catalog show openkat --output csv > openkat.csv"
)]
pub(super) struct Show {
    /// Catalog
    #[arg(value_name = "ID")]
    id: String,
    /// Event type
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// Only how much there is of what
    #[arg(long, conflicts_with = "code")]
    counts: bool,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        let rows: Vec<Value> = registry
            .iter()
            .map(|catalog| {
                let mut row = catalog_json::summary(catalog);
                row["codes"] = json!(count(catalog, "codes"));
                row["crude"] = json!(crude(catalog));
                row
            })
            .collect();
        let columns = ["id", "version", "codes", "types", "groups", "families", "rules", "crude", "title"];
        Ok(context.output.rows(&columns, &rows)?)
    }
}

impl Show {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        let catalog = named(&registry, &self.id)?;
        if let Some(code) = &self.code {
            return show_type(&catalog, code, context);
        }
        if self.counts {
            return Ok(context.output.document(&counts(&catalog))?);
        }
        let groups = catalog.groups().iter().map(|group| {
            json!({ "row": "group", "code": group.code, "group": group.id, "title": group.title, "text": group.text, "line": group.line })
        });
        let types = catalog.types().iter().map(|of| {
            let mut row = catalog_json::event_type(&catalog, of);
            row["row"] = json!("type");
            row
        });
        let rows: Vec<Value> = groups.chain(types).collect();
        let columns = ["code", "crude", "entity", "action", "group", "outcome", "title", "text"];
        context.output.rows(&columns, &rows)?;
        say(&sentence(&catalog));
        Ok(())
    }
}

fn show_type(catalog: &Catalog, code: &str, context: &Context) -> Outcome {
    if let Some(of) = catalog.type_by_code(code) {
        return Ok(context.output.document(&catalog_json::event_type(catalog, of))?);
    }
    if let Some(group) = catalog.groups().iter().find(|group| group.code.as_deref() == Some(code)) {
        let row = json!({ "catalog": catalog.id, "code": code, "group": group.id, "title": group.title, "text": group.text });
        return Ok(context.output.document(&row)?);
    }
    let near = nearest_codes(catalog, code, None, &[]);
    let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
    Err(Failure::usage(format!("catalog {} has no type with the code {code:?}{near}", catalog.id)))
}

/// Every count of a catalog: its parts, its letters, its groups.
pub(super) fn counts(catalog: &Catalog) -> Value {
    let mut out = Map::new();
    out.insert("catalog".to_owned(), json!(catalog.id));
    for (name, _) in COUNTS {
        out.insert((*name).to_owned(), json!(count(catalog, name)));
    }
    let with_situations = catalog.types().iter().filter(|of| !of.situations.is_empty()).count();
    out.insert("events_with_situations".to_owned(), json!(with_situations));
    let group_rows = catalog.groups().iter().filter(|group| group.code.is_some()).count();
    out.insert("group_rows".to_owned(), json!(group_rows));
    let letters: Map<_, _> =
        letters(catalog).into_iter().map(|(letter, count)| (letter.to_owned(), json!(count))).collect();
    out.insert("crude".to_owned(), Value::Object(letters));
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for of in catalog.types() {
        *groups.entry(of.group.as_deref().unwrap_or("none")).or_default() += 1;
    }
    out.insert("types_by_group".to_owned(), json!(groups));
    Value::Object(out)
}

fn letters(catalog: &Catalog) -> [(&'static str, usize); 5] {
    ["C", "R", "U", "D", "E"].map(|letter| {
        let of_letter =
            catalog.types().iter().filter(|of| of.crude.is_some_and(|crude| crude.as_str() == letter));
        (letter, of_letter.count())
    })
}

fn crude(catalog: &Catalog) -> String {
    letters(catalog).map(|(letter, count)| format!("{letter}{count}")).join(" ")
}

/// The counts that are not zero, as people say them.
fn sentence(catalog: &Catalog) -> String {
    let number = |name: &str| count(catalog, name).unwrap_or(0);
    let rows = catalog.groups().iter().filter(|group| group.code.is_some()).count();
    let mut parts = vec![format!("{} {}: {} codes", catalog.id, catalog.version_text, number("codes"))];
    if rows > 0 {
        let groups = number("groups");
        parts = vec![format!(
            "{} {}: {} codes in {groups} groups: {rows} group rows, {} events",
            catalog.id,
            catalog.version_text,
            number("codes"),
            number("types")
        )];
    }
    let told: &[&str] = if rows > 0 { &["codes", "types", "groups"] } else { &["codes", "types"] };
    for (name, words) in COUNTS.iter().filter(|(name, _)| !told.contains(name)) {
        if number(name) > 0 {
            parts.push(format!("{} {words}", number(name)));
        }
    }
    parts.push(crude(catalog));
    parts.join(", ")
}
