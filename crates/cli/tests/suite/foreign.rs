//! Go's x/mod, which shares nothing with this program, reads the log over HTTP at ten sizes, and proofs of its events;
//! changed copies are refused.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::path::{Path, PathBuf};
use std::process::Command;

use indelible_testkit::whole_log::checkpoint;
use indelible_testkit::{Server, Setup, proof};
use serde_json::{Value, json};

const SIZES: [u64; 10] = [1, 2, 3, 255, 256, 257, 1_000, 1_025, 4_097, 70_000];
const MAX_BATCH: u64 = 10_000;

/// The verifier, built when it is missing or older than its source.
fn verifier() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let output = Command::new("bash").arg(root.join("tests/foreign/setup.sh")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    root.join("target/foreign/go-verify")
}

fn run(verifier: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(verifier).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Fills an empty log up to this size.
fn grow(server: &Server, org: &str, size: u64) {
    let event = |n: u64| {
        json!({ "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z",
                "actor": { "id": format!("u{}", n % 50) }, "message": format!("event {n}") })
    };
    let numbers: Vec<u64> = (0..size).collect();
    for part in numbers.chunks(usize::try_from(MAX_BATCH).unwrap()) {
        let events: Vec<Value> = part.iter().map(|n| event(*n)).collect();
        let answer =
            server.post(&format!("/api/v1/orgs/{org}/events"), &json!({ "events": events })).expect(200);
        assert_eq!(answer["counts"]["stored"], part.len(), "{}", answer["counts"]);
    }
}

/// Proof files of the first, the last and a middle event, and a changed copy of each part of one.
fn proofs(server: &Server, org: &str, size: u64) -> (Vec<String>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let dir = server.setup().dir();
    for index in [0, size / 2, size - 1] {
        let answer = server.get(&format!("/api/v1/orgs/{org}/events/{index}/proof?wait=30"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let path = dir.join(format!("{size}-{index}.tlog-proof"));
        std::fs::write(&path, &answer.body).unwrap();
        good.push(path.to_str().unwrap().to_owned());
        let text = answer.text();
        for (name, at) in changes(&text) {
            let mut bytes = answer.body.clone();
            bytes[at] = if bytes[at] == b'4' { b'5' } else { b'4' };
            let path = dir.join(format!("{size}-{index}-{name}.tlog-proof"));
            std::fs::write(&path, bytes).unwrap();
            bad.push(path.to_str().unwrap().to_owned());
        }
    }
    (good, bad)
}

/// A byte of each part: leaf, index, path if there is one, size, root, signature.
fn changes(text: &str) -> Vec<(&'static str, usize)> {
    let lines: Vec<(usize, &str)> = text
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line.trim_end()))
        })
        .collect();
    let empty = lines.iter().position(|(_, line)| line.is_empty()).unwrap();
    let mut out = vec![
        ("leaf", lines[1].0 + "extra ".len() + 40),
        ("index", lines[2].0 + "index ".len()),
        ("size", lines[empty + 2].0),
        ("root", lines[empty + 3].0 + 11),
        ("signature", lines[empty + 5].0 + lines[empty + 5].1.len() - 12),
    ];
    if empty > 3 {
        out.push(("path", lines[3].0 + 13));
    }
    out
}

#[test]
fn go_accepts_the_log_at_ten_sizes_and_refuses_changed_proofs() {
    let verifier = verifier();
    let server = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    // A log each: reading a proof is an event of its log, so that a log does not stay at its size.
    for size in SIZES {
        let org = format!("size-{size}");
        server.post("/api/v1/orgs", &json!({ "id": org, "title": org })).expect(201);
        let log = server.get(&format!("/api/v1/orgs/{org}/log")).expect(200);
        assert_eq!(log["size"], 0, "nothing is in the log that was not sent");
        let vkey = log["keys"][0]["vkey"].as_str().unwrap();
        grow(&server, &org, size);
        let signed = checkpoint(&server, &org, &proof::vkeys(&server, &org), size);
        assert_eq!(signed.checkpoint.size(), size);
        let url = format!("{}/log/{org}", server.url);
        let (accepted, said) = run(&verifier, &["log", "-vkey", vkey, "-token", &server.token, &url]);
        assert!(accepted, "{said}");
        assert!(said.contains(&format!("{size} leaves")), "{said}");
        let (good, bad) = proofs(&server, &org, size);
        let with = |mode: &[&'static str], files: &[String]| {
            let files = files.iter().map(String::as_str);
            let arguments: Vec<&str> =
                ["proof", "-vkey", vkey].into_iter().chain(mode.iter().copied()).chain(files).collect();
            run(&verifier, &arguments)
        };
        let (accepted, said) = with(&[], &good);
        assert!(accepted, "{said}");
        let (refused, said) = with(&["-refused"], &bad);
        assert!(refused, "{said}");
    }
}

#[test]
fn go_refuses_a_log_whose_files_were_changed() {
    let verifier = verifier();
    let server = Setup::new(env!("CARGO_BIN_EXE_indelible")).start();
    grow(&server, "default", 300);
    let keys = proof::vkeys(&server, "default");
    let vkey =
        server.get("/api/v1/orgs/default/log").expect(200)["keys"][0]["vkey"].as_str().unwrap().to_owned();
    checkpoint(&server, "default", &keys, 300);
    let url = format!("{}/log/default", server.url);
    let log = |expected: bool, what: &str| {
        let (accepted, said) = run(&verifier, &["log", "-vkey", &vkey, "-token", &server.token, &url]);
        assert_eq!(accepted, expected, "{what}: {said}");
    };
    log(true, "untouched");
    let levels = indelible_testkit::folder::ending(&server.data(), "/L1");
    let path = levels.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    indelible_testkit::folder::flip(path, 5, 3);
    log(false, "level 1");
    indelible_testkit::folder::flip(path, 5, 3);
    log(true, "as before");
}
