//! Parquet files of real events, read back by DuckDB and pyarrow and compared value by value with the NDJSON export.

use std::path::Path;
use std::process::Command;

use crate::binary::root;
use crate::service::{login, setup, with};
use indelible_testkit::{Server, examples};
use serde_json::json;

/// Runs a script in the environment that has DuckDB and pyarrow; puts them in when they are missing.
fn python(script: &str, arguments: &[&Path]) -> String {
    let setup = Command::new("bash").arg(root().join("tests/foreign/setup.sh")).output().unwrap();
    assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    let mut python = Command::new(root().join("target/foreign/columns/bin/python"));
    let ran = python.arg(root().join(script)).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// Exports a query as Parquet and as NDJSON, and has them compared.
fn check(server: &Server, query: &str, says: &str) {
    let dir = server.setup().dir();
    let at = server.get("/api/v1/orgs/default").expect(200)["size"].to_string();
    let (parquet, ndjson) = (dir.join("events.parquet"), dir.join("events.ndjson"));
    for (format, path) in [("parquet", &parquet), ("ndjson", &ndjson)] {
        let arguments = ["export", query, "--format", format, "--at", &at, "--out", path.to_str().unwrap()];
        let ran = server.tool(&arguments).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    let said = python("tests/foreign/columns.py", &[&parquet, &ndjson]);
    assert!(said.starts_with(says), "{said}");
}

#[test]
fn duckdb_and_pyarrow_read_what_was_exported() {
    let server = setup().start();
    let trail = root().join("tests/data/cloudtrail-invictus.ndjson");
    let ran = server.tool(&["import", "--format", "cloudtrail", trail.to_str().unwrap()]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let catalogs = ["openkat", "netop", "sanernow"].map(examples::catalog);
    let types = catalogs.iter().flat_map(|catalog| catalog.types().iter().map(move |of| (catalog, of)));
    let mut events: Vec<_> = (0..)
        .zip(types.cycle().take(1_150))
        .map(|(n, (catalog, of))| examples::event(catalog, of, n))
        .collect();
    let odd = json!({
        "message": "a\tb \u{202e} \u{1f600}", "producer": { "name": "p", "instance": "i", "seq": 7 },
        "actor": { "id": "u", "roles": [], "groups": ["a", "", "b,c"], "mfa": true },
        "targets": [{ "id": "t", "labels": ["x"] }, { "name": "n" }], "origin": { "port": 65_535 },
        "data": { "deep": [1, { "n": -2.5 }, null, "x"] },
    });
    events.push(with(login(1), &odd));
    for batch in events.chunks(600) {
        let answer = server.send(&json!({ "events": batch })).expect(200);
        assert_eq!(answer["counts"]["stored"], batch.len(), "{}", answer["counts"]);
    }
    check(&server, "catalog:cloudtrail", "2900 events, ");
    check(&server, "NOT catalog:cloudtrail NOT catalog:indelible", "1151 events, ");
    check(&server, "code:none", "0 events, ");
    let beyond = server
        .tool(&["export", "--format", "parquet", "--at", "999999", "--out", "/dev/null"])
        .output()
        .unwrap();
    assert_eq!(beyond.status.code(), Some(2), "a refusal within the stream is no event");
    assert!(String::from_utf8_lossy(&beyond.stderr).contains("cannot be read as of 999999"));
}
