//! Pages that are made from definitions in the code, mostly by asking the built binary for them.
//!
//! Each page is one line in the table. `gen` writes them, `gen --check` says which are stale; nothing else writes to
//! `docs/`.

mod errors;
mod fields;
mod query;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::command::{cargo, program_in_root, run};
use crate::suite::FEATURES;
use crate::workspace::{binary, root};

/// A page and where its text comes from.
struct Page {
    path: &'static str,
    source: Source,
}

enum Source {
    /// The binary prints it when called with these arguments.
    Binary(&'static [&'static str]),
    /// A function of this program makes it.
    Function(fn() -> String),
    /// The same from other files, which may be wrong.
    Files(fn() -> Result<String>),
}

const PAGES: &[Page] = &[
    Page { path: "docs/reference/settings.md", source: Source::Binary(&["reference", "settings"]) },
    Page { path: "docs/reference/openapi.json", source: Source::Binary(&["reference", "openapi"]) },
    Page { path: "docs/reference/limits.md", source: Source::Binary(&["reference", "limits"]) },
    Page { path: "docs/reference/permissions.md", source: Source::Binary(&["reference", "permissions"]) },
    Page { path: "docs/reference/parquet.md", source: Source::Binary(&["reference", "parquet"]) },
    Page { path: "docs/reference/connectors.md", source: Source::Binary(&["reference", "connectors"]) },
    Page { path: "docs/reference/cli.md", source: Source::Binary(&["reference", "cli"]) },
    Page { path: "docs/reference/fields.md", source: Source::Function(fields::page) },
    Page { path: "docs/reference/query.md", source: Source::Function(query::page) },
    Page { path: "docs/errors/README.md", source: Source::Files(errors::page) },
];

/// Writes every page that differs; builds the binary for the pages that it prints.
pub(crate) fn write() -> Result<()> {
    let (made, printed): (Vec<&Page>, Vec<&Page>) =
        PAGES.iter().partition(|page| !matches!(page.source, Source::Binary(_)));
    made.into_iter().try_for_each(Page::write)?;
    // As the tests build it, so that nothing is built twice.
    run(cargo().args(["test", "--workspace", "--features", FEATURES, "--test", "suite", "--no-run"]))?;
    printed.into_iter().try_for_each(Page::write)
}

/// Compares every page with what the built binary prints now. The binary must have been built.
pub(crate) fn check() -> Result<bool> {
    let mut fresh = true;
    for page in PAGES {
        let on_disk = std::fs::read(root().join(page.path)).unwrap_or_default();
        if page.print()? != on_disk {
            println!("stale: {}", page.path);
            fresh = false;
        }
    }
    Ok(fresh)
}

impl Page {
    #[expect(
        clippy::disallowed_methods,
        reason = "a generated page is in git; nothing is lost if we die here"
    )]
    fn write(&self) -> Result<()> {
        let text = self.print()?;
        let path = root().join(self.path);
        if std::fs::read(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        std::fs::create_dir_all(path.parent().context("a page lies in a folder")?)?;
        std::fs::write(&path, text).with_context(|| format!("writing {}", self.path))?;
        println!("wrote {}", self.path);
        Ok(())
    }

    fn print(&self) -> Result<Vec<u8>> {
        match self.source {
            Source::Binary(arguments) => printed(arguments),
            Source::Function(make) => Ok(make().into_bytes()),
            Source::Files(make) => Ok(make()?.into_bytes()),
        }
    }
}

fn printed(arguments: &[&str]) -> Result<Vec<u8>> {
    let program = binary("debug");
    ensure!(program.is_file(), "{} is not built: run cargo build", display(&program));
    let output = program_in_root(&program).args(arguments).output().context("starting indelible")?;
    let arguments = arguments.join(" ");
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "indelible {arguments}: {}: {}", output.status, error.trim());
    ensure!(!output.stdout.is_empty(), "indelible {arguments} printed nothing");
    Ok(output.stdout)
}

fn display(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
