//! Senders that never lose count: numbered producers that keep what they sent until they are told where it is, and send
//! it again, unchanged, when they are not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::Server;
use crate::whole_log::Acknowledged;

/// Numbers from a seed (splitmix64), so that a failed run can be made again.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "there is always a next number")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A program that sends numbered events.
#[derive(Debug)]
pub struct Sender {
    name: String,
    random: Random,
    next_seq: u64,
    /// Sent and not answered: numbers of the request's events.
    open: Option<std::ops::Range<u64>>,
    /// What it was told.
    pub acknowledged: Vec<Acknowledged>,
    /// Answers to requests that were sent again: events that were there, and events that were not.
    pub repeated: (u64, u64),
    /// A checkpoint of each size that it has seen.
    pub checkpoints: BTreeMap<u64, String>,
}

/// When to end the server, and whether it is done.
#[derive(Debug)]
pub struct Countdown {
    left: AtomicU64,
    over: AtomicBool,
}

impl Countdown {
    /// After so many acknowledged events.
    pub fn new(events: u64) -> Self {
        Self { left: AtomicU64::new(events), over: AtomicBool::new(false) }
    }

    /// Takes so many off; true for the one caller that reaches the end.
    fn count(&self, events: u64) -> bool {
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(events)));
        before.is_ok_and(|left| left <= events) && !self.over.swap(true, Ordering::SeqCst)
    }
}

impl Sender {
    /// A sender with this number.
    pub fn new(number: u64, seed: u64) -> Self {
        Self {
            name: format!("sender-{number}"),
            random: Random(seed ^ number.wrapping_mul(0x1000_0001)),
            next_seq: 1,
            open: None,
            acknowledged: Vec::new(),
            repeated: (0, 0),
            checkpoints: BTreeMap::new(),
        }
    }

    /// Sends again what was not answered; then new requests, until the server goes away.
    pub fn run(&mut self, server: &Server, countdown: &Countdown) {
        loop {
            let again = self.open.is_some();
            let numbers = match self.open.clone() {
                Some(numbers) => numbers,
                None => self.next_seq..self.next_seq + 1 + self.random.below(20),
            };
            self.next_seq = self.next_seq.max(numbers.end);
            self.open = Some(numbers.clone());
            let Some(answer) = self.send(server, numbers.clone()) else { return };
            self.open = None;
            self.note(&answer, numbers.clone(), again);
            if countdown.count(numbers.end - numbers.start) {
                kill(server);
            }
        }
    }

    /// Sends what was not answered, to a server that stays.
    pub fn settle(&mut self, server: &Server) {
        if let Some(numbers) = self.open.take() {
            let answer = self.send(server, numbers.clone()).expect("the server stays");
            self.note(&answer, numbers, true);
        }
    }

    fn send(&self, server: &Server, numbers: std::ops::Range<u64>) -> Option<Value> {
        let events: Vec<Value> = numbers.map(|seq| self.event(seq)).collect();
        let token = format!("Bearer {}", server.token);
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        let body = json!({ "events": events }).to_string();
        let answer = server.bare("POST", "/api/v1/orgs/default/events", &headers, body.as_bytes()).ok()?;
        assert_eq!(answer.status, 200, "{}: {}", self.name, answer.text());
        Some(answer.json())
    }

    fn event(&self, seq: u64) -> Value {
        json!({
            "catalog": "openkat", "code": "091111", "occurred_at": "2026-11-21T23:18:00Z",
            "source_id": format!("{}/{seq}", self.name),
            "actor": { "id": format!("user-{}", seq % 7) },
            "message": format!("event {seq} of {}", self.name),
            "producer": { "name": self.name, "seq": seq.to_string() },
        })
    }

    fn note(&mut self, answer: &Value, numbers: std::ops::Range<u64>, again: bool) {
        let results = answer["results"].as_array().expect("results");
        assert_eq!(results.len() as u64, numbers.end - numbers.start);
        let mut there = 0;
        for (seq, result) in numbers.zip(results) {
            let status = result["status"].as_str().expect("a status");
            assert!(status == "stored" || (again && status == "duplicate"), "{}/{seq}: {result}", self.name);
            there += u64::from(status == "duplicate");
            let receipt = &result["receipt"];
            self.acknowledged.push(Acknowledged {
                source_id: format!("{}/{seq}", self.name),
                index: receipt["index"].as_u64().expect("an index"),
                leaf_hash: receipt["leaf_hash"].as_str().expect("a hash").to_owned(),
            });
        }
        if again {
            let all = results.len() as u64;
            assert!(there == 0 || there == all, "{}: a request is in the log whole or not at all", self.name);
            self.repeated.0 += there;
            self.repeated.1 += all - there;
        }
        let checkpoint = &answer["checkpoint"];
        if let (Some(size), Some(note)) = (checkpoint["size"].as_u64(), checkpoint["note"].as_str()) {
            self.checkpoints.insert(size, note.to_owned());
        }
    }

    /// Sends the last request of the past once more: it must be answered as before.
    pub fn ask_again(&self, server: &Server) {
        let Some(last) = self.acknowledged.last() else { return };
        let seq: u64 = last.source_id.rsplit('/').next().and_then(|seq| seq.parse().ok()).expect("a number");
        let answer = self.send(server, seq..seq + 1).expect("the server stays");
        let result = &answer["results"][0];
        assert_eq!(result["status"], "duplicate", "{result}");
        assert_eq!(result["receipt"]["index"].as_u64(), Some(last.index), "{result}");
        assert_eq!(result["receipt"]["leaf_hash"].as_str(), Some(last.leaf_hash.as_str()), "{result}");
    }
}

/// Ends the server as a power cut of the program would: SIGKILL.
fn kill(server: &Server) {
    let status = std::process::Command::new("kill").args(["-KILL", &server.pid().to_string()]).status();
    assert!(status.expect("kill runs").success(), "the signal was delivered");
}
