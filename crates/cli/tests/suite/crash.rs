//! The server is killed under 32 senders, again and again on one folder; older copies, second processes and damaged
//! files are put in front of it. What was acknowledged stays, and nothing is silent.
//!
//! `INDELIBLE_LONG=1` makes it 100 kills, `INDELIBLE_SEED` another run.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::collections::BTreeMap;
use std::path::Path;

use indelible_testkit::folder::{copy, files, flip, seal};
use indelible_testkit::senders::{Countdown, Random, Sender};
use indelible_testkit::whole_log::{self, WholeLog};
use indelible_testkit::{Server, Setup, proof};
use serde_json::json;

const SENDERS: u64 = 32;
/// Kills of a normal run, and of a long one.
const ROUNDS: (u64, u64) = (5, 100);
/// The whole log is read after every so many kills of a long run; each round asks its own events again.
const WHOLE_EVERY: u64 = 10;

fn setup() -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_indelible"))
}

fn seed() -> u64 {
    let said = std::env::var("INDELIBLE_SEED").ok().and_then(|text| text.parse().ok());
    let seed = said.unwrap_or_else(|| u64::from(std::process::id()));
    println!("INDELIBLE_SEED={seed}");
    seed
}

/// `verify --data`: exit code and everything it said.
fn verify(setup: &Setup, data: &Path) -> (i32, String) {
    let output = setup.tool(&["--json", "verify", "--data", data.to_str().unwrap()]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

fn assert_green(setup: &Setup) {
    let (code, said) = verify(setup, &setup.data());
    assert_eq!(code, 0, "{said}");
}

/// One life of the server, ended by SIGKILL after so many acknowledged events.
fn life(server: &Server, senders: &mut [Sender], events: u64) {
    let countdown = Countdown::new(events);
    std::thread::scope(|scope| {
        for sender in senders {
            scope.spawn(|| sender.run(server, &countdown));
        }
    });
}

/// Asks for everything that a sender was ever told, against the whole log.
fn check_whole(server: &Server, senders: &[Sender]) -> u64 {
    let acknowledged: Vec<_> = senders.iter().flat_map(|sender| sender.acknowledged.clone()).collect();
    let least = acknowledged.iter().map(|event| event.index + 1).max().unwrap_or(0);
    let log = WholeLog::read(server, "default", least);
    let there = log.check_acknowledged(server, &acknowledged);
    assert_eq!(there, acknowledged.len(), "nothing is there that was not answered in the end");
    let mut seen: BTreeMap<u64, &String> = BTreeMap::new();
    for (size, note) in senders.iter().flat_map(|sender| &sender.checkpoints) {
        if let Some(other) = seen.insert(*size, note) {
            assert_eq!(root_of(other), root_of(note), "two stories about size {size}");
        }
    }
    let step = seen.len().div_ceil(200).max(1);
    for note in seen.values().step_by(step) {
        log.check_checkpoint(server, note);
    }
    for producer in server.get("/api/v1/orgs/default/producers").expect(200)["items"].as_array().unwrap() {
        assert_eq!(producer["gaps"], json!([]), "{producer}");
    }
    log.size()
}

fn root_of(note: &str) -> Vec<&str> {
    note.lines().take(3).collect()
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let seed = seed();
    let mut random = Random(seed);
    let long = std::env::var("INDELIBLE_LONG").is_ok_and(|value| value == "1");
    let rounds = if long { ROUNDS.1 } else { ROUNDS.0 };
    let mut senders: Vec<Sender> = (0..SENDERS).map(|number| Sender::new(number, seed)).collect();
    let mut setup = setup();
    let mut torn = 0;
    for round in 1..=rounds {
        let server = setup.start();
        let events = 1 + random.below(1_500);
        life(&server, &mut senders, events);
        let again = server.kill();
        let server = again.start();
        torn += u64::from(
            server.said().iter().any(|line| line.contains("\"torn\":true") || line.contains("torn: true")),
        );
        for sender in &mut senders {
            sender.settle(&server);
        }
        for sender in &senders {
            sender.ask_again(&server);
        }
        if !long || round % WHOLE_EVERY == 0 || round == rounds {
            let size = check_whole(&server, &senders);
            let again = server.stop();
            assert_green(&again);
            println!("round {round}: killed after {events} more, {size} events in the log");
            setup = again;
        } else {
            setup = server.kill();
        }
    }
    let acknowledged: usize = senders.iter().map(|sender| sender.acknowledged.len()).sum();
    let (there, not) = senders.iter().fold((0, 0), |sum, s| (sum.0 + s.repeated.0, sum.1 + s.repeated.1));
    let checkpoints: usize = senders.iter().map(|sender| sender.checkpoints.len()).sum();
    println!(
        "{rounds} kills, {acknowledged} events acknowledged, 0 lost; without an answer {} events: {there} were there, {not} were not; {torn} torn blocks; {checkpoints} checkpoints kept by senders",
        there + not
    );
}

fn send_some(server: &Server, count: usize) -> u64 {
    let event = |n: usize| {
        json!({ "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z", "actor": { "id": "u" },
                "message": format!("event {n}") })
    };
    let events: Vec<_> = (0..count).map(event).collect();
    let answer = server.send(&json!({ "events": events })).expect(200);
    answer["results"].as_array().unwrap().last().unwrap()["receipt"]["index"].as_u64().unwrap() + 1
}

fn origin(server: &Server) -> String {
    server.get("/api/v1/orgs/default/log").expect(200)["origin"].as_str().unwrap().to_owned()
}

#[test]
fn an_older_copy_is_refused_until_somebody_declares_the_rollback() {
    let server = setup().start();
    send_some(&server, 10);
    let before = origin(&server);
    let again = server.stop();
    let old = again.dir().join("old");
    copy(&again.data(), &old);
    let server = again.start();
    let size = send_some(&server, 10);
    whole_log::checkpoint(&server, "default", &proof::vkeys(&server, "default"), size);
    let again = server.stop();
    std::fs::remove_dir_all(again.data()).unwrap();
    std::fs::rename(&old, again.data()).unwrap();

    let (code, said) = again.refused();
    assert_eq!(code, 1, "{said}");
    for word in ["older", "anchor", "declare-rollback"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let data = again.data();
    let declared =
        again.tool(&["declare-rollback", "--yes", "--data", data.to_str().unwrap()]).output().unwrap();
    assert!(declared.status.success(), "{declared:?}");
    let server = again.start();
    assert_ne!(origin(&server), before, "the old name is never used again");
    let first = server.get("/api/v1/orgs/default/log/0").expect(200);
    assert_eq!(first["code"], "LOG.DECLARE_ROLLBACK", "the new log begins with what was lost: {first}");
    assert_eq!(
        (&first["params"]["known_size"], &first["params"]["found_size"]),
        (&json!(10), &json!(10)),
        "{first}"
    );
    assert!(first["message"].as_str().unwrap().contains(&before), "{first}");
    let size = send_some(&server, 3);
    WholeLog::read(&server, "default", size);
    let again = server.stop();
    assert_green(&again);
    let server = again.start();
    let told = whole_log::export(&server, "default", "code:LOG.DECLARE_ROLLBACK", "index");
    assert_eq!(told.len(), 1, "it is told once: {told:?}");
}

#[test]
fn a_second_process_on_a_folder_is_refused() {
    let server = setup().start();
    let (code, said) = server.setup().refused();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("LOCK") || said.contains("in use") || said.contains("another process"), "{said}");
    let size = send_some(&server, 2);
    WholeLog::read(&server, "default", size);
}

/// What kind of file it is, for those that belong to the record.
fn kind(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?;
    let parent = path.parent()?.file_name()?.to_str()?;
    match name {
        "L1" => Some("level"),
        "notes" => Some("notes"),
        "meta" => Some("meta"),
        "heads.a" | "heads.b" => Some("heads"),
        _ if name.starts_with("spare") => None,
        _ if parent == "keys" => Some("keys"),
        _ => match path.extension()?.to_str()? {
            "wal" => Some("wal"),
            "snap" => Some("snapshot"),
            "seg" => Some("segment"),
            _ => None,
        },
    }
}

#[test]
fn a_flipped_byte_in_any_file_is_never_silent() {
    let mut random = Random(seed());
    let server = setup().start();
    send_some(&server, 600);
    seal(&server);
    let size = send_some(&server, 20);
    whole_log::checkpoint(&server, "default", &proof::vkeys(&server, "default"), size);
    let again = server.stop();
    assert_green(&again);
    let mut kinds = BTreeMap::new();
    for path in files(&again.data()) {
        let Some(kind) = kind(&path) else { continue };
        let sound = std::fs::read(&path).unwrap();
        let used: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
        if used.is_empty() {
            continue;
        }
        let at = used[usize::try_from(random.below(used.len() as u64)).unwrap()];
        let bit = u32::try_from(random.below(8)).unwrap();
        flip(&path, at, bit);
        let (code, said) = verify(&again, &again.data());
        flip(&path, at, bit);
        let relative = path.strip_prefix(again.data()).unwrap().display().to_string();
        assert_ne!(code, 0, "byte {at} of {relative} was flipped: {said}");
        assert!(said.contains(&relative), "byte {at} of {relative}: {said}");
        assert!(
            code == 1 || (code == 3 && said.contains("at byte ")),
            "byte {at} of {relative}: {code} {said}"
        );
        *kinds.entry(kind).or_insert(0) += 1;
    }
    println!("{kinds:?}");
    for kind in ["wal", "segment", "level", "heads", "keys", "snapshot", "notes", "meta"] {
        assert!(kinds.contains_key(kind), "no file of kind {kind}: {kinds:?}");
    }
    assert_green(&again);
}
