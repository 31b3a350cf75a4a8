//! The bytes of stored records: one version byte, then a JSON object.
//!
//! The structures here are the file format, not the program's types: a change of `Organization` or `Key` must not
//! change what is on disk by accident. A new field is optional with a default; anything else is a new version byte.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;

use serde::{Deserialize, Serialize};

use crate::certificate::Binding;
use crate::error::Error;
use crate::key::{Credential, Key, Scope};
use crate::organization::{Catalogs, Organization, Policy, PolicyAction};
use crate::passphrase::Hash;
use crate::permission::{Kind, Role};
use crate::person::{Account, Grant, Person, PersonState, Proof, Totp};

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct StoredOrganization {
    title: String,
    log_number: u32,
    origin: String,
    created_at_ms: i64,
    public: bool,
    catalogs: Option<Vec<String>>,
    policy: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    kind: String,
    organization: Option<String>,
    catalog: Option<String>,
    producer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<StoredBinding>,
    label: String,
    secret_sha256: String,
    created_at_ms: i64,
    expires_at_ms: Option<i64>,
    revoked_at_ms: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredBinding {
    holder: String,
    alone: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredGrant {
    role: String,
    organization: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredPassphrase {
    memory_kib: u32,
    passes: u32,
    salt: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct StoredTotp {
    secret: String,
    used_step: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredInvitation {
    token_sha256: String,
    until_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredPerson {
    name: String,
    email: String,
    grants: Vec<StoredGrant>,
    disabled: bool,
    passphrase: Option<StoredPassphrase>,
    totp: Option<StoredTotp>,
    recovery_sha256: Vec<String>,
    invitation: Option<StoredInvitation>,
    created_at_ms: i64,
    changed_at_ms: i64,
    last_login_ms: Option<i64>,
}

pub(crate) fn encode_organization(organization: &Organization) -> Vec<u8> {
    let words =
        |policy: &Policy| policy.iter().map(|(name, act)| (name.clone(), act.word().to_owned())).collect();
    encode(&StoredOrganization {
        title: organization.title.clone(),
        log_number: organization.log_number,
        origin: organization.origin.clone(),
        created_at_ms: organization.created_at_ms,
        public: organization.public,
        catalogs: match &organization.catalogs {
            Catalogs::All => None,
            Catalogs::Only(ids) => Some(ids.clone()),
        },
        policy: organization
            .policy
            .iter()
            .map(|(catalog, policy)| (catalog.clone(), words(policy)))
            .collect(),
    })
}

pub(crate) fn decode_organization(id: &str, bytes: &[u8]) -> Result<Organization, Error> {
    let damaged = |why: String| Error::Damaged { what: "organization", id: id.to_owned(), why };
    let stored: StoredOrganization = decode(bytes).map_err(damaged)?;
    let action = |(finding, word): (String, String)| {
        let action = PolicyAction::from_word(&word).ok_or_else(|| damaged(format!("no action {word:?}")))?;
        Ok((finding, action))
    };
    let policy = |(catalog, entries): (String, BTreeMap<String, String>)| {
        Ok((catalog, entries.into_iter().map(action).collect::<Result<_, Error>>()?))
    };
    Ok(Organization {
        id: id.parse().map_err(|error: Error| damaged(error.to_string()))?,
        title: stored.title,
        log_number: stored.log_number,
        origin: stored.origin,
        created_at_ms: stored.created_at_ms,
        public: stored.public,
        catalogs: stored.catalogs.map_or(Catalogs::All, Catalogs::Only),
        policy: stored.policy.into_iter().map(policy).collect::<Result<_, Error>>()?,
    })
}

pub(crate) fn encode_key(key: &Key, secret_sha256: &[u8; 32]) -> Vec<u8> {
    encode(&StoredKey {
        kind: key.kind.word().to_owned(),
        organization: match &key.scope {
            Scope::All => None,
            Scope::One(id) => Some(id.to_string()),
        },
        catalog: key.catalog.clone(),
        producer: key.producer.clone(),
        person: key.person.clone(),
        certificate: key
            .certificate
            .as_ref()
            .map(|binding| StoredBinding { holder: binding.holder.to_string(), alone: binding.alone }),
        label: key.label.clone(),
        secret_sha256: hex(secret_sha256),
        created_at_ms: key.created_at_ms,
        expires_at_ms: key.expires_at_ms,
        revoked_at_ms: key.revoked_at_ms,
    })
}

pub(crate) fn decode_key(id: &str, bytes: &[u8]) -> Result<Credential, Error> {
    let damaged = |why: String| Error::Damaged { what: "key", id: id.to_owned(), why };
    let stored: StoredKey = decode(bytes).map_err(damaged)?;
    let scope = match stored.organization {
        None => Scope::All,
        Some(name) => Scope::One(name.parse().map_err(|error: Error| damaged(error.to_string()))?),
    };
    let kind = Kind::from_word(&stored.kind).ok_or_else(|| damaged(format!("no kind {:?}", stored.kind)))?;
    let secret_sha256 =
        unhex(&stored.secret_sha256).ok_or_else(|| damaged("digest is not 64 hex".to_owned()))?;
    let binding = |kept: StoredBinding| {
        let holder = kept.holder.parse().map_err(|error: Error| damaged(error.to_string()))?;
        Ok::<_, Error>(Binding { holder, alone: kept.alone })
    };
    let key = Key {
        id: id.to_owned(),
        kind,
        scope,
        catalog: stored.catalog,
        producer: stored.producer,
        person: stored.person,
        certificate: stored.certificate.map(binding).transpose()?,
        viewing: None,
        label: stored.label,
        created_at_ms: stored.created_at_ms,
        expires_at_ms: stored.expires_at_ms,
        revoked_at_ms: stored.revoked_at_ms,
        last_used_ms: None,
    };
    Ok(Credential { key, secret_sha256, last_used_ms: AtomicI64::new(0) })
}

pub(crate) fn encode_person(account: &Account) -> Vec<u8> {
    let (person, proof) = (&account.person, &account.proof);
    let grant = |grant: &Grant| StoredGrant {
        role: grant.role.word().to_owned(),
        organization: match &grant.scope {
            Scope::All => None,
            Scope::One(id) => Some(id.to_string()),
        },
    };
    encode(&StoredPerson {
        name: person.name.clone(),
        email: person.email.clone(),
        grants: person.grants.iter().map(grant).collect(),
        disabled: proof.disabled,
        passphrase: proof.passphrase.as_ref().map(|hash| StoredPassphrase {
            memory_kib: hash.memory_kib,
            passes: hash.passes,
            salt: hex(&hash.salt),
            digest: hex(&hash.digest),
        }),
        totp: proof
            .totp
            .as_ref()
            .map(|totp| StoredTotp { secret: hex(&totp.secret), used_step: totp.used_step }),
        recovery_sha256: proof.recovery.iter().map(|digest| hex(digest)).collect(),
        invitation: proof
            .invitation
            .map(|(digest, until_ms)| StoredInvitation { token_sha256: hex(&digest), until_ms }),
        created_at_ms: person.created_at_ms,
        changed_at_ms: person.changed_at_ms,
        last_login_ms: person.last_login_ms,
    })
}

pub(crate) fn decode_person(id: &str, bytes: &[u8]) -> Result<Account, Error> {
    let damaged = |why: String| Error::Damaged { what: "person", id: id.to_owned(), why };
    let stored: StoredPerson = decode(bytes).map_err(damaged)?;
    let not_hex = || damaged("a digest is not in hexadecimal".to_owned());
    let grant = |grant: StoredGrant| {
        let role = Role::from_word(&grant.role);
        let role = role.ok_or_else(|| damaged(format!("no role {:?}", grant.role)))?;
        let scope = match grant.organization {
            None => Scope::All,
            Some(name) => Scope::One(name.parse().map_err(|error: Error| damaged(error.to_string()))?),
        };
        Ok(Grant { role, scope })
    };
    let passphrase = |kept: StoredPassphrase| {
        let (salt, digest) = (unhex(&kept.salt), unhex(&kept.digest));
        let (salt, digest) = salt.zip(digest).ok_or_else(not_hex)?;
        Ok(Hash { memory_kib: kept.memory_kib, passes: kept.passes, salt, digest })
    };
    let totp = |kept: StoredTotp| {
        let secret = unhex(&kept.secret).ok_or_else(not_hex)?;
        Ok(Totp { secret, used_step: kept.used_step })
    };
    let invitation =
        |kept: StoredInvitation| Ok((unhex(&kept.token_sha256).ok_or_else(not_hex)?, kept.until_ms));
    let recovery = |digest: String| unhex(&digest).ok_or_else(not_hex);
    let proof = Proof {
        passphrase: stored.passphrase.map(passphrase).transpose()?,
        totp: stored.totp.map(totp).transpose()?,
        recovery: stored.recovery_sha256.into_iter().map(recovery).collect::<Result<_, Error>>()?,
        invitation: stored.invitation.map(invitation).transpose()?,
        disabled: stored.disabled,
    };
    let person = Person {
        id: id.to_owned(),
        name: stored.name,
        email: stored.email,
        grants: stored.grants.into_iter().map(grant).collect::<Result<_, Error>>()?,
        state: PersonState::Invited,
        has_totp: false,
        recovery_codes: 0,
        created_at_ms: stored.created_at_ms,
        changed_at_ms: stored.changed_at_ms,
        last_login_ms: stored.last_login_ms,
        invited_until_ms: None,
    };
    let mut account = Account { person, proof };
    account.settle();
    Ok(account)
}

pub(crate) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, record).expect("a record of texts and numbers always has a JSON form");
    bytes
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    match bytes.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|error| error.to_string()),
        Some((version, _)) => Err(format!("version {version} is not known here")),
        None => Err("it is empty".to_owned()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("four bits are one hex digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
