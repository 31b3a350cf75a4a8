//! What administrators configure and who may do what: organizations, people, API keys and the permissions they give; the views
//! that people keep; sources, routes and the deliveries that wait.
//!
//! This crate keeps one embedded database, `control.redb`, in the data folder. It never holds events, never reads a
//! clock and never makes randomness: the time and the random bytes arrive as arguments, so that every answer can be
//! reproduced in a test. Secrets of keys and passphrases are not in the database, only their digests.
//!
//! Start reading at [`Control`]; the format of a token is in `token.rs`, who may do what in `permission.rs`, the
//! stored records in `record.rs`, and the command line's file of servers in `profile.rs`.

mod certificate;
mod connector;
mod database;
mod error;
mod key;
mod organization;
mod parked;
mod passphrase;
mod people;
mod permission;
mod person;
mod principal;
mod profile;
mod record;
mod token;
mod totp;
mod view;
mod viewing;

pub use certificate::{Binding, Certificate, Holder as CertificateHolder};
pub use connector::{Connector, ConnectorRole};
pub use database::{Changed, Control, FirstStart};
pub use error::{AuthError, Error};
pub use key::{Key, KeySeed, NewKey, Scope};
pub use organization::{
    Catalogs, DEFAULT_ORGANIZATION, NewOrganization, Organization, OrganizationId, Policy, PolicyAction,
    SYSTEM_ORGANIZATION,
};
pub use parked::Parked;
pub use passphrase::{Hash as PassphraseHash, MAX_LENGTH, MIN_LENGTH, Salt, check as check_passphrase};
pub use people::{Enrolment, INVITED_MS, PersonChange, RECOVERY_CODES, RecoverySeed};
pub use permission::{
    Denied, Kind, Permission, Role, allowed, allowed_everywhere, allowed_in, reads_only_own,
};
pub use person::{Grant, NewPerson, Person, PersonState};
pub use principal::Principal;
pub use profile::{Profile, Profiles, profile_path};
pub use totp::{SECRET_BYTES as TOTP_SECRET_BYTES, address as totp_address, secret_of_text, secret_text};
pub use view::{NewView, Shows, View};
pub use viewing::{MAX_VIEWER_MS, MAX_VIEWERS, NewViewer, Viewing};
