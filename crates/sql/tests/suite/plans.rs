//! What of a statement reaches the search, as EXPLAIN shows it, and how little is read for it.

use std::sync::atomic::Ordering;

use indelible_event::{Event, Field, Time};

use crate::log::{Memory, RECEIVED_S};

fn log(events: i64) -> std::sync::Arc<Memory> {
    let event = |at: i64| {
        let mut event = Event::new();
        event.set(Field::Code, format!("{:06}", at % 7));
        event.set(Field::ActorId, format!("user-{at}"));
        event.set(Field::OccurredAt, Time { seconds: RECEIVED_S + at, nanos: 0, offset_minutes: None });
        event
    };
    Memory::new(&(0..events).map(event).collect::<Vec<_>>())
}

/// The line of the plan that tells of the scan.
fn scan(log: &std::sync::Arc<Memory>, sql: &str) -> (String, String) {
    let rows = log.ask(&format!("explain {sql}")).unwrap();
    let plan = rows.iter().find(|row| row[0] == "physical_plan").unwrap()[1].clone();
    let scan = plan.lines().find(|line| line.contains("EventScan")).unwrap().trim().to_owned();
    (scan, plan)
}

#[test]
fn conditions_become_a_query() {
    let log = log(3);
    for (condition, query, exact) in [
        ("code = '000001'", "code:000001", true),
        ("code = 'A.b'", "code:A.b", false),
        ("actor_id = 'user-1'", "actor.id:user-1", true),
        ("actor_id in ('user-1', 'user-2', 'a b', 'd')", "actor.id:user-1,user-2,\"a b\",d", true),
        ("actor_id like 'user-%'", "actor.id:user-*", true),
        ("actor_name like 'Bob%'", "actor.name:Bob*", false),
        ("severity = 'high'", "severity:high", true),
        ("severity = 'High'", "severity:High", false),
        ("grade >= 4", "grade:4..", true),
        ("grade between 4 and 8", "grade:4.. grade:..8", true),
        ("session_id is null", "-session:*", true),
        ("session_id is not null", "session:*", true),
        ("actor_id <> 'user-1'", "actor.id:* -actor.id:user-1", true),
        ("actor_mfa", "actor.mfa:true", true),
        ("not actor_mfa", "actor.mfa:false", true),
        ("target_id = 't1'", "target.id:t1", false),
        ("param(params, 'host.name') = 'x'", "param.host.name:x", false),
        ("code = '1' or actor_id = 'x'", "code:1 OR actor.id:x", true),
        ("\"index\" > 1", "index:>1", true),
        ("not (grade > 4 and actor_id = 'x')", "grade:..4 OR actor.id:* -actor.id:x", true),
        ("occurred_at >= '2026-09-21T00:00:00Z'", "occurred:2026-09-21T00:00:00.000000000Z..", true),
        ("length(code) = 6", "", false),
        ("code = '1' and length(code) = 6", "code:1", false),
        ("length(code) = 6 or actor_id = 'x'", "", false),
    ] {
        let (line, plan) = scan(&log, &format!("select \"index\" from events where {condition}"));
        let found = line.split_once("query=[").unwrap().1.split_once("], order").unwrap().0;
        let found = found.replace("-state:quarantined", "");
        let found = found.trim().trim_start_matches('(').trim_end_matches(')');
        let query = query.trim_start_matches('(').trim_end_matches(')');
        assert_eq!(found, query, "{condition}\n{plan}");
        assert_eq!(!line.contains("check=["), exact, "{condition}\n{plan}");
        assert!(!plan.contains("FilterExec"), "{condition}\n{plan}");
    }
}

#[test]
fn only_wanted_columns_are_read() {
    let (line, _) = scan(&log(3), "select actor_id from events where length(code) > 2");
    assert!(line.ends_with("columns=[actor_id, code]"), "{line}");
    let (line, _) = scan(&log(3), "select count(*) from events");
    assert!(line.ends_with("columns=[]"), "{line}");
}

#[test]
fn limits_and_orders_reach_the_scan() {
    let log = log(20_000);
    let (line, plan) = scan(&log, "select code from events where length(code) = 6 limit 7");
    assert!(line.contains("limit=7"), "{plan}");
    let (line, plan) = scan(&log, "select code, occurred_at from events order by occurred_at desc limit 5");
    assert!(line.contains("order=-occurred_at") && line.contains("limit=5"), "{plan}");
    assert!(!plan.contains("Sort"), "{plan}");
    let sql = "select \"index\" from events where actor_id like '%7' limit 3";
    log.read.store(0, Ordering::Relaxed);
    assert_eq!(log.lines(sql), ["7", "17", "27"]);
    assert!(log.read.load(Ordering::Relaxed) < 2_000, "{}", log.read.load(Ordering::Relaxed));
    let newest = log.lines("select \"index\" from events order by occurred_at desc limit 3");
    assert_eq!(newest, ["19999", "19998", "19997"]);
    let oldest = log
        .lines("select \"index\" from events where length(code) = 6 order by \"index\" limit 2 offset 9000");
    assert_eq!(oldest, ["9000", "9001"]);
    let all = log.lines("select count(*), min(\"index\"), max(\"index\") from events where length(code) = 6");
    assert_eq!(all, ["20000|0|19999"]);
}

#[test]
fn times_let_the_search_skip() {
    let log = log(20_000);
    let sql = format!(
        "select count(*) from events where occurred_at >= to_timestamp_seconds({}) and occurred_at < to_timestamp_seconds({})",
        RECEIVED_S + 5000,
        RECEIVED_S + 5100
    );
    // The first scan learns where times lie.
    assert_eq!(log.lines(&sql), ["100"]);
    log.read.store(0, Ordering::Relaxed);
    assert_eq!(log.lines(&sql), ["100"]);
    assert!(log.read.load(Ordering::Relaxed) <= 2_048, "{}", log.read.load(Ordering::Relaxed));
}
