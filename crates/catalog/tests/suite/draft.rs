//! A catalog drafted from sample lines loads, takes those lines, and leaves CRUDE to a person.

use crate::fixtures::{builtins, fingerprint, json};
use indelible_catalog::catalog::Registry;
use indelible_catalog::draft::draft;
use indelible_catalog::lint::{LintId, lint};
use indelible_catalog::load;
use indelible_catalog::matching::{Envelope, Matched, match_raw};
use indelible_event::{Field, Value};

fn check(lines: &str, least_types: usize) {
    let samples: Vec<Value> = lines.lines().map(json).collect();
    let loaded = load(&draft("product", "A product", &samples));
    assert_eq!(loaded.problems, []);
    let catalog = &loaded.catalogs[0];
    assert!(catalog.types().len() >= least_types, "{}", catalog.types().len());
    let open = lint(catalog).iter().filter(|finding| finding.id == LintId::CrudeMissing).count();
    assert_eq!(open, catalog.types().len());
    let registry = Registry::new([catalog.clone()]);
    let values = json(r#"{"source":{"zone":"UTC"}}"#);
    let envelope = Envelope {
        format: None,
        organization: "o",
        values: &values,
        fingerprint: &fingerprint,
        parse_json: &|_| None,
    };
    let matched = samples.iter().filter(|raw| match match_raw(&registry, raw, &envelope, None) {
        Matched::Event(event) => {
            event.event.text(Field::TypeFrom) == Some("type") && event.event.get(Field::OccurredAt).is_some()
        }
        _ => false,
    });
    let matched = matched.count();
    assert!(matched * 10 >= samples.len() * 6, "{matched} of {}", samples.len());
}

#[test]
fn known_products_can_be_drafted() {
    let github = include_str!("../../../../tests/data/github-panther.ndjson")
        .lines()
        .filter(|line| line.contains("GitHub.Audit"));
    check(&github.collect::<Vec<_>>().join("\n"), 20);
    check(include_str!("../../../../tests/data/cloudtrail-invictus.ndjson"), 100);
    assert!(builtins().len() >= 6);
}
