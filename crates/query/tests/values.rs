//! Values of events at every field: each leads back to its event, decoded and stored bytes agree, and text that is not
//! finished never panics.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{clock, context, hostile};
use indelible_event::{
    Class, Event, EventId, Field, Kind, Map, MemberKind, Param, SubjectKey, Time, Value, seal,
};
use indelible_query::{
    Compiled, Completion, EventQuery, EventView, Expansion, FieldRef, FieldTerm, Node, Part, Position,
    Scalar, Test, TimeExpr, ValueKind, fields, spelled,
};
use proptest::prelude::*;

const RECEIVED_NS: u64 = 1_795_000_000_000_000_000;

fn position() -> Position<'static> {
    let id = EventId::from_parts(RECEIVED_NS / 1_000_000, 7);
    Position { organization: "acme", index: 7, received_ns: RECEIVED_NS, id, sequence: 3, imported: false }
}

/// An event with something in every field, made of these texts in turn.
fn event(texts: &[String]) -> Event {
    let mut turn = texts.iter().cycle();
    let mut text = |max: usize| {
        let text = turn.next().unwrap();
        let end = text.floor_char_boundary(max.min(40));
        if text[..end].is_empty() { "x".to_owned() } else { text[..end].to_owned() }
    };
    let mut event = Event::new();
    for field in Field::ALL {
        let value: Value = match field.def().kind {
            Kind::Text(max) => text(max).into(),
            Kind::Word(words) => words[words.len() - 1].into(),
            Kind::Int(min, _) => min.into(),
            Kind::Sequence => 3.into(),
            Kind::Bool => true.into(),
            Kind::Time => Time { seconds: 1_700_000_000, nanos: 5, offset_minutes: Some(60) }.into(),
            Kind::Texts(_, max) => vec![Value::Text(text(max)), Value::Text(text(max))].into(),
            Kind::Records(_, members) => {
                let mut pairs = |skipped: usize| {
                    let members = members.iter().skip(skipped);
                    members.map(|member| member_of(member.name, member.kind, &mut text)).collect::<Vec<_>>()
                };
                let (full, some) = (pairs(0), pairs(1));
                [full, some].map(|pairs| Value::Map(Map::from_pairs(pairs).unwrap())).to_vec().into()
            }
            Kind::Record(members) => {
                let pairs = members.iter().map(|member| member_of(member.name, member.kind, &mut text));
                Value::Map(Map::from_pairs(pairs.collect()).unwrap())
            }
            Kind::Free => Value::Map(
                Map::from_pairs(vec![("a".into(), text(40).into()), ("n".into(), 7.into())]).unwrap(),
            ),
        };
        event.set(*field, value);
    }
    let (name, class) = ("guest.nrc_id".to_owned(), Class::Plain);
    event.set_param(Param { name, class, value: text(40).into() });
    event.set_param(Param { name: "count".into(), class, value: Value::Decimal("1.50".into()) });
    event
}

fn member_of(name: &str, kind: MemberKind, text: &mut impl FnMut(usize) -> String) -> (String, Value) {
    let value = match kind {
        MemberKind::Text(max) | MemberKind::Any(max) => text(max).into(),
        MemberKind::Texts(_, max) => vec![Value::Text(text(max))].into(),
        MemberKind::Bool => true.into(),
    };
    (name.to_owned(), value)
}

fn values(field: &FieldRef, view: &EventView<'_>) -> Vec<String> {
    let mut found = Vec::new();
    field.values(view, &mut |value| found.push(value.to_owned()));
    // The number in a sequence stands in the leaf, and in an event that was not sealed yet.
    found.dedup();
    found
}

fn refs() -> Vec<FieldRef> {
    let plain = fields().iter().map(|def| FieldRef { def, sub: Vec::new() });
    let open =
        ["param.guest.nrc_id", "param.count", "data.a", "data.n"].map(|name| FieldRef::named(name).unwrap());
    plain.filter(|field| field.def.kind != ValueKind::Bound).chain(open).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_value_leads_back_to_its_event(texts in prop::collection::vec(hostile(), 1..6)) {
        let event = event(&texts);
        let Ok(sealed) = seal(&event, position().id, &[1; 16], |_| SubjectKey::new([7; 16], &[2; 32])) else {
            // Some of these texts no event may hold.
            return Ok(());
        };
        let (view, kept) = (EventView::new(position(), &event), EventView::stored(position(), &sealed.stored));
        for field in refs() {
            let found = values(&field, &view);
            prop_assert_eq!(&found, &values(&field, &kept), "{}", &field);
            prop_assert!(!found.is_empty() || ["authz.policy", "related"].contains(&field.def.name), "{} has no value", &field);
            for value in found {
                let scalar = match field.def.kind {
                    ValueKind::Time => Scalar::Time(TimeExpr::parse(&value).unwrap()),
                    _ => Scalar::Text(value.clone()),
                };
                let query = EventQuery::new(Node::Field(FieldTerm { field: field.clone(), tests: vec![Test::Is(scalar)] }));
                let compiled = Compiled::new(&query, &clock(), &Expansion::none());
                prop_assert!(compiled.matches(&kept), "{query}");
                let written = format!("{field}:{}", spelled(&field, &value));
                let parsed = indelible_query::parse(&written, &context());
                prop_assert_eq!(parsed.as_ref().ok(), Some(&query), "{}", written);
            }
        }
    }

    #[test]
    fn what_is_not_finished_never_panics(pieces in prop::collection::vec(hostile(), 0..4), at in 0_usize..60) {
        let text = pieces.join(" ");
        if let Some(found) = Completion::at(&text, at) {
            prop_assert!(text.get(found.range.clone()).is_some(), "{:?}", found);
            let (Part::Name(part) | Part::Value(_, part)) = found.part;
            prop_assert!(part.len() <= text.len());
        }
    }
}
