//! `indelible doctor`: what is wrong here, and how to repair it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use indelible_server::config::Config;
use indelible_server::entrance;
use indelible_tls::{Certificate, Validity, read_certificates};
use serde_json::{Value, json};

use super::config;
use super::serve::{NodeArgs, anchor_dir};
use crate::Context;
use crate::client::{Client, Request, Target};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::say;
use crate::time;

/// Less free space than this is a warning: two largest WAL files and their segments.
const LOW_SPACE_BYTES: u64 = 1 << 30;
/// Clocks that differ by more than this flag events wrongly.
const CLOCK_NS: i64 = 5_000_000_000;
/// A checkpoint that lags behind for longer is a fault: one is due within a second.
const CHECKPOINT_NS: i64 = 60_000_000_000;
/// A certificate that ends sooner should have been renewed: public authorities advise a third of 90 days.
const RENEW_S: i64 = 14 * 24 * 3600;
const COLUMNS: [&str; 4] = ["check", "state", "found", "repair"];

/// Find what is wrong, each with its repair
///
/// Looks at the data folder, the settings, the server, the clock, catalogs, producers and the log. Exit 1 when something
/// is wrong; warnings alone do not count.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible doctor\n  indelible doctor --data /var/lib/indelible --config /etc/indelible.toml --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Value>);

impl Findings {
    fn add(&mut self, check: &str, state: &str, found: impl Into<String>, repair: &str) {
        self.0.push(json!({ "check": check, "state": state, "found": found.into(), "repair": repair }));
    }

    fn ok(&mut self, check: &str, found: impl Into<String>) {
        self.add(check, "ok", found, "");
    }

    fn warn(&mut self, check: &str, found: impl Into<String>, repair: &str) {
        self.add(check, "warning", found, repair);
    }

    fn wrong(&mut self, check: &str, found: impl Into<String>, repair: &str) {
        self.add(check, "wrong", found, repair);
    }
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut findings = Findings::default();
        match self.node.load() {
            Ok(settings) => {
                check_settings(&settings, &mut findings);
                check_folder(&settings, &mut findings);
                check_certificate(&settings, &mut findings);
                check_ready(&settings, context.target.ca.as_ref(), &mut findings);
            }
            Err(failure) => {
                findings.wrong("settings", failure.message, "correct the setting where it was said");
            }
        }
        check_server(&context.target, &mut findings);
        context.output.rows(&COLUMNS, &findings.0)?;
        let count = |state: &str| findings.0.iter().filter(|finding| finding["state"] == state).count();
        let (wrong, warnings) = (count("wrong"), count("warning"));
        say(&format!("{} checks, {wrong} wrong, {warnings} warnings", findings.0.len()));
        if wrong > 0 {
            return Err(Failure::new(
                Exit::Failed,
                "unhealthy",
                format!("{wrong} checks found something wrong"),
            ));
        }
        Ok(())
    }
}

fn check_settings(settings: &Config, findings: &mut Findings) {
    match config::problems(settings) {
        Ok(problems) if problems.is_empty() => findings.ok("settings and catalogs", "can be used"),
        Ok(problems) => {
            for problem in problems {
                findings.wrong("settings and catalogs", problem, "see: indelible config check");
            }
        }
        Err(failure) => findings.wrong("catalogs", failure.message, "correct node.catalogs"),
    }
}

fn check_folder(settings: &Config, findings: &mut Findings) {
    let dir = settings.path("node.data").unwrap_or_else(|| PathBuf::from("./indelible-data"));
    let name = dir.display();
    let Ok(metadata) = std::fs::metadata(&dir) else {
        findings.warn(
            "data folder",
            format!("{name} does not exist"),
            "indelible serve creates it; or say --data",
        );
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let repair = format!("chmod 700 {name}");
        findings.wrong(
            "data folder",
            format!("{name} is open to others (mode {mode:o}); it holds signing keys"),
            &repair,
        );
    } else {
        findings.ok("data folder", format!("{name}, mode {mode:o}"));
    }
    match std::fs::read_to_string(dir.join("VERSION")) {
        Ok(text) if text.starts_with("indelible store 1") => {
            findings.ok("store format", text.trim_end().to_owned());
        }
        Ok(text) => findings.wrong(
            "store format",
            format!("VERSION says {:?}", text.trim_end()),
            "use the program that wrote it, or a newer one",
        ),
        Err(_) => {
            findings.warn("store format", format!("{name} holds no store yet"), "indelible serve founds one");
        }
    }
    check_space(&dir, findings);
    match anchor_dir(settings) {
        Some(anchor) if anchor.starts_with(&dir) => findings.wrong(
            "anchor",
            format!("{} lies inside the data folder", anchor.display()),
            "set node.anchor_dir to a folder elsewhere, best on another disk",
        ),
        Some(anchor) if anchor.is_dir() => findings.ok("anchor", anchor.display().to_string()),
        Some(anchor) => findings.warn(
            "anchor",
            format!("{} does not exist yet", anchor.display()),
            "indelible serve creates it",
        ),
        None => findings.warn(
            "anchor",
            "none: an older copy of the data would not be noticed",
            "set node.anchor_dir",
        ),
    }
}

fn check_space(dir: &Path, findings: &mut Findings) {
    match rustix::fs::statvfs(dir) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let text = format!("{} MiB free", free >> 20);
            if free < LOW_SPACE_BYTES {
                findings.wrong(
                    "free space",
                    text,
                    "free or add space; events are refused before the disk is full",
                );
            } else {
                findings.ok("free space", text);
            }
        }
        Err(error) => findings.warn("free space", error.to_string(), ""),
    }
}

/// Asks the admin listener, which needs no key.
fn check_ready(settings: &Config, ca: Option<&PathBuf>, findings: &mut Findings) {
    let scheme = if entrance::is_secure(settings, "http.admin_listen") { "https" } else { "http" };
    let server = Some(format!("{scheme}://{}", settings.address("http.admin_listen")));
    let target = Target { server, ca: ca.cloned(), ..Target::default() };
    let answer = Client::anonymous(&target).and_then(|client| client.get("/readyz?verbose"));
    match answer {
        Ok(answer) if answer.status == 200 => findings.ok("ready", "yes"),
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer.body).replace('\n', "; ");
            findings.wrong("ready", text, "the server's own log says why");
        }
        Err(_) => findings.warn(
            "ready",
            format!("nothing answers at {}", settings.address("http.admin_listen")),
            "start indelible serve, or say --admin-listen",
        ),
    }
}

/// How long the certificate still holds, and for whom.
fn check_certificate(settings: &Config, findings: &mut Findings) {
    let Some(path) = settings.path("tls.certificate") else { return };
    let repair = "put a new certificate and its key in the files of [tls]; a running server takes them up";
    let chain = match read_certificates(&path) {
        Ok(chain) => chain,
        Err(error) => return findings.wrong("certificate", error.to_string(), repair),
    };
    let leaf = chain.first();
    let names = leaf.and_then(|der| Certificate::of_der(der)).map(|leaf| leaf.names.join(", "));
    let names = names.filter(|names| !names.is_empty()).unwrap_or_else(|| "no DNS name".to_owned());
    let Some(validity) = leaf.and_then(|der| Validity::of_der(der)) else {
        return findings.wrong("certificate", format!("{} says no time", path.display()), repair);
    };
    let now_s = time::now_ns() / 1_000_000_000;
    let second = |s: u64| i64::try_from(s).unwrap_or(i64::MAX);
    let left_s = second(validity.until_s).saturating_sub(now_s);
    let span = time::span(left_s.saturating_abs().saturating_mul(1_000_000_000));
    let name = path.display();
    if left_s < 0 {
        findings.wrong("certificate", format!("{name} for {names} ended {span} ago"), repair);
    } else if second(validity.from_s) > now_s {
        findings.wrong(
            "certificate",
            format!("{name} for {names} does not hold yet"),
            "set the clock, or wait",
        );
    } else if left_s < RENEW_S {
        findings.warn("certificate", format!("{name} for {names} ends in {span}"), repair);
    } else {
        findings.ok("certificate", format!("{name} for {names}, ends in {span}"));
    }
}

fn check_server(target: &Target, findings: &mut Findings) {
    let client = match Client::new(target) {
        Ok(client) => client,
        Err(failure) => return findings.wrong("profile", failure.message, "indelible profile list"),
    };
    let request = Request { method: "GET", path: "/api/v1/version", headers: &[], body: None };
    let answer = match client.send(&request) {
        Ok(answer) => answer,
        Err(failure) => return findings.wrong("server", failure.message, "indelible serve, or say --server"),
    };
    let version = answer.json().ok().and_then(|body| body["version"].as_str().map(str::to_owned));
    match version {
        Some(version) if version == env!("CARGO_PKG_VERSION") => {
            findings.ok("server", format!("{} {version}", client.base()));
        }
        Some(version) => findings.warn(
            "server",
            format!("{} runs {version}, this is {}", client.base(), env!("CARGO_PKG_VERSION")),
            "use the same version",
        ),
        None => {
            return findings.wrong(
                "server",
                format!("{} is no indelible server", client.base()),
                "say --server",
            );
        }
    }
    check_clock(answer.header("date"), findings);
    check_log(&client, findings);
    check_producers(&client, findings);
}

fn check_clock(date: Option<&str>, findings: &mut Findings) {
    let Some(server) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { return };
    let server_ns = i64::try_from(server.timestamp().as_nanosecond()).unwrap_or(i64::MAX);
    // The header has whole seconds.
    let apart = time::now_ns().saturating_sub(server_ns).abs();
    if apart > CLOCK_NS {
        findings.wrong(
            "clock",
            format!("this machine and the server are {} apart", time::span(apart)),
            "set both by NTP",
        );
    } else {
        findings.ok("clock", "agrees with the server's");
    }
}

fn check_log(client: &Client, findings: &mut Findings) {
    let log = match client.get_json(&client.org_path("log")) {
        Ok(log) => log,
        Err(failure) => {
            return findings.warn("log", failure.message, "a key of kind rd or ad is needed for this check");
        }
    };
    let number = |path: &str| log.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let (size, signed) = (number("/size"), number("/checkpoint/size"));
    let time =
        log.pointer("/checkpoint/time").and_then(Value::as_str).and_then(indelible_formats::rfc3339::parse);
    let age = time.map_or(i64::MAX, |time| time::now_ns().saturating_sub(time.unix_nanos()));
    let found = format!("{size} events, {signed} of them signed, {} ago", time::span(age));
    if size > signed && age > CHECKPOINT_NS {
        findings.wrong("checkpoint", found, "the server's own log says why signing stopped");
    } else {
        findings.ok("checkpoint", found);
    }
    let keys = log.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let live = keys.iter().filter(|key| key["state"] != "retired").count();
    if live > 1 {
        let found = format!("{live} keys: a rotation is under way");
        findings.warn("log key", found, "indelible log-key retire, once readers know the new key");
    }
}

fn check_producers(client: &Client, findings: &mut Findings) {
    let Ok(page) = client.get_json(&client.org_path("producers")) else { return };
    let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let gaps: Vec<String> = items
        .iter()
        .filter(|item| item["gap_count"].as_u64().unwrap_or(0) > 0)
        .map(|item| {
            format!(
                "{} {}",
                item["name"].as_str().unwrap_or_default(),
                item["instance"].as_str().unwrap_or_default()
            )
        })
        .collect();
    if gaps.is_empty() {
        findings.ok("producers", format!("{}, no number is missing", items.len()));
    } else {
        findings.wrong(
            "producers",
            format!("numbers are missing of: {}", gaps.join(", ")),
            "indelible producer list; send what is missing, or find out why it was not sent",
        );
    }
}
