//! TLS with certificates from files: read, checked, put in force, and read again when they change.
//!
//! What is in force is whole or as it was before: files that do not fit together change nothing. No connection is ever
//! served without encryption here, and no check of a certificate is ever switched off. What a certificate may do is not
//! decided here; who holds one is.
//!
//! Start reading at [`Identity`]; [`Listener`] takes connections with it, [`Certificate`] is what others showed.

mod certificate;
mod error;
mod files;
mod identity;
mod listener;

pub use certificate::{Certificate, Validity, read_certificates};
pub use error::Error;
pub use files::Files;
pub use identity::Identity;
pub use listener::{Accepted, Listener, Stream};
