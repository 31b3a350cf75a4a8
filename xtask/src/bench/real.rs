//! Records of CloudTrail, GitHub and Kubernetes instead of made events: what text that people and programs wrote costs.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::search::python;
use super::server::Server;
use super::{append, build, machine, row};
use crate::command::program_in_root;

/// Records of each source.
const RECORDS: &str = "500000";
const SOURCES: [&str; 3] = ["cloudtrail", "github", "kubernetes"];
const QUESTIONS: [(&str, &str); 8] = [
    ("q1", "newest 50"),
    ("q2_count", "count of the most frequent actor"),
    ("q2", "newest 50 of it"),
    ("q3", "the most frequent code per day"),
    ("q4", "top 10 actors"),
    ("q5", "one record by a word that no other has"),
    ("q6", "actors per code"),
    ("q7", "a session or a request, or the newest 50 where there are none"),
];

/// Fills a fresh server with each source, asks it, and adds a table to the results.
pub(super) fn run() -> Result<()> {
    build()?;
    let python = python()?;
    let mut columns = Vec::new();
    for source in SOURCES {
        println!("=== {source}");
        let mut server = Server::start()?;
        let script = |server: &Server, arguments: &[&str]| -> Result<Value> {
            let output = program_in_root(&python)
                .arg("bench/peers/real.py")
                .args(arguments)
                .env("INDELIBLE_URL", server.url())
                .env("INDELIBLE_TOKEN", server.token())
                .stderr(Stdio::inherit())
                .output()
                .context("starting python")?;
            ensure!(
                output.status.success(),
                "{source} failed, see above; the server said:\n{}",
                server.said()
            );
            serde_json::from_slice(&output.stdout).context("reading the figures")
        };
        let sent = script(&server, &["send", source, RECORDS])?;
        println!("{sent}");
        server.wait_settled()?;
        server.restart()?;
        let mut figures = script(&server, &["ask", source])?;
        figures["json_bytes"] = sent["json_bytes"].clone();
        figures["bytes"] = server.bytes_per_sealed_event()?.into();
        println!("{figures}");
        columns.push(figures);
    }
    let section = format!(
        "\n## {}: {RECORDS} records of each of three real sources\n\n{}\n{}",
        machine::now()?,
        machine::facts()?,
        table(&columns)
    );
    println!("{section}");
    append(&section)
}

fn table(columns: &[Value]) -> String {
    let mut text = row(&[&["figure"], SOURCES.as_slice()].concat());
    text.push_str("|---|--:|--:|--:|\n");
    let mut line = |name: &str, value: &dyn Fn(&Value) -> &Value| {
        let shown = |value: &Value| value.as_f64().map_or("–".to_owned(), |value| format!("{value:.1}"));
        let cells: Vec<String> = columns.iter().map(|column| shown(value(column))).collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        text.push_str(&row(&[&[name], cells.as_slice()].concat()));
    };
    line("bytes of JSON per record", &|column| &column["json_bytes"]);
    line("bytes of segments per event", &|column| &column["bytes"]);
    for (name, asks) in QUESTIONS {
        line(&format!("{name}: {asks}, ms"), &|column| &column["ms"][name]);
    }
    text
}
