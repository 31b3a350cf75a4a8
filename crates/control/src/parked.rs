//! The ledger of deliveries that a destination refused: which event of which route, why, and since when.
//!
//! Entries are few and change outside of anybody's administration, so they are no part of the picture in memory: they are
//! read from the database when somebody asks.

use redb::{ReadableDatabase, TableDefinition, TableError};
use serde::{Deserialize, Serialize};

use crate::database::Control;
use crate::error::Error;
use crate::organization::OrganizationId;
use crate::record::{decode, encode};

/// Parked deliveries by `organization/route/index`, the index in twenty digits.
const PARKED: TableDefinition<&str, &[u8]> = TableDefinition::new("parked");

/// A delivery that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Position of the event in the organization's log.
    pub index: u64,
    /// Id of the event.
    pub event: String,
    /// What the destination said, or what went wrong before.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was parked, Unix milliseconds.
    pub at_ms: i64,
}

fn prefix_of(organization: &OrganizationId, route: &str) -> String {
    format!("{organization}/{route}/")
}

fn key_of(organization: &OrganizationId, route: &str, index: u64) -> String {
    format!("{}{index:020}", prefix_of(organization, route))
}

impl Control {
    /// Parks a delivery, or replaces what is said of it. If we die before this returns, the route has not moved on and
    /// comes to the event again.
    pub fn park(&self, organization: &OrganizationId, route: &str, parked: &Parked) -> Result<(), Error> {
        let (key, bytes) = (key_of(organization, route, parked.index), encode(parked));
        self.note(|transaction| {
            let mut table = transaction
                .open_table(PARKED)
                .map_err(|e| Error::database("reading parked deliveries")(e.into()))?;
            table
                .insert(key.as_str(), bytes.as_slice())
                .map_err(|e| Error::database("parking a delivery")(e.into()))?;
            Ok(())
        })
    }

    /// Takes a delivery out of the ledger; `false` when it was not in it.
    pub fn unpark(&self, organization: &OrganizationId, route: &str, index: u64) -> Result<bool, Error> {
        let key = key_of(organization, route, index);
        self.note(|transaction| {
            let mut table = transaction
                .open_table(PARKED)
                .map_err(|e| Error::database("reading parked deliveries")(e.into()))?;
            let old = table
                .remove(key.as_str())
                .map_err(|e| Error::database("taking up a parked delivery")(e.into()))?;
            Ok(old.is_some())
        })
    }

    /// Parked deliveries of a route, the oldest event first.
    pub fn parked(&self, organization: &OrganizationId, route: &str) -> Result<Vec<Parked>, Error> {
        let reading = || Error::database("reading parked deliveries");
        let transaction = self.database().begin_read().map_err(|e| reading()(e.into()))?;
        let table = match transaction.open_table(PARKED) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(reading()(error.into())),
        };
        let prefix = prefix_of(organization, route);
        let mut found = Vec::new();
        for row in table.range(prefix.as_str()..).map_err(|e| reading()(e.into()))? {
            let (key, bytes) = row.map_err(|e| reading()(e.into()))?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            let damaged =
                |why: String| Error::Damaged { what: "parked delivery", id: key.value().to_owned(), why };
            found.push(decode(bytes.value()).map_err(damaged)?);
        }
        Ok(found)
    }
}
