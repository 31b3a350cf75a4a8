//! How events become rows: one walk of the search through the log, on a thread of its own, into batches that are handed on
//! while it goes on. It ends when nobody takes them any more.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{SortOptions, filter_record_batch};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::sort_pushdown::SortOrderPushdownResult;
use datafusion::physical_plan::stream::{RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures_util::StreamExt;
use indelible_query::{Clock, Compiled, EventQuery, EventView, Expansion, Instant};
use indelible_search::{Budget, Log, Order, Request, SearchError, Searcher, Window};

use crate::batch::Rows;
use crate::columns::ColumnDef;
use crate::engine::EventLog;
use crate::error::SqlError;
use crate::watch::Watch;

/// Rows of a batch: what the engine's operators are made for.
const BATCH_ROWS: usize = 8192;
/// Rows of the first batch, doubled with each: who wants ten rows does not wait for thousands.
const FIRST_BATCH_ROWS: usize = 256;
/// Bytes of a batch after which it is handed on, so that large events do not pile up.
const BATCH_BYTES: usize = 4 << 20;
/// Most rows of a page, when events come in another order than the log's: enough that little is read twice, few enough to
/// hold in memory.
const PAGE_ROWS: usize = 5_000;
/// Batches on their way: one being worked on while the next is read.
const BATCHES_AHEAD: usize = 2;

/// What all scans of one statement share.
pub(crate) struct Reading {
    pub(crate) log: EventLog,
    pub(crate) clock: Clock,
    /// Events of the log when the statement began: every scan of it sees the same.
    pub(crate) at: u64,
    pub(crate) watch: Arc<Watch>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("at", &self.at).finish_non_exhaustive()
    }
}

/// One scan of the table.
#[derive(Clone, Debug)]
pub(crate) struct EventScan {
    reading: Arc<Reading>,
    query: EventQuery,
    /// What is read, of which the first so many columns are shown.
    columns: Arc<[&'static ColumnDef]>,
    shown: usize,
    read_schema: SchemaRef,
    /// What the query does not say exactly; all must hold.
    checks: Vec<Arc<dyn PhysicalExpr>>,
    order: Order,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
}

/// What is read of each event: the columns, of which the first so many are shown, and their schema.
pub(crate) struct Wanted {
    pub(crate) columns: Vec<&'static ColumnDef>,
    pub(crate) shown: usize,
    pub(crate) schema: SchemaRef,
}

impl EventScan {
    /// A scan in the order of the index; `checks` are conditions on the wanted columns.
    pub(crate) fn new(
        reading: Arc<Reading>,
        query: EventQuery,
        wanted: Wanted,
        checks: Vec<Arc<dyn PhysicalExpr>>,
        limit: Option<usize>,
    ) -> Self {
        let Wanted { columns, shown, schema } = wanted;
        let fields = schema.fields().iter().take(shown).cloned().collect::<Vec<_>>();
        let shown_schema = Arc::new(Schema::new(fields));
        let properties = properties(shown_schema, Order::IndexAscending);
        Self {
            reading,
            query,
            columns: columns.into(),
            shown,
            read_schema: schema,
            checks,
            order: Order::IndexAscending,
            limit,
            properties,
        }
    }

    fn in_order(&self, order: Order) -> Self {
        Self { order, properties: properties(self.schema(), order), ..self.clone() }
    }

    /// Reads until everything is read, enough is, or nobody wants more.
    fn read(&self, out: &Output, cancelled: &AtomicBool) -> Result<(), SqlError> {
        let query = Compiled::new(&self.query, &self.reading.clock, &Expansion::none());
        let request = Request {
            query: &query,
            window: Window::default(),
            order: self.order,
            at: Some(self.reading.at),
            now: Instant::from(self.reading.clock.now),
        };
        let watch = &self.reading.watch;
        let elapsed = || (watch.elapsed)();
        let budget = Budget::new(&elapsed, watch.time, u64::MAX, cancelled);
        let mut sink = Sink {
            scan: self,
            out,
            budget: &budget,
            rows: Rows::new(Arc::clone(&self.read_schema), &self.columns),
            enough: FIRST_BATCH_ROWS,
            left: self.limit.unwrap_or(usize::MAX),
            failed: None,
        };
        if sink.left == 0 {
            return Ok(());
        }
        let mut whole = Ok(true);
        (self.reading.log)(&mut |searcher, log| {
            whole = if self.order == Order::IndexAscending {
                searcher
                    .walk(log, &request, &budget, &mut |view, _| sink.push(view))
                    .map_err(|error| SqlError::Search(Arc::new(error)))
            } else {
                ordered(searcher, log, (&request, &budget), &mut sink)
            };
        });
        if cancelled.load(Ordering::Relaxed) {
            return Err(SqlError::Cancelled);
        }
        watch.lacks(budget.incomplete());
        if !whole? {
            return Err(SqlError::Time { seconds: watch.time.as_secs() });
        }
        sink.finish()
    }
}

type Output = tokio::sync::mpsc::Sender<Result<RecordBatch>>;

/// Walks in an order that is not the log's own, by pages; false when the budget ended first.
fn ordered(
    searcher: &Searcher,
    log: Log<'_>,
    (request, budget): (&Request<'_>, &Budget<'_>),
    sink: &mut Sink<'_>,
) -> Result<bool, SqlError> {
    let failed = |error| SqlError::Search(Arc::new(error));
    let first = if sink.scan.checks.is_empty() { sink.left } else { FIRST_BATCH_ROWS };
    let (mut rows, mut cursor) = (first.min(PAGE_ROWS), None);
    loop {
        let page = match searcher.page(log, request, (cursor.as_ref(), rows), budget) {
            Err(SearchError::BudgetExceeded) => return Ok(false),
            page => page.map_err(failed)?,
        };
        for hit in &page.items {
            if sink.push(&hit.view(log.scope)).is_break() {
                return Ok(true);
            }
        }
        if !page.complete {
            return Ok(false);
        }
        // In ascending orders there is always a cursor, for what will be recorded later.
        let Some(next) = page.next_cursor.filter(|_| !page.items.is_empty()) else { return Ok(true) };
        cursor = Some(searcher.open_cursor(log.scope, &next).map_err(failed)?);
        rows = (rows * 4).min(PAGE_ROWS);
    }
}

/// Collects rows and hands them on.
struct Sink<'a> {
    scan: &'a EventScan,
    out: &'a Output,
    budget: &'a Budget<'a>,
    rows: Rows,
    enough: usize,
    /// Rows that are still wanted.
    left: usize,
    failed: Option<SqlError>,
}

impl Sink<'_> {
    fn push(&mut self, view: &EventView<'_>) -> ControlFlow<()> {
        self.rows.push(view);
        let unchecked = self.scan.checks.is_empty() && self.rows.len() >= self.left;
        if unchecked || self.rows.len() >= self.enough || self.rows.bytes() >= BATCH_BYTES {
            self.enough = (self.enough * 2).min(BATCH_ROWS);
            return self.hand_on();
        }
        ControlFlow::Continue(())
    }

    /// Hands on what passes the checks; breaks when nothing more is wanted.
    fn hand_on(&mut self) -> ControlFlow<()> {
        if self.rows.len() == 0 {
            return ControlFlow::Continue(());
        }
        // Before the rows, because whoever takes them may want no more.
        self.scan.reading.watch.lacks(self.budget.incomplete());
        let batch = self.rows.take().map_err(datafusion::common::DataFusionError::from);
        let batch = batch
            .and_then(|batch| self.scan.checked(batch))
            .map(|batch| if batch.num_rows() > self.left { batch.slice(0, self.left) } else { batch });
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                // The error is the last thing that whoever reads gets to see.
                let _gone = self.out.blocking_send(Err(error));
                self.left = 0;
                return ControlFlow::Break(());
            }
        };
        self.left -= batch.num_rows();
        if batch.num_rows() > 0 && self.out.blocking_send(Ok(batch)).is_err() {
            self.failed = Some(SqlError::Cancelled);
            return ControlFlow::Break(());
        }
        if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn finish(mut self) -> Result<(), SqlError> {
        if self.left > 0 && self.failed.is_none() {
            let _last = self.hand_on();
        }
        self.failed.map_or(Ok(()), Err)
    }
}

impl EventScan {
    /// The rows for which all checks hold, and of them the columns that are shown.
    fn checked(&self, mut batch: RecordBatch) -> Result<RecordBatch> {
        for check in &self.checks {
            let holds = check.evaluate(&batch)?.into_array(batch.num_rows())?;
            let Some(holds) = holds.as_boolean_opt() else {
                return internal_err!("the condition {check} is neither true nor false");
            };
            batch = filter_record_batch(&batch, holds)?;
        }
        let shown: Vec<usize> = (0..self.shown).collect();
        Ok(batch.project(&shown)?)
    }
}

/// The orders that rows come in, as the engine sees them.
fn properties(schema: SchemaRef, order: Order) -> Arc<PlanProperties> {
    let (name, descending) = match order {
        Order::IndexAscending => ("index", false),
        Order::IndexDescending => ("index", true),
        Order::OccurredAscending => ("occurred_at", false),
        Order::OccurredDescending => ("occurred_at", true),
    };
    let sort = Column::new_with_schema(name, &schema).ok().map(|column| {
        let options = SortOptions { descending, nulls_first: descending };
        PhysicalSortExpr::new(Arc::new(column), options)
    });
    let orders = sort.map(|sort| vec![sort]);
    let equivalence = EquivalenceProperties::new_with_orderings(schema, orders);
    let one = Partitioning::UnknownPartitioning(1);
    let properties = PlanProperties::new(equivalence, one, EmissionType::Incremental, Boundedness::Bounded);
    Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative))
}

impl DisplayAs for EventScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventScan: query=[{}], order={}", self.query, self.order.as_str())?;
        if !self.checks.is_empty() {
            let checks: Vec<String> = self.checks.iter().map(ToString::to_string).collect();
            write!(f, ", check=[{}]", checks.join(" AND "))?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        write!(f, ", columns=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for EventScan {
    fn name(&self) -> &'static str {
        "EventScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for check in &self.checks {
            if f(check)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema(), BATCHES_AHEAD);
        let (scan, out, stop) = (self.clone(), builder.tx(), CancelOnDrop::default());
        let cancelled = Arc::clone(&stop.0);
        builder.spawn_blocking(move || match scan.read(&out, &cancelled) {
            // Nobody is there to be told.
            Err(SqlError::Cancelled) => Ok(()),
            other => other.map_err(Into::into),
        });
        let held = builder.build().inspect(move |_| {
            let _until_the_end = &stop;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), held)))
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let limit = match (self.limit, limit) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Some(Arc::new(Self { limit, ..self.clone() }))
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        let Some(order) = order_of(order).filter(|_| self.limit.is_none()) else {
            return Ok(SortOrderPushdownResult::Unsupported);
        };
        Ok(SortOrderPushdownResult::Exact { inner: Arc::new(self.in_order(order)) })
    }
}

/// The order of the search that sorts like this, if there is one. Neither column is ever null.
fn order_of(sort: &[PhysicalSortExpr]) -> Option<Order> {
    let [by] = sort else { return None };
    let column = by.expr.downcast_ref::<Column>()?;
    match (column.name(), by.options.descending) {
        ("occurred_at", true) => Some(Order::OccurredDescending),
        ("occurred_at", false) => Some(Order::OccurredAscending),
        ("index", true) => Some(Order::IndexDescending),
        ("index", false) => Some(Order::IndexAscending),
        _ => None,
    }
}

/// Tells the scan that nobody takes its rows any more.
#[derive(Debug, Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
