//! A column in the making: the values of one path, in the order of the rows, and how they become streams.

use indelible_event::Field;

use crate::bytes::put_varint;
use crate::interner::Interner;
use crate::ints::{Ints, zigzag};
use crate::postings::Postings;
use crate::shape::{Slot, SlotKind, TimeParts};
use crate::stream::Stream;
use crate::tokens;

/// Most different values of a dictionary; a column with more is cut into words.
pub(crate) const MAX_DICTIONARY: usize = 1 << 16;
/// Most bytes of a dictionary.
pub(crate) const MAX_DICTIONARY_BYTES: usize = 4 * 1024 * 1024;
/// A column with at most so many different values always has a dictionary.
const SMALL_DICTIONARY: usize = 64;
/// Fields whose text is recognised in the texts of an event's other columns.
pub(crate) const REFERENCE_FIELDS: [Field; REFERENCES - 1] =
    [Field::ActorId, Field::Account, Field::SessionId, Field::OriginAddress];
/// Those, and the name of the actor's key.
pub(crate) const REFERENCES: usize = 5;
/// The number of the key among them.
pub(crate) const KEY_REFERENCE: usize = REFERENCES - 1;
/// Path of the keys in contexts: as a rule all of them are the actor's.
pub(crate) const KEY_PATH: &str = "actor.id#";
/// Places in which the last value under a context is remembered.
pub(crate) const RECENT: usize = 256;
/// A cell with this bit repeats the value of an earlier cell of the chunk, whose number it holds.
pub(crate) const SAME: u64 = 1 << 63;
/// No value.
pub(crate) const NONE: u32 = u32::MAX;

/// How the values of a column are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// Numbers, or 0 and 1.
    Ints = 0,
    /// Form and ticks.
    Times = 1,
    /// Numbers of whole values.
    Dictionary = 2,
    /// Pieces of values.
    Tokens = 3,
}

impl Mode {
    pub(crate) fn of(byte: u8) -> Option<Self> {
        [Self::Ints, Self::Times, Self::Dictionary, Self::Tokens].into_iter().find(|mode| *mode as u8 == byte)
    }

    /// Number of streams of a column.
    pub(crate) fn streams(self) -> usize {
        match self {
            Self::Ints | Self::Dictionary => 1,
            Self::Times => 2,
            Self::Tokens => tokens::STREAMS,
        }
    }
}

/// To what a cell belongs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    /// Number of the event type.
    pub(crate) kind: u32,
    /// Number of the context.
    pub(crate) context: u32,
    /// Row, counted over the segment.
    pub(crate) row: u32,
}

/// The cells of one path.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) path: String,
    pub(crate) kind: SlotKind,
    /// Numbers, ticks, or numbers of the interner.
    pub(crate) cells: Vec<u64>,
    /// Forms of times.
    pub(crate) forms: Vec<u64>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) ends: Vec<usize>,
    /// Which of the references its values are.
    pub(crate) reference: Option<usize>,
    recent: Vec<(u32, usize)>,
    pub(crate) repeats: bool,
}

/// Which of the references the values of a column of contexts are.
pub(crate) fn reference_of(path: &str, kind: SlotKind) -> Option<usize> {
    match kind {
        SlotKind::Key => (path == KEY_PATH).then_some(KEY_REFERENCE),
        SlotKind::Text => REFERENCE_FIELDS.iter().position(|field| field.path() == path),
        _ => None,
    }
}

/// A column ready to be written.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) mode: Mode,
    pub(crate) streams: Vec<Stream>,
    pub(crate) dictionary: Vec<u8>,
    pub(crate) postings: Postings,
}

impl Column {
    /// A column of rows (`repeats`: values repeat within a context) or of contexts.
    pub(crate) fn new(path: String, kind: SlotKind, chunks: usize, repeats: bool) -> Self {
        let recent = if repeats { vec![(NONE, 0); RECENT] } else { Vec::new() };
        let (cells, forms, marks) = (Vec::new(), Vec::new(), Vec::new());
        let reference = if repeats { None } else { reference_of(&path, kind) };
        Self { path, kind, cells, forms, marks, ends: vec![0; chunks], reference, recent, repeats }
    }

    /// Adds a value; gives its number in the interner if it has one.
    pub(crate) fn push(&mut self, slot: Slot<'_>, interner: &mut Interner, mark: Mark) -> Option<u32> {
        match slot {
            Slot::Bool(value) => self.cells.push(value.into()),
            Slot::Int(number) => self.cells.push(number.cast_unsigned()),
            Slot::Time(time) => {
                let (form, ticks) = split_time(time).unwrap_or_default();
                self.forms.push(form);
                self.cells.push(ticks.cast_unsigned());
            }
            Slot::Bytes(_, bytes) => {
                let number = interner.number(bytes);
                self.push_bytes(number, mark);
                return Some(number);
            }
        }
        None
    }

    /// Adds a byte string by its number.
    fn push_bytes(&mut self, number: u32, mark: Mark) {
        let at = self.cells.len();
        let mut cell = u64::from(number);
        if self.repeats {
            let begin = self.ends.last().copied().unwrap_or(0);
            if let Some(last) = self.recent.get_mut(mark.context as usize % RECENT) {
                let same = last.0 == mark.context && last.1 >= begin && self.cells.get(last.1) == Some(&cell);
                if same {
                    cell = SAME | last.1 as u64;
                } else {
                    *last = (mark.context, at);
                }
            }
        }
        self.cells.push(cell);
        self.marks.push(mark);
    }

    /// Ends the chunk.
    pub(crate) fn end_chunk(&mut self) {
        self.ends.push(self.cells.len());
    }

    /// Chunks as ranges of cells.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| start..end)
    }

    /// Turns the cells into streams. `references` gives the interned texts of a context's [`REFERENCES`].
    pub(crate) fn encode(&self, interner: &Interner, references: &[[u32; REFERENCES]], exact: u32) -> Coded {
        match self.kind {
            SlotKind::Bool => self.numbers(|cell| cell),
            SlotKind::Int => self.numbers(|cell| zigzag(cell.cast_signed())),
            SlotKind::Time => self.times(),
            // Whose key it is follows from the context as a rule.
            SlotKind::Key if self.repeats => tokens::encode(self, interner, references, exact),
            _ => match self.dictionary(interner) {
                Some(entries) => self.by_dictionary(interner, &entries),
                None => tokens::encode(self, interner, references, exact),
            },
        }
    }

    fn numbers(&self, map: impl Fn(u64) -> u64) -> Coded {
        let mut ints = Ints::default();
        for chunk in self.chunks() {
            self.cells.get(chunk).unwrap_or_default().iter().for_each(|&cell| ints.push(map(cell)));
            ints.end_chunk();
        }
        let streams = vec![Stream::Ints(ints)];
        Coded { mode: Mode::Ints, streams, dictionary: Vec::new(), postings: Postings::default() }
    }

    fn times(&self) -> Coded {
        let (mut forms, mut ticks) = (Ints::default(), Ints::default());
        for chunk in self.chunks() {
            let mut last = [0u64; UNITS.len()];
            let cells = self.cells.get(chunk.clone()).unwrap_or_default();
            for (&form, &cell) in self.forms.get(chunk).unwrap_or_default().iter().zip(cells) {
                forms.push(form);
                if let Some(last) = last.get_mut(form as usize % UNITS.len()) {
                    ticks.push_signed(cell.wrapping_sub(*last).cast_signed());
                    *last = cell;
                }
            }
            forms.end_chunk();
            ticks.end_chunk();
        }
        let streams = vec![Stream::Ints(forms), Stream::Ints(ticks)];
        Coded { mode: Mode::Times, streams, dictionary: Vec::new(), postings: Postings::default() }
    }

    /// Its values, the most frequent first, if they are few enough.
    fn dictionary(&self, interner: &Interner) -> Option<Vec<u32>> {
        let mut counts = vec![0u32; interner.len()];
        let mut entries = Vec::new();
        let mut cells = 0;
        for &cell in self.cells.iter().filter(|&&cell| cell & SAME == 0) {
            cells += 1;
            let count = counts.get_mut(cell as usize)?;
            if *count == 0 {
                entries.push(cell as u32);
            }
            *count += 1;
        }
        let bytes: usize = entries.iter().map(|&entry| interner.get(entry).len()).sum();
        let few = entries.len() <= SMALL_DICTIONARY || entries.len() * 2 <= cells;
        if !few || entries.len() > MAX_DICTIONARY || bytes > MAX_DICTIONARY_BYTES {
            return None;
        }
        entries.sort_by_key(|&entry| std::cmp::Reverse(counts.get(entry as usize).copied()));
        Some(entries)
    }

    /// Code 0 repeats the context's last value, n + 1 is entry n; where nothing repeats, n is entry n.
    fn by_dictionary(&self, interner: &Interner, entries: &[u32]) -> Coded {
        let mut ranks = vec![NONE; interner.len()];
        let mut dictionary = Vec::new();
        put_varint(&mut dictionary, entries.len() as u64);
        for (rank, &entry) in (0u32..).zip(entries) {
            if let Some(place) = ranks.get_mut(entry as usize) {
                *place = rank;
            }
            let bytes = interner.get(entry);
            put_varint(&mut dictionary, bytes.len() as u64);
            dictionary.extend_from_slice(bytes);
        }
        let rank = |cell: u64| ranks.get(cell as usize).copied().unwrap_or(NONE);
        let mut ints = Ints::default();
        // Blocks are enough: which of their rows have an entry is read from the column at once.
        let mut postings = Postings::new(if self.repeats { entries.len() } else { 0 }, 0);
        for (number, chunk) in (0u32..).zip(self.chunks()) {
            for at in chunk {
                let cell = self.cells.get(at).copied().unwrap_or(0);
                let value = self.value(at);
                if let Some(mark) = self.marks.get(at) {
                    postings.add(rank(value), number, mark.row);
                }
                match (cell & SAME != 0, self.repeats) {
                    (true, _) => ints.push(0),
                    (false, repeats) => ints.push(u64::from(rank(value)) + u64::from(repeats)),
                }
            }
            ints.end_chunk();
        }
        Coded { mode: Mode::Dictionary, streams: vec![Stream::Ints(ints)], dictionary, postings }
    }

    /// The value of a cell, whether it repeats another or not.
    pub(crate) fn value(&self, at: usize) -> u64 {
        match self.cells.get(at).copied().unwrap_or(0) {
            cell if cell & SAME != 0 => self.cells.get((cell & !SAME) as usize).copied().unwrap_or(0),
            cell => cell,
        }
    }
}

/// Nanoseconds of the units that times are kept in, coarsest first.
const UNITS: [u32; 4] = [1_000_000_000, 1_000_000, 1_000, 1];
const NANOS: i64 = 1_000_000_000;

/// Form (unit, and offset above it) and ticks of a time; `None` when it is beyond what 64 bits hold.
pub(crate) fn split_time(time: TimeParts) -> Option<(u64, i64)> {
    if i64::from(time.nanos) >= NANOS {
        return None;
    }
    let unit = UNITS.iter().position(|unit| time.nanos.is_multiple_of(*unit))?;
    let nanos = UNITS.get(unit).copied()?;
    let per_second = NANOS / i64::from(nanos);
    let ticks = time.seconds.checked_mul(per_second)?.checked_add(i64::from(time.nanos / nanos))?;
    Some((zigzag(i64::from(time.offset)) * UNITS.len() as u64 + unit as u64, ticks))
}

/// The inverse of [`split_time`].
pub(crate) fn join_time(form: u64, ticks: i64) -> Option<TimeParts> {
    let nanos = i64::from(*UNITS.get(form as usize % UNITS.len())?);
    let per_second = NANOS / nanos;
    let offset = i16::try_from(crate::ints::unzigzag(form / UNITS.len() as u64)).ok()?;
    let nanos = u32::try_from(ticks.rem_euclid(per_second) * nanos).ok()?;
    Some(TimeParts { seconds: ticks.div_euclid(per_second), nanos, offset })
}

/// Ticks of a chunk from their differences.
pub(crate) fn add_up(forms: &[u64], ticks: &mut [u64]) {
    let mut last = [0u64; UNITS.len()];
    for (&form, tick) in forms.iter().zip(ticks) {
        if let Some(last) = last.get_mut(form as usize % UNITS.len()) {
            *last = last.wrapping_add(crate::ints::unzigzag(*tick).cast_unsigned());
            *tick = *last;
        }
    }
}
