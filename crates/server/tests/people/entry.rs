//! Logging in: what is asked for, what is recorded, and what guessing meets.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;

use crate::node::{Browser, MINUTE, Node, PHRASE, SECOND, between, text};

/// What an authenticator shows.
fn code(secret: &str, now_ms: i64) -> String {
    let value = |letter: u8| if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
    let bits: Vec<u8> =
        secret.bytes().flat_map(|letter| (0..5).rev().map(move |bit| value(letter) >> bit & 1)).collect();
    let key: Vec<u8> = bits.chunks(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&u64::try_from(now_ms / 30_000).unwrap().to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// Sets up an authenticator; gives its secret and the recovery codes.
fn enrol(node: &Node, browser: &mut Browser<'_>) -> (String, Vec<String>) {
    let secret = between(&browser.page("/me/totp"), "name=\"secret\" value=\"", "\"").unwrap();
    let shown = code(&secret, node.now_ms());
    let form = |code: &str, old: &str| {
        [("secret", secret.clone()), ("code", code.to_owned()), ("old", old.to_owned())]
    };
    let mut send = |form: [(&str, String); 3]| {
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.form("/me/totp", &form)
    };
    assert_eq!(send(form(&shown, "not the passphrase")).status, 400);
    assert_eq!(send(form("12345", PHRASE)).status, 400);
    assert_eq!(send(form(&shown, PHRASE)).status, 303);
    let page = browser.page("/me");
    let list = between(&page, "<ul class=\"codes mono\">", "</ul>").unwrap();
    let codes = list.split("<li>").skip(1).map(|item| item.split('<').next().unwrap().to_owned()).collect();
    assert!(!browser.page("/me").contains("codes mono"), "they are shown once");
    (secret, codes)
}

#[test]
fn a_person_logs_in_with_passphrase_and_code() {
    let node = Node::start();
    let (id, mut browser) = node.person("ann", "analyst", "default");
    let (secret, codes) = enrol(&node, &mut browser);
    assert_eq!(codes.len(), 10);
    node.pass(MINUTE);
    let mut again = Browser::new(&node);
    let answer = again.enter("Ann@Example.org", PHRASE);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/login/code?back=%2Fme")));
    let half = again.cookie.clone();
    for path in ["/me", "/o/default", "/catalogs"] {
        let location = again.get(path).header("location").unwrap_or_default().to_owned();
        assert!(location.starts_with("/login?"), "half a log-in gives nothing: {path}");
    }
    let csrf = between(&again.page("/login/code"), "name=\"csrf\" value=\"", "\"").unwrap();
    let mut give =
        |code: &str| again.send("/login/code", &[("csrf", &csrf), ("code", code), ("back", "/me")]);
    assert_eq!(give("000000").status, 403);
    let now = code(&secret, node.now_ms());
    assert_eq!(give(&now).status, 303);
    assert_ne!(again.cookie, half, "whoever proves more gets another token");
    assert!(again.page("/me").contains("ann@example.org"));
    // The same code once more, and then a recovery code twice.
    let with = |after: i64, code: &str| {
        node.pass(after);
        let mut browser = Browser::new(&node);
        browser.enter("ann@example.org", PHRASE);
        let csrf = between(&browser.page("/login/code"), "name=\"csrf\" value=\"", "\"").unwrap();
        browser.send("/login/code", &[("csrf", &csrf), ("code", code), ("back", "/me")]).status
    };
    assert_eq!(with(0, &now), 403, "a code counts once");
    assert_eq!(with(MINUTE, &codes[0].to_uppercase()), 303);
    assert_eq!(with(MINUTE, &codes[0]), 403);
    let entries = node.own_events("default", "SESSION.LOGIN");
    let methods: Vec<String> = entries
        .iter()
        .filter(|event| event["outcome"] == "success")
        .map(|event| text(&event["params"]["method"]))
        .collect();
    assert_eq!(methods, ["invitation", "passphrase+totp", "passphrase+recovery-code"]);
    assert!(entries.iter().any(|event| event["outcome"] == "failure" && event["targets"][0]["id"] == *id));
    let all = Value::from(node.own_events("default", "*")).to_string();
    for secret in [PHRASE, secret.as_str(), codes[0].as_str(), codes[1].as_str(), now.as_str()] {
        assert!(!all.contains(&format!("\"{secret}")), "{secret}");
    }
}

#[test]
fn the_answer_tells_nothing_about_who_exists() {
    let node = Node::start();
    let (_, _) = node.person("ann", "analyst", "default");
    let (bo, _) = node.person("bo", "analyst", "default");
    node.admin("PATCH", &format!("/api/v1/people/{bo}"), &serde_json::json!({ "state": "disabled" }), 200);
    node.add("invited", "analyst", "default");
    let mut answers = Vec::new();
    for (email, passphrase) in [
        ("ann@example.org", "wrong passphrase"),
        ("nobody@example.org", "wrong passphrase"),
        ("bo@example.org", PHRASE),
        ("invited@example.org", ""),
    ] {
        node.pass(MINUTE);
        let answer = Browser::new(&node).enter(email, passphrase);
        answers.push((answer.status, answer.body.replace(email, "")));
    }
    assert_eq!(answers[0].0, 403);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[test]
fn guessing_is_slowed_down_and_recorded_and_locks_nobody_out() {
    let node = Node::start();
    let (id, _) = node.add("ann", "analyst", "default");
    let mut guesser = Browser::new(&node);
    let mut statuses = Vec::new();
    for _ in 0..7 {
        // Slower than the limit of the address, so that the account's is met.
        node.pass(15 * SECOND);
        statuses.push(guesser.enter("ann@example.org", "a wrong passphrase").status);
    }
    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 403]);
    let locks = node.own_events("default", "SESSION.LOCK");
    assert_eq!(locks.len(), 2);
    assert_eq!(locks[0]["targets"][0]["id"], *id);
    let failures = node.own_events("default", "SESSION.LOGIN");
    assert_eq!(failures.len(), 6);
    assert!(
        failures.iter().all(|event| event["outcome"] == "failure" && event["actor"]["id"] == "anonymous")
    );
    // A flood from one address is refused, told of once, and passes.
    node.pass(16 * MINUTE);
    let flood: Vec<u16> =
        (0..9).map(|at| guesser.enter(&format!("x{at}@example.org"), "a wrong passphrase").status).collect();
    assert_eq!(flood, [403, 403, 403, 403, 403, 429, 429, 429, 429]);
    let said = node.own_events("system", "SESSION.LOGIN");
    assert_eq!(
        said.iter().filter(|event| event["reason"].as_str().unwrap_or("").contains("too many")).count(),
        1
    );
    assert!(!Value::from(said).to_string().contains("x1@example.org"), "what was typed is not recorded");
}

#[test]
fn rights_are_looked_up_again_and_tokens_change() {
    let node = Node::start();
    let (id, mut browser) = node.person("ann", "auditor", "default");
    let key = browser.own_key();
    assert_eq!(node.api(&key, "GET", "/api/v1/people", &Value::Null).status, 200);
    let before = browser.cookie.clone();
    let mut elsewhere = Browser::new(&node);
    assert_eq!(elsewhere.enter("ann@example.org", PHRASE).status, 303);
    let form = [("old", PHRASE), ("passphrase", "nine loud geese fly"), ("again", "nine loud geese fly")];
    assert_eq!(browser.form("/me/passphrase", &[("old", "no"), form[1], form[2]]).status, 303);
    assert!(browser.page("/me").contains("The passphrase of now is another"));
    assert_eq!(browser.form("/me/passphrase", &form).status, 303);
    assert_ne!(browser.cookie, before);
    assert!(browser.page("/me").contains("Your passphrase is changed"));
    assert_eq!(elsewhere.get("/me").status, 303, "other sessions end");
    assert_eq!(Browser { cookie: before, ..browser.clone() }.get("/me").status, 303, "the old token is void");
    // A role less: the session ends, and the key has the rights of now.
    let withdraw = serde_json::json!({
        "withdraw": [{ "role": "auditor", "organization": "default" }],
        "give": [{ "role": "analyst", "organization": "default" }],
    });
    node.admin("PATCH", &format!("/api/v1/people/{id}"), &withdraw, 200);
    assert_eq!(browser.get("/me").status, 303);
    assert_eq!(node.api(&key, "GET", "/api/v1/people", &Value::Null).status, 403);
    assert_eq!(node.api(&key, "GET", "/api/v1/orgs/default/events", &Value::Null).status, 200);
    node.pass(MINUTE);
    assert_eq!(browser.enter("ann@example.org", "nine loud geese fly").status, 303);
    node.admin("DELETE", &format!("/api/v1/people/{id}"), &Value::Null, 200);
    assert_eq!(browser.get("/me").status, 303);
    assert_eq!(node.api(&key, "GET", "/api/v1/orgs/default/events", &Value::Null).status, 401);
    let roles = |code: &str| {
        let changes = node.own_events("default", code);
        let last = changes.last().unwrap().clone();
        (text(&last["params"]["role"]), text(&last["changes"][0]["old"]), text(&last["changes"][0]["new"]))
    };
    let (old, new) = ("auditor of default".to_owned(), "analyst of default".to_owned());
    assert_eq!(roles("ROLE.REVOKE"), ("auditor".to_owned(), old.clone(), new.clone()));
    assert_eq!(roles("ROLE.GRANT"), ("analyst".to_owned(), old, new));
    assert_eq!(node.own_events("default", "PERSON.DELETE").len(), 1);
}

#[test]
fn sessions_are_seen_and_ended_by_their_person_only() {
    let node = Node::start();
    let (_, mut ann) = node.person("ann", "analyst", "default");
    let (_, mut bo) = node.person("bo", "analyst", "default");
    let mut second = Browser::new(&node);
    node.pass(MINUTE);
    assert_eq!(second.enter("ann@example.org", PHRASE).status, 303);
    let page = ann.page("/me");
    let other = between(&page, "name=\"end\" value=\"", "\"").unwrap();
    assert_eq!(bo.form("/me/sessions", &[("end", &other)]).status, 303);
    assert_eq!(second.get("/me").status, 200, "not by somebody else");
    assert_eq!(ann.form("/me/sessions", &[("end", &other)]).status, 303);
    assert_eq!(second.get("/me").status, 303);
    assert_eq!(ann.get("/me").status, 200);
    assert_eq!(ann.form("/me/sessions", &[("end", "all")]).header("location"), Some("/login"));
    assert_eq!(ann.get("/me").status, 303);
    assert_eq!(bo.get("/me").status, 200);
    // A key of one person is not another's to revoke, and no way into the console.
    let key = bo.own_key();
    let id = key.split('_').nth(2).unwrap();
    node.pass(MINUTE);
    assert_eq!(ann.enter("ann@example.org", PHRASE).status, 303);
    assert_eq!(ann.form("/me/keys", &[("revoke", id)]).status, 404);
    assert_eq!(Browser::new(&node).send("/login", &[("key", &key)]).status, 403);
    assert_eq!(bo.form("/me/keys", &[("revoke", id)]).status, 303);
    assert_eq!(node.api(&key, "GET", "/api/v1/orgs/default/events", &Value::Null).status, 401);
}
