//! Evaluation: a table of cases, agreement with a naive reading of the same query, and agreement between a decoded event
//! and its stored bytes. Actions are tested here, too: they must select what they promise.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{clock, field_term, hostile, parse, query};
use indelible_event::{Class, Event, EventId, Field, Map, Param, Person, SubjectKey, Time, Value, seal};
use indelible_query::{
    Bounds, Compiled, EventQuery, EventView, Expansion, FieldRef, Instant, Interval, Node, Position, Scalar,
    Test, TextTerm,
};
use proptest::prelude::*;

const RECEIVED_NS: u64 = 1_795_000_000_000_000_000;

fn position(index: u64) -> Position<'static> {
    Position {
        organization: "acme",
        index,
        received_ns: RECEIVED_NS,
        id: EventId::from_parts(RECEIVED_NS / 1_000_000, u128::from(index)),
        sequence: index + 1,
        imported: false,
    }
}

fn stored(event: &Event, index: u64) -> Vec<u8> {
    seal(event, position(index).id, &[1; 16], |_| SubjectKey::new([7; 16], &[2; 32])).unwrap().stored
}

fn compiled(query: &EventQuery) -> Compiled {
    Compiled::new(query, &clock(), &Expansion::none())
}

/// Asks of the event and of its stored bytes, which must agree.
fn selects(query: &EventQuery, event: &Event) -> bool {
    let compiled = compiled(query);
    let answer = compiled.matches(&EventView::new(position(7), event));
    let body = stored(event, 7);
    assert_eq!(compiled.matches(&EventView::stored(position(7), &body)), answer, "{query}");
    answer
}

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Map(
        Map::from_pairs(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
            .unwrap(),
    )
}

fn param(name: &str, class: Class, value: impl Into<Value>) -> Param {
    Param { name: name.into(), class, value: value.into() }
}

fn sample() -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, "openkat");
    event.set(Field::Code, "090001");
    event.set(Field::Entity, "KATUser");
    event.set(Field::Action, "LOGIN");
    event.set(Field::Crude, "E");
    event.set(Field::Severity, "high");
    event.set(Field::Categories, vec![Value::from("authentication"), Value::from("session")]);
    event.set(Field::Outcome, "failure");
    event.set(Field::ResultCode, "12");
    event.set(Field::OccurredAt, Time { seconds: 1_795_305_600, nanos: 5, offset_minutes: Some(60) });
    event.set(Field::ActorId, "Bob-1");
    event.set(Field::ActorName, "Böb Jansen");
    event.set(Field::ActorEmail, "bob@example.org");
    event.set(Field::ActorMfa, false);
    event.set(Field::Message, "Password reset by Böb; <script>alert(1)</script>");
    event.set(Field::OriginAddress, "2001:db8::7");
    event.set(Field::OriginPort, 443);
    event.set(
        Field::Targets,
        vec![
            map(&[
                ("id", "T-1".into()),
                ("kind", "DashboardItem".into()),
                ("name", "Weekly".into()),
                ("labels", vec![Value::from("vip")].into()),
            ]),
            map(&[("id", "t-2".into())]),
        ],
    );
    event.set(
        Field::Others,
        vec![map(&[("address", "10.1.2.3".into()), ("host", "PC-17".into()), ("part", "guest".into())])],
    );
    event.set(
        Field::Subjects,
        vec![map(&[("id", "900112233".into()), ("name", "P. Atient".into())]), map(&[("id", "s2".into())])],
    );
    event.set(
        Field::Changes,
        vec![map(&[("path", "email".into()), ("old", Value::Null), ("new", "b@x".into())])],
    );
    event.set(
        Field::Extra,
        map(&[
            ("a", map(&[("odd name", 7.into()), ("list", vec![Value::from("x"), Value::from(2)].into())])),
            ("when", Value::Time(Time { seconds: 0, nanos: 0, offset_minutes: None })),
        ]),
    );
    event.set(Field::Authz, map(&[("break_glass", true.into()), ("checks", "TFFT".into())]));
    event.set_param(param("guest.nrc_id", Class::Plain, 42));
    event.set_param(param("size", Class::Separate, Value::Decimal("1.5".into())));
    event.set_param(param("host.name", Class::Personal(Person::Actor), "Über-PC"));
    event.set(Field::State, "quarantined");
    event.flag("late");
    event.flag("code_unknown");
    event
}

/// Query and whether the sample event satisfies it.
const CASES: &[(&str, bool)] = &[
    ("", true),
    ("org:acme", true),
    ("org:other", false),
    ("catalog:OpenKAT code:090001", true),
    ("code:90001", false),
    ("code:090000..090003", true),
    ("code:90000..90003", false),
    ("code:0900*", true),
    ("code:?????", false),
    ("-code:090001", false),
    ("crude:c,d", false),
    ("crude:c,e", true),
    ("category:session", true),
    ("severity:high..", true),
    ("severity:>high", false),
    ("severity:low..critical", true),
    ("result:>0", true),
    ("result:>9", true),
    ("result:..9", false),
    ("result:12.0", false),
    ("actor:Bob-1", true),
    ("actor:bob-1", false),
    ("actor:BOB@EXAMPLE.ORG", true),
    ("actor:\"bÖb jansen\"", true),
    ("actor.id:bob-1", false),
    ("actor.id:Bob*", true),
    ("actor.email:*@EXAMPLE.org", true),
    ("mfa:false", true),
    ("account:*", false),
    ("-account:*", true),
    ("-account:x", true),
    ("target:T-1", true),
    ("target:weekly", true),
    ("target:t-1", false),
    ("target.id:t-2 target.label:VIP target.kind:dashboarditem", true),
    ("subject:900112233", true),
    ("subject:s2 subject.id:*", true),
    ("subject:\"p. atient\"", true),
    ("ip:2001:db8::/32", true),
    ("ip:10.0.0.0/8", true),
    ("ip:2001:0DB8:0::7", true),
    ("origin.ip:10.0.0.0/8", false),
    ("ip:11.0.0.0/8,192.0.2.1", false),
    ("host:pc-17 other.part:guest", true),
    ("port:443 port:400.. port:..443 -port:444", true),
    ("changed:email changed.new:b@x changed.old:*", true),
    ("changed:name", false),
    ("param.guest.nrc_id:42", true),
    ("param.guest.nrc_id:42.0", true),
    ("param.guest.nrc_id:>41 param.guest.nrc_id:<100", true),
    ("param.nrc_id:42", false),
    ("param:42", true),
    ("param.size:1.5 param.size:1..2", true),
    ("param.host.name:über-pc", true),
    ("param.none:*", false),
    ("data.a.\"odd name\":7", true),
    ("data.a.list:x data.a.list:2", true),
    ("data.a.b:*", false),
    ("data:x", true),
    ("data.when:1970-01-01", true),
    ("data.when:1969..1971", true),
    ("data.when:>1970", false),
    ("break_glass:true authz.checks:T??T", true),
    ("flag:late flag:code_unknown flag:unknown_code flag:quarantined", true),
    ("flag:imported", false),
    ("state:quarantined", true),
    ("index:7 index:0..9 seq:8", true),
    ("index:>7", false),
    ("occurred:2026-11-22", true),
    ("occurred:2026-11-21", false),
    ("occurred:2026-11-22T00:00:00Z", true),
    ("occurred:..-1h", true),
    ("occurred:-1h..", false),
    ("since:today until:today", true),
    ("since:2026-11-23", false),
    ("received:2026-11-18..2026-11-20", true),
    ("ended:*", false),
    ("password", true),
    ("passwor", false),
    ("pass*", true),
    ("*swor*", true),
    ("\"password reset\"", true),
    ("\"reset password\"", false),
    ("reset password", true),
    ("\"<SCRIPT>\"", true),
    ("jansen atient weekly", true),
    ("42", true),
    ("-jansen", false),
    ("x OR nothing", true),
    ("nothing OR (password -jansen)", false),
    ("-(nothing OR other)", true),
];

#[test]
fn cases() {
    let event = sample();
    for (text, expected) in CASES {
        assert_eq!(selects(&parse(text), &event), *expected, "{text}");
    }
    let id = position(7).id;
    assert!(selects(&parse(&format!("id:{id}")), &event));
    assert!(selects(&parse(&format!("id:{}", id.to_string().to_uppercase())), &event));
    assert!(!selects(&parse(&format!("id:{}", position(8).id)), &event));
    assert!(!selects(&parse("password").without_quarantined(), &event));
    assert!(selects(&parse("flag:late").without_quarantined(), &event));
}

#[test]
fn erased_values_are_absent_and_the_event_says_so() {
    let event = sample();
    let body = stored(&event, 7);
    // The item `actor.email` becomes a commitment: state 2 and 32 bytes in place of key id, length and value.
    let path = b"\0\x0bactor.email\x01";
    let at = body.windows(path.len()).position(|window| window == path).unwrap() + path.len() - 1;
    let end = at + 1 + 16 + 4 + 1 + 4 + "bob@example.org".len();
    let erased = [&body[..at], &[2; 33][..], &body[end..]].concat();
    let view = EventView::stored(position(7), &erased);
    for (text, expected) in
        [("flag:erased", true), ("actor.email:*", false), ("actor:Bob-1", true), ("password", true)]
    {
        assert_eq!(compiled(&parse(text)).matches(&view), expected, "{text}");
    }
    assert!(!selects(&parse("flag:erased"), &event));
}

#[test]
fn free_text_finds_the_titles_of_types() {
    let query = parse("cloned zzz");
    let mut expansion = Expansion::none();
    let [cloned, zzz] = query.text_terms()[..] else { panic!() };
    assert!(cloned.finder()("Organization cloned") && !zzz.finder()("Organization cloned"));
    expansion.add(cloned.clone(), vec![("openkat".into(), "090001".into())]);
    let view_of = |query: &EventQuery, expansion: &Expansion| {
        Compiled::new(query, &clock(), expansion).matches(&EventView::new(position(0), &sample()))
    };
    assert!(!view_of(&query, &expansion));
    assert!(view_of(&parse("cloned password"), &expansion));
    assert!(!view_of(&parse("cloned password"), &Expansion::none()));
}

#[test]
fn bounds_hold_what_must_hold() {
    let day = |text: &str| Some(Instant::from(text.parse::<jiff::Timestamp>().unwrap()));
    for (text, bounds) in [
        ("index:5..9 index:7..", Bounds { index: (Some(7), Some(9)), ..Bounds::default() }),
        ("index:5,9", Bounds { index: (Some(5), Some(9)), ..Bounds::default() }),
        ("index:5 OR a", Bounds::default()),
        ("-index:5", Bounds::default()),
        ("index:5,*", Bounds::default()),
        (
            "since:2026-11-01T00:00:00Z until:2026-11-02T00:00:00Z",
            Bounds {
                occurred: (day("2026-11-01T00:00:00Z"), day("2026-11-02T00:00:00.999999999Z")),
                ..Bounds::default()
            },
        ),
        (
            "received:2026-11-01T00:00:00Z..",
            Bounds { received: (day("2026-11-01T00:00:00Z"), None), ..Bounds::default() },
        ),
    ] {
        assert_eq!(compiled(&parse(text)).bounds(), &bounds, "{text}");
    }
}

/// Values that queries of the same alphabet often hit.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[abAB]{1,2}", 2 => "[0-9]{1,2}", 1 => hostile().prop_filter("NUL", |text| !text.contains('\0'))]
}

fn event() -> impl Strategy<Value = Event> {
    let record = |id: Option<String>, name: Option<String>| {
        let pairs = [("id", id), ("name", name)];
        Value::Map(
            Map::from_pairs(pairs.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?.into()))).collect())
                .unwrap(),
        )
    };
    let some = || prop::option::of(word());
    let records = prop::collection::vec((some(), some()).prop_map(move |(id, name)| record(id, name)), 0..3);
    let scalars = (some(), some(), some(), some(), some(), some());
    (scalars, records, prop::option::of(-20_i64..20), prop::option::of(word()), prop::option::of(word()))
        .prop_map(|((code, result, id, name, message, account), targets, number, data, host)| {
            let mut event = Event::new();
            let fields = [
                Field::Code,
                Field::ResultCode,
                Field::ActorId,
                Field::ActorName,
                Field::Message,
                Field::Account,
            ];
            for (field, value) in fields.into_iter().zip([code, result, id, name, message, account]) {
                if let Some(value) = value {
                    event.set(field, value);
                }
            }
            if !targets.is_empty() {
                event.set(Field::Targets, targets);
            }
            if let Some(number) = number {
                event.set_param(param("count", Class::Plain, number));
            }
            if let Some(data) = data {
                event.set(Field::Extra, map(&[("key", data.into())]));
            }
            if let Some(host) = host {
                event.set_param(param("host", Class::Separate, host));
            }
            event
        })
}

/// A simple query over the same alphabet.
fn small_query() -> impl Strategy<Value = EventQuery> {
    let names = [
        "code",
        "result",
        "actor",
        "actor.id",
        "target",
        "account",
        "param.count",
        "param.host",
        "data.key",
        "message",
    ];
    let leaf = (
        prop::sample::select(names.to_vec()),
        prop::collection::vec(
            prop_oneof![1 => Just(Test::Present), 5 => word().prop_map(|w| Test::Is(Scalar::Text(w)))],
            1..3,
        ),
    )
        .prop_map(|(name, tests)| {
            Node::Field(indelible_query::FieldTerm { field: FieldRef::named(name).unwrap(), tests })
        });
    let text = word().prop_filter("empty", |w| !w.is_empty()).prop_map(|w| Node::Text(TextTerm::Words(w)));
    prop_oneof![4 => leaf, 1 => text]
        .prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..3).prop_map(Node::and),
                prop::collection::vec(inner.clone(), 2..3).prop_map(Node::or),
                inner.prop_map(Node::not),
            ]
        })
        .prop_map(EventQuery::new)
}

/// The values of a name as text, each with whether case counts; written without the crate's own machinery.
fn naive_values(event: &Event, name: &str) -> Vec<(String, bool, bool)> {
    let text = |field: Field, exact| {
        event.text(field).map(|t| (t.to_owned(), exact, false)).into_iter().collect::<Vec<_>>()
    };
    let param = |name: &str| match event.param(name).map(|p| &p.value) {
        Some(Value::Int(n)) => vec![(n.to_string(), false, true)],
        Some(Value::Text(t)) => vec![(t.clone(), false, false)],
        _ => vec![],
    };
    match name {
        "code" => text(Field::Code, false),
        "result" => text(Field::ResultCode, false),
        "actor.id" => text(Field::ActorId, true),
        "actor" => [text(Field::ActorId, true), text(Field::ActorName, false)].concat(),
        "account" => text(Field::Account, false),
        "message" => text(Field::Message, false),
        "param" => param(if event.param("count").is_some() { "count" } else { "host" }),
        "target" => {
            let targets = event.get(Field::Targets).and_then(Value::as_list).unwrap_or_default();
            let member = |target: &Value, name: &str, exact| {
                target
                    .as_map()
                    .and_then(|m| m.get(name))
                    .and_then(Value::as_text)
                    .map(|t| (t.to_owned(), exact, false))
            };
            targets.iter().flat_map(|t| [member(t, "id", true), member(t, "name", false)]).flatten().collect()
        }
        _ => unreachable!("{name}"),
    }
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

fn naive_words(text: &str, words: &str) -> bool {
    let (text, words): (Vec<char>, Vec<char>) =
        (lower(text).chars().collect(), lower(words).chars().collect());
    let in_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    (0..=text.len().saturating_sub(words.len())).any(|at| {
        text[at..].starts_with(&words)
            && !(in_word(words.first()) && at > 0 && in_word(text.get(at - 1)))
            && !(in_word(words.last()) && in_word(text.get(at + words.len())))
    })
}

fn naive(node: &Node, event: &Event) -> bool {
    match node {
        Node::And(nodes) => nodes.iter().all(|node| naive(node, event)),
        Node::Or(nodes) => nodes.iter().any(|node| naive(node, event)),
        Node::Not(node) => !naive(node, event),
        Node::Field(term) => {
            let values = match term.field.to_string().as_str() {
                "param.count" => naive_values(event, "param")
                    .into_iter()
                    .filter(|_| event.param("count").is_some())
                    .collect(),
                "param.host" => match event.param("host").map(|p| &p.value) {
                    Some(Value::Text(t)) => vec![(t.clone(), false, false)],
                    _ => vec![],
                },
                "data.key" => {
                    match event.get(Field::Extra).and_then(Value::as_map).and_then(|m| m.get("key")) {
                        Some(Value::Text(t)) => vec![(t.clone(), false, false)],
                        _ => vec![],
                    }
                }
                name => naive_values(event, name),
            };
            values.iter().any(|(value, exact, number)| {
                term.tests.iter().any(|test| match test {
                    Test::Present => true,
                    Test::Is(Scalar::Text(text)) if *number => {
                        text.parse::<f64>().is_ok_and(|n| n.to_string() == *value)
                    }
                    Test::Is(Scalar::Text(text)) if *exact => text == value,
                    Test::Is(Scalar::Text(text)) => lower(text) == lower(value),
                    _ => unreachable!(),
                })
            })
        }
        Node::Text(TextTerm::Words(words)) => {
            let mut texts = Vec::new();
            texts.extend(event.text(Field::Message).map(str::to_owned));
            texts.extend(event.text(Field::ActorName).map(str::to_owned));
            for target in event.get(Field::Targets).and_then(Value::as_list).unwrap_or_default() {
                texts.extend(
                    target.as_map().and_then(|m| m.get("name")).and_then(Value::as_text).map(str::to_owned),
                );
            }
            for value in event
                .params()
                .iter()
                .map(|p| &p.value)
                .chain(event.get(Field::Extra).and_then(Value::as_map).and_then(|m| m.get("key")))
            {
                texts.extend(match value {
                    Value::Int(n) => Some(n.to_string()),
                    Value::Text(t) => Some(t.clone()),
                    _ => None,
                });
            }
            texts.iter().any(|text| naive_words(text, words))
        }
        Node::Text(TextTerm::Like(_)) => unreachable!(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn agrees_with_a_naive_reading(query in small_query(), event in event()) {
        prop_assert_eq!(selects(&query, &event), naive(query.root.as_ref().unwrap(), &event), "{}", query);
    }

    #[test]
    fn every_query_can_be_asked(query in query(), event in event()) {
        let answer = selects(&query, &event);
        prop_assert_eq!(selects(&query.resolve(&clock()), &event), answer, "{}", query);
        selects(&query, &sample());
    }

    #[test]
    fn including_and_excluding_a_value_selects_by_it(query in small_query(), event in event(), value in word(), name in prop::sample::select(vec!["code", "actor.id", "target.id", "param.host", "message"])) {
        let field = FieldRef::named(name).unwrap();
        let test = Test::literal(&field, &value).unwrap();
        let alone = EventQuery::default().only(&field, &test);
        let has = selects(&alone, &event);
        let held = match name {
            "target.id" => event.get(Field::Targets).and_then(Value::as_list).unwrap_or_default().iter().any(|t| t.as_map().and_then(|m| m.get("id")).and_then(Value::as_text) == Some(&value)),
            "actor.id" => event.text(Field::ActorId) == Some(&value),
            "code" => event.text(Field::Code).is_some_and(|t| lower(t) == lower(&value)),
            "message" => event.text(Field::Message).is_some_and(|t| lower(t) == lower(&value)),
            _ => event.param("host").and_then(|p| p.value.as_text()).is_some_and(|t| lower(t) == lower(&value)),
        };
        prop_assert_eq!(has, held);
        for changed in [query.include(&field, &test), query.exclude(&field, &test), query.only(&field, &test), query.remove(&field, &test)] {
            prop_assert_eq!(parse(&changed.to_string()), changed);
        }
        prop_assert!(!(has && selects(&query.exclude(&field, &test), &event)));
        prop_assert!(has || !selects(&query.only(&field, &test), &event));
        let before = selects(&query, &event);
        if before && has {
            prop_assert!(selects(&query.include(&field, &test), &event));
        }
        let there_and_back = query.exclude(&field, &test).include(&field, &test).exclude(&field, &test);
        prop_assert_eq!(selects(&there_and_back, &event), selects(&query.exclude(&field, &test), &event));
    }

    #[test]
    fn actions_on_any_query_give_valid_queries(query in query(), term in field_term()) {
        let (field, test) = (&term.field, &term.tests[0]);
        if field.def.kind != indelible_query::ValueKind::Bound {
            for changed in [query.include(field, test), query.exclude(field, test), query.only(field, test), query.remove(field, test)] {
                prop_assert_eq!(parse(&changed.to_string()), changed);
            }
        }
        let zoomed = query.zoom(Interval { start: Instant(1_795_000_000_000_000_001), end: Instant(1_795_000_600_000_000_000) });
        prop_assert_eq!(parse(&zoomed.to_string()), zoomed);
    }

    #[test]
    fn damaged_bytes_never_panic(query in query(), event in event(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = stored(&event, 0);
        let at = at.index(body.len());
        body[at] = byte;
        compiled(&query).matches(&EventView::stored(position(0), &body));
        body.truncate(at);
        compiled(&query).matches(&EventView::stored(position(0), &body));
    }
}

type Action = fn(&EventQuery, &FieldRef, &Test) -> EventQuery;

#[test]
fn actions_by_example() {
    let is = |name: &str, value: &str| {
        let field = FieldRef::named(name).unwrap();
        let test = Test::literal(&field, value).unwrap();
        (field, test)
    };
    let actions: [(&str, Action); 4] = [
        ("include", EventQuery::include),
        ("exclude", EventQuery::exclude),
        ("only", EventQuery::only),
        ("remove", EventQuery::remove),
    ];
    for (before, action, value, after) in [
        ("", "include", "C", "crude:C"),
        ("crude:C a", "include", "D", "crude:C,D a"),
        ("crude:C", "include", "C", "crude:C"),
        ("-crude:C,D a", "include", "C", "-crude:D a"),
        ("-crude:C", "include", "C", ""),
        ("a OR b", "include", "C", "(a OR b) crude:C"),
        ("crude:C,D", "exclude", "C", "crude:D"),
        ("crude:C", "exclude", "C", "-crude:C"),
        ("-crude:D", "exclude", "C", "-crude:D,C"),
        ("crude:C,D -crude:E x", "only", "U", "x crude:U"),
        ("crude:C,D -crude:C x", "remove", "C", "crude:D x"),
    ] {
        let (field, test) = is("crude", value);
        let (_, act) = actions.iter().find(|(name, _)| *name == action).unwrap();
        assert_eq!(act(&parse(before), &field, &test).to_string(), after, "{action} {value} on {before}");
    }
    let (field, test) = is("target.id", "a\n\"\u{202e}OR");
    assert_eq!(
        parse("target.id:x,y").exclude(&field, &is("target.id", "x").1).to_string(),
        "target.id:y -target.id:x",
        "an event may have both"
    );
    assert_eq!(parse("").include(&field, &test).to_string(), "target.id:\"a\\n\\\"\\u{202e}OR\"");
}
