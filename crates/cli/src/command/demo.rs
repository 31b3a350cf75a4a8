//! `indelible demo`: a server with invented events to look around in, gone when it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indelible_durable::clock::Clock;
use indelible_server::config::Config;
use indelible_server::{Running, StartError, Stop};
use tokio::signal::unix::{SignalKind, signal};

use crate::Context;
use crate::demo::{DAYS, Demo, ORGANIZATIONS, Organization};
use crate::exit::{Failure, Outcome};
use crate::output::say;

/// Where it listens unless that is taken: the same address each time, so that a link still works.
const ADDRESS: &str = "127.0.0.1:7513";
/// Any free port.
const FREE: &str = "127.0.0.1:0";
/// Events of one request.
const BATCH: usize = 5_000;
/// How often something new happens.
const EVERY: Duration = Duration::from_secs(1);

/// Try it: invented events of two organizations, a console, no log-in, nothing kept
///
/// Starts a server on a loopback address with a temporary folder, fills it with three months of events of the built-in
/// catalogs and some stories to be found in them, and prints where to look. Everything is deleted when it ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  indelible demo\n  indelible demo --listen 127.0.0.1:8080")]
pub(crate) struct Args {
    /// Loopback address of the console [default: 127.0.0.1:7513, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Args {
    pub(crate) fn run(self, _context: &Context) -> Outcome {
        let folder = tempfile::Builder::new().prefix("indelible-demo-").tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let shown = runtime.block_on(show(self.listen.as_deref(), folder.path()));
        folder.close()?;
        shown
    }
}

async fn show(listen: Option<&str>, folder: &std::path::Path) -> Outcome {
    let mut terminate = signal(SignalKind::terminate())?;
    let running = Arc::new(start(listen, folder).await?);
    let founded = running.founded.as_ref().ok_or_else(|| Failure::failed("the folder was not empty"))?;
    let (url, token) = (format!("http://{}", running.api), founded.token.clone());
    let now = Clock::system().now_ns() / 1_000_000_000;
    let sender = Sender::new(&url, &token, now);
    let filled = tokio::task::spawn_blocking(move || sender.fill().map(|told| (sender, told)));
    let (sender, told) = filled.await.map_err(|error| Failure::failed(error.to_string()))??;
    running
        .demonstrate(founded.key_id.clone(), tour())
        .map_err(|error| Failure::failed(error.to_string()))?;
    greet(&url, &told);
    let over = Arc::new(AtomicBool::new(false));
    let (flag, live) = (Arc::clone(&over), now);
    let going_on = tokio::task::spawn_blocking(move || sender.go_on(live, &flag));
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    over.store(true, Ordering::Relaxed);
    going_on.await.map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(running) = Arc::into_inner(running) {
        running.stop().await;
    }
    Ok(())
}

async fn start(listen: Option<&str>, folder: &std::path::Path) -> Result<Running, Failure> {
    let settings = |address: &str| {
        let data = folder.join("data").display().to_string();
        let settings = [
            ("node.data", data),
            ("http.listen", address.to_owned()),
            ("http.admin_listen", FREE.to_owned()),
            ("telemetry.level", "warn".to_owned()),
            // Its past arrives in one piece and is not late.
            ("intake.late_after", "3650d".to_owned()),
        ];
        let flags = settings.map(|(key, value)| ("demo", key, value));
        Config::load(None, std::iter::empty(), &flags).map_err(|error| Failure::usage(error.to_string()))
    };
    let anchor = Some(folder.join("state"));
    let config = settings(listen.unwrap_or(ADDRESS))?;
    indelible_server::init_telemetry(&config);
    match indelible_server::start(config, Clock::system(), anchor.clone()).await {
        Err(StartError::Listen { .. }) if listen.is_none() => {
            let started = indelible_server::start(settings(FREE)?, Clock::system(), anchor).await;
            started.map_err(|error| Failure::failed(error.to_string()))
        }
        started => started.map_err(|error| Failure::failed(error.to_string())),
    }
}

/// Sends the events as any program would.
struct Sender {
    url: String,
    authorization: String,
    agent: ureq::Agent,
    demo: Demo,
}

impl Sender {
    fn new(url: &str, token: &str, now: i64) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let (url, authorization) = (url.to_owned(), format!("Bearer {token}"));
        Self { url, authorization, agent: config.into(), demo: Demo::new(now) }
    }

    fn post(&self, path: &str, kind: &str, body: &str) -> Result<(), Failure> {
        let request = self.agent.post(format!("{}/api/v1/orgs{path}", self.url));
        let request = request.header("authorization", &self.authorization).header("content-type", kind);
        let mut answer = request.send(body).map_err(|error| Failure::failed(error.to_string()))?;
        let text = answer.body_mut().read_to_string().map_err(|error| Failure::failed(error.to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(Failure::failed(text)) }
    }

    /// Makes the organizations and sends their past, both at once; what was sent, a line for each.
    fn fill(&self) -> Result<Vec<String>, Failure> {
        std::thread::scope(|scope| {
            let filling: Vec<_> =
                ORGANIZATIONS.iter().map(|org| scope.spawn(|| self.fill_one(org))).collect();
            let filled = filling.into_iter().map(|one| {
                one.join().unwrap_or_else(|_| Err(Failure::failed("the demonstration could not be filled")))
            });
            filled.collect()
        })
    }

    fn fill_one(&self, org: &Organization) -> Result<String, Failure> {
        let new = serde_json::json!({ "id": org.id, "title": org.title });
        self.post("", "application/json", &new.to_string())?;
        let lines = self.demo.lines(org);
        for batch in lines.chunks(BATCH) {
            self.post(&format!("/{}/events", org.id), "application/x-ndjson", &batch.join("\n"))?;
        }
        Ok(format!("{}: {} events of {DAYS} days", org.title, lines.len()))
    }

    /// Sends what happens now, until it is over.
    fn go_on(&self, from: i64, over: &AtomicBool) {
        let mut numbers: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
        let clock = Clock::system();
        let mut second = from;
        while !over.load(Ordering::Relaxed) {
            crate::client::pause(EVERY);
            let now = clock.now_ns() / 1_000_000_000;
            if now <= second {
                continue;
            }
            second = now;
            for org in ORGANIZATIONS {
                let lines = self.demo.live(org, second, numbers.entry(org.id).or_default());
                let sent = lines.is_empty()
                    || self
                        .post(&format!("/{}/events", org.id), "application/x-ndjson", &lines.join("\n"))
                        .is_ok();
                if !sent {
                    return;
                }
            }
        }
    }
}

fn tour() -> Vec<Stop> {
    use crate::demo::stories;
    let stop = |org: &str, path: String, title: &str, text: &str| Stop {
        org: org.to_owned(),
        path,
        title: title.to_owned(),
        text: text.to_owned(),
    };
    let [hospital, other] = ORGANIZATIONS else { return Vec::new() };
    let days = |days: i64| format!("since=-{}d", days + 1);
    vec![
        stop(
            hospital.id,
            format!("explore?q=ip%3A{}&{}", stories::GUESSER, days(stories::GUESSED)),
            "Find it",
            "Forty wrong passwords from one address, then a right one. What was done with it?",
        ),
        stop(
            hospital.id,
            format!("explore?q=session%3A{}&{}", stories::SUPPORT_SESSION, days(stories::SUPPORTED)),
            "See the story",
            "A support session: control, chat and files, each with a beginning and an end.",
        ),
        stop(
            hospital.id,
            format!("explore?q=code%3A900213%2C900303&{}", days(stories::CLEANED)),
            "Hand it over",
            "At two in the night a leaving administrator removes colleagues and a dashboard.",
        ),
        stop(
            hospital.id,
            "integrity".to_owned(),
            "See what is missing",
            "A producer numbers its events. Four numbers never came.",
        ),
        stop(
            other.id,
            "explore?q=&since=-90d".to_owned(),
            "Hush the noise",
            "One program makes most of the events. Exclude it with one click.",
        ),
    ]
}

fn greet(url: &str, told: &[String]) {
    for line in told {
        say(line);
    }
    say("");
    say(&format!("Console  {url}/"));
    for stop in tour() {
        say(&format!("  {:<20} {url}/o/{}/{}", stop.title, stop.org, stop.path));
    }
    say("");
    say("Everybody at this machine may look; all of it is invented, and deleted on exit (Ctrl-C).");
    say("ready");
}
