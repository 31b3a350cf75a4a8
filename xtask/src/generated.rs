//! Pages that are made from definitions in the code by asking the built binary for them.
//!
//! Each page is one line in the table. `gen` writes them, `gen --check` says which are stale; nothing else writes to
//! `docs/`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::command::{cargo, program_in_root, run};
use crate::workspace::{binary, root};

/// A page and the arguments with which the binary prints it.
struct Page {
    path: &'static str,
    arguments: &'static [&'static str],
}

const PAGES: &[Page] = &[
    Page { path: "docs/reference/configuration.md", arguments: &["config", "reference"] },
    Page { path: "docs/reference/openapi.json", arguments: &["openapi"] },
    Page { path: "docs/errors/README.md", arguments: &["errors"] },
];

/// Builds the binary and writes every page that differs.
#[expect(clippy::disallowed_methods, reason = "a generated page is in git; nothing is lost if we die here")]
pub(crate) fn write() -> Result<()> {
    run(cargo().args(["build", "--package", "indelible-cli"]))?;
    for page in PAGES {
        let text = page.print()?;
        let path = root().join(page.path);
        if std::fs::read(&path).is_ok_and(|old| old == text) {
            continue;
        }
        std::fs::create_dir_all(path.parent().context("a page lies in a folder")?)?;
        std::fs::write(&path, text).with_context(|| format!("writing {}", page.path))?;
        println!("wrote {}", page.path);
    }
    Ok(())
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
    fn print(&self) -> Result<Vec<u8>> {
        let program = binary("debug");
        ensure!(program.is_file(), "{} is not built: run cargo build", display(&program));
        let output = program_in_root(&program).args(self.arguments).output().context("starting indelible")?;
        let arguments = self.arguments.join(" ");
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "indelible {arguments}: {}: {}", output.status, error.trim());
        ensure!(!output.stdout.is_empty(), "indelible {arguments} printed nothing");
        Ok(output.stdout)
    }
}

fn display(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
