//! Lint findings as SARIF 2.1.0, the form in which code hosts and editors take them
//! (docs.oasis-open.org/sarif/sarif/v2.1.0).

use std::collections::BTreeSet;

use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The document of a run, from the rows that the table shows.
pub(super) fn document(rows: &[Value]) -> Value {
    let rules: BTreeSet<&str> = rows.iter().map(|row| text(row, "finding")).collect();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    let driver = json!({ "name": "indelible", "version": env!("CARGO_PKG_VERSION"), "rules": rules });
    let results: Vec<Value> = rows.iter().map(result).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results, "columnKind": "unicodeCodePoints" }],
    })
}

fn text<'a>(row: &'a Value, member: &str) -> &'a str {
    row.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn result(row: &Value) -> Value {
    let level = match text(row, "level") {
        "error" => "error",
        "warning" => "warning",
        _ => "note",
    };
    let subject = text(row, "subject");
    let about = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
    let mut result = json!({
        "ruleId": text(row, "finding"),
        "level": level,
        "message": { "text": format!("{}: {about}{}", text(row, "catalog"), text(row, "message")) },
    });
    if let Some(location) = location(text(row, "place")) {
        result["locations"] = json!([{ "physicalLocation": location }]);
    }
    // What the author expects is reported as such, so that only the rest is counted as open.
    if text(row, "status") == "expected" {
        result["suppressions"] = json!([{ "kind": "external", "justification": text(row, "reason") }]);
    }
    result
}

/// `file:line` or `file`.
fn location(place: &str) -> Option<Value> {
    let (file, line) = match place.rsplit_once(':') {
        Some((file, line)) => (file, line.parse::<u32>().ok()),
        None => (place, None),
    };
    let artifact = json!({ "uri": file });
    let mut location = json!({ "artifactLocation": artifact });
    if let Some(line) = line {
        location["region"] = json!({ "startLine": line });
    }
    (!file.is_empty()).then_some(location)
}
