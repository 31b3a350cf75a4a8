//! A broken catalog is refused with file, line, field and remedy; the others keep working.

use indelible_catalog::{Loaded, Source, load};

const GOOD: &str = r#"catalog = { id = "good", version = "1.2.3", title = "Good" }
code = { form = "digits", width = [4, 4], number = "pad", short = "refuse" }
outcome = { by = "fixed" }
"#;
const TYPES: &str = r#"type = [
  { code = "1001", entity = "Door", action = "OPEN", crude = "U", outcome = "success", title = "Door opened", text = "A door was opened." },
  { code = "1002", base_code = "1001", outcome = "failure", title = "Opening a door failed", text = "A door could not be opened." },
]
"#;

fn file(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

fn good() -> Vec<Source> {
    vec![file("good/catalog.toml", GOOD), file("good/types.toml", TYPES)]
}

fn check(files: Vec<Source>, expected: &str) {
    let mut all = good();
    all.extend(files);
    let loaded = load(&all);
    let problems: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.join("\n"), expected);
    let ids: Vec<_> = loaded.catalogs.iter().map(|catalog| catalog.id.as_str()).collect();
    assert_eq!(ids, ["good"]);
}

fn with_types(types: &str) -> Vec<Source> {
    vec![
        file("bad/catalog.toml", "catalog = { id = \"bad\", version = \"1.0.0\", title = \"Bad\" }\n"),
        file("bad/types.toml", types),
    ]
}

fn with_rule(rule: &str) -> Vec<Source> {
    let mut files = with_types("");
    files.push(file("bad/match.toml", rule));
    files
}

#[test]
fn unknown_keys_are_answered_with_the_nearest() {
    let types =
        "type = [\n  { code = \"1\", entity = \"A\", action = \"B\", cruude = \"C\", title = \"T\" },\n]\n";
    check(
        with_types(types),
        "bad/types.toml:2: type[0].cruude: unknown key \"cruude\"; did you mean \"crude\"?",
    );
    check(with_types("typ = []\n"), "bad/types.toml:1: typ: unknown key \"typ\"; did you mean \"type\"?");
}

#[test]
fn words_outside_their_list_are_answered_with_the_list() {
    let types = "type = [{ code = \"1\", entity = \"A\", action = \"B\", crude = \"X\", title = \"T\" }]\n";
    check(
        with_types(types),
        "bad/types.toml:1: type[0].crude: \"X\" is not one of the words allowed here; allowed: C, R, U, D, E",
    );
}

#[test]
fn syntax_and_missing_files_are_told() {
    let loaded = load(&[file("bad/catalog.toml", "catalog = {\n")]);
    assert_eq!(loaded.problems.len(), 1);
    assert!(loaded.problems[0].to_string().starts_with("bad/catalog.toml:"), "{}", loaded.problems[0]);
    let types = vec![file("bad/types.toml", "type = []\n")];
    check(
        types,
        "bad/catalog.toml: catalog: there is no catalog.toml; add one with catalog = { id = …, version = …, title = … }",
    );
    check(
        with_types("type = [{ code = \"1\", crude = \"C\", title = \"T\" }]\n"),
        "bad/types.toml:1: type 1.entity: the type has no entity; add entity = \"…\"\n\
         bad/types.toml:1: type 1.action: the type has no action; add action = \"…\"",
    );
}

#[test]
fn rules_are_read_strictly() {
    let rule = |inner: &str| with_rule(&format!("[[match]]\nid = \"r\"\n{inner}\n"));
    check(
        rule("copy = [\"a -> actor.nmae\"]"),
        "bad/match.toml:3: match[0].copy[0]: \"actor.nmae\" is no place in an event; did you mean \"actor.name\"?; correct it",
    );
    check(
        rule("when = [\"a is purple\"]"),
        "bad/match.toml:3: match[0].when[0]: \"is purple\" has no meaning; allowed: present, absent, text, number, bool, list, object; correct the test",
    );
    check(
        rule("set.code = { path = \"a\", as = \"colour\" }"),
        "bad/match.toml:3: match[0].set.code.as: \"colour\" is not one of the words allowed here; allowed: text, int, bool, time, address, json",
    );
    let long = format!("when = ['a ~ \"{}\"']", "x".repeat(513));
    check(
        rule(&long),
        "bad/match.toml:3: match[0].when[0]: the regular expression has 513 bytes, at most 512 are allowed; correct the test",
    );
    check(
        rule("like = \"other\""),
        "bad/match.toml:3: match[0].like: there is no rule \"other\" above this one; move the rule it is like before it",
    );
}

#[test]
fn policies_stay_within_what_a_finding_may_be() {
    let text = "catalog = { id = \"bad\", version = \"1.0.0\", title = \"Bad\" }\npolicy = { code_unknown = \"skip\" }\n";
    check(
        vec![file("bad/catalog.toml", text)],
        "bad/catalog.toml:2: policy.code_unknown: code_unknown cannot be \"skip\"; allowed: quarantine, reject, flag; choose one of them",
    );
}

#[test]
fn limits_are_named() {
    let rules = (0..65).fold(String::new(), |rules, n| rules + &format!("[[match]]\nid = \"r{n}\"\n"));
    check(
        with_rule(&rules),
        "bad/match.toml: match: there are 65 entries, at most 64 are allowed; use families, or split the catalog",
    );
    let big = format!("# {}\n", "x".repeat(4 * 1024 * 1024));
    let loaded = load(&with_types(&big));
    assert_eq!(loaded.problems.len(), 1);
    assert!(loaded.problems[0].message.contains("at most 4194304"), "{}", loaded.problems[0]);
}

#[test]
fn an_overlay_changes_its_base() {
    let overlay = |extends: &str| {
        let catalog = format!(
            "catalog = {{ id = \"over\", version = \"1.0.0\", title = \"Over\", extends = \"{extends}\" }}\n"
        );
        let types = "type = [\n  { code = \"1001\", remove = true },\n  { code = \"1003\", entity = \"Door\", action = \"LOCK\", crude = \"U\", outcome = \"success\", title = \"Door locked\", means = \"1001\" },\n  { code = \"01004\", entity = \"Door\", action = \"SHUT\", crude = \"U\", title = \"Door shut\", irregular = true },\n]\n";
        let mut files = vec![file("over/catalog.toml", &catalog), file("over/types.toml", types)];
        files.extend(good());
        load(&files)
    };
    let Loaded { catalogs, problems } = overlay("good@1");
    assert_eq!(problems, []);
    let over = catalogs.iter().find(|catalog| catalog.id == "over").unwrap();
    let codes: Vec<_> = over.types().iter().map(|of| of.code.as_str()).collect();
    assert_eq!(codes, ["1002", "1003", "01004"]);
    assert_eq!(over.code.width, (4, 4));
    let wrong = overlay("good@2");
    assert_eq!(wrong.problems[0].message, "the base \"good\" has version 1.2.3, not 2");
    assert_eq!(wrong.catalogs.len(), 1);
    assert!(overlay("nothing@1").problems[0].message.contains("\"nothing\" is not there"));
}

#[test]
fn failures_inherit_from_their_base() {
    let loaded = load(&good());
    let failure = loaded.catalogs[0].type_by_code("1002").unwrap();
    assert_eq!((failure.entity.as_str(), failure.action.as_str()), ("Door", "OPEN"));
    assert_eq!(failure.crude.map(indelible_catalog::word::Crude::as_str), Some("U"));
    assert_eq!(failure.outcome.map(indelible_catalog::word::Outcome::as_str), Some("failure"));
}

#[test]
fn two_folders_cannot_share_a_name() {
    let mut files = good();
    files.push(file("twin/catalog.toml", GOOD));
    let loaded = load(&files);
    assert_eq!(loaded.catalogs.len(), 1);
    assert_eq!(loaded.problems[0].message, "\"good\" is already the name of the catalog in folder good");
}

#[test]
fn the_hash_covers_every_file() {
    let hash = |files: &[Source]| load(files).catalogs[0].hash;
    let mut changed = good();
    changed[1].text.push_str("# a remark\n");
    assert_ne!(hash(&good()), hash(&changed));
    let mut swapped = good();
    swapped.reverse();
    assert_eq!(hash(&good()), hash(&swapped));
}
