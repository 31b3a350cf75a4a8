//! What arrives by itself and what is sent on: sources that listen, and destinations that routes deliver to.
//!
//! A connector is a file or folder: its settings (a struct whose comments are its reference page) and what it does with
//! them. Everything that they share stands once: [`source::Intake`] is where records go, and how a source hears that they
//! are durable; [`delivery`] is the one mechanism of order, retry, backoff and bisection for every destination. Nothing
//! here knows an event, a log or an organization, and nothing is acknowledged before [`source::Intake::take`] has answered.
//!
//! Start reading at `delivery.rs` for what goes out and `source/mod.rs` for what comes in.

pub mod backoff;
pub mod delivery;
pub mod destination;
pub mod guard;
pub mod reference;
mod settings;
pub mod source;
mod tls;

pub use settings::{HIDDEN, Row, SECRETS, hide, keep_hidden};
