//! A value of an event, decoded or still encoded, walked without copying. Encoded bytes were checked when they were
//! written; whatever does not decode is treated as absent, never as a reason to panic.

use indelible_event::Value;

use crate::time::Instant;

/// A value as a test sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Held<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Decimal(&'a str),
    Text(&'a str),
    Time(Instant),
    Id([u8; 16]),
    /// Bytes, a list or a map: there is something, but nothing to compare.
    Other,
}

/// A value to walk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tree<'a> {
    Value(&'a Value),
    Encoded(&'a [u8]),
}

/// Receives values until it returns true.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(Held<'_>) -> bool;

mod tag {
    pub(super) const NULL: u8 = 0x00;
    pub(super) const FALSE: u8 = 0x01;
    pub(super) const TRUE: u8 = 0x02;
    pub(super) const INT: u8 = 0x03;
    pub(super) const DECIMAL: u8 = 0x04;
    pub(super) const TEXT: u8 = 0x05;
    pub(super) const BYTES: u8 = 0x06;
    pub(super) const TIME: u8 = 0x07;
    pub(super) const LIST: u8 = 0x08;
    pub(super) const MAP: u8 = 0x09;
}
/// Encoded length of a time's data: seconds, nanoseconds, offset.
const TIME_BYTES: usize = 8 + 4 + 2;

impl<'a> Tree<'a> {
    /// What the value is.
    pub(crate) fn held(self) -> Held<'a> {
        match self {
            Self::Value(value) => match value {
                Value::Null => Held::Null,
                Value::Bool(value) => Held::Bool(*value),
                Value::Int(number) => Held::Int(i128::from(*number)),
                Value::Decimal(text) => Held::Decimal(text),
                Value::Text(text) => Held::Text(text),
                Value::Time(time) => Held::Time((*time).into()),
                Value::Bytes(_) | Value::List(_) | Value::Map(_) => Held::Other,
            },
            Self::Encoded(bytes) => held_encoded(bytes).unwrap_or(Held::Other),
        }
    }

    /// The value itself; `None` when it cannot be read.
    pub(crate) fn decode(self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value.clone()),
            Self::Encoded(bytes) => Value::decode(bytes).ok(),
        }
    }

    /// The member of a map.
    pub(crate) fn member(self, key: &str) -> Option<Tree<'a>> {
        match self {
            Self::Value(value) => value.as_map()?.get(key).map(Tree::Value),
            Self::Encoded(bytes) => member_encoded(bytes, key.as_bytes()).map(Tree::Encoded),
        }
    }

    /// Calls `f` with each entry of a map, or each item of a list under the name "", until it returns true; false when
    /// it never did.
    pub(crate) fn children(self, f: &mut dyn FnMut(&'a str, Tree<'a>) -> bool) -> bool {
        match self {
            Self::Value(Value::Map(map)) => map.iter().any(|(key, value)| f(key, Tree::Value(value))),
            Self::Value(Value::List(list)) => list.iter().any(|value| f("", Tree::Value(value))),
            Self::Value(_) => false,
            Self::Encoded(bytes) => entries_encoded(bytes, &mut |key, value| f(key, Tree::Encoded(value))),
        }
    }

    pub(crate) fn is_list(self) -> bool {
        match self {
            Self::Value(value) => matches!(value, Value::List(_)),
            Self::Encoded(bytes) => bytes.first() == Some(&tag::LIST),
        }
    }

    /// Visits the value, or each item of a list.
    pub(crate) fn visit(self, f: Visit<'_>) -> bool {
        if self.is_list() {
            // An empty list is still something that is present.
            let mut empty = true;
            return self.children(&mut |_, item| {
                empty = false;
                item.visit(f)
            }) || (empty && f(Held::Other));
        }
        f(self.held())
    }

    /// Visits every scalar inside.
    pub(crate) fn visit_deep(self, f: Visit<'_>) -> bool {
        match self.held() {
            Held::Other => self.children(&mut |_, child| child.visit_deep(f)),
            held => f(held),
        }
    }

    /// Visits what stands at `path`; names apply to the items of lists on the way.
    pub(crate) fn visit_at(self, path: &[&str], f: Visit<'_>) -> bool {
        let Some((first, rest)) = path.split_first() else { return self.visit(f) };
        if self.is_list() {
            return self.children(&mut |_, item| item.visit_at(path, f));
        }
        self.member(first).is_some_and(|member| member.visit_at(rest, f))
    }
}

fn held_encoded(bytes: &[u8]) -> Option<Held<'_>> {
    let (tag, data) = bytes.split_first()?;
    Some(match *tag {
        tag::NULL => Held::Null,
        tag::FALSE => Held::Bool(false),
        tag::TRUE => Held::Bool(true),
        tag::INT => Held::Int(i128::from(i64::from_be_bytes(data.try_into().ok()?))),
        tag::DECIMAL => Held::Decimal(std::str::from_utf8(data.get(2..)?).ok()?),
        tag::TEXT => Held::Text(std::str::from_utf8(data.get(4..)?).ok()?),
        tag::TIME => {
            let (seconds, nanos) = (data.get(..8)?.try_into().ok()?, data.get(8..12)?.try_into().ok()?);
            Held::Time(Instant::new(i64::from_be_bytes(seconds), u32::from_be_bytes(nanos)))
        }
        _ => Held::Other,
    })
}

/// The encoded value of a key. Compares bytes and checks nothing that it passes over: this is where a scan spends its time.
fn member_encoded<'a>(bytes: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let (tag, mut rest) = bytes.split_first()?;
    if *tag != tag::MAP {
        return None;
    }
    for _ in 0..take_u32(&mut rest)? {
        let length = usize::from(take_u16(&mut rest)?);
        let name = take(&mut rest, length)?;
        let length = value_length(rest)?;
        // Keys ascend.
        if name >= key {
            return (name == key).then(|| take(&mut rest, length))?;
        }
        take(&mut rest, length)?;
    }
    None
}

/// Calls `f` with the entries of an encoded map or list until it returns true.
fn entries_encoded<'a>(bytes: &'a [u8], f: &mut dyn FnMut(&'a str, &'a [u8]) -> bool) -> bool {
    walk_entries(bytes, f).unwrap_or(false)
}

fn walk_entries<'a>(bytes: &'a [u8], f: &mut dyn FnMut(&'a str, &'a [u8]) -> bool) -> Option<bool> {
    let (tag, mut rest) = bytes.split_first()?;
    let named = match *tag {
        tag::MAP => true,
        tag::LIST => false,
        _ => return None,
    };
    let count = take_u32(&mut rest)?;
    for _ in 0..count {
        let key = if named {
            let length = usize::from(take_u16(&mut rest)?);
            std::str::from_utf8(take(&mut rest, length)?).ok()?
        } else {
            ""
        };
        let length = value_length(rest)?;
        if f(key, take(&mut rest, length)?) {
            return Some(true);
        }
    }
    Some(false)
}

/// Length of the encoded value at the start of `bytes`.
fn value_length(bytes: &[u8]) -> Option<usize> {
    let (tag, mut rest) = bytes.split_first()?;
    let data = match *tag {
        tag::NULL | tag::FALSE | tag::TRUE => 0,
        tag::INT => 8,
        tag::DECIMAL => 2 + usize::from(take_u16(&mut rest)?),
        tag::TEXT | tag::BYTES => 4 + take_u32(&mut rest)? as usize,
        tag::TIME => TIME_BYTES,
        tag::LIST | tag::MAP => {
            let mut left = rest;
            for _ in 0..take_u32(&mut left)? {
                if *tag == tag::MAP {
                    let key = usize::from(take_u16(&mut left)?);
                    take(&mut left, key)?;
                }
                let length = value_length(left)?;
                take(&mut left, length)?;
            }
            rest.len() - left.len()
        }
        _ => return None,
    };
    Some(1 + data)
}

pub(crate) fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

pub(crate) fn take_u16(bytes: &mut &[u8]) -> Option<u16> {
    take(bytes, 2)?.try_into().ok().map(u16::from_be_bytes)
}

pub(crate) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes, 4)?.try_into().ok().map(u32::from_be_bytes)
}
