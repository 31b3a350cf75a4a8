//! A valid event of any type, for tests and documentation: resolving it makes no finding.

use crate::catalog::Catalog;
use crate::event_type::{EventType, ParamDef, ParamType};
use crate::word::{Empty, OutcomeBy, Session};
use indelible_event::{Event, Field, Map, Param, Time, Value};

/// 2026-11-21T23:22:06Z: a fixed instant, so that examples do not change with the clock.
const FIRST_SECOND: i64 = 1_795_303_326;

/// The `n`th example event of a type; the same `n` gives the same event.
pub fn example(catalog: &Catalog, of: &EventType, n: u32) -> Event {
    let mut event = Event::new();
    event.set(Field::Catalog, catalog.id.as_str());
    event.set(Field::Code, of.code.as_str());
    event.set(Field::Account, "acme");
    event.set(
        Field::OccurredAt,
        Value::Time(Time { seconds: FIRST_SECOND + i64::from(n), nanos: n % 1000, offset_minutes: Some(0) }),
    );
    event.set(Field::ActorId, format!("user-{n}"));
    event.set(Field::ActorKind, "user");
    event.set(Field::ActorName, format!("user{n}@example.org"));
    event.set(Field::OriginAddress, format!("192.0.2.{}", n % 254 + 1));
    event.set(Field::Message, if of.text.is_empty() { of.title.as_str() } else { of.text.as_str() });
    let target = vec![
        ("id".to_owned(), Value::from(format!("{}-{n}", of.entity.to_lowercase()))),
        ("kind".to_owned(), Value::from(of.entity.as_str())),
        ("name".to_owned(), Value::from(format!("{} {n}", of.entity))),
    ];
    if let Ok(target) = Map::from_pairs(target) {
        event.set(Field::Targets, vec![Value::Map(target)]);
    }
    if of.session != Session::Never {
        event.set(Field::SessionId, format!("session-{n}"));
        event.set(Field::SessionKind, "user");
    }
    set_outcome(&mut event, catalog, of, n);
    if let Some(situation) = pick(&of.situations, n) {
        event.set(Field::Situation, situation.id.as_str());
    }
    for def in &of.params {
        event.set_param(Param {
            name: def.name.clone(),
            class: def.class().stored(),
            value: param_value(def, n),
        });
    }
    event
}

fn pick<T>(items: &[T], n: u32) -> Option<&T> {
    items.get(n as usize % items.len().max(1))
}

fn set_outcome(event: &mut Event, catalog: &Catalog, of: &EventType, n: u32) {
    if let Some(result) = pick(&of.results, n) {
        let code = result.code.split("..").next().filter(|code| !code.is_empty()).unwrap_or("0");
        event.set(Field::ResultCode, code);
    } else if of.outcome.is_none() && catalog.outcome.by == OutcomeBy::ResultCode {
        let code = catalog.outcome.results.first().and_then(|result| result.code.split("..").next());
        event.set(Field::ResultCode, code.unwrap_or("0"));
    } else if of.outcome.is_none() {
        event.set(Field::Outcome, "success");
    }
}

fn param_value(def: &ParamDef, n: u32) -> Value {
    if def.empty == Some(Empty::Always) {
        return Value::from("");
    }
    kind_value(&def.kind, &def.name, n)
}

fn kind_value(kind: &ParamType, name: &str, n: u32) -> Value {
    match kind {
        ParamType::Text => Value::from(format!("{name} {n}")),
        ParamType::Int | ParamType::Duration => Value::Int(i64::from(n)),
        ParamType::Decimal => Value::Decimal(format!("{n}.5")),
        ParamType::Bool => Value::Bool(n.is_multiple_of(2)),
        ParamType::Time => {
            Value::Time(Time { seconds: FIRST_SECOND + i64::from(n), nanos: 0, offset_minutes: Some(0) })
        }
        ParamType::Address => Value::from(format!("198.51.100.{}", n % 254 + 1)),
        ParamType::Mac => Value::from(format!("02:00:00:00:{:02x}:{:02x}", n / 256 % 256, n % 256)),
        ParamType::Uuid => Value::from(format!("00000000-0000-4000-8000-{n:012x}")),
        ParamType::Email => Value::from(format!("user{n}@example.org")),
        ParamType::Url => Value::from(format!("https://example.org/{n}")),
        ParamType::Json => Value::List(vec![Value::Int(i64::from(n))]),
        ParamType::List(inner) => Value::List(vec![kind_value(inner, name, n)]),
        ParamType::OneOf(words) => Value::from(pick(words, n).map_or("", String::as_str)),
    }
}
