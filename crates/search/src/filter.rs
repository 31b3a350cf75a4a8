//! What a query comes to in one segment: which contexts, event types, dictionary entries and blocks can satisfy it.
//!
//! Made once per query and segment from dictionaries alone. It never leaves out a row that the query's own evaluation would
//! accept; where it says that a row certainly matches, the evaluation says so too.

use std::collections::HashMap;

use indelible_event::Field;
use indelible_query::{Condition, FieldCondition, Place, TextCondition};
use indelible_segment::error::SegmentError;
use indelible_segment::postings::Occurs;
use indelible_segment::read::{Index, ReadAt};
use indelible_segment::survey::{ColumnInfo, Owner, PieceText};

use crate::bits::{Bits, Mask};
use crate::paths::{Reach, reach};

/// Longest run of letters that the cutting of texts keeps together.
const MAX_PIECE: usize = 40;

/// A query in one segment; the shape of the condition, simplified where it is decided.
#[derive(Debug)]
pub(crate) enum Filter {
    Always,
    Never,
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    /// A leaf of the condition, by its number in the order of the tree.
    Leaf(Box<Leaf>),
}

/// One leaf of a condition in one segment.
#[derive(Debug, Default)]
pub(crate) struct Leaf {
    /// Its number among the leaves of the condition.
    pub(crate) number: usize,
    pub(crate) contexts: Option<Bits>,
    pub(crate) types: Option<Bits>,
    /// Columns of rows with entries that pass.
    pub(crate) entries: Vec<(u32, Bits)>,
    /// Columns of rows that must be asked value by value, as values of a place.
    pub(crate) values: Vec<(u32, Place)>,
    /// Places that are no columns: times, index, organization.
    pub(crate) moments: Vec<Place>,
    /// Where it can hold; `None` is anywhere.
    pub(crate) spots: Option<HashMap<u32, Mask>>,
    /// Whether a hit may still be none.
    pub(crate) inexact: bool,
    /// Whether columns cannot tell.
    pub(crate) unknown: bool,
}

/// A leaf of a condition.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    Field(FieldCondition<'a>),
    Text(TextCondition<'a>),
}

impl<'a> Asked<'a> {
    fn places(&self) -> Vec<Place> {
        match self {
            Self::Field(field) => field.places().collect(),
            Self::Text(text) => text.places().collect(),
        }
    }

    fn sub(&self) -> &'a [String] {
        match self {
            Self::Field(field) => field.sub(),
            Self::Text(_) => &[],
        }
    }

    /// Whether a value at the place passes.
    pub(crate) fn holds(&self, place: Place, encoded: &[u8]) -> bool {
        match self {
            Self::Field(field) => field.holds(place, encoded),
            Self::Text(text) => text.holds(encoded),
        }
    }

    fn holds_anything(&self) -> bool {
        matches!(self, Self::Field(field) if field.holds_anything())
    }
}

/// The leaves of a condition in the order of the tree.
pub(crate) fn leaves<'a>(condition: &Condition<'a>, out: &mut Vec<Asked<'a>>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| leaves(part, out)),
        Condition::Not(part) => leaves(part, out),
        Condition::Field(field) => out.push(Asked::Field(*field)),
        Condition::Text(text) => out.push(Asked::Text(*text)),
    }
}

/// Makes a query's filter for the segment of a part.
pub(crate) struct Surveyor<'a> {
    index: &'a Index,
    pub(crate) read: ReadAt<'a>,
    columns: Vec<ColumnInfo<'a>>,
    odd: Vec<&'a str>,
    /// First row of each block, counted over the segment, and the number of rows at the end.
    starts: Vec<u64>,
    next_leaf: usize,
}

impl<'a> Surveyor<'a> {
    pub(crate) fn new(index: &'a Index, read: ReadAt<'a>) -> Result<Self, SegmentError> {
        let mut starts = vec![0];
        for log in index.logs() {
            for block in index.blocks(log.log) {
                starts.push(starts.last().copied().unwrap_or(0) + u64::from(block.rows));
            }
        }
        Ok(Self {
            index,
            read,
            columns: index.columns(read)?,
            odd: index.odd_paths(read)?.collect(),
            starts,
            next_leaf: 0,
        })
    }

    pub(crate) fn filter(&mut self, condition: &Condition<'_>) -> Result<Filter, SegmentError> {
        Ok(match condition {
            Condition::All(parts) => {
                let parts = parts.iter().map(|part| self.filter(part)).collect::<Result<Vec<_>, _>>()?;
                all(parts)
            }
            Condition::Any(parts) => {
                let parts = parts.iter().map(|part| self.filter(part)).collect::<Result<Vec<_>, _>>()?;
                any(parts)
            }
            Condition::Not(part) => match self.filter(part)? {
                Filter::Always => Filter::Never,
                Filter::Never => Filter::Always,
                other => Filter::Not(Box::new(other)),
            },
            Condition::Field(field) => self.leaf(Asked::Field(*field))?,
            Condition::Text(text) => self.leaf(Asked::Text(*text))?,
        })
    }

    fn leaf(&mut self, asked: Asked<'_>) -> Result<Filter, SegmentError> {
        let mut leaf = Leaf { number: self.next_leaf, spots: Some(HashMap::new()), ..Leaf::default() };
        self.next_leaf += 1;
        leaf.unknown = matches!(asked, Asked::Text(text) if text.has_types());
        for place in asked.places() {
            match place {
                Place::Occurred | Place::Received | Place::Index | Place::Organization => {
                    leaf.moments.push(place);
                }
                Place::EventId | Place::Sequence | Place::Findings => leaf.unknown = true,
                place => self.look(place, asked, &mut leaf)?,
            }
        }
        leaf.inexact = !asked.sub().is_empty();
        if leaf.unknown || !leaf.moments.is_empty() {
            leaf.spots = None;
        }
        let nowhere = leaf.spots.as_ref().is_some_and(HashMap::is_empty);
        let types = 0..self.index.event_types(self.read)?.len() as u32;
        let all_types = |known: &Bits| types.clone().all(|event_type| known.contains(event_type));
        let filter = Filter::Leaf(Box::new(leaf));
        Ok(match filter.only_types() {
            _ if nowhere => Filter::Never,
            // Such as the catalog, where a segment holds events of one.
            Some(known) if all_types(known) => Filter::Always,
            _ => filter,
        })
    }

    /// Adds what a place comes to.
    fn look(&mut self, place: Place, asked: Asked<'_>, leaf: &mut Leaf) -> Result<(), SegmentError> {
        if matches!(place, Place::Field(Field::Subjects) | Place::Exact(Field::Subjects)) {
            leaf.unknown = true;
            return Ok(());
        }
        let deep = matches!(place, Place::Params | Place::Data) && asked.sub().is_empty();
        let odd = self.odd.iter().any(|path| reach(place, asked.sub(), path) != Reach::Not);
        if odd && asked.holds_anything() {
            leaf.unknown = true;
        }
        self.look_at_types(place, asked, leaf)?;
        for column in self.columns.clone() {
            match reach(place, asked.sub(), column.path) {
                Reach::Not => {}
                Reach::At if deep && column.is_bytes => {}
                // A map or a list stands there: something, but nothing to compare.
                Reach::Below => leaf.unknown |= asked.holds_anything(),
                Reach::At if column.owner == Owner::Contexts => {
                    self.look_at_contexts(place, asked, &column, leaf)?;
                }
                Reach::At if column.has_entries => self.look_at_entries(place, asked, &column, leaf)?,
                Reach::At => self.look_at_values(place, asked, &column, leaf)?,
            }
        }
        Ok(())
    }

    fn look_at_types(&self, place: Place, asked: Asked<'_>, leaf: &mut Leaf) -> Result<(), SegmentError> {
        let types = self.index.event_types(self.read)?;
        let mut found = Bits::none(types.len());
        let mut encoded = Vec::new();
        for (number, event_type) in (0u32..).zip(types) {
            let mut values =
                event_type.iter().filter(|(path, _)| reach(place, asked.sub(), path) == Reach::At);
            let passes = values.any(|(_, value)| {
                indelible_segment::survey::encode_text(value, &mut encoded);
                asked.holds(place, &encoded)
            });
            if passes {
                found.insert(number);
            }
        }
        if !found.is_empty() {
            let histogram = self.index.type_counts(self.read)?;
            for (block, counts) in (0u32..).zip(&histogram) {
                if counts.iter().any(|(event_type, _)| found.contains(*event_type)) {
                    self.add_block(block, leaf);
                }
            }
            let known = leaf.types.get_or_insert_with(|| Bits::none(types.len()));
            found.numbers().for_each(|number| known.insert(number));
        }
        Ok(())
    }

    fn look_at_contexts(
        &self,
        place: Place,
        asked: Asked<'_>,
        column: &ColumnInfo<'_>,
        leaf: &mut Leaf,
    ) -> Result<(), SegmentError> {
        let found = self.contexts_with(column, &mut |encoded| asked.holds(place, encoded))?;
        if !found.is_empty() {
            self.add_contexts(&found, leaf)?;
            match &mut leaf.contexts {
                Some(known) => found.numbers().for_each(|number| known.insert(number)),
                None => leaf.contexts = Some(found),
            }
        }
        Ok(())
    }

    /// The contexts with a value that passes.
    fn contexts_with(
        &self,
        column: &ColumnInfo<'_>,
        passes: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Bits, SegmentError> {
        let index = self.index;
        let mut found = Bits::none(index.contexts(self.read)? as usize);
        if column.has_entries {
            let mut entries = Vec::new();
            index.each_entry(column, self.read, &mut |_, encoded| entries.push(passes(encoded)))?;
            let passed = |entry: u32| entries.get(entry as usize) == Some(&true);
            if entries.contains(&true) {
                let take = &mut |context, entry| found.set(context, passed(entry));
                index.context_entries(column.number, self.read, take)?;
            }
        } else {
            index.context_values(column.number, self.read, &mut |context, encoded| {
                found.set(context, passes(encoded));
            })?;
        }
        Ok(found)
    }

    fn look_at_entries(
        &self,
        place: Place,
        asked: Asked<'_>,
        column: &ColumnInfo<'_>,
        leaf: &mut Leaf,
    ) -> Result<(), SegmentError> {
        let index = self.index;
        let mut passing = Vec::new();
        let mut count = 0;
        index.each_entry(column, self.read, &mut |entry, encoded| {
            count = entry as usize + 1;
            if asked.holds(place, encoded) {
                passing.push(entry);
            }
        })?;
        if passing.is_empty() {
            return Ok(());
        }
        let mut bits = Bits::none(count);
        for &entry in &passing {
            bits.insert(entry);
            self.add_occurrences(column.number, entry, leaf)?;
        }
        leaf.entries.push((column.number, bits));
        Ok(())
    }

    /// A column without dictionary of whole values: its values are asked where they can pass.
    fn look_at_values(
        &self,
        place: Place,
        asked: Asked<'_>,
        column: &ColumnInfo<'_>,
        leaf: &mut Leaf,
    ) -> Result<(), SegmentError> {
        let piece = match asked {
            Asked::Text(text) if column.is_text => {
                text.literal().and_then(sure_piece).map(|piece| (text, piece))
            }
            _ => None,
        };
        let Some((text, piece)) = piece else {
            leaf.values.push((column.number, place));
            leaf.spots = None;
            return Ok(());
        };
        let mut found = Vec::new();
        let mut references = Vec::new();
        self.index.each_piece(column, self.read, &mut |entry, known| match known {
            PieceText::Word(word) if text.has_piece(word, &piece) => found.push(entry),
            PieceText::Opaque => found.push(entry),
            PieceText::Reference(path) => references.push(path),
            PieceText::Word(_) | PieceText::Number => {}
        })?;
        let mut asks = !found.is_empty();
        for entry in found {
            self.add_occurrences(column.number, entry, leaf)?;
        }
        references.sort_unstable();
        references.dedup();
        for path in references {
            let columns =
                self.columns.iter().filter(|column| column.owner == Owner::Contexts && column.path == path);
            for column in columns {
                let contexts =
                    self.contexts_with(column, &mut |encoded| text.holds_piece(encoded, &piece))?;
                asks |= !contexts.is_empty();
                self.add_contexts(&contexts, leaf)?;
            }
        }
        if asks {
            leaf.values.push((column.number, place));
        }
        Ok(())
    }

    fn add_occurrences(&self, column: u32, entry: u32, leaf: &mut Leaf) -> Result<(), SegmentError> {
        if leaf.spots.is_none() {
            return Ok(());
        }
        match self.index.occurs(column, entry, self.read)? {
            Occurs::Anywhere => leaf.spots = None,
            Occurs::Blocks(blocks) => blocks.into_iter().for_each(|block| self.add_block(block, leaf)),
            Occurs::Rows(rows) => {
                for row in rows {
                    let block = self.starts.partition_point(|start| *start <= row.into()).saturating_sub(1);
                    let within = u64::from(row) - self.starts.get(block).copied().unwrap_or(0);
                    if let Some(spots) = &mut leaf.spots {
                        spots.entry(block as u32).or_insert(Mask::NONE).insert(within as usize);
                    }
                }
            }
        }
        Ok(())
    }

    fn add_contexts(&self, contexts: &Bits, leaf: &mut Leaf) -> Result<(), SegmentError> {
        if contexts.is_empty() || leaf.spots.is_none() {
            return Ok(());
        }
        let counts = self.index.context_counts(self.read)?;
        for context in contexts.numbers() {
            if let Some(count) = counts.get(context as usize) {
                (count.blocks.0..=count.blocks.1.min(self.starts.len() as u32))
                    .for_each(|block| self.add_block(block, leaf));
            }
        }
        Ok(())
    }

    fn add_block(&self, block: u32, leaf: &mut Leaf) {
        let (Some(spots), Some(range)) =
            (&mut leaf.spots, self.starts.get(block as usize..block as usize + 2))
        else {
            return;
        };
        let rows = range.iter().copied().reduce(|start, end| end - start).unwrap_or(0);
        spots.insert(block, Mask::first(rows as usize));
    }
}

fn all(parts: Vec<Filter>) -> Filter {
    if parts.iter().any(|part| matches!(part, Filter::Never)) {
        return Filter::Never;
    }
    let mut parts: Vec<Filter> = parts.into_iter().filter(|part| !matches!(part, Filter::Always)).collect();
    match parts.pop() {
        None => Filter::Always,
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            Filter::All(parts)
        }
    }
}

fn any(parts: Vec<Filter>) -> Filter {
    if parts.iter().any(|part| matches!(part, Filter::Always)) {
        return Filter::Always;
    }
    let mut parts: Vec<Filter> = parts.into_iter().filter(|part| !matches!(part, Filter::Never)).collect();
    match parts.pop() {
        None => Filter::Never,
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            Filter::Any(parts)
        }
    }
}

/// A run of letters of the words that every text with them holds as a word of its own: the longest one.
fn sure_piece(words: &str) -> Option<String> {
    let runs = words.split(|c: char| !c.is_alphanumeric());
    let sure = runs.filter(|run| {
        !run.is_empty() && run.len() <= MAX_PIECE && run.bytes().all(|b| b.is_ascii_lowercase())
    });
    sure.max_by_key(|run| run.len()).map(str::to_owned)
}

impl Filter {
    /// Whether a block can hold a match.
    /// Nothing is known.
    pub(crate) fn unknown() -> Self {
        Self::Leaf(Box::new(Leaf { unknown: true, inexact: true, ..Leaf::default() }))
    }

    /// Whether a block may hold matches.
    pub(crate) fn may_match(&self, block: u32) -> bool {
        match self {
            Self::Always | Self::Not(_) => true,
            Self::Never => false,
            Self::All(parts) => parts.iter().all(|part| part.may_match(block)),
            Self::Any(parts) => parts.iter().any(|part| part.may_match(block)),
            Self::Leaf(leaf) => leaf.spots.as_ref().is_none_or(|spots| spots.contains_key(&block)),
        }
    }

    /// The contexts of exactly the rows that match, when contexts alone decide.
    pub(crate) fn only_contexts(&self) -> Option<&Bits> {
        match self {
            Self::Leaf(leaf) if leaf.is_exact() && leaf.entries.is_empty() && leaf.types.is_none() => {
                leaf.contexts.as_ref().filter(|_| leaf.values.is_empty())
            }
            _ => None,
        }
    }

    /// The event types of exactly the rows that match, when types alone decide.
    pub(crate) fn only_types(&self) -> Option<&Bits> {
        match self {
            Self::Leaf(leaf) if leaf.is_exact() && leaf.entries.is_empty() && leaf.contexts.is_none() => {
                leaf.types.as_ref().filter(|_| leaf.values.is_empty())
            }
            _ => None,
        }
    }

    /// Memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Always | Self::Never => 16,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::weight).sum::<usize>() + 16,
            Self::Not(part) => part.weight() + 16,
            Self::Leaf(leaf) => {
                let bits = |bits: &Option<Bits>| bits.as_ref().map_or(0, Bits::weight);
                let entries: usize = leaf.entries.iter().map(|(_, bits)| bits.weight()).sum();
                let spots = leaf.spots.as_ref().map_or(0, |spots| spots.len() * 160);
                bits(&leaf.contexts) + bits(&leaf.types) + entries + spots + 200
            }
        }
    }
}

impl Leaf {
    fn is_exact(&self) -> bool {
        !self.unknown && !self.inexact && self.moments.is_empty()
    }
}
