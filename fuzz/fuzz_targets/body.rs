//! Stored bodies, leaves and values from elsewhere are read or refused; a value that was read is written as it was.
#![no_main]

use indelible_event::{Leaf, StoredBody, Value, read_event};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(body) = StoredBody::decode(bytes) {
        let _ = read_event(&body);
    }
    if let Ok(leaf) = Leaf::decode(bytes) {
        assert_eq!(leaf.encode().as_slice(), bytes);
    }
    if let Ok(value) = Value::decode(bytes) {
        let mut again = Vec::new();
        value.encode(&mut again);
        assert_eq!(again, bytes);
    }
    let _ = StoredBody::decode_disclosure(bytes);
});
