//! From collected tables to bytes: every column is coded, its chunks are laid out block by block, and the schema says how.

use std::sync::OnceLock;

use crate::bytes::put_varint;
use crate::collect::Collector;
use crate::column::{Coded, Column};
use crate::error::SegmentError;
use crate::ints::Ints;
use crate::schema::{Blob, CONTEXT_CHUNK, CONTEXT_STREAMS, ColumnDef, ROW_STREAMS, Schema, ShapeDef};
use crate::stream::{Coding, Stream, pack};
use crate::template::Template;

/// Rows of a segment for each row that an entry may have and still be kept by row instead of by block.
const ROWS_PER_EXACT: u32 = 16_384;
/// Most rows of an entry that is kept by row.
const MAX_EXACT: u32 = 64;

type Zstd = zstd::bulk::Compressor<'static>;

/// The bytes of all tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Blocks, contexts, dictionaries and postings.
    pub(crate) bytes: Vec<u8>,
    /// Offset and length of each block.
    pub(crate) blocks: Vec<(u64, u32)>,
    /// Lengths and checksums of all chunks.
    pub(crate) chunks: Vec<u8>,
    pub(crate) schema: Vec<u8>,
}

/// A table's streams, coded: for each stream its coding and its chunks.
type Streams = Vec<(Coding, Vec<Vec<u8>>)>;

/// Codes everything that was collected; the bytes will stand at `offset` of the file.
pub(crate) fn plan(collector: &Collector, offset: u64, zstd: &mut Zstd) -> Result<Tables, SegmentError> {
    let mut out = Output { tables: Tables::default(), offset };
    let exact = (collector.row / ROWS_PER_EXACT).clamp(1, MAX_EXACT);
    let code = |columns: &[Column], references: &[_]| -> Vec<Coded> {
        columns.iter().map(|column| column.encode(&collector.interner, references, exact)).collect()
    };
    let rows = code(&collector.row_columns, &collector.references);
    // What others refer to refers to nothing.
    let contexts = code(&collector.context_columns, &[]);
    let row_streams = encode(&rows_of(collector), &rows, zstd)?;
    let context_streams = encode(&contexts_of(collector), &contexts, zstd)?;
    out.lay_out(&row_streams, collector.block as usize);
    out.tables.blocks = out.chunk_places(&row_streams, collector.block as usize);
    let context_chunks = collector.contexts.len().div_ceil(CONTEXT_CHUNK);
    let context_base = out.here();
    out.lay_out(&context_streams, context_chunks);
    let mut context_offsets = Vec::with_capacity(context_chunks);
    let mut next = context_base;
    for chunk in 0..context_chunks {
        context_offsets.push(next);
        next += chunk_len(&context_streams, chunk);
    }
    let row_columns = out.columns(&collector.row_columns, rows, &row_streams, (ROW_STREAMS, &mut *zstd))?;
    let context_columns =
        out.columns(&collector.context_columns, contexts, &context_streams, (CONTEXT_STREAMS, &mut *zstd))?;
    let coding =
        |streams: &Streams, count| streams.iter().take(count).map(|(coding, _)| coding.clone()).collect();
    let schema = Schema {
        shapes: collector
            .shapes
            .iter()
            .map(|shape| ShapeDef {
                steps: shape.steps.clone(),
                template: Template::default(),
                slots: Vec::new(),
                cells: Vec::new(),
                odd: Vec::new(),
            })
            .collect(),
        context_shapes: collector.context_shapes.clone(),
        types: types_of(collector),
        kinds: collector.kinds.clone(),
        producers: collector.producers.clone(),
        row_codings: coding(&row_streams, ROW_STREAMS),
        context_codings: coding(&context_streams, CONTEXT_STREAMS),
        row_columns,
        context_columns,
        contexts: collector.contexts.len() as u32,
        context_offsets,
    };
    out.tables.schema = schema.encode();
    Ok(out.tables)
}

fn types_of(collector: &Collector) -> Vec<Vec<(String, Vec<u8>)>> {
    let text = |number: u32| String::from_utf8_lossy(collector.interner.get(number)).into_owned();
    let pair = |pair: &[u32; 2]| (text(pair[0]), collector.interner.get(pair[1]).to_vec());
    collector.types.iter().map(|tuple| tuple.as_chunks::<2>().0.iter().map(pair).collect()).collect()
}

fn rows_of(collector: &Collector) -> Vec<Stream> {
    let rows = &collector.rows;
    let mut streams: Vec<Stream> = [
        &rows.kinds,
        &rows.contexts,
        &rows.received,
        &rows.id_ms,
        &rows.id_runs,
        &rows.id_counters,
        &rows.sequences,
        &rows.lengths,
    ]
    .into_iter()
    .map(|ints| Stream::Ints(ints.clone()))
    .collect();
    streams.extend([Stream::Fixed(rows.fixed.clone()), Stream::Packed(rows.literal.clone())]);
    streams
}

fn contexts_of(collector: &Collector) -> Vec<Stream> {
    let stream = |value: &dyn Fn(&crate::collect::Context) -> u32| {
        let mut ints = Ints::default();
        for chunk in collector.contexts.chunks(CONTEXT_CHUNK) {
            for context in chunk {
                ints.push(value(context).into());
            }
            ints.end_chunk();
        }
        Stream::Ints(ints)
    };
    vec![
        stream(&|context| context.shape),
        stream(&|context| context.producer),
        stream(&|context| context.rows),
        stream(&|context| context.last_block - context.first_block),
    ]
}

fn encode(fixed: &[Stream], columns: &[Coded], zstd: &mut Zstd) -> Result<Streams, SegmentError> {
    let of_columns = columns.iter().flat_map(|column| &column.streams);
    fixed.iter().chain(of_columns).map(|stream| stream.encode(zstd)).collect()
}

fn chunk_len(streams: &Streams, chunk: usize) -> u64 {
    streams.iter().filter_map(|(_, chunks)| chunks.get(chunk)).map(|bytes| bytes.len() as u64).sum()
}

struct Output {
    tables: Tables,
    offset: u64,
}

impl Output {
    fn here(&self) -> u64 {
        self.offset + self.tables.bytes.len() as u64
    }

    /// Chunk after chunk, each with all of its streams; lengths and checksums go to the directory of chunks.
    fn lay_out(&mut self, streams: &Streams, chunks: usize) {
        for chunk in 0..chunks {
            for (_, of_stream) in streams {
                let bytes = of_stream.get(chunk).map_or(&[][..], Vec::as_slice);
                put_varint(&mut self.tables.chunks, bytes.len() as u64);
                if !bytes.is_empty() {
                    self.tables.chunks.extend_from_slice(&crc32c::crc32c(bytes).to_be_bytes());
                    self.tables.bytes.extend_from_slice(bytes);
                }
            }
        }
    }

    /// Places of the chunks that begin the bytes.
    fn chunk_places(&self, streams: &Streams, chunks: usize) -> Vec<(u64, u32)> {
        let mut next = self.offset;
        let place = |chunk: usize| {
            let len = chunk_len(streams, chunk);
            next += len;
            (next - len, len as u32)
        };
        (0..chunks).map(place).collect()
    }

    fn blob(&mut self, bytes: &[u8]) -> Blob {
        let blob = Blob { offset: self.here(), len: bytes.len() as u32, crc: crc32c::crc32c(bytes) };
        self.tables.bytes.extend_from_slice(bytes);
        blob
    }

    fn columns(
        &mut self,
        columns: &[Column],
        coded: Vec<Coded>,
        streams: &Streams,
        (mut first_stream, zstd): (usize, &mut Zstd),
    ) -> Result<Vec<ColumnDef>, SegmentError> {
        let mut defs = Vec::with_capacity(columns.len());
        for (column, coded) in columns.iter().zip(coded) {
            let count = coded.streams.len();
            let own = streams.iter().skip(first_stream).take(count);
            let codings = own.map(|(coding, _)| coding.clone()).collect();
            let dictionary = pack(&coded.dictionary, zstd)?;
            let postings = coded.postings.encode(zstd)?;
            defs.push(ColumnDef {
                path: column.path.clone(),
                kind: column.kind,
                mode: coded.mode,
                codings,
                dictionary: self.blob(&dictionary),
                postings: self.blob(&postings),
                first_stream,
                loaded: OnceLock::new(),
            });
            first_stream += count;
        }
        Ok(defs)
    }
}
