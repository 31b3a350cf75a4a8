//! The anchor: a small file outside the data folder that remembers how far the folder's history had come.
//!
//! The heads lie inside the folder, so an older copy of the whole folder agrees with itself. The anchor does not
//! travel with the copy. It is text, two slots of 512 bytes written in turn, so that a torn write leaves the other.

use std::io;
use std::path::{Path, PathBuf};

use indelible_durable::disk::{Disk, FileRef, read_file};

use crate::bytes::{hex, unhex};
use crate::wal::block::BlockHash;

/// Length of a slot: one sector, which is written whole or not at all.
const SLOT: usize = 512;

/// The newest block that was known when a head was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) node: [u8; 16],
    pub(crate) block: u64,
    pub(crate) hash: BlockHash,
    pub(crate) time_ns: u64,
}

impl Anchor {
    fn encode(&self) -> Vec<u8> {
        let text = format!(
            "indelible anchor 1\nnode {}\nblock {} {}\ntime {}\n",
            hex(&self.node),
            self.block,
            hex(&self.hash),
            self.time_ns
        );
        let mut slot = format!("{text}check {:08x}\n", crc32c::crc32c(text.as_bytes())).into_bytes();
        slot.resize(SLOT - 1, b' ');
        slot.push(b'\n');
        slot
    }

    fn decode(slot: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(slot).ok()?;
        let (body, check) = text.split_once("check ")?;
        if u32::from_str_radix(check.get(..8)?, 16).ok()? != crc32c::crc32c(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != "indelible anchor 1" {
            return None;
        }
        let node = unhex(lines.next()?.strip_prefix("node ")?)?;
        let (block, hash) = lines.next()?.strip_prefix("block ")?.split_once(' ')?;
        let time_ns = lines.next()?.strip_prefix("time ")?.parse().ok()?;
        Some(Self { node, block: block.parse().ok()?, hash: unhex(hash)?, time_ns })
    }
}

/// Where the anchor of a node is.
pub(crate) fn path(dir: &Path, node: &[u8; 16]) -> PathBuf {
    dir.join(format!("{}.anchor", hex(node)))
}

/// The newest anchor in the file; `None` when there is none or neither slot is valid.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Anchor>> {
    match read_file(disk, path, (SLOT * 2) as u64) {
        Ok(bytes) => Ok(bytes.chunks(SLOT).filter_map(Anchor::decode).max_by_key(|anchor| anchor.block)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes anchors; owned by the publisher.
#[derive(Debug)]
pub(crate) struct AnchorWriter {
    file: FileRef,
    next_slot: u64,
}

impl AnchorWriter {
    /// Opens or creates the file. The slot that is older is written first.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let file = match disk.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = disk.create(path)?;
                indelible_durable::replace::sync_parent(disk, path)?;
                file
            }
            Err(error) => return Err(error),
        };
        let slots = read_file(disk, path, (SLOT * 2) as u64)?;
        let mut blocks =
            slots.chunks(SLOT).map(|slot| Anchor::decode(slot).map_or(0, |anchor| anchor.block + 1));
        let (first, second) = (blocks.next().unwrap_or(0), blocks.next().unwrap_or(0));
        Ok(Self { file, next_slot: u64::from(second < first) })
    }

    /// Writes one anchor and makes it durable.
    pub(crate) fn write(&mut self, anchor: &Anchor) -> io::Result<()> {
        self.file.write_all_at(&anchor.encode(), self.next_slot * SLOT as u64)?;
        self.file.sync_data()?;
        self.next_slot = 1 - self.next_slot;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use indelible_durable::sim::SimDisk;

    use super::*;

    #[test]
    fn the_newer_slot_wins_and_a_damaged_one_is_ignored() {
        let disk = SimDisk::new(Path::new("/a"));
        let path = path(Path::new("/a"), &[1; 16]);
        let anchor = |block| Anchor { node: [1; 16], block, hash: [2; 16], time_ns: 3 };
        let mut writer = AnchorWriter::open(&disk, &path).unwrap();
        for block in 1..5 {
            writer.write(&anchor(block)).unwrap();
            assert_eq!(read(&disk, &path).unwrap(), Some(anchor(block)));
        }
        let mut writer = AnchorWriter::open(&disk, &path).unwrap();
        writer.write(&anchor(9)).unwrap();
        disk.tamper(&path, |bytes| bytes[20] ^= 1);
        disk.tamper(&path, |bytes| bytes[SLOT + 20] ^= 1);
        assert_eq!(read(&disk, &path).unwrap(), None);
    }
}
