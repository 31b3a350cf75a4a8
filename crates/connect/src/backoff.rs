//! How long to wait before the next try: twice as long each time, up to a limit, and never quite the same for two.

use std::time::Duration;

/// First wait, and longest: a destination that was down for hours is found again within a minute.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_mins(1);
/// Doublings after which the limit is reached.
const MOST: u32 = 8;

/// Tries in a row that came to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff(u32);

impl Backoff {
    /// Begins anew.
    pub fn reset(&mut self) {
        self.0 = 0;
    }

    /// How often it came to nothing.
    pub fn tries(self) -> u32 {
        self.0
    }

    /// One more came to nothing: how long to wait, at least `asked`. Half of it is chance, so that many who lost the same
    /// destination do not come back at once.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.0.min(MOST)).min(LONGEST);
        self.0 = self.0.saturating_add(1);
        let mut random = [0; 2];
        // Without randomness the wait is only more regular.
        let chance = getrandom::fill(&mut random).map_or(0, |()| u32::from(u16::from_le_bytes(random)));
        let jitter = whole / 2 * chance / u32::from(u16::MAX);
        (whole / 2 + jitter).max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_hear_the_receiver() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next(None)).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2, "{waits:?}");
        assert!(waits[19] <= LONGEST && waits[19] >= LONGEST / 2, "{waits:?}");
        assert_eq!(backoff.tries(), 20);
        assert_eq!(Backoff::default().next(Some(LONGEST * 2)), LONGEST * 2);
    }
}
