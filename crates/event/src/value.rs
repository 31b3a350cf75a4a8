//! A value of a field or parameter, and its one canonical encoding.
//!
//! Encoding: a tag byte, then the data; every integer is big-endian. One value has exactly one encoding and the
//! decoder refuses every other (`docs/internals/format.md`, "Values").

use crate::bytes::{DecodeError, Reader};
use crate::number::is_decimal;
use crate::{Map, Time};

/// Deepest nesting of lists and maps in one value: deeper data is somebody's object graph, not a record.
pub const MAX_DEPTH: usize = 16;

/// What a field or parameter holds. Absent is not a value; empty text and null are.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Said to be nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// Any other number, as decimal text in the one spelling of [`crate::decimal`].
    Decimal(String),
    /// Text exactly as received.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A point in time.
    Time(Time),
    /// Values in order.
    List(Vec<Value>),
    /// Values by key.
    Map(Map),
}

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

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// The time, if it is one.
    pub fn as_time(&self) -> Option<Time> {
        if let Self::Time(time) = self { Some(*time) } else { None }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// The kind in words, for messages.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "an integer",
            Self::Decimal(_) => "a decimal number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Time(_) => "a time",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// Levels of lists and maps; 0 for a scalar.
    pub fn depth(&self) -> usize {
        match self {
            Self::List(list) => 1 + list.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(map) => 1 + map.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Appends the canonical encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(tag::NULL),
            Self::Bool(value) => out.push(if *value { tag::TRUE } else { tag::FALSE }),
            Self::Int(number) => {
                out.push(tag::INT);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Decimal(text) => {
                out.push(tag::DECIMAL);
                out.extend_from_slice(&(text.len() as u16).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Self::Text(text) => encode_text(text, out),
            Self::Bytes(bytes) => {
                out.push(tag::BYTES);
                out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                out.extend_from_slice(bytes);
            }
            Self::Time(time) => {
                out.push(tag::TIME);
                out.extend_from_slice(&time.seconds.to_be_bytes());
                out.extend_from_slice(&time.nanos.to_be_bytes());
                out.extend_from_slice(&time.offset_minutes.unwrap_or(Time::OFFSET_UNKNOWN).to_be_bytes());
            }
            Self::List(list) => {
                out.push(tag::LIST);
                out.extend_from_slice(&(list.len() as u32).to_be_bytes());
                for value in list {
                    value.encode(out);
                }
            }
            Self::Map(map) => {
                encode_map_head(map.len(), out);
                for (key, value) in map.iter() {
                    encode_key(key, out);
                    value.encode(out);
                }
            }
        }
    }

    /// Reads one canonical encoding that fills `bytes` whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = read(&mut reader, MAX_DEPTH)?;
        reader.finish()?;
        Ok(value)
    }
}

pub(crate) fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.push(tag::TEXT);
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn encode_map_head(entries: usize, out: &mut Vec<u8>) {
    out.push(tag::MAP);
    out.extend_from_slice(&(entries as u32).to_be_bytes());
}

pub(crate) fn encode_key(key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(key.len() as u16).to_be_bytes());
    out.extend_from_slice(key.as_bytes());
}

fn read(reader: &mut Reader<'_>, depth: usize) -> Result<Value, DecodeError> {
    Ok(match reader.u8()? {
        tag::NULL => Value::Null,
        tag::FALSE => Value::Bool(false),
        tag::TRUE => Value::Bool(true),
        tag::INT => Value::Int(i64::from_be_bytes(reader.array()?)),
        tag::DECIMAL => read_decimal(reader)?,
        tag::TEXT => {
            let length = reader.u32()? as usize;
            Value::Text(reader.text(length)?.to_owned())
        }
        tag::BYTES => {
            let length = reader.u32()? as usize;
            Value::Bytes(reader.take(length)?.to_vec())
        }
        tag::TIME => read_time(reader)?,
        tag::LIST => read_list(reader, depth)?,
        tag::MAP => read_map(reader, depth)?,
        _ => return Err(reader.error("unknown value tag")),
    })
}

fn read_decimal(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let length = usize::from(reader.u16()?);
    let text = reader.text(length)?;
    if is_decimal(text) {
        Ok(Value::Decimal(text.to_owned()))
    } else {
        Err(reader.error("decimal is not in its one spelling"))
    }
}

fn read_time(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let seconds = i64::from_be_bytes(reader.array()?);
    let nanos = reader.u32()?;
    let offset = i16::from_be_bytes(reader.array()?);
    if nanos >= 1_000_000_000 {
        return Err(reader.error("nanoseconds beyond a second"));
    }
    let known = (-Time::MAX_OFFSET_MINUTES..=Time::MAX_OFFSET_MINUTES).contains(&offset);
    if !known && offset != Time::OFFSET_UNKNOWN {
        return Err(reader.error("offset beyond 18 hours"));
    }
    Ok(Value::Time(Time { seconds, nanos, offset_minutes: known.then_some(offset) }))
}

fn read_list(reader: &mut Reader<'_>, depth: usize) -> Result<Value, DecodeError> {
    let depth = depth.checked_sub(1).ok_or_else(|| reader.error("nested too deep"))?;
    let count = reader.u32()? as usize;
    // A value has at least one byte, so a count beyond the input is a lie; do not reserve for it.
    if count > reader.remaining() {
        return Err(reader.error("list longer than the input"));
    }
    (0..count).map(|_| read(reader, depth)).collect::<Result<_, _>>().map(Value::List)
}

fn read_map(reader: &mut Reader<'_>, depth: usize) -> Result<Value, DecodeError> {
    let depth = depth.checked_sub(1).ok_or_else(|| reader.error("nested too deep"))?;
    let count = reader.u32()? as usize;
    if count > reader.remaining() {
        return Err(reader.error("map longer than the input"));
    }
    let mut map = Map::with_capacity(count);
    for _ in 0..count {
        let length = usize::from(reader.u16()?);
        let key = reader.text(length)?.to_owned();
        let value = read(reader, depth)?;
        if !map.push_ascending(key, value) {
            return Err(reader.error("map keys do not ascend"));
        }
    }
    Ok(Value::Map(map))
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Time(time)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Self {
        Self::List(list)
    }
}
