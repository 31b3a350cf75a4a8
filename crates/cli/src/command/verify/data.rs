//! A data folder, offline: stored events, leaves, levels, heads and notes, recomputed by the store's own checker.

use std::path::Path;
use std::sync::Arc;

use indelible_durable::clock::Clock;
use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;
use indelible_store::error::OpenError;
use indelible_store::fsck::{CheckOptions, Finding, LogVerdict, Progress, Report, check};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::Verdicts;
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::time;

/// Findings told in words; all of them are counted.
const MAX_TOLD: usize = 20;
/// Producers named for missing numbers.
const MAX_NAMED: usize = 5;

/// Checks the whole folder.
pub(super) fn verify(dir: &Path) -> Result<Verdicts, Failure> {
    if !dir.is_dir() {
        return Err(Failure::usage(format!("{} is no folder", dir.display())));
    }
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{percent:>3}% {human_pos}/{human_len} events {per_sec} {eta}")
    {
        bar.set_style(style);
    }
    let progress = |progress: Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let clock = Clock::system();
    let before = clock.boot_ns();
    let report = check(&disk, dir, &CheckOptions { threads, progress: &progress });
    bar.finish_and_clear();
    let report = report.map_err(|error| cannot(&error))?;
    let ms = u64::try_from(clock.boot_ns() - before).unwrap_or(0) / 1_000_000;
    Ok(verdicts(dir, &report, ms))
}

fn cannot(error: &OpenError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let exit = if matches!(error, OpenError::Missing { .. }) { Exit::Usage } else { Exit::Failed };
    Failure::new(exit, error.code(), format!("{error}{cause}"))
}

fn verdicts(dir: &Path, report: &Report, ms: u64) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| rank(dir, finding));
    for finding in findings {
        verdicts.fault(place(dir, finding), format!("{}; {}", finding.what, finding.remedy));
    }
    for fault in verdicts.faults.iter().take(MAX_TOLD) {
        say(&format!("{}: {}", fault.place, fault.what));
    }
    let checkpoints: u64 = report.logs.iter().map(|log| log.checkpoints).sum();
    let live =
        if report.live { "; a server has the folder open, so what it writes now is not in this" } else { "" };
    verdicts.integrity = format!(
        "{} events in {} logs recomputed from their bodies up, {checkpoints} signed checkpoints checked{live}",
        report.events,
        report.logs.len()
    );
    verdicts.completeness = completeness(&report.logs);
    verdicts.freshness = freshness(&report.logs);
    verdicts.more = json!({
        "events": report.events,
        "milliseconds": ms,
        "events_per_second": (report.events * 1_000).checked_div(ms),
        "logs": report.logs.iter().map(log_json).collect::<Vec<_>>(),
    });
    verdicts
}

/// Where damage is looked for first: what others are made from comes before what is made from it.
fn rank(dir: &Path, finding: &Finding) -> usize {
    const ORDER: [&str; 5] = ["wal", "segments", "spill", "keys", "logs"];
    let below = finding.file.strip_prefix(dir).unwrap_or(&finding.file);
    let folder = below.iter().next().unwrap_or_default();
    ORDER.iter().position(|name| folder == *name).unwrap_or(ORDER.len())
}

/// File, byte and index of a finding.
fn place(dir: &Path, finding: &Finding) -> String {
    let file = finding.file.strip_prefix(dir).unwrap_or(&finding.file).display().to_string();
    let index = finding.index.map(|index| format!(", event {index}")).unwrap_or_default();
    let log = finding.log.as_ref().map(|log| format!(" of {log}")).unwrap_or_default();
    format!("{file} at byte {}{index}{log}", finding.offset)
}

fn log_json(log: &LogVerdict) -> Value {
    json!({
        "origin": log.origin,
        "organization": log.name,
        "events": log.events,
        "signed": log.head_size,
        "root": log.root.map(|root| root.to_string()),
        "checkpoints": log.checkpoints,
        "signed_at": time::text(i64::try_from(log.head_time_ns).unwrap_or(i64::MAX)),
        "intact": log.intact,
    })
}

fn completeness(logs: &[LogVerdict]) -> String {
    let producers = || logs.iter().flat_map(|log| log.producers.iter().map(move |producer| (log, producer)));
    let numbered = producers().filter(|(_, producer)| producer.highest > 0).count();
    let gaps: Vec<String> = producers()
        .filter(|(_, producer)| !producer.gaps.is_empty())
        .map(|(log, producer)| {
            let missing: u64 = producer.gaps.iter().map(|(first, last)| last - first + 1).sum();
            format!("{} {} of {} lacks {missing}", producer.name, producer.instance, log.name)
        })
        .collect();
    if gaps.is_empty() {
        return format!("no number is missing of {numbered} producers that number their events");
    }
    let named = gaps.get(..gaps.len().min(MAX_NAMED)).unwrap_or_default().join(", ");
    format!("numbers are missing of {} of {numbered} producers: {named}", gaps.len())
}

fn freshness(logs: &[LogVerdict]) -> String {
    let newest = logs.iter().map(|log| log.head_time_ns).max().unwrap_or(0);
    if newest == 0 {
        return "nothing was signed yet".to_owned();
    }
    let age = time::now_ns().saturating_sub(i64::try_from(newest).unwrap_or(i64::MAX));
    let behind: u64 = logs.iter().map(|log| log.events.saturating_sub(log.head_size)).sum();
    let behind = if behind == 0 { String::new() } else { format!(", {behind} events are not signed yet") };
    format!("the newest checkpoint was signed {} ago{behind}; no witness says so", time::span(age))
}
