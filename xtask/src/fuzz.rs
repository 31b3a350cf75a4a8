//! `cargo xtask fuzz [SECONDS] [TARGET]`: every target of `fuzz/` for so long, from small valid inputs on. A finding is
//! kept under `fuzz/artifacts` with the command that repeats it.
//!
//! The flags are those that `cargo fuzz` passes, without a sanitizer: the code has no unsafe blocks to watch, so the
//! compiler of the project is enough. Whoever has `cargo fuzz` can use it on the same folder.

use anyhow::{Context, Result, ensure};

use crate::command::{cargo, program_in_root, run};
use crate::workspace::root;

const TARGETS: [&str; 6] = ["segment", "query", "body", "tlog", "formats", "syslog"];
/// Seconds for each target when nothing is said.
const SECONDS: u32 = 60;
/// Most memory that an input may take, MiB: no reader of an input this small needs more.
const MEMORY_MIB: u32 = 1024;
/// Longest input, bytes: larger segments only repeat what smaller ones have.
const INPUT_BYTES: u32 = 64 * 1024;
/// Longest time for one input, seconds.
const INPUT_SECONDS: u32 = 10;
/// The platform that the project is tested on.
const HOST: &str = "x86_64-unknown-linux-gnu";

const FLAGS: [&str; 6] = [
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cdebug-assertions",
];

/// Fuzzes one target, or all, for so many seconds each.
pub(crate) fn fuzz(seconds: Option<&str>, only: Option<&str>) -> Result<()> {
    let seconds: u32 =
        seconds.map_or(Ok(SECONDS), |text| text.parse().context("SECONDS is a whole number"))?;
    let targets: Vec<&str> =
        TARGETS.into_iter().filter(|target| only.is_none_or(|only| only == *target)).collect();
    ensure!(!targets.is_empty(), "no such target; there are {}", TARGETS.join(", "));
    let manifest = root().join("fuzz/Cargo.toml");
    let of_fuzz = ["--release", "--target-dir", "fuzz/target", "--manifest-path"];
    run(cargo().arg("run").args(of_fuzz).arg(&manifest).args(["--bin", "seeds"]))?;
    let mut build = cargo();
    build.env("RUSTFLAGS", FLAGS.join(" ")).arg("build").args(of_fuzz).arg(&manifest);
    build.args(targets.iter().flat_map(|target| ["--bin", target]));
    // With a platform named, the flags do not reach build scripts.
    run(build.args(["--target", HOST]))?;
    let programs = root().join("fuzz/target").join(HOST).join("release");
    for target in targets {
        println!("\n=== {target}, {seconds} s");
        let corpus = root().join("fuzz/corpus").join(target);
        let artifacts = root().join("fuzz/artifacts").join(target);
        std::fs::create_dir_all(&artifacts).with_context(|| format!("creating {}", artifacts.display()))?;
        run(program_in_root(programs.join(target))
            .arg(corpus)
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            .arg(format!("-max_len={INPUT_BYTES}"))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg("-print_final_stats=1"))?;
    }
    Ok(())
}
