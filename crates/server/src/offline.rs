//! The folder of a stopped store, read as the API would answer; nothing in it changes.
//!
//! Recovery runs in memory, on a disk that keeps its writes to itself. The store's lock is taken, so that no server starts
//! meanwhile and none may be running. Whoever can read the folder reads everything in it, and no event records that.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indelible_catalog::catalog::Registry;
use indelible_durable::clock::Clock;
use indelible_durable::overlay::OverlayDisk;
use indelible_query::{EventQuery, MAX_POST_BYTES};
use indelible_search::{CursorKey, Scope, Searcher};
use indelible_store::error::OpenError;
use indelible_store::options::Options;
use indelible_store::store::Store;
use serde_json::Value;

use crate::api::{numbers, search};
use crate::bundles::{self, BUNDLE, Maker, Wanted};
use crate::endpoints::{FACETS, GROUPS, HISTOGRAM, Parameter, SEARCH};
use crate::problem::{Code, Problem};
use crate::reads::Reads;
use crate::request::Params;

/// Files of write-ahead log that recovery makes stay in memory; the smallest that the largest block fits into.
const WAL_FILE_BYTES: u64 = 17 << 20;
/// Sealing and merging would move what is looked at from one place in memory to another: longer than anybody looks, and more than there
/// is.
const NEVER: Duration = Duration::from_hours(24 * 365);
const TOO_MANY: u64 = u64::MAX / 16;
/// Threads of one search: there is nobody else.
const THREADS: usize = 2;

/// A folder that is looked at.
#[derive(Debug)]
pub struct Offline {
    store: Store,
    searcher: Searcher,
    clock: Clock,
    catalogs: Arc<Registry>,
    scope: Scope,
}

/// Why a folder cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The store refuses to open.
    #[error("{0}")]
    Refused(#[from] OpenError),
    /// It holds no log of the organization.
    #[error("{} holds no log of the organization {organization:?}; it has {known}", dir.display())]
    NoSuchLog {
        /// The folder.
        dir: PathBuf,
        /// The organization.
        organization: String,
        /// Those that it holds logs of.
        known: String,
    },
}

impl Offline {
    /// Opens a folder to read one organization's log. A log that was frozen by a declared rollback gives way to the one
    /// that the organization went on in.
    pub fn open(dir: &Path, organization: &str, catalogs: Registry) -> Result<Self, OfflineError> {
        let options = Options {
            disk: Arc::new(OverlayDisk::default()),
            must_exist: true,
            wal_file_bytes: WAL_FILE_BYTES,
            seal_events: TOO_MANY,
            seal_bytes: TOO_MANY,
            seal_after: NEVER,
            seal_quiet: NEVER,
            merge_files: usize::MAX,
            ..Options::default()
        };
        let (store, _) = Store::open(dir, options)?;
        let logs = store.logs();
        let newest = logs.iter().rev().find(|log| log.name == organization);
        let Some(log) = newest.map(|log| log.no) else {
            let mut known: Vec<&str> = logs.iter().map(|log| log.name.as_str()).collect();
            known.dedup();
            let known = known.join(", ");
            return Err(OfflineError::NoSuchLog {
                dir: dir.to_owned(),
                organization: organization.to_owned(),
                known,
            });
        };
        let scope = Scope { organization: organization.to_owned(), log };
        // Cursors of one look are opened by this look alone.
        let key = CursorKey::new([0; 32]);
        let searcher = Searcher::new(key, THREADS);
        Ok(Self { store, searcher, clock: Clock::system(), catalogs: Arc::new(catalogs), scope })
    }

    /// What `GET` of a resource below the organization answers: `events`, `facets`, `histogram` or `groups`.
    pub fn get(&self, resource: &str, parameters: &[(String, String)]) -> Result<Value, Problem> {
        let never = AtomicBool::new(false);
        let (known, work): (&[Parameter], Option<numbers::ReadWork>) = match resource {
            "events" => (SEARCH, None),
            "facets" => (FACETS, Some(numbers::facets_work)),
            "histogram" => (HISTOGRAM, Some(numbers::histogram_work)),
            "groups" => (GROUPS, Some(numbers::groups_work)),
            other => {
                let detail = format!("{other:?} cannot be read from a folder; ask a running server");
                return Err(Problem::new(Code::NotSupported, detail));
            }
        };
        let params = Params::of_pairs(parameters, known)?;
        let Some(work) = work else {
            let asked = search::Asked::read(&params)?;
            return search::found(
                self,
                (&self.scope, &EventQuery::default()),
                &asked,
                (MAX_POST_BYTES, &never),
            );
        };
        let ready = numbers::Ready::read(
            self,
            (&self.scope, &EventQuery::default()),
            &params,
            (MAX_POST_BYTES, work),
        )?;
        ready.answer(self, &never).map(|(members, _)| Value::Object(members))
    }

    /// Everything that a search matches, as the lines of the API's stream; `write` returns false to end it.
    pub fn stream(
        &self,
        parameters: &[(String, String)],
        write: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), Problem> {
        let asked = search::Asked::read(&Params::of_pairs(parameters, SEARCH)?)?;
        search::all(self, (&self.scope, &EventQuery::default()), &asked, write)
    }

    /// An evidence bundle of what a search finds, proven up to the folder's newest checkpoint; nothing records it.
    pub fn bundle(&self, parameters: &[(String, String)]) -> Result<Vec<u8>, Problem> {
        let params = Params::of_pairs(parameters, BUNDLE)?;
        let wanted = Wanted::read(&params)?;
        let maker = Maker { by: Value::Null, recorded: false };
        let within = (&self.scope, &EventQuery::default(), None);
        let composed = bundles::compose(self, within, &wanted, maker)?;
        composed.bundle.packed(None).map_err(|error| bundles::bundle_problem(&error))
    }

    /// What a statement of SQL answers, as the lines of the API's stream; `write` returns false to end it. Refused by builds
    /// without the feature `sql`.
    #[cfg(feature = "sql")]
    pub fn sql(
        self: &Arc<Self>,
        (sql, limit): (&str, Option<usize>),
        write: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), Problem> {
        let on: Arc<dyn Reads> = Arc::<Self>::clone(self);
        crate::sql::offline(on, self.scope.clone(), (sql, limit), write)
    }

    /// Refused: this build has no SQL.
    #[cfg(not(feature = "sql"))]
    pub fn sql(
        self: &Arc<Self>,
        _: (&str, Option<usize>),
        _: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), Problem> {
        Err(crate::api::sql::missing())
    }
}

impl Reads for Offline {
    fn store(&self) -> &Store {
        &self.store
    }

    fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn catalogs(&self) -> Arc<Registry> {
        Arc::clone(&self.catalogs)
    }
}
