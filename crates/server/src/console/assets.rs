//! Styles and scripts: found by the hash in their address, kept by browsers for ever.

use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use flate2::Compression;
use flate2::write::GzEncoder;
use indelible_console::asset;

use super::around::takes_gzip;
use crate::api::Answer;
use crate::problem::{Code, Problem};

/// Each asset compressed, once.
static COMPRESSED: LazyLock<HashMap<&'static str, Vec<u8>>> =
    LazyLock::new(|| asset::all().iter().map(|asset| (asset.name, gzip(asset.bytes, 9))).collect());

/// Bytes compressed with gzip.
pub(crate) fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::new(level));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes all")
}

pub(crate) async fn asset(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    let found = asset::at(&hash, &name)
        .ok_or_else(|| Problem::new(Code::NotFound, "there is no such asset; load the page again"))?;
    let known = [
        (header::CONTENT_TYPE, found.kind.to_owned()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::ETAG, found.tag()),
        (header::VARY, "Accept-Encoding".to_owned()),
    ];
    let compressed = COMPRESSED.get(found.name).filter(|_| takes_gzip(&headers));
    Ok(match compressed {
        Some(bytes) => (known, [(header::CONTENT_ENCODING, "gzip")], bytes.as_slice()).into_response(),
        None => (known, found.bytes).into_response(),
    })
}
