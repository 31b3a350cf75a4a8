//! One event as a segment takes it in and gives it back.

/// Fields of the leaf that do not follow from the body, two short digests, and the stored body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Leaf flags.
    pub flags: u8,
    /// Type tag.
    pub type_tag: u32,
    /// Received time, ns since 1970; never falls within a log.
    pub received_ns: u64,
    /// Event id.
    pub id: [u8; 16],
    /// Producer number.
    pub producer: u64,
    /// Sequence; 0 when unnumbered.
    pub sequence: u64,
    /// 64 bits by which its idempotency key is found, if it has one.
    pub key: Option<u64>,
    /// 64 bits of its content digest, if a key or sequence makes them useful.
    pub content: Option<u64>,
    /// Stored body.
    pub stored: &'a [u8],
}

/// Rows of one block, decoded. Keys are kept apart, see `read::Index::keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Index of the first row.
    pub first: u64,
    pub(crate) rows: Vec<Meta>,
    pub(crate) bodies: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) flags: u8,
    pub(crate) type_tag: u32,
    pub(crate) received_ns: u64,
    pub(crate) id: [u8; 16],
    pub(crate) producer: u64,
    pub(crate) sequence: u64,
    pub(crate) content: Option<u64>,
    pub(crate) body: std::ops::Range<usize>,
}

impl Block {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows with their indexes; `key` is always absent here.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = (u64, Row<'_>)> {
        self.rows.iter().enumerate().map(|(at, meta)| (self.first + at as u64, self.row(meta)))
    }

    /// The row at an index.
    pub fn get(&self, index: u64) -> Option<Row<'_>> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.rows.get(at).map(|meta| self.row(meta))
    }

    fn row(&self, meta: &Meta) -> Row<'_> {
        Row {
            flags: meta.flags,
            type_tag: meta.type_tag,
            received_ns: meta.received_ns,
            id: meta.id,
            producer: meta.producer,
            sequence: meta.sequence,
            key: None,
            content: meta.content,
            stored: self.bodies.get(meta.body.clone()).unwrap_or_default(),
        }
    }
}
