//! A chunk of contexts, decoded: the values that session, actor, origin and producer have together.

use crate::cells::Cells;
use crate::column::{REFERENCES, reference_of};
use crate::schema::{CONTEXT_STREAMS, Schema};

/// Decoded contexts, neighbours by number.
#[derive(Debug)]
pub(crate) struct Contexts {
    first: u32,
    producers: Vec<u64>,
    /// End of each context's values among all.
    ends: Vec<u32>,
    /// End of each value's bytes.
    values: Vec<u32>,
    bytes: Vec<u8>,
    /// Number of the value of each of [`REFERENCES`], by context.
    references: Vec<[Option<u32>; REFERENCES]>,
}

impl Contexts {
    /// Bytes of memory that it takes, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len()
            + self.values.len() * 4
            + self.ends.len() * (4 + 8 + size_of::<[Option<u32>; REFERENCES]>())
    }

    /// Decodes the chunk of `count` contexts from `first` on.
    pub(crate) fn decode(
        schema: &Schema,
        (first, count): (u32, u32),
        bytes: &[u8],
        chunks: &[std::ops::Range<usize>],
    ) -> Option<Self> {
        let chunk = |at: usize| bytes.get(chunks.get(at)?.clone());
        let ints = |at: usize| schema.context_codings.get(at)?.ints(chunk(at)?, count as usize);
        let (shapes, producers) = (ints(0)?, ints(1)?);
        let producer = |&number: &u64| schema.producers.get(usize::try_from(number).ok()?).copied();
        let producers = producers.iter().map(producer).collect::<Option<Vec<_>>>()?;
        let shape =
            |&number: &u64| schema.context_shapes.get(usize::try_from(number).ok()?).map(Vec::as_slice);
        let shapes = shapes.iter().map(shape).collect::<Option<Vec<_>>>()?;
        let mut owners = vec![Vec::new(); schema.context_columns.len()];
        for (number, shape) in (first..).zip(&shapes) {
            for &column in *shape {
                owners.get_mut(column as usize)?.push((0, number));
            }
        }
        let mut columns = Vec::with_capacity(schema.context_columns.len());
        for (column, owners) in schema.context_columns.iter().zip(&owners) {
            let streams = (column.first_stream..column.first_stream + column.codings.len()).map(chunk);
            let streams = streams.collect::<Option<Vec<_>>>()?;
            columns.push((Cells::decode(column, column.loaded.get()?, &streams, owners, false)?, 0usize));
        }
        let mut contexts = Self {
            first,
            producers,
            ends: Vec::new(),
            values: Vec::new(),
            bytes: Vec::new(),
            references: Vec::new(),
        };
        debug_assert!(chunks.len() >= CONTEXT_STREAMS, "checked with the directory");
        for shape in shapes {
            let mut references = [None; REFERENCES];
            for &number in shape {
                let (cells, next) = columns.get_mut(number as usize)?;
                cells.write(*next, &|_| None, &mut contexts.bytes)?;
                *next += 1;
                let column = schema.context_columns.get(number as usize)?;
                let which = reference_of(&column.path, column.kind);
                if let Some(place) = which.and_then(|at| references.get_mut(at)) {
                    *place = Some(contexts.values.len() as u32);
                }
                contexts.values.push(u32::try_from(contexts.bytes.len()).ok()?);
            }
            contexts.references.push(references);
            contexts.ends.push(contexts.values.len() as u32);
        }
        Some(contexts)
    }

    /// The producer number of a context.
    pub(crate) fn producer(&self, context: u32) -> Option<u64> {
        self.producers.get(self.place(context)?).copied()
    }

    /// The n-th value of a context, without tag and length.
    pub(crate) fn value(&self, context: u32, nth: usize) -> Option<&[u8]> {
        let at = self.place(context)?;
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let end = *self.ends.get(at)?;
        let number = start as usize + nth;
        if number >= end as usize { None } else { self.bytes_of(number) }
    }

    /// The text of a field that other texts of the event may refer to.
    pub(crate) fn reference(&self, context: u32, which: usize) -> Option<&[u8]> {
        let number = (*self.references.get(self.place(context)?)?.get(which)?)?;
        self.bytes_of(number as usize)
    }

    fn bytes_of(&self, number: usize) -> Option<&[u8]> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.values.get(before).copied())?;
        self.bytes.get(start as usize..*self.values.get(number)? as usize)
    }

    fn place(&self, context: u32) -> Option<usize> {
        context.checked_sub(self.first).map(|at| at as usize)
    }
}
