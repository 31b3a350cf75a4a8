//! The catalog that the guide writes: its files load, its lines become what the page says, and the page shows its files.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use indelible_catalog::cases::{Decoders, run_cases};
use indelible_catalog::catalog::Registry;
use indelible_catalog::lint::report;
use indelible_catalog::matching::{Envelope, Matched, match_raw};
use indelible_catalog::{Source, load};
use indelible_event::{Map, Value};

const PAGE: &str = include_str!("../../../docs/guide/write-a-catalog.md");
const LINES: &str = include_str!("../../../docs/guide/example/doors.ndjson");

macro_rules! file {
    ($name:literal) => {
        Source {
            name: concat!("doors/", $name).to_owned(),
            text: include_str!(concat!("../../../docs/guide/example/doors/", $name)).to_owned(),
        }
    };
}

fn files() -> Vec<Source> {
    vec![
        file!("cases/doors.toml"),
        file!("catalog.toml"),
        file!("expect.toml"),
        file!("match.toml"),
        file!("types.toml"),
    ]
}

/// What became of each line: rule and findings, or the rule that skips it.
fn outcomes() -> Vec<String> {
    let loaded = load(&files());
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let registry = Registry::new(loaded.catalogs);
    let parse = |text: &str| indelible_formats::parse_json(text.as_bytes()).ok();
    let values = Value::Map(Map::new());
    let envelope = Envelope {
        format: Some("match"),
        organization: "default",
        values: &values,
        fingerprint: &|_| [0; 8],
        parse_json: &parse,
    };
    let outcome = |line: &str| match match_raw(&registry, &parse(line).unwrap(), &envelope, None) {
        Matched::Event(event) => {
            let findings: Vec<_> = event.findings.iter().map(|finding| finding.id.as_str()).collect();
            format!("{} {}", event.rule, findings.join(" ")).trim_end().to_owned()
        }
        Matched::Skip { rule, .. } => format!("skip {rule}"),
        Matched::NoMatch { .. } => "no match".to_owned(),
    };
    LINES.lines().map(outcome).collect()
}

#[test]
fn the_lines_of_the_guide_become_what_it_says() {
    let expected = ["door", "door", "skip heartbeat", "door secret_suspected", "badge", "badge code_unknown"];
    assert_eq!(outcomes(), expected);
}

#[test]
fn its_cases_pass_and_lint_finds_what_it_expects() {
    let registry = Registry::new(load(&files()).catalogs);
    let catalog = registry.get("doors").unwrap();
    let parse = |text: &str| indelible_formats::parse_json(text.as_bytes()).ok();
    let decode = |_: &str, line: &str| parse(line).ok_or_else(|| "not JSON".to_owned());
    let decoders = Decoders { decode: &decode, parse_json: &parse, fingerprint: &|_| [0; 8] };
    for case in run_cases(&registry, catalog, &decoders) {
        assert!(case.differences.is_empty(), "{}: {:?}", case.name, case.differences);
    }
    let report = report(catalog);
    assert!(report.as_expected(), "{report:?}");
}

/// Lines of a page without comments at their ends, which files do not have.
fn bare(text: &str) -> String {
    text.lines()
        .map(|line| line.split("  #").next().unwrap_or_default().trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_page_shows_the_files() {
    let page = bare(PAGE);
    assert!(page.contains(LINES.trim_end()), "doors.ndjson differs from the page");
    let shown = |name: &str| {
        let text = files().into_iter().find(|file| file.name.ends_with(name)).unwrap().text;
        let from_first_table = text.find("entity = [").or_else(|| text.find("catalog  =")).unwrap_or(0);
        text[from_first_table..].trim_end().to_owned()
    };
    for name in ["/catalog.toml", "/types.toml", "/match.toml"] {
        assert!(page.contains(&shown(name)), "{name} differs from the page");
    }
}
