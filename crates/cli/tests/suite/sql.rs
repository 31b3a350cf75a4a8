//! SQL over HTTP and as a command: the right rows, in every form, for whoever may, and nothing more than reading.

use indelible_testkit::Server;
use serde_json::{Value, json};

use crate::service::{ask, key, login, refused, search, start, with};

const SQL: &str = "/api/v1/orgs/default/sql";

/// Six log-ins of three users.
fn server() -> Server {
    let server = start();
    for at in 0..6 {
        let session = json!({ "session": { "id": format!("s{at}") } });
        server.send(&with(login(at % 3), &session)).expect(201);
    }
    server
}

fn rows(server: &Server, sql: &str) -> Value {
    server.post(SQL, &json!({ "sql": sql })).expect(200)["rows"].clone()
}

#[test]
fn statements_are_answered_as_json_and_as_lines() {
    let server = server();
    let sql = "select actor_id, count(*) as n from events where code = '091111' group by actor_id order by actor_id";
    let found = server.post(SQL, &json!({ "sql": sql, "limit": 2 })).expect(200);
    assert_eq!(
        found["columns"],
        json!([{ "name": "actor_id", "type": "text" }, { "name": "n", "type": "integer" }])
    );
    assert_eq!((&found["rows"], &found["complete"]), (&json!([["user-0", 2], ["user-1", 2]]), &json!(false)));
    let authorization = format!("Bearer {}", server.token);
    let headers = [
        ("content-type", "application/json"),
        ("accept", "application/x-ndjson"),
        ("authorization", authorization.as_str()),
    ];
    let lines = server.bare("POST", SQL, &headers, json!({ "sql": sql }).to_string().as_bytes()).unwrap();
    let lines: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["columns"], found["columns"]);
    assert_eq!(lines[3], json!(["user-2", 2]));
    assert_eq!(lines[4], json!({ "end": { "rows": 3, "complete": true } }));
    // What a search finds is what a statement finds.
    let ids: Vec<Value> = search(&server, "session:s1,s2").iter().map(|event| json!([event["id"]])).collect();
    let sql = "select id from events where session_id in ('s1', 's2') order by \"index\"";
    assert_eq!(rows(&server, sql), Value::Array(ids));
}

#[test]
fn statements_are_recorded_like_searches() {
    let server = server();
    let sql = "select count(*) from events where code = '091111'";
    assert_eq!(rows(&server, sql), json!([[6]]));
    let found = crate::service::wait_for("the record of the statement", || {
        search(&server, "catalog:indelible code:EVENT.SEARCH param.rows:1").pop()
    });
    assert_eq!(found["params"]["query"], sql);
}

#[test]
fn only_readers_only_their_log_and_only_reading() {
    let server = server();
    server.post("/api/v1/orgs", &json!({ "id": "acme" })).expect(201);
    let of = |org: &str, kind: &str| key(&server, org, &json!({ "kind": kind })).0;
    let count = json!({ "sql": "select count(*) from events where code = '091111'" });
    let post = |token: &str, path: &str, body: &Value| ask(&server, token, ("POST", path), body);
    assert_eq!(post(&of("default", "rd"), SQL, &count).expect(200)["rows"], json!([[6]]));
    refused(&post(&of("default", "in"), SQL, &count), 403, "permission_missing");
    let acme = of("acme", "rd");
    refused(&post(&acme, SQL, &count), 404, "not_found");
    assert_eq!(post(&acme, "/api/v1/orgs/acme/sql", &count).expect(200)["rows"], json!([[0]]));
    let statement = |sql: &str| server.post(SQL, &json!({ "sql": sql }));
    refused(&statement("delete from events"), 400, "sql_not_allowed");
    refused(&statement("set datafusion.execution.batch_size = 1"), 400, "sql_not_allowed");
    refused(&statement("select nothing from events"), 400, "sql_invalid");
    refused(&statement("select * from '/etc/passwd'"), 400, "sql_invalid");
    refused(&server.post(SQL, &json!({ "sql": "select 1", "limit": 10_001 })), 400, "request_malformed");
    assert_eq!(search(&server, "code:091111").len(), 6);
}

#[test]
fn keys_of_one_catalog_see_its_rows_only() {
    let server = server();
    let narrow = key(&server, "default", &json!({ "kind": "rd", "catalog": "netop" })).0;
    let sql = json!({ "sql": "select count(*) from events" });
    assert_eq!(ask(&server, &narrow, ("POST", SQL), &sql).expect(200)["rows"], json!([[0]]));
}

#[test]
fn the_command_prints_every_form() {
    let server = server();
    let run = |arguments: &[&str]| {
        let ran = server.tool(arguments).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let sql = "select actor_id, count(*) as n from events where code = '091111' group by 1 order by 1";
    assert_eq!(run(&["sql", sql, "--output", "csv"]), "actor_id,n\r\nuser-0,2\r\nuser-1,2\r\nuser-2,2\r\n");
    let lines = run(&["sql", sql, "--output", "ndjson", "--limit", "1"]);
    assert_eq!(lines, "{\"actor_id\":\"user-0\",\"n\":2}\n");
    assert!(run(&["sql", sql, "--output", "table"]).contains("user-2"));
    let whole: Value = serde_json::from_str(&run(&["sql", sql, "--json"])).unwrap();
    assert_eq!(whole[2], json!({ "actor_id": "user-2", "n": 2 }));
    let wrong = server.tool(&["sql", "drop table events"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("drop table is not allowed"));
    // Killed, so that there is something to recover; the folder then says what the server said.
    let online = run(&["sql", sql, "--json"]);
    let stopped = server.kill();
    let data = stopped.data();
    let offline = |statement: &str| {
        stopped.tool(&["sql", statement, "--json", "--data", data.to_str().unwrap()]).output().unwrap()
    };
    assert_eq!(String::from_utf8(offline(sql).stdout).unwrap(), online);
    let wrong = offline("select nothing from events");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("nothing"), "{wrong:?}");
}

#[test]
fn the_build_says_what_it_has() {
    let server = start();
    assert_eq!(server.get("/api/v1/version").expect(200)["features"], json!(["sql"]));
}
