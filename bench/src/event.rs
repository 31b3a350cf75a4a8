//! The generator: audit events of three systems with the rhythm of real ones, as members of the HTTP API.
//!
//! Bursty sessions, codes and actors by Zipf's law, busier days than nights, one rare word. The same seed gives the
//! same events; the order of draws must never change, because the expected counts in `expected/` depend on it.

use std::fmt::Write;

use crate::random::{Random, Zipf, mix, word};
use crate::time::{hour, rfc3339};

/// Catalog, code, name and CRUDE letter of each event type, separated by tabs.
pub const CODES: &str = include_str!("../codes.tsv");
/// What the catalogs of these events are called: the system's name behind this prefix.
pub const CATALOG_PREFIX: &str = "bench-";
/// The word that occurs in 37 events.
pub const RARE_WORD: &str = "zanzibarite";
/// 2026-06-01T00:00:00Z.
pub const START_MS: i64 = 1_780_272_000_000;
/// Ninety days.
pub const SPAN_MS: i64 = 90 * 86_400_000;

const ACTORS: usize = 20_000;
const ACCOUNTS: usize = 200;
const WORDS: usize = 4_000;
const RARE_EVENTS: u64 = 37;
const SYSTEMS: [&str; 6] =
    ["Windows 11 23H2", "Windows 10 22H2", "Ubuntu 24.04", "macOS 15.2", "Debian 12", "RHEL 9.4"];
const EXTENSIONS: [&str; 5] = ["pdf", "xlsx", "ps1", "log", "msi"];

/// What decides which events come out.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// How many events.
    pub count: u64,
    /// The seed of all draws.
    pub seed: u64,
    /// The time of the first event, Unix milliseconds.
    pub start_ms: i64,
    /// Over how long the events are spread, milliseconds.
    pub span_ms: i64,
    /// Whether events carry a producer with gap-free numbers.
    pub numbered: bool,
}

impl Recipe {
    /// The data that expected counts are kept for: seed 42, ninety days from June 2026, no producer.
    pub fn standard(count: u64) -> Self {
        Self { count, seed: 42, start_ms: START_MS, span_ms: SPAN_MS, numbered: false }
    }
}

/// One row of `codes.tsv`.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// The system it belongs to.
    pub system: &'static str,
    /// The code.
    pub code: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// Its CRUDE letter.
    pub crude: &'static str,
}

/// All rows of `codes.tsv`.
pub fn codes() -> Vec<Code> {
    let row = |line: &'static str| {
        let mut cells = line.split('\t');
        let mut next = || cells.next().unwrap_or_default();
        Code { system: next(), code: next(), name: next(), crude: next() }
    };
    CODES.lines().map(row).collect()
}

#[derive(Debug, Clone, Copy)]
struct Session {
    actor: usize,
    account: u32,
    id: u64,
    total: u32,
    left: u32,
    address: u32,
    device: u32,
}

/// The questions that expected counts are kept for; known once all events are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    /// An account with many events.
    pub account: &'static str,
    /// An actor with many events.
    pub actor: &'static str,
    /// A code of middling frequency.
    pub code: &'static str,
    /// The most frequent code.
    pub code_common: &'static str,
    /// The word in few events.
    pub rare: &'static str,
    /// A session that began in the second half and ended with at least twelve events.
    pub session: String,
}

/// Makes the events of a recipe, one after the other.
#[derive(Debug)]
pub struct Generator {
    recipe: Recipe,
    random: Random,
    codes: Vec<Code>,
    /// Codes by popularity.
    order: Vec<usize>,
    code_rank: Zipf,
    actor_rank: Zipf,
    word_rank: Zipf,
    words: Vec<String>,
    /// The account of each actor.
    home: Vec<u32>,
    active: Vec<Session>,
    active_limit: usize,
    time_ms: f64,
    made: u64,
    rare_made: u64,
    question_session: u64,
}

impl Generator {
    /// A generator at the first event of a recipe.
    pub fn new(recipe: Recipe) -> Self {
        let codes = codes();
        let mut random = Random::new(recipe.seed);
        let mut order: Vec<usize> = (0..codes.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, random.below(last as u64 + 1) as usize);
        }
        let account_rank = Zipf::new(ACCOUNTS, 0.8);
        let home = (0..ACTORS).map(|_| account_rank.pick(&mut random) as u32).collect();
        Self {
            code_rank: Zipf::new(codes.len(), 1.05),
            actor_rank: Zipf::new(ACTORS, 1.0),
            word_rank: Zipf::new(WORDS, 1.0),
            words: (0..WORDS as u64).map(word).collect(),
            home,
            active: Vec::new(),
            active_limit: (recipe.count / 30_000).max(64) as usize,
            time_ms: recipe.start_ms as f64,
            made: 0,
            rare_made: 0,
            question_session: 0,
            recipe,
            random,
            codes,
            order,
        }
    }

    /// Appends the next event as one JSON object without a line end; `false` when there are no more.
    pub fn next_into(&mut self, out: &mut String) -> bool {
        if self.made == self.recipe.count {
            return false;
        }
        let occurred_ms = self.draw_time();
        let at = self.draw_session();
        let code = self.codes[self.order[self.code_rank.pick(&mut self.random)]];
        let session = self.step_session(at);
        let outcome = self.draw_outcome(code);
        let rare_every = (self.recipe.count / RARE_EVENTS).max(1);
        let rare = self.made % rare_every == rare_every / 2 && self.rare_made < RARE_EVENTS;
        self.rare_made += u64::from(rare);
        let rare_in_params = rare && self.rare_made.is_multiple_of(3);
        Self::head(out, occurred_ms, code, session);
        put!(out, "\"outcome\":\"{outcome}\",\"params\":{{");
        self.params(out, code, session, rare_in_params);
        out.push_str("},");
        self.message(out, code, session, rare && !rare_in_params);
        if self.recipe.numbered {
            let seq = self.made + 1;
            put!(
                out,
                ",\"producer\":{{\"name\":\"bench\",\"instance\":\"i{}\",\"seq\":{seq}}}",
                self.recipe.seed
            );
        }
        out.push('}');
        self.made += 1;
        true
    }

    /// The questions for these events. The session is known only after the second half.
    pub fn questions(&self) -> Questions {
        Questions {
            account: "org-017",
            actor: "user00042",
            code: self.codes[self.order[20]].code,
            code_common: self.codes[self.order[0]].code,
            rare: RARE_WORD,
            session: format!("{:016x}", self.question_session),
        }
    }

    /// Exponential gaps, three to four times as dense from 7 to 18 h, and up to 1.5 s of disorder.
    fn draw_time(&mut self) -> i64 {
        let mean = self.recipe.span_ms as f64 / self.recipe.count as f64;
        let rate = if (7..18).contains(&hour(self.time_ms as i64)) { 1.65 } else { 0.45 };
        self.time_ms += -(1.0 - self.random.fraction()).ln() * mean / rate;
        let disorder = self.random.below(1500) as i64;
        (self.time_ms as i64 + disorder).min(self.recipe.start_ms + self.recipe.span_ms - 1)
    }

    /// Nine of ten events continue an active session, the others open one for an actor drawn by rank.
    fn draw_session(&mut self) -> usize {
        let full = self.active.len() >= self.active_limit;
        if !self.active.is_empty() && (full || self.random.below(10) != 0) {
            return self.random.below(self.active.len() as u64) as usize;
        }
        let actor = self.actor_rank.pick(&mut self.random);
        let total = 3 + self.random.below(20) as u32;
        let at_home = self.random.below(100) < 96;
        let account = if at_home { self.home[actor] } else { self.random.below(ACCOUNTS as u64) as u32 };
        let id = self.random.next_bits();
        let address = if self.random.below(10) < 9 {
            0x0A00_0000 | ((mix(actor as u64 * 3 + self.random.below(3)) as u32) & 0x00FF_FFFF)
        } else {
            0x5000_0000 | (self.random.next_bits() as u32 & 0x0FFF_FFFF)
        };
        let device = self.draw_device(account);
        self.active.push(Session { actor, account, id, total, left: total, address, device });
        self.active.len() - 1
    }

    fn draw_device(&mut self, account: u32) -> u32 {
        ((account as u64 * 500 + self.random.below(500)) % 100_000) as u32
    }

    fn step_session(&mut self, at: usize) -> Session {
        self.active[at].left -= 1;
        if self.random.below(4) == 0 {
            self.active[at].device = self.draw_device(self.active[at].account);
        }
        let session = self.active[at];
        if session.left == 0 {
            self.active.swap_remove(at);
        }
        let second_half = self.made >= self.recipe.count / 2;
        if second_half && self.question_session == 0 && session.total >= 12 && session.left == 0 {
            self.question_session = session.id;
        }
        session
    }

    fn draw_outcome(&mut self, code: Code) -> &'static str {
        match self.random.below(1000) {
            _ if code.name.to_lowercase().contains("fail") => "failure",
            0..940 => "success",
            940..993 => "failure",
            _ => "unknown",
        }
    }

    fn head(out: &mut String, occurred_ms: i64, code: Code, session: Session) {
        let [a, b, c, d] = session.address.to_be_bytes();
        let occurred = rfc3339(occurred_ms);
        put!(
            out,
            "{{\"catalog\":\"{CATALOG_PREFIX}{}\",\"code\":\"{}\",\"occurred_at\":\"{occurred}\",\
             \"account\":\"org-{:03}\",\"actor\":{{\"id\":\"user{:05}\"}},\"targets\":[{{\"id\":\"dev-{:06}\"}}],\
             \"origin\":{{\"address\":\"{a}.{b}.{c}.{d}\"}},\"session\":{{\"id\":\"{:016x}\"}},",
            code.system,
            code.code,
            session.account,
            session.actor,
            session.device,
            session.id
        );
    }

    fn params(&mut self, out: &mut String, code: Code, session: Session, rare: bool) {
        match code.system {
            "netop" => self.netop_params(out, session, rare),
            "sanernow" => self.sanernow_params(out, session, rare),
            _ => self.openkat_params(out, session, rare),
        }
    }

    fn netop_params(&mut self, out: &mut String, session: Session, rare: bool) {
        let device = session.device;
        let system = SYSTEMS[(device % 6) as usize];
        let (high, low) = (device >> 8 & 255, device & 255);
        let version = 60 + device % 27;
        put!(
            out,
            "\"os\":\"{system}\",\"nrc_version\":\"12.{version}\",\"private_ip\":\"192.168.{high}.{low}\""
        );
        if self.random.below(3) == 0 || rare {
            let folder = self.word_or_rare(false);
            let name = self.word_or_rare(rare);
            let number = self.random.below(100_000);
            let extension = EXTENSIONS[self.random.below(5) as usize];
            put!(out, ",\"file_name\":\"C:\\\\Users\\\\{folder}\\\\{name}-{number}.{extension}\"");
        }
    }

    fn sanernow_params(&mut self, out: &mut String, session: Session, rare: bool) {
        let group = &self.words[(session.device % 300) as usize];
        put!(out, "\"job_id\":\"{}\",\"group\":\"{group}\"", 100_000 + self.made / 3);
        if self.random.below(2) == 0 || rare {
            let name = self.word_or_rare(rare);
            let number = self.random.below(400);
            put!(out, ",\"policy\":\"{name}-{number}\"");
        }
    }

    fn openkat_params(&mut self, out: &mut String, session: Session, rare: bool) {
        let name = self.word_or_rare(rare);
        let domain = &self.words[(session.account as usize * 7) % WORDS];
        put!(out, "\"ooi\":\"Hostname|internet|{name}.{domain}.example\"");
        if self.random.below(2) == 0 {
            let plugin = self.random.below(60) as usize;
            put!(out, ",\"plugin\":\"{}\"", self.words[plugin]);
        }
    }

    fn message(&mut self, out: &mut String, code: Code, session: Session, rare: bool) {
        put!(out, "\"message\":\"{} by user{:05}", code.name, session.actor);
        for _ in 0..4 + self.random.below(6) {
            let word = self.draw_word();
            out.push(' ');
            out.push_str(&self.words[word]);
        }
        if self.random.below(4) == 0 {
            put!(out, " ticket CHG-{}", self.random.below(1_000_000));
        }
        if rare {
            put!(out, " {RARE_WORD}");
        }
        out.push('"');
    }

    fn draw_word(&mut self) -> usize {
        self.word_rank.pick(&mut self.random)
    }

    fn word_or_rare(&mut self, rare: bool) -> String {
        if rare {
            return RARE_WORD.to_owned();
        }
        let word = self.draw_word();
        self.words[word].clone()
    }
}
