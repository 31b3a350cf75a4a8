//! The link that makes an owner: once, in time, of this start; and the one for whoever has the data folder.

use indelible_server::claim::{LASTS_NS, request};
use serde_json::Value;

use crate::node::{Answer, Browser, MINUTE, Node, PHRASE};

fn try_to_claim(browser: &mut Browser<'_>, token: &str, email: &str) -> Answer {
    let form = [
        ("token", token),
        ("name", "Olga Owner"),
        ("email", email),
        ("passphrase", PHRASE),
        ("again", PHRASE),
    ];
    browser.send("/setup", &form)
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(
        answer.header("set-cookie").is_none() && answer.body.contains("indelible claim"),
        "{}",
        answer.body
    );
}

#[test]
fn a_claim_makes_an_owner_once() {
    let mut node = Node::start();
    let token = node.claim_token();
    assert!(node.claim.as_ref().unwrap().starts_with(&format!("{}/setup#t=", node.url)));
    {
        let mut browser = Browser::new(&node);
        assert!(browser.page("/setup").contains("name=\"token\""), "without scripts it is pasted");
        refused(&try_to_claim(&mut browser, "", "olga@example.org"));
        refused(&try_to_claim(&mut browser, &token.replace(&token[..1], "x"), "olga@example.org"));
        // What can be corrected does not use the link up.
        for (email, passphrase, again) in [
            ("olga", PHRASE, PHRASE),
            ("olga@example.org", "password1234", "password1234"),
            ("olga@example.org", PHRASE, ""),
        ] {
            let form = [
                ("token", token.as_str()),
                ("name", "Olga"),
                ("email", email),
                ("passphrase", passphrase),
                ("again", again),
            ];
            let answer = browser.send("/setup", &form);
            assert_eq!(answer.status, 400, "{}", answer.body);
            assert!(answer.body.contains(&token) && !answer.body.contains("password1234"));
        }
        let limited = try_to_claim(&mut browser, &token, "olga@example.org");
        assert_eq!(limited.status, 429, "guessing is limited: {}", limited.body);
        node.pass(MINUTE);
        let answer = try_to_claim(&mut browser, &token, "olga@example.org");
        assert_eq!((answer.status, answer.header("location")), (303, Some("/me")), "{}", answer.body);
        assert!(browser.page("/me").contains("owner of all"));
        assert!(browser.page("/o/default/people").contains("olga@example.org"));
        refused(&try_to_claim(&mut Browser::new(&node), &token, "eve@example.org"));
    }
    let made = node.own_events("system", "CLAIM.MAKE");
    let outcomes: Vec<&Value> = made.iter().map(|event| &event["outcome"]).collect();
    assert_eq!(outcomes, ["failure", "failure", "success", "failure"]);
    let text = Value::from(made).to_string();
    assert!(!text.contains(&token) && !text.contains(PHRASE), "{text}");
    assert_eq!(node.own_events("system", "SESSION.LOGIN").len(), 2, "one refused try, one entry");
    node.restart();
    assert!(node.claim.is_none(), "the node is owned");
}

#[test]
fn a_link_is_void_after_half_an_hour_and_after_a_restart() {
    let mut node = Node::start();
    let first = node.claim_token();
    node.pass(LASTS_NS);
    refused(&try_to_claim(&mut Browser::new(&node), &first, "olga@example.org"));
    node.restart();
    let second = node.claim_token();
    assert_ne!(first, second);
    refused(&try_to_claim(&mut Browser::new(&node), &first, "olga@example.org"));
    node.restart();
    refused(&try_to_claim(&mut Browser::new(&node), &second, "olga@example.org"));
    node.pass(LASTS_NS - MINUTE);
    let third = node.claim_token();
    assert_eq!(try_to_claim(&mut Browser::new(&node), &third, "olga@example.org").status, 303);
}

#[test]
fn whoever_has_the_data_folder_gets_in_again() {
    let mut node = Node::start();
    let token = node.claim_token();
    assert_eq!(try_to_claim(&mut Browser::new(&node), &token, "olga@example.org").status, 303);
    node.restart();
    let token = request(&node.data(), node.now_ms()).unwrap();
    let held = std::fs::read_to_string(node.data().join("claim.request")).unwrap();
    assert!(!held.contains(&token));
    {
        let mut browser = Browser::new(&node);
        refused(&try_to_claim(&mut browser, "0", "olga@example.org"));
        assert!(!node.data().join("claim.request").exists(), "it is taken up");
        let form = [
            ("token", token.as_str()),
            ("name", "Olga"),
            ("email", "OLGA@example.org"),
            ("passphrase", "another sentence"),
            ("again", "another sentence"),
        ];
        assert_eq!(browser.send("/setup", &form).status, 303);
        let mut other = Browser::new(&node);
        assert_eq!(other.enter("olga@example.org", PHRASE).status, 403, "the old passphrase is gone");
        assert_eq!(other.enter("olga@example.org", "another sentence").status, 303);
        assert_eq!(
            node.admin("GET", "/api/v1/people", &Value::Null, 200)["items"].as_array().unwrap().len(),
            1
        );
    }
    assert_eq!(node.own_events("system", "CLAIM.CREATE").len(), 1);
    // One that waited for half an hour is void.
    let late = request(&node.data(), node.now_ms()).unwrap();
    node.pass(LASTS_NS);
    refused(&try_to_claim(&mut Browser::new(&node), &late, "olga@example.org"));
}
