//! The load driver: many connections, one thread, each connection with one request outstanding.
//!
//! Bodies are made before the clock starts. A refused event ends the measurement: a figure for events that were not
//! stored would be worth nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rustix::event::epoll;

use crate::event::{Generator, Recipe};
use crate::http::{Answer, Connection, excerpt, request};
use crate::process::{Cpu, cpu, peak_memory_mib};

/// What is sent, where to, and how long.
#[derive(Debug, Clone)]
pub struct Load {
    /// Host and port.
    pub address: String,
    /// The organization whose log is written.
    pub organization: String,
    /// A token that may write.
    pub token: String,
    /// Events per request; `None` sends single events as `application/json`.
    pub batch: Option<u64>,
    /// How many connections send at once.
    pub connections: usize,
    /// Stop after this many acknowledged events.
    pub events: u64,
    /// Stop after this time.
    pub limit: Duration,
    /// How many different events are made; they are sent again and again. Numbered events are sent once.
    pub distinct: u64,
    /// The events.
    pub recipe: Recipe,
    /// Events per second that are not exceeded; `None` sends as fast as the server takes them.
    pub rate: Option<f64>,
    /// The server's process, for CPU and memory.
    pub pid: Option<String>,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Report {
    /// Acknowledged events.
    pub events: u64,
    /// Acknowledged requests.
    pub requests: u64,
    /// From the first byte sent to the last acknowledgement.
    pub seconds: f64,
    /// Time from the first byte of a request to the last of its answer, milliseconds, sorted.
    pub latencies_ms: Vec<f64>,
    /// Bytes of all request bodies and heads.
    pub sent_bytes: u64,
    /// The server's CPU time.
    pub server: Option<Cpu>,
    /// The driver's own CPU time.
    pub driver: Cpu,
    /// The server's largest memory so far, MiB.
    pub server_peak_mib: Option<f64>,
}

impl Report {
    /// Acknowledged events per second.
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    /// The latency below which a share of all requests stayed, milliseconds.
    pub fn latency_ms(&self, share: f64) -> f64 {
        let last = self.latencies_ms.len().saturating_sub(1);
        let at = (share * last as f64).round() as usize;
        self.latencies_ms.get(at).copied().unwrap_or(f64::NAN)
    }

    /// The server's CPU time per acknowledged event, microseconds.
    pub fn server_us_per_event(&self) -> Option<f64> {
        self.server.map(|cpu| cpu.total_s() * 1e6 / self.events as f64)
    }
}

struct Lane {
    connection: Connection,
    request: usize,
    since: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next request is not due yet.
    Idle,
    /// A part of the request is out.
    Sending,
    /// The whole request is out and the answer awaited.
    Waiting,
    /// It has nothing more to send.
    Done,
}

struct Driver<'a> {
    load: &'a Load,
    requests: Vec<Vec<u8>>,
    /// The next request to send, counting on beyond the end of the list.
    next: usize,
    started: Instant,
    report: Report,
}

/// Makes the bodies, sends them, and reports.
pub fn run(load: &Load) -> Result<Report> {
    let requests = bodies(load);
    let mut lanes = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        let connection = Connection::open(&load.address)?;
        lanes.push(Lane { connection, request: 0, since: now(), state: State::Idle });
    }
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (at, lane) in lanes.iter().enumerate() {
        // Edge-triggered: one registration for the whole run, and no event for a socket that merely stays writable.
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        epoll::add(&poll, lane.connection.stream(), epoll::EventData::new_u64(at as u64), flags)?;
    }
    let before = (server_cpu(load)?, cpu("self")?);
    let mut driver = Driver { load, requests, next: 0, started: now(), report: empty() };
    driver.drive(&poll, &mut lanes)?;
    let mut report = driver.report;
    report.server = match (server_cpu(load)?, before.0) {
        (Some(after), Some(before)) => Some(after.since(before)),
        _ => None,
    };
    report.driver = cpu("self")?.since(before.1);
    report.server_peak_mib = load.pid.as_deref().map(peak_memory_mib).transpose()?;
    report.latencies_ms.sort_by(f64::total_cmp);
    Ok(report)
}

impl Driver<'_> {
    fn drive(&mut self, poll: &impl std::os::fd::AsFd, lanes: &mut [Lane]) -> Result<()> {
        let mut ready = Vec::with_capacity(lanes.len());
        loop {
            for lane in lanes.iter_mut().filter(|lane| lane.state == State::Idle) {
                self.start(lane)?;
            }
            if lanes.iter().all(|lane| lane.state == State::Done) {
                break;
            }
            let wait = lanes.iter().any(|lane| lane.state == State::Idle).then(|| self.until_due());
            let wait = wait.map(rustix::event::Timespec::try_from).transpose()?;
            ready.clear();
            epoll::wait(poll, rustix::buffer::spare_capacity(&mut ready), wait.as_ref())?;
            for event in &ready {
                let lane = &mut lanes[event.data.u64() as usize];
                if matches!(lane.state, State::Sending | State::Waiting) && self.advance(lane)? {
                    lane.state = State::Idle;
                    self.start(lane)?;
                }
            }
        }
        self.report.seconds = self.started.elapsed().as_secs_f64();
        Ok(())
    }

    /// How long until the next request may go out.
    fn until_due(&self) -> Duration {
        let Some(rate) = self.load.rate else { return Duration::ZERO };
        let events = self.next as f64 * self.load.batch.unwrap_or(1) as f64;
        Duration::from_secs_f64(events / rate).saturating_sub(self.started.elapsed())
    }

    /// Begins the next request on an idle lane if it is due, or ends the lane when nothing more is to be sent.
    fn start(&mut self, lane: &mut Lane) -> Result<()> {
        let per_request = self.load.batch.unwrap_or(1);
        let enough = self.next as u64 * per_request >= self.load.events;
        let once_only = self.load.recipe.numbered && self.next >= self.requests.len();
        if enough || once_only || self.started.elapsed() >= self.load.limit {
            lane.state = State::Done;
        } else if self.until_due().is_zero() {
            lane.request = self.next % self.requests.len();
            self.next += 1;
            lane.since = now();
            lane.connection.begin();
            lane.state = self.send(lane)?;
        }
        Ok(())
    }

    fn send(&self, lane: &mut Lane) -> Result<State> {
        let whole = lane.connection.send(&self.requests[lane.request])?;
        Ok(if whole { State::Waiting } else { State::Sending })
    }

    /// Goes on with a lane whose socket is ready; `true` when its answer is whole.
    fn advance(&mut self, lane: &mut Lane) -> Result<bool> {
        if lane.state == State::Sending {
            lane.state = self.send(lane)?;
        }
        let Some(answer) = lane.connection.receive()? else { return Ok(false) };
        let expected = self.load.batch.unwrap_or(1);
        let Answer { status, stored, flagged } = answer;
        if !matches!(status, 200 | 201) || stored != expected || flagged {
            let said = excerpt(&lane.connection);
            bail!("{expected} events sent, {stored} stored, flagged: {flagged}, status {status}: {said}");
        }
        self.report.events += stored;
        self.report.requests += 1;
        self.report.sent_bytes += self.requests[lane.request].len() as u64;
        self.report.latencies_ms.push(lane.since.elapsed().as_secs_f64() * 1e3);
        Ok(true)
    }
}

fn bodies(load: &Load) -> Vec<Vec<u8>> {
    let path = format!("/api/v1/orgs/{}/events", load.organization);
    let recipe = Recipe { count: load.distinct.min(load.events), ..load.recipe };
    let content_type = if load.batch.is_some() { "application/x-ndjson" } else { "application/json" };
    let mut generator = Generator::new(recipe);
    let mut requests = Vec::new();
    let mut body = String::new();
    loop {
        body.clear();
        let mut count = 0;
        while count < load.batch.unwrap_or(1) && generator.next_into(&mut body) {
            body.push('\n');
            count += 1;
        }
        if count < load.batch.unwrap_or(1) {
            return requests;
        }
        requests.push(request(&load.address, &path, &load.token, content_type, &body));
    }
}

fn server_cpu(load: &Load) -> Result<Option<Cpu>> {
    load.pid.as_deref().map(cpu).transpose()
}

fn empty() -> Report {
    Report {
        events: 0,
        requests: 0,
        seconds: 0.0,
        latencies_ms: Vec::new(),
        sent_bytes: 0,
        server: None,
        driver: Cpu::default(),
        server_peak_mib: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
fn now() -> Instant {
    Instant::now()
}

/// Refuses loads that would measure nothing.
pub fn check(load: &Load) -> Result<()> {
    ensure!(load.connections > 0 && load.connections <= 4096, "use 1 to 4096 connections");
    ensure!(load.batch.is_none_or(|batch| (1..=10_000).contains(&batch)), "use 1 to 10000 events per batch");
    ensure!(load.rate.is_none_or(|rate| rate >= 1.0), "send at least one event per second");
    ensure!(load.events >= load.batch.unwrap_or(1), "send at least one whole batch");
    ensure!(load.distinct >= load.batch.unwrap_or(1), "make at least one whole batch of events");
    Ok(())
}
