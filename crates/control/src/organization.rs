//! An organization: the tenant, and the owner of one log.
//!
//! Holds the values and their rules; storing them is `database.rs`. The origin of a log never contains the
//! organization's name, because it stands in signed checkpoints for ever.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The organization that exists from the first start, for people who need only one.
pub const DEFAULT_ORGANIZATION: &str = "default";
/// The organization whose log holds the events of the server itself.
pub const SYSTEM_ORGANIZATION: &str = "system";

/// Long enough for a DNS label, short enough for a path segment and a column.
const MAX_ID: usize = 64;
/// Words that stand for organizations in paths: the key's own, and every one that it reaches.
const RESERVED: [&str; 2] = ["self", "all"];
/// Titles are shown in one line.
const MAX_TITLE: usize = 256;
/// Intake walks this list for every event that does not name its catalog.
const MAX_CATALOGS: usize = 64;
/// There are fewer findings than this; more entries are a mistake.
const MAX_FINDINGS: usize = 128;
/// The longest finding or catalog name.
const MAX_NAME: usize = 64;

/// The name of an organization: 1 to 64 characters of `[a-z0-9-]`, starting and ending with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationId(String);

impl OrganizationId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrganizationId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let letters =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let ends = !text.starts_with('-') && !text.ends_with('-');
        if text.is_empty() || text.len() > MAX_ID || !letters || !ends {
            let why = format!("use 1 to {MAX_ID} of a-z, 0-9 and inner hyphens, got {text:?}");
            return Err(Error::Invalid { what: "organization name", why });
        }
        if RESERVED.contains(&text) {
            let why = format!("{text:?} has a meaning of its own in paths: use another");
            return Err(Error::Invalid { what: "organization name", why });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an organization wants done with an event that has a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyAction {
    /// Store it as if nothing were found.
    Accept,
    /// Store it with the finding as a flag.
    Flag,
    /// Store it, hidden until somebody releases it.
    Quarantine,
    /// Do not store it, tell the sender.
    Reject,
}

impl PolicyAction {
    /// Every action, from the mildest to the strictest.
    pub const ALL: [Self; 4] = [Self::Accept, Self::Flag, Self::Quarantine, Self::Reject];

    /// The word in catalogs, in the API and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    /// The action of a word, if it is one of the four.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }
}

/// Finding name to action, for one catalog.
pub type Policy = BTreeMap<String, PolicyAction>;

/// Which catalogs an organization uses, in the order in which they try to match an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Catalogs {
    /// Every catalog the server has loaded.
    #[default]
    All,
    /// These and no others, in this order.
    Only(Vec<String>),
}

impl Catalogs {
    /// Whether events of this catalog are taken.
    pub fn contains(&self, catalog: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.iter().any(|id| id == catalog),
        }
    }
}

/// An organization as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its name; never changes.
    pub id: OrganizationId,
    /// What people call it, at most 256 bytes.
    pub title: String,
    /// The number of its log in the WAL; from 1, never reused.
    pub log_number: u32,
    /// The origin line of its checkpoints, `<host>/log/<16 hex>`; another only after a declared rollback, which ends
    /// the log of that name.
    pub origin: String,
    /// When it was created, Unix milliseconds.
    pub created_at_ms: i64,
    /// Whether checkpoints and tiles are served without a key.
    pub public: bool,
    /// The catalogs it uses.
    pub catalogs: Catalogs,
    /// What is done with findings, by catalog. Whether an entry may make things milder is decided at intake.
    pub policy: BTreeMap<String, Policy>,
}

/// What is needed to create an organization.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Its name.
    pub id: OrganizationId,
    /// What people call it; empty means the name.
    pub title: String,
    /// The host part of the log's origin: the configured log host, else `<node id>.invalid`.
    pub log_host: String,
    /// Eight fresh random bytes for the origin.
    pub random: [u8; 8],
    /// Whether checkpoints and tiles are served without a key.
    pub public: bool,
    /// The catalogs it uses.
    pub catalogs: Catalogs,
    /// The time of creation, Unix milliseconds.
    pub now_ms: i64,
}

impl NewOrganization {
    /// Checks the rules and gives the organization its log number.
    pub(crate) fn build(self, log_number: u32) -> Result<Organization, Error> {
        check_title(&self.title)?;
        check_host(&self.log_host)?;
        check_catalogs(&self.catalogs)?;
        let title = if self.title.is_empty() { self.id.to_string() } else { self.title };
        let origin = origin(&self.log_host, self.random);
        Ok(Organization {
            id: self.id,
            title,
            log_number,
            origin,
            created_at_ms: self.now_ms,
            public: self.public,
            catalogs: self.catalogs,
            policy: BTreeMap::new(),
        })
    }
}

/// The origin of a log: a host, and a number that says nothing about anybody.
pub(crate) fn origin(host: &str, random: [u8; 8]) -> String {
    format!("{host}/log/{:016x}", u64::from_be_bytes(random))
}

pub(crate) fn check_catalogs(catalogs: &Catalogs) -> Result<(), Error> {
    let Catalogs::Only(ids) = catalogs else { return Ok(()) };
    if ids.len() > MAX_CATALOGS {
        return Err(Error::Limit {
            what: "catalogs per organization",
            limit: MAX_CATALOGS,
            hint: "name fewer",
        });
    }
    ids.iter().try_for_each(|id| check_name("catalog", id))
}

pub(crate) fn check_policy(catalog: &str, policy: &Policy) -> Result<(), Error> {
    check_name("catalog", catalog)?;
    if policy.len() > MAX_FINDINGS {
        return Err(Error::Limit { what: "findings per policy", limit: MAX_FINDINGS, hint: "name fewer" });
    }
    policy.keys().try_for_each(|finding| check_name("finding", finding))
}

pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    let good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(good) {
        let why = format!("use 1 to {MAX_NAME} of a-z, 0-9, '_', '-' and '.', got {name:?}");
        return Err(Error::Invalid { what, why });
    }
    Ok(())
}

fn check_title(title: &str) -> Result<(), Error> {
    if title.len() > MAX_TITLE || title.chars().any(char::is_control) {
        let why = format!("use at most {MAX_TITLE} bytes without control characters");
        return Err(Error::Invalid { what: "organization title", why });
    }
    Ok(())
}

/// The host is part of a checkpoint's first line and of a key name, where white space, `+` and line ends have meaning.
pub(crate) fn check_host(host: &str) -> Result<(), Error> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'/' | b'_');
    if host.is_empty() || host.len() > 200 || !host.bytes().all(good) || host.ends_with('/') {
        let why = format!("use a host name with an optional path, without scheme, got {host:?}");
        return Err(Error::Invalid { what: "log host", why });
    }
    Ok(())
}
