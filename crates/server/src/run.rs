//! Starting and stopping: open the store, then the configuration, then listen; stop in the opposite order.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indelible_catalog::catalog::Registry;
use indelible_control::{Control, FirstStart, KeySeed, Kind, NewKey, Scope};
use indelible_durable::clock::Clock;
use indelible_store::error::OpenError;
use indelible_store::options::Options;
use indelible_store::recover::Recovery;
use indelible_store::store::Store;
use indelible_tls::Identity;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::app::{App, Parts, Shared, Stop, node_text};
use crate::audit::Act;
use crate::catalog_files::{self, CatalogFilesError};
use crate::config::Config;
use crate::connectors::{routes, sources};
use crate::entrance::{self, LISTENERS, Peer, Plain, Secure};
use crate::intake::gaps::Gaps;
use crate::intake::refusals;
use crate::problem::Problem;

/// How long requests may go on once the service stops.
const DRAIN: Duration = Duration::from_secs(8);
/// How often refusals become events.
const REFUSALS_EVERY: Duration = Duration::from_mins(1);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder was refused.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The configuration database was refused.
    #[error(transparent)]
    Control(#[from] indelible_control::Error),
    /// The catalog folder cannot be read.
    #[error(transparent)]
    Catalogs(#[from] CatalogFilesError),
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] indelible_tls::Error),
    /// A setting forbids it.
    #[error("{0}")]
    Setting(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with {setting}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A first step of the service failed.
    #[error("{0}")]
    Step(String),
}

impl From<Problem> for StartError {
    fn from(problem: Problem) -> Self {
        Self::Step(problem.detail)
    }
}

/// A key made at the first start.
#[derive(Debug)]
pub struct Founded {
    /// Id of the key.
    pub key_id: String,
    /// The key itself; it is shown once and stored nowhere.
    pub token: String,
}

/// The running service.
#[derive(Debug)]
pub struct Running {
    app: Shared,
    tasks: JoinSet<()>,
    /// Our certificate, if we speak TLS.
    identity: Option<Arc<Identity>>,
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where health, readiness and metrics are.
    pub admin: SocketAddr,
    /// The key made at the first start.
    pub founded: Option<Founded>,
    /// The link that makes an owner of whoever opens it first, while nobody owns the node.
    pub claim_url: Option<String>,
    /// Faults of catalogs that were refused, a line each.
    pub catalog_problems: Vec<String>,
}

/// Starts the service.
pub async fn start(config: Config, clock: Clock, anchor_dir: Option<PathBuf>) -> Result<Running, StartError> {
    let files = entrance::files(&config).map_err(StartError::Setting)?;
    let identity = files.map(Identity::load).transpose()?.map(Arc::new);
    let dir = config.path("node.data").unwrap_or_else(|| PathBuf::from("./indelible-data"));
    let loaded = catalog_files::load_all(config.path("node.catalogs").as_deref())?;
    let catalog_problems: Vec<String> = loaded.problems.iter().map(catalog_files::problem_line).collect();
    let registry = Registry::new(loaded.catalogs);
    let options = Options {
        clock: clock.clone(),
        anchor_dir,
        must_exist: config.bool("node.must_exist"),
        head_interval: config.duration("checkpoint.interval").min(Duration::from_secs(1)),
        ..Options::default()
    };
    let Opened { app, recovery } = open_blocking(dir, options, config, registry, clock).await?;
    app.set_catalog_problems(catalog_problems.clone());
    check_listen(&app)?;
    let api = listen(&app.config, "http.listen").await?;
    let admin = listen(&app.config, "http.admin_listen").await?;
    let mut running = Running {
        api: api.local_addr().map_err(|error| StartError::Step(error.to_string()))?,
        admin: admin.local_addr().map_err(|error| StartError::Step(error.to_string()))?,
        app,
        tasks: JoinSet::new(),
        identity,
        founded: None,
        claim_url: None,
        catalog_problems,
    };
    running.app.listens_on(running.api);
    running.hook_up();
    tell_rollbacks(&running.app).await?;
    if recovery.events > 0 {
        let replayed = i64::try_from(recovery.events).unwrap_or(i64::MAX);
        let act = Act::new("SYSTEM.RECOVER").param("records_replayed", replayed);
        running.app.record_and_wait(running.app.system_log(), act).await?;
    }
    let version = env!("CARGO_PKG_VERSION");
    running
        .app
        .record_and_wait(running.app.system_log(), Act::new("SYSTEM.START").param("version", version))
        .await?;
    crate::backup::tell_restore(&running.app).await?;
    // Only now: a key of a start that fails would be shown to nobody and never made again.
    running.founded = found(&running.app).await?;
    running.claim_url = running.app.offer_claim()?;
    running.connect();
    running.serve(api, admin)?;
    Ok(running)
}

/// The first event of a log that follows a frozen one says what was lost.
async fn tell_rollbacks(app: &Shared) -> Result<(), StartError> {
    for (log, lost) in app.logs_after_rollback() {
        let size = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        let said = format!(
            "the log {} had signed {} events with root {}; {} events are left, and this log goes on",
            lost.origin, lost.head_size, lost.head_root, lost.size
        );
        let act = Act::new("LOG.DECLARE_ROLLBACK")
            .target("log", &lost.origin)
            .param("known_size", size(lost.head_size))
            .param("found_size", size(lost.size))
            .change("origin", lost.origin, log.origin)
            .saying(&said);
        app.record_and_wait(log.no, act).await?;
    }
    Ok(())
}

/// A service before it listens.
struct Opened {
    app: Shared,
    recovery: Recovery,
}

/// Opens store and configuration on a thread of their own: recovery reads files.
async fn open_blocking(
    dir: PathBuf,
    options: Options,
    config: Config,
    registry: Registry,
    clock: Clock,
) -> Result<Opened, StartError> {
    let opened = tokio::task::spawn_blocking(move || open(&dir, options, config, registry, clock)).await;
    opened.unwrap_or_else(|error| Err(StartError::Step(error.to_string())))
}

fn open(
    dir: &Path,
    options: Options,
    config: Config,
    registry: Registry,
    clock: Clock,
) -> Result<Opened, StartError> {
    if let Some(anchor) = &options.anchor_dir {
        std::fs::create_dir_all(anchor).map_err(|error| {
            let folder = anchor.display();
            let message = format!(
                "cannot make the anchor's folder {folder}: {error}; name another with node.anchor_dir"
            );
            StartError::Setting(message)
        })?;
    }
    let (store, recovery) = Store::open(dir, options)?;
    crate::backup::clean(dir).map_err(|error| StartError::Step(error.to_string()))?;
    tracing::info!(?recovery, "store opened");
    let log_host = config
        .text("log.host")
        .map_or_else(|| format!("{}.invalid", node_text(store.node_id())), str::to_owned);
    let now_ms = clock.now_ns() / 1_000_000;
    let first = FirstStart { log_host, random: crate::random()?, now_ms };
    let control = Control::open(&dir.join("control.redb"), &first)?;
    let run: [u8; 8] = crate::random()?;
    let run = format!("{:016x}", u64::from_be_bytes(run));
    let app = App::new(Parts { store, control, clock, config, registry, run, data: dir.to_owned() })?;
    Ok(Opened { app: Arc::new(app), recovery })
}

/// The first administrator's key, if there is none yet.
async fn found(app: &App) -> Result<Option<Founded>, StartError> {
    if !is_first_start(app) {
        return Ok(None);
    }
    let seed = KeySeed::new(crate::random()?);
    let new = NewKey { label: "first start".to_owned(), ..NewKey::new(Kind::Admin, Scope::All) };
    let (key, token) = app.control.create_key(&new, &seed, app.now_ms())?;
    app.record_and_wait(app.system_log(), Act::new("KEY.CREATE").target("api-key", &key.id)).await?;
    Ok(Some(Founded { key_id: key.id, token }))
}

/// Nobody has a key or owns the node yet.
fn is_first_start(app: &App) -> bool {
    app.control.list_keys(None).is_empty() && !app.control.has_owner()
}

/// A server that others can reach must have been set up before, and must not carry keys in clear over a network.
fn check_listen(app: &App) -> Result<(), StartError> {
    let open = LISTENERS.into_iter().find(|key| !app.config.address(key).ip().is_loopback());
    if let Some(key) = open.filter(|_| is_first_start(app)) {
        let address = app.config.address(key);
        let message = format!(
            "{key} = {address} is open to others and this is the first start: start once on a loopback address, open the claim link or keep the key that it prints, then listen on {address}"
        );
        return Err(StartError::Setting(message));
    }
    entrance::exposed(&app.config).into_iter().next().map_or(Ok(()), |why| Err(StartError::Setting(why)))
}

async fn listen(config: &Config, setting: &'static str) -> Result<TcpListener, StartError> {
    let address = config.address(setting);
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, setting, source })
}

impl Running {
    fn hook_up(&mut self) {
        let (commits, heads) = (self.app.commits.clone(), self.app.heads.clone());
        self.app.store.on_commit(Box::new(move |_| commits.send_modify(|count| *count += 1)));
        self.app.store.on_publish(Box::new(move |_| heads.send_modify(|count| *count += 1)));
        let (app, identity) = (Shared::clone(&self.app), self.identity.clone());
        self.tasks.spawn(async move {
            let mut stopping = app.stopping.subscribe();
            let mut gaps = Gaps::default();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(REFUSALS_EVERY) => {}
                    changed = stopping.changed() => if changed.is_err() || *stopping.borrow() { return },
                }
                refusals::flush(&app).await;
                if let Err(problem) = app.take_claim_request().await {
                    tracing::error!(problem = %problem.detail, "a claim link was asked for and not made");
                }
                gaps.record(&app).await;
                if let Some(identity) = &identity
                    && let Some(why) = entrance::renew(&app, identity, false).await
                {
                    tracing::error!(%why, "the new certificate is refused, the old one stays in force");
                }
            }
        });
    }

    /// Sources and routes begin with the service and end with it.
    fn connect(&mut self) {
        self.tasks.spawn(sources::run(Shared::clone(&self.app)));
        self.tasks.spawn(routes::run(Shared::clone(&self.app)));
    }

    fn serve(&mut self, api: TcpListener, admin: TcpListener) -> Result<(), StartError> {
        let routes = crate::http::router(Shared::clone(&self.app));
        self.serve_one("http.listen", api, routes)?;
        let routes = crate::admin::router(Shared::clone(&self.app));
        self.serve_one("http.admin_listen", admin, routes)
    }

    fn serve_one(
        &mut self,
        setting: &'static str,
        socket: TcpListener,
        routes: axum::Router,
    ) -> Result<(), StartError> {
        let routes = routes.into_make_service_with_connect_info::<Peer>();
        let stop = stopped(&self.app);
        let identity = self.identity.clone().filter(|_| entrance::is_secure(&self.app.config, setting));
        let Some(identity) = identity else {
            let served = axum::serve(Plain(socket), routes).with_graceful_shutdown(stop);
            self.tasks.spawn(async move { told(setting, served.await) });
            return Ok(());
        };
        let address = self.app.config.address(setting);
        let listener = indelible_tls::Listener::new(socket, identity)
            .map_err(|source| StartError::Listen { address, setting, source })?;
        let served = axum::serve(Secure(listener), routes).with_graceful_shutdown(stop);
        self.tasks.spawn(async move { told(setting, served.await) });
        Ok(())
    }

    /// Reads the certificate files again; faulty ones keep what was in force. Returns what is wrong.
    pub async fn reload_certificate(&self) -> Option<String> {
        entrance::renew(&self.app, self.identity.as_ref()?, true).await
    }

    /// Whether the admin listener speaks TLS.
    pub fn admin_speaks_tls(&self) -> bool {
        entrance::is_secure(&self.app.config, "http.admin_listen")
    }

    /// Whether the API speaks TLS.
    pub fn speaks_tls(&self) -> bool {
        self.app.speaks_tls()
    }

    /// Loads catalogs again; a faulty folder keeps what was in force. Returns the faults, a line each.
    pub async fn reload_catalogs(&self) -> Vec<String> {
        let folder = self.app.config.path("node.catalogs");
        let loaded = crate::blocking(move || {
            catalog_files::load_all(folder.as_deref()).map_err(|error| Problem::internal(&error))
        });
        match loaded.await {
            Ok(loaded) if loaded.problems.is_empty() => {
                self.activate(Registry::new(loaded.catalogs));
                Vec::new()
            }
            Ok(loaded) => {
                let problems: Vec<String> = loaded.problems.iter().map(catalog_files::problem_line).collect();
                self.app.set_catalog_problems(problems.clone());
                problems
            }
            Err(problem) => vec![problem.detail],
        }
    }

    /// Puts catalogs in force; each that is new or changed is an event.
    fn activate(&self, registry: Registry) {
        let before = self.app.catalogs();
        for catalog in registry.iter() {
            if before.get(&catalog.id).is_some_and(|known| known.hash == catalog.hash) {
                continue;
            }
            let hash = catalog.hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            let act = Act::new("CATALOG.ACTIVATE")
                .target("catalog", &catalog.id)
                .param("catalog_version", catalog.version_text.as_str())
                .param("catalog_sha256", hash);
            self.app.record(self.app.system_log(), act);
        }
        for catalog in before.iter().filter(|catalog| registry.get(&catalog.id).is_none()) {
            let act = Act::new("CATALOG.RETIRE")
                .target("catalog", &catalog.id)
                .param("catalog_version", catalog.version_text.as_str());
            self.app.record(self.app.system_log(), act);
        }
        self.app.set_catalogs(registry);
        self.app.set_catalog_problems(Vec::new());
    }

    /// Makes this a demonstration: everybody at this machine reads in the console with the rights of a key.
    pub fn demonstrate(&self, key_id: String, tour: Vec<Stop>) -> Result<(), StartError> {
        if !self.api.ip().is_loopback() {
            let message = format!("a demonstration lets everybody in and cannot listen on {}", self.api);
            return Err(StartError::Setting(message));
        }
        self.app.open_to_guests(key_id)?;
        self.app.tour.get_or_init(|| tour);
        Ok(())
    }

    /// Stops: no new requests, finish what runs, record the stop, sign, close.
    pub async fn stop(mut self) {
        self.app.stopping.send_replace(true);
        let drained =
            tokio::time::timeout(DRAIN, async { while self.tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!("some requests did not end in time");
            self.tasks.shutdown().await;
        }
        // After the last request, so that its refusals are among them.
        refusals::flush(&self.app).await;
        if let Err(problem) = self.app.record_and_wait(self.app.system_log(), Act::new("SYSTEM.STOP")).await {
            tracing::error!(problem = %problem.detail, "the stop was not recorded");
        }
        let app = Shared::clone(&self.app);
        let closed = crate::blocking(move || {
            app.store.shutdown();
            Ok(())
        });
        if let Err(problem) = closed.await {
            tracing::error!(problem = %problem.detail, "the store was not closed");
        }
    }
}

fn told(setting: &'static str, served: std::io::Result<()>) {
    if let Err(error) = served {
        tracing::error!(%error, setting, "a listener ended");
    }
}

fn stopped(app: &Shared) -> impl Future<Output = ()> + Send + 'static {
    let mut stopping = app.stopping.subscribe();
    async move {
        // The sender lives as long as the app; an error means that both are gone.
        let _gone = stopping.wait_for(|stop| *stop).await;
    }
}
