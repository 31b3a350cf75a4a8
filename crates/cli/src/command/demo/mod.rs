//! `indelible demo`: a server with invented events to look around in, gone when it ends.

mod tamper;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indelible_durable::clock::Clock;
use indelible_server::config::Config;
use indelible_server::{Running, StartError, Stop};
use tokio::signal::unix::{SignalKind, signal};

use crate::Context;
use crate::demo::{DAYS, Demo, ORGANIZATIONS, Organization, stories};
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
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  indelible demo\n  indelible demo --listen 127.0.0.1:8080\n  indelible demo tamper"
)]
pub(crate) struct Args {
    /// Loopback address of the console [default: 127.0.0.1:7513, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Events to invent, about
    #[arg(long, value_name = "N", default_value_t = crate::demo::EVENTS,
          value_parser = clap::value_parser!(u64).range(1_000..=crate::demo::EVENTS))]
    events: u64,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Tamper(tamper::TamperArgs),
}

impl Args {
    pub(crate) fn run(self, _context: &Context) -> Outcome {
        if let Some(Action::Tamper(args)) = self.action {
            return args.run();
        }
        let folder = tempfile::Builder::new().prefix(tamper::FOLDERS).tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let shown = runtime.block_on(show(self.listen.as_deref(), self.events, folder.path()));
        folder.close()?;
        shown
    }
}

async fn show(listen: Option<&str>, events: u64, folder: &std::path::Path) -> Outcome {
    let mut terminate = signal(SignalKind::terminate())?;
    let running = Arc::new(start(listen, folder).await?);
    let founded = running.founded.as_ref().ok_or_else(|| Failure::failed("the folder was not empty"))?;
    let (url, token) = (format!("http://{}", running.api), founded.token.clone());
    let now = Clock::system().now_ns() / 1_000_000_000;
    let sender = Sender::new(&url, &token, Demo::new(now, events));
    let filled = tokio::task::spawn_blocking(move || sender.fill().map(|filled| (sender, filled)));
    let (sender, (told, removed)) = filled.await.map_err(|error| Failure::failed(error.to_string()))??;
    let tour = tour(&removed);
    greet((&url, &founded.token), &told, &tour);
    running.demonstrate(founded.key_id.clone(), tour).map_err(|error| Failure::failed(error.to_string()))?;
    tamper::tell(folder, &url)?;
    say("ready");
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
    fn new(url: &str, token: &str, demo: Demo) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let (url, authorization) = (url.to_owned(), format!("Bearer {token}"));
        Self { url, authorization, agent: config.into(), demo }
    }

    fn post(&self, path: &str, kind: &str, body: &str) -> Result<(), Failure> {
        let request = self.agent.post(format!("{}/api/v1/orgs{path}", self.url));
        let request = request.header("authorization", &self.authorization).header("content-type", kind);
        let mut answer = request.send(body).map_err(|error| Failure::failed(error.to_string()))?;
        let text = answer.body_mut().read_to_string().map_err(|error| Failure::failed(error.to_string()))?;
        if answer.status().is_success() { Ok(()) } else { Err(Failure::failed(text)) }
    }

    /// Makes the organizations and sends their past, both at once; what was sent, a line for each, and the id of the event
    /// that a dashboard was removed by.
    fn fill(&self) -> Result<(Vec<String>, String), Failure> {
        let told = self.fill_all()?;
        let [hospital, _] = ORGANIZATIONS else { return Ok((told, String::new())) };
        let path =
            format!("/{}/events?q=code%3A900303%20actor.id%3A{}&limit=1", hospital.id, stories::LEAVER);
        let request = self.agent.get(format!("{}/api/v1/orgs{path}", self.url));
        let answer = request.header("authorization", &self.authorization).call();
        let mut answer = answer.map_err(|error| Failure::failed(error.to_string()))?;
        let text = answer.body_mut().read_to_string().map_err(|error| Failure::failed(error.to_string()))?;
        let found: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        Ok((told, found["items"][0]["id"].as_str().unwrap_or_default().to_owned()))
    }

    fn fill_all(&self) -> Result<Vec<String>, Failure> {
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

/// Where to begin; `removed` is the id of an event of the third story.
fn tour(removed: &str) -> Vec<Stop> {
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
            format!("timeline?by=session&value={}&catalog=netop", stories::SUPPORT_SESSION),
            "See the story",
            "A support session: control, chat and files, each with a beginning and an end.",
        ),
        stop(
            hospital.id,
            format!("e/{removed}"),
            "Prove it",
            "A dashboard was removed at two in the night. Check in this browser that the record is the one that was made.",
        ),
        stop(
            hospital.id,
            format!(
                "explore?q=actor.id%3A{}%20code%3A900213%2C900303&{}",
                stories::LEAVER,
                days(stories::CLEANED)
            ),
            "Hand it to the auditor",
            "All that the leaving administrator removed, as one file that proves itself: Evidence bundle.",
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
            "One program makes a third of the events. Exclude it with one click.",
        ),
    ]
}

fn greet((url, token): (&str, &str), told: &[String], tour: &[Stop]) {
    for line in told {
        say(line);
    }
    say("");
    say(&format!("Console  {url}/"));
    for stop in tour {
        say(&format!("  {:<22} {url}/o/{}/{}", stop.title, stop.org, stop.path));
    }
    say("");
    say("For commands and curl in another terminal:");
    say(&format!("  export INDELIBLE_SERVER={url} INDELIBLE_ORG=noordwal INDELIBLE_TOKEN={token}"));
    say("To see what a changed byte does, in another terminal: indelible demo tamper");
    say("Everybody at this machine may look; all of it is invented, and deleted on exit (Ctrl-C).");
}
