//! One changed byte in a segment: whatever is asked, over HTTP or as a command, says which events the answer lacks, or is
//! what it was before. No number is smaller without saying so.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use indelible_testkit::folder::{ending, flip, seal};
use indelible_testkit::{Server, Setup};
use serde_json::{Value, json};

use crate::service::{login, start, with};

const ORG: &str = "/api/v1/orgs/default";
/// Numbers over all events of the log, each by another way through a segment.
const NUMBERS: &[&str] = &[
    "events?q=code:091111&count=exact&limit=500",
    "facets?q=code:091111&fields=actor",
    "histogram?q=code:091111&width=day",
    "groups?q=code:091111&by=session&sort=-count",
];
/// The same in SQL: counted from columns, row by row, in an order, and joined with itself.
const STATEMENTS: &[&str] = &[
    "select count(*) from events where code = '091111'",
    "select session_id, count(*), min(occurred_at) from events where code like '09111_' group by 1 order by 1",
    "select \"index\" from events where code = '091111' order by occurred_at desc limit 400",
    "select count(*) from events a join events b on a.id = b.id where a.code = '091111'",
];

/// A stopped server whose first events are in a segment, and how often that file can be damaged: every so many bytes.
fn sealed() -> (Setup, usize) {
    let server = start();
    let events: Vec<Value> = (0..60)
        .map(|at| with(login(at % 7), &json!({ "session": { "id": format!("s{}", at % 5) } })))
        .collect();
    server.send(&json!({ "events": events })).expect(200);
    seal(&server);
    let setup = server.stop();
    let len = segment(&setup).metadata().unwrap().len();
    (setup, usize::try_from(len).unwrap())
}

fn segment(setup: &Setup) -> std::path::PathBuf {
    ending(&setup.data(), ".seg").remove(0)
}

/// What an answer says without what differs from one to the next.
fn numbers(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        for changes in ["next_cursor", "prev_cursor", "log_size"] {
            answer.remove(changes);
        }
    }
    answer
}

/// All answers of a running server.
fn ask(server: &Server) -> Vec<(&'static str, Value)> {
    let get = |path: &&'static str| (*path, numbers(server.get(&format!("{ORG}/{path}")).expect(200)));
    let sql =
        |sql: &&'static str| (*sql, server.post(&format!("{ORG}/sql"), &json!({ "sql": sql })).expect(200));
    let statements = if cfg!(feature = "sql") { STATEMENTS } else { &[] };
    NUMBERS.iter().map(get).chain(statements.iter().map(sql)).collect()
}

/// Demands that an answer is the sound one, or names the file that makes it another; answers whether it does.
#[track_caller]
fn is_honest(asked: &str, sound: &Value, found: &Value, file: &str) -> bool {
    let Some(lacking) = found.get("incomplete").and_then(Value::as_array) else {
        assert!(sound == found, "{asked}: something lacks, and nothing says so");
        return false;
    };
    assert!(!lacking.is_empty(), "{asked}: {found}");
    for events in lacking {
        assert!(events["file"].as_str().unwrap().ends_with(file), "{asked}: {events}");
        assert!(events["first"].as_u64().unwrap() <= events["last"].as_u64().unwrap(), "{asked}: {events}");
        assert!(!events["todo"].as_str().unwrap().is_empty(), "{asked}: {events}");
    }
    if let Some(complete) = found.get("complete") {
        assert_eq!(complete, false, "{asked}: {found}");
    }
    true
}

#[test]
fn every_answer_of_a_server_names_what_it_lacks() {
    let (setup, len) = sealed();
    let server = setup.start();
    let sound = ask(&server);
    let mut setup = server.stop();
    let mut lacking = 0;
    // In the rows, among the columns and the dictionaries, and in the index behind them.
    for at in [len / 50, len / 2, len - len / 8, len - 400] {
        let path = segment(&setup);
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        flip(&path, at, 3);
        let server = setup.start();
        for ((asked, sound), (_, found)) in sound.iter().zip(ask(&server)) {
            lacking += usize::from(is_honest(&format!("byte {at} of {len}: {asked}"), sound, &found, &file));
        }
        setup = server.stop();
        flip(&path, at, 3);
    }
    assert!(lacking > 0, "no damage took anything away");
    assert!(ask(&setup.start()) == sound, "as before");
}

/// What a command prints, what it says beside it, and its exit code.
fn run(setup: &Setup, arguments: &[&str]) -> (String, String, i32) {
    let data = setup.data();
    let ran = setup.tool(&[arguments, &["--data", data.to_str().unwrap()]].concat()).output().unwrap();
    (
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(ran.stderr).unwrap(),
        ran.status.code().unwrap(),
    )
}

#[test]
fn every_command_tells_people_what_its_answer_lacks() {
    let (setup, len) = sealed();
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["search", "code:091111", "--all", "--output", "ndjson"],
        vec!["search", "code:091111", "--sort", "index", "--all", "--output", "csv"],
        vec!["search", "code:091111", "--count", "--json"],
        vec!["stats", "code:091111", "--json"],
        vec!["top", "session", "code:091111", "--output", "csv"],
        vec!["export", "code:091111", "--format", "csv"],
    ];
    if cfg!(feature = "sql") {
        commands.push(vec!["sql", "select count(*) from events where code = '091111'", "--output", "csv"]);
        commands.push(vec!["sql", "select id, actor_id from events", "--all", "--output", "ndjson"]);
    }
    let sound: Vec<String> = commands
        .iter()
        .map(|command| {
            let (printed, said, code) = run(&setup, command);
            assert_eq!(code, 0, "{command:?}: {said}");
            printed
        })
        .collect();
    let path = segment(&setup);
    let file = path.file_name().unwrap().to_str().unwrap();
    let mut told = 0;
    for at in [len / 50, len / 2] {
        flip(&path, at, 3);
        for (command, sound) in commands.iter().zip(&sound) {
            let (printed, said, code) = run(&setup, command);
            let tells = said.contains("incomplete: events") && said.contains(file);
            assert_eq!(code, i32::from(tells), "{command:?}: {said}");
            assert!(tells || *sound == printed, "{command:?} prints less and says nothing: {said}");
            told += usize::from(tells);
        }
        flip(&path, at, 3);
    }
    assert!(told > 0, "no damage was told");
}
