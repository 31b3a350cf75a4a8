//! Where things are: the root of the repository, its files, and what cargo builds. Reads only.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in a folder of the repository's root")
}

/// The files that belong to the repository: tracked ones and new ones that are not ignored. Paths are relative to the
/// root, sorted, and exist.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .context("running git: install it and run inside a clone")?;
    ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let exists = |path: &PathBuf| root().join(path).is_file();
    let mut files: Vec<PathBuf> =
        text.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).filter(exists).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The product's binary in a profile's folder (`debug` or `release`).
pub(crate) fn binary(profile: &str) -> PathBuf {
    target().join(profile).join("indelible")
}
