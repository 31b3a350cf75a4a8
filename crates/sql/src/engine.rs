//! Runs statements: plans them, lets them run within their limits on threads of their own, and hands on the rows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionStateDefaults};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use futures_util::StreamExt;
use indelible_query::{Clock, EventQuery, FieldRef, FieldTerm, Node, Scalar, Test};
use indelible_search::{Log, SearchError, Searcher};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Sender;

use crate::answer::{AbortOnDrop, Answer, End, Part, Rows, columns_of};
use crate::error::SqlError;
use crate::longer::{self, JoinPlanner};
use crate::scan::Reading;
use crate::table::EventTable;
use crate::watch::{Watch, watched};
use crate::{member, statement};

/// Threads that statements are worked on: one that is stuck in arithmetic does not stop another.
const THREADS: usize = 2;
/// Stack of such a thread; only what is used becomes memory. A chain of operators as long as a text may be has to fit.
const STACK_BYTES: usize = 256 << 20;
/// Threads that walk through logs: as many as some statements of the largest number of tables have walks.
const READERS: usize = 128;
/// Parts of an answer on their way to whoever asked.
const PARTS_AHEAD: usize = 2;

/// The one log that a statement may read: calls back with the searcher and the log, before it returns.
pub type EventLog = Arc<dyn Fn(&mut dyn FnMut(&Searcher, Log<'_>)) + Send + Sync>;

/// Time since a statement began.
pub(crate) type Elapsed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What one statement may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From its arrival to its last row.
    pub time: Duration,
    /// Bytes that sorting, grouping and joining may hold.
    pub memory: usize,
    /// Bytes of the text. A chain of operators nests as deep as it has operators, and each level takes stack: 16 KiB fit
    /// the stack that statements are planned on.
    pub text: usize,
}

/// A statement and what it is asked of.
#[derive(Clone)]
pub struct Asked {
    /// The text.
    pub sql: String,
    /// Most rows that are answered.
    pub rows: usize,
    /// The log that it reads.
    pub log: EventLog,
    /// What every row satisfies, by the caller's rights.
    pub scope: EventQuery,
    /// The present.
    pub clock: Clock,
    /// Time since the request began.
    pub elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("sql", &self.sql).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// Runs statements. One per process: it owns the threads.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    /// Empty only while it is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A statement may still be running; waiting for it could be waiting in a place where nobody may.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    /// An engine whose statements may take so much each. Fails when no thread can be had.
    pub fn new(limits: Limits) -> Result<Self, SqlError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(READERS)
            .thread_name("sql")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()
            .map_err(|error| SqlError::Internal(format!("cannot start threads: {error}")))?;
        Ok(Self { limits, runtime: Some(runtime) })
    }

    /// Runs a statement until its columns are known. Rows come as they are taken.
    pub async fn run(&self, asked: Asked) -> Result<Answer, SqlError> {
        let Some(runtime) = &self.runtime else { return Err(SqlError::Cancelled) };
        let (send, mut rows) = tokio::sync::mpsc::channel(PARTS_AHEAD);
        let limits = self.limits;
        let task = AbortOnDrop(runtime.spawn(async move {
            let left = limits.time.saturating_sub((asked.elapsed)());
            let watch = Arc::new(Watch::new(Arc::clone(&asked.elapsed), limits.time));
            let done = tokio::time::timeout(left, answer(asked, limits, (&watch, &send))).await;
            let end = match done {
                Ok(Ok(all)) => Ok(Part::End(End { all, lacking: watch.lacking() })),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(SqlError::Time { seconds: limits.time.as_secs() }),
            };
            // Whoever asked may be gone.
            let _gone = send.send(end).await;
        }));
        match rows.recv().await {
            Some(Ok(Part::Columns(columns))) => Ok(Answer { columns, rows, _task: task, end: None }),
            Some(Err(error)) => Err(error),
            _ => Err(SqlError::Internal("the statement ended without an answer".to_owned())),
        }
    }
}

type Parts = Sender<Result<Part, SqlError>>;

/// Answers whether there were no more rows than were asked for.
async fn answer(
    asked: Asked,
    limits: Limits,
    (watch, send): (&Arc<Watch>, &Parts),
) -> Result<bool, SqlError> {
    let of = |error: DataFusionError| SqlError::of(&error, limits.memory);
    let mut left = asked.rows;
    let mut stream = start(asked, limits, watch).await?;
    let gone = |_| SqlError::Cancelled;
    send.send(Ok(Part::Columns(columns_of(&stream.schema())))).await.map_err(gone)?;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(of)?;
        let more = batch.num_rows() > left;
        let batch = if more { batch.slice(0, left) } else { batch };
        left -= batch.num_rows();
        if batch.num_rows() > 0 {
            send.send(Ok(Part::Rows(Rows::new(&batch)?))).await.map_err(gone)?;
        }
        if more {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn start(
    asked: Asked,
    limits: Limits,
    watch: &Arc<Watch>,
) -> Result<SendableRecordBatchStream, SqlError> {
    let of = |error: DataFusionError| SqlError::of(&error, limits.memory);
    let parsed = statement::parse(&asked.sql, limits.text)?;
    let session = session(asked, limits, watch)?;
    let plan = session.state().statement_to_plan(parsed).await.map_err(of)?;
    let reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reads.verify_plan(&plan).map_err(|error| {
        let what = error.message().into_owned();
        SqlError::NotAllowed(what.rsplit(": ").next().unwrap_or_default().to_ascii_lowercase())
    })?;
    let frame = session.execute_logical_plan(plan).await.map_err(of)?;
    let context = session.task_ctx();
    let plan = watched(frame.create_physical_plan().await.map_err(of)?, watch).map_err(of)?;
    execute_stream(plan, context).map_err(of)
}

/// A session that knows the tables of one log, functions that compute, and nothing that reaches out.
fn session(asked: Asked, limits: Limits, watch: &Arc<Watch>) -> Result<SessionContext, SqlError> {
    let of = |error: DataFusionError| SqlError::of(&error, limits.memory);
    let no_files = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
        .with_disk_manager_builder(no_files)
        .build_arc()
        .map_err(of)?;
    let config = SessionConfig::new().with_target_partitions(1).with_information_schema(true);
    let mut functions = longer::functions(watch);
    functions.push(Arc::new(member::function()));
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(JoinPlanner(Arc::clone(watch)))];
    planners.extend(SessionStateDefaults::default_expr_planners());
    // No file formats, no factories of tables and no functions that make tables.
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment)
        .with_expr_planners(planners)
        .with_scalar_functions(functions)
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .build();
    let session = SessionContext::new_with_state(state);
    let at = size(&asked.log)?;
    let Asked { log, scope, clock, .. } = asked;
    let reading = Arc::new(Reading { log, clock, at, watch: Arc::clone(watch) });
    for (name, quarantined) in [("events", false), ("quarantined_events", true)] {
        let table = EventTable::new(Arc::clone(&reading), scope.clone().and(set_apart(quarantined)));
        session.register_table(name, Arc::new(table)).map_err(of)?;
    }
    Ok(session)
}

/// The events that were set apart, or all others.
fn set_apart(are: bool) -> EventQuery {
    let Some(field) = FieldRef::named("state") else { return EventQuery::default() };
    let tests = vec![Test::Is(Scalar::Text("quarantined".to_owned()))];
    let node = Node::Field(FieldTerm { field, tests });
    EventQuery::new(if are { node } else { Node::not(node) })
}

fn size(log: &EventLog) -> Result<u64, SqlError> {
    let mut size: Result<u64, SearchError> = Ok(0);
    log(&mut |_, log| size = log.records.size(log.scope.log));
    size.map_err(|error| SqlError::Search(Arc::new(error)))
}
