//! Our own event JSON to an event. Strict: a member that is not known is refused, so that a typo cannot pass.

use indelible_event::{Class, Event, Field, Kind, MAX_PARAMS, Map, Param, Value, Who};
use indelible_formats::{Pull, rfc3339};

use crate::config::nearest;

/// Why an event's JSON is refused, before any catalog is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// JSON pointer into the event.
    pub(crate) pointer: String,
    /// Name of the finding.
    pub(crate) code: &'static str,
    /// What to do.
    pub(crate) hint: String,
}

/// Objects whose members are fields of their own.
const GROUPS: [&str; 5] = ["actor", "origin", "session", "trace", "producer"];

/// Fields of the catalog's that a sender may say as well; they are compared with it, never copied.
const COMPARED: [Field; 3] = [Field::Entity, Field::Action, Field::Crude];

/// Room that is made at once: fields of a usual event with what the catalog adds, and its parameters.
const USUAL: (usize, usize) = (32, 8);

/// Reads an event straight from its JSON text. `None` for whatever is not as it should be, or too rare to be worth it:
/// [`read`] finds out what it is and says so. What is read here is the same event there.
pub(crate) fn read_text(text: &[u8]) -> Option<Event> {
    let mut reader = Reader {
        json: Pull::new(text)?,
        event: Event::with_capacity(USUAL.0, USUAL.1),
        seen: 0,
        path: String::with_capacity(32),
    };
    reader.json.enter()?;
    while let Some(name) = reader.json.name()? {
        match name.as_ref() {
            "params" => reader.params()?,
            group if GROUPS.contains(&group) => reader.group(group)?,
            name => reader.member(name)?,
        }
    }
    reader.json.finish()?;
    Some(reader.event)
}

/// An event being read from its text.
struct Reader<'a> {
    json: Pull<'a>,
    event: Event,
    /// One bit for each field, group of fields and the parameters: none may come twice.
    seen: u128,
    path: String,
}

/// Bits of `seen` behind those of the fields.
const PARAMS_BIT: usize = Field::ALL.len();
const GROUPS_BIT: usize = PARAMS_BIT + 1;
const _: () = assert!(GROUPS_BIT + GROUPS.len() <= u128::BITS as usize, "seen has a bit for each of them");

impl Reader<'_> {
    /// Notes that something was read; `None` when it was before.
    fn once(&mut self, bit: usize) -> Option<()> {
        let before = self.seen;
        self.seen |= 1 << bit;
        (self.seen != before).then_some(())
    }

    fn group(&mut self, group: &str) -> Option<()> {
        self.once(GROUPS_BIT + GROUPS.iter().position(|known| *known == group)?)?;
        if self.json.null() {
            return Some(());
        }
        self.json.enter()?;
        while let Some(name) = self.json.name()? {
            self.path.clear();
            self.path.extend([group, ".", &name]);
            let path = std::mem::take(&mut self.path);
            self.field(Field::by_path(&path)?)?;
            self.path = path;
        }
        Some(())
    }

    fn member(&mut self, name: &str) -> Option<()> {
        // A dot in a member's own name is not the dot of a path.
        self.field(Field::by_path(name).filter(|field| !field.path().contains('.'))?)
    }

    fn field(&mut self, field: Field) -> Option<()> {
        self.once(field as usize)?;
        if self.json.null() {
            return Some(());
        }
        let def = field.def();
        if !sender_may(field) {
            return None;
        }
        let value = if self.json.at_text() {
            let text = self.json.text()?;
            match def.kind {
                Kind::Time => Value::Time(rfc3339::parse(&text)?),
                Kind::Sequence => sequence(&text),
                _ if text.is_empty() => return Some(()),
                _ => Value::Text(text.into_owned()),
            }
        } else {
            self.json.value()?
        };
        def.check(&value).ok()?;
        self.event.set(field, value);
        Some(())
    }

    fn params(&mut self) -> Option<()> {
        self.once(PARAMS_BIT)?;
        if self.json.null() {
            return Some(());
        }
        self.json.enter()?;
        while let Some(name) = self.json.name()? {
            let full = self.event.params().len() == MAX_PARAMS;
            if full || self.event.param(&name).is_some() {
                return None;
            }
            let value = self.json.value()?;
            self.event.set_param(Param { name: name.into_owned(), class: Class::Separate, value });
        }
        Some(())
    }
}

/// Whether a sender may say a field.
fn sender_may(field: Field) -> bool {
    field.def().who == Who::Producer || COMPARED.contains(&field)
}

/// Reads an event from its JSON object.
pub(crate) fn read(json: Value) -> Result<Event, Fault> {
    let Value::Map(members) = json else {
        return Err(fault(
            "",
            "request_malformed",
            format!("an event is an object, not {}", json.kind_name()),
        ));
    };
    let mut event = Event::new();
    for (name, value) in members {
        match name.as_str() {
            // A null member is the same as none: many serializers write them.
            _ if value == Value::Null => {}
            "params" => params(&mut event, value)?,
            group if GROUPS.contains(&group) => members_of(&mut event, group, value)?,
            _ => set(&mut event, &name, &name, value)?,
        }
    }
    Ok(event)
}

fn fault(pointer: &str, code: &'static str, hint: impl Into<String>) -> Fault {
    Fault { pointer: pointer.to_owned(), code, hint: hint.into() }
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('~', "~0").replace('/', "~1").replace('.', "/"))
}

fn members_of(event: &mut Event, group: &str, value: Value) -> Result<(), Fault> {
    let Value::Map(members) = value else {
        let hint = format!("{group} is an object, not {}", value.kind_name());
        return Err(fault(&pointer(group), "type_mismatch", hint));
    };
    let mut path = String::with_capacity(32);
    for (name, value) in members {
        if value != Value::Null {
            path.clear();
            path.extend([group, ".", &name]);
            set(event, &path, &name, value)?;
        }
    }
    Ok(())
}

fn set(event: &mut Event, path: &str, name: &str, value: Value) -> Result<(), Fault> {
    let field = Field::by_path(path).filter(|field| !field.path().contains('.') || path != name);
    let Some(field) = field else { return Err(unknown(path)) };
    let def = field.def();
    if !sender_may(field) {
        return Err(fault(
            &pointer(path),
            "member_unknown",
            format!("{path} is filled in here; leave it out"),
        ));
    }
    let value = match (def.kind, value) {
        (Kind::Time, Value::Text(text)) => time(path, &text)?,
        (Kind::Sequence, Value::Text(text)) => sequence(&text),
        // Empty text in a field says nothing; in a parameter it is a value.
        (_, Value::Text(text)) if text.is_empty() => return Ok(()),
        (_, value) => value,
    };
    def.check(&value).map_err(|what| fault(&pointer(path), "field_invalid", format!("{path} {what}")))?;
    event.set(field, value);
    Ok(())
}

fn time(path: &str, text: &str) -> Result<Value, Fault> {
    if let Some(time) = rfc3339::parse(text) {
        return Ok(Value::Time(time));
    }
    let lacks_only_the_zone = rfc3339::parse(&format!("{text}Z")).is_some();
    let (code, hint) = if lacks_only_the_zone {
        ("time_without_zone", "say the offset, such as Z or +01:00: 2026-11-21T14:03:22.5+01:00")
    } else {
        ("time_unreadable", "send RFC 3339, such as 2026-11-21T14:03:22.5+01:00")
    };
    Err(fault(&pointer(path), code, hint))
}

fn sequence(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| Value::Decimal(text.to_owned()), Value::Int)
}

fn params(event: &mut Event, value: Value) -> Result<(), Fault> {
    let members: Map = match value {
        Value::Map(members) => members,
        other => {
            let hint = format!("params is an object of names and values, not {}", other.kind_name());
            return Err(fault("/params", "type_mismatch", hint));
        }
    };
    if members.len() > MAX_PARAMS {
        let hint = format!("has {} entries, at most {MAX_PARAMS} are taken", members.len());
        return Err(fault("/params", "field_invalid", hint));
    }
    for (name, value) in members {
        event.set_param(Param { name, class: Class::Separate, value });
    }
    Ok(())
}

fn unknown(path: &str) -> Fault {
    let hint = match path {
        "id" => "ids are made here; send your own as source_id".to_owned(),
        "organization" | "org" => "the organization is in the path of the request".to_owned(),
        "time" | "timestamp" => "did you mean occurred_at?".to_owned(),
        _ => {
            let paths = Field::ALL.iter().filter(|f| f.def().who == Who::Producer).map(|f| f.path());
            let others = GROUPS.into_iter().chain(["params", "entity", "action", "crude"]);
            let nearest = nearest(path, paths.chain(others));
            format!("did you mean {nearest}? what the model does not know belongs into data")
        }
    };
    fault(&pointer(path), "member_unknown", hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Event, Fault> {
        let event = read(indelible_formats::parse_json(text.as_bytes()).unwrap());
        assert_eq!(read_text(text.as_bytes()), event.as_ref().ok().cloned(), "both readers agree on {text}");
        event
    }

    #[test]
    fn what_is_read_from_the_text_is_what_the_tree_gives() {
        for text in [
            r#"{"catalog":null,"actor":null,"params":null,"trace":{},"data":{"a":{"b":[{}]}}}"#,
            r#"{"params":{"b":null,"a":"\u00e9","c":[1,2.50]},"actor":{"id":"","kind":null,"mfa":true}}"#,
            r#"{"targets":[{"id":"d","labels":["x"]}],"subjects":[],"changes":[{"path":"p","old":1,"new":null}]}"#,
            r#" { "co\u0064e" : "A" , "session" : { "started" : "2026-11-21T14:03:22Z" } } "#,
            r#"{"producer":{"seq":7},"origin":{"port":1e3}}"#,
        ] {
            parse(text).unwrap();
        }
        let deep = format!(r#"{{"data":{}1{}}}"#, r#"{"a":"#.repeat(14), "}".repeat(14));
        assert!(parse(&deep).is_ok());
        for text in [
            r#"{"code":"A","code":"A"}"#,
            r#"{"code":null,"code":"A"}"#,
            r#"{"actor":{"id":"a"},"actor":{"name":"b"}}"#,
            r#"{"actor":{"id":"a","id":"b"}}"#,
            r#"{"params":{"a":1,"a":1}}"#,
            r#"{"params":{},"params":{}}"#,
            r#"{"data":{"x":1,"x":2}}"#,
            r#"{"code":"A"} x"#,
            r#"{"code":"A""#,
        ] {
            assert!(indelible_formats::parse_json(text.as_bytes()).is_err(), "{text}");
            assert_eq!(read_text(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_producer_field_is_taken_by_its_path() {
        let event = parse(
            r#"{"catalog":"netop","code":"USER.LOGIN","occurred_at":"2026-11-21T14:03:22.5+01:00","entity":"USER",
                "actor":{"id":"u1","roles":["admin"],"mfa":true,"name":null},"origin":{"address":"10.0.0.1","port":443},
                "targets":[{"id":"d1","kind":"device"}],"producer":{"name":"p","seq":"18446744073709551615"},
                "params":{"host.nrc_id":""},"data":{"x":[1,{"y":null}]},"message":""}"#,
        )
        .unwrap();
        assert_eq!(event.text(Field::ActorId), Some("u1"));
        assert_eq!(event.get(Field::OriginPort), Some(&Value::Int(443)));
        assert_eq!(event.time(Field::OccurredAt).unwrap().offset_minutes, Some(60));
        assert_eq!(event.get(Field::ProducerSeq), Some(&Value::Decimal("18446744073709551615".into())));
        assert_eq!(event.param("host.nrc_id").unwrap().value, Value::from(""));
        assert_eq!(event.get(Field::Message), None, "empty text in a field is none");
        assert_eq!(event.get(Field::ActorName), None);
        assert_eq!(event.text(Field::Entity), Some("USER"));
    }

    #[test]
    fn faults_point_at_the_member() {
        let refused = |text: &str| {
            let fault = parse(text).unwrap_err();
            format!("{} {}: {}", fault.pointer, fault.code, fault.hint)
        };
        for (text, expected) in [
            ("[]", " request_malformed: an event is an object, not a list"),
            (r#"{"id":"x"}"#, "/id member_unknown: ids are made here; send your own as source_id"),
            (r#"{"severity":"low"}"#, "/severity member_unknown: severity is filled in here; leave it out"),
            (r#"{"code":5}"#, "/code field_invalid: code must be text, not an integer"),
            (r#"{"actor":{"idd":"x"}}"#, "/actor/idd member_unknown: did you mean actor.id?"),
            (r#"{"actor.id":"x"}"#, "/actor/id member_unknown: did you mean actor.id?"),
            (r#"{"occurred_at":"2026-11-21T14:03:22"}"#, "/occurred_at time_without_zone: say the offset"),
            (r#"{"occurred_at":"yesterday"}"#, "/occurred_at time_unreadable: send RFC 3339"),
            (
                r#"{"outcome":"ok"}"#,
                "/outcome field_invalid: outcome must be one of success, failure, unknown",
            ),
            (r#"{"producer":{"seq":0}}"#, "/producer/seq field_invalid: producer.seq must be a whole number"),
        ] {
            assert!(refused(text).starts_with(expected), "{text}: {}", refused(text));
        }
    }
}
