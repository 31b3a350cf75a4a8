//! Measurements on the machine at hand. Figures go to `bench/RESULTS.md`; they never decide whether a change passes.

use anyhow::{Result, bail};

/// Runs one measurement by name.
pub(crate) fn run(name: &str) -> Result<()> {
    bail!("no such measurement: {name}")
}
