//! The running service: HTTP API, audit of its own use, telemetry. The only crate that knows HTTP and the JSON of
//! the API.
//!
//! It never writes an event file itself (`store` does) and never decides what an event means (`catalog` does).
//! Start reading at [`start`], then `endpoints.rs` (the table of everything it answers), then `intake`.

mod access;
mod admin;
mod api;
mod app;
mod audit;
pub mod backup;
mod body;
mod bundles;
pub mod catalog_files;
pub mod catalog_json;
pub mod claim;
pub mod config;
mod connectors;
mod console;
pub mod endpoints;
pub mod entrance;
pub mod event_json;
mod http;
mod intake;
pub mod limits;
mod metrics;
pub mod numbers_json;
pub mod offline;
pub mod openapi;
mod people;
pub mod problem;
mod query;
mod reads;
mod request;
mod run;
#[cfg(feature = "sql")]
mod sql;
mod telemetry;
mod verifying;
mod views;

pub use app::Stop;
pub use console::pages;
pub use indelible_connect::reference::page as connectors_page;
pub use run::{Founded, Running, StartError, start};
pub use telemetry::init as init_telemetry;

use indelible_event::Time;
use problem::{Code, Problem};

/// What this build has beyond what every build has.
pub const FEATURES: &[&str] = if cfg!(feature = "sql") { &["sql"] } else { &[] };

/// A time in nanoseconds since 1970 as the API writes it.
pub(crate) fn time_text(nanos: i64) -> String {
    indelible_formats::rfc3339::text(Time::from_unix_nanos(nanos))
}

/// Runs work that computes or reads files on a thread that may be held up.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Problem::internal(&error)))
}

/// Fresh random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| Problem::new(Code::Internal, "the operating system gives no random bytes"))?;
    Ok(bytes)
}
