//! Whoever sees a part sees nothing else by any way: a viewer token with its filter, and a person who is viewer of what
//! concerns them.

use indelible_testkit::Server;
use serde_json::{Value, json};

use crate::service::{ask, get, key, login, refused, search_in, start, text, wait_for, with};

/// In everything of the others' events that a reader could see.
const SECRET: &str = "hidden-from-view";

/// An event that one may see, and others around it that one may not; gives the id and index of one of each.
fn furnish(server: &Server) -> [(String, u64); 2] {
    let other = |n: usize| {
        with(
            login(n),
            &json!({ "account": SECRET, "actor": { "id": format!("{SECRET}-{n}"), "email": format!("{SECRET}@example.org") },
            "session": { "id": SECRET }, "message": format!("{SECRET} did it"), "source_id": format!("{SECRET}-{n}"),
            "origin": { "address": "203.0.113.77" }, "producer": { "name": SECRET } }),
        )
    };
    let own = |n: usize| {
        with(login(n), &json!({ "actor": { "id": "ann@example.org" }, "session": { "id": SECRET } }))
    };
    let events = [other(1), own(2), other(3), own(4), other(5)];
    let stored = server.send(&json!({ "events": events })).expect(200);
    let place = |at: usize| {
        let receipt = &stored["results"][at]["receipt"];
        (text(&receipt["id"]).to_owned(), receipt["index"].as_u64().unwrap())
    };
    let (seen, hidden) = (place(1), place(2));
    assert_eq!(server.get(&format!("/api/v1/orgs/default/events/{}/proof?wait=30", hidden.0)).status, 200);
    [seen, hidden]
}

fn viewer(server: &Server, token: &str, wanted: &Value) -> (String, String) {
    let made = ask(server, token, ("POST", "/api/v1/orgs/default/viewer-tokens"), wanted).expect(201);
    (text(&made["token"]).to_owned(), text(&made["id"]).to_owned())
}

/// Asks everything that can be asked of events, also for what must not be seen.
fn sees_its_part_only(server: &Server, token: &str, [seen, hidden]: &[(String, u64); 2]) {
    let base = "/api/v1/orgs/default";
    let found = get(server, token, &format!("{base}/events?q=catalog:openkat&count=exact")).expect(200);
    assert_eq!(found["count"]["value"], 2, "{found}");
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    for one in [format!("events/{}", seen.0), format!("log/{}", seen.1), format!("events/{}/proof", seen.0)] {
        assert_eq!(get(server, token, &format!("{base}/{one}")).status, 200, "{one}");
    }
    for one in [
        format!("events/{}", hidden.0),
        format!("log/{}", hidden.1),
        format!("events/{}/proof", hidden.0),
        format!("events/{}/proof", hidden.1),
        format!("events/by-source?source_id={SECRET}-3"),
        "log/999999".to_owned(),
    ] {
        let problem = refused(&get(server, token, &format!("{base}/{one}")), 404, "not_found");
        assert_eq!(
            problem["detail"], "the log has no such event",
            "{one}: nothing tells it from one that is not there"
        );
    }
    let widening = ["", "*", "-actor.id:nobody", "actor.id:*", "outcome:success OR outcome:failure"];
    for q in widening.into_iter().chain([SECRET]).map(|q| q.replace(' ', "%20")) {
        for path in [
            format!("events?q={q}&count=exact&sort=index"),
            format!("facets?q={q}&fields=actor.id,account,session,ip,producer&alternatives=true"),
            format!("histogram?q={q}&since=-1d&stack=actor.id"),
            format!("groups?q={q}&by=session,actor.id"),
            format!("groups?q={q}&by=account"),
            format!("feed?q={q}&from=0"),
            format!("query/parse?q={q}"),
        ] {
            let answer = get(server, token, &format!("{base}/{path}"));
            let shown = answer.text().replace(&format!("{SECRET}\""), "").replace(&q, "");
            // One's own events name the session, which others share.
            assert!(!shown.contains(&format!("{SECRET}-")), "{path}: {}", answer.text());
            assert!(!answer.text().contains("203.0.113.77"), "{path}: {}", answer.text());
            assert!(!answer.text().contains(&hidden.0), "{path}: {}", answer.text());
        }
    }
    for field in ["actor.id", "account", "ip", "producer", "session"] {
        let answer = get(server, token, &format!("{base}/suggest?q={field}:"));
        let offers = answer.expect(200);
        let offers = offers["items"].as_array().unwrap().iter().filter(|offer| offer["count"].is_u64());
        let names: Vec<String> = offers.map(|offer| offer["text"].to_string()).collect();
        assert!(field == "session" || !names.iter().any(|name| name.contains(SECRET)), "{field}: {names:?}");
    }
    nothing_else(server, token);
}

/// What no filter narrows is closed.
fn nothing_else(server: &Server, token: &str) {
    let base = "/api/v1/orgs/default";
    let stream = server
        .bare(
            "GET",
            &format!("{base}/events?q=catalog:openkat"),
            &[("authorization", &format!("Bearer {token}")), ("accept", "application/x-ndjson")],
            &[],
        )
        .unwrap();
    assert!(stream.text().contains("\"rows\":2"), "{}", stream.text());
    for (method, path) in [
        ("POST", "sql"),
        ("GET", "cursors"),
        ("GET", "producers"),
        ("GET", "views"),
        ("GET", "log"),
        ("GET", "consistency?from=1"),
        ("GET", "keys"),
        ("POST", "events"),
        ("POST", "viewer-tokens"),
        ("PUT", "cursors/x"),
    ] {
        let answer = ask(server, token, (method, &format!("{base}/{path}")), &json!({}));
        refused(&answer, 403, "permission_missing");
    }
    refused(&get(server, token, "/api/v1/orgs/system/events"), 404, "not_found");
    refused(&get(server, token, "/log/default/tile/entries/000.p/1"), 403, "permission_missing");
}

#[test]
fn a_viewer_token_sees_what_its_filter_lets_through() {
    let server = start();
    let places = furnish(&server);
    let (reader, reader_id) = key(&server, "default", &json!({ "kind": "rd" }));
    let (token, id) =
        viewer(&server, &reader, &json!({ "filter": "actor.id:ann@example.org", "label": "portal" }));
    assert!(token.starts_with("idl_vw_"));
    sees_its_part_only(&server, &token, &places);
    // Made and used: both are events.
    let made = wait_for("its creation", || {
        search_in(&server, "default", "catalog:indelible code:KEY.CREATE")
            .into_iter()
            .find(|event| event["targets"][0]["id"] == id.as_str())
    });
    assert_eq!(made["actor"]["id"], reader_id.as_str());
    assert!(made["changes"].to_string().contains("actor.id:ann@example.org"), "{made}");
    wait_for("its use", || {
        let used =
            search_in(&server, "default", &format!("catalog:indelible code:EVENT.SEARCH actor.id:{id}"));
        (!used.is_empty()).then_some(())
    });

    // A catalog that the issuer is limited to limits the token.
    let (narrow, _) = key(&server, "default", &json!({ "kind": "rd", "catalog": "netop" }));
    let (token_of_narrow, _) = viewer(&server, &narrow, &json!({ "filter": "actor.id:*" }));
    let found = get(&server, &token_of_narrow, "/api/v1/orgs/default/events?count=exact").expect(200);
    assert_eq!(found["count"]["value"], 0, "{found}");

    // It ends with the key that made it, and with a restart.
    let revoked = server.request("DELETE", &format!("/api/v1/orgs/default/keys/{reader_id}"), &[], &[]);
    assert_eq!(revoked.status, 200);
    refused(&get(&server, &token, "/api/v1/orgs/default/events"), 401, "credential_invalid");
    let (token, _) = viewer(&server, &server.token, &json!({ "filter": "actor.id:ann@example.org" }));
    assert_eq!(get(&server, &token, "/api/v1/orgs/default/events").status, 200);
    let server = server.stop().start();
    refused(&get(&server, &token, "/api/v1/orgs/default/events"), 401, "credential_invalid");
}

#[test]
fn tokens_that_would_show_too_much_are_refused() {
    let server = start();
    let path = "/api/v1/orgs/default/viewer-tokens";
    for (wanted, status) in [
        (json!({ "filter": "" }), 400),
        (json!({ "filter": "actor.id:1 (" }), 400),
        (json!({ "filter": "password" }), 400),
        (json!({ "filter": "actor.id:1", "ttl_s": 0 }), 400),
        (json!({ "filter": "actor.id:1", "ttl_s": 13 * 3600 }), 400),
        (json!({ "filtre": "actor.id:1" }), 400),
    ] {
        let answer = server.post(path, &wanted);
        assert!(answer.status == status || answer.status == 422, "{wanted}: {}", answer.text());
    }
    let (sender, _) = key(&server, "default", &json!({ "kind": "in" }));
    refused(
        &ask(&server, &sender, ("POST", path), &json!({ "filter": "actor.id:1" })),
        403,
        "permission_missing",
    );
    assert_eq!(server.post("/api/v1/orgs/default/keys", &json!({ "kind": "vw" })).status, 400);
    let made = server.tool(&["key", "viewer", "--filter", "actor.id:1", "--ttl", "1m"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let token = String::from_utf8(made.stdout).unwrap();
    assert_eq!(get(&server, token.trim(), "/api/v1/orgs/default/events").status, 200);
}

#[test]
fn a_viewer_sees_what_concerns_them() {
    let server = start();
    let places = furnish(&server);
    let person = json!({ "name": "Ann", "email": "ann@example.org", "roles": [{ "role": "viewer", "organization": "default" }] });
    let made = server.post("/api/v1/people", &person).expect(201);
    let token = crate::people::own_key(&server, text(&made["invitation"]["url"]));
    sees_its_part_only(&server, &token, &places);
    // A wider role beside it counts in full.
    let id = text(&made["id"]);
    let wider = json!({ "give": [{ "role": "analyst", "organization": "default" }] });
    server
        .request(
            "PATCH",
            &format!("/api/v1/people/{id}"),
            &[("content-type", "application/json")],
            wider.to_string().as_bytes(),
        )
        .expect(200);
    let found = get(&server, &token, "/api/v1/orgs/default/events?q=catalog:openkat&count=exact").expect(200);
    assert_eq!(found["count"]["value"], 5, "{found}");
}
