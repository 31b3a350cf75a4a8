//! The columns of a file: the fields of an event by their paths, and what the log says about it.

use std::sync::{Arc, LazyLock};

use indelible_event::{Field, Kind};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Text.
    Text,
    /// JSON as text: records, parameters, whatever a sender added.
    Json,
    /// A signed number of 64 bits.
    Int,
    /// An unsigned number of 64 bits.
    Unsigned,
    /// True or false.
    Bool,
    /// Nanoseconds since 1970 in UTC.
    Time,
    /// A list of texts.
    Texts,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The path with `_` for dots: a dot would have to be quoted everywhere.
    pub(crate) name: String,
    /// Where the value stands in an event's JSON.
    pub(crate) path: &'static str,
    pub(crate) shape: Shape,
    /// Every event of a log has it.
    pub(crate) required: bool,
}

/// What the log and the catalog say, before the fields and behind them.
const BEFORE: [(&str, Shape, bool); 4] = [
    ("index", Shape::Int, true),
    ("id", Shape::Text, true),
    ("organization", Shape::Text, true),
    ("received_at", Shape::Time, true),
];
const BEHIND: [(&str, Shape, bool); 5] = [
    ("params", Shape::Json, false),
    ("title", Shape::Text, false),
    ("sentence", Shape::Text, false),
    ("erased", Shape::Texts, false),
    ("leaf", Shape::Text, false),
];

/// Every column in the order of a file.
pub(crate) static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let beside = |(path, shape, required): (&'static str, Shape, bool)| Column {
        name: path.to_owned(),
        path,
        shape,
        required,
    };
    let field = |field: &Field| Column {
        name: field.path().replace('.', "_"),
        path: field.path(),
        shape: shape(field.def().kind),
        required: false,
    };
    let fields = Field::ALL.iter().map(field);
    BEFORE.into_iter().map(beside).chain(fields).chain(BEHIND.into_iter().map(beside)).collect()
});

fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Text(_) | Kind::Word(_) => Shape::Text,
        Kind::Int(..) => Shape::Int,
        Kind::Sequence => Shape::Unsigned,
        Kind::Bool => Shape::Bool,
        Kind::Time => Shape::Time,
        Kind::Texts(..) => Shape::Texts,
        Kind::Records(..) | Kind::Record(_) | Kind::Free => Shape::Json,
    }
}

/// The schema of a file.
pub(crate) fn schema() -> Result<TypePtr> {
    let fields = COLUMNS.iter().map(Column::schema).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Type::group_type_builder("event").with_fields(fields).build()?))
}

impl Column {
    fn schema(&self) -> Result<TypePtr> {
        let repetition = if self.required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        if self.shape != Shape::Texts {
            return self.shape.leaf(&self.name, repetition);
        }
        let list = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![Shape::Text.leaf("element", Repetition::REQUIRED)?]);
        let column = Type::group_type_builder(&self.name)
            .with_repetition(repetition)
            .with_logical_type(Some(LogicalType::List))
            .with_converted_type(ConvertedType::LIST)
            .with_fields(vec![Arc::new(list.build()?)]);
        Ok(Arc::new(column.build()?))
    }
}

impl Shape {
    fn leaf(self, name: &str, repetition: Repetition) -> Result<TypePtr> {
        let (physical, logical) = match self {
            Self::Text | Self::Texts => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Self::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
            Self::Int => (Physical::INT64, None),
            Self::Unsigned => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Self::Bool => (Physical::BOOLEAN, None),
            Self::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        };
        let leaf = Type::primitive_type_builder(name, physical);
        Ok(Arc::new(leaf.with_repetition(repetition).with_logical_type(logical).build()?))
    }

    fn title(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Int => "integer, 64 bits",
            Self::Unsigned => "unsigned integer, 64 bits",
            Self::Bool => "true or false",
            Self::Time => "timestamp, ns, UTC",
            Self::Texts => "list of text",
        }
    }
}

/// The columns as a Markdown table.
pub fn reference_page() -> String {
    let row =
        |column: &Column| format!("| `{}` | {} | `{}` |\n", column.name, column.shape.title(), column.path);
    let rows: String = COLUMNS.iter().map(row).collect();
    format!("| column | type | member of the event |\n|---|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_plain() {
        let mut names = HashSet::new();
        for column in COLUMNS.iter() {
            assert!(names.insert(&column.name), "{} twice", column.name);
            assert!(
                column.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{}",
                column.name
            );
        }
        assert_eq!(names.len(), Field::ALL.len() + BEFORE.len() + BEHIND.len());
    }
}
