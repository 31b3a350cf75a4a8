//! A log in memory and statements that are asked of it.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use indelible_event::{Event, EventId, LEAF_BYTES, Leaf, SubjectKey, seal};
use indelible_query::{Clock, EventQuery};
use indelible_search::{CursorKey, Log, Record, Records, Scope, SearchError, Searcher};
use indelible_sql::{Answer, Asked, Cell, Engine, Limits, Rows, SqlError};
use indelible_store::log_no::LogNo;

/// When the first event was received; one more each second.
pub(crate) const RECEIVED_S: i64 = 1_790_000_000;
pub(crate) const LIMITS: Limits = Limits { time: Duration::from_mins(1), memory: 64 << 20, text: 16 * 1024 };

/// One engine for all tests: each has threads of its own.
pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(LIMITS).unwrap());

/// Events of one organization.
pub(crate) struct Memory {
    rows: Vec<([u8; LEAF_BYTES], Vec<u8>)>,
    searcher: Searcher,
    scope: Scope,
    /// Records that were read.
    pub(crate) read: AtomicU64,
}

pub(crate) fn id(index: u64) -> EventId {
    EventId::from_parts(RECEIVED_S.unsigned_abs() * 1000 + index, u128::from(index) * 7919)
}

impl Memory {
    pub(crate) fn new(events: &[Event]) -> Arc<Self> {
        let row = |(index, event): (usize, &Event)| {
            let id = id(index as u64);
            let sealed = seal(event, id, &[7; 16], |_| SubjectKey::new([1; 16], &[2; 32])).unwrap();
            let leaf = Leaf {
                flags: 0,
                type_tag: 0,
                received_ns: (RECEIVED_S.unsigned_abs() + index as u64) * 1_000_000_000,
                id,
                producer: 1,
                sequence: index as u64 + 1,
                body: sealed.body,
            };
            (leaf.encode(), sealed.stored)
        };
        Arc::new(Self {
            rows: events.iter().enumerate().map(row).collect(),
            searcher: Searcher::new(CursorKey::new([5; 32]), 2),
            scope: Scope { organization: "acme".into(), log: LogNo(3) },
            read: AtomicU64::new(0),
        })
    }

    /// A statement over this log, of at most so many rows.
    pub(crate) fn asked(self: &Arc<Self>, sql: &str, rows: usize) -> Asked {
        let memory = Arc::clone(self);
        Asked {
            sql: sql.to_owned(),
            rows,
            log: Arc::new(move |read| {
                read(&memory.searcher, Log { records: &*memory, scope: &memory.scope });
            }),
            scope: EventQuery::default(),
            clock: Clock {
                now: jiff::Timestamp::from_second(RECEIVED_S).unwrap(),
                zone: jiff::tz::TimeZone::UTC,
            },
            elapsed: Arc::new(|| Duration::ZERO),
        }
    }

    /// All rows of a statement, as texts.
    pub(crate) fn ask(self: &Arc<Self>, sql: &str) -> Result<Vec<Vec<String>>, SqlError> {
        run(&ENGINE, self.asked(sql, usize::MAX)).map(|found| found.rows)
    }

    /// The rows of a statement that is right, the cells with `|` between.
    #[track_caller]
    pub(crate) fn lines(self: &Arc<Self>, sql: &str) -> Vec<String> {
        let rows = self.ask(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.join("|")).collect()
    }

    /// The indexes that a condition holds for.
    #[track_caller]
    pub(crate) fn indexes(self: &Arc<Self>, condition: &str) -> BTreeSet<u64> {
        let sql = format!("select \"index\" from events where {condition}");
        self.lines(&sql).iter().map(|line| line.parse().unwrap()).collect()
    }
}

impl Records for Memory {
    fn size(&self, _: LogNo) -> Result<u64, SearchError> {
        Ok(self.rows.len() as u64)
    }

    fn visit(
        &self,
        _: LogNo,
        range: Range<u64>,
        descending: bool,
        f: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), SearchError> {
        let mut indexes: Vec<u64> = range.collect();
        if descending {
            indexes.reverse();
        }
        for index in indexes {
            self.read.fetch_add(1, Ordering::Relaxed);
            let (leaf, stored) = &self.rows[index as usize];
            if f(Record { index, leaf, stored }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) complete: bool,
}

/// Runs `work` to its end.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

pub(crate) fn run(engine: &Engine, asked: Asked) -> Result<Found, SqlError> {
    wait(async {
        let answer = engine.run(asked).await?;
        collect(answer).await
    })
}

async fn collect(mut answer: Answer) -> Result<Found, SqlError> {
    let columns: Vec<String> =
        answer.columns().iter().map(|column| format!("{}:{}", column.name, column.kind.as_str())).collect();
    let mut rows = Vec::new();
    while let Some(some) = answer.next().await? {
        rows.extend((0..some.len()).map(|row| texts(&some, row, columns.len())));
    }
    Ok(Found { columns, rows, complete: answer.is_complete() })
}

fn texts(rows: &Rows, row: usize, width: usize) -> Vec<String> {
    let text = |column| match rows.cell(row, column) {
        Cell::Null => "∅".to_owned(),
        Cell::Text(text) => text.to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Shown(text) => text,
        Cell::Boolean(value) => value.to_string(),
        Cell::Time(nanos) => jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap().to_string(),
    };
    (0..width).map(text).collect()
}
