//! Parts and the zip file around them. The same parts give the same bytes: no times, no attributes.

use std::collections::BTreeSet;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::BundleError;

/// Most bytes of all parts together, unpacked: a bundle of full size with its page and catalogs, several times over.
pub const MAX_UNPACKED: usize = 256 << 20;
/// Most parts: catalogs are few.
const MAX_PARTS: usize = 256;

/// One file within the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its path there.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Part {
    /// A part of this name.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

/// Packs parts in their order.
pub(crate) fn pack(parts: &[Part]) -> Result<Vec<u8>, BundleError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    for part in parts {
        zip.start_file(part.name.as_str(), options)?;
        zip.write_all(&part.bytes)
            .map_err(|source| BundleError::Unpack { part: part.name.clone(), source })?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Unpacks a zip file whole, within [`MAX_UNPACKED`]; folders are passed over.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<Part>, BundleError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes))?;
    if zip.len() > MAX_PARTS {
        return Err(BundleError::TooLarge { what: "the number of parts", limit: MAX_PARTS });
    }
    let (mut parts, mut names, mut left) = (Vec::with_capacity(zip.len()), BTreeSet::new(), MAX_UNPACKED);
    for at in 0..zip.len() {
        let file = zip.by_index(at)?;
        if file.is_dir() {
            continue;
        }
        let name = file.name().to_owned();
        if !names.insert(name.clone()) {
            return Err(BundleError::Twice(name));
        }
        let mut unpacked = Vec::new();
        let read = file.take(left as u64 + 1).read_to_end(&mut unpacked);
        read.map_err(|source| BundleError::Unpack { part: name.clone(), source })?;
        left = left
            .checked_sub(unpacked.len())
            .ok_or(BundleError::TooLarge { what: "the size of all parts in bytes", limit: MAX_UNPACKED })?;
        parts.push(Part { name, bytes: unpacked });
    }
    Ok(parts)
}

/// The part of this name.
pub(crate) fn find<'p>(parts: &'p [Part], name: &str) -> Option<&'p [u8]> {
    parts.iter().find(|part| part.name == name).map(|part| part.bytes.as_slice())
}
