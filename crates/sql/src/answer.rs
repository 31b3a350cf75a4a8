//! What a statement answers: columns with types, and rows of values that no longer know the engine.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampNanosecondType, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use indelible_search::Incomplete;
use tokio::sync::mpsc::Receiver;

use crate::error::SqlError;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number of at most 64 bits.
    Integer,
    /// A binary floating point number.
    Number,
    /// A decimal number, as text so that no digit is lost.
    Decimal,
    /// True or false.
    Boolean,
    /// A point in time, nanoseconds since 1970.
    Time,
    /// A date, a duration, a list: shown as text.
    Other,
}

impl Kind {
    pub(crate) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            data_type if data_type.is_integer() => Self::Integer,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Number,
            data_type if data_type.is_decimal() => Self::Decimal,
            DataType::Boolean => Self::Boolean,
            DataType::Timestamp(..) => Self::Time,
            DataType::Dictionary(_, values) => Self::of(values),
            _ => Self::Other,
        }
    }

    /// The name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text | Self::Other => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Time => "time",
        }
    }
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, unlike that of any other column of the answer.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}

/// The columns of a schema; a name that was there before gets a number.
pub(crate) fn columns_of(schema: &Schema) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for field in schema.fields() {
        let taken = |name: &str| columns.iter().any(|column| column.name == name);
        let mut numbered = (2_u32..).map(|number| format!("{}_{number}", field.name()));
        let name = std::iter::once(field.name().clone()).chain(&mut numbered).find(|name| !taken(name));
        columns.push(Column { name: name.unwrap_or_default(), kind: Kind::of(field.data_type()) });
    }
    columns
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Integer(i128),
    /// A binary floating point number.
    Number(f64),
    /// A decimal number or anything else that is shown as text.
    Shown(String),
    /// True or false.
    Boolean(bool),
    /// Nanoseconds since 1970.
    Time(i64),
}

/// Some rows of an answer.
#[derive(Clone, Debug)]
pub struct Rows {
    columns: Vec<(Kind, ArrayRef)>,
    rows: usize,
}

impl Rows {
    pub(crate) fn new(batch: &RecordBatch) -> Result<Self, SqlError> {
        let plain = |array: &ArrayRef| {
            let kind = Kind::of(array.data_type());
            let to = match kind {
                Kind::Text => DataType::Utf8View,
                Kind::Integer if *array.data_type() == DataType::UInt64 => DataType::UInt64,
                Kind::Integer => DataType::Int64,
                Kind::Number => DataType::Float64,
                Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, None),
                Kind::Boolean => DataType::Boolean,
                Kind::Decimal | Kind::Other => return Ok((kind, ArrayRef::clone(array))),
            };
            let array = cast(array, &to).map_err(|error| SqlError::Invalid(error.to_string()))?;
            Ok((kind, array))
        };
        let columns = batch.columns().iter().map(plain).collect::<Result<_, SqlError>>()?;
        Ok(Self { columns, rows: batch.num_rows() })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The value in a row and a column, both counted from zero; [`Cell::Null`] outside.
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some((kind, array)) = self.columns.get(column).filter(|_| row < self.rows) else {
            return Cell::Null;
        };
        if array.is_null(row) {
            return Cell::Null;
        }
        match kind {
            Kind::Text => Cell::Text(array.as_string_view().value(row)),
            Kind::Integer => match array.as_primitive_opt::<UInt64Type>() {
                Some(numbers) => Cell::Integer(i128::from(numbers.value(row))),
                None => Cell::Integer(i128::from(array.as_primitive::<Int64Type>().value(row))),
            },
            Kind::Number => Cell::Number(array.as_primitive::<Float64Type>().value(row)),
            Kind::Boolean => Cell::Boolean(array.as_boolean().value(row)),
            Kind::Time => Cell::Time(array.as_primitive::<TimestampNanosecondType>().value(row)),
            Kind::Decimal | Kind::Other => {
                let shown = ArrayFormatter::try_new(array, &FormatOptions::default());
                shown.map_or(Cell::Null, |shown| Cell::Shown(shown.value(row).to_string()))
            }
        }
    }
}

/// An answer while it arrives. Dropping it ends the statement.
#[derive(Debug)]
pub struct Answer {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Receiver<Result<Part, SqlError>>,
    /// Ends the statement when the answer is dropped.
    pub(crate) _task: AbortOnDrop,
    /// What is known at the end.
    pub(crate) end: Option<End>,
}

/// What is known at the end of an answer.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// Whether there were no more rows than were asked for.
    pub(crate) all: bool,
    /// Events that could not be read.
    pub(crate) lacking: Vec<Incomplete>,
}

/// What arrives of an answer.
#[derive(Debug)]
pub(crate) enum Part {
    Columns(Vec<Column>),
    Rows(Rows),
    /// The end.
    End(End),
}

impl Answer {
    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Rows>, SqlError> {
        match self.rows.recv().await {
            Some(Ok(Part::Rows(rows))) => Ok(Some(rows)),
            Some(Ok(Part::End(end))) => {
                self.end = Some(end);
                Ok(None)
            }
            None if self.end.is_some() => Ok(None),
            Some(Ok(Part::Columns(_))) | None => {
                Err(SqlError::Internal("the statement ended without saying so".to_owned()))
            }
            Some(Err(error)) => Err(error),
        }
    }

    /// Once [`Self::next`] has come to the end: whether that were all rows, and not only as many as were asked for, of all
    /// events.
    pub fn is_complete(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.all && end.lacking.is_empty())
    }

    /// Once [`Self::next`] has come to the end: the events that were left out because their files are damaged.
    pub fn lacking(&self) -> &[Incomplete] {
        self.end.as_ref().map_or(&[], |end| &end.lacking)
    }
}

/// A task that ends when nobody waits for it.
#[derive(Debug)]
pub(crate) struct AbortOnDrop(pub(crate) tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
