//! Reading a segment: its index once, then single blocks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::block::RowData;
use crate::bytes::Take;
use crate::cells::Cells;
use crate::contexts::Contexts;
use crate::dictionary::Dictionary;
use crate::error::SegmentError;
use crate::id::IdCipher;
use crate::layout::{
    BLOCKS, BODIES, CHUNKS, FOOTER, FOOTER_MAGIC, FORMAT, HEADER, KEYS, LOGS, MAGIC, MAX_ROWS, MAX_SECTION,
    MAX_SECTIONS, NUMBERS, SCHEMA, SEEDS, SaltMaker,
};
pub use crate::layout::{BlockEntry, LogEntry, NumberEntry};
use crate::open::OpenBlock;
use crate::row::Block;
use crate::schema::{Blob, CONTEXT_CHUNK, ColumnDef, MAX_SCHEMA, Schema};
use crate::stream::unpack_within;
use crate::survey::chunk_len;

/// Reads bytes of the file at an offset, filling the buffer.
pub type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> std::io::Result<()>;

/// A piece of the file that holds one kind of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: [u8; 4],
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) crc: u32,
}

/// What a segment says about itself. Small enough to stay in memory.
#[derive(Debug)]
pub struct Index {
    /// The node it belongs to.
    pub node: [u8; 16],
    /// First and last WAL block whose events it holds.
    pub wal_blocks: (u64, u64),
    /// SHA-256 of everything before the footer, as the footer states it.
    pub digest: [u8; 32],
    /// Length of what the digest covers.
    pub covered: u64,
    pub(crate) ids: IdCipher,
    logs: Arc<[LogEntry]>,
    blocks: Arc<[BlockEntry]>,
    pub(crate) sections: Arc<[Section]>,
    salts: Arc<[(u32, SaltMaker)]>,
    /// Body hashes that stored bodies do not give, by row.
    bodies: Arc<[(u32, [u8; 32])]>,
    /// Read when the first block is.
    tables: OnceLock<Tables>,
    recent_contexts: Mutex<VecDeque<(u32, Arc<Contexts>)>>,
}

/// What reading rows takes beside the index.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) schema: Schema,
    /// Length and checksum of the chunk of each stream, by block.
    pub(crate) blocks: Vec<Vec<(u32, u32)>>,
    /// The same by chunk of contexts.
    pub(crate) contexts: Vec<Vec<(u32, u32)>>,
}

/// Decoded chunks of contexts that are kept: sessions last for a few chunks.
const RECENT_CONTEXTS: usize = 8;

/// Idempotency keys of a segment, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    entries: Vec<(u64, u32)>,
}

impl Keys {
    /// Every key with its row, counted over the whole segment.
    pub fn entries(&self) -> &[(u64, u32)] {
        &self.entries
    }

    /// Rows under a key.
    pub fn rows(&self, key: u64) -> impl Iterator<Item = u32> {
        let start = self.entries.partition_point(|(entry, _)| *entry < key);
        let found = self.entries.get(start..).unwrap_or_default();
        found.iter().take_while(move |(entry, _)| *entry == key).map(|(_, row)| *row)
    }
}

impl Index {
    /// Stands for that of a file of so many bytes that cannot be read: it holds nothing.
    pub fn unreadable(len: u64) -> Self {
        Self::without_entries(([0; 16], (0, 0), IdCipher::new([0; 16])), (len, [0; 32]), Arc::default())
    }

    fn without_entries(
        (node, wal_blocks, ids): Header,
        (covered, digest): (u64, [u8; 32]),
        sections: Arc<[Section]>,
    ) -> Self {
        Self {
            node,
            wal_blocks,
            digest,
            covered,
            ids,
            logs: Arc::default(),
            blocks: Arc::default(),
            sections,
            salts: Arc::default(),
            bodies: Arc::default(),
            tables: OnceLock::new(),
            recent_contexts: Mutex::default(),
        }
    }

    /// Reads header, footer and the small sections of a file of `len` bytes.
    pub fn read(len: u64, read: ReadAt<'_>) -> Result<Self, SegmentError> {
        let header = fetch(read, 0, HEADER as u64)?;
        let (node, wal_blocks, ids) = decode_header(&header)?;
        let end =
            len.checked_sub(FOOTER as u64).ok_or(SegmentError::damaged(len, "the file is too short"))?;
        let footer = decode_footer(&fetch(read, end, FOOTER as u64)?, end)?;
        let table = fetch(read, footer.table.offset, footer.table.len)?;
        if !holds(&table, footer.table.crc) {
            return Err(SegmentError::damaged(footer.table.offset, "the section table does not check"));
        }
        let sections = decode_table(&table, end)
            .ok_or(SegmentError::damaged(footer.table.offset, "the section table is malformed"))?;
        let mut index = Self::without_entries((node, wal_blocks, ids), (end, footer.digest), sections.into());
        index.logs = index.entries(read, LOGS, LogEntry::LEN, LogEntry::decode)?.into();
        index.blocks = index.entries(read, BLOCKS, BlockEntry::LEN, BlockEntry::decode)?.into();
        index.salts = index
            .entries(read, SEEDS, 36, |take| Some((take.u32()?, SaltMaker::new(&take.array()?))))?
            .into();
        if index.section(BODIES).is_some() {
            index.bodies = index.entries(read, BODIES, 36, |take| Some((take.u32()?, take.array()?)))?.into();
        }
        index
            .check()
            .ok_or(SegmentError::damaged(footer.table.offset, "the block index contradicts itself"))?;
        Ok(index)
    }

    /// The same index, with nothing read beside it yet.
    #[must_use]
    pub fn afresh(&self) -> Self {
        let mut fresh = Self::without_entries(
            (self.node, self.wal_blocks, self.ids),
            (self.covered, self.digest),
            Arc::clone(&self.sections),
        );
        (fresh.logs, fresh.blocks) = (Arc::clone(&self.logs), Arc::clone(&self.blocks));
        (fresh.salts, fresh.bodies) = (Arc::clone(&self.salts), Arc::clone(&self.bodies));
        fresh
    }

    /// Bytes of memory that what was read beside the index takes, roughly.
    pub fn weight(&self) -> usize {
        let Some(tables) = self.tables.get() else { return 0 };
        let recent = self.recent_contexts.lock().unwrap_or_else(PoisonError::into_inner);
        let contexts: usize = recent.iter().map(|(_, contexts)| contexts.weight()).sum();
        let chunks =
            |chunks: &Vec<Vec<(u32, u32)>>| chunks.iter().map(|one| one.len() * 8 + 24).sum::<usize>();
        contexts + tables.schema.weight() + chunks(&tables.blocks) + chunks(&tables.contexts)
    }

    /// The logs in it, ascending.
    pub fn logs(&self) -> &[LogEntry] {
        &self.logs
    }

    /// The blocks of a log, ascending.
    pub fn blocks(&self, log: u32) -> &[BlockEntry] {
        let Ok(at) = self.logs.binary_search_by_key(&log, |entry| entry.log) else { return &[] };
        self.logs.get(at).and_then(|entry| self.log_blocks(entry)).unwrap_or_default()
    }

    /// The block that holds an event.
    pub fn block(&self, log: u32, index: u64) -> Option<&BlockEntry> {
        let blocks = self.blocks(log);
        let at = blocks.partition_point(|block| block.first <= index).checked_sub(1)?;
        blocks.get(at).filter(|block| index - block.first < u64::from(block.rows))
    }

    /// Log and index of a row, counted over the whole segment.
    pub fn row(&self, row: u32) -> Option<(u32, u64)> {
        let mut before = 0u64;
        for entry in self.logs.iter() {
            if u64::from(row) < before + entry.count {
                return Some((entry.log, entry.first + u64::from(row) - before));
            }
            before += entry.count;
        }
        None
    }

    /// The body hash of an event, if it is kept because the stored body does not give it.
    pub fn kept_body(&self, log: u32, index: u64) -> Option<[u8; 32]> {
        if self.bodies.is_empty() {
            return None;
        }
        let at = self.logs.binary_search_by_key(&log, |entry| entry.log).ok()?;
        let before: u64 = self.logs.iter().take(at).map(|entry| entry.count).sum();
        let row = before + index.checked_sub(self.logs.get(at)?.first)?;
        let at = self.bodies.binary_search_by_key(&row, |(row, _)| u64::from(*row)).ok()?;
        self.bodies.get(at).map(|(_, hash)| *hash)
    }

    /// Reads and decodes one block.
    pub fn decode(&self, entry: &BlockEntry, read: ReadAt<'_>) -> Result<Block, SegmentError> {
        OpenBlock::new(self, entry, read)?.all(self, read)
    }

    /// Reads one block, of which rows and columns are decoded when they are asked for.
    pub fn open(&self, entry: &BlockEntry, read: ReadAt<'_>) -> Result<OpenBlock, SegmentError> {
        OpenBlock::new(self, entry, read)
    }

    /// The streams of a block's rows, without its columns.
    pub(crate) fn rows_of(&self, entry: &BlockEntry, read: ReadAt<'_>) -> Result<RowData, SegmentError> {
        let tables = self.tables(read)?;
        let damaged = |what| SegmentError::damaged(entry.offset, what);
        let chunks = self
            .number_of(entry)
            .and_then(|at| tables.blocks.get(at))
            .ok_or_else(|| damaged("a block has no chunks"))?;
        let bytes = fetch(read, entry.offset, entry.len.into())?;
        let ranges =
            check_chunks(chunks, &bytes).ok_or_else(|| damaged("a chunk's checksum does not hold"))?;
        RowData::decode(&tables.schema, entry, bytes, ranges)
            .ok_or_else(|| damaged("a block's rows are malformed"))
    }

    /// The number of one of its blocks, counted over the segment.
    pub fn number(&self, entry: &BlockEntry) -> u32 {
        self.number_of(entry).map_or(u32::MAX, |number| number as u32)
    }

    pub(crate) fn number_of(&self, entry: &BlockEntry) -> Option<usize> {
        let at = self.logs.binary_search_by_key(&entry.log, |log| log.log).ok()?;
        let log = self.logs.get(at)?;
        let within = self.log_blocks(log)?.binary_search_by_key(&entry.first, |block| block.first).ok()?;
        Some(log.first_block as usize + within)
    }

    pub(crate) fn salts(&self, run: u32) -> Option<&SaltMaker> {
        let at = self.salts.binary_search_by_key(&run, |(run, _)| *run).ok()?;
        self.salts.get(at).map(|(_, maker)| maker)
    }

    /// The chunks of contexts that hold these, ascending.
    pub(crate) fn contexts_for(
        &self,
        contexts: &[u32],
        read: ReadAt<'_>,
    ) -> Result<Vec<(u32, Arc<Contexts>)>, SegmentError> {
        let mut chunks: Vec<u32> = contexts.iter().map(|context| context / CONTEXT_CHUNK as u32).collect();
        chunks.sort_unstable();
        chunks.dedup();
        chunks.into_iter().map(|chunk| Ok((chunk, self.context_chunk(chunk, read)?))).collect()
    }

    /// One chunk of contexts.
    pub(crate) fn context_chunk(&self, chunk: u32, read: ReadAt<'_>) -> Result<Arc<Contexts>, SegmentError> {
        let recent = || self.recent_contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = recent().iter().find(|(known, _)| *known == chunk) {
            return Ok(Arc::clone(found));
        }
        let tables = self.tables(read)?;
        let schema = &tables.schema;
        let missing = || SegmentError::damaged(0, "a chunk of contexts is missing");
        let offset = *schema.context_offsets.get(chunk as usize).ok_or_else(missing)?;
        let chunks = tables.contexts.get(chunk as usize).ok_or_else(missing)?;
        let len = chunks.iter().map(|(len, _)| u64::from(*len)).sum();
        let bytes = fetch(read, offset, len)?;
        for column in &schema.context_columns {
            Self::dictionary(column, read)?;
        }
        let damaged = |what| SegmentError::damaged(offset, what);
        let ranges =
            check_chunks(chunks, &bytes).ok_or_else(|| damaged("a chunk's checksum does not hold"))?;
        let first = chunk * CONTEXT_CHUNK as u32;
        let count = schema.contexts.saturating_sub(first).min(CONTEXT_CHUNK as u32);
        let decoded = Contexts::decode(schema, (first, count), &bytes, &ranges)
            .ok_or_else(|| damaged("contexts are malformed"))?;
        let decoded = Arc::new(decoded);
        let mut recent = recent();
        if recent.len() >= RECENT_CONTEXTS {
            recent.pop_front();
        }
        recent.push_back((chunk, Arc::clone(&decoded)));
        Ok(decoded)
    }

    /// Rows and blocks after the first, by context of a chunk.
    pub(crate) fn context_streams(
        &self,
        chunk: u32,
        read: ReadAt<'_>,
    ) -> Result<(Vec<u64>, Vec<u64>), SegmentError> {
        let schema = &self.tables(read)?.schema;
        let count = chunk_len(schema.contexts, chunk) as usize;
        let ints = |stream: usize| {
            let (offset, bytes) = self.context_stream(chunk, stream, read)?;
            let coding = schema.context_codings.get(stream);
            let numbers = coding.and_then(|coding| coding.ints(&bytes, count));
            numbers.ok_or(SegmentError::damaged(offset, "contexts are malformed"))
        };
        Ok((ints(2)?, ints(3)?))
    }

    /// The cells of one column of a chunk of contexts, and the contexts that own them.
    pub(crate) fn context_cells(
        &self,
        chunk: u32,
        column: u32,
        read: ReadAt<'_>,
    ) -> Result<(Cells, Vec<(u32, u32)>), SegmentError> {
        let schema = &self.tables(read)?.schema;
        let (offset, bytes) = self.context_stream(chunk, 0, read)?;
        let damaged = || SegmentError::damaged(offset, "contexts are malformed");
        let count = chunk_len(schema.contexts, chunk) as usize;
        let shapes = schema
            .context_codings
            .first()
            .and_then(|coding| coding.ints(&bytes, count))
            .ok_or_else(damaged)?;
        let mut owners = Vec::with_capacity(count);
        for (context, shape) in (chunk * CONTEXT_CHUNK as u32..).zip(shapes) {
            let columns = usize::try_from(shape).ok().and_then(|shape| schema.context_shapes.get(shape));
            let own = columns.ok_or_else(damaged)?.iter().filter(|known| **known == column).count();
            owners.extend(std::iter::repeat_n((0, context), own));
        }
        let def = schema.context_columns.get(column as usize).ok_or_else(damaged)?;
        let dictionary = Self::dictionary(def, read)?;
        let streams = (def.first_stream..def.first_stream + def.codings.len())
            .map(|stream| self.context_stream(chunk, stream, read).map(|(_, bytes)| bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let streams: Vec<&[u8]> = streams.iter().map(Vec::as_slice).collect();
        let cells = Cells::decode(def, &dictionary, &streams, &owners, false).ok_or_else(damaged)?;
        Ok((cells, owners))
    }

    /// One chunk of one stream of contexts, checked, and where it stands.
    fn context_stream(
        &self,
        chunk: u32,
        stream: usize,
        read: ReadAt<'_>,
    ) -> Result<(u64, Vec<u8>), SegmentError> {
        let tables = self.tables(read)?;
        let missing = || SegmentError::damaged(0, "a chunk of contexts is missing");
        let start = *tables.schema.context_offsets.get(chunk as usize).ok_or_else(missing)?;
        let chunks = tables.contexts.get(chunk as usize).ok_or_else(missing)?;
        let &(len, crc) = chunks.get(stream).ok_or_else(missing)?;
        let offset = start + chunks.iter().take(stream).map(|(len, _)| u64::from(*len)).sum::<u64>();
        let bytes = fetch(read, offset, len.into())?;
        if len > 0 && !holds(&bytes, crc) {
            return Err(SegmentError::damaged(offset, "a chunk's checksum does not hold"));
        }
        Ok((offset, bytes))
    }

    /// A column's dictionary, read when it is first needed.
    pub(crate) fn dictionary(column: &ColumnDef, read: ReadAt<'_>) -> Result<Arc<Dictionary>, SegmentError> {
        if let Some(loaded) = column.loaded.get() {
            return Ok(Arc::clone(loaded));
        }
        let bytes = Self::blob(column.dictionary, read)?;
        let damaged = || SegmentError::damaged(column.dictionary.offset, "a dictionary is malformed");
        let bytes = unpack_within(&bytes, MAX_DICTIONARY_SECTION).ok_or_else(damaged)?;
        let loaded = Arc::new(Dictionary::decode(column.mode, &bytes).ok_or_else(damaged)?);
        Ok(Arc::clone(column.loaded.get_or_init(|| loaded)))
    }

    pub(crate) fn blob(blob: Blob, read: ReadAt<'_>) -> Result<Vec<u8>, SegmentError> {
        let bytes = fetch(read, blob.offset, blob.len.into())?;
        if !holds(&bytes, blob.crc) {
            return Err(SegmentError::damaged(blob.offset, "a dictionary's checksum does not hold"));
        }
        Ok(bytes)
    }

    /// Schema and directory of chunks, read when they are first needed.
    pub(crate) fn tables(&self, read: ReadAt<'_>) -> Result<&Tables, SegmentError> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let (at, bytes) = self.section_bytes(SCHEMA, read)?;
        let damaged = || SegmentError::damaged(at, "the schema is malformed");
        let bytes = unpack_within(&bytes, MAX_SCHEMA).ok_or_else(damaged)?;
        let schema = Schema::decode(&bytes).ok_or_else(damaged)?;
        let (at, bytes) = self.section_bytes(CHUNKS, read)?;
        let damaged = || SegmentError::damaged(at, "the directory of chunks is malformed");
        let mut take = Take(&bytes);
        let list = |take: &mut Take<'_>, count, streams| -> Option<Vec<Vec<(u32, u32)>>> {
            (0..count).map(|_| take_chunks(take, streams)).collect()
        };
        let blocks = list(&mut take, self.blocks.len(), schema.row_streams()).ok_or_else(damaged)?;
        let contexts =
            list(&mut take, schema.context_offsets.len(), schema.context_streams()).ok_or_else(damaged)?;
        let fits = self.blocks.iter().zip(&blocks).all(|(block, chunks)| {
            chunks.iter().map(|(len, _)| u64::from(*len)).sum::<u64>() == u64::from(block.len)
        });
        if !take.is_empty() || !fits {
            return Err(damaged());
        }
        Ok(self.tables.get_or_init(|| Tables { schema, blocks, contexts }))
    }

    /// Bytes by column and section, for measurements.
    pub fn sizes(&self, read: ReadAt<'_>) -> Result<Vec<(String, u64)>, SegmentError> {
        let tables = self.tables(read)?;
        let mut sizes: Vec<(String, u64)> = self
            .sections
            .iter()
            .map(|section| (String::from_utf8_lossy(&section.name).into_owned(), section.len))
            .collect();
        let mut add = |name: String, chunks: &[Vec<(u32, u32)>], stream: usize| {
            let of = |chunk: &Vec<(u32, u32)>| chunk.get(stream).map_or(0, |(len, _)| u64::from(*len));
            sizes.push((name, chunks.iter().map(of).sum()));
        };
        let schema = &tables.schema;
        let both = [
            (crate::schema::ROW_STREAMS, &schema.row_columns, &tables.blocks, "row"),
            (crate::schema::CONTEXT_STREAMS, &schema.context_columns, &tables.contexts, "context"),
        ];
        for (fixed, columns, chunks, table) in both {
            (0..fixed).for_each(|stream| add(format!("{table} stream {stream}"), chunks, stream));
            for column in columns {
                for nth in 0..column.codings.len() {
                    let name = format!("{table} {} {:?} stream {nth}", column.path, column.mode);
                    add(name, chunks, column.first_stream + nth);
                }
            }
        }
        for column in schema.row_columns.iter().chain(&schema.context_columns) {
            sizes.push((format!("dictionary {}", column.path), column.dictionary.len.into()));
            sizes.push((format!("postings {}", column.path), column.postings.len.into()));
        }
        Ok(sizes)
    }

    /// Whether any row has an idempotency key.
    pub fn has_keys(&self) -> bool {
        self.section(KEYS).is_some_and(|section| section.len > 0)
    }

    /// Reads all idempotency keys.
    pub fn keys(&self, read: ReadAt<'_>) -> Result<Keys, SegmentError> {
        Ok(Keys { entries: self.entries(read, KEYS, 12, |take| Some((take.u64()?, take.u32()?)))? })
    }

    /// Reads all stretches of producers' numbers, sorted by log, producer and number.
    pub fn numbers(&self, read: ReadAt<'_>) -> Result<Vec<NumberEntry>, SegmentError> {
        self.entries(read, NUMBERS, NumberEntry::LEN, NumberEntry::decode)
    }

    fn section(&self, name: [u8; 4]) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    pub(crate) fn section_bytes(
        &self,
        name: [u8; 4],
        read: ReadAt<'_>,
    ) -> Result<(u64, Vec<u8>), SegmentError> {
        let section =
            self.section(name).ok_or(SegmentError::damaged(self.covered, "a section is missing"))?;
        let bytes = fetch(read, section.offset, section.len)?;
        if !holds(&bytes, section.crc) {
            return Err(SegmentError::damaged(section.offset, section.damage()));
        }
        Ok((section.offset, bytes))
    }

    fn entries<T>(
        &self,
        read: ReadAt<'_>,
        name: [u8; 4],
        len: usize,
        decode: impl Fn(&mut Take<'_>) -> Option<T>,
    ) -> Result<Vec<T>, SegmentError> {
        let (offset, bytes) = self.section_bytes(name, read)?;
        let damaged = |what| SegmentError::damaged(offset, what);
        if !bytes.len().is_multiple_of(len) {
            return Err(damaged("a section ends within an entry"));
        }
        let all = bytes.chunks(len).map(|entry| decode(&mut Take(entry))).collect::<Option<Vec<_>>>();
        all.ok_or_else(|| damaged("an entry is malformed"))
    }

    fn log_blocks(&self, entry: &LogEntry) -> Option<&[BlockEntry]> {
        let first = entry.first_block as usize;
        self.blocks.get(first..first.checked_add(entry.blocks as usize)?)
    }

    /// Logs ascend, their blocks follow one another without gap, and every length is within its limit.
    fn check(&self) -> Option<()> {
        let ascending = self.logs.is_sorted_by(|a, b| a.log < b.log);
        let runs_ascend = self.salts.is_sorted_by(|a, b| a.0 < b.0);
        let mut blocks_seen = 0;
        for entry in self.logs.iter() {
            let mut next = entry.first;
            for block in self.log_blocks(entry)? {
                let fits = block.offset.checked_add(block.len.into())? <= self.covered
                    && block.rows as usize <= MAX_ROWS;
                if block.log != entry.log || block.first != next || block.rows == 0 || !fits {
                    return None;
                }
                next = next.checked_add(block.rows.into())?;
                blocks_seen += 1;
            }
            if next != entry.first.checked_add(entry.count)? {
                return None;
            }
        }
        let bodies_ascend = self.bodies.is_sorted_by(|a, b| a.0 < b.0);
        (ascending && runs_ascend && bodies_ascend && blocks_seen == self.blocks.len()).then_some(())
    }
}

/// Most bytes of a dictionary: its values, and two numbers for each.
const MAX_DICTIONARY_SECTION: usize = 16 * 1024 * 1024;

fn take_chunks(take: &mut Take<'_>, streams: usize) -> Option<Vec<(u32, u32)>> {
    let chunk = |take: &mut Take<'_>| {
        let len = u32::try_from(take.varint()?).ok()?;
        Some((len, if len > 0 { take.u32()? } else { 0 }))
    };
    (0..streams).map(|_| chunk(take)).collect()
}

/// Where each chunk stands in the bytes of all, when every checksum holds.
fn check_chunks(chunks: &[(u32, u32)], bytes: &[u8]) -> Option<Vec<std::ops::Range<usize>>> {
    let mut next = 0usize;
    let place = |&(len, crc): &(u32, u32)| {
        let range = next..next.checked_add(len as usize)?;
        next = range.end;
        (len == 0 || holds(bytes.get(range.clone())?, crc)).then_some(range)
    };
    let ranges = chunks.iter().map(place).collect::<Option<Vec<_>>>()?;
    (next == bytes.len()).then_some(ranges)
}

/// Whether a checksum holds. A fuzzer's inputs would never get past one.
pub(crate) fn holds(bytes: &[u8], crc: u32) -> bool {
    cfg!(fuzzing) || crc32c::crc32c(bytes) == crc
}

struct Footer {
    table: Section,
    digest: [u8; 32],
}

pub(crate) fn fetch(read: ReadAt<'_>, offset: u64, len: u64) -> Result<Vec<u8>, SegmentError> {
    if len > MAX_SECTION {
        return Err(SegmentError::damaged(offset, "a length exceeds its limit"));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    read(offset, &mut bytes).map_err(|error| SegmentError::Unreadable { offset, why: error.to_string() })?;
    Ok(bytes)
}

type Header = ([u8; 16], (u64, u64), IdCipher);

fn decode_header(header: &[u8]) -> Result<Header, SegmentError> {
    let damaged = |what| SegmentError::damaged(0, what);
    let short = || damaged("the header is cut off");
    let mut take = Take(header);
    if take.array::<4>().ok_or_else(short)? != *MAGIC {
        return Err(damaged("this is no segment"));
    }
    let found = take.u16().ok_or_else(short)?;
    if found != FORMAT {
        return Err(SegmentError::UnknownVersion { found });
    }
    let (checked, crc) = header.split_last_chunk::<4>().ok_or_else(short)?;
    if !holds(checked, u32::from_be_bytes(*crc)) {
        return Err(damaged("the header does not check"));
    }
    let mut rest = || {
        take.u16()?;
        Some((take.array()?, (take.u64()?, take.u64()?), IdCipher::new(take.array()?)))
    };
    rest().ok_or_else(short)
}

fn decode_footer(footer: &[u8], end: u64) -> Result<Footer, SegmentError> {
    let damaged = |what| SegmentError::damaged(end, what);
    let decode = || {
        let (checked, crc) = footer.split_last_chunk::<4>()?;
        let mut take = Take(checked);
        let known = take.array::<4>()? == *FOOTER_MAGIC && take.u16()? == FORMAT && take.u16()? == 0;
        if !known || !holds(checked, u32::from_be_bytes(*crc)) {
            return None;
        }
        let (offset, len, crc) = (take.u64()?, take.u32()?, take.u32()?);
        let covered = take.u64()?;
        let table = Section { name: *b"tabl", offset, len: len.into(), crc };
        let fits = covered == end && offset.checked_add(len.into())? == end;
        fits.then_some(Footer { table, digest: take.array()? })
    };
    decode().ok_or_else(|| damaged("the footer does not check; the file is cut off or damaged at its end"))
}

fn decode_table(table: &[u8], end: u64) -> Option<Vec<Section>> {
    let mut take = Take(table);
    let count = usize::from(take.u16()?);
    if count > MAX_SECTIONS {
        return None;
    }
    let mut sections = Vec::with_capacity(count);
    for _ in 0..count {
        let section =
            Section { name: take.array()?, offset: take.u64()?, len: take.u64()?, crc: take.u32()? };
        if section.offset.checked_add(section.len)? > end {
            return None;
        }
        sections.push(section);
    }
    take.is_empty().then_some(sections)
}
