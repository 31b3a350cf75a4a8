//! The page in the bundle: the verifier as it always is, with the other parts put into its slot when they are small.
//!
//! The page is the same in every bundle of one version up to the slot, so that the manifest can name its hash, and so that it
//! can be compared with a copy that came on another way.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::archive::{Part, find, pack, unpack};
use crate::error::BundleError;

/// Where the data goes: between the two halves of this text.
pub const SLOT: &str = "<script type=\"application/octet-stream\" id=\"bundle\"></script>";
const OPEN: &str = "<script type=\"application/octet-stream\" id=\"bundle\">";
const CLOSE: &str = "</script>";
/// Most bytes of a packed bundle that are put into the page as well; a larger one is dropped onto it.
const MAX_INSIDE: usize = 8 << 20;

/// A page that data cannot be put into.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// The slot is not there.
    #[error("its slot for data is missing")]
    NoSlot,
}

/// The page with the parts inside, if they are not too many for it.
pub(crate) fn filled(page: &str, parts: &[Part]) -> Result<String, BundleError> {
    let (before, after) = page.split_once(SLOT).ok_or(PageError::NoSlot)?;
    let packed = pack(parts)?;
    if packed.len() > MAX_INSIDE {
        return Ok(page.to_owned());
    }
    Ok([before, OPEN, &STANDARD.encode(packed), CLOSE, after].concat())
}

/// The page as it is without data, and the data.
pub(crate) fn emptied(page: &[u8]) -> Result<(String, &str), PageError> {
    let page = std::str::from_utf8(page).map_err(|_| PageError::NotText)?;
    let (before, rest) = page.split_once(OPEN).ok_or(PageError::NoSlot)?;
    let (data, after) = rest.split_once(CLOSE).ok_or(PageError::NoSlot)?;
    Ok(([before, SLOT, after].concat(), data))
}

/// The first part inside a page that differs from the one beside it; nothing where all are the same, or none are inside.
pub(crate) fn differing(data: &str, parts: &[Part]) -> Result<Option<String>, String> {
    if data.is_empty() {
        return Ok(None);
    }
    let packed = STANDARD.decode(data).map_err(|error| format!("its data is no base64: {error}"))?;
    let inside = unpack(&packed).map_err(|error| error.to_string())?;
    let other = inside.iter().find(|part| find(parts, &part.name) != Some(part.bytes.as_slice()));
    if let Some(part) = other {
        return Ok(Some(part.name.clone()));
    }
    let lacking = parts.iter().find(|part| part.name != crate::PAGE && find(&inside, &part.name).is_none());
    Ok(lacking.map(|part| part.name.clone()))
}
