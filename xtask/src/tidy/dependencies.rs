//! Which crate may use which. The table is the architecture: a line here is a decision, not a convenience.

use super::{Complaint, File};

/// What a crate may use of the others, and whether it is pure: no files, sockets, clock, randomness or runtime.
struct Rule {
    name: &'static str,
    pure: bool,
    may_use: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule { name: "event", pure: true, may_use: &[] },
    Rule { name: "tlog", pure: true, may_use: &[] },
    Rule { name: "catalog", pure: true, may_use: &["event"] },
    Rule { name: "formats", pure: true, may_use: &["event"] },
    Rule { name: "parquet", pure: true, may_use: &["event", "formats"] },
    Rule { name: "bundle", pure: true, may_use: &["event", "formats", "tlog"] },
    Rule { name: "query", pure: true, may_use: &["event", "catalog"] },
    Rule { name: "segment", pure: true, may_use: &["event"] },
    Rule { name: "console", pure: true, may_use: &[] },
    Rule { name: "durable", pure: false, may_use: &[] },
    Rule { name: "tls", pure: false, may_use: &[] },
    Rule { name: "store", pure: false, may_use: &["event", "tlog", "segment", "durable"] },
    Rule { name: "search", pure: false, may_use: &["event", "query", "segment", "store"] },
    Rule { name: "sql", pure: false, may_use: &["event", "formats", "query", "search"] },
    Rule { name: "connect", pure: false, may_use: &["formats"] },
    Rule { name: "control", pure: false, may_use: &["event", "catalog", "query", "durable"] },
    Rule {
        name: "server",
        pure: false,
        may_use: &[
            "event", "tlog", "catalog", "formats", "query", "segment", "durable", "store", "search", "sql",
            "control", "connect", "console", "bundle", "tls",
        ],
    },
    Rule {
        name: "cli",
        pure: false,
        may_use: &[
            "event", "tlog", "catalog", "formats", "parquet", "query", "durable", "store", "search",
            "control", "server", "bundle", "tls",
        ],
    },
    Rule {
        name: "testkit",
        pure: false,
        may_use: &["event", "tlog", "catalog", "formats", "durable", "store", "server"],
    },
    Rule { name: "bench", pure: false, may_use: &[] },
    Rule { name: "e2e", pure: false, may_use: &[] },
    Rule { name: "fuzz", pure: false, may_use: &["event", "tlog", "formats", "query", "segment"] },
];

/// What a pure crate never needs.
const IMPURE: &[&str] =
    &["axum", "getrandom", "redb", "reqwest", "rustix", "tempfile", "tokio", "tower-http", "ureq"];
/// Parts of the standard library that reach out of the program.
const IMPURE_STD: &[&str] = &[
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];
const PREFIX: &str = "indelible-";

/// Checks the manifest of every crate, and the sources of the pure ones.
pub(super) fn check(files: &[File]) -> Vec<Complaint> {
    let manifests =
        files.iter().filter(|file| file.path.ends_with("Cargo.toml") && file.path != *"Cargo.toml");
    let mut complaints: Vec<Complaint> = manifests.flat_map(manifest).collect();
    for rule in RULES.iter().filter(|rule| rule.pure) {
        let sources =
            files.iter().filter(|file| file.is("rs") && file.is_under(&format!("crates/{}/src", rule.name)));
        complaints.extend(sources.flat_map(impure_lines));
    }
    complaints
}

fn manifest(file: &File) -> Vec<Complaint> {
    let place = file.path.display().to_string();
    let Ok(table) = toml::from_str::<toml::Table>(&file.text) else {
        return vec![Complaint::new(place, "is not valid TOML")];
    };
    let package = table.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let Some(name) = package.and_then(|name| name.strip_prefix(PREFIX)) else { return Vec::new() };
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
        let what = format!("crate {name} has no row in the table of dependencies: add one with its reason");
        return vec![Complaint::new(place, what)];
    };
    let sections = ["dependencies", "build-dependencies"];
    let used =
        sections.iter().filter_map(|section| table.get(*section)?.as_table()).flat_map(|table| table.keys());
    used.filter_map(|used| refused(rule, used)).map(|what| Complaint::new(place.clone(), what)).collect()
}

fn refused(rule: &Rule, used: &str) -> Option<String> {
    match used.strip_prefix(PREFIX) {
        Some(other) if !rule.may_use.contains(&other) => {
            Some(format!("crate {} may not use {other}", rule.name))
        }
        None if rule.pure && IMPURE.contains(&used) => {
            Some(format!("pure crate {} may not use {used}", rule.name))
        }
        _ => None,
    }
}

fn impure_lines(file: &File) -> Vec<Complaint> {
    let product = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let reaches_out = |line: &str| IMPURE_STD.iter().find(|word| line.contains(**word)).copied();
    let code = |line: &str| !line.trim_start().starts_with("//");
    product
        .lines()
        .enumerate()
        .filter(|(_, line)| code(line))
        .filter_map(|(at, line)| {
            Some(Complaint::at(file, at + 1, format!("a pure crate may not use {}", reaches_out(line)?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        check(&[File { path: path.into(), text: text.to_owned() }])
            .into_iter()
            .map(|found| found.what)
            .collect()
    }

    #[test]
    fn a_crate_uses_only_what_its_row_allows() {
        let tlog = |rest: &str| format!("[package]\nname = \"indelible-tlog\"\n[dependencies]\n{rest}");
        assert!(complaints("crates/tlog/Cargo.toml", &tlog("sha2 = \"1\"")).is_empty());
        let found = complaints("crates/tlog/Cargo.toml", &tlog("indelible-event = \"1\""));
        assert_eq!(found, ["crate tlog may not use event"]);
        let found = complaints("crates/tlog/Cargo.toml", &tlog("tokio = \"1\""));
        assert_eq!(found, ["pure crate tlog may not use tokio"]);
        assert_eq!(complaints("crates/new/Cargo.toml", "[package]\nname = \"indelible-new\"").len(), 1);
    }

    #[test]
    fn a_pure_crate_does_not_reach_out() {
        let text =
            "fn a() { std::fs::read(x) }\n// std::fs is fine here\n#[cfg(test)]\nmod t { use std::fs; }\n";
        assert_eq!(complaints("crates/event/src/a.rs", text), ["a pure crate may not use std::fs"]);
        assert!(complaints("crates/store/src/a.rs", text).is_empty());
    }
}
