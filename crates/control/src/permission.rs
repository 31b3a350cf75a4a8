//! Who may do what: the kinds of API keys, the permissions, and the one table that joins them.
//!
//! Pure decisions, no database. An endpoint names the permission it needs; nothing else in the program compares kinds.

use std::fmt;

use crate::key::{Principal, Scope};
use crate::organization::OrganizationId;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `in`: sends events, reads none.
    Ingest,
    /// `rd`: reads events, logs and catalogs, changes nothing.
    Read,
    /// `ad`: everything within its scope.
    Admin,
}

impl Kind {
    /// Every kind, in the order of growing rights.
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Read, Self::Admin];

    /// The word in tokens, on the command line and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingest => "in",
            Self::Read => "rd",
            Self::Admin => "ad",
        }
    }

    /// The kind of a word, if it is one of the three.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Something an endpoint lets its caller do. Closed: a new endpoint uses one of these or adds one with its row below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// Send events into an organization's log.
    IngestWrite,
    /// Search, read, follow and export events.
    EventsRead,
    /// Decide what becomes of quarantined events.
    EventsRelease,
    /// Read checkpoints, tiles, proofs and bundles of a log.
    LogRead,
    /// Read catalogs and have events explained without storing them.
    CatalogRead,
    /// Read an organization's settings.
    OrgRead,
    /// Change an organization's settings.
    OrgAdmin,
    /// List, create and revoke keys of an organization.
    KeyAdmin,
    /// Create organizations and do what concerns the whole node; needs a key whose scope is every organization.
    NodeAdmin,
}

impl Permission {
    /// Every permission, for generated tables.
    pub const ALL: [Self; 9] = [
        Self::IngestWrite,
        Self::EventsRead,
        Self::EventsRelease,
        Self::LogRead,
        Self::CatalogRead,
        Self::OrgRead,
        Self::OrgAdmin,
        Self::KeyAdmin,
        Self::NodeAdmin,
    ];

    /// The name in problem documents and generated pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IngestWrite => "ingest.write",
            Self::EventsRead => "events.read",
            Self::EventsRelease => "events.release",
            Self::LogRead => "log.read",
            Self::CatalogRead => "catalog.read",
            Self::OrgRead => "org.read",
            Self::OrgAdmin => "org.admin",
            Self::KeyAdmin => "key.admin",
            Self::NodeAdmin => "node.admin",
        }
    }

    /// The kinds of keys that have this permission.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::IngestWrite => &[Kind::Ingest, Kind::Admin],
            Self::CatalogRead => &[Kind::Ingest, Kind::Read, Kind::Admin],
            Self::EventsRead | Self::LogRead | Self::OrgRead => &[Kind::Read, Kind::Admin],
            Self::EventsRelease | Self::OrgAdmin | Self::KeyAdmin | Self::NodeAdmin => &[Kind::Admin],
        }
    }
}

/// Why something is not allowed. The two differ in what the caller may learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The organization is outside the key's scope: answer as if it did not exist.
    #[error("the organization is outside the key's scope")]
    OutOfScope,
    /// The key may see the organization but not do this.
    #[error("a key of this kind does not have the permission")]
    NotGranted,
}

/// Decides whether a principal may do something in an organization. `None` means the node as a whole: open to keys
/// whose scope is every organization, and to all keys for reading catalogs.
pub fn allowed(
    principal: &Principal,
    permission: Permission,
    organization: Option<&OrganizationId>,
) -> Result<(), Denied> {
    let in_scope = match (principal.scope(), organization) {
        (Scope::All, _) => true,
        (Scope::One(own), Some(asked)) => own == asked,
        // Catalogs are the node's; every key may read what its events will be checked against.
        (Scope::One(_), None) => permission == Permission::CatalogRead,
    };
    let node_wide = matches!(principal.scope(), Scope::All);
    if !in_scope {
        return Err(Denied::OutOfScope);
    }
    if !permission.kinds().contains(&principal.kind()) || (permission == Permission::NodeAdmin && !node_wide)
    {
        return Err(Denied::NotGranted);
    }
    Ok(())
}
