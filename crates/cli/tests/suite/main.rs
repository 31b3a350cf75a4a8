//! The built program from outside: over HTTP, as commands, killed and tampered with.
//!
//! One test program for all of it, because each further one would be linked anew.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod aggregations;
mod api_audit;
mod api_endpoints;
mod api_feed;
mod api_formats;
mod api_intake;
mod api_organizations;
mod api_policy;
mod api_search;
mod api_serve;
mod api_views;
mod backup;
mod binary;
mod bundles;
mod catalogs;
mod columns;
mod connect;
mod console;
mod crash;
mod damage;
mod files;
mod foreign;
mod imports;
mod people;
mod rabbit;
mod round_trip;
mod routes;
mod service;
mod settings;
mod shell;
mod sources;
#[cfg(feature = "sql")]
mod sql;
mod tamper;
mod tls;
mod viewers;
