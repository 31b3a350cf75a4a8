//! Backup and restore from outside: of a server that goes on, of a folder, damaged, broken off, older than what was seen.
#![allow(clippy::disallowed_methods, reason = "tests write files freely")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use indelible_testkit::folder::{flip, seal};
use indelible_testkit::{Server, Setup};
use serde_json::{Value, json};

use crate::service::{get, key, login, search, search_in, setup, start, text, wait_for};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn backup(server: &Server, name: &str) -> PathBuf {
    let file = server.setup().dir().join(name);
    done(server.tool(&["backup", "--to", file.to_str().unwrap()]));
    file
}

/// Restores into the data folder of a fresh setup.
fn restored(archive: &Path) -> Setup {
    let fresh = setup();
    restore_into(&fresh, archive);
    fresh
}

fn restore_into(wanted: &Setup, archive: &Path) {
    let data = wanted.data();
    done(wanted.tool(&["restore", archive.to_str().unwrap(), "--data", data.to_str().unwrap()]));
    let verified = wanted.tool(&["verify", "--data", data.to_str().unwrap()]).output().unwrap();
    assert!(verified.status.success(), "{}", said(&verified));
}

/// What a log says of itself once everything in it is signed.
fn signed(server: &Server, token: &str, org: &str) -> Value {
    wait_for("a checkpoint of everything", || {
        let log = get(server, token, &format!("/api/v1/orgs/{org}/log")).expect(200);
        (log["size"] == log["checkpoint"]["size"]).then_some(log)
    })
}

#[test]
fn a_restored_server_is_the_one_that_was_backed_up() {
    let server = start();
    server.post("/api/v1/orgs", &json!({ "id": "acme", "title": "Acme" })).expect(201);
    let (reader, _) = key(&server, "default", &json!({ "kind": "rd" }));
    let person = json!({ "name": "Ann", "email": "ann@example.org", "roles": [{ "role": "auditor", "organization": "default" }] });
    server.post("/api/v1/people", &person).expect(201);
    server
        .post(
            "/api/v1/orgs/default/views",
            &json!({ "name": "mine", "shows": { "q": "outcome:failure" }, "team": true }),
        )
        .expect(201);
    server.send(&json!({ "events": (0..40).map(login).collect::<Vec<_>>() })).expect(200);
    seal(&server);
    server.send(&json!({ "events": (40..60).map(login).collect::<Vec<_>>() })).expect(200);
    let log = signed(&server, &reader, "default");
    let found = search(&server, "catalog:openkat");
    let file = backup(&server, "all.tar.zst");
    assert!(
        std::fs::read_dir(server.data())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with("backup-") })
    );
    let told = wait_for("its event", || {
        let told = search_in(&server, "system", "code:BACKUP.CREATE outcome:success");
        told.into_iter().next()
    });
    let listing = Command::new("tar").args(["--zstd", "-tf", file.to_str().unwrap()]).output();
    if let Ok(listing) = listing.as_ref() {
        let names = String::from_utf8_lossy(&listing.stdout).into_owned();
        assert!(
            listing.status.success()
                && names.ends_with("MANIFEST.json\n")
                && names.contains("data/control.redb\n"),
            "{names}"
        );
    }
    let digest = text(&told["params"]["file_sha256"]).to_owned();
    let checked = done(server.tool(&["backup", "verify", file.to_str().unwrap()]));
    assert!(checked.contains(&digest), "{checked} {told}");

    let mut copy = restored(&file).start_with(&server.token);
    let again = signed(&copy, &reader, "default");
    assert_eq!((&again["origin"], &again["keys"]), (&log["origin"], &log["keys"]));
    let size = log["size"].as_u64().unwrap();
    assert!(again["size"].as_u64().unwrap() >= size);
    let roots = |server: &Server| {
        let path = format!("/api/v1/orgs/default/consistency?from={size}&to={size}");
        get(server, &reader, &path).expect(200)["from"].clone()
    };
    assert_eq!(roots(&copy), roots(&server));
    let restored_rows = search(&copy, "catalog:openkat");
    assert_eq!(restored_rows, found);
    let people = copy.get("/api/v1/people").expect(200);
    assert!(people.to_string().contains("ann@example.org"));
    assert!(copy.get("/api/v1/orgs/default/views").expect(200).to_string().contains("mine"));
    assert_eq!(copy.get("/api/v1/orgs/acme").expect(200)["title"], "Acme");
    let told = search_in(&copy, "system", "code:BACKUP.RESTORE");
    assert_eq!((told.len(), &told[0]["params"]["file_sha256"]), (1, &json!(digest)));
    assert_eq!(copy.send(&login(99)).status, 201);
    copy = copy.stop().start();
    assert_eq!(search_in(&copy, "system", "code:BACKUP.RESTORE").len(), 1, "told once");
}

#[test]
fn a_backup_under_load_is_of_one_moment() {
    let server = start();
    let over = AtomicBool::new(false);
    let archives = std::thread::scope(|scope| {
        let (server, over) = (&server, &over);
        let sending = scope.spawn(move || {
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                let events: Vec<Value> = (0..200).map(|k| login(n * 200 + k)).collect();
                server.send(&json!({ "events": events })).expect(200);
                n += 1;
            }
            n
        });
        wait_for("some sealed events", || {
            let spilled = std::fs::read_dir(server.data().join("spill")).unwrap().count();
            (spilled > 0).then_some(())
        });
        let files: Vec<PathBuf> = (0..3).map(|n| backup(server, &format!("{n}.tar.zst"))).collect();
        over.store(true, Ordering::Relaxed);
        assert!(sending.join().unwrap() > 0);
        files
    });
    for archive in archives {
        let copy = restored(&archive).start_with(&server.token);
        let log = signed(&copy, &server.token, "default");
        // What the copy signs is the beginning of what the original signed.
        let size = log["size"].as_u64().unwrap();
        let path = format!("/api/v1/orgs/default/consistency?from={size}&to={size}");
        assert_eq!(copy.get(&path).expect(200)["from"], server.get(&path).expect(200)["from"]);
    }
}

#[test]
fn damage_is_named_and_nothing_is_overwritten() {
    let server = start();
    server.send(&json!({ "events": (0..40).map(login).collect::<Vec<_>>() })).expect(200);
    let file = backup(&server, "all.tar.zst");
    let again = server.tool(&["backup", "--to", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));

    let bytes = std::fs::metadata(&file).unwrap().len();
    let fresh = setup();
    let data = fresh.data();
    let arguments = ["restore", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    for at in [bytes / 3, bytes / 2, bytes - 40] {
        let at = usize::try_from(at).unwrap();
        flip(&file, at, 3);
        let checked = server.tool(&["backup", "verify", file.to_str().unwrap()]).output().unwrap();
        assert_eq!(checked.status.code(), Some(3), "byte {at}: {}", said(&checked));
        assert!(said(&checked).contains("damaged at "), "{}", said(&checked));
        let refused = fresh.tool(&arguments).output().unwrap();
        assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
        assert!(!data.exists(), "nothing is restored of a damaged backup");
        flip(&file, at, 3);
    }
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let cut = server.tool(&["backup", "verify", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(cut.status.code(), Some(3), "{}", said(&cut));
    std::fs::write(&file, &whole).unwrap();

    done(fresh.tool(&arguments));
    let twice = fresh.tool(&arguments).output().unwrap();
    assert_eq!(twice.status.code(), Some(2), "{}", said(&twice));
    assert!(said(&twice).contains("not empty"), "{}", said(&twice));
}

#[test]
fn a_backup_that_is_killed_leaves_no_file_of_its_name() {
    let server = start();
    seal(&server);
    let file = server.setup().dir().join("killed.tar.zst");
    let partial = server.setup().dir().join("killed.tar.zst.partial");
    let mut child = server.tool(&["backup", "--to", file.to_str().unwrap()]).spawn().unwrap();
    wait_for("its beginning", || partial.exists().then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    // It may have been faster than the signal; then it is whole.
    if file.exists() {
        done(server.tool(&["backup", "verify", file.to_str().unwrap()]));
    } else {
        let checked = server.tool(&["backup", "verify", partial.to_str().unwrap()]).output().unwrap();
        assert_ne!(checked.status.code(), Some(0), "{}", said(&checked));
    }
    // The server gives up what it held, and makes the next one.
    wait_for("the next backup", || {
        let to = server.setup().dir().join("next.tar.zst");
        server
            .tool(&["backup", "--to", to.to_str().unwrap()])
            .output()
            .unwrap()
            .status
            .success()
            .then_some(())
    });
}

#[test]
fn the_folder_of_a_stopped_server_and_an_older_copy() {
    let server = start();
    server.send(&json!({ "events": (0..10).map(login).collect::<Vec<_>>() })).expect(200);
    signed(&server, &server.token, "default");
    let (token, data) = (server.token.clone(), server.data());
    let file = server.setup().dir().join("folder.tar.zst");
    let arguments = ["backup", "--to", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let locked = server.setup().tool(&arguments).output().unwrap();
    assert!(!locked.status.success() && said(&locked).contains("another process"), "{}", said(&locked));
    let stopped = server.stop();
    std::fs::remove_file(file.with_extension("zst.partial")).unwrap();
    done(stopped.tool(&arguments));

    // The server goes on; then its disk is lost and the backup put back on the same machine.
    let server = stopped.start();
    server.send(&json!({ "events": (10..20).map(login).collect::<Vec<_>>() })).expect(200);
    signed(&server, &token, "default");
    let stopped = server.stop();
    std::fs::remove_dir_all(&data).unwrap();
    restore_into(&stopped, &file);
    let (code, text) = stopped.refused();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("rollback"), "an older copy is noticed: {text}");
    done(stopped.tool(&["declare-rollback", "--yes", "--data", data.to_str().unwrap()]));
    let server = stopped.start();
    let told = search(&server, "code:LOG.DECLARE_ROLLBACK");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(server.send(&login(30)).status, 201);
}
