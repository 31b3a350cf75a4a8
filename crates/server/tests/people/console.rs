//! The pages for people, keys and organizations, used as they are meant to be.

use serde_json::Value;

use crate::node::{Browser, Node, PHRASE, text, token_of};

#[test]
fn an_administrator_invites_changes_and_disables() {
    let node = Node::start();
    let (_, mut admin) = node.person("adam", "administrator", "default");
    let people = "/o/default/people";
    let form = [("name", "Ann <b>Winter</b>"), ("email", "ann@example.org"), ("role", "analyst")];
    assert_eq!(admin.form(people, &form).header("location"), Some(people));
    let link = admin.shown_once(people);
    let page = admin.page(people);
    assert!(!page.contains("shown-once") && !page.contains("<b>Winter") && page.contains("ann@example.org"));
    assert_eq!(admin.form(people, &form).status, 303);
    assert!(admin.page(people).contains("exists already"));
    let mut ann = Browser::new(&node);
    let form = [("token", token_of(&link)), ("passphrase", PHRASE.to_owned()), ("again", PHRASE.to_owned())];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(ann.send("/invitation", &form).status, 303);
    assert_eq!(Browser::new(&node).send("/invitation", &form).status, 403, "used");
    let id = node.admin("GET", "/api/v1/people", &Value::Null, 200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|person| person["email"] == "ann@example.org")
        .map(|person| text(&person["id"]))
        .unwrap();
    let one = format!("{people}/{id}");
    assert!(!ann.page("/o/default").contains(people), "no link to what one may not see");
    assert!(admin.page("/o/default").contains(people));
    let role = [("role", "auditor"), ("organization", "default")];
    assert_eq!(admin.form(&one, &[("do", "give"), role[0], role[1]]).header("location"), Some(one.as_str()));
    assert!(admin.page(&one).contains("The role is given"));
    assert_eq!(admin.form(&one, &[("do", "give"), ("role", "owner"), role[1]]).status, 403);
    assert_eq!(ann.get("/me").status, 303, "another role, another session");
    assert_eq!(admin.form(&one, &[("do", "disable")]).status, 303);
    assert!(admin.page(&one).contains("disabled"));
    assert_eq!(ann.enter("ann@example.org", PHRASE).status, 403);
    assert_eq!(admin.form(&one, &[("do", "enable")]).status, 303);
    assert_eq!(ann.enter("ann@example.org", PHRASE).status, 303);
    assert!(ann.page(people).contains("adam"), "an auditor sees who there is");
    assert!(!ann.page(people).contains("Invite somebody") && !ann.page(&one).contains("Disable"));
    let made = node.own_events("default", "PERSON.CREATE");
    assert_eq!(made.last().unwrap()["actor"]["name"], "adam");
    assert!(made.last().unwrap()["session"].is_object(), "{made:?}");
    assert_eq!(node.own_events("default", "PERSON.INVITE").len(), 2);
}

#[test]
fn keys_are_made_rotated_and_revoked() {
    let node = Node::start();
    let (_, mut admin) = node.person("adam", "administrator", "default");
    let keys = "/o/default/keys";
    let form = [("label", "door"), ("kind", "in"), ("catalog", "openkat"), ("expires", "2099-01-31")];
    assert_eq!(admin.form(keys, &form).status, 303);
    let first = admin.shown_once(keys);
    let id = first.split('_').nth(2).unwrap().to_owned();
    assert_eq!(admin.form(&format!("{keys}/{id}"), &[("do", "rotate")]).status, 303);
    let second = admin.shown_once(keys);
    assert_ne!(first, second);
    let event = serde_json::json!({
        "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z", "actor": { "id": "1" },
    });
    let send = |key: &str| node.api(key, "POST", "/api/v1/orgs/default/events", &event).status;
    assert_eq!((send(&first), send(&second)), (201, 201), "two live keys");
    assert_eq!(admin.form(&format!("{keys}/{id}"), &[("do", "revoke")]).status, 303);
    assert_eq!((send(&first), send(&second)), (401, 201));
    assert_eq!(admin.form(&format!("{keys}/{id}"), &[("do", "rotate")]).status, 404);
    assert_eq!(admin.form(keys, &[("label", "x"), ("kind", "ad")]).status, 403);
    let page = admin.page(keys);
    assert!(
        page.contains("No longer in use")
            && !page.contains(&second)
            && !page.contains("<option value=\"ad\"")
    );
    assert_eq!(admin.form(keys, &[("label", "x"), ("kind", "in"), ("expires", "soon")]).status, 303);
    assert!(admin.page(keys).contains("notice bad"));
}

#[test]
fn an_owner_of_everything_creates_organizations() {
    let node = Node::start();
    let (_, mut owner) = node.person("olga", "owner", "all");
    let (_, admin) = node.person("adam", "administrator", "all");
    assert_eq!(admin.get("/organizations").status, 403);
    let form = [("id", "acme"), ("title", "Acme & Zonen")];
    assert_eq!(owner.form("/organizations", &form).header("location"), Some("/organizations"));
    assert!(owner.page("/organizations").contains("/o/acme"));
    assert_eq!(owner.form("/organizations", &[("id", "Not A Name"), ("title", "")]).status, 303);
    assert!(owner.page("/organizations").contains("notice bad"));
    assert_eq!(owner.get("/o/acme/people").status, 200);
    let (_, mut source) = node.person("sam", "source", "default");
    assert_eq!(source.get("/").header("location"), Some("/me"), "who reads nothing has a page still");
    let key = source.own_key();
    let event = serde_json::json!({
        "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z", "actor": { "id": "1" },
    });
    assert_eq!(node.api(&key, "POST", "/api/v1/orgs/default/events", &event).status, 201);
    assert_eq!(node.api(&key, "GET", "/api/v1/orgs/default/events", &Value::Null).status, 403);
}
