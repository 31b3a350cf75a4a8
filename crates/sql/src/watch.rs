//! What a statement is watched for while it runs: its time, at every step of every operator; that others have their turn; and
//! the memory of those operators that do not count it themselves.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::ChildrenPropertiesMode;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures_util::{Stream, StreamExt};
use indelible_search::Incomplete;

use crate::engine::Elapsed;
use crate::error::SqlError;

/// Aggregates that keep texts where they were read, and count only where that is.
const KEEPING: &[&str] = &["array_agg", "nth_value", "string_agg"];
/// Steps of an operator after which others have their turn.
const STEPS: u32 = 16;
/// Most rows that a join is given at once on its second side: between two looks at the clock it compares these with every
/// row of its first side.
const JOINED_ROWS: usize = 256;
/// Bytes that the functions which make text longer may make from one batch to the next. What operators keep of it counts as
/// their memory; what passes through them does not, and is bounded by this.
const MAX_GROWN_BYTES: usize = 64 << 20;

/// What all operators of one statement share.
pub(crate) struct Watch {
    pub(crate) elapsed: Elapsed,
    /// Longest time of the statement.
    pub(crate) time: Duration,
    grown: AtomicUsize,
    /// Events that cannot be read, because their files are damaged.
    lacking: Mutex<Vec<Incomplete>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("time", &self.time).finish_non_exhaustive()
    }
}

impl Watch {
    pub(crate) fn new(elapsed: Elapsed, time: Duration) -> Self {
        Self { elapsed, time, grown: AtomicUsize::new(0), lacking: Mutex::default() }
    }

    /// Fails when the time is over.
    pub(crate) fn in_time(&self) -> Result<(), SqlError> {
        if (self.elapsed)() < self.time {
            return Ok(());
        }
        Err(SqlError::Time { seconds: self.time.as_secs() })
    }

    /// Before a function makes so many bytes of text.
    pub(crate) fn grow(&self, bytes: usize) -> Result<(), SqlError> {
        let before = self.grown.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= MAX_GROWN_BYTES {
            return Ok(());
        }
        Err(SqlError::Text { mib: MAX_GROWN_BYTES >> 20 })
    }

    /// Events were left out.
    pub(crate) fn lacks(&self, events: Vec<Incomplete>) {
        let mut all = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        for events in events {
            if !all.contains(&events) {
                all.push(events);
            }
        }
    }

    /// All events that were left out so far.
    pub(crate) fn lacking(&self) -> Vec<Incomplete> {
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A batch was handed on.
    fn moved(&self) {
        self.grown.store(0, Ordering::Relaxed);
    }
}

/// The plan with every operator watched.
pub(crate) fn watched(plan: Arc<dyn ExecutionPlan>, watch: &Arc<Watch>) -> Result<Arc<dyn ExecutionPlan>> {
    let wrap =
        |input, how| Arc::new(Watched { input, watch: Arc::clone(watch), how }) as Arc<dyn ExecutionPlan>;
    let each = |node: Arc<dyn ExecutionPlan>| {
        let children: Vec<_> = node.children().into_iter().map(Arc::clone).collect();
        let keeps = keeps_its_input(&*node);
        let joins = node.name().ends_with("JoinExec");
        let new = match children.as_slice() {
            [input] if keeps => Some(vec![wrap(Arc::clone(input), How::Held)]),
            [first, second] if joins => Some(vec![Arc::clone(first), wrap(Arc::clone(second), How::Sliced)]),
            _ => None,
        };
        let node = match new {
            Some(new) => {
                node.replace_children(new, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))?
            }
            None => node,
        };
        Ok(Transformed::yes(wrap(node, How::Passed)))
    };
    plan.transform_up(each).map(|done| done.data)
}

/// Whether an operator keeps what it reads without counting it: windows all of it, some aggregates the texts.
fn keeps_its_input(node: &dyn ExecutionPlan) -> bool {
    let keeps = |aggregate: &Arc<AggregateFunctionExpr>| KEEPING.contains(&aggregate.fun().name());
    node.is::<WindowAggExec>()
        || node.is::<BoundedWindowAggExec>()
        || node.downcast_ref::<AggregateExec>().is_some_and(|node| node.aggr_expr().iter().any(keeps))
}

/// What the rows of a batch take by themselves, whatever larger batch they are a part of.
fn bytes_of(batch: &RecordBatch) -> Result<usize> {
    batch.columns().iter().try_fold(0_usize, |sum, column| {
        let texts = column.as_string_view_opt().map_or(0, |texts| texts.iter().flatten().map(str::len).sum());
        Ok(sum + texts + column.to_data().get_slice_memory_size()?)
    })
}

/// What happens to batches on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Passed,
    /// Whoever takes them keeps them all: they count as memory until the end.
    Held,
    /// In small pieces.
    Sliced,
}

/// An operator that is watched.
#[derive(Clone, Debug)]
struct Watched {
    input: Arc<dyn ExecutionPlan>,
    watch: Arc<Watch>,
    how: How,
}

impl DisplayAs for Watched {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watched: {:?}", self.how)
    }
}

impl ExecutionPlan for Watched {
    fn name(&self) -> &'static str {
        "Watched"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(Self { input, ..Self::clone(&self) })),
            None => Ok(self),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Arc::new(Self { input, ..Self::clone(&self) })),
            None => Ok(self),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let held =
            (self.how == How::Held).then(|| MemoryConsumer::new("windows").register(context.memory_pool()));
        Ok(Box::pin(Steps {
            input: self.input.execute(partition, context)?,
            watch: Arc::clone(&self.watch),
            held,
            rest: None,
            most: if self.how == How::Sliced { JOINED_ROWS } else { usize::MAX },
            polls: 0,
        }))
    }
}

/// The batches of an operator, one step after the other.
struct Steps {
    input: SendableRecordBatchStream,
    watch: Arc<Watch>,
    held: Option<MemoryReservation>,
    /// What is left of a batch that is handed on in pieces.
    rest: Option<RecordBatch>,
    most: usize,
    polls: u32,
}

impl Steps {
    fn piece(&mut self, batch: RecordBatch) -> RecordBatch {
        if batch.num_rows() <= self.most {
            return batch;
        }
        self.rest = Some(batch.slice(self.most, batch.num_rows() - self.most));
        batch.slice(0, self.most)
    }
}

impl Stream for Steps {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(over) = self.watch.in_time() {
            return Poll::Ready(Some(Err(over.into())));
        }
        self.polls += 1;
        if self.polls.is_multiple_of(STEPS) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let batch = match self.rest.take() {
            Some(rest) => Some(Ok(rest)),
            None => std::task::ready!(self.input.poll_next_unpin(context)),
        };
        let Some(Ok(batch)) = batch else { return Poll::Ready(batch) };
        self.watch.moved();
        if let Some(held) = &self.held {
            held.try_grow(bytes_of(&batch)?)?;
        }
        Poll::Ready(Some(Ok(self.piece(batch))))
    }
}

impl RecordBatchStream for Steps {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
