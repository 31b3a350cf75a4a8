//! Parts of the language that the built-in catalogs use little or not at all.

use crate::fixtures::{fingerprint, json};
use indelible_catalog::catalog::Registry;
use indelible_catalog::explain::explain;
use indelible_catalog::finding::{FindingId, Level};
use indelible_catalog::flatten::flatten;
use indelible_catalog::matching::{Envelope, Matched, MatchedEvent, match_raw};
use indelible_catalog::policy::{Verdict, verdict};
use indelible_catalog::{Source, load};
use indelible_event::{Event, Field, Value};

const HEAD: &str = r#"catalog = { id = "doors", version = "1.0.0", title = "Doors" }
"#;
const TYPES: &str = r#"
entity = [{ id = "Door" }]
type = [{ code = "T1000", entity = "Door", action = "OPEN", crude = "U", title = "Door opened", text = "Opened." },
  { code = "T2000", entity = "Door", action = "SHUT", crude = "U", outcome = "success", title = "Door shut", text = "Shut.",
    params = [{ name = "width", type = "int", class = "public", required = true }, { name = "pin", class = "secret" }, { name = "badge", class = "secret(fingerprint)" }],
    variant = [{ when = ['side = "left"'], means = "T1000" }] }]
family = [{ code = ["X*"], crude = "R" }, { code = ["XY*"], crude = "D", severity = "high" }]
"#;

fn registry(head: &str, rules: &str) -> Registry {
    let files = [
        ("catalog.toml", format!("{HEAD}{head}")),
        ("types.toml", TYPES.to_owned()),
        ("match.toml", rules.to_owned()),
    ];
    let files = files.into_iter().map(|(name, text)| Source { name: format!("doors/{name}"), text });
    let loaded = load(&files.collect::<Vec<_>>());
    assert_eq!(loaded.problems, []);
    Registry::new(loaded.catalogs)
}

fn run(registry: &Registry, raw: &str, source: &str) -> Matched {
    let values = json(&format!(r#"{{"source":{source},"row":7}}"#));
    let parse_json = |text: &str| text.starts_with('{').then(|| json(text));
    let envelope = Envelope {
        format: None,
        organization: "acme",
        values: &values,
        fingerprint: &fingerprint,
        parse_json: &parse_json,
    };
    match_raw(registry, &json(raw), &envelope, None)
}

fn event(rules: &str, raw: &str) -> MatchedEvent {
    match run(&registry("", rules), raw, r#"{"zone":"UTC"}"#) {
        Matched::Event(event) => *event,
        other => panic!("{raw} became {other:?}"),
    }
}

fn values(event: &MatchedEvent, paths: &[&str]) -> Vec<Option<String>> {
    let lines = flatten(&event.event);
    paths
        .iter()
        .map(|path| lines.iter().find(|(known, _)| known == path).map(|(_, text)| text.clone()))
        .collect()
}

fn check(rule: &str, raw: &str, path: &str, expected: Option<&str>) {
    let event = event(&format!("[[match]]\nid = \"r\"\n{rule}\n"), raw);
    assert_eq!(values(&event, &[path]), [expected.map(str::to_owned)], "{rule} on {raw}");
}

#[test]
fn values_are_made_step_by_step() {
    let cases = [
        (r#"copy = ["a.b[1].\"c d\" -> reason"]"#, r#"{"a":{"b":[1,{"c d":"x"}]}}"#, "reason", Some("x")),
        (r#"set.reason = { first = ["a", "b"] }"#, r#"{"a":"","b":"y"}"#, "reason", Some("y")),
        (r#"set.reason = { const = "fixed" }"#, "{}", "reason", Some("fixed")),
        (r#"set.reason = { text = "{a}/{b}" }"#, r#"{"a":"x","b":2}"#, "reason", Some("x/2")),
        (r#"set.reason = { text = "{a}/{b}" }"#, r#"{"a":"x"}"#, "reason", None),
        (
            r#"set.reason = { path = "a", regex = '\[(?P<in>\w+)\]' }"#,
            r#"{"a":"x [y] z"}"#,
            "reason",
            Some("y"),
        ),
        (
            r#"set.reason = { path = "a", strip_prefix = "p-", strip_suffix = "-s", lower = true }"#,
            r#"{"a":"p-MID-s"}"#,
            "reason",
            Some("mid"),
        ),
        (
            r#"set."actor.roles" = { path = "a", split = "," }"#,
            r#"{"a":"x, y"}"#,
            "actor.roles[1]",
            Some("y"),
        ),
        (
            r#"set."actor.kind" = { path = "a", map = { "adm*" = "user", "*" = "unknown" } }"#,
            r#"{"a":"admin"}"#,
            "actor.kind",
            Some("user"),
        ),
        (
            r#"set."actor.kind" = { path = "a", map = { "adm*" = "user" }, absent = "system" }"#,
            r#"{"a":"x"}"#,
            "actor.kind",
            Some("system"),
        ),
        (
            r#"set.outcome = { path = "err", present = "failure", absent = "success" }"#,
            r#"{"err":"x"}"#,
            "outcome",
            Some("failure"),
        ),
        (r#"set.grade = { path = "a", as = "int" }"#, r#"{"a":"4"}"#, "grade", Some("4")),
        (r#"set."actor.mfa" = { path = "a", as = "bool" }"#, r#"{"a":"True"}"#, "actor.mfa", Some("true")),
        (
            r#"set."origin.address" = { path = "a", as = "address", else_to = "origin.host" }"#,
            r#"{"a":"ward-7"}"#,
            "origin.host",
            Some("ward-7"),
        ),
        (
            r#"set.occurred = { path = "a", as = "time", format = "%d.%m.%Y %H:%M:%S", zone = "Europe/Amsterdam" }"#,
            r#"{"a":"21.11.2026 01:00:00"}"#,
            "occurred_at",
            Some("2026-11-21T00:00:00.000000000Z"),
        ),
        (r#"copy = ["@row -> reason"]"#, "{}", "reason", Some("7")),
        (r#"copy = ["a -> extra.b"]"#, r#"{"a":"x"}"#, "data.b", Some("x")),
        (
            r#"set.targets = { each = "list", set = { id = "i", name = "n" } }"#,
            r#"{"list":[{"i":1},{"i":2,"n":"two","more":true}]}"#,
            "targets[1].name",
            Some("two"),
        ),
        (r#"copy = ["p -> purpose.code"]"#, r#"{"p":"TREAT"}"#, "purpose.code", Some("TREAT")),
    ];
    for (rule, raw, path, expected) in cases {
        check(rule, raw, path, expected);
    }
}

#[test]
fn nothing_is_lost() {
    let rule = "[[match]]\nid = \"r\"\ncopy = [\"a.used -> reason\"]\nset.\"actor.kind\" = { path = \"k\", map = { x = \"user\" } }\nset.targets = { each = \"list\", set = { id = \"i\" } }\n";
    let event = event(rule, r#"{"a":{"used":"1","left":"2"},"k":"x","list":[{"i":1,"more":true}],"n":null}"#);
    let paths = ["data.a.left", "data.a.used", "data.k", "data.list[0].more", "data.list[0].i", "data.n"];
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(values(&event, &paths), [text("2"), None, text("x"), text("true"), None, text("null")]);
}

#[test]
fn secrets_leave_no_trace() {
    let rule = "[[match]]\nid = \"r\"\nsecret = [\"login.pass\"]\nfingerprint = [\"session\"]\ncopy = [\"say -> message\", \"session -> session.id\"]\n";
    let raw = r#"{"login":{"pass":"hunter2","user":"jo"},"session":"k3y-k3y-k3y","say":"jo used hunter2 in k3y-k3y-k3y","api_key":"abc-def-ghi"}"#;
    let event = event(rule, raw);
    let text = format!("{:?} {:?} {:?}", event.event, event.findings, event.masks);
    for secret in ["hunter2", "k3y-k3y-k3y", "abc-def-ghi"] {
        assert!(!text.contains(secret), "{text}");
    }
    let print = format!("{:016x}", u64::from_be_bytes(fingerprint(b"k3y-k3y-k3y")));
    assert_eq!(event.event.text(Field::SessionId), Some(print.as_str()));
    assert_eq!(event.removed, ["/login/pass", "/session", "/api_key"]);
    let raw_body = event.masks.iter().fold(raw.to_owned(), |body, mask| mask.apply(&body).unwrap_or(body));
    assert!(!raw_body.contains("hunter2") && !raw_body.contains("abc-def-ghi"));
}

#[test]
fn types_families_and_suffixes_are_found() {
    let head = "outcome = { by = \"suffix\", suffixes = { I = \"success\", W = \"failure\" } }\nrouting = { template = \"{organization}.{app}.{key}.{outcome}\", app = \"a.b\" }\n";
    let registry = registry(head, "");
    let catalog = registry.get("doors").unwrap();
    let resolve = |code: &str| {
        let mut event = Event::new();
        event.set(Field::Code, code);
        let hints = indelible_catalog::resolve::SentHints { organization: "acme", ..Default::default() };
        catalog.resolve(&mut event, &hints);
        let text = |field| event.text(field).unwrap_or("-").to_owned();
        [Field::TypeFrom, Field::Crude, Field::Outcome, Field::Severity, Field::Routing].map(text)
    };
    assert_eq!(resolve("T1000I"), ["type", "U", "success", "info", "acme.a_b.door_open.success"]);
    assert_eq!(resolve("T1000W"), ["type", "U", "failure", "info", "acme.a_b.door_open.failure"]);
    assert_eq!(resolve("T1000"), ["type", "U", "unknown", "info", "acme.a_b.door_open.unknown"]);
    assert_eq!(resolve("X1"), ["family", "R", "unknown", "info", "acme.a_b._.unknown"]);
    assert_eq!(resolve("XY1")[..4], ["family", "D", "unknown", "high"]);
    assert_eq!(resolve("Z"), ["none", "-", "unknown", "unknown", "acme.a_b._.unknown"]);
}

#[test]
fn params_are_filled_checked_and_kept_secret() {
    let rule = "[[match]]\nid = \"r\"\ncopy = [\"c -> code\"]\nset.params = { path = \"data\", as = \"json\", else_to = \"extra.data\" }\n";
    let made = event(
        rule,
        r#"{"c":"T2000","data":"{\"width\":\"80\",\"pin\":\"4711\",\"badge\":\"b-17\",\"colour\":\"red\"}","side":"left"}"#,
    );
    let print = format!("{:016x}", u64::from_be_bytes(fingerprint(b"b-17")));
    let paths =
        ["params.width", "params.pin", "params.badge", "data.colour", "relates[0].kind", "relates[0].id"];
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        values(&made, &paths),
        [text("80"), text("[removed]"), text(&print), text("red"), text("means"), text("T1000")]
    );
    let ids = |event: &MatchedEvent, id| event.findings.iter().filter(|finding| finding.id == id).count();
    assert_eq!((ids(&made, FindingId::ParamUndeclared), ids(&made, FindingId::SecretSuspected)), (1, 2));
    let missing = event(rule, r#"{"c":"T2000","data":"{\"width\":\"wide\"}"}"#);
    assert_eq!(ids(&missing, FindingId::TypeMismatch), 1);
    let missing = event(rule, r#"{"c":"T2000","data":"no json"}"#);
    assert_eq!(
        (ids(&missing, FindingId::ParamMissing), values(&missing, &["data.data"])),
        (1, vec![text("no json")])
    );
    let loose = event(rule, r#"{"c":"T2000","width":80}"#);
    assert_eq!(
        (ids(&loose, FindingId::ParamMissing), values(&loose, &["params.width"])),
        (0, vec![text("80")])
    );
}

#[test]
fn times_without_a_zone_need_one_from_the_source() {
    let rules = "[[match]]\nid = \"r\"\nset.occurred_at = { path = \"t\", as = \"time\", zone = \"@source.zone\", same_as = { path = \"d\", as = \"time\", zone = \"UTC\" } }\n";
    let registry = registry("", rules);
    let find = |source: &str, raw: &str| match run(&registry, raw, source) {
        Matched::Event(event) => event.findings,
        other => panic!("{other:?}"),
    };
    let level = |source: &str| {
        let findings = find(source, r#"{"t":"2026-11-21T10:00:00"}"#);
        findings
            .iter()
            .find(|finding| finding.id == FindingId::TimeWithoutZone)
            .map(|finding| (finding.level, finding.pointer.clone()))
    };
    assert_eq!(level(r#"{"zone":"UTC"}"#), Some((Level::Flag, "/t".to_owned())));
    assert_eq!(level("{}"), Some((Level::Reject, "/t".to_owned())));
    let differs = |second: &str| {
        let raw = format!(r#"{{"t":"2026-11-21T10:00:00Z","d":"{second}"}}"#);
        find("{}", &raw).iter().any(|finding| finding.id == FindingId::TimeDiffers)
    };
    assert!(!differs("2026-11-21 10:00:00"));
    assert!(differs("2026-11-21 11:00:00"));
    let unreadable = find("{}", r#"{"t":"soon"}"#);
    assert!(unreadable.iter().any(|finding| finding.id == FindingId::TimeUnreadable));
    assert!(!unreadable.iter().any(|finding| finding.id == FindingId::TimeMissing));
}

#[test]
fn a_catalog_may_skip_lines_without_a_code() {
    let rules = "[[match]]\nid = \"r\"\ncopy = [\"c -> code\"]\n";
    let skipping = registry("policy = { code_missing = \"skip\" }\n", rules);
    assert!(matches!(run(&skipping, "{}", "{}"), Matched::Skip { rule, .. } if rule == "r"));
    let asking = registry("", rules);
    let Matched::Event(event) = run(&asking, "{}", "{}") else { panic!("not an event") };
    assert_eq!(verdict(&event.findings, &[&event.catalog.policy]), Verdict::Quarantine);
}

#[test]
fn an_unknown_catalog_is_told_with_the_nearest_name() {
    let registry = registry("", "[[match]]\nid = \"r\"\nwhen = [\"c is present\"]\n");
    match run(&registry, r#"{"catalog":"dors"}"#, "{}") {
        Matched::NoMatch { findings, .. } => {
            assert_eq!(
                (findings[0].id, findings[0].suggest.as_slice()),
                (FindingId::CatalogUnknown, &["doors".to_owned()][..])
            );
        }
        other => panic!("{other:?}"),
    }
    match run(&registry, r#"{"x":1}"#, "{}") {
        Matched::NoMatch { tried, findings } => {
            assert_eq!((tried, findings[0].id), (vec!["doors".to_owned()], FindingId::NoMatch));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_fit_a_field_stays_beside_it() {
    let long = "x".repeat(2000);
    let raw = format!(r#"{{"a":"{long}","k":"martian"}}"#);
    let event = event("[[match]]\nid = \"r\"\ncopy = [\"a -> reason\", \"k -> actor.kind\"]\n", &raw);
    assert_eq!(values(&event, &["reason", "actor.kind", "data.k"]), [None, None, Some("martian".to_owned())]);
    assert_eq!(
        event.event.get(Field::Extra).and_then(Value::as_map).and_then(|map| map.get("a")),
        Some(&Value::from(long.as_str()))
    );
    let pointers: Vec<_> = event
        .findings
        .iter()
        .filter(|f| f.id == FindingId::TypeMismatch)
        .map(|f| f.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/a", "/k"]);
}

#[test]
fn an_explanation_names_rule_sources_and_findings() {
    let registry = registry(
        "",
        "[[match]]\nid = \"r\"\ncopy = [\"c -> code\", \"who -> actor.id\"]\nset.occurred = { path = \"t\", as = \"time\" }\n",
    );
    let matched = run(&registry, r#"{"c":"T1000","who":"jo","t":"2026-11-21T10:00:00Z","more":1}"#, "{}");
    let text = explain(&matched).to_string();
    for line in [
        "rule doors/r",
        "actor.id         jo  <- /who",
        "crude            U  <- catalog",
        "data.more        1  <- as sent",
        "=> accept",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("occurred_at      2026-11-21T10:00:00.000000000Z  <- /t"), "{text}");
}
