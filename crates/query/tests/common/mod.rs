//! Random queries with hostile values, and a fixed clock.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses a part")]

use indelible_query::{
    Clock, Context, EventQuery, FieldRef, FieldTerm, Node, Pattern, Scalar, Test, TextTerm, TimeExpr,
    ValueKind, fields,
};
use proptest::prelude::*;

pub(crate) fn clock() -> Clock {
    Clock {
        now: "2026-11-22T01:30:00Z".parse().unwrap(),
        zone: jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap(),
    }
}

pub(crate) fn context() -> Context {
    Context { parameters: vec!["guest.nrc_id".into(), "count".into()], ..Context::new(clock()) }
}

pub(crate) fn parse(text: &str) -> EventQuery {
    indelible_query::parse(text, &context()).unwrap_or_else(|d| panic!("{text:?}: {}", d[0]))
}

/// Text that tries to be anything but text.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9]{1,4}",
        2 => prop::sample::select(vec![
            "..", ".", "a.", "-", "--", "OR", "AND", "NOT", "*", "?", "\"", "\\", "\\u{", "}", "(", ")", ",", ":", " ", "\n",
            "\t", "\r", "\0", "\u{a0}", "\u{200b}", "\u{202e}", "\u{feff}", "\u{e0041}", ">", "<", ">=", "=", "/", "@", "+",
            "<script>", "javascript:", "{{7*7}}", "é", "日本", "İ", "ß", "ς", "now", "-3h", "2026", "10.0.0.0/8", "::1", "actor",
            "code:", "param.", "true", "C", "\u{10ffff}",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn time() -> impl Strategy<Value = TimeExpr> {
    prop::sample::select(vec![
        "today",
        "yesterday",
        "friday",
        "2026",
        "2026-11",
        "2026-W47",
        "2026-11-21",
        "2026-11-21T14",
        "2026-11-21T14:03Z",
        "2026-11-21T14:03:22.125+01:00",
        "@1700000000",
        "@-7.5",
    ])
    .prop_map(|text| TimeExpr::parse(text).unwrap())
}

fn instant() -> impl Strategy<Value = TimeExpr> {
    prop::sample::select(vec!["now", "-90s", "-15m", "-3h", "-2d", "-1w", "-3mo", "-1y"])
        .prop_map(|text| TimeExpr::parse(text).unwrap())
}

fn pattern() -> impl Strategy<Value = Pattern> {
    "[a-z0-9é._:@/-]{0,3}[*?][a-z0-9*?.]{0,3}[a-z]?".prop_filter_map("no pattern", |text| Pattern::new(&text))
}

fn text_scalar(kind: ValueKind) -> BoxedStrategy<Scalar> {
    let words: Vec<String> = match kind {
        ValueKind::Address => ["10.0.0.0/8", "2001:db8::/32", "::1", "192.0.2.7"].map(String::from).to_vec(),
        ValueKind::Integer => ["0", "7", "-3", "18446744073709551615"].map(String::from).to_vec(),
        kind => kind.words().iter().map(|word| (*word).to_owned()).collect(),
    };
    let odd = hostile().prop_map(Scalar::Text);
    if words.is_empty() {
        return odd.boxed();
    }
    prop_oneof![2 => prop::sample::select(words).prop_map(Scalar::Text), 1 => odd].boxed()
}

fn test(kind: ValueKind) -> BoxedStrategy<Test> {
    match kind {
        ValueKind::Bound => {
            prop_oneof![time(), instant()].prop_map(|time| Test::Is(Scalar::Time(time))).boxed()
        }
        ValueKind::Time => {
            let end = || prop_oneof![time(), instant()].prop_map(Scalar::Time);
            let between = (prop::sample::select(vec!["2025", "-2d", "@5"]), end());
            prop_oneof![
                Just(Test::Present),
                time().prop_map(|time| Test::Is(Scalar::Time(time))),
                end().prop_map(Test::Above),
                end().prop_map(Test::Below),
                end().prop_map(Test::From),
                end().prop_map(Test::To),
                between.prop_filter_map("reversed", |(from, to)| {
                    let text = format!(
                        "occurred:{from}..{}",
                        if let Scalar::Time(t) = &to { t.to_string() } else { String::new() }
                    );
                    indelible_query::parse(&text, &context()).ok()?;
                    Some(Test::Between(Scalar::Time(TimeExpr::parse(from)?), to))
                }),
            ]
            .boxed()
        }
        kind => {
            let plain = || prop_oneof![1 => Just(Test::Present), 6 => text_scalar(kind).prop_map(Test::Is)];
            let patterns = pattern().prop_map(Test::Like);
            let number = || (0_i64..50).prop_map(|n| Scalar::Text(n.to_string()));
            let end = || {
                if kind.words().is_empty() {
                    prop_oneof![number(), text_scalar(kind)].boxed()
                } else {
                    text_scalar(kind)
                }
            };
            let ranges = prop_oneof![
                end().prop_map(Test::Above),
                end().prop_map(Test::Below),
                end().prop_map(Test::From),
                end().prop_map(Test::To),
                (0_i64..50, 50_i64..99).prop_map(|(a, b)| Test::Between(
                    Scalar::Text(a.to_string()),
                    Scalar::Text(b.to_string())
                )),
            ];
            match (kind.takes_patterns(), kind.is_ordered()) {
                (true, true) => prop_oneof![4 => plain(), 1 => patterns, 1 => ranges].boxed(),
                (true, false) => prop_oneof![4 => plain(), 1 => patterns].boxed(),
                (false, true) if kind.words().is_empty() => prop_oneof![3 => plain(), 1 => ranges].boxed(),
                _ => plain().boxed(),
            }
        }
    }
}

pub(crate) fn field_term() -> impl Strategy<Value = FieldTerm> {
    (0..fields().len(), prop::collection::vec(hostile(), 0..3)).prop_flat_map(|(at, names)| {
        let def = &fields()[at];
        let sub = if def.is_open() { names } else { Vec::new() };
        let count = if def.kind == ValueKind::Bound { 1..2 } else { 1..4 };
        prop::collection::vec(test(def.kind), count)
            .prop_map(move |tests| FieldTerm { field: FieldRef { def, sub: sub.clone() }, tests })
    })
}

fn text_term() -> impl Strategy<Value = TextTerm> {
    prop_oneof![
        3 => hostile().prop_filter("empty", |text| !text.is_empty()).prop_map(TextTerm::Words),
        1 => "[a-z]{1,3}[*?][a-z]{0,3}|[*][a-z]{3,5}[*]?".prop_map(|text| TextTerm::Like(Pattern::new(&text).unwrap())),
    ]
}

pub(crate) fn query() -> impl Strategy<Value = EventQuery> {
    let leaf = prop_oneof![3 => field_term().prop_map(Node::Field), 1 => text_term().prop_map(Node::Text)];
    let node = leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Node::and),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Node::or),
            inner.prop_map(Node::not),
        ]
    });
    prop::option::weighted(0.95, node).prop_map(|root| EventQuery { root })
}
