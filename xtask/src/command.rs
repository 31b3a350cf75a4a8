//! Running other programs: what they print goes to the terminal, how they end becomes an answer.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::root;

/// The cargo that runs this chore, so that a chosen toolchain stays chosen.
///
/// What the outer cargo tells this program about its package is not passed on: build scripts watch those variables, and
/// would run again whenever a person and this program build in turn.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program_in_root(&program);
    for (name, _) in std::env::vars_os() {
        let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"];
        if name.to_str().is_some_and(|name| of_package.iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
    }
    command
}

/// A program to be run in the root of the repository.
pub(crate) fn program_in_root(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs to the end. Fails with the command line when the program cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command.status().with_context(|| format!("starting {line}: is it installed?"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Runs a script of the repository with a shell or interpreter; a missing script is a failure, never a pass.
pub(crate) fn script(interpreter: &str, path: &str, arguments: &[&str]) -> Result<()> {
    if !root().join(path).is_file() {
        bail!("{path} does not exist: this check cannot be left out");
    }
    run(program_in_root(interpreter).arg(path).args(arguments))
}

/// Whether a program is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder: std::path::PathBuf| is_program(&folder.join(program)))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
