//! Evidence bundles: made by a server and from a folder, accepted by this program and by one that shares nothing with it,
//! refused with the place when any part is changed.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use indelible_testkit::{Server, Setup, proof};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::service::{EVENTS, ask, key, login, refused, search, start, time, with};

type Parts = Vec<(String, Vec<u8>)>;

/// A server with events of several kinds: text of every sort, numbers, lists, a foreign form, and others between them.
fn filled() -> Server {
    let server = start();
    let odd = json!({
        "message": "quote \" back \\ bell \u{7} line\u{2028} é 漢字 \u{202e}", "session": { "id": "s-1" },
        "occurred_at": time(-60), "producer": { "name": "till", "instance": "7", "seq": "1" },
        "targets": [{ "id": "t", "kind": "user", "name": "T" }], "reason": "why not",
        "changes": [{ "path": "a", "old": "1", "new": "2" }],
        "data": { "int": 7, "big": 9_007_199_254_740_993_u64, "point": 0.25, "null": null, "yes": true, "list": [1, "2", []] },
    });
    let mut events = vec![with(login(0), &odd)];
    events.extend((1..40).map(login));
    let answer = server.send(&json!({ "events": events })).expect(200);
    assert_eq!(answer["counts"]["stored"], 40, "{answer}");
    let foreign = crate::service::sample("openkat-run.jsonl");
    let line = foreign.lines().find(|line| line.contains("event_code")).unwrap();
    let path = format!("{EVENTS}?format=openkat&zone=UTC");
    let sent = server.request("POST", &path, &[("content-type", "application/x-ndjson")], line.as_bytes());
    assert_eq!(sent.status, 200, "{}", sent.text());
    server
}

fn made(server: &Server, asked: &Value) -> Vec<u8> {
    let answer = server.post("/api/v1/orgs/default/bundles", asked);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    answer.body
}

fn unpacked(bytes: &[u8]) -> Parts {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let part = |at: usize, zip: &mut ZipArchive<Cursor<&[u8]>>| {
        let mut file = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().to_owned(), bytes)
    };
    (0..zip.len()).map(|at| part(at, &mut zip)).collect()
}

fn packed(parts: &Parts) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn part<'p>(parts: &'p mut Parts, name: &str) -> &'p mut Vec<u8> {
    &mut parts.iter_mut().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}")).1
}

fn manifest(parts: &Parts) -> Value {
    let (_, bytes) = parts.iter().find(|(name, _)| name == "manifest.json").unwrap();
    serde_json::from_slice(bytes).unwrap()
}

fn kept(setup: &Setup, name: &str, bytes: &[u8]) -> PathBuf {
    let path = setup.dir().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Exit code, document and everything else that `bundle verify` said.
fn verify(setup: &Setup, path: &Path, more: &[&str]) -> (i32, Value, String) {
    let mut arguments = vec!["--json", "bundle", "verify", path.to_str().unwrap()];
    arguments.extend(more);
    let output = setup.tool(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default(), said)
}

/// What a program in another language says, with nothing but its standard library and openssl.
fn python(path: &Path, vkey: &str) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/check_bundle.py");
    let output = Command::new("python3").arg(script).arg(path).arg(vkey).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn vkey(server: &Server) -> String {
    proof::vkeys(server, "default")[0].to_string()
}

#[test]
fn a_bundle_is_accepted_here_and_elsewhere_and_recorded() {
    let server = filled();
    let vkey = vkey(&server);
    let asked = json!({ "q": "catalog:openkat", "purpose": "case 7" });
    let bytes = made(&server, &asked);
    let path = kept(server.setup(), "all.zip", &bytes);
    let (code, document, said) = verify(server.setup(), &path, &["--vkey", &vkey]);
    assert_eq!(code, 0, "{document} {said}");
    assert_eq!((&document["events"], &document["purpose"]), (&json!(41), &json!("case 7")));
    assert!(said.contains("holds; key from --vkey"), "{said}");
    let (holds, said) = python(&path, &vkey);
    assert!(holds && said.contains("PROVEN: 41 events"), "{said}");
    let verified =
        server.setup().tool(&["verify", path.to_str().unwrap(), "--vkey", &vkey]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let recorded = search(&server, "catalog:indelible code:REPORT.CREATE");
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0]["index"], document["recorded_as"]);
    assert_eq!(recorded[0]["params"]["rows"], 41);
    assert_eq!(recorded[0]["params"]["query"], "catalog:openkat");
    let parts = unpacked(&bytes);
    let manifest = manifest(&parts);
    assert_eq!(recorded[0]["targets"][0]["kind"], "bundle");
    assert_eq!((manifest["first_index"].as_u64(), manifest["complete"].as_bool()), (Some(0), Some(true)));
    assert_eq!(manifest["catalogs"][0]["id"], "openkat");
    assert!(manifest["left_out"].to_string().contains("\"raw\""), "{}", manifest["left_out"]);
    // The form as received goes along when it is asked for, and is nowhere in the bundle otherwise.
    let with_raw = unpacked(&made(&server, &json!({ "q": "catalog:openkat", "include": "raw" })));
    let lines = |parts: &Parts| String::from_utf8(part(&mut parts.clone(), "events.ndjson").clone()).unwrap();
    assert!(lines(&with_raw).contains("\"raw\":"));
    assert!(!lines(&parts).contains("\"raw\":"));
    let path = kept(server.setup(), "raw.zip", &packed(&with_raw));
    assert_eq!(verify(server.setup(), &path, &[]).0, 0);
    assert!(python(&path, &vkey).0);
}

#[test]
fn one_changed_byte_in_any_part_is_found_and_named() {
    let server = filled();
    let vkey = vkey(&server);
    let good = unpacked(&made(&server, &json!({ "q": "catalog:openkat" })));
    let names: Vec<&str> = good.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "manifest.json",
            "manifest.tlog-proof",
            "events.ndjson",
            "proofs.bin",
            "checkpoint",
            "log.vkey",
            "catalogs/openkat.json",
            "README.txt",
            "verify.html"
        ]
    );
    for (at, name) in names.iter().enumerate() {
        let length = good[at].1.len();
        // At the end of a proof stands the line of a key that nobody knows, which may say anything.
        let last = if *name == "manifest.tlog-proof" { length / 4 } else { length - 2 };
        for place in [length / 3, length / 2, last] {
            let mut bad = good.clone();
            bad[at].1[place] ^= 1;
            let path = kept(server.setup(), "bad.zip", &packed(&bad));
            let (code, document, said) = verify(server.setup(), &path, &[]);
            assert_eq!(code, 3, "byte {place} of {name}: {document} {said}");
            assert!(said.contains(name), "byte {place} of {name}: {said}");
            let (holds, said) = python(&path, &vkey);
            assert!(!holds, "byte {place} of {name}: {said}");
        }
    }
    let without = |name: &str| good.iter().filter(|(of, _)| of != name).cloned().collect::<Parts>();
    for name in &names {
        let path = kept(server.setup(), "less.zip", &packed(&without(name)));
        let (code, _, said) = verify(server.setup(), &path, &[]);
        assert!(code == 3 && said.contains(name), "without {name}: {code} {said}");
    }
    let mut more = good.clone();
    more.push(("notes.txt".to_owned(), b"trust me".to_vec()));
    let (code, _, said) = verify(server.setup(), &kept(server.setup(), "more.zip", &packed(&more)), &[]);
    assert!(code == 3 && said.contains("notes.txt: the manifest does not name it"), "{said}");
}

/// Whoever changes an event and every hash that names it meets the next one.
#[test]
fn a_forger_who_knows_the_format_is_found_too() {
    let server = filled();
    let vkey = vkey(&server);
    let good = unpacked(&made(&server, &json!({ "q": "actor.id:user-7" })));
    let index = manifest(&good)["first_index"].as_u64().unwrap();
    let forge = |change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        let mut manifest = manifest(&parts);
        for named in manifest["parts"].as_array_mut().unwrap() {
            let name = named["name"].as_str().unwrap().to_owned();
            if name != "verify.html" {
                let bytes = part(&mut parts, &name).clone();
                named["bytes"] = json!(bytes.len());
                named["sha256"] = json!(indelible_bundle::sha256_hex(&bytes));
            }
        }
        *part(&mut parts, "manifest.json") = manifest.to_string().into_bytes();
        let path = kept(server.setup(), "forged.zip", &packed(&parts));
        let (code, _, said) = verify(server.setup(), &path, &["--vkey", &vkey]);
        assert_eq!(code, 3, "{said}");
        assert!(!python(&path, &vkey).0);
        said
    };
    let replaced = |name: &'static str, from: &'static str, to: &'static str| {
        move |parts: &mut Parts| {
            let part = part(parts, name);
            let at = part.windows(from.len()).position(|window| window == from.as_bytes());
            let at = at.unwrap_or_else(|| panic!("{from} in {name}"));
            part[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    };
    let said = forge(&replaced("events.ndjson", "user-7", "user-8"));
    assert!(said.contains(&format!("events.ndjson: event {index} (")), "{said}");
    assert!(said.contains("actor differs from the proven event"), "{said}");
    let said = forge(&replaced("proofs.bin", "user-7", "user-8"));
    assert!(
        said.contains("proofs.bin: event") && said.contains("not those that its leaf was made from"),
        "{said}"
    );
    let said = forge(&|parts| {
        let first = part(parts, "proofs.bin");
        first[16 + 8 + 20] ^= 1;
    });
    assert!(said.contains("proofs.bin: ") && said.contains("do not lead to the signed root"), "{said}");
    // Words of the catalog are proven by nothing but the manifest.
    let said = forge(&replaced("events.ndjson", "\"title\":\"User", "\"title\":\"Root"));
    assert!(said.contains("not the manifest that event"), "{said}");
    // Another log's key vouches for nothing here.
    server.post("/api/v1/orgs", &json!({ "id": "acme" })).expect(201);
    let other = proof::vkeys(&server, "acme")[0].to_string();
    let path = kept(server.setup(), "good.zip", &packed(&good));
    assert_eq!(verify(server.setup(), &path, &["--vkey", &other]).0, 3);
    assert_eq!(verify(server.setup(), &path, &["--vkey", &vkey]).0, 0);
}

#[test]
fn damage_of_the_zip_file_itself_never_passes_for_other_content() {
    let server = filled();
    let bytes = made(&server, &json!({ "q": "actor.id:user-7" }));
    let good = unpacked(&bytes);
    let mut found = 0;
    for at in (0..bytes.len()).step_by(61) {
        let mut bad = bytes.clone();
        bad[at] ^= 4;
        match indelible_bundle::check(&bad, None) {
            Ok(verdict) if verdict.faults.is_empty() => assert_eq!(unpacked(&bad), good, "byte {at}"),
            Ok(_) | Err(_) => found += 1,
        }
    }
    assert!(found * 61 > bytes.len() / 2, "{found}");
}

#[test]
fn a_folder_gives_a_bundle_that_nobody_recorded() {
    let server = filled();
    let vkey = vkey(&server);
    indelible_testkit::whole_log::checkpoint(&server, "default", &proof::vkeys(&server, "default"), 41);
    let setup = server.stop();
    let (data, out) = (setup.data(), setup.dir().join("folder.zip"));
    let arguments = [
        "--json",
        "bundle",
        "create",
        "catalog:openkat",
        "--data",
        data.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let output = setup.tool(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["events"], &told["recorded"]), (&json!(41), &json!(false)));
    let (code, document, said) = verify(&setup, &out, &["--vkey", &vkey]);
    assert_eq!((code, &document["recorded_as"]), (0, &Value::Null), "{said}");
    let (holds, said) = python(&out, &vkey);
    assert!(holds && said.contains("no event of the log records this bundle"), "{said}");
}

#[test]
fn rights_and_limits_hold_and_nothing_is_cut() {
    let server = filled();
    let path = "/api/v1/orgs/default/bundles";
    refused(&server.post(path, &json!({ "q": "actor.id:nobody" })), 404, "not_found");
    refused(&server.post(path, &json!({ "qq": "" })), 400, "member_unknown");
    refused(&server.post(path, &json!({ "q": "field.nobody:1" })), 400, "query_invalid");
    refused(&server.post(path, &json!({ "purpose": "x".repeat(2_000) })), 400, "request_malformed");
    let writer = key(&server, "default", &json!({ "kind": "in" })).0;
    refused(&ask(&server, &writer, ("POST", path), &json!({})), 403, "permission_missing");
    let reader = key(&server, "default", &json!({ "kind": "rd", "catalog": "openkat" })).0;
    let answer = ask(&server, &reader, ("POST", path), &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let parts = unpacked(&answer.body);
    assert_eq!(manifest(&parts)["rows"], 41);
    assert!(manifest(&parts)["left_out"].to_string().contains("\"role\""));
    let many: Vec<Value> = (0..10_000).map(login).collect();
    assert_eq!(server.send(&json!({ "events": many })).expect(200)["counts"]["stored"], 10_000);
    refused(&server.post(path, &json!({ "q": "catalog:openkat" })), 413, "bundle_too_large");
    let ten_thousand = made(&server, &json!({ "q": "catalog:openkat index:41.." }));
    let verdict = indelible_bundle::check(&ten_thousand, None).unwrap();
    assert!(verdict.faults.is_empty(), "{:?}", verdict.faults.first());
    assert_eq!(verdict.events, 10_000);
    let inside =
        unpacked(&ten_thousand).iter().any(|(name, bytes)| name == "verify.html" && bytes.len() > 200_000);
    println!("10,000 events: {} bytes, with the data inside the page: {inside}", ten_thousand.len());
}
