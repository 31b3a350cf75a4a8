//! The seven questions over the same events: this program over HTTP, and the stores that people use for such events.
//!
//! Every answer is compared with the expected one before its time counts; `bench/peers` says how each store is set up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::server::Server;
use super::{append, build, machine, row};
use crate::command::{program_in_root, run as run_command};
use crate::workspace::{root, target};

/// Odd, so that the median is an answer that happened.
const REPEATS: &str = "9";
/// The other stores, by the names of `bench/peers/engines.py`.
pub(super) const PEERS: [&str; 4] = ["sqlite", "postgres", "duckdb", "clickhouse"];
/// Questions by the names of `bench/peers/questions.py`, with what they ask.
const QUESTIONS: [(&str, &str); 8] = [
    ("q1", "newest 50 of an account"),
    ("q2_count", "count of an actor"),
    ("q2", "newest 50 of an actor"),
    ("q3", "one code per day"),
    ("q4", "top 10 actors"),
    ("q5", "a rare word"),
    ("q6", "distinct actors per account"),
    ("q7", "a session"),
];

/// Loads sample events everywhere, asks everybody, and adds a table to the results.
pub(super) fn run(events: u64, peers: &[&str]) -> Result<()> {
    build()?;
    let expected = root().join(format!("bench/expected/{events}.json"));
    ensure!(
        expected.is_file(),
        "the expected answers of {events} events are not known; bench/expected has those that are"
    );
    let python = python()?;
    let mut section =
        format!("\n## {}: search over {events} events\n\n{}\n", machine::now()?, machine::facts()?);
    let mut columns = vec![ours(&python, events, &expected)?];
    if !peers.is_empty() {
        let file = sample_events(events)?;
        for peer in peers {
            println!("=== {peer}");
            columns.push(ask(&python, peer, (&file, &expected), None)?);
        }
        drop(fs::remove_file(&file));
    }
    section.push_str(&table(&columns));
    println!("{section}");
    append(&section)
}

/// A Python of its own with the peers' packages.
pub(super) fn python() -> Result<PathBuf> {
    let folder = target().join("bench-peers");
    let python = folder.join("bin/python");
    if !python.is_file() {
        run_command(program_in_root("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let wanted = root().join("bench/peers/requirements.txt");
    run_command(program_in_root(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(wanted))?;
    Ok(python)
}

/// The load driver.
pub(super) fn driver() -> std::process::Command {
    program_in_root(target().join("release/indelible-bench"))
}

fn sample_events(events: u64) -> Result<PathBuf> {
    let file = target().join("bench-events.ndjson");
    run_command(driver().args(["generate", "--count", &events.to_string(), "--out"]).arg(&file))?;
    Ok(file)
}

/// Sends the events to a fresh server, and asks it once they are sealed.
fn ours(python: &Path, events: u64, expected: &Path) -> Result<Value> {
    println!("=== indelible");
    let mut server = Server::start()?;
    let count = events.to_string();
    let output = driver()
        .args(["ingest", "--json", "yes", "--url", &server.url(), "--token", server.token()])
        .args(["--pid", &server.pid(), "--batch", "1000", "--connections", "4"])
        .args(["--events", &count, "--distinct", &count])
        .stderr(Stdio::inherit())
        .output()
        .context("starting the load driver")?;
    ensure!(output.status.success(), "the load driver failed; the server said:\n{}", server.said());
    let load: Value = serde_json::from_slice(&output.stdout).context("reading the driver's report")?;
    println!("{load}");
    server.wait_settled()?;
    let ready = server.restart()?;
    let (url, token) = (server.url(), server.token().to_owned());
    let mut figures = ask(python, "indelible", (Path::new("-"), expected), Some((&url, &token)))?;
    figures["events_per_second"] = load["events_per_second"].clone();
    figures["load_cpu_us_per_event"] = load["server_us_per_event"].clone();
    figures["bytes_per_event"] = server.bytes_per_sealed_event()?.into();
    figures["folder_bytes_per_event"] = server.folder_bytes_per_event(events)?.into();
    figures["start_ms"] = (ready.as_secs_f64() * 1_000.0).into();
    figures["peak_mib"] = server.peak_mib()?.into();
    Ok(figures)
}

fn ask(
    python: &Path,
    engine: &str,
    (events, expected): (&Path, &Path),
    service: Option<(&str, &str)>,
) -> Result<Value> {
    let mut command = program_in_root(python);
    command.arg("bench/peers/run.py").arg(engine).args([events, expected]).arg(REPEATS);
    command.env("BENCH_FOLDER", target());
    if let Some((url, token)) = service {
        command.env("INDELIBLE_URL", url).env("INDELIBLE_TOKEN", token);
    }
    let output = command.stderr(Stdio::inherit()).output().context("starting python")?;
    ensure!(output.status.success(), "{engine} failed, its message stands above");
    let figures: Value = serde_json::from_slice(&output.stdout).context("reading the figures")?;
    println!("{figures}");
    Ok(figures)
}

fn table(columns: &[Value]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column["engine"].as_str().unwrap_or("?")).collect();
    let mut text = row(&[&["figure"], names.as_slice()].concat());
    text.push_str("|---|");
    text.push_str(&"--:|".repeat(columns.len()));
    text.push('\n');
    let mut line = |name: &str, value: &dyn Fn(&Value) -> String| {
        let cells: Vec<String> = columns.iter().map(value).collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        text.push_str(&row(&[&[name], cells.as_slice()].concat()));
    };
    line("durable", &|column| column["durable"].as_str().unwrap_or("–").to_owned());
    line("events/s", &|column| number(&column["events_per_second"], 0));
    line("CPU µs/event", &|column| number(&column["load_cpu_us_per_event"], 1));
    line("bytes/event", &|column| number(&column["bytes_per_event"], 1));
    line("bytes/event, whole folder but the WAL", &|column| number(&column["folder_bytes_per_event"], 1));
    for (name, asks) in QUESTIONS {
        line(&format!("{name}: {asks}, ms"), &|column| number(&column["ms"][name], 2));
    }
    line("start after a clean stop, ms", &|column| number(&column["start_ms"], 0));
    line("server peak MiB", &|column| number(&column["peak_mib"], 0));
    text
}

fn number(value: &Value, decimals: usize) -> String {
    value.as_f64().map_or("–".to_owned(), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_figure_that_an_engine_lacks_is_a_dash() {
        let columns = [
            json!({"engine": "A", "ms": {"q1": 0.126}, "bytes_per_event": 31.4, "peak_mib": 200.0}),
            json!({"engine": "B", "ms": {"q1": 10}}),
        ];
        let table = table(&columns);
        assert!(table.starts_with("| figure | A | B |\n|---|--:|--:|\n"), "{table}");
        assert!(table.contains("| q1: newest 50 of an account, ms | 0.13 | 10.00 |\n"), "{table}");
        assert!(table.contains("| bytes/event | 31.4 | – |\n"), "{table}");
    }
}
