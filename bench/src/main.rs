//! `indelible-bench`: makes sample events, and measures a running server with them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indelible_bench::catalogs;
use indelible_bench::event::{Generator, Recipe, SPAN_MS, START_MS};
use indelible_bench::ingest::{Load, Report, check, run};
use serde_json::json;

const USAGE: &str = "\
usage: indelible-bench <command> [--option value …]

  generate   --count N --out FILE|- [--questions FILE] [--seed S] [--start-ms T] [--span-ms D] [--numbered yes]
  catalogs   --out FOLDER
  ingest     --url http://HOST:PORT --token TOKEN [--org default] [--batch 1000 | --batch single]
             [--connections 4] [--events 1000000] [--seconds 60] [--distinct 200000] [--pid PID]
             [--rate EVENTS_PER_SECOND] [--seed S] [--start-ms T] [--span-ms D] [--numbered yes] [--json yes]
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Result<()> {
    let (name, rest) = arguments.split_first().with_context(|| USAGE)?;
    let options = Options::parse(rest)?;
    match name.as_str() {
        "generate" => generate(&options),
        "catalogs" => write_catalogs(&options),
        "ingest" => ingest(&options),
        _ => bail!("no such command: {name}\n\n{USAGE}"),
    }
}

/// `--name value` pairs.
struct Options(BTreeMap<String, String>);

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = BTreeMap::new();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { bail!("{} needs a value", pair.concat()) };
            let name = name.strip_prefix("--").with_context(|| format!("{name} should begin with --"))?;
            options.insert(name.to_owned(), value.clone());
        }
        Ok(Self(options))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn needed(&self, name: &str) -> Result<&str> {
        self.text(name).with_context(|| format!("--{name} is needed\n\n{USAGE}"))
    }

    fn number<T: std::str::FromStr>(&self, name: &str, otherwise: T) -> Result<T> {
        let Some(text) = self.text(name) else { return Ok(otherwise) };
        text.parse().ok().with_context(|| format!("--{name} {text} is not a number of its kind"))
    }

    fn recipe(&self, count: u64) -> Result<Recipe> {
        Ok(Recipe {
            count,
            seed: self.number("seed", 42)?,
            start_ms: self.number("start-ms", START_MS)?,
            span_ms: self.number("span-ms", SPAN_MS)?,
            numbered: self.text("numbered") == Some("yes"),
        })
    }
}

fn generate(options: &Options) -> Result<()> {
    let mut generator = Generator::new(options.recipe(options.number("count", 2_000_000)?)?);
    let mut out: Box<dyn Write> = match options.needed("out")? {
        "-" => Box::new(BufWriter::new(std::io::stdout().lock())),
        path => Box::new(BufWriter::with_capacity(1 << 20, File::create(path).context("creating --out")?)),
    };
    let mut line = String::new();
    while generator.next_into(&mut line) {
        line.push('\n');
        out.write_all(line.as_bytes())?;
        line.clear();
    }
    out.flush()?;
    if let Some(path) = options.text("questions") {
        let asked = generator.questions();
        let text = json!({"account": asked.account, "actor": asked.actor, "code": asked.code,
            "code_common": asked.code_common, "rare": asked.rare, "session": asked.session});
        File::create(path).context("creating --questions")?.write_all(text.to_string().as_bytes())?;
    }
    Ok(())
}

fn write_catalogs(options: &Options) -> Result<()> {
    let folder = Path::new(options.needed("out")?);
    for catalog in catalogs::all() {
        let own = folder.join(&catalog.id);
        std::fs::create_dir_all(&own)?;
        File::create(own.join("catalog.toml"))?.write_all(catalog.catalog.as_bytes())?;
        File::create(own.join("types.toml"))?.write_all(catalog.types.as_bytes())?;
    }
    Ok(())
}

fn ingest(options: &Options) -> Result<()> {
    let url = options.needed("url")?;
    let address =
        url.strip_prefix("http://").context("--url should begin with http://")?.trim_end_matches('/');
    let batch = match options.text("batch") {
        Some("single") => None,
        _ => Some(options.number("batch", 1000)?),
    };
    let events = options.number("events", 1_000_000)?;
    let distinct = options.number("distinct", 200_000)?;
    let load = Load {
        address: address.to_owned(),
        organization: options.text("org").unwrap_or("default").to_owned(),
        token: options.needed("token")?.to_owned(),
        batch,
        connections: options.number("connections", 4)?,
        events,
        limit: Duration::from_secs(options.number("seconds", 60)?),
        distinct,
        recipe: options.recipe(distinct.min(events))?,
        rate: options.text("rate").map(|_| options.number("rate", 0.0)).transpose()?,
        pid: options.text("pid").map(str::to_owned),
    };
    check(&load)?;
    let report = run(&load)?;
    ensure!(report.events > 0, "nothing was acknowledged");
    if options.text("json") == Some("yes") {
        println!("{}", as_json(&report));
    } else {
        print_table(&report);
    }
    Ok(())
}

fn as_json(report: &Report) -> serde_json::Value {
    json!({
        "events": report.events, "requests": report.requests, "seconds": report.seconds,
        "events_per_second": report.rate(), "sent_bytes": report.sent_bytes,
        "ack_ms": {"p50": report.latency_ms(0.5), "p99": report.latency_ms(0.99), "max": report.latency_ms(1.0)},
        "server_us_per_event": report.server_us_per_event(),
        "server_user_s": report.server.map(|cpu| cpu.user_s),
        "server_system_s": report.server.map(|cpu| cpu.system_s),
        "server_peak_mib": report.server_peak_mib, "driver_s": report.driver.total_s(),
    })
}

fn print_table(report: &Report) {
    let optional = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:.2}"));
    let rows = [
        ("events acknowledged", report.events.to_string()),
        ("requests", report.requests.to_string()),
        ("seconds", format!("{:.2}", report.seconds)),
        ("events per second", format!("{:.0}", report.rate())),
        ("acknowledged in ms, p50", format!("{:.2}", report.latency_ms(0.5))),
        ("acknowledged in ms, p99", format!("{:.2}", report.latency_ms(0.99))),
        ("acknowledged in ms, max", format!("{:.2}", report.latency_ms(1.0))),
        ("server CPU µs per event", optional(report.server_us_per_event())),
        ("server CPU s, user", optional(report.server.map(|cpu| cpu.user_s))),
        ("server CPU s, system", optional(report.server.map(|cpu| cpu.system_s))),
        ("server memory peak MiB", optional(report.server_peak_mib)),
        ("driver CPU s", format!("{:.2}", report.driver.total_s())),
    ];
    for (name, value) in rows {
        println!("{name:<26} {value:>14}");
    }
}
