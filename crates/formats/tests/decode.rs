//! The decoders against real files, hostile bytes and other people's implementations.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use indelible_event::{Map, Value};
use indelible_formats::{Code, Format, Raw, csv_out, json_out, layout, parse_json, rfc3339};
use proptest::prelude::*;

const CLOUDTRAIL: &[u8] = include_bytes!("../../../tests/data/cloudtrail-invictus.ndjson");
const OPENKAT_RUN: &[u8] = include_bytes!("../../../tests/data/openkat-run.jsonl");
const OPENKAT_SAMPLES: &[u8] = include_bytes!("../../../tests/data/openkat-samples.jsonl");
const MINVWS: &[u8] = include_bytes!("../../../tests/data/minvws_rabbit.json");
const PANTHER: [(&[u8], usize); 3] = [
    (include_bytes!("../../../tests/data/github-panther.ndjson"), 125),
    (include_bytes!("../../../tests/data/okta-panther.ndjson"), 143),
    (include_bytes!("../../../tests/data/k8s-panther.ndjson"), 270),
];
const NETOP_HEADER: &str = include_str!("../../../tests/data/netop_log_report_header.csv");
const SANERNOW_HEADER: &str = include_str!("../../../tests/data/sanernow_columns.csv");

fn all(format: Format, bytes: &[u8]) -> Vec<Raw> {
    format.decode(bytes).collect::<Result<_, _>>().unwrap()
}

fn json(value: &Value) -> String {
    let mut out = String::new();
    json_out::value(&mut out, value);
    out
}

/// The same text read by `serde_json`, rewritten as our value; numbers by their digits.
fn theirs(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| parse_json(number.to_string().as_bytes()).unwrap(), Value::Int)
        }
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(list) => Value::List(list.iter().map(theirs).collect()),
        serde_json::Value::Object(map) => Value::Map(
            Map::from_pairs(map.iter().map(|(key, value)| (key.clone(), theirs(value))).collect()).unwrap(),
        ),
    }
}

#[test]
fn real_files_decode_as_serde_json_reads_them() {
    let files = [
        (Format::CloudTrail, CLOUDTRAIL, 2900),
        (Format::OpenKat, OPENKAT_RUN, 32),
        (Format::OpenKat, OPENKAT_SAMPLES, 8),
        (Format::MinVws, MINVWS, 1),
    ];
    let panther = PANTHER.map(|(bytes, count)| (Format::Match, bytes, count));
    for (format, bytes, count) in files.into_iter().chain(panther) {
        let raws = all(format, bytes);
        assert_eq!(raws.len(), count, "{format}");
        for raw in raws {
            let their: serde_json::Value = serde_json::from_slice(&bytes[raw.bytes]).unwrap();
            assert_eq!(raw.value, theirs(&their), "{format} row {}", raw.row);
        }
    }
}

#[test]
fn a_records_file_equals_its_lines() {
    let lines = std::str::from_utf8(CLOUDTRAIL).unwrap().lines().take(50).collect::<Vec<_>>();
    let file = format!("{{\"Records\": [\n{}\n]}}", lines.join(",\n"));
    let values = |raws: Vec<Raw>| raws.into_iter().map(|raw| raw.value).collect::<Vec<_>>();
    assert_eq!(
        values(all(Format::CloudTrail, file.as_bytes())),
        values(all(Format::CloudTrail, lines.join("\n").as_bytes()))
    );
}

#[test]
fn report_headers_are_the_layouts() {
    assert_eq!(NETOP_HEADER.trim().split(',').collect::<Vec<_>>(), layout::NETOP_COLUMNS);
    assert_eq!(SANERNOW_HEADER.trim().split(',').collect::<Vec<_>>(), layout::SANERNOW_COLUMNS);
    assert!(all(Format::Netop, NETOP_HEADER.as_bytes()).is_empty());
    let error = Format::Netop.decode(SANERNOW_HEADER.as_bytes()).next().unwrap().unwrap_err();
    assert_eq!((error.row, error.code), (0, Code::Malformed));
    assert!(error.message.contains("\"Source\" is missing"), "{error}");
}

#[test]
fn an_error_reads_as_a_sentence() {
    let error = Format::Match.decode(b"{}\n{\"a\":1,\"a\":2}").last().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 2, byte 10, at /a: the same name appears twice in an object; send each name once"
    );
}

fn values() -> impl Strategy<Value = Value> {
    let exact = -(1i64 << 53)..=1i64 << 53;
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        exact.prop_map(Value::Int),
        (any::<i32>(), 1u32..1000)
            .prop_map(|(whole, part)| { parse_json(format!("{whole}.{part:03}1").as_bytes()).unwrap() }),
        any::<String>().prop_map(|text| Value::Text(text.replace('\0', ""))),
    ];
    scalar.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map("[^\0]{0,6}", inner, 0..6)
                .prop_map(|map| Value::Map(Map::from_pairs(map.into_iter().collect()).unwrap())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_we_write_we_read(value in values()) {
        let text = json(&value);
        prop_assert_eq!(parse_json(text.as_bytes()).unwrap(), value.clone());
        let their: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert!(their.is_object() == value.as_map().is_some());
    }

    #[test]
    fn we_accept_only_what_serde_json_accepts(text in r#"[\[\]{}":,0-9eE+.\\untrfalse -]{0,24}"#) {
        if parse_json(text.as_bytes()).is_ok() {
            // A number too large for a float is the one thing that we read and serde_json does not.
            let their = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert!(their.as_ref().is_ok() || their.unwrap_err().to_string().contains("out of range"), "{}", text);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in Format::ALL {
            for raw in format.decode(&bytes).take(1000).flatten() {
                prop_assert!(raw.bytes.end <= bytes.len());
            }
        }
    }

    #[test]
    fn no_text_of_the_formats_panics(text in r#"(\{"(events|Records)":\[|[\[\]{}",;\t\r\n]|AuditLog: |[a-c0-9=é]){0,40}"#) {
        for format in Format::ALL {
            prop_assert!(format.decode(text.as_bytes()).take(1000).count() < 1000);
        }
    }

    #[test]
    fn csv_rows_survive(cells in prop::collection::vec(prop::collection::vec("[^\0\r]{0,8}", 3), 1..6)) {
        let mut writer = csv_out::Writer::default();
        let mut out = String::new();
        writer.row(&mut out, ["a", "b", "c"]);
        for row in &cells {
            writer.row(&mut out, row.iter().map(String::as_str));
        }
        let guarded = |cell: &String| if cell.starts_with(['=', '+', '-', '@', '\t']) { format!("'{cell}") } else { cell.clone() };
        let expected: Vec<Vec<String>> = cells.iter().map(|row| row.iter().map(guarded).collect()).collect();
        let ours: Vec<Vec<String>> = indelible_formats::Rows::new(out.as_bytes(), &[])
            .map(|raw| raw.unwrap().value.as_map().unwrap().iter().map(|(_, v)| v.as_text().unwrap().to_owned()).collect())
            .collect();
        prop_assert_eq!(&ours, &expected);
        let mut reader = csv::Reader::from_reader(out.as_bytes());
        let their: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        prop_assert_eq!(&their, &expected);
    }

    #[test]
    fn times_survive(seconds in -62_135_596_800i64..253_402_300_000, nanos in 0u32..1_000_000_000, offset in -1080i16..=1080) {
        let time = indelible_event::Time { seconds, nanos, offset_minutes: Some(offset) };
        let text = rfc3339::text(time);
        if !text.starts_with(['+', '-']) {
            prop_assert_eq!(rfc3339::parse(&text), Some(time));
        }
    }
}
