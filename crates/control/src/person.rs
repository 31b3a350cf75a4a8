//! People: who they are, what roles they have, and the rules for both.
//!
//! What proves that somebody is a person (passphrase, authenticator, codes) is kept beside the person in [`Account`] and
//! shown by no `Debug` output, list or event.

use std::fmt;

use crate::error::Error;
use crate::key::Scope;
use crate::passphrase::Hash;
use crate::permission::Role;

/// Names are shown in one line.
const MAX_NAME: usize = 128;
/// RFC 5321: a path of 256 bytes with its two brackets.
const MAX_EMAIL: usize = 254;
/// Roles of one person: one for each of many organizations; beyond this they have one for all.
const MAX_GRANTS: usize = 200;

/// A role in an organization, or in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What the person is.
    pub role: Role,
    /// To whom.
    pub scope: Scope,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::All => write!(f, "{} of all", self.role),
            Scope::One(id) => write!(f, "{} of {id}", self.role),
        }
    }
}

/// Whether a person can get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonState {
    /// Has a link and no passphrase yet.
    Invited,
    /// Can log in.
    Active,
    /// Is kept out.
    Disabled,
}

impl PersonState {
    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// A person as lists show them: everything but what proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Ten characters; not secret, stands in lists and in events.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// How they log in; unlike every other's, whatever the case of its letters.
    pub email: String,
    /// Their roles; one for each scope and role at most.
    pub grants: Vec<Grant>,
    /// Whether they can get in.
    pub state: PersonState,
    /// Whether logging in needs a code of an authenticator.
    pub has_totp: bool,
    /// Recovery codes that were not used yet.
    pub recovery_codes: usize,
    /// When they were added, Unix milliseconds.
    pub created_at_ms: i64,
    /// When anything above last changed, Unix milliseconds.
    pub changed_at_ms: i64,
    /// When they last logged in, Unix milliseconds.
    pub last_login_ms: Option<i64>,
    /// Until when their invitation can be used, Unix milliseconds.
    pub invited_until_ms: Option<i64>,
}

impl Person {
    /// Whether they have a role for every organization.
    pub fn has_everywhere(&self, role: Role) -> bool {
        self.grants.iter().any(|grant| grant.role == role && grant.scope == Scope::All)
    }
}

/// What is needed to add a person.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// What people call them, at most 128 bytes.
    pub name: String,
    /// How they log in.
    pub email: String,
    /// Their roles.
    pub grants: Vec<Grant>,
}

/// A person together with what proves who they are. One allocation, shared by all their requests.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) person: Person,
    pub(crate) proof: Proof,
}

/// What proves who a person is. Never shown.
#[derive(Clone, Default)]
pub(crate) struct Proof {
    pub(crate) passphrase: Option<Hash>,
    pub(crate) totp: Option<Totp>,
    /// SHA-256 of each code that was not used yet: they have 80 random bits, so that there is nothing to guess.
    pub(crate) recovery: Vec<[u8; 32]>,
    /// SHA-256 of the invitation's token, and until when it can be used.
    pub(crate) invitation: Option<([u8; 32], i64)>,
    pub(crate) disabled: bool,
}

/// An enrolled authenticator.
#[derive(Clone)]
pub(crate) struct Totp {
    pub(crate) secret: [u8; crate::totp::SECRET_BYTES],
    /// The newest step whose code was used; it and what is older count no more.
    pub(crate) used_step: u64,
}

impl Account {
    /// Puts what lists show in line with what proves.
    pub(crate) fn settle(&mut self) {
        self.person.state = match (self.proof.disabled, &self.proof.passphrase) {
            (true, _) => PersonState::Disabled,
            (false, Some(_)) => PersonState::Active,
            (false, None) => PersonState::Invited,
        };
        self.person.has_totp = self.proof.totp.is_some();
        self.person.recovery_codes = self.proof.recovery.len();
        self.person.invited_until_ms = self.proof.invitation.map(|(_, until)| until);
    }
}

/// An e-mail address as it is compared: case is of no account.
pub(crate) fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        let why = format!("use 1 to {MAX_NAME} bytes without control characters");
        return Err(Error::Invalid { what: "name of a person", why });
    }
    Ok(())
}

/// Tells addresses from what people write by mistake; whether mail arrives there is another matter.
pub(crate) fn check_email(email: &str) -> Result<(), Error> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
    let parts = email.split_once('@').filter(|(local, host)| {
        !local.is_empty() && !host.is_empty() && !host.contains('@') && !host.starts_with('.')
    });
    if parts.is_none() || email.len() > MAX_EMAIL || email.contains(bad) {
        let why = format!("use an address such as ann@example.org, got {email:?}");
        return Err(Error::Invalid { what: "e-mail address", why });
    }
    Ok(())
}

pub(crate) fn check_grants(grants: &[Grant]) -> Result<(), Error> {
    if grants.len() > MAX_GRANTS {
        let hint = "give a role for all organizations";
        return Err(Error::Limit { what: "roles of one person", limit: MAX_GRANTS, hint });
    }
    Ok(())
}
