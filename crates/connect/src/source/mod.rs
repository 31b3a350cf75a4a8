//! Sources: what listens, one folder or file each, and what all of them share: counting, and waiting for what was taken in
//! to be durable. A new one is a file, a variant of [`From`] and a row of [`From::KINDS`].

pub mod syslog;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::destination::Kind;
use crate::settings::settings;

/// Records that wait to be taken in: as much as a second of a busy source, and a bounded piece of memory.
const WAITING: usize = 4_096;
/// Records taken in at once.
const BATCH: usize = 512;
/// Reasons that are counted apart; what comes beyond is one more.
const MAX_REASONS: usize = 32;

/// Where events come from: the kind of source, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// A syslog listener.
    Syslog(syslog::Syslog),
}

/// Formats that a source may have: those that say everything in one record.
pub const FORMATS: [&str; 6] = ["native", "openkat", "minvws", "cloudtrail", "match", "syslog"];
/// Longest silence that can be asked to be told of: a month.
const MAX_QUIET_S: u64 = 31 * 86_400;

settings! {
    /// What is said of a source, whatever its kind.
    Source {
        /// The kind of source with its own settings, such as `{"syslog": {"listen": "0.0.0.0:6514"}}`.
        from: Option<From> = None,
        /// What records are: `native`, `openkat`, `minvws`, `cloudtrail`, `match` (JSON, told apart by the catalogs' match
        /// rules) or `syslog` (the same for the parts of the message).
        format: String = "match".to_owned(),
        /// The only catalog that is used; the format's own, or all, when empty.
        catalog: String = String::new(),
        /// Zone of times that carry none, an IANA name or an offset.
        zone: String = String::new(),
        /// Seconds without a record after which the source counts as gone quiet, which is an event; 0 for never.
        quiet_after_s: u64 = 0,
    }
}

impl Source {
    /// What it takes records from; refuses what cannot work, with a sentence.
    pub fn check(&self) -> Result<&From, String> {
        let from = self.from.as_ref().ok_or("say from where, such as {\"syslog\": {}}")?;
        if !FORMATS.contains(&self.format.as_str()) {
            return Err(format!("format {:?} must be one of {}", self.format, FORMATS.join(", ")));
        }
        if self.quiet_after_s > MAX_QUIET_S {
            return Err(format!("quiet_after_s must be at most {MAX_QUIET_S}"));
        }
        from.check().map(|()| from)
    }
}

/// What became of records that were taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Events that are in the log.
    pub stored: u64,
    /// Events that were there before.
    pub duplicate: u64,
    /// Events that are in the log and wait for a person.
    pub quarantined: u64,
    /// Records that a rule leaves out.
    pub skipped: u64,
    /// Records that are nowhere, each with its reason.
    pub refused: Vec<String>,
}

/// Where records go.
#[async_trait]
pub trait Intake: Send + Sync + 'static {
    /// Takes records in; what is stored is durable when this returns. An error says that nothing was stored, and how long
    /// to wait before they are offered again.
    async fn take(&self, records: &[Vec<u8>]) -> Result<Taken, Duration>;
    /// Nanoseconds since 1970.
    fn now_ns(&self) -> i64;
}

/// What a source has seen since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records received.
    pub received: u64,
    /// What became of them.
    pub stored: u64,
    /// See [`Taken`].
    pub duplicate: u64,
    /// See [`Taken`].
    pub quarantined: u64,
    /// See [`Taken`].
    pub skipped: u64,
    /// Refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// When something came last, nanoseconds since 1970.
    pub seen_ns: Option<i64>,
    /// Senders that are connected.
    pub connections: u64,
    /// Whether records wait because they cannot be stored now.
    pub waiting: bool,
}

/// The counts of a source, shared by its tasks and whoever looks.
pub type Counts = Arc<Mutex<Tally>>;

/// A source at work.
#[derive(Debug)]
pub struct Running {
    listeners: JoinSet<()>,
    taking: JoinHandle<()>,
    counts: Counts,
    address: SocketAddr,
}

impl From {
    /// Every kind.
    pub const KINDS: [Kind; 1] =
        [Kind { name: "syslog", about: syslog::Syslog::ABOUT, rows: syslog::Syslog::ROWS }];

    /// Name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Syslog(_) => "syslog",
        }
    }

    /// Where it listens, as it was told.
    pub fn place(&self) -> String {
        match self {
            Self::Syslog(syslog) => format!("{} {}", syslog.transport.word(), syslog.listen),
        }
    }

    /// Refuses what cannot work, with a sentence.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Syslog(syslog) => syslog.check(),
        }
    }

    /// Begins to listen. `whole` wants records as they came, not only what they carry.
    pub async fn start(&self, whole: bool, intake: Arc<dyn Intake>) -> Result<Running, String> {
        let counts = Counts::default();
        let (records, waiting) = mpsc::channel(WAITING);
        let sink = Sink { records, counts: Arc::clone(&counts), intake: Arc::clone(&intake) };
        let (listeners, address) = match self {
            Self::Syslog(syslog) => syslog::listen(syslog, whole, sink).await?,
        };
        let taking = tokio::spawn(take(waiting, Arc::clone(&counts), intake));
        Ok(Running { listeners, taking, counts, address })
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen.
    pub fn tally(&self) -> Tally {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops listening and waits until what was received is durable.
    pub async fn stop(mut self) {
        self.listeners.shutdown().await;
        // The listeners held the other end: taking ends when all is taken.
        if let Err(error) = self.taking.await {
            tracing::error!(%error, "what a source had received was not taken in");
        }
    }
}

/// Where a listener puts what it received.
#[derive(Clone)]
pub(crate) struct Sink {
    records: mpsc::Sender<Vec<u8>>,
    counts: Counts,
    intake: Arc<dyn Intake>,
}

impl Sink {
    /// Puts a record behind those that wait; waits while there are too many, so that its sender waits, too.
    pub(crate) async fn put(&self, record: Vec<u8>) {
        self.received();
        if self.records.send(record).await.is_err() {
            self.refuse("stopped");
        }
    }

    /// The same for a sender that cannot be made to wait: what finds no room is counted and lost.
    pub(crate) fn put_or_lose(&self, record: Vec<u8>) {
        self.received();
        if self.records.try_send(record).is_err() {
            self.refuse("overflow");
        }
    }

    /// Counts a record that cannot be taken.
    pub(crate) fn refuse(&self, reason: &str) {
        self.count(|tally| tally.refuse(reason));
    }

    /// A record came.
    pub(crate) fn received(&self) {
        let now = self.intake.now_ns();
        self.count(|tally| {
            tally.received += 1;
            tally.seen_ns = Some(now);
        });
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Tally {
    fn refuse(&mut self, reason: &str) {
        let known = self.refused.len() < MAX_REASONS || self.refused.contains_key(reason);
        *self.refused.entry(if known { reason } else { "other" }.to_owned()).or_default() += 1;
    }
}

/// Takes in what waits, in its order, until nobody can add more. Records are offered again until they are durable.
async fn take(mut waiting: mpsc::Receiver<Vec<u8>>, counts: Counts, intake: Arc<dyn Intake>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let taken = loop {
            match intake.take(&batch).await {
                Ok(taken) => break taken,
                Err(wait) => {
                    counts.lock().unwrap_or_else(PoisonError::into_inner).waiting = true;
                    tokio::time::sleep(wait).await;
                }
            }
        };
        batch.clear();
        let mut tally = counts.lock().unwrap_or_else(PoisonError::into_inner);
        tally.waiting = false;
        tally.stored += taken.stored;
        tally.duplicate += taken.duplicate;
        tally.quarantined += taken.quarantined;
        tally.skipped += taken.skipped;
        taken.refused.iter().for_each(|reason| tally.refuse(reason));
    }
}
