//! The two clocks a durable program needs: wall time, and a time that never steps and counts while the machine sleeps.
//!
//! Clocks are values, so that tests own time. Nothing here formats or interprets a time.

use std::fmt;
use std::sync::Arc;

/// Reads one clock; nanoseconds.
pub type ReadClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Wall clock and boot clock, both in nanoseconds.
#[derive(Clone)]
pub struct Clock {
    wall: ReadClock,
    boot: ReadClock,
}

impl Clock {
    /// A clock from two functions: nanoseconds since 1970, and nanoseconds since any fixed point that never steps.
    pub fn new(wall: ReadClock, boot: ReadClock) -> Self {
        Self { wall, boot }
    }

    /// The operating system's clocks. The second one counts through suspend, so waking up is not a clock step.
    pub fn system() -> Self {
        Self::new(
            Arc::new(|| read(rustix::time::ClockId::Realtime)),
            Arc::new(|| read(rustix::time::ClockId::Boottime)),
        )
    }

    /// Nanoseconds since 1970.
    pub fn now_ns(&self) -> i64 {
        (self.wall)()
    }

    /// Nanoseconds since a fixed point; never steps.
    pub fn boot_ns(&self) -> i64 {
        (self.boot)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now_ns", &self.now_ns()).finish_non_exhaustive()
    }
}

fn read(id: rustix::time::ClockId) -> i64 {
    let time = rustix::time::clock_gettime(id);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}
