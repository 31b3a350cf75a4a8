//! The catalogs that are part of the program: the files of the folder `catalogs/`, as texts.

use crate::load::Source;

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Every file of the built-in catalogs, `folder/name`, in the order of their names.
pub fn builtin() -> Vec<Source> {
    FILES.iter().map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() }).collect()
}
