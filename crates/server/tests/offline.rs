//! The folder of a stopped store answers from segments and write-ahead log alike, and is left as it was.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_catalog::catalog::Registry;
use indelible_event::{Event, Field, Time, seal, type_tag};
use indelible_server::offline::{Offline, OfflineError};
use indelible_store::append::Append;
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};
use serde_json::{Value, json};

fn append(store: &Store, log: LogNo, numbers: std::ops::Range<i64>) {
    let producer = store.producer(log, "test", "1").unwrap();
    let appends = numbers.map(|n| {
        let mut event = Event::new();
        event.set(Field::Catalog, "test");
        event.set(Field::Code, format!("c{}", n % 7));
        event.set(Field::OccurredAt, Time::from_unix_nanos(1_790_000_000_000_000_000 + n * 60_000_000_000));
        let id = store.new_event_id();
        let sealed = seal(&event, id, &store.event_salt(id), |_| unreachable!("nothing personal")).unwrap();
        Append {
            log,
            id,
            flags: 8,
            type_tag: type_tag("test", event.text(Field::Code).unwrap()),
            producer: Some(producer.clone()),
            sequence: 0,
            key: None,
            content: [0; 16],
            body: sealed.body,
            stored: sealed.stored,
            subjects: Vec::new(),
        }
    });
    store.append_wait(appends.collect(), false).unwrap();
}

/// Every file below a folder with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

fn open(dir: &Path, organization: &str) -> Result<Offline, OfflineError> {
    Offline::open(dir, organization, Registry::new([]))
}

fn pairs(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn segments_and_wal_answer_alike_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let acme =
        store.create_log(&LogSpec { origin: "example.org/log/1".into(), name: "acme".into() }).unwrap();
    let other =
        store.create_log(&LogSpec { origin: "example.org/log/2".into(), name: "other".into() }).unwrap();
    append(&store, acme, 0..3_000);
    append(&store, other, 0..10);
    assert!(store.seal_now());
    append(&store, acme, 3_000..3_500);
    assert!(
        matches!(open(dir.path(), "acme"), Err(OfflineError::Refused(refused)) if refused.code() == "locked")
    );
    store.shutdown();
    drop(store);

    let before = files(dir.path());
    let offline = open(dir.path(), "acme").unwrap();
    let facets = offline.get("facets", &pairs(&[("fields", "code"), ("top", "100")])).unwrap();
    let counts: Vec<u64> = facets["items"][0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["count"].as_u64().unwrap())
        .collect();
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (7, 3_500));
    let bars = offline.get("histogram", &pairs(&[("width", "hour"), ("q", "index:2900..3099")])).unwrap();
    assert_eq!(bars["events"], 200, "across the end of the segment");
    let page =
        offline.get("events", &pairs(&[("q", "code:c3"), ("count", "exact"), ("limit", "5")])).unwrap();
    assert_eq!((&page["count"]["value"], page["items"].as_array().unwrap().len()), (&Value::from(500), 5));
    let next = page["next_cursor"].as_str().unwrap();
    let second =
        offline.get("events", &pairs(&[("q", "code:c3"), ("limit", "5"), ("cursor", next)])).unwrap();
    assert_ne!(second["items"], page["items"]);
    let mut streamed = String::new();
    let mut write = |chunk: String| {
        streamed += &chunk;
        true
    };
    offline.stream(&pairs(&[("sort", "index")]), &mut write).unwrap();
    assert_eq!(streamed.lines().count(), 3_501);
    let end: Value = serde_json::from_str(streamed.lines().last().unwrap()).unwrap();
    assert_eq!((&end["end"]["rows"], &end["end"]["complete"]), (&Value::from(3_500), &Value::from(true)));
    let refused = offline.get("suggest", &[]).unwrap_err();
    assert!(refused.detail.contains("ask a running server"), "{}", refused.detail);
    let offline = Arc::new(offline);
    let mut lines = String::new();
    let asked = offline.sql(("select count(*) as n from events where code = 'c3'", None), &mut |line| {
        lines += &line;
        true
    });
    if cfg!(feature = "sql") {
        asked.unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[1..], [json!([500]), json!({ "end": { "rows": 1, "complete": true } })]);
    } else {
        let missing = asked.unwrap_err();
        assert_eq!((missing.code.status(), lines.as_str()), (501, ""));
        assert!(missing.detail.contains("--features sql"), "{}", missing.detail);
    }
    drop(offline);
    assert!(before == files(dir.path()), "reading changed the folder");
}

#[test]
fn what_cannot_be_opened_is_told_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = open(dir.path(), "acme").unwrap_err();
    assert!(matches!(&nothing, OfflineError::Refused(refused) if refused.code() == "missing"), "{nothing}");
    assert!(files(dir.path()).is_empty(), "no store is founded by looking");
    let (store, _) = Store::open(dir.path(), Options::default()).unwrap();
    store.create_log(&LogSpec { origin: "example.org/log/1".into(), name: "acme".into() }).unwrap();
    store.shutdown();
    drop(store);
    let error = open(dir.path(), "amce").unwrap_err();
    assert!(error.to_string().contains("it has acme"), "{error}");
    let damaged = dir.path().join("node.id");
    std::fs::File::create(&damaged).unwrap();
    assert!(
        matches!(open(dir.path(), "acme"), Err(OfflineError::Refused(refused)) if refused.code() == "corrupt")
    );
}
