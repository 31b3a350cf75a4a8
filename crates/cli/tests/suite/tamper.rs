//! `indelible verify` on folders, servers and proofs: green where everything holds; with one byte changed, exit 3 and the
//! first place where it does not. Missing numbers and age are told, and are no fault.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::path::{Path, PathBuf};

use indelible_testkit::folder::{ending, flip, seal};
use indelible_testkit::whole_log::checkpoint;
use indelible_testkit::{Server, Setup, proof};
use serde_json::{Value, json};

/// What a run of `verify` came to: exit code, its document, and everything else it said.
fn verify(command: &mut std::process::Command) -> (i32, Value, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), document, said)
}

fn data(setup: &Setup) -> (i32, Value, String) {
    let folder = setup.data();
    verify(&mut setup.tool(&["--json", "verify", "--data", folder.to_str().unwrap()]))
}

/// A producer that leaves out its number 3, and the sentence in which event 1 can be found in a file.
fn send(server: &Server) -> u64 {
    let event = |seq: u64| {
        json!({ "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z",
            "actor": { "id": "u" }, "message": format!("a sentence to be changed {seq}"),
            "producer": { "name": "till", "instance": "7", "seq": seq.to_string() } })
    };
    let events: Vec<Value> = [1, 2, 4].into_iter().map(event).collect();
    let answer = server.send(&json!({ "events": events })).expect(200);
    assert_eq!(answer["counts"]["stored"], 3, "{answer}");
    server.get("/api/v1/orgs/default/log").expect(200)["size"].as_u64().unwrap()
}

/// A stopped server whose events are covered by a checkpoint.
fn stopped(server: Server, size: u64) -> Setup {
    checkpoint(&server, "default", &proof::vkeys(&server, "default"), size);
    server.stop()
}

fn position(path: &Path, text: &str) -> usize {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).expect("the text is in the file")
}

/// Flips a bit and demands exit 3 with this file, an offset not behind the bit, and what else is given.
fn assert_found(setup: &Setup, path: &Path, at: usize, words: &[&str]) {
    flip(path, at, 0);
    let (code, document, said) = data(setup);
    flip(path, at, 0);
    let file = path.strip_prefix(setup.data()).unwrap().display().to_string();
    assert_eq!(code, 3, "byte {at} of {file}: {document} {said}");
    assert_eq!(document["verified"], false);
    let places: Vec<&str> =
        document["faults"].as_array().unwrap().iter().map(|fault| fault["place"].as_str().unwrap()).collect();
    let first = *places.first().expect("a fault has a place");
    assert!(places.iter().any(|place| place.starts_with(&file)), "byte {at} of {file}: {document}");
    let place = places.iter().find(|place| place.starts_with(&file)).unwrap_or(&first);
    let (_, rest) = place.split_once("at byte ").expect("an offset");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    assert!(digits.parse::<usize>().unwrap() <= at, "byte {at} of {file}: {place}");
    for word in words {
        assert!(document["faults"].to_string().contains(word), "{word} in {document}");
    }
    assert!(document["integrity"].as_str().unwrap().starts_with("FAILED"), "{document}");
    assert!(said.contains("does not hold"), "{said}");
}

#[test]
fn a_changed_byte_in_the_write_ahead_log_is_named() {
    let server = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    let size = send(&server);
    let setup = stopped(server, size);
    let (code, document, said) = data(&setup);
    assert_eq!(code, 0, "{document} {said}");
    assert_eq!(document["verified"], true);

    let wal = ending(&setup.data(), ".wal").into_iter().find(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(8).any(|window| window == b"sentence")
    });
    let wal = wal.expect("the write-ahead log holds the events");
    assert_found(&setup, &wal, position(&wal, "sentence to be changed 2") + 3, &[]);
    assert_eq!(data(&setup).0, 0, "as before");
}

#[test]
fn a_changed_byte_in_a_sealed_segment_is_named() {
    let server = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    send(&server);
    seal(&server);
    let size = server.get("/api/v1/orgs/default/log").expect(200)["size"].as_u64().unwrap();
    let setup = stopped(server, size);
    let (code, document, said) = data(&setup);
    assert_eq!(code, 0, "{document} {said}");
    let segment = ending(&setup.data(), ".seg").remove(0);
    let len = usize::try_from(segment.metadata().unwrap().len()).unwrap();
    for at in [len / 3, len / 2, len - 20] {
        assert_found(&setup, &segment, at, &[]);
    }
    assert_eq!(data(&setup).0, 0, "as before");
}

#[test]
fn missing_numbers_and_age_are_told_and_are_no_fault() {
    let server = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    let size = send(&server);
    let setup = stopped(server, size);
    let (code, document, said) = data(&setup);
    assert_eq!(code, 0, "{document} {said}");
    let completeness = document["completeness"].as_str().unwrap();
    assert!(completeness.contains("till 7") && completeness.contains("lacks 1"), "{completeness}");
    let freshness = document["freshness"].as_str().unwrap();
    assert!(freshness.contains("ago") && freshness.contains("no witness"), "{freshness}");
}

#[test]
fn a_server_is_verified_over_http() {
    let server = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    let size = send(&server);
    let keys = proof::vkeys(&server, "default");
    checkpoint(&server, "default", &keys, size);
    let (code, document, said) = verify(&mut server.tool(&["--json", "verify", "--url"]));
    assert_eq!(code, 0, "{document} {said}");
    assert_eq!(document["verified"], true, "{document}");
    assert!(document["completeness"].as_str().unwrap().contains("lacks 1"), "{document}");
    assert!(document["freshness"].as_str().unwrap().contains("ago"), "{document}");

    let other = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    let strange =
        other.get("/api/v1/orgs/default/log").expect(200)["keys"][0]["vkey"].as_str().unwrap().to_owned();
    let (code, document, said) =
        verify(&mut server.tool(&["--json", "verify", "--url", &server.url, "--vkey", &strange]));
    assert_eq!(code, 3, "a key of another log: {document} {said}");
    assert_eq!(document["faults"][0]["place"], "checkpoint", "{document}");

    // A leaf changes under a running server: what it serves no longer gives the signed root. Nobody has asked this process
    // for the leaf before.
    let found = server.get("/api/v1/orgs/default/events?q=index:1").expect(200);
    let id = found["items"][0]["id"].as_str().unwrap().replace('-', "");
    let id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let server = server.stop().start();
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(id.len()).position(|window| window == id)
    };
    let (wal, at) = ending(&server.data(), ".wal")
        .into_iter()
        .find_map(|path| holds(&path).map(|at| (path, at)))
        .unwrap();
    // The id stands in the leaf, and behind it the body hash.
    flip(&wal, at + 40, 0);
    let (code, document, said) = verify(&mut server.tool(&["--json", "verify", "--url"]));
    assert_eq!(code, 3, "{}: {document} {said}", wal.display());
}

#[test]
fn a_proof_file_is_verified_offline_and_refused_when_changed() {
    let server = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    send(&server);
    let file = server.get("/api/v1/orgs/default/events/1/proof?wait=30");
    assert_eq!(file.status, 200, "{}", file.text());
    let vkey =
        server.get("/api/v1/orgs/default/log").expect(200)["keys"][0]["vkey"].as_str().unwrap().to_owned();
    let setup = server.stop();
    let path = setup.dir().join("event.tlog-proof");
    std::fs::write(&path, &file.body).unwrap();
    let name = path.to_str().unwrap();
    let (code, document, said) = verify(&mut setup.tool(&["--json", "verify", name, "--vkey", &vkey]));
    assert_eq!(code, 0, "{document} {said}");
    assert_eq!(document["index"], 1);
    assert_eq!(document["event"]["message"], "a sentence to be changed 2");

    let text = file.text();
    let lines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    // The log's own signature comes first; a line of an unknown key behind it may say anything.
    let signature = text.find("\n— ").unwrap() + 1;
    let signature = signature + text[signature..].find('\n').unwrap() - 12;
    // Inside the extra, the index, a hash, the checkpoint's root, the signature.
    let places = [20 + lines[0], lines[1] + 7, lines[2] + 9, text.rfind("\n\n").unwrap() - 5, signature];
    for at in places {
        let mut bytes = file.body.clone();
        bytes[at] = if bytes[at] == b'4' { b'5' } else { b'4' };
        std::fs::write(&path, bytes).unwrap();
        let (code, document, said) = verify(&mut setup.tool(&["--json", "verify", name, "--vkey", &vkey]));
        assert_eq!(code, 3, "byte {at}: {document} {said}");
        assert!(said.contains("DOES NOT HOLD"), "{said}");
    }
}
