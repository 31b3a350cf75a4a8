//! What every handler shares: the store, the configuration of organizations, the catalogs, the clock.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use indelible_catalog::catalog::Registry;
use indelible_control::{Control, Organization, SYSTEM_ORGANIZATION};
use indelible_durable::clock::Clock;
use indelible_search::{CursorKey, Searcher};
use indelible_store::log_no::LogNo;
use indelible_store::producers::Producer;
use indelible_store::rollback::Frozen;
use indelible_store::store::{LogInfo, LogSpec, Store};
use tokio::sync::{Semaphore, watch};

use crate::api::Recent;
use crate::claim::Claims;
use crate::config::Config;
use crate::connectors::routes::Routes;
use crate::connectors::sources::Sources;
use crate::console::{Attempts, Sessions};
use crate::intake::policy::Policies;
use crate::intake::refusals::Refusals;
use crate::limits::{MAX_BACKUPS, MAX_SEARCHES, MAX_STREAMS};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::verifying::Verifying;

/// Threads of one search.
const SEARCH_THREADS: usize = 2;

/// The state behind all handlers.
pub(crate) type Shared = Arc<App>;

/// The running service without its listeners.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    /// Swapped whole when catalogs are loaded again.
    registry: RwLock<Arc<Registry>>,
    /// Faults of catalogs that were refused, a line each.
    catalog_problems: RwLock<Vec<String>>,
    /// Where the API listens, once it does.
    listens_on: OnceLock<SocketAddr>,
    policies: RwLock<Policies>,
    /// Organization to log; grows with the organizations.
    logs: RwLock<HashMap<String, LogNo>>,
    /// Our own producer in each log.
    own: Mutex<HashMap<LogNo, Arc<OwnProducer>>>,
    /// Names this run of the program; instance of our own producer.
    pub(crate) run: String,
    pub(crate) refusals: Refusals,
    pub(crate) searches: Semaphore,
    pub(crate) streams: Arc<Semaphore>,
    /// Counts commits; waiters look again when it moves.
    pub(crate) commits: watch::Sender<u64>,
    /// Counts published heads.
    pub(crate) heads: watch::Sender<u64>,
    /// True once the service stops.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) searcher: Searcher,
    pub(crate) recent_searches: Recent,
    /// Who has logged in to the console.
    pub(crate) sessions: Sessions,
    /// How often somebody tried to be whom.
    pub(crate) attempts: Attempts,
    /// As many as may look at a passphrase at once.
    pub(crate) hashing: Semaphore,
    /// One backup at a time: each holds files that would be gone otherwise.
    pub(crate) backups: Arc<Semaphore>,
    /// The link that makes an owner.
    pub(crate) claims: Claims,
    /// What takes events in by itself.
    pub(crate) sources: Sources,
    /// What is sent on.
    pub(crate) routes: Routes,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// What verifying the folder came to when somebody last asked for it, and who is at it now.
    pub(crate) verifying: Verifying,
    /// In a demonstration: the key whose rights everybody has in the console, and what goes with their forms.
    pub(crate) guest: OnceLock<(String, String)>,
    /// In a demonstration: where to begin.
    pub(crate) tour: OnceLock<Vec<Stop>>,
    #[cfg(feature = "sql")]
    pub(crate) sql: crate::sql::Statements,
}

/// A stop of the tour through a demonstration.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Whose events it shows.
    pub org: String,
    /// The page below the organization's.
    pub path: String,
    /// What is to be seen.
    pub title: String,
    /// What happened there.
    pub text: String,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("run", &self.run).finish_non_exhaustive()
    }
}

/// Ourselves as the producer of events about ourselves, with the numbers we give them.
#[derive(Debug)]
pub(crate) struct OwnProducer {
    pub(crate) producer: Arc<Producer>,
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    last: u64,
    /// Given back by events that could not be stored; used again first, so that no gap remains.
    free: Vec<u64>,
}

impl OwnProducer {
    pub(crate) fn next(&self) -> u64 {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.free.pop().unwrap_or_else(|| {
            numbers.last += 1;
            numbers.last
        })
    }

    pub(crate) fn give_back(&self, number: u64) {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).free.push(number);
    }
}

/// What the service is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) run: String,
    pub(crate) data: PathBuf,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Result<Self, Problem> {
        let app = Self {
            searcher: Searcher::new(CursorKey::new(cursor_key(&parts.store)), SEARCH_THREADS),
            recent_searches: Recent::default(),
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            hashing: crate::people::limit(),
            backups: Arc::new(Semaphore::new(MAX_BACKUPS)),
            claims: Claims::default(),
            sources: Sources::default(),
            routes: Routes::default(),
            data: parts.data,
            verifying: Verifying::default(),
            guest: OnceLock::new(),
            tour: OnceLock::new(),
            #[cfg(feature = "sql")]
            sql: crate::sql::Statements::new()?,
            store: parts.store,
            control: parts.control,
            clock: parts.clock,
            config: parts.config,
            metrics: Metrics::new(),
            registry: RwLock::new(Arc::new(parts.registry)),
            catalog_problems: RwLock::default(),
            listens_on: OnceLock::new(),
            policies: RwLock::default(),
            logs: RwLock::default(),
            own: Mutex::default(),
            run: parts.run,
            refusals: Refusals::default(),
            searches: Semaphore::new(MAX_SEARCHES),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            commits: watch::Sender::new(0),
            heads: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        };
        for org in app.control.orgs() {
            let org = app.with_live_log(&org)?;
            app.found_log(&org)?;
        }
        Ok(app)
    }

    /// The organization, with a new origin if the log of its old one was frozen by a declared rollback.
    fn with_live_log(&self, org: &Arc<Organization>) -> Result<Arc<Organization>, Problem> {
        let frozen =
            self.store.logs().into_iter().any(|log| log.origin == org.origin && log.frozen.is_some());
        if !frozen {
            return Ok(Arc::clone(org));
        }
        let moved = self.control.move_org_to_new_log(&org.id, &self.log_host(), crate::random()?);
        Ok(Arc::new(moved.map_err(|error| Problem::internal(&error))?.after))
    }

    /// Logs that follow a frozen one and are still empty, with what was lost before them.
    pub(crate) fn logs_after_rollback(&self) -> Vec<(LogInfo, Frozen)> {
        let logs = self.store.logs();
        let lost =
            |name: &str| logs.iter().rev().filter(|log| log.name == name).find_map(|log| log.frozen.clone());
        let empty = logs.iter().filter(|log| log.frozen.is_none() && log.size == 0);
        empty.filter_map(|log| Some((log.clone(), lost(&log.name)?))).collect()
    }

    /// The log of an organization, made now if a crash came between the two.
    pub(crate) fn found_log(&self, org: &Organization) -> Result<LogNo, Problem> {
        let known = self.store.logs().into_iter().find(|log| log.origin == org.origin).map(|log| log.no);
        let spec = || LogSpec { origin: org.origin.clone(), name: org.id.to_string() };
        let log = known.map_or_else(|| self.store.create_log(&spec()), Ok);
        let log = log.map_err(|error| Problem::internal(&error))?;
        self.logs.write().unwrap_or_else(PoisonError::into_inner).insert(org.id.to_string(), log);
        Ok(log)
    }

    pub(crate) fn log_of(&self, org: &Organization) -> Option<LogNo> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).get(org.id.as_str()).copied()
    }

    /// The log of what concerns the node as a whole.
    pub(crate) fn system_log(&self) -> LogNo {
        let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
        *logs
            .get(SYSTEM_ORGANIZATION)
            .expect("the organization is made at the first start and cannot be removed")
    }

    /// The loaded catalogs.
    pub(crate) fn catalogs(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts newly loaded catalogs in force.
    pub(crate) fn set_catalogs(&self, registry: Registry) {
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
    }

    /// Faults of catalogs that were refused, a line each.
    pub(crate) fn catalog_problems(&self) -> Vec<String> {
        self.catalog_problems.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_catalog_problems(&self, problems: Vec<String>) {
        *self.catalog_problems.write().unwrap_or_else(PoisonError::into_inner) = problems;
    }

    /// Says where the API listens; once.
    pub(crate) fn listens_on(&self, address: SocketAddr) {
        self.listens_on.get_or_init(|| address);
    }

    /// The policies of an organization for a catalog, in the form that judging needs.
    pub(crate) fn policy(&self, org: &Organization, catalog: &str) -> Arc<indelible_catalog::policy::Policy> {
        if let Some(found) = self.policies.read().unwrap_or_else(PoisonError::into_inner).get(org, catalog) {
            return found;
        }
        self.policies.write().unwrap_or_else(PoisonError::into_inner).load(org, catalog)
    }

    /// Forgets translated policies after a change.
    pub(crate) fn forget_policies(&self) {
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = Policies::default();
    }

    /// Our own producer in a log.
    pub(crate) fn own_producer(&self, log: LogNo) -> Result<Arc<OwnProducer>, Problem> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = own.get(&log) {
            return Ok(Arc::clone(found));
        }
        let producer =
            self.store.producer(log, "indelible", &self.run).map_err(|error| Problem::internal(&error))?;
        let made = Arc::new(OwnProducer { producer, numbers: Mutex::default() });
        own.insert(log, Arc::clone(&made));
        Ok(made)
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ns() / 1_000_000
    }

    /// The host part of the origin of new logs.
    pub(crate) fn log_host(&self) -> String {
        self.config
            .text("log.host")
            .map_or_else(|| format!("{}.invalid", node_text(self.store.node_id())), str::to_owned)
    }

    /// The URL under which clients reach the API, without a slash at its end.
    pub(crate) fn public_url(&self) -> String {
        let bound = || self.listens_on.get().copied().unwrap_or_else(|| self.config.address("http.listen"));
        let scheme = if self.speaks_tls() { "https" } else { "http" };
        let listen = || format!("{scheme}://{}", bound());
        self.config.text("http.public_url").map_or_else(listen, |url| url.trim_end_matches('/').to_owned())
    }

    /// Whether the API's own listener speaks TLS.
    pub(crate) fn speaks_tls(&self) -> bool {
        crate::entrance::is_secure(&self.config, "http.listen")
    }

    /// Waits until `reached` holds, looking again at every move of `signal`; false when the time is over.
    pub(crate) async fn wait_for(
        &self,
        signal: &watch::Sender<u64>,
        wait: std::time::Duration,
        reached: impl Fn() -> bool,
    ) -> bool {
        let mut moved = signal.subscribe();
        let mut stopping = self.stopping.subscribe();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        loop {
            if reached() {
                return true;
            }
            tokio::select! {
                () = &mut deadline => return reached(),
                _ = stopping.wait_for(|stop| *stop) => return reached(),
                changed = moved.changed() => if changed.is_err() { return reached() },
            }
        }
    }
}

/// The key that seals cursors: the same over restarts, so that a page can be continued.
fn cursor_key(store: &Store) -> [u8; 32] {
    let mut key = [0; 32];
    let halves = [store.digest(&[b"search cursors 1"]), store.digest(&[b"search cursors 2"])];
    key.iter_mut().zip(halves.concat()).for_each(|(to, from)| *to = from);
    key
}

/// A node id as text.
pub(crate) fn node_text(id: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}

/// The size of a log; one that the store does not know has none.
pub(crate) fn size(store: &Store, log: LogNo) -> u64 {
    store.size(log).unwrap_or(0)
}

/// The newest head of a log, if it has one that covers an event.
pub(crate) fn head(store: &Store, log: LogNo) -> Option<Arc<indelible_store::log::Head>> {
    store.head(log).ok().filter(|head| head.size > 0)
}
