//! The 196 cases of transparency-dev/merkle. Traps in them: an index of 2^64 - 1, `null` for an empty
//! proof, hashes of a wrong length, which our types refuse, and an old size of 0, which we refuse.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indelible_tlog::proof::{verify_consistency, verify_inclusion};
use indelible_tlog::tree::Hash;
use serde_json::Value;

/// Two equal "roots" of 12 bytes are expected to pass here; a type that holds 32 bytes cannot say yes.
const NOT_EXPRESSIBLE: &str = "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json";

#[test]
fn all_196_cases_come_out_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/merkle");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    assert_eq!(files.len(), 196);
    let mut accepted = 0;
    for file in files {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        let case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let passes = if name.starts_with("inclusion") { inclusion(&case) } else { consistency(&case) };
        if name == NOT_EXPRESSIBLE {
            assert!(!passes, "{name}");
            continue;
        }
        let expected = !case["wantErr"].as_bool().unwrap();
        assert_eq!(passes, expected, "{name}");
        accepted += usize::from(passes);
    }
    assert_eq!(accepted, 11, "12 cases less the one that cannot be expressed");
}

fn inclusion(case: &Value) -> bool {
    let (index, size) = (case["leafIdx"].as_u64().unwrap(), case["treeSize"].as_u64().unwrap());
    let (Some(leaf), Some(root), Some(path)) =
        (hash(&case["leafHash"]), hash(&case["root"]), hashes(&case["proof"]))
    else {
        return false;
    };
    verify_inclusion(leaf, index, size, &path, root).is_ok()
}

fn consistency(case: &Value) -> bool {
    let (old, new) = (case["size1"].as_u64().unwrap(), case["size2"].as_u64().unwrap());
    let (Some(old_root), Some(new_root), Some(path)) =
        (hash(&case["root1"]), hash(&case["root2"]), hashes(&case["proof"]))
    else {
        return false;
    };
    verify_consistency((old, old_root), (new, new_root), &path).is_ok()
}

/// `None` for a hash of wrong length. Base64 that does not decode would be a fault of the vectors.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    Hash::from_slice(&bytes).ok()
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array().map_or(Some(Vec::new()), |list| list.iter().map(hash).collect())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}
