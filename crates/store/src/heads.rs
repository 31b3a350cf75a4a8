//! The head pages as recovery and checks read them: per log the newest one, and what contradicts it.

use std::collections::BTreeMap;
use std::path::Path;

use indelible_durable::disk::{Disk, read_file};

use crate::bytes::hex;
use crate::error::OpenError;
use crate::head_page::{HeadPage, PAGE, PageContent};
use crate::log_no::LogNo;

/// Most bytes of a head file that are read: a hundred thousand logs.
const MAX_FILE: u64 = 100_000 * PAGE as u64;
/// The two files.
pub(crate) const FILES: [&str; 2] = ["heads.a", "heads.b"];

/// A page that is neither blank nor valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidPage {
    pub(crate) file: &'static str,
    pub(crate) offset: u64,
    pub(crate) log: LogNo,
}

/// All heads of a folder.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    pub(crate) newest: BTreeMap<LogNo, HeadPage>,
    /// Valid heads that are not the newest.
    pub(crate) older: Vec<HeadPage>,
    pub(crate) invalid: Vec<InvalidPage>,
}

impl Heads {
    /// Reads both files; every valid page must belong to `node` and lie in its log's place.
    pub(crate) fn read(disk: &dyn Disk, dir: &Path, node: [u8; 16]) -> Result<Self, OpenError> {
        let mut heads = Self::default();
        for name in FILES {
            let path = dir.join(name);
            let bytes = read_file(disk, &path, MAX_FILE).map_err(OpenError::io("read", &path))?;
            for (number, page) in (0u32..).zip(bytes.chunks(PAGE)) {
                let (offset, log) = (u64::from(number) * PAGE as u64, LogNo(number));
                match HeadPage::decode(page) {
                    PageContent::Blank => {}
                    PageContent::Invalid => heads.invalid.push(InvalidPage { file: name, offset, log }),
                    PageContent::Head(head) if head.node != node => {
                        let (found, expected) = (hex(&head.node), hex(&node));
                        return Err(OpenError::ForeignNode { file: path, found, expected });
                    }
                    PageContent::Head(head) if head.log != log => {
                        return Err(OpenError::corrupt(
                            path,
                            offset,
                            "a head lies in the place of another log",
                        ));
                    }
                    PageContent::Head(head) => heads.add(head)?,
                }
            }
        }
        Ok(heads)
    }

    /// Leaves out the heads of logs that lost events: they are known not to hold.
    pub(crate) fn without(mut self, frozen: impl Fn(LogNo) -> bool) -> Self {
        self.newest.retain(|no, _| !frozen(*no));
        self.older.retain(|head| !frozen(head.log));
        self
    }

    /// Last block that any head has seen.
    pub(crate) fn block(&self) -> u64 {
        self.newest.values().map(|head| head.block).max().unwrap_or(0)
    }

    /// Time of the newest head.
    pub(crate) fn time_ns(&self) -> u64 {
        self.newest.values().map(|head| head.time_ns).max().unwrap_or(0)
    }

    fn add(&mut self, head: HeadPage) -> Result<(), OpenError> {
        let Some(other) = self.newest.get(&head.log) else {
            self.newest.insert(head.log, head);
            return Ok(());
        };
        let (newer, older) = if head.generation > other.generation { (&head, other) } else { (other, &head) };
        let same_size = newer.size == older.size && newer.root != older.root;
        if newer.size < older.size || same_size || newer.generation == older.generation {
            let (first, second) = (older.generation, newer.generation);
            return Err(OpenError::HeadsContradict { log: head.log, first, second });
        }
        let older = older.clone();
        if head.generation > other.generation {
            self.newest.insert(head.log, head);
        }
        self.older.push(older);
        Ok(())
    }
}
