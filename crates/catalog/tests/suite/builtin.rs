//! The built-in catalogs load, and lint finds in them exactly what their authors expect.

use crate::fixtures::builtins;
use indelible_catalog::lint::report;

#[test]
fn lint_finds_what_is_expected() {
    let mut wrong = Vec::new();
    for catalog in builtins().iter() {
        let report = report(catalog);
        let new = report.new_findings();
        wrong.extend(
            new.map(|f| format!("{}: new {} {}: {}", catalog.id, f.id.as_str(), f.subject, f.message)),
        );
        wrong.extend(report.vanished.iter().map(|(known, found)| {
            format!(
                "{}: {} expected {} times, found {found} {:?}",
                catalog.id, known.id, known.count, known.codes
            )
        }));
        wrong.extend(
            report.counts.iter().map(|c| format!("{}: {} expected {}, found {}", catalog.id, c.0, c.1, c.2)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
