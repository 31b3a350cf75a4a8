//! Every case that the authors of the built-in catalogs wrote.

use crate::fixtures::{builtins, fingerprint};
use indelible_catalog::cases::{Decoders, run_cases};
use indelible_event::Value;
use indelible_formats::{Format, parse_json};

fn decode(format: &str, line: &str) -> Result<Value, String> {
    let format: Format =
        if format == "ndjson" { Format::Match } else { format.parse().map_err(|e| format!("{e}"))? };
    let record = format.decode(line.as_bytes()).next().ok_or("there is no record")?;
    record.map(|raw| raw.value).map_err(|error| error.to_string())
}

#[test]
fn every_case_passes() {
    let registry = builtins();
    let json = |text: &str| parse_json(text.as_bytes()).ok();
    let decoders = Decoders { decode: &decode, parse_json: &json, fingerprint: &fingerprint };
    let mut failed = Vec::new();
    let mut count = 0;
    for catalog in registry.iter() {
        for result in run_cases(&registry, catalog, &decoders) {
            count += 1;
            if !result.differences.is_empty() {
                failed.push(format!(
                    "{}:{} {}: {}",
                    result.place.file,
                    result.place.line,
                    result.name,
                    result.differences.join("; ")
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} cases fail:\n{}", failed.len(), failed.join("\n"));
    assert!(count > 20, "only {count} cases ran");
}
