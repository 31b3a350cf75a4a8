//! The bytes of stored records: one version byte, then a JSON object.
//!
//! The structures here are the file format, not the program's types: a change of `Organization` or `Key` must not
//! change what is on disk by accident. A new field is optional with a default; anything else is a new version byte.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::key::{Credential, Key, Scope};
use crate::organization::{Catalogs, Organization, Policy, PolicyAction};
use crate::permission::Kind;

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
    label: String,
    secret_sha256: String,
    created_at_ms: i64,
    expires_at_ms: Option<i64>,
    revoked_at_ms: Option<i64>,
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
    let key = Key {
        id: id.to_owned(),
        kind,
        scope,
        catalog: stored.catalog,
        producer: stored.producer,
        label: stored.label,
        created_at_ms: stored.created_at_ms,
        expires_at_ms: stored.expires_at_ms,
        revoked_at_ms: stored.revoked_at_ms,
        last_used_ms: None,
    };
    Ok(Credential { key, secret_sha256, last_used_ms: AtomicI64::new(0) })
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

fn hex(bytes: &[u8; 32]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("four bits are one hex digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
