//! The control database: opening it, changing it, and answering from memory.
//!
//! Every change is one redb transaction with a full fsync; after it the whole picture is read back from the database
//! and put in place at once, so that memory never holds what the disk does not. Reads never touch the disk.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use subtle::ConstantTimeEq;

use crate::certificate::{Binding, Certificate};
use crate::connector::Connectors;
use crate::error::{AuthError, Error};
use crate::key::{Credential, Key, KeySeed, NewKey, Scope};
use crate::organization::{
    Catalogs, DEFAULT_ORGANIZATION, NewOrganization, Organization, OrganizationId, Policy,
    SYSTEM_ORGANIZATION, check_catalogs, check_host, check_policy, origin,
};
use crate::permission::{Kind, Permission, allowed_in};
use crate::person::{Account, PersonState, folded};
use crate::principal::{Principal, Who};
use crate::record::{decode_key, decode_organization, decode_person, encode_key, encode_organization};
use crate::token::{Presented, compose, id_of};
use crate::view::Views;
use crate::viewing::{NewViewer, Viewers, Viewing};

const META: TableDefinition<&str, u32> = TableDefinition::new("meta");
const ORGANIZATIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("organizations");
const KEYS: TableDefinition<&str, &[u8]> = TableDefinition::new("keys");
pub(crate) const PEOPLE: TableDefinition<&str, &[u8]> = TableDefinition::new("people");

const FORMAT_KEY: &str = "format";
/// 1: organizations and keys. 2: people, and keys of theirs. 3: keys with limits that a reader of 2 would not keep
/// (certificates, filters). A file of an earlier format becomes one of 3 when it is opened.
const FORMAT: u32 = 3;
/// Every organization has a log with heads of its own; more than this needs another design than one node.
const MAX_ORGANIZATIONS: usize = 100_000;
/// All keys are held in memory; at about 500 bytes each this is 50 MiB.
const MAX_KEYS: usize = 100_000;
/// Configuration is small; the default cache of redb (1 GiB) would let it grow without need.
const CACHE_BYTES: usize = 4 << 20;

/// What a new database starts from. Ignored when the file exists already.
#[derive(Debug, Clone)]
pub struct FirstStart {
    /// The host part of the origins of the first two logs.
    pub log_host: String,
    /// Sixteen fresh random bytes, eight for each of the two origins.
    pub random: [u8; 16],
    /// The time of creation, Unix milliseconds.
    pub now_ms: i64,
}

/// A configuration value before and after a change: what the event about the change records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed<T> {
    /// As it was.
    pub before: T,
    /// As it is now.
    pub after: T,
}

/// Organizations, people and API keys of one node. Shared by reference; all methods may be called from any thread.
pub struct Control {
    database: Database,
    /// Held from the start of a change until memory shows it, so that pictures are put in place in commit order.
    changing: Mutex<()>,
    picture: RwLock<Arc<Picture>>,
    viewers: Viewers,
}

/// Everything in the database, as last committed.
#[derive(Default)]
pub(crate) struct Picture {
    organizations: BTreeMap<String, Arc<Organization>>,
    keys: HashMap<String, Arc<Credential>>,
    views: Views,
    pub(crate) connectors: Connectors,
    pub(crate) people: BTreeMap<String, Arc<Account>>,
    /// Person by e-mail address in lower case.
    pub(crate) by_email: HashMap<String, Arc<Account>>,
}

impl Control {
    /// Opens the database file, creating it with the organizations `default` and `system` if there is none.
    ///
    /// Fails with [`Error::InUse`] while another process has it open and with [`Error::Newer`] on a file of a later
    /// version. The file is created readable by its owner only.
    pub fn open(path: &Path, first: &FirstStart) -> Result<Self, Error> {
        let create = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        create.map_err(|source| Error::File { doing: "creating", path: path.to_owned(), source })?;
        let database =
            Database::builder().set_cache_size(CACHE_BYTES).create(path).map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                    Error::InUse { path: path.to_owned() }
                }
                other => Error::database("opening")(other.into()),
            })?;
        let control = Self {
            database,
            changing: Mutex::new(()),
            picture: RwLock::default(),
            viewers: Viewers::default(),
        };
        control.change(|transaction| prepare(transaction, path, first))?;
        Ok(control)
    }

    /// Copies the database as last committed into a new file, readable by its owner only. Changes wait meanwhile.
    pub fn copy_to(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let failed = |source| Error::File { doing: "copying", path: from.to_owned(), source };
        let _order = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut source = std::fs::File::open(from).map_err(failed)?;
        let mut target =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
        std::io::copy(&mut source, &mut target).map(drop).map_err(failed)
    }

    /// All organizations, by name.
    pub fn orgs(&self) -> Vec<Arc<Organization>> {
        self.picture().organizations.values().cloned().collect()
    }

    /// One organization.
    pub fn org(&self, id: &str) -> Option<Arc<Organization>> {
        self.picture().organizations.get(id).cloned()
    }

    /// Creates an organization and gives it the next log number. Fails with [`Error::Exists`] or [`Error::Limit`].
    pub fn create_org(&self, new: NewOrganization) -> Result<Organization, Error> {
        self.change(|transaction| insert_organization(transaction, new))
    }

    /// Replaces what an organization does with the findings of one catalog; an empty policy removes the entry.
    pub fn set_org_policy(
        &self,
        id: &OrganizationId,
        catalog: &str,
        policy: Policy,
    ) -> Result<Changed<Organization>, Error> {
        check_policy(catalog, &policy)?;
        self.change_org(id, |organization| {
            organization.policy.remove(catalog);
            if !policy.is_empty() {
                organization.policy.insert(catalog.to_owned(), policy);
            }
        })
    }

    /// Replaces the list of catalogs that an organization uses.
    pub fn set_org_catalogs(
        &self,
        id: &OrganizationId,
        catalogs: Catalogs,
    ) -> Result<Changed<Organization>, Error> {
        check_catalogs(&catalogs)?;
        self.change_org(id, |organization| organization.catalogs = catalogs)
    }

    /// Opens or closes an organization's checkpoints and tiles to callers without a key.
    pub fn set_org_public(&self, id: &OrganizationId, public: bool) -> Result<Changed<Organization>, Error> {
        self.change_org(id, |organization| organization.public = public)
    }

    /// Gives an organization a new log under a new origin, because its old log was frozen by a declared rollback.
    pub fn move_org_to_new_log(
        &self,
        id: &OrganizationId,
        log_host: &str,
        random: [u8; 8],
    ) -> Result<Changed<Organization>, Error> {
        check_host(log_host)?;
        self.change_org(id, |organization| organization.origin = origin(log_host, random))
    }

    /// Creates a key. The second value is its token: it is not kept and cannot be shown again.
    pub fn create_key(&self, new: &NewKey, seed: &KeySeed, now_ms: i64) -> Result<(Key, String), Error> {
        new.check(now_ms)?;
        let (id, secret) = seed.parts();
        let id = id_of(id);
        let (token, secret_sha256) = compose(new.kind, &id, &secret);
        let key = Key {
            id,
            kind: new.kind,
            scope: new.scope.clone(),
            catalog: new.catalog.clone(),
            producer: new.producer.clone(),
            person: new.person.clone(),
            certificate: new.certificate.clone(),
            viewing: None,
            label: new.label.clone(),
            created_at_ms: now_ms,
            expires_at_ms: new.expires_at_ms,
            revoked_at_ms: None,
            last_used_ms: None,
        };
        self.change(|transaction| insert_key(transaction, &key, &secret_sha256))?;
        Ok((key, token))
    }

    /// Keys that reach an organization, or all keys for `None`; by time of creation, revoked ones included. Keys of
    /// people are among all keys only.
    pub fn list_keys(&self, organization: Option<&OrganizationId>) -> Vec<Key> {
        let reaches = |key: &Key| match (&key.scope, organization) {
            (_, Some(_)) if key.kind == Kind::Person => false,
            (_, None) | (Scope::All, _) => true,
            (Scope::One(own), Some(asked)) => own == asked,
        };
        let picture = self.picture();
        let mut keys: Vec<Key> =
            picture.keys.values().filter(|entry| reaches(&entry.key)).map(|entry| entry.snapshot()).collect();
        keys.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        keys
    }

    /// One key by its id.
    pub fn key(&self, id: &str) -> Option<Key> {
        self.picture().keys.get(id).map(|entry| entry.snapshot())
    }

    /// Whether any key of this kind would authenticate now.
    pub fn has_usable_key(&self, kind: Kind, now_ms: i64) -> bool {
        self.picture().keys.values().any(|entry| entry.key.kind == kind && usable(&entry.key, now_ms).is_ok())
    }

    /// Revokes a key at once and for ever. Revoking it again keeps the first time.
    pub fn revoke_key(&self, id: &str, now_ms: i64) -> Result<Changed<Key>, Error> {
        self.change(|transaction| {
            let mut table =
                transaction.open_table(KEYS).map_err(|e| Error::database("reading keys")(e.into()))?;
            let stored = table.get(id).map_err(|e| Error::database("reading a key")(e.into()))?;
            let missing = || Error::Missing { what: "key", id: id.to_owned() };
            let Credential { key: before, secret_sha256, .. } =
                decode_key(id, stored.ok_or_else(missing)?.value())?;
            let mut after = before.clone();
            after.revoked_at_ms = before.revoked_at_ms.or(Some(now_ms));
            let bytes = encode_key(&after, &secret_sha256);
            table.insert(id, bytes.as_slice()).map_err(|e| Error::database("writing a key")(e.into()))?;
            Ok(Changed { before, after })
        })
    }

    /// Finds out whom a token belongs to. Answers from memory; one SHA-256 and one comparison in constant time.
    pub fn authenticate(&self, token: &str, now_ms: i64) -> Result<Principal, AuthError> {
        self.authenticate_over(None, token, now_ms)
    }

    /// The same over a connection on which the client showed this certificate. A key that is bound to a certificate is
    /// worth nothing without it.
    pub fn authenticate_over(
        &self,
        shown: Option<&Certificate>,
        token: &str,
        now_ms: i64,
    ) -> Result<Principal, AuthError> {
        let presented = Presented::parse(token)?;
        let entry = match presented.kind {
            Kind::Viewer => self.viewers.find(presented.id),
            _ => self.picture().keys.get(presented.id).cloned(),
        };
        let entry = entry.ok_or(AuthError::Unknown)?;
        let same_secret = bool::from(presented.digest().ct_eq(&entry.secret_sha256));
        if !same_secret || entry.key.kind != presented.kind {
            return Err(AuthError::Unknown);
        }
        let fits = |binding: &Binding| shown.is_some_and(|shown| binding.fits(shown));
        if entry.key.certificate.as_ref().is_some_and(|binding| !fits(binding)) {
            return Err(AuthError::Certificate);
        }
        let principal = self.holder(&entry, now_ms)?;
        entry.last_used_ms.store(now_ms, Ordering::Relaxed);
        Ok(principal)
    }

    /// Finds out whom a certificate alone belongs to: the newest key in use that says that it is enough.
    pub fn authenticate_certificate(&self, shown: &Certificate, now_ms: i64) -> Result<Principal, AuthError> {
        let picture = self.picture();
        let enough =
            |key: &Key| key.certificate.as_ref().is_some_and(|binding| binding.alone && binding.fits(shown));
        let fitting = picture.keys.values().filter(|entry| enough(&entry.key));
        let (usable, gone): (Vec<_>, Vec<_>) = fitting.partition(|entry| usable(&entry.key, now_ms).is_ok());
        let newest = |of: Vec<&Arc<Credential>>| {
            of.into_iter().max_by_key(|entry| (entry.key.created_at_ms, entry.key.id.clone())).cloned()
        };
        let entry = newest(usable).or_else(|| newest(gone)).ok_or(AuthError::NoKey)?;
        let principal = self.holder(&entry, now_ms)?;
        entry.last_used_ms.store(now_ms, Ordering::Relaxed);
        Ok(principal)
    }

    /// The principal of a key that authenticated before, such as at the beginning of a session: by its id, as long as it
    /// is neither revoked nor expired.
    pub fn principal(&self, key_id: &str, now_ms: i64) -> Result<Principal, AuthError> {
        let entry = self.picture().keys.get(key_id).cloned().ok_or(AuthError::Unknown)?;
        self.holder(&entry, now_ms)
    }

    /// Every view, as last committed.
    pub(crate) fn all_views(&self) -> Views {
        self.picture().views.clone()
    }

    /// Whoever a key stands for: itself, or the person whose it is.
    fn holder(&self, entry: &Arc<Credential>, now_ms: i64) -> Result<Principal, AuthError> {
        usable(&entry.key, now_ms)?;
        if let Some(viewing) = &entry.key.viewing {
            self.issuer_holds(&viewing.issuer, &entry.key.scope, now_ms)?;
        }
        let Some(id) = &entry.key.person else { return Ok(Principal(Who::Key(Arc::clone(entry)))) };
        let account = self.picture().people.get(id).cloned().ok_or(AuthError::Unknown)?;
        if account.person.state != PersonState::Active {
            return Err(AuthError::Disabled);
        }
        Ok(Principal(Who::Person(account, Some(Arc::clone(entry)))))
    }

    /// Whoever made a viewer token may still make one.
    fn issuer_holds(&self, issuer: &str, scope: &Scope, now_ms: i64) -> Result<(), AuthError> {
        let known = self.picture().keys.contains_key(issuer);
        let principal = if known { self.principal(issuer, now_ms)? } else { self.person_principal(issuer)? };
        if allowed_in(&principal, Permission::ViewerIssue, scope) { Ok(()) } else { Err(AuthError::Revoked) }
    }

    /// What the viewer token of this id shows, as long as it can be used.
    pub fn viewer(&self, id: &str, now_ms: i64) -> Option<Viewing> {
        let entry = self.viewers.find(id)?;
        self.holder(&entry, now_ms).ok()?;
        entry.key.viewing.clone()
    }

    /// Makes a viewer token. The second value is its text: it is not kept and cannot be shown again.
    pub fn create_viewer(&self, new: NewViewer, seed: &KeySeed, now_ms: i64) -> Result<(Key, String), Error> {
        self.viewers.make(new, seed, now_ms)
    }

    pub(crate) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.picture.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change_org(
        &self,
        id: &OrganizationId,
        edit: impl FnOnce(&mut Organization),
    ) -> Result<Changed<Organization>, Error> {
        self.change(|transaction| {
            let mut table = open_organizations(transaction)?;
            let stored =
                table.get(id.as_str()).map_err(|e| Error::database("reading an organization")(e.into()))?;
            let missing = || Error::Missing { what: "organization", id: id.to_string() };
            let before = decode_organization(id.as_str(), stored.ok_or_else(missing)?.value())?;
            let mut after = before.clone();
            edit(&mut after);
            let bytes = encode_organization(&after);
            table
                .insert(id.as_str(), bytes.as_slice())
                .map_err(|e| Error::database("writing an organization")(e.into()))?;
            Ok(Changed { before, after })
        })
    }

    /// Runs one change as one transaction. If we die before the commit returns, the change is either whole or absent;
    /// the caller has heard nothing and looks again.
    pub(crate) fn change<T>(
        &self,
        apply: impl FnOnce(&WriteTransaction) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _order = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction =
            self.database.begin_write().map_err(|e| Error::database("beginning a change")(e.into()))?;
        let result = apply(&transaction)?;
        transaction.commit().map_err(|e| Error::database("committing a change")(e.into()))?;
        let next = self.read_back()?;
        *self.picture.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(result)
    }

    /// Runs one change of what is not in the picture in memory.
    pub(crate) fn note<T>(
        &self,
        apply: impl FnOnce(&WriteTransaction) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let transaction =
            self.database.begin_write().map_err(|e| Error::database("beginning a change")(e.into()))?;
        let result = apply(&transaction)?;
        transaction.commit().map_err(|e| Error::database("committing a change")(e.into()))?;
        Ok(result)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    fn read_back(&self) -> Result<Picture, Error> {
        let before = self.picture();
        let mut next = Picture::default();
        let reading = || Error::database("reading");
        let transaction = self.database.begin_read().map_err(|e| reading()(e.into()))?;
        let table = transaction.open_table(ORGANIZATIONS).map_err(|e| reading()(e.into()))?;
        for row in table.iter().map_err(|e| reading()(e.into()))? {
            let (id, bytes) = row.map_err(|e| reading()(e.into()))?;
            let organization = decode_organization(id.value(), bytes.value())?;
            next.organizations.insert(id.value().to_owned(), Arc::new(organization));
        }
        let table = transaction.open_table(KEYS).map_err(|e| reading()(e.into()))?;
        for row in table.iter().map_err(|e| reading()(e.into()))? {
            let (id, bytes) = row.map_err(|e| reading()(e.into()))?;
            let entry = decode_key(id.value(), bytes.value())?;
            if let Some(used) = before.keys.get(id.value()).and_then(|old| old.last_used()) {
                entry.last_used_ms.store(used, Ordering::Relaxed);
            }
            next.keys.insert(id.value().to_owned(), Arc::new(entry));
        }
        next.views = crate::view::read_all(&transaction)?;
        next.connectors = crate::connector::read_all(&transaction)?;
        let table = transaction.open_table(PEOPLE).map_err(|e| reading()(e.into()))?;
        for row in table.iter().map_err(|e| reading()(e.into()))? {
            let (id, bytes) = row.map_err(|e| reading()(e.into()))?;
            let account = Arc::new(decode_person(id.value(), bytes.value())?);
            next.by_email.insert(folded(&account.person.email), Arc::clone(&account));
            next.people.insert(id.value().to_owned(), account);
        }
        Ok(next)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let picture = self.picture();
        f.debug_struct("Control")
            .field("organizations", &picture.organizations.len())
            .field("keys", &picture.keys.len())
            .field("people", &picture.people.len())
            .finish_non_exhaustive()
    }
}

fn usable(key: &Key, now_ms: i64) -> Result<(), AuthError> {
    if key.revoked_at_ms.is_some() {
        return Err(AuthError::Revoked);
    }
    if key.expires_at_ms.is_some_and(|at| at <= now_ms) {
        return Err(AuthError::Expired);
    }
    Ok(())
}

/// Checks the format of an existing database, or fills a new one. One transaction: a crash leaves nothing half made.
fn prepare(transaction: &WriteTransaction, path: &Path, first: &FirstStart) -> Result<(), Error> {
    let mut meta = transaction.open_table(META).map_err(|e| Error::database("reading")(e.into()))?;
    let found = meta.get(FORMAT_KEY).map_err(|e| Error::database("reading the format")(e.into()))?;
    let found = found.map(|format| format.value());
    match found {
        Some(found) if found > FORMAT => {
            return Err(Error::Newer { path: path.to_owned(), found, known: FORMAT });
        }
        Some(FORMAT) => return Ok(()),
        Some(_) | None => {}
    }
    meta.insert(FORMAT_KEY, FORMAT).map_err(|e| Error::database("writing the format")(e.into()))?;
    transaction.open_table(PEOPLE).map_err(|e| Error::database("creating tables")(e.into()))?;
    if found.is_some() {
        return Ok(());
    }
    transaction.open_table(KEYS).map_err(|e| Error::database("creating tables")(e.into()))?;
    let (one, two) = first.random.split_at(8);
    for (id, title, random) in
        [(DEFAULT_ORGANIZATION, "Default", one), (SYSTEM_ORGANIZATION, "This server", two)]
    {
        let new = NewOrganization {
            id: id.parse()?,
            title: title.to_owned(),
            log_host: first.log_host.clone(),
            random: random.try_into().expect("sixteen bytes split at eight are two times eight"),
            public: false,
            catalogs: Catalogs::All,
            now_ms: first.now_ms,
        };
        insert_organization(transaction, new)?;
    }
    Ok(())
}

fn open_organizations(
    transaction: &WriteTransaction,
) -> Result<redb::Table<'_, &'static str, &'static [u8]>, Error> {
    transaction.open_table(ORGANIZATIONS).map_err(|e| Error::database("reading organizations")(e.into()))
}

fn insert_organization(transaction: &WriteTransaction, new: NewOrganization) -> Result<Organization, Error> {
    let mut table = open_organizations(transaction)?;
    let mut last = 0;
    let mut count = 0;
    for row in table.iter().map_err(|e| Error::database("reading organizations")(e.into()))? {
        let (id, bytes) = row.map_err(|e| Error::database("reading organizations")(e.into()))?;
        let other = decode_organization(id.value(), bytes.value())?;
        if other.id == new.id {
            return Err(Error::Exists { what: "organization", id: new.id.to_string() });
        }
        last = last.max(other.log_number);
        count += 1;
    }
    if count >= MAX_ORGANIZATIONS {
        let hint = "run a second node";
        return Err(Error::Limit { what: "organizations", limit: MAX_ORGANIZATIONS, hint });
    }
    let organization = new.build(last + 1)?;
    let bytes = encode_organization(&organization);
    table
        .insert(organization.id.as_str(), bytes.as_slice())
        .map_err(|e| Error::database("writing an organization")(e.into()))?;
    Ok(organization)
}

fn insert_key(transaction: &WriteTransaction, key: &Key, secret_sha256: &[u8; 32]) -> Result<(), Error> {
    if let Scope::One(id) = &key.scope {
        let known = open_organizations(transaction)?
            .get(id.as_str())
            .map_err(|e| Error::database("reading an organization")(e.into()))?
            .is_some();
        if !known {
            return Err(Error::Missing { what: "organization", id: id.to_string() });
        }
    }
    let mut table = transaction.open_table(KEYS).map_err(|e| Error::database("reading keys")(e.into()))?;
    let count =
        redb::ReadableTableMetadata::len(&table).map_err(|e| Error::database("counting keys")(e.into()))?;
    if count >= MAX_KEYS as u64 {
        let hint = "keys are never deleted, so that their events keep a name: ask for a larger limit";
        return Err(Error::Limit { what: "keys", limit: MAX_KEYS, hint });
    }
    let bytes = encode_key(key, secret_sha256);
    let old = table
        .insert(key.id.as_str(), bytes.as_slice())
        .map_err(|e| Error::database("writing a key")(e.into()))?;
    match old {
        None => Ok(()),
        Some(_) => Err(Error::Exists { what: "key", id: key.id.clone() }),
    }
}
