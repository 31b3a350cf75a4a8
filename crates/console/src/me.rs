//! A person's own pages: name, passphrase, authenticator, sessions, keys.

use std::sync::Arc;

use askama::Template;

use crate::frame::Frame;
use crate::notice::Notice;
use crate::qr::Qr;

/// The overview.
#[derive(Clone, Debug, Template)]
#[template(path = "me.html")]
pub struct Me {
    /// Around it.
    pub frame: Frame,
    /// Goes with every form.
    pub csrf: String,
    /// What the last form left to say.
    pub notice: Option<Arc<Notice>>,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their roles, each in a few words.
    pub roles: Vec<String>,
    /// Whether an authenticator is enrolled.
    pub has_totp: bool,
    /// Recovery codes left.
    pub recovery_codes: usize,
    /// Shortest passphrase that is taken.
    pub min_length: usize,
    /// Zone that times are shown in.
    pub zone: String,
    /// Open sessions.
    pub sessions: Vec<OpenSession>,
    /// Their keys for programs.
    pub keys: Vec<OwnKey>,
}

/// An open session.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// Its public name.
    pub name: String,
    /// Where it was begun.
    pub address: String,
    /// When.
    pub began: String,
    /// When it was last used.
    pub seen: String,
    /// Whether it is this one.
    pub here: bool,
}

/// A key of the person.
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created: String,
    /// When it was last used, if it was.
    pub used: String,
    /// When it ends, if it does.
    pub expires: String,
}

/// Where an authenticator is set up.
#[derive(Clone, Debug, Template)]
#[template(path = "me-totp.html")]
pub struct Enrol {
    /// Around it.
    pub frame: Frame,
    /// Goes with the form.
    pub csrf: String,
    /// The person's address.
    pub email: String,
    /// The secret as text.
    pub secret: String,
    /// The same as an address that authenticators read.
    pub address: String,
    /// The same as a picture.
    pub qr: Option<Qr>,
    /// Why the last try failed.
    pub trouble: Option<String>,
}
