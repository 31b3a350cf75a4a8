//! Events to columns: what a batch of rows is made of. Reads of an event only what is asked for.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, RecordBatch, RecordBatchOptions, StringViewBuilder,
    TimestampNanosecondBuilder, UInt64Builder,
};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;
use indelible_event::{Field, Kind, Value};
use indelible_formats::json_out;
use indelible_query::EventView;

use crate::columns::{ColumnDef, Source};

/// Rows that are being collected.
pub(crate) struct Rows {
    schema: SchemaRef,
    columns: Vec<(&'static ColumnDef, Builder)>,
    len: usize,
    bytes: usize,
}

enum Builder {
    Int(Int64Builder),
    Number(UInt64Builder),
    Bool(BooleanBuilder),
    Time(TimestampNanosecondBuilder),
    Text(StringViewBuilder),
}

impl Rows {
    /// No rows yet, of these columns. The schema is theirs.
    pub(crate) fn new(schema: SchemaRef, columns: &[&'static ColumnDef]) -> Self {
        let columns = columns.iter().map(|column| (*column, Builder::new(&column.data_type))).collect();
        Self { schema, columns, len: 0, bytes: 0 }
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// About how many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends an event as a row.
    pub(crate) fn push(&mut self, view: &EventView<'_>) {
        for (column, builder) in &mut self.columns {
            self.bytes += builder.push(view, column.source);
        }
        self.len += 1;
    }

    /// The rows, and none are left.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.columns.iter_mut().map(|(_, builder)| builder.finish()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.len));
        (self.len, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}

impl Builder {
    fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int64 => Self::Int(Int64Builder::new()),
            DataType::UInt64 => Self::Number(UInt64Builder::new()),
            DataType::Boolean => Self::Bool(BooleanBuilder::new()),
            DataType::Timestamp(..) => {
                Self::Time(TimestampNanosecondBuilder::new().with_data_type(data_type.clone()))
            }
            _ => Self::Text(StringViewBuilder::new()),
        }
    }

    /// Appends what the event holds; answers about how many bytes that took.
    fn push(&mut self, view: &EventView<'_>, source: Source) -> usize {
        match self {
            Self::Int(out) => out.append_option(integer(view, source)),
            Self::Number(out) => out.append_option(number(view, source)),
            Self::Bool(out) => out.append_option(match source {
                Source::Field(field) => match view.value(field) {
                    Some(Value::Bool(value)) => Some(value),
                    _ => None,
                },
                _ => None,
            }),
            Self::Time(out) => out.append_option(nanos(view, source)),
            Self::Text(out) => return push_text(out, view, source),
        }
        size_of::<i64>()
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Int(out) => Arc::new(out.finish()),
            Self::Number(out) => Arc::new(out.finish()),
            Self::Bool(out) => Arc::new(out.finish()),
            Self::Time(out) => Arc::new(out.finish()),
            Self::Text(out) => Arc::new(out.finish()),
        }
    }
}

fn integer(view: &EventView<'_>, source: Source) -> Option<i64> {
    match source {
        Source::Index => i64::try_from(view.position().index).ok(),
        Source::Field(field) => view.value(field)?.as_int(),
        _ => None,
    }
}

/// The number in the producer's sequence: in the leaf, or in the body of an event that is not in a log yet.
fn number(view: &EventView<'_>, source: Source) -> Option<u64> {
    if source != Source::Sequence {
        return None;
    }
    match view.position().sequence {
        0 => match view.value(Field::ProducerSeq)? {
            Value::Int(number) => u64::try_from(number).ok(),
            Value::Decimal(digits) => digits.parse().ok(),
            _ => None,
        },
        number => Some(number),
    }
}

/// Nanoseconds since 1970, held at the ends of what fits (the years 1677 and 2262).
fn nanos(view: &EventView<'_>, source: Source) -> Option<i64> {
    let held = |nanos: i128| i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX });
    match source {
        Source::Received => Some(held(view.received().0)),
        Source::Occurred => Some(held(view.occurred().0)),
        Source::Field(field) => Some(view.value(field)?.as_time()?.unix_nanos()),
        _ => None,
    }
}

fn push_text(out: &mut StringViewBuilder, view: &EventView<'_>, source: Source) -> usize {
    let mut push = |text: Option<&str>| {
        out.append_option(text);
        text.map_or(0, str::len) + size_of::<u128>()
    };
    match source {
        Source::Id => push(Some(&view.position().id.to_string())),
        Source::Organization => push(Some(view.position().organization)),
        Source::Field(field) if is_text(field) => push(view.text(field)),
        Source::Field(field) => push(view.value(field).map(|value| json(&value)).as_deref()),
        Source::Target(member) => {
            let targets = view.value(Field::Targets);
            let first = targets.as_ref().and_then(Value::as_list).and_then(<[Value]>::first);
            push(first.and_then(Value::as_map).and_then(|target| target.get(member)?.as_text()))
        }
        Source::Params => push(params(view).as_deref()),
        _ => push(None),
    }
}

fn is_text(field: Field) -> bool {
    matches!(field.def().kind, Kind::Text(_) | Kind::Word(_))
}

fn json(value: &Value) -> String {
    let mut text = String::new();
    json_out::value(&mut text, value);
    text
}

/// The parameters as one JSON object; `None` when there are none.
fn params(view: &EventView<'_>) -> Option<String> {
    let mut text = String::from("{");
    view.each_param(&mut |name, value| {
        if text.len() > 1 {
            text.push(',');
        }
        json_out::string(&mut text, name);
        text.push(':');
        json_out::value(&mut text, &value);
    });
    if text.len() == 1 {
        return None;
    }
    text.push('}');
    Some(text)
}
