//! A log over HTTP: every leaf is read, every tile recomputed and compared, the root compared with the signed one.

use std::collections::HashMap;

use indelible_event::{Leaf, Time};
use indelible_tlog::checkpoint::SignedCheckpoint;
use indelible_tlog::tile::{Kind, Tile, WIDTH, parse_entries, parse_hashes};
use indelible_tlog::tree::{Hash, Stack, leaf_hash};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{Args, Verdicts, vkeys};
use crate::Context;
use crate::client::{Client, Request, segment};
use crate::exit::Failure;
use crate::time;

/// Reads and recomputes the whole log.
pub(super) fn verify(args: &Args, url: &str, context: &Context) -> Result<Verdicts, Failure> {
    let mut target = context.target.clone();
    if !url.is_empty() {
        target.server = Some(url.to_owned());
    }
    let client = Client::new(&target)?;
    let known = match args.keys.said()? {
        Some(known) => known,
        None => vkeys::of_server(&client)?,
    };
    let prefix = format!("/log/{}", segment(client.org()));
    let note = fetch(&client, &format!("{prefix}/checkpoint"))?;
    let mut verdicts = Verdicts::default();
    let signed = match SignedCheckpoint::open(&note, &known.keys) {
        Ok(signed) => signed,
        Err(error) => {
            verdicts.fault("checkpoint", error.to_string());
            return Ok(verdicts);
        }
    };
    let mut walk = Walk::new(&client, &prefix, signed.checkpoint.size());
    let walked = walk.leaves();
    walk.bar.finish_and_clear();
    match walked {
        Err(Stop::Failure(failure)) => return Err(failure),
        Err(Stop::Fault(place, what)) => verdicts.fault(place, what),
        Ok(()) if walk.stack.root() != signed.checkpoint.root() => {
            verdicts.fault(
                "root",
                format!("the leaves give {}, signed is {}", walk.stack.root(), signed.checkpoint.root()),
            );
        }
        Ok(()) => {}
    }
    verdicts.integrity = format!(
        "{} leaves give the signed root of {}, every tile was compared; {}; bodies are checked with --data or a proof",
        signed.checkpoint.size(),
        signed.checkpoint.origin(),
        known.sentence()
    );
    verdicts.completeness = completeness(&walk.producers);
    verdicts.freshness = freshness(&client, walk.last_received_ns);
    verdicts.more = json!({
        "origin": signed.checkpoint.origin(), "size": signed.checkpoint.size(), "root": signed.checkpoint.root().to_string(),
    });
    Ok(verdicts)
}

/// Why reading ended early.
enum Stop {
    Failure(Failure),
    Fault(String, String),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// How far one producer's numbers came.
#[derive(Default)]
struct Numbers {
    count: u64,
    highest: u64,
}

struct Walk<'a> {
    client: &'a Client,
    prefix: &'a str,
    size: u64,
    stack: Stack,
    /// Hashes of each level behind its last full tile, and the number of that tile.
    levels: Vec<(u64, Vec<Hash>)>,
    producers: HashMap<u64, Numbers>,
    last_received_ns: u64,
    bar: ProgressBar,
}

impl<'a> Walk<'a> {
    fn new(client: &'a Client, prefix: &'a str, size: u64) -> Self {
        let bar = ProgressBar::new(size);
        if let Ok(style) = ProgressStyle::with_template("{percent:>3}% {human_pos}/{human_len} leaves {eta}")
        {
            bar.set_style(style);
        }
        Self {
            client,
            prefix,
            size,
            stack: Stack::new(),
            levels: Vec::new(),
            producers: HashMap::new(),
            last_received_ns: 0,
            bar,
        }
    }

    fn leaves(&mut self) -> Result<(), Stop> {
        for tile in Tile::all(Kind::Entries, self.size) {
            let bundle = fetch(self.client, &format!("{}/{tile}", self.prefix))?;
            let leaves = parse_entries(&bundle, tile.width())
                .map_err(|error| Stop::Fault(tile.to_string(), error.to_string()))?;
            for (index, leaf) in tile.range().zip(leaves) {
                self.leaf(index, leaf)?;
            }
            self.bar.set_position(self.stack.size());
        }
        for level in 0..self.levels.len() {
            self.compare(level)?;
        }
        Ok(())
    }

    fn leaf(&mut self, index: u64, encoded: &[u8]) -> Result<(), Stop> {
        let fault = |what: String| Stop::Fault(format!("index {index}"), what);
        let leaf = Leaf::decode(encoded).map_err(|error| fault(error.to_string()))?;
        if leaf.received_ns < self.last_received_ns {
            return Err(fault("it was received before the event in front of it".to_owned()));
        }
        self.last_received_ns = leaf.received_ns;
        if leaf.sequence > 0 {
            let numbers = self.producers.entry(leaf.producer).or_default();
            numbers.count += 1;
            numbers.highest = numbers.highest.max(leaf.sequence);
        }
        let mut made = Vec::new();
        self.stack.append(leaf_hash(encoded), |level, hash| made.push((usize::from(level), hash)));
        for (level, hash) in made {
            while self.levels.len() <= level {
                self.levels.push((0, Vec::new()));
            }
            let full = self.levels.get_mut(level).is_some_and(|(_, hashes)| {
                hashes.push(hash);
                hashes.len() as u64 == WIDTH
            });
            if full {
                self.compare(level)?;
            }
        }
        Ok(())
    }

    /// Compares the hashes of a level's last tile with the served one.
    fn compare(&mut self, level: usize) -> Result<(), Stop> {
        let Some((number, hashes)) = self.levels.get_mut(level) else { return Ok(()) };
        if hashes.is_empty() {
            return Ok(());
        }
        let width = u16::try_from(hashes.len()).unwrap_or(u16::MAX);
        let kind = Kind::Level(u8::try_from(level).unwrap_or(u8::MAX));
        let tile = Tile::new(kind, *number, width)
            .map_err(|error| Stop::Fault(format!("level {level}"), error.to_string()))?;
        let served = fetch(self.client, &format!("{}/{tile}", self.prefix))?;
        let served =
            parse_hashes(&served, width).map_err(|error| Stop::Fault(tile.to_string(), error.to_string()))?;
        if let Some(at) = served.iter().zip(hashes.iter()).position(|(served, own)| served != own) {
            let what = format!("hash {} is not that of the leaves below it", tile.range().start + at as u64);
            return Err(Stop::Fault(tile.to_string(), what));
        }
        *number += 1;
        hashes.clear();
        Ok(())
    }
}

fn fetch(client: &Client, path: &str) -> Result<Vec<u8>, Failure> {
    let request = Request { method: "GET", path, headers: &[], body: None };
    let answer = client.send_patiently(&request, &mut |_| {})?;
    if answer.status >= 300 {
        answer.json()?;
    }
    Ok(answer.body)
}

fn completeness(producers: &HashMap<u64, Numbers>) -> String {
    let missing = |numbers: &Numbers| numbers.highest.saturating_sub(numbers.count);
    let holes: Vec<(&u64, u64)> = producers
        .iter()
        .map(|(number, numbers)| (number, missing(numbers)))
        .filter(|(_, missing)| *missing > 0)
        .collect();
    if holes.is_empty() {
        return format!("no number is missing of {} producers that number their events", producers.len());
    }
    let sum: u64 = holes.iter().map(|(_, missing)| missing).sum();
    let named: Vec<String> =
        holes.iter().take(5).map(|(number, missing)| format!("{number:016x} lacks {missing}")).collect();
    format!(
        "{sum} numbers are missing of {} producers: {}; see indelible producer list",
        holes.len(),
        named.join(", ")
    )
}

fn freshness(client: &Client, last_received_ns: u64) -> String {
    let now = time::now_ns();
    let said = client.get_json(&client.org_path("log")).ok();
    let signed = said.as_ref().and_then(|log| log.pointer("/checkpoint/time")).and_then(Value::as_str);
    let signed = signed.and_then(indelible_formats::rfc3339::parse).map(Time::unix_nanos);
    let last = i64::try_from(last_received_ns).unwrap_or(i64::MAX);
    let age = |nanos: i64| time::span(now.saturating_sub(nanos));
    match signed {
        Some(signed) => format!(
            "the checkpoint was signed {} ago by the server's clock, the last event received {} ago; no witness says so",
            age(signed),
            age(last)
        ),
        None => {
            format!("the last event was received {} ago by the server's clock; no witness says so", age(last))
        }
    }
}
