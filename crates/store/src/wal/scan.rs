//! Reading the WAL back after a start, and telling the torn end of a crash from damage.
//!
//! Damage is never cut away: only a last block that nobody can have been told about is dropped.

use std::path::Path;
use std::sync::Arc;

use indelible_durable::disk::Disk;

use super::block::{BlockHash, BlockHeader, FileHeader, HEADER, PAGE, block_hash};
use super::file::{WalFile, parse_file_name};
use crate::error::OpenError;

/// Where the WAL ends.
#[derive(Debug)]
pub(crate) struct WalEnd {
    /// All files, oldest first.
    pub(crate) files: Vec<Arc<WalFile>>,
    /// Seq of the next block.
    pub(crate) next_seq: u64,
    /// Hash of the last block; zeros before the first.
    pub(crate) last_hash: BlockHash,
    /// Where the next block goes in the last file.
    pub(crate) at: u64,
    /// Whether a torn block was dropped there.
    pub(crate) torn: bool,
}

/// One valid block.
#[derive(Debug)]
pub(crate) struct ScannedBlock<'a> {
    pub(crate) file: &'a Arc<WalFile>,
    pub(crate) offset: u64,
    pub(crate) header: BlockHeader,
    pub(crate) body: &'a [u8],
    pub(crate) hash: BlockHash,
}

/// What the scan must agree with.
#[derive(Debug)]
pub(crate) struct ScanFrom {
    pub(crate) node: [u8; 16],
    /// Last block that is known from elsewhere (the snapshot), with its hash. (0, zeros) when none is.
    pub(crate) known: (u64, BlockHash),
    /// Highest block that a head or the anchor has seen.
    pub(crate) seen: u64,
}

/// Reads every block in order and hands it to `visit`.
pub(crate) fn scan(
    disk: &dyn Disk,
    dir: &Path,
    from: &ScanFrom,
    mut visit: impl FnMut(&ScannedBlock<'_>) -> Result<(), OpenError>,
) -> Result<WalEnd, OpenError> {
    let files = open_files(disk, dir, from)?;
    let mut walk = Walk { next: None, last_hash: [0; 16], from, buffer: Vec::new() };
    let mut end = (PAGE as u64, false);
    for (number, file) in files.iter().enumerate() {
        let offset = walk.file(file, &mut visit)?;
        match files.get(number + 1) {
            Some(after) if walk.next == Some(after.first_seq) => {}
            Some(after) => return Err(walk.broken(file, offset, after)),
            None => {
                let torn = walk.check_tail(file, offset)?;
                end = (offset, torn);
            }
        }
    }
    let next_seq = walk.next.unwrap_or(from.known.0 + 1);
    if next_seq <= from.known.0 {
        let file = files.last().map_or_else(|| dir.to_path_buf(), |file| file.path.clone());
        return Err(OpenError::WalEndsEarly { file, end: next_seq - 1, needed: from.known.0 });
    }
    Ok(WalEnd { files, next_seq, last_hash: walk.last_hash, at: end.0, torn: end.1 })
}

/// Where the unbroken row of valid blocks of one file ends, whatever lies behind it.
pub(crate) fn end_of(file: &WalFile) -> Result<u64, OpenError> {
    let from = ScanFrom { node: [0; 16], known: (0, [0; 16]), seen: 0 };
    let mut walk = Walk { next: None, last_hash: [0; 16], from: &from, buffer: Vec::new() };
    let len = file.file.len().map_err(OpenError::io("read", &file.path))?;
    let (mut offset, mut expected) = (PAGE as u64, file.first_seq);
    while offset + (HEADER as u64) <= len {
        let Some((header, _)) = walk.read_block(file, offset, len, expected)? else { break };
        offset += header.disk_len() as u64;
        expected += 1;
    }
    Ok(offset)
}

fn open_files(disk: &dyn Disk, dir: &Path, from: &ScanFrom) -> Result<Vec<Arc<WalFile>>, OpenError> {
    let mut files: Vec<Arc<WalFile>> = Vec::new();
    for entry in disk.list(dir).map_err(OpenError::io("list", dir))? {
        let Some(first_seq) = parse_file_name(&entry.name) else { continue };
        let path = dir.join(&entry.name);
        let file = disk.open(&path).map_err(OpenError::io("open", &path))?;
        let mut page = vec![0; PAGE];
        file.read_exact_at(&mut page, 0).map_err(OpenError::io("read", &path))?;
        let header = FileHeader::decode(&page)
            .filter(|header| header.first_seq == first_seq)
            .ok_or_else(|| OpenError::corrupt(&path, 0, "page 0 of the WAL file does not check"))?;
        if header.node != from.node {
            let found = crate::bytes::hex(&header.node);
            return Err(OpenError::ForeignNode {
                file: path,
                found,
                expected: crate::bytes::hex(&from.node),
            });
        }
        files.push(Arc::new(WalFile { path, first_seq, nonce: header.nonce, file }));
    }
    if let Some(first) = files.first().filter(|first| first.first_seq > from.known.0 + 1) {
        let (expected, found) = (from.known.0 + 1, first.first_seq);
        return Err(OpenError::WalHole { file: first.path.clone(), expected, found });
    }
    Ok(files)
}

struct Walk<'a> {
    next: Option<u64>,
    last_hash: BlockHash,
    from: &'a ScanFrom,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    /// Visits the blocks of one file and returns where the first thing that is no block begins.
    fn file(
        &mut self,
        file: &Arc<WalFile>,
        visit: &mut impl FnMut(&ScannedBlock<'_>) -> Result<(), OpenError>,
    ) -> Result<u64, OpenError> {
        let len = file.file.len().map_err(OpenError::io("read", &file.path))?;
        let mut offset = PAGE as u64;
        let mut expected = file.first_seq;
        while offset + (HEADER as u64) <= len {
            let Some((header, hash)) = self.read_block(file, offset, len, expected)? else { break };
            self.check_link(file, offset, &header, hash)?;
            let body = self.buffer.get(HEADER..HEADER + header.body_len as usize).unwrap_or_default();
            visit(&ScannedBlock { file, offset, header, body, hash })?;
            offset += header.disk_len() as u64;
            expected += 1;
            self.next = Some(expected);
            self.last_hash = hash;
        }
        self.next = Some(expected);
        Ok(offset)
    }

    /// The block at `offset` if it is whole and the expected one; its bytes are then in the buffer.
    fn read_block(
        &mut self,
        file: &WalFile,
        offset: u64,
        len: u64,
        expected: u64,
    ) -> Result<Option<(BlockHeader, BlockHash)>, OpenError> {
        let io = OpenError::io("read", &file.path);
        let mut head = [0; HEADER];
        if let Err(error) = file.file.read_exact_at(&mut head, offset) {
            return Err(io(error));
        }
        let header = BlockHeader::decode(&head);
        let Some(header) = header.filter(|header| header.seq == expected && header.nonce == file.nonce)
        else {
            return Ok(None);
        };
        let size = header.disk_len();
        if offset + size as u64 > len {
            return Ok(None);
        }
        self.buffer.resize(size, 0);
        file.file.read_exact_at(&mut self.buffer, offset).map_err(io)?;
        let (body, padding) = self
            .buffer
            .get(HEADER..)
            .and_then(|rest| rest.split_at_checked(header.body_len as usize))
            .unwrap_or_default();
        let whole = crc32c::crc32c(body) == header.body_crc && is_zero(padding);
        Ok(whole.then(|| (header, block_hash(&self.buffer))))
    }

    /// Blocks are chained; the snapshot knows the hash of its own last one.
    fn check_link(
        &self,
        file: &WalFile,
        offset: u64,
        header: &BlockHeader,
        hash: BlockHash,
    ) -> Result<(), OpenError> {
        let (known, known_hash) = self.from.known;
        let first = self.next.is_none() && header.seq != known + 1;
        let previous = if self.next.is_none() { known_hash } else { self.last_hash };
        if !first && header.previous != previous {
            return Err(OpenError::corrupt(&file.path, offset, "the block does not name the one before it"));
        }
        if header.seq == known && hash != known_hash {
            return Err(OpenError::corrupt(
                &file.path,
                offset,
                "the block is not the one the snapshot was made from",
            ));
        }
        Ok(())
    }

    /// Blocks end in `file` where those of `after` do not begin.
    fn broken(&self, file: &WalFile, offset: u64, after: &WalFile) -> OpenError {
        let expected = self.next.unwrap_or(file.first_seq);
        let blank = read_all(file, offset).is_ok_and(|rest| is_zero(&rest));
        if blank {
            return OpenError::WalHole { file: after.path.clone(), expected, found: after.first_seq };
        }
        OpenError::corrupt(
            &file.path,
            offset,
            format!("block {expected} does not check, and later blocks exist"),
        )
    }

    /// Decides what lies behind the last valid block: nothing, a torn block, or damage.
    fn check_tail(&self, file: &WalFile, offset: u64) -> Result<bool, OpenError> {
        let expected = self.next.unwrap_or(file.first_seq);
        let rest = read_all(file, offset).map_err(OpenError::io("read", &file.path))?;
        let blank = is_zero(&rest);
        let later = rest.chunks(PAGE).skip(1).position(|page| {
            BlockHeader::decode(page)
                .is_some_and(|header| header.nonce == file.nonce && header.seq > expected)
        });
        let bytes_behind = rest.get(super::block::disk_len(super::block::MAX_BODY)..).unwrap_or_default();
        let damage = if later.is_some() {
            Some(format!("block {expected} does not check, and a later block exists"))
        } else if self.from.seen >= expected && !blank {
            Some(format!("block {expected} does not check, and block {} is known to exist", self.from.seen))
        } else if !is_zero(bytes_behind) {
            Some("bytes behind the longest possible block".to_owned())
        } else {
            None
        };
        match damage {
            Some(what) => Err(OpenError::corrupt(&file.path, offset, what)),
            None => Ok(!blank),
        }
    }
}

fn read_all(file: &WalFile, offset: u64) -> std::io::Result<Vec<u8>> {
    let len = file.file.len()?.saturating_sub(offset);
    let mut rest = vec![0; usize::try_from(len).map_err(std::io::Error::other)?];
    file.file.read_exact_at(&mut rest, offset)?;
    Ok(rest)
}

/// Whether all bytes are zero; looks at many at once, since a fresh file has 64 MiB of them.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(1024).all(|chunk| chunk.iter().fold(0, |bits, byte| bits | byte) == 0)
}
