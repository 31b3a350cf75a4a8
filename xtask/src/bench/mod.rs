//! Measurements on the machine at hand. Figures go to `bench/RESULTS.md` with what the machine was; they never decide
//! whether a change passes, because a busy machine would then decide it.

mod machine;
mod mixed;
mod real;
mod search;
mod server;

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::command::{cargo, program_in_root, run as run_command};
use crate::workspace::{root, target};
use server::Server;

/// Odd, so that the median is a run that happened.
const RUNS: usize = 5;
/// The events lie in the last hours, so that none is flagged as late or ahead.
const SPAN_MS: u64 = 6 * 3_600_000;

/// Events of the search measurement.
const SEARCHED_EVENTS: u64 = 2_000_000;

/// One way of sending.
struct Load {
    name: &'static str,
    /// Options of the driver.
    options: &'static [&'static str],
}

const LOADS: &[Load] = &[
    Load {
        name: "NDJSON, batches of 1,000, 4 connections",
        options: &["--batch", "1000", "--connections", "4", "--events", "1000000", "--seconds", "30"],
    },
    Load {
        name: "single events, 256 connections",
        options: &["--batch", "single", "--connections", "256", "--events", "300000", "--seconds", "10"],
    },
];

/// A figure of the driver's report and how it is shown.
struct Figure {
    pointer: &'static str,
    name: &'static str,
    decimals: usize,
}

const FIGURES: &[Figure] = &[
    Figure { pointer: "/events_per_second", name: "events/s", decimals: 0 },
    Figure { pointer: "/ack_ms/p50", name: "ack p50 ms", decimals: 2 },
    Figure { pointer: "/ack_ms/p99", name: "ack p99 ms", decimals: 2 },
    Figure { pointer: "/server_us_per_event", name: "server CPU µs/event", decimals: 2 },
    Figure { pointer: "/server_peak_mib", name: "server peak MiB", decimals: 0 },
    Figure { pointer: "/driver_s", name: "driver CPU s", decimals: 2 },
];

/// Runs one measurement by name.
pub(crate) fn run(name: &str) -> Result<()> {
    match name {
        "ingest" => ingest(),
        "mixed" => mixed::run(),
        "real" => real::run(),
        "own-search" => search::run(SEARCHED_EVENTS, &[]),
        "search" => search::run(SEARCHED_EVENTS, &search::PEERS),
        _ => bail!("no such measurement: {name}"),
    }
}

/// Sends sample events to a fresh server, several times for each way of sending.
fn ingest() -> Result<()> {
    build()?;
    let mut section = format!("\n## {}\n\n{}\n", machine::now()?, machine::facts()?);
    section.push_str(&row(&["load", "figure", "median", "lowest", "highest"]));
    section.push_str("|---|---|---|---|---|\n");
    for load in LOADS {
        let mut reports = Vec::with_capacity(RUNS);
        for number in 1..=RUNS {
            println!("=== {}: run {number} of {RUNS}", load.name);
            reports.push(measure(load)?);
        }
        for figure in FIGURES {
            section.push_str(&figure_row(load, figure, &reports));
        }
    }
    println!("{section}");
    append(&section)
}

/// The program and the load driver in the release profile.
fn build() -> Result<()> {
    let packages = ["--package", "indelible-cli", "--package", "indelible-bench"];
    run_command(cargo().args(["build", "--release"]).args(packages))
}

fn measure(load: &Load) -> Result<Value> {
    let server = Server::start()?;
    let start_ms = machine::unix_ms()? - SPAN_MS;
    let output = program_in_root(target().join("release/indelible-bench"))
        .args(["ingest", "--json", "yes", "--url", &server.url(), "--token", server.token()])
        .args([
            "--pid",
            &server.pid(),
            "--start-ms",
            &start_ms.to_string(),
            "--span-ms",
            &SPAN_MS.to_string(),
        ])
        .args(load.options)
        .stderr(Stdio::inherit())
        .output()
        .context("starting the load driver")?;
    ensure!(output.status.success(), "the load driver failed; the server said:\n{}", server.said());
    let report: Value = serde_json::from_slice(&output.stdout).context("reading the driver's report")?;
    println!("{report}");
    Ok(report)
}

fn figure_row(load: &Load, figure: &Figure, reports: &[Value]) -> String {
    let values = reports.iter().filter_map(|report| report.pointer(figure.pointer)?.as_f64());
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let shown =
        |value: Option<&f64>| value.map_or("–".to_owned(), |value| format!("{value:.*}", figure.decimals));
    let (median, low, high) = (values.get(values.len() / 2), values.first(), values.last());
    row(&[load.name, figure.name, &shown(median), &shown(low), &shown(high)])
}

fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn append(section: &str) -> Result<()> {
    let path = root().join("bench/RESULTS.md");
    let mut file =
        std::fs::OpenOptions::new().append(true).open(&path).context("opening bench/RESULTS.md")?;
    file.write_all(section.as_bytes())?;
    println!("added to bench/RESULTS.md");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_median_is_one_of_the_runs() {
        let reports = [5.0, 1.0, 3.0].map(|ms| json!({"ack_ms": {"p99": ms}}));
        let row = figure_row(&LOADS[1], &FIGURES[2], &reports);
        assert_eq!(row, "| single events, 256 connections | ack p99 ms | 3.00 | 1.00 | 5.00 |\n");
        let missing = figure_row(&LOADS[1], &FIGURES[3], &reports);
        assert!(missing.ends_with("| – | – | – |\n"));
    }
}
