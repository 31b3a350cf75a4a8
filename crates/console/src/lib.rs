//! The console's pages: what is shown becomes HTML here, and nothing else happens.
//!
//! Pure: no files, no sockets, no clock. Whoever serves the pages asks the store, decides who may see what, formats
//! times and builds every link; this crate only puts them into place. Text of events is escaped by the templates, which
//! have no way around that: no template marks anything as safe. Scripts and styles are files of their own, never inline,
//! so that the strictest content security policy holds.
//!
//! Start reading at [`frame::Frame`], what all pages share, then at one page, such as [`explore::Explore`].

pub mod asset;
pub mod bundle;
pub mod catalogs;
pub mod chart;
pub mod connections;
pub mod event;
pub mod explore;
pub mod frame;
pub mod home;
pub mod integrity;
pub mod keys;
pub mod lanes;
pub mod live;
pub mod login;
pub mod me;
pub mod message;
pub mod notice;
pub mod organizations;
pub mod people;
pub mod qr;
pub mod row;
pub mod setup;
pub mod text;
pub mod timeline;
pub mod verify;
pub mod view;
pub mod views;
pub mod words;

/// A page in the form that a browser reads.
pub use askama::{Error, Template};
