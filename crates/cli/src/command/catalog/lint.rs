//! What looks wrong in a catalog, against what its author knows.

use std::path::{Path, PathBuf};

use indelible_catalog::catalog::{Catalog, Registry};
use indelible_catalog::lint::{Report, SourceScan, report};
use indelible_server::catalog_files::{problem_line, read_folder};
use serde_json::{Value, json};
use std::sync::Arc;

use super::sarif;
use crate::Context;
use crate::catalogs::{CatalogsArg, named, unreadable};
use crate::exit::{Failure, Outcome};
use crate::output::say;

/// Largest source file that is searched for codes; larger ones are generated.
const MAX_SOURCE_BYTES: u64 = 2 << 20;
/// Most source files that are searched.
const MAX_SOURCE_FILES: usize = 50_000;
const COLUMNS: [&str; 7] = ["catalog", "status", "level", "finding", "subject", "place", "message"];

/// Check catalogs against themselves
///
/// Findings that the author knows (`expect.toml`) are shown with their reason. Exit 0 when everything is as expected,
/// 1 when a finding is new or has vanished, 2 when a catalog cannot be read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog lint openkat\n  indelible catalog lint ./my-catalogs/doors\n  indelible catalog lint openkat --new-only\n  indelible catalog lint openkat --source ~/src/openkat\n  indelible catalog lint --sarif > lint.sarif"
)]
pub(super) struct Lint {
    /// Catalogs by name, or folders; all without any
    #[arg(value_name = "ID|DIR")]
    which: Vec<String>,
    /// Only findings that are new or have vanished
    #[arg(long)]
    new_only: bool,
    /// Search a program's sources for codes that the catalog lacks, and for codes that no file mentions
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Write SARIF 2.1.0, for code hosts and editors
    #[arg(long)]
    sarif: bool,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

impl Lint {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        let loaded = self.catalogs.load()?;
        let mut problems: Vec<String> = loaded.problems.iter().map(problem_line).collect();
        let registry = Registry::new(loaded.catalogs);
        let mut chosen: Vec<Arc<Catalog>> = Vec::new();
        for which in &self.which {
            if Path::new(which).is_dir() {
                let (catalogs, faults) = of_folder(Path::new(which))?;
                chosen.extend(catalogs);
                problems.extend(faults);
            } else {
                chosen.push(named(&registry, which)?);
            }
        }
        if self.which.is_empty() {
            chosen.extend(registry.iter().cloned());
        }
        for problem in &problems {
            say(problem);
        }
        let mut rows = Vec::new();
        let mut unexpected = 0;
        for catalog in &chosen {
            let report = report(catalog);
            let of_catalog = rows_of(catalog, &report);
            let new = of_catalog.iter().filter(|row| row["status"] != "expected").count();
            unexpected += new;
            say(&format!("{}: {} findings as expected, {new} not", catalog.id, of_catalog.len() - new));
            rows.extend(of_catalog.into_iter().filter(|row| !self.new_only || row["status"] != "expected"));
            if let Some(source) = &self.source {
                rows.extend(source_rows(catalog, source)?);
            }
        }
        if self.sarif {
            crate::output::print(&format!("{:#}\n", sarif::document(&rows)))?;
        } else {
            context.output.rows(&COLUMNS, &rows)?;
        }
        if !problems.is_empty() {
            return Err(Failure::usage("a catalog cannot be read; its faults are above"));
        }
        if unexpected > 0 {
            return Err(Failure::failed(format!("{unexpected} findings are not as expected")));
        }
        Ok(())
    }
}

/// The catalogs of a folder, loaded beside the built-in ones that they may extend, and the faults of others.
pub(super) fn of_folder(folder: &Path) -> Result<(Vec<Arc<Catalog>>, Vec<String>), Failure> {
    let own = read_folder(folder).map_err(|error| unreadable(&error))?;
    let names: Vec<String> =
        own.iter().filter_map(|file| Some(file.name.split_once('/')?.0.to_owned())).collect();
    if names.is_empty() {
        return Err(Failure::usage(format!(
            "{} holds no catalog: no catalog.toml is in it or one level below",
            folder.display()
        )));
    }
    let mut files = indelible_catalog::builtin();
    files.retain(|file| !names.iter().any(|name| file.name.split('/').next() == Some(name.as_str())));
    files.extend(own);
    let loaded = indelible_catalog::load(&files);
    let catalogs = loaded.catalogs.into_iter().filter(|catalog| names.contains(&catalog.folder));
    Ok((catalogs.collect(), loaded.problems.iter().map(problem_line).collect()))
}

/// Every finding of a report as a row; what was expected and not found is a row too.
pub(super) fn rows_of(catalog: &Catalog, report: &Report) -> Vec<Value> {
    let findings = report.findings.iter().map(|(finding, reason)| {
        let mut row = json!({
            "catalog": catalog.id,
            "status": if reason.is_some() { "expected" } else { "new" },
            "level": finding.id.level().as_str(),
            "finding": finding.id.as_str(),
            "subject": finding.subject,
            "place": place(&finding.place.file, finding.place.line),
            "message": finding.message,
        });
        if let Some(reason) = reason {
            row["reason"] = json!(reason);
        }
        if let Some(line) = finding.source_line {
            row["source_line"] = json!(line);
        }
        if let Some(kind) = finding.id.kind_of() {
            row["kind_of"] = json!(kind);
        }
        row
    });
    let vanished = report.vanished.iter().map(|(known, found)| {
        json!({
            "catalog": catalog.id, "status": "vanished", "level": "error", "finding": known.id, "subject": "",
            "place": place(&known.place.file, known.place.line),
            "message": format!("expected {} times, found {found}", known.count),
        })
    });
    let counts = report.counts.iter().map(|(name, expected, found)| {
        json!({
            "catalog": catalog.id, "status": "count", "level": "error", "finding": "count", "subject": name, "place": "expect.toml",
            "message": format!("expected {expected}, found {found}"),
        })
    });
    findings.chain(vanished).chain(counts).collect()
}

fn place(file: &str, line: u32) -> String {
    if line == 0 { file.to_owned() } else { format!("{file}:{line}") }
}

fn source_rows(catalog: &Catalog, folder: &Path) -> Result<Vec<Value>, Failure> {
    let mut scan = SourceScan::new(catalog);
    let mut waiting = vec![folder.to_owned()];
    let mut files = 0;
    while let Some(path) = waiting.pop() {
        let cannot =
            |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
        let metadata = std::fs::symlink_metadata(&path).map_err(cannot)?;
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if metadata.is_dir() && (!hidden || path == folder) {
            for entry in std::fs::read_dir(&path).map_err(cannot)? {
                waiting.push(entry.map_err(cannot)?.path());
            }
        } else if metadata.is_file() && metadata.len() <= MAX_SOURCE_BYTES && files < MAX_SOURCE_FILES {
            files += 1;
            if let Ok(text) = std::fs::read_to_string(&path) {
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                scan.read(&name, &text);
            }
        }
    }
    let used = scan.finish();
    let row = |finding: &str, subject: &str, place: String, message: &str| json!({ "catalog": catalog.id, "status": "source", "level": "info", "finding": finding, "subject": subject, "place": place, "message": message });
    let unknown = used.unknown.iter().map(|(code, file, line)| {
        row("code_unknown", code, format!("{file}:{line}"), "the sources mention it, the catalog does not")
    });
    let unmentioned = used
        .unmentioned
        .iter()
        .map(|code| row("never_seen", code, String::new(), "no source file mentions it"));
    Ok(unknown.chain(unmentioned).collect())
}
