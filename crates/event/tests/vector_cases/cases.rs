//! The cases: values of every kind, bytes to refuse, and events with items of every class.

use indelible_event::{
    Class, Event, EventId, Field, Flag, ItemState, Leaf, Map, Param, Person, StoredBody, Time, Value,
    decimal, seal, type_tag,
};

use super::{Case, Fate, find_key, key_of, rewrite};

fn map(pairs: Vec<(&str, Value)>) -> Value {
    Value::Map(
        Map::from_pairs(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()).unwrap(),
    )
}

fn time(seconds: i64, nanos: u32, offset_minutes: Option<i16>) -> Value {
    Value::Time(Time { seconds, nanos, offset_minutes })
}

fn number(text: &str) -> Value {
    Value::Decimal(decimal(text).unwrap())
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::List(vec![inner]))
}

/// Values with what each shows.
pub(super) fn values() -> Vec<(&'static str, Value)> {
    let scalars = vec![
        ("null", Value::Null),
        ("false", Value::Bool(false)),
        ("true", Value::Bool(true)),
        ("zero", Value::Int(0)),
        ("minus one", Value::Int(-1)),
        ("beyond 2^53", Value::Int((1 << 53) + 1)),
        ("smallest integer", Value::Int(i64::MIN)),
        ("largest integer", Value::Int(i64::MAX)),
        ("decimal", number("1.5")),
        ("decimal below one", number("-0.001")),
        ("decimal sent as 12.50e-1", number("12.50e-1")),
        ("integer above i64 is a decimal", number("18446744073709551615")),
        ("integer below i64 is a decimal", number("-9223372036854775809")),
        ("longest decimal", number(&format!("0.{}1", "0".repeat(61)))),
        ("empty text", "".into()),
        ("code with a leading zero", "010001".into()),
        ("composed letter", "\u{e9}".into()),
        ("the same letter decomposed", "e\u{301}".into()),
        ("text of four-byte characters and a line break", "\u{1f512}\n\u{1f511}".into()),
        ("no bytes", Value::Bytes(Vec::new())),
        ("bytes", Value::Bytes(vec![0, 0xff, 0x80])),
        ("time in UTC", time(1_700_000_000, 0, Some(0))),
        ("time with nanoseconds, east", time(1_700_000_000, 123_456_789, Some(60))),
        ("time at the western end", time(1_700_000_000, 999_999_999, Some(-1080))),
        ("time without an offset", time(1_700_000_000, 500_000_000, None)),
        ("time before 1970", time(-1, 999_999_999, Some(0))),
    ];
    let pairs =
        vec![("z", Value::Int(1)), ("Z", Value::Int(2)), ("\u{e9}", Value::Int(3)), ("", Value::Int(4))];
    let deep = map(vec![
        ("list", Value::List(vec![map(vec![("a", Value::Null), ("b", Value::List(vec![]))]), "x".into()])),
        ("map", map(vec![("inner", map(vec![("innermost", number("0.5"))]))])),
    ]);
    let nests = vec![
        ("empty list", Value::List(Vec::new())),
        (
            "list of every kind",
            Value::List(scalars.iter().step_by(5).map(|(_, value)| value.clone()).collect()),
        ),
        ("empty map", map(Vec::new())),
        ("map keys ascend as bytes", map(pairs)),
        ("lists and maps in each other", deep),
        ("deepest list", nested(16)),
    ];
    scalars.into_iter().chain(nests).collect()
}

fn bytes(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn decimal_bytes(text: &str) -> Vec<u8> {
    bytes(&[&[0x04, 0, u8::try_from(text.len()).unwrap()], text.as_bytes()])
}

fn map_bytes(keys: [&str; 2]) -> Vec<u8> {
    let entry = |key: &str| bytes(&[&[0, u8::try_from(key.len()).unwrap()], key.as_bytes(), &[0]]);
    bytes(&[&[0x09, 0, 0, 0, 2], &entry(keys[0]), &entry(keys[1])])
}

/// Encodings of values, then of stored bodies, that must be refused, each with the reason.
pub(super) fn refused() -> [Vec<(&'static str, Vec<u8>)>; 2] {
    let too_deep = bytes(&[&[0x08, 0, 0, 0, 1].repeat(17), &[0]]);
    let values = vec![
        ("nothing", vec![]),
        ("unknown tag", vec![0x0a]),
        ("bytes left over", vec![0, 0]),
        ("integer cut off", vec![0x03, 0, 0, 0]),
        ("decimal with a final zero", decimal_bytes("1.50")),
        ("decimal with a leading zero", decimal_bytes("01.5")),
        ("decimal that is a 64-bit integer", decimal_bytes("7")),
        ("decimal minus zero", decimal_bytes("-0")),
        ("decimal with an exponent", decimal_bytes("1e30")),
        ("decimal of 65 bytes", decimal_bytes(&format!("0.{}1", "0".repeat(62)))),
        ("text that is not UTF-8", vec![0x05, 0, 0, 0, 1, 0xff]),
        ("text longer than the input", vec![0x05, 0, 0, 0, 2, b'a']),
        (
            "a whole second of nanoseconds",
            bytes(&[&[0x07], &[0; 8], &1_000_000_000_u32.to_be_bytes(), &[0, 0]]),
        ),
        ("offset beyond 18 hours", bytes(&[&[0x07], &[0; 12], &1081_i16.to_be_bytes()])),
        ("list longer than the input", vec![0x08, 0xff, 0xff, 0xff, 0xff]),
        ("map keys descend", map_bytes(["b", "a"])),
        ("map key twice", map_bytes(["a", "a"])),
        ("nested deeper than 16", too_deep),
    ];
    let salt = [1; 16];
    let item = |path: &str, state: u8, data: &[u8]| {
        bytes(&[&[0, u8::try_from(path.len()).unwrap()], path.as_bytes(), &[state], data])
    };
    let null = [0, 0, 0, 1, 0];
    let body = |version: u8, items: &[Vec<u8>]| {
        bytes(&[&[version], &salt, &[0, u8::try_from(items.len()).unwrap()], &items.concat()])
    };
    let bodies = vec![
        ("unknown version", body(2, &[item("*", 0, &null)])),
        ("unknown state", body(1, &[item("*", 5, &null)])),
        ("paths descend", body(1, &[item("b", 0, &null), item("a", 0, &null)])),
        ("path twice", body(1, &[item("a", 0, &null), item("a", 0, &null)])),
        ("path with an upper-case letter", body(1, &[item("aB", 0, &null)])),
        ("path that ends in a dot", body(1, &[item("a.", 0, &null)])),
        ("empty path", body(1, &[item("", 0, &null)])),
        ("cut off", body(1, &[item("a", 2, &[7; 31])])),
        ("bytes left over", bytes(&[&body(1, &[item("a", 0, &null)]), &[0]])),
    ];
    [values, bodies]
}

/// What the leaf of a case says.
struct Record {
    flags: u8,
    catalog: &'static str,
    code: &'static str,
    producer: u64,
    sequence: u64,
}

fn case(name: &'static str, at: u8, event: &Event, record: &Record) -> Case {
    let received_ns = 1_700_000_000_000_000_000 + u64::from(at) * 1_000_000_007;
    let id = EventId::from_parts(received_ns / 1_000_000, 0x0123_4567_89ab_cdef_u128 << 10 | u128::from(at));
    let sealed = seal(event, id, &[at; 16], key_of).unwrap();
    let unmatched = record.flags & Flag::Unmatched as u8 != 0;
    let leaf = Leaf {
        flags: record.flags,
        type_tag: if unmatched { 0 } else { type_tag(record.catalog, record.code) },
        received_ns,
        id,
        producer: record.producer,
        sequence: record.sequence,
        body: sealed.body,
    };
    Case { name, id, stored: sealed.stored, leaf, later: Vec::new(), disclose: Vec::new() }
}

fn base(catalog: &str, code: &str) -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, catalog);
    event.set(Field::Code, code);
    event.set(Field::OccurredAt, time(1_699_999_999, 250_000_000, Some(60)));
    event.set(Field::Outcome, "success");
    event
}

/// The events.
pub(super) fn events() -> Vec<Case> {
    vec![worked_example(), plain_only(), separate(), personal(), subjects(), uncatalogued()]
}

/// The one example that stands in the format document in full. Its keys are no fields of the model.
fn worked_example() -> Case {
    let id: EventId = "00112233-4455-7677-8899-aabbccddeeff".parse().unwrap();
    let plain = map(vec![
        ("catalog", "openkat".into()),
        ("code", "010001".into()),
        ("occurred", time(1_700_000_000, 0, Some(0))),
        ("outcome", "success".into()),
        ("result", Value::Int(0)),
    ]);
    let mut stored = vec![1];
    stored.extend_from_slice(&[1; 16]);
    stored.extend_from_slice(&3_u16.to_be_bytes());
    let items = [
        ("*", None, plain),
        ("actor.email", Some([0x44; 16]), "a@example.org".into()),
        ("message", None, "user logged in".into()),
    ];
    for (path, key, value) in items {
        stored.extend_from_slice(&u16::try_from(path.len()).unwrap().to_be_bytes());
        stored.extend_from_slice(path.as_bytes());
        stored.push(u8::from(key.is_some()));
        stored.extend_from_slice(key.as_ref().map_or(&[], |key: &[u8; 16]| key.as_slice()));
        let mut value_bytes = Vec::new();
        value.encode(&mut value_bytes);
        super::put_value(&mut stored, &value_bytes);
    }
    let body = StoredBody::decode(&stored).unwrap().body_hash(id, &find_key).unwrap();
    let leaf = Leaf {
        flags: 0,
        type_tag: type_tag("openkat", "010001"),
        received_ns: 1_700_000_001_000_000_000,
        id,
        producer: 7,
        sequence: 42,
        body,
    };
    Case {
        name: "the worked example",
        id,
        stored,
        leaf,
        later: Vec::new(),
        disclose: vec![vec!["*", "message"]],
    }
}

fn plain_only() -> Case {
    let mut event = base("indelible", "SYSTEM.START");
    event.set(Field::ActorKind, "system");
    event.set(Field::Categories, vec![Value::from("operation")]);
    let record = Record {
        flags: Flag::Own as u8 | Flag::Unnumbered as u8,
        catalog: "indelible",
        code: "SYSTEM.START",
        producer: 0,
        sequence: 0,
    };
    let mut case = case("plain fields only: one item", 1, &event, &record);
    case.disclose = vec![vec!["*"]];
    case
}

fn separate() -> Case {
    let mut event = base("sanernow", "1004");
    event.set(Field::Message, "");
    event.set(
        Field::Targets,
        vec![
            map(vec![
                ("id", "key-1".into()),
                ("kind", "ApiKey".into()),
                ("labels", vec![Value::from("a"), Value::from("b")].into()),
            ]),
            map(vec![("id", "key-2".into())]),
        ],
    );
    event.set(
        Field::Extra,
        map(vec![
            ("Odd Name@example.org", "kept as sent".into()),
            ("nested", map(vec![("at", time(1_700_000_000, 0, None)), ("sum", number("19.90"))])),
        ]),
    );
    event.set(
        Field::Changes,
        vec![map(vec![("path", "expires".into()), ("old", Value::Null), ("new", Value::Int(30))])],
    );
    event.set_param(Param { name: "host.file_count".into(), class: Class::Plain, value: Value::Int(3) });
    event.set_param(Param { name: "host.file_name".into(), class: Class::Separate, value: "".into() });
    let record =
        Record { flags: 0, catalog: "sanernow", code: "1004", producer: u64::MAX, sequence: u64::MAX };
    let mut case = case("separate items, one of them erased alone", 2, &event, &record);
    let (id, stored) = (case.id, case.stored.clone());
    let redacted =
        rewrite(id, &stored, true, |path, _| if path == "message" { Fate::Erase } else { Fate::SpellOut });
    case.later = vec![(
        "the item message was erased: the event's salt is gone, the other salts are spelled out",
        redacted,
    )];
    case.disclose = vec![vec!["*", "targets"], vec![]];
    case
}

fn personal() -> Case {
    let mut event = base("netop", "USER.LOGIN");
    event.set(Field::ActorId, "u1");
    event.set(Field::ActorName, "Ann");
    event.set(Field::ActorEmail, "ann@example.org");
    event.set(Field::Message, "Ann logged in");
    event.set(Field::OriginAddress, "2001:db8::7");
    event.set_param(Param {
        name: "guest.private_ip".into(),
        class: Class::Personal(Person::Actor),
        value: "10.0.0.2".into(),
    });
    let record = Record {
        flags: Flag::Imported as u8,
        catalog: "netop",
        code: "USER.LOGIN",
        producer: 7,
        sequence: 1,
    };
    let mut case = case("personal items of the actor, erased with the person", 3, &event, &record);
    let (id, stored) = (case.id, case.stored.clone());
    let is_personal = |state: ItemState<'_>| matches!(state, ItemState::Personal(..));
    let gone =
        rewrite(id, &stored, false, |_, state| if is_personal(state) { Fate::Erase } else { Fate::Keep });
    let both = rewrite(id, &stored, true, |path, state| {
        if is_personal(state) || path == "message" { Fate::Erase } else { Fate::SpellOut }
    });
    case.later = vec![("the person was erased", gone), ("the person and the item message were erased", both)];
    case.disclose = vec![vec!["*"], vec!["*", "actor.id", "origin.address"]];
    case
}

fn subjects() -> Case {
    let mut event = base("openkat", "900104");
    event.set(Field::ActorId, "u1");
    let people = ["patient-7", "patient-8"].map(|id| map(vec![("id", id.into()), ("id_kind", "bsn".into())]));
    event.set(Field::Subjects, people.to_vec());
    event.set(Field::Purpose, map(vec![("code", "TREAT".into())]));
    let record = Record {
        flags: Flag::Unnumbered as u8,
        catalog: "openkat",
        code: "900104",
        producer: 9,
        sequence: 0,
    };
    let mut case = case("one item for each data subject, one of them erased", 4, &event, &record);
    let (id, stored) = (case.id, case.stored.clone());
    let gone =
        rewrite(id, &stored, false, |path, _| if path == "subjects.0" { Fate::Erase } else { Fate::Keep });
    case.later = vec![("patient-7 was erased", gone)];
    case.disclose = vec![vec!["*", "subjects.1"]];
    case
}

fn uncatalogued() -> Case {
    let mut event = Event::new();
    event.set(Field::OccurredAt, time(1_699_999_999, 0, None));
    event.set(Field::Message, "door 7 opened");
    event.set(Field::State, "quarantined");
    event.flag("code_missing");
    let flags = Flag::Unmatched as u8 | Flag::Unnumbered as u8;
    let record = Record { flags, catalog: "", code: "", producer: 12, sequence: 0 };
    case("no catalog entry: the type tag is zero", 5, &event, &record)
}
