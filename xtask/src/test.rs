//! `cargo xtask test`: everything that must hold, in order, each step with its time, and one line of sums at the end.
//!
//! A step is never left out because a tool is missing; that is a failure. Steps after a failed build are counted as
//! failed, because nothing is known about them.

use std::time::Duration;

use anyhow::Result;

use crate::command::{cargo, program_in_root, run as run_command, script};
use crate::suite::{FEATURES, Suite, Tally, build, doc_tests, without_features};
use crate::workspace::binary;
use crate::{generated, install, tidy};

/// What one step came to.
struct Outcome {
    name: &'static str,
    tally: Tally,
    took: Duration,
    error: Option<String>,
}

/// The steps of one run so far.
#[derive(Default)]
struct Run {
    outcomes: Vec<Outcome>,
}

/// Runs all steps; `long` adds what takes too long for every change. Answers whether all of it passed.
pub(crate) fn run(long: bool) -> bool {
    let mut run = Run::default();
    let mut suites = Vec::new();
    run.check("install what tests need", install::run);
    run.check("formatting", || run_command(cargo().args(["fmt", "--all", "--check"])));
    let clippy = |features| {
        let options =
            ["--quiet", "--workspace", "--features", features, "--all-targets", "--", "-D", "warnings"];
        run_command(cargo().arg("clippy").args(options))
    };
    run.check("clippy, warnings denied", || clippy(FEATURES));
    run.check("clippy of the build without features", || clippy(""));
    let built = run.check("build", || {
        suites = build()?;
        Ok(())
    });
    if built {
        let (end_to_end, unit): (Vec<&Suite>, Vec<&Suite>) =
            suites.iter().partition(|suite| suite.is_end_to_end());
        run.count("unit and crate tests", || all(&unit, long));
        run.count("documentation examples", doc_tests);
        run.count("what the build without features refuses", without_features);
        run.count("end-to-end tests", || all(&end_to_end, long));
        run.check("foreign verifiers", || script("bash", "tests/foreign/run.sh", &[]));
        run.check("console in a browser", || {
            let mut node = program_in_root("node");
            let files = ["console", "embed", "evidence", "pages", "people", "walk"]
                .map(|name| format!("tests/console/{name}.test.js"));
            run_command(node.arg("--test").args(files).env("INDELIBLE", binary("debug")))
        });
        run.check("vectors, confirmed in Python", || script("python3", "tests/vectors/confirm.py", &[]));
        run.check("generated pages are fresh", || {
            pass(generated::check()?, "stale pages: run cargo xtask gen")
        });
    }
    run.check("tidy", || pass(tidy::report()?, "house rules are broken: see above"));
    run.finish()
}

/// Walks the way of a newcomer with as many events as a demonstration has, and writes what it came to.
pub(crate) fn walk() -> Result<()> {
    install::run()?;
    let built = |profile| binary(profile).exists();
    let profile = if built("release") { "release" } else { "debug" };
    let mut node = program_in_root("node");
    node.args(["--test", "tests/console/walk.test.js"]).env("INDELIBLE", binary(profile));
    node.envs([("WALK", "docs/guide/five-minutes.md"), ("WALK_BUILD", profile), ("WALK_EVENTS", "200000")]);
    run_command(&mut node)
}

fn all(suites: &[&Suite], long: bool) -> Result<Tally> {
    let mut sum = Tally::default();
    for suite in suites {
        sum.add(suite.run(long)?);
    }
    Ok(sum)
}

fn pass(holds: bool, otherwise: &str) -> Result<()> {
    anyhow::ensure!(holds, "{otherwise}");
    Ok(())
}

impl Run {
    /// A step that passes or fails as a whole.
    fn check(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) -> bool {
        self.count(name, || step().map(|()| Tally { passed: 1, failed: 0 }))
    }

    /// A step that counts its tests.
    fn count(&mut self, name: &'static str, step: impl FnOnce() -> Result<Tally>) -> bool {
        println!("\n=== {name}");
        let (result, took) = timed(step);
        let (tally, error) = match result {
            Ok(tally) => (tally, None),
            Err(error) => (Tally { passed: 0, failed: 1 }, Some(format!("{error:#}"))),
        };
        if let Some(error) = &error {
            println!("failed: {error}");
        }
        self.outcomes.push(Outcome { name, tally, took, error });
        tally.failed == 0
    }

    /// Prints the table of steps and, as the last line, the sums.
    fn finish(&self) -> bool {
        println!("\n=== summary");
        let mut sum = Tally::default();
        for step in &self.outcomes {
            let mark = if step.tally.failed == 0 { "ok" } else { "FAILED" };
            let seconds = step.took.as_secs_f64();
            println!(
                "{mark:<6} {seconds:>7.1} s  {:<30} {} passed, {} failed",
                step.name, step.tally.passed, step.tally.failed
            );
            if let Some(error) = &step.error {
                println!("       {error}");
            }
            sum.add(step.tally);
        }
        println!("{} passed, {} failed", sum.passed, sum.failed);
        sum.failed == 0
    }
}

#[expect(clippy::disallowed_methods, reason = "a person wants to know how long a step took")]
fn timed<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = step();
    (result, start.elapsed())
}
