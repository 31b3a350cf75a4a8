//! `indelible serve`: the server.

use std::path::PathBuf;

use indelible_durable::clock::Clock;
use indelible_server::config::Config;
use indelible_server::{Running, StartError};
use tokio::signal::unix::{SignalKind, signal};

use crate::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::say;

/// Run the server
///
/// The first start creates the data folder with its keys, the organizations `default` and `system`, and an
/// administrator's API key that is printed once. While nobody owns the server, each start on a loopback address prints a
/// link that makes an owner of whoever opens it within half an hour.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible serve\n  indelible serve --data /var/lib/indelible --listen 127.0.0.1:7513\n  indelible serve --config /etc/indelible.toml --catalogs ./catalogs"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// Settings of a node that have a flag.
#[derive(Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// Settings file (TOML)
    #[arg(long, env = "INDELIBLE_SETTINGS", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data folder [default: ./indelible-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Address of the API [default: 127.0.0.1:7513]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Address of health, readiness and metrics [default: 127.0.0.1:7514]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin_listen: Option<String>,
    /// Folder with your own catalogs
    #[arg(long, value_name = "DIR")]
    pub(crate) catalogs: Option<String>,
}

impl NodeArgs {
    /// Every setting from defaults, file, environment and flags.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let file = self.config.as_ref().map(|path| {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
            Ok::<_, Failure>((path.display().to_string(), text))
        });
        let file = file.transpose()?;
        let flags: Vec<(&str, &'static str, String)> = [
            ("--data", "node.data", &self.data),
            ("--listen", "http.listen", &self.listen),
            ("--admin-listen", "http.admin_listen", &self.admin_listen),
            ("--catalogs", "node.catalogs", &self.catalogs),
        ]
        .into_iter()
        .filter_map(|(flag, key, value)| Some((flag, key, value.clone()?)))
        .collect();
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
        Config::load(file, environment, &flags).map_err(|error| Failure::usage(error.to_string()))
    }
}

/// Where the anchor file goes unless the settings say: the user's state directory.
pub(crate) fn anchor_dir(config: &Config) -> Option<PathBuf> {
    let state = || std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    config.path("node.anchor_dir").or_else(|| Some(state().or_else(home)?.join("indelible")))
}

impl Args {
    pub(crate) fn run(self, _context: &Context) -> Outcome {
        let config = self.node.load()?;
        indelible_server::init_telemetry(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(serve(config))
    }
}

async fn serve(config: Config) -> Outcome {
    let anchor = anchor_dir(&config);
    let public_url = config.text("http.public_url").map(str::to_owned);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut reload = signal(SignalKind::hangup())?;
    let running =
        indelible_server::start(config, Clock::system(), anchor).await.map_err(|error| refused(&error))?;
    greet(&running, public_url.as_deref());
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            interrupted = tokio::signal::ctrl_c() => { interrupted?; break }
            _ = reload.recv() => {
                for problem in running.reload_catalogs().await {
                    say(&format!("catalog refused, the old state holds: {problem}"));
                }
                if let Some(why) = running.reload_certificate().await {
                    say(&format!("certificate refused, the old one holds: {why}"));
                }
            }
        }
    }
    running.stop().await;
    Ok(())
}

fn refused(error: &StartError) -> Failure {
    let (exit, code) = match error {
        StartError::Store(inner) => (Exit::Failed, inner.code()),
        StartError::Setting(_) | StartError::Catalogs(_) | StartError::Tls(_) => (Exit::Usage, "setting"),
        StartError::Control(_) | StartError::Listen { .. } | StartError::Step(_) => (Exit::Failed, "start"),
    };
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if !message.contains(&inner.to_string()) {
            message.extend([": ", &inner.to_string()]);
        }
        cause = inner.source();
    }
    Failure::new(exit, code, message)
}

fn greet(running: &Running, public_url: Option<&str>) {
    for problem in &running.catalog_problems {
        say(&format!("catalog refused: {problem}"));
    }
    let scheme = if running.speaks_tls() { "https" } else { "http" };
    let url = public_url.map_or_else(|| format!("{scheme}://{}", running.api), str::to_owned);
    say(&format!("API      {url}/api/v1"));
    let scheme = if running.admin_speaks_tls() { "https" } else { "http" };
    say(&format!("health   {scheme}://{}/healthz, /readyz, /metrics", running.admin));
    if let Some(founded) = &running.founded {
        say("");
        say("First start. This administrator's key is shown once and stored nowhere:");
        say("");
        say(&format!("  export INDELIBLE_TOKEN={}", founded.token));
        say("");
        say("Send a first event:");
        say("");
        say(&format!(
            "  curl -sS {url}/api/v1/orgs/default/events -H \"Authorization: Bearer $INDELIBLE_TOKEN\" \\\n    -H 'Content-Type: application/json' -d '{{\"catalog\":\"openkat\",\"code\":\"091111\",\"occurred_at\":\"2026-11-21T23:18:00Z\",\"actor\":{{\"id\":\"1\"}}}}'"
        ));
        say("");
    }
    if let Some(claim) = &running.claim_url {
        say(
            "Nobody owns this server yet. Open this link to become its owner; it works once, for half an hour:",
        );
        say("");
        say(&format!("  {claim}"));
        say("");
    }
    say("ready");
}
