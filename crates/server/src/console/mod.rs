//! The console: pages for people, over the same questions and the same rights as the API.
//!
//! A page is put together here and rendered by `indelible-console`. Who may see what is decided by the code that decides
//! for the API, with the principal of a session in place of a bearer token: the console never reads bearer tokens, and the
//! API never reads cookies. What is read here is recorded like any other read, with the session's name.
//!
//! Start reading at `pages.rs` (the table of pages), then `around.rs` (what holds for all of them), then `explore.rs`.

mod around;
mod assets;
mod attempts;
mod beside;
mod bundle;
mod catalog_seen;
mod catalogs;
mod columns;
mod connections;
mod csv;
mod embed;
mod event;
mod event_fields;
mod explore;
mod facets;
mod form;
mod home;
mod integrity;
mod keys;
mod live;
mod login;
mod look;
mod me;
mod notice;
mod organizations;
pub mod pages;
mod people;
mod rows;
mod search;
mod session;
mod setup;
mod spans;
mod timeline;
mod times;
mod views;
mod visit;

pub(crate) use attempts::{Attempts, FREE_FAILURES};
pub(crate) use pages::router;
pub(crate) use session::{MAX_SESSIONS, MAX_TRIES, Sessions, hex};

use axum::response::{Html, IntoResponse, Response};
use indelible_console::Template;

use crate::problem::Problem;

/// Renders a page.
fn page(template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| Problem::internal(&error))?;
    Ok(Html(html).into_response())
}
