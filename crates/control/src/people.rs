//! What happens to people in the control database: added, invited, changed, let in.
//!
//! Nothing here returns or prints what proves who somebody is. Whether the caller may do any of it is decided before.

use std::sync::Arc;

use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};
use sha2::{Digest, Sha256};

use crate::database::{Changed, Control, PEOPLE};
use crate::error::{AuthError, Error};
use crate::key::Scope;
use crate::passphrase::Hash;
use crate::permission::Role;
use crate::person::{
    Account, Grant, NewPerson, Person, PersonState, Proof, Totp, check_email, check_grants, check_name,
    folded,
};
use crate::principal::{Principal, Who};
use crate::record::{decode_person, encode_person};
use crate::token::{base32, id_of};
use crate::totp::{SECRET_BYTES, matching_step};

/// All people are held in memory; at about 2 KB each this is 200 MB, and far more than work on one node.
const MAX_PEOPLE: usize = 100_000;
/// How long an invitation can be used: a week, so that a holiday does not void it.
pub const INVITED_MS: i64 = 7 * 86_400_000;
/// Recovery codes of one person: as many as common services give.
pub const RECOVERY_CODES: usize = 10;
/// Random bytes of one code; 80 bits, so that a plain digest is enough.
const RECOVERY_BYTES: usize = 10;

/// What is to change about a person; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct PersonChange {
    /// Another name.
    pub name: Option<String>,
    /// Other roles, all of them.
    pub grants: Option<Vec<Grant>>,
    /// Kept out, or let in again.
    pub disabled: Option<bool>,
}

/// Random bytes of the recovery codes of one person. Use once.
pub struct RecoverySeed([[u8; RECOVERY_BYTES]; RECOVERY_CODES]);

impl RecoverySeed {
    /// How many random bytes it needs.
    pub const BYTES: usize = RECOVERY_BYTES * RECOVERY_CODES;

    /// Takes bytes from a cryptographic random source.
    pub fn new(random: [u8; Self::BYTES]) -> Self {
        let mut codes = [[0; RECOVERY_BYTES]; RECOVERY_CODES];
        for (code, bytes) in codes.iter_mut().zip(random.chunks_exact(RECOVERY_BYTES)) {
            code.copy_from_slice(bytes);
        }
        Self(codes)
    }

    /// The codes as people write them down.
    pub fn codes(&self) -> Vec<String> {
        let text = |bytes: &[u8; RECOVERY_BYTES]| {
            let letters = base32(bytes, 16);
            let parts = [0, 4, 8, 12].map(|at| letters.get(at..at + 4).unwrap_or_default().to_owned());
            parts.join("-")
        };
        self.0.iter().map(text).collect()
    }
}

impl std::fmt::Debug for RecoverySeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoverySeed(hidden)")
    }
}

/// An authenticator that a person has set up, with a code of it to show that they did.
pub struct Enrolment<'a> {
    /// Its secret.
    pub secret: [u8; SECRET_BYTES],
    /// What it shows now.
    pub code: &'a str,
    /// For when it is lost.
    pub recovery: &'a RecoverySeed,
}

impl std::fmt::Debug for Enrolment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment(hidden)")
    }
}

impl NewPerson {
    /// Whether name and address keep their rules.
    pub fn check(&self) -> Result<(), Error> {
        check_name(&self.name)?;
        check_email(self.email.trim())
    }
}

impl Control {
    /// All people, by name.
    pub fn people(&self) -> Vec<Person> {
        let mut people: Vec<Person> =
            self.picture().people.values().map(|account| account.person.clone()).collect();
        people.sort_by(|a, b| (a.name.to_lowercase(), &a.id).cmp(&(b.name.to_lowercase(), &b.id)));
        people
    }

    /// One person by id.
    pub fn person(&self, id: &str) -> Option<Person> {
        self.picture().people.get(id).map(|account| account.person.clone())
    }

    /// Whether somebody who can get in owns every organization: the node was claimed.
    pub fn has_owner(&self) -> bool {
        self.picture().people.values().any(|account| is_owner(&account.person))
    }

    /// Adds a person, without a passphrase; an invitation lets them set one. Fails with [`Error::Exists`] if the address
    /// is taken.
    pub fn create_person(&self, new: &NewPerson, id: [u8; 8], now_ms: i64) -> Result<Person, Error> {
        self.add_person(new, id, Proof::default(), now_ms)
    }

    /// Adds an owner of everything with a passphrase: who has claimed the node.
    pub fn create_owner(
        &self,
        (name, email): (&str, &str),
        id: [u8; 8],
        passphrase: Hash,
        now_ms: i64,
    ) -> Result<Person, Error> {
        let grants = vec![Grant { role: Role::Owner, scope: Scope::All }];
        let new = NewPerson { name: name.to_owned(), email: email.to_owned(), grants };
        self.add_person(&new, id, Proof { passphrase: Some(passphrase), ..Proof::default() }, now_ms)
    }

    /// Makes the person of an address an owner of everything, able to get in with this passphrase and nothing else: a
    /// lost administrator who has the data folder.
    pub fn restore_owner(
        &self,
        email: &str,
        passphrase: Hash,
        now_ms: i64,
    ) -> Result<Changed<Person>, Error> {
        let missing = || Error::Missing { what: "person", id: email.to_owned() };
        let id = self.picture().by_email.get(&folded(email)).map(|account| account.person.id.clone());
        self.edit(&id.ok_or_else(missing)?, now_ms, |account| {
            let owner = Grant { role: Role::Owner, scope: Scope::All };
            if !account.person.grants.contains(&owner) {
                account.person.grants.push(owner);
            }
            account.proof = Proof { passphrase: Some(passphrase), ..Proof::default() };
            Ok(())
        })
    }

    /// Changes a person. The last owner who can get in stays one: fails with [`Error::Invalid`].
    pub fn change_person(
        &self,
        id: &str,
        change: &PersonChange,
        now_ms: i64,
    ) -> Result<Changed<Person>, Error> {
        change.name.as_deref().map_or(Ok(()), check_name)?;
        self.edit(id, now_ms, |account| {
            if let Some(name) = &change.name {
                name.trim().clone_into(&mut account.person.name);
            }
            if let Some(grants) = &change.grants {
                account.person.grants = once_each(grants);
            }
            if let Some(disabled) = change.disabled {
                account.proof.disabled = disabled;
                account.proof.invitation = None;
            }
            Ok(())
        })
    }

    /// Makes an invitation, of whose token only this digest is kept; it voids an earlier one. Who accepts it sets a new
    /// passphrase and begins without authenticator.
    pub fn invite_person(
        &self,
        id: &str,
        token_sha256: [u8; 32],
        now_ms: i64,
    ) -> Result<Changed<Person>, Error> {
        self.edit(id, now_ms, |account| {
            if account.proof.disabled {
                let why = "the person is disabled: enable them first".to_owned();
                return Err(Error::Invalid { what: "invitation", why });
            }
            account.proof.invitation = Some((token_sha256, now_ms + INVITED_MS));
            Ok(())
        })
    }

    /// The person whose invitation has this token's digest, while it can be used.
    pub fn invited(&self, token_sha256: &[u8; 32], now_ms: i64) -> Option<Person> {
        let open = |account: &&Arc<Account>| {
            let invitation = account.proof.invitation.filter(|(_, until)| now_ms < *until);
            !account.proof.disabled && invitation.is_some_and(|(digest, _)| digest == *token_sha256)
        };
        self.picture().people.values().find(open).map(|account| account.person.clone())
    }

    /// Takes up an invitation: sets the passphrase, forgets an earlier authenticator, and voids the token.
    pub fn accept_invitation(
        &self,
        token_sha256: &[u8; 32],
        passphrase: Hash,
        now_ms: i64,
    ) -> Result<Changed<Person>, Error> {
        let missing = || Error::Missing { what: "invitation", id: "of this link".to_owned() };
        let person = self.invited(token_sha256, now_ms).ok_or_else(missing)?;
        self.edit(&person.id, now_ms, |account| {
            let same = account.proof.invitation.is_some_and(|(digest, _)| digest == *token_sha256);
            if !same || account.proof.disabled {
                return Err(missing());
            }
            account.proof = Proof { passphrase: Some(passphrase), ..Proof::default() };
            Ok(())
        })
    }

    /// The principal of a person who has a session, with the roles that they have now.
    pub fn person_principal(&self, id: &str) -> Result<Principal, AuthError> {
        let account = self.picture().people.get(id).cloned().ok_or(AuthError::Unknown)?;
        match account.person.state {
            PersonState::Active => Ok(Principal(Who::Person(account, None))),
            PersonState::Invited | PersonState::Disabled => Err(AuthError::Disabled),
        }
    }

    /// The person of an address, if this is their passphrase and they can get in. Takes as long for an address that
    /// nobody has. Slow by intent: run it where a thread may be held up.
    pub fn person_of_passphrase(&self, email: &str, passphrase: &str) -> Option<Person> {
        let account = self.picture().by_email.get(&folded(email)).cloned();
        let kept = account.as_ref().and_then(|account| account.proof.passphrase.clone());
        let is_theirs = kept.unwrap_or(Hash::NOBODYS).is_of(passphrase);
        let person = account.filter(|_| is_theirs).map(|account| account.person.clone());
        person.filter(|person| person.state == PersonState::Active)
    }

    /// Sets another passphrase.
    pub fn set_passphrase(&self, id: &str, passphrase: Hash, now_ms: i64) -> Result<Changed<Person>, Error> {
        self.edit(id, now_ms, |account| {
            account.proof.passphrase = Some(passphrase);
            Ok(())
        })
    }

    /// Enrols an authenticator, with recovery codes; both replace earlier ones. Fails with [`Error::Invalid`] unless the
    /// code is one that it shows now.
    pub fn enrol_totp(
        &self,
        id: &str,
        enrolment: &Enrolment<'_>,
        now_ms: i64,
    ) -> Result<Changed<Person>, Error> {
        let step = matching_step(&enrolment.secret, enrolment.code, now_ms, 0).ok_or_else(|| {
            let why = "the authenticator shows another now: check its clock and try again".to_owned();
            Error::Invalid { what: "code", why }
        })?;
        let digests = enrolment.recovery.codes().iter().map(|code| recovery_digest(code)).collect();
        self.edit(id, now_ms, |account| {
            account.proof.totp = Some(Totp { secret: enrolment.secret, used_step: step });
            account.proof.recovery = digests;
            Ok(())
        })
    }

    /// Takes a code of the authenticator, or else a recovery code. Each counts once: it is used up when this answers
    /// true. Also true for a person without an authenticator.
    pub fn use_code(&self, id: &str, code: &str, now_ms: i64) -> Result<bool, Error> {
        let digest = recovery_digest(code);
        let mut taken = false;
        self.edit(id, now_ms, |account| {
            let Some(totp) = &mut account.proof.totp else {
                taken = true;
                return Ok(());
            };
            if let Some(step) = matching_step(&totp.secret, code, now_ms, totp.used_step) {
                totp.used_step = step;
                taken = true;
            } else if let Some(at) = account.proof.recovery.iter().position(|kept| *kept == digest) {
                account.proof.recovery.remove(at);
                taken = true;
            }
            Ok(())
        })?;
        Ok(taken)
    }

    /// Forgets the authenticator and the recovery codes.
    pub fn remove_totp(&self, id: &str, now_ms: i64) -> Result<Changed<Person>, Error> {
        self.edit(id, now_ms, |account| {
            account.proof.totp = None;
            account.proof.recovery.clear();
            Ok(())
        })
    }

    /// Keeps when a person has logged in.
    pub fn note_login(&self, id: &str, now_ms: i64) -> Result<(), Error> {
        self.edit(id, now_ms, |account| {
            account.person.last_login_ms = Some(now_ms);
            Ok(())
        })?;
        Ok(())
    }

    fn add_person(&self, new: &NewPerson, id: [u8; 8], proof: Proof, now_ms: i64) -> Result<Person, Error> {
        let email = new.email.trim();
        new.check()?;
        let person = Person {
            id: id_of(id),
            name: new.name.trim().to_owned(),
            email: email.to_owned(),
            grants: once_each(&new.grants),
            state: PersonState::Invited,
            has_totp: false,
            recovery_codes: 0,
            created_at_ms: now_ms,
            changed_at_ms: now_ms,
            last_login_ms: None,
            invited_until_ms: None,
        };
        let mut account = Account { person, proof };
        account.settle();
        self.known_organizations(&account.person.grants)?;
        check_grants(&account.person.grants)?;
        self.change(|transaction| {
            let mut table = open(transaction)?;
            let count = table.len().map_err(|e| Error::database("counting people")(e.into()))?;
            if count >= MAX_PEOPLE as u64 {
                let hint = "people are never deleted, so that their events keep a name";
                return Err(Error::Limit { what: "people", limit: MAX_PEOPLE, hint });
            }
            // Memory shows what is committed, and no other change runs now.
            if self.picture().by_email.contains_key(&folded(email)) {
                return Err(Error::Exists { what: "person with the address", id: email.to_owned() });
            }
            put(&mut table, &account)
        })?;
        Ok(account.person)
    }

    fn known_organizations(&self, grants: &[Grant]) -> Result<(), Error> {
        for grant in grants {
            if let Scope::One(id) = &grant.scope
                && self.org(id.as_str()).is_none()
            {
                return Err(Error::Missing { what: "organization", id: id.to_string() });
            }
        }
        Ok(())
    }

    fn edit(
        &self,
        id: &str,
        now_ms: i64,
        edit: impl FnOnce(&mut Account) -> Result<(), Error>,
    ) -> Result<Changed<Person>, Error> {
        self.change(|transaction| {
            let mut table = open(transaction)?;
            let missing = || Error::Missing { what: "person", id: id.to_owned() };
            let stored = table.get(id).map_err(|e| Error::database("reading a person")(e.into()))?;
            let mut account = decode_person(id, stored.ok_or_else(missing)?.value())?;
            let before = account.person.clone();
            edit(&mut account)?;
            account.settle();
            check_grants(&account.person.grants)?;
            self.known_organizations(&account.person.grants)?;
            if is_owner(&before) && !is_owner(&account.person) && self.is_last_owner(id) {
                let why = "nobody else owns every organization: make another owner first".to_owned();
                return Err(Error::Invalid { what: "change", why });
            }
            if account.person != before && account.person.last_login_ms == before.last_login_ms {
                account.person.changed_at_ms = now_ms;
            }
            put(&mut table, &account)?;
            Ok(Changed { before, after: account.person })
        })
    }

    fn is_last_owner(&self, id: &str) -> bool {
        !self.picture().people.values().any(|account| account.person.id != id && is_owner(&account.person))
    }
}

/// Somebody who can get in and owns every organization.
fn is_owner(person: &Person) -> bool {
    person.state == PersonState::Active && person.has_everywhere(Role::Owner)
}

fn once_each(grants: &[Grant]) -> Vec<Grant> {
    let mut kept: Vec<Grant> = Vec::with_capacity(grants.len());
    for grant in grants {
        if !kept.contains(grant) {
            kept.push(grant.clone());
        }
    }
    kept
}

/// The digest of a recovery code, however it was typed.
fn recovery_digest(code: &str) -> [u8; 32] {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    Sha256::digest(letters.to_ascii_lowercase()).into()
}

type People<'t> = Table<'t, &'static str, &'static [u8]>;

fn open(transaction: &WriteTransaction) -> Result<People<'_>, Error> {
    transaction.open_table(PEOPLE).map_err(|e| Error::database("reading people")(e.into()))
}

fn put(table: &mut People<'_>, account: &Account) -> Result<(), Error> {
    let bytes = encode_person(account);
    let written = table.insert(account.person.id.as_str(), bytes.as_slice());
    written.map_err(|e| Error::database("writing a person")(e.into()))?;
    Ok(())
}
