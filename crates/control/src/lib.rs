//! What administrators configure and who may do what: organizations, API keys and the permissions they give; and the views
//! that people keep.
//!
//! This crate keeps one embedded database, `control.redb`, in the data folder. It never holds events, never reads a
//! clock and never makes randomness: the time and the random bytes arrive as arguments, so that every answer can be
//! reproduced in a test. Secrets of keys are not in the database, only their digests.
//!
//! Start reading at [`Control`]; the format of a token is in `token.rs`, who may do what in `permission.rs`, the
//! stored records in `record.rs`, and the command line's file of servers in `profile.rs`.

mod database;
mod error;
mod key;
mod organization;
mod permission;
mod profile;
mod record;
mod token;
mod view;

pub use database::{Changed, Control, FirstStart};
pub use error::{AuthError, Error};
pub use key::{Key, KeySeed, NewKey, Principal, Scope};
pub use organization::{
    Catalogs, DEFAULT_ORGANIZATION, NewOrganization, Organization, OrganizationId, Policy, PolicyAction,
    SYSTEM_ORGANIZATION,
};
pub use permission::{Denied, Kind, Permission, allowed};
pub use profile::{Profile, Profiles, profile_path};
pub use view::{NewView, Shows, View};
