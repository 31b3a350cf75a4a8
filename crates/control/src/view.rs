//! Views: searches that somebody keeps under a name, for themselves or for everybody in an organization.
//!
//! A view holds what an address of the search page says, as text. Nothing here understands it: what a view finds is
//! decided when it is opened, with the rights of whoever opens it.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError};
use serde::{Deserialize, Serialize};

use crate::database::{Changed, Control};
use crate::error::Error;
use crate::organization::OrganizationId;
use crate::record::{decode, encode};

/// Views by `organization/id`.
const VIEWS: TableDefinition<&str, &[u8]> = TableDefinition::new("views");
/// Views of one organization: all of them are in memory, and a list of more helps nobody.
const MAX_VIEWS: usize = 1_000;
/// Longest name, in bytes: it stands in a list.
const MAX_NAME: usize = 100;
/// Longest query and longest everything else, in bytes; what an address can hold.
const MAX_QUERY: usize = 8 * 1024;
const MAX_TEXT: usize = 1024;

/// What a view shows: the parameters of the search page that say it, without a place in the results.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shows {
    /// The query.
    pub q: String,
    /// From when; empty: from the beginning.
    pub since: String,
    /// Until when; empty: until now.
    pub until: String,
    /// Zone; empty: the reader's.
    pub tz: String,
    /// Columns, comma-separated; empty: the usual ones.
    pub cols: String,
    /// A report's layout; empty: none.
    pub layout: String,
    /// What rows are grouped by; empty: nothing, none: as the layout has it.
    pub group: Option<String>,
    /// Rows a page; none: the usual number.
    pub limit: Option<u32>,
}

/// A search under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its id.
    pub id: String,
    /// The organization that it is a view of.
    pub organization: OrganizationId,
    /// Who made it: a principal's id.
    pub owner: String,
    /// Everybody who reads events of the organization has it.
    pub team: bool,
    /// What it is called.
    pub name: String,
    /// What it shows.
    pub shows: Shows,
    /// Counts its changes, from 1.
    pub version: u64,
    /// Time of the last change, Unix milliseconds.
    pub changed_at_ms: i64,
}

/// What is said of a view when it is made or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewView {
    /// What it is called.
    pub name: String,
    /// For everybody.
    pub team: bool,
    /// What it shows.
    pub shows: Shows,
}

#[derive(Serialize, Deserialize)]
struct StoredView {
    owner: String,
    team: bool,
    name: String,
    shows: Shows,
    version: u64,
    changed_at_ms: i64,
}

/// Every view by `organization/id`.
pub(crate) type Views = BTreeMap<String, Arc<View>>;

impl View {
    /// Whether a principal has it in its list.
    pub fn is_for(&self, principal: &str) -> bool {
        self.team || self.owner == principal
    }
}

impl NewView {
    /// Checks lengths; what the texts mean is not known here.
    fn check(&self) -> Result<(), Error> {
        let shows = &self.shows;
        let name = self.name.trim();
        if name.is_empty() || self.name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(invalid(format!("its name needs 1 to {MAX_NAME} bytes in one line")));
        }
        let group = shows.group.as_deref().unwrap_or_default();
        let texts = [&shows.since, &shows.until, &shows.tz, &shows.cols, &shows.layout].map(String::as_str);
        if shows.q.len() > MAX_QUERY || texts.iter().chain([&group]).any(|text| text.len() > MAX_TEXT) {
            return Err(invalid(format!(
                "its query has at most {MAX_QUERY} bytes, its other texts {MAX_TEXT}"
            )));
        }
        Ok(())
    }
}

fn invalid(why: String) -> Error {
    Error::Invalid { what: "view", why }
}

fn key_of(organization: &OrganizationId, id: &str) -> String {
    format!("{organization}/{id}")
}

impl Control {
    /// Views of an organization that a principal has, by name.
    pub fn views(&self, organization: &OrganizationId, principal: &str) -> Vec<Arc<View>> {
        let of = |view: &&Arc<View>| view.organization == *organization && view.is_for(principal);
        let mut views: Vec<Arc<View>> = self.all_views().values().filter(of).cloned().collect();
        views.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        views
    }

    /// One view of an organization.
    pub fn view(&self, organization: &OrganizationId, id: &str) -> Option<Arc<View>> {
        self.all_views().get(&key_of(organization, id)).cloned()
    }

    /// Keeps a view of a principal. Fails with [`Error::Invalid`] or [`Error::Limit`].
    pub fn create_view(
        &self,
        (organization, owner): (&OrganizationId, &str),
        new: NewView,
        random: [u8; 8],
        now_ms: i64,
    ) -> Result<View, Error> {
        new.check()?;
        if self.all_views().values().filter(|view| view.organization == *organization).count() >= MAX_VIEWS {
            return Err(Error::Limit {
                what: "views",
                limit: MAX_VIEWS,
                hint: "delete some that nobody uses",
            });
        }
        let view = View {
            id: format!("{:016x}", u64::from_be_bytes(random)),
            organization: organization.clone(),
            owner: owner.to_owned(),
            team: new.team,
            name: new.name.trim().to_owned(),
            shows: new.shows,
            version: 1,
            changed_at_ms: now_ms,
        };
        self.put_view(&view, None)?;
        Ok(view)
    }

    /// Replaces what a view is called, shows and whom it is for. Fails with [`Error::Stale`] when it is no longer the
    /// version that the caller saw.
    pub fn update_view(&self, seen: &View, new: NewView, now_ms: i64) -> Result<Changed<View>, Error> {
        new.check()?;
        let after = View {
            team: new.team,
            name: new.name.trim().to_owned(),
            shows: new.shows,
            version: seen.version + 1,
            changed_at_ms: now_ms,
            ..seen.clone()
        };
        self.put_view(&after, Some(seen.version))?;
        Ok(Changed { before: seen.clone(), after })
    }

    /// Forgets a view. Fails with [`Error::Stale`] when it is no longer the version that the caller saw.
    pub fn delete_view(&self, seen: &View) -> Result<(), Error> {
        let key = key_of(&seen.organization, &seen.id);
        self.change(|transaction| {
            let mut table =
                transaction.open_table(VIEWS).map_err(|e| Error::database("reading views")(e.into()))?;
            let old = table.remove(key.as_str()).map_err(|e| Error::database("deleting a view")(e.into()))?;
            let old = old.map(|old| decode_view(&key, old.value())).transpose()?;
            if old.map(|old| old.version) != Some(seen.version) {
                return Err(Error::Stale { what: "view", id: seen.id.clone() });
            }
            Ok(())
        })
    }

    fn put_view(&self, view: &View, expected: Option<u64>) -> Result<(), Error> {
        let key = key_of(&view.organization, &view.id);
        let bytes = encode(&StoredView {
            owner: view.owner.clone(),
            team: view.team,
            name: view.name.clone(),
            shows: view.shows.clone(),
            version: view.version,
            changed_at_ms: view.changed_at_ms,
        });
        self.change(|transaction| {
            let mut table =
                transaction.open_table(VIEWS).map_err(|e| Error::database("reading views")(e.into()))?;
            let old = table
                .insert(key.as_str(), bytes.as_slice())
                .map_err(|e| Error::database("writing a view")(e.into()))?;
            let old = old.map(|old| decode_view(&key, old.value())).transpose()?;
            // An error takes the whole change back.
            if old.map(|old| old.version) != expected {
                return Err(Error::Stale { what: "view", id: view.id.clone() });
            }
            Ok(())
        })
    }
}

/// All views; none in a database that never had one.
pub(crate) fn read_all(transaction: &ReadTransaction) -> Result<Views, Error> {
    let table = match transaction.open_table(VIEWS) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(Views::new()),
        Err(error) => return Err(Error::database("reading views")(error.into())),
    };
    let mut views = Views::new();
    for row in table.iter().map_err(|e| Error::database("reading views")(e.into()))? {
        let (key, bytes) = row.map_err(|e| Error::database("reading views")(e.into()))?;
        views.insert(key.value().to_owned(), Arc::new(decode_view(key.value(), bytes.value())?));
    }
    Ok(views)
}

fn decode_view(key: &str, bytes: &[u8]) -> Result<View, Error> {
    let damaged = |why: String| Error::Damaged { what: "view", id: key.to_owned(), why };
    let (organization, id) = key.split_once('/').ok_or_else(|| damaged("its key has no slash".to_owned()))?;
    let stored: StoredView = decode(bytes).map_err(damaged)?;
    Ok(View {
        id: id.to_owned(),
        organization: organization.parse().map_err(|error: Error| damaged(error.to_string()))?,
        owner: stored.owner,
        team: stored.team,
        name: stored.name,
        shows: stored.shows,
        version: stored.version,
        changed_at_ms: stored.changed_at_ms,
    })
}
