//! People with roles in an organization, and one of them.

use std::sync::Arc;

use askama::Template;

use crate::frame::Frame;
use crate::notice::Notice;

/// The list.
#[derive(Clone, Debug, Template)]
#[template(path = "people.html")]
pub struct People {
    /// Around it.
    pub frame: Frame,
    /// Goes with every form.
    pub csrf: String,
    /// What the last form left to say.
    pub notice: Option<Arc<Notice>>,
    /// The organization.
    pub org: String,
    /// Zone that times are shown in.
    pub zone: String,
    /// Those who have a role in it.
    pub people: Vec<Row>,
    /// Roles that the visitor may give, with what each is for; empty for those who may not.
    pub roles: Vec<RoleChoice>,
    /// Whether the visitor may give roles for all organizations.
    pub may_all: bool,
    /// The table of roles, for everybody to see.
    pub table: Vec<RoleChoice>,
}

/// A role to choose.
#[derive(Clone, Debug)]
pub struct RoleChoice {
    /// Its word.
    pub word: String,
    /// What it is for.
    pub purpose: String,
}

/// A person in the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its page.
    pub href: String,
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// `invited`, `active` or `disabled`.
    pub state: String,
    /// Roles in a few words each.
    pub roles: Vec<String>,
    /// Whether logging in needs a code.
    pub has_totp: bool,
    /// When they last logged in.
    pub last: String,
}

/// One person.
#[derive(Clone, Debug, Template)]
#[template(path = "person.html")]
pub struct One {
    /// Around it.
    pub frame: Frame,
    /// Goes with every form.
    pub csrf: String,
    /// What the last form left to say.
    pub notice: Option<Arc<Notice>>,
    /// The organization.
    pub org: String,
    /// Zone that times are shown in.
    pub zone: String,
    /// The person.
    pub person: Row,
    /// Their id.
    pub id: String,
    /// When they were added.
    pub created: String,
    /// Until when their link can be used.
    pub invited: String,
    /// Their roles.
    pub grants: Vec<GrantRow>,
    /// Roles that the visitor may give.
    pub roles: Vec<RoleChoice>,
    /// Whether the visitor may give roles for all organizations.
    pub may_all: bool,
    /// Whether the visitor may disable, enable and invite this person.
    pub may_rule: bool,
    /// What the visitor may see of what the person did.
    pub events: String,
}

/// A role of a person.
#[derive(Clone, Debug)]
pub struct GrantRow {
    /// The role's word.
    pub role: String,
    /// The organization, or `all`.
    pub organization: String,
    /// Whether the visitor may withdraw it.
    pub may_withdraw: bool,
}
