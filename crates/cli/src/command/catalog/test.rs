//! Catalogs against their own cases and expectations.

use indelible_catalog::cases::{Decoders, run_cases};
use indelible_catalog::catalog::Catalog;
use indelible_catalog::lint::report;
use indelible_event::Value as EventValue;
use indelible_formats::{Format, parse_json};
use serde_json::{Value, json};
use std::sync::Arc;

use super::lint::rows_of;
use crate::Context;
use crate::catalogs::{CatalogsArg, named};
use crate::exit::{Failure, Outcome};
use crate::local::fingerprint;
use crate::output::say;

const COLUMNS: [&str; 4] = ["catalog", "result", "case", "differences"];

/// Run catalogs' cases and expectations
///
/// Cases are raw lines with what must come of them; expectations are counts and known lint findings.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog test\n  indelible catalog test doors --catalogs ./my-catalogs"
)]
pub(super) struct Test {
    /// Catalogs; all without any
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

impl Test {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        let chosen: Vec<Arc<Catalog>> = if self.ids.is_empty() {
            registry.iter().cloned().collect()
        } else {
            self.ids.iter().map(|id| named(&registry, id)).collect::<Result<_, _>>()?
        };
        let decoders = Decoders {
            decode: &decode,
            parse_json: &|text| parse_json(text.as_bytes()).ok(),
            fingerprint: &fingerprint,
        };
        let mut rows = Vec::new();
        for catalog in &chosen {
            let cases = run_cases(&registry, catalog, &decoders);
            let failed = cases.iter().filter(|case| !case.differences.is_empty()).count();
            let unexpected: Vec<Value> = rows_of(catalog, &report(catalog))
                .into_iter()
                .filter(|row| row["status"] != "expected")
                .collect();
            say(&format!(
                "{}: {} cases, {failed} failed; {} expectations not met",
                catalog.id,
                cases.len(),
                unexpected.len()
            ));
            rows.extend(cases.iter().map(|case| {
                let result = if case.differences.is_empty() { "passed" } else { "failed" };
                let place = format!("{}:{}", case.place.file, case.place.line);
                json!({ "catalog": catalog.id, "result": result, "case": case.name, "place": place, "differences": case.differences.join("; ") })
            }));
            rows.extend(unexpected.iter().map(|row| {
                let text = |name: &str| row[name].as_str().unwrap_or_default();
                let what = format!("{} {} {}", text("status"), text("finding"), text("subject"));
                json!({ "catalog": catalog.id, "result": "failed", "case": what, "place": row["place"], "differences": row["message"] })
            }));
        }
        context.output.rows(&COLUMNS, &rows)?;
        match rows.iter().filter(|row| row["result"] == "failed").count() {
            0 => Ok(()),
            failed => Err(Failure::failed(format!("{failed} of {} checks failed", rows.len()))),
        }
    }
}

fn decode(format: &str, text: &str) -> Result<EventValue, String> {
    let format: Format =
        format.parse().map_err(|error: indelible_formats::UnknownFormat| error.to_string())?;
    match format.decode(text.as_bytes()).next() {
        Some(Ok(raw)) => Ok(raw.value),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the text holds no record".to_owned()),
    }
}
