//! Taking a stored body apart into its shape and its values, and putting it together again, bit for bit.
//!
//! The shape is everything that is the same in many events: which items, in which state, which keys, which kinds of values.
//! The values stand in slots, in the order of the body. A body that is not written in the one canonical way has no shape.

use crate::bytes::{Take, put_varint};
use crate::column::KEY_PATH;
use crate::schema::Table;

/// Version and salt stand before the items.
pub(crate) const BODY_HEAD: usize = 17;
/// Deepest nesting that is followed; an event has less.
pub(crate) const MAX_DEPTH: usize = 20;
/// Longest shape: a body of more structure than this is kept as it is.
const MAX_SHAPE_BYTES: usize = 8 * 1024;
/// Most values of one body that are taken apart.
pub(crate) const MAX_SLOTS: usize = 1024;

/// What stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum SlotKind {
    /// True or false.
    Bool = 0,
    /// A 64-bit integer.
    Int = 1,
    /// Text.
    Text = 2,
    /// A decimal number as text.
    Decimal = 3,
    /// Bytes.
    Bytes = 4,
    /// A time.
    Time = 5,
    /// The name of a subject's key, 16 bytes.
    Key = 6,
    /// A commitment or a salt, 32 bytes.
    Hash = 7,
}

impl SlotKind {
    pub(crate) fn of(byte: u8) -> Option<Self> {
        use SlotKind::{Bool, Bytes, Decimal, Hash, Int, Key, Text, Time};
        [Bool, Int, Text, Decimal, Bytes, Time, Key, Hash].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A value taken out of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot<'a> {
    Bool(bool),
    Int(i64),
    /// Text, decimal, bytes, key or hash.
    Bytes(SlotKind, &'a [u8]),
    Time(TimeParts),
}

/// Seconds, nanoseconds and offset as a body holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeParts {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
    pub(crate) offset: i16,
}

/// Steps of a shape.
pub(crate) mod op {
    pub(crate) const ITEM: u8 = 1;
    pub(crate) const NULL: u8 = 2;
    pub(crate) const LIST: u8 = 3;
    pub(crate) const MAP: u8 = 4;
    pub(crate) const SLOT: u8 = 16;
}

/// Tags of canonical values, as `indelible_event` writes them.
pub(crate) mod tag {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const INT: u8 = 3;
    pub(crate) const DECIMAL: u8 = 4;
    pub(crate) const TEXT: u8 = 5;
    pub(crate) const BYTES: u8 = 6;
    pub(crate) const TIME: u8 = 7;
    pub(crate) const LIST: u8 = 8;
    pub(crate) const MAP: u8 = 9;
}

/// States of items.
pub(crate) mod state {
    pub(crate) const CLEAR: u8 = 0;
    pub(crate) const PERSONAL: u8 = 1;
    pub(crate) const COMMITTED: u8 = 2;
    pub(crate) const DISCLOSED: u8 = 3;
}

/// Takes the items of a body apart (`items` begins with their count). `None` when it has no shape. Whether paths and keys
/// are text is seen by [`slots_of`], once for each shape; values are kept as they are, text or not.
pub(crate) fn parse<'a>(items: &'a [u8], shape: &mut Vec<u8>, slots: &mut Vec<Slot<'a>>) -> Option<()> {
    shape.clear();
    slots.clear();
    let mut parser = Parser { take: Take(items), shape, slots };
    for _ in 0..parser.take.u16()? {
        parser.item()?;
    }
    (parser.take.is_empty() && parser.shape.len() <= MAX_SHAPE_BYTES && parser.slots.len() <= MAX_SLOTS)
        .then_some(())
}

struct Parser<'a, 's> {
    take: Take<'a>,
    shape: &'s mut Vec<u8>,
    slots: &'s mut Vec<Slot<'a>>,
}

impl<'a> Parser<'a, '_> {
    fn item(&mut self) -> Option<()> {
        let length = self.take.u16()?;
        let path = self.take.bytes(length.into())?;
        let state = self.take.u8()?;
        self.shape.extend_from_slice(&[op::ITEM, state, u8::try_from(length).ok()?]);
        self.shape.extend_from_slice(path);
        match state {
            state::CLEAR => {}
            state::PERSONAL => self.bytes(SlotKind::Key, 16)?,
            state::COMMITTED => return self.bytes(SlotKind::Hash, 32),
            state::DISCLOSED => self.bytes(SlotKind::Hash, 32)?,
            _ => return None,
        }
        let length = self.take.u32()? as usize;
        let before = self.take.0.len();
        self.value(0)?;
        (before - self.take.0.len() == length).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH || self.shape.len() > MAX_SHAPE_BYTES || self.slots.len() > MAX_SLOTS {
            return None;
        }
        match self.take.u8()? {
            tag::NULL => self.shape.push(op::NULL),
            tag::FALSE => self.slot(SlotKind::Bool, Slot::Bool(false)),
            tag::TRUE => self.slot(SlotKind::Bool, Slot::Bool(true)),
            tag::INT => {
                let number = self.take.i64()?;
                self.slot(SlotKind::Int, Slot::Int(number));
            }
            tag::DECIMAL => {
                let length = self.take.u16()?;
                self.bytes(SlotKind::Decimal, length.into())?;
            }
            tag::TEXT => {
                let length = self.take.u32()? as usize;
                let text = self.take.bytes(length)?;
                self.slot(SlotKind::Text, Slot::Bytes(SlotKind::Text, text));
            }
            tag::BYTES => {
                let length = self.take.u32()? as usize;
                self.bytes(SlotKind::Bytes, length)?;
            }
            tag::TIME => {
                let (seconds, nanos) = (self.take.i64()?, self.take.u32()?);
                let offset = self.take.u16()?.cast_signed();
                self.slot(SlotKind::Time, Slot::Time(TimeParts { seconds, nanos, offset }));
            }
            tag::LIST => self.list(depth)?,
            tag::MAP => self.map(depth)?,
            _ => return None,
        }
        Some(())
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        let count = self.take.u32()?;
        self.shape.push(op::LIST);
        put_varint(self.shape, u64::from(count));
        for _ in 0..count {
            self.value(depth + 1)?;
        }
        Some(())
    }

    fn map(&mut self, depth: usize) -> Option<()> {
        let count = self.take.u32()?;
        self.shape.push(op::MAP);
        put_varint(self.shape, u64::from(count));
        for _ in 0..count {
            let length = self.take.u16()?;
            let key = self.take.bytes(length.into())?;
            put_varint(self.shape, u64::from(length));
            self.shape.extend_from_slice(key);
            self.value(depth + 1)?;
        }
        Some(())
    }

    fn bytes(&mut self, kind: SlotKind, length: usize) -> Option<()> {
        let bytes = self.take.bytes(length)?;
        self.slot(kind, Slot::Bytes(kind, bytes));
        Some(())
    }

    fn slot(&mut self, kind: SlotKind, slot: Slot<'a>) {
        self.shape.push(op::SLOT + kind as u8);
        self.slots.push(slot);
    }
}

impl Slot<'_> {
    /// Appends the bytes that stand for the value in a body, without tag and length.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => out.push(bool_tag(*value)),
            Self::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
            Self::Bytes(_, bytes) => out.extend_from_slice(bytes),
            Self::Time(time) => time.write(out),
        }
    }
}

impl TimeParts {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seconds.to_be_bytes());
        out.extend_from_slice(&self.nanos.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
    }
}

pub(crate) fn bool_tag(value: bool) -> u8 {
    if value { tag::TRUE } else { tag::FALSE }
}

/// Path and kind of every slot of a shape, in order. Places in lists are written `[]`; the number in `subjects.3` too.
pub(crate) fn slots_of(shape: &[u8]) -> Option<Vec<(String, SlotKind)>> {
    walk(shape).map(|(slots, _)| slots)
}

/// [`slots_of`], and the paths of what fills no slot: null, empty lists and maps.
#[expect(clippy::type_complexity, reason = "two lists, named above")]
pub(crate) fn walk(shape: &[u8]) -> Option<(Vec<(String, SlotKind)>, Vec<String>)> {
    let mut walk = Walk { take: Take(shape), path: String::new(), found: Vec::new(), odd: Vec::new() };
    while !walk.take.is_empty() {
        walk.item()?;
    }
    Some((walk.found, walk.odd))
}

struct Walk<'a> {
    take: Take<'a>,
    path: String,
    found: Vec<(String, SlotKind)>,
    odd: Vec<String>,
}

impl Walk<'_> {
    fn item(&mut self) -> Option<()> {
        (self.take.u8()? == op::ITEM).then_some(())?;
        let (state, length) = (self.take.u8()?, self.take.u8()?);
        let path = std::str::from_utf8(self.take.bytes(length.into())?).ok()?;
        self.path = match path.strip_prefix("subjects.") {
            _ if path == "*" => String::new(),
            Some(_) => "subjects[]".to_owned(),
            None => path.to_owned(),
        };
        if state != state::CLEAR {
            let kind = SlotKind::of(self.take.u8()?.checked_sub(op::SLOT)?)?;
            let shared = kind == SlotKind::Key && Table::of(path, kind) == Table::Contexts;
            let path = if shared { KEY_PATH.to_owned() } else { format!("{}#", self.path) };
            self.found.push((path, kind));
        }
        if state == state::COMMITTED { Some(()) } else { self.value(0) }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let length = self.path.len();
        match self.take.u8()? {
            op::NULL => self.odd.push(self.path.clone()),
            op::LIST => {
                let count = self.take.varint()?;
                if count == 0 {
                    self.odd.push(self.path.clone());
                }
                self.path.push_str("[]");
                for _ in 0..count {
                    self.value(depth + 1)?;
                }
            }
            op::MAP => {
                let count = self.take.varint()?;
                if count == 0 {
                    self.odd.push(self.path.clone());
                }
                for _ in 0..count {
                    let width = usize::try_from(self.take.varint()?).ok()?;
                    let key = std::str::from_utf8(self.take.bytes(width)?).ok()?;
                    if length > 0 {
                        self.path.push('.');
                    }
                    self.path.push_str(key);
                    self.value(depth + 1)?;
                    self.path.truncate(length);
                }
            }
            byte => self.found.push((self.path.clone(), SlotKind::of(byte.checked_sub(op::SLOT)?)?)),
        }
        self.path.truncate(length);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use indelible_event::{Map, Time, Value};
    use proptest::prelude::*;

    use super::*;
    use crate::template::Template;

    fn value() -> impl Strategy<Value = Value> {
        let time = (any::<i64>(), 0u32..1_000_000_000, proptest::option::of(-1080i16..1080));
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            "\\PC{0,12}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
            time.prop_map(|(seconds, nanos, offset_minutes)| Value::Time(Time {
                seconds,
                nanos,
                offset_minutes
            })),
            Just(Value::Decimal("1.5".into())),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            let pairs = proptest::collection::vec(("[a-c]{1,3}", inner.clone()), 0..5);
            prop_oneof![
                proptest::collection::vec(inner, 0..5).prop_map(Value::List),
                pairs.prop_map(|pairs| Value::Map(Map::from_pairs(pairs).unwrap_or_default())),
            ]
        })
    }

    fn item(path: &str, state: u8, value: &Value) -> Vec<u8> {
        let mut out = (path.len() as u16).to_be_bytes().to_vec();
        out.extend_from_slice(path.as_bytes());
        out.push(state);
        out.resize(out.len() + [0, 16, 32, 32][usize::from(state)], 7);
        if state != state::COMMITTED {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            out.extend(bytes);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn bodies_are_put_together_as_they_were(items in proptest::collection::vec(("[a-z.]{1,9}", 0u8..4, value()), 0..5)) {
            let mut body = (items.len() as u16).to_be_bytes().to_vec();
            for (path, state, value) in &items {
                body.extend(item(path, *state, value));
            }
            let (mut shape, mut slots, mut back) = (Vec::new(), Vec::new(), Vec::new());
            prop_assert_eq!(parse(&body, &mut shape, &mut slots), Some(()));
            let mut left = slots.iter();
            let template = Template::of(&shape).unwrap();
            template.build(&mut back, |_, out| { left.next()?.write(out); Some(()) }).unwrap();
            prop_assert_eq!(slots_of(&shape).unwrap().len(), slots.len());
            prop_assert_eq!(back, body);
        }

        #[test]
        fn noise_has_no_shape_and_makes_no_body(noise in proptest::collection::vec(any::<u8>(), 0..80)) {
            if parse(&noise, &mut Vec::new(), &mut Vec::new()).is_some() {
                prop_assert_eq!(&noise, &[0, 0]);
            }
            if let Some(template) = Template::of(&noise) {
                let _ = template.build(&mut Vec::new(), |_, _| Some(()));
            }
            let _ = slots_of(&noise);
        }
    }
}
