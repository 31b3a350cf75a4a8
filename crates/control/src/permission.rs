//! Who may do what: kinds of API keys, roles of people, the permissions, and the one table that joins them.
//!
//! Pure decisions, no database. An endpoint names the permission it needs; nothing else in the program compares kinds or
//! roles. There is no permission to change or erase events, so nobody has it: not an owner, and not whoever did what an
//! event tells of.

use std::fmt;

use crate::key::Scope;
use crate::organization::OrganizationId;
use crate::principal::Principal;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `in`: sends events, reads none.
    Ingest,
    /// `rd`: reads events, logs and catalogs, changes nothing.
    Read,
    /// `ad`: everything within its scope.
    Admin,
    /// `vw`: reads the events that its filter lets through, for some minutes; for pages and programs of others.
    Viewer,
    /// `me`: a person's own, with the rights that the person has at the time of the request and none of its own.
    Person,
}

impl Kind {
    /// Kinds with rights of their own that are kept until they are revoked, in the order of growing rights.
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Read, Self::Admin];
    /// The same, with those that are not kept.
    pub const WITH_VIEWER: [Self; 4] = [Self::Viewer, Self::Ingest, Self::Read, Self::Admin];

    /// The word in tokens, on the command line and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ingest => "in",
            Self::Read => "rd",
            Self::Admin => "ad",
            Self::Viewer => "vw",
            Self::Person => "me",
        }
    }

    /// The kind of a word, if it is one of the five.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WITH_VIEWER.into_iter().chain([Self::Person]).find(|kind| kind.word() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a person is to an organization, or to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Everything, and alone to make owners and administrative keys.
    Owner,
    /// Settings, people and keys; no events of its own making, and no owners.
    Administrator,
    /// Reads everything, also who looked; changes nothing.
    Auditor,
    /// Searches, follows and exports.
    Analyst,
    /// Sends events, reads none.
    Source,
    /// Reads what concerns the person, and nothing else.
    Viewer,
}

impl Role {
    /// Every role, from the widest to the narrowest.
    pub const ALL: [Self; 6] =
        [Self::Owner, Self::Administrator, Self::Auditor, Self::Analyst, Self::Source, Self::Viewer];

    /// The word in the API, on the command line and in events.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
            Self::Analyst => "analyst",
            Self::Source => "source",
            Self::Viewer => "viewer",
        }
    }

    /// What it is for, in a sentence without a full stop.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Owner => "everything; alone makes owners, keys of kind ad, organizations and log keys",
            Self::Administrator => {
                "settings, people and keys, and reads events; cannot erase or change what it did itself"
            }
            Self::Auditor => "reads everything, also settings, people, keys and who looked; changes nothing",
            Self::Analyst => "searches, follows and exports events",
            Self::Source => "sends events, reads none",
            Self::Viewer => "reads the events that concern the person, and nothing else",
        }
    }

    /// The role of a word, if there is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Something an endpoint lets its caller do. Closed: a new endpoint uses one of these or adds one with its row below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// Send events into an organization's log.
    IngestWrite,
    /// Search, read, follow and export events, as far as a filter lets them through.
    EventsRead,
    /// See what spans all events of a log and no filter narrows: SQL, producers, others' positions and views.
    EventsSurvey,
    /// Make tokens that read a part of what one may read oneself, for some minutes.
    ViewerIssue,
    /// Decide what becomes of quarantined events.
    EventsRelease,
    /// Move named positions of the feed.
    CursorWrite,
    /// Keep searches, one's own; those for everybody need `org.admin` too.
    ViewWrite,
    /// Read checkpoints, tiles, proofs and bundles of a log.
    LogRead,
    /// Read catalogs and have events explained without storing them.
    CatalogRead,
    /// Read an organization's settings.
    OrgRead,
    /// Change an organization's settings.
    OrgAdmin,
    /// List keys of an organization.
    KeyRead,
    /// Create and revoke keys of an organization.
    KeyAdmin,
    /// List people with roles in an organization.
    PersonRead,
    /// Invite people, give and withdraw roles in an organization, disable people.
    PersonAdmin,
    /// Make and unmake owners, and keys of kind `ad`.
    OwnerAdmin,
    /// Create organizations and do what concerns the whole node; needs a scope of every organization.
    NodeAdmin,
}

use Role::{Administrator, Analyst, Auditor, Owner, Source, Viewer};

impl Permission {
    /// Every permission, for generated tables.
    pub const ALL: [Self; 17] = [
        Self::IngestWrite,
        Self::EventsRead,
        Self::EventsSurvey,
        Self::ViewerIssue,
        Self::EventsRelease,
        Self::CursorWrite,
        Self::ViewWrite,
        Self::LogRead,
        Self::CatalogRead,
        Self::OrgRead,
        Self::OrgAdmin,
        Self::KeyRead,
        Self::KeyAdmin,
        Self::PersonRead,
        Self::PersonAdmin,
        Self::OwnerAdmin,
        Self::NodeAdmin,
    ];

    /// The name in problem documents and generated pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IngestWrite => "ingest.write",
            Self::EventsRead => "events.read",
            Self::EventsSurvey => "events.survey",
            Self::ViewerIssue => "viewer.issue",
            Self::EventsRelease => "events.release",
            Self::CursorWrite => "cursor.write",
            Self::ViewWrite => "view.write",
            Self::LogRead => "log.read",
            Self::CatalogRead => "catalog.read",
            Self::OrgRead => "org.read",
            Self::OrgAdmin => "org.admin",
            Self::KeyRead => "key.read",
            Self::KeyAdmin => "key.admin",
            Self::PersonRead => "person.read",
            Self::PersonAdmin => "person.admin",
            Self::OwnerAdmin => "owner.admin",
            Self::NodeAdmin => "node.admin",
        }
    }

    /// The table: the kinds of keys and the roles that have this permission.
    const fn holders(self) -> (&'static [Kind], &'static [Role]) {
        const IN: Kind = Kind::Ingest;
        const RD: Kind = Kind::Read;
        const AD: Kind = Kind::Admin;
        const VW: Kind = Kind::Viewer;
        match self {
            Self::IngestWrite => (&[IN, AD], &[Owner, Source]),
            Self::CatalogRead => (&[IN, RD, AD], &[Owner, Administrator, Auditor, Analyst, Source, Viewer]),
            Self::EventsRead => (&[VW, RD, AD], &[Owner, Administrator, Auditor, Analyst, Viewer]),
            Self::ViewerIssue => (&[RD, AD], &[Owner, Administrator]),
            Self::EventsSurvey | Self::LogRead | Self::OrgRead => {
                (&[RD, AD], &[Owner, Administrator, Auditor, Analyst])
            }
            Self::CursorWrite | Self::ViewWrite => (&[RD, AD], &[Owner, Administrator, Analyst]),
            Self::EventsRelease | Self::OrgAdmin | Self::KeyAdmin | Self::PersonAdmin => {
                (&[AD], &[Owner, Administrator])
            }
            Self::KeyRead | Self::PersonRead => (&[AD], &[Owner, Administrator, Auditor]),
            Self::OwnerAdmin | Self::NodeAdmin => (&[AD], &[Owner]),
        }
    }

    /// The kinds of keys that have this permission.
    pub const fn kinds(self) -> &'static [Kind] {
        self.holders().0
    }

    /// The roles that have this permission.
    pub const fn roles(self) -> &'static [Role] {
        self.holders().1
    }

    /// Whether it may be used without naming an organization by whoever has it in one: catalogs are the node's, and of
    /// people only those within reach are shown.
    pub const fn is_of_any_scope(self) -> bool {
        matches!(self, Self::CatalogRead | Self::PersonRead | Self::PersonAdmin)
    }
}

/// Why something is not allowed. The two differ in what the caller may learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The organization is outside the principal's scope: answer as if it did not exist.
    #[error("the organization is outside the scope")]
    OutOfScope,
    /// The principal may see the organization but not do this.
    #[error("the permission is not granted")]
    NotGranted,
}

/// Decides whether a principal may do something in an organization. `None` means the node as a whole: open to those
/// whose scope is every organization, and to all for reading catalogs and for what is then narrowed to their scope.
pub fn allowed(
    principal: &Principal,
    permission: Permission,
    organization: Option<&OrganizationId>,
) -> Result<(), Denied> {
    let in_scope = |scope: &Scope| match (scope, organization) {
        (Scope::All, _) => true,
        (Scope::One(own), Some(asked)) => own == asked,
        (Scope::One(_), None) => permission.is_of_any_scope(),
    };
    let mut reaches = false;
    for (holder, scope) in principal.holders() {
        if !in_scope(scope) {
            continue;
        }
        reaches = true;
        let node_wide = *scope == Scope::All;
        if holder.has(permission) && (permission != Permission::NodeAdmin || node_wide) {
            return Ok(());
        }
    }
    Err(if reaches { Denied::NotGranted } else { Denied::OutOfScope })
}

/// Whether a principal reads the events of an organization as their viewer only: those that concern the person.
pub fn reads_only_own(principal: &Principal, organization: &OrganizationId) -> bool {
    let reaches = |scope: &Scope| match scope {
        Scope::All => true,
        Scope::One(own) => own == organization,
    };
    let reads =
        principal.holders().filter(|(holder, scope)| reaches(scope) && holder.has(Permission::EventsRead));
    // A wider role beside it counts in full.
    reads.fold(None, |all: Option<bool>, (holder, _)| {
        Some(all.unwrap_or(true) && matches!(holder, Holder::Role(Viewer)))
    }) == Some(true)
}

/// Whether a principal has a permission for every organization, present and future.
pub fn allowed_everywhere(principal: &Principal, permission: Permission) -> bool {
    principal.holders().any(|(holder, scope)| *scope == Scope::All && holder.has(permission))
}

/// Whether a principal has a permission within a whole scope.
pub fn allowed_in(principal: &Principal, permission: Permission, scope: &Scope) -> bool {
    match scope {
        Scope::All => allowed_everywhere(principal, permission),
        Scope::One(id) => allowed(principal, permission, Some(id)).is_ok(),
    }
}

/// What rights hang on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder {
    Kind(Kind),
    Role(Role),
}

impl Holder {
    fn has(self, permission: Permission) -> bool {
        match self {
            Self::Kind(kind) => permission.kinds().contains(&kind),
            Self::Role(role) => permission.roles().contains(&role),
        }
    }
}
