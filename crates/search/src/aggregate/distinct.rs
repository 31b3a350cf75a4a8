//! The different values of a field, numbered in the order of their appearance, within a bound of memory.

use std::collections::HashMap;
use std::rc::Rc;

use indelible_query::{EventView, FieldRef};

use crate::error::SearchError;

/// Most bytes that the different values of one request may take: some half a million names. Four searches at once stay
/// below 256 MiB.
pub const MAX_VALUE_BYTES: usize = 64 << 20;
/// What one value takes besides its text: its entry in the table, its number, its counters.
const ENTRY_BYTES: usize = 96;

/// Memory that the values of one request share.
#[derive(Debug, Default)]
pub(super) struct Memory(usize);

impl Memory {
    /// Takes so many bytes for something of a field.
    pub(super) fn take(&mut self, bytes: usize, field: &FieldRef) -> Result<(), SearchError> {
        self.0 += bytes;
        if self.0 <= MAX_VALUE_BYTES {
            return Ok(());
        }
        Err(SearchError::TooManyValues { field: field.to_string(), limit: MAX_VALUE_BYTES })
    }

    /// Takes what a further value of a field needs.
    pub(super) fn take_value(&mut self, value: &str, field: &FieldRef) -> Result<(), SearchError> {
        self.take(value.len() + ENTRY_BYTES, field)
    }
}

/// Numbers values.
#[derive(Debug)]
pub(super) struct Distinct {
    field: FieldRef,
    numbers: HashMap<Rc<str>, u32>,
    names: Vec<Rc<str>>,
    /// The ordinal of the event that a value was seen in last, so that it counts once for each.
    seen: Vec<u64>,
}

impl Distinct {
    pub(super) fn new(field: &FieldRef) -> Self {
        Self { field: field.clone(), numbers: HashMap::new(), names: Vec::new(), seen: Vec::new() }
    }

    pub(super) fn field(&self) -> &FieldRef {
        &self.field
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }

    /// The numbers of the different values of an event, the `ordinal`th that is looked at (from 1), into `numbers`.
    pub(super) fn of_event(
        &mut self,
        (view, ordinal): (&EventView<'_>, u64),
        memory: &mut Memory,
        numbers: &mut Vec<u32>,
    ) -> Result<(), SearchError> {
        numbers.clear();
        let field = self.field.clone();
        let mut outcome = Ok(());
        field.values(view, &mut |value| {
            if outcome.is_ok() {
                outcome = self.number(value, memory).map(|number| {
                    numbers.extend(self.is_first(number, ordinal).then_some(number));
                });
            }
        });
        outcome
    }

    /// Whether an event has not shown this value before.
    fn is_first(&mut self, number: u32, ordinal: u64) -> bool {
        let last = self.seen.get_mut(number as usize).map(|seen| std::mem::replace(seen, ordinal));
        last != Some(ordinal)
    }

    fn number(&mut self, value: &str, memory: &mut Memory) -> Result<u32, SearchError> {
        if let Some(number) = self.numbers.get(value) {
            return Ok(*number);
        }
        memory.take_value(value, &self.field)?;
        // The bound on memory comes long before four thousand million values.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Rc<str> = value.into();
        self.names.push(Rc::clone(&name));
        self.seen.push(0);
        self.numbers.insert(name, number);
        Ok(number)
    }
}
