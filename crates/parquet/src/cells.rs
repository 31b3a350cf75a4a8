//! The values of one column that wait for their row group to be written, in the form that the format wants them: values
//! alone, and levels that say where there is none.

use indelible_event::{Map, Value};
use indelible_formats::{json_out, rfc3339};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;

use crate::columns::{Column, Shape};
use crate::error::ParquetError;

/// Level of a list that is absent, of one that is empty, and of one with an element here.
const NO_LIST: i16 = 0;
const EMPTY_LIST: i16 = 1;
const ELEMENT: i16 = 2;

/// Values of one column.
#[derive(Debug)]
pub(crate) struct Cells {
    column: &'static Column,
    values: Values,
    /// How much of the value there is: nothing (0), or all of it.
    defined: Vec<i16>,
    /// Whether an element goes on a list (1) or begins a row (0); only of lists.
    repeated: Vec<i16>,
}

#[derive(Debug)]
enum Values {
    Ints(Vec<i64>),
    Bools(Vec<bool>),
    Bytes(Vec<ByteArray>),
}

impl Cells {
    pub(crate) fn new(column: &'static Column) -> Self {
        let values = match column.shape {
            Shape::Int | Shape::Unsigned | Shape::Time => Values::Ints(Vec::new()),
            Shape::Bool => Values::Bools(Vec::new()),
            Shape::Text | Shape::Json | Shape::Texts => Values::Bytes(Vec::new()),
        };
        Self { column, values, defined: Vec::new(), repeated: Vec::new() }
    }

    /// Takes the column's value of an event, the `row`th from 1. Returns the bytes it takes.
    pub(crate) fn push(&mut self, event: &Map, row: u64) -> std::result::Result<usize, ParquetError> {
        let value = at_path(event, self.column.path).filter(|value| !matches!(value, Value::Null));
        let unexpected = |found: &str, expected| ParquetError::Unexpected {
            row,
            column: self.column.name.clone(),
            found: found.to_owned(),
            expected,
        };
        let Some(value) = value else {
            if self.column.required {
                return Err(unexpected("absent", "there"));
            }
            self.defined.push(NO_LIST);
            if self.column.shape == Shape::Texts {
                self.repeated.push(0);
            }
            return Ok(2);
        };
        let kind = value.kind_name();
        let bytes = match (self.column.shape, value) {
            (Shape::Texts, Value::List(items)) => self.push_list(items),
            (Shape::Json, value) => {
                let mut text = String::new();
                json_out::value(&mut text, value);
                Some(self.bytes(text.into_bytes()))
            }
            (Shape::Text, Value::Text(text)) => Some(self.bytes(text.clone().into_bytes())),
            (Shape::Bool, Value::Bool(value)) => self.bool(*value),
            (Shape::Time, value) => match nanos(value) {
                Some(Ok(nanos)) => self.int(nanos),
                Some(Err(())) => {
                    return Err(ParquetError::TimeBeyond { row, column: self.column.name.clone() });
                }
                None => None,
            },
            (Shape::Int, Value::Int(number)) => self.int(*number),
            (Shape::Unsigned, value) => unsigned(value).and_then(|number| self.int(number)),
            _ => None,
        };
        bytes.ok_or_else(|| unexpected(kind, expected(self.column.shape)))
    }

    fn bytes(&mut self, bytes: Vec<u8>) -> usize {
        let length = bytes.len();
        if let Values::Bytes(values) = &mut self.values {
            values.push(bytes.into());
            self.defined.push(1);
        }
        length + size_of::<ByteArray>()
    }

    fn int(&mut self, number: i64) -> Option<usize> {
        let Values::Ints(values) = &mut self.values else { return None };
        values.push(number);
        self.defined.push(1);
        Some(size_of::<i64>())
    }

    fn bool(&mut self, value: bool) -> Option<usize> {
        let Values::Bools(values) = &mut self.values else { return None };
        values.push(value);
        self.defined.push(1);
        Some(1)
    }

    fn push_list(&mut self, items: &[Value]) -> Option<usize> {
        let texts = items.iter().map(Value::as_text).collect::<Option<Vec<_>>>()?;
        let Values::Bytes(values) = &mut self.values else { return None };
        if texts.is_empty() {
            self.defined.push(EMPTY_LIST);
            self.repeated.push(0);
        }
        for (at, text) in texts.iter().enumerate() {
            values.push(text.as_bytes().to_vec().into());
            self.defined.push(ELEMENT);
            self.repeated.push(i16::from(at > 0));
        }
        Some(texts.iter().map(|text| text.len() + size_of::<ByteArray>()).sum())
    }

    /// Writes the values of the row group and forgets them.
    pub(crate) fn write(&mut self, mut out: SerializedColumnWriter<'_>) -> Result<()> {
        let defined = (!self.column.required).then_some(self.defined.as_slice());
        let repeated = (self.column.shape == Shape::Texts).then_some(self.repeated.as_slice());
        match &mut self.values {
            Values::Ints(values) => {
                out.typed::<Int64Type>().write_batch(values, defined, repeated)?;
                values.clear();
            }
            Values::Bools(values) => {
                out.typed::<BoolType>().write_batch(values, defined, repeated)?;
                values.clear();
            }
            Values::Bytes(values) => {
                out.typed::<ByteArrayType>().write_batch(values, defined, repeated)?;
                values.clear();
            }
        }
        self.defined.clear();
        self.repeated.clear();
        out.close()
    }
}

fn at_path<'a>(event: &'a Map, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((parent, name)) => event.get(parent)?.as_map()?.get(name),
        None => event.get(path),
    }
}

/// Nanoseconds since 1970; the error is a time that they do not hold.
fn nanos(value: &Value) -> Option<std::result::Result<i64, ()>> {
    let time = match value {
        Value::Text(text) => rfc3339::parse(text)?,
        Value::Time(time) => *time,
        _ => return None,
    };
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    Some(i64::try_from(nanos).map_err(|_| ()))
}

/// The bits of an unsigned number, which the format keeps in a signed one.
fn unsigned(value: &Value) -> Option<i64> {
    let number: u64 = match value {
        Value::Int(number) => u64::try_from(*number).ok()?,
        Value::Decimal(text) | Value::Text(text) => text.parse().ok()?,
        _ => return None,
    };
    Some(number.cast_signed())
}

fn expected(shape: Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Json => "text",
        Shape::Int | Shape::Unsigned => "a whole number",
        Shape::Bool => "true or false",
        Shape::Time => "a time",
        Shape::Texts => "a list of texts",
    }
}
