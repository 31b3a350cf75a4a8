//! The published vectors are what this crate makes today. `tests/vectors/confirm.py` says whether they
//! are right.

use std::fs;
use std::path::Path;

use crate::vector_file::vector_file;

#[test]
fn the_published_vectors_are_reproduced() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/tlog.json");
    let published: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let made = vector_file();
    for (section, value) in made.as_object().unwrap() {
        assert_eq!(&published[section], value, "{section}: published formats do not change");
    }
    assert_eq!(published.as_object().unwrap().len(), made.as_object().unwrap().len());
}
