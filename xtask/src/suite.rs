//! Building the whole workspace once and running its tests from the built programs.
//!
//! Selecting packages on cargo's command line changes which features its dependencies get, and so builds them again.
//! Therefore everything is built by one command, cargo names the test programs, and we run those we want.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::cargo;

/// Packages whose tests start the built binary. They run last, because they are slow and everything else explains
/// their failures.
const END_TO_END: &[&str] = &["indelible-cli", "indelible-e2e"];

/// What is tested beyond the default features. A build without them differs only in what it refuses, which
/// [`without_features`] looks at.
pub(crate) const FEATURES: &str = "indelible-cli/sql";

/// What makes tests do all they can: more kills, every single point of failure.
const LONG: &[(&str, &str)] = &[("INDELIBLE_LONG", "1"), ("STORE_CRASH_STRIDE", "1")];

/// One test program.
pub(crate) struct Suite {
    package: String,
    target: String,
    folder: PathBuf,
    program: PathBuf,
}

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Builds every target of the workspace and lists its test programs.
pub(crate) fn build() -> Result<Vec<Suite>> {
    let mut command = cargo();
    command.args([
        "test",
        "--workspace",
        "--features",
        FEATURES,
        "--all-targets",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo")?;
    let output = child.stdout.take().context("cargo's output")?;
    let mut suites = Vec::new();
    for line in BufReader::new(output).lines() {
        let message: Value = serde_json::from_str(&line?).context("reading cargo's messages")?;
        suites.extend(suite(&message));
    }
    ensure!(child.wait()?.success(), "the workspace does not build");
    suites.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(suites)
}

fn suite(message: &Value) -> Option<Suite> {
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let program = message["executable"].as_str().filter(|_| is_test)?;
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    Some(Suite {
        package: package_name(folder)?,
        target: message["target"]["name"].as_str()?.to_owned(),
        folder: folder.to_owned(),
        program: program.into(),
    })
}

fn package_name(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = toml::from_str(&text).ok()?;
    manifest.get("package")?.get("name")?.as_str().map(str::to_owned)
}

impl Suite {
    /// Whether its tests start the built binary.
    pub(crate) fn is_end_to_end(&self) -> bool {
        END_TO_END.contains(&self.package.as_str())
    }

    /// Runs all tests of the program. A program that dies without a summary counts as one failure.
    pub(crate) fn run(&self, long: bool) -> Result<Tally> {
        println!("-- {} {}", self.package, self.target);
        let mut command = Command::new(&self.program);
        // Cargo sets this for test programs; some look for their data through it.
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        if long {
            command.envs(LONG.iter().copied());
        }
        counted(&mut command)
    }
}

/// Runs the examples in documentation comments.
pub(crate) fn doc_tests() -> Result<Tally> {
    counted(cargo().args(["test", "--workspace", "--features", FEATURES, "--doc"]))
}

/// Tests that the build without features refuses what it lacks. The built program stays the one with features.
pub(crate) fn without_features() -> Result<Tally> {
    counted(cargo().args(["test", "--workspace", "--test", "offline"]))
}

/// Runs a program that ends with the test harness's summary lines, shows its output and adds the summaries up.
fn counted(command: &mut Command) -> Result<Tally> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting a test program")?;
    let output = child.stdout.take().context("a test program's output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if !line.ends_with(" ... ok") {
            println!("{line}");
        }
        tally.add(summary(&line));
    }
    if !child.wait()?.success() && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

/// Reads `test result: ok. 4 passed; 0 failed; …`; any other line counts nothing.
fn summary(line: &str) -> Tally {
    let Some(rest) = line.strip_prefix("test result: ") else { return Tally::default() };
    let number = |word: &str| {
        let before = rest.split_once(word).map_or("", |(before, _)| before);
        before.trim_end().rsplit(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    Tally { passed: number("passed"), failed: number("failed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_read() {
        let line = "test result: FAILED. 13 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.68s";
        assert_eq!(summary(line), Tally { passed: 13, failed: 2 });
        assert_eq!(summary("test a::b ... ok"), Tally::default());
    }

    #[test]
    fn a_program_that_dies_is_a_failure() {
        let tally = counted(Command::new("sh").args(["-c", "echo starting; exit 3"])).unwrap();
        assert_eq!(tally, Tally { passed: 0, failed: 1 });
    }
}
