//! The step that a change of a catalog needs, and refusal of a smaller one.

use indelible_catalog::catalog::Catalog;
use indelible_catalog::diff::{CatalogError, Step, checked_diff, diff};
use indelible_catalog::{Source, load};
use std::sync::Arc;

const TYPES: &str = r#"type = [
  { code = "1", entity = "Door", action = "OPEN", crude = "U", outcome = "success", title = "Door opened", text = "Opened.", params = [{ name = "width", type = "int", class = "public" }] },
  { code = "2", entity = "Door", action = "SHUT", crude = "U", outcome = "success", title = "Door shut", text = "Shut." },
]
"#;

fn catalog(version: &str, types: &str) -> Arc<Catalog> {
    let head = format!("catalog = {{ id = \"doors\", version = \"{version}\", title = \"Doors\" }}\n");
    let files = [("doors/catalog.toml", head), ("doors/types.toml", types.to_owned())];
    let files: Vec<_> =
        files.into_iter().map(|(name, text)| Source { name: name.to_owned(), text }).collect();
    let loaded = load(&files);
    assert_eq!(loaded.problems, []);
    loaded.catalogs[0].clone()
}

#[test]
fn each_change_has_its_step() {
    let cases = [
        (
            "crude = \"U\", outcome = \"success\", title = \"Door opened\"",
            "crude = \"E\", outcome = \"success\", title = \"Door opened\"",
            Step::Major,
        ),
        (
            "outcome = \"success\", title = \"Door shut\"",
            "outcome = \"failure\", title = \"Door shut\"",
            Step::Major,
        ),
        ("entity = \"Door\", action = \"SHUT\"", "entity = \"Gate\", action = \"SHUT\"", Step::Major),
        ("type = \"int\"", "type = \"text\"", Step::Major),
        ("class = \"public\"", "class = \"personal(actor)\"", Step::Major),
        ("code = \"2\"", "code = \"3\"", Step::Major),
        (
            "\n]\n",
            "\n  { code = \"3\", entity = \"Door\", action = \"LOCK\", crude = \"U\", title = \"Door locked\" },\n]\n",
            Step::Minor,
        ),
        ("title = \"Door shut\"", "title = \"Door shut\", severity = \"high\"", Step::Minor),
        ("text = \"Shut.\"", "text = \"It was shut.\"", Step::Patch),
        ("type = [", "# a remark\ntype = [", Step::Patch),
    ];
    let old = catalog("1.0.0", TYPES);
    for (from, to, step) in cases {
        assert!(TYPES.contains(from), "{from}");
        let changed = TYPES.replacen(from, to, 1);
        assert_eq!(diff(&old, &catalog("1.0.1", &changed)).needed, step, "{to}");
    }
    let same = diff(&old, &old);
    assert_eq!((same.needed, same.changes.len()), (Step::None, 0));
}

#[test]
fn a_smaller_step_is_refused_with_the_version_that_would_do() {
    let old = catalog("1.2.3", TYPES);
    let changed = TYPES.replacen("crude = \"U\"", "crude = \"E\"", 1);
    let error = checked_diff(&old, &catalog("1.3.0", &changed)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "catalog doors goes from 1.2.3 to 1.3.0, a minor step, but its changes need a major step; use version 2.0.0 or above"
    );
    assert!(checked_diff(&old, &catalog("2.0.0", &changed)).is_ok());
    assert!(matches!(checked_diff(&old, &catalog("1.0.0", TYPES)), Err(CatalogError::Backwards { .. })));
}
