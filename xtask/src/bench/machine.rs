//! What a figure depends on besides the program: processor, kernel, load, the state of the sources.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use crate::command::program_in_root;
use crate::workspace::target;

/// A list of facts in Markdown.
pub(crate) fn facts() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
    let models = || processors.lines().filter_map(|line| line.strip_prefix("model name\t: "));
    let memory = fs::read_to_string("/proc/meminfo").context("reading /proc/meminfo")?;
    let memory =
        memory.lines().next().map(|line| line.trim_start_matches("MemTotal:").trim()).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").context("reading /proc/loadavg")?;
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("reading the kernel's release")?;
    let folder = target();
    let folder = folder.to_str().context("the target folder is not UTF-8")?;
    Ok(format!(
        "- commit {}, release profile\n- {} × {}, {memory} memory\n- Linux {}, data on {}\n\
         - load average before the first run {}\n",
        said("git", &["describe", "--always", "--dirty"])?,
        models().count(),
        models().next().unwrap_or("unknown processor"),
        kernel.trim(),
        said("stat", &["--file-system", "--format=%T", folder])?,
        load.join(" "),
    ))
}

/// The time in UTC, to the minute.
pub(crate) fn now() -> Result<String> {
    said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

/// The time in Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "sample events lie in the hours before now")]
pub(crate) fn unix_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    u64::try_from(since.as_millis()).context("the clock stands too far ahead")
}

fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output =
        program_in_root(program).args(arguments).output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
