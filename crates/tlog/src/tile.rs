//! Tiles: slices of 256 hashes or leaves of a log's flat files, and their paths.
//!
//! Tile `N` of level `L` is bytes `[N * 8192, N * 8192 + 32 * W)` of level file `L`; the bundle of
//! leaves `N` holds leaves `[N * 256, N * 256 + W)`, each behind its length. A path says nothing
//! about what exists: ask [`Tile::check_served`] with the size of the last **published** checkpoint,
//! never with the length of a file.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::error::Error;
use crate::tree::{HASH_LEN, Hash};

/// Hashes in a full tile, leaves in a full bundle.
pub const WIDTH: u64 = 256;

/// Highest level a path may name.
pub const MAX_LEVEL: u8 = 63;

/// Longest leaf: an entry carries a 16-bit length.
pub const MAX_LEAF: usize = u16::MAX as usize;

/// Longest path read: 21 digits of tile number in groups, level and width fit well below.
const MAX_PATH_LEN: usize = 64;

/// What a tile is cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Hashes of level file 0 to 63.
    Level(u8),
    /// The leaves themselves.
    Entries,
}

impl Kind {
    /// Level whose hashes decide how much of this kind exists: bundles follow level 0.
    fn level(self) -> u8 {
        match self {
            Self::Level(level) => level,
            Self::Entries => 0,
        }
    }
}

/// One tile or bundle, full or partial. Text form: `tile/<L>/<N>` or `tile/entries/<N>`, with
/// `.p/<W>` behind it when partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    kind: Kind,
    number: u64,
    width: u16,
}

impl Tile {
    /// Names a tile; `width` is 1 to 256.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for another width, a level above 63, or a number whose tile would begin
    /// beyond 2^63.
    pub fn new(kind: Kind, number: u64, width: u16) -> Result<Self, Error> {
        if width == 0 || u64::from(width) > WIDTH {
            return Err(Error::range("tile width", width.into(), "a tile holds 1 to 256 hashes"));
        }
        if kind.level() > MAX_LEVEL {
            return Err(Error::range("tile level", kind.level().into(), "levels end at 63"));
        }
        if number > crate::tree::MAX_SIZE / WIDTH {
            return Err(Error::range("tile number", number, "its first hash would lie beyond 2^63"));
        }
        Ok(Self { kind, number, width })
    }

    /// What the tile is cut from.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Number of the tile in its file.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Hashes or leaves in it, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Numbers of its hashes or leaves in the level file or leaf file.
    pub fn range(&self) -> Range<u64> {
        let first = self.number * WIDTH;
        first..first + u64::from(self.width)
    }

    /// Bytes of its level file or, for a bundle of leaves that are all `leaf_len` long, of the leaf file.
    pub fn byte_range(&self, leaf_len: usize) -> Range<u64> {
        let record = match self.kind {
            Kind::Level(_) => HASH_LEN,
            Kind::Entries => 2 + leaf_len,
        } as u64;
        self.range().start.saturating_mul(record)..self.range().end.saturating_mul(record)
    }

    /// Whether a log of `size` published leaves whose minimum index is `minimum` serves this tile.
    ///
    /// Smaller partial tiles of a tile that has grown are served for ever. A full tile may be denied
    /// once everything under it lies below the minimum index.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the rule; a server answers 404 (410 for a pruned one).
    pub fn check_served(&self, size: u64, minimum: u64) -> Result<(), Error> {
        if self.range().end > count(self.kind, size) {
            return Err(Error::range(
                "tile number",
                self.number,
                format!("a log of {size} leaves ends before"),
            ));
        }
        if self.is_prunable(minimum) {
            return Err(Error::range(
                "tile number",
                self.number,
                format!("pruned: the log begins at {minimum}"),
            ));
        }
        Ok(())
    }

    /// Whether every leaf under the full tile has an index below `minimum`.
    pub fn is_prunable(&self, minimum: u64) -> bool {
        let shift = u32::from(self.kind.level()) * 8 + 8;
        let full = u64::from(self.width) == WIDTH;
        full && shift < u64::BITS && u128::from(self.number + 1) << shift <= u128::from(minimum)
    }

    /// The tile that holds hash or leaf number `index`, as wide as a log of `size` leaves has it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when that log is too short.
    pub fn holding(kind: Kind, index: u64, size: u64) -> Result<Self, Error> {
        let (number, count) = (index / WIDTH, count(kind, size));
        if index >= count {
            return Err(Error::range("hash number", index, format!("a log of {size} leaves ends before")));
        }
        Self::new(kind, number, (count - number * WIDTH).min(WIDTH) as u16)
    }

    /// All tiles of one kind in a log of `size` leaves: the full ones and, last, the partial one.
    pub fn all(kind: Kind, size: u64) -> impl Iterator<Item = Self> {
        (0..count(kind, size).div_ceil(WIDTH))
            .filter_map(move |number| Self::holding(kind, number * WIDTH, size).ok())
    }
}

/// Hashes of that level, or leaves, in a log of `size` leaves.
pub fn count(kind: Kind, size: u64) -> u64 {
    size.checked_shr(u32::from(kind.level()) * 8).unwrap_or(0)
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Level(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let groups = std::iter::successors(Some(self.number), |rest| (*rest >= 1000).then_some(rest / 1000));
        let groups: Vec<u64> = groups.collect();
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{:03}/", group % 1000)?;
        }
        write!(f, "{:03}", self.number % 1000)?;
        if u64::from(self.width) < WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for Tile {
    type Err = Error;

    /// Accepts the one spelling that [`fmt::Display`] writes.
    fn from_str(path: &str) -> Result<Self, Error> {
        if path.len() > MAX_PATH_LEN {
            return Err(Error::TooLarge { what: "tile path in bytes", limit: MAX_PATH_LEN });
        }
        let tile = parse(path)
            .ok_or_else(|| bad_path("expected tile/<level or entries>/<number>[.p/<width>]"))??;
        if tile.to_string() != path {
            return Err(bad_path("numbers have one spelling: groups of three digits, no superfluous zeros"));
        }
        Ok(tile)
    }
}

fn bad_path(why: &str) -> Error {
    Error::malformed("tile path", why)
}

fn parse(path: &str) -> Option<Result<Tile, Error>> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => Kind::Entries,
        level => Kind::Level(digits(level)?.try_into().ok()?),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, digits(width)?.try_into().ok().filter(|w| u64::from(*w) < WIDTH)?),
        None => (rest, WIDTH as u16),
    };
    let mut value = 0u64;
    for group in number.split('/') {
        let group = digits(group.strip_prefix('x').unwrap_or(group))?;
        value = value.checked_mul(1000)?.checked_add(group)?;
    }
    Some(Tile::new(kind, value, width))
}

/// ASCII digits only: `u64::from_str` would let a sign pass.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Appends one leaf to a bundle: u16 length ‖ leaf.
///
/// # Errors
/// [`Error::TooLarge`] for a leaf above [`MAX_LEAF`] bytes.
pub fn push_entry(bundle: &mut Vec<u8>, leaf: &[u8]) -> Result<(), Error> {
    let length =
        u16::try_from(leaf.len()).map_err(|_| Error::TooLarge { what: "leaf in bytes", limit: MAX_LEAF })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(leaf);
    Ok(())
}

/// The leaves of a bundle that holds exactly `width` of them.
///
/// # Errors
/// [`Error::Malformed`] when the bytes end early or late.
pub fn parse_entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, Error> {
    let mut rest = bundle;
    let mut leaves = Vec::with_capacity(width.into());
    while let Some((length, tail)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let leaf = tail.get(..length).ok_or_else(|| bad_bundle("a leaf ends before its length"))?;
        leaves.push(leaf);
        rest = tail.get(length..).unwrap_or_default();
    }
    if !rest.is_empty() {
        return Err(bad_bundle("it ends within a length"));
    }
    if leaves.len() != usize::from(width) {
        return Err(bad_bundle(&format!("expected {width} leaves, found {}", leaves.len())));
    }
    Ok(leaves)
}

/// The hashes of a tile that holds exactly `width` of them.
///
/// # Errors
/// [`Error::Malformed`] for any other length than 32 bytes each.
pub fn parse_hashes(tile: &[u8], width: u16) -> Result<Vec<Hash>, Error> {
    let (hashes, odd) = tile.as_chunks::<HASH_LEN>();
    if !odd.is_empty() || hashes.len() != usize::from(width) {
        let why = format!("expected {width} hashes of {HASH_LEN} bytes, found {} bytes", tile.len());
        return Err(Error::malformed("tile", why));
    }
    Ok(hashes.iter().copied().map(Hash::new).collect())
}

fn bad_bundle(why: &str) -> Error {
    Error::malformed("entry bundle", why)
}
