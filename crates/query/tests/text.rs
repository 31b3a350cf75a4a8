//! Text ⇄ tree: printing and parsing are each other's inverse, and no text makes the parser fail in any other way than
//! with a diagnostic that says how to go on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{clock, context, hostile, parse, query};
use indelible_query::{Code, Context, EventQuery, MAX_DEPTH, MAX_TERMS, fields};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_printed_parses_back_unchanged(query in query()) {
        let text = query.to_string();
        let parsed = indelible_query::parse(&text, &context()).map_err(|d| TestCaseError::fail(format!("{text:?}: {d:?}")))?;
        prop_assert_eq!(&parsed, &query, "{}", text);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn resolving_freezes_every_time(query in query()) {
        let frozen = query.resolve(&clock());
        let text = frozen.to_string();
        let parsed = indelible_query::parse(&text, &context()).map_err(|d| TestCaseError::fail(format!("{text:?}: {d:?}")))?;
        prop_assert_eq!(&parsed, &frozen);
        let later = indelible_query::Clock { now: "2031-01-01T00:00:00Z".parse().unwrap(), zone: jiff::tz::TimeZone::UTC };
        prop_assert_eq!(frozen.resolve(&later), frozen);
    }

    #[test]
    fn any_text_is_valid_or_leads_to_something_valid(text in prop_oneof![hostile(), prop::collection::vec(hostile(), 1..6).prop_map(|p| p.join(" "))]) {
        answers(&text)?;
    }

    #[test]
    fn valid_text_with_one_change_is_answered(query in query(), at in any::<prop::sample::Index>(), put in hostile()) {
        let mut text = query.to_string();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = *at.get(&places);
        text.insert_str(at, &put);
        answers(&text)?;
        text.truncate(at);
        answers(&text)?;
    }
}

/// Following the best suggestion again and again ends in a valid query; places lie within the text.
fn answers(text: &str) -> Result<(), TestCaseError> {
    let mut current = text.to_owned();
    for _ in 0..60 {
        let diagnostics = match indelible_query::parse(&current, &context()) {
            Ok(query) => {
                let canonical = query.to_string();
                prop_assert_eq!(parse(&canonical), query);
                return Ok(());
            }
            Err(diagnostics) => diagnostics,
        };
        let first = diagnostics.first().expect("an error without a diagnostic");
        if matches!(first.code, Code::QueryTooDeep | Code::QueryTooLong | Code::TermsTooMany) {
            return Ok(());
        }
        for diagnostic in &diagnostics {
            prop_assert!(
                current.get(diagnostic.offset..diagnostic.offset + diagnostic.len).is_some(),
                "{:?} {:?}",
                current,
                diagnostic
            );
            prop_assert!(!diagnostic.message.is_empty());
        }
        let last = diagnostics.last().expect("not empty");
        current = match last.apply(&current, 0) {
            Some(next) if next != current => next,
            _ => return Err(TestCaseError::fail(format!("no way on from {current:?}: {last:?}"))),
        };
    }
    Err(TestCaseError::fail(format!("{text:?} leads nowhere: {current:?}")))
}

#[test]
fn canonical_forms() {
    for (text, canonical) in [
        ("", ""),
        ("  ", ""),
        ("tool:x", "group:x"),
        ("TOOL:x", "group:x"),
        ("occurred_at:2026", "occurred:2026"),
        ("result:>=5 result:<=7", "result:5.. result:..7"),
        ("a AND b OR c", "a b OR c"),
        ("(a b) (c)", "a b c"),
        ("a OR (b OR c)", "a OR b OR c"),
        ("(a OR b) c", "(a OR b) c"),
        ("--x", "x"),
        ("NOT NOT -x", "-x"),
        ("-(a b)", "-(a b)"),
        ("-(a)", "-a"),
        ("code:a**b", "code:a*b"),
        ("code:**", "code:*"),
        ("actor:\"bob\"", "actor:bob"),
        ("\"bob\"", "bob"),
        ("\"a b\"", "\"a b\""),
        ("\"a:b\"", "\"a:b\""),
        ("actor:a:b", "actor:a:b"),
        ("actor:\"a.\"..b", "actor:\"a.\"..b"),
        ("actor:a...b", "actor:a..\".b\""),
        ("ip:2001:db8::/32,::1", "ip:2001:db8::/32,\"::1\""),
        ("occurred:Yesterday..", "occurred:yesterday.."),
        ("occurred:-3h..-1h", "occurred:-3h..-1h"),
        ("occurred:2026-11-01..2026-11-21", "occurred:2026-11-01..2026-11-21"),
        ("param.host.\"odd name\":x", "param.host.\"odd name\":x"),
        ("params.guest.\"nrc_id\":x", "param.guest.nrc_id:x"),
        ("outcome:\"odd\"", "outcome:\"odd\""),
        ("\"\u{202e}\"", "\"\\u{202e}\""),
        ("foo,bar", "\"foo,bar\""),
        ("é", "\"é\""),
        (
            "catalog:netop action:LOGIN -result:0 ip:10.0.0.0/8,2001:db8::/32 occurred:yesterday.. \"password reset\"",
            "catalog:netop action:LOGIN -result:0 ip:10.0.0.0/8,2001:db8::/32 occurred:yesterday.. \"password reset\"",
        ),
    ] {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
        assert_eq!(parse(canonical).to_string(), canonical);
    }
}

#[test]
fn times_are_frozen() {
    for (text, frozen) in [
        ("occurred:yesterday", "occurred:2026-11-20T23:00:00Z..2026-11-21T22:59:59.999999999Z"),
        ("occurred:-3h..", "occurred:2026-11-21T22:30:00Z.."),
        ("occurred:..-3h", "occurred:..2026-11-21T22:30:00.000000000Z"),
        ("occurred:>2026-11", "occurred:2026-11-30T23:00:00Z.."),
        ("occurred:<2026-11", "occurred:..2026-10-31T22:59:59.999999999Z"),
        ("since:yesterday until:today", "since:2026-11-20T23:00:00Z until:2026-11-22T22:59:59.999999999Z"),
        (
            "occurred:2026-11-01T00:00:00Z..now",
            "occurred:2026-11-01T00:00:00Z..2026-11-22T01:30:00.000000000Z",
        ),
        ("occurred:2026-11-21T10Z", "occurred:2026-11-21T10Z"),
        ("received:@5", "received:@5"),
        ("actor:yesterday", "actor:yesterday"),
    ] {
        assert_eq!(parse(text).resolve(&clock()).to_string(), frozen, "{text}");
    }
}

/// Every kind of mistake: text → code, place, best suggestion put in.
#[test]
fn mistakes_are_answered() {
    let golden = include_str!("mistakes.txt");
    let mut seen = Vec::new();
    let mut now = String::new();
    for line in golden.lines() {
        let Some((text, _)) = line.split_once(" => ") else {
            now.push_str(line);
            now.push('\n');
            continue;
        };
        let source = text.replace("<ZWSP>", "\u{200b}");
        let diagnostics = indelible_query::parse(&source, &context()).expect_err(text);
        let all: Vec<String> = diagnostics
            .iter()
            .map(|d| {
                seen.push(d.code);
                let fixed = d.apply(&source, 0).unwrap_or_else(|| "-".into());
                format!(
                    "{}@{}+{} [{}]",
                    d.code.as_str(),
                    d.offset,
                    d.len,
                    fixed.replace('\u{200b}', "<ZWSP>")
                )
            })
            .collect();
        now.extend([text, " => ", &all.join(" | "), "\n"]);
    }
    assert!(now == golden, "the table of mistakes differs; this is what the parser says:\n{now}");
    for code in Code::ALL {
        let limit = matches!(code, Code::QueryTooDeep | Code::QueryTooLong | Code::TermsTooMany);
        assert!(limit || seen.contains(code), "{} is not in the table", code.as_str());
    }
}

#[test]
fn limits_refuse_and_never_cut() {
    let code = |text: &str| indelible_query::parse(text, &context()).map_err(|d| d[0].code);
    let list = |n: usize| format!("code:{}", vec!["1"; n].join(","));
    assert!(code(&list(MAX_TERMS)).is_ok());
    assert_eq!(code(&list(MAX_TERMS + 1)), Err(Code::TermsTooMany));
    assert_eq!(code(&"a ".repeat(MAX_TERMS + 1)), Err(Code::TermsTooMany));
    let nested = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert!(code(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(code(&nested(MAX_DEPTH + 1)), Err(Code::QueryTooDeep));
    assert_eq!(code(&format!("{}a", "-".repeat(60_000))), Err(Code::QueryTooDeep));
    assert_eq!(code(&"(".repeat(60_000)), Err(Code::QueryTooDeep));
    assert_eq!(code(&"a".repeat(70_000)), Err(Code::QueryTooLong));
    let short = Context { max_bytes: 3, ..context() };
    assert_eq!(indelible_query::parse("abcd", &short).map_err(|d| d[0].code), Err(Code::QueryTooLong));
}

#[test]
fn examples_of_the_reference_parse() {
    for field in fields() {
        let query = parse(field.example);
        assert!(query.names(field.name), "{} does not use {}", field.example, field.name);
        assert!(field.doc.ends_with('.'), "{}", field.name);
    }
    assert_eq!(EventQuery::default().to_string(), "");
}
