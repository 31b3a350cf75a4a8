//! The sample events against counts that another program made, and the driver against a server of a few lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use indelible_bench::catalogs;
use indelible_bench::event::{Generator, Recipe, codes};
use indelible_bench::ingest::{Load, run};
use serde_json::{Value, json};

fn events(recipe: Recipe) -> (Vec<Value>, Generator) {
    let mut generator = Generator::new(recipe);
    let (mut all, mut line) = (Vec::new(), String::new());
    while generator.next_into(&mut line) {
        all.push(serde_json::from_str(&line).unwrap());
        line.clear();
    }
    (all, generator)
}

fn count(all: &[Value], wanted: impl Fn(&Value) -> bool) -> usize {
    all.iter().filter(|event| wanted(event)).count()
}

#[test]
fn the_events_are_the_ones_that_were_counted() {
    let expected: Value = serde_json::from_str(include_str!("../expected/20000.json")).unwrap();
    let (all, generator) = events(Recipe::standard(20_000));
    let asked = generator.questions();
    assert_eq!(all.len(), 20_000);
    assert_eq!(expected["asked"]["session"], asked.session);
    assert_eq!(expected["q1"]["count"], count(&all, |event| event["account"] == asked.account));
    assert_eq!(expected["q2"]["count"], count(&all, |event| event["actor"]["id"] == asked.actor));
    let rare = |event: &Value| {
        event["message"].to_string().contains(asked.rare) || event["params"].to_string().contains(asked.rare)
    };
    assert_eq!((expected["q5"]["count"].as_u64(), count(&all, rare)), (Some(37), 37));
    assert_eq!(
        expected["q7"]["count"],
        count(&all, |event| event["session"]["id"] == asked.session.as_str())
    );

    let mut days: BTreeMap<&str, u64> = BTreeMap::new();
    let mut accounts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in &all {
        if event["code"] == asked.code_common {
            *days.entry(&event["occurred_at"].as_str().unwrap()[..10]).or_default() += 1;
        }
        let actor = event["actor"]["id"].as_str().unwrap();
        accounts.entry(event["account"].as_str().unwrap()).or_default().insert(actor);
    }
    assert_eq!(expected["q3"], json!(days));
    let actors: BTreeMap<&str, usize> =
        accounts.into_iter().map(|(name, actors)| (name, actors.len())).collect();
    assert_eq!(expected["q6"], json!(actors));
}

#[test]
fn numbers_have_no_gaps() {
    let (all, _) = events(Recipe { numbered: true, ..Recipe::standard(500) });
    let numbers: Vec<u64> = all.iter().map(|event| event["producer"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=500).collect::<Vec<u64>>());
}

#[test]
fn the_catalogs_on_disk_are_the_generated_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogs");
    let mut types = 0;
    for catalog in catalogs::all() {
        let own = folder.join(&catalog.id);
        let hint = "stale: run cargo run -p indelible-bench -- catalogs --out bench/catalogs";
        assert_eq!(std::fs::read_to_string(own.join("catalog.toml")).unwrap(), catalog.catalog, "{hint}");
        assert_eq!(std::fs::read_to_string(own.join("types.toml")).unwrap(), catalog.types, "{hint}");
        types += catalog.types.matches("crude = ").count();
    }
    assert_eq!((types, codes().len()), (452, 452));
}

/// Answers every request on one connection as the API would; hands back how many events it got.
fn answer(stream: TcpStream) -> u64 {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut total = 0;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                return total;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let stored = body.split(|byte| *byte == b'\n').count() as u64 - 1;
        total += stored;
        let answer = format!("{{\"counts\":{{\"stored\":{stored}}},\"results\":[{}]}}", "0,".repeat(20_000));
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()).unwrap();
    }
}

#[test]
fn the_driver_counts_what_was_acknowledged() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let lanes = listener.incoming().take(3).map(|stream| std::thread::spawn(|| answer(stream.unwrap())));
        let lanes: Vec<_> = lanes.collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum::<u64>()
    });
    let load = Load {
        address,
        organization: "default".to_owned(),
        token: "t".to_owned(),
        batch: Some(100),
        connections: 3,
        events: 5_000,
        limit: Duration::from_secs(30),
        distinct: 1_000,
        recipe: Recipe::standard(1_000),
        rate: None,
        pid: Some("self".to_owned()),
    };
    let report = run(&load).unwrap();
    assert_eq!((report.events, report.requests, report.latencies_ms.len()), (5_000, 50, 50));
    assert!(report.latency_ms(0.5) <= report.latency_ms(0.99));
    assert!(report.server_us_per_event().is_some() && report.server_peak_mib.is_some());
    assert_eq!(server.join().unwrap(), 5_000);
}
