//! Catalogs for commands that work without a server: the built-in ones and those of a folder.

use std::path::PathBuf;

use indelible_catalog::Loaded;
use indelible_catalog::catalog::{Catalog, Registry};
use indelible_server::catalog_files;
use std::sync::Arc;

use crate::exit::Failure;
use crate::output::say;

/// Where the user's own catalogs are.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CatalogsArg {
    /// Folder with your own catalogs, one folder each, or one such folder
    #[arg(long, env = "INDELIBLE__NODE__CATALOGS", value_name = "DIR")]
    pub(crate) catalogs: Option<PathBuf>,
}

impl CatalogsArg {
    /// The catalogs, and the faults of those that were refused.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        catalog_files::load_all(self.catalogs.as_deref()).map_err(|error| unreadable(&error))
    }

    /// The catalogs; faults of others go to standard error.
    pub(crate) fn registry(&self) -> Result<Registry, Failure> {
        let loaded = self.load()?;
        for problem in &loaded.problems {
            say(&format!("catalog refused: {}", catalog_files::problem_line(problem)));
        }
        Ok(Registry::new(loaded.catalogs))
    }
}

/// The catalog of this name.
pub(crate) fn named(registry: &Registry, id: &str) -> Result<Arc<Catalog>, Failure> {
    registry.get(id).cloned().ok_or_else(|| {
        let near = registry.suggest(id);
        let known: Vec<&str> = registry.iter().map(|catalog| catalog.id.as_str()).collect();
        let hint = if near.is_empty() {
            format!("known are {}", known.join(", "))
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        Failure::usage(format!("there is no catalog {id:?}; {hint}"))
    })
}

/// A folder that could not be read, with its cause.
pub(crate) fn unreadable(error: &catalog_files::CatalogFilesError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::usage(format!("{error}{cause}"))
}
