//! Work that can wait. It must never hold a lock that others wait for.

/// What takes a thread to the end of the scheduler's queue.
#[cfg(target_os = "linux")]
const LOWEST_PRIORITY: i32 = 19;

/// Gives the calling thread the lowest claim to the processor, on systems where that can be said of one thread alone.
pub fn yield_to_others() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::nice(LOWEST_PRIORITY)?;
    Ok(())
}
