//! The page that holds a log's newest or second newest signed head (`docs/internals/format-store.md`, "Heads").

use indelible_tlog::tree::Hash;

use crate::bytes::Take;
use crate::log::Head;
use crate::log_no::LogNo;

/// Length of a page; leaves room for a note with a post-quantum signature line.
pub(crate) const PAGE: usize = 8192;
const MAGIC: &[u8; 4] = b"EVH1";
const FORMAT: u16 = 1;
/// Fields before the note.
const FIXED: usize = 4 + 2 + 2 + 8 + 4 + 4 + 8 + 32 + 8 + 8 + 16;
/// Longest note that fits.
pub(crate) const MAX_NOTE: usize = PAGE - FIXED - 4;

/// A signed head with what recovery compares it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeadPage {
    pub(crate) generation: u64,
    pub(crate) log: LogNo,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) time_ns: u64,
    pub(crate) block: u64,
    pub(crate) node: [u8; 16],
    pub(crate) note: String,
}

/// What a page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageContent {
    /// Never written.
    Blank,
    /// Neither blank nor valid: torn, or damaged.
    Invalid,
    /// A head.
    Head(HeadPage),
}

impl HeadPage {
    /// The page; `None` when the note is too long for it.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        if self.note.len() > MAX_NOTE {
            return None;
        }
        let mut out = Vec::with_capacity(PAGE);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&self.log.0.to_be_bytes());
        out.extend_from_slice(&(self.note.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(self.root.as_bytes());
        out.extend_from_slice(&self.time_ns.to_be_bytes());
        out.extend_from_slice(&self.block.to_be_bytes());
        out.extend_from_slice(&self.node);
        out.extend_from_slice(self.note.as_bytes());
        out.resize(PAGE - 4, 0);
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        Some(out)
    }

    /// The head as readers see it.
    pub(crate) fn into_head(self) -> Head {
        Head {
            log: self.log,
            size: self.size,
            root: self.root,
            note: self.note.into(),
            time_ns: self.time_ns,
            block: self.block,
            generation: self.generation,
        }
    }

    /// Reads a whole page.
    pub(crate) fn decode(page: &[u8]) -> PageContent {
        if page.iter().all(|byte| *byte == 0) {
            return PageContent::Blank;
        }
        decode(page).map_or(PageContent::Invalid, PageContent::Head)
    }
}

fn decode(page: &[u8]) -> Option<HeadPage> {
    let (checked, crc) = page.split_last_chunk::<4>()?;
    let mut take = Take(page);
    let known = take.array::<4>()? == *MAGIC && take.u16()? == FORMAT && take.u16()? == 0;
    if page.len() != PAGE || !known || crc32c::crc32c(checked) != u32::from_be_bytes(*crc) {
        return None;
    }
    let (generation, log, note_len) = (take.u64()?, LogNo(take.u32()?), take.u32()?);
    Some(HeadPage {
        generation,
        log,
        size: take.u64()?,
        root: Hash::new(take.array()?),
        time_ns: take.u64()?,
        block: take.u64()?,
        node: take.array()?,
        note: std::str::from_utf8(take.bytes(note_len as usize)?).ok()?.to_owned(),
    })
}

/// Which of the two files a generation goes to: even ones to the first.
pub(crate) fn slot(generation: u64) -> usize {
    usize::from(!generation.is_multiple_of(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_back_and_damage_is_never_taken_for_a_head() {
        let head = HeadPage {
            generation: 3,
            log: LogNo(2),
            size: 10,
            root: Hash::EMPTY_ROOT,
            time_ns: 5,
            block: 6,
            node: [7; 16],
            note: "note\n".to_owned(),
        };
        let page = head.encode().unwrap();
        assert_eq!(HeadPage::decode(&page), PageContent::Head(head.clone()));
        assert_eq!(HeadPage::decode(&[0; PAGE]), PageContent::Blank);
        for at in 0..PAGE {
            let mut bad = page.clone();
            bad[at] ^= 1;
            assert_eq!(HeadPage::decode(&bad), PageContent::Invalid, "byte {at}");
        }
        assert_eq!(HeadPage { note: "x".repeat(MAX_NOTE + 1), ..head }.encode(), None);
    }
}
