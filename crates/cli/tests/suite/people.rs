//! People from the command line: added, shown, given roles, kept out; and the link of whoever has the data folder.

use std::process::Command;

use indelible_testkit::Server;
use serde_json::{Value, json};

use crate::service::{get, refused, setup, start, text, wait_for};

/// What a command prints, and its exit code.
fn run(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn done(server: &Server, arguments: &[&str]) -> String {
    let (code, out, said) = run(server.tool(arguments));
    assert_eq!(code, 0, "{arguments:?}: {said}");
    out
}

/// Sends the form of a link's page.
fn open(server: &Server, page: &str, form: &[(&str, &str)]) -> u16 {
    let body = form.iter().fold(String::new(), |all, (name, value)| all + name + "=" + value + "&");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    server.bare("POST", page, &headers, body.as_bytes()).unwrap().status
}

/// Accepts an invitation and makes a key of the person's own, as a browser would.
pub(crate) fn own_key(server: &Server, invitation: &str) -> String {
    let (_, token) = invitation.split_once("#t=").unwrap();
    let form = format!("token={token}&passphrase=seven+quiet+herons&again=seven+quiet+herons");
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let site = ("sec-fetch-site", "same-origin");
    let answer = server.bare("POST", "/invitation", &[kind, site], form.as_bytes()).unwrap();
    let cookie = answer.header("set-cookie").expect("a session").split(';').next().unwrap().to_owned();
    let page = |path: &str| server.bare("GET", path, &[("cookie", &cookie)], &[]).unwrap().text();
    let me = page("/me");
    let csrf = me.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("csrf={csrf}&label=program&days=30");
    let made = server.bare("POST", "/me/keys", &[kind, site, ("cookie", &cookie)], form.as_bytes()).unwrap();
    assert_eq!(made.status, 303, "{}", made.text());
    let shown = page("/me");
    let at = shown.find("idl_me_").unwrap_or_else(|| panic!("{shown}"));
    shown[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_person_is_added_changed_and_kept_out() {
    let server = start();
    let link = done(
        &server,
        &["person", "add", "--name", "Ann Winter", "--email", "ann@example.org", "--role", "auditor"],
    );
    let (page, token) = link.trim().split_once("#t=").unwrap();
    assert_eq!(page, format!("{}/invitation", server.url));
    let form = [("token", token), ("passphrase", "seven+quiet+herons"), ("again", "seven+quiet+herons")];
    assert_eq!(open(&server, "/invitation", &form), 303);
    let shown: Value =
        serde_json::from_str(&done(&server, &["person", "show", "ann@example.org", "--json"])).unwrap();
    assert_eq!((&shown["state"], &shown["roles"][0]["role"]), (&json!("active"), &json!("auditor")));
    done(&server, &["person", "role", "ANN@example.org", "--give", "analyst", "--withdraw", "auditor"]);
    let listed = done(&server, &["person", "list", "--output", "csv"]);
    assert!(listed.contains("Ann Winter") && listed.contains("analyst of default"), "{listed}");
    done(&server, &["person", "disable", "ann@example.org"]);
    let id = text(&shown["id"]).to_owned();
    let (code, _, said) = run(server.tool(&["person", "invite", &id]));
    assert!(code == 2 && said.contains("disabled"), "{code} {said}");
    done(&server, &["person", "enable", &id]);
    let again = done(&server, &["person", "invite", &id]);
    assert!(again.contains("/invitation#t=") && again != link);
    let (code, _, said) = run(server.tool(&["person", "show", "nobody@example.org"]));
    assert!(code == 1 && said.contains("nobody has the address"), "{code} {said}");
    let (code, _, said) = run(server.tool(&["person", "role", &id]));
    assert!(code == 2 && said.contains("--give"), "{code} {said}");
    let roles = done(&server, &["role", "list", "--json"]);
    assert!(roles.contains("administrator") && roles.contains("person.admin"), "{roles}");
    refused(&get(&server, "", "/api/v1/people"), 401, "credential_missing");
}

#[test]
fn a_claim_link_is_printed_and_made_anew() {
    let server = start();
    let link =
        |said: &[String]| said.iter().find_map(|line| Some(line.split_once("/setup#t=")?.1.to_owned()));
    let ready = |server: &Server| {
        let is_ready = || Some(server.said()).filter(|said| said.iter().any(|line| line == "ready"));
        wait_for("ready", is_ready)
    };
    let first = link(&ready(&server)).expect("a fresh server prints it");
    let data = server.data().display().to_string();
    let made = done(&server, &["claim", "--data", &data]);
    let (page, token) = made.trim().split_once("#t=").unwrap();
    assert_eq!(page, format!("{}/setup", server.url));
    let form = |token: &str| {
        let form = [
            ("token", token),
            ("name", "Olga"),
            ("email", "olga%40example.org"),
            ("passphrase", "seven+quiet+herons"),
            ("again", "seven+quiet+herons"),
        ];
        open(&server, "/setup", &form)
    };
    assert_eq!(form(&first), 403, "the newer link voids it");
    assert_eq!(form(token), 303);
    assert_eq!(form(token), 403, "used");
    let again = server.stop().start();
    assert!(link(&ready(&again)).is_none(), "somebody owns it");
    let (code, _, said) = run(setup().tool(&["claim", "--data", "nowhere"]));
    assert!(code == 1 && said.contains("not a data folder"), "{code} {said}");
}
