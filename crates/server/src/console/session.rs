//! Sessions of the console: who has logged in, for how long, and how often one may try.
//!
//! A session is known by a random token that only the browser has; here is its hash. Sessions are in memory alone: a
//! restart ends them all. A session holds no rights. It names its subject, and what that may do is looked up on every
//! request, so that a revoked key or a disabled person is out at once. Whenever somebody proves more than before, the
//! session gets another token: one that was known before is worth nothing afterwards.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use indelible_console::notice::Notice;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// Nobody has looked for so long: the screen is no longer watched.
pub(crate) const IDLE_NS: i64 = 30 * 60 * 1_000_000_000;
/// A working day and its breaks; then one proves again who one is.
pub(crate) const ABSOLUTE_NS: i64 = 12 * 3600 * 1_000_000_000;
/// Whoever has given a passphrase gives the code of their authenticator within this time.
const HALF_NS: i64 = 5 * 60 * 1_000_000_000;
/// Sessions at once: far more than people, far less than memory.
pub(crate) const MAX_SESSIONS: usize = 10_000;
/// Tries to log in, per address: a person mistypes, a guessing program does not get far in 256 bits.
pub(crate) const MAX_TRIES: u32 = 5;
const FIRST_REFUSED: u32 = MAX_TRIES + 1;
/// Within this time.
const TRIES_NS: i64 = 60 * 1_000_000_000;
/// Addresses whose tries are remembered; when all are taken, nobody new gets to try until a minute is over.
const MAX_ADDRESSES: usize = 10_000;

/// Whom a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The holder of an API key, by the key's id.
    Key(String),
    /// A person, by id.
    Person(String),
    /// A person who has given the passphrase and not yet the code: may do nothing but give it.
    Half(String),
}

/// A session as requests see it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Public name: stands in events.
    pub(crate) name: String,
    pub(crate) subject: Subject,
    /// Goes with every form.
    pub(crate) csrf: String,
    /// Where it was begun.
    pub(crate) address: IpAddr,
    /// By the clock that counts from boot.
    pub(crate) began_ns: i64,
    /// The same, when it was last used.
    pub(crate) seen_ns: i64,
    /// What the next page says once.
    notice: Option<Arc<Notice>>,
}

/// What a new session is made of.
pub(crate) struct Begun {
    /// For the browser; nothing here keeps it.
    pub(crate) token: String,
    pub(crate) session: Session,
}

/// What becomes of a try to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    /// It is looked at.
    Looked,
    /// It is the first of this minute that is not; one event tells of it and of those that follow.
    RefusedFirst,
    /// It is not.
    Refused,
}

/// Some sessions of a subject.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    /// One, by its public name.
    Named(&'a str),
    /// All, or all but one.
    AllBut(Option<&'a str>),
}

/// All sessions of this run.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<[u8; 32], Session>>,
    tries: Mutex<HashMap<IpAddr, (i64, u32)>>,
}

impl Session {
    /// A session that was not begun by anybody: everybody's of a demonstration.
    pub(crate) fn of_guest(key_id: &str, csrf: &str) -> Self {
        let subject = Subject::Key(key_id.to_owned());
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        let (name, csrf) = ("guest".to_owned(), csrf.to_owned());
        Self { name, subject, csrf, address, began_ns: 0, seen_ns: 0, notice: None }
    }

    fn is_over(&self, now_ns: i64) -> bool {
        let longest = if matches!(self.subject, Subject::Half(_)) { HALF_NS } else { ABSOLUTE_NS };
        now_ns - self.seen_ns >= IDLE_NS || now_ns - self.began_ns >= longest
    }
}

impl Sessions {
    /// Begins a session; `None` when there are too many.
    pub(crate) fn begin(
        &self,
        subject: Subject,
        address: IpAddr,
        now_ns: i64,
    ) -> Result<Option<Begun>, Problem> {
        let token = hex(&crate::random::<32>()?);
        let session = Session {
            name: hex(&crate::random::<8>()?),
            subject,
            csrf: hex(&crate::random::<16>()?),
            address,
            began_ns: now_ns,
            seen_ns: now_ns,
            notice: None,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_SESSIONS {
            open.retain(|_, session| !session.is_over(now_ns));
        }
        if open.len() >= MAX_SESSIONS {
            return Ok(None);
        }
        open.insert(digest(&token), session.clone());
        Ok(Some(Begun { token, session }))
    }

    /// The session of a token, which thereby is in use.
    pub(crate) fn of(&self, token: &str, now_ns: i64) -> Option<Session> {
        let key = digest(token);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&key)?;
        if session.is_over(now_ns) {
            open.remove(&key);
            return None;
        }
        session.seen_ns = now_ns;
        Some(session.clone())
    }

    /// The session of a token, without thereby using it: for what goes on by itself.
    pub(crate) fn peek(&self, token: &str, now_ns: i64) -> Option<Session> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&digest(token)).filter(|session| !session.is_over(now_ns)).cloned()
    }

    /// Ends the session of a token.
    pub(crate) fn end(&self, token: &str) -> Option<Session> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(token))
    }

    /// Leaves something for the next page of a session to say.
    pub(crate) fn leave_notice(&self, token: &str, notice: Notice) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(&digest(token)) {
            session.notice = Some(Arc::new(notice));
        }
    }

    /// What the last form of a session left to say; it is said once.
    pub(crate) fn take_notice(&self, token: &str) -> Option<Arc<Notice>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&digest(token))?.notice.take()
    }

    /// Open sessions of a subject, the last used first.
    pub(crate) fn of_subject(&self, subject: &Subject, now_ns: i64) -> Vec<Session> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.values().filter(|session| session.subject == *subject && !session.is_over(now_ns));
        let mut own: Vec<Session> = own.cloned().collect();
        own.sort_by(|a, b| (b.seen_ns, &b.name).cmp(&(a.seen_ns, &a.name)));
        own
    }

    /// Ends the sessions of a subject: the one of this name, or all but the one to keep.
    pub(crate) fn end_of(&self, subject: &Subject, which: Which<'_>) -> usize {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let before = open.len();
        open.retain(|_, session| {
            let meant = match which {
                Which::Named(name) => session.name == name,
                Which::AllBut(kept) => Some(session.name.as_str()) != kept,
            };
            session.subject != *subject || !meant
        });
        before - open.len()
    }

    /// Ends whatever a person has open, because what they may do has changed.
    pub(crate) fn forget_person(&self, id: &str) {
        for subject in [Subject::Person(id.to_owned()), Subject::Half(id.to_owned())] {
            self.end_of(&subject, Which::AllBut(None));
        }
    }

    /// Counts a try to log in from an address and decides whether it is looked at.
    pub(crate) fn try_from(&self, address: IpAddr, now_ns: i64) -> Try {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MAX_ADDRESSES {
            tries.retain(|_, (since, _)| now_ns - *since < TRIES_NS);
        }
        let address = network(address);
        if tries.len() >= MAX_ADDRESSES && !tries.contains_key(&address) {
            return Try::Refused;
        }
        let (since, count) = tries.entry(address).or_insert((now_ns, 0));
        if now_ns - *since >= TRIES_NS {
            (*since, *count) = (now_ns, 0);
        }
        *count = count.saturating_add(1);
        match *count {
            ..=MAX_TRIES => Try::Looked,
            FIRST_REFUSED => Try::RefusedFirst,
            _ => Try::Refused,
        }
    }
}

/// What one person has at hand: an IPv4 address, or the 2^64 of an IPv6 network.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Whether two texts are the same, without telling by time where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    digest(a) == digest(b)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000_000;

    fn begin(sessions: &Sessions, now_ns: i64) -> Begun {
        begin_as(sessions, Subject::Key("k".to_owned()), now_ns)
    }

    fn begin_as(sessions: &Sessions, subject: Subject, now_ns: i64) -> Begun {
        sessions.begin(subject, "192.0.2.1".parse().unwrap(), now_ns).unwrap().unwrap()
    }

    #[test]
    fn a_subject_ends_its_own_sessions_only() {
        let sessions = Sessions::default();
        let ann = Subject::Person("ann".to_owned());
        let [one, two, three] = [(); 3].map(|()| begin_as(&sessions, ann.clone(), 0));
        let other = begin(&sessions, 0);
        assert_eq!(sessions.end_of(&ann, Which::Named(&other.session.name)), 0);
        assert_eq!(sessions.end_of(&ann, Which::Named(&one.session.name)), 1);
        assert_eq!(sessions.of_subject(&ann, 1).len(), 2);
        assert_eq!(sessions.end_of(&ann, Which::AllBut(Some(&two.session.name))), 1);
        assert!(sessions.of(&three.token, 1).is_none() && sessions.of(&two.token, 1).is_some());
        assert_eq!(sessions.end_of(&ann, Which::AllBut(None)), 1);
        assert!(sessions.of(&other.token, 1).is_some());
        let half = begin_as(&sessions, Subject::Half("ann".to_owned()), 0);
        assert!(sessions.of(&half.token, HALF_NS - 1).is_some());
        assert!(sessions.of(&half.token, HALF_NS).is_none());
    }

    #[test]
    fn sessions_end_idle_and_after_half_a_day() {
        let sessions = Sessions::default();
        let (idle, busy) = (begin(&sessions, 0), begin(&sessions, 0));
        assert_ne!(idle.token, busy.token);
        assert!(sessions.of("", 0).is_none() && sessions.of(&idle.session.name, 0).is_none());
        assert!(sessions.of(&idle.token, 29 * MINUTE).is_some());
        assert!(sessions.of(&idle.token, 59 * MINUTE).is_none(), "idle for half an hour");
        let mut now = 0;
        while now < ABSOLUTE_NS {
            assert!(sessions.of(&busy.token, now).is_some());
            now += 20 * MINUTE;
        }
        assert!(sessions.of(&busy.token, now).is_none(), "twelve hours are over");
        let ended = begin(&sessions, 0);
        assert!(sessions.end(&ended.token).is_some());
        assert!(sessions.of(&ended.token, 1).is_none());
    }

    #[test]
    fn tries_are_counted_by_network_and_forgotten() {
        let sessions = Sessions::default();
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        for _ in 0..MAX_TRIES {
            assert_eq!(sessions.try_from(of("192.0.2.1"), 0), Try::Looked);
            assert_eq!(sessions.try_from(of("2001:db8::1"), 0), Try::Looked);
        }
        assert_eq!(sessions.try_from(of("192.0.2.1"), TRIES_NS - 1), Try::RefusedFirst);
        assert_eq!(sessions.try_from(of("192.0.2.1"), TRIES_NS - 1), Try::Refused);
        assert_eq!(sessions.try_from(of("2001:db8::2"), TRIES_NS - 1), Try::RefusedFirst);
        assert_eq!(sessions.try_from(of("192.0.2.2"), 0), Try::Looked);
        assert_eq!(sessions.try_from(of("192.0.2.1"), TRIES_NS), Try::Looked);
    }
}
