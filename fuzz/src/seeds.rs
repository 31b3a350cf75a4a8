//! Writes the inputs that fuzzing begins with to `corpus/TARGET/`: small valid segments, bodies, queries, notes and lines.

use std::fs;
use std::path::Path;

use indelible_event::{Class, Event, EventId, Field, LEAF_BYTES, Param, SubjectKey, Value, seal};
use indelible_segment::id::IdCipher;
use indelible_segment::row::Row;
use indelible_segment::write::{Spec, Writer};

const QUERIES: [&str; 12] = [
    "code:openkat/0800021",
    "actor.id:user00042 NOT outcome:failure",
    "occurred_at:[2026-01-01 TO 2026-02-01}",
    "received:now-7d/d..now",
    "origin.ip:10.0.0.0/8 OR origin.ip:2001:db8::/32",
    "param.GROUP_ID>=17",
    "\"logged in from\" user0004?",
    "message:*denied*",
    "(crude:(C OR D) AND NOT flag:quarantined)",
    "target.id:\"a\\\"b\" changes.path:/role",
    "type:NULL has:session.id",
    "severity:>=3 index:<100",
];
const NOTE: &str = "example.org/log/7f3c\n3\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n\u{2014} example.org/log/7f3c \
                    1fI6MwAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const LINES: [&str; 7] = [
    "{\"catalog\":\"openkat\",\"code\":\"0800021\",\"occurred_at\":\"2026-01-01T00:00:00.5+02:00\"}\n",
    "{\"event_code\":800021,\"user\":\"a\",\"timestamp\":\"2026-01-01 00:00:00\"}\n",
    "<134>1 2026-01-01T00:00:00Z host app - - - AuditLog: eyJhIjoxfQ==\n",
    "\"Date\",\"User\",\"Event\"\r\n\"2026-01-01\",\"a\"\"b\",\"LOGIN\"\r\n",
    "Account,User,Tool\n1,\"two\nlines\",3\n",
    "{\"Records\":[{\"eventName\":\"ConsoleLogin\"},{}]}",
    "{\"events\":[{\"code\":\"1\"},{\"code\":2.5e3}]}",
];

fn event(number: u64) -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, "openkat");
    event.set(Field::Code, if number % 3 == 0 { "010001" } else { "0800021" });
    event.set(Field::ActorId, format!("user{}", number % 4).as_str());
    event.set(Field::SessionId, format!("s-{}", number / 5).as_str());
    let words = ["opened", "closed", "renamed"][number as usize % 3];
    event.set(
        Field::Message,
        format!("user{} {words} file-{:04} 8c1f00aa{:08x} é", number % 4, number * 7, number * 99_991).as_str(),
    );
    let values = [Value::Int(number.cast_signed()), Value::Bool(true), Value::Text(format!("v{number}")), Value::Null];
    let [value, ..] = &values[number as usize % 4..] else { return event };
    event.set_param(Param { name: "GROUP".to_owned(), class: Class::Plain, value: value.clone() });
    event
}

fn bodies(count: u64) -> Vec<Vec<u8>> {
    let sealed = |number: u64| {
        let id = EventId(u128::from(number).to_be_bytes());
        seal(&event(number), id, &[3; 16], |_| SubjectKey::new([5; 16], &[6; 32])).map(|sealed| sealed.stored)
    };
    (0..count).filter_map(|number| sealed(number).ok()).collect()
}

fn segment(count: u64, whole: bool) -> Vec<u8> {
    let spec = Spec { node: [1; 16], blocks: (1, 2), ids: IdCipher::new([4; 16]), level: 1 };
    let mut writer = if whole { Writer::whole(spec) } else { Writer::new(spec) };
    writer.begin_log(1, 0).expect("the first log");
    for (number, stored) in (0u64..).zip(&bodies(count)) {
        let row = Row {
            flags: 8,
            type_tag: 7,
            received_ns: 1_767_225_600_000_000_000 + number * 1_000_003,
            id: u128::from(number).to_be_bytes(),
            producer: 9,
            sequence: if number % 2 == 0 { number } else { 0 },
            key: (number % 4 == 0).then_some(number),
            content: (number % 4 == 0).then_some(number * 3),
            stored,
        };
        writer.push(&row, |_| None).expect("a row of the log");
    }
    writer.finish().expect("a segment")
}

/// Syslog over streams: with lengths, with line ends, too large, and broken.
const STREAMS: &[&str] = &[
    "<34>1 2003-10-11T22:14:15.003Z host su - ID47 [a@1 x=\"]\\\"\"][b@2] text\n",
    "13 <1>1 - - - -\n<2>Oct 11 22:14:15 host tag[1]: x\n100 <1>too long\n",
    "<13>app: {\"a\":1}\r\n\0<14>x\n99999999 <y\n12345",
];

fn main() -> std::io::Result<()> {
    let put = |target: &str, name: usize, bytes: &[u8]| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(format!("seed-{name}")), bytes)
    };
    for (name, count) in [1, 5, 40, 200].into_iter().enumerate() {
        put("segment", name, &segment(count, false))?;
        put("segment", 10 + name, &segment(count, true))?;
    }
    for (name, body) in bodies(8).iter().enumerate() {
        put("body", name, body)?;
    }
    put("body", 20, &[7; LEAF_BYTES])?;
    for (name, query) in QUERIES.iter().enumerate() {
        put("query", name, query.as_bytes())?;
    }
    put("tlog", 0, NOTE.as_bytes())?;
    for (name, line) in LINES.iter().enumerate() {
        let which = name as u8;
        put("formats", name, &[&[which], line.as_bytes()].concat())?;
    }
    for (name, stream) in STREAMS.iter().enumerate() {
        put("syslog", name, &[&[3], stream.as_bytes()].concat())?;
    }
    Ok(())
}
