//! What a shell relies on: help with examples, completions, manual pages, exit codes, a closed pipe.

use std::process::{Command, Stdio};

use crate::binary::{root, run, run_with};

/// A port of loopback on which nothing listens: 1 is privileged, and no service of ours.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn the_help_of_every_command_has_an_example() {
    let page = run(&["reference", "cli"]).exits(0).out;
    let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
    assert!(sections.len() > 50, "{}", sections.len());
    for section in sections {
        assert!(section.contains("Examples:\n  "), "{section}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).exits(0).out.contains("declare-rollback"));
    }
    let folder = tempfile::tempdir().unwrap();
    run(&["man", folder.path().to_str().unwrap()]).exits(0);
    let page = std::fs::read_to_string(folder.path().join("indelible-catalog-drift.1")).unwrap();
    assert!(page.contains("drift") && page.contains(".TH"), "{page}");
}

#[test]
fn generated_pages_are_printed() {
    assert!(run(&["reference", "settings"]).exits(0).out.contains("| `http.listen` |"));
    assert!(run(&["reference", "openapi"]).exits(0).json()["paths"].is_object());
    assert!(run(&["reference", "limits"]).exits(0).out.contains("| `event` | 262144 bytes |"));
    assert!(run(&["reference", "parquet"]).exits(0).out.contains("| `occurred_at` | timestamp, ns, UTC |"));
    assert!(
        run(&["reference", "permissions"]).exits(0).out.contains("| `events.read` | yes |  | yes | yes |")
    );
}

#[test]
fn the_version_is_told() {
    let version = run(&["version", "--json"]).exits(0).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_server_that_does_not_answer_is_a_matter_of_time() {
    run(&["search", "--server", NOBODY]).exits(75).says("does not answer");
    run(&["emit", "--server", NOBODY, "--catalog", "x", "--code", "y"]).exits(75);
    let failure = run(&["search", "--server", NOBODY, "--json"]).exits(75);
    let told: serde_json::Value = serde_json::from_str(&failure.err).unwrap();
    assert_eq!(told["code"], "unreachable");
    run(&["import", "--server", NOBODY, "--format", "cloudtrail", "tests/data/cloudtrail-invictus.ndjson"])
        .exits(75)
        .says("stopped behind row 0; run the same command again");
}

#[test]
fn wrong_use_is_told_before_anything_happens() {
    run(&["emit"]).exits(2);
    run(&["serach"]).exits(2).says("search");
    run(&["emit", "--catalog", "x", "--code", "y", "--param", "novalue", "--server", NOBODY])
        .exits(2)
        .says("NAME=VALUE");
    run(&["emit", "--catalog", "x", "--code", "y", "--data", "a:={", "--server", NOBODY])
        .exits(2)
        .says("no JSON");
    run(&["org", "set", "acme", "--server", NOBODY]).exits(2).says("say what to change");
    run(&["tail", "--from", "start", "--server", NOBODY]).exits(2).says("must be an index");
    run_with(&["declare-rollback", "--data", "no-such-folder"], &[], "").exits(2).says("--yes");
}

#[test]
fn a_closed_pipe_is_a_success() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_indelible"))
        .args(["view", "tests/data/cloudtrail-invictus.ndjson", "--output", "ndjson"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_proof_is_checked_offline() {
    let vkey = "log.example/o/1+be0ddd38+ARl/ayPhbIUyxqvIOPrNXqeJvgx2spIDNAOb+os9No1h";
    let proof = "docs/guide/example.tlog-proof";
    let ran = run(&["verify", proof, "--vkey", vkey, "--json"]).exits(0);
    let proven = ran.json();
    assert_eq!((proven["log"].as_str(), proven["index"].as_u64()), (Some("log.example/o/1"), Some(0)));
    assert_eq!(proven["event"]["code"], "010001");
    assert_eq!(proven["not_disclosed"][0], "actor.email");
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(root().join(proof)).unwrap();
    let (before, extra) = text.split_once("extra ").unwrap();
    let other = extra.replacen("b2dnZWQ", "b2dnZXQ", 1);
    let other = if other == extra { extra.replacen('A', "B", 1) } else { other };
    let changed = crate::binary::file(folder.path(), "changed.tlog-proof", &format!("{before}extra {other}"));
    run(&["verify", &changed, "--vkey", vkey]).exits(3).says("DOES NOT HOLD");
    run(&["verify", proof, "--server", NOBODY]).exits(2).says("say --vkey");
    run(&["verify", "--data", "no-such-folder"]).exits(2);
}

#[test]
fn the_doctor_says_what_to_do() {
    let ran = run(&[
        "doctor",
        "--data",
        "no-such-folder",
        "--server",
        NOBODY,
        "--admin-listen",
        "127.0.0.1:1",
        "--output",
        "ndjson",
    ]);
    let ran = ran.exits(1);
    let rows = ran.rows();
    assert!(rows.iter().any(|row| row["check"] == "server" && row["state"] == "wrong"));
    let ill = rows.iter().filter(|row| row["state"] != "ok");
    assert!({ ill }.all(|row| !row["repair"].as_str().unwrap().is_empty()), "{}", ran.out);
}
