//! Making a segment: rows in, bytes out.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::bytes::put_varint;
use crate::collect::Collector;
use crate::error::SegmentError;
use crate::id::IdCipher;
use crate::layout::{
    BLOCK_BYTES, BLOCKS, BODIES, BlockEntry, CHUNKS, FOOTER_MAGIC, FORMAT, HISTOGRAM, KEYS, LOGS, LogEntry,
    MAGIC, MAX_RAW, MAX_ROWS, NUMBERS, NumberEntry, SCHEMA, SEEDS, SaltMaker,
};
use crate::plan::{Tables, plan};
use crate::row::Row;

/// Most runs of numbers that are followed at once; beyond it stretches end early and cost more entries.
const OPEN_STRETCHES: usize = 4096;

/// What a segment is made of beside its rows.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The node it belongs to.
    pub node: [u8; 16],
    /// First and last WAL block whose events it holds.
    pub blocks: (u64, u64),
    /// The permutation that event ids were made with.
    pub ids: IdCipher,
    /// zstd level.
    pub level: i32,
}

/// Makes one segment. Rows are collected until the end, when dictionaries and frequencies are known: it needs about as much
/// memory as the rows have bytes.
pub struct Writer {
    spec: Spec,
    hash: Sha256,
    ready: Vec<u8>,
    written: u64,
    collector: Collector,
    log: Option<LogEntry>,
    rows: u32,
    logs: Vec<LogEntry>,
    blocks: Vec<BlockEntry>,
    keys: Vec<(u64, u32)>,
    numbers: Vec<NumberEntry>,
    bodies: Vec<(u32, [u8; 32])>,
    open: HashMap<u64, usize>,
    histogram: Vec<u8>,
    salts: HashMap<u32, Option<([u8; 32], SaltMaker)>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("spec", &self.spec).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins a segment that keeps every body as it is: larger, and searched body by body, but nothing has to be put
    /// together again. For rows that a segment of columns did not give back.
    pub fn whole(spec: Spec) -> Self {
        let mut writer = Self::new(spec);
        writer.collector.whole = true;
        writer
    }

    /// Begins a segment.
    pub fn new(spec: Spec) -> Self {
        Self {
            spec,
            hash: Sha256::new(),
            ready: Vec::new(),
            written: 0,
            collector: Collector::default(),
            log: None,
            rows: 0,
            logs: Vec::new(),
            blocks: Vec::new(),
            keys: Vec::new(),
            numbers: Vec::new(),
            bodies: Vec::new(),
            open: HashMap::new(),
            histogram: Vec::new(),
            salts: HashMap::new(),
        }
    }

    /// Begins the rows of a log. Logs come in ascending order, each once.
    pub fn begin_log(&mut self, log: u32, first: u64) -> Result<(), SegmentError> {
        self.end_log();
        if self.logs.last().is_some_and(|last| last.log >= log) {
            return Err(SegmentError::BadRows { what: "logs come in ascending order, each once" });
        }
        self.open.clear();
        self.collector.begin_log();
        self.log = Some(LogEntry { log, first, count: 0, first_block: self.blocks.len() as u32, blocks: 0 });
        Ok(())
    }

    /// Adds the log's next row. `seed` gives the seed of a run of this node.
    pub fn push(
        &mut self,
        row: &Row<'_>,
        seed: impl Fn(u32) -> Option<[u8; 32]>,
    ) -> Result<(), SegmentError> {
        let log = self.log.as_mut().ok_or(SegmentError::BadRows { what: "a row belongs to a log" })?;
        if row.stored.len() > MAX_RAW - BLOCK_BYTES {
            return Err(SegmentError::BadRows { what: "a stored body is longer than an event may be" });
        }
        let index = log.first + log.count;
        log.count += 1;
        let log_no = log.log;
        if let Some(key) = row.key {
            self.keys.push((key, self.rows));
        }
        self.rows += 1;
        if row.sequence > 0 {
            self.number(log_no, row, index);
        }
        let salts = &mut self.salts;
        self.collector.push(row, &self.spec.ids, |run| {
            let known =
                salts.entry(run).or_insert_with(|| seed(run).map(|seed| (seed, SaltMaker::new(&seed))));
            known.as_ref().map(|(_, maker)| maker)
        });
        let full = |zone: crate::collect::Zone| zone.rows as usize >= MAX_ROWS || zone.bytes >= BLOCK_BYTES;
        if self.collector.zone.is_some_and(full) {
            self.end_block();
        }
        Ok(())
    }

    /// Keeps the body hash of the last row, because its stored body does not give it.
    pub fn keep_body(&mut self, hash: [u8; 32]) {
        self.bodies.push((self.rows.saturating_sub(1), hash));
    }

    /// Ends the segment and gives its bytes.
    pub fn finish(mut self) -> Result<Vec<u8>, SegmentError> {
        self.end_log();
        self.header();
        let mut compressor =
            zstd::bulk::Compressor::new(self.spec.level).map_err(|error| compression(&error))?;
        self.collector.finish();
        let tables = plan(&std::mem::take(&mut self.collector), self.written, &mut compressor)?;
        self.emit(&tables.bytes);
        for (block, &(offset, len)) in self.blocks.iter_mut().zip(&tables.blocks) {
            (block.offset, block.len) = (offset, len);
        }
        let mut table = Vec::new();
        let sections = self.sections(tables, &mut compressor)?;
        table.extend_from_slice(&(sections.len() as u16).to_be_bytes());
        for (name, bytes) in sections {
            table.extend_from_slice(&name);
            table.extend_from_slice(&self.written.to_be_bytes());
            table.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            table.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
            self.emit(&bytes);
        }
        let at = self.written;
        self.emit(&table);
        let mut footer = FOOTER_MAGIC.to_vec();
        footer.extend_from_slice(&FORMAT.to_be_bytes());
        footer.extend_from_slice(&[0; 2]);
        footer.extend_from_slice(&at.to_be_bytes());
        footer.extend_from_slice(&(table.len() as u32).to_be_bytes());
        footer.extend_from_slice(&crc32c::crc32c(&table).to_be_bytes());
        footer.extend_from_slice(&self.written.to_be_bytes());
        footer.extend_from_slice(&std::mem::take(&mut self.hash).finalize());
        footer.extend_from_slice(&crc32c::crc32c(&footer).to_be_bytes());
        self.ready.extend_from_slice(&footer);
        Ok(self.ready)
    }

    fn header(&mut self) {
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&FORMAT.to_be_bytes());
        header.extend_from_slice(&[0; 2]);
        header.extend_from_slice(&self.spec.node);
        header.extend_from_slice(&self.spec.blocks.0.to_be_bytes());
        header.extend_from_slice(&self.spec.blocks.1.to_be_bytes());
        header.extend_from_slice(&self.spec.ids.key());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&crc32c::crc32c(&header).to_be_bytes());
        self.emit(&header);
    }

    fn emit(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        self.ready.extend_from_slice(bytes);
    }

    fn number(&mut self, log: u32, row: &Row<'_>, index: u64) {
        if let Some(entry) = self.open.get(&row.producer).and_then(|at| self.numbers.get_mut(*at))
            && entry.first + u64::from(entry.count) == row.sequence
            && entry.index + u64::from(entry.count) == index
            && entry.count < u32::MAX
        {
            entry.count += 1;
            return;
        }
        if self.open.len() >= OPEN_STRETCHES {
            self.open.clear();
        }
        self.open.insert(row.producer, self.numbers.len());
        self.numbers.push(NumberEntry { log, producer: row.producer, first: row.sequence, count: 1, index });
    }

    /// Where its chunks stand is known at the end.
    fn end_block(&mut self) {
        let (Some(log), Some(zone)) = (self.log, self.collector.end_block()) else { return };
        self.blocks.push(BlockEntry {
            log: log.log,
            first: log.first + log.count - u64::from(zone.rows),
            rows: zone.rows,
            offset: 0,
            len: 0,
            first_context: zone.first_context,
            received: zone.received,
            occurred: zone.occurred,
        });
        let mut counts: Vec<(u32, u32)> = self.collector.histogram.drain().collect();
        counts.sort_unstable();
        put_varint(&mut self.histogram, counts.len() as u64);
        let mut last = 0;
        for (event_type, count) in counts {
            put_varint(&mut self.histogram, u64::from(event_type - last));
            put_varint(&mut self.histogram, count.into());
            last = event_type;
        }
    }

    fn end_log(&mut self) {
        self.end_block();
        if let Some(mut log) = self.log.take().filter(|log| log.count > 0) {
            log.blocks = self.blocks.len() as u32 - log.first_block;
            self.logs.push(log);
        }
    }

    fn sections(
        &mut self,
        tables: Tables,
        compressor: &mut zstd::bulk::Compressor<'static>,
    ) -> Result<Vec<NamedBytes>, SegmentError> {
        self.keys.sort_unstable();
        self.numbers.sort_unstable();
        let (mut logs, mut blocks, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        self.logs.iter().for_each(|entry| entry.encode(&mut logs));
        self.blocks.iter().for_each(|entry| entry.encode(&mut blocks));
        self.numbers.iter().for_each(|entry| entry.encode(&mut numbers));
        let mut keys = Vec::with_capacity(self.keys.len() * 12);
        for (key, row) in &self.keys {
            keys.extend_from_slice(&key.to_be_bytes());
            keys.extend_from_slice(&row.to_be_bytes());
        }
        let mut runs: Vec<(u32, [u8; 32])> =
            self.salts.iter().filter_map(|(run, known)| Some((*run, known.as_ref()?.0))).collect();
        runs.sort_unstable();
        let mut seeds = Vec::new();
        for (run, seed) in runs {
            seeds.extend_from_slice(&run.to_be_bytes());
            seeds.extend_from_slice(&seed);
        }
        let schema = crate::stream::pack(&tables.schema, compressor)?;
        let histogram = crate::stream::pack(&self.histogram, compressor)?;
        let mut bodies = Vec::with_capacity(self.bodies.len() * 36);
        for (row, hash) in &self.bodies {
            bodies.extend_from_slice(&row.to_be_bytes());
            bodies.extend_from_slice(hash);
        }
        let kept = (!bodies.is_empty()).then_some((BODIES, bodies));
        let sections = [
            (LOGS, logs),
            (BLOCKS, blocks),
            (KEYS, keys),
            (NUMBERS, numbers),
            (SEEDS, seeds),
            (SCHEMA, schema),
            (CHUNKS, tables.chunks),
            (HISTOGRAM, histogram),
        ];
        Ok(sections.into_iter().chain(kept).collect())
    }
}

/// A section's name and content.
type NamedBytes = ([u8; 4], Vec<u8>);

fn compression(error: &std::io::Error) -> SegmentError {
    SegmentError::Compression { why: error.to_string() }
}
