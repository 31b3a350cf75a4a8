//! Who asks, and whether they may: every handler below an organization starts by getting an [`Access`].

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use indelible_control::{AuthError, Denied, Organization, Permission, Principal, allowed, reads_only_own};
use indelible_event::Leaf;
use indelible_query::{Compiled, EventQuery, EventView, Expansion, Position};
use indelible_store::log_no::LogNo;
use indelible_store::read::Record;

use crate::app::App;
use crate::entrance;
use crate::problem::{Code, Problem};
use crate::query;

/// A principal that may do what it asks for in one organization.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) principal: Principal,
    pub(crate) org: Arc<Organization>,
    pub(crate) log: LogNo,
    /// What is added to whatever is asked: nothing for most, never less than the principal's limits.
    pub(crate) limits: EventQuery,
}

impl Access {
    /// Whether anything narrows what is read here.
    pub(crate) fn is_limited(&self) -> bool {
        self.limits != EventQuery::default()
    }

    /// Whether the limits let an event through.
    pub(crate) fn reaches(&self, app: &App, record: &Record) -> Result<bool, Problem> {
        if !self.is_limited() {
            return Ok(true);
        }
        let leaf = Leaf::decode(&record.leaf).map_err(|error| Problem::internal(&error))?;
        let limits = Compiled::new(&self.limits, &query::clock(app, None, None)?, &Expansion::none());
        let position = Position::of_leaf(self.org.id.as_str(), record.index, &leaf);
        Ok(limits.matches(&EventView::stored(position, &record.stored)))
    }
}

impl App {
    /// The principal of a request's bearer token, or of the certificate that its connection showed.
    pub(crate) fn principal(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let refused = |error: AuthError| Problem::new(Code::CredentialInvalid, error.to_string());
        let shown = entrance::shown(headers);
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            if let Some(shown) = shown {
                return self.control.authenticate_certificate(&shown, self.now_ms()).map_err(refused);
            }
            let detail = "send Authorization: Bearer with an API key";
            return Err(Problem::new(Code::CredentialMissing, detail));
        };
        let token = value.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = token else {
            return Err(Problem::new(Code::CredentialInvalid, "the Authorization header is not: Bearer KEY"));
        };
        self.control.authenticate_over(shown.as_ref(), token, self.now_ms()).map_err(refused)
    }

    /// Access to an organization by its name, or to the key's own by `self`.
    ///
    /// An organization outside the key's scope is answered like one that does not exist.
    pub(crate) fn access(
        &self,
        headers: &HeaderMap,
        org: &str,
        needed: Permission,
    ) -> Result<Access, Problem> {
        self.access_of(self.principal(headers)?, org, needed)
    }

    /// The same for a principal that is known already.
    pub(crate) fn access_of(
        &self,
        principal: Principal,
        org: &str,
        needed: Permission,
    ) -> Result<Access, Problem> {
        let name = match (org, principal.own_organization()) {
            ("self", Some(own)) => own.as_str(),
            (name, _) => name,
        };
        let found = self.control.org(name).and_then(|org| Some((self.log_of(&org)?, org)));
        let Some((log, org)) = found else { return Err(no_organization(name)) };
        match allowed(&principal, needed, Some(&org.id)) {
            Ok(()) => {
                let limits = self.limits(&principal, &org)?;
                Ok(Access { principal, org, log, limits })
            }
            Err(Denied::OutOfScope) => Err(no_organization(name)),
            Err(Denied::NotGranted) => Err(not_granted(needed)),
        }
    }

    /// The events of an organization that a principal may read at most.
    fn limits(&self, principal: &Principal, org: &Organization) -> Result<EventQuery, Problem> {
        let mut limits = query::of_catalog(principal.catalog());
        if let Some(viewing) = principal.viewing() {
            limits = limits.and(query::read(self, &viewing.filter, None)?.parsed().clone());
        }
        if reads_only_own(principal, &org.id) {
            let Some(person) = principal.person() else { return Err(not_granted(Permission::EventsRead)) };
            limits = limits.and(query::about(&[&person.id, &person.email]));
        }
        Ok(limits)
    }

    /// A principal that may do something on the node as a whole.
    pub(crate) fn node_access(&self, headers: &HeaderMap, needed: Permission) -> Result<Principal, Problem> {
        node_access_of(self.principal(headers)?, needed)
    }
}

/// The same for a principal that is known already.
pub(crate) fn node_access_of(principal: Principal, needed: Permission) -> Result<Principal, Problem> {
    match allowed(&principal, needed, None) {
        Ok(()) => Ok(principal),
        Err(Denied::OutOfScope | Denied::NotGranted) => Err(not_granted(needed)),
    }
}

pub(crate) fn no_organization(name: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no organization {name:?} that this key may see"))
}

pub(crate) fn not_granted(needed: Permission) -> Problem {
    let kinds: Vec<_> = needed.kinds().iter().map(|kind| kind.word()).collect();
    let roles: Vec<_> = needed.roles().iter().map(|role| role.word()).collect();
    let (name, kinds, roles) = (needed.name(), kinds.join(", "), roles.join(", "));
    let detail =
        format!("needs the permission {name}, which keys of kind {kinds} and people who are {roles} have");
    Problem::new(Code::PermissionMissing, detail)
}
