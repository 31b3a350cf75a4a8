//! Events coming in at a steady rate while clients ask: what each does to the other.

use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::search::{driver, python};
use super::server::Server;
use super::{append, build, machine, row};
use crate::command::program_in_root;

/// Events that are there before anybody asks.
const STORED: &str = "2000000";
const RATE: &str = "50000";
const CLIENTS: &str = "8";
const SECONDS: &str = "30";

/// Fills a server, then sends and asks at the same time, and adds the figures to the results.
pub(super) fn run() -> Result<()> {
    build()?;
    let python = python()?;
    let server = Server::start()?;
    let mut section = format!(
        "\n## {}: {CLIENTS} clients ask while {RATE} events/s come in\n\n{}\n",
        machine::now()?,
        machine::facts()?
    );
    println!("=== storing {STORED} events");
    finished(sender(&server, &["--events", STORED, "--seconds", "600"])?, "the load driver", &server)?;
    println!("=== sending and asking for {SECONDS} s");
    let sending = sender(&server, &["--events", "100000000", "--seconds", SECONDS, "--rate", RATE])?;
    let asking = program_in_root(&python)
        .args(["bench/peers/mixed.py", "bench/expected/2000000.json", CLIENTS, SECONDS])
        .env("INDELIBLE_URL", server.url())
        .env("INDELIBLE_TOKEN", server.token())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting python")?;
    let asked = finished(asking, "the clients", &server)?;
    let sent = finished(sending, "the load driver", &server)?;
    section.push_str("| figure | |\n|---|--:|\n");
    let figures = [
        ("events/s acknowledged", &sent["events_per_second"]),
        ("ack p50 ms", &sent["ack_ms"]["p50"]),
        ("ack p99 ms", &sent["ack_ms"]["p99"]),
        ("questions/s", &asked["queries_per_second"]),
        ("answer p50 ms", &asked["p50"]),
        ("answer p99 ms", &asked["p99"]),
        ("server peak MiB", &sent["server_peak_mib"]),
    ];
    for (name, value) in figures {
        section
            .push_str(&row(&[name, &value.as_f64().map_or("–".to_owned(), |value| format!("{value:.1}"))]));
    }
    println!("{section}");
    append(&section)
}

fn sender(server: &Server, options: &[&str]) -> Result<Child> {
    driver()
        .args(["ingest", "--json", "yes", "--url", &server.url(), "--token", server.token()])
        .args(["--pid", &server.pid(), "--batch", "1000", "--connections", "4", "--distinct", "500000"])
        .args(options)
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the load driver")
}

fn finished(child: Child, who: &str, server: &Server) -> Result<Value> {
    let output = child.wait_with_output().with_context(|| format!("waiting for {who}"))?;
    ensure!(output.status.success(), "{who} failed, see above; the server said:\n{}", server.said());
    let report: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("the report of {who}"))?;
    println!("{report}");
    Ok(report)
}
