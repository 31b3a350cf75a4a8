//! Columns of texts that seldom repeat as a whole: their pieces by number, and what is left of numbers, identifiers and
//! literal text in streams of their own.
//!
//! A value that is the last one of its context is code 0. Any other is 1 + 2 · (pieces after the prefix of its event type)
//! + (1 when it lacks that prefix). The streams are: codes, pieces, numbers, identifiers, literal text.

use hashbrown::HashMap;

use crate::bytes::put_varint;
use crate::column::{Coded, Column, KEY_REFERENCE, MAX_DICTIONARY, Mode, NONE, REFERENCES, SAME};
use crate::interner::Interner;
use crate::ints::{Ints, zigzag};
use crate::postings::Postings;
use crate::shape::SlotKind;
use crate::stream::{Octets, Stream};
use crate::words::{Piece, cut};

/// Streams of such a column.
pub(crate) const STREAMS: usize = 5;
/// Longest prefix of an event type, in pieces.
const MAX_PREFIX: usize = 24;
/// Values of a type that are looked at for its prefix.
const SAMPLE: usize = 512;
/// Values of a type that it takes to look for a prefix.
const MIN_SHARING: usize = 4;

/// What a piece is; the first byte of its dictionary entry. The second is its parameter.
pub(crate) mod kind {
    /// Separator and word.
    pub(crate) const WORD: u8 = 0;
    /// Separator; the parameter is the width, 0 without leading zeros; the number follows in its stream.
    pub(crate) const NUMBER: u8 = 1;
    /// As [`NUMBER`], the difference from the last number under this entry in the chunk.
    pub(crate) const STEP: u8 = 2;
    /// Separator; the parameter is the number of digits.
    pub(crate) const HEX: u8 = 3;
    /// Separator.
    pub(crate) const UUID: u8 = 4;
    /// Separator; the length is in the stream of numbers. Parameter 1: not ASCII.
    pub(crate) const LITERAL: u8 = 5;
    /// Separator; the parameter is the number of the field.
    pub(crate) const REFERENCE: u8 = 6;
    /// No separator; the parameter is the number of bytes.
    pub(crate) const RAW: u8 = 7;
}

/// Entries and their uses, before they are ranked.
#[derive(Default)]
struct Cutter {
    entries: Interner,
    /// The kind of each entry.
    kinds: Vec<u8>,
    /// Widths of numbers with leading zeros, a bit each.
    widths: u32,
    pieces: Vec<u32>,
    /// Ends of the cells' pieces.
    ends: Vec<usize>,
    /// Numbers, by piece that has one.
    numbers: Vec<u64>,
    fixed: Octets,
    literal: Octets,
    key: Vec<u8>,
}

pub(crate) fn encode(
    column: &Column,
    interner: &Interner,
    references: &[[u32; REFERENCES]],
    exact: u32,
) -> Coded {
    let mut cutter = Cutter::default();
    cutter.find_widths(column, interner);
    cutter.cut_all(column, interner, references);
    let prefixes = cutter.prefixes(column);
    let order = cutter.rank(column, &prefixes);
    let steps = cutter.steps(column);
    let mut postings = cutter.postings(column, exact);
    postings.arrange(&order);
    let mut dictionary = Vec::new();
    cutter.write_entries(&order, &steps, &mut dictionary);
    let mut ranks = vec![0u32; order.len()];
    for (rank, &entry) in (0u32..).zip(&order) {
        if let Some(place) = ranks.get_mut(entry as usize) {
            *place = rank;
        }
    }
    write_prefixes(&prefixes, &ranks, &mut dictionary);
    let (codes, pieces) = cutter.code(column, &prefixes, &ranks);
    let numbers = cutter.number(column, &steps);
    let streams = vec![
        Stream::Ints(codes),
        Stream::Ints(pieces),
        Stream::Ints(numbers),
        Stream::Fixed(cutter.fixed),
        Stream::Packed(cutter.literal),
    ];
    Coded { mode: Mode::Tokens, streams, dictionary, postings }
}

impl Cutter {
    fn find_widths(&mut self, column: &Column, interner: &Interner) {
        if column.kind == SlotKind::Text {
            let cells = column.cells.iter().filter(|&&cell| cell & SAME == 0);
            cells.for_each(|&cell| self.add_widths(interner.get(cell as u32)));
        }
    }

    /// Widths of the runs of digits that begin with a zero.
    fn add_widths(&mut self, text: &[u8]) {
        for run in text.split(|byte| !byte.is_ascii_digit()) {
            if run.first() == Some(&b'0') && (2..32).contains(&run.len()) {
                self.widths |= 1 << run.len();
            }
        }
    }

    fn cut_all(&mut self, column: &Column, interner: &Interner, references: &[[u32; REFERENCES]]) {
        for chunk in column.chunks() {
            for at in chunk {
                let cell = column.cells.get(at).copied().unwrap_or(SAME);
                if cell & SAME == 0 {
                    let context = column.marks.get(at).map_or(0, |mark| mark.context as usize);
                    let numbers = references.get(context).copied().unwrap_or([NONE; REFERENCES]);
                    self.cut_one(
                        column.kind,
                        interner.get(cell as u32),
                        &numbers.map(|number| interner.get(number)),
                    );
                }
                self.ends.push(self.pieces.len());
            }
            self.fixed.end_chunk();
            self.literal.end_chunk();
        }
    }

    fn cut_one(&mut self, slot: SlotKind, bytes: &[u8], references: &[&[u8]; REFERENCES]) {
        let [fields @ .., key] = references;
        match slot {
            SlotKind::Key if key == &bytes => self.piece(kind::REFERENCE, KEY_REFERENCE as u8, ""),
            SlotKind::Key | SlotKind::Hash => {
                self.piece(kind::RAW, bytes.len() as u8, "");
                self.fixed.bytes.extend_from_slice(bytes);
            }
            SlotKind::Text => match std::str::from_utf8(bytes) {
                Ok(text) => cut(text, fields, &mut |piece| self.take_in(piece)),
                Err(_) => self.put_literal("", bytes),
            },
            _ => self.put_literal("", bytes),
        }
    }

    fn take_in(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Word(text) if self.entries.len() < MAX_DICTIONARY => self.piece(kind::WORD, 0, text),
            Piece::Word(text) => self.put_literal("", text.as_bytes()),
            Piece::Number { separator, digits } => {
                let padded =
                    digits.len() > 1 && digits.starts_with('0') || self.widths >> digits.len() & 1 == 1;
                self.piece(kind::NUMBER, if padded { digits.len() as u8 } else { 0 }, separator);
                self.numbers
                    .push(digits.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
            }
            Piece::Hex { separator, digits } => {
                self.piece(kind::HEX, digits.len() as u8, separator);
                self.put_hex(digits);
            }
            Piece::Uuid { separator, text } => {
                self.piece(kind::UUID, 0, separator);
                self.put_hex(text);
            }
            Piece::Literal { separator, text } => self.put_literal(separator, text.as_bytes()),
            Piece::Reference { separator, which } => self.piece(kind::REFERENCE, which as u8, separator),
        }
    }

    fn piece(&mut self, kind: u8, parameter: u8, mut text: &str) {
        // A full dictionary takes no further separators either: they become literal text.
        if self.entries.len() >= 2 * MAX_DICTIONARY && !text.is_empty() && kind != kind::WORD {
            self.put_literal("", text.as_bytes());
            text = "";
        }
        self.key.clear();
        self.key.extend_from_slice(&[kind, parameter]);
        self.key.extend_from_slice(text.as_bytes());
        let number = self.entries.number(&self.key);
        if number as usize == self.kinds.len() {
            self.kinds.push(kind);
        }
        self.pieces.push(number);
    }

    fn put_literal(&mut self, separator: &str, bytes: &[u8]) {
        self.piece(kind::LITERAL, u8::from(!bytes.is_ascii()), separator);
        self.numbers.push(bytes.len() as u64);
        self.literal.bytes.extend_from_slice(bytes);
    }

    fn put_hex(&mut self, text: &str) {
        let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'a' + 10 };
        let mut digits = text.bytes().filter(|&byte| byte != b'-').map(digit);
        while let (Some(high), Some(low)) = (digits.next(), digits.next()) {
            self.fixed.bytes.push(high << 4 | low);
        }
    }

    fn of_cell(&self, at: usize) -> &[u32] {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(at).and_then(|&end| self.pieces.get(start..end)).unwrap_or_default()
    }

    /// For each event type the pieces that at least three quarters of a sample of its values begin with.
    fn prefixes(&self, column: &Column) -> HashMap<u32, Vec<u32>> {
        let mut groups: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, mark) in column.marks.iter().enumerate() {
            if column.cells.get(at).is_some_and(|cell| cell & SAME == 0) {
                groups.entry(mark.kind).or_default().push(at);
            }
        }
        let shared = |(kind, cells): (u32, Vec<usize>)| {
            let prefix = self.prefix(cells);
            (!prefix.is_empty()).then_some((kind, prefix))
        };
        groups.into_iter().filter_map(shared).collect()
    }

    fn prefix(&self, cells: Vec<usize>) -> Vec<u32> {
        let step = cells.len().div_ceil(SAMPLE).max(1);
        let mut cells: Vec<usize> = cells.into_iter().step_by(step).collect();
        let all = cells.len();
        let mut prefix = Vec::new();
        while all >= MIN_SHARING && prefix.len() < MAX_PREFIX {
            let depth = prefix.len();
            let next = |&at: &usize| self.of_cell(at).get(depth).copied();
            // The majority, if there is one, survives the vote.
            let mut leader = (0, 0usize);
            for piece in cells.iter().filter_map(next) {
                leader = match leader {
                    (_, 0) => (piece, 1),
                    (known, votes) if known == piece => (known, votes + 1),
                    (known, votes) => (known, votes - 1),
                };
            }
            cells.retain(|at| next(at) == Some(leader.0));
            if cells.len() * 4 < all * 3 {
                break;
            }
            prefix.push(leader.0);
        }
        prefix
    }

    /// Whether a cell's pieces begin with its type's prefix, and those that are written.
    fn written<'a>(
        &'a self,
        column: &Column,
        at: usize,
        prefixes: &HashMap<u32, Vec<u32>>,
    ) -> (bool, &'a [u32]) {
        let pieces = self.of_cell(at);
        let prefix =
            column.marks.get(at).and_then(|mark| prefixes.get(&mark.kind)).map_or(&[][..], Vec::as_slice);
        pieces.strip_prefix(prefix).map_or((false, pieces), |rest| (true, rest))
    }

    /// Entries, those that are written most first.
    fn rank(&self, column: &Column, prefixes: &HashMap<u32, Vec<u32>>) -> Vec<u32> {
        let mut counts = vec![0u32; self.entries.len()];
        for at in 0..column.cells.len() {
            for &piece in self.written(column, at, prefixes).1 {
                if let Some(count) = counts.get_mut(piece as usize) {
                    *count += 1;
                }
            }
        }
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        order.sort_by_key(|&entry| std::cmp::Reverse(counts.get(entry as usize).copied()));
        order
    }

    /// Whether the numbers under each entry are shorter as differences.
    fn steps(&self, column: &Column) -> Vec<bool> {
        let mut costs = vec![(0u64, 0u64); self.entries.len()];
        self.each_number(column, |entry, _, number, last| {
            if let Some(cost) = costs.get_mut(entry as usize) {
                let bits = |number: u64| u64::from(64 - number.leading_zeros());
                cost.0 += bits(number);
                cost.1 += bits(zigzag(number.wrapping_sub(last).cast_signed()));
            }
        });
        costs.into_iter().map(|(plain, step)| step < plain).collect()
    }

    fn number(&self, column: &Column, steps: &[bool]) -> Ints {
        let mut ints = Ints::default();
        let mut chunk = 0;
        self.each_number(column, |entry, number_chunk, number, last| {
            while chunk < number_chunk {
                ints.end_chunk();
                chunk += 1;
            }
            let step = steps.get(entry as usize).copied().unwrap_or(false);
            if step {
                ints.push_signed(number.wrapping_sub(last).cast_signed());
            } else {
                ints.push(number);
            }
        });
        while chunk < column.ends.len() {
            ints.end_chunk();
            chunk += 1;
        }
        ints
    }

    /// Calls `f` with entry, chunk, number and the last number under the entry in the chunk (0 at first). The length of a
    /// literal counts as a number that never has a last one.
    fn each_number(&self, column: &Column, mut f: impl FnMut(u32, usize, u64, u64)) {
        let mut last: Vec<(usize, u64)> = vec![(usize::MAX, 0); self.entries.len()];
        let mut numbers = self.numbers.iter().copied();
        let kind = |piece: u32| self.kinds.get(piece as usize).copied();
        for (chunk, cells) in column.chunks().enumerate() {
            let pieces = cells.flat_map(|at| self.of_cell(at)).copied();
            for piece in pieces.filter(|&piece| matches!(kind(piece), Some(kind::NUMBER | kind::LITERAL))) {
                let (Some(number), Some(last)) = (numbers.next(), last.get_mut(piece as usize)) else {
                    return;
                };
                let follows = last.0 == chunk && kind(piece) == Some(kind::NUMBER);
                f(piece, chunk, number, if follows { last.1 } else { 0 });
                *last = (chunk, number);
            }
        }
    }

    fn postings(&self, column: &Column, exact: u32) -> Postings {
        let mut postings = Postings::new(if column.repeats { self.entries.len() } else { 0 }, exact);
        for (number, chunk) in (0u32..).zip(column.chunks()) {
            for at in chunk {
                let cell = column.cells.get(at).copied().unwrap_or(0);
                let from = if cell & SAME == 0 { at } else { (cell & !SAME) as usize };
                let row = column.marks.get(at).map_or(0, |mark| mark.row);
                self.of_cell(from).iter().for_each(|&piece| postings.add(piece, number, row));
            }
        }
        postings
    }

    /// Varint count, then per entry: kind ‖ parameter ‖ varint length ‖ text.
    fn write_entries(&self, order: &[u32], steps: &[bool], out: &mut Vec<u8>) {
        put_varint(out, order.len() as u64);
        for &entry in order {
            let Some((&[kind, parameter], text)) = self.entries.get(entry).split_first_chunk::<2>() else {
                continue;
            };
            let step = kind == kind::NUMBER && steps.get(entry as usize).copied().unwrap_or(false);
            out.extend_from_slice(&[if step { kind::STEP } else { kind }, parameter]);
            put_varint(out, text.len() as u64);
            out.extend_from_slice(text);
        }
    }

    fn code(&self, column: &Column, prefixes: &HashMap<u32, Vec<u32>>, ranks: &[u32]) -> (Ints, Ints) {
        let (mut codes, mut pieces) = (Ints::default(), Ints::default());
        for chunk in column.chunks() {
            for at in chunk {
                if column.cells.get(at).is_some_and(|cell| cell & SAME != 0) {
                    codes.push(0);
                    continue;
                }
                let (whole, rest) = self.written(column, at, prefixes);
                codes.push(1 + 2 * rest.len() as u64 + u64::from(!whole));
                for &piece in rest {
                    pieces.push(ranks.get(piece as usize).copied().unwrap_or(0).into());
                }
            }
            codes.end_chunk();
            pieces.end_chunk();
        }
        (codes, pieces)
    }
}

/// Varint count, then per event type, ascending: varint type ‖ varint pieces ‖ their numbers.
fn write_prefixes(prefixes: &HashMap<u32, Vec<u32>>, ranks: &[u32], out: &mut Vec<u8>) {
    let mut sorted: Vec<(&u32, &Vec<u32>)> = prefixes.iter().collect();
    sorted.sort_unstable();
    put_varint(out, sorted.len() as u64);
    for (&kind, prefix) in sorted {
        put_varint(out, kind.into());
        put_varint(out, prefix.len() as u64);
        for &piece in prefix {
            put_varint(out, ranks.get(piece as usize).copied().unwrap_or(0).into());
        }
    }
}
