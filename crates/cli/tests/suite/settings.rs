//! Settings and profiles from the command line: places of mistakes, origins of values, files that read back.

use crate::binary::{check, file, run, run_with};

#[test]
fn the_file_that_init_prints_says_what_holds_anyway() {
    let folder = tempfile::tempdir().unwrap();
    let init = run(&["config", "init"]).exits(0);
    let said = init.out.lines().map(said).collect::<Vec<_>>().join("\n");
    let path = file(folder.path(), "node.toml", &said);
    let defaults = run(&["config", "show", "--output", "ndjson"]).exits(0);
    let read = run(&["config", "show", "--config", &path, "--output", "ndjson"]).exits(0);
    assert_eq!(read.out, defaults.out);
    run(&["config", "check", "--config", &path]).exits(0);
}

/// A commented setting without its comment sign.
fn said(line: &str) -> &str {
    line.strip_prefix("# ")
        .filter(|rest| rest.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')))
        .unwrap_or(line)
}

#[test]
fn later_layers_win_and_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "node.toml", "[http]\nlisten = \"127.0.0.1:1\"\n");
    let variables = [("INDELIBLE__HTTP__ADMIN_LISTEN", "127.0.0.1:2")];
    let arguments = ["config", "show", "--origin", "--config", &path, "--data", "/x", "--output", "ndjson"];
    let rows = run_with(&arguments, &variables, "").exits(0).rows();
    let origin = |setting: &str| {
        let row = rows.iter().find(|row| row["setting"] == setting).unwrap();
        row["origin"].as_str().unwrap().to_owned()
    };
    assert!(origin("http.listen").ends_with("node.toml:2"));
    assert_eq!(origin("http.admin_listen"), "INDELIBLE__HTTP__ADMIN_LISTEN");
    assert_eq!((origin("node.data").as_str(), origin("log.host").as_str()), ("--data", "default"));
}

#[test]
fn a_mistake_names_place_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "node.toml", "[http]\nlisen = \"127.0.0.1:1\"\n");
    run(&["config", "check", "--config", &path])
        .exits(2)
        .says("node.toml:2: there is no setting http.lisen; did you mean http.listen?");
    run(&["config", "check", "--listen", "0.0.0.0:7513"]).exits(2).says("http.behind_proxy = true");
    run(&["config", "check", "--config", "no-such-file"]).exits(2).says("cannot read no-such-file");
    run_with(&["config", "check"], &[("INDELIBLE__HTTP__LISTEN", "x")], "")
        .exits(2)
        .says("INDELIBLE__HTTP__LISTEN");
}

#[test]
fn profiles_are_written_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profiles.toml");
    let variables = [("INDELIBLE_CONFIG", path.to_str().unwrap())];
    let add = ["profile", "add", "work", "--server", "http://127.0.0.1:9", "--org", "acme", "--token-stdin"];
    run_with(&add, &variables, "idl_secret\n").exits(0);
    run_with(&["profile", "add", "home", "--server", "http://127.0.0.1:9"], &variables, "").exits(0);
    run_with(&["profile", "use", "home"], &variables, "").exits(0);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let list = run_with(&["profile", "list", "--output", "csv"], &variables, "").exits(0);
    assert_eq!(
        list.out,
        "name,current,server,organization,token\r\nhome,true,http://127.0.0.1:9,,none\r\nwork,false,http://127.0.0.1:9,acme,in the file of profiles\r\n"
    );
    run_with(&["profile", "remove", "home"], &variables, "").exits(0);
    run_with(&["profile", "use", "home"], &variables, "").exits(2).says("there are: work");
    run_with(&["search", "--profile", "none"], &variables, "").exits(2).says("there is no profile \"none\"");
}

#[test]
fn queries_are_explained_and_mistakes_are_marked() {
    check("query-explain", &["query", "explain", "actor:ann  -outcome:success code:10000..10044", "--json"]);
    check("query-mistake", &["query", "explain", "acter:ann ip:300.1.1.1 \"open"]);
    run(&["query", "fields", "--output", "markdown"]).exits(0);
}
