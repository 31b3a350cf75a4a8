//! Sources and routes of an organization: what is taken in by itself and what is sent on, each under a name.
//!
//! What a connector's settings mean is not known here: they are one JSON object, checked by whoever runs connectors before
//! it is kept. Every change has a version, so that two who change the same notice each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::database::{Changed, Control};
use crate::error::Error;
use crate::organization::OrganizationId;
use crate::record::{decode, encode};

/// Connectors by `role/organization/name`.
const CONNECTORS: TableDefinition<&str, &[u8]> = TableDefinition::new("connectors");
/// Sources, and routes, of one organization: each has a task and perhaps a listener of its own.
const MAX_CONNECTORS: usize = 200;
/// Longest name, in bytes: it stands in a cursor's name and in events.
const MAX_NAME: usize = 48;
/// Largest settings, in bytes of JSON.
const MAX_SETTINGS: usize = 64 * 1024;

/// What a connector does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectorRole {
    /// Takes events in.
    Source,
    /// Sends events on.
    Route,
}

impl ConnectorRole {
    /// Its name in paths, messages and events.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Route => "route",
        }
    }
}

/// A source or a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Connector {
    /// Whose it is.
    pub organization: OrganizationId,
    /// What it does.
    pub role: ConnectorRole,
    /// Its name, unique among those of its role in the organization.
    pub name: String,
    /// Whether it rests.
    pub paused: bool,
    /// What it is told: one JSON object.
    pub settings: Value,
    /// Counts its changes, from 1.
    pub version: u64,
    /// Time of the last change, Unix milliseconds.
    pub changed_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredConnector {
    paused: bool,
    settings: Value,
    version: u64,
    changed_at_ms: i64,
}

/// Every connector by `role/organization/name`.
pub(crate) type Connectors = BTreeMap<String, Arc<Connector>>;

impl Control {
    /// Connectors of a role, of one organization or of all, by organization and name.
    pub fn connectors(
        &self,
        role: ConnectorRole,
        organization: Option<&OrganizationId>,
    ) -> Vec<Arc<Connector>> {
        let of = |one: &&Arc<Connector>| {
            one.role == role && organization.is_none_or(|organization| one.organization == *organization)
        };
        self.picture().connectors.values().filter(of).cloned().collect()
    }

    /// One connector of an organization.
    pub fn connector(
        &self,
        role: ConnectorRole,
        organization: &OrganizationId,
        name: &str,
    ) -> Option<Arc<Connector>> {
        self.picture().connectors.get(&key_of(role, organization, name)).cloned()
    }

    /// Keeps a new connector. Fails with [`Error::Invalid`], [`Error::Exists`] or [`Error::Limit`].
    pub fn create_connector(
        &self,
        (role, organization, name): (ConnectorRole, &OrganizationId, &str),
        settings: Value,
        now_ms: i64,
    ) -> Result<Connector, Error> {
        check_name(role, name)?;
        if self.connector(role, organization, name).is_some() {
            return Err(Error::Exists { what: role.word(), id: name.to_owned() });
        }
        if self.connectors(role, Some(organization)).len() >= MAX_CONNECTORS {
            let hint = "remove some that nobody uses";
            return Err(Error::Limit { what: "sources or routes", limit: MAX_CONNECTORS, hint });
        }
        let connector = Connector {
            organization: organization.clone(),
            role,
            name: name.to_owned(),
            paused: false,
            settings,
            version: 1,
            changed_at_ms: now_ms,
        };
        self.put_connector(&connector, None)?;
        Ok(connector)
    }

    /// Replaces what a connector is told, and whether it rests. Fails with [`Error::Stale`] when it is no longer the version
    /// that the caller saw.
    pub fn update_connector(
        &self,
        seen: &Connector,
        (paused, settings): (bool, Value),
        now_ms: i64,
    ) -> Result<Changed<Connector>, Error> {
        let after =
            Connector { paused, settings, version: seen.version + 1, changed_at_ms: now_ms, ..seen.clone() };
        self.put_connector(&after, Some(seen.version))?;
        Ok(Changed { before: seen.clone(), after })
    }

    /// Forgets a connector. Fails with [`Error::Stale`] when it is no longer the version that the caller saw.
    pub fn delete_connector(&self, seen: &Connector) -> Result<(), Error> {
        let key = key_of(seen.role, &seen.organization, &seen.name);
        self.change(|transaction| {
            let mut table = transaction
                .open_table(CONNECTORS)
                .map_err(|e| Error::database("reading sources and routes")(e.into()))?;
            let old = table
                .remove(key.as_str())
                .map_err(|e| Error::database("deleting a source or route")(e.into()))?;
            let old = old.map(|old| decode_connector(&key, old.value())).transpose()?;
            if old.map(|old| old.version) != Some(seen.version) {
                return Err(Error::Stale { what: seen.role.word(), id: seen.name.clone() });
            }
            Ok(())
        })
    }

    fn put_connector(&self, connector: &Connector, expected: Option<u64>) -> Result<(), Error> {
        let key = key_of(connector.role, &connector.organization, &connector.name);
        let bytes = encode(&StoredConnector {
            paused: connector.paused,
            settings: connector.settings.clone(),
            version: connector.version,
            changed_at_ms: connector.changed_at_ms,
        });
        if !connector.settings.is_object() || bytes.len() > MAX_SETTINGS {
            let why = format!("its settings are one JSON object of at most {MAX_SETTINGS} bytes");
            return Err(Error::Invalid { what: connector.role.word(), why });
        }
        self.change(|transaction| {
            let mut table = transaction
                .open_table(CONNECTORS)
                .map_err(|e| Error::database("reading sources and routes")(e.into()))?;
            let old = table
                .insert(key.as_str(), bytes.as_slice())
                .map_err(|e| Error::database("writing a source or route")(e.into()))?;
            let old = old.map(|old| decode_connector(&key, old.value())).transpose()?;
            // An error takes the whole change back.
            if old.map(|old| old.version) != expected {
                return Err(Error::Stale { what: connector.role.word(), id: connector.name.clone() });
            }
            Ok(())
        })
    }
}

fn check_name(role: ConnectorRole, name: &str) -> Result<(), Error> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
        let why = format!(
            "its name needs 1 to {MAX_NAME} lower-case letters, digits, dots, hyphens and underscores"
        );
        return Err(Error::Invalid { what: role.word(), why });
    }
    Ok(())
}

fn key_of(role: ConnectorRole, organization: &OrganizationId, name: &str) -> String {
    format!("{}/{organization}/{name}", role.word())
}

/// All connectors; none in a database that never had one.
pub(crate) fn read_all(transaction: &ReadTransaction) -> Result<Connectors, Error> {
    let table = match transaction.open_table(CONNECTORS) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(Connectors::new()),
        Err(error) => return Err(Error::database("reading sources and routes")(error.into())),
    };
    let mut connectors = Connectors::new();
    for row in table.iter().map_err(|e| Error::database("reading sources and routes")(e.into()))? {
        let (key, bytes) = row.map_err(|e| Error::database("reading sources and routes")(e.into()))?;
        connectors.insert(key.value().to_owned(), Arc::new(decode_connector(key.value(), bytes.value())?));
    }
    Ok(connectors)
}

fn decode_connector(key: &str, bytes: &[u8]) -> Result<Connector, Error> {
    let damaged = |why: String| Error::Damaged { what: "source or route", id: key.to_owned(), why };
    let mut parts = key.splitn(3, '/');
    let (role, organization, name) = (parts.next(), parts.next(), parts.next());
    let role = match role {
        Some("source") => ConnectorRole::Source,
        Some("route") => ConnectorRole::Route,
        _ => return Err(damaged("its key names no role".to_owned())),
    };
    let stored: StoredConnector = decode(bytes).map_err(damaged)?;
    Ok(Connector {
        organization: organization
            .unwrap_or_default()
            .parse()
            .map_err(|error: Error| damaged(error.to_string()))?,
        role,
        name: name.unwrap_or_default().to_owned(),
        paused: stored.paused,
        settings: stored.settings,
        version: stored.version,
        changed_at_ms: stored.changed_at_ms,
    })
}
