//! Real events come back bit for bit, whatever they hold, and repeating ones cost little.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may")]

use std::io;

use indelible_event::{Class, Event, EventId, Field, Map, Param, SubjectKey, Time, Value, seal};
use indelible_segment::id::IdCipher;
use indelible_segment::read::Index;
use indelible_segment::row::Row;
use indelible_segment::write::{Spec, Writer};
use proptest::prelude::*;

const START_NS: u64 = 1_767_225_600_000_000_000;
const SEED: [u8; 32] = [9; 32];

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,8}",
        "[0-9]{1,20}",
        "[0-9a-f]{8}",
        "[A-Za-z0-9]{1,14}",
        Just("user00042".to_owned()),
        Just("550e8400-e29b-41d4-a716-446655440000".to_owned()),
        Just("İstanbul ß ǅ".to_owned()),
        "\\PC{0,6}",
    ];
    let separator = prop_oneof![6 => Just(" ".to_owned()), 1 => "[ -/]{0,30}", 1 => Just("-".to_owned())];
    let parts = proptest::collection::vec((separator, word), 0..6);
    prop_oneof![
        5 => parts.prop_map(|parts| parts.into_iter().map(|(a, b)| a + &b).collect::<String>().replace('\0', "")),
        1 => Just(String::new()),
        1 => Just("the same as always".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::Text),
        1 => any::<i64>().prop_map(Value::Int),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        1 => Just(Value::Decimal("12.5".into())),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        1 => time().prop_map(Value::Time),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        let pairs = proptest::collection::vec(("[a-c]{1,2}", inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::List),
            pairs.prop_map(|pairs| Value::Map(Map::from_pairs(pairs).unwrap_or_default())),
        ]
    })
}

fn time() -> impl Strategy<Value = Time> {
    let seconds = prop_oneof![5 => 1_767_000_000i64..1_768_000_000, 1 => any::<i64>()];
    let nanos = prop_oneof![Just(0), (0u32..1000).prop_map(|ms| ms * 1_000_000), 0u32..1_000_000_000];
    (seconds, nanos, proptest::option::of(-1080i16..1080)).prop_map(|(seconds, nanos, offset_minutes)| Time {
        seconds,
        nanos,
        offset_minutes,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let fields = (
        proptest::option::of("code[0-9]"),
        proptest::option::of("user0000[0-9]"),
        proptest::option::of(text()),
        proptest::option::of(time()),
        proptest::option::of("[0-9a-f]{16}"),
        proptest::option::of(time()),
        proptest::collection::vec(text(), 0..3),
        proptest::collection::vec(text(), 0..3),
    );
    let params = proptest::collection::vec(("[a-d]", value(), any::<bool>()), 0..4);
    (fields, params, proptest::option::of(value())).prop_map(|(fields, params, extra)| {
        let mut event = Event::new();
        let (code, actor, message, occurred, session, started, roles, subjects) = fields;
        let mut set = |field, text: Option<String>| text.map(|text| event.set(field, text));
        set(Field::Code, code);
        set(Field::ActorId, actor);
        set(Field::Message, message);
        set(Field::SessionId, session);
        let mut set = |field, time: Option<Time>| time.map(|time| event.set(field, time));
        set(Field::OccurredAt, occurred);
        set(Field::SessionStarted, started);
        if !roles.is_empty() {
            event.set(Field::ActorRoles, roles.into_iter().map(Value::Text).collect::<Vec<_>>());
        }
        let person = |id: String| Value::Map(Map::from_pairs(vec![("id".to_owned(), id.into())]).unwrap());
        if !subjects.is_empty() {
            event.set(Field::Subjects, subjects.into_iter().map(person).collect::<Vec<_>>());
        }
        for (name, value, plain) in params {
            let class = if plain { Class::Plain } else { Class::Separate };
            event.set_param(Param { name, class, value });
        }
        if let Some(extra) = extra {
            event.set(Field::Extra, Map::from_pairs(vec![("x".to_owned(), extra)]).unwrap());
        }
        event
    })
}

fn stored(events: &[Event]) -> Vec<(EventId, Vec<u8>)> {
    let one = |(at, event): (u64, &Event)| {
        let id = EventId::from_parts(START_NS / 1_000_000 + at, cipher().seal(1, at));
        let salt = indelible_event::MacKey::new(&SEED).mac(&id.0)[..16].try_into().unwrap();
        let key = |person: &str| SubjectKey::new([person.len() as u8; 16], &[1; 32]);
        seal(event, id, &salt, key).ok().map(|sealed| (id, sealed.stored))
    };
    (0..).zip(events).filter_map(one).collect()
}

fn cipher() -> IdCipher {
    IdCipher::new([5; 16])
}

fn row(at: u64, (id, stored): &(EventId, Vec<u8>)) -> Row<'_> {
    Row {
        flags: 8,
        type_tag: 5,
        received_ns: START_NS + at / 10 * 1_000_000,
        id: id.0,
        producer: 7,
        sequence: at % 5,
        key: None,
        content: at.is_multiple_of(3).then_some(at),
        stored,
    }
}

fn segment(stored: &[(EventId, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Spec { node: [1; 16], blocks: (1, 2), ids: cipher(), level: 1 });
    writer.begin_log(0, 0).unwrap();
    for (at, stored) in (0..).zip(stored) {
        writer.push(&row(at, stored), |_| Some(SEED)).unwrap();
    }
    writer.finish().unwrap()
}

fn reader(bytes: &[u8]) -> impl Fn(u64, &mut [u8]) -> io::Result<()> {
    move |at, buf| {
        let from = usize::try_from(at).ok().and_then(|at| bytes.get(at..)?.get(..buf.len()));
        buf.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn check(bytes: &[u8], stored: &[(EventId, Vec<u8>)]) {
    let index = Index::read(bytes.len() as u64, &reader(bytes)).unwrap();
    let mut next = 0;
    for entry in index.blocks(0) {
        let block = index.decode(entry, &reader(bytes)).unwrap();
        for (at, found) in block.rows() {
            assert_eq!(found, row(at, &stored[usize::try_from(at).unwrap()]));
            next += 1;
        }
    }
    assert_eq!(next, stored.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn events_come_back_as_they_were(events in proptest::collection::vec(event(), 0..50), times in 1usize..40) {
        let repeated: Vec<Event> = (0..times).flat_map(|_| events.iter().cloned()).collect();
        let stored = stored(&repeated);
        check(&segment(&stored), &stored);
    }

    #[test]
    fn damage_is_found_or_harmless_and_never_a_panic(events in proptest::collection::vec(event(), 1..20), place in any::<proptest::sample::Index>(), bit in 0u8..8) {
        let stored = stored(&events);
        let mut bytes = segment(&stored);
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(index) = Index::read(bytes.len() as u64, &reader(&bytes)) {
            prop_assert!(index.verify(&reader(&bytes)).is_err());
            for entry in index.blocks(0) {
                if let Ok(block) = index.decode(entry, &reader(&bytes)) {
                    for (at, found) in block.rows() {
                        prop_assert_eq!(found.stored, &stored[usize::try_from(at).unwrap()].1);
                    }
                }
            }
        }
    }
}

#[test]
fn a_session_that_says_the_same_costs_next_to_nothing() {
    let mut event = Event::new();
    event.set(Field::Code, "1001");
    event.set(Field::ActorId, "user00042");
    event.set(Field::SessionId, "00112233445566ff");
    let events: Vec<Event> = (0..5000)
        .map(|n| {
            event.set(Field::Message, format!("User Creation by user00042 ticket CHG-{n:06}"));
            event.clone()
        })
        .collect();
    let stored = stored(&events);
    let mut writer = Writer::new(Spec { node: [1; 16], blocks: (1, 2), ids: cipher(), level: 1 });
    writer.begin_log(0, 0).unwrap();
    for (at, stored) in (0..).zip(&stored) {
        let row = Row { sequence: 0, content: None, ..row(at, stored) };
        writer.push(&row, |_| Some(SEED)).unwrap();
    }
    let bytes = writer.finish().unwrap();
    assert!(bytes.len() < 5000 * 3, "{} bytes for 5,000 events", bytes.len());
}
