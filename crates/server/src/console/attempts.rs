//! How often one may try to be somebody: tries are counted by the account that they are for, wherever they come from.
//!
//! After some failures each further one has to wait, longer every time, up to a quarter of an hour. Tries from networks
//! that the person has logged in from are counted apart, so that nobody is locked out by what others try elsewhere. An
//! address that nobody has is counted like any other: the answer tells nothing. Counts are in memory alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::session::network;

/// Failures in a row without a wait: a person who mistypes.
pub(crate) const FREE_FAILURES: u32 = 5;
/// The first wait; it doubles with every failure.
const FIRST_WAIT_NS: i64 = 30 * 1_000_000_000;
/// The longest wait: four guesses an hour get nowhere, and a person can wait for it.
const LONGEST_WAIT_NS: i64 = 15 * 60 * 1_000_000_000;
/// Accounts whose tries are remembered; when all are taken, those that wait for nothing are forgotten first.
const MAX_ACCOUNTS: usize = 20_000;
/// Networks that a person logs in from.
const MAX_NETWORKS: usize = 8;

/// Tries of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<[u8; 32], Account>>);

#[derive(Debug, Default)]
struct Account {
    known: Count,
    strange: Count,
    /// Where somebody got in from, the oldest first.
    networks: Vec<IpAddr>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    failures: u32,
    until_ns: i64,
}

/// What becomes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It is looked at.
    Looked,
    /// It is looked at; if it fails, the next has to wait.
    LookedThenWait,
    /// It is not, for so many seconds.
    Wait(u32),
}

impl Attempts {
    /// Counts a try as failed until [`Attempts::succeeded`] says otherwise, so that many at once are no way around.
    pub(crate) fn begin(&self, email: &str, address: IpAddr, now_ns: i64) -> Attempt {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut accounts, now_ns);
        let account = accounts.entry(of(email)).or_default();
        let count = account.count(address);
        if now_ns < count.until_ns {
            let seconds = (count.until_ns - now_ns).div_euclid(1_000_000_000) + 1;
            return Attempt::Wait(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        count.failures = count.failures.saturating_add(1);
        let Some(doublings) = count.failures.checked_sub(FREE_FAILURES) else { return Attempt::Looked };
        let wait = FIRST_WAIT_NS.saturating_mul(1 << doublings.min(10)).min(LONGEST_WAIT_NS);
        count.until_ns = now_ns.saturating_add(wait);
        Attempt::LookedThenWait
    }

    /// Forgets the failures from where somebody got in, and remembers the network.
    pub(crate) fn succeeded(&self, email: &str, address: IpAddr) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.entry(of(email)).or_default();
        *account.count(address) = Count::default();
        let network = network(address);
        account.networks.retain(|known| *known != network);
        if account.networks.len() == MAX_NETWORKS {
            account.networks.remove(0);
        }
        account.networks.push(network);
        account.known = Count::default();
    }
}

impl Account {
    fn count(&mut self, address: IpAddr) -> &mut Count {
        if self.networks.contains(&network(address)) { &mut self.known } else { &mut self.strange }
    }
}

fn make_room(accounts: &mut HashMap<[u8; 32], Account>, now_ns: i64) {
    if accounts.len() < MAX_ACCOUNTS {
        return;
    }
    let waits = |account: &Account| account.known.until_ns.max(account.strange.until_ns) > now_ns;
    accounts.retain(|_, account| waits(account));
    if accounts.len() >= MAX_ACCOUNTS {
        // So many at once is a flood of invented addresses: a limit by network holds it up, not this one.
        accounts.clear();
    }
}

fn of(email: &str) -> [u8; 32] {
    Sha256::digest(email.trim().to_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000_000;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn failures_make_the_next_try_wait_longer_and_never_for_ever() {
        let attempts = Attempts::default();
        let at =
            |host: u32, now| attempts.begin("Ann@example.org ", IpAddr::V4((0xc000_0200 + host).into()), now);
        for host in 1..FREE_FAILURES {
            assert_eq!(at(host, 0), Attempt::Looked, "wherever it comes from");
        }
        assert_eq!(at(9, 0), Attempt::LookedThenWait);
        assert_eq!(at(10, 0), Attempt::Wait(31));
        assert_eq!(at(10, MINUTE), Attempt::LookedThenWait);
        assert_eq!(at(11, MINUTE), Attempt::Wait(61), "twice as long");
        let mut now = MINUTE;
        for _ in 0..50 {
            now += LONGEST_WAIT_NS;
            assert_eq!(at(12, now), Attempt::LookedThenWait, "a quarter of an hour is always enough");
        }
        assert_eq!(attempts.begin("bob@example.org", address("192.0.2.9"), now), Attempt::Looked);
    }

    #[test]
    fn nobody_is_locked_out_by_what_others_try_elsewhere() {
        let attempts = Attempts::default();
        let (home, elsewhere) = (address("192.0.2.1"), address("198.51.100.1"));
        attempts.begin("ann", home, 0);
        attempts.succeeded("ann", home);
        for _ in 0..20 {
            attempts.begin("ann", elsewhere, 0);
        }
        assert!(matches!(attempts.begin("ann", elsewhere, 0), Attempt::Wait(_)));
        assert_eq!(attempts.begin("ann", home, 0), Attempt::Looked);
        for _ in 0..FREE_FAILURES {
            attempts.begin("ann", home, 0);
        }
        assert!(matches!(attempts.begin("ann", home, 0), Attempt::Wait(_)), "known networks wait too");
    }
}
