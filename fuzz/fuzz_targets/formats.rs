//! Every decoder takes every input apart: each part is a value or an error with its place.
#![no_main]

use indelible_formats::{Format, payload, rfc3339};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (which, bytes) = input;
    let formats = Format::ALL;
    let format = formats[usize::from(which) % formats.len()];
    for raw in format.decode(bytes).take(10_000) {
        if let Err(error) = raw {
            assert!(!error.to_string().is_empty());
        }
    }
    let _ = payload(bytes, 0, 0);
    if let Some(time) = std::str::from_utf8(bytes).ok().and_then(rfc3339::parse) {
        assert!(rfc3339::parse(&rfc3339::text(time)).is_some());
    }
});
