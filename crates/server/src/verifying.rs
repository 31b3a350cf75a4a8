//! Verifying the folder of the running service when somebody asks: everything recomputed from the stored events up.
//!
//! It says what this process finds; whoever doubts the process verifies from outside. One run at a time, for it reads
//! everything there is.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;
use indelible_store::fsck::{CheckOptions, Finding, Report, check};
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::app::Shared;
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};

/// Threads of a run: reading and intake go on meanwhile.
const THREADS: usize = 1;
/// Most events of a folder that is verified while somebody waits: some seconds. More is for the command.
const MAX_EVENTS: u64 = 5_000_000;

/// The newest run, and the place for one.
#[derive(Debug)]
pub(crate) struct Verifying {
    last: Mutex<Option<Arc<Verified>>>,
    place: Semaphore,
}

impl Default for Verifying {
    fn default() -> Self {
        Self { last: Mutex::default(), place: Semaphore::new(1) }
    }
}

impl Verifying {
    /// What the newest run came to.
    pub(crate) fn last(&self) -> Option<Arc<Verified>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Verified {
    /// When it ended; nanoseconds since 1970.
    pub(crate) at_ns: i64,
    /// Events recomputed, of all organizations.
    pub(crate) events: u64,
    /// Signed checkpoints compared.
    pub(crate) checkpoints: u64,
    report: Report,
    folder: PathBuf,
}

impl Verified {
    /// What does not hold of an organization's log, and of what belongs to none: place and what.
    pub(crate) fn faults_of(&self, org: &str) -> Vec<(String, String)> {
        let own = |finding: &&Finding| {
            let owner = self.report.logs.iter().find(|log| Some(&log.origin) == finding.log.as_ref());
            owner.is_none_or(|log| log.name == org)
        };
        self.report.findings.iter().filter(own).map(|finding| self.told(finding)).collect()
    }

    fn told(&self, finding: &Finding) -> (String, String) {
        let file = finding.file.strip_prefix(&self.folder).unwrap_or(&finding.file).display();
        let event = finding.index.map(|index| format!(", event {index}")).unwrap_or_default();
        (format!("{file} at byte {}{event}", finding.offset), finding.what.clone())
    }
}

/// Verifies the folder and records that it was done, with the first fault.
pub(crate) async fn verify(app: &Shared, access: &Access, caller: &Caller) -> Result<(), Problem> {
    let _place = app.verifying.place.try_acquire().map_err(|_| {
        Problem::new(Code::InProgress, "the folder is being verified already; look again in a moment")
    })?;
    let stored: u64 = app.store.logs().iter().map(|log| log.size).sum();
    if stored > MAX_EVENTS {
        let detail = format!("the folder holds {stored} events; run indelible verify --data on it");
        return Err(Problem::new(Code::BudgetExceeded, detail));
    }
    let folder = app.data.clone();
    let dir = folder.clone();
    let report = crate::blocking(move || {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let options = CheckOptions { threads: THREADS, progress: &|_| {} };
        check(&disk, &dir, &options).map_err(|error| Problem::internal(&error))
    })
    .await?;
    let checkpoints = report.logs.iter().map(|log| log.checkpoints).sum();
    let (at_ns, events) = (app.clock.now_ns(), report.events);
    let verified = Arc::new(Verified { at_ns, events, checkpoints, report, folder });
    let act = Act::new("LOG.VERIFY").by(&access.principal).from(caller);
    let last = app.store.log(access.log).map_or(0, |log| log.size).saturating_sub(1);
    let act = act.param("first_index", 0_i64).param("last_index", i64::try_from(last).unwrap_or(i64::MAX));
    let fault = verified.faults_of(access.org.id.as_str()).into_iter().next();
    *app.verifying.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(verified);
    let act = match fault {
        Some((place, what)) => {
            let fault = format!("{place}: {what}");
            act.failed(&fault).param("fault", fault.as_str())
        }
        None => act,
    };
    app.record_and_wait(access.log, act).await
}
