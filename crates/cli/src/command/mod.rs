//! The commands, one file each: the arguments as a struct, and `run`.

pub(crate) mod catalog;
pub(crate) mod checkpoint;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod declare_rollback;
pub(crate) mod doctor;
pub(crate) mod emit;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod log_key;
pub(crate) mod man;
pub(crate) mod org;
pub(crate) mod producer;
pub(crate) mod profile;
pub(crate) mod query;
pub(crate) mod reference;
pub(crate) mod release;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod tail;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod view;
