//! What the kernel says about a process: CPU time and memory. Linux only.

use std::fs;

use anyhow::{Context, Result};

/// CPU time of a process since it started, all threads together, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cpu {
    /// In the program.
    pub user_s: f64,
    /// In the kernel on behalf of the program.
    pub system_s: f64,
}

impl Cpu {
    /// Program and kernel together.
    pub fn total_s(self) -> f64 {
        self.user_s + self.system_s
    }

    /// What was used since an earlier reading.
    pub fn since(self, before: Self) -> Self {
        Self { user_s: self.user_s - before.user_s, system_s: self.system_s - before.system_s }
    }
}

/// Reads `/proc/<pid>/stat`; `pid` may be `self`. The resolution is one tick, mostly 10 ms.
pub fn cpu(pid: &str) -> Result<Cpu> {
    let text =
        fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("no process {pid}"))?;
    // The program's name stands in parentheses and may hold anything; fields are counted from the last one.
    let (_, rest) = text.rsplit_once(") ").context("no name in /proc/<pid>/stat")?;
    let mut fields = rest.split(' ').skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok()).context("no CPU time");
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Ok(Cpu { user_s: ticks()? as f64 / per_second, system_s: ticks()? as f64 / per_second })
}

/// The largest resident memory a process ever had, in MiB.
pub fn peak_memory_mib(pid: &str) -> Result<f64> {
    let text =
        fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("no process {pid}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM in /proc/<pid>/status")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("VmHWM is not a number")?;
    Ok(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_has_figures() {
        assert!(cpu("self").unwrap().total_s() >= 0.0);
        assert!(peak_memory_mib("self").unwrap() > 0.1);
        assert!(cpu("0").is_err());
    }
}
