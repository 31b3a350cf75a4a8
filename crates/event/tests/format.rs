//! The canonical bytes, at the boundary: published constants, one encoding per value, refusal of all others.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use indelible_event::{
    Class, Event, EventId, Field, Leaf, Map, Param, Person, StoredBody, SubjectKey, Time, Value, body_hash,
    commitment, read_event, salt, seal, type_tag,
};
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

fn map(pairs: &[(&str, Value)]) -> Value {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Value::Map(Map::from_pairs(pairs).unwrap())
}

/// The example of `docs/internals/format.md`; it was computed by two other programs before this one.
#[test]
fn published_example_reproduces() {
    let id: EventId = "00112233-4455-7677-8899-aabbccddeeff".parse().unwrap();
    let (event_salt, subject_key) = ([1_u8; 16], [2_u8; 32]);
    let occurred = Time { seconds: 1_700_000_000, nanos: 0, offset_minutes: Some(0) };
    let plain = map(&[
        ("catalog", "openkat".into()),
        ("code", "010001".into()),
        ("occurred", occurred.into()),
        ("outcome", "success".into()),
        ("result", Value::Int(0)),
    ]);
    let items = [
        ("*", event_salt.as_slice(), encoded(&plain)),
        ("actor.email", subject_key.as_slice(), encoded(&"a@example.org".into())),
        ("message", event_salt.as_slice(), encoded(&"user logged in".into())),
    ];
    let commitments: Vec<_> = items
        .iter()
        .map(|(path, key, value)| (*path, commitment(&salt(key, id, path), path, value)))
        .collect();
    assert_eq!(hex(&commitments[0].1), "63b5b7dd336be7b7a9cc05cf004c6f3b9739053458897f49fff1cbbe2fcb0bf6");
    assert_eq!(hex(&commitments[1].1), "094a0d54b1533df9545d68936589a95e973aae7fec36f6c22ed9a953503080e9");
    assert_eq!(hex(&commitments[2].1), "027ad8904bdf9e02e388df8ea82dd0ab171f4a3499e5047031bc1166412bdbbd");
    assert_eq!(type_tag("openkat", "010001"), 0xbdfe_b1a1);
    let leaf = Leaf {
        flags: 0,
        type_tag: type_tag("openkat", "010001"),
        received_ns: 1_700_000_001_000_000_000,
        id,
        producer: 7,
        sequence: 42,
        body: body_hash(commitments.into_iter()),
    };
    assert_eq!(
        hex(&leaf.encode()),
        "01000000bdfeb1a117979cfe71c4ca0000112233445576778899aabbccddeeff0000000000000007000000000000002a\
         9170e811693921409de3d97284665cbe3d83eb7e57de675ed858be5cb50337d4"
    );
    assert_eq!(Leaf::decode(&leaf.encode()), Ok(leaf));
}

fn event() -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, "netop");
    event.set(Field::Code, "USER.LOGIN");
    event.set(Field::OccurredAt, Time::from_unix_nanos(1_700_000_000_123_456_789));
    event.set(Field::ActorId, "u1");
    event.set(Field::Message, "");
    event.set(Field::OriginAddress, "10.0.0.1");
    event.set(Field::ProducerSeq, Value::Int(5));
    let subjects: Vec<Value> = (0..12).map(|at| map(&[("id", format!("p{at}").into())])).collect();
    event.set(Field::Subjects, subjects);
    let mut param = |name: &str, class, value: Value| {
        event.set_param(Param { name: name.into(), class, value });
    };
    param("guest.nrc_id", Class::Plain, "n".into());
    param("file_name", Class::Separate, "a.txt".into());
    param("guest.private_ip", Class::Personal(Person::Actor), "10.0.0.2".into());
    event
}

fn test_key(subject: &str) -> SubjectKey {
    let byte = subject.bytes().fold(0_u8, u8::wrapping_add);
    SubjectKey::new([byte; 16], &[byte ^ 0xff; 32])
}

fn find_key(id: &[u8; 16]) -> Option<SubjectKey> {
    id.iter().all(|byte| *byte == id[0]).then(|| SubjectKey::new(*id, &[id[0] ^ 0xff; 32]))
}

#[test]
fn sealed_event_reads_back_and_its_hash_recomputes() {
    let id = EventId::from_parts(1_700_000_000_000, 9);
    let sealed = seal(&event(), id, &[3; 16], test_key).unwrap();
    let body = StoredBody::decode(&sealed.stored).unwrap();
    assert_eq!(body.body_hash(id, &find_key), Ok(sealed.body));
    let mut expected = event();
    expected.remove(Field::ProducerSeq);
    assert_eq!(read_event(&body).unwrap(), expected);
    assert_ne!(body.body_hash(EventId::from_parts(1, 9), &find_key), Ok(sealed.body));
    assert_eq!(body.body_hash(id, &|_| None), Err(test_key("u1").id));
}

#[test]
fn a_disclosure_keeps_the_hash_and_shows_only_what_was_picked() {
    let id = EventId::from_parts(1_700_000_000_000, 10);
    let sealed = seal(&event(), id, &[3; 16], test_key).unwrap();
    let body = StoredBody::decode(&sealed.stored).unwrap();
    let bytes = body.disclosure(id, &find_key, |path| path == "*" || path == "message").unwrap();
    let seen = StoredBody::decode_disclosure(&bytes).unwrap();
    assert_eq!(seen.body_hash(id, &|_| None), Ok(sealed.body));
    let shown = read_event(&seen).unwrap();
    assert_eq!(shown.text(Field::Code), Some("USER.LOGIN"));
    assert_eq!(shown.text(Field::Message), Some(""));
    assert_eq!(shown.get(Field::ActorId), None);
    assert!(seen.erased().any(|path| path == "actor.id"));
    assert!(StoredBody::decode_disclosure(&sealed.stored[17..]).is_err(), "clear items are no disclosure");
}

#[test]
fn every_flipped_bit_changes_the_hash_or_is_refused() {
    let id = EventId::from_parts(1_700_000_000_000, 11);
    let sealed = seal(&event(), id, &[3; 16], test_key).unwrap();
    for bit in 0..sealed.stored.len() * 8 {
        let mut bytes = sealed.stored.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(body) = StoredBody::decode(&bytes) {
            assert_ne!(body.body_hash(id, &find_key), Ok(sealed.body), "bit {bit}");
        }
    }
}

#[test]
fn limits_are_refused_by_name() {
    let refused =
        |event: &Event| seal(event, EventId::from_parts(1, 1), &[0; 16], test_key).unwrap_err().to_string();
    let mut long = event();
    long.set(Field::Message, "x".repeat(8193));
    assert_eq!(refused(&long), "message has 8193 bytes, at most 8192 are taken");
    let mut large = event();
    for at in 0..9 {
        let value = Value::from("x".repeat(32 * 1024));
        large.set_param(Param { name: format!("p{at}"), class: Class::Separate, value });
    }
    assert!(refused(&large).starts_with("event has "), "{}", refused(&large));
    let mut named = event();
    named.set_param(Param { name: "a b@c".into(), class: Class::Plain, value: Value::Null });
    assert!(refused(&named).contains("a-z"), "{}", refused(&named));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        ".{0,12}".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
        (any::<i64>(), 0..1_000_000_000_u32, proptest::option::of(-1080..=1080_i16)).prop_map(
            |(seconds, nanos, offset_minutes)| Value::Time(Time { seconds, nanos, offset_minutes })
        ),
        (any::<i32>(), 1..1000_u32)
            .prop_map(|(a, b)| Value::Decimal(indelible_event::decimal(&format!("{a}.{b}1")).unwrap())),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::btree_map(".{0,5}", inner, 0..5)
                .prop_map(|m| Value::Map(Map::from_pairs(m.into_iter().collect()).unwrap())),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(value in any_value()) {
        prop_assert_eq!(Value::decode(&encoded(&value)), Ok(value));
    }

    #[test]
    fn whatever_decodes_is_its_own_encoding(bytes in proptest::collection::vec(0..12_u8, 0..40)) {
        if let Ok(value) = Value::decode(&bytes) {
            prop_assert_eq!(encoded(&value), bytes);
        }
    }

    #[test]
    fn hostile_bodies_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in any::<bool>()) {
        let mut input = if head { vec![1; 17] } else { Vec::new() };
        input.extend(bytes);
        if let Ok(body) = StoredBody::decode(&input) {
            let _hash = body.body_hash(EventId([0; 16]), &find_key);
            let _event = read_event(&body);
        }
    }
}
