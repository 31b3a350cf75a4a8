//! What statements answer: types, grouping, orders, JSON columns, both tables.

use indelible_event::{Class, Event, Field, Map, Param, Time, Value};

use crate::log::{ENGINE, Memory, RECEIVED_S, id, run};

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::Map(Map::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect()).unwrap())
}

fn time(seconds: i64) -> Time {
    Time { seconds, nanos: 5, offset_minutes: Some(60) }
}

/// Three of five actors, codes in turn, an act each minute but the fourth of which the time is not known.
fn events() -> Vec<Event> {
    let event = |at: i64| {
        let mut event = Event::new();
        event.set(Field::Catalog, "test");
        event.set(Field::Code, ["090001", "090002"][usize::try_from(at % 2).unwrap()]);
        event.set(Field::ActorId, format!("user-{}", at % 3));
        if at != 3 {
            event.set(Field::OccurredAt, time(RECEIVED_S - 1000 + at * 60));
        }
        if at % 2 == 0 {
            event.set(Field::Grade, at);
            event.set(Field::ActorMfa, at > 1);
        }
        event.set(Field::ActorRoles, vec![Value::from("a"), Value::from("b \"q\"")]);
        let target = map(&[("id", format!("t{at}").into()), ("kind", "PC".into())]);
        event.set(Field::Targets, vec![target, map(&[("id", "other".into())])]);
        event.set(Field::Subjects, vec![map(&[("id", "p1".into())]), map(&[("id", "p2".into())])]);
        let class = if at == 2 { Class::Separate } else { Class::Plain };
        let param = |name: &str, value: Value| Param { name: name.into(), class, value };
        event.set_param(param("host.name", format!("h{at}").into()));
        event.set_param(param("size", Value::Int(at * 10)));
        event.set(Field::State, if at == 5 { "quarantined" } else { "accepted" });
        event
    };
    (0..6).map(event).collect()
}

#[test]
fn columns_have_types_and_values() {
    let log = Memory::new(&events());
    let asked = log.asked(
        "select \"index\", id, organization, received_at, occurred_at, grade, actor_mfa, actor_roles, target_id,
         target_name, producer_seq, params, session_id from events where \"index\" = 2",
        10,
    );
    let found = run(&ENGINE, asked).unwrap();
    let types = "index:integer id:text organization:text received_at:time occurred_at:time grade:integer \
                 actor_mfa:boolean actor_roles:text target_id:text target_name:text producer_seq:integer \
                 params:text session_id:text";
    assert_eq!(found.columns.join(" "), types);
    let expected = format!(
        "2|{}|acme|2026-09-21T14:13:22Z|2026-09-21T13:58:40.000000005Z|2|true|[\"a\",\"b \\\"q\\\"\"]|t2|∅|3|{}|∅",
        id(2),
        r#"{"host.name":"h2","size":20}"#
    );
    assert_eq!(found.rows[0].join("|"), expected);
    assert!(found.complete);
    let subjects = log.lines("select subjects from events limit 1");
    assert_eq!(subjects, [r#"[{"id":"p1"},{"id":"p2"}]"#]);
    // Every column can be read.
    assert_eq!(log.ask("select * from events").unwrap().len(), 5);
}

#[test]
fn numbers_times_and_groups() {
    let log = Memory::new(&events());
    for (sql, expected) in [
        ("select count(*) from events", vec!["5"]),
        ("select count(*), count(grade), sum(grade), min(actor_id) from events", vec!["5|3|6|user-0"]),
        (
            "select code, count(*) as n from events group by code order by n desc, code",
            vec!["090001|3", "090002|2"],
        ),
        (
            "select date_trunc('hour', occurred_at) as hour, count(*) from events group by 1 order by 1",
            vec!["2026-09-21T13:00:00Z|3", "2026-09-21T14:00:00Z|2"],
        ),
        ("select count(distinct actor_id) from events", vec!["3"]),
        ("select avg(grade) from events", vec!["2"]),
        // Without a time of its own the fourth event has that of its receipt.
        ("select \"index\" from events order by occurred_at desc, \"index\" limit 2", vec!["3", "4"]),
        ("select param(params, 'host.name') from events where param(params, 'size') = '40'", vec!["h4"]),
        ("select sum(cast(param(params, 'size') as bigint)) from events", vec!["100"]),
        ("select param(targets, '1.id') from events limit 1", vec!["other"]),
        ("select count(*) from quarantined_events", vec!["1"]),
        ("select state from quarantined_events", vec!["quarantined"]),
        (
            "with a as (select actor_id from events) select e.actor_id, count(*) from events e join a on \
             a.actor_id = e.actor_id group by 1 order by 1",
            vec!["user-0|4", "user-1|4", "user-2|1"],
        ),
        (
            "select actor_id, row_number() over (partition by actor_id order by \"index\") from events \
             order by \"index\"",
            vec!["user-0|1", "user-1|1", "user-2|1", "user-0|2", "user-1|2"],
        ),
        (
            "select actor_mfa, count(*) from events where actor_mfa is not null group by 1 order by 1",
            vec!["false|1", "true|2"],
        ),
        ("select 1 where false", vec![]),
    ] {
        assert_eq!(log.lines(sql), expected, "{sql}");
    }
}

#[test]
fn two_columns_of_one_name_are_told_apart() {
    let log = Memory::new(&events());
    let found = run(&ENGINE, log.asked("select a.code, b.code from events a, events b limit 1", 10)).unwrap();
    assert_eq!(found.columns, ["code:text", "code_2:text"]);
}

#[test]
fn the_columns_are_described() {
    let log = Memory::new(&events());
    let described = log.lines("describe events");
    assert!(described.iter().any(|line| line.starts_with("occurred_at|Timestamp")), "{described:?}");
    assert!(log.lines("show tables").iter().any(|line| line.contains("quarantined_events")));
    let page = indelible_sql::reference_page();
    assert_eq!(described.len(), page.lines().count() - 2);
}

#[test]
fn an_empty_log_has_columns_and_no_rows() {
    let log = Memory::new(&[]);
    let found = run(&ENGINE, log.asked("select code, count(*) from events group by code", 10)).unwrap();
    assert_eq!((found.columns.len(), found.rows.len(), found.complete), (2, 0, true));
    assert_eq!(log.lines("select count(*) from events"), ["0"]);
}
