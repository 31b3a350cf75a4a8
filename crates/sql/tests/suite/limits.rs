//! What is refused, and what ends a statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indelible_event::{Event, Field};
use indelible_sql::{Engine, Limits, SqlError};

use crate::log::{ENGINE, LIMITS, Memory, run, wait};

fn log(events: usize) -> Arc<Memory> {
    let event = |at: usize| {
        let mut event = Event::new();
        event.set(Field::Code, format!("c{at}"));
        event.set(Field::Message, "x".repeat(400));
        event
    };
    Memory::new(&(0..events).map(event).collect::<Vec<_>>())
}

#[test]
fn what_does_not_read_is_not_allowed() {
    let log = log(1);
    for sql in [
        "insert into events values (1)",
        "update events set code = '1'",
        "delete from events",
        "create table t as select * from events",
        "create view v as select 1",
        "create external table t stored as csv location '/etc/passwd'",
        "drop table events",
        "copy events to '/srv/x.csv'",
        "copy (select 1) to '/srv/x.csv'",
        "set datafusion.execution.batch_size = 1",
        "reset datafusion.execution.batch_size",
        "prepare p as select 1",
        "execute p",
        "begin",
        "truncate table events",
        "explain insert into events select * from events",
        "explain analyze delete from events",
        "create function f() returns int return 1",
    ] {
        let refused = log.ask(sql).unwrap_err();
        let expected = matches!(refused, SqlError::NotAllowed(_) | SqlError::Invalid(_));
        assert!(expected, "{sql}: {refused}");
        let named = matches!(refused, SqlError::NotAllowed(_));
        assert!(
            named || sql.starts_with("explain") || sql.starts_with("create function"),
            "{sql}: {refused}"
        );
    }
    assert_eq!(log.lines("select count(*) from events"), ["1"]);
}

#[test]
fn there_are_no_files_and_no_other_tables() {
    let log = log(1);
    for sql in [
        "select * from '/etc/passwd'",
        "select * from read_csv('/etc/passwd')",
        "select * from other.public.events",
        "select * from generate_series(1, 10)",
        "select * from event",
        "select nothing from events",
        "select nothing(1)",
        "select code::int from events",
        "select 1; select 2",
        "",
        "-- nothing",
        "selec 1",
        "select $1",
        "select count(* from events",
    ] {
        let refused = log.ask(sql).unwrap_err();
        assert!(matches!(refused, SqlError::Invalid(_)), "{sql}: {refused:?}");
        let text = refused.to_string();
        assert!(!text.contains("DataFusion") && !text.contains("backtrace"), "{text}");
        assert!(text.chars().next().is_some_and(|first| !first.is_uppercase()), "{text}");
    }
}

#[test]
fn long_and_deep_texts_are_refused_or_run() {
    let log = log(1);
    let long = format!("select '{}'", "x".repeat(LIMITS.text));
    assert!(matches!(log.ask(&long), Err(SqlError::Invalid(text)) if text.contains("at most 16384")));
    // As many operators as a text can hold.
    let chain = |with: &str, count: usize| format!("select {}1", with.repeat(count));
    for sql in [
        chain("1+", 8_000),
        chain("-", 8_000),
        chain("not ", 4_000).replace("not 1", "not true"),
        format!("select count(*) from events where {}code = 'c0'", "code='c0' or ".repeat(1_200)),
        format!("select count(*) from events where {}code = 'c0'", "code<>'c' and ".repeat(1_100)),
        format!("select {}1{}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("select {}1{}", "abs(".repeat(2_000), ")".repeat(2_000)),
        format!("select * from {}events{}", "(select * from ".repeat(500), ")".repeat(500)),
        vec!["select 1"; 1_000].join(" union all "),
        format!("select case {} end", "when true then 1 ".repeat(900)),
    ] {
        match log.ask(&sql) {
            Ok(rows) => assert!(!rows.is_empty()),
            Err(SqlError::Invalid(_)) => {}
            Err(other) => panic!("{}…: {other}", &sql[..40]),
        }
    }
}

#[test]
fn short_texts_that_would_make_long_ones_are_refused() {
    let log = log(3_000);
    let doubled = |levels: usize| {
        let links: Vec<String> =
            (0..levels).map(|at| format!("t{} as (select x || x as x from t{at})", at + 1)).collect();
        format!(
            "with t0 as (select message as x from events), {} select max(x) from t{levels}",
            links.join(", ")
        )
    };
    for sql in [
        "select repeat('x', 2000000000)".to_owned(),
        "select repeat(message, 10000) from events".to_owned(),
        "select repeat(message, cast(\"index\" as bigint) * 1000) from events".to_owned(),
        "select lpad(code, 2000000000, 'ab') from events".to_owned(),
        "select rpad('', 2000000000)".to_owned(),
        format!("select replace(message, 'x', '{}') from events", "y".repeat(4000)),
        format!("select regexp_replace(message, 'x', '{}', 'g') from events", "y".repeat(4000)),
        format!("select regexp_match(message, '{}x*{}') from events", "(".repeat(100), ")".repeat(100)),
        format!("select to_char(received_at, '{}') from events", "%c".repeat(1900)),
        doubled(12),
    ] {
        match log.ask(&sql) {
            Err(SqlError::Text { mib: 64 } | SqlError::Invalid(_)) => {}
            other => panic!("{}…: {other:?}", &sql[..40.min(sql.len())]),
        }
    }
    // What stays within bounds is answered, however often.
    let long = "select max(length(concat(message, code, repeat('y', 20)))) from events a, (select 1 union all select 2)";
    assert_eq!(log.lines(long), ["425"]);
    assert_eq!(log.lines("select 'a' || null, 'a' || 1 || code from events limit 1"), ["∅|a1c0"]);
    let many = vec!["select * from events"; 33].join(" union all ");
    assert!(matches!(log.ask(&many), Err(SqlError::Invalid(text)) if text.contains("at most 32 times")));
}

#[test]
fn rows_end_where_they_were_asked_to() {
    let log = log(1_000);
    for (rows, complete) in [(1, false), (999, false), (1_000, true), (2_000, true)] {
        let found = run(&ENGINE, log.asked("select code from events", rows)).unwrap();
        assert_eq!((found.rows.len(), found.complete), (rows.min(1_000), complete), "{rows}");
    }
}

#[test]
fn memory_ends_a_statement() {
    let log = log(20_000);
    let tight = Engine::new(Limits { memory: 1 << 20, ..LIMITS }).unwrap();
    for sql in [
        "select message, code from events order by message, code",
        "select code, count(*) from events group by code order by 2 desc, 1",
        "select max(a.message || b.message) from events a join events b on a.id = b.id",
        "select array_agg(message) from events",
        "select string_agg(message, ',') from events",
        "select message, sum(length(message)) over () from events",
        "select message, row_number() over (partition by message) from events",
    ] {
        let ended = run(&tight, log.asked(sql, 10)).unwrap_err();
        assert!(matches!(ended, SqlError::Memory { mib: 1 }), "{sql}: {ended}");
    }
}

/// Time that goes on by a second with each look at it.
fn ticking() -> Arc<dyn Fn() -> Duration + Send + Sync> {
    let ticks = AtomicU64::new(0);
    Arc::new(move || Duration::from_secs(ticks.fetch_add(1, Ordering::Relaxed)))
}

#[test]
fn time_ends_a_statement_wherever_it_is() {
    let log = log(20_000);
    for sql in [
        "select count(*) from events a, events b where a.code < b.message",
        "select count(*) from events a, events b, events c",
        "select count(*) from events a join events b on a.message = b.message and a.code > b.code || 'z'",
        "with recursive t as (select 1 as n union all select n + 1 from t) select count(*) from t",
        "select message from events order by message",
        "select count(*) from events where length(message) = 1",
    ] {
        let mut asked = log.asked(sql, 10);
        asked.elapsed = ticking();
        let ended = run(&ENGINE, asked).unwrap_err();
        assert!(matches!(ended, SqlError::Time { seconds: 60 }), "{sql}: {ended}");
    }
    let mut late = log.asked("select count(*) from events", 10);
    late.elapsed = Arc::new(|| Duration::from_secs(61));
    assert!(matches!(run(&ENGINE, late), Err(SqlError::Time { seconds: 60 })));
}

#[test]
fn a_statement_ends_when_nobody_wants_it() {
    let log = log(100_000);
    let answer = wait(ENGINE.run(log.asked("select code from events", 100_000))).unwrap();
    drop(answer);
    // The walk ends on its own soon after; what it holds of the log is then given back.
    while Arc::strong_count(&log) > 1 {
        std::thread::yield_now();
    }
    assert!(log.read.load(Ordering::Relaxed) < 100_000);
}
