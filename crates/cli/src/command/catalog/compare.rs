//! Two versions of a catalog.

use std::path::Path;
use std::sync::Arc;

use indelible_catalog::catalog::{Catalog, Registry};
use indelible_catalog::diff::{checked_diff, diff};
use serde_json::{Value, json};

use super::lint::of_folder;
use crate::Context;
use crate::catalogs::{CatalogsArg, named};
use crate::exit::{Failure, Outcome};
use crate::output::say;

/// Compare two versions of a catalog
///
/// Says which step the version number must make: major, minor or patch. Exit 1 when it makes a smaller one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog diff openkat ./my-catalogs/openkat\n  indelible catalog diff ./doors-1.0 ./doors-1.1 --json"
)]
pub(super) struct Diff {
    /// Catalog or folder before
    #[arg(value_name = "OLD")]
    old: String,
    /// Catalog or folder after
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

impl Diff {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        let (old, new) = (one(&registry, &self.old)?, one(&registry, &self.new)?);
        let found = diff(&old, &new);
        let rows: Vec<Value> = found
            .changes
            .iter()
            .map(|change| json!({ "step": change.step.as_str(), "subject": change.subject, "what": change.what }))
            .collect();
        context.output.rows(&["step", "subject", "what"], &rows)?;
        say(&format!(
            "{} {} -> {}: the changes need a {} step, the versions make a {} step",
            new.id,
            found.from,
            found.to,
            found.needed.as_str(),
            found.made.as_str()
        ));
        checked_diff(&old, &new).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(())
    }
}

fn one(registry: &Registry, which: &str) -> Result<Arc<Catalog>, Failure> {
    if !Path::new(which).is_dir() {
        return named(registry, which);
    }
    let (catalogs, problems) = of_folder(Path::new(which))?;
    match catalogs.as_slice() {
        [one] => Ok(Arc::clone(one)),
        [] => Err(Failure::usage(format!("the catalog in {which} cannot be read:\n{}", problems.join("\n")))),
        _ => {
            Err(Failure::usage(format!("{which} holds {} catalogs; name the folder of one", catalogs.len())))
        }
    }
}
