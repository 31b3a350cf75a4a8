//! The one list of columns: what each is called, its type, where an event holds it, and which name of the query language
//! asks for it. Made from the table of fields, so that a new field is a new column.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use indelible_event::{Field, Kind};
use indelible_query::{FieldRef, Place, QueryField, ValueKind};

/// Where an event holds a column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Index,
    Id,
    Organization,
    Received,
    /// When it occurred, or was received if it does not say.
    Occurred,
    Sequence,
    Field(Field),
    /// A member of the first target.
    Target(&'static str),
    /// All parameters, as one JSON object.
    Params,
}

/// The name of the query language that finds a column's values.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) field: FieldRef,
    /// Whether it looks at this column and nothing else; otherwise what it finds is more.
    pub(crate) only: bool,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct ColumnDef {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    pub(crate) nullable: bool,
    pub(crate) source: Source,
    pub(crate) asked: Option<Asked>,
    doc: &'static str,
}

/// The columns, in the order of `select *`.
pub(crate) fn columns() -> &'static [ColumnDef] {
    &COLUMNS
}

/// The column of this name.
pub(crate) fn column(name: &str) -> Option<&'static ColumnDef> {
    COLUMNS.iter().find(|column| column.name == name)
}

/// The columns as the engine sees them.
pub(crate) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// The reference page of the columns, as Markdown.
pub fn reference_page() -> String {
    let row = |column: &ColumnDef| {
        let asked = column.asked.as_ref().map(|asked| format!("`{}`", asked.field.def.name));
        let kind = crate::answer::Kind::of(&column.data_type).as_str();
        format!("| `{}` | {kind} | {} | {} |\n", column.name, asked.unwrap_or_default(), column.doc)
    };
    let rows: String = COLUMNS.iter().map(row).collect();
    format!("| column | type | in queries | meaning |\n|---|---|---|---|\n{rows}")
}

/// The type of every time: nanoseconds in UTC.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()))
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |column: &ColumnDef| ArrowField::new(&column.name, column.data_type.clone(), column.nullable);
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
});

static COLUMNS: LazyLock<Vec<ColumnDef>> = LazyLock::new(|| {
    let mut columns = vec![
        always("index", DataType::Int64, Source::Index, "Position in the log."),
        always("id", DataType::Utf8View, Source::Id, "The event's identifier."),
        always(
            "organization",
            DataType::Utf8View,
            Source::Organization,
            "The organization whose log the event is in.",
        ),
        always("received_at", time_type(), Source::Received, "When it was recorded here."),
    ];
    for &field in Field::ALL {
        match field {
            Field::OccurredAt => columns.push(always(
                "occurred_at",
                time_type(),
                Source::Occurred,
                "When the act began, by the producer's clock; when it was received if that is not known.",
            )),
            _ => columns.push(of_field(field)),
        }
        if field == Field::Targets {
            columns.push(of_target("target_id", "id", "Identifier of the first target."));
            columns.push(of_target("target_kind", "kind", "Kind of the first target."));
            columns.push(of_target("target_name", "name", "Name of the first target."));
        }
    }
    columns.push(ColumnDef {
        name: "params".to_owned(),
        data_type: DataType::Utf8View,
        nullable: true,
        source: Source::Params,
        asked: None,
        doc: "The parameters that the catalog declares, as one JSON object; see `param(params, 'name')`.",
    });
    columns
});

/// A column that every event has a value in.
fn always(name: &str, data_type: DataType, source: Source, doc: &'static str) -> ColumnDef {
    let named = |name| FieldRef::named(name).map(|field| Asked { field, only: true });
    let asked = match source {
        Source::Index => named("index"),
        Source::Id => named("id"),
        Source::Received => named("received"),
        Source::Occurred => named("occurred"),
        _ => None,
    };
    ColumnDef { name: name.to_owned(), data_type, nullable: false, source, asked, doc }
}

fn of_field(field: Field) -> ColumnDef {
    let def = field.def();
    let data_type = match def.kind {
        Kind::Int(..) => DataType::Int64,
        Kind::Sequence => DataType::UInt64,
        Kind::Bool => DataType::Boolean,
        Kind::Time => time_type(),
        Kind::Text(_)
        | Kind::Word(_)
        | Kind::Texts(..)
        | Kind::Records(..)
        | Kind::Record(_)
        | Kind::Free => DataType::Utf8View,
    };
    let source = if field == Field::ProducerSeq { Source::Sequence } else { Source::Field(field) };
    let scalar = matches!(
        def.kind,
        Kind::Int(..) | Kind::Sequence | Kind::Bool | Kind::Time | Kind::Text(_) | Kind::Word(_)
    );
    ColumnDef {
        name: def.path.replace('.', "_"),
        data_type,
        nullable: true,
        source,
        asked: scalar.then(|| asked_for(field)).flatten(),
        doc: def.doc,
    }
}

fn of_target(name: &str, member: &'static str, doc: &'static str) -> ColumnDef {
    let asked = FieldRef::named(&format!("target.{member}")).map(|field| Asked { field, only: false });
    let source = Source::Target(member);
    ColumnDef { name: name.to_owned(), data_type: DataType::Utf8View, nullable: true, source, asked, doc }
}

/// The query field that looks at this field alone, or else one that looks at it too.
fn asked_for(field: Field) -> Option<Asked> {
    let looks = |place: &Place| matches!(place, Place::Field(f) | Place::Exact(f) if *f == field);
    // A bound such as `since` is no field to compare.
    let usable = |def: &&QueryField| def.kind != ValueKind::Bound && def.places.iter().any(looks);
    let all = indelible_query::fields();
    let alone = all.iter().filter(usable).find(|def| def.places.len() == 1);
    let found = alone.or_else(|| all.iter().find(usable))?;
    Some(Asked { field: FieldRef { def: found, sub: Vec::new() }, only: found.places.len() == 1 })
}
