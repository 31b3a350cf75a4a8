//! The principal that a request becomes once it is known whose it is: a key, a person, or a source of the node's
//! own.
//!
//! Holds no decision; what a principal may do is in `permission.rs`.

use std::fmt;
use std::sync::Arc;

use crate::certificate::Binding;
use crate::key::{Credential, Scope};
use crate::organization::OrganizationId;
use crate::permission::{Holder, Kind};
use crate::person::{Account, Person};
use crate::viewing::Viewing;

/// Who a request comes from. Cheap to clone.
#[derive(Clone)]
pub struct Principal(pub(crate) Who);

#[derive(Clone)]
pub(crate) enum Who {
    Key(Arc<Credential>),
    /// A person, by a session or by a key of their own.
    Person(Arc<Account>, Option<Arc<Credential>>),
    Source(Arc<Listening>),
}

/// A source of the node's own, as whose sender its events come.
pub(crate) struct Listening {
    id: String,
    name: String,
    catalog: Option<String>,
    scope: Scope,
}

impl Principal {
    /// A source that an administrator made: it may send to its organization, as the producer of its name.
    pub fn source(organization: &OrganizationId, name: &str, catalog: Option<&str>) -> Self {
        Self(Who::Source(Arc::new(Listening {
            id: format!("source-{name}"),
            name: name.to_owned(),
            catalog: catalog.map(str::to_owned),
            scope: Scope::One(organization.clone()),
        })))
    }

    /// The id of the key or the person: what events about this request name as their actor.
    pub fn id(&self) -> &str {
        match &self.0 {
            Who::Key(entry) => &entry.key.id,
            Who::Person(account, _) => &account.person.id,
            Who::Source(source) => &source.id,
        }
    }

    /// The label of the key or the name of the person.
    pub fn name(&self) -> &str {
        match &self.0 {
            Who::Key(entry) => &entry.key.label,
            Who::Person(account, _) => &account.person.name,
            Who::Source(source) => &source.name,
        }
    }

    /// The kind of its key; of a person `me`, with or without a key.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Who::Key(entry) => entry.key.kind,
            Who::Person(..) => Kind::Person,
            Who::Source(_) => Kind::Ingest,
        }
    }

    /// The person, if it is one.
    pub fn person(&self) -> Option<&Person> {
        match &self.0 {
            Who::Key(_) | Who::Source(_) => None,
            Who::Person(account, _) => Some(&account.person),
        }
    }

    /// The id of the key that was presented, if one was.
    pub fn key_id(&self) -> Option<&str> {
        match &self.0 {
            Who::Key(entry) | Who::Person(_, Some(entry)) => Some(&entry.key.id),
            Who::Person(_, None) | Who::Source(_) => None,
        }
    }

    /// The one organization that it reaches, if it is one.
    pub fn own_organization(&self) -> Option<&OrganizationId> {
        let mut own = None;
        for (_, scope) in self.holders() {
            match (scope, own) {
                (Scope::One(id), None) => own = Some(id),
                (Scope::One(id), Some(before)) if id == before => {}
                _ => return None,
            }
        }
        own
    }

    /// The only catalog it may use, if limited.
    pub fn catalog(&self) -> Option<&str> {
        match &self.0 {
            Who::Source(source) => source.catalog.as_deref(),
            _ => self.key().and_then(|entry| entry.key.catalog.as_deref()),
        }
    }

    /// Whether it may write or read events of this catalog.
    pub fn may_use_catalog(&self, catalog: &str) -> bool {
        self.catalog().is_none_or(|own| own == catalog)
    }

    /// The producer name of events sent with its key that name none.
    pub fn producer(&self) -> Option<&str> {
        match &self.0 {
            Who::Source(source) => Some(&source.name),
            _ => self.key().and_then(|entry| entry.key.producer.as_deref()),
        }
    }

    /// What a viewer token shows.
    pub fn viewing(&self) -> Option<&Viewing> {
        self.key().and_then(|entry| entry.key.viewing.as_ref())
    }

    /// The client certificate that its key is bound to.
    pub fn certificate(&self) -> Option<&Binding> {
        self.key().and_then(|entry| entry.key.certificate.as_ref())
    }

    /// What its rights hang on, each with how far it reaches.
    pub(crate) fn holders(&self) -> impl Iterator<Item = (Holder, &Scope)> {
        let (key, grants) = match &self.0 {
            Who::Key(entry) => (Some((Holder::Kind(entry.key.kind), &entry.key.scope)), &[][..]),
            Who::Person(account, _) => (None, account.person.grants.as_slice()),
            Who::Source(source) => (Some((Holder::Kind(Kind::Ingest), &source.scope)), &[][..]),
        };
        key.into_iter().chain(grants.iter().map(|grant| (Holder::Role(grant.role), &grant.scope)))
    }

    fn key(&self) -> Option<&Credential> {
        match &self.0 {
            Who::Key(entry) => Some(entry),
            Who::Person(_, key) => key.as_deref(),
            Who::Source(_) => None,
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("id", &self.id())
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}
